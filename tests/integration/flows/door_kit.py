"""Tickets at the door, and phones that sign living codes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from builders import Shop, Stage, a_booking, a_gate
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.domain.credential import living_text, step_of
from app.flows.gate.tokens import Enrolled
from app.flows.tickets import show

Rules = Callable[..., Awaitable[None]]


async def at_the_door(stage: Stage, shop: Shop, **given: Any) -> tuple[sa.Row[Any], Enrolled]:
    """A ticket for Monday and an enrolled gate, half an hour before the play."""
    place = given.pop("place", {})
    made = await a_booking(stage, shop, worked=True, **given)
    stage.clock.time = made.tickets[0].valid_from + timedelta(minutes=30)
    return made.tickets[0], await a_gate(stage, shop, **place)


async def enlarged(stage: Stage, ticket: sa.Row[Any], uses: int) -> None:
    """Make it a ticket of so many uses."""
    await stage.sql("UPDATE credential SET uses = :n, uses_left = :n WHERE ticket_id = :id", n=uses, id=ticket.id)


class Phone:
    """A handset with a key of its own, on which a ticket lives."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.key = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)

    def _sign(self, message: bytes) -> bytes:
        r, s = decode_dss_signature(self._key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    async def takes(self, stage: Stage, shop: Shop, ticket: sa.Row[Any]) -> None:
        """The issuer learns that the ticket lives here."""
        await stage.world.issuers["local"].bind(issuer_id=shop.issuer, ticket_id=ticket.id, holder_key=self.key)

    def shows(self, stage: Stage, ticket: sa.Row[Any], *, ago: timedelta = timedelta(0)) -> str:
        """The code on its screen so long ago."""
        part = show.living_part(stage.world, ticket, self.key)
        return living_text(part, step_of(stage.clock.now() - ago), self._sign)
