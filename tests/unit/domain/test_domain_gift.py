"""What may change hands, until when, and what goes over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.entry_rules import UNLIMITED_USES
from app.domain.gift import (
    Asks,
    Hand,
    Holding,
    Left,
    OfferState,
    Rest,
    Standing,
    Stays,
    Terms,
    gone,
    open_until,
    price_fault,
    rest,
    standing,
    stays,
    uses_after,
)
from app.domain.ticket import TicketState
from app.domain.wording import OfferSlip, declined_message, lead, offer_message

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
GOOD = Holding(
    state=TicketState.VALID,
    transfer="face_value",
    generation=1,
    valid_until=NOW + timedelta(days=9),
    starts_at=NOW + timedelta(days=8),
    minutes_before=None,
)
HOUR = 60


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({}, None),
        ({"state": TicketState.REVOKED}, Stays.REVOKED),
        ({"state": TicketState.SUSPENDED}, Stays.SUSPENDED),
        ({"transfer": "never"}, Stays.NOT_A_GIFT),
        ({"generation": 255}, Stays.NOT_A_GIFT),
        ({"valid_until": NOW}, Stays.USED_UP),
        ({"starts_at": NOW + timedelta(hours=1), "minutes_before": HOUR}, Stays.TOO_LATE),
        ({"starts_at": NOW + timedelta(hours=1), "minutes_before": HOUR - 1}, None),
        ({"starts_at": None, "minutes_before": HOUR}, None),
    ],
    ids=["good", "revoked", "held", "never", "often", "over", "late", "in time", "undated"],
)
def test_each_reason_that_keeps_a_ticket_where_it_is(changed: dict[str, object], why: Stays | None) -> None:
    assert stays(replace(GOOD, **changed), now=NOW) is why  # type: ignore[arg-type]  # fields by their names


@pytest.mark.parametrize(
    ("changed", "ends"),
    [
        ({}, timedelta(hours=48)),
        ({"starts_at": NOW + timedelta(hours=3)}, timedelta(hours=3)),
        ({"starts_at": NOW + timedelta(hours=3), "minutes_before": HOUR}, timedelta(hours=2)),
        ({"starts_at": None, "valid_until": NOW + timedelta(hours=5)}, timedelta(hours=5)),
        ({"starts_at": NOW - timedelta(hours=1), "valid_until": NOW + timedelta(hours=1)}, timedelta(hours=1)),
    ],
    ids=["two days", "start", "before the start", "end", "running"],
)
def test_an_offer_ends_when_the_first_of_its_reasons_comes(changed: dict[str, object], ends: timedelta) -> None:
    assert open_until(replace(GOOD, **changed), now=NOW) == NOW + ends  # type: ignore[arg-type]  # fields by their names


# --- what goes over -------------------------------------------------------------------------------------------------

WHOLE = Left(TicketState.VALID, 3, 3, 0, None)
LATER = NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("left", "terms", "outcome"),
    [
        (WHOLE, Terms(Hand.GIVEN), Rest(3, None, None)),
        (replace(WHOLE, uses_left=1), Terms(Hand.GIVEN), Rest(1, None, None)),
        (replace(WHOLE, uses_left=1), Terms(Hand.REISSUED), Rest(3, None, None)),
        (replace(WHOLE, uses_left=0), Terms(Hand.GIVEN), Stays.USED_UP),
        (replace(WHOLE, uses_left=2), Terms(Hand.RESOLD, uses_min=3), Stays.USED),
        (replace(WHOLE, balance=700), Terms(Hand.RESOLD, balance_min=700), Rest(3, 700, None)),
        (replace(WHOLE, balance=699), Terms(Hand.RESOLD, balance_min=700), Stays.USED),
        (replace(WHOLE, used_at=NOW), Terms(Hand.RESOLD, unused_since=NOW), Rest(3, None, None)),
        (replace(WHOLE, used_at=LATER), Terms(Hand.RESOLD, unused_since=NOW), Stays.USED),
        (replace(WHOLE, used_at=LATER), Terms(Hand.GIVEN), Rest(3, None, None)),
        (replace(WHOLE, activated_until=LATER), Terms(Hand.GIVEN), Rest(3, None, LATER)),
    ],
    ids=[
        "all of it", "the rest", "issued anew", "nothing", "less than agreed", "as much as agreed", "spent", "unused",
        "a pass that was used", "given all the same", "a window that runs",
    ],
)  # fmt: skip
def test_what_goes_over_is_what_was_agreed_to_or_nothing(left: Left, terms: Terms, outcome: Rest | Stays) -> None:
    assert rest(left, terms, reentry=True, now=NOW) == outcome


def test_a_window_that_runs_is_all_the_time_there_is() -> None:
    assert Rest(1, None, LATER).ends(NOW + timedelta(days=9)) == LATER
    assert Rest(1, None, LATER).ends(NOW) == NOW
    assert Rest(1, None, None).ends(LATER) == LATER


LEFTS = st.builds(
    lambda uses, left, inside, valid: Left(
        TicketState.VALID if valid else TicketState.REVOKED,
        uses,
        min(left, uses),
        min(inside, uses - min(left, uses)),
        None,
    ),
    st.integers(1, 9) | st.just(UNLIMITED_USES),
    st.integers(0, 9),
    st.integers(0, 9),
    st.booleans(),
)


@settings(max_examples=200)
@given(LEFTS, st.booleans(), st.booleans())
def test_nobody_gets_more_than_there_was(left: Left, same_hands: bool, reentry: bool) -> None:  # noqa: FBT001 - the rules' two axes
    uses = uses_after(left, same_hands=same_hands, reentry=reentry)

    if left.uses == UNLIMITED_USES:
        assert uses == UNLIMITED_USES
    else:
        assert left.uses_left <= uses <= left.uses - left.inside
        assert uses == left.uses_left or (same_hands and reentry)
    assert (gone(left, same_hands=same_hands, reentry=reentry, now=NOW) is None) <= (uses > 0)


@pytest.mark.parametrize(
    ("left", "same_hands", "reentry", "why"),
    [
        (Left(TicketState.SUSPENDED, 1, 1, 0, None), True, False, Stays.SUSPENDED),
        (Left(TicketState.VALID, 2, 1, 1, None), False, True, Stays.INSIDE),
        (Left(TicketState.VALID, 2, 1, 1, None), False, False, None),
        (Left(TicketState.VALID, 2, 1, 1, None), True, True, None),
        (Left(TicketState.VALID, 1, 0, 1, None), True, True, Stays.INSIDE),
        (Left(TicketState.VALID, 1, 0, 1, None), True, False, Stays.USED_UP),
        (Left(TicketState.VALID, 1, 1, 0, 0), True, False, Stays.USED_UP),
        (Left(TicketState.VALID, 1, 1, 0, None, NOW), True, False, Stays.USED_UP),
        (Left(TicketState.VALID, 1, 1, 0, None, NOW + timedelta(minutes=1)), True, False, None),
    ],
    ids=["held", "inside", "no way back in", "own inside", "all inside", "all in", "empty", "window over", "in it"],
)
def test_what_keeps_the_register_from_handing_over(
    left: Left,
    same_hands: bool,  # noqa: FBT001 - the rules' axis
    reentry: bool,  # noqa: FBT001 - the rules' other axis
    why: Stays | None,
) -> None:
    assert gone(left, same_hands=same_hands, reentry=reentry, now=NOW) is why


def test_an_offer_stands_open_only_in_its_time_and_while_its_ticket_is_good() -> None:
    later, good = NOW + timedelta(hours=1), TicketState.VALID

    assert standing(OfferState.OPEN, until=later, ticket=good, now=NOW) is Standing.OPEN
    assert standing(OfferState.OPEN, until=NOW, ticket=good, now=NOW) is Standing.EXPIRED
    assert standing(OfferState.OPEN, until=later, ticket=TicketState.REVOKED, now=NOW) is Standing.WITHDRAWN
    for state in (OfferState.ACCEPTED, OfferState.DECLINED, OfferState.WITHDRAWN):
        assert standing(state, until=NOW, ticket=TicketState.REVOKED, now=NOW) == state.value


@pytest.mark.parametrize(
    ("asked", "transfer", "fault"),
    [(0, "free", None), (1, "free", Asks.ONLY_FREE), (500, "face_value", None), (501, "face_value", Asks.TOO_DEAR)],
)
def test_a_price_is_what_the_ticket_cost_at_most(asked: int, transfer: str, fault: Asks | None) -> None:
    assert price_fault(asked, transfer=transfer, cost=500) is fault


# --- what is said ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["ko", "en"])
def test_an_offer_names_giver_price_and_end_in_the_fewest_messages(language: str) -> None:
    slip = OfferSlip(
        "010-****-5678", "T" * 60, "Tue 24 Nov 12:00", "row A seat 3", "KRW 60,000", "Mon 09:00", "https://x/o/y"
    )

    text = offer_message(slip, language, lambda one: -(-len(one) // 160))

    assert len(text) <= 160
    assert all(word in text for word in ("010-****-5678", "KRW 60,000", "Mon 09:00", "https://x/o/y", "TTTT"))
    assert "https" not in repr(slip)
    free = offer_message(replace(slip, price=""), language, lambda _: 1)
    assert "KRW" not in free
    assert "row A seat 3" in free


@pytest.mark.parametrize("language", ["ko", "en"])
def test_how_a_ticket_came_stands_above_it(language: str) -> None:
    leads = {hand: lead(hand, "010-****-5678", language) for hand in Hand}

    assert leads[Hand.SOLD] == ""
    assert len(set(leads.values())) == len(Hand) - 1, "a gift is a gift, offered or not"
    assert all("5678" in leads[hand] for hand in Hand if hand not in {Hand.SOLD, Hand.REISSUED})


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_declined_offer_fits_one_message_and_says_whose_the_ticket_is(language: str) -> None:
    text = declined_message(
        "봄날의 우체국" if language == "ko" else "The Post Office", "482910375-1", "010-****-4321", language
    )

    assert "482910375-1" in text
    assert len(text) <= (70 if language == "ko" else 160)
