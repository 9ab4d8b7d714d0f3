"""The page of a booking, from hold to delivery. Its address is the buyer's key; what changes it redirects to it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
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
from app.domain.refusals import (
    BookingExpired,
    NotFound,
    PaymentPending,
    PaymentRefused,
    TemporarilyUnavailable,
    TooMany,
    WrongState,
)
from app.domain.wording import said
from app.flows import book, deliver, pay, profiles, show
from app.flows.show import BookingView
from app.metrics import PAYMENTS
from app.ports import CardToken, Instrument, Prepaid
from app.routers.common import TheWorld
from app.schemas.base import parse_mobile
from app.web.forms import Fields, form
from app.web.phrases import typed_phone
from app.web.rendering import page
from app.web.speaking import WORDS, language_of
from app.world import World

router = APIRouter(include_in_schema=False)

Link = Annotated[str, Path(max_length=100)]
PRIVATE: Final = {"X-Robots-Tag": "noindex, nofollow", "Cache-Control": "no-store"}
TOKEN_CHARS: Final = range(4, 256)
PIN_CHARS: Final = 6
NUMBER_CHARS_MAX: Final = 32
JUST_NOW: Final = timedelta(seconds=15)
WATCHED: Final = timedelta(minutes=10)
"""How long after a payment the page looks again by itself."""

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


async def _row(world: World, link: str) -> sa.Row[Any]:
    return await show.booking_by_link(world, book.link_hash(link))


@router.get("/b/{link}")
async def booking_page(request: Request, world: TheWorld, link: Link) -> Response:
    """The booking as it stands now."""
    row = await _row(world, link)
    return await _page(request, world, link, await show.booking(world, row.id))


async def _page(
    request: Request, world: World, link: str, view: BookingView, *, trouble: Trouble | None = None, status: int = 200
) -> Response:
    state = BookingState(view.booking.state)
    if state is BookingState.HELD and world.clock.now() >= view.booking.expires_at:
        state = BookingState.EXPIRED
    if state is BookingState.HELD:
        return await _held_page(request, world, link, view, trouble=trouble, status=status)
    if state is BookingState.PAID:
        return await _paid_page(request, world, link, view)
    return page(
        request,
        "booking_over.html",
        headers=PRIVATE,
        link=link,
        view=view,
        name=state.value,
        refresh=3 if state is BookingState.PAYING else None,
    )


async def _held_page(
    request: Request, world: World, link: str, view: BookingView, *, trouble: Trouble | None, status: int
) -> Response:
    row = view.booking
    language = language_of(request)
    trouble = trouble or _trouble_of(request, view, language)
    back = {
        "return_url": f"{world.house.public_url}/b/{link}/card",
        "amount": row.amount,
        "currency": row.currency.lower(),
        "merchant": said(row.issuer_name, language),
        "lang": language,
    }
    return page(
        request,
        "booking_held.html",
        status,
        here=f"/b/{link}",
        headers=PRIVATE,
        link=link,
        view=view,
        now=world.clock.now(),
        card_page=f"{request.app.state.card_page}?{urlencode(back)}",
        emoney_number=trouble.number if trouble and trouble.number else typed_phone(row.buyer),
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
    last = view.payments[0] if view.payments else None
    if last is None or last.state != PaymentState.DECLINED:
        return None
    return Trouble(last.provider, refused_sentence(last.decline or "", language))


async def _paid_page(request: Request, world: World, link: str, view: BookingView) -> Response:
    tickets = [_delivered(world, view, ticket) for ticket in await show.tickets(world, view.booking.id)]
    moving = any(one.step < len(STEPS) - 1 and one.why is None for one in tickets)
    settled = view.booking.settled_at or view.booking.created_at
    age = world.clock.now() - settled
    title = "paid_failed" if any(one.why for one in tickets) else "paid_title" if moving else "paid_arrived"
    return page(
        request,
        "booking_paid.html",
        headers=PRIVATE,
        link=link,
        view=view,
        tickets=tickets,
        title=title,
        torn=age < JUST_NOW,
        refresh=2 if moving and age < WATCHED else None,
        moving=moving,
        note=request.query_params.get("note"),
        gifts=any(one.ticket.handset != view.booking.buyer for one in tickets),
    )


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
    return Delivered(ticket, last, step, why, deliver.link_of(world, ticket) if mine else None)


# --- paying ---------------------------------------------------------------------------------------------------------


@router.get("/b/{link}/card")
async def card_page(request: Request, world: TheWorld, link: Link) -> Response:
    """Back from the payment network's page: nothing is charged until the buyer presses the button here."""
    row = await _row(world, link)
    token = request.query_params.get("payment_method", "")
    held = row.state == BookingState.HELD and world.clock.now() < row.expires_at
    if not held or not _is_token(token):
        return RedirectResponse(f"/b/{link}", 303)
    return page(
        request,
        "booking_card.html",
        headers=PRIVATE,
        link=link,
        view=await show.booking(world, row.id),
        now=world.clock.now(),
        token=token,
    )


def _is_token(text: str) -> bool:
    return len(text) in TOKEN_CHARS and text.isascii() and text.replace("_", "").isalnum()


@router.post("/b/{link}/card")
async def pay_by_card(request: Request, world: TheWorld, link: Link) -> Response:
    """Charge the card behind a token of the payment network."""
    asked = await form(request)
    row = await _row(world, link)
    token = asked.one("payment_method")
    if not _is_token(token):
        return RedirectResponse(f"/b/{link}", 303)
    try:
        await _pay(world, row.id, CardToken(token))
    except PaymentRefused as refusal:
        return RedirectResponse(f"/b/{link}?refused={refusal.more['reason']}#card", 303)
    except TemporarilyUnavailable:
        return RedirectResponse(f"/b/{link}?unavailable=1#card", 303)
    return RedirectResponse(f"/b/{link}", 303)


@router.post("/b/{link}/emoney")
async def pay_by_emoney(request: Request, world: TheWorld, link: Link) -> Response:
    """Pay from a prepaid account; what was typed, but for the PIN, stays in its field when it is refused."""
    asked = await form(request)
    row = await _row(world, link)
    view = await show.booking(world, row.id)
    language = language_of(request)
    instrument = _prepaid(asked, language)
    typed = asked.one("number")[:NUMBER_CHARS_MAX]
    if isinstance(instrument, Trouble):
        trouble = replace(instrument, number=typed)
        return await _page(request, world, link, view, trouble=trouble, status=422)
    try:
        await _pay(world, row.id, instrument)
    except TemporarilyUnavailable:
        return RedirectResponse(f"/b/{link}?unavailable=1#card", 303)
    except PaymentRefused as refusal:
        sentence = refused_sentence(str(refusal.more["reason"]), language)
        view = await show.booking(world, row.id)
        trouble = Trouble("emoney", sentence, number=typed)
        return await _page(request, world, link, view, trouble=trouble, status=402)
    return RedirectResponse(f"/b/{link}", 303)


def _prepaid(asked: Fields, language: str) -> Prepaid | Trouble:
    """The account a form names, or what is wrong with it."""
    try:
        number: Handset = parse_mobile(asked.one("number"))
    except ValueError:
        return Trouble("emoney", WORDS[language]["phones"]["number_wrong"], "number")
    pin = asked.one("pin").replace(" ", "")
    if len(pin) != PIN_CHARS or not (pin.isascii() and pin.isdigit()):
        return Trouble("emoney", WORDS[language]["booking"]["pin_wrong"], "pin")
    return Prepaid(number, pin)


@router.post("/b/{link}/phone")
async def say_phone(request: Request, world: TheWorld, link: Link) -> Response:
    """What the buyer's own phone can show."""
    asked = await form(request)
    row = await _row(world, link)
    if asked.one("phone") in profiles.choices(world):
        await profiles.take_for_buyer(world, row.id, Profile(asked.one("phone")))
    return RedirectResponse(f"/b/{link}", 303)


@router.post("/b/{link}/free")
async def take_free(request: Request, world: TheWorld, link: Link) -> Response:
    """Take what costs nothing."""
    await form(request)
    row = await _row(world, link)
    await _pay(world, row.id, None)
    return RedirectResponse(f"/b/{link}", 303)


async def _pay(world: World, booking_id: UUID, instrument: Instrument | None) -> None:
    """Pay; where the booking is no longer payable its page says how it stands. Raises PaymentRefused and others."""
    try:
        outcome = await pay.pay(world, booking_id, instrument)
    except (BookingExpired, PaymentPending, WrongState):
        return
    except PaymentRefused:
        PAYMENTS.labels("refused").inc()
        raise
    PAYMENTS.labels(type(outcome).__name__.lower()).inc()


# --- and afterwards -------------------------------------------------------------------------------------------------


@router.post("/b/{link}/cancel")
async def cancel(request: Request, world: TheWorld, link: Link) -> Response:
    """Give the hold up; what is no longer just a hold stays as it is, and its page says so."""
    await form(request)
    row = await _row(world, link)
    with suppress(WrongState):
        await book.cancel(world, row.id)
    return RedirectResponse(f"/b/{link}", 303)


@router.post("/b/{link}/tickets/{ticket_id}/resend")
async def resend(request: Request, world: TheWorld, link: Link, ticket_id: UUID) -> Response:
    """Send a ticket's message to its handset once more."""
    await form(request)
    row = await _row(world, link)
    if all(ticket.id != ticket_id for ticket in await show.tickets(world, row.id)):
        raise NotFound("There is no such ticket in this booking.")
    try:
        await deliver.resend(world, ticket_id)
    except TooMany:
        return RedirectResponse(f"/b/{link}?note=too_often", 303)
    return RedirectResponse(f"/b/{link}?note=resent", 303)
