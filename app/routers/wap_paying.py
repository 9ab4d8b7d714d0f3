"""Paying on a phone: e-money or a voucher by its PIN, the phone bill by the number that the network proves, a card."""

from __future__ import annotations

import base64
import hmac
from typing import Any, Final
from urllib.parse import urlencode

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.domain.credential import Unreadable, parse_number
from app.domain.delivery import Profile
from app.domain.handset import Handset
from app.domain.refusals import (
    BookingExpired,
    NotAllowed,
    PaymentPending,
    PaymentRefused,
    TemporarilyUnavailable,
    WrongState,
)
from app.domain.wording import said
from app.flows.handset import profiles
from app.flows.paying import pay
from app.flows.paying.pay import Tender
from app.metrics import PAYMENTS
from app.ports import CardToken, CarrierBill, Prepaid, Voucher
from app.routers.confirming import count
from app.routers.pages_booking import refused_words
from app.routers.pages_paying import is_token
from app.routers.wap_booking import TheVisit, Visit, booking_answer
from app.routers.wap_common import NAME_CHARS, deck, name_of, price_of
from app.schemas.base import parse_mobile
from app.web.forms import form
from app.web.phrases import masked_phone, typed_phone
from app.web.wap_deck import Field, Form, Item, Link, Markup, Words
from app.web.wap_reading import answer, asked_of

router = APIRouter(prefix="/wap", include_in_schema=False)

PIN_CHARS: Final = 6
NUMBER_CHARS_MAX: Final = 16
TOKEN_CHARS_MAX: Final = 255
PROOF_OCTETS: Final = 12


@router.get("/b/{link}/e")
async def emoney_deck(visit: TheVisit) -> Response:
    """Asks for the account's number and PIN."""
    return await _emoney(visit, "", "")


async def _emoney(visit: Visit, trouble: str, typed: str) -> Response:
    row = await visit.row()
    if not visit.is_held(row):
        return await booking_answer(visit)
    number = typed or typed_phone(row.buyer).replace("-", "")
    fields = (
        Field("m", visit.reader("account_number"), mask="*M", value=number, chars_max=NUMBER_CHARS_MAX),
        Field("p", visit.reader("pin"), mask="6N", secret=True, chars_max=PIN_CHARS),
    )
    return _asks(visit, row, trouble, Form(visit.at("/e"), _pay_words(visit, row), fields))


def _pay_words(visit: Visit, row: sa.Row[Any]) -> str:
    return visit.reader("pay_now", price=price_of(visit.reader, row.amount, row.currency))


def _asks(visit: Visit, row: sa.Row[Any], trouble: str, *items: Item) -> Response:
    """A deck that asks for a means of payment; with `trouble` it says what was wrong with what was typed."""
    reader = visit.reader
    wrong = [Words(trouble, strong=True)] if trouble else []
    title = name_of(reader, row.title, NAME_CHARS)
    made = deck(reader, title, *wrong, *items, Link(reader("other_means"), visit.at()))
    return answer(reader, made, 422 if trouble else 200)


@router.post("/b/{link}/e")
async def pay_by_emoney(request: Request, visit: TheVisit) -> Response:
    """Pay from a prepaid account; the number stays typed when the PIN is wrong."""
    asked = await form(request)
    typed = asked.one("m")[:NUMBER_CHARS_MAX]
    try:
        number: Handset = parse_mobile(typed)
    except ValueError:
        return await _emoney(visit, visit.reader("number_wrong"), typed)
    pin = asked.one("p")
    if not _is_pin(pin):
        return await _emoney(visit, visit.reader("pin_wrong"), typed)
    return await _pay(visit, "emoney", Tender(Prepaid(number, pin), None))


def _is_pin(text: str) -> bool:
    return len(text) == PIN_CHARS and text.isascii() and text.isdigit()


# --- with a voucher -------------------------------------------------------------------------------------------------


@router.get("/b/{link}/v")
async def voucher_deck(visit: TheVisit) -> Response:
    """Asks for the voucher's number and PIN."""
    return await _voucher(visit, "", "")


async def _voucher(visit: Visit, trouble: str, typed: str) -> Response:
    row = await visit.row()
    if not visit.is_held(row):
        return await booking_answer(visit)
    fields = (
        Field("m", visit.reader("voucher_number"), mask="*M", value=typed, chars_max=NUMBER_CHARS_MAX),
        Field("p", visit.reader("pin"), mask="6N", secret=True, chars_max=PIN_CHARS),
    )
    return _asks(visit, row, trouble, Form(visit.at("/v"), _pay_words(visit, row), fields))


@router.post("/b/{link}/v")
async def pay_by_voucher(request: Request, visit: TheVisit) -> Response:
    """Pay with what is on a voucher; its number stays typed when the PIN is wrong."""
    asked = await form(request)
    typed = asked.one("m")[:NUMBER_CHARS_MAX]
    number, pin = parse_number(typed), asked.one("p")
    if isinstance(number, Unreadable):
        return await _voucher(visit, visit.reader("voucher_wrong"), typed)
    if not _is_pin(pin):
        return await _voucher(visit, visit.reader("pin_wrong"), typed)
    return await _pay(visit, "voucher", Tender(Voucher(number, pin), None))


# --- on the phone bill ----------------------------------------------------------------------------------------------


@router.get("/b/{link}/m")
async def bill_deck(visit: TheVisit) -> Response:
    """Says what is put on whose bill, and asks for one press; nothing where the number is not proven."""
    row = await visit.row()
    if not visit.is_held(row) or not visit.may_bill(row):
        return await booking_answer(visit)
    reader = visit.reader
    price = price_of(reader, row.amount, row.currency)
    words = reader("bill_says", price=price, number=masked_phone(row.buyer))
    return _asks(
        visit, row, "", Words(words), Form(visit.at("/m"), _pay_words(visit, row), (), (("z", _proof(visit, row)),))
    )


def _proof(visit: Visit, row: sa.Row[Any]) -> str:
    """Shows that this phone was asked: the gateway names it in requests that another site's deck makes it send, too.

    Longer than what ticket links are made of under the same key, so that neither passes for the other.
    """
    keys = visit.world.house.keys
    digest = keys.link_mac(keys.kid)(b"wap phone bill" + row.id.bytes + str(row.buyer).encode())
    return base64.urlsafe_b64encode(digest[:PROOF_OCTETS]).decode()


@router.post("/b/{link}/m")
async def pay_by_bill(request: Request, visit: TheVisit) -> Response:
    """Put the price on the bill of the phone that asks. Raises NotAllowed where it was not shown what it pays."""
    asked = await form(request)
    row = await visit.row()
    if not visit.is_held(row):
        return await booking_answer(visit)
    if visit.number is None or not visit.may_bill(row) or not _is_proof(asked.one("z"), _proof(visit, row)):
        raise NotAllowed("The phone bill pays only what its own phone was shown; open the booking again.")
    return await _pay(visit, "carrier", Tender(CarrierBill(visit.number), None))


def _is_proof(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


# --- by card --------------------------------------------------------------------------------------------------------


@router.get("/b/{link}/k")
async def card_deck(request: Request, visit: TheVisit) -> Response:
    """Asks for a card's token; a phone with a browser can have one made at the payment network and comes back here."""
    given = asked_of(request).one("payment_method")
    return await _card(request, visit, "", given if is_token(given) else "")


async def _card(request: Request, visit: Visit, trouble: str, token: str) -> Response:
    row = await visit.row()
    if not visit.is_held(row):
        return await booking_answer(visit)
    reader = visit.reader
    items: list[Item] = []
    if reader.markup is Markup.XHTML and not token:
        back = {
            "return_url": visit.world.house.public_url + visit.at("/k"),
            "amount": row.amount,
            "currency": row.currency.lower(),
            "merchant": said(row.issuer_name, reader.language),
            "lang": reader.language,
        }
        items.append(Link(reader("card_page"), f"{request.app.state.card_page}?{urlencode(back)}"))
    field = Field("c", reader("card_token"), mask="*m", value=token, chars_max=TOKEN_CHARS_MAX)
    return _asks(visit, row, trouble, *items, Form(visit.at("/k"), _pay_words(visit, row), (field,)))


@router.post("/b/{link}/k")
async def pay_by_card(request: Request, visit: TheVisit) -> Response:
    """Charge the card behind a token of the payment network."""
    token = (await form(request)).one("c")
    if not is_token(token):
        return await _card(request, visit, visit.reader("token_wrong"), "")
    return await _pay(visit, "card", Tender(CardToken(token), None))


# --- and what comes of it -------------------------------------------------------------------------------------------


@router.post("/b/{link}/f")
async def take_free(request: Request, visit: TheVisit) -> Response:
    """Take what costs nothing."""
    await form(request)
    return await _pay(visit, "")


async def _pay(visit: Visit, means: str, *tenders: Tender) -> Response:
    """Pay, and show the booking as it then stands: paid, being checked, or refused with the other means below.

    Only a phone with a browser can be sent to a bank's page; for the others the network is told that nobody can.
    """
    row = await visit.row()
    if visit.number is not None:
        # The network itself says that this phone browses.
        await profiles.take(visit.world, visit.number, Profile.WAP, source="wap")
    browses = visit.reader.markup is Markup.XHTML
    back = visit.world.house.public_url + visit.at("/r") if browses else ""
    try:
        outcome = await pay.pay(visit.world, row.id, tenders, return_url=back)
    except (BookingExpired, PaymentPending, WrongState):
        return await booking_answer(visit)
    except PaymentRefused as refusal:
        PAYMENTS.labels("refused").inc()
        sentence = refused_words(means, str(refusal.more["reason"]), visit.reader.language)
        return await booking_answer(visit, trouble=sentence, status=402)
    except TemporarilyUnavailable:
        return await booking_answer(visit, trouble=visit.reader("no_answer"), status=503)
    count(outcome)
    return await booking_answer(visit)


@router.get("/b/{link}/r")
async def come_back(visit: TheVisit) -> Response:
    """Back from the bank: the network is asked how it went, whatever the address says."""
    await visit.ask_again(returned=True)
    return await booking_answer(visit)
