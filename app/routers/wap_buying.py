"""From choice to hold on a phone: whose number, then the booking; and second choices, each one press away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.domain.booking import BookingRequest
from app.domain.handset import Handset
from app.domain.refusals import BadLine, IssuerAway, LimitExceeded, NotOnSale, SoldOut
from app.domain.wording import seat_words, shortened
from app.flows.booking.alternatives import Choice
from app.routers.common import TheWorld
from app.routers.holding import KEY_CHARS, counted, held_once
from app.routers.pages import form_key
from app.routers.pages_choice import Offered, Wanted
from app.routers.wap_booking import Visit, booking_answer
from app.routers.wap_choose import categories, title_of, when_words
from app.routers.wap_common import NAME_CHARS, TheReader, deck, home, name_of, price_of, short
from app.routers.wap_number import ProvenNumber
from app.routers.wap_picked import picked_of
from app.routers.wap_wish import Wish, wish_of
from app.schemas.base import parse_mobile
from app.web.forms import Fields, form
from app.web.phrases import masked_phone
from app.web.wap_deck import DECK_OCTETS_MAX, Deck, Field, Form, Item, Link, Words, deck_octets_max, row_octets_max
from app.web.wap_reading import Reader, answer, asked_of
from app.world import World

router = APIRouter(prefix="/wap", include_in_schema=False)

NUMBER_CHARS_MAX: Final = 16
CHOICE_CHARS: Final = 40


@dataclass(frozen=True, slots=True)
class Numbers:
    """Whose phones: the buyer's, and another's where it is a gift. `wrong`: something typed is no mobile number."""

    buyer: Handset | None
    receiver: Handset | None
    wrong: bool = False


@router.get("/w/{product}")
async def whose_deck(
    request: Request, world: TheWorld, reader: TheReader, number: ProvenNumber, product: str
) -> Response:
    """What was chosen, what it costs, and whose phone it goes to."""
    picked = picked_of(product, asked_of(request))
    offer = await picked.offer(world)
    lines = await picked.lines(world, offer)
    if not lines:
        return answer(reader, categories(world, reader, picked, offer, 0), private=False)
    chosen = _chosen(reader, offer, lines)
    forms = _whose(world, reader, number, wish_of(offer, lines))
    said = Words(reader("whose"))
    return answer(reader, deck(reader, title_of(reader, offer), *chosen, said, *forms, home(reader)))


def _chosen(reader: Reader, offer: Offered, lines: list[Wanted]) -> list[Item]:
    """When, which seats or how many, and the sum; what it is stands in the deck's title."""
    words = []
    for line in lines:
        seats = ", ".join(seat_words(one.section, one.row, one.seat, reader.language) for one in line.seats)
        count = reader("tickets", n=line.quantity)
        words.append(f"{name_of(reader, line.price.name)} {shortened(seats, NAME_CHARS) or count}")
    total = price_of(reader, sum(line.amount for line in lines), lines[0].price.currency)
    shown = shortened(", ".join(words), 2 * NAME_CHARS)
    return [*when_words(reader, offer), Words(shown), Words(reader("total", price=total))]


def _whose(world: World, reader: Reader, number: Handset | None, wish: Wish) -> list[Item]:
    """To the phone that asks, whose number is known or typed; or to another's, typed on its keys."""
    kept = (("w", wish.packed()), ("k", form_key(world)))
    if number is None:
        own = Field("b", reader("own_number"), chars_max=NUMBER_CHARS_MAX)
        other = Field("g", reader("gift_or_none"), optional=True, chars_max=NUMBER_CHARS_MAX)
        return [Form(reader.to("/wap/hold"), reader("go_on"), (own, other), kept)]
    mine = reader("to_mine", number=masked_phone(number))
    other = Field("g", reader("gift_number"), chars_max=NUMBER_CHARS_MAX)
    return [
        Form(reader.to("/wap/hold"), mine, (), kept),
        Form(reader.to("/wap/hold"), reader("to_other"), (other,), (*kept, ("to", "g"))),
    ]


@router.post("/hold")
async def hold(request: Request, world: TheWorld, reader: TheReader, number: ProvenNumber) -> Response:
    """Hold what was chosen and show how to pay; what is gone is answered with second choices.

    The booking's deck comes at once and not by a redirect: over the air each round costs seconds.
    """
    asked = await form(request)
    wish = Wish.unpacked(asked.one("w"))
    numbers = _numbers(asked, number)
    if numbers.buyer is None or numbers.wrong:
        forms = _whose(world, reader, number, wish)
        return answer(reader, deck(reader, reader("fault"), Words(reader("number_wrong")), *forms, home(reader)), 422)
    asking = wish.request(numbers.buyer, numbers.receiver, reader.language)
    try:
        link = await _link_once(world, asking, key=asked.one("k"), body=await request.body())
    except SoldOut as refusal:
        choices = refusal.more["alternatives"]
        assert isinstance(choices, list), "a sold-out refusal carries its second choices"
        return answer(reader, _second(world, reader, wish, numbers, choices, proven=number is not None), 409)
    except LimitExceeded as refusal:
        return answer(reader, _refused(reader, wish, reader("limit", n=refusal.more["limit"])), 409)
    except NotOnSale:
        return answer(reader, _refused(reader, wish, reader("closed")), 409)
    except IssuerAway:
        return answer(reader, _refused(reader, wish, reader("away_hold")), 503)
    return await booking_answer(Visit(world, reader, number, link))


def _numbers(asked: Fields, proven: Handset | None) -> Numbers:
    """A number that is proven is the buyer's, whatever was typed."""
    buyer, receiver, wrong = proven, None, False
    try:
        buyer = buyer or parse_mobile(asked.one("b")[:NUMBER_CHARS_MAX])
        if asked.one("g") or asked.one("to"):
            receiver = parse_mobile(asked.one("g")[:NUMBER_CHARS_MAX])
    except ValueError:
        wrong = True
    return Numbers(buyer, receiver, wrong)


async def _link_once(world: World, wish: BookingRequest, *, key: str, body: bytes) -> str:
    """The link of the booking: one booking per showing of a deck, however often its button is pressed."""
    if len(key) not in KEY_CHARS:
        raise BadLine("This deck is not complete; open it again.")

    async def link() -> str:
        return (await counted(world, wish)).link

    return await held_once(world, scope="wap POST /bookings", key=key, body=body, hold=link)


def _refused(reader: Reader, wish: Wish, sentence: str) -> Deck:
    again = Link(reader("choose_again"), reader.to(f"/wap/p/{short(wish.product)}"))
    return deck(reader, reader("fault"), Words(sentence), again, home(reader))


def _second(
    world: World, reader: Reader, wish: Wish, numbers: Numbers, choices: Sequence[Choice], *, proven: bool
) -> Deck:
    """The second choices, the nearest first: as many as one deck holds, each bookable by its own press."""
    again = Link(reader("choose_again"), reader.to(f"/wap/p/{short(wish.product)}"))
    typed = (("b", "" if proven else numbers.buyer), ("g", numbers.receiver))
    kept = (*((name, str(value)) for name, value in typed if value), ("k", form_key(world)))
    said = (Words(reader("gone"), strong=True), Words(reader("these_left" if choices else "nothing_left")))
    made = deck(reader, reader("gone"), *said, again, home(reader))
    room = DECK_OCTETS_MAX - deck_octets_max(made)
    forms = []
    for choice in choices:
        words = f"{shortened(choice.words, CHOICE_CHARS)} {choice.amount.words(reader.language)}"
        packed = Wish(wish.product, choice.occasion_id, choice.lines).packed()
        one = Form(reader.to("/wap/hold"), words, (), (("w", packed), *kept))
        if row_octets_max(one) <= room:
            room -= row_octets_max(one)
            forms.append(one)
    return replace(made, items=(*said, *forms, again, home(reader)))
