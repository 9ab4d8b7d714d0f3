"""The message centre beside the gateway's HTTP: opened on a bound socket, closed before the network stops."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mobile_gateway.services import Gateway
from mobile_gateway.smsc.server import Smsc
from mobile_gateway.smsc.submitting import House


@asynccontextmanager
async def answering(gateway: Gateway, listener: socket.socket) -> AsyncIterator[Smsc]:
    """Take SMPP sessions on this bound socket for as long as the block lasts."""
    settings = gateway.settings
    smsc = Smsc(
        gateway.network,
        accounts=settings.accounts,
        house=House(sender=settings.sender, country_code=settings.country_code),
        now=gateway.now,
        limits=settings.smpp_limits(),
        outbinds=settings.smpp_outbinds,
    )
    async with smsc.serving(listener):
        yield smsc
