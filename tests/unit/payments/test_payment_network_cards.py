"""The sandbox network's cards: which numbers, dates and codes pass, and what is kept of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.payments.sandbox.cards import (
    ALL_CARDS,
    Behaviour,
    CardFault,
    TypedCard,
    brand,
    faults,
    kept,
    luhn,
    well_known,
)

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
GOOD = "4242424242424242"


@given(st.text("0123456789", min_size=11, max_size=18), st.data())
def test_exactly_one_check_digit_fits_any_number(body: str, data: st.DataObject) -> None:
    fitting = [digit for digit in "0123456789" if luhn(body + digit)]

    assert len(fitting) == 1
    position = data.draw(st.integers(0, len(body) - 1))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != body[position]]))
    assert not luhn(body[:position] + other + body[position + 1 :] + fitting[0])


@pytest.mark.parametrize("card", ALL_CARDS, ids=lambda card: card.number)
def test_every_test_card_passes_the_checks_it_is_offered_for(card: object) -> None:
    number = getattr(card, "number", "")

    assert faults(TypedCard(number, 12, 2030, "123"), now=NOW) == []


def test_a_number_may_be_grouped_by_spaces_and_hyphens() -> None:
    assert faults(TypedCard("4242 4242-4242 4242", 12, 2030, "123"), now=NOW) == []


@pytest.mark.parametrize(
    ("number", "month", "year", "cvc", "expected"),
    [
        ("4242424242424241", 12, 2030, "123", [CardFault.NUMBER]),
        ("42424242424", 12, 2030, "123", [CardFault.NUMBER]),
        ("４２４２４２４２４２４２４２４２", 12, 2030, "123", [CardFault.NUMBER]),
        ("4111111111111111", 12, 2030, "123", [CardFault.NOT_A_TEST_CARD]),
        (GOOD, 13, 2030, "123", [CardFault.MONTH]),
        (GOOD, 0, 2030, "123", [CardFault.MONTH]),
        (GOOD, 10, 2026, "123", [CardFault.MONTH]),
        (GOOD, 12, 2025, "123", [CardFault.YEAR]),
        (GOOD, 12, 2077, "123", [CardFault.YEAR]),
        (GOOD, 12, 30, "12", [CardFault.CVC]),
        (GOOD, 12, 30, "", [CardFault.CVC]),
        (GOOD, 12, 30, "12a", [CardFault.CVC]),
        ("1", 0, 1999, "1", [CardFault.NUMBER, CardFault.MONTH, CardFault.YEAR, CardFault.CVC]),
    ],
)
def test_a_wrong_card_is_told_all_its_faults(
    number: str, month: int, year: int, cvc: str, expected: list[CardFault]
) -> None:
    assert faults(TypedCard(number, month, year, cvc), now=NOW) == expected


def test_a_card_is_good_to_the_end_of_its_month() -> None:
    last_instant = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
    card = TypedCard(GOOD, 11, 2026, "123")

    assert faults(card, now=last_instant) == []
    assert faults(card, now=datetime(2026, 12, 1, tzinfo=UTC)) == [CardFault.MONTH]


def test_a_code_left_out_is_not_asked_for_but_an_amex_code_has_four_digits() -> None:
    assert faults(TypedCard(GOOD, 12, 2030, None), now=NOW) == []
    assert CardFault.CVC in faults(TypedCard("378282246310005", 12, 2030, "123"), now=NOW)
    assert CardFault.CVC not in faults(TypedCard("378282246310005", 12, 2030, "1234"), now=NOW)


def test_the_number_is_nowhere_in_what_is_kept_or_printed() -> None:
    typed = TypedCard(GOOD, 12, 2030, "737")
    card = kept(typed, secret=b"a")

    assert GOOD not in repr(card) + repr(typed)
    assert "737" not in repr(card) + repr(typed)
    assert (card.brand, card.last4, card.exp_year, card.behaviour) == ("visa", "4242", 2030, Behaviour.APPROVE)


def test_a_fingerprint_recognises_a_number_and_depends_on_the_networks_secret() -> None:
    first = kept(TypedCard(GOOD, 12, 2030), secret=b"a").fingerprint

    assert kept(TypedCard("4242 4242 4242 4242", 1, 2031), secret=b"a").fingerprint == first
    assert kept(TypedCard("5555555555554444", 12, 2030), secret=b"a").fingerprint != first
    assert kept(TypedCard(GOOD, 12, 2030), secret=b"b").fingerprint != first


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (GOOD, "visa"),
        ("5555555555554444", "mastercard"),
        ("2223003122003222", "mastercard"),
        ("378282246310005", "amex"),
    ],
)
def test_a_brand_is_known_by_its_first_digits(number: str, expected: str) -> None:
    assert brand(number) == expected


def test_the_well_known_tokens_are_there_with_their_behaviour_and_do_not_expire_soon() -> None:
    cards = well_known(NOW, secret=b"a")

    assert {token: card.behaviour for token, card in cards.items()} == {
        "pm_card_visa": Behaviour.APPROVE,
        "pm_card_mastercard": Behaviour.APPROVE,
        "pm_card_chargeDeclined": Behaviour.DECLINE,
        "pm_card_chargeDeclinedInsufficientFunds": Behaviour.INSUFFICIENT_FUNDS,
        "pm_card_chargeDeclinedExpiredCard": Behaviour.EXPIRED,
        "pm_card_chargeCustomerFail": Behaviour.DECLINE,
        "pm_card_authenticationRequired": Behaviour.CHALLENGE,
        "pm_card_authenticationRequiredOnSetup": Behaviour.CHALLENGE,
        "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": Behaviour.CHALLENGE_THEN_EMPTY,
        "pm_card_pendingRefund": Behaviour.REFUND_PENDING,
        "pm_card_refundFail": Behaviour.REFUND_FAILS,
        "pm_card_createDispute": Behaviour.DISPUTE,
        "pm_card_createDisputeProductNotReceived": Behaviour.DISPUTE_NOT_RECEIVED,
        "pm_card_createDisputeInquiry": Behaviour.INQUIRY,
        "pm_card_dropBefore": Behaviour.DROP_BEFORE,
        "pm_card_dropAfter": Behaviour.DROP_AFTER,
        "pm_card_hang": Behaviour.HANG,
        "pm_card_delay": Behaviour.DELAY,
        "pm_card_error500Before": Behaviour.ERROR_500_BEFORE,
        "pm_card_error500After": Behaviour.ERROR_500_AFTER,
        "pm_card_tooMany": Behaviour.TOO_MANY,
        "pm_card_unavailable": Behaviour.UNAVAILABLE,
    }
    assert all(card.exp_year > NOW.year for card in cards.values())
