"""What a gate may ask besides letting people in: who is inside, and which ticket belongs to whom has lost theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.entry_rules import Role
from app.domain.gate import GateState
from app.domain.refusals import NotAllowed, NotAuthentic, TooMany
from app.flows.gate.admit import NO_SUPERVISOR, SHUT
from app.flows.gate.admit_case import Found, Stand, found_in, stand_of
from app.flows.gate.tokens import GateCaller
from app.store import journal, register_find, register_gate, staff
from app.store.database import Tx
from app.world import World

FOUND_MAX = 20
DIGITS_KNOWN_MAX = 8
"""More digits than these tell numbers of one country apart no further, and may begin with its trunk prefix."""
DIGITS_TOLD = 4
SEARCHES_MAX = 30
"""How often one gate may search within five minutes: who types all endings there are reads the whole house's list."""
SEARCHES_SECONDS = 300


async def stand(tx: Tx, gate: GateCaller) -> Stand:
    """The gate as it stands now; raises NotAuthentic where it, or this device of it, is not enrolled any more."""
    row = (await register_gate.known(tx, [(gate.gate_id, "")])).get((gate.gate_id, ""))
    if row is None or row.state != GateState.ENROLLED or row.generation != gate.generation:
        raise NotAuthentic(SHUT)
    return stand_of(row)


async def occupancy(world: World, gate: GateCaller) -> dict[str, int]:
    """How many people are inside, by area, of all the tickets of the gate's issuer. Raises NotAuthentic."""
    async with world.transaction() as tx:
        await stand(tx, gate)
        return await register_gate.occupancy(tx, gate.issuer_id, now=world.clock.now())


@dataclass(frozen=True, slots=True)
class Hits:
    """What a search found; `more` where there are others."""

    found: Sequence[Found]
    more: bool


async def search(world: World, gate: GateCaller, *, digits: str, name: str) -> Hits:
    """Tickets by the last digits of their handset, and a part of the holder's name; for a supervisor's gate only.

    That somebody searched is written down, and how much was found. Raises NotAuthentic, NotAllowed, TooMany.
    """
    now = world.clock.now()
    if not await world.memory.allow(f"search:{gate.gate_id}", most=SEARCHES_MAX, seconds=SEARCHES_SECONDS):
        raise TooMany(
            "This gate searched too often just now. Scan the ticket, or search again in a few minutes.",
            retry_after_seconds=SEARCHES_SECONDS,
        )
    async with world.transaction() as tx:
        here = await stand(tx, gate)
        if here.post.role is not Role.SUPERVISOR:
            raise NotAllowed(NO_SUPERVISOR)
        rows = await register_find.search(
            tx,
            issuer_id=gate.issuer_id,
            occasions=sorted(here.post.occasions),
            digits=digits[-DIGITS_KNOWN_MAX:],
            name=name,
            now=now,
            most=FOUND_MAX + 1,
        )
        issuer = await staff.issuer_by_id(tx, gate.issuer_id)
        await journal.append(
            tx,
            chain=issuer.slug,
            issuer_id=gate.issuer_id,
            actor=f"gate {here.name}",
            action="tickets searched",
            subject=f"gate {gate.gate_id}",
            details={"digits": digits[-DIGITS_TOLD:], "by_name": bool(name), "found": min(len(rows), FOUND_MAX)},
            now=now,
        )
    return Hits([found_in(row) for row in rows[:FOUND_MAX]], more=len(rows) > FOUND_MAX)
