"""Paying in two parts: so much with e-money or a voucher, the rest by card; both are charged, or neither.

First how much, then the card on the payment network's page, then the PIN: so no secret waits anywhere for a next step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from app.domain.money import Money, parse_amount
from app.domain.refusals import PaymentRefused
from app.flows.paying.pay import Tender
from app.flows.tickets import show
from app.flows.tickets.show import BookingView
from app.ports import CardToken
from app.routers.common import TheWorld
from app.routers.pages_booking import (
    PRIVATE,
    Link,
    Trouble,
    card_page_of,
    is_held,
    parts_of_last,
    refused_words,
    row_of,
)
from app.routers.pages_paying import by_pin, is_token, paid, to_booking, typed_number
from app.web.forms import Fields, form, query
from app.web.phrases import means_of, typed_phone
from app.web.rendering import page
from app.web.speaking import language_of
from app.world import World

router = APIRouter(include_in_schema=False)

MEANS: Final = ("emoney", "voucher")
AMOUNT_CHARS_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class Parts:
    """How a booking's price is split, `by` e-money or a voucher; `typed` is the amount as it was typed.

    Without a `part` it is not split yet; then `fault` names the sentence of words.toml that says what to type.
    """

    by: str
    typed: str
    part: Money | None = None
    rest: Money | None = None
    fault: str = ""

    @property
    def asked(self) -> dict[str, str]:
        """For the next address."""
        return {"by": self.by, "amount": self.part.plain() if self.part else self.typed}


def parts_of(row: sa.Row[Any], asked: Fields) -> Parts:
    """Reads how the price of a booking is to be split."""
    by = asked.one("by") if asked.one("by") in MEANS else MEANS[0]
    typed = asked.one("amount")[:AMOUNT_CHARS_MAX]
    if not typed:
        return Parts(by, typed, fault="amount_missing")
    try:
        part = parse_amount(typed.replace(",", "").replace(" ", "").strip("원₩$€£¥"), row.currency)
    except ValueError:
        return Parts(by, typed, fault="amount_wrong")
    if not 0 < part.amount < row.amount:
        return Parts(by, typed, fault="amount_beyond")
    return Parts(by, typed, part, Money(row.amount - part.amount, row.currency))


@router.get("/b/{link}/split")
async def split_page(request: Request, world: TheWorld, link: Link) -> Response:
    """Asks how much is to be paid with what."""
    row = await row_of(world, link)
    if not is_held(world, row) or row.amount <= 1:
        return to_booking(link)
    asked = query(request)
    first = Parts(parts_of(row, asked).by, asked.one("amount")[:AMOUNT_CHARS_MAX])
    return _how_much(request, world, link, await show.booking(world, row.id), first)


def _how_much(
    request: Request, world: World, link: str, view: BookingView, parts: Parts, *, status: int = 200
) -> Response:
    return page(
        request,
        "booking_split.html",
        status,
        here=f"/b/{link}/split",
        headers=PRIVATE,
        link=link,
        view=view,
        now=world.clock.now(),
        means=MEANS,
        parts=parts,
    )


@router.get("/b/{link}/split/card")
async def split_card(request: Request, world: TheWorld, link: Link) -> Response:
    """With the amount known, to the payment network's page for the card that pays the rest."""
    row = await row_of(world, link)
    if not is_held(world, row):
        return to_booking(link)
    parts, view = parts_of(row, query(request)), await show.booking(world, row.id)
    if parts.rest is None:
        return _how_much(request, world, link, view, parts, status=422)
    back = f"/b/{link}/split/pay?by={parts.asked['by']}&amount={parts.asked['amount']}"
    return RedirectResponse(card_page_of(request, world, view, back=back, amount=parts.rest.amount), 303)


@router.get("/b/{link}/split/pay")
async def split_confirmation(request: Request, world: TheWorld, link: Link) -> Response:
    """Back with a card: what each part pays, and the number and PIN of the other means."""
    row = await row_of(world, link)
    if not is_held(world, row):
        return to_booking(link)
    asked = query(request)
    parts, token = parts_of(row, asked), asked.one("payment_method")
    if parts.part is None or not is_token(token):
        return RedirectResponse(f"/b/{link}/split", 303)
    return _confirmation(request, world, link, await show.booking(world, row.id), parts=parts, token=token)


def _confirmation(
    request: Request,
    world: World,
    link: str,
    view: BookingView,
    *,
    parts: Parts,
    token: str,
    trouble: Trouble | None = None,
    status: int = 200,
) -> Response:
    usual = typed_phone(view.booking.buyer) if parts.by == "emoney" else ""
    return page(
        request,
        "booking_split_pay.html",
        status,
        here=f"/b/{link}/split/pay?by={parts.asked['by']}&amount={parts.asked['amount']}&payment_method={token}",
        headers=PRIVATE,
        link=link,
        view=view,
        now=world.clock.now(),
        parts=parts,
        token=token,
        number=trouble.number if trouble else usual,
        trouble=trouble,
    )


@router.post("/b/{link}/split/pay")
async def pay_in_parts(request: Request, world: TheWorld, link: Link) -> Response:
    """Pay both parts, or none; what was typed, but for the PIN, stays in its field when one is refused."""
    asked = await form(request)
    row = await row_of(world, link)
    parts, token, language = parts_of(row, asked), asked.one("payment_method"), language_of(request)
    if not is_held(world, row) or parts.part is None or not is_token(token):
        return to_booking(link)
    instrument = by_pin(parts.by, asked, language)
    if isinstance(instrument, Trouble):
        trouble, status = instrument, 422
    else:
        tenders = (Tender(instrument, parts.part), Tender(CardToken(token), None))
        try:
            return await paid(request, world, link, row.id, *tenders)
        except PaymentRefused as refusal:
            trouble, status = await _refused(world, row.id, refusal, typed_number(asked), language), 402
    view = await show.booking(world, row.id)
    return _confirmation(request, world, link, view, parts=parts, token=token, trouble=trouble, status=status)


async def _refused(world: World, booking_id: UUID, refusal: PaymentRefused, number: str, language: str) -> Trouble:
    """Which of the two was refused, and why. A card that is refused before anything was tried leaves no attempt."""
    parts = parts_of_last(await show.booking(world, booking_id))
    reason = str(refusal.more["reason"])
    means = next((means_of(one.provider) for one in parts if one.decline == reason), "card")
    return Trouble(means, refused_words(means, reason, language), number=number)
