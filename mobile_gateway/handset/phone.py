"""A phone: what its memory holds, what reaches it over the air, and what its keys do.

Pure: a `Phone` is a value, and every act answers the phone after it with what it asks of the world. What its screen
shows is `lcd`'s to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from mobile_gateway.browser import Browser, Fetch, Leave, Loaded, SaveCard
from mobile_gateway.browser.requests import Effect
from mobile_gateway.handset import menus, pushed, receiving
from mobile_gateway.handset.air import Air
from mobile_gateway.handset.glass import Glass, glass_of
from mobile_gateway.handset.held import Held, Kind
from mobile_gateway.handset.menus import Act, Delete, Opened, Save, Seen, Send, Visit
from mobile_gateway.handset.places import Mode, Notice, Place, Places
from mobile_gateway.handset.pushed import Withdrawn
from mobile_gateway.handset.receiving import Whole
from mobile_gateway.handset.tickets import Link, Ticket, find_links, find_ticket
from mobile_gateway.handset.words import WORDS
from mobile_gateway.keys import Key
from mobile_gateway.subscribers import Language, Model, masked
from mobile_gateway.wire import wbmp

__all__ = [
    "HOME_URL",
    "Held",
    "Link",
    "Phone",
    "Pressed",
    "SendSms",
    "Ticket",
    "find_links",
    "find_ticket",
]

MEMORY_PARTS_MAX = {Model.FEATURE: 50, Model.FEATURE128: 50, Model.SMART: 500}
"""How many message parts a phone's memory holds, by model."""

SEEN_MAX = 64
"""How many short messages a phone remembers to have had, so that the same one again changes nothing."""

HOME_URL = "http://wap.home/"
"""The carrier's first page. The name exists only in the WAP gateway, which knows where that page is today."""


@dataclass(frozen=True, slots=True)
class SendSms:
    """An effect: send this short message. The network gives it its sender."""

    to: str
    text: str


@dataclass(frozen=True, slots=True)
class Pressed:
    """The phone after a key or a page, and what it asks of the network: to send, or to fetch."""

    phone: Phone
    effects: tuple[SendSms | Fetch, ...] = ()


@dataclass(frozen=True, slots=True)
class Phone:
    """One phone. `messages` are newest first; `waiting` are the parts of messages that are not whole yet."""

    number: str
    model: Model
    language: Language
    messages: tuple[Held, ...] = ()
    waiting: tuple[Air, ...] = ()
    seen: tuple[str, ...] = ()
    places: Places = ()
    browser: Browser | None = None
    notice: Notice | None = None

    def __repr__(self) -> str:
        return f"Phone({masked(self.number)}, {self.model.value}, {len(self.messages)} messages)"

    @property
    def glass(self) -> Glass:
        """Its screen."""
        return glass_of(self.model)

    @property
    def parts_max(self) -> int:
        """How many message parts its memory holds."""
        return MEMORY_PARTS_MAX[self.model]

    @property
    def parts_used(self) -> int:
        """Message parts in its memory, those that wait for others included."""
        return sum(held.parts for held in self.messages) + len(self.waiting)

    @property
    def tickets(self) -> tuple[Held, ...]:
        """The messages that its holder chose to keep, newest first."""
        return tuple(held for held in self.messages if held.stored)

    @property
    def unread(self) -> int:
        """How many messages its holder has not opened."""
        return sum(not held.opened for held in self.messages)

    @property
    def place(self) -> Place | None:
        """The screen in view; None while the phone is idle."""
        return self.places[-1] if self.places else None

    def has_room(self, parts: int) -> bool:
        """Whether so many more message parts fit its memory."""
        return self.parts_used + parts <= self.parts_max

    def holds(self, message_id: str) -> Held | None:
        """The message of this name, if the phone has it."""
        return next((held for held in self.messages if held.id == message_id), None)

    # --- over the air -------------------------------------------------------------------------------------------------

    def receive(self, air: Air) -> Phone:
        """The phone with one more short message; the same `message_id` again changes nothing. There must be room."""
        mark = receiving.mark_of(air)
        if mark in self.seen or (self.holds(air.message_id) and receiving.part_of(air) is None):
            return self
        waiting = receiving.not_too_old(self.waiting, now=air.at)
        waiting, whole = receiving.join(waiting, air)
        phone = replace(self, waiting=waiting, seen=(*self.seen, mark)[-SEEN_MAX:])
        return phone if whole is None else _taken(phone, whole)

    # --- what its holder does -----------------------------------------------------------------------------------------

    def press(self, key: Key, *, now: datetime) -> Pressed:
        """The phone after a key, and what it asks of the network. A key that means nothing here ends the notice."""
        phone = replace(self, notice=None)
        if phone.browser and phone.place and phone.place.mode is Mode.BROWSER and key is not Key.END:
            return _surfed(phone, phone.browser.press(key), now=now)
        step = menus.press(phone.places, key, Seen(phone.messages, phone.glass))
        return _acted(replace(phone, places=step.places), step.act, now=now)

    def loaded(self, answer: Loaded, *, now: datetime) -> Pressed:
        """The phone after a page or a picture that it asked for came; one that it no longer wants is dropped."""
        if self.browser is None:
            return Pressed(self)
        return _surfed(self, self.browser.loaded(answer), now=now)

    def store(self, message_id: str) -> Phone:
        """Keep the ticket that this message brings; a message without one is left alone, and the phone says so."""
        held = self.holds(message_id)
        if held is None:
            return self
        if not held.is_ticket:
            return replace(self, notice=Notice.NO_TICKET)
        return replace(_with(self, replace(held, opened=True, stored=True)), notice=Notice.STORED)

    def delete(self, message_id: str) -> Phone:
        """Forget the message, ticket or not."""
        if self.holds(message_id) is None:
            return self
        return replace(_without(self, [message_id]), notice=Notice.DELETED)


# --- off the air ------------------------------------------------------------------------------------------------------


def _taken(phone: Phone, whole: Whole) -> Phone:
    """The phone with a message that is whole; one for a port where nobody listens is dropped."""
    if whole.port is not None:
        return _pushed(phone, whole) if whole.port == pushed.PORT else phone
    text = receiving.text_of(whole)
    if text is None:
        text = WORDS[phone.language]["unreadable"]
    phone = _with_new(phone, receiving.held_text(whole, text))
    if not whole.flashes:
        return phone
    # GSM 03.38 section 4: class 0 is shown at once, whatever the holder is doing.
    return _opened(replace(phone, places=(*phone.places, Place(Mode.READ, whole.id))), whole.id)


def _pushed(phone: Phone, whole: Whole) -> Phone:
    match pushed.understood(whole, phone.messages):
        case None:
            return phone
        case Withdrawn(gone):
            return _without(phone, gone)
        case Held() as held:
            if held.kind is Kind.PICTURE_MESSAGE:
                said = WORDS[phone.language]["waiting_mms"]
                held = replace(held, text=f"{held.text}\n{said}" if held.text else said)
            return _with_new(_without(phone, pushed.replaced(held, phone.messages)), held)


# --- what a key or a page led to --------------------------------------------------------------------------------------


def _acted(phone: Phone, act: Act | None, *, now: datetime) -> Pressed:
    """The phone once it did what its menus asked for."""
    match act:
        case None:
            return Pressed(phone)
        case Opened(held):
            return Pressed(_opened(phone, held))
        case Save(held):
            return Pressed(phone.store(held))
        case Delete(held):
            return Pressed(phone.delete(held))
        case Send(draft):
            return Pressed(replace(phone, notice=Notice.SENT), (SendSms(draft.to, draft.text),))
        case Visit(url):
            browser = phone.browser or Browser.on(phone.glass.display, phone.language)
            return _surfed(phone, browser.open(url or HOME_URL), now=now)


def _surfed(phone: Phone, step: tuple[Browser, Iterable[Effect]], *, now: datetime) -> Pressed:
    """The phone once it did what its browser asked of it; what only the network can do is left."""
    browser, effects = step
    phone, left = replace(phone, browser=browser), []
    for effect in effects:
        match effect:
            case Fetch():
                left.append(effect)
            case SaveCard():
                phone = _kept(phone, effect, now=now)
            case Leave():
                phone = replace(phone, places=tuple(one for one in phone.places if one.mode is not Mode.BROWSER))
    return Pressed(phone, tuple(left))


def _kept(phone: Phone, card: SaveCard, *, now: datetime) -> Phone:
    """The phone with a page of the browser as a ticket. The same page saved again takes its old place."""
    name = "card-" + sha256(f"{card.url}\n{card.title}\n{card.text}".encode()).hexdigest()[:20]
    without = _without(phone, [name])
    if not without.has_room(1):
        return replace(phone, notice=Notice.FULL)
    held = Held(
        name,
        sender="WAP",
        text=card.text,
        parts=1,
        received_at=now,
        opened=True,
        stored=True,
        kind=Kind.CARD,
        title=card.title,
        href=card.url,
        pictures=tuple(_pictures(card.pictures)),
    )
    return replace(_with_new(without, held), notice=Notice.STORED)


def _pictures(files: Iterable[bytes]) -> Iterator[wbmp.Bitmap]:
    """Those that are WBMP files indeed."""
    for octets in files:
        with suppress(wbmp.MalformedPicture):
            yield wbmp.decode(octets)


# --- memory -----------------------------------------------------------------------------------------------------------


def _with_new(phone: Phone, held: Held) -> Phone:
    assert phone.has_room(held.parts), "the network asks has_room before it delivers"
    return replace(phone, messages=(held, *phone.messages))


def _with(phone: Phone, changed: Held) -> Phone:
    return replace(phone, messages=tuple(changed if held.id == changed.id else held for held in phone.messages))


def _opened(phone: Phone, message_id: str) -> Phone:
    held = phone.holds(message_id)
    return _with(phone, replace(held, opened=True)) if held else phone


def _without(phone: Phone, names: Iterable[str]) -> Phone:
    """The phone without these messages: screens that showed one are left, and a list picks the one after it."""
    gone = frozenset(names)
    if not gone:
        return phone
    left = tuple(held for held in phone.messages if held.id not in gone)
    places = tuple(
        replace(place, held=_next_to(phone.messages, place.held, gone)) if place.held in gone else place
        for place in phone.places
        if place.held not in gone or place.mode in {Mode.INBOX, Mode.TICKETS}
    )
    return replace(phone, messages=left, places=places)


def _next_to(messages: tuple[Held, ...], name: str | None, gone: frozenset[str]) -> str | None:
    """The message below one that goes, else the one above; None where none is left."""
    names = [held.id for held in messages]
    at = names.index(name) if name in names else 0
    around = [*names[at:], *reversed(names[:at])]
    return next((one for one in around if one not in gone), None)
