"""What tests of paying ask of a booking when the dust has settled: money, tickets, places and books must agree."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from builders import KEYS, Made, Shop, Stage, a_booking, state_of

from app.domain.handset import Handset
from app.domain.money import Money
from app.flows.paying.pay import Tender
from app.pins import pin_of
from app.ports import Prepaid, Voucher

DUE = 60_000
"""What one of its stalls costs."""


def won(amount: int) -> Money:
    return Money(amount, "KRW")


def prepaid(handset: Handset, pin: str, amount: int | None = None) -> Tender:
    return Tender(Prepaid(handset, pin), None if amount is None else won(amount))


async def parts(stage: Stage, booking_id: UUID) -> list[sa.Row[Any]]:
    """Every part of every attempt, in order."""
    return await stage.sql("SELECT * FROM payment WHERE booking_id = :id ORDER BY attempt, part", id=booking_id)


async def states(stage: Stage, booking_id: UUID) -> list[str]:
    return [row.state for row in await parts(stage, booking_id)]


async def tickets(stage: Stage, booking_id: UUID) -> int:
    return int(await stage.value("SELECT count(*) FROM ticket WHERE booking_id = :id", id=booking_id))


async def balance(stage: Stage, handset: Handset) -> int:
    return int(await stage.value("SELECT balance FROM account WHERE handset = :h", h=handset))


async def a_voucher(stage: Stage, shop: Shop, *, worked: bool = True) -> tuple[Voucher, UUID]:
    """A gift voucher of 50,000 won, bought by card and registered; and its ticket's id."""
    made = await a_booking(stage, shop, of="gift/open", category="gift", paid=True, worked=worked)
    ticket = made.tickets[0]
    pin = pin_of(KEYS, issuer_id=ticket.issuer_id, identity=ticket.id, kid=ticket.kid, generation=ticket.generation)
    return Voucher(ticket.number, pin.reveal()), ticket.id


async def left_on(stage: Stage, voucher_id: UUID) -> int:
    return int(await stage.value("SELECT balance FROM credential WHERE ticket_id = :id", id=voucher_id))


LEDGER = """
    SELECT a.kind, sum(CASE WHEN t.credit_id = a.id THEN t.amount ELSE -t.amount END)::bigint AS credit
    FROM account a JOIN transfer t ON a.id IN (t.debit_id, t.credit_id) GROUP BY a.kind
"""


async def books(stage: Stage) -> dict[str, int]:
    """Credits less debits by kind of account; those that come to nothing are left out."""
    return {row.kind: row.credit for row in await stage.sql(LEDGER) if row.credit}


async def assert_books_agree(stage: Stage) -> None:
    """Nothing hangs between two accounts, and the network owes us what it took."""
    found = await books(stage)
    assert found.get("emoney", 0) == found.get("voucher", 0) == 0, "what was taken went on, or back"
    assert -found.get("card", 0) == stage.card.taken(), "our books and the network's agree"


async def assert_settled(stage: Stage, made: Made) -> str:
    """Sold as a whole or not at all; returns the booking's state."""
    state = await state_of(stage, made.id)
    sold = state == "paid"
    wanted = await stage.value("SELECT count(*) FROM booking_item WHERE booking_id = :id", id=made.id)
    captured = await stage.value(
        "SELECT coalesce(sum(amount), 0) FROM payment WHERE booking_id = :id AND state = 'captured'", id=made.id
    )
    assert await tickets(stage, made.id) == wanted * sold
    assert captured == made.booked.amount.amount * sold
    places = await stage.sql("SELECT held_until FROM place WHERE taken_by = :id", id=made.id)
    if sold:
        assert len(places) == wanted
        assert all(place.held_until is None for place in places), "what is sold has no end"
    return state


async def assert_paid(stage: Stage, made: Made, *, won: int = 60_000) -> None:
    """Money, tickets and places agree that it is sold."""
    assert await state_of(stage, made.id) == "paid"
    assert stage.card.taken(made.id) == won
    assert await tickets(stage, made.id) == await stage.value(
        "SELECT count(*) FROM booking_item WHERE booking_id = :id", id=made.id
    )
    held = await stage.sql("SELECT held_until FROM place WHERE taken_by = :id", id=made.id)
    assert held
    assert all(row.held_until is None for row in held)


class Slow:
    """Any port whose call of one verb waits for leave: before the request goes out, or before its answer comes in."""

    def __init__(self, port: Any, verb: str, *, going_out: bool) -> None:
        self._port, self._verb, self._going_out, self.name = port, verb, going_out, port.name
        self.waits, self.go = asyncio.Event(), asyncio.Event()

    def __getattr__(self, verb: str) -> Any:
        call = getattr(self._port, verb)
        return partial(self._slowly, call) if verb == self._verb else call

    async def _slowly(self, call: Any, *args: Any, **names: Any) -> Any:
        outcome = None if self._going_out else await call(*args, **names)
        self.waits.set()
        await self.go.wait()
        return await call(*args, **names) if self._going_out else outcome
