"""Running the mobile network: as a program of its own, or inside a test's or a demo's event loop."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from fastapi import FastAPI

from mobile_gateway.api import create_app
from mobile_gateway.network import Network
from mobile_gateway.settings import GatewaySettings

SHUTDOWN_SECONDS_MAX = 5
BACKLOG_MAX = 2048


class GatewayDidNotStart(Exception):
    """The reason stands in the log above it."""


def run(settings: GatewaySettings) -> None:
    """Serve until SIGINT or SIGTERM; says on standard output where. Raises GatewayDidNotStart, OSError."""
    with _listening(settings) as (listener, base_url):
        app = create_app(settings)

        def ready() -> None:
            sys.stdout.write(f"mobile gateway: {base_url}\n")
            sys.stdout.flush()

        _Server(app, ready).run(sockets=[listener])


@asynccontextmanager
async def serving(settings: GatewaySettings, *, app: FastAPI | None = None) -> AsyncIterator[str]:
    """Serve inside this event loop for as long as the block lasts; gives the base URL, such as http://127.0.0.1:8090.

    Leaves the process's signals alone. Raises GatewayDidNotStart, OSError.
    """
    with _listening(settings) as (listener, base_url):
        up = asyncio.Event()
        server = _Embedded(app or create_app(settings), up.set)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        waiting = asyncio.create_task(up.wait())
        try:
            await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                await task  # raises what kept it from starting
            yield base_url
        finally:
            waiting.cancel()
            server.should_exit = True
            await task


class _Server(uvicorn.Server):
    """Says when it is ready, and lets go of open event streams when it stops."""

    def __init__(self, app: FastAPI, ready: Callable[[], None]) -> None:
        config = uvicorn.Config(
            app,
            ws="none",
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS_MAX,
        )
        super().__init__(config)
        self._app = app
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets=sockets)
        except SystemExit:
            raise GatewayDidNotStart("the mobile gateway did not start; the log says why") from None
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        network = self._app.state.network
        assert isinstance(network, Network)
        network.hub.close()
        await super().shutdown(sockets=sockets)


class _Embedded(_Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to whoever owns the process."""
        yield


@contextmanager
def _listening(settings: GatewaySettings) -> Iterator[tuple[socket.socket, str]]:
    """A bound socket and its address; with port 0 this is where the port becomes known."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG_MAX)
        listener.setblocking(False)
        host, port = listener.getsockname()[:2]
        yield listener, f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
