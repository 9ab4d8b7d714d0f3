"""A payment is one attempt with one instrument; `unknown` is a state like any other and is never guessed away."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum

from app.domain.machine import Machine
from app.domain.money import Money
from app.domain.refusals import BadLine


class PaymentState(StrEnum):
    CREATED = "created"
    SUBMITTED = "submitted"
    REQUIRES_ACTION = "requires_action"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    VOIDED = "voided"
    REFUNDED = "refunded"


class PaymentEvent(StrEnum):
    SUBMIT = "be submitted"
    CHALLENGE = "be challenged"
    AUTHORIZE = "be authorized"
    CAPTURE = "be captured"
    DECLINE = "be declined"
    LOSE_SIGHT = "be lost sight of"
    VOID = "be voided"
    REFUND = "be refunded"


OPEN = frozenset(
    {
        PaymentState.CREATED,
        PaymentState.SUBMITTED,
        PaymentState.REQUIRES_ACTION,
        PaymentState.AUTHORIZED,
        PaymentState.UNKNOWN,
    }
)
"""States in which money may still move: a booking has at most one such attempt."""

LIVE = OPEN | {PaymentState.CAPTURED}

PAYMENT = Machine(
    "payment",
    PaymentState.CREATED,
    {
        PaymentEvent.SUBMIT: (frozenset({PaymentState.CREATED}), PaymentState.SUBMITTED),
        # The buyer's bank wants to see the buyer (3-D Secure); the money waits for that.
        PaymentEvent.CHALLENGE: (
            frozenset({PaymentState.SUBMITTED, PaymentState.UNKNOWN}),
            PaymentState.REQUIRES_ACTION,
        ),
        PaymentEvent.AUTHORIZE: (
            frozenset({PaymentState.SUBMITTED, PaymentState.REQUIRES_ACTION, PaymentState.UNKNOWN}),
            PaymentState.AUTHORIZED,
        ),
        PaymentEvent.CAPTURE: (OPEN - {PaymentState.CREATED}, PaymentState.CAPTURED),
        PaymentEvent.DECLINE: (OPEN, PaymentState.DECLINED),
        PaymentEvent.LOSE_SIGHT: (OPEN, PaymentState.UNKNOWN),
        PaymentEvent.VOID: (OPEN, PaymentState.VOIDED),
        PaymentEvent.REFUND: (frozenset({PaymentState.CAPTURED}), PaymentState.REFUNDED),
    },
)

PARTS_MAX = 4
"""How many instruments may pay one booking together."""


def shares(total: Money, asked: Sequence[Money | None]) -> list[Money]:
    """What each of several tenders pays, in their order; None takes what the others leave. Raises BadLine."""
    if not 1 <= len(asked) <= PARTS_MAX:
        raise BadLine(f"A booking is paid with one to {PARTS_MAX} means of payment; {len(asked)} are named.")
    if sum(amount is None for amount in asked) > 1:
        raise BadLine("Two means of payment are to take the rest; give an amount for all but one of them.")
    named = [amount for amount in asked if amount is not None]
    for amount in named:
        if amount.currency != total.currency:
            raise BadLine(f"This booking is paid in {total.currency}; give every amount in it.")
        if amount.amount < 1:
            raise BadLine("Each means of payment takes at least one minor unit; leave out the one that takes nothing.")
    rest = total.amount - sum(amount.amount for amount in named)
    if len(named) == len(asked) and rest:
        raise BadLine(f"The amounts make {total.amount - rest}, the booking costs {total.amount}; let them agree.")
    if len(named) < len(asked) and rest < 1:
        raise BadLine("The amounts named leave nothing for the last means of payment; lower one, or leave it out.")
    return [Money(rest, total.currency) if amount is None else amount for amount in asked]


class Standing(StrEnum):
    """How one part of an attempt stands with whoever takes the money."""

    UNASKED = "unasked"
    CHALLENGED = "challenged"
    RESERVED = "reserved"
    TAKEN = "taken"
    GONE = "gone"
    SILENT = "silent"


class Course(StrEnum):
    """What to do with an attempt, all of its parts looked at."""

    SELL = "sell"
    CHALLENGE = "challenge"
    WAIT = "wait"
    UNDO = "undo"


def course(parts: Collection[Standing], *, patient: bool, challenge_over: bool) -> Course:
    """All or nothing: sell when every part is good for its money, undo as soon as one never will be.

    `patient`: a part that was not asked for may still be, because whoever began may be about to do it.
    """
    if Standing.GONE in parts:
        return Course.UNDO
    if Standing.SILENT in parts:
        return Course.WAIT
    if Standing.UNASKED in parts:
        return Course.WAIT if patient else Course.UNDO
    if Standing.CHALLENGED in parts:
        return Course.UNDO if challenge_over else Course.CHALLENGE
    return Course.SELL


INTERRUPTED = "interrupted"
"""The reason where no network said no: the attempt was given up before it was complete."""

REFUSED_WORDS = {
    "declined": (
        "카드사가 이 카드의 결제를 거절했습니다. 다른 카드를 쓰거나 전자화폐로 결제해 주십시오.",
        "This card was refused by the bank. Try another card, or pay with e-money.",
    ),
    "insufficient_funds": (
        "잔액이 부족합니다. 다른 결제 수단을 선택해 주십시오.",
        "There is not enough money on this means of payment. Try another one.",
    ),
    "expired": (
        "유효기간이 지난 카드입니다. 다른 카드를 입력해 주십시오.",
        "This card has expired. Try another card.",
    ),
    "invalid": (
        "이 결제 수단은 사용할 수 없습니다. 다른 결제 수단을 선택해 주십시오.",
        "This means of payment cannot be used. Try another one.",
    ),
    "wrong_pin": (
        "번호나 비밀번호가 맞지 않습니다. 문자로 받은 비밀번호를 확인해 주십시오.",
        "The number or the PIN is wrong. Check the PIN in your text message.",
    ),
    "locked": (
        "비밀번호를 여러 번 잘못 입력하여 잠겼습니다. 10분 뒤에 다시 시도하거나 카드로 결제해 주십시오.",
        "Too many wrong PINs: this number is locked for 10 minutes. Try later, or pay by card.",
    ),
    "not_confirmed": (
        "카드사에서 본인 확인이 되지 않아 결제되지 않았습니다. 다시 시도하거나 다른 카드로 결제해 주십시오.",
        "The bank did not get its holder's word for this card, so nothing was charged. Try again, or use another card.",
    ),
    INTERRUPTED: (
        "결제가 끝나지 않아 취소되었습니다. 청구된 금액은 없습니다. 다시 결제해 주십시오.",
        "The payment was broken off and nothing was charged. Try again, with this or another means of payment.",
    ),
}
"""What the buyer reads when a means of payment is refused: Korean, English."""


def refused_sentence(reason: str, language: str) -> str:
    korean, english = REFUSED_WORDS.get(reason, REFUSED_WORDS["invalid"])
    return korean if language == "ko" else english
