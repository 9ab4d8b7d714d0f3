"""What a flow is given: the database, time, chance, and the ways out of the house."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network
from uuid import UUID

from app.domain.snapshot.edition import Edition
from app.keys import KeyRing
from app.memory import Memory
from app.ports import Channel, Clock, Entropy, Issuer, PaymentProvider
from app.store.database import Database, Tx
from app.trust import Sellers


@dataclass(frozen=True, slots=True)
class House:
    """What the operator decided: keys, addresses, and how long things may take."""

    keys: KeyRing
    public_url: str
    """Where handsets and browsers reach us, without a slash at the end."""
    hold_seconds: int = 600
    hold_grace_seconds: int = 90
    """How much longer than the buyer sees the places stay theirs, so that a payment begun in time can end."""
    challenge_seconds: int = 900
    """How long a buyer whose bank wants to see the buyer (3-D Secure) has for that; the places are kept meanwhile."""
    answer_seconds: float = 12.0
    """How long a buyer waits for a payment network before being told that the payment is being confirmed."""
    silent_seconds: int = 60
    """How long a request that does not end is left alone, before it is taken for dead and its payment looked up."""
    resends_per_hour_max: int = 3
    gifts_per_hour_max: int = 5
    """How many tickets one handset may give away within an hour: each costs a message to a stranger."""
    codes_per_asker_hour_max: int = 60
    """How many one-time codes are sent within an hour because one address asks for them."""
    code_prefixes: tuple[str, ...] = ()
    """How the numbers begin that one-time codes may be sent to; none named: all."""
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Reverse proxies in front of us, whose word on where a request comes from is taken."""
    heard_per_hour_max: int = 30
    """How many messages of one handset are read within an hour."""
    short_code: str = ""
    """The number that handsets write to; empty where none is known."""
    deliver_attempts_max: int = 12
    rung_attempts_max: int = 3
    """How often a channel may be out of reach before a message goes by the next one of its ladder."""
    defend_disputes: bool = True
    """Whether a bank is answered with what became of the tickets, without anybody being asked."""
    demo: bool = False
    sells: bool = True
    """Whether this server has the role of the sales server."""
    issues: bool = True
    """Whether it has that of the issuer's; it may have both."""
    name: str = "sales"
    """What other servers know us by."""
    sellers: Sellers = field(default_factory=Sellers)
    """The sales servers that may sell for the issuers that are served here."""
    editions: dict[bytes, Edition] = field(default_factory=dict)
    """Rows of gates' snapshots as this process has sealed them, by their names: they may be forgotten."""


@dataclass(frozen=True, slots=True)
class World:
    """Passed first to every flow, never below: rules get facts, the store gets a transaction."""

    database: Database
    clock: Clock
    entropy: Entropy
    channels: Mapping[str, Channel]
    payments: Mapping[str, PaymentProvider]
    issuers: Mapping[str, Issuer]
    memory: Memory
    house: House

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """Opens a transaction; no network call belongs inside."""
        return self.database.transaction()


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


UUID7_VERSION = 7
VARIANT = 0b10


class SystemEntropy:
    """Chance from the operating system."""

    def bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)

    def uuid(self) -> UUID:
        return uuid7(time.time_ns() // 1_000_000, os.urandom(10))


def uuid7(milliseconds: int, chance: bytes) -> UUID:
    """UUIDv7 (RFC 9562 section 5.7): 48 bits of Unix milliseconds, then 74 bits of chance out of 10 octets."""
    number = int.from_bytes(chance, "big")
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= UUID7_VERSION << 76
    value |= (number >> 64 & 0xFFF) << 64
    value |= VARIANT << 62
    value |= number & (1 << 62) - 1
    return UUID(int=value)
