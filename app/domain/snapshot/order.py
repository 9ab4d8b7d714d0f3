"""The order of a snapshot's rows: by the transaction that registered them, then by ticket; it only grows at its end."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

_ID_OCTETS = 16
Place = tuple[int, UUID]
"""The transaction that registered a ticket, and the ticket."""


@dataclass(slots=True)
class Order:
    """Finds a ticket's index again in 24 octets a ticket, so that a million of them fit a process."""

    _registered: array[int] = field(default_factory=lambda: array("Q"))
    _tickets: bytearray = field(default_factory=bytearray)

    def __len__(self) -> int:
        return len(self._registered)

    @property
    def last(self) -> Place | None:
        """Behind which the next ones are to be asked for."""
        return (self._registered[-1], UUID(bytes=self._ticket(len(self) - 1))) if self._registered else None

    def add(self, places: Iterable[Place]) -> None:
        """Append tickets, each behind the one before it."""
        before = (self._registered[-1], self._ticket(len(self) - 1)) if self._registered else (-1, b"")
        for registered_in, ticket_id in places:
            place = (registered_in, ticket_id.bytes)
            assert before < place, "the order only grows at its end"
            before = place
            self._registered.append(registered_in)
            self._tickets += ticket_id.bytes

    def index(self, place: Place) -> int | None:
        """Where the ticket stands, or None where it does not."""
        registered_in, ticket_id = place
        low = bisect_left(self._registered, registered_in)
        high = bisect_right(self._registered, registered_in, low)
        wanted = ticket_id.bytes
        found = bisect_left(range(len(self)), wanted, low, high, key=self._ticket)
        return found if found < high and self._ticket(found) == wanted else None

    def _ticket(self, index: int) -> bytes:
        return bytes(self._tickets[index * _ID_OCTETS : (index + 1) * _ID_OCTETS])
