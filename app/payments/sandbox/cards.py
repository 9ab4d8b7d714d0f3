"""Cards as this network knows them: how number, expiry and CVC are checked, and which test card does what."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

NUMBER_DIGITS_MIN, NUMBER_DIGITS_MAX = 12, 19
"""ISO/IEC 7812-1: an issuer number, an account number and a check digit, 19 digits at most."""
CENTURY = 100
EXPIRY_YEARS_MAX = 50
MONTHS = range(1, 13)
AMEX_CVC_DIGITS, CVC_DIGITS = 4, 3


class Behaviour(StrEnum):
    """What becomes of a charge to the card, of its refund, or of the connection that asks for it."""

    APPROVE = "approve"
    DECLINE = "decline"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    EXPIRED = "expired"
    CHALLENGE = "challenge"
    CHALLENGE_THEN_EMPTY = "challenge_then_empty"
    REFUND_PENDING = "refund_pending"
    REFUND_FAILS = "refund_fails"
    DISPUTE = "dispute"
    DISPUTE_NOT_RECEIVED = "dispute_not_received"
    INQUIRY = "inquiry"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    HANG = "hang"
    DELAY = "delay"
    ERROR_500_BEFORE = "error_500_before"
    ERROR_500_AFTER = "error_500_after"
    TOO_MANY = "too_many"
    UNAVAILABLE = "unavailable"


CHALLENGES = frozenset({Behaviour.CHALLENGE, Behaviour.CHALLENGE_THEN_EMPTY})
"""The bank asks the holder first (3-D Secure)."""
TROUBLE_LATER = frozenset(
    {
        *(Behaviour.REFUND_PENDING, Behaviour.REFUND_FAILS),
        *(Behaviour.DISPUTE, Behaviour.DISPUTE_NOT_RECEIVED, Behaviour.INQUIRY),
    }
)
"""Charged like any other; something happens to the money afterwards."""


@dataclass(frozen=True, slots=True)
class KnownCard:
    """A number anyone may type here; it belongs to no account anywhere."""

    number: str
    behaviour: Behaviour
    token: str
    """The well-known payment method that is this card without typing it."""


KNOWN_CARDS = (
    KnownCard("4242424242424242", Behaviour.APPROVE, "pm_card_visa"),
    KnownCard("5555555555554444", Behaviour.APPROVE, "pm_card_mastercard"),
    KnownCard("4000000000000002", Behaviour.DECLINE, "pm_card_chargeDeclined"),
    KnownCard("4000000000009995", Behaviour.INSUFFICIENT_FUNDS, "pm_card_chargeDeclinedInsufficientFunds"),
    KnownCard("4000000000000069", Behaviour.EXPIRED, "pm_card_chargeDeclinedExpiredCard"),
    KnownCard("4000000000000341", Behaviour.DECLINE, "pm_card_chargeCustomerFail"),
    KnownCard("4000002760003184", Behaviour.CHALLENGE, "pm_card_authenticationRequired"),
    KnownCard("4000002500003155", Behaviour.CHALLENGE, "pm_card_authenticationRequiredOnSetup"),
    KnownCard(
        "4000008260003178",
        Behaviour.CHALLENGE_THEN_EMPTY,
        "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
    ),
    KnownCard("4000000000007726", Behaviour.REFUND_PENDING, "pm_card_pendingRefund"),
    KnownCard("4000000000005126", Behaviour.REFUND_FAILS, "pm_card_refundFail"),
    KnownCard("4000000000000259", Behaviour.DISPUTE, "pm_card_createDispute"),
    KnownCard("4000000000002685", Behaviour.DISPUTE_NOT_RECEIVED, "pm_card_createDisputeProductNotReceived"),
    KnownCard("4000000000001976", Behaviour.INQUIRY, "pm_card_createDisputeInquiry"),
)
"""Stripe's own test cards, by their documented numbers and names (https://docs.stripe.com/testing)."""

FAULTY_CARDS = (
    KnownCard("4000990000000012", Behaviour.DROP_BEFORE, "pm_card_dropBefore"),
    KnownCard("4000990000000020", Behaviour.DROP_AFTER, "pm_card_dropAfter"),
    KnownCard("4000990000000038", Behaviour.HANG, "pm_card_hang"),
    KnownCard("4000990000000046", Behaviour.DELAY, "pm_card_delay"),
    KnownCard("4000990000000053", Behaviour.ERROR_500_BEFORE, "pm_card_error500Before"),
    KnownCard("4000990000000061", Behaviour.ERROR_500_AFTER, "pm_card_error500After"),
    KnownCard("4000990000000079", Behaviour.TOO_MANY, "pm_card_tooMany"),
    KnownCard("4000990000000087", Behaviour.UNAVAILABLE, "pm_card_unavailable"),
)
"""Cards of this network alone: they are good, and the first confirmation of an intent with one meets a fault."""

ALL_CARDS = (*KNOWN_CARDS, *FAULTY_CARDS)
BY_NUMBER = {card.number: card for card in ALL_CARDS}


@dataclass(frozen=True, slots=True)
class Card:
    """All that is kept of a card: the number itself stays in the request that brought it."""

    brand: str
    last4: str
    fingerprint: str
    exp_month: int
    exp_year: int
    behaviour: Behaviour


class CardFault(StrEnum):
    """What is wrong with a card as typed; the values are Stripe's error codes."""

    NUMBER = "incorrect_number"
    NOT_A_TEST_CARD = "card_declined"
    MONTH = "invalid_expiry_month"
    YEAR = "invalid_expiry_year"
    CVC = "invalid_cvc"


@dataclass(frozen=True, slots=True)
class TypedCard:
    """A card as it was typed. Never printed, never stored."""

    number: str = field(repr=False)
    exp_month: int = field(repr=False)
    exp_year: int = field(repr=False)
    cvc: str | None = field(repr=False, default=None)


def luhn(digits: str) -> bool:
    """The check digit fits (ISO/IEC 7812-1 annex B)."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0


def digits_of(number: str) -> str:
    """The number without the spaces and hyphens that people group it by."""
    return re.sub(r"[ -]", "", number)


def brand(digits: str) -> str:
    """The card scheme by its first digits."""
    if digits[0] == "4":
        return "visa"
    if 51 <= int(digits[:2]) <= 55 or 2221 <= int(digits[:4]) <= 2720:  # noqa: PLR2004 - the scheme's number ranges
        return "mastercard"
    return {"34": "amex", "37": "amex", "35": "jcb", "62": "unionpay", "36": "diners"}.get(digits[:2], "unknown")


def full_year(year: int) -> int:
    """Two digits are a year of this century: 30 is 2030."""
    return 2_000 + year if 0 <= year < CENTURY else year


def faults(card: TypedCard, *, now: datetime) -> list[CardFault]:
    """Everything wrong with the card, in the order of its fields; empty when it can be kept."""
    found: list[CardFault] = []
    digits = digits_of(card.number)
    well_formed = digits.isascii() and digits.isdigit() and NUMBER_DIGITS_MIN <= len(digits) <= NUMBER_DIGITS_MAX
    if not well_formed or not luhn(digits):
        found.append(CardFault.NUMBER)
    elif digits not in BY_NUMBER:
        found.append(CardFault.NOT_A_TEST_CARD)
    year = full_year(card.exp_year)
    if card.exp_month not in MONTHS or (year == now.year and card.exp_month < now.month):
        found.append(CardFault.MONTH)
    if not now.year <= year <= now.year + EXPIRY_YEARS_MAX:
        found.append(CardFault.YEAR)
    if card.cvc is not None and not _cvc_fits(card.cvc, digits):
        found.append(CardFault.CVC)
    return found


def _cvc_fits(cvc: str, digits: str) -> bool:
    wanted = AMEX_CVC_DIGITS if digits.startswith(("34", "37")) else CVC_DIGITS
    return cvc.isascii() and cvc.isdigit() and len(cvc) == wanted


def kept(card: TypedCard, *, secret: bytes) -> Card:
    """What is remembered of a card without faults.

    The fingerprint is the same for the same number and says nothing about it: there are few enough card numbers that a
    hash without a key could be undone by trying them all.
    """
    digits = digits_of(card.number)
    return Card(
        brand=brand(digits),
        last4=digits[-4:],
        fingerprint=hmac.new(secret, b"card:" + digits.encode(), sha256).hexdigest()[:16],
        exp_month=card.exp_month,
        exp_year=full_year(card.exp_year),
        behaviour=BY_NUMBER[digits].behaviour,
    )


def well_known(now: datetime, *, secret: bytes) -> dict[str, Card]:
    """The payment methods that exist from the start, by token."""
    return {card.token: kept(TypedCard(card.number, 12, now.year + 4), secret=secret) for card in ALL_CARDS}
