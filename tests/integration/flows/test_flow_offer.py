"""An offer: the ticket stays its giver's until it is taken; then it is the receiver's alone, and paid for."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from builders import BUYER, FRIEND, Shop, Stage, a_booking, a_gate, a_scan, an_account, pin, typed
from offers_kit import a_ticket, an_offer, rules, states, won

from app.domain.gift import Standing
from app.domain.handset import Handset
from app.domain.refusals import (
    BadHandset,
    BadLine,
    Locked,
    NotEnoughValue,
    NotFound,
    PaymentRefused,
    TooMany,
    WrongState,
)
from app.flows.hands import offer
from app.flows.hands.give import give
from app.flows.hands.offer import Given
from app.flows.tickets import show
from app.store import audit
from app.store.audit import INVARIANTS

pytest_plugins = ("offers_plugin",)

THIRD = Handset("+821055551234")


LOOKED_AT = {"I2", "I4", "I6", "I7", "I8", "I10"}


async def breaches(stage: Stage) -> list[str]:
    """What the audit of money, value and states says."""
    async with stage.database.transaction() as tx:
        await audit.begin(tx, now=stage.clock.now())
        found = [await audit.breaches(tx, one, most=5) for one in INVARIANTS if one.name in LOOKED_AT]
    return [f"{row.subject}: {row.problem}" for _, rows in found for row in rows]


# --- offered and accepted -------------------------------------------------------------------------------------------


async def test_an_offer_leaves_the_ticket_with_its_giver(stage: Stage, shop: Shop) -> None:
    made = await an_offer(stage, shop)

    assert made.standing is Standing.OPEN
    assert await states(stage, made.ticket_id) == ("valid", "valid")
    (told,) = stage.carrier.inbox(FRIEND)
    assert told.startswith("010-****-5678 offers you a ticket as a gift\nThe Post Office")
    token = told.rpartition("/o/")[2]
    assert (await offer.by_link(stage.world, token)).id == made.id


async def test_an_accepted_offer_is_a_new_ticket_and_the_old_codes_die(stage: Stage, shop: Shop) -> None:
    made = await an_offer(stage, shop)

    given = await offer.accept(stage.world, made.id, by=FRIEND)
    await stage.work()

    new = await show.ticket(stage.world, given.id)
    assert (new.handset, new.came_by, new.gift_of, new.generation) == (FRIEND, "offered", made.ticket_id, 2)
    assert await states(stage, made.ticket_id) == ("revoked", "revoked")
    assert await states(stage, new.id) == ("valid", "valid")
    assert f"PIN {pin(new)}" in stage.carrier.inbox(FRIEND)[-1]
    assert stage.carrier.inbox(BUYER)[-1].endswith("is now with 010-****-4321.")
    assert (await offer.look(stage.world, made.id, by=BUYER)).standing is Standing.ACCEPTED


async def test_a_ticket_whose_registration_is_still_owed_can_be_offered_and_taken(stage: Stage, shop: Shop) -> None:
    ticket = (await a_booking(stage, shop, paid=True)).tickets[0]

    made = await offer.offer(stage.world, ticket.id, FRIEND)
    given = await offer.accept(stage.world, made.id, by=FRIEND)
    await stage.work()

    assert await states(stage, ticket.id) == ("revoked", "revoked")
    assert await states(stage, given.id) == ("valid", "valid")


async def test_accepting_twice_gives_the_same_ticket(stage: Stage, second: Stage, shop: Shop) -> None:
    made = await an_offer(stage, shop)

    both = await asyncio.gather(
        offer.accept(stage.world, made.id, by=FRIEND), offer.accept(second.world, made.id, by=FRIEND)
    )

    assert both[0] == both[1] == await offer.accept(stage.world, made.id, by=FRIEND)
    assert await stage.value("SELECT count(*) FROM ticket") == 2


async def test_the_same_offer_again_is_the_same_offer_and_another_has_to_wait(stage: Stage, shop: Shop) -> None:
    made = await an_offer(stage, shop)

    assert await offer.offer(stage.world, made.ticket_id, FRIEND) == made
    with pytest.raises(WrongState, match="on offer to 010-••••-4321 already") as refused:
        await offer.offer(stage.world, made.ticket_id, THIRD)
    await offer.withdraw(stage.world, made.id, by=BUYER)

    assert refused.value.more["reason"] == "offered"
    assert (await offer.offer(stage.world, made.ticket_id, THIRD)).receiver == THIRD


async def test_of_two_offers_at_once_one_is_made(stage: Stage, second: Stage, shop: Shop) -> None:
    ticket = await a_ticket(stage, shop)

    outcomes = await asyncio.gather(
        offer.offer(stage.world, ticket.id, FRIEND),
        offer.offer(second.world, ticket.id, THIRD),
        return_exceptions=True,
    )

    assert sorted(type(one).__name__ for one in outcomes) == ["Offered", "WrongState"]


# --- declined, withdrawn, over --------------------------------------------------------------------------------------


async def test_a_declined_offer_is_told_to_its_giver_who_keeps_the_ticket(stage: Stage, shop: Shop) -> None:
    made = await an_offer(stage, shop)

    declined = await offer.decline(stage.world, made.id, by=FRIEND)
    again = await offer.decline(stage.world, made.id, by=FRIEND)
    await stage.work()

    assert declined == again
    assert declined.standing is Standing.DECLINED
    assert await states(stage, made.ticket_id) == ("valid", "valid")
    (told,) = [text for text in stage.carrier.inbox(BUYER) if "declined" in text]
    assert told.endswith("It is still yours.")
    with pytest.raises(WrongState, match="was declined"):
        await offer.accept(stage.world, made.id, by=FRIEND)


async def test_a_withdrawn_offer_cannot_be_accepted(stage: Stage, shop: Shop) -> None:
    made = await an_offer(stage, shop)

    withdrawn = await offer.withdraw(stage.world, made.id, by=BUYER)

    assert withdrawn.standing is Standing.WITHDRAWN
    assert await offer.withdraw(stage.world, made.id, by=BUYER) == withdrawn
    for late in (offer.accept, offer.decline):
        with pytest.raises(WrongState, match="withdrawn"):
            await late(stage.world, made.id, by=FRIEND)


async def test_an_offer_ends_by_itself_after_two_days_and_at_the_start(stage: Stage, shop: Shop) -> None:
    play = await a_ticket(stage, shop)  # in two days
    carnet = await a_ticket(stage, shop, of="carnet/open", category="adult")

    dated = await offer.offer(stage.world, play.id, FRIEND)
    undated = await offer.offer(stage.world, carnet.id, FRIEND)
    stage.clock.advance(hours=48)

    assert dated.until == play.starts_at
    for one in (dated, undated):
        assert (await offer.look(stage.world, one.id, by=BUYER)).standing is Standing.EXPIRED
        with pytest.raises(WrongState, match="time is over"):
            await offer.accept(stage.world, one.id, by=FRIEND)
    assert await offer.of_handset(stage.world, FRIEND) == []
    assert (await offer.offer(stage.world, carnet.id, THIRD)).standing is Standing.OPEN


async def test_a_gift_to_somebody_else_ends_the_offer(stage: Stage, shop: Shop) -> None:
    made = await an_offer(stage, shop)

    await give(stage.world, made.ticket_id, THIRD)

    with pytest.raises(WrongState, match="went elsewhere"):
        await offer.accept(stage.world, made.id, by=FRIEND)


async def test_an_offer_of_a_ticket_that_was_revoked_is_open_no_more(stage: Stage, shop: Shop) -> None:
    made = await an_offer(stage, shop)
    await stage.sql("UPDATE ticket SET state = 'revoked', revoked_at = now() WHERE id = :id", id=made.ticket_id)

    assert (await offer.look(stage.world, made.id, by=FRIEND)).standing is Standing.WITHDRAWN
    with pytest.raises(WrongState, match="went elsewhere"):
        await offer.decline(stage.world, made.id, by=FRIEND)


async def test_an_offer_that_ended_before_its_message_was_sent_is_told_to_nobody(stage: Stage, shop: Shop) -> None:
    ticket = await a_ticket(stage, shop)
    made = await offer.offer(stage.world, ticket.id, FRIEND)
    await offer.withdraw(stage.world, made.id, by=BUYER)

    await stage.work()

    assert stage.carrier.inbox(FRIEND) == []


async def test_accepting_and_withdrawing_at_once_end_in_one_of_the_two(stage: Stage, second: Stage, shop: Shop) -> None:
    made = await an_offer(stage, shop)

    accepted, withdrawn = await asyncio.gather(
        offer.accept(stage.world, made.id, by=FRIEND),
        offer.withdraw(second.world, made.id, by=BUYER),
        return_exceptions=True,
    )

    assert isinstance(accepted, Given) != isinstance(withdrawn, offer.Offered)


@pytest.mark.parametrize("first", ["gate", "receiver"])
async def test_a_gate_and_a_receiver_at_the_same_moment_never_both_count(
    stage: Stage, second: Stage, shop: Shop, first: str
) -> None:
    ticket = await a_ticket(stage, shop)
    gate = await a_gate(stage, shop, name=f"gate where the {first} begins")
    stage.clock.advance(hours=47)
    made = await offer.offer(stage.world, ticket.id, FRIEND)
    both = [a_scan(stage, shop, gate, typed(ticket)), offer.accept(second.world, made.id, by=FRIEND)]

    outcomes = await asyncio.gather(*(both if first == "gate" else reversed(both)), return_exceptions=True)

    (scan,) = [one for one in outcomes if isinstance(one, dict)]
    (taken,) = [one for one in outcomes if not isinstance(one, dict)]
    assert isinstance(taken, Given | WrongState)
    assert scan["admit"] != isinstance(taken, Given)


@pytest.mark.parametrize("first", ["gate", "receiver"])
async def test_whoever_comes_second_to_a_ticket_on_offer_finds_nothing(stage: Stage, shop: Shop, first: str) -> None:
    ticket = await a_ticket(stage, shop)
    gate = await a_gate(stage, shop, name=f"gate with the {first} first")
    stage.clock.advance(hours=47)
    made = await offer.offer(stage.world, ticket.id, FRIEND)

    if first == "gate":
        assert (await a_scan(stage, shop, gate, typed(ticket)))["admit"]
        with pytest.raises(WrongState, match="used up"):
            await offer.accept(stage.world, made.id, by=FRIEND)
    else:
        given = await offer.accept(stage.world, made.id, by=FRIEND)
        assert (await a_scan(stage, shop, gate, typed(ticket)))["reason"] == "revoked"
        assert (await a_scan(stage, shop, gate, typed(await show.ticket(stage.world, given.id))))["admit"]


# --- who may, and what ----------------------------------------------------------------------------------------------


async def test_an_offer_is_nobody_elses_business(stage: Stage, shop: Shop) -> None:
    made = await an_offer(stage, shop)

    for verb in (offer.accept, offer.decline):
        with pytest.raises(NotFound):
            await verb(stage.world, made.id, by=BUYER)
    with pytest.raises(NotFound):
        await offer.withdraw(stage.world, made.id, by=FRIEND)
    with pytest.raises(NotFound):
        await offer.look(stage.world, made.id, by=THIRD)
    for verb in (offer.accept, offer.decline, offer.withdraw):
        with pytest.raises(NotFound):
            await verb(stage.world, shop.issuer, by=FRIEND)
    for link in ("short", "A" * 22):
        with pytest.raises(NotFound):
            await offer.by_link(stage.world, link)


async def test_both_sides_see_what_is_open(stage: Stage, shop: Shop) -> None:
    made = await an_offer(stage, shop)

    assert await offer.of_handset(stage.world, FRIEND) == await offer.of_handset(stage.world, BUYER) == [made]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ("UPDATE credential SET uses_left = 0", "used_up"),
        ("UPDATE ticket SET state = 'revoked', revoked_at = now()", "revoked"),
        ("UPDATE ticket SET state = 'suspended'", "suspended"),
        ("UPDATE credential SET state = 'suspended'", "suspended"),
        ("UPDATE ticket SET generation = 255", "not_a_gift"),
    ],
    ids=["used", "revoked", "suspended", "suspended at the gate", "too often"],
)
async def test_what_may_not_change_hands_is_not_offered_and_not_accepted(
    stage: Stage, shop: Shop, spoil: str, reason: str
) -> None:
    ticket = await a_ticket(stage, shop)
    made = await offer.offer(stage.world, ticket.id, FRIEND)
    await stage.sql(spoil)

    with pytest.raises(WrongState) as unaccepted:
        await offer.accept(stage.world, made.id, by=FRIEND)
    await offer.withdraw(stage.world, made.id, by=BUYER)
    with pytest.raises(WrongState) as unoffered:
        await offer.offer(stage.world, ticket.id, THIRD)

    assert unoffered.value.more["reason"] == reason
    assert unaccepted.value.more["reason"] in {reason, "closed"}
    assert await stage.value("SELECT count(*) FROM ticket") == 1


async def test_a_ticket_that_is_inside_stays_with_its_holder_until_it_has_left(stage: Stage, shop: Shop) -> None:
    ticket = await a_ticket(stage, shop, of="carnet/open", category="adult")
    made = await offer.offer(stage.world, ticket.id, FRIEND)
    await stage.sql("UPDATE credential SET uses_left = 2, inside = 1")

    async with rules(stage, reentry=True):
        with pytest.raises(WrongState, match="Somebody is inside"):
            await offer.accept(stage.world, made.id, by=FRIEND)
        with pytest.raises(WrongState, match="Somebody is inside"):
            await give(stage.world, ticket.id, THIRD)
        await offer.withdraw(stage.world, made.id, by=BUYER)
        with pytest.raises(WrongState, match="Somebody is inside"):
            await offer.offer(stage.world, ticket.id, THIRD)
        await stage.sql("UPDATE credential SET inside = 0")
        assert (await give(stage.world, ticket.id, THIRD)).handset == THIRD


async def test_a_ticket_nobody_may_hand_on_so_late_is_not_offered(stage: Stage, shop: Shop) -> None:
    ticket = await a_ticket(stage, shop)
    await stage.sql("UPDATE product SET transfer_minutes_before = 60 WHERE slug = 'play'")
    try:
        stage.clock.advance(hours=46)
        made = await offer.offer(stage.world, ticket.id, FRIEND)
        stage.clock.advance(hours=1)
        with pytest.raises(WrongState) as refused:
            await give(stage.world, ticket.id, FRIEND)
        with pytest.raises(WrongState, match="time is over"):
            await offer.accept(stage.world, made.id, by=FRIEND)
    finally:
        await stage.sql("UPDATE product SET transfer_minutes_before = NULL WHERE slug = 'play'")
    assert refused.value.more["reason"] == "too_late"


async def test_nobody_offers_to_oneself_or_what_is_not_there(stage: Stage, shop: Shop) -> None:
    ticket = await a_ticket(stage, shop)

    with pytest.raises(BadHandset):
        await offer.offer(stage.world, ticket.id, BUYER)
    with pytest.raises(NotFound):
        await offer.offer(stage.world, shop.issuer, FRIEND)
    with pytest.raises(BadLine):
        await offer.offer(stage.world, ticket.id, FRIEND, -1)


async def test_offers_and_gifts_together_are_five_an_hour(stage: Stage, shop: Shop) -> None:
    tickets = [await a_ticket(stage, shop, of="carnet/open", category="adult") for _ in range(2)]
    await give(stage.world, tickets[0].id, FRIEND)
    for _ in range(4):
        made = await offer.offer(stage.world, tickets[1].id, FRIEND)
        await offer.withdraw(stage.world, made.id, by=BUYER)

    with pytest.raises(TooMany):
        await offer.offer(stage.world, tickets[1].id, FRIEND)


# --- for money ------------------------------------------------------------------------------------------------------


async def test_a_resale_moves_the_ticket_and_the_money_together(stage: Stage, resellable: Shop) -> None:
    secret = await an_account(stage, resellable, 70_000, handset=FRIEND)
    made = await an_offer(stage, resellable, 60_000)
    assert "offers you a ticket for KRW 60,000" in stage.carrier.inbox(FRIEND)[-1]

    given = await offer.accept(stage.world, made.id, by=FRIEND, pin=secret)
    await stage.work()

    assert await won(stage) == {BUYER: 60_000, FRIEND: 10_000}
    assert (await show.ticket(stage.world, given.id)).came_by == "resold"
    assert any("잔액 60,000원, 비밀번호 PIN" in text for text in stage.carrier.inbox(BUYER))
    (moved,) = await stage.sql("SELECT * FROM transfer WHERE kind = 'resale'")
    assert (moved.amount, moved.key) == (60_000, f"resale-{made.id}")
    assert await breaches(stage) == []
    assert await offer.accept(stage.world, made.id, by=FRIEND) == given


async def test_what_may_not_be_sold_on_any_more_is_not_paid_for(stage: Stage, resellable: Shop) -> None:
    secret = await an_account(stage, resellable, 70_000, handset=FRIEND)
    made = await an_offer(stage, resellable, 60_000)
    await stage.sql("UPDATE product SET transfer = 'free'")

    with pytest.raises(WrongState) as refused:
        await offer.accept(stage.world, made.id, by=FRIEND, pin=secret)

    assert refused.value.more["reason"] == "only_free"
    assert (await won(stage))[FRIEND] == 70_000


async def test_who_has_too_little_hears_what_is_missing_and_the_offer_stays(stage: Stage, resellable: Shop) -> None:
    secret = await an_account(stage, resellable, 45_000, handset=FRIEND)
    made = await an_offer(stage, resellable, 60_000)

    with pytest.raises(NotEnoughValue, match="₩45,000, and ₩15,000 are missing") as refused:
        await offer.accept(stage.world, made.id, by=FRIEND, pin=secret)

    assert refused.value.more["missing"] == 15_000
    assert await states(stage, made.ticket_id) == ("valid", "valid")
    assert (await offer.look(stage.world, made.id, by=FRIEND)).standing is Standing.OPEN
    await an_account(stage, resellable, 15_000, handset=FRIEND)
    await offer.accept(stage.world, made.id, by=FRIEND, pin=secret)
    assert await won(stage) == {BUYER: 60_000, FRIEND: 0}


async def test_a_price_is_paid_with_the_receivers_pin_only_and_guessing_locks(stage: Stage, resellable: Shop) -> None:
    secret = await an_account(stage, resellable, 70_000, handset=FRIEND)
    made = await an_offer(stage, resellable, 1)
    wrong = "000000" if secret != "000000" else "111111"

    for entered in ("", wrong, wrong, wrong, wrong):
        with pytest.raises(PaymentRefused) as refused:
            await offer.accept(stage.world, made.id, by=FRIEND, pin=entered)
    with pytest.raises(Locked):
        await offer.accept(stage.world, made.id, by=FRIEND, pin=secret)
    stage.clock.advance(minutes=11)
    await offer.accept(stage.world, made.id, by=FRIEND, pin=secret)

    assert refused.value.more["reason"] == "wrong_pin"
    assert await won(stage) == {BUYER: 1, FRIEND: 69_999}


async def test_who_has_no_emoney_cannot_pay(stage: Stage, resellable: Shop) -> None:
    made = await an_offer(stage, resellable, 1)

    with pytest.raises(PaymentRefused):
        await offer.accept(stage.world, made.id, by=FRIEND, pin="123456")


@pytest.mark.parametrize(("asked", "reason"), [(60_001, "too_dear"), (60_000, None)])
async def test_a_ticket_is_never_sold_for_more_than_it_cost(
    stage: Stage, resellable: Shop, asked: int, reason: str | None
) -> None:
    ticket = await a_ticket(stage, resellable)

    if reason is None:
        assert (await offer.offer(stage.world, ticket.id, FRIEND, asked)).asked.amount == asked
        return
    with pytest.raises(WrongState, match="cost ₩60,000") as refused:
        await offer.offer(stage.world, ticket.id, FRIEND, asked)
    assert refused.value.more == {"reason": "too_dear", "most": 60_000}


async def test_a_product_that_is_free_to_give_is_not_sold_on(stage: Stage, shop: Shop) -> None:
    ticket = await a_ticket(stage, shop)

    with pytest.raises(WrongState) as refused:
        await offer.offer(stage.world, ticket.id, FRIEND, 1)

    assert refused.value.more["reason"] == "only_free"


@pytest.mark.parametrize(
    ("of", "category", "use"),
    [
        ("carnet/open", "adult", "UPDATE credential SET uses_left = 2"),
        ("gift/open", "gift", "UPDATE credential SET balance = 49999"),
        ("carnet/open", "adult", "UPDATE credential SET last_used_at = '2099-01-01T00:00Z'"),
    ],
    ids=["a ride", "value", "a pass whose time runs"],
)
async def test_what_was_used_after_it_was_offered_is_not_paid_for(
    stage: Stage, resellable: Shop, of: str, category: str, use: str
) -> None:
    secret = await an_account(stage, resellable, 70_000, handset=FRIEND)
    ticket = await a_ticket(stage, resellable, of=of, category=category)
    made = await offer.offer(stage.world, ticket.id, FRIEND, 4_000)
    await stage.sql(use)

    with pytest.raises(WrongState) as refused:
        await offer.accept(stage.world, made.id, by=FRIEND, pin=secret)

    assert refused.value.more["reason"] == "used_since"
    assert await won(stage) == {BUYER: 0, FRIEND: 70_000}
    assert await states(stage, ticket.id) == ("valid", "valid")


async def test_money_spent_at_the_same_moment_is_not_spent_twice(stage: Stage, second: Stage, resellable: Shop) -> None:
    secret = await an_account(stage, resellable, 60_000, handset=FRIEND)
    made = [await an_offer(stage, resellable, 60_000) for _ in range(2)]

    outcomes = await asyncio.gather(
        *(
            offer.accept(one.world, offered.id, by=FRIEND, pin=secret)
            for one, offered in zip((stage, second), made, strict=True)
        ),
        return_exceptions=True,
    )

    assert sorted(type(one).__name__ for one in outcomes) == ["Given", "NotEnoughValue"]
    assert await won(stage) == {BUYER: 60_000, FRIEND: 0}


async def test_the_giver_can_spend_what_the_ticket_brought(stage: Stage, resellable: Shop) -> None:
    secret = await an_account(stage, resellable, 60_000, handset=FRIEND)
    made = await an_offer(stage, resellable, 60_000)
    await offer.accept(stage.world, made.id, by=FRIEND, pin=secret)

    own = await an_account(stage, resellable, 1)
    back = await offer.offer(stage.world, await a_tickets_id(stage), BUYER, 60_000)
    await offer.accept(stage.world, back.id, by=BUYER, pin=own)

    assert await won(stage) == {BUYER: 1, FRIEND: 60_000}


async def a_tickets_id(stage: Stage) -> UUID:
    found: UUID = await stage.value("SELECT id FROM ticket WHERE state = 'valid'")
    return found
