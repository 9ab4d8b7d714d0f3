"""Buying by text message: an offer that holds its places, second choices, a yes that pays, a no that lets go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.booking import BookingRequest, BookingState, Line
from app.domain.conversation import CHOICES_MAX, Buy, Choose, Yes
from app.domain.money import Money
from app.domain.refusals import (
    BookingExpired,
    IssuerAway,
    LimitExceeded,
    NotOnSale,
    PaymentPending,
    PaymentRefused,
    SoldOut,
    TemporarilyUnavailable,
    WrongState,
)
from app.domain.replies import Reply, Says, price_words, why
from app.domain.wording import said, seat_words
from app.flows.booking import book, find
from app.flows.booking.alternatives import Choice
from app.flows.paying import pay
from app.flows.talk.talk import Talk, is_open
from app.ports import CarrierBill, Instrument, Prepaid
from app.store import catalogue, conversations, sales

SECONDS_PER_MINUTE = 60
BILL = "carrier"
"""The way to be paid that needs no PIN: the carrier itself says whose phone bill it is."""


# --- BUY ------------------------------------------------------------------------------------------------------------


async def buy(talk: Talk, wanted: Buy) -> Reply:
    """Hold what a code names for this handset and say what it costs; or say why not, and what else there is."""
    code = f"{wanted.code}{wanted.letter.upper()}"
    async with talk.world.transaction() as tx:
        occasion_id = await conversations.occasion_by_code(tx, wanted.code)
        if occasion_id is None:
            return talk.says(Says.NO_CODE, code=code, url=talk.world.house.public_url)
        offer = await catalogue.offer(tx, occasion_id=occasion_id, product_id=None)
        assert offer is not None, "the occasion was found just now"
        prices = find.plain_prices((await catalogue.prices(tx, [occasion_id]))[occasion_id])
    if not prices:
        return talk.says(Says.BY_JOURNEY, url=talk.world.house.public_url)
    index = ord(wanted.letter) - ord("a") if wanted.letter else 0
    if index >= len(prices):
        return talk.says(Says.NO_CODE, code=code, url=talk.world.house.public_url)
    return await _offer(talk, offer, (Line(prices[index].id, wanted.count),), code)


async def choose(talk: Talk, picked: Choose) -> Reply:
    """One of the second choices that stand in the last reply."""
    choices = talk.before.choices if talk.before is not None else None
    if not choices or picked.number > len(choices):
        return talk.says(Says.HOW_TO_BUY)
    choice = choices[picked.number - 1]
    occasion_id = UUID(choice["occasion"])
    lines = tuple(
        Line(UUID(one["price"]), one["quantity"], tuple(UUID(place) for place in one["places"]))
        for one in choice["lines"]
    )
    async with talk.world.transaction() as tx:
        offer = await catalogue.offer(tx, occasion_id=occasion_id, product_id=None)
    assert offer is not None, "occasions are withdrawn, never deleted"
    return await _offer(talk, offer, lines, str(offer.sms_code))


async def _offer(talk: Talk, offer: sa.Row[Any], lines: tuple[Line, ...], code: str) -> Reply:
    open_now = await talk.open_booking()
    if open_now is not None and open_now.state == BookingState.PAYING:
        return talk.says(Says.ASKING)
    title = said(offer.title, talk.language)
    request = BookingRequest(offer.occasion_id, None, lines, talk.handset, talk.language)
    try:
        await _hold(talk, request)
    except SoldOut as no:
        choices: list[Choice] = no.more["alternatives"]  # type: ignore[assignment]  # what `book` puts there
        return await _second_choices(talk, title, choices[:CHOICES_MAX])
    except (NotOnSale, LimitExceeded, IssuerAway) as no:
        return _not_held(talk, offer, lines, code, no)
    left = await talk.remember(booking_id=talk.id)
    await _let_go(talk, left)
    return await _offered(talk)


def _not_held(
    talk: Talk, offer: sa.Row[Any], lines: tuple[Line, ...], code: str, no: NotOnSale | LimitExceeded | IssuerAway
) -> Reply:
    """Why nothing can be held, and what to send instead, or when."""
    title = said(offer.title, talk.language)
    if isinstance(no, LimitExceeded):
        asked, limit = sum(line.quantity for line in lines), int(str(no.more["limit"]))
        return talk.says(Says.LIMIT if asked > limit else Says.NO_MORE, limit=limit, code=code)
    if isinstance(no, IssuerAway):
        return talk.says(Says.AWAY, title=title)
    if "opens_at" in no.more:
        return talk.says(Says.NOT_YET, title=title, when=talk.opening(offer))
    return talk.says(Says.CLOSED, title=title)


async def _hold(talk: Talk, request: BookingRequest) -> None:
    """The booking has the message's id: a message that is answered again finds what it held."""
    async with talk.world.transaction() as tx:
        if talk.id in await sales.bookings(tx, [talk.id]):
            return
    await book.book(talk.world, request, identity=talk.id)


async def _let_go(talk: Talk, booking_id: UUID | None) -> None:
    """Another offer took its place. One that is being paid, or was, stays."""
    if booking_id is not None:
        with suppress(WrongState):
            await book.cancel(talk.world, booking_id)


async def _offered(talk: Talk) -> Reply:
    """What is held, until when, and how to pay it."""
    async with talk.world.transaction() as tx:
        booking = (await sales.bookings(tx, [talk.id]))[talk.id]
        items = (await sales.items(tx, [talk.id]))[talk.id]
    left = (booking.expires_at - talk.world.clock.now()).total_seconds()
    how = Says.OFFER_BILL if BILL in talk.world.payments else Says.OFFER
    return talk.says(
        how if booking.amount else Says.OFFER_FREE,
        title=said(booking.title, talk.language),
        when=talk.when(booking),
        what=_what(talk, items),
        seats=", ".join(seats for item in items if (seats := _seat(talk, item))),
        amount=_price(talk, booking),
        minutes=max(1, int(left) // SECONDS_PER_MINUTE),
    )


def _what(talk: Talk, items: Sequence[sa.Row[Any]]) -> str:
    names = [said(item.price_name, talk.language) for item in items]
    counted = {name: names.count(name) for name in names}
    if talk.language == "ko":
        return ", ".join(f"{name} {count}매" for name, count in counted.items())
    return ", ".join(f"{name} x{count}" if count > 1 else name for name, count in counted.items())


def _seat(talk: Talk, item: sa.Row[Any]) -> str:
    return seat_words(item.section, item.row, item.seat, talk.language) if item.numbered else ""


def _price(talk: Talk, booking: sa.Row[Any]) -> str:
    return price_words(Money(booking.amount, booking.currency), talk.language)


async def _second_choices(talk: Talk, title: str, choices: Sequence[Choice]) -> Reply:
    """Each is one figure to answer; what was offered before is let go."""
    left = await talk.remember(choices=[_kept(choice) for choice in choices] or None)
    await _let_go(talk, left)
    if not choices:
        return talk.says(Says.NOTHING_LEFT, title=title)
    lines = [
        f"{number} {choice.words} {price_words(choice.amount, talk.language)}"
        for number, choice in enumerate(choices, 1)
    ]
    return talk.says(Says.SOLD_OUT, lines, title=title)


def _kept(choice: Choice) -> Mapping[str, Any]:
    lines = [
        {"price": str(line.price_id), "quantity": line.quantity, "places": [str(place) for place in line.places]}
        for line in choice.lines
    ]
    return {"occasion": str(choice.occasion_id), "lines": lines}


# --- YES and CANCEL -------------------------------------------------------------------------------------------------


async def yes(talk: Talk, said_yes: Yes) -> Reply:
    """Pay for what was offered last."""
    booking = await talk.open_booking()
    if booking is None or booking.state == BookingState.CANCELLED:
        return talk.says(Says.NOTHING_OPEN)
    if booking.state == BookingState.HELD and booking.amount and not (said_yes.pin or BILL in talk.world.payments):
        return talk.says(Says.NEEDS_PIN)
    if booking.state != BookingState.PAID:
        refused = await _pay(talk, booking, _instrument(talk, booking, said_yes))
        if refused is not None:
            return refused
    paid = Says.PAID if booking.amount else Says.BOOKED
    return talk.says(paid, title=said(booking.title, talk.language), amount=_price(talk, booking))


async def _pay(talk: Talk, booking: sa.Row[Any], instrument: Instrument | None) -> Reply | None:
    """None once it is paid, by this message or by another one at the same moment."""
    try:
        outcome = await pay.pay(talk.world, booking.id, [pay.Tender(instrument)] if instrument else ())
    except PaymentRefused as no:
        return talk.says(Says.REFUSED, why=why(str(no.more["reason"]), talk.language))
    except PaymentPending:
        return talk.says(Says.ASKING)
    except BookingExpired:
        return talk.says(Says.RAN_OUT, code=booking.sms_code or "")
    except TemporarilyUnavailable:
        return talk.says(Says.TROUBLE)
    except WrongState:
        now = await talk.open_booking()
        return None if now is not None and now.state == BookingState.PAID else talk.says(Says.NOTHING_OPEN)
    return None if isinstance(outcome, pay.Paid) else talk.says(Says.ASKING)


def _instrument(talk: Talk, booking: sa.Row[Any], said_yes: Yes) -> Instrument | None:
    """E-money where a PIN was sent, else the phone bill. The carrier vouches for the number, not for who holds it."""
    if booking.amount == 0:
        return None
    return Prepaid(talk.handset, said_yes.pin) if said_yes.pin else CarrierBill(talk.handset)


async def cancel(talk: Talk) -> Reply:
    """Give up what was offered last; what is paid is given back by its number only, for that cannot be undone."""
    booking = await talk.open_booking()
    if booking is not None and booking.state == BookingState.PAYING:
        return talk.says(Says.ASKING)
    if booking is not None and is_open(booking, talk):
        try:
            await book.cancel(talk.world, booking.id)
        except WrongState:  # a yes was faster
            return talk.says(Says.ASKING)
        return talk.says(Says.CANCELLED)
    if booking is not None and booking.state == BookingState.CANCELLED:
        return talk.says(Says.CANCELLED)
    return talk.says(Says.NOTHING_TO_CANCEL)
