"""Running the network: alone as a program, or inside another event loop for a demo or a test."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.payments.sandbox.network import create_network
from app.payments.sandbox.settings import NetworkSettings
from app.payments.sandbox.till import Chance
from app.payments.sandbox.weather import DROP
from app.ports import Clock

KEEP_ALIVE_SECONDS = 30
SHUTDOWN_SECONDS = 5
POLL_SECONDS = 0.01
CONNECTIONS_WAITING_MAX = 1_024

log = logging.getLogger(__name__)


class NetworkDidNotStart(Exception):
    """The server ended before it served; its log says why."""


class _Guest(uvicorn.Server):
    """A server inside somebody else's loop: signals are its host's affair."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Cuttable(HttpToolsProtocol):
    """HTTP whose connection the application may cut without an answer: a scripted fault does."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {DROP: {"cut": self.transport.abort}}


@asynccontextmanager
async def serving(
    settings: NetworkSettings, *, clock: Clock | None = None, chance: Chance | None = None
) -> AsyncIterator[str]:
    """Serve in this event loop and give the base URL, such as http://127.0.0.1:43117; port 0 takes any free port."""
    with _listen(settings) as listener:
        server = _Guest(_config(settings, clock=clock, chance=chance))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started:
                if task.done():
                    await task
                    raise NetworkDidNotStart("the payment network ended before it served; see its log for the cause")
                await asyncio.sleep(POLL_SECONDS)
            yield _address(settings, listener)
        finally:
            server.should_exit = True
            await task


def run(settings: NetworkSettings) -> None:
    """Serve until SIGINT or SIGTERM. One process: the keys being worked on are known to it alone."""
    with _listen(settings) as listener:
        log.info("the payment network listens on %s", _address(settings, listener))
        uvicorn.Server(_config(settings)).run(sockets=[listener])


def _config(settings: NetworkSettings, *, clock: Clock | None = None, chance: Chance | None = None) -> uvicorn.Config:
    return uvicorn.Config(
        create_network(settings, clock=clock, chance=chance),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        lifespan="on",
        server_header=False,
        http=_Cuttable,
        limit_concurrency=settings.connections_max,
        backlog=CONNECTIONS_WAITING_MAX,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


def _address(settings: NetworkSettings, listener: socket.socket) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{listener.getsockname()[1]}"


def _listen(settings: NetworkSettings) -> socket.socket:
    """A listening socket. asyncio turns Nagle's delay (40 ms an answer) off only where the protocol is named as TCP."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(CONNECTIONS_WAITING_MAX)  # whoever reads the address may come at once, and waits to be served
    except OSError:
        listener.close()
        raise
    return listener
