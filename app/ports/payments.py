"""Ways to be paid: an instrument, one attempt with it, and what the network says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable
from uuid import UUID

from app.domain.dispute import DisputeState
from app.domain.handset import Handset
from app.domain.money import Money


@dataclass(frozen=True, slots=True)
class CardToken:
    """A card as the payment network's page or client tokenised it: its number never reaches us."""

    token: str

    def __repr__(self) -> str:
        return "CardToken(***)"


@dataclass(frozen=True, slots=True)
class Prepaid:
    """E-money of the account that is tied to `handset`; the PIN was sent to that handset."""

    handset: Handset
    pin: str

    def __repr__(self) -> str:
        return "Prepaid(***)"


@dataclass(frozen=True, slots=True)
class CarrierBill:
    """The phone bill of `handset`. Only for a caller whose number the carrier itself vouches for: there is no PIN."""

    handset: Handset

    def __repr__(self) -> str:
        return "CarrierBill(***)"


@dataclass(frozen=True, slots=True)
class Voucher:
    """A voucher ticket by its number and PIN: its balance pays."""

    number: str
    pin: str

    def __repr__(self) -> str:
        return "Voucher(***)"


Instrument = CardToken | Prepaid | CarrierBill | Voucher


@dataclass(frozen=True, slots=True)
class Charge:
    """What one payment attempt asks for. `key` names the attempt; each operation on it derives its own key."""

    key: str
    amount: Money
    issuer_id: UUID
    booking_id: UUID
    instrument: Instrument
    return_url: str = ""
    """Where the buyer's browser comes back to after a challenge; empty where no browser is there to be sent."""


class Decline(StrEnum):
    """Why the payment network said no, in the words the buyer's page knows."""

    DECLINED = "declined"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    EXPIRED = "expired"
    INVALID = "invalid"
    WRONG_PIN = "wrong_pin"
    LOCKED = "locked"
    NOT_CONFIRMED = "not_confirmed"
    """The bank asked the holder, who said no or could not show to be the holder."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The attempt exists at the network, nothing is charged. `reference` is None where the key alone finds it again."""

    reference: str | None


@dataclass(frozen=True, slots=True)
class Authorized:
    """The money is reserved; capture takes it, void gives it back."""

    reference: str


@dataclass(frozen=True, slots=True)
class Captured:
    reference: str


@dataclass(frozen=True, slots=True)
class Voided:
    reference: str


@dataclass(frozen=True, slots=True)
class ActionRequired:
    """The buyer's bank wants to see the buyer (3-D Secure): nothing is reserved until the buyer has been at `url`."""

    reference: str
    url: str


@dataclass(frozen=True, slots=True)
class Refunded:
    reference: str


@dataclass(frozen=True, slots=True)
class RefundPending:
    """The network has accepted the refund and will tell how it ends."""

    reference: str


@dataclass(frozen=True, slots=True)
class Refused:
    reason: Decline
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer that can be trusted: neither paid nor refused. Ask `lookup` until the network knows."""

    why: str


class PaymentProvider(Protocol):
    """One way to be paid. Amounts are minor units; nothing here may hold a database transaction open."""

    name: str

    async def prepare(self, charge: Charge) -> Prepared | Refused | Unknown:
        """Create the attempt without charging, so that a lost answer later can be looked up by its reference."""
        ...

    async def authorize(
        self, charge: Charge, *, reference: str | None
    ) -> Authorized | Captured | ActionRequired | Refused | Unknown:
        """Reserve the money; a provider that cannot reserve takes it at once and answers Captured."""
        ...

    async def capture(self, *, reference: str, amount: Money, key: str) -> Captured | Refused | Unknown: ...

    async def void(self, *, reference: str, key: str) -> Voided | Refused | Unknown: ...

    async def refund(
        self, *, reference: str, amount: Money, key: str
    ) -> Refunded | RefundPending | Refused | Unknown: ...

    async def lookup(
        self, *, reference: str | None, key: str
    ) -> Prepared | Authorized | Captured | ActionRequired | Voided | Refused | Unknown:
        """What became of the attempt `key`; never changes anything."""
        ...

    async def lookup_refund(self, *, reference: str) -> Refunded | RefundPending | Refused | Unknown:
        """What became of a refund, by the reference that Refunded or RefundPending gave; Refused: it failed."""
        ...


class NewsKind(StrEnum):
    """What a payment network's webhook is about."""

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"


@dataclass(frozen=True, slots=True)
class News:
    """A hint that something happened to an object of the network. The object itself is the truth: ask for it."""

    event_id: str
    kind: NewsKind
    reference: str
    """The network's name of the object: of the payment, the refund or the dispute."""


@dataclass(frozen=True, slots=True)
class DisputeStanding:
    """A dispute as the network has it now.

    `withdrawn`: its money was taken from us, and not given back since; `given_back`: it was taken, and is back.
    """

    reference: str
    payment_reference: str
    amount: Money
    reason: str
    state: DisputeState
    due_by: datetime | None
    withdrawn: bool
    given_back: bool = False


class MovementKind(StrEnum):
    CHARGE = "charge"
    REFUND = "refund"
    REFUND_FAILURE = "refund_failure"
    DISPUTE = "dispute"
    DISPUTE_REVERSAL = "dispute_reversal"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of the network's own books: signed minor units, its fee, and the payment it belongs to."""

    id: str
    kind: MovementKind
    payment_reference: str
    amount: int
    fee: int
    currency: str
    at: datetime


@runtime_checkable
class Teller(Protocol):
    """A payment network that tells by webhook, knows disputes, and keeps books one can compare ours with."""

    def news(self, body: bytes, signature: str, *, now: datetime) -> News | None:
        """What a webhook says; None for an event that means nothing to us. Raises NotAuthentic for a forged one."""
        ...

    async def dispute(self, *, reference: str) -> DisputeStanding | Unknown: ...

    async def defend(
        self, *, reference: str, evidence: Mapping[str, str], key: str
    ) -> DisputeStanding | Refused | Unknown:
        """Hand in the evidence, once; its texts by the network's field names."""
        ...

    async def movements(self, *, day: date) -> Sequence[Movement] | Unknown:
        """All that moved on that day (UTC)."""
        ...
