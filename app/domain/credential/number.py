"""Ticket number, PIN and page link: what goes into a message, and what staff type."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import ClassVar, NewType
from uuid import UUID

from app.domain import damm
from app.domain.credential.operations import Mac

TicketNumber = NewType("TicketNumber", str)
"""Ten digits, the last one the Damm check digit of the other nine. A name, not a secret."""


class Secret:
    """A short text that its owner may read and nothing else may: it never prints and compares in constant time."""

    __slots__ = ("_text",)
    shape: ClassVar[re.Pattern[str]]

    def __init__(self, text: str) -> None:
        if not self.shape.fullmatch(text):
            raise ValueError(f"this is not the shape of a {type(self).__name__}: {self.shape.pattern}")
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one message or page that shows it to the holder."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and hmac.compare_digest(self._text, other._text)

    __hash__ = None  # type: ignore[assignment]  # a set or dict would compare by a hash that is not constant time

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"


class Pin(Secret):
    """The six digits that go with a ticket number."""

    __slots__ = ()
    shape = re.compile("[0-9]{6}")


class LinkToken(Secret):
    """128 bits that open one ticket's page: base64url without padding, 22 characters (RFC 4648 section 5)."""

    __slots__ = ()
    # The last character carries two bits, so only four of the 64 can stand there.
    shape = re.compile("[A-Za-z0-9_-]{21}[AQgw]")

    def digest(self) -> bytes:
        """SHA-256 of the 22 characters: all that the database knows of the link, 32 octets."""
        return hashlib.sha256(self._text.encode("ascii")).digest()


@dataclass(frozen=True, slots=True)
class NumberAndPin:
    """Typed by staff; the number's check digit is right, so a number that is not found was never issued."""

    number: TicketNumber
    pin: Pin


def ticket_number(chance: bytes) -> TicketNumber:
    """A number out of 8 random octets; one value is likelier than another by less than 1 in 10^10."""
    if len(chance) != 8:  # noqa: PLR2004 - 64 bits for 30, so that the remainder is as good as uniform
        raise ValueError(f"a ticket number is made from 8 random octets, not {len(chance)}")
    digits = f"{int.from_bytes(chance, 'big') % 10**9:09}"
    return TicketNumber(f"{digits}{damm.check_digit(digits)}")


def shown(number: TicketNumber) -> str:
    """As a person reads it aloud: 482910375-1."""
    return f"{number[:-1]}-{number[-1]}"


def pin_for(mac: Mac, *, issuer_id: UUID, ticket_id: UUID, generation: int) -> Pin:
    """The PIN of one generation of a ticket. It is stored nowhere: resending derives it again, resetting adds 1."""
    digest = mac(issuer_id.bytes + ticket_id.bytes + generation.to_bytes(4, "big"))
    return Pin(f"{int.from_bytes(digest[:8], 'big') % 10**6:06}")


def link_token_for(mac: Mac, *, ticket_id: UUID, generation: int) -> LinkToken:
    """The link of one generation of a ticket, derived like the PIN, so that a message is rendered when it is sent."""
    digest = mac(ticket_id.bytes + generation.to_bytes(4, "big"))
    return LinkToken(urlsafe_b64encode(digest[:16]).decode("ascii").rstrip("="))
