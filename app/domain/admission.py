"""The gate's decision: genuine, for here, for now, and not used up; with the most useful of several true reasons."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.domain.ticket import TicketState


class Reason(StrEnum):
    """Why a gate opens or not, most useful first: of several true ones the first is told."""

    ADMITTED = "admitted"
    UNREADABLE = "unreadable"
    LOCKED = "locked"
    UNKNOWN = "unknown"
    WRONG_PIN = "wrong_pin"
    REVOKED = "revoked"
    SUSPENDED = "suspended"
    WRONG_OCCASION = "wrong_occasion"
    USED = "used"
    EXPIRED = "expired"
    TOO_EARLY = "too_early"


WORDS: dict[Reason, tuple[str, str]] = {
    Reason.ADMITTED: ("입장하십시오.", "Let them in."),
    Reason.UNREADABLE: (
        "읽을 수 없습니다. 다시 스캔하거나 번호와 비밀번호를 입력하십시오.",
        "Cannot be read. Scan again, or type number and PIN.",
    ),
    Reason.LOCKED: (
        "비밀번호가 여러 번 틀려 잠겼습니다. 바코드를 스캔하십시오.",
        "Too many wrong PINs: the PIN is locked for 10 minutes. Scan the barcode.",
    ),
    Reason.UNKNOWN: (
        "이 발행처의 표가 아닙니다. 번호와 비밀번호를 확인하십시오.",
        "Not one of our tickets. Check number and PIN.",
    ),
    Reason.WRONG_PIN: (
        "번호나 비밀번호가 맞지 않습니다. 다시 확인하십시오.",
        "Number or PIN is wrong. Check both.",
    ),
    Reason.REVOKED: (
        "취소된 표입니다. 매표소로 안내하십시오.",
        "Revoked. Send them to the box office.",
    ),
    Reason.SUSPENDED: (
        "결제 이의가 제기되어 잠시 사용이 중지된 표입니다. 매표소로 안내하십시오.",
        "Suspended: its payment is disputed. Send them to the box office.",
    ),
    Reason.WRONG_OCCASION: ("다른 회차의 표입니다.", "This ticket is for another occasion."),
    Reason.USED: ("이미 사용한 표입니다.", "This ticket is already used."),
    Reason.EXPIRED: ("유효기간이 지났습니다.", "This ticket has expired."),
    Reason.TOO_EARLY: ("아직 입장 시간이 아닙니다.", "Too early: admission has not opened."),
}


@dataclass(frozen=True, slots=True)
class Register:
    """What the issuer's register knows of one ticket."""

    ticket_id: UUID
    occasion_id: UUID
    state: TicketState
    uses_left: int
    valid_from: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Post:
    """Where the gate stands: the occasions it opens for; none named means all of its issuer's."""

    gate_id: UUID
    occasions: AbstractSet[UUID]

    def serves(self, occasion_id: UUID) -> bool:
        return not self.occasions or occasion_id in self.occasions


def decide(entry: Register, *, post: Post, now: datetime) -> Reason:
    """The verdict on a genuine ticket. Whether its last use is still there is settled again by the counting UPDATE."""
    if entry.state is not TicketState.VALID:
        return Reason.REVOKED if entry.state is TicketState.REVOKED else Reason.SUSPENDED
    if not post.serves(entry.occasion_id):
        return Reason.WRONG_OCCASION
    if entry.uses_left <= 0:
        return Reason.USED
    if now >= entry.valid_until:
        return Reason.EXPIRED
    if now < entry.valid_from:
        return Reason.TOO_EARLY
    return Reason.ADMITTED


PIN_TRIES_MAX = 5
PIN_WINDOW_MINUTES = 10


def sentence(reason: Reason, language: str) -> str:
    korean, english = WORDS[reason]
    return korean if language == "ko" else english
