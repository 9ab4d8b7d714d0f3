"""What of a booking may go back, from which payment, and what of our fee goes with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain import ledger
from app.domain.refund import KEPT_WORDS, Kept, Purse, Returning, Rule, kept, kept_sentence, split
from app.domain.ticket import TicketState

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "state": TicketState.VALID,
    "amount": 10_000,
    "used": False,
    "given": False,
    "received": False,
    "refunding": False,
}


def asked(refund: str = "until_start", starts_in_hours: float | None = 1, *, now: datetime = NOW, **ticket: Any) -> str:
    """Why it stays, for a buyer and for staff; empty: it goes back."""
    starts_at = None if starts_in_hours is None else NOW + timedelta(hours=starts_in_hours)
    facts, rule = Returning(**GOOD | ticket), Rule(refund, starts_at)
    buyer = kept(facts, rule, by_staff=False, now=now)
    staff = kept(facts, rule, by_staff=True, now=now)
    return f"{buyer or ''}/{staff or ''}"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, "/"),
        ({"refund": "until_used", "starts_in_hours": -1}, "/"),
        ({"refund": "until_start", "starts_in_hours": None}, "/"),
        ({"refund": "until_start", "starts_in_hours": 0}, "started/"),
        ({"refund": "never"}, "never/"),
        ({"amount": 0}, "free/"),
        ({"used": True}, "used/used"),
        ({"state": TicketState.SUSPENDED}, "disputed/disputed"),
        ({"state": TicketState.REVOKED}, "revoked/"),
        ({"state": TicketState.REVOKED, "given": True}, "given/given"),
        ({"received": True}, "given/"),
        ({"state": TicketState.REVOKED, "refunding": True}, "returned/returned"),
    ],
    ids=str,
)
def test_the_rule_binds_the_buyer_and_not_the_staff(facts: dict[str, Any], expected: str) -> None:
    assert asked(**facts) == expected


def test_a_supervisor_lets_used_tickets_go_back_and_nothing_else() -> None:
    rule = Rule("until_used", None)

    def supervised(**ticket: Any) -> Kept | None:
        return kept(Returning(**GOOD | ticket), rule, by_staff=True, used_too=True, now=NOW)

    assert supervised(used=True) is None
    assert supervised(used=True, given=True) is Kept.GIVEN
    assert supervised(used=True, refunding=True) is Kept.RETURNED
    assert supervised(used=True, state=TicketState.SUSPENDED) is Kept.DISPUTED


def test_every_reason_has_its_words_in_both_languages() -> None:
    assert set(KEPT_WORDS) == set(Kept)
    for reason in Kept:
        assert kept_sentence(reason, "ko").endswith(".")
        assert kept_sentence(reason, "en").endswith(".")
        assert kept_sentence(reason, "ko") != kept_sentence(reason, "en")


def test_cards_come_first_and_stored_value_last() -> None:
    purses = [
        Purse("v", "voucher", 10),
        Purse("e", "emoney", 10),
        Purse("c", "carrier", 10),
        Purse("s", "stripe", 10),
    ]

    assert split(35, purses) == [("s", 10), ("c", 10), ("e", 10), ("v", 5)]
    assert split(10, purses) == [("s", 10)]
    assert split(0, purses) == []
    with pytest.raises(AssertionError, match="no more goes back than came"):
        split(41, purses)


@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=4), st.data())
@settings(max_examples=100)
def test_what_is_split_adds_up_and_overdraws_no_purse(amounts: list[int], data: st.DataObject) -> None:
    amount = data.draw(st.integers(0, sum(amounts)))

    found = split(amount, [Purse(index, "card", left) for index, left in enumerate(amounts)])

    assert sum(part for _, part in found) == amount
    assert all(0 < part <= amounts[index] for index, part in found)


# --- our fee --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "points", "expected"),
    [(10_000, 250, 250), (60_000, 333, 1_998), (1, 5_000, 1), (1, 4_999, 0), (3, 5_000, 2), (99, 0, 0), (7, 10_000, 7)],
)
def test_a_fee_is_rounded_half_up(amount: int, points: int, expected: int) -> None:
    assert ledger.fee(amount, points) == expected


@given(
    st.lists(st.integers(1, 100_000), min_size=1, max_size=8),
    st.integers(0, 10_000),
)
@settings(max_examples=200)
def test_piece_by_piece_exactly_the_fee_goes_back(pieces: list[int], points: int) -> None:
    price = sum(pieces)
    kept_fee = ledger.fee(price, points)

    before, back = 0, []
    for piece in pieces:
        back.append(ledger.fee_back(kept_fee, price=price, before=before, refunded=piece))
        before += piece

    assert sum(back) == kept_fee
    assert all(one >= 0 for one in back)


@pytest.mark.parametrize("wrong", [(-1, 1, 1), (1, -1, 1), (1, 1, 0)])
def test_shares_of_nothing_or_less_are_bugs(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(AssertionError):
        ledger.share(*wrong)


def test_more_than_the_price_never_goes_back() -> None:
    with pytest.raises(AssertionError):
        ledger.fee_back(10, price=100, before=60, refunded=41)
