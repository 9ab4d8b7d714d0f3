"""Merging what gates decided alone: one outcome for one set, and who comes after the last use is beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.gate_log import Deed
from app.domain.gate_merge import Brought, Last, Person, Standing, settle

NOON = datetime(2026, 11, 22, 3, tzinfo=UTC)
NORTH, SOUTH, DESK = UUID(int=1), UUID(int=2), UUID(int=3)


def brought(gate: UUID = NORTH, seq: int = 1, *, intent: Deed = Deed.ENTER, **more: Any) -> Brought:
    given_: dict[str, Any] = {"knew": 0, "generation": 1, "at": NOON, "area": "hall"} | more
    return Brought(gate_id=gate, scan_id=f"{gate.int}-{seq}", seq=seq, intent=intent, **given_)


def standing(uses: int = 1, **more: Any) -> Standing:
    return Standing(uses=uses, valid_until=NOON + timedelta(days=1), **more)


def asked(use_no: int | None, person: int = 1, scan: str = "s") -> Person:
    return Person(DESK, scan, person, NOON, use_no)


# --- people ---------------------------------------------------------------------------------------------------------


def test_uses_go_by_what_the_gates_knew_then_by_gate_then_by_its_own_count() -> None:
    last, second, first = brought(SOUTH, knew=5), brought(NORTH, 2), brought(NORTH, 1)

    settled = settle(standing(2), [last, second, first])

    assert [(one.name, one.use_no) for one in settled.people] == [
        (first.name, 1),
        (second.name, 2),
        (last.name, None),
    ]
    assert settled.beyond == {last.name: 1}
    assert (settled.uses_left, settled.inside) == (0, 2)


def test_whom_the_register_let_in_comes_first_and_keeps_its_order_without_gaps() -> None:
    settled = settle(standing(3, asked=[asked(3, scan="b"), asked(1, scan="a")], net=2), [brought()])

    assert [(one.scan_id, one.use_no) for one in settled.people] == [("a", 1), ("b", 2), ("1-1", 3)]


def test_whom_a_supervisor_let_in_beyond_gets_a_use_that_became_free_and_is_never_reported_twice() -> None:
    settled = settle(standing(1, asked=[asked(None)], net=1), [])
    still = settle(standing(1, asked=[asked(1), asked(None, scan="t")], net=2), [])

    assert [one.use_no for one in settled.people] == [1]
    assert [one.use_no for one in still.people] == [1, None]
    assert still.beyond == {}


def test_of_a_group_those_beyond_the_uses_are_counted() -> None:
    scan = brought(count=5)

    settled = settle(standing(3), [scan])

    assert (settled.beyond, settled.uses_left, settled.inside) == ({scan.name: 2}, 0, 3)


def test_a_closed_ticket_keeps_what_it_gave_and_gives_no_more() -> None:
    first, second = brought(seq=1), brought(seq=2)

    settled = settle(standing(9, closed=True, held=1, asked=[asked(1), asked(None, scan="t")]), [second, first])

    assert [one.use_no for one in settled.people] == [1, None, 2, None]
    assert (settled.uses_left, settled.beyond) == (7, {second.name: 1})


def test_who_left_comes_in_again_for_no_use_and_nobody_else_does() -> None:
    entered, left = brought(seq=1), brought(seq=2, intent=Deed.LEAVE)
    again, twin = brought(seq=3, again=True), brought(SOUTH, 1, knew=1, again=True)

    once = settle(standing(1), [entered, left, again])
    twice = settle(standing(1), [entered, left, again, twin])

    assert (once.beyond, once.inside, once.uses_left) == ({}, 1, 0)
    assert twice.beyond == {twin.name: 1}


def test_of_gates_that_knew_the_same_nobody_comes_in_again_before_somebody_left() -> None:
    entered = brought(DESK, knew=4)
    again, left = brought(NORTH, knew=5, again=True), brought(SOUTH, knew=5, intent=Deed.LEAVE)

    once = settle(standing(1), [entered, again, left])
    rides = settle(standing(3), [entered, again, left])

    assert (once.beyond, once.inside, once.uses_left) == ({}, 1, 0)
    assert (rides.beyond, rides.inside, rides.uses_left) == ({}, 1, 2)


def test_what_one_gate_did_keeps_its_order_and_what_another_knew_later_comes_later() -> None:
    twice = [brought(SOUTH, 1, knew=5, again=True), brought(SOUTH, 2, knew=5, intent=Deed.LEAVE)]
    early, late = brought(NORTH, knew=4, again=True), brought(SOUTH, knew=5, intent=Deed.LEAVE)

    assert settle(standing(2, asked=[asked(1)], net=1), twice).uses_left == 0
    assert settle(standing(2, asked=[asked(1)], net=1), [early, late]).uses_left == 0


def test_a_real_double_among_gates_that_knew_the_same_is_reported_once_and_by_gate() -> None:
    first, twin = brought(NORTH, knew=5, again=True), brought(SOUTH, knew=5, again=True)
    left = brought(DESK, knew=5, intent=Deed.LEAVE)

    settled = settle(standing(1, asked=[asked(1)], net=1), [twin, left, first])

    assert settled.beyond == {twin.name: 1}


def test_more_who_leave_than_came_leave_nobody_inside() -> None:
    assert settle(standing(1), [brought(intent=Deed.LEAVE, count=4)]).inside == 0


def test_an_override_lets_in_and_a_look_does_not() -> None:
    looked = settle(standing(1), [brought(intent=Deed.CHECK)])
    let_in = settle(standing(1), [brought(intent=Deed.OVERRIDE)])

    assert (looked.people, let_in.uses_left, let_in.inside) == ((), 0, 1)


# --- value ----------------------------------------------------------------------------------------------------------


def test_value_is_taken_while_there_is_any_and_the_rest_is_short() -> None:
    first = brought(seq=1, intent=Deed.REDEEM, amount=700)
    second = brought(seq=2, intent=Deed.REDEEM, amount=700)
    third = brought(seq=3, intent=Deed.REDEEM, amount=1)

    settled = settle(standing(1, balance=1_000), [third, second, first])

    assert settled.taken == {first.name: 700, second.name: 300}
    assert settled.short == {second.name: 400, third.name: 1}
    assert (settled.balance, settled.uses_left) == (0, 0)


def test_a_closed_voucher_loses_no_more_than_it_has_lost() -> None:
    first = brought(seq=1, intent=Deed.REDEEM, amount=600)
    second = brought(seq=2, intent=Deed.REDEEM, amount=100)

    settled = settle(standing(1, balance=1_000, closed=True, taken=600), [first, second])

    assert (settled.taken, settled.short, settled.balance) == ({first.name: 600}, {second.name: 100}, 400)


def test_what_is_no_voucher_has_nothing_to_take() -> None:
    scan = brought(intent=Deed.REDEEM, amount=5)

    settled = settle(standing(1), [scan])

    assert (settled.taken, settled.short, settled.balance, settled.uses_left) == ({}, {scan.name: 5}, None, 1)


# --- time -----------------------------------------------------------------------------------------------------------


def test_the_first_use_begins_the_window_whoever_tells_of_it_first() -> None:
    later, first = brought(at=NOON + timedelta(minutes=30)), brought(SOUTH, at=NOON)
    ends = NOON + timedelta(minutes=60)

    assert settle(standing(9, window_minutes=60), [later, first]).activated_until == ends
    assert settle(standing(9, window_minutes=60, first_at=NOON), [later]).activated_until == ends
    assert settle(standing(9, window_minutes=60), []).activated_until is None
    assert settle(standing(9, window_minutes=60 * 48), [first]).activated_until == NOON + timedelta(days=1)


def test_a_window_that_began_stays_where_the_product_has_none_any_more() -> None:
    assert settle(standing(9, activated_until=NOON), [brought()]).activated_until == NOON


def test_the_last_use_is_the_latest_whoever_counted_it() -> None:
    online = Last(NOON, DESK, "foyer")

    assert settle(standing(9, last=online), [brought(at=NOON - timedelta(hours=1))]).last == online
    assert settle(standing(9, last=online), [brought(at=NOON + timedelta(hours=1))]).last == Last(
        NOON + timedelta(hours=1), NORTH, "hall"
    )
    assert settle(standing(9), []).last is None


# --- always ---------------------------------------------------------------------------------------------------------

INTENTS = st.sampled_from([Deed.ENTER, Deed.ENTER, Deed.LEAVE, Deed.REDEEM, Deed.OVERRIDE])


@st.composite
def logs(draw: st.DrawFn) -> list[Brought]:
    gates = draw(st.lists(st.sampled_from([NORTH, SOUTH, DESK]), max_size=10))
    return [
        brought(
            gate,
            seq,
            intent=draw(INTENTS),
            knew=draw(st.integers(0, 3)),
            count=draw(st.integers(1, 3)),
            amount=draw(st.integers(0, 500)),
            again=draw(st.booleans()),
            at=NOON + timedelta(minutes=draw(st.integers(-60, 60))),
        )
        for seq, gate in enumerate(gates, 1)
    ]


@settings(max_examples=150)
@given(
    standing=st.builds(
        standing, uses=st.integers(1, 6), net=st.integers(-2, 6), balance=st.none() | st.integers(0, 900)
    ),
    brought=logs(),
    dice=st.randoms(use_true_random=False),
)
def test_no_order_matters_nobody_is_lost_and_no_use_is_used_twice(
    standing: Standing, brought: Sequence[Brought], dice: Any
) -> None:
    shuffled = list(brought)
    dice.shuffle(shuffled)

    settled = settle(standing, brought)

    assert settle(standing, shuffled) == settled
    uses = [one.use_no for one in settled.people if one.use_no is not None]
    assert uses == list(range(1, len(uses) + 1))
    assert len(uses) <= standing.uses
    entered = sum(one.count for one in brought if one.enters and not one.again)
    assert len(settled.people) >= entered
    assert len(settled.people) - len(uses) == sum(settled.beyond.values())
    assert 0 <= settled.inside <= standing.uses - settled.uses_left
    redeemed = sum(one.amount for one in brought if one.intent is Deed.REDEEM)
    assert sum(settled.taken.values()) + sum(settled.short.values()) == redeemed
    assert settled.balance is None or settled.balance >= 0


@st.composite
def evenings(draw: st.DrawFn) -> list[tuple[UUID, Deed, bool, int]]:
    """What really happened, in its order, with nobody let in who may not be: gate, deed, whether again, and people."""
    uses_left, inside, outside = USES, 0, 0
    found: list[tuple[UUID, Deed, bool, int]] = []
    for _ in range(draw(st.integers(1, 9))):
        may = [(Deed.ENTER, False, uses_left), (Deed.LEAVE, False, inside), (Deed.ENTER, True, outside)]
        deed, again, most = draw(st.sampled_from([one for one in may if one[2]]))
        count = draw(st.integers(1, min(most, 2)))
        uses_left -= count * (deed is Deed.ENTER and not again)
        outside += count * ((deed is Deed.LEAVE) - again)
        inside += -count if deed is Deed.LEAVE else count
        found.append((draw(st.sampled_from([NORTH, SOUTH, DESK])), deed, again, count))
    return found


USES = 4


@settings(max_examples=200)
@given(evenings(), st.lists(st.integers(0, 8), max_size=2))
def test_an_evening_in_which_nobody_came_in_twice_is_not_told_otherwise(
    evening: Sequence[tuple[UUID, Deed, bool, int]], heard: Sequence[int]
) -> None:
    """Whatever the gates knew of one another, if none of them knew less than those whom it had heard of."""
    logs_ = [
        brought(gate, seq, intent=deed, again=again, count=count, knew=sum(seq > one for one in heard))
        for seq, (gate, deed, again, count) in enumerate(evening)
    ]
    entered = sum(one.count for one in logs_ if one.enters and not one.again)
    left = sum(one.count for one in logs_ if one.intent is Deed.LEAVE)
    again = sum(one.count for one in logs_ if one.again)

    settled = settle(standing(USES), logs_)

    assert settled.beyond == {}
    assert (settled.uses_left, settled.inside) == (USES - entered, entered - left + again)


@given(logs(), st.integers(1, 6))
@settings(max_examples=60)
def test_one_more_admission_never_takes_a_use_from_the_register(brought: Sequence[Brought], uses: int) -> None:
    online = [asked(number, scan=f"s{number}") for number in range(1, uses + 1)]

    settled = settle(replace(standing(uses), asked=online, net=uses), brought)

    assert [one.scan_id for one in settled.people if one.use_no is not None] == [one.scan_id for one in online]
