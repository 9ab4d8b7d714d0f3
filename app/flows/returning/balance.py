"""Balancing: the payment network's own books of a day beside ours; whatever one of them has alone is told.

A line of one side has its like on the other: the same payment, kind and amount. It may stand in the books of the day
before or after, for the two sides do not write at the same moment, and midnight comes between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import structlog

from app.domain.refusals import TemporarilyUnavailable, WrongState
from app.flows.returning.paying_back import teller_of
from app.metrics import NETWORK_DIFFERENCES
from app.ports import Movement, MovementKind, Teller, Unknown
from app.store import chores, ledger, statements
from app.store.database import Tx
from app.store.ledger import Posting
from app.store.tables.money import AccountKind, TransferKind
from app.world import World

SETTLED_HOUR = 1
"""UTC hour from which the books of yesterday are compared: what was under way at midnight has ended by then."""

CHORE = "reconcile-network"
EVERY = timedelta(hours=1)
"""How long one worker has for a day before another tries, or the next day's turn comes."""
DAYS_BACK_MAX = 31
"""How many days are made up for when no worker ran on them; older ones are compared by the command line."""

KINDS = {
    TransferKind.SALE: MovementKind.CHARGE,
    TransferKind.LATE: MovementKind.CHARGE,
    TransferKind.REFUND_PAID: MovementKind.REFUND,
    TransferKind.REFUND_FAILED: MovementKind.REFUND_FAILURE,
    TransferKind.DISPUTE: MovementKind.DISPUTE,
    TransferKind.DISPUTE_WON: MovementKind.DISPUTE_REVERSAL,
}
"""What a posting of ours is called in the network's books."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of either side: signed minor units."""

    reference: str
    kind: MovementKind
    amount: int
    at: datetime

    @property
    def like(self) -> tuple[str, MovementKind, int]:
        return self.reference, self.kind, self.amount


@dataclass(frozen=True, slots=True)
class Difference:
    """A line that one side has alone: its amount stands on that side, and nothing on the other."""

    reference: str
    kind: MovementKind
    network: int | None
    ours: int | None


@dataclass(frozen=True, slots=True)
class Compared:
    """How a day ended: lines of the network, lines of ours, what is not the same, and fees written down just now."""

    day: date
    network: int
    ours: int
    differences: tuple[Difference, ...]
    fees: int


async def compare(world: World, day: date, *, means: str = "card") -> Compared:
    """Compare a day (UTC), and write the network's fees of it into our books; again, nothing is written twice.

    Raises WrongState for a means of payment without books, TemporarilyUnavailable where the network does not answer.
    """
    name = world.payments[means].name if means in world.payments else means
    teller = teller_of(world, name)
    if teller is None:
        raise WrongState(f"{name} keeps no books to compare ours with; see CYBERTICKET_PAYMENT_URL.")
    days = [one for one in (day - timedelta(days=1), day, day + timedelta(days=1)) if one <= world.clock.now().date()]
    told = {one: await _movements(teller, one) for one in days}
    start, end = (datetime.combine(one, time(), UTC) for one in (day - timedelta(days=1), day + timedelta(days=2)))
    async with world.transaction() as tx:
        rows = await statements.of_a_network(tx, provider=name, start=start, end=end)
        fees = await _write_fees(tx, world, name, told.get(day, ()))
    theirs = [
        Entry(one.payment_reference, one.kind, one.amount, one.at)
        for movements in told.values()
        for one in movements
        if one.kind is not MovementKind.OTHER or one.payment_reference
    ]
    ours = [Entry(row.reference, KINDS[TransferKind(row.kind)], row.amount, row.at) for row in rows]
    alone = [
        *(Difference(one.reference, one.kind, one.amount, None) for one in _alone(_of(theirs, day), ours)),
        *(Difference(one.reference, one.kind, None, one.amount) for one in _alone(_of(ours, day), theirs)),
    ]
    return Compared(day, len(_of(theirs, day)), len(_of(ours, day)), tuple(alone), fees)


async def _movements(teller: Teller, day: date) -> Sequence[Movement]:
    told = await teller.movements(day=day)
    if isinstance(told, Unknown):
        raise TemporarilyUnavailable(
            f"The payment network does not show its books of {day}: {told.why}. Ask again later."
        )
    return told


def _of(entries: Iterable[Entry], day: date) -> list[Entry]:
    return [one for one in entries if one.at.astimezone(UTC).date() == day]


def _alone(entries: Sequence[Entry], others: Sequence[Entry]) -> list[Entry]:
    """Those of `entries` that have no like among the others, each of which is the like of one."""
    left = Counter(one.like for one in others)
    found = []
    for one in entries:
        if left[one.like] > 0:
            left[one.like] -= 1
        else:
            found.append(one)
    return found


async def _write_fees(tx: Tx, world: World, provider: str, movements: Sequence[Movement]) -> int:
    """What the network kept of a day's payments is our cost; a fee below zero came back. Gives how many are new."""
    with_fee = [one for one in movements if one.fee]
    references = sorted({one.payment_reference for one in with_fee})
    payments = await statements.payments_by_reference(tx, provider=provider, references=references)
    postings = []
    for one in with_fee:
        payment = payments.get(one.payment_reference)
        if payment is None:
            continue  # its line is told as a difference
        sides = (AccountKind.NETWORK_FEES, AccountKind.CARD)
        debit, credit = sides if one.fee > 0 else reversed(sides)
        postings.append(
            Posting(
                payment.issuer_id,
                f"netfee-{one.id}",
                TransferKind.NETWORK_FEE,
                debit,
                credit,
                abs(one.fee),
                one.currency,
                payment.booking_id,
            )
        )
    return len(await ledger.post(tx, postings, new_id=world.entropy.uuid, now=world.clock.now()))


async def daily(world: World, *, means: str = "card") -> Compared | None:
    """Compare the first day not compared yet, until yesterday; None where it is not time, or another's turn, or done.

    Each day once among all workers; where the network did not answer it is tried again within the hour.
    """
    now = world.clock.now()
    provider = world.payments.get(means)
    if provider is None or teller_of(world, provider.name) is None or now.hour < SETTLED_HOUR:
        return None
    day, chore = now.date() - timedelta(days=1), f"{CHORE} {provider.name}"
    async with world.transaction() as tx:
        before = await chores.last(tx, chore)
        if before is not None:
            done = date.fromisoformat(before.outcome["day"])
            if done >= day:
                NETWORK_DIFFERENCES.labels(provider.name).set(before.outcome["differences"])
                return None
            day = max(done + timedelta(days=1), day - timedelta(days=DAYS_BACK_MAX - 1))
        if not await chores.claim(tx, chore, every=EVERY, now=now):
            return None
    found = await compare(world, day, means=means)
    outcome = {"day": str(day), "differences": len(found.differences)}
    async with world.transaction() as tx:
        await chores.ended(tx, chore, outcome, now=world.clock.now())
    NETWORK_DIFFERENCES.labels(provider.name).set(len(found.differences))
    for one in found.differences:
        log.error("network_differs", day=str(day), payment=one.reference, kind=one.kind.value)
    return found
