"""What every deck needs: the phone that reads it, short ids in addresses, and words that fit a small screen."""

from __future__ import annotations

import base64
from binascii import Error
from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import UUID

import sqlalchemy as sa
from fastapi import Depends, Request

from app.domain.refusals import NotFound
from app.domain.wording import said, shortened
from app.web.phrases import price
from app.web.wap_deck import Deck, Item, Link
from app.web.wap_reading import Reader, reader_of

ID_CHARS: Final = 22
TITLE_CHARS: Final = 20
"""Of a card's title: one line of a screen; a smaller one cuts it by itself."""
LABEL_CHARS: Final = 20
"""Of a name in a list: two or three lines."""
NAME_CHARS: Final = 40
"""Of a name that stands alone on a deck."""


async def the_reader(request: Request) -> Reader:
    return reader_of(request)


TheReader = Annotated[Reader, Depends(the_reader)]


def short(identity: UUID) -> str:
    """An id as addresses carry it: 22 letters where its usual form has 36, for a deck has few octets."""
    return base64.urlsafe_b64encode(identity.bytes).decode().rstrip("=")


def long(text: str) -> UUID | None:
    """The id behind its short form, of which each has one; None for what is none."""
    if len(text) != ID_CHARS:
        return None
    try:
        octets = base64.b64decode(f"{text}==", altchars=b"-_", validate=True)
    except (Error, ValueError):
        return None
    identity = UUID(bytes=octets)
    return identity if short(identity) == text else None


def product_of(text: str) -> UUID:
    """A product's id in an address; raises NotFound."""
    identity = long(text)
    if identity is None:
        raise NotFound("There is no such product.")
    return identity


def start_of(text: str) -> int:
    """Where a list goes on, in rows; 0 for what is no number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= len("12000") else 0


def name_of(reader: Reader, words: Mapping[str, str] | None, chars: int = LABEL_CHARS) -> str:
    """A name in the phone's language, cut to what a screen can show."""
    return shortened(said(words, reader.language), chars)


def price_of(reader: Reader, amount: int, currency: str) -> str:
    return price(amount, currency, reader.language, free=reader("free"))


def deck(reader: Reader, title: str, *items: Item, **more: Any) -> Deck:
    return Deck(shortened(title, TITLE_CHARS), items, reader("back"), reader.language, **more)


def home(reader: Reader) -> Link:
    return Link(reader("home"), reader.to("/wap"))


def journey_words(reader: Reader, origin: sa.Row[Any], destination: sa.Row[Any]) -> str:
    return reader("journey", origin=name_of(reader, origin.name), destination=name_of(reader, destination.name))
