"""Buying by text message alone: offer, second choice, yes, no, and everything that comes in between."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from builders import BUYER, FRIEND, Shop, Stage, a_booking, an_account, free_places, state_of
from converse_kit import ask, code_of, heard, waiting, write
from fakes import FakeCard, Upset

from app.flows.outcome import Again
from app.flows.paying import reconcile
from app.flows.talk import converse
from app.ports import CardToken, CarrierBill, Charge, Prepared, Refused, Unknown

OFFERED = "reply YES and your e-money PIN within 10 min"


async def code(stage: Stage, shop: Shop, of: str = "play/mon") -> int:
    return await code_of(stage, shop.occasions[of])


async def charged(stage: Stage) -> int:
    """Won that e-money accounts have paid."""
    return int(await stage.value("SELECT coalesce(sum(amount), 0) FROM transfer WHERE kind = 'charge'"))


async def last_booking(stage: Stage) -> Any:
    return await stage.value("SELECT id FROM booking ORDER BY created_at DESC, id DESC LIMIT 1")


async def test_a_ticket_is_bought_with_three_messages_and_a_pin(stage: Stage, shop: Shop) -> None:
    pin = await an_account(stage, shop, 200_000)
    await stage.work()

    offer = await ask(stage, f"BUY {await code(stage, shop)} 2")
    paid, first, second = await write(stage, f"YES {pin}")

    assert offer.splitlines()[0] == "The Post Office in Spring"
    assert "Tue 24 Nov 12:00" in offer
    assert "R x2 Stalls row A seat 3, Stalls row A seat 4" in offer
    assert f"KRW 120,000: {OFFERED}" in offer
    assert paid.startswith("The Post Office in Spring: paid KRW 120,000.")
    assert all("PIN " in text and "/t/" in text for text in (first, second))
    assert await charged(stage) == 120_000
    assert await stage.value("SELECT count(*) FROM ticket WHERE handset = :h", h=BUYER) == 2


async def test_the_same_in_korean(stage: Stage, shop: Shop) -> None:
    pin = await an_account(stage, shop, 200_000)
    await stage.work()

    offer = await ask(stage, f"예매 {await code(stage, shop)}b")
    paid, ticket = await write(stage, f"네 {pin}")

    assert offer == "봄날의 우체국 11월 24일 (화) 12:00 S 1매 40,000원\n10분 안에 '예'와 PIN을 보내면 결제됩니다."
    assert len(stage.carrier.preview(offer).parts) == 1
    assert paid == "봄날의 우체국 결제되었습니다 (40,000원). 표는 문자로 갑니다."
    assert "번호" in ticket


async def test_what_costs_nothing_needs_a_yes_and_no_more(stage: Stage, shop: Shop) -> None:
    assert "reply YES" in await ask(stage, f"buy {await code(stage, shop, 'talk/talk')}")

    booked, ticket = await write(stage, "yes")

    assert booked == "talk: booked. Your ticket comes in a message of its own."
    assert "PIN " in ticket


async def test_the_offer_holds_its_places_until_somebody_says_no(stage: Stage, shop: Shop) -> None:
    before = await free_places(stage, shop.occasions["play/mon"])
    await ask(stage, f"BUY {await code(stage, shop)} 4")
    assert await free_places(stage, shop.occasions["play/mon"]) == before - 4

    assert (await ask(stage, "CANCEL")).startswith("Cancelled")

    assert await free_places(stage, shop.occasions["play/mon"]) == before
    assert (await ask(stage, "YES 123456")).startswith("Nothing waits")


async def test_another_offer_takes_the_place_of_the_first(stage: Stage, shop: Shop) -> None:
    before = await free_places(stage, shop.occasions["play/mon"])
    await ask(stage, f"BUY {await code(stage, shop)} 4")
    first = await last_booking(stage)
    await ask(stage, f"BUY {await code(stage, shop)} 1")

    assert await state_of(stage, first) == "cancelled"
    assert await free_places(stage, shop.occasions["play/mon"]) == before - 1


async def test_sold_out_offers_second_choices_and_one_figure_takes_one(stage: Stage, shop: Shop) -> None:
    pin = await an_account(stage, shop, 500_000)
    await a_booking(stage, shop, quantity=5, buyer=FRIEND)
    await stage.work()

    choices = await ask(stage, f"BUY {await code(stage, shop)} 2")
    offer = await ask(stage, "1")
    paid, *tickets = await write(stage, f"YES {pin}")

    assert choices.splitlines()[0].startswith("The Post Office in Spring: sold out.")
    assert [line[0] for line in choices.splitlines()[1:]] == ["1", "2", "3", "4"]
    assert "S x2" in offer
    assert "paid KRW 80,000" in paid
    assert len(tickets) == 2


async def test_a_figure_that_was_not_offered_explains_how_to_buy(stage: Stage, shop: Shop) -> None:
    del shop
    assert (await ask(stage, "3")).endswith("예매 4021 2")


async def test_nothing_left_says_so(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, of="talk/talk", category="FREE", quantity=3, buyer=FRIEND)

    assert (await ask(stage, f"BUY {await code(stage, shop, 'talk/talk')}")).endswith("nothing near it is left.")


async def test_what_cannot_be_bought_so_says_what_to_do(stage: Stage, shop: Shop) -> None:
    number = await code(stage, shop)

    assert await ask(stage, "BUY 9999") == "There is no 9999. The codes are on https://tickets.example"
    assert (await ask(stage, f"BUY {number}Z")).startswith(f"There is no {number}Z.")
    assert await ask(stage, f"BUY {number} 9") == f"At most 8 at once. Send BUY {number} 8"
    assert (await ask(stage, f"BUY {await code(stage, shop, 'ride/open')}")).startswith("This is sold by journey.")
    stage.clock.advance(days=30)
    assert (await ask(stage, f"BUY {number}")).endswith("sales have closed.")


async def test_one_buyers_limit_holds_by_message_too(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, of="gift/open", category="gift", quantity=4)

    assert await ask(stage, f"BUY {await code(stage, shop, 'gift/open')}") == "One buyer may have 4 of these in all."


async def test_a_refused_payment_keeps_the_places_and_says_what_next(stage: Stage, shop: Shop) -> None:
    pin = await an_account(stage, shop, 1_000)
    await stage.work()
    await ask(stage, f"BUY {await code(stage, shop)}")

    assert (await ask(stage, "YES")).startswith("To pay by e-money send YES and your 6-digit PIN")
    assert (await ask(stage, "YES 000000")).startswith("The number has no e-money with this PIN.")
    assert (await ask(stage, f"YES {pin}")).startswith("There is not enough e-money.")

    assert await state_of(stage, await last_booking(stage)) == "held"
    assert await charged(stage) == 0


async def test_a_pin_that_is_guessed_is_locked_by_message_too(stage: Stage, shop: Shop) -> None:
    await an_account(stage, shop, 100_000)
    await stage.work()
    await ask(stage, f"BUY {await code(stage, shop)}")

    answers = [await ask(stage, f"YES 00000{number}") for number in range(6)]

    assert answers[-1].startswith("Too many wrong PINs: e-money is locked for 10 minutes.")


async def test_a_yes_that_comes_too_late_pays_nothing(stage: Stage, shop: Shop) -> None:
    pin = await an_account(stage, shop, 100_000)
    await stage.work()
    number = await code(stage, shop)
    await ask(stage, f"BUY {number}")
    stage.clock.advance(seconds=601)

    assert await ask(stage, f"YES {pin}") == (
        f"The time to pay is over and nothing was charged. Send BUY {number} to try again."
    )
    assert (await ask(stage, "CANCEL")).startswith("No booking is open.")
    assert await charged(stage) == 0


async def test_two_yes_pay_once(stage: Stage, shop: Shop) -> None:
    pin = await an_account(stage, shop, 500_000)
    await stage.work()
    await ask(stage, f"BUY {await code(stage, shop)}")

    await heard(stage, f"YES {pin}")
    await heard(stage, f"YES {pin}")
    await stage.work()
    stage.clock.advance(seconds=5)
    await stage.work()

    assert await charged(stage) == 60_000
    assert await stage.value("SELECT count(*) FROM ticket") == 1
    assert await waiting(stage) == []


async def test_two_yes_at_the_same_moment_in_two_processes_pay_once(
    stage: Stage, second: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where neither waits for the other."""
    monkeypatch.setattr(converse, "TURN", timedelta())
    pin = await an_account(stage, shop, 500_000)
    await stage.work()
    await ask(stage, f"BUY {await code(stage, shop)}")
    for _ in range(4):
        await heard(stage, f"YES {pin}")

    worlds = (stage.world, second.world, stage.world, second.world)
    asked = zip(worlds, await waiting(stage), strict=True)
    await asyncio.gather(*(converse.answer(world, one) for world, one in asked))
    await stage.work()

    assert await charged(stage) == 60_000
    assert await stage.value("SELECT count(*) FROM payment WHERE state = 'captured'") == 1
    assert await stage.value("SELECT count(*) FROM ticket") == 1


async def test_a_message_waits_for_the_one_before_it(stage: Stage, shop: Shop) -> None:
    await heard(stage, f"BUY {await code(stage, shop)}")
    await heard(stage, "CANCEL")
    buying, cancelling = await waiting(stage)

    assert isinstance(await converse.answer(stage.world, cancelling), Again)
    await converse.answer(stage.world, buying)
    await converse.answer(stage.world, cancelling)
    await stage.work()

    assert await state_of(stage, buying) == "cancelled"
    assert await free_places(stage, shop.occasions["play/mon"]) == 22


async def test_a_buyer_who_is_answered_again_after_a_crash_holds_places_once(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await free_places(stage, shop.occasions["play/mon"])
    await heard(stage, f"BUY {await code(stage, shop)} 2")
    (message,) = await waiting(stage)
    finish = converse._finish

    async def die(*_: object) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(converse, "_finish", die)
    with pytest.raises(ConnectionResetError):
        await converse.answer(stage.world, message)
    monkeypatch.setattr(converse, "_finish", finish)
    await stage.work()

    assert await free_places(stage, shop.occasions["play/mon"]) == before - 2
    assert await stage.value("SELECT count(*) FROM booking") == 1
    assert len(stage.carrier.inbox(BUYER)) == 1


# --- the phone bill -------------------------------------------------------------------------------------------------


class Bill(FakeCard):
    """A phone bill that takes everything, without a PIN."""

    name = "carrier"

    async def prepare(self, charge: Charge) -> Prepared | Refused | Unknown:
        assert isinstance(charge.instrument, CarrierBill)
        return await super().prepare(dataclasses.replace(charge, instrument=CardToken("pm_card_visa")))

    async def authorize(self, charge: Charge, *, reference: str | None) -> Any:
        return await super().authorize(
            dataclasses.replace(charge, instrument=CardToken("pm_card_visa")), reference=reference
        )


def billed(stage: Stage) -> tuple[Stage, Bill]:
    """The same house, where the carrier bills for us."""
    bill = Bill()
    world = dataclasses.replace(stage.world, payments={**stage.world.payments, "carrier": bill})
    return dataclasses.replace(stage, world=world), bill


async def test_a_plain_yes_is_put_on_the_phone_bill_where_the_carrier_bills(stage: Stage, shop: Shop) -> None:
    house, bill = billed(stage)

    assert "YES by phone bill" in await ask(house, f"BUY {await code(stage, shop)}")
    paid, _ticket = await write(house, "YES")

    assert "paid KRW 60,000" in paid
    assert bill.taken() == 60_000


async def test_a_pin_that_was_mistyped_is_never_put_on_the_phone_bill(stage: Stage, shop: Shop) -> None:
    house, bill = billed(stage)
    await ask(house, f"BUY {await code(stage, shop)}")

    assert "6-digit PIN" in await ask(house, "YES 12345")

    assert bill.taken() == 0


async def test_a_payment_that_nobody_answers_for_is_asked_about_and_its_ticket_comes_by_itself(
    stage: Stage, shop: Shop
) -> None:
    house, bill = billed(stage)
    bill.upset("authorize", Upset.LOST_AFTER)
    await ask(house, f"BUY {await code(stage, shop)}")

    assert (await ask(house, "YES")).startswith("We are asking about your payment.")
    assert (await ask(house, "YES")).startswith("We are asking about your payment.")
    assert (await ask(house, "CANCEL")).startswith("We are asking about your payment.")
    assert (await ask(house, f"BUY {await code(stage, shop)}")).startswith("We are asking about your payment.")
    stage.clock.advance(seconds=61)
    await reconcile.reconcile(house.world)
    await house.work()

    assert "PIN " in stage.carrier.inbox(BUYER)[-1]
    assert bill.taken() == 60_000


async def test_a_network_that_does_not_answer_at_all_has_charged_nothing(stage: Stage, shop: Shop) -> None:
    house, bill = billed(stage)
    bill.upset("prepare", Upset.LOST_BEFORE)
    await ask(house, f"BUY {await code(stage, shop)}")

    assert "Nothing was charged" in await ask(house, "YES")
    assert "paid KRW 60,000" in (await write(house, "YES"))[0]
