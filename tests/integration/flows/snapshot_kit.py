"""Gates that take a snapshot along, and tickets for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from builders import KEYS, Made, Shop, Stage, a_booking
from cryptography.hazmat.primitives.asymmetric import ec

from app.domain.gate import Place
from app.domain.snapshot import Board, Snapshot, Status, applied, read_snapshot, read_status
from app.flows.gate import gates, snapshot
from app.flows.gate import tokens as gate_tokens
from app.flows.gate.tokens import GateCaller
from app.keys import public_jwk

DEVICE = public_jwk(ec.generate_private_key(ec.SECP256R1()).public_key())
"""Of all gates here: whose key it is, another test asks."""


@dataclass
class Taken:
    """A gate with what it has of the server."""

    stage: Stage
    caller: GateCaller
    snapshot: Snapshot
    octets: bytes
    board: Board | None = None

    async def pin_key(self) -> bytes:
        return await snapshot.pin_key(self.stage.world, self.caller, edition=self.snapshot.header.edition)

    async def status(self, *, after: int | None = None, have: int | None = None) -> Status:
        """Of all rows the first time, of the changed ones from then on."""
        known = 0 if self.board is None else self.board.cursor
        told = await snapshot.status(
            self.stage.world,
            self.caller,
            edition=self.snapshot.header.edition,
            have=len(self.snapshot.rows) if have is None else have,
            after=known if after is None else after,
        )
        assert told.body is not None, "nothing was said to be known"
        return read_status(told.body, KEYS.verifier.verify)

    async def refresh(self) -> Board:
        self.snapshot, self.board = applied(self.snapshot, self.board, await self.status())
        return self.board


async def bound_gate(stage: Stage, shop: Shop, *occasions: UUID, name: str = "North door") -> GateCaller:
    """A gate that enrolled with a key of its own."""
    invitation = await gates.invite(stage.world, issuer_id=shop.issuer, name=name, place=Place(occasions))
    return (await gate_tokens.enrol(stage.world, invitation.code, key=DEVICE)).caller


async def taken(stage: Stage, caller: GateCaller) -> Taken:
    told = await snapshot.take(stage.world, caller)
    assert told.body is not None, "nothing was said to be known"
    return Taken(stage, caller, read_snapshot(told.body, KEYS.verifier.verify), told.body)


async def sold(stage: Stage, shop: Shop, of: str = "play/mon", **given: Any) -> Made:
    """One ticket that the register knows."""
    return await a_booking(stage, shop, of=of, category=given.pop("category", "R"), worked=True, **given)


async def ready(stage: Stage, shop: Shop, *occasions: UUID) -> Taken:
    return await taken(stage, await bound_gate(stage, shop, *occasions))


async def change(stage: Stage, ticket_id: UUID, **columns: object) -> None:
    """What gates, bindings and revocations do to an entry."""
    told = ", ".join(f"{name} = :{name}" for name in columns)
    await stage.sql(f"UPDATE credential SET {told} WHERE ticket_id = :id", id=ticket_id, **columns)  # noqa: S608 - names written in this file
