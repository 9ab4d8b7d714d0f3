"""Who is watching the phones: each listener is told which numbers changed, however slowly it listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

LISTENERS_MAX = 100


class Hub:
    """Tells listeners about changed numbers. A number that changes twice before it is read is told once."""

    def __init__(self) -> None:
        self._listeners: set[_Listener] = set()
        self._closed = False

    def publish(self, numbers: Iterable[str]) -> None:
        for listener in self._listeners:
            listener.changed.update(numbers)
            listener.woken.set()

    def close(self) -> None:
        """End every listener, so that a server can stop while pages are open."""
        self._closed = True
        self.publish(())

    @property
    def is_full(self) -> bool:
        """Whether as many listen as this network serves."""
        return len(self._listeners) >= LISTENERS_MAX

    async def listen(self, *, heartbeat_seconds: float) -> AsyncIterator[str | None]:
        """Changed numbers as they come; None when nothing came for `heartbeat_seconds`. Ends when the hub closes."""
        listener = _Listener()
        self._listeners.add(listener)
        try:
            while not self._closed:
                try:
                    async with asyncio.timeout(heartbeat_seconds):
                        await listener.woken.wait()
                except TimeoutError:
                    yield None
                    continue
                listener.woken.clear()
                changed, listener.changed = listener.changed, set()
                for number in sorted(changed):
                    yield number
        finally:
            self._listeners.discard(listener)


class _Listener:
    def __init__(self) -> None:
        self.changed: set[str] = set()
        self.woken = asyncio.Event()
