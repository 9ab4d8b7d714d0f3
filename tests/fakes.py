"""The world outside, in memory: a clock one sets, chance one can repeat, a card network and a carrier one can upset.

These are second implementations of the ports, not mocks: they keep what they are told and honour their keys. What
goes wrong is scripted beforehand, call by call.
"""

from __future__ import annotations

import itertools
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TypeVar
from uuid import UUID

from fake_teller import FakeTeller

from app.domain.handset import Handset
from app.domain.money import Money
from app.ports import (
    Accepted,
    ActionRequired,
    Authorized,
    Captured,
    CardToken,
    Charge,
    Decline,
    Message,
    Prepared,
    Preview,
    Refunded,
    RefundPending,
    Refused,
    Rejected,
    Unknown,
    Voided,
)
from app.world import uuid7
from mobile_gateway.wire import gsm

Outcome = TypeVar("Outcome")

NOON_IN_SEOUL = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


@dataclass
class FakeClock:
    """Stands still until it is moved."""

    time: datetime = NOON_IN_SEOUL

    def now(self) -> datetime:
        return self.time

    def advance(self, **span: float) -> None:
        """`advance(seconds=61)`, or any other word that timedelta knows."""
        self.time += timedelta(**span)


class SeededEntropy:
    """Chance that is the same in every run; ids rise as they do from a real clock."""

    def __init__(self, seed: int = 1) -> None:
        self._dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._milliseconds = 1_760_000_000_000 + seed * 1_000_000_000
        self.script: deque[bytes] = deque()
        """What `bytes` gives out first, whatever number is asked for."""

    def bytes(self, count: int) -> bytes:
        return self.script.popleft() if self.script else self._dice.randbytes(count)

    def uuid(self) -> UUID:
        self._milliseconds += 1
        return uuid7(self._milliseconds, self._dice.randbytes(10))


class Killed(Exception):
    """The process died here, as far as the code under test can tell."""


class Upset(Enum):
    """How one call goes wrong."""

    LOST_BEFORE = "the request never arrives; no answer"
    LOST_AFTER = "the request is carried out; its answer is lost"
    KILLED_BEFORE = "we die before the request arrives"
    KILLED_AFTER = "we die before we hear the answer"


# --- a card network -------------------------------------------------------------------------------------------------

DECLINES = {
    "pm_declined": Decline.DECLINED,
    "pm_poor": Decline.INSUFFICIENT_FUNDS,
    "pm_expired": Decline.EXPIRED,
}
GOOD_CARD, BAD_CARD, UNKNOWN_CARD = CardToken("pm_card_visa"), CardToken("pm_declined"), CardToken("pm_never_made")
CHALLENGED_CARD = CardToken("pm_challenged")
"""Its bank wants to see the buyer first (3-D Secure): see `FakeCard.answer_challenge`."""


@dataclass
class Attempt:
    """What the network knows of one payment."""

    reference: str
    charge: Charge
    status: str = "prepared"
    decline: Decline | None = None
    refunds: dict[str, int] = field(default_factory=dict)
    """Minor units given back or on their way, by key; a refund that failed is no longer among them."""

    @property
    def page(self) -> str:
        """Where the bank wants to see the buyer."""
        return f"https://bank.example/{self.reference}"

    @property
    def held(self) -> int:
        """Minor units that the network holds for us of this payment."""
        return self.charge.amount.amount - sum(self.refunds.values()) if self.status == "captured" else 0


class FakeCard(FakeTeller):
    """A card network: reserves, then takes. `upsets["capture"]` scripts the next calls of `capture`, and so on."""

    name = "card"

    def __init__(self) -> None:
        super().__init__()
        self.attempts: dict[str, Attempt] = {}
        self.calls: list[tuple[str, str]] = []
        self.upsets: dict[str, deque[Upset | None]] = {}
        self.upset_calls: dict[int, Upset] = {}
        """What goes wrong by the number of the call, counted from 1 over all verbs."""
        self.next_refunds: deque[str] = deque()
        """How the next refunds begin: `pending`, or `failed` for one that is refused; else they succeed at once."""
        self.refund_states: dict[str, str] = {}
        """`pending`, `succeeded` or `failed`, by the key that is the refund's reference as well."""

    def upset(self, verb: str, *upsets: Upset | None) -> None:
        """Let the next calls of `verb` go wrong like this; None lets one go well."""
        self.upsets.setdefault(verb, deque()).extend(upsets)

    def taken(self, booking_id: UUID | None = None) -> int:
        """Minor units that the network has taken and not given back, of one booking or of all."""
        return sum(
            one.held for one in self.attempts.values() if booking_id is None or one.charge.booking_id == booking_id
        )

    def answer_challenge(self, booking_id: UUID, *, passed: bool) -> None:
        """The buyer has been at the bank's page."""
        for one in self.attempts.values():
            if one.charge.booking_id == booking_id and one.status == "challenged":
                one.status = "authorized" if passed else "declined"

    def end_refund(self, key: str, *, succeeded: bool) -> None:
        """A refund that was pending ends, or one that succeeded comes back from the bank."""
        self.refund_states[key] = "succeeded" if succeeded else "failed"
        if not succeeded:
            for one in self.attempts.values():
                one.refunds.pop(key, None)

    async def prepare(self, charge: Charge) -> Prepared | Refused | Unknown:
        return self._call("prepare", charge.key, lambda: self._prepare(charge))

    async def authorize(
        self, charge: Charge, *, reference: str | None
    ) -> Authorized | Captured | ActionRequired | Refused | Unknown:
        return self._call("authorize", charge.key, lambda: self._authorize(charge, reference))

    async def capture(self, *, reference: str, amount: Money, key: str) -> Captured | Refused | Unknown:
        return self._call("capture", key, lambda: self._capture(reference, amount))

    async def void(self, *, reference: str, key: str) -> Voided | Refused | Unknown:
        return self._call("void", key, lambda: self._void(reference))

    async def refund(self, *, reference: str, amount: Money, key: str) -> Refunded | RefundPending | Refused | Unknown:
        return self._call("refund", key, lambda: self._refund(reference, amount, key))

    async def lookup(
        self, *, reference: str | None, key: str
    ) -> Prepared | Authorized | Captured | ActionRequired | Voided | Refused | Unknown:
        return self._call("lookup", key, lambda: self._lookup(reference))

    async def lookup_refund(self, *, reference: str) -> Refunded | RefundPending | Refused | Unknown:
        return self._call("lookup_refund", reference, lambda: self._refund_stands(reference))

    def _call(self, verb: str, key: str, work: Callable[[], Outcome]) -> Outcome | Unknown:
        self.calls.append((verb, key))
        script = self.upsets.get(verb)
        upset = script.popleft() if script else self.upset_calls.get(len(self.calls))
        if upset is Upset.KILLED_BEFORE:
            raise Killed(verb)
        if upset is Upset.LOST_BEFORE:
            return Unknown("the card network did not answer")
        outcome = work()
        if upset is Upset.KILLED_AFTER:
            raise Killed(verb)
        return Unknown("the card network did not answer") if upset is Upset.LOST_AFTER else outcome

    def _prepare(self, charge: Charge) -> Prepared | Refused:
        if not isinstance(charge.instrument, CardToken):
            return Refused(Decline.INVALID, "not a card")
        if charge.instrument == UNKNOWN_CARD:
            return Refused(Decline.INVALID, "there is no such card")
        reference = f"ref-{charge.key}"
        self.attempts.setdefault(reference, Attempt(reference, charge))
        return Prepared(reference)

    def _authorize(self, charge: Charge, reference: str | None) -> Authorized | Captured | ActionRequired | Refused:
        attempt = self.attempts.get(reference or "")
        if attempt is None:
            return Refused(Decline.INVALID, "there is no such payment")
        assert isinstance(charge.instrument, CardToken)
        if attempt.status == "prepared":
            attempt.decline = DECLINES.get(charge.instrument.token)
            challenged = charge.instrument == CHALLENGED_CARD
            attempt.status = "declined" if attempt.decline else "challenged" if challenged else "authorized"
        if attempt.status == "challenged":
            return ActionRequired(attempt.reference, attempt.page)
        if attempt.status == "captured":
            return Captured(attempt.reference)
        return Authorized(attempt.reference) if attempt.status == "authorized" else self._refused(attempt)

    @staticmethod
    def _refused(attempt: Attempt) -> Refused:
        return Refused(attempt.decline or Decline.DECLINED, f"this payment is {attempt.status}")

    def _capture(self, reference: str, amount: Money) -> Captured | Refused:
        attempt = self.attempts[reference]
        if attempt.status not in {"authorized", "captured"} or amount != attempt.charge.amount:
            return self._refused(attempt)
        attempt.status = "captured"
        return Captured(reference)

    def _void(self, reference: str) -> Voided | Refused:
        attempt = self.attempts[reference]
        if attempt.status in {"captured", "declined"}:
            return self._refused(attempt)
        attempt.status = "voided"
        return Voided(reference)

    def _refund(self, reference: str, amount: Money, key: str) -> Refunded | RefundPending | Refused:
        attempt = self.attempts[reference]
        if key not in self.refund_states:
            if amount.amount > attempt.held:
                return Refused(Decline.INVALID, f"only {attempt.held} is left")
            self.refund_states[key] = self.next_refunds.popleft() if self.next_refunds else "succeeded"
            if self.refund_states[key] != "failed":
                attempt.refunds[key] = amount.amount
        return self._refund_stands(key)

    def _refund_stands(self, key: str) -> Refunded | RefundPending | Refused:
        match self.refund_states.get(key):
            case "succeeded":
                return Refunded(key)
            case "pending":
                return RefundPending(key)
            case _:
                return Refused(Decline.DECLINED, "the refund failed")

    def _lookup(self, reference: str | None) -> Prepared | Authorized | Captured | ActionRequired | Voided | Refused:
        attempt = self.attempts.get(reference or "")
        if attempt is None:
            return Refused(Decline.DECLINED, "never made")
        if attempt.status == "declined":
            return self._refused(attempt)
        standing: dict[str, Prepared | ActionRequired | Authorized | Captured | Voided] = {
            "prepared": Prepared(attempt.reference),
            "challenged": ActionRequired(attempt.reference, attempt.page),
            "authorized": Authorized(attempt.reference),
            "captured": Captured(attempt.reference) if attempt.held else Voided(attempt.reference),
            "voided": Voided(attempt.reference),
        }
        return standing[attempt.status]


# --- a carrier ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Arrived:
    """One message as it came to a handset."""

    to: Handset
    text: str
    key: str
    message_id: str


class FakeCarrier:
    """Takes messages, each key once; `upset` scripts what becomes of the next ones."""

    name = "sms_http"

    def __init__(self) -> None:
        self.arrived: dict[str, Arrived] = {}
        self.asked: list[str] = []
        self._script: deque[Upset | Rejected | None] = deque()
        self._numbers = itertools.count(1)
        self.before: Callable[[str], None] = lambda _key: None
        """Called with the key before a message is taken; it may raise."""

    def upset(self, *upsets: Upset | Rejected | None) -> None:
        self._script.extend(upsets)

    def inbox(self, handset: str) -> list[str]:
        """The texts that came to a handset, in their order."""
        return [one.text for one in self.arrived.values() if one.to == handset]

    def preview(self, text: str) -> Preview:
        cut = gsm.segment(text)
        return Preview(cut.coding.value, cut.parts, cut.units_per_part)

    async def send(self, to: Handset, message: Message, *, key: str) -> Accepted | Rejected:
        self.asked.append(key)
        upset = self._script.popleft() if self._script else None
        if isinstance(upset, Rejected):
            return upset
        if upset is Upset.KILLED_BEFORE:
            raise Killed("send")
        if upset is Upset.LOST_BEFORE:
            return Rejected("the carrier did not answer", retry=True)
        self.before(key)
        if key not in self.arrived:
            self.arrived[key] = Arrived(to, message.text, key, f"message-{next(self._numbers)}")
        one = self.arrived[key]
        if upset is Upset.KILLED_AFTER:
            raise Killed("send")
        if upset is Upset.LOST_AFTER:
            return Rejected("the carrier did not answer", retry=True)
        return Accepted(one.message_id, len(self.preview(message.text).parts))
