"""A refund's life: the tickets are revoked first, then the money goes back; one that fails later is owed again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from app.domain.machine import Machine
from app.domain.ticket import TicketState

Name = TypeVar("Name")


class RefundState(StrEnum):
    ASKED = "asked"
    REFUSED = "refused"
    DUE = "due"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class RefundEvent(StrEnum):
    OWE = "be owed"
    REFUSE = "be refused"
    SUBMIT = "be submitted"
    SUCCEED = "succeed"
    FAIL = "fail"
    RETRY = "be tried again"


class RefundReason(StrEnum):
    """Why money goes back."""

    BUYER = "buyer"
    STAFF = "staff"
    LATE = "late"
    """The money came when the places were gone."""


REFUND = Machine(
    "refund",
    RefundState.ASKED,
    {
        # Its tickets are revoked at the register: from here on the money is a debt of ours.
        RefundEvent.OWE: (frozenset({RefundState.ASKED}), RefundState.DUE),
        RefundEvent.REFUSE: (frozenset({RefundState.ASKED}), RefundState.REFUSED),
        RefundEvent.SUBMIT: (frozenset({RefundState.DUE}), RefundState.PENDING),
        RefundEvent.SUCCEED: (frozenset({RefundState.DUE, RefundState.PENDING}), RefundState.SUCCEEDED),
        # A bank may send the money back days after it was given.
        RefundEvent.FAIL: (
            frozenset({RefundState.DUE, RefundState.PENDING, RefundState.SUCCEEDED}),
            RefundState.FAILED,
        ),
        RefundEvent.RETRY: (frozenset({RefundState.FAILED}), RefundState.DUE),
    },
)


# --- what may go back -----------------------------------------------------------------------------------------------


class Kept(StrEnum):
    """Why the money of a ticket does not go back now, the most telling reason first."""

    RETURNED = "returned"
    GIVEN = "given"
    REVOKED = "revoked"
    DISPUTED = "disputed"
    FREE = "free"
    USED = "used"
    NEVER = "never"
    STARTED = "started"


KEPT_WORDS: Mapping[Kept, tuple[str, str]] = {
    Kept.RETURNED: (
        "이미 환불했거나 환불하고 있는 표입니다. 환불 상태를 확인해 주십시오.",
        "This ticket has been returned already. Look at its refund.",
    ),
    Kept.GIVEN: (
        "다른 휴대전화에 선물한 표입니다. 받은 분이 매표소에 문의해 주십시오.",
        "This ticket was given to another handset. Its holder may ask the box office.",
    ),
    Kept.REVOKED: (
        "취소된 표입니다. 환불은 매표소에 문의해 주십시오.",
        "This ticket was revoked. Ask the box office about its money.",
    ),
    Kept.DISPUTED: (
        "카드사에 이의가 제기된 결제입니다. 카드사의 결정을 기다려 주십시오.",
        "The bank is deciding about this payment. Wait for its decision.",
    ),
    Kept.FREE: ("무료 표이므로 환불할 금액이 없습니다.", "This ticket cost nothing, so nothing goes back."),
    Kept.USED: (
        "이미 사용한 표는 환불할 수 없습니다. 문의는 매표소로 해 주십시오.",
        "This ticket was used, so its money stays. Ask the box office if that is wrong.",
    ),
    Kept.NEVER: ("환불되지 않는 상품입니다.", "This product is sold without a right of return."),
    Kept.STARTED: (
        "시작 시각이 지나 환불할 수 없습니다.",
        "It has started; tickets could be returned until then.",
    ),
}
"""What the buyer reads: Korean, English."""


def kept_sentence(kept: Kept, language: str) -> str:
    korean, english = KEPT_WORDS[kept]
    return korean if language == "ko" else english


@dataclass(frozen=True, slots=True)
class Returning:
    """One ticket that somebody would return. `given`: away, so that another ticket has its right; `received`: so."""

    state: TicketState
    amount: int
    used: bool
    given: bool
    received: bool
    refunding: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """What a product promises its buyers: `never`, `until_start` or `until_used`; and when its occasion starts."""

    refund: str
    starts_at: datetime | None


def kept(ticket: Returning, rule: Rule, *, by_staff: bool, used_too: bool = False, now: datetime) -> Kept | None:
    """Why this ticket's money stays; None: it may go back now. Staff are not bound by the product's rule.

    A used ticket is returned only where a supervisor says `used_too`.
    """
    always = (
        (ticket.refunding, Kept.RETURNED),
        (ticket.given, Kept.GIVEN),
        (ticket.state is TicketState.SUSPENDED, Kept.DISPUTED),
        (ticket.used and not used_too, Kept.USED),
    )
    buyers = (
        (ticket.received, Kept.GIVEN),
        (ticket.state is TicketState.REVOKED, Kept.REVOKED),
        (ticket.amount == 0, Kept.FREE),
        (rule.refund == "never", Kept.NEVER),
        (rule.refund == "until_start" and rule.starts_at is not None and now >= rule.starts_at, Kept.STARTED),
    )
    reasons = {reason for is_so, reason in (always if by_staff else always + buyers) if is_so}
    return next((reason for reason in Kept if reason in reasons), None)


LAST_TO_GO_BACK = ("carrier", "emoney", "voucher")
"""Ways to be paid that money goes back to after all others, in this order: a bank's card comes first."""


@dataclass(frozen=True, slots=True)
class Purse(Generic[Name]):
    """What one payment can still give back, in minor units."""

    name: Name
    provider: str
    left: int


def split(amount: int, purses: Sequence[Purse[Name]]) -> list[tuple[Name, int]]:
    """From which payments an amount goes back, and how much from each: cards first, stored value last.

    Together they must have as much.
    """
    found: list[tuple[Name, int]] = []
    for purse in sorted(purses, key=lambda purse: _turn(purse.provider)):
        part = min(amount, purse.left)
        amount -= part
        if part:
            found.append((purse.name, part))
    assert amount == 0, "no more goes back than came"
    return found


def _turn(provider: str) -> int:
    return LAST_TO_GO_BACK.index(provider) + 1 if provider in LAST_TO_GO_BACK else 0
