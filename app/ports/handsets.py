"""Ways to a handset, and who hears what comes back from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from app.domain.handset import Handset


@dataclass(frozen=True, slots=True)
class UserData:
    """A short message as its octets, a user data header among them: what is no text, such as a picture."""

    octets: bytes = field(repr=False)
    data_coding: int
    has_header: bool = True


@dataclass(frozen=True, slots=True)
class Message:
    """What one handset is to receive: the text as its holder reads it, and what richer forms of it are made of."""

    text: str = field(repr=False)
    title: str = ""
    """What it is about, in a few words."""
    link: str = field(default="", repr=False)
    """Its page for phones that browse; empty where it has none."""
    code: str = field(default="", repr=False)
    """What its barcode says; empty where it has none."""
    raw: UserData | None = None
    """Octets to carry instead of the text."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The network took the message; `message_id` is its name in the receipts to come."""

    message_id: str
    parts: int = 1
    """How many messages the network bills for it."""
    part_ids: tuple[str, ...] = ()
    """The names of the parts, where each gets receipts of its own; none: `message_id` stands for all of them."""
    line: str = ""
    """Where the receipts will come from, when the channel has several peers; empty: the channel's own name."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The network did not take it: `retry` says whether the same message may succeed later."""

    reason: str
    retry: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """How a text goes over the air: its parts are what the network bills."""

    coding: str
    parts: tuple[str, ...]
    units_per_part: tuple[int, ...]


class Channel(Protocol):
    """Carries one message to one handset. Sending the same key twice must reach the handset once."""

    name: str

    def preview(self, text: str) -> Preview:
        """What sending this text would cost; raises ValueError with a sentence when it cannot be sent at all."""
        ...

    async def send(self, to: Handset, message: Message, *, key: str) -> Accepted | Rejected: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Which part of a longer message a short one is: parts count from 1."""

    reference: int
    total: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Spoken:
    """One short message from a handset, as octets: a part of a longer one may end within a letter."""

    line: str
    sender: str
    to: str
    data_coding: int
    octets: bytes = field(repr=False)
    place: Place | None = None
    reference: str = ""
    """The handset's own number for it, where the network passes that on."""


Read = Callable[[Sequence[tuple[int, bytes]]], str]
"""From the parts of a message in their order, each a data_coding and octets, to what it says."""


class Inbound(Protocol):
    """Who hears what a network tells. Once a call returns, the network may forget what it told; if it raises, not."""

    async def receipt(self, *, line: str, message_id: str, state: str, at: datetime | None) -> None:
        """`state` is a message state of SMPP 3.4 section 5.2.28, such as DELIVERED; repeated ones are harmless."""
        ...

    async def message(self, spoken: Spoken, read: Read) -> None: ...


@runtime_checkable
class Live(Protocol):
    """A channel that keeps connections up, and hears over them."""

    def running(self, inbound: Inbound) -> AbstractAsyncContextManager[None]:
        """Stay connected for as long as the block lasts. Outside of it nothing is sent."""
        ...
