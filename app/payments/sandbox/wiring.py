"""The network's own clock and chance: the only file of this program that asks the machine for them."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class SystemChance:
    """The operating system's random source."""

    def bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)
