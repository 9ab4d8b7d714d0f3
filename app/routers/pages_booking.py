"""The page of a booking, from hold to delivery. Its address is the buyer's key; what changes it redirects to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response

from app.domain.booking import BookingState
from app.domain.delivery import Profile
from app.domain.handset import Handset
from app.domain.payment import REFUSED_WORDS, PaymentState, refused_sentence
from app.domain.refund import RefundReason, RefundState
from app.domain.refusals import NotFound, TooMany, WrongState
from app.domain.ticket import TicketState
from app.domain.wording import said
from app.flows.booking import book
from app.flows.delivery import compose, deliver
from app.flows.handset import profiles
from app.flows.tickets import show
from app.flows.tickets.show import BookingView
from app.routers.common import TheWorld
from app.routers.confirming import ask_again, bank_of, began_at, pause_seconds
from app.routers.returning import returns
from app.web.forms import form
from app.web.phrases import means_of, typed_phone
from app.web.rendering import page
from app.web.speaking import WORDS, language_of
from app.world import World

router = APIRouter(include_in_schema=False)

Link = Annotated[str, Path(max_length=100)]
PRIVATE: Final = {"X-Robots-Tag": "noindex, nofollow", "Cache-Control": "no-store"}
JUST_NOW: Final = timedelta(seconds=15)
WATCHED: Final = timedelta(minutes=10)
"""How long after a payment the page looks again by itself."""

NOT_OWED: Final = frozenset({RefundState.ASKED, RefundState.REFUSED})
"""States of a refund in which its tickets are still, or again, the buyer's."""

STEPS: Final = ("queued", "sent", "delivered")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a payment did not happen: at which means, in which sentence, at which field, and the number as typed."""

    means: str
    sentence: str
    field: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A ticket of the booking with where its message is; `why` names a sentence for a failure."""

    ticket: sa.Row[Any]
    delivery: sa.Row[Any] | None
    step: int
    why: str | None
    link: str | None


async def row_of(world: World, link: str) -> sa.Row[Any]:
    """The booking behind a link; raises NotFound."""
    return await show.booking_by_link(world, book.link_hash(link))


def is_held(world: World, row: sa.Row[Any]) -> bool:
    """Whether a booking can be paid now."""
    return bool(row.state == BookingState.HELD and world.clock.now() < row.expires_at)


def refused_words(means: str, reason: str, language: str) -> str:
    """Why a means of payment was refused: in its own words where it has them, else in those of all."""
    own: Mapping[str, str] = WORDS[language]["refused"]
    return own.get(f"{means}_{reason}") or refused_sentence(reason, language)


@router.get("/b/{link}")
async def booking_page(request: Request, world: TheWorld, link: Link) -> Response:
    """The booking as it stands now; while it is being paid, the network is asked first."""
    row = await row_of(world, link)
    if row.state == BookingState.PAYING:
        await ask_again(world, row.id)
    return await booking_answer(request, world, link, await show.booking(world, row.id))


async def booking_answer(
    request: Request, world: World, link: str, view: BookingView, *, trouble: Trouble | None = None, status: int = 200
) -> Response:
    """The page of a booking in its state. `trouble`: why it was not paid just now."""
    state = BookingState(view.booking.state)
    if state is BookingState.HELD and not is_held(world, view.booking):
        state = BookingState.EXPIRED
    match state:
        case BookingState.HELD:
            return await _held_page(request, world, link, view, trouble=trouble, status=status)
        case BookingState.PAYING:
            return _waiting_page(request, world, link, view)
        case BookingState.PAID:
            return await _paid_page(request, world, link, view)
        case _:
            return _over_page(request, link, view, state)


def _over_page(request: Request, link: str, view: BookingView, state: BookingState) -> Response:
    """Nothing is to be had of it any more, but perhaps money: of a payment that came too late, or that came back."""
    open_still = [one for one in view.refunds if one.state not in {RefundState.SUCCEEDED, RefundState.REFUSED}]
    return page(
        request,
        "booking_over.html",
        headers=PRIVATE,
        link=link,
        view=view,
        name="returning" if state is BookingState.REFUNDED and open_still else state.value,
        late=any(one.reason == RefundReason.LATE for one in view.refunds),
        refresh=_refund_pause(view),
    )


def _refund_pause(view: BookingView) -> int | None:
    """How soon money on its way back is looked at again: soon while we work on it, and never while a bank does."""
    return 3 if any(one.state in {RefundState.ASKED, RefundState.DUE} for one in view.refunds) else None


def card_page_of(request: Request, world: World, view: BookingView, *, back: str, amount: int) -> str:
    """The payment network's page that makes a token of a card and brings it `back` to this path of ours."""
    row, language = view.booking, language_of(request)
    asked = {
        "return_url": f"{world.house.public_url}{back}",
        "amount": amount,
        "currency": row.currency.lower(),
        "merchant": said(row.issuer_name, language),
        "lang": language,
    }
    return f"{request.app.state.card_page}?{urlencode(asked)}"


async def _held_page(
    request: Request, world: World, link: str, view: BookingView, *, trouble: Trouble | None, status: int
) -> Response:
    row = view.booking
    trouble = trouble or _trouble_of(request, view, language_of(request))
    return page(
        request,
        "booking_held.html",
        status,
        here=f"/b/{link}",
        headers=PRIVATE,
        link=link,
        view=view,
        now=world.clock.now(),
        card_page=card_page_of(request, world, view, back=f"/b/{link}/card", amount=row.amount),
        emoney_number=trouble.number if trouble and trouble.means == "emoney" else typed_phone(row.buyer),
        trouble=trouble,
        phones=profiles.choices(world),
        phone=await profiles.of(world, Handset(row.buyer)),
    )


def _trouble_of(request: Request, view: BookingView, language: str) -> Trouble | None:
    """What the last attempt was refused for: the network said so just now, or it stands with the attempt."""
    if request.query_params.get("unavailable"):
        return Trouble("card", WORDS[language]["booking"]["unavailable"])
    asked = request.query_params.get("refused")
    if asked in REFUSED_WORDS:
        return Trouble("card", refused_sentence(asked, language))
    return last_trouble(view, language)


def parts_of_last(view: BookingView) -> list[sa.Row[Any]]:
    """What each instrument of the last attempt pays; empty where nobody has tried to pay."""
    return [one for one in view.payments if one.attempt == view.payments[0].attempt]


def last_trouble(view: BookingView, language: str) -> Trouble | None:
    """What the last attempt was refused for, where it was: it stands with the part that was refused."""
    parts = parts_of_last(view)
    refused = next((one for one in parts if one.state == PaymentState.DECLINED), None)
    if refused is None:
        return None
    means = means_of(refused.provider)
    sentence = refused_words(means, refused.decline or "", language)
    return Trouble("split" if len(parts) > 1 else means, sentence)


def _waiting_page(request: Request, world: World, link: str, view: BookingView) -> Response:
    """Being confirmed: what is known, and that nobody need do anything; or the way to the bank that asks."""
    now = world.clock.now()
    return page(
        request,
        "booking_waiting.html",
        here=f"/b/{link}",
        headers=PRIVATE,
        link=link,
        view=view,
        bank=bank_of(view),
        agreed=bool(view.payments) and all(one.state == PaymentState.AUTHORIZED for one in parts_of_last(view)),
        began=began_at(view),
        receivers=sorted({item.handset for item in view.items}),
        refresh=pause_seconds(view, now=now),
    )


async def _paid_page(request: Request, world: World, link: str, view: BookingView) -> Response:
    tickets = [_delivered(world, view, ticket) for ticket in await show.tickets(world, view.booking.id)]
    good = [one for one in tickets if one.ticket.state == TicketState.VALID]
    moving = any(one.step < len(STEPS) - 1 and one.why is None for one in good)
    age = world.clock.now() - (view.booking.settled_at or view.booking.created_at)
    disputed = any(one.ticket.state == TicketState.SUSPENDED for one in tickets)
    return page(
        request,
        "booking_paid.html",
        headers=PRIVATE,
        link=link,
        view=view,
        tickets=tickets,
        title=_paid_title(good, moving=moving, disputed=disputed),
        torn=age < JUST_NOW,
        refresh=2 if moving and age < WATCHED else _refund_pause(view),
        moving=moving,
        disputed=disputed,
        returned={ticket for one in view.refunds if one.state not in NOT_OWED for ticket in one.ticket_ids},
        returnable=any(one.may for one in await returns(world, view, language_of(request))),
        note=request.query_params.get("note"),
        gifts=any(one.ticket.handset != view.booking.buyer for one in tickets),
    )


def _paid_title(good: Sequence[Delivered], *, moving: bool, disputed: bool) -> str:
    """The sentence of words.toml that says how the tickets stand."""
    if not good:
        return "disputed_title" if disputed else "over_title"
    if any(one.why for one in good):
        return "paid_failed"
    return "paid_title" if moving else "paid_arrived"


def _delivered(world: World, view: BookingView, ticket: sa.Row[Any]) -> Delivered:
    own = [one for one in view.deliveries if one.ticket_id == ticket.id and one.purpose in {"ticket", "resend"}]
    last = own[-1] if own else None
    why = None
    if last is not None and last.state == "failed":
        # The carrier's final states that a person can do something about; everything else is one sentence.
        known = (last.reason or "").rpartition(" ")[2]
        why = f"why_{known}" if known in {"expired", "undeliverable", "rejected"} else "why_other"
    step = STEPS.index(last.state) if last is not None and last.state in STEPS else 0
    mine = ticket.handset == view.booking.buyer and ticket.state == "valid"
    return Delivered(ticket, last, step, why, compose.link_of(world, ticket) if mine else None)


# --- and afterwards -------------------------------------------------------------------------------------------------


@router.post("/b/{link}/phone")
async def say_phone(request: Request, world: TheWorld, link: Link) -> Response:
    """What the buyer's own phone can show."""
    asked = await form(request)
    row = await row_of(world, link)
    if asked.one("phone") in profiles.choices(world):
        await profiles.take_for_buyer(world, row.id, Profile(asked.one("phone")))
    return RedirectResponse(f"/b/{link}", 303)


@router.post("/b/{link}/cancel")
async def cancel(request: Request, world: TheWorld, link: Link) -> Response:
    """Give the hold up; what is no longer just a hold stays as it is, and its page says so."""
    await form(request)
    row = await row_of(world, link)
    with suppress(WrongState):
        await book.cancel(world, row.id)
    return RedirectResponse(f"/b/{link}", 303)


@router.post("/b/{link}/tickets/{ticket_id}/resend")
async def resend(request: Request, world: TheWorld, link: Link, ticket_id: UUID) -> Response:
    """Send a ticket's message to its handset once more."""
    await form(request)
    row = await row_of(world, link)
    if all(ticket.id != ticket_id for ticket in await show.tickets(world, row.id)):
        raise NotFound("There is no such ticket in this booking.")
    try:
        await deliver.resend(world, ticket_id)
    except TooMany:
        return RedirectResponse(f"/b/{link}?note=too_often", 303)
    return RedirectResponse(f"/b/{link}?note=resent", 303)
