"""An edition of a snapshot's rows as its server keeps it: sealed once, in their order, with what they name."""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.domain.snapshot.header import TEXT_CHARS_MAX, News, Occasion, Product, Words, seconds
from app.domain.snapshot.order import Order, Place
from app.domain.snapshot.rows import Row, Span, Way, seal


@dataclass(eq=False, slots=True, weakref_slot=True)
class Edition:
    """Grows at its end only. `below` is the transaction below which every registration is in it.

    Made for one scope of occasions and one `since`, under one name, which is the salt of its rows' tags.
    """

    name: bytes
    since: datetime
    pin_key: bytes = field(repr=False)
    below: int = 0
    ends: int = 0
    """When the last of its tickets ends, in seconds since 1970."""
    products: dict[UUID, Product] = field(default_factory=dict)
    order: Order = field(default_factory=Order)
    spans: list[Span] = field(default_factory=list)
    _octets: bytearray = field(default_factory=bytearray)
    _starts: array[int] = field(default_factory=lambda: array("Q"))
    _numbers: dict[str, int] = field(default_factory=dict)
    _texts: list[Words] = field(default_factory=list)
    _texts_from: list[int] = field(default_factory=list)
    """By which row each text was named first."""
    _places: dict[UUID, int] = field(default_factory=dict)
    _occasions: list[Occasion] = field(default_factory=list)
    _occasions_from: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._starts)

    def knows(self, occasion_id: UUID) -> bool:
        return occasion_id in self._places

    def text(self, words: str | None) -> int:
        """The number of a text in JSON, the next one if it is new; 0 for none, and for what is no text."""
        if words is None:
            return 0
        number = self._numbers.get(words)
        if number is None:
            number = self._numbers[words] = self._new(json.loads(words))
        return number

    def plain(self, text: str) -> int:
        """The number of a text that is not JSON; 0 for the empty one."""
        return self.text(json.dumps(text)) if text else 0

    def _new(self, words: object) -> int:
        """Labels come from other servers too: what no gate could read is left out."""
        texts = words.values() if isinstance(words, dict) else [words]
        if not words or not all(isinstance(one, str) and len(one) <= TEXT_CHARS_MAX for one in texts):
            return 0
        self._texts.append(words)  # type: ignore[arg-type]  # it was looked at above
        self._texts_from.append(len(self))
        return len(self._texts)

    def occasion(self, occasion: Occasion) -> int:
        """Where the occasion stands in the list, at its end if it is new."""
        number = self._places.get(occasion.id)
        if number is None:
            number = self._places[occasion.id] = len(self._occasions)
            self._occasions.append(occasion)
            self._occasions_from.append(len(self))
            self.spans.append(occasion.span)
        return number

    def add(self, place: Place, row: Row, *, code: int, way: Way | None) -> None:
        """Seal the next row."""
        octets = seal(row, code=code, salt=self.name, spans=self.spans, since=seconds(self.since), way=way)
        self.order.add([place])
        self._starts.append(len(self._octets))
        self._octets += octets
        self.ends = max(self.ends, row.span[1])

    def rows_from(self, first: int) -> bytes:
        """The sealed rows from this one on."""
        return bytes(self._octets[self._starts[first] :]) if first < len(self) else b""

    def news_from(self, first: int, products: Mapping[UUID, Product]) -> News:
        """What the rows from this one on name for the first time; from 0, all that is named."""
        texts = self._texts[bisect_left(self._texts_from, first) :]
        occasions = self._occasions[bisect_left(self._occasions_from, first) :]
        named = {one.product for one in occasions}
        return News(tuple(texts), tuple(occasions), {key: one for key, one in products.items() if key in named})
