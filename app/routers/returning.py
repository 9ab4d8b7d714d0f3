"""What a face shows of giving tickets back: which may go, what of the others, and to which means the money returns."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.domain.booking import BookingState
from app.domain.payment import PaymentState
from app.domain.refund import Kept, Purse, kept_sentence, split
from app.domain.wording import said, seat_words
from app.flows.returning import refund
from app.flows.tickets import show
from app.flows.tickets.show import BookingView
from app.web.phrases import means_of
from app.world import World


@dataclass(frozen=True, slots=True)
class Return:
    """One ticket of a booking; `why` is the sentence for one whose money stays, empty for one that may go back."""

    id: UUID
    number: str
    what: str
    amount: int
    why: str

    @property
    def may(self) -> bool:
        return not self.why


async def returns(world: World, view: BookingView, language: str) -> list[Return]:
    """The tickets of a booking, with whether each may be returned by its buyer now; none of one that is not paid."""
    if view.booking.state != BookingState.PAID or not view.booking.amount:
        return []
    quoted = {one.ticket.id: one for one in (await refund.quote(world, view.booking.id)).tickets}
    found = []
    # A gift stands where it was given away; what was issued anew, or came back, is the last that was in these hands.
    own = {ticket.item_id: ticket for ticket in await show.tickets(world, view.booking.id) if not ticket.received}
    for ticket in own.values():
        one = quoted[ticket.id]
        if one.kept is Kept.RETURNED:
            continue  # its refund is shown with how it stands
        what = [said(ticket.price_name, language), seat_words(ticket.section, ticket.row, ticket.seat, language)]
        why = kept_sentence(one.kept, language) if one.kept else ""
        found.append(Return(ticket.id, ticket.number, " · ".join(filter(None, what)), one.amount.amount, why))
    return found


def picked(offered: Sequence[Return], chosen: Collection[str]) -> list[Return]:
    """Those of the tickets that may go back whose ids were chosen."""
    return [one for one in offered if one.may and str(one.id) in chosen]


def goes_to(view: BookingView, amount: int) -> list[tuple[str, int]]:
    """To which means of payment an amount returns, and how much to each; empty where less is left than that."""
    purses = [
        Purse(means_of(one.provider), one.provider, one.amount - one.refunded)
        for one in view.payments
        if one.state == PaymentState.CAPTURED
    ]
    return split(amount, purses) if amount <= sum(purse.left for purse in purses) else []
