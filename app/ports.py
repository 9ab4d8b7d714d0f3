"""What the flows ask of the world outside: ways to be paid, ways to a handset, where stock and verification live.

Values come out; an exception means a bug or a broken wire. Every call that changes something carries a key made
before the first try: the same key twice has the effect of once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

from app.domain.handset import Handset
from app.domain.money import Money
from app.domain.ticket import Kind


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...


class Entropy(Protocol):
    def bytes(self, count: int) -> bytes: ...

    def uuid(self) -> UUID:
        """A new id, time-ordered (UUIDv7, RFC 9562 section 5.7)."""
        ...


# --- ways to be paid ------------------------------------------------------------------------------------------------


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


Instrument = CardToken | Prepaid | CarrierBill


@dataclass(frozen=True, slots=True)
class Charge:
    """What one payment attempt asks for. `key` names the attempt; each operation on it derives its own key."""

    key: str
    amount: Money
    issuer_id: UUID
    booking_id: UUID
    instrument: Instrument


class Decline(StrEnum):
    """Why the payment network said no, in the words the buyer's page knows."""

    DECLINED = "declined"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    EXPIRED = "expired"
    INVALID = "invalid"
    WRONG_PIN = "wrong_pin"
    LOCKED = "locked"


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
class Refunded:
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

    async def authorize(self, charge: Charge, *, reference: str | None) -> Authorized | Captured | Refused | Unknown:
        """Reserve the money; a provider that cannot reserve takes it at once and answers Captured."""
        ...

    async def capture(self, *, reference: str, amount: Money, key: str) -> Captured | Refused | Unknown: ...

    async def void(self, *, reference: str, key: str) -> Voided | Refused | Unknown: ...

    async def refund(self, *, reference: str, amount: Money, key: str) -> Refunded | Refused | Unknown: ...

    async def lookup(
        self, *, reference: str | None, key: str
    ) -> Prepared | Authorized | Captured | Voided | Refused | Unknown:
        """What became of the attempt `key`; never changes anything."""
        ...


# --- ways to a handset ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UserData:
    """A short message as its octets, a user data header among them: what is no text, such as a picture."""

    octets: bytes = field(repr=False)
    data_coding: int
    has_header: bool = True


@dataclass(frozen=True, slots=True)
class Message:
    """What one handset is to receive: the text as its holder reads it, and what richer forms of it are made of."""

    text: str = field(repr=False)
    title: str = ""
    """What it is about, in a few words."""
    link: str = field(default="", repr=False)
    """Its page for phones that browse; empty where it has none."""
    code: str = field(default="", repr=False)
    """What its barcode says; empty where it has none."""
    raw: UserData | None = None
    """Octets to carry instead of the text."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The network took the message; `message_id` is its name in the receipts to come."""

    message_id: str
    parts: int = 1
    """How many messages the network bills for it."""
    part_ids: tuple[str, ...] = ()
    """The names of the parts, where each gets receipts of its own; none: `message_id` stands for all of them."""
    line: str = ""
    """Where the receipts will come from, when the channel has several peers; empty: the channel's own name."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The network did not take it: `retry` says whether the same message may succeed later."""

    reason: str
    retry: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """How a text goes over the air: its parts are what the network bills."""

    coding: str
    parts: tuple[str, ...]
    units_per_part: tuple[int, ...]


class Channel(Protocol):
    """Carries one message to one handset. Sending the same key twice must reach the handset once."""

    name: str

    def preview(self, text: str) -> Preview:
        """What sending this text would cost; raises ValueError with a sentence when it cannot be sent at all."""
        ...

    async def send(self, to: Handset, message: Message, *, key: str) -> Accepted | Rejected: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Which part of a longer message a short one is: parts count from 1."""

    reference: int
    total: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Spoken:
    """One short message from a handset, as octets: a part of a longer one may end within a letter."""

    line: str
    sender: str
    to: str
    data_coding: int
    octets: bytes = field(repr=False)
    place: Place | None = None
    reference: str = ""
    """The handset's own number for it, where the network passes that on."""


Read = Callable[[Sequence[tuple[int, bytes]]], str]
"""From the parts of a message in their order, each a data_coding and octets, to what it says."""


class Inbound(Protocol):
    """Who hears what a network tells. Once a call returns, the network may forget what it told; if it raises, not."""

    async def receipt(self, *, line: str, message_id: str, state: str, at: datetime | None) -> None:
        """`state` is a message state of SMPP 3.4 section 5.2.28, such as DELIVERED; repeated ones are harmless."""
        ...

    async def message(self, spoken: Spoken, read: Read) -> None: ...


@runtime_checkable
class Live(Protocol):
    """A channel that keeps connections up, and hears over them."""

    def running(self, inbound: Inbound) -> AbstractAsyncContextManager[None]:
        """Stay connected for as long as the block lasts. Outside of it nothing is sent."""
        ...


# --- where stock and verification live ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a wish: so many of a category, side by side where they are numbered; or exactly these places."""

    category: str
    quantity: int
    places: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What a booking wants of one occasion. `key` is the booking's id; all parts are held, or none."""

    key: UUID
    issuer_id: UUID
    occasion_id: UUID
    parts: tuple[Part, ...]
    until: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """The places, part by part in the order of the wish."""

    places: tuple[tuple[UUID, ...], ...]


@dataclass(frozen=True, slots=True)
class NotAvailable:
    """At least one part cannot be had; nothing is held."""


@dataclass(frozen=True, slots=True)
class Committed:
    """The hold has become a sale and no longer runs out."""


@dataclass(frozen=True, slots=True)
class HoldLost:
    """The hold ran out and somebody else has at least one of the places; the others are free again."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What the issuer learns of one ticket sold: enough to verify it, nothing to impersonate it by PIN."""

    ticket_id: UUID
    issuer_id: UUID
    number: str
    code: int
    generation: int
    kid: int
    kind: Kind
    product_id: UUID
    occasion_id: UUID
    occasion_code: int
    label: Mapping[str, Any]
    uses: int
    balance: int | None
    valid_from: datetime
    valid_until: datetime


class Issuer(Protocol):
    """Where an issuer's stock and register live, near or far. Everything is idempotent by its key."""

    name: str

    async def status(self, *, issuer_id: UUID, occasion_id: UUID) -> bytes:
        """Sales status: one byte per place in the order of `pos`, 1 where it is free. Empty: nothing runs out."""
        ...

    async def hold(self, wish: Wish) -> Held | NotAvailable: ...

    async def commit(self, *, issuer_id: UUID, key: UUID, places: Sequence[UUID]) -> Committed | HoldLost: ...

    async def release(self, *, issuer_id: UUID, key: UUID) -> None:
        """Free what `key` holds or has bought."""
        ...

    async def register(self, registration: Registration) -> None: ...

    async def revoke(self, *, issuer_id: UUID, ticket_id: UUID, key: UUID, free: Sequence[UUID]) -> None:
        """Make the register refuse the ticket, and put the places in `free`, sold to `key`, back on sale."""
        ...
