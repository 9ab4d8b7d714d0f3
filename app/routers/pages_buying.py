"""From choice to hold: whose phones, then the booking; and second choices when somebody was faster."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from app.domain.booking import BookingRequest, Line
from app.domain.handset import Handset
from app.domain.refusals import BadLine, IssuerAway, LimitExceeded, NotOnSale, Refusal, SoldOut
from app.domain.wording import LANGUAGES
from app.routers.bookings import hold
from app.routers.common import TheWorld
from app.routers.holding import KEY_CHARS, held_once
from app.routers.pages import form_key
from app.routers.pages_choice import Offered, Wanted, offered, wanted
from app.routers.pages_choose import sales_state
from app.schemas.base import parse_mobile
from app.schemas.bookings import BookingIn
from app.web.forms import Fields, form, query
from app.web.rendering import page
from app.web.speaking import language_of
from app.world import World

router = APIRouter(include_in_schema=False)

WHOSE: Final = ("own", "other", "each")
NUMBER_CHARS_MAX: Final = 32


@dataclass(slots=True)
class Numbers:
    """The telephone fields as typed, what they mean, and which of them are wrong (name -> sentence of words.toml)."""

    whose: str
    typed: dict[str, str]
    language: str
    buyer: Handset | None = None
    handsets: list[Handset] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)

    def read(self, name: str, *, needed: bool) -> Handset | None:
        """The number in a field, or None with a fault noted; an empty one that is not needed is None without."""
        text = self.typed.get(name, "")
        if not text:
            if needed:
                self.faults[name] = "number_missing"
            return None
        try:
            return parse_mobile(text)
        except ValueError:
            self.faults[name] = "number_wrong"
            return None


def numbers_of(asked: Fields, count: int, language: str) -> Numbers:
    """Reads whose phones get `count` tickets: the buyer's, one other for all, or one for each."""
    names = ["buyer", "handset", *(f"handset_{number}" for number in range(1, count + 1))]
    whose = asked.one("whose") if asked.one("whose") in WHOSE else "own"
    spoken = asked.one("language") if asked.one("language") in LANGUAGES else language
    numbers = Numbers(whose, {name: asked.one(name)[:NUMBER_CHARS_MAX] for name in names}, spoken)
    numbers.buyer = numbers.read("buyer", needed=True)
    if whose == "other":
        other = numbers.read("handset", needed=True)
        numbers.handsets = [other] * count if other else []
    elif whose == "each":
        each = [numbers.read(f"handset_{number}", needed=False) or numbers.buyer for number in range(1, count + 1)]
        numbers.handsets = [one for one in each if one is not None]
    return numbers


@router.get("/p/{product_id}/phones")
async def phones_page(request: Request, world: TheWorld, product_id: UUID) -> Response:
    """Whose phone: what was chosen stands beside the numbers it may go to."""
    asked = query(request)
    offer = await offered(world, product_id, asked)
    lines = await wanted(world, offer, asked)
    if back := _back(offer, lines, asked):
        return back
    if sales_state(world, offer) == "away":
        return RedirectResponse(f"/p/{product_id}?{urlencode(offer.kept)}", 303)
    blank = Numbers("own", {}, language_of(request))
    return _phones(request, world, offer, lines, blank)


def _back(offer: Offered, lines: list[Wanted], asked: Fields) -> Response | None:
    """To where it can be chosen again, where nothing was, or more seats than one booking may have; else None."""
    too_many = sum(line.quantity for line in lines) > offer.limit
    if lines and not too_many:
        return None
    by_hand = too_many or asked.one("by") == "seat"
    missing = ("fewer" if too_many else "seat") if by_hand else "price"
    pairs = [*offer.kept.items(), ("missing", missing), *(("place", place) for place in asked.every("place"))]
    return RedirectResponse(f"/p/{offer.product.id}{'/seats' if by_hand else ''}?{urlencode(pairs)}", 303)


def _phones(
    request: Request,
    world: World,
    offer: Offered,
    lines: list[Wanted],
    numbers: Numbers,
    *,
    status: int = 200,
    refused: tuple[str, dict[str, Any]] | None = None,
) -> Response:
    count = sum(line.quantity for line in lines)
    chosen: list[tuple[str, str]] = list(offer.kept.items())
    seats = [seat for line in lines for seat in line.seats]
    if seats:
        chosen += [("place", str(seat.id)) for seat in seats]
    else:
        chosen += [("price", str(lines[0].price.id)), ("quantity", str(lines[0].quantity))]
    left = [offer.free(line.price.category) for line in lines]
    return page(
        request,
        "phones.html",
        status,
        here=f"/p/{offer.product.id}/phones?{urlencode(chosen)}",
        offer=offer,
        lines=lines,
        count=count,
        total=sum(line.amount for line in lines),
        pairs=chosen,
        numbers=numbers,
        refused=refused,
        few=not seats and any(n is not None and n < line.quantity for n, line in zip(left, lines, strict=True)),
        hold_minutes=max(1, world.house.hold_seconds // 60),
        key=form_key(world),
    )


@router.post("/p/{product_id}/phones")
async def hold_tickets(request: Request, world: TheWorld, product_id: UUID) -> Response:
    """Hold what was chosen and go to its page; what is wrong is shown beside its field, what is gone is replaced."""
    asked = await form(request)
    offer = await offered(world, product_id, asked)
    lines = await wanted(world, offer, asked)
    if back := _back(offer, lines, asked):
        return back
    numbers = numbers_of(asked, sum(line.quantity for line in lines), language_of(request))
    if numbers.faults or numbers.buyer is None:
        return _phones(request, world, offer, lines, numbers, status=422)
    assert offer.chosen is not None, "lines belong to a chosen occasion"
    wish = BookingRequest(
        occasion_id=offer.chosen.row.id,
        product_id=None,
        lines=_lines(offer, lines, numbers.handsets),
        buyer=numbers.buyer,
        language=numbers.language,
    )
    try:
        return await _hold(request, world, wish, asked.one("once"))
    except SoldOut as refusal:
        return _second(request, world, offer.product, refusal)
    except (LimitExceeded, NotOnSale, BadLine, IssuerAway) as refusal:
        status = 503 if isinstance(refusal, IssuerAway) else 409
        return _phones(request, world, offer, lines, numbers, status=status, refused=_said(refusal))


def _lines(offer: Offered, lines: list[Wanted], handsets: list[Handset]) -> tuple[Line, ...]:
    """The booking's lines, each with the handsets of its tickets."""
    made, start = [], 0
    for line in lines:
        made.append(
            Line(
                price_id=line.price.id,
                quantity=line.quantity,
                places=tuple(seat.id for seat in line.seats),
                handsets=tuple(handsets[start : start + line.quantity]),
                origin_id=offer.origin if offer.stops else None,
                destination_id=offer.destination if offer.stops else None,
            )
        )
        start += line.quantity
    return tuple(made)


def _said(refusal: Refusal) -> tuple[str, dict[str, Any]]:
    """A refusal as a name in words.toml with what fills it; what one booking may have was checked before."""
    match refusal:
        case LimitExceeded():
            return "limit", {"limit": refusal.more["limit"]}
        case NotOnSale():
            return "not_on_sale", {}
        case IssuerAway():
            return "away", {}
        case _:
            return "bad_line", {}


async def _hold(request: Request, world: World, wish: BookingRequest, key: str) -> Response:
    """Book once per showing of the form and wish: the button pressed twice leads to the same booking."""
    if len(key) not in KEY_CHARS:
        raise BadLine("This form is not complete; open the page again.")

    async def link() -> str:
        return (await hold(world, wish)).link

    body = await request.body()
    return RedirectResponse(
        f"/b/{await held_once(world, scope='page POST /bookings', key=key, body=body, hold=link)}", 303
    )


def _second(request: Request, world: World, product: sa.Row[Any], refusal: SoldOut) -> Response:
    choices = refusal.more["alternatives"]
    assert isinstance(choices, list), "a sold-out refusal carries its second choices"
    return page(
        request,
        "second.html",
        409,
        here=f"/p/{product.id}",
        product=product,
        choices=[
            {
                **choice,
                "count": sum(line["quantity"] for line in choice["body"]["lines"]),
                "body": json.dumps(choice["body"]),
            }
            for choice in choices
        ],
        key=form_key(world),
    )


@router.post("/p/{product_id}/second")
async def take_second_choice(request: Request, world: TheWorld, product_id: UUID) -> Response:
    """Hold a second choice by the body it carries."""
    asked = await form(request)
    try:
        wish = BookingIn.model_validate_json(asked.one("body")).request()
    except ValidationError:
        raise BadLine("This second choice is not complete; choose again.") from None
    try:
        return await _hold(request, world, wish, asked.one("once"))
    except SoldOut as refusal:
        return _second(request, world, (await offered(world, product_id, asked)).product, refusal)
