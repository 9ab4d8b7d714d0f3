"""Giving a paid ticket back by text message; and an issuer whose server is away."""

from __future__ import annotations

from typing import Any

import pytest
from builders import BUYER, FRIEND, Shop, Stage, a_booking, a_gate, a_scan, typed
from converse_kit import ask, code_of, heard, waiting, write
from refund_kit import Away, with_issuer

from app.flows.hands.give import give
from app.flows.talk import converse
from app.flows.tickets import show
from app.flows.tickets.show import Use


def shown(ticket: Any) -> str:
    return f"{ticket.number[:-1]}-{ticket.number[-1]}"


async def answered(stage: Stage, text: str) -> str:
    """The reply to a message; that money goes back is told by a message of its own as well."""
    (reply,) = [one for one in await write(stage, text) if one.startswith(("Ticket ", "표 "))]
    return reply


async def test_a_paid_ticket_goes_back_by_its_number(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, quantity=2, worked=True)
    told = await answered(stage, f"CANCEL {shown(made.tickets[0])}")
    assert told == (
        f"Ticket {shown(made.tickets[0])} was given back and is worth nothing now."
        " KRW 60,000 went back to what you paid with."
    )
    assert stage.card.taken() == 60_000
    assert (await show.card(stage.world, await show.ticket(stage.world, made.tickets[0].id))).use is Use.REFUNDED
    assert (await show.card(stage.world, await show.ticket(stage.world, made.tickets[1].id))).use is Use.GOOD


async def test_asked_again_the_same_ticket_is_told_and_not_returned_twice(stage: Stage, shop: Shop) -> None:
    stage.card.next_refunds.append("pending")
    made = await a_booking(stage, shop, quantity=2, worked=True)
    first, again = [await answered(stage, f"취소 {shown(made.tickets[0])}") for _ in range(2)]
    assert first == again
    assert first == f"표 {shown(made.tickets[0])}번을 환불합니다. 결제하신 수단으로 60,000원을 돌려 드립니다."
    assert stage.card.taken() == 60_000


async def test_an_answer_that_was_lost_in_a_crash_returns_the_ticket_once(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await a_booking(stage, shop, quantity=2, worked=True)
    await heard(stage, f"CANCEL {shown(made.tickets[0])}")
    (message,) = await waiting(stage)

    async def die(*_: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as dying:
        dying.setattr(converse, "_finish", die)
        with pytest.raises(ConnectionResetError):
            await converse.answer(stage.world, message)
    await converse.answer(stage.world, message)
    await stage.work()
    assert sum("was given back" in one for one in stage.carrier.inbox(BUYER)) == 1
    assert stage.card.taken() == 60_000


async def test_a_used_ticket_says_why_its_money_stays(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True)
    stage.clock.advance(days=2, minutes=-30)
    await a_scan(stage, shop, await a_gate(stage, shop), typed(made.tickets[0]))
    told = await ask(stage, f"CANCEL {shown(made.tickets[0])}")
    assert told.startswith(f"Ticket {shown(made.tickets[0])}: This ticket was used")
    assert stage.card.taken() == 60_000


async def test_a_gate_that_is_faster_than_the_return_keeps_the_money(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True)
    stage.clock.advance(days=2, minutes=-30)
    gate = await a_gate(stage, shop)
    issuer = stage.world.issuers["local"]

    class Slow:
        """The issuer's own, reached just after a gate admitted the ticket."""

        def __getattr__(self, verb: str) -> Any:
            return getattr(issuer, verb)

        async def revoke(self, **asked: Any) -> Any:
            await a_scan(stage, shop, gate, typed(made.tickets[0]))
            return await issuer.revoke(**asked)

    with_issuer(stage, Slow())
    told = await ask(stage, f"CANCEL {shown(made.tickets[0])}")
    assert "This ticket was used" in told
    assert stage.card.taken() == 60_000


async def test_a_gift_is_its_buyers_to_return_and_not_its_holders(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True)
    given = await give(stage.world, made.tickets[0].id, FRIEND)
    await stage.work()
    number = f"{given.number[:-1]}-{given.number[-1]}"
    assert (
        await ask(stage, f"CANCEL {number}", sender=FRIEND) == f"Only whoever bought ticket {number} can give it back."
    )
    assert "was given to another handset" in await ask(stage, f"CANCEL {shown(made.tickets[0])}")
    assert stage.card.taken() == 60_000


async def test_a_ticket_that_was_bought_for_another_phone_is_not_that_phones_to_return(
    stage: Stage, shop: Shop
) -> None:
    made = await a_booking(stage, shop, handsets=(FRIEND,), worked=True)
    number = shown(made.tickets[0])
    assert (await ask(stage, f"취소 {number}", sender=FRIEND)) == f"표 {number}번은 산 분만 환불할 수 있습니다."
    assert stage.card.taken() == 60_000


async def test_a_foreign_ticket_looks_like_none_and_a_wrong_number_gets_a_hint(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True)
    assert "no good ticket" in await ask(stage, f"CANCEL {shown(made.tickets[0])}", sender=FRIEND)
    assert "such as CANCEL 482910375-1" in await ask(stage, "CANCEL 12")
    assert "CANCEL and its number" in await ask(stage, "CANCEL")


async def test_a_suspended_ticket_waits_for_the_bank(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True)
    await stage.sql("UPDATE ticket SET state = 'suspended' WHERE id = :id", id=made.tickets[0].id)
    assert (await show.card(stage.world, await show.ticket(stage.world, made.tickets[0].id))).use is Use.SUSPENDED
    assert "The bank is deciding" in await ask(stage, f"CANCEL {shown(made.tickets[0])}")


async def test_buying_from_an_issuer_that_is_away_says_so_and_holds_nothing(stage: Stage, shop: Shop) -> None:
    code = await code_of(stage, shop.occasions["play/mon"])
    with_issuer(stage, Away("local"))
    assert await ask(stage, f"BUY {code}") == (
        "The Post Office in Spring is temporarily not on sale: its organiser does not answer."
        " Send the same again in a while."
    )
    assert await stage.value("SELECT count(*) FROM booking") == 0
