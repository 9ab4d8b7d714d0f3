"""One issuer seen from near and from far: in our own database, and through its API, signed and all but the socket."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import httpx
from builders import Shop, Stage, a_gate, a_scan
from two_servers_kit import ISSUER, ISSUER_APP, SELLER, Line, Published

from app.domain.credential import CodeId, compact_text, ticket_number
from app.domain.ticket import Kind
from app.flows.gate.admit_case import Answer
from app.issuers.remote import RemoteIssuer
from app.issuers.wire import Patience, Us, Wire
from app.keys import KeyRing
from app.pins import pin_of
from app.ports import Issuer, Part, Registration, Wish
from app.trust import Sellers

SELLER_KEYS = KeyRing.fresh()
"""Another house's ring: what it derives cannot be derived here."""
PATIENCE = Patience(connect_seconds=20, answer_seconds=20, total_seconds=30, pauses_seconds=(0.0, 0.0))
"""Long: a busy machine is no server that hangs."""
HASTE = Patience(connect_seconds=0.05, answer_seconds=0.05, total_seconds=0.15, pauses_seconds=(0.0, 0.0))
"""For what is never answered."""

_numbers = itertools.count(1)


async def no_pause(_seconds: float) -> None:
    """Tests do not wait between two tries."""


@dataclass
class Seen:
    """An issuer as one who sells for it sees it; `keys` made the PINs of its tickets."""

    issuer: Issuer
    stage: Stage
    shop: Shop
    keys: KeyRing
    line: Line | None = None

    def wish(self, key: UUID, *parts: tuple[str, int], of: str = "play/mon", places: tuple[UUID, ...] = ()) -> Wish:
        product = of.partition("/")[0]
        return Wish(
            key=key,
            issuer_id=self.shop.issuer,
            occasion_id=self.shop.occasions[of],
            parts=tuple(
                Part(category, count, places, self.shop.price(f"{product}/{category}"), PRICES[category])
                for category, count in parts
            ),
            until=self.stage.clock.now() + timedelta(minutes=10),
        )

    @contextlib.contextmanager
    def haste(self) -> Iterator[None]:
        """Wait for no answer but a moment."""
        wire = cast("RemoteIssuer", self.issuer).wire
        before, wire._patience = wire._patience, HASTE
        try:
            yield
        finally:
            wire._patience = before

    async def free(self, of: str = "play/mon") -> int:
        return sum(await self.issuer.status(issuer_id=self.shop.issuer, occasion_id=self.shop.occasions[of]))

    def ticket(self, **given: Any) -> Registration:
        """A ticket for Monday that was just sold."""
        identity, number = self.stage.entropy.uuid(), next(_numbers)
        code = CodeId(1_000 + number)
        mac = self.keys.compact_mac(self.keys.kid, issuer_id=self.shop.issuer, occasion_code=77)
        pin = pin_of(self.keys, issuer_id=self.shop.issuer, identity=identity, kid=self.keys.kid, generation=1)
        fields: dict[str, Any] = {
            "ticket_id": identity,
            "issuer_id": self.shop.issuer,
            "number": ticket_number(number.to_bytes(8, "big")),
            "code": code,
            "generation": 1,
            "kid": self.keys.kid,
            "kind": Kind.ADMISSION,
            "product_id": self.shop.products["play"],
            "occasion_id": self.shop.occasions["play/mon"],
            "occasion_code": 77,
            "label": {"title": {"ko": "연극", "en": "The play"}, "seat": "1"},
            "uses": 1,
            "balance": None,
            "valid_from": self.stage.clock.now() - timedelta(hours=1),
            "valid_until": self.stage.clock.now() + timedelta(days=30),
            "pin": pin.reveal(),
            "compact": compact_text(code, mac),
        }
        return Registration(**fields | given)

    async def registered(self, **given: Any) -> Registration:
        ticket = self.ticket(**given)
        await self.issuer.register(ticket)
        return ticket

    async def present(self, ticket: Registration, text: str | None = None) -> Answer:
        """What a gate of the issuer says to this ticket, typed or shown as `text`."""
        gate = await a_gate(self.stage, self.shop)
        return await a_scan(self.stage, self.shop, gate, text or f"{ticket.number} {ticket.pin}")


PRICES = {"R": 60_000, "S": 40_000, "FLOOR": 20_000, "FREE": 0}


def believing(stage: Stage, **sellers: KeyRing) -> Stage:
    """The stage as an issuer's server that these sales servers may sell for."""
    known = Sellers({name: Published(keys) for name, keys in sellers.items()})
    stage.world = replace(stage.world, house=replace(stage.world.house, name=ISSUER, sellers=known))
    return stage


def near(stage: Stage, shop: Shop) -> Seen:
    return Seen(stage.world.issuers["local"], stage, shop, stage.world.house.keys)


def far(stage: Stage, shop: Shop, *, name: str = SELLER, keys: KeyRing = SELLER_KEYS, **given: Any) -> Seen:
    """The same issuer for the sales server `name`, if the stage believes it."""
    line = Line(ISSUER_APP, stage.world)
    us = Us(name, keys, stage.clock, stage.entropy)
    wire = Wire(
        httpx.AsyncClient(transport=line),
        name=given.pop("audience", ISSUER),
        url="https://arena.example",
        us=us,
        patience=PATIENCE,
        pause=no_pause,
    )
    return Seen(RemoteIssuer(wire, stage.clock), stage, shop, keys, line)
