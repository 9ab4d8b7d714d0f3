"""Evidence: that the tickets of a disputed payment reached a handset, and opened a gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypedDict

import sqlalchemy as sa

from app.domain.credential import shown
from app.domain.handset import Handset, masked
from app.domain.money import Money
from app.domain.refusals import IssuerAway
from app.domain.wording import moment, said, seat_words
from app.flows.booking.sales_status import issuer_of
from app.ports import Entry
from app.store import messages, sales
from app.world import World

WITHOUT_THE_ISSUER = timedelta(days=1)
"""How long before the answer is due an issuer that is away is no longer waited for."""

LINES_MAX = 200
"""Lines of deliveries and of admissions at the most: a bank reads no more, and takes 20,000 letters in a field."""


class Pack(TypedDict):
    """What speaks for us, as it is kept and shown to staff. Numbers of handsets are masked."""

    booking: dict[str, str]
    tickets: list[dict[str, str]]
    deliveries: list[dict[str, str]]
    admissions: list[dict[str, str]]


async def gather(world: World, dispute: sa.Row[Any], *, patient: bool = True) -> Pack:
    """All there is about the booking of a dispute, as of now.

    Raises IssuerAway for whoever is `patient`, while there is time to wait for the issuer; else it goes without
    admissions.
    """
    async with world.transaction() as tx:
        booking = (await sales.bookings(tx, [dispute.booking_id]))[dispute.booking_id]
        tickets = await sales.tickets_of(tx, booking.id)
        deliveries = await messages.of_booking(tx, booking.id)
    entries: Sequence[Entry] = ()
    try:
        entries = await issuer_of(world, booking.served_by).verify(
            issuer_id=booking.issuer_id, ticket_ids=[one.id for one in tickets]
        )
    except IssuerAway:
        if patient and (dispute.due_by is None or dispute.due_by - world.clock.now() > WITHOUT_THE_ISSUER):
            raise
    numbers = {one.id: shown(one.number) for one in tickets}
    return Pack(
        booking=_booking(booking),
        tickets=[_ticket(one) for one in tickets],
        deliveries=[_delivery(one, numbers) for one in deliveries[:LINES_MAX]],
        admissions=[
            {
                "number": numbers[entry.ticket_id],
                "gate": seen.gate,
                "use": str(seen.use_no or "beyond"),
                "at": _time(seen.at),
            }
            for entry in entries
            for seen in entry.admissions
        ][:LINES_MAX],
    )


def _booking(booking: sa.Row[Any]) -> dict[str, str]:
    return {
        "id": str(booking.id),
        "issuer": said(booking.issuer_name, "en"),
        "title": said(booking.title, "en"),
        "venue": said(booking.venue_name, "en"),
        "starts_at": _time(booking.starts_at),
        "starts": moment(booking.starts_at, booking.timezone, "en") if booking.starts_at else "",
        "buyer": masked(booking.buyer),
        "amount": Money(booking.amount, booking.currency).words("en"),
        "booked_at": _time(booking.created_at),
        "paid_at": _time(booking.settled_at),
    }


def _ticket(ticket: sa.Row[Any]) -> dict[str, str]:
    return {
        "number": shown(ticket.number),
        "category": said(ticket.price_name, "en"),
        "seat": seat_words(ticket.section, ticket.row, ticket.seat, "en"),
        "handset": masked(Handset(ticket.handset)),
        "state": ticket.state,
    }


def _delivery(delivery: sa.Row[Any], numbers: Mapping[Any, str]) -> dict[str, str]:
    return {
        "number": numbers.get(delivery.ticket_id, ""),
        "purpose": delivery.purpose,
        "handset": masked(Handset(delivery.handset)),
        "channel": delivery.channel or "",
        "state": delivery.state,
        "sent_at": _time(delivery.sent_at),
        "arrived_at": _time(delivery.arrived_at),
    }


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else ""


def texts(pack: Pack) -> dict[str, str]:
    """The pack by the network's field names: https://docs.stripe.com/api/disputes/evidence_object."""
    booking = pack["booking"]
    what = ", ".join(part for part in (booking["title"], booking["venue"], booking["starts"]) if part)
    sold = [f"{one['number']} {one['category']} {one['seat']}".rstrip() for one in pack["tickets"]]
    sent = [
        f"Ticket {one['number']} sent to {one['handset']} by text message {one['sent_at']}, {_arrival(one)}."
        for one in pack["deliveries"]
        if one["number"] and one["sent_at"]
    ]
    seen = [f"Ticket {one['number']} admitted at {one['gate']} on {one['at']}." for one in pack["admissions"]]
    found = {
        "product_description": f"{len(sold)} ticket(s) for {what}, sold for {booking['issuer']}: {'; '.join(sold)}.",
        "service_date": booking["starts_at"][:10],
        "access_activity_log": "\n".join([*seen, *sent]),
        "uncategorized_text": (
            f"Booking {booking['id']} of {booking['amount']}, made {booking['booked_at']} from the handset"
            f" {booking['buyer']} and paid {booking['paid_at']}. Tickets are delivered to handsets by the mobile"
            " carrier, which confirms each delivery; gates record each admission."
        ),
    }
    return {name: text for name, text in found.items() if text}


def _arrival(delivery: Mapping[str, str]) -> str:
    if delivery["arrived_at"]:
        return f"delivery confirmed by the carrier {delivery['arrived_at']}"
    return f"now {delivery['state']}"
