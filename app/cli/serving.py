"""An ASGI application on a socket of its own, inside this event loop or as the whole program."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, TypeVar

import uvicorn
import uvloop
from fastapi import FastAPI

from app.settings import Settings
from app.store.migrate import require_newest
from app.wiring import world as build_world
from app.world import World

T = TypeVar("T")

BACKLOG = 2_048
SHUTDOWN_SECONDS = 5
YOUNG_OBJECTS = 10_000
"""How many new objects the collector of reference cycles waits for; Python's own 700 are few for a server."""


@contextlib.asynccontextmanager
async def house(settings: Settings) -> AsyncIterator[World]:
    """A world on a database that has the schema this program needs; raises SchemaOutdated."""
    async with build_world(settings) as world:
        await require_newest(world.database.engine)
        yield world


class DidNotStart(OSError):
    """The server ended before it served; its log says why."""


class _Guest(uvicorn.Server):
    """A server inside somebody else's loop: signals are its host's affair."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; raises OSError with a sentence when the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as fault:
        listener.close()
        raise OSError(f"Port {port} on {host} cannot be used ({fault.strerror}). Name another one.") from fault
    listener.listen(BACKLOG)
    return listener


def config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # nobody's address is believed because a header says so
        lifespan="on",
        timeout_keep_alive=30,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


@contextlib.asynccontextmanager
async def serving(app: FastAPI, listener: socket.socket) -> AsyncIterator[None]:
    """Serve for as long as the block lasts; raises DidNotStart."""
    server = _Guest(config(app))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if task.done():
                await task
                raise DidNotStart("The server ended before it served; its log says why.")
            await asyncio.sleep(0.01)
        settle()
        yield
    finally:
        server.should_exit = True
        await task


def settle() -> None:
    """Leave what a program is made of to itself; called once it is built, before it works.

    The collector of reference cycles would look at all of it now and then, at 300,000 objects, while every request
    waits. So it looks only at what is made from now on.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])


def stop_signal() -> asyncio.Event:
    """Set by SIGINT or SIGTERM, so that a program can put its house in order before it ends."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def run(program: Coroutine[Any, Any, T]) -> T:
    """Run a program's coroutine on the fastest event loop there is."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(program)
