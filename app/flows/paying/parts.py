"""One attempt to pay a booking: its parts, each with one instrument, and who takes the money of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

import sqlalchemy as sa

from app.domain.money import Money
from app.domain.payment import PaymentState, Standing, shares
from app.domain.refusals import BadLine, WrongState
from app.ports import (
    ActionRequired,
    Authorized,
    Captured,
    CardToken,
    CarrierBill,
    Instrument,
    PaymentProvider,
    Prepaid,
    Prepared,
    Refused,
    Unknown,
    Voided,
    Voucher,
)
from app.world import World

Outcome = Prepared | Authorized | Captured | ActionRequired | Voided | Refused | Unknown
"""What is known of one part."""


@dataclass(frozen=True, slots=True)
class Tender:
    """One means of payment and what it is to pay; None: what the others leave, or all."""

    instrument: Instrument
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class Paid:
    """The booking is paid and its tickets are on the way."""


@dataclass(frozen=True, slots=True)
class Pending:
    """The network has not told us; the places are kept, and the tickets come by themselves if it says yes."""


@dataclass(frozen=True, slots=True)
class Challenged:
    """The buyer's bank wants to see the buyer at `url`; the places are kept for that long."""

    url: str


@dataclass(frozen=True, slots=True)
class Part:
    """What one instrument pays. `began_at` is when its attempt was written."""

    id: UUID
    provider: PaymentProvider
    amount: Money
    key: str
    reference: str | None
    state: PaymentState
    began_at: datetime
    challenged: bool = False
    """Whether the buyer's bank has asked to see the buyer."""

    def named(self, outcome: Outcome) -> str:
        """How its provider finds it again; some give it a name only with their answer."""
        given = None if isinstance(outcome, Refused | Unknown) else outcome.reference
        return given or self.reference or self.key


@dataclass(frozen=True, slots=True)
class Attempt:
    """One payment under way: all that later steps need, so that none of them reads it again."""

    booking: sa.Row[Any]
    places: tuple[UUID, ...]
    parts: tuple[Part, ...]

    @property
    def ids(self) -> list[UUID]:
        return [part.id for part in self.parts]

    def challenged_until(self, seconds: int) -> datetime:
        """When the buyer's bank, if it wants to see the buyer, must have done so: `seconds` after it began."""
        return self.parts[0].began_at + timedelta(seconds=seconds)


NETWORKS = (CardToken, CarrierBill)
"""Instruments that somebody else's network stands behind: they reserve, and are asked first."""


def planned(total: Money, tenders: Sequence[Tender]) -> list[tuple[Instrument, Money]]:
    """Who pays what, in the order in which they are asked: what can be reserved before what is taken at once.

    Raises BadLine for amounts that do not make the total, and for two cards or bills.
    """
    amounts = shares(total, [tender.amount for tender in tenders])
    if sum(isinstance(tender.instrument, NETWORKS) for tender in tenders) > 1:
        raise BadLine("One card or one phone bill pays a booking, beside e-money and vouchers; leave the other out.")
    pairs = [(tender.instrument, amount) for tender, amount in zip(tenders, amounts, strict=True)]
    return sorted(pairs, key=lambda pair: not isinstance(pair[0], NETWORKS))


def provider_for(world: World, instrument: Instrument) -> PaymentProvider:
    """Who takes this kind of instrument; raises WrongState for a phone bill where no carrier bills for us."""
    match instrument:
        case CardToken():
            return world.payments["card"]
        case Prepaid():
            return world.payments["emoney"]
        case Voucher():
            return world.payments["voucher"]
        case CarrierBill():
            if "carrier" not in world.payments:
                raise WrongState("Nothing can be put on the phone bill here; pay by card or e-money.")
            return world.payments["carrier"]
        case _:
            assert_never(instrument)


def provider_named(providers: Mapping[str, PaymentProvider], name: str) -> PaymentProvider:
    """Who took a payment that says so by name."""
    return next(one for one in providers.values() if one.name == name)


def part_of(world: World, row: sa.Row[Any]) -> Part:
    """A part as it is on the books."""
    return Part(
        id=row.id,
        provider=provider_named(world.payments, row.provider),
        amount=Money(row.amount, row.currency),
        key=row.key,
        reference=row.reference,
        state=PaymentState(row.state),
        began_at=row.created_at,
        challenged=row.action_until is not None,
    )


def standing(outcome: Outcome) -> Standing:
    """What an outcome means for the whole attempt."""
    match outcome:
        case Prepared():
            return Standing.UNASKED
        case ActionRequired():
            return Standing.CHALLENGED
        case Authorized():
            return Standing.RESERVED
        case Captured():
            return Standing.TAKEN
        case Voided() | Refused():
            return Standing.GONE
        case Unknown():
            return Standing.SILENT
        case _:
            assert_never(outcome)
