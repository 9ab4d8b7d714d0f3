"""Where an issuer's stock and register live, near or far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from app.domain.gift import Stays, Terms
from app.domain.ticket import Kind, TicketState


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a wish: so many of a category, side by side where they are numbered; or exactly these places."""

    category: str
    quantity: int
    places: tuple[UUID, ...] = ()
    price_id: UUID | None = None
    """The price it is sold at. An issuer elsewhere sells at no other: what we know of its prices may be old."""
    amount: int | None = None
    """That price in minor units, for each."""


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
    entrance: str = ""
    """The entrance it is for; empty: any."""
    seller: str = ""
    """Which sales server sold it; empty: the one whose database this register is in."""
    pin: str = field(default="", repr=False)
    """For a register elsewhere, which keeps a keyed digest of it; the register at home derives PINs itself."""
    compact: str = field(default="", repr=False)
    """The compact barcode's text, likewise."""


@dataclass(frozen=True, slots=True)
class Revoked:
    """The register refuses the ticket from now on; again is harmless."""


@dataclass(frozen=True, slots=True)
class Used:
    """The ticket was presented and admitted before, or its balance was spent from, so it was left as it is."""

    uses: int


@dataclass(frozen=True, slots=True)
class Spent:
    """`left` minor units remain on the voucher."""

    left: int


@dataclass(frozen=True, slots=True)
class NotSpent:
    """Nothing was taken: less is left than was asked for, or the voucher counts no more (then 0)."""

    left: int


@dataclass(frozen=True, slots=True)
class Seen:
    """One admission as the register has it."""

    use_no: int | None
    """None: one more than was bought."""
    gate_id: UUID
    gate: str
    scan_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """What the register holds of one ticket. `version` counts its changes, from 1."""

    ticket_id: UUID
    issuer_id: UUID
    state: TicketState
    version: int
    uses_left: int
    balance: int | None
    admissions: tuple[Seen, ...] = ()


@dataclass(frozen=True, slots=True)
class Replaced:
    """One ticket has become another: the register refuses `before`, and takes `after`, from the same moment on.

    `uses` and `valid_until` are what the new ticket was registered with; its balance is in its entry.
    """

    before: Entry
    after: Entry
    uses: int
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class NotReplaced:
    """The ticket is as it was, and why."""

    why: Stays


class Issuer(Protocol):
    """Where an issuer's stock and register live, near or far. Everything is idempotent by its key.

    Any call may raise IssuerAway: the issuer's server did not answer, and whether it did what was asked is not known.
    A hold elsewhere may raise NotOnSale: that server looks at its own sales times and prices.
    """

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

    async def revoke(
        self, *, issuer_id: UUID, ticket_id: UUID, key: UUID, free: Sequence[UUID], unless_used: bool = False
    ) -> Revoked | Used:
        """Make the register refuse the ticket, and put the places in `free`, sold to `key`, back on sale.

        With `unless_used` a ticket that was used is left alone: looking and revoking are one step there.
        """
        ...

    async def replace(self, *, ticket_id: UUID, fresh: Registration, terms: Terms) -> Replaced | NotReplaced:
        """Let one ticket become another, with all that is left of it; looking, revoking and registering are one step.

        Of `fresh`, whose id is the key of it all, uses, balance and end are what there may be at the most. Raises
        NotFound where the register does not know the ticket, and WrongState where the new one's number or code is
        another ticket's; then nothing was done.
        """
        ...

    async def suspend(self, *, issuer_id: UUID, ticket_id: UUID, suspended: bool) -> None:
        """Refuse the ticket for the time being, or take it again; a revoked one stays revoked."""
        ...

    async def bind(self, *, issuer_id: UUID, ticket_id: UUID, holder_key: bytes) -> None:
        """Note the handset's public key (P-256, compressed) with which the ticket lives now; a bound one stays so."""
        ...

    async def verify(self, *, issuer_id: UUID, ticket_ids: Sequence[UUID]) -> Sequence[Entry]:
        """What the register holds of these tickets; those it does not know are left out."""
        ...

    async def spend(self, *, issuer_id: UUID, ticket_id: UUID, amount: int, key: str) -> Spent | NotSpent:
        """Take `amount` minor units from a voucher's balance, once per key."""
        ...

    async def unspend(self, *, issuer_id: UUID, key: str, amount: int, back_key: str) -> None:
        """Give back `amount` of what `key` took, once per `back_key`; a key that took nothing gives nothing back."""
        ...
