"""What tests of offers begin with, and look at afterwards."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from builders import BUYER, FRIEND, Shop, Stage, a_booking

from app.flows.hands.offer import Offered, offer

SOLD_ON = "UPDATE product SET transfer = 'face_value'"
"""Every product may be sold on for what it cost."""


@asynccontextmanager
async def rules(stage: Stage, **given: object) -> AsyncIterator[None]:
    """Meanwhile every product has these entry rules."""
    before = await stage.sql("SELECT id, CAST(entry_rules AS text) AS rules FROM product")
    await stage.sql("UPDATE product SET entry_rules = CAST(:rules AS jsonb)", rules=json.dumps(given))
    try:
        yield
    finally:
        for row in before:
            put_back = "UPDATE product SET entry_rules = CAST(:rules AS jsonb) WHERE id = :id"
            await stage.sql(put_back, rules=row.rules, id=row.id)


async def a_ticket(stage: Stage, shop: Shop, *, of: str = "play/mon", category: str = "R") -> sa.Row[Any]:
    """A ticket that BUYER bought and has."""
    return (await a_booking(stage, shop, of=of, category=category, worked=True)).tickets[0]


async def an_offer(stage: Stage, shop: Shop, asked: int = 0) -> Offered:
    """A ticket of BUYER's on offer to FRIEND, who has been told."""
    made = await offer(stage.world, (await a_ticket(stage, shop)).id, FRIEND, asked)
    await stage.work()
    return made


async def states(stage: Stage, ticket_id: UUID) -> tuple[str, str]:
    """How a ticket stands on the sales server's books and in the register."""
    (row,) = await stage.sql(
        "SELECT t.state, c.state AS registered FROM ticket t JOIN credential c ON c.ticket_id = t.id WHERE t.id = :id",
        id=ticket_id,
    )
    return row.state, row.registered


async def won(stage: Stage) -> dict[str, int]:
    """The e-money of giver and receiver; 0 where there is no account."""
    rows = await stage.sql("SELECT handset, balance FROM account WHERE kind = 'prepaid'")
    return {BUYER: 0, FRIEND: 0} | {row.handset: row.balance for row in rows}
