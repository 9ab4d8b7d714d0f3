"""The gate's decision: genuine, for here, for now, and not used up; with the most useful of several true reasons.

One set of rules for the gate that asks the register and for the one that has only its snapshot: who calls brings the
facts. Whether the last use, the last person inside or the last minor unit is still there, the register settles once
more by compare-and-set.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from app.domain.entry_rules import STATIC, Direction, EntryRules, Face, Offline, Role
from app.domain.money import Money
from app.domain.ticket import TicketState

ALREADY_IN_SECONDS = 10
"""So soon after its own yes a gate that is shown the ticket again says that it is in, and raises no alarm."""
UNDO_SECONDS = 60
LIVING_STEP_SECONDS = 15
LIVING_SKEW_SECONDS = 30
"""How far a living barcode's time may be from the gate's: a screenshot is worth nothing after that."""
PIN_TRIES_MAX = 5
PIN_WINDOW_MINUTES = 10
FAILURES_PER_SECOND_MAX = 20
"""Wrong PINs at all gates of an issuer within a second; more are not looked at, so that nobody walks the numbers."""
GATE_FAILURES_MAX = 30
"""Wrong PINs at one gate within the window before staff are told."""


class Reason(StrEnum):
    """Why a gate opens or not, most useful first: of several true ones the first is told."""

    ADMITTED = "admitted"
    REENTERED = "reentered"
    LEFT = "left"
    REDEEMED = "redeemed"
    UNDONE = "undone"
    OVERRIDDEN = "overridden"
    UNREADABLE = "unreadable"
    LOCKED = "locked"
    UNKNOWN = "unknown"
    WRONG_PIN = "wrong_pin"
    REVOKED = "revoked"
    SUSPENDED = "suspended"
    STALE_CODE = "stale_code"
    RETIRED_CODE = "retired_code"
    WRONG_FACE = "wrong_face"
    WRONG_OCCASION = "wrong_occasion"
    ALREADY_IN = "already_in"
    PASSED_BACK = "passed_back"
    NOT_INSIDE = "not_inside"
    USED = "used"
    TOO_FEW_USES = "too_few_uses"
    NOT_A_VOUCHER = "not_a_voucher"
    VOUCHER = "voucher"
    BALANCE_TOO_LOW = "balance_too_low"
    EXPIRED = "expired"
    TOO_EARLY = "too_early"
    OTHER_ENTRANCE = "other_entrance"
    NEEDS_NETWORK = "needs_network"
    SNAPSHOT_OLD = "snapshot_old"
    NOT_UNDONE = "not_undone"


class Colour(StrEnum):
    """What a steward sees first. Amber asks for a look or a word, red stops."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


GREEN = frozenset({
    Reason.ADMITTED, Reason.REENTERED, Reason.LEFT, Reason.REDEEMED, Reason.UNDONE, Reason.OVERRIDDEN,
})  # fmt: skip
AMBER = frozenset({
    Reason.UNREADABLE, Reason.LOCKED, Reason.STALE_CODE, Reason.RETIRED_CODE, Reason.WRONG_FACE, Reason.ALREADY_IN,
    Reason.NOT_INSIDE, Reason.TOO_FEW_USES, Reason.VOUCHER, Reason.TOO_EARLY, Reason.OTHER_ENTRANCE,
    Reason.NEEDS_NETWORK, Reason.SNAPSHOT_OLD, Reason.NOT_UNDONE,
})  # fmt: skip


def colour(reason: Reason) -> Colour:
    return Colour.GREEN if reason in GREEN else Colour.AMBER if reason in AMBER else Colour.RED


class Intent(StrEnum):
    """What is to be done with what was presented. A check looks and changes nothing."""

    CHECK = "check"
    ENTER = "enter"
    LEAVE = "leave"
    REDEEM = "redeem"


@dataclass(frozen=True, slots=True)
class Ask:
    """One presentation: `count` people, or `amount` minor units of a voucher.

    `shown_at` is the time that a living barcode was made for, by the holder's clock.
    """

    intent: Intent
    face: Face
    count: int = 1
    amount: int = 0
    shown_at: datetime | None = None
    offline: bool = False


@dataclass(frozen=True, slots=True)
class LastUse:
    """When and where the ticket was let in last."""

    at: datetime
    gate_id: UUID


@dataclass(frozen=True, slots=True)
class Register:
    """What the issuer's register, or a gate's snapshot of it, knows of one ticket.

    `valid_until` is the end in force: where the first use began a window, the window's. `inside` counts the people of
    this ticket who are in. `spent_offline` is what this gate has redeemed of it without asking.
    """

    ticket_id: UUID
    occasion_id: UUID
    state: TicketState
    uses: int
    uses_left: int
    valid_from: datetime
    valid_until: datetime
    rules: EntryRules = field(default_factory=EntryRules)
    entrance: str = ""
    inside: int = 0
    area: str = ""
    """Where they are."""
    activated: bool = False
    """Whether a first use has begun its window."""
    last: LastUse | None = None
    bound: bool = False
    """Whether a handset has it as a living barcode."""
    balance: int | None = None
    spent_offline: int = 0

    @property
    def outside(self) -> int:
        """How many people of it were in and have left."""
        return self.uses - self.uses_left - self.inside


@dataclass(frozen=True, slots=True)
class Post:
    """Where the gate stands: the occasions it opens for; none named means all of its issuer's."""

    gate_id: UUID
    occasions: AbstractSet[UUID]
    direction: Direction = Direction.IN
    entrance: str = ""
    area: str = ""
    home: bool = False
    role: Role = Role.STEWARD

    def serves(self, occasion_id: UUID) -> bool:
        return not self.occasions or occasion_id in self.occasions

    def lets(self, intent: Intent) -> bool:
        """Whether people pass this gate that way."""
        wrong = {Intent.ENTER: Direction.OUT, Intent.LEAVE: Direction.IN}
        return wrong.get(intent) is not self.direction


def decide(entry: Register, *, ask: Ask, post: Post, now: datetime) -> Reason:
    """The verdict on a genuine ticket; a check gets the verdict that entering, or redeeming, would get."""
    return (
        _state(entry, ask)
        or _face(entry, ask, now=now)
        or (None if post.serves(entry.occasion_id) else Reason.WRONG_OCCASION)
        or (_leaving(entry, ask) if ask.intent is Intent.LEAVE else None)
        or _used(entry, ask, post, now=now)
        or _time(entry, now=now)
        or _home(entry, post)
        or (_offline(entry, ask) if ask.offline else None)
        or _yes(entry, ask)
    )


def _state(entry: Register, ask: Ask) -> Reason | None:
    """A ticket that does not count any more lets nobody in; who is in with it leaves, and is counted."""
    if ask.intent is Intent.LEAVE and entry.inside >= ask.count:
        return None
    if entry.state is TicketState.REVOKED:
        return Reason.REVOKED
    return Reason.SUSPENDED if entry.state is TicketState.SUSPENDED else None


def _face(entry: Register, ask: Ask, *, now: datetime) -> Reason | None:
    if ask.shown_at is not None and abs(now - ask.shown_at) > timedelta(seconds=LIVING_SKEW_SECONDS):
        return Reason.STALE_CODE
    if ask.face in STATIC and entry.bound and entry.rules.retires_static:
        return Reason.RETIRED_CODE
    return None if entry.rules.faces.take(ask.face) else Reason.WRONG_FACE


def _leaving(entry: Register, ask: Ask) -> Reason:
    return Reason.LEFT if entry.inside >= ask.count else Reason.NOT_INSIDE


def _used(entry: Register, ask: Ask, post: Post, *, now: datetime) -> Reason | None:
    """Whether what is asked for is still there."""
    if ask.intent is Intent.REDEEM or entry.balance is not None:
        return _value(entry.balance, ask)
    if entry.rules.reentry and ask.count <= entry.outside:
        return None
    again = _again(entry, entry.last, ask, post, now=now) if entry.last is not None else None
    if again is None and entry.uses_left < ask.count:
        return Reason.TOO_FEW_USES if entry.uses_left else Reason.USED
    return again


def _value(balance: int | None, ask: Ask) -> Reason | None:
    """Whether a voucher has what is asked for; nobody is let in by one, and who looks is told what it is."""
    if balance is None:
        return Reason.NOT_A_VOUCHER
    if ask.intent is Intent.REDEEM:
        return None if balance >= ask.amount else Reason.BALANCE_TOO_LOW
    return Reason.VOUCHER if balance else Reason.USED


def _again(entry: Register, last: LastUse, ask: Ask, post: Post, *, now: datetime) -> Reason | None:
    """The same ticket soon after its last use: shown twice by mistake, or passed back to a friend.

    A clock that went back makes the last use lie ahead: then nothing is known of how long ago it was.
    """
    ago = now - last.at
    if ago < timedelta(0):
        return None
    more = entry.rules.group and entry.uses_left >= ask.count
    if last.gate_id == post.gate_id and ago <= timedelta(seconds=ALREADY_IN_SECONDS) and not more:
        return Reason.ALREADY_IN
    return Reason.PASSED_BACK if entry.uses_left and ago < timedelta(seconds=entry.rules.pass_back_seconds) else None


def _time(entry: Register, *, now: datetime) -> Reason | None:
    if now >= entry.valid_until:
        return Reason.EXPIRED
    return Reason.TOO_EARLY if now < entry.valid_from else None


def _home(entry: Register, post: Post) -> Reason | None:
    """Whether another gate alone lets this ticket in. With network too: that gate may be cut off and not know of us."""
    elsewhere = entry.rules.offline is Offline.HOME and not (post.home and post.entrance == entry.entrance)
    return Reason.OTHER_ENTRANCE if elsewhere else None


def _offline(entry: Register, ask: Ask) -> Reason | None:
    """What a gate that cannot ask may not do by itself."""
    over = ask.intent is Intent.REDEEM and entry.spent_offline + ask.amount > entry.rules.offline_floor
    return Reason.NEEDS_NETWORK if over or entry.rules.offline is Offline.DENY else None


def _yes(entry: Register, ask: Ask) -> Reason:
    if ask.intent is Intent.REDEEM:
        return Reason.REDEEMED
    again = entry.rules.reentry and ask.count <= entry.outside
    return Reason.REENTERED if again else Reason.ADMITTED


WORDS: dict[Reason, tuple[str, str]] = {
    Reason.ADMITTED: ("입장하십시오.", "Let them in."),
    Reason.REENTERED: ("다시 입장하십시오.", "Let them in again."),
    Reason.LEFT: ("퇴장을 기록했습니다.", "They have left."),
    Reason.REDEEMED: ("결제되었습니다.", "Redeemed."),
    Reason.UNDONE: ("되돌렸습니다. 사용하지 않은 표입니다.", "Undone: the ticket is as it was before."),
    Reason.OVERRIDDEN: ("감독자의 결정으로 입장합니다. 기록되었습니다.", "Let in by the supervisor. It is recorded."),
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
    Reason.STALE_CODE: (
        "화면을 찍은 사진이거나 휴대전화의 시계가 맞지 않습니다. 표 화면을 다시 열어 달라고 하십시오.",
        "An old picture of the code, or the phone's clock is wrong. Ask them to open the ticket again.",
    ),
    Reason.RETIRED_CODE: (
        "이 표는 앱으로 옮겨졌습니다. 앱의 움직이는 코드를 보여 달라고 하십시오.",
        "This ticket lives in its holder's app now. Ask for the moving code.",
    ),
    Reason.WRONG_FACE: (
        "이 공연은 이 형태의 코드를 받지 않습니다. 앱의 움직이는 코드나 번호와 비밀번호를 요청하십시오.",
        "Not taken in this form here. Ask for the moving code in the app, or number and PIN.",
    ),
    Reason.WRONG_OCCASION: ("다른 회차의 표입니다.", "This ticket is for another occasion."),
    Reason.ALREADY_IN: ("방금 이 게이트에서 입장했습니다.", "Already let in here a moment ago."),
    Reason.PASSED_BACK: (
        "조금 전에 사용한 표입니다. 잠시 뒤에 다시 사용할 수 있습니다.",
        "Used a short while ago. It can be used again later.",
    ),
    Reason.NOT_INSIDE: ("입장한 기록이 없습니다.", "Not inside, as far as we know: nothing to record."),
    Reason.USED: ("이미 사용한 표입니다.", "This ticket is already used."),
    Reason.TOO_FEW_USES: ("남은 횟수가 모자랍니다.", "Fewer uses are left than people were counted."),
    Reason.NOT_A_VOUCHER: ("상품권이 아닙니다.", "Not a voucher: it has no balance to redeem."),
    Reason.VOUCHER: ("상품권입니다. 금액을 입력해 사용하십시오.", "A voucher. Enter an amount to redeem."),
    Reason.BALANCE_TOO_LOW: ("잔액이 모자랍니다.", "The balance is too low."),
    Reason.EXPIRED: ("유효기간이 지났습니다.", "This ticket has expired."),
    Reason.TOO_EARLY: ("아직 입장 시간이 아닙니다.", "Too early: admission has not opened."),
    Reason.OTHER_ENTRANCE: (
        "이 표는 지정된 게이트에서만 받습니다. 그 입구로 안내하십시오.",
        "This ticket opens at the home gate of its own entrance alone. Send them there.",
    ),
    Reason.NEEDS_NETWORK: (
        "네트워크 없이는 확인할 수 없습니다. 감독자를 부르십시오.",
        "Cannot be decided without network. Call the supervisor.",
    ),
    Reason.SNAPSHOT_OLD: (
        "게이트의 자료가 오래되었습니다. 네트워크에 연결하거나 감독자를 부르십시오.",
        "This gate's data is too old. Connect it, or call the supervisor.",
    ),
    Reason.NOT_UNDONE: (
        "되돌릴 수 없습니다. 1분이 지났거나 그 뒤에 다시 사용했습니다.",
        "Cannot be undone: a minute has passed, or the ticket was used since.",
    ),
}


BALANCE_TOLD = frozenset({Reason.VOUCHER, Reason.BALANCE_TOO_LOW, Reason.REDEEMED})


def sentence(reason: Reason, language: str) -> str:
    korean, english = WORDS[reason]
    return korean if language == "ko" else english


def words(reason: Reason, language: str, *, seconds: int | None = None, balance: Money | None = None) -> str:
    """The sentence with its figures: how many `seconds` ago somebody was let in, what the `balance` of a voucher is."""
    korean = language == "ko"
    if reason is Reason.ALREADY_IN and seconds is not None:
        return f"{seconds}초 전에 이미 입장했습니다." if korean else f"Already let in {seconds} s ago."
    if balance is not None and reason in BALANCE_TOLD:
        left = balance.words(language)
        return f"{sentence(reason, language)} " + (f"잔액은 {left}입니다." if korean else f"{left} is left.")
    return sentence(reason, language)
