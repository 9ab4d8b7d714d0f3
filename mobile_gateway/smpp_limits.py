"""What a message centre puts up with, and whose servers it calls by itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import SecretStr

from mobile_gateway.wire.smpp import Timers
from mobile_gateway.wire.smpp.pdus import PASSWORD_SIZE_MAX

PASSWORD_LETTERS_MAX = PASSWORD_SIZE_MAX - 1


@dataclass(frozen=True, slots=True)
class Limits:
    """What one message centre puts up with."""

    system_id: str = "cyberticket"
    """Its own name, told to whoever binds."""
    window: int = 10
    """How many deliver_sm may wait for their answers on one session."""
    connections_max: int = 200
    unbound_max: int = 50
    """How many may be connected without having bound; the one that waits longest makes room for the next."""
    binds_max: int = 50
    """How many sessions one account may have at once."""
    stuck_seconds: float = 30.0
    """How long a peer may leave our octets unread."""
    outbind_retry_seconds: Sequence[float] = (1, 5, 15, 60)
    """How long to wait before a server that did not bind is asked again; the last step repeats."""
    timers: Timers = field(default_factory=Timers)


@dataclass(frozen=True, slots=True)
class Callee:
    """The server of an account that is asked to bind (outbind) when the account is owed something and is not here."""

    host: str
    port: int
    password: SecretStr
    """Ours, by which that server knows us: not the account's own."""


_CALLEE = re.compile(
    r"(?P<account>[A-Za-z0-9_.-]{1,15}):(?P<password>[!-~]{1,8})"
    r"@(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(?P<port>[0-9]{1,5})"
)
PORT_MAX = 65_535


def callee(text: str) -> tuple[str, Callee]:
    """The account and its server as settings write them, `SYSTEM_ID:PASSWORD@HOST:PORT`; raises ValueError."""
    found = _CALLEE.fullmatch(text)
    if found is None or not 1 <= int(found["port"]) <= PORT_MAX:
        # What was written holds a password: it is not repeated here.
        raise ValueError(
            f"write outbinds as SYSTEM_ID:PASSWORD@HOST:PORT, the password of at most {PASSWORD_LETTERS_MAX} letters"
        )
    return found["account"], Callee(found["host"].strip("[]"), int(found["port"]), SecretStr(found["password"]))
