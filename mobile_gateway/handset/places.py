"""Where the holder of a phone is: the screens from the idle one to the one in view, as a stack of small values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mobile_gateway.browser.keypad import LETTERS
from mobile_gateway.browser.state import Entry
from mobile_gateway.handset.held import Held, Kind
from mobile_gateway.keys import Key

TYPED_LETTERS_MAX = 160
NUMBER_DIGITS_MAX = 16


class Mode(StrEnum):
    """The screens. With an empty stack the phone is idle."""

    MENU = "menu"
    INBOX = "inbox"
    TICKETS = "tickets"
    READ = "read"
    OPTIONS = "options"
    CONFIRM = "confirm"
    SHOW = "show"
    NUMBER = "number"
    WRITE = "write"
    BROWSER = "browser"


class Item(StrEnum):
    """The main menu, in its order."""

    INBOX = "inbox"
    TICKETS = "tickets"
    BROWSER = "browser"
    WRITE = "write"


class Option(StrEnum):
    """What can be done with a message, in the order of the list."""

    SHOW = "show"
    VISIT = "visit"
    SAVE = "save"
    REPLY = "reply"
    DELETE = "delete"


class Notice(StrEnum):
    """A word the phone says once, until the next key."""

    STORED = "stored"
    NO_TICKET = "no_ticket"
    DELETED = "deleted"
    SENT = "sent"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Draft:
    """A message being written. `cycling` is the key whose letters the last letter still goes through."""

    to: str = ""
    text: str = ""
    entry: Entry = Entry.UPPER
    cycling: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """One screen: `held` is the message that is picked or open, `at` the item picked, the row on top or the picture."""

    mode: Mode
    held: str | None = None
    at: int = 0
    draft: Draft = Draft()


Places = tuple[Place, ...]


def options(held: Held) -> tuple[Option, ...]:
    """What its holder can do with a message."""
    can = {
        Option.SHOW: bool(held.barcodes),
        Option.VISIT: held.page is not None,
        Option.SAVE: held.is_ticket and not held.stored,
        Option.REPLY: held.kind is Kind.TEXT and is_number(held.sender),
        Option.DELETE: True,
    }
    return tuple(option for option, possible in can.items() if possible)


def is_number(address: str) -> bool:
    """Whether a message can be sent there: digits, a plus before them or not."""
    digits = address.removeprefix("+")
    return digits.isascii() and digits.isdigit()


def picked(messages: Sequence[Held], place: Place) -> Held | None:
    """The message of `place`; where none is picked, or it is gone, the first."""
    found = next((one for one in messages if one.id == place.held), None)
    return found or (messages[0] if messages else None)


def tap(draft: Draft, key: Key) -> Draft:
    """The draft after one of the twelve keys: the same digit again changes the letter, `*` the kind of letters."""
    if key is Key.HASH:
        return Draft(draft.to, draft.text, draft.entry)
    if key is Key.STAR:
        entries = tuple(Entry)
        return Draft(draft.to, draft.text, entries[(entries.index(draft.entry) + 1) % len(entries)])
    letters = _letters(key, draft.entry)
    if draft.cycling == key.value and draft.text[-1] in letters:
        following = letters[(letters.index(draft.text[-1]) + 1) % len(letters)]
        return Draft(draft.to, draft.text[:-1] + following, draft.entry, key.value)
    if len(draft.text) >= TYPED_LETTERS_MAX:
        return draft
    return Draft(draft.to, draft.text + letters[0], draft.entry, key.value if len(letters) > 1 else "")


def _letters(key: Key, entry: Entry) -> str:
    if entry is Entry.DIGITS:
        return key.value
    return LETTERS[key.value].upper() if entry is Entry.UPPER else LETTERS[key.value]
