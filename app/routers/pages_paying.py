"""Paying on a booking's page: by card, by e-money, by voucher, or with nothing at all; and back from the bank."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from app.domain.booking import BookingState
from app.domain.credential import Unreadable, parse_number
from app.domain.refusals import (
    BookingExpired,
    PaymentPending,
    PaymentRefused,
    TemporarilyUnavailable,
    WrongState,
)
from app.flows.paying import pay
from app.flows.paying.pay import Challenged, Tender
from app.flows.tickets import show
from app.metrics import PAYMENTS
from app.ports import CardToken, Instrument, Prepaid, Voucher
from app.routers.common import TheWorld
from app.routers.confirming import ask_again, count
from app.routers.pages_booking import PRIVATE, Link, Trouble, booking_answer, is_held, refused_words, row_of
from app.schemas.base import parse_mobile
from app.web.forms import Fields, form
from app.web.rendering import page
from app.web.speaking import WORDS, language_of
from app.world import World

router = APIRouter(include_in_schema=False)

TOKEN_CHARS: Final = range(4, 256)
PIN_CHARS: Final = 6
NUMBER_CHARS_MAX: Final = 32


def to_booking(link: str, more: str = "") -> Response:
    return RedirectResponse(f"/b/{link}{more}", 303)


@router.get("/b/{link}/card")
async def card_page(request: Request, world: TheWorld, link: Link) -> Response:
    """Back from the payment network's page: nothing is charged until the buyer presses the button here."""
    row = await row_of(world, link)
    token = request.query_params.get("payment_method", "")
    if not is_held(world, row) or not is_token(token):
        return to_booking(link)
    return page(
        request,
        "booking_card.html",
        headers=PRIVATE,
        link=link,
        view=await show.booking(world, row.id),
        now=world.clock.now(),
        token=token,
    )


def is_token(text: str) -> bool:
    """Whether this may be a card as the payment network names it."""
    return len(text) in TOKEN_CHARS and text.isascii() and text.replace("_", "").isalnum()


@router.post("/b/{link}/card")
async def pay_by_card(request: Request, world: TheWorld, link: Link) -> Response:
    """Charge the card behind a token of the payment network."""
    asked = await form(request)
    row = await row_of(world, link)
    token = asked.one("payment_method")
    if not is_token(token):
        return to_booking(link)
    try:
        return await paid(request, world, link, row.id, Tender(CardToken(token), None))
    except PaymentRefused as refusal:
        return to_booking(link, f"?refused={refusal.more['reason']}#card")


@router.post("/b/{link}/emoney")
async def pay_by_emoney(request: Request, world: TheWorld, link: Link) -> Response:
    """Pay from a prepaid account; what was typed, but for the PIN, stays in its field when it is refused."""
    asked = await form(request)
    return await _pay_by_pin(request, world, link, "emoney", asked)


@router.post("/b/{link}/voucher")
async def pay_by_voucher(request: Request, world: TheWorld, link: Link) -> Response:
    """Pay with what is on a voucher; its number stays typed when it is refused."""
    asked = await form(request)
    return await _pay_by_pin(request, world, link, "voucher", asked)


async def _pay_by_pin(request: Request, world: World, link: str, means: str, asked: Fields) -> Response:
    row = await row_of(world, link)
    language = language_of(request)
    tender = by_pin(means, asked, language)
    status = 422
    if not isinstance(tender, Trouble):
        try:
            return await paid(request, world, link, row.id, Tender(tender, None))
        except PaymentRefused as refusal:
            reason = str(refusal.more["reason"])
            tender, status = Trouble(means, refused_words(means, reason, language), number=typed_number(asked)), 402
    return await booking_answer(request, world, link, await show.booking(world, row.id), trouble=tender, status=status)


def typed_number(asked: Fields) -> str:
    """The number of an account or a voucher as it was typed."""
    return asked.one("number")[:NUMBER_CHARS_MAX]


def by_pin(means: str, asked: Fields, language: str) -> Instrument | Trouble:
    """The account or the voucher that a form names, or what is wrong with it and in which field."""
    typed, pin = typed_number(asked), asked.one("pin").replace(" ", "")
    sound = len(pin) == PIN_CHARS and pin.isascii() and pin.isdigit()
    try:
        found = _voucher(typed, pin) if means == "voucher" else Prepaid(parse_mobile(typed), pin)
    except ValueError:
        words = WORDS[language]
        wrong = words["booking"]["voucher_wrong"] if means == "voucher" else words["phones"]["number_wrong"]
        return Trouble(means, wrong, "number", typed)
    return found if sound else Trouble(means, WORDS[language]["booking"]["pin_wrong"], "pin", typed)


def _voucher(typed: str, pin: str) -> Voucher:
    """Raises ValueError for what is no ticket number."""
    number = parse_number(typed)
    if isinstance(number, Unreadable):
        raise ValueError(number.reason)  # noqa: TRY004 - a text that is no number, as of a telephone
    return Voucher(number, pin)


@router.post("/b/{link}/free")
async def take_free(request: Request, world: TheWorld, link: Link) -> Response:
    """Take what costs nothing."""
    await form(request)
    row = await row_of(world, link)
    return await paid(request, world, link, row.id)


async def paid(request: Request, world: World, link: str, booking_id: UUID, *tenders: Tender) -> Response:
    """Pay, then to the booking's page, which says how it stands, or to the buyer's bank. Raises PaymentRefused."""
    back = f"{world.house.public_url}/b/{link}/return"
    try:
        outcome = await pay.pay(world, booking_id, tenders, return_url=back)
    except (BookingExpired, PaymentPending, WrongState):
        return to_booking(link)
    except TemporarilyUnavailable:
        return to_booking(link, "?unavailable=1#card")
    except PaymentRefused:
        PAYMENTS.labels("refused").inc()
        raise
    count(outcome)
    if isinstance(outcome, Challenged) and _may_lead_to(request, outcome.url):
        return RedirectResponse(outcome.url, 303, headers=PRIVATE)
    return to_booking(link)


def _may_lead_to(request: Request, url: str) -> bool:
    """Whether a form of ours may end there. A bank elsewhere gets a link: our policy names the network's origin only.

    Chromium applies form-action to the redirects after a form, too (CSP level 3 section 6.4.2).
    """
    ours, bank = urlsplit(request.app.state.card_page), urlsplit(url)
    return (bank.scheme, bank.netloc) == (ours.scheme, ours.netloc)


@router.post("/b/{link}/abandon")
async def abandon(request: Request, world: TheWorld, link: Link) -> Response:
    """The buyer will not go to the bank: the payment is given up, so that another means may be tried at once."""
    await form(request)
    row = await row_of(world, link)
    if row.state == BookingState.PAYING:
        await ask_again(world, row.id, abandoned=True)
    return to_booking(link)


@router.get("/b/{link}/return")
async def come_back(world: TheWorld, link: Link) -> Response:
    """Back from the bank. What the address says of how it went is not believed: the network itself is asked."""
    row = await row_of(world, link)
    if row.state == BookingState.PAYING:
        await ask_again(world, row.id, returned=True)
    return to_booking(link)
