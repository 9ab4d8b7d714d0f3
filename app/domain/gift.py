"""A ticket from hand to hand: which may go and until when, what goes over, and the lives of offers and hand-overs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.entry_rules import UNLIMITED_USES
from app.domain.machine import Machine
from app.domain.ticket import GENERATION_MAX, TicketState

OFFER_HOURS = 48
"""How long an offer stays open, if nothing ends it before."""
DECLINE_HOURS = 48
"""How long who was given a ticket may send it back unused."""


class OfferState(StrEnum):
    """An offer whose time is over is expired by that alone: no sweeper has to have run."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class OfferEvent(StrEnum):
    ACCEPT = "be accepted"
    DECLINE = "be declined"
    WITHDRAW = "be withdrawn"


OFFER = Machine(
    "offer",
    OfferState.OPEN,
    {
        OfferEvent.ACCEPT: (frozenset({OfferState.OPEN}), OfferState.ACCEPTED),
        OfferEvent.DECLINE: (frozenset({OfferState.OPEN}), OfferState.DECLINED),
        OfferEvent.WITHDRAW: (frozenset({OfferState.OPEN}), OfferState.WITHDRAWN),
    },
)


class HandoverState(StrEnum):
    """A hand-over whose issuer has a server of its own: that one is asked, and what it answers is the end."""

    ASKED = "asked"
    DONE = "done"
    REFUSED = "refused"


class HandoverEvent(StrEnum):
    FINISH = "be finished"
    REFUSE = "be refused"


HANDOVER = Machine(
    "hand-over",
    HandoverState.ASKED,
    {
        HandoverEvent.FINISH: (frozenset({HandoverState.ASKED}), HandoverState.DONE),
        HandoverEvent.REFUSE: (frozenset({HandoverState.ASKED}), HandoverState.REFUSED),
    },
)


class Hand(StrEnum):
    """How a ticket came to the handset that has it. All but the first are made out of the ticket before."""

    SOLD = "sold"
    GIVEN = "given"
    OFFERED = "offered"
    """Offered for nothing, and accepted."""
    RESOLD = "resold"
    """Offered for e-money, and paid."""
    REISSUED = "reissued"
    """The same holder has it under new codes."""
    DECLINED = "declined"
    """Sent back by whoever it was given to."""


# --- may it change hands --------------------------------------------------------------------------------------------


class Stays(StrEnum):
    """Why a ticket stays where it is."""

    REVOKED = "revoked"
    SUSPENDED = "suspended"
    ELSEWHERE = "elsewhere"
    NOT_A_GIFT = "not_a_gift"
    USED_UP = "used_up"
    TOO_LATE = "too_late"
    INSIDE = "inside"
    USED = "used"
    """More was used of it than whoever is to have it agreed to."""
    UNDER_WAY = "under_way"


STAYS_WORDS: Mapping[Stays, str] = {
    Stays.REVOKED: "This ticket was revoked or given away already.",
    Stays.SUSPENDED: "This ticket's payment is disputed with the bank. It stays as it is until that is decided.",
    Stays.ELSEWHERE: (
        "This ticket is in the register of its issuer's own server, which lets none change hands. Return it, and"
        " let the other handset buy one."
    ),
    Stays.NOT_A_GIFT: "This ticket cannot be given to another handset.",
    Stays.USED_UP: "This ticket is used up or past its time.",
    Stays.TOO_LATE: "It is too late to hand this ticket on; that ended before the start. Ask the box office.",
    Stays.INSIDE: "Somebody is inside with this ticket. Leave through a gate first, and ask again then.",
    Stays.USED: "This ticket was used meanwhile, and stays with whoever has it.",
    Stays.UNDER_WAY: (
        "This ticket is being handed over already; its issuer's server has not answered yet. Wait for the message."
    ),
}
HANDING_OVER = (
    "This ticket is being handed over: its issuer's server does not answer just now, and is asked again until it does."
    " The new ticket comes by message then; this one stays as it is meanwhile."
)
"""What is said when a hand-over was begun, and nobody knows yet how it ends."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What our own books say of a ticket that is to change hands.

    `transfer` is the product's rule: `never`, `free` or `face_value`; `minutes_before` its start that ends.
    """

    state: TicketState
    transfer: str
    generation: int
    valid_until: datetime
    starts_at: datetime | None
    minutes_before: int | None

    @property
    def until(self) -> datetime:
        """From this moment on it stays where it is."""
        if self.starts_at is None or self.minutes_before is None:
            return self.valid_until
        return min(self.valid_until, self.starts_at - timedelta(minutes=self.minutes_before))

    @property
    def ever(self) -> bool:
        """Whether it may change hands at all, whatever state it is in."""
        return self.transfer != "never" and self.generation < GENERATION_MAX


def stays(holding: Holding, *, now: datetime) -> Stays | None:
    """Why this ticket may not change hands, as far as our own books know; None: it may."""
    reasons = (
        (holding.state is TicketState.REVOKED, Stays.REVOKED),
        (holding.state is TicketState.SUSPENDED, Stays.SUSPENDED),
        (not holding.ever, Stays.NOT_A_GIFT),
        (now >= holding.valid_until, Stays.USED_UP),
        (now >= holding.until, Stays.TOO_LATE),
    )
    return next((reason for is_so, reason in reasons if is_so), None)


def open_until(holding: Holding, *, now: datetime) -> datetime:
    """When an offer made now ends by itself: after two days, or when the ticket may not change hands any more."""
    ends = min(now + timedelta(hours=OFFER_HOURS), holding.until)
    return ends if holding.starts_at is None or holding.starts_at <= now else min(ends, holding.starts_at)


# --- what goes over -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Left:
    """What the register says is left of a ticket; `inside` counts its people who are in."""

    state: TicketState
    uses: int
    uses_left: int
    inside: int
    balance: int | None
    activated_until: datetime | None = None
    """When the window ends that its first use began."""
    used_at: datetime | None = None
    """When it was last used."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On what a ticket becomes another one: how it changes hands, and how much of it must be left for that.

    `unused_since`: from that moment on it let nobody in, which of a pass the uses do not tell.
    """

    came_by: Hand
    uses_min: int = 1
    balance_min: int = 0
    unused_since: datetime | None = None

    @property
    def same_hands(self) -> bool:
        return self.came_by is Hand.REISSUED


@dataclass(frozen=True, slots=True)
class Rest:
    """What goes over: uses, a voucher's balance, and the end of a window that runs."""

    uses: int
    balance: int | None
    activated_until: datetime | None

    def ends(self, valid_until: datetime) -> datetime:
        """Where the first use has begun a window, that is all the time there is."""
        return min(valid_until, self.activated_until or valid_until)


def rest(left: Left, terms: Terms, *, reentry: bool, now: datetime) -> Rest | Stays:
    """What goes over to the ticket that this one becomes, or why nothing may."""
    if why := gone(left, same_hands=terms.same_hands, reentry=reentry, now=now):
        return why
    uses = uses_after(left, same_hands=terms.same_hands, reentry=reentry)
    used = terms.unused_since is not None and left.used_at is not None and left.used_at > terms.unused_since
    if used or uses < terms.uses_min or (left.balance or 0) < terms.balance_min:
        return Stays.USED
    return Rest(uses, left.balance, left.activated_until)


def uses_after(left: Left, *, same_hands: bool, reentry: bool) -> int:
    """How many uses the ticket is to have that this one becomes; 0: there is nothing to hand over.

    Another holder gets what is left. For the same one the right of those who left to come in again (`reentry`) is a use
    too. Whoever is inside has had theirs, and stays counted where they are. A pass stays a pass, whoever has it.
    """
    if left.balance == 0:
        return 0
    if left.uses >= UNLIMITED_USES:
        return UNLIMITED_USES
    outside = left.uses - left.uses_left - left.inside
    return left.uses_left + (outside if same_hands and reentry else 0)


def gone(left: Left, *, same_hands: bool, reentry: bool, now: datetime) -> Stays | None:
    """Why what is in the register may not go over; None: it may.

    Only where people may come in again does it matter who is inside: elsewhere they have no right left to double, and
    at many doors nobody counts who leaves.
    """
    if left.state is not TicketState.VALID:
        return Stays(left.state.value)
    if left.inside and reentry and not same_hands:
        return Stays.INSIDE
    if left.activated_until is not None and now >= left.activated_until:
        return Stays.USED_UP
    if uses_after(left, same_hands=same_hands, reentry=reentry):
        return None
    return Stays.INSIDE if left.inside and reentry else Stays.USED_UP


# --- an offer -------------------------------------------------------------------------------------------------------


class Standing(StrEnum):
    """How an offer stands for whoever looks at it now."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    """By its giver, or because the ticket went elsewhere."""
    EXPIRED = "expired"


def standing(state: OfferState, *, until: datetime, ticket: TicketState, now: datetime) -> Standing:
    """An open offer is so only until its time is over and while its ticket is good."""
    if state is not OfferState.OPEN:
        return Standing(state.value)
    if now >= until:
        return Standing.EXPIRED
    return Standing.OPEN if ticket is TicketState.VALID else Standing.WITHDRAWN


class Asks(StrEnum):
    """What is wrong with the price of an offer."""

    ONLY_FREE = "only_free"
    TOO_DEAR = "too_dear"


def price_fault(asked: int, *, transfer: str, cost: int) -> Asks | None:
    """What is wrong with `asked` minor units for a ticket that was sold for `cost`; None: nothing."""
    assert asked >= 0
    if asked and transfer != "face_value":
        return Asks.ONLY_FREE
    return Asks.TOO_DEAR if asked > cost else None
