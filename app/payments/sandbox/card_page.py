"""The hosted card page: where a browser, with or without script, types a card that the shop must never see.

`GET /card` shows it, `POST /card` answers 303 to the shop with `payment_method=pm_…` added to its address, or shows the
page again with each fault beside its field. The shop's address must be on the operator's list of origins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from app.domain.money import Money, UnknownCurrency
from app.payments.sandbox import methods
from app.payments.sandbox.addresses import URL_CHARACTERS_MAX, origin, with_query
from app.payments.sandbox.api import TheDesk
from app.payments.sandbox.cards import (
    ALL_CARDS,
    FAULTY_CARDS,
    KNOWN_CARDS,
    TROUBLE_LATER,
    CardFault,
    KnownCard,
    TypedCard,
    digits_of,
    faults,
    full_year,
)
from app.payments.sandbox.desk import Desk
from app.payments.sandbox.errors import ApiError
from app.payments.sandbox.intents import AMOUNT_MAX
from app.payments.sandbox.ledger import LedgerBusy
from app.payments.sandbox.pages import language_of, policy, templates, wrong
from app.payments.sandbox.params import INTEGER, Params, read_form, read_query
from app.payments.sandbox.words import WORDS

MERCHANT_CHARACTERS_MAX = 80
LAST_DIGITS = 4
EXPIRY = re.compile(r"\s*([0-9]{1,2})\s*[/.\-]\s*([0-9]{4}|[0-9]{2})\s*|([0-9]{2})([0-9]{2})")

FIELD_OF = {
    CardFault.NUMBER: "number",
    CardFault.NOT_A_TEST_CARD: "number",
    CardFault.MONTH: "expiry",
    CardFault.YEAR: "expiry",
    CardFault.CVC: "cvc",
}

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Visit:
    """What the shop asked for when it sent the browser here; all of it travels in the address."""

    return_url: str
    amount: Money | None
    merchant: str
    lang: str

    def address(self, lang: str) -> str:
        """This page in another language."""
        asked = {"return_url": self.return_url, "merchant": self.merchant, "lang": lang}
        if self.amount is not None:
            asked |= {"amount": str(self.amount.amount), "currency": self.amount.currency.lower()}
        return f"/card?{urlencode(asked)}"


class WrongVisit(Exception):
    """The address cannot take a card; the argument names the sentence in words.py."""


@dataclass(frozen=True, slots=True)
class Typed:
    """The three fields as typed. Only `expiry` and the number's last digits are ever shown again."""

    number: str = field(default="", repr=False)
    expiry: str = field(default="", repr=False)
    cvc: str = field(default="", repr=False)

    @property
    def last4(self) -> str:
        digits = digits_of(self.number)
        return digits[-LAST_DIGITS:] if digits.isdigit() and len(digits) > 2 * LAST_DIGITS else ""


@router.get("/card")
async def show_card_page(request: Request, desk: TheDesk) -> Response:
    lang = language_of(request, None)
    try:
        params = read_query(request)
        lang = language_of(request, params.optional("lang"))
        visit = read_visit(params, lang, allowed=desk.settings.allowed_return_origins)
    except (WrongVisit, ApiError) as fault:
        return _wrong(lang, fault)
    return _page(visit, Typed(), {}, HTTPStatus.OK)


@router.post("/card")
async def take_card(request: Request, desk: TheDesk) -> Response:
    lang = language_of(request, None)
    try:
        params = await read_form(request)
        lang = language_of(request, params.optional("lang"))
        visit = read_visit(params, lang, allowed=desk.settings.allowed_return_origins)
        typed = Typed(*(params.optional(name, characters_max=64) or "" for name in ("number", "expiry", "cvc")))
    except (WrongVisit, ApiError) as fault:
        return _wrong(lang, fault)
    return await _tokenise(desk, visit, typed)


async def _tokenise(desk: Desk, visit: Visit, typed: Typed) -> Response:
    card, found = check(typed, desk)
    if found:
        return _page(visit, typed, found, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        answer = await desk.run(lambda till: methods.create(till, card))
    except LedgerBusy:
        return _page(visit, typed, {"form": "busy"}, HTTPStatus.SERVICE_UNAVAILABLE)
    if answer.status != HTTPStatus.OK:
        return _page(visit, typed, {"form": "busy"}, HTTPStatus.SERVICE_UNAVAILABLE)
    target = with_query(visit.return_url, {"payment_method": str(answer.body["id"])})
    return Response(status_code=HTTPStatus.SEE_OTHER, headers={"Location": target, **policy(visit.return_url)})


def read_visit(params: Params, lang: str, *, allowed: tuple[str, ...]) -> Visit:
    """Raises WrongVisit for a return address that is not allowed or an amount that is none."""
    return_url = params.optional("return_url", characters_max=URL_CHARACTERS_MAX) or ""
    try:
        fits = origin(return_url) in allowed
    except ValueError:
        fits = False
    if not fits:
        raise WrongVisit("wrong_return")
    merchant = params.optional("merchant") or ""
    amount = _amount(params.optional("amount"), params.optional("currency"))
    return Visit(return_url, amount, merchant[:MERCHANT_CHARACTERS_MAX], lang)


def check(typed: Typed, desk: Desk) -> tuple[TypedCard, dict[str, str]]:
    """The card, and for each field at fault the name of its sentence in words.py."""
    found: dict[str, str] = {}
    expiry = EXPIRY.fullmatch(typed.expiry)
    month, year = (int(part) for part in expiry.groups() if part) if expiry else (0, 0)
    card = TypedCard(typed.number, month, full_year(year), typed.cvc)
    for fault in faults(card, now=desk.clock.now()):
        found.setdefault(FIELD_OF[fault], fault.value)
    if not typed.number.strip():
        found["number"] = "number_missing"
    if expiry is None:
        found["expiry"] = "expiry_missing"
    return card, found


def _amount(amount: str | None, currency: str | None) -> Money | None:
    if amount is None and currency is None:
        return None
    if not INTEGER.fullmatch(amount or "") or not 1 <= int(amount or 0) <= AMOUNT_MAX:
        raise WrongVisit("wrong_amount")
    try:
        return Money(int(amount or 0), (currency or "").upper())
    except UnknownCurrency:
        raise WrongVisit("wrong_amount") from None


def _page(visit: Visit, typed: Typed, found: dict[str, str], status: int) -> Response:
    words = WORDS[visit.lang]
    html = templates.get_template("card.html").render(
        visit=visit,
        words=words,
        amount=visit.amount.words(visit.lang) if visit.amount else None,
        languages=[(code, WORDS[code]["language"], visit.address(code)) for code in WORDS],
        typed=typed,
        faults={name: words[sentence] for name, sentence in found.items()},
        test_cards=_table(words, [card for card in KNOWN_CARDS if card.behaviour not in TROUBLE_LATER]),
        more_cards=_table(
            words, [card for card in ALL_CARDS if card.behaviour in TROUBLE_LATER or card in FAULTY_CARDS]
        ),
    )
    return Response(html, status, policy(visit.return_url), media_type="text/html")


def _wrong(lang: str, fault: Exception) -> Response:
    sentence = str(fault) if isinstance(fault, WrongVisit) else "wrong_request"
    status = fault.answer.status if isinstance(fault, ApiError) else HTTPStatus.BAD_REQUEST
    return wrong(lang, title="wrong_title", sentence=sentence, status=status)


def _table(words: Mapping[str, str], cards: Iterable[KnownCard]) -> list[tuple[str, str]]:
    return [(_grouped(card.number), words[card.behaviour.value]) for card in cards]


def _grouped(number: str) -> str:
    return " ".join(number[i : i + 4] for i in range(0, len(number), 4))
