"""Messages that handsets send: to the account behind a short code, or to another handset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mobile_gateway.carrier.messages import Submission, Way
from mobile_gateway.carrier.outgoing import Kind, Outgoing
from mobile_gateway.subscribers import handset_number
from mobile_gateway.wire import gsm
from mobile_gateway.wire.data_coding import data_coding_of

HANDSETS = "*"
"""The account of messages from handset to handset. No system id looks like it."""


@dataclass(frozen=True, slots=True)
class Originated:
    """The network has the handset's message."""

    message_id: str


@dataclass(frozen=True, slots=True)
class NoRoute:
    """Nobody is behind the number it was sent to, or it cannot be carried; the sentence says what to change."""

    why: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What a handset sent, in octets."""

    number: str
    to: str
    user_data: bytes
    data_coding: int = 0
    esm_class: int = 0


def written(number: str, to: str, text: str) -> Sent:
    """A text as a handset sends it: in the GSM alphabet where that can say it, else in UCS-2; raises TextRefused."""
    coding = gsm.segment(text).coding
    return Sent(number, to, gsm.encode(text, coding), data_coding_of(coding))


@dataclass(frozen=True, slots=True)
class Routes:
    """Where messages from handsets go: the account of each short code, and the country of national numbers."""

    short_codes: Mapping[str, str]
    country_code: str

    def account(self, to: str) -> str | None:
        """The account behind a short code, with or without the dashes people write."""
        return self.short_codes.get(_plain(to))

    def number(self, to: str) -> str | None:
        """The handset somebody means by what they dialled."""
        return handset_number(_plain(to), country_code=self.country_code)


def to_account(sent: Sent, account: str, *, way: Way, message_id: str, now: datetime) -> Outgoing:
    """The message as its account is owed it."""
    return Outgoing(
        id=0,
        account=account,
        way=way,
        kind=Kind.MESSAGE,
        message_id=message_id,
        sender=sent.number,
        to=_plain(sent.to),
        at=now,
        user_data=sent.user_data,
        data_coding=sent.data_coding,
        esm_class=sent.esm_class,
        due_at=now,
    )


def to_handset(sent: Sent, number: str) -> Submission:
    """The message as it goes to another handset."""
    return Submission(
        account=HANDSETS,
        to=number,
        sender=sent.number,
        user_data=sent.user_data,
        data_coding=sent.data_coding,
        esm_class=sent.esm_class,
    )


def _plain(to: str) -> str:
    return "".join(char for char in to if char not in " -.()")
