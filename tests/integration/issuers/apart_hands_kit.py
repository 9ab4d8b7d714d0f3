"""Tickets that one server sold and another one's register has, from hand to hand: what tests of that look at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa
from builders import BUYER, Stage, a_booking, a_gate, a_scan, a_stage, typed
from mortal import Fate, Mortal, MortalDatabase
from two_servers_kit import ISSUER, SELLER, Two, connect

from app.flows import audit
from app.flows.gate.admit_case import Answer
from app.flows.tickets import flowback, show

REPLACED = "POST /issuer/v1/tickets/{}/replacement"


async def a_ticket(two: Two, **given: Any) -> sa.Row[Any]:
    """A ticket of BUYER's for Monday, registered at its issuer; the doors have been open for half an hour."""
    ticket = (await a_booking(two.seller, two.shop, worked=True, **given)).tickets[0]
    two.clock.time = ticket.valid_from + timedelta(minutes=30)
    await flowback.pull(two.seller.world, ISSUER)
    return ticket


async def look(two: Two, ticket_id: UUID) -> sa.Row[Any]:
    return await show.ticket(two.seller.world, ticket_id)


async def present(two: Two, ticket_id: UUID) -> Answer:
    """What the issuer's gate says to number and PIN of a ticket."""
    gate = await a_gate(two.issuer, two.shop)
    return await a_scan(two.issuer, two.shop, gate, typed(await look(two, ticket_id)))


async def the_tickets(two: Two) -> list[sa.Row[Any]]:
    """All tickets on the seller's books, the oldest first."""
    return [await look(two, row.id) for row in await two.seller.sql("SELECT id FROM ticket ORDER BY issued_at, id")]


async def later(two: Two) -> None:
    """The line is good again, and the workers take up what was left."""
    two.line.down = None
    two.line.cuts.clear()
    for _ in range(3):
        two.clock.advance(seconds=61)
        await flowback.pull(two.seller.world, ISSUER)
        await two.seller.work()
        if not await two.seller.value("SELECT count(*) FROM outbox WHERE coalesce(done_at, dead_at) IS NULL"):
            return


async def assert_sound(two: Two) -> None:
    """Nothing is owed or under way, both sides say the same, and all that must hold does."""
    left = await two.seller.sql(
        "SELECT topic, attempts, last_error FROM outbox WHERE coalesce(done_at, dead_at) IS NULL"
    )
    assert not left, left
    assert await two.seller.value("SELECT count(*) FROM handover WHERE state = 'asked'") == 0
    await flowback.pull(two.seller.world, ISSUER)
    assert await flowback.compare(two.seller.world, ISSUER) == []
    for stage in (two.seller, two.issuer):
        findings = await audit.audit(stage.world)
        told = [f"{one.invariant.name} {row.subject} {row.problem}" for one in findings for row in one.rows]
        assert [line for line in told if not line.startswith("I9 setting ")] == []


async def assert_one_opens(two: Two) -> sa.Row[Any]:
    """Of all that one right has been, exactly one ticket opens the issuer's gate, and it is good here; returns it."""
    opened = []
    for ticket in await the_tickets(two):
        reason = (await present(two, ticket.id))["reason"]
        assert reason == ("admitted" if ticket.state == "valid" else "revoked"), ticket.state
        opened += [ticket] * (reason == "admitted")
    assert len(opened) == 1
    return opened[0]


@dataclass
class Dying:
    """Another process of the sales server that has this fate; its line to the issuer is one more."""

    two: Two

    def stage(self, fate: Fate) -> Stage:
        seller = self.two.seller
        found = a_stage(
            "",
            database=MortalDatabase(seller.database, fate),
            seed=1_000 + fate.at,
            clock=seller.clock,
            card=seller.card,
            carrier=seller.carrier,
            redis=seller.redis,
            name=SELLER,
        )
        connect(found, self.two.issuer)
        issuers = cast("dict[str, Any]", found.world.issuers)
        found.world = replace(found.world, issuers={name: Mortal(port, fate) for name, port in issuers.items()})
        return found


def inbox(two: Two, handset: str = BUYER) -> list[str]:
    return two.seller.carrier.inbox(handset)
