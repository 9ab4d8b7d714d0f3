"""The network at work: the carrier on its file, the pump that delivers and tells, and the watchers of the phones."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from mobile_gateway.callbacks import Callback
from mobile_gateway.carrier import Carrier, Delivered, KeyReused, QueueFull, Taken
from mobile_gateway.handset import Key, Phone
from mobile_gateway.hub import Hub
from mobile_gateway.ledger import Ledger
from mobile_gateway.messages import Entry, Language, Message, Model, Receipt, Submission, Subscriber, SubscriberState
from mobile_gateway.store import Store

log = logging.getLogger(__name__)

MESSAGES_PER_ROUND_MAX = 200
RECEIPTS_PER_ROUND_MAX = 100
PAUSE_SECONDS_MAX = 60.0
PAUSE_AFTER_FAULT_SECONDS = 1.0

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Handset:
    """A number and its phone, seen at one moment."""

    subscriber: Subscriber
    phone: Phone


class Network:
    """Everything the faces ask for. Answers are on the disk before they are given."""

    def __init__(
        self,
        carrier: Carrier,
        store: Store,
        *,
        now: Clock,
        new_id: Callable[[datetime], str],
        callback: Callback | None,
    ) -> None:
        self.hub = Hub()
        self._carrier = carrier
        self._store = store
        self._now = now
        self._new_id = new_id
        self._callback = callback
        self._deliveries_due = asyncio.Event()
        self._receipts_due = asyncio.Event()

    # --- messages -----------------------------------------------------------------------------------------------------

    async def submit(self, submission: Submission) -> Taken | KeyReused | QueueFull:
        now = self._now()
        message_id = self._new_id(now)
        answer = await self._store.run(
            lambda ledger: self._carrier.submit(ledger, submission, message_id=message_id, now=now)
        )
        self._deliveries_due.set()
        return answer

    async def message(self, message_id: str, *, account: str) -> tuple[Message, list[Entry]] | None:
        """A message of `account` with its history; another's is as good as none."""

        def look(ledger: Ledger) -> tuple[Message, list[Entry]] | None:
            found = ledger.message(message_id)
            return (found, ledger.history(message_id)) if found and found.account == account else None

        return await self._store.run(look)

    # --- phones -------------------------------------------------------------------------------------------------------

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
        now = self._now()
        subscriber = await self._store.run(
            lambda ledger: self._carrier.set_subscriber(
                ledger, number, state=state, model=model, language=language, now=now
            )
        )
        self._changed(number)
        return subscriber

    async def press(self, number: str, key: Key) -> Phone | None:
        now = self._now()
        phone = await self._store.run(lambda ledger: self._carrier.press(ledger, number, key, now=now))
        self._changed(number)
        return phone

    async def keep(self, number: str, message_id: str) -> Phone | None:
        """Store the ticket that a message brought in the phone's memory; None where there is no such phone."""
        now = self._now()
        phone = await self._store.run(lambda ledger: self._carrier.store(ledger, number, message_id, now=now))
        self._changed(number)
        return phone

    async def forget(self, number: str, message_id: str) -> Phone | None:
        """Delete a message from the phone; None where there is no such phone."""
        now = self._now()
        phone = await self._store.run(lambda ledger: self._carrier.delete(ledger, number, message_id, now=now))
        self._changed(number)
        return phone

    def _changed(self, number: str) -> None:
        self.hub.publish([number])
        self._deliveries_due.set()  # what waits for the phone may fit or reach it now

    # --- the pump -----------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver and tell for as long as the block lasts."""
        tasks = [asyncio.create_task(_forever(self._deliver_round, self._deliveries_due, "deliver"))]
        if self._callback:
            tasks.append(asyncio.create_task(_forever(self._tell_round, self._receipts_due, "tell")))
        try:
            yield
        finally:
            self.hub.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _deliver_round(self) -> float:
        """Deliver what is due; answers how many seconds until more is."""
        now = self._now()

        def deliver(ledger: Ledger) -> tuple[Delivered, datetime | None]:
            done = self._carrier.deliver(ledger, now=now, limit=MESSAGES_PER_ROUND_MAX)
            return done, self._carrier.next_deadline(ledger)

        done, deadline = await self._store.run(deliver)
        self.hub.publish(done.numbers)
        if done.attempts:
            self._receipts_due.set()
        return self._until(deadline)

    async def _tell_round(self) -> float:
        """Send the receipts that are due, all at once; answers how many seconds until more are."""
        assert self._callback
        now = self._now()
        receipts = await self._store.run(lambda ledger: ledger.due_receipts(now, limit=RECEIPTS_PER_ROUND_MAX))
        answers = await asyncio.gather(*(self._callback.tell(receipt, now=now) for receipt in receipts))
        told = list(zip(receipts, answers, strict=True))
        return self._until(await self._store.run(lambda ledger: self._settle(ledger, told)))

    def _settle(self, ledger: Ledger, told: list[tuple[Receipt, bool]]) -> datetime | None:
        self._carrier.receipts_told(ledger, told, now=self._now())
        return ledger.next_receipt_due()

    def _until(self, deadline: datetime | None) -> float:
        return PAUSE_SECONDS_MAX if deadline is None else (deadline - self._now()).total_seconds()


async def _forever(work: Callable[[], Awaitable[float]], due: asyncio.Event, name: str) -> None:
    """Do rounds of `work` whenever its own pause is over or `due` is set; outlives a disk that fails for a while."""
    while True:
        due.clear()
        try:
            pause_seconds = await work()
        except Exception:
            log.exception("could not %s; trying again", name)
            await asyncio.sleep(PAUSE_AFTER_FAULT_SECONDS)  # not woken by `due`: a full disk needs rest
            continue
        if pause_seconds > 0:
            # Not wait_for: in Python 3.11 it loses a cancellation that comes together with the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(min(pause_seconds, PAUSE_SECONDS_MAX)):
                    await due.wait()
