"""Stripe's own books: every movement of our balance there on one day, to be compared with ours.

https://docs.stripe.com/api/balance_transactions, https://docs.stripe.com/reports/reporting-categories
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from app.payments.stripe_answers import BookEntry, BookPage, Source, read
from app.payments.stripe_wire import Wire
from app.ports import Movement, MovementKind, Unknown

PAGE_ENTRIES = 100
PAGES_MAX = 2_000
"""Two hundred thousand movements a day; whoever has more has outgrown reading them one by one."""

CATEGORIES = {
    "charge": MovementKind.CHARGE,
    "refund": MovementKind.REFUND,
    "refund_failure": MovementKind.REFUND_FAILURE,
    "dispute": MovementKind.DISPUTE,
    "dispute_reversal": MovementKind.DISPUTE_REVERSAL,
}
"""By `reporting_category`, the same for every kind of card and bank; the rest is fees, payouts and the like."""


async def movements(wire: Wire, day: date) -> Sequence[Movement] | Unknown:
    """All that moved on `day` (UTC), oldest first; Unknown where any of it cannot be read: half a day is no day."""
    begin = datetime.combine(day, time(), UTC)
    query = {
        "created[gte]": str(int(begin.timestamp())),
        "created[lt]": str(int((begin + timedelta(days=1)).timestamp())),
        "limit": str(PAGE_ENTRIES),
        "expand[]": "data.source",
    }
    found: dict[str, Movement] = {}
    for _ in range(PAGES_MAX):
        page = await _page(wire, query)
        if isinstance(page, Unknown):
            return page
        known = len(found)
        for entry in page.data:
            movement = _movement(entry)
            if isinstance(movement, Unknown):
                return movement
            found[entry.id] = movement
        if not page.has_more:
            return list(reversed(found.values()))  # the network shows the newest first
        if len(found) == known:
            return Unknown("the network says that its books go on, and does not turn the page")
        query["starting_after"] = page.data[-1].id
    return Unknown(f"the network's books of {day} have more than {PAGES_MAX} pages")


async def _page(wire: Wire, query: dict[str, str]) -> BookPage | Unknown:
    reply = await wire.get("/v1/balance_transactions", query)
    if isinstance(reply, Unknown):
        return reply
    if not reply.ok:
        return Unknown(f"the network answered {reply.status} when asked for its books; check the secret key")
    return read(BookPage, reply)


def _movement(entry: BookEntry) -> Movement | Unknown:
    """One line of the books. What concerns a payment must name it, or the line could be compared with nothing."""
    kind = CATEGORIES.get(entry.reporting_category or entry.type, MovementKind.OTHER)
    reference = entry.source.payment_intent if isinstance(entry.source, Source) else None
    if kind is not MovementKind.OTHER and not isinstance(entry.source, Source):
        return Unknown(f"the network does not say whose payment {entry.id} moves; it must honour expand[]=data.source")
    return Movement(
        id=entry.id,
        kind=kind,
        payment_reference=reference or "",
        amount=entry.amount,
        fee=entry.fee,
        currency=entry.currency.upper(),
        at=datetime.fromtimestamp(entry.created, UTC),
    )
