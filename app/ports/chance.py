"""Time and chance, which nothing below may take from the machine itself."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...


class Entropy(Protocol):
    def bytes(self, count: int) -> bytes: ...

    def uuid(self) -> UUID:
        """A new id, time-ordered (UUIDv7, RFC 9562 section 5.7)."""
        ...
