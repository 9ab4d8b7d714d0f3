"""The phones of the network at work: looked at, switched, pressed; and what their keys ask for is done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mobile_gateway.browser.requests import Failure, Fetch, Loaded
from mobile_gateway.carrier import holders
from mobile_gateway.carrier.ledger import Ledger
from mobile_gateway.disk.store import Store, StoreFailed
from mobile_gateway.handset.phone import Phone, Pressed, SendSms
from mobile_gateway.hub import Hub
from mobile_gateway.keys import Key
from mobile_gateway.subscribers import Language, Model, Subscriber, SubscriberState, masked

log = logging.getLogger(__name__)

EFFECTS_AT_ONCE_MAX = 200


class Fetcher(Protocol):
    """Brings pages to phones; see `wap`."""

    async def fetch(self, number: str, request: Fetch) -> Loaded:
        """The page or picture, or why there is none; raises nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Handset:
    """A number and its phone, seen at one moment."""

    subscriber: Subscriber
    phone: Phone


class Phones:
    """Every phone. `changed` is told each number whose phone may show something else now."""

    def __init__(
        self,
        store: Store,
        hub: Hub,
        *,
        now: Callable[[], datetime],
        changed: Callable[[], None],
        send: Callable[[str, SendSms], Awaitable[object]],
        fetcher: Fetcher | None,
    ) -> None:
        self._store = store
        self._hub = hub
        self._now = now
        self._after_change = changed
        self._send = send
        self._fetcher = fetcher
        self._effects: set[asyncio.Task[None]] = set()

    async def handset(self, number: str) -> Handset | None:
        def look(ledger: Ledger) -> Handset | None:
            subscriber = ledger.subscriber(number)
            return Handset(subscriber, ledger.phone(subscriber)) if subscriber else None

        return await self._store.run(look)

    async def handsets(self, *, limit: int) -> list[Handset]:
        """The most recently active phones, in the order in which they joined the network."""

        def look(ledger: Ledger) -> list[Handset]:
            found = sorted(ledger.subscribers(limit=limit), key=lambda one: (one.created_at, one.number))
            return [Handset(subscriber, ledger.phone(subscriber)) for subscriber in found]

        return await self._store.run(look)

    async def set_subscriber(
        self,
        number: str,
        *,
        state: SubscriberState | None = None,
        model: Model | None = None,
        language: Language | None = None,
    ) -> Subscriber:
        """Make or change a number; what is None stays."""
        now = self._now()
        subscriber = await self._store.run(
            lambda ledger: holders.set_subscriber(ledger, number, state=state, model=model, language=language, now=now)
        )
        self._changed(number)
        return subscriber

    async def press(self, number: str, key: Key) -> Phone | None:
        """Press a key; None where there is no such phone. What it asks for is done beside, and shows when it is."""
        now = self._now()
        return await self._act(number, lambda phone: phone.press(key, now=now))

    async def keep(self, number: str, message_id: str) -> Phone | None:
        """Store the ticket that a message brought in the phone's memory; None where there is no such phone."""
        return await self._act(number, lambda phone: Pressed(phone.store(message_id)))

    async def forget(self, number: str, message_id: str) -> Phone | None:
        """Delete a message from the phone; None where there is no such phone."""
        return await self._act(number, lambda phone: Pressed(phone.delete(message_id)))

    async def close(self) -> None:
        """Give up what keys asked for and is not done."""
        for task in self._effects:
            task.cancel()
        await asyncio.gather(*self._effects, return_exceptions=True)

    async def _act(self, number: str, what: Callable[[Phone], Pressed]) -> Phone | None:
        now = self._now()
        pressed = await self._store.run(lambda ledger: holders.act(ledger, number, what, now=now))
        if pressed is None:
            return None
        self._changed(number)
        for effect in pressed.effects:
            self._beside(number, self._do(number, effect))
        return pressed.phone

    async def _do(self, number: str, effect: SendSms | Fetch) -> None:
        if isinstance(effect, SendSms):
            await self._send(number, effect)
            return
        if self._fetcher:
            answer = await self._fetcher.fetch(number, effect)
        else:
            answer = Loaded(effect.url, 0, "", b"", Failure.UNREACHABLE)
        now = self._now()
        await self._act(number, lambda phone: phone.loaded(answer, now=now))

    def _beside(self, number: str, work: Coroutine[object, object, None]) -> None:
        """Do `work` while the key's answer is given already."""
        if len(self._effects) >= EFFECTS_AT_ONCE_MAX:
            work.close()
            log.warning("too much is asked of the network at once; %s goes without", masked(number))
            return
        task = asyncio.create_task(self._quietly(number, work))
        self._effects.add(task)
        task.add_done_callback(self._effects.discard)

    async def _quietly(self, number: str, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except StoreFailed as fault:
            log.warning("what %s asked for was not done: %s", masked(number), fault)

    def _changed(self, number: str) -> None:
        self._hub.publish([number])
        self._after_change()
