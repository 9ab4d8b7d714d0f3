"""What runs beside the HTTP faces, and what each of these is given: the message centre, the pumps of the push proxy."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from mobile_gateway.disk.store import Store
from mobile_gateway.network import Clock, Network
from mobile_gateway.settings import GatewaySettings


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Gateway:
    """What whoever serves the network beside HTTP is given: `app.state.gateway`, once the lifespan began."""

    settings: GatewaySettings
    network: Network
    store: Store
    http: httpx.AsyncClient
    now: Clock
    new_id: Callable[[datetime], str]


Service = Callable[[Gateway], AbstractAsyncContextManager[object]]
"""Something that runs as long as the network does: a further server, a pump of its own."""
