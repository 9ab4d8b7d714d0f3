"""The message centre's door: who may come in, how many, and what happens when it closes."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from pydantic import SecretStr

from mobile_gateway.network import Clock, Network
from mobile_gateway.smpp_limits import PASSWORD_LETTERS_MAX, Callee, Limits
from mobile_gateway.smsc.connection import Connection
from mobile_gateway.smsc.outbinding import Outbinding
from mobile_gateway.smsc.submitting import House
from mobile_gateway.wire.smpp import Outbind

log = logging.getLogger(__name__)

GOODBYE_SECONDS = 2.0
BACKLOG_MAX = 256
UNSENT_OCTETS_MAX = 256 * 1024


class Smsc:
    """One listening message centre."""

    def __init__(
        self,
        network: Network,
        *,
        accounts: Mapping[str, SecretStr],
        house: House,
        now: Clock,
        limits: Limits | None = None,
        outbinds: Mapping[str, Callee] | None = None,
    ) -> None:
        self.network = network
        self.house = house
        self.now = now
        self.limits = limits or Limits()
        self.passwords = {name: password.get_secret_value() for name, password in accounts.items()}
        self._connections: dict[Connection, None] = {}
        self._outbinds = outbinds or {}
        self._closing = False
        for name, password in self.passwords.items():
            if len(password.encode()) > PASSWORD_LETTERS_MAX:
                log.warning(
                    "account %s cannot bind over SMPP: a password there has at most %d letters",
                    name,
                    PASSWORD_LETTERS_MAX,
                )

    @asynccontextmanager
    async def serving(self, listener: socket.socket) -> AsyncIterator[None]:
        """Take connections on this bound socket for as long as the block lasts."""
        # Each connection inherits it: a peer that reads nothing must not fill the kernel's memory either.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNSENT_OCTETS_MAX)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(self), sock=listener, backlog=BACKLOG_MAX)
        calling = [asyncio.create_task(Outbinding(self, *callee).run()) for callee in self._outbinds.items()]
        try:
            yield
        finally:
            self._closing = True
            for task in calling:
                task.cancel()
            await asyncio.gather(*calling, return_exceptions=True)
            server.close()
            await self._say_goodbye()

    async def outbind(self, host: str, port: int, *, password: str) -> Connection:
        """Ask the account's server at this address to bind as receiver (section 2.2.1); raises OSError."""
        asking = Outbind(system_id=self.limits.system_id, password=password)
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: Connection(self, outbind=asking), host, port)
        return connection

    async def _say_goodbye(self) -> None:
        connections = list(self._connections)
        for connection in connections:
            connection.unbind()
        if connections:
            await asyncio.wait([connection.closed for connection in connections], timeout=GOODBYE_SECONDS)
        for connection in list(self._connections):
            connection.drop()

    # --- who is here --------------------------------------------------------------------------------------------------

    def admit(self, connection: Connection) -> bool:
        """Whether one more may come in; half-open connections never keep out a peer that means to bind."""
        if self._closing:
            return False
        unbound = [one for one in self._connections if not one.is_bound]
        if unbound and (
            len(unbound) >= self.limits.unbound_max or len(self._connections) >= self.limits.connections_max
        ):
            unbound[0].drop()
            self._connections.pop(unbound[0], None)
        if len(self._connections) >= self.limits.connections_max:
            log.warning("%d SMPP sessions are open; one more is turned away", len(self._connections))
            return False
        self._connections[connection] = None
        return True

    def forget(self, connection: Connection) -> None:
        self._connections.pop(connection, None)

    @property
    def connections(self) -> int:
        """How many connections are open, bound or not."""
        return len(self._connections)

    def binds_of(self, account: str) -> int:
        """How many sessions the account has bound."""
        return sum(1 for one in self._connections if one.account == account)
