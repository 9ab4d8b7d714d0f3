"""A gift: the receiver has a ticket with what was left, the giver has nothing, and no gate takes both."""

from __future__ import annotations

import asyncio

import pytest
from builders import (
    BUYER,
    FRIEND,
    Shop,
    Stage,
    a_booking,
    a_catalogue,
    a_gate,
    a_price,
    a_product,
    a_scan,
    an_issuer,
    pin,
    typed,
)

from app.domain.handset import Handset
from app.domain.refusals import BadHandset, NotFound, TooMany, WrongState
from app.flows.hands.give import Given, give
from app.flows.tickets import register, show

THIRD = Handset("+821055551234")


async def test_the_gift_opens_the_gate_and_the_old_ticket_does_not(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True)
    old = made.tickets[0]
    gate = await a_gate(stage, shop)

    given = await give(stage.world, old.id, FRIEND)
    await stage.work()
    new = await show.ticket(stage.world, given.id)
    stage.clock.advance(days=2)

    assert (new.handset, new.place_id, new.booking_id) == (FRIEND, old.place_id, old.booking_id)
    assert new.number != old.number
    assert new.code != old.code
    assert pin(new) != pin(old)
    assert new.generation == 2
    refused = await a_scan(stage, shop, gate, typed(old))
    admitted = await a_scan(stage, shop, gate, typed(new))
    assert (refused["admit"], refused["reason"], admitted["admit"]) == (False, "revoked", True)


async def test_giver_and_receiver_are_told_and_only_the_receiver_learns_the_pin(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True)

    given = await give(stage.world, made.tickets[0].id, FRIEND)
    await stage.work()

    (gift,) = stage.carrier.inbox(FRIEND)
    secret = pin(await show.ticket(stage.world, given.id))
    told = stage.carrier.inbox(BUYER)[-1]
    assert f"PIN {secret}" in gift
    assert told.endswith("is now with 010-****-4321.")
    assert secret not in told


async def test_rides_that_are_left_go_with_the_gift(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, of="carnet/open", category="adult", worked=True)
    gate = await a_gate(stage, shop)
    await a_scan(stage, shop, gate, typed(made.tickets[0]))

    given = await give(stage.world, made.tickets[0].id, FRIEND)
    await stage.work()
    new = await show.ticket(stage.world, given.id)

    answers = []
    for _ in range(3):
        answers.append(await a_scan(stage, shop, gate, typed(new)))
        stage.clock.advance(seconds=11)
    assert new.uses == 2
    assert [answer["admit"] for answer in answers] == [True, True, False]


async def test_a_vouchers_balance_goes_with_the_gift(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, of="gift/open", category="gift", worked=True)
    await stage.sql("UPDATE credential SET balance = 12000")

    given = await give(stage.world, made.tickets[0].id, FRIEND)
    await stage.work()

    assert (await show.card(stage.world, await show.ticket(stage.world, given.id))).balance == 12_000


async def test_a_ticket_whose_registration_is_still_owed_never_becomes_good_again(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, paid=True)
    old = made.tickets[0].id

    await give(stage.world, old, FRIEND)
    assert await stage.value("SELECT state FROM credential WHERE ticket_id = :id", id=old) == "revoked"
    await register.register(stage.world, old)
    await stage.work()

    assert await stage.value("SELECT state FROM credential WHERE ticket_id = :id", id=old) == "revoked"
    assert await stage.value("SELECT count(*) FROM credential WHERE state = 'valid'") == 1


async def test_the_same_gift_again_is_the_same_gift(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True)

    first = await give(stage.world, made.tickets[0].id, FRIEND)
    again = await give(stage.world, made.tickets[0].id, FRIEND)

    assert first == again
    assert await stage.value("SELECT count(*) FROM ticket") == 2


async def test_a_gift_can_be_given_on(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True)

    first = await give(stage.world, made.tickets[0].id, FRIEND)
    second = await give(stage.world, first.id, THIRD)
    await stage.work()

    states = await stage.sql(
        "SELECT t.state, c.state AS registered FROM ticket t JOIN credential c ON c.ticket_id = t.id ORDER BY t.id"
    )
    assert [tuple(row) for row in states] == [("revoked", "revoked"), ("revoked", "revoked"), ("valid", "valid")]
    assert second.handset == THIRD


async def test_of_many_gifts_at_once_one_wins(stage: Stage, second: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True)
    worlds = (stage.world, second.world)
    receivers = [Handset(f"+8210555500{number:02}") for number in range(8)]

    outcomes = await asyncio.gather(
        *(give(worlds[index % 2], made.tickets[0].id, one) for index, one in enumerate(receivers)),
        return_exceptions=True,
    )
    await stage.work()

    assert sum(isinstance(one, Given) for one in outcomes) == 1
    assert all(isinstance(one, Given | WrongState) for one in outcomes)
    assert await stage.value("SELECT count(*) FROM ticket WHERE state = 'valid'") == 1
    assert await stage.value("SELECT count(*) FROM credential WHERE state = 'valid'") == 1
    assert len([one for one in stage.carrier.arrived.values() if one.to in receivers]) == 1


@pytest.mark.parametrize("round_", range(3))
async def test_a_gate_and_a_gift_at_the_same_moment_never_both_count(
    stage: Stage, second: Stage, shop: Shop, round_: int
) -> None:
    made = await a_booking(stage, shop, worked=True)
    gate = await a_gate(stage, shop, name=f"gate of round {round_}")
    stage.clock.advance(days=2)

    scan, gift = await asyncio.gather(
        a_scan(stage, shop, gate, typed(made.tickets[0])),
        give(second.world, made.tickets[0].id, FRIEND),
        return_exceptions=True,
    )
    await stage.work()

    assert isinstance(scan, dict)
    assert scan["admit"] != isinstance(gift, Given)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ("UPDATE credential SET uses_left = 0", "used_up"),
        ("UPDATE ticket SET state = 'revoked'", "revoked"),
        ("UPDATE credential SET state = 'revoked'", "revoked"),
        (None, "used_up"),
        ("UPDATE ticket SET generation = 255", "not_a_gift"),
    ],
    ids=["used", "revoked", "revoked at the issuer", "past", "too often"],
)
async def test_what_is_not_good_any_more_cannot_be_given(
    stage: Stage, shop: Shop, spoil: str | None, reason: str
) -> None:
    made = await a_booking(stage, shop, worked=True)
    if spoil is None:
        stage.clock.advance(days=400)
    else:
        await stage.sql(spoil)

    with pytest.raises(WrongState) as refusal:
        await give(stage.world, made.tickets[0].id, FRIEND)

    assert refusal.value.more["reason"] == reason
    assert await stage.value("SELECT count(*) FROM ticket") == 1
    assert stage.carrier.inbox(FRIEND) == []


async def test_a_product_that_is_personal_stays_with_its_buyer(blank: Stage) -> None:
    pass_ = a_product("pass", "ride", transfer="never", prices=(a_price("adult", 1_000),), valid_days=30)
    shop = await a_catalogue(blank, an_issuer(products=(pass_,)))
    made = await a_booking(blank, shop, of="pass/open", category="adult", worked=True)

    with pytest.raises(WrongState) as refusal:
        await give(blank.world, made.tickets[0].id, FRIEND)

    assert refusal.value.more["reason"] == "not_a_gift"


async def test_nobody_gives_to_oneself_or_what_is_not_there(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True)

    with pytest.raises(BadHandset):
        await give(stage.world, made.tickets[0].id, BUYER)
    with pytest.raises(NotFound):
        await give(stage.world, shop.issuer, FRIEND)


async def test_one_handset_gives_five_tickets_an_hour_even_all_at_once(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, quantity=6, worked=True)
    outcomes = await asyncio.gather(
        *(give(stage.world, ticket.id, FRIEND) for ticket in made.tickets), return_exceptions=True
    )

    refused = [ticket for ticket, one in zip(made.tickets, outcomes, strict=True) if isinstance(one, TooMany)]
    assert len(refused) == 1
    assert sum(isinstance(one, Given) for one in outcomes) == 5
    stage.clock.advance(minutes=61)
    assert isinstance(await give(stage.world, refused[0].id, FRIEND), Given)
