"""One thing in a phone's memory: a text, a service message, a notice of a picture message, or a page that was kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mobile_gateway.handset.tickets import Ticket, find_links, find_ticket, without_links
from mobile_gateway.wire.wbmp import Bitmap

BARCODE_SIDE_PX_MIN = 21
"""The smallest QR code has 21 modules a side; a smaller picture is a logo."""
TITLE_LETTERS_MAX = 40


class Kind(StrEnum):
    """What it is: how the phone got it decides what can be done with it."""

    TEXT = "text"
    SERVICE = "service"
    """WAP push: a service indication or loading, whose page can be opened."""
    PICTURE_MESSAGE = "mms"
    """An MMS that waits at its server; this phone can say so and no more."""
    CARD = "card"
    """A page of the browser, kept by its holder."""


@dataclass(frozen=True, slots=True)
class Held:
    """A message in the phone's memory. A stored one is a ticket its holder chose to keep.

    `service_id` and `created` are a service message's si-id and created: by these a later one replaces or deletes it.
    """

    id: str
    sender: str
    text: str
    parts: int
    received_at: datetime
    opened: bool = False
    stored: bool = False
    kind: Kind = Kind.TEXT
    title: str = ""
    href: str | None = None
    service_id: str | None = None
    created: datetime | None = None
    pictures: tuple[Bitmap, ...] = ()

    def __repr__(self) -> str:
        return f"Held({self.id}, {self.kind.value}, {self.parts} parts)"  # what it says may be a ticket's PIN

    @property
    def barcodes(self) -> tuple[Bitmap, ...]:
        """Its pictures that are large enough to be a code."""
        return tuple(one for one in self.pictures if min(one.width, one.height) >= BARCODE_SIDE_PX_MIN)

    @property
    def logos(self) -> tuple[Bitmap, ...]:
        """Its pictures that stand beside the text."""
        return tuple(one for one in self.pictures if min(one.width, one.height) < BARCODE_SIDE_PX_MIN)

    @property
    def ticket(self) -> Ticket | None:
        """The ticket that its words or its address bring."""
        return find_ticket(f"{self.text} {self.href}" if self.href else self.text)

    @property
    def is_ticket(self) -> bool:
        """Whether it can be kept as one."""
        return self.kind is Kind.CARD or bool(self.barcodes) or self.ticket is not None

    @property
    def page(self) -> str | None:
        """The page that can be opened from it."""
        if self.kind is Kind.PICTURE_MESSAGE:
            return None  # what waits there is no page
        return self.href or next((link.href for link in find_links(self.text)), None)

    @property
    def headline(self) -> str:
        """One line for a list: its title, else how its text begins; empty for a picture without words."""
        line = self.title or without_links(self.text)
        if not line and self.page:
            line = self.page.partition("://")[2]
        return line[:TITLE_LETTERS_MAX]
