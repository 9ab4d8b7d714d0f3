"""A payment is one attempt with one instrument; `unknown` is a state like any other and is never guessed away."""

from __future__ import annotations

from enum import StrEnum

from app.domain.machine import Machine


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
        "번호나 전자화폐 비밀번호가 맞지 않습니다. 문자로 받은 비밀번호를 확인해 주십시오.",
        "The number or the e-money PIN is wrong. Check the PIN in your text message.",
    ),
    "locked": (
        "비밀번호를 여러 번 잘못 입력하여 잠겼습니다. 10분 뒤에 다시 시도하거나 카드로 결제해 주십시오.",
        "Too many wrong PINs: e-money is locked for 10 minutes. Try later, or pay by card.",
    ),
}
"""What the buyer reads when a means of payment is refused: Korean, English."""


def refused_sentence(reason: str, language: str) -> str:
    korean, english = REFUSED_WORDS.get(reason, REFUSED_WORDS["invalid"])
    return korean if language == "ko" else english
