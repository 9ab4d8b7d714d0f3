"""What a text message asks for: keywords in English and Korean, as people type them on a keypad.

Full-width letters, stray spaces, missing spaces and full stops are forgiven. What is not understood is a value too, so
that whoever reads it can be helped; nothing that anybody types is an error.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

HEARD_CHARS_MAX = 300
"""More of a message is not read: the longest request has fifty letters."""
COUNT_MAX = 50
CHOICES_MAX = 6
PIN_CHARS = 6


class Verb(StrEnum):
    """What can be asked for."""

    BUY = "buy"
    YES = "yes"
    TICKETS = "tickets"
    RESEND = "resend"
    GIFT = "gift"
    CANCEL = "cancel"
    BALANCE = "balance"
    HELP = "help"


@dataclass(frozen=True, slots=True)
class Buy:
    """So many of an occasion; `letter` names one of its prices, empty the first."""

    code: int
    letter: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Choose:
    """One of the second choices that were offered, counted from 1."""

    number: int


@dataclass(frozen=True, slots=True)
class Yes:
    """Pay for what is offered; with an e-money PIN, or without."""

    pin: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Tickets:
    """List what I have."""


@dataclass(frozen=True, slots=True)
class Resend:
    """Send the message of a ticket again, by its ten digits; empty: of the next ones."""

    ticket: str = ""


@dataclass(frozen=True, slots=True)
class Gift:
    """Give a ticket, by its ten digits, to the number as it was typed."""

    ticket: str
    to: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Give the open offer up; or give a ticket that is paid back, by its ten digits."""

    ticket: str = ""


@dataclass(frozen=True, slots=True)
class Balance:
    """Tell my e-money."""


@dataclass(frozen=True, slots=True)
class Help:
    """Tell what can be asked."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """Not understood; `verb` where the beginning was."""

    verb: Verb | None = None


Command = Buy | Choose | Yes | Tickets | Resend | Gift | Cancel | Balance | Help | Unclear


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as it was understood, and the language it was written in: None where it has no words."""

    command: Command
    language: str | None


ENGLISH: dict[str, Verb] = {
    "buy": Verb.BUY,
    "book": Verb.BUY,
    "yes": Verb.YES,
    "y": Verb.YES,
    "ok": Verb.YES,
    "tickets": Verb.TICKETS,
    "ticket": Verb.TICKETS,
    "resend": Verb.RESEND,
    "again": Verb.RESEND,
    "gift": Verb.GIFT,
    "give": Verb.GIFT,
    "cancel": Verb.CANCEL,
    "no": Verb.CANCEL,
    "balance": Verb.BALANCE,
    "help": Verb.HELP,
    "info": Verb.HELP,
}
KOREAN: dict[str, Verb] = {
    "예매": Verb.BUY,
    "구매": Verb.BUY,
    "예": Verb.YES,
    "네": Verb.YES,
    "확인": Verb.YES,
    "내표": Verb.TICKETS,
    "표": Verb.TICKETS,
    "티켓": Verb.TICKETS,
    "다시": Verb.RESEND,
    "재전송": Verb.RESEND,
    "선물": Verb.GIFT,
    "취소": Verb.CANCEL,
    "아니오": Verb.CANCEL,
    "잔액": Verb.BALANCE,
    "도움": Verb.HELP,
    "도움말": Verb.HELP,
}
KEYWORDS = ENGLISH | KOREAN

HANGUL = re.compile("[\uac00-\ud7a3\u1100-\u11ff\u3131-\u318e]")
LETTERS = re.compile(r"[^\W\d_]")
LEADING = re.compile(r"((?:[^\W\d_]+ ?)*)(.*)")
"""The letters that a message begins with, and the rest: `buy4021`, `내 표` and `gift 482910375-1 …` alike."""
WANTED = re.compile(r"([0-9]{4,9}) ?([a-z]?)(?:[ x*,/]+([0-9]{1,2}))?(?: ?[매장석])?")
BARE_CODE = re.compile(r"([0-9]{4,5})([a-z]?)")
TICKET = re.compile(r"([0-9]{9})[ -]{0,3}([0-9])")
GIFT = re.compile(r"([0-9]{9})[ -]{0,3}([0-9])[ ,:;>]+(?:to )?(\+?[0-9][0-9 ()./-]{6,22})\D{0,8}")


def hear(text: str) -> Heard:
    """The request in a message. Any text at all has an answer."""
    plain = _plain(text)
    language = "ko" if HANGUL.search(plain) else "en" if LETTERS.search(plain) else None
    return Heard(_command(plain), language)


def _plain(text: str) -> str:
    """Lower case, narrow, with single spaces: NFKC makes full-width letters plain and puts Hangul letters together."""
    folded = unicodedata.normalize("NFKC", text[:HEARD_CHARS_MAX]).lower()
    kept = "".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in folded)
    return " ".join(kept.split()).strip(" .,!?~'\"<>[]()")


def _command(plain: str) -> Command:
    parts = LEADING.fullmatch(plain)
    assert parts is not None, "both parts may be empty"
    words, rest = parts[1].split(), parts[2]
    if not words:
        return _without_a_word(rest)
    verb = KEYWORDS.get("".join(words))  # `내 표` is one word to whoever typed it
    if verb is None:
        verb, rest = KEYWORDS.get(words[0]), " ".join([*words[1:], rest]).strip()
    if verb is None:
        return Unclear()
    return _with(verb, rest.strip(" .,:;!?~-"))


def _without_a_word(text: str) -> Command:
    """A number alone: a second choice by its place, a PIN by its six digits, or a code."""
    if len(text) == 1 and text in "123456"[:CHOICES_MAX]:
        return Choose(int(text))
    if _pin(text):
        return Yes(_pin(text))
    if code := BARE_CODE.fullmatch(text):
        return Buy(int(code[1]), code[2])
    return Unclear()


def _with(verb: Verb, rest: str) -> Command:  # noqa: PLR0911 - one return for each verb
    match verb:
        case Verb.BUY:
            return _buy(rest)
        case Verb.YES:
            return _yes(rest)
        case Verb.RESEND:
            return _resend(rest)
        case Verb.GIFT:
            found = GIFT.fullmatch(rest)
            return Gift(found[1] + found[2], found[3].strip()) if found else Unclear(verb)
        case Verb.TICKETS:
            return Tickets()
        case Verb.CANCEL:
            return _cancel(rest)
        case Verb.BALANCE:
            return Balance()
        case Verb.HELP:
            return Help()
        case _:
            assert_never(verb)


def _buy(rest: str) -> Command:
    found = WANTED.fullmatch(rest)
    if found is None or not 1 <= int(found[3] or 1) <= COUNT_MAX:
        return Unclear(Verb.BUY)
    return Buy(int(found[1]), found[2], int(found[3] or 1))


def _yes(rest: str) -> Command:
    """A yes with a number that is no PIN is not taken for a yes without one: it might be charged elsewhere."""
    pin = _pin(re.sub(r"^(?:pin|비밀번호)\W*", "", rest))
    if pin or not re.search("[0-9]", rest):
        return Yes(pin)
    return Unclear(Verb.YES)


def _pin(text: str) -> str:
    digits = re.sub("[ -]", "", text)
    return digits if re.fullmatch("[0-9]{6}", digits) else ""


def _cancel(rest: str) -> Command:
    """A cancel with a number that is no ticket's is not taken for one of the open offer."""
    if found := TICKET.fullmatch(rest):
        return Cancel(found[1] + found[2])
    return Unclear(Verb.CANCEL) if re.search("[0-9]", rest) else Cancel()


def _resend(rest: str) -> Command:
    if found := TICKET.fullmatch(rest):
        return Resend(found[1] + found[2])
    return Unclear(Verb.RESEND) if re.search("[0-9]", rest) else Resend()
