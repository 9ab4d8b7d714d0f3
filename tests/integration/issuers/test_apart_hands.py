"""A ticket in another server's register changes hands: asked there, finished here, and nothing in between is lost."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

import pytest
from apart_hands_kit import (
    Dying,
    a_ticket,
    assert_one_opens,
    assert_sound,
    inbox,
    later,
    look,
    present,
    the_tickets,
)
from builders import FRIEND, a_booking, a_gate, a_scan, pin, typed
from fakes import Killed
from mortal import Fate
from offers_kit import rules
from two_servers_kit import ISSUER, Cut, Two

from app.domain.credential import ticket_number
from app.domain.entry_rules import Direction
from app.domain.handset import Handset
from app.domain.refusals import HandoverPending, NotFound, Refusal, WrongState
from app.flows.hands import give, handover, succession
from app.flows.hands.chain import chain
from app.flows.hands.give import send_back
from app.flows.hands.reissue import reissue
from app.flows.handset import devices
from app.flows.sellers import counter, registry
from app.flows.tickets import flowback
from app.store.tables.register import ScanKind
from app.world import World

pytest_plugins = ("apart_plugin",)

OTHER = Handset("+821055550001")
STEPS_MAX = 60


@pytest.fixture
def two(kept: Two) -> Two:
    """None of these tests changes what is sold."""
    return kept


def asked(two: Two) -> int:
    return sum(line.endswith("/replacement") for line in two.line.asked)


# --- it goes through ------------------------------------------------------------------------------------------------


async def test_the_receiver_gets_a_new_ticket_and_the_old_codes_die_at_the_issuers_gates(two: Two) -> None:
    old = await a_ticket(two)

    given = await give.give(two.seller.world, old.id, FRIEND)
    await two.seller.work()

    new = await look(two, given.id)
    assert (new.handset, new.came_by, new.gift_of, new.place_id) == (FRIEND, "given", old.id, old.place_id)
    assert (new.number, pin(new)) != (old.number, pin(old))
    assert (await look(two, old.id)).state == "revoked"
    assert f"PIN {pin(new)}" in inbox(two, FRIEND)[-1]
    assert inbox(two)[-1].endswith("is now with 010-****-4321.")
    assert await give.give(two.seller.world, old.id, FRIEND) == given, "again changes nothing"
    assert asked(two) == 1
    assert (await assert_one_opens(two)).id == given.id
    await two.seller.work()
    two.clock.advance(seconds=61)
    await two.seller.work()
    await assert_sound(two)


async def test_the_chain_of_hands_is_on_our_books_and_in_the_issuers_register(two: Two) -> None:
    old = await a_ticket(two)
    second = await give.give(two.seller.world, old.id, FRIEND)
    third = await send_back(two.seller.world, second.id)
    fourth = await reissue(two.seller.world, third.id, "the phone was lost")

    ours = [(link.id, link.how.value) for link in await chain(two.seller.world, third.id)]
    rows = await two.issuer.sql("SELECT ticket_id, replaces, came_by FROM credential ORDER BY generation")

    ids = [old.id, second.id, third.id, fourth.id]
    assert ours == list(zip(ids, ["sold", "given", "declined", "reissued"], strict=True))
    assert [(row.ticket_id, row.came_by) for row in rows] == ours
    assert [row.replaces for row in rows] == [None, *ids[:-1]]
    found = await registry.entries(two.issuer.world, issuer_id=two.shop.issuer, typed=second.number)
    assert [(link.ticket_id, link.came_by) for link in found[0].chain] == ours
    assert (await assert_one_opens(two)).id == fourth.id


async def test_what_was_used_there_stays_used_and_the_rest_goes_over(two: Two) -> None:
    carnet = await a_ticket(two, of="carnet/open", category="adult")
    assert (await present(two, carnet.id))["ticket"]["uses_left"] == carnet.uses - 1

    given = await give.give(two.seller.world, carnet.id, FRIEND)

    new = await look(two, given.id)
    assert new.uses == carnet.uses - 1
    assert (await present(two, new.id))["ticket"]["uses_left"] == carnet.uses - 2
    await later(two)
    await assert_sound(two)


async def test_who_came_in_with_an_earlier_ticket_and_left_comes_in_again_with_the_latest(two: Two) -> None:
    async with rules(two.issuer, reentry=True), rules(two.seller, reentry=True):
        carnet = await a_ticket(two, of="carnet/open", category="adult")
        await present(two, carnet.id)
        second = await reissue(two.seller.world, carnet.id, "the phone was lost")
        way_out = await a_gate(two.issuer, two.shop, direction=Direction.OUT)
        code = typed(await look(two, second.id))
        left = await a_scan(two.issuer, two.shop, way_out, code, kind=ScanKind.EXIT)

        third = await reissue(two.seller.world, second.id, "the phone was lost again")

        uses = [(await look(two, one.id)).uses for one in (carnet, second, third)]
        assert left["reason"] == "left"
        assert uses == [carnet.uses, carnet.uses - 1, carnet.uses], "a right to come in again is a use"
        await later(two)
        await assert_sound(two)


async def test_a_gate_that_was_faster_leaves_nothing_to_give_and_another_try_may_come(two: Two) -> None:
    old = await a_ticket(two)
    await present(two, old.id)

    for _ in range(2):
        with pytest.raises(WrongState) as refused:
            await give.give(two.seller.world, old.id, FRIEND)
        assert refused.value.more["reason"] == "used_up"

    assert (await look(two, old.id)).state == "valid"
    assert inbox(two, FRIEND) == []
    await later(two)
    await assert_sound(two)


async def test_a_used_gift_is_not_sent_back(two: Two) -> None:
    carnet = await a_ticket(two, of="carnet/open", category="adult")
    gift = await give.give(two.seller.world, carnet.id, FRIEND)
    await present(two, gift.id)

    with pytest.raises(WrongState, match="stays with you") as refused:
        await send_back(two.seller.world, gift.id)

    assert refused.value.more["reason"] == "used"


async def test_a_ticket_that_the_issuer_does_not_know_yet_is_registered_on_the_way(two: Two) -> None:
    old = (await a_booking(two.seller, two.shop, paid=True)).tickets[0]

    given = await give.give(two.seller.world, old.id, FRIEND)

    assert asked(two) == 2
    assert await two.issuer.value("SELECT replaces FROM credential WHERE ticket_id = :id", id=given.id) == old.id
    await later(two)
    await assert_sound(two)


async def test_another_ticket_with_the_new_number_makes_it_draw_another_one(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, other = await a_ticket(two), await a_ticket(two)
    await two.seller.sql("UPDATE ticket SET number = '0000000000' WHERE id = :id", id=other.id)
    numbers = iter([other.number])
    monkeypatch.setattr(succession, "ticket_number", lambda chance: next(numbers, None) or ticket_number(chance))

    given = await give.give(two.seller.world, old.id, FRIEND)

    assert given.number not in {old.number, other.number}
    assert asked(two) == 2
    assert (await present(two, given.id))["reason"] == "admitted"


async def test_a_number_of_ours_is_not_drawn_at_all(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    old, other = await a_ticket(two), await a_ticket(two)
    numbers = iter([other.number, old.number])
    monkeypatch.setattr(succession, "ticket_number", lambda chance: next(numbers, None) or ticket_number(chance))

    given = await give.give(two.seller.world, old.id, FRIEND)

    assert given.number not in {old.number, other.number}
    assert asked(two) == 1


async def test_an_issuer_with_an_older_program_lets_no_ticket_change_hands(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await a_ticket(two)
    monkeypatch.setattr(counter, "replace", not_found)

    with pytest.raises(WrongState, match="lets none change hands") as refused:
        await give.give(two.seller.world, old.id, FRIEND)

    assert refused.value.more["reason"] == "elsewhere"
    assert (await present(two, old.id))["reason"] == "admitted"


async def not_found(*_given: object) -> None:
    raise NotFound("There is nothing at this address.")


async def test_a_lost_phones_tickets_and_a_changed_number_take_tickets_of_other_servers_along(two: Two) -> None:
    old = await a_ticket(two)

    (one,) = await devices.renewed(two.seller.world, [old.id], devices.LOST, receiver=FRIEND)

    assert one.new is not None
    assert one.refused == ""
    assert (await look(two, one.new)).handset == FRIEND
    assert (await assert_one_opens(two)).id == one.new


# --- silence --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER, Cut.BROKEN], ids=lambda cut: cut.name.lower())
async def test_while_the_issuer_is_silent_the_ticket_stays_and_one_of_the_two_is_good_in_the_end(
    two: Two, cut: Cut
) -> None:
    old = await a_ticket(two)
    two.line.down = cut

    for _ in range(2):
        with pytest.raises(HandoverPending, match="being handed over"):
            await give.give(two.seller.world, old.id, FRIEND, tell_giver=False)
        two.clock.advance(seconds=3)
    with pytest.raises(WrongState) as another:
        await give.give(two.seller.world, old.id, OTHER)
    with pytest.raises(WrongState):
        await reissue(two.seller.world, old.id, "the phone was lost")
    await two.seller.work()

    assert another.value.more["reason"] == "under_way"
    assert [one.state for one in await the_tickets(two)] == ["valid"], "nothing has moved here"
    assert inbox(two, FRIEND) == []
    assert await two.seller.value("SELECT count(*) FROM handover") == 1
    await later(two)
    assert (await the_tickets(two))[-1].handset == FRIEND
    assert len(inbox(two, FRIEND)) == 1
    assert inbox(two)[-1].endswith("is now with 010-****-4321."), "who went away is told after all"
    await assert_one_opens(two)
    await later(two)
    await assert_sound(two)


async def test_what_the_issuer_tells_meanwhile_is_no_news_of_a_revocation(two: Two) -> None:
    old = await a_ticket(two)
    two.line.down = Cut.AFTER
    with suppress(HandoverPending):
        await give.give(two.seller.world, old.id, FRIEND)
    two.line.down = None
    two.clock.advance(seconds=3)

    await flowback.pull(two.seller.world, ISSUER)

    assert await flowback.compare(two.seller.world, ISSUER) == []
    assert (await look(two, old.id)).state == "valid"
    assert len(inbox(two)) == 1, "the ticket itself"
    await later(two)
    await assert_sound(two)


async def test_what_was_used_while_the_issuer_was_silent_is_not_given(two: Two) -> None:
    old = await a_ticket(two)
    two.line.down = Cut.BEFORE
    with suppress(HandoverPending):
        await give.give(two.seller.world, old.id, FRIEND)
    await present(two, old.id)

    await later(two)

    assert [(one.id, one.state) for one in await the_tickets(two)] == [(old.id, "valid")]
    assert await two.seller.value("SELECT reason FROM handover") == "used_up"
    assert inbox(two, FRIEND) == []
    await assert_sound(two)


async def test_what_has_ended_is_owed_no_more_and_carrying_on_with_it_changes_nothing(two: Two) -> None:
    old = await a_ticket(two)
    given = await give.give(two.seller.world, old.id, FRIEND)

    await asyncio.gather(*(handover.carry_on(two.seller.world, given.id) for _ in range(3)))
    await later(two)

    assert asked(two) == 1
    assert len(await the_tickets(two)) == 2


@pytest.mark.parametrize("used", [False, True], ids=["unused", "used meanwhile"])
async def test_a_register_that_was_restored_from_before_is_asked_once_more(two: Two, *, used: bool) -> None:
    old = await a_ticket(two)
    given = await give.give(two.seller.world, old.id, FRIEND)
    await later(two)
    await two.issuer.sql("DELETE FROM credential WHERE ticket_id = :id", id=given.id)
    await two.issuer.sql("UPDATE credential SET state = 'valid'")
    if used:
        await present(two, old.id)

    await two.seller.sql("UPDATE outbox SET done_at = NULL, due_at = :now WHERE topic = 'replace'", now=two.clock.now())
    await two.seller.work()

    assert asked(two) == 2
    assert (await present(two, given.id))["reason"] == ("unknown" if used else "admitted")
    assert (await present(two, old.id))["reason"] == ("used" if used else "revoked")
    assert await two.seller.value("SELECT count(*) FROM outbox WHERE done_at IS NULL AND dead_at IS NULL") == 0


async def test_several_who_carry_on_at_once_make_one_ticket(two: Two) -> None:
    old = await a_ticket(two)
    two.line.down = Cut.AFTER
    with suppress(HandoverPending):
        await give.give(two.seller.world, old.id, FRIEND)
    two.line.down = None
    two.clock.advance(seconds=3)
    await flowback.pull(two.seller.world, ISSUER)
    under_way = await two.seller.value("SELECT id FROM handover")

    await asyncio.gather(*(handover.carry_on(two.seller.world, under_way) for _ in range(3)))

    assert [one.state for one in await the_tickets(two)] == ["revoked", "valid"]
    await two.seller.work()
    assert len(inbox(two, FRIEND)) == 1


# --- at once --------------------------------------------------------------------------------------------------------


async def test_a_gate_and_a_gift_at_once_are_one_use(two: Two) -> None:
    gate = await a_gate(two.issuer, two.shop)
    for _ in range(4):
        old = await a_ticket(two)

        given, at_the_gate = await asyncio.gather(
            give.give(two.seller.world, old.id, FRIEND),
            a_scan(two.issuer, two.shop, gate, typed(old)),
            return_exceptions=True,
        )

        assert isinstance(at_the_gate, dict)
        if isinstance(given, WrongState):
            assert (given.more["reason"], at_the_gate["reason"]) == ("used_up", "admitted")
        else:
            assert isinstance(given, give.Given)
            assert at_the_gate["reason"] == "revoked"
            assert (await present(two, given.id))["reason"] == "admitted"
    await later(two)
    await assert_sound(two)


async def test_two_givers_at_once_make_one_gift(two: Two) -> None:
    old = await a_ticket(two)

    outcomes = await asyncio.gather(
        *(give.give(two.seller.world, old.id, to) for to in (FRIEND, OTHER, FRIEND)), return_exceptions=True
    )

    assert len({one.id for one in outcomes if isinstance(one, give.Given)}) == 1
    assert all(isinstance(one, give.Given | WrongState) for one in outcomes)
    await assert_one_opens(two)


# --- dying ----------------------------------------------------------------------------------------------------------

Act = Callable[[World, UUID], Awaitable[object]]


async def a_gift(world: World, ticket_id: UUID) -> object:
    return await give.give(world, ticket_id, FRIEND)


async def test_dying_anywhere_while_a_ticket_is_handed_over_ends_with_one_good_ticket(two: Two) -> None:
    seen: set[str] = set()
    ends: set[str] = set()
    for at in itertools.count(1):
        old = await a_ticket(two, of="carnet/open", category="adult")
        fate = Fate(at)
        with suppress(Killed, Refusal):
            await a_gift(Dying(two).stage(fate).world, old.id)
        seen |= set(fate.steps)
        await later(two)
        chained = [link.state.value for link in await chain(two.seller.world, old.id)]
        ends.add(" ".join(chained))
        assert chained in (["valid"], ["revoked", "valid"])
        last = (await chain(two.seller.world, old.id))[-1]
        assert (await present(two, last.id))["reason"] == "admitted"
        if not fate.met:
            break
        assert at < STEPS_MAX
    assert {"before arena replace", "after arena replace", "before commit", "after commit"} <= seen
    assert ends == {"valid", "revoked valid"}, "some die before it is written down"
    await later(two)
    await assert_sound(two)
