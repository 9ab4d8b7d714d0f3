"""What a session tells its owner: one frozen value for each thing that happened."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from mobile_gateway.wire.smpp.pdus import Pdu
from mobile_gateway.wire.smpp.status import RemoteProtocolError


class Sent(NamedTuple):
    """A request of ours and the number it went under."""

    sequence: int
    pdu: Pdu


class Why(StrEnum):
    """Why a session ended."""

    PEER_CLOSED = "the peer closed the connection"
    WE_CLOSED = "we closed the connection"
    BROKEN_STREAM = "the stream cannot be read any further"
    NO_BIND = "no bind came in time"
    NO_ANSWER = "a bind, unbind or enquire_link was not answered in time"
    SILENCE = "nothing came for too long"


@dataclass(frozen=True, slots=True)
class Request:
    """The peer asks; answer with `Session.respond` or `Session.refuse`."""

    pdu: Pdu
    sequence: int


@dataclass(frozen=True, slots=True)
class Notice:
    """The peer tells what has no response: outbind, or alert_notification."""

    pdu: Pdu


@dataclass(frozen=True, slots=True)
class Response:
    """The peer's answer to `to`. Its fields are empty where the answer came without a body."""

    pdu: Pdu
    to: Sent
    status: int


@dataclass(frozen=True, slots=True)
class Nacked:
    """The peer could not read a request: `to`, or one it cannot name."""

    to: Sent | None
    sequence: int
    status: int


@dataclass(frozen=True, slots=True)
class LateResponse:
    """An answer to nothing we wait for: it timed out before, was answered already, or was never asked."""

    pdu: Pdu
    sequence: int
    status: int


@dataclass(frozen=True, slots=True)
class Faulty:
    """The peer broke the protocol or went over a limit. The session has answered where it may, and goes on.

    `to` is the request of ours that gets no better answer.
    """

    error: RemoteProtocolError
    to: Sent | None = None


@dataclass(frozen=True, slots=True)
class PeerUnbound:
    """The peer said goodbye and was answered: write what is outgoing, then close."""


@dataclass(frozen=True, slots=True)
class TimedOut:
    """Requests without an answer in time. What became of them is unknown; an answer may still come late."""

    requests: tuple[Sent, ...]


@dataclass(frozen=True, slots=True)
class Closed:
    """The session is over: write what is outgoing, then close. It is the last event."""

    why: Why
    detail: str
    abandoned: tuple[Sent, ...]
    """Requests of ours that were not answered: what became of them is unknown."""


Event = Request | Notice | Response | Nacked | LateResponse | Faulty | PeerUnbound | TimedOut | Closed
