"""Running the mobile network: as a program of its own, or inside a test's or a demo's event loop."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial

import uvicorn
from fastapi import FastAPI

from mobile_gateway.gateway import SERVICES, create_app
from mobile_gateway.network import Network
from mobile_gateway.settings import GatewaySettings
from mobile_gateway.smsc.service import answering

SHUTDOWN_SECONDS_MAX = 5
BACKLOG_MAX = 2048
SWITCH_SECONDS = 0.001
"""The loop and the thread of the disk hand over to one another quickly, so that answers do not wait for deliveries."""


class GatewayDidNotStart(Exception):
    """The reason stands in the log above it."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a running gateway is found; with port 0 in the settings this is how the port becomes known."""

    base_url: str
    """Of its HTTP, such as http://127.0.0.1:8090."""
    smpp_host: str
    smpp_port: int

    @property
    def smpp_address(self) -> str:
        """Such as 127.0.0.1:2775."""
        return _address(self.smpp_host, self.smpp_port)


def run(settings: GatewaySettings) -> None:
    """Serve until SIGINT or SIGTERM; says on standard output where. Raises GatewayDidNotStart, OSError."""
    sys.setswitchinterval(SWITCH_SECONDS)
    with _listening(settings) as (http, smpp, places):

        def ready() -> None:
            sys.stdout.write(f"mobile gateway: {places.base_url}\nsmpp: {places.smpp_address}\n")
            sys.stdout.flush()

        _Server(_app(settings, smpp), ready).run(sockets=[http])


@asynccontextmanager
async def serving(settings: GatewaySettings) -> AsyncIterator[Places]:
    """Serve inside this event loop for as long as the block lasts; gives where.

    Leaves the process's signals alone. Raises GatewayDidNotStart, OSError.
    """
    with _listening(settings) as (http, smpp, places):
        up = asyncio.Event()
        server = _Embedded(_app(settings, smpp), up.set)
        task = asyncio.create_task(server.serve(sockets=[http]))
        waiting = asyncio.create_task(up.wait())
        try:
            await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                await task  # raises what kept it from starting
            yield places
        finally:
            waiting.cancel()
            server.should_exit = True
            await task


def _app(settings: GatewaySettings, smpp: socket.socket) -> FastAPI:
    """The gateway with its message centre; the latter says goodbye before the network stops."""
    return create_app(settings, services=(*SERVICES, partial(answering, listener=smpp)))


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
def _listening(settings: GatewaySettings) -> Iterator[tuple[socket.socket, socket.socket, Places]]:
    """The bound sockets of HTTP and SMPP, and where they are. Raises OSError."""
    with _bound(settings.host, settings.port) as http, _bound(settings.host, settings.smpp_port) as smpp:
        host, http_port = http.getsockname()[:2]
        _, smpp_port = smpp.getsockname()[:2]
        yield http, smpp, Places(f"http://{_address(host, http_port)}", host, smpp_port)


@contextmanager
def _bound(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as fault:
            raise OSError(f"Port {port} on {host} cannot be used ({fault.strerror}). Name another one.") from fault
        listener.listen(BACKLOG_MAX)
        listener.setblocking(False)
        yield listener


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
