"""Issued anew: the same right under new codes, with all that was begun with it; and the chain of those who had it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from builders import BUYER, FRIEND, Shop, Stage, a_booking, a_gate, a_scan, pin, typed
from gate_scans_kit import Device, a_device, breaches
from offers_kit import a_ticket, rules, states

from app.domain.admission import Reason
from app.domain.entry_rules import UNLIMITED_USES, Direction
from app.domain.gate_log import Deed
from app.domain.refusals import HandoverPending, NotFound, WrongState
from app.flows.hands import offer
from app.flows.hands.chain import chain
from app.flows.hands.give import give, send_back
from app.flows.hands.reissue import reissue
from app.flows.hands.succession import Given
from app.flows.returning import refund
from app.flows.tickets import register, show
from app.store import register_gate, snapshot

LOST = "the phone was lost"


async def entry(stage: Stage, ticket_id: UUID) -> sa.Row[Any]:
    """What the register holds of a ticket."""
    (row,) = await stage.sql("SELECT * FROM credential WHERE ticket_id = :id", id=ticket_id)
    return row


async def test_the_new_codes_come_by_message_and_the_old_ones_are_dead(stage: Stage, shop: Shop) -> None:
    old = await a_ticket(stage, shop)

    given = await reissue(stage.world, old.id, LOST)
    await stage.work()

    new = await show.ticket(stage.world, given.id)
    assert (new.handset, new.came_by, new.place_id, new.holder) == (BUYER, "reissued", old.place_id, old.holder)
    assert new.number != old.number
    assert new.code != old.code
    assert pin(new) != pin(old)
    assert await states(stage, old.id) == ("revoked", "revoked")
    assert await states(stage, new.id) == ("valid", "valid")
    told = stage.carrier.inbox(BUYER)[-1]
    assert told.startswith("Your new ticket; the old number is void\n")
    assert f"PIN {pin(new)}" in told
    assert len(stage.carrier.inbox(BUYER)) == 2


async def test_the_old_page_says_that_it_is_revoked_and_not_given_away(stage: Stage, shop: Shop) -> None:
    old = await a_ticket(stage, shop)

    await reissue(stage.world, old.id, LOST)

    assert (await show.card(stage.world, await show.ticket(stage.world, old.id))).use is show.Use.REVOKED


async def test_issuing_anew_twice_is_once(stage: Stage, second: Stage, shop: Shop) -> None:
    old = await a_ticket(stage, shop)

    outcomes = await asyncio.gather(
        reissue(stage.world, old.id, LOST), reissue(second.world, old.id, LOST), return_exceptions=True
    )
    again = await reissue(stage.world, old.id, LOST)

    assert again in outcomes
    assert all(one == again or isinstance(one, WrongState) for one in outcomes)
    assert await stage.value("SELECT count(*) FROM ticket") == 2


async def test_another_number_gets_the_tickets_and_the_old_one_is_told(stage: Stage, shop: Shop) -> None:
    old = await a_ticket(stage, shop)

    given = await reissue(stage.world, old.id, "the holder has another number", receiver=FRIEND)
    await stage.work()

    assert given.handset == FRIEND
    assert stage.carrier.inbox(FRIEND)[0].startswith("Your new ticket")
    assert stage.carrier.inbox(BUYER)[-1].endswith("is now with 010-****-4321.")


async def a_rider_inside(stage: Stage, shop: Shop) -> tuple[Any, Device]:
    """A ticket of three uses whose holder went into the hall by a gate that people pass both ways."""
    ticket = await a_ticket(stage, shop, of="carnet/open", category="adult")
    gate = await a_device(stage, shop, direction=Direction.BOTH, area="hall")
    stage.clock.time = ticket.valid_from
    assert (await a_scan(stage, shop, gate.enrolled, typed(ticket)))["admit"]
    return ticket, gate


async def passes(stage: Stage, shop: Shop, gate: Device, ticket_id: UUID, direction: Direction) -> str:
    """What the gate says a minute later, to the codes that this ticket has."""
    stage.clock.advance(minutes=1)
    ticket = await show.ticket(stage.world, ticket_id)
    return str((await a_scan(stage, shop, gate.enrolled, typed(ticket), direction=direction))["reason"])


async def people(stage: Stage, shop: Shop) -> dict[str, int]:
    async with stage.database.statements() as tx:
        return await register_gate.occupancy(tx, shop.issuer, now=stage.clock.now())


async def test_who_is_inside_is_inside_with_the_new_ticket_and_leaves_by_it(stage: Stage, shop: Shop) -> None:
    old, gate = await a_rider_inside(stage, shop)

    given = await reissue(stage.world, old.id, LOST)

    new, before = await entry(stage, given.id), await entry(stage, old.id)
    assert (new.uses, new.uses_left, new.inside, new.area, before.inside) == (2, 2, 1, "hall", 0)
    assert new.last_used_at == before.last_used_at
    assert (await people(stage, shop), await breaches(stage)) == ({"hall": 1}, [])
    told = [await passes(stage, shop, gate, given.id, Direction.OUT) for _ in range(2)]
    assert (told, await people(stage, shop)) == (["left", "not_inside"], {})
    assert await passes(stage, shop, gate, given.id, Direction.IN) == "admitted"
    assert await stage.value("SELECT max(use_no) FROM admission WHERE ticket_id = :id", id=given.id) == 1
    assert await breaches(stage) == []


async def test_who_was_inside_comes_again_with_the_new_ticket_also_where_it_is_issued_twice(
    stage: Stage, shop: Shop
) -> None:
    async with rules(stage, reentry=True):
        old, gate = await a_rider_inside(stage, shop)
        second = await reissue(stage.world, old.id, LOST)
        third = await reissue(stage.world, second.id, LOST)

        out, again = [await passes(stage, shop, gate, third.id, way) for way in (Direction.OUT, Direction.IN)]

        new = await entry(stage, third.id)
        assert (out, again, new.uses, new.uses_left, new.inside) == ("left", "reentered", 2, 2, 1)
        assert [(await entry(stage, one)).inside for one in (old.id, second.id)] == [0, 0]
        assert await passes(stage, shop, gate, third.id, Direction.OUT) == "left"
        fourth = await entry(stage, (await reissue(stage.world, third.id, LOST)).id)
        assert (fourth.uses, fourth.inside, fourth.carried) == (3, 0, 0)
        assert await breaches(stage) == []


async def test_logs_that_come_after_count_nobody_twice_and_forget_nobody(stage: Stage, shop: Shop) -> None:
    old, gate = await a_rider_inside(stage, shop)
    code = (await entry(stage, old.id)).code
    new = await entry(stage, (await reissue(stage.world, old.id, LOST)).id)
    gate.says(Deed.ENTER, Reason.USED, code)
    gate.says(Deed.ENTER, Reason.USED, new.code)

    await gate.brings()
    assert await people(stage, shop) == {"hall": 1}
    assert [(await entry(stage, one)).inside for one in (old.id, new.ticket_id)] == [0, 1]
    gate.lets_in(new.code)
    gate.lets_out(new.code, 2)
    await gate.brings()

    after = await entry(stage, new.ticket_id)
    assert (after.uses_left, after.inside, await breaches(stage)) == (1, 0, [])


async def test_a_gate_without_network_knows_who_is_inside_with_the_new_ticket(stage: Stage, shop: Shop) -> None:
    async with rules(stage, reentry=True):
        old, _ = await a_rider_inside(stage, shop)
        await stage.sql("UPDATE credential SET uses = 2, uses_left = 1")
        new = await reissue(stage.world, old.id, LOST)
        assert (await entry(stage, new.id)).uses == 1

        scope = snapshot.Scope(shop.issuer, (), stage.clock.now())
        async with stage.database.transaction() as tx:
            rows = await snapshot.rows(tx, scope, after=None, below=1 << 62, most=9)
            stand = await snapshot.changes(tx, scope, after=0, below=1 << 62)

        (row,) = [row for row in rows if row.ticket_id == new.id]
        (now,) = [one for one in stand if one.ticket_id == new.id]
        assert (row.uses, now.counted, now.remains, now.inside) == (2, True, 1, 1)


async def test_what_a_gate_brings_of_the_new_ticket_does_not_make_its_last_use_forgotten(
    stage: Stage, shop: Shop
) -> None:
    async with rules(stage, pass_back_seconds=600):
        old = await a_ticket(stage, shop, of="carnet/open", category="adult")
        gate = await a_device(stage, shop)
        stage.clock.time = old.valid_from
        await a_scan(stage, shop, gate.enrolled, typed(old))
        new = await entry(stage, (await reissue(stage.world, old.id, LOST)).id)
        gate.says(Deed.ENTER, Reason.PASSED_BACK, new.code)

        await gate.brings()

        after = await entry(stage, new.ticket_id)
        fresh = await show.ticket(stage.world, new.ticket_id)
        assert (after.last_used_at, after.last_gate_id) == (stage.clock.now(), gate.id)
        assert (await a_scan(stage, shop, await a_gate(stage, shop), typed(fresh)))["reason"] == "passed_back"


async def test_where_everybody_is_inside_there_is_nothing_to_issue_until_they_leave(stage: Stage, shop: Shop) -> None:
    old = await a_ticket(stage, shop)
    await stage.sql("UPDATE credential SET uses_left = 0, inside = 1")

    async with rules(stage, reentry=True):
        with pytest.raises(WrongState) as refused:
            await reissue(stage.world, old.id, LOST)

    assert refused.value.more["reason"] == "inside"


async def test_a_gift_does_not_get_round_the_pass_back_guard(stage: Stage, shop: Shop) -> None:
    guarded, other = [await a_ticket(stage, shop, of="carnet/open", category="adult") for _ in range(2)]
    await stage.sql("UPDATE credential SET uses_left = 2, last_used_at = now()")

    async with rules(stage, pass_back_seconds=600):
        kept = await give(stage.world, guarded.id, FRIEND)
    fresh = await give(stage.world, other.id, FRIEND)

    assert (await entry(stage, kept.id)).last_used_at is not None
    assert (await entry(stage, fresh.id)).last_used_at is None


async def test_a_window_that_has_begun_goes_on(stage: Stage, shop: Shop) -> None:
    old = await a_ticket(stage, shop, of="carnet/open", category="adult")
    ends = stage.clock.now() + timedelta(hours=1)
    await stage.sql("UPDATE credential SET activated_until = :ends", ends=ends)

    anew = await reissue(stage.world, old.id, LOST)
    gift = await give(stage.world, anew.id, FRIEND)

    entries = [await entry(stage, one.id) for one in (anew, gift)]
    assert [(one.activated_until, one.valid_until) for one in entries] == [(ends, ends), (ends, ends)]
    stage.clock.advance(hours=1)
    for verb in (reissue(stage.world, gift.id, LOST), give(stage.world, gift.id, BUYER)):
        with pytest.raises(WrongState, match="past its time"):
            await verb


@pytest.mark.parametrize("allowed", [True, False])
async def test_who_left_may_come_in_again_where_the_product_says_so(stage: Stage, shop: Shop, allowed: bool) -> None:  # noqa: FBT001 - the case
    old = await a_ticket(stage, shop)
    await stage.sql("UPDATE credential SET uses_left = 0")

    async with rules(stage, reentry=allowed):
        if allowed:
            given = await reissue(stage.world, old.id, LOST)
            new = await entry(stage, given.id)
            assert (new.uses, new.uses_left, new.inside) == (1, 1, 0)
        else:
            with pytest.raises(WrongState) as refused:
                await reissue(stage.world, old.id, LOST)
            assert refused.value.more["reason"] == "used_up"


async def test_a_pass_stays_a_pass_whoever_has_it(stage: Stage, shop: Shop) -> None:
    old = await a_ticket(stage, shop, of="carnet/open", category="adult")
    await stage.sql("UPDATE ticket SET uses = :pass", **{"pass": UNLIMITED_USES})
    await stage.sql("UPDATE credential SET uses = :pass, uses_left = :pass - 3", **{"pass": UNLIMITED_USES})

    anew = await reissue(stage.world, old.id, LOST)
    gift = await give(stage.world, anew.id, FRIEND)

    for one in (anew, gift):
        new = await entry(stage, one.id)
        assert (new.uses, new.uses_left) == (UNLIMITED_USES, UNLIMITED_USES)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ("UPDATE credential SET uses_left = 0", "used_up"),
        ("UPDATE credential SET balance = 0, uses_left = 0", "used_up"),
        ("UPDATE credential SET activated_until = '2026-11-22T02:00Z'", "used_up"),
        (
            "UPDATE ticket SET valid_from = valid_from - interval '99 days', valid_until = '2026-11-22T02:00Z'",
            "used_up",
        ),
        ("UPDATE ticket SET state = 'revoked', revoked_at = now()", "revoked"),
        ("UPDATE credential SET state = 'revoked'", "revoked"),
        ("UPDATE ticket SET state = 'suspended'", "suspended"),
        ("UPDATE ticket SET generation = 255", "too_often"),
    ],
    ids=["used", "empty", "window over", "past", "revoked", "revoked at the gate", "suspended", "too often"],
)
async def test_what_is_worth_nothing_is_not_issued_anew(stage: Stage, shop: Shop, spoil: str, reason: str) -> None:
    old = await a_ticket(stage, shop)
    await stage.sql(spoil)

    with pytest.raises(WrongState) as refused:
        await reissue(stage.world, old.id, LOST)

    assert refused.value.more["reason"] == reason
    assert await stage.value("SELECT count(*) FROM ticket") == 1


async def test_a_ticket_of_another_server_stays_as_it_is_until_that_one_answers(stage: Stage, shop: Shop) -> None:
    old = await a_ticket(stage, shop)
    await stage.sql("UPDATE issuer SET served_by = 'elsewhere'")
    try:
        for _ in range(2):
            with pytest.raises(HandoverPending):
                await reissue(stage.world, old.id, LOST)
        with pytest.raises(WrongState) as refused:
            await give(stage.world, old.id, FRIEND)
    finally:
        await stage.sql("UPDATE issuer SET served_by = 'local'")

    assert refused.value.more["reason"] == "under_way"
    assert await states(stage, old.id) == ("valid", "valid")
    assert await stage.value("SELECT count(*) FROM handover") == 1


async def test_what_is_not_there_is_not_issued_anew(stage: Stage, shop: Shop) -> None:
    with pytest.raises(NotFound):
        await reissue(stage.world, shop.issuer, LOST)


async def test_an_offer_of_the_old_ticket_ends(stage: Stage, shop: Shop) -> None:
    old = await a_ticket(stage, shop)
    made = await offer.offer(stage.world, old.id, FRIEND)

    await reissue(stage.world, old.id, LOST)

    with pytest.raises(WrongState, match="went elsewhere"):
        await offer.accept(stage.world, made.id, by=FRIEND)


async def test_the_buyer_may_still_return_it_unless_it_was_used_before(stage: Stage, shop: Shop) -> None:
    unused, used = [await a_booking(stage, shop, worked=True) for _ in range(2)]
    async with rules(stage, reentry=True):
        await stage.sql("UPDATE credential SET uses_left = 0 WHERE ticket_id = :id", id=used.tickets[0].id)
        for made in (unused, used):
            await reissue(stage.world, made.tickets[0].id, LOST)
        quotes = [(await refund.quote(stage.world, made.id)).tickets for made in (unused, used)]

    assert [[one.kept for one in tickets] for tickets in quotes] == [["given", None], ["given", "used"]]


# --- sent back ------------------------------------------------------------------------------------------------------


async def test_a_gift_that_is_sent_back_is_its_givers_again_and_both_are_told(stage: Stage, shop: Shop) -> None:
    old = await a_ticket(stage, shop)
    gift = await give(stage.world, old.id, FRIEND)
    await stage.work()

    back = await send_back(stage.world, gift.id)
    again = await send_back(stage.world, gift.id)
    await stage.work()

    new = await show.ticket(stage.world, back.id)
    assert back == again
    assert (new.handset, new.came_by, new.generation, new.received) == (BUYER, "declined", 3, False)
    assert await states(stage, gift.id) == ("revoked", "revoked")
    told = stage.carrier.inbox(BUYER)[-1]
    assert told.startswith("Sent back by 010-****-4321\n")
    assert f"PIN {pin(new)}" in told
    assert stage.carrier.inbox(FRIEND)[-1].endswith("is now with 010-****-5678.")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ("UPDATE credential SET uses_left = uses_left - 1 WHERE state = 'valid'", "used"),
        ("UPDATE ticket SET issued_at = issued_at - interval '48 hours'", "too_late"),
        ("UPDATE ticket SET state = 'revoked', revoked_at = now()", "revoked"),
        ("UPDATE ticket SET came_by = 'resold' WHERE came_by = 'given'", "no_gift"),
    ],
    ids=["used", "late", "revoked", "bought"],
)
async def test_what_is_no_fresh_gift_stays(stage: Stage, shop: Shop, spoil: str, reason: str) -> None:
    old = await a_ticket(stage, shop, of="carnet/open", category="adult")
    gift = await give(stage.world, old.id, FRIEND)
    await stage.sql(spoil)

    with pytest.raises(WrongState) as refused:
        await send_back(stage.world, gift.id)

    assert refused.value.more["reason"] == reason


async def test_nothing_is_sent_back_that_was_never_given(stage: Stage, shop: Shop) -> None:
    with pytest.raises(WrongState, match="not a gift"):
        await send_back(stage.world, (await a_ticket(stage, shop)).id)
    with pytest.raises(NotFound):
        await send_back(stage.world, shop.issuer)


# --- the chain ------------------------------------------------------------------------------------------------------


async def test_the_chain_tells_each_hand_whichever_ticket_is_named(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True, handsets=(FRIEND,))
    first = made.tickets[0]
    anew = await reissue(stage.world, first.id, LOST)
    gift = await give(stage.world, anew.id, BUYER)
    back = await send_back(stage.world, gift.id)
    offered = await offer.offer(stage.world, back.id, BUYER)
    taken = await offer.accept(stage.world, offered.id, by=BUYER)

    links = await chain(stage.world, gift.id)

    assert isinstance(taken, Given)
    assert [(one.id, one.how, one.handset) for one in links] == [
        (first.id, "sold", "010-••••-4321"),
        (anew.id, "reissued", "010-••••-4321"),
        (gift.id, "given", "010-••••-5678"),
        (back.id, "declined", "010-••••-4321"),
        (taken.id, "offered", "010-••••-5678"),
    ]
    assert links[0].bought_by == "010-••••-5678"
    assert links[0].why == LOST
    assert links == await chain(stage.world, taken.id)
    with pytest.raises(NotFound):
        await chain(stage.world, shop.issuer)


async def test_registering_the_old_ticket_late_does_not_wake_it(stage: Stage, shop: Shop) -> None:
    old = (await a_booking(stage, shop, paid=True)).tickets[0]

    given = await reissue(stage.world, old.id, LOST)
    await register.register(stage.world, old.id)
    await stage.work()

    assert await states(stage, old.id) == ("revoked", "revoked")
    assert await states(stage, given.id) == ("valid", "valid")
