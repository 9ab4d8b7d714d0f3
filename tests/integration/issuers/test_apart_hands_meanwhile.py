"""What else may happen to a ticket, or to the money for it, while its issuer has not answered; and offers of it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

import pytest
import pytest_asyncio
from apart_hands_kit import Dying, a_ticket, assert_one_opens, assert_sound, inbox, later, look, present, the_tickets
from builders import BUYER, FRIEND, a_booking, an_account
from fakes import Killed
from mortal import Fate
from offers_kit import SOLD_ON, won
from two_servers_kit import Cut, Two

from app.domain.entry_rules import UNLIMITED_USES
from app.domain.gift import Standing
from app.domain.refund import RefundReason
from app.domain.refusals import HandoverPending, NotEnoughValue, Refusal, WrongState
from app.flows.hands import give, offer
from app.flows.hands.offered import Offered
from app.flows.hands.reissue import reissue
from app.flows.paying.pay import Tender, pay
from app.flows.returning import refund
from app.flows.sellers import registry
from app.flows.staff import Member
from app.flows.tickets import register
from app.ports import Prepaid

pytest_plugins = ("apart_plugin",)

BOSS = Member(UUID(int=1), None, frozenset({"gates", "read", "refund"}), "the box office")
PRICE = 50_000
STEPS_MAX = 80


@pytest.fixture
def two(kept: Two) -> Two:
    """None of these tests changes what is sold, but for who may sell it on."""
    return kept


@pytest_asyncio.fixture
async def resellable(kept: Two) -> AsyncIterator[Two]:
    """Both servers, while tickets may be sold on for what they cost."""
    await kept.both(SOLD_ON)
    yield kept
    await kept.both("UPDATE product SET transfer = 'free'")


async def begun(two: Two, cut: Cut = Cut.AFTER) -> UUID:
    """A ticket that its holder has given to FRIEND, of which nothing was heard since."""
    old = await a_ticket(two)
    two.line.down = cut
    with pytest.raises(HandoverPending):
        await give.give(two.seller.world, old.id, FRIEND)
    identity: UUID = old.id
    return identity


# --- on our books ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER], ids=lambda cut: cut.name.lower())
async def test_a_ticket_that_staff_revoke_meanwhile_opens_nothing_under_any_number(two: Two, cut: Cut) -> None:
    old = await begun(two, cut)
    await register.revoke(two.seller.world, old, reason="sold by mistake", free_place=False, tell_holder=True)

    await later(two)

    tickets = await the_tickets(two)
    assert {one.state for one in tickets} == {"revoked"}
    assert [(await present(two, one.id))["reason"] for one in tickets] == ["revoked"] * len(tickets)
    assert cut is Cut.BEFORE or len(tickets) == 2
    assert inbox(two, FRIEND) == [], "nobody was told of a ticket that is none"
    await assert_sound(two)


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER], ids=lambda cut: cut.name.lower())
async def test_a_ticket_that_is_returned_meanwhile_is_money_and_no_ticket(two: Two, cut: Cut) -> None:
    old = await begun(two, cut)
    booking = (await look(two, old)).booking_id
    asked = refund.ask(two.seller.world, booking_id=booking, ticket_ids=[old], reason=RefundReason.STAFF, by="kim")
    with suppress(Refusal):
        await asked

    await later(two)

    states = {one.state for one in await the_tickets(two)}
    paid_back = await two.seller.value("SELECT count(*) FROM refund WHERE state = 'succeeded'")
    assert states == ({"revoked"} if paid_back else {"revoked", "valid"})
    assert await two.issuer.value("SELECT count(*) FROM credential WHERE state = 'valid'") == 1 - paid_back
    await assert_sound(two)


async def test_a_ticket_whose_payment_is_disputed_meanwhile_is_suspended_with_its_receiver(two: Two) -> None:
    old = await begun(two)
    await two.seller.sql("UPDATE ticket SET state = 'suspended' WHERE id = :id", id=old)

    await later(two)

    first, second = await the_tickets(two)
    assert (first.state, second.state, second.handset) == ("revoked", "suspended", FRIEND)
    assert (await present(two, second.id))["reason"] == "suspended"


async def test_what_the_issuer_itself_revokes_first_is_revoked_here_too_and_its_holder_is_told(two: Two) -> None:
    old = await begun(two, Cut.BEFORE)
    await registry.revoke(two.issuer.world, BOSS, old, reason="stolen")

    await later(two)

    assert [one.state for one in await the_tickets(two)] == ["revoked"]
    assert (await look(two, old)).revoked_why == "revoked by the issuer"
    assert len(inbox(two)) == 2
    assert inbox(two, FRIEND) == []
    await assert_sound(two)


async def test_gifts_under_way_count_among_those_of_an_hour(two: Two) -> None:
    world = replace(two.seller.world, house=replace(two.seller.world.house, gifts_per_hour_max=1))
    first, second = await a_ticket(two), await a_ticket(two)
    two.line.down = Cut.BEFORE
    for _ in range(2):
        with pytest.raises(HandoverPending):
            await give.give(world, first.id, FRIEND)

    with pytest.raises(Refusal, match="within the hour"):
        await give.give(world, second.id, FRIEND)


# --- offers ---------------------------------------------------------------------------------------------------------


async def an_offer(two: Two, asked: int = 0, **given: str) -> Offered:
    old = await a_ticket(two, **given)
    return await offer.offer(two.seller.world, old.id, FRIEND, asked)


async def test_an_offer_is_taken_at_the_issuer(two: Two) -> None:
    made = await an_offer(two)

    given = await offer.accept(two.seller.world, made.id, by=FRIEND)

    assert (await look(two, given.id)).came_by == "offered"
    assert (await offer.look(two.seller.world, made.id, by=BUYER)).standing is Standing.ACCEPTED
    assert (await assert_one_opens(two)).id == given.id
    await later(two)
    await assert_sound(two)


async def test_an_offer_that_waits_for_the_issuer_is_neither_withdrawn_nor_declined(two: Two) -> None:
    made = await an_offer(two)
    two.line.down = Cut.AFTER
    for _ in range(2):
        with pytest.raises(HandoverPending):
            await offer.accept(two.seller.world, made.id, by=FRIEND)

    for verb, by in ((offer.withdraw, BUYER), (offer.decline, FRIEND)):
        with pytest.raises(WrongState) as refused:
            await verb(two.seller.world, made.id, by=by)
        assert refused.value.more["reason"] == "under_way"
    await later(two)

    assert (await offer.accept(two.seller.world, made.id, by=FRIEND)).handset == FRIEND
    assert (await assert_one_opens(two)).handset == FRIEND
    await later(two)
    await assert_sound(two)


async def test_reissuing_a_ticket_ends_its_offer_only_when_the_issuer_has_done_it(two: Two) -> None:
    made = await an_offer(two)
    two.line.down = Cut.BEFORE
    with pytest.raises(HandoverPending):
        await reissue(two.seller.world, made.ticket_id, "the phone was lost")

    with pytest.raises(WrongState) as refused:
        await offer.accept(two.seller.world, made.id, by=FRIEND)
    before = (await offer.look(two.seller.world, made.id, by=BUYER)).standing
    await later(two)

    assert refused.value.more["reason"] == "under_way"
    assert before is Standing.OPEN
    assert (await offer.look(two.seller.world, made.id, by=BUYER)).standing is Standing.WITHDRAWN


# --- for money ------------------------------------------------------------------------------------------------------


async def test_a_resale_moves_ticket_and_money_together(resellable: Two) -> None:
    two = resellable
    pin = await an_account(two.seller, two.shop, PRICE, handset=FRIEND)
    made = await an_offer(two, PRICE)

    given = await offer.accept(two.seller.world, made.id, by=FRIEND, pin=pin)

    assert await won(two.seller) == {BUYER: PRICE, FRIEND: 0}
    assert (await look(two, given.id)).came_by == "resold"
    assert (await assert_one_opens(two)).id == given.id
    await later(two)
    await assert_sound(two)


async def test_the_price_is_set_aside_until_the_issuer_answers_and_cannot_be_spent_meanwhile(resellable: Two) -> None:
    two = resellable
    pin = await an_account(two.seller, two.shop, PRICE, handset=FRIEND)
    made = await an_offer(two, PRICE)
    booked = await a_booking(two.seller, two.shop, of="play/wed", category="S", buyer=FRIEND)
    two.line.down = Cut.AFTER
    with pytest.raises(HandoverPending):
        await offer.accept(two.seller.world, made.id, by=FRIEND, pin=pin)
    two.line.down = None
    two.clock.advance(seconds=3)

    assert await won(two.seller) == {BUYER: 0, FRIEND: 0}
    with pytest.raises(Refusal):
        await pay(two.seller.world, booked.id, [Tender(Prepaid(FRIEND, pin))])
    await later(two)

    assert await won(two.seller) == {BUYER: PRICE, FRIEND: 0}
    assert (await the_tickets(two))[-1].handset == FRIEND
    await assert_sound(two)


async def test_a_resale_that_is_refused_gives_the_money_back(resellable: Two) -> None:
    two = resellable
    pin = await an_account(two.seller, two.shop, PRICE, handset=FRIEND)
    made = await an_offer(two, 3_000, of="carnet/open", category="adult")
    two.line.down = Cut.BEFORE
    with pytest.raises(HandoverPending):
        await offer.accept(two.seller.world, made.id, by=FRIEND, pin=pin)
    aside = await won(two.seller)
    await present(two, made.ticket_id)
    await later(two)

    with pytest.raises(WrongState, match="used after it was offered") as refused:
        await offer.accept(two.seller.world, made.id, by=FRIEND, pin=pin)

    assert aside == {BUYER: 0, FRIEND: PRICE - 3_000}
    assert refused.value.more["reason"] == "used_since"
    assert await won(two.seller) == {BUYER: 0, FRIEND: PRICE}
    assert [one.state for one in await the_tickets(two)] == ["valid"]
    await later(two)
    await assert_sound(two)


async def test_a_pass_that_was_used_since_is_not_paid_for(resellable: Two) -> None:
    two = resellable
    before = await two.seller.value("SELECT uses FROM product WHERE slug = 'carnet'")
    await two.both("UPDATE product SET uses = :uses WHERE slug = 'carnet'", uses=UNLIMITED_USES)
    try:
        pin = await an_account(two.seller, two.shop, PRICE, handset=FRIEND)
        made = await an_offer(two, 3_000, of="carnet/open", category="adult")
        two.clock.advance(minutes=1)
        await present(two, made.ticket_id)

        with pytest.raises(WrongState) as refused:
            await offer.accept(two.seller.world, made.id, by=FRIEND, pin=pin)
    finally:
        await two.both("UPDATE product SET uses = :uses WHERE slug = 'carnet'", uses=before)

    assert refused.value.more["reason"] == "used_since"
    assert await won(two.seller) == {BUYER: 0, FRIEND: PRICE}


async def test_whoever_has_too_little_begins_nothing(resellable: Two) -> None:
    two = resellable
    pin = await an_account(two.seller, two.shop, PRICE - 1, handset=FRIEND)
    made = await an_offer(two, PRICE)

    with pytest.raises(NotEnoughValue):
        await offer.accept(two.seller.world, made.id, by=FRIEND, pin=pin)

    assert await two.seller.value("SELECT count(*) FROM handover") == 0


async def test_a_resold_ticket_that_was_revoked_meanwhile_is_not_paid_for(resellable: Two) -> None:
    two = resellable
    pin = await an_account(two.seller, two.shop, PRICE, handset=FRIEND)
    made = await an_offer(two, PRICE)
    two.line.down = Cut.AFTER
    with pytest.raises(HandoverPending):
        await offer.accept(two.seller.world, made.id, by=FRIEND, pin=pin)
    await register.revoke(
        two.seller.world, made.ticket_id, reason="sold by mistake", free_place=False, tell_holder=True
    )

    await later(two)

    assert await won(two.seller) == {BUYER: 0, FRIEND: PRICE}
    assert {one.state for one in await the_tickets(two)} == {"revoked"}
    await assert_sound(two)


async def test_dying_anywhere_while_a_ticket_is_sold_on_moves_ticket_and_money_or_neither(resellable: Two) -> None:
    two = resellable
    ends, met = set(), True
    for at in itertools.count(1):
        pin = await an_account(two.seller, two.shop, 1_000, handset=FRIEND)
        made = await an_offer(two, 1_000, of="carnet/open", category="adult")
        before = await won(two.seller)
        fate = Fate(at)
        with suppress(Killed, Refusal):
            await offer.accept(Dying(two).stage(fate).world, made.id, by=FRIEND, pin=pin)
        met = fate.met
        await later(two)
        after = await won(two.seller)
        moved = (await offer.look(two.seller.world, made.id, by=BUYER)).standing is Standing.ACCEPTED
        assert after == {BUYER: before[BUYER] + 1_000 * moved, FRIEND: before[FRIEND] - 1_000 * moved}
        assert (await look(two, made.ticket_id)).state == ("revoked" if moved else "valid")
        ends.add(moved)
        if not met:
            break
        assert at < STEPS_MAX
    assert ends == {True, False}
    await later(two)
    await assert_sound(two)
