"""The gate's verdict, which of several true reasons is told, and what is left of a ticket after a yes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.admission import (
    ALREADY_IN_SECONDS,
    AMBER,
    GREEN,
    LIVING_SKEW_SECONDS,
    WORDS,
    Ask,
    Colour,
    Intent,
    LastUse,
    Post,
    Reason,
    Register,
    colour,
    decide,
    sentence,
    words,
)
from app.domain.entry_rules import UNLIMITED_USES, Direction, EntryRules, Face, Faces, Offline
from app.domain.money import Money
from app.domain.tally import after
from app.domain.ticket import TicketState

NOW = datetime(2026, 6, 5, 19, 0, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
HERE, ELSEWHERE = UUID(int=1), UUID(int=2)
THIS_GATE, OTHER_GATE = UUID(int=7), UUID(int=8)
GOOD = Register(
    ticket_id=UUID(int=9),
    occasion_id=HERE,
    state=TicketState.VALID,
    uses=1,
    uses_left=1,
    valid_from=NOW - timedelta(hours=1),
    valid_until=NOW + timedelta(hours=1),
)
USED_UP = replace(GOOD, uses_left=0)
VOUCHER = replace(GOOD, balance=5_000)
POST = Post(THIS_GATE, frozenset({HERE}), area="hall")
ENTER = Ask(Intent.ENTER, Face.SIGNED)
CHECK = replace(ENTER, intent=Intent.CHECK)
LEAVE = replace(ENTER, intent=Intent.LEAVE)
REDEEM = replace(ENTER, intent=Intent.REDEEM, amount=2_000)


def verdict(entry: Register, ask: Ask = ENTER, post: Post = POST) -> Reason:
    return decide(entry, ask=ask, post=post, now=NOW)


def by(entry: Register, **rules: Any) -> Register:
    return replace(entry, rules=EntryRules(**rules))


def last(ago: timedelta, gate: UUID = THIS_GATE) -> LastUse:
    return LastUse(NOW - ago, gate)


# --- each reason by itself ------------------------------------------------------------------------------------------


def test_a_good_ticket_is_admitted_whether_it_is_used_or_looked_at() -> None:
    assert verdict(GOOD) is verdict(GOOD, CHECK) is Reason.ADMITTED


ONE_FAULT: list[tuple[Register, Ask, Reason]] = [
    (replace(GOOD, state=TicketState.REVOKED), ENTER, Reason.REVOKED),
    (replace(GOOD, state=TicketState.SUSPENDED), ENTER, Reason.SUSPENDED),
    (replace(GOOD, occasion_id=ELSEWHERE), ENTER, Reason.WRONG_OCCASION),
    (USED_UP, ENTER, Reason.USED),
    (replace(GOOD, uses=4, uses_left=2), replace(ENTER, count=3), Reason.TOO_FEW_USES),
    (replace(GOOD, valid_until=NOW), ENTER, Reason.EXPIRED),
    (replace(GOOD, valid_from=NOW + MOMENT), ENTER, Reason.TOO_EARLY),
    (GOOD, LEAVE, Reason.NOT_INSIDE),
    (GOOD, REDEEM, Reason.NOT_A_VOUCHER),
    (VOUCHER, ENTER, Reason.VOUCHER),
    (VOUCHER, CHECK, Reason.VOUCHER),
    (replace(VOUCHER, balance=0), ENTER, Reason.USED),
    (replace(VOUCHER, balance=1_999), REDEEM, Reason.BALANCE_TOO_LOW),
    (replace(VOUCHER, valid_until=NOW), REDEEM, Reason.EXPIRED),
]


@pytest.mark.parametrize(
    ("entry", "ask", "reason"), ONE_FAULT, ids=[f"{n}-{one[2]}" for n, one in enumerate(ONE_FAULT)]
)
def test_a_ticket_with_one_fault_is_told_that_fault(entry: Register, ask: Ask, reason: Reason) -> None:
    assert verdict(entry, ask) is reason


def test_validity_begins_at_its_moment_and_ends_before_its_end() -> None:
    for now in (GOOD.valid_from, GOOD.valid_until - MOMENT):
        assert decide(GOOD, ask=ENTER, post=POST, now=now) is Reason.ADMITTED


def test_a_post_that_names_no_occasion_serves_all() -> None:
    assert verdict(replace(GOOD, occasion_id=ELSEWHERE), post=Post(THIS_GATE, frozenset())) is Reason.ADMITTED


@pytest.mark.parametrize(
    ("direction", "passable"),
    [
        (Direction.IN, {Intent.CHECK, Intent.ENTER, Intent.REDEEM}),
        (Direction.OUT, {Intent.CHECK, Intent.LEAVE, Intent.REDEEM}),
        (Direction.BOTH, set(Intent)),
    ],
)
def test_a_gate_lets_people_pass_one_way_or_both(direction: Direction, passable: set[Intent]) -> None:
    assert {intent for intent in Intent if replace(POST, direction=direction).lets(intent)} == passable


# --- faces ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("faces", "taken"),
    [(Faces.ANY, set(Face)), (Faces.LIVING_OR_PIN, {Face.LIVING, Face.PIN}), (Faces.LIVING, {Face.LIVING})],
)
def test_a_product_takes_the_faces_it_says(faces: Faces, taken: set[Face]) -> None:
    for face in Face:
        expected = Reason.ADMITTED if face in taken else Reason.WRONG_FACE
        assert verdict(by(GOOD, faces=faces), replace(ENTER, face=face)) is expected


def test_a_handset_that_has_the_ticket_retires_its_pictures_and_not_its_pin() -> None:
    entry = replace(by(GOOD, retires_static=True), bound=True)

    told = {face: verdict(entry, replace(ENTER, face=face)) for face in Face}

    assert told == {
        Face.PIN: Reason.ADMITTED,
        Face.COMPACT: Reason.RETIRED_CODE,
        Face.SIGNED: Reason.RETIRED_CODE,
        Face.LIVING: Reason.ADMITTED,
    }
    assert verdict(replace(entry, bound=False)) is Reason.ADMITTED


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_living_code_counts_while_its_clock_is_within_the_skew(sign: int) -> None:
    skew = sign * timedelta(seconds=LIVING_SKEW_SECONDS)
    living = Ask(Intent.ENTER, Face.LIVING)

    assert verdict(GOOD, replace(living, shown_at=NOW + skew)) is Reason.ADMITTED
    assert verdict(GOOD, replace(living, shown_at=NOW + skew + sign * MOMENT)) is Reason.STALE_CODE


# --- shown again ----------------------------------------------------------------------------------------------------


def test_a_second_scan_at_the_same_gate_soon_after_is_no_alarm() -> None:
    entry = replace(USED_UP, last=last(ALREADY_IN_SECONDS * SECOND))

    assert verdict(entry) is Reason.ALREADY_IN
    assert verdict(replace(entry, last=last(ALREADY_IN_SECONDS * SECOND + MOMENT))) is Reason.USED
    assert verdict(replace(entry, last=last(SECOND, OTHER_GATE))) is Reason.USED
    assert verdict(replace(entry, uses=2, uses_left=1)) is Reason.ALREADY_IN


def test_others_of_a_group_may_follow_at_once_while_there_are_some() -> None:
    group = replace(by(GOOD, group=True), uses=5, uses_left=2, last=last(SECOND))

    assert verdict(group, replace(ENTER, count=2)) is Reason.ADMITTED
    assert verdict(group, replace(ENTER, count=3)) is Reason.ALREADY_IN
    assert verdict(replace(group, last=last(60 * SECOND)), replace(ENTER, count=3)) is Reason.TOO_FEW_USES


def test_a_ticket_is_not_passed_back_to_a_friend() -> None:
    carnet = replace(by(GOOD, pass_back_seconds=300), uses=5, uses_left=3)

    assert verdict(replace(carnet, last=last(300 * SECOND - MOMENT, OTHER_GATE))) is Reason.PASSED_BACK
    assert verdict(replace(carnet, last=last(300 * SECOND, OTHER_GATE))) is Reason.ADMITTED
    assert verdict(replace(carnet, uses_left=0, last=last(SECOND, OTHER_GATE))) is Reason.USED


def test_a_clock_that_went_back_says_nothing_of_how_long_ago_it_was() -> None:
    carnet = replace(by(GOOD, pass_back_seconds=300), uses=5, uses_left=3, last=last(-SECOND))

    assert verdict(carnet) is Reason.ADMITTED
    assert verdict(replace(carnet, uses_left=0)) is Reason.USED


# --- in and out -----------------------------------------------------------------------------------------------------


def test_who_left_comes_in_again_without_another_use_where_the_product_says_so() -> None:
    left = replace(by(GOOD, reentry=True, pass_back_seconds=600), uses_left=0, inside=0, last=last(SECOND))

    assert left.outside == 1
    assert verdict(left) is verdict(left, CHECK) is Reason.REENTERED
    assert verdict(replace(left, inside=1, last=last(60 * SECOND, OTHER_GATE))) is Reason.USED
    assert verdict(replace(left, rules=EntryRules(), last=None)) is Reason.USED


def test_as_many_leave_as_are_inside() -> None:
    group = replace(GOOD, uses=4, uses_left=1, inside=2)

    assert verdict(group, replace(LEAVE, count=2)) is Reason.LEFT
    assert verdict(group, replace(LEAVE, count=3)) is Reason.NOT_INSIDE
    assert verdict(replace(group, valid_until=NOW), LEAVE) is Reason.LEFT, "who stayed too long may go home"


@pytest.mark.parametrize(
    ("state", "no"), [(TicketState.REVOKED, Reason.REVOKED), (TicketState.SUSPENDED, Reason.SUSPENDED)]
)
def test_who_is_in_with_a_ticket_that_counts_no_more_leaves_and_does_not_come_back(
    state: TicketState, no: Reason
) -> None:
    inside = replace(by(GOOD, reentry=True), state=state, uses_left=0, inside=1)

    assert verdict(inside, LEAVE) is Reason.LEFT
    assert verdict(replace(inside, inside=0), LEAVE) is no
    assert verdict(replace(inside, inside=0)) is no


# --- without network ------------------------------------------------------------------------------------------------

ALONE = replace(ENTER, offline=True)
PAYING = replace(REDEEM, offline=True)


def test_a_gate_alone_does_what_the_products_policy_says() -> None:
    home = replace(POST, home=True, entrance="north")
    entry = replace(GOOD, entrance="north")

    assert verdict(by(entry, offline=Offline.OPTIMISTIC), ALONE) is Reason.ADMITTED
    assert verdict(by(entry, offline=Offline.DENY), ALONE) is Reason.NEEDS_NETWORK
    assert verdict(by(entry, offline=Offline.HOME), ALONE, home) is Reason.ADMITTED
    assert verdict(by(entry, offline=Offline.HOME), ALONE, replace(home, home=False)) is Reason.OTHER_ENTRANCE
    assert verdict(by(entry, offline=Offline.HOME), ALONE, replace(home, entrance="south")) is Reason.OTHER_ENTRANCE


def test_a_gate_alone_spends_within_its_floor() -> None:
    entry = by(VOUCHER, offline_floor=3_000)

    assert verdict(entry, PAYING) is Reason.REDEEMED
    assert verdict(replace(entry, spent_offline=1_000), PAYING) is Reason.REDEEMED
    assert verdict(replace(entry, spent_offline=1_001), PAYING) is Reason.NEEDS_NETWORK
    assert verdict(by(VOUCHER, offline_floor=3_000, offline=Offline.DENY), PAYING) is Reason.NEEDS_NETWORK
    assert verdict(entry, REDEEM) is Reason.REDEEMED


# --- the order of reasons -------------------------------------------------------------------------------------------

WORSE: list[tuple[Reason, Mapping[str, Any]]] = [
    (Reason.REVOKED, {"state": TicketState.REVOKED}),
    (Reason.SUSPENDED, {"state": TicketState.SUSPENDED}),
    (Reason.RETIRED_CODE, {"bound": True, "rules": EntryRules(retires_static=True)}),
    (Reason.WRONG_OCCASION, {"occasion_id": ELSEWHERE}),
    (Reason.ALREADY_IN, {"last": last(SECOND), "uses_left": 0}),
    (Reason.USED, {"uses_left": 0}),
    (Reason.EXPIRED, {"valid_until": NOW}),
    (Reason.TOO_EARLY, {"valid_from": NOW + SECOND}),
]


@pytest.mark.parametrize("rank", range(len(WORSE)))
def test_of_several_true_reasons_the_most_useful_is_told(rank: int) -> None:
    """Each fault together with all that come after it."""
    faults: dict[str, Any] = {}
    for _, fault in reversed(WORSE[rank:]):
        faults |= fault

    assert verdict(replace(GOOD, **faults)) is WORSE[rank][0]


def test_an_old_picture_is_called_old_before_it_is_called_retired() -> None:
    entry = replace(by(GOOD, retires_static=True, faces=Faces.LIVING), bound=True)
    stale = replace(ENTER, shown_at=NOW - timedelta(minutes=5))

    assert verdict(entry, stale) is Reason.STALE_CODE
    assert verdict(entry) is Reason.RETIRED_CODE
    assert verdict(replace(entry, bound=False)) is Reason.WRONG_FACE


# --- what is left after a yes ---------------------------------------------------------------------------------------


def test_an_admission_takes_uses_and_a_reentry_takes_none() -> None:
    group = replace(by(GOOD, reentry=True), uses=4, uses_left=4)

    went_in = after(group, Reason.ADMITTED, ask=replace(ENTER, count=3), post=POST, now=NOW)
    left = after(went_in, Reason.LEFT, ask=replace(LEAVE, count=2), post=POST, now=NOW)
    back = after(left, Reason.REENTERED, ask=ENTER, post=POST, now=NOW)

    assert (went_in.uses_left, went_in.inside, went_in.area, went_in.last) == (1, 3, "hall", LastUse(NOW, THIS_GATE))
    assert (left.uses_left, left.inside, left.outside) == (1, 1, 2)
    assert (back.uses_left, back.inside, back.outside) == (1, 2, 1)


def test_a_supervisor_lets_in_more_than_there_are_uses_and_they_are_not_counted_inside() -> None:
    entry = after(GOOD, Reason.OVERRIDDEN, ask=replace(ENTER, count=3), post=POST, now=NOW)

    assert (entry.uses_left, entry.inside) == (0, 1)


def test_a_redeemed_voucher_has_less_and_an_empty_one_has_no_use() -> None:
    part = after(VOUCHER, Reason.REDEEMED, ask=REDEEM, post=POST, now=NOW)
    empty = after(VOUCHER, Reason.REDEEMED, ask=replace(REDEEM, amount=5_000), post=POST, now=NOW)

    assert (part.balance, part.uses_left) == (3_000, 1)
    assert (empty.balance, empty.uses_left) == (0, 0)


def test_the_first_use_begins_the_window_and_the_next_does_not_move_it() -> None:
    ticket = replace(by(GOOD, window_minutes=30), uses=UNLIMITED_USES, uses_left=UNLIMITED_USES)

    first = after(ticket, Reason.ADMITTED, ask=ENTER, post=POST, now=NOW)
    second = after(first, Reason.ADMITTED, ask=ENTER, post=POST, now=NOW + timedelta(minutes=20))

    assert first.activated
    assert first.valid_until == second.valid_until == NOW + timedelta(minutes=30)


def test_a_window_does_not_outlive_the_ticket() -> None:
    first = after(by(GOOD, window_minutes=300), Reason.ADMITTED, ask=ENTER, post=POST, now=NOW)

    assert first.valid_until == GOOD.valid_until


@pytest.mark.parametrize("reason", sorted(set(Reason) - GREEN | {Reason.UNDONE}))
def test_a_no_changes_nothing(reason: Reason) -> None:
    assert after(GOOD, reason, ask=ENTER, post=POST, now=NOW) == GOOD


@settings(max_examples=150)
@given(
    uses=st.integers(1, 5),
    reentry=st.booleans(),
    group=st.booleans(),
    steps=st.lists(st.tuples(st.sampled_from([Intent.ENTER, Intent.LEAVE]), st.integers(1, 3), st.integers(0, 20))),
)
def test_whatever_happens_nobody_is_inside_who_was_not_let_in(
    *, uses: int, reentry: bool, group: bool, steps: list[tuple[Intent, int, int]]
) -> None:
    entry, now, entered, left = replace(by(GOOD, reentry=reentry, group=group), uses=uses, uses_left=uses), NOW, 0, 0
    for intent, count, seconds in steps:
        now += seconds * SECOND
        ask = Ask(intent, Face.SIGNED, count=count)
        reason = decide(entry, ask=ask, post=POST, now=now)
        entry = after(entry, reason, ask=ask, post=POST, now=now)
        entered += count if reason in {Reason.ADMITTED, Reason.REENTERED} else 0
        left += count if reason is Reason.LEFT else 0
        assert 0 <= entry.inside <= entry.uses - entry.uses_left <= uses
        assert entry.inside == entered - left


# --- words and colours ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", list(Reason))
def test_each_reason_has_a_sentence_in_both_languages(reason: Reason) -> None:
    korean, english = sentence(reason, "ko"), sentence(reason, "en")
    assert (korean, english) == WORDS[reason]
    assert any("가" <= char <= "힣" for char in korean)
    assert english.isascii()
    assert korean.endswith(".")
    assert english.endswith(".")


def test_no_two_reasons_sound_alike() -> None:
    assert len(set(WORDS.values())) == len(Reason)


def test_another_language_hears_english() -> None:
    assert sentence(Reason.USED, "ja") == words(Reason.USED, "ja") == sentence(Reason.USED, "en")


def test_how_long_ago_and_how_much_are_said_with_their_figures() -> None:
    won = Money(12_000, "KRW")

    assert words(Reason.ALREADY_IN, "en", seconds=4) == "Already let in 4 s ago."
    assert words(Reason.ALREADY_IN, "ko", seconds=4) == "4초 전에 이미 입장했습니다."
    assert words(Reason.ALREADY_IN, "en") == sentence(Reason.ALREADY_IN, "en")
    assert words(Reason.VOUCHER, "en", balance=won) == "A voucher. Enter an amount to redeem. ₩12,000 is left."
    assert words(Reason.BALANCE_TOO_LOW, "ko", balance=won) == "잔액이 모자랍니다. 잔액은 12,000원입니다."
    assert words(Reason.EXPIRED, "en", balance=won) == sentence(Reason.EXPIRED, "en")


def test_every_reason_has_one_colour_and_only_a_yes_is_green() -> None:
    assert GREEN.isdisjoint(AMBER)
    assert {reason for reason in Reason if colour(reason) is Colour.GREEN} == GREEN
    assert {reason for reason in Reason if colour(reason) is Colour.AMBER} == AMBER
    assert colour(Reason.USED) is colour(Reason.REVOKED) is colour(Reason.UNKNOWN) is Colour.RED
