"""Settling: what an issuer is to be paid for a time, by the books, and that it was paid, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from app.domain.ledger import BASIS_POINTS
from app.domain.money import Money
from app.domain.refusals import BadLine, NotFound, WrongState
from app.store import journal, ledger, staff, statements
from app.store.database import Tx
from app.store.ledger import Posting
from app.store.locks import exclusively
from app.store.tables.money import AccountKind, TransferKind
from app.world import World

FIRST_YEAR, LAST_YEAR = 2000, 2100
"""Of days that a statement is about; what lies far beyond has no midnight."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a statement: sales of one product, or all postings of another kind. Minor units, signed."""

    kind: str
    product: str
    title: dict[str, str]
    count: int
    """Tickets of a sale; of what else there is, the postings."""
    amount: int


@dataclass(frozen=True, slots=True)
class Statement:
    """What happened to an issuer's money from `starts_at` until `ends_at`, which is exclusive. Minor units."""

    issuer: sa.Row[Any]
    currency: str
    starts_at: datetime
    ends_at: datetime
    opening: int
    lines: tuple[Line, ...]
    paid_since: int
    """What was paid out after that time, for it or for earlier ones."""
    settled: sa.Row[Any] | None
    """That this very time was settled."""

    @property
    def closing(self) -> int:
        return self.opening + sum(line.amount for line in self.lines)

    @property
    def due(self) -> int:
        """What is still to be paid of the closing balance; never less than nothing."""
        return max(0, self.closing - self.paid_since)

    def money(self, amount: int) -> Money:
        return Money(amount, self.currency)


async def statement(
    world: World, slug: str, *, first: date | None = None, last: date | None = None, currency: str | None = None
) -> Statement:
    """The issuer's statement for the days from `first` to `last`, both included, in the issuer's time zone.

    Without `first` it goes on where the last settlement ended; without `last` it ends with yesterday, or with today
    where nothing older is open. Raises NotFound, BadLine.
    """
    async with world.transaction() as tx:
        return await _statement(tx, await _issuer(tx, slug), first, last, currency, now=world.clock.now())


async def _issuer(tx: Tx, slug: str) -> sa.Row[Any]:
    row = await staff.issuer_by_slug(tx, slug)
    if row is None:
        raise NotFound(f"There is no issuer {slug!r}; import its catalogue first.")
    return row


async def _statement(
    tx: Tx, issuer: sa.Row[Any], first: date | None, last: date | None, currency: str | None, *, now: datetime
) -> Statement:
    currency = currency or issuer.currency
    done = await statements.settlements(tx, issuer_id=issuer.id, currency=currency)
    start, end = await _span(tx, issuer, first, last, done, now=now)
    opening = await ledger.balance(tx, issuer_id=issuer.id, kind=AccountKind.PAYABLE, currency=currency, before=start)
    rows = await statements.lines(tx, issuer_id=issuer.id, currency=currency, start=start, end=end)
    return Statement(
        issuer=issuer,
        currency=currency,
        starts_at=start,
        ends_at=end,
        opening=opening,
        lines=tuple(_lines(rows)),
        paid_since=await statements.paid_since(tx, issuer_id=issuer.id, currency=currency, moment=end),
        settled=next((one for one in done if (one.starts_at, one.ends_at) == (start, end)), None),
    )


async def _span(
    tx: Tx,
    issuer: sa.Row[Any],
    first: date | None,
    last: date | None,
    done: Sequence[sa.Row[Any]],
    *,
    now: datetime,
) -> tuple[datetime, datetime]:
    """From the start of one day to the end of another, where the issuer is."""
    if any(day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR for day in (first, last)):
        raise BadLine(f"A day is written like 2026-11-22, between {FIRST_YEAR} and {LAST_YEAR}.")
    zone = ZoneInfo(issuer.timezone)
    today = now.astimezone(zone).date()
    if first is not None:
        start = _midnight(first, zone)
    elif done:
        start = done[0].ends_at
    else:
        begun = await statements.first_posting(tx, issuer.id) or issuer.created_at
        start = _midnight(begun.astimezone(zone).date(), zone)
    end = _midnight(today if last is None else last + timedelta(days=1), zone)
    if last is None and end == start:
        end = _midnight(today + timedelta(days=1), zone)  # nothing older is open: what this day has brought so far
    if end <= start:
        raise BadLine("This time has no day in it. Give a last day that is not before the first.")
    return start, end


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(ZoneInfo("UTC"))


def _lines(rows: Sequence[sa.Row[Any]]) -> list[Line]:
    """Sales by product; of the other kinds one line each."""
    sales = [
        Line(row.kind, row.slug, row.title, row.tickets, row.amount) for row in rows if row.kind == TransferKind.SALE
    ]
    others = {row.kind: [one for one in rows if one.kind == row.kind] for row in rows if row.kind != TransferKind.SALE}
    return sales + [
        Line(kind, "", {}, sum(one.entries for one in found), sum(one.amount for one in found))
        for kind, found in others.items()
    ]


async def mark_paid(
    world: World,
    slug: str,
    *,
    first: date | None = None,
    last: date | None = None,
    currency: str | None = None,
    note: str,
    by: str,
) -> Statement:
    """The issuer was paid what the statement says is due: settlement, posting and journal at once, once for each time.

    Raises NotFound, BadLine, or WrongState for a time that is not over or overlaps one that was settled.
    """
    now = world.clock.now()
    async with world.transaction() as tx:
        issuer = await _issuer(tx, slug)
        await exclusively(tx, f"settle:{issuer.id}")
        found = await _statement(tx, issuer, first, last, currency, now=now)
        await _may_settle(tx, found, now=now)
        await _pay_out(tx, world, found, note=note, by=by)
    return found


async def _pay_out(tx: Tx, world: World, found: Statement, *, note: str, by: str) -> None:
    """The settlement, its posting where anything is due, and the journal's entry."""
    now, issuer, identity = world.clock.now(), found.issuer, world.entropy.uuid()
    await statements.add_settlement(
        tx,
        identity=identity,
        issuer_id=issuer.id,
        currency=found.currency,
        start=found.starts_at,
        end=found.ends_at,
        amount=found.due,
        note=note,
        now=now,
    )
    if found.due:
        sides = (AccountKind.PAYABLE, AccountKind.PAID_OUT)
        payout = Posting(issuer.id, f"payout-{identity}", TransferKind.PAYOUT, *sides, found.due, found.currency)
        await ledger.post(tx, [payout], new_id=world.entropy.uuid, now=now)
    await journal.append(
        tx,
        chain=issuer.slug,
        issuer_id=issuer.id,
        actor=by,
        action="paid out",
        subject=f"settlement {identity}",
        details={
            "amount": found.due,
            "currency": found.currency,
            "from": found.starts_at.isoformat(),
            "until": found.ends_at.isoformat(),
            "note": note,
        },
        now=now,
    )


async def _may_settle(tx: Tx, found: Statement, *, now: datetime) -> None:
    if found.ends_at > now:
        raise WrongState("This time is not over; sales may still come. Settle it when its last day has ended.")
    zone = ZoneInfo(found.issuer.timezone)
    for one in await statements.settlements(tx, issuer_id=found.issuer.id, currency=found.currency):
        if one.starts_at < found.ends_at and one.ends_at > found.starts_at:
            first, last = one.starts_at.astimezone(zone), one.ends_at.astimezone(zone) - timedelta(days=1)
            raise WrongState(
                f"From {first:%Y-%m-%d} to {last:%Y-%m-%d} was settled on {one.paid_at:%Y-%m-%d} already"
                f" ({one.note or 'no note'}). Settle the days after it."
            )


async def set_fee(world: World, slug: str, basis_points: int, *, by: str) -> None:
    """What we keep of an issuer's sales from now on, in hundredths of a percent; raises NotFound, BadLine."""
    if not 0 <= basis_points <= BASIS_POINTS:
        raise BadLine(f"A fee is between 0 and {BASIS_POINTS} basis points (hundredths of a percent).")
    async with world.transaction() as tx:
        issuer = await _issuer(tx, slug)
        await statements.set_fee(tx, issuer_id=issuer.id, basis_points=basis_points)
        await journal.append(
            tx,
            chain=issuer.slug,
            issuer_id=issuer.id,
            actor=by,
            action="fee set",
            subject=f"issuer {issuer.slug}",
            details={"before": issuer.fee_basis_points, "basis_points": basis_points},
            now=world.clock.now(),
        )
