"""The network at work: the carrier on its file, the pump that delivers, and whoever takes what accounts are owed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from mobile_gateway.carrier.carrier import (
    Answer,
    BadTimes,
    Cancelled,
    Carrier,
    Changes,
    Delivered,
    NoSuchMessage,
    Replaced,
    Taken,
    TooLate,
    TooLong,
)
from mobile_gateway.carrier.faults import AccountRules, Bucket, Faults, Script
from mobile_gateway.carrier.ledger import Ledger
from mobile_gateway.carrier.messages import Entry, Message, Submission, Way
from mobile_gateway.carrier.origin import NoRoute, Originated, Routes, Sent, to_account, to_handset, written
from mobile_gateway.carrier.outgoing import Sink
from mobile_gateway.carrier.throttle import Throttle
from mobile_gateway.disk.store import Store
from mobile_gateway.forwarding import OUTGOING_PER_ROUND_MAX, Forwarding
from mobile_gateway.handset.phone import SendSms
from mobile_gateway.hub import Hub
from mobile_gateway.phones import Fetcher, Handset, Phones
from mobile_gateway.pump import PAUSE_SECONDS_MAX, forever
from mobile_gateway.wire.gsm import TextRefused

__all__ = ["Clock", "Handset", "Network"]

MESSAGES_PER_ROUND_MAX = 60
"""What one job of deliveries takes stays below 5 ms, so that no submission waits longer for the disk's thread."""
PRUNED_PER_ROUND_MAX = 200
PRUNE_SECONDS = 5.0

Clock = Callable[[], datetime]
"""Aware UTC."""


class Network:
    """Everything the faces ask for. Answers are on the disk before they are given; any may raise StoreFailed."""

    def __init__(
        self,
        carrier: Carrier,
        store: Store,
        *,
        now: Clock,
        new_id: Callable[[datetime], str],
        routes: Routes | None = None,
        fetcher: Fetcher | None = None,
        submits_per_second: float = 0,
        tells_messages_by_http: bool = False,
    ) -> None:
        self.hub = Hub()
        self.store = store
        self.routes = routes or Routes({}, "82")
        self._carrier = carrier
        self.now = now
        self._new_id = new_id
        self._http_messages = tells_messages_by_http
        self._forwarding = Forwarding(store, carrier.policy, now=now)
        self._throttle = Throttle(submits_per_second)
        self._air = Bucket(0)
        self._deliveries_due = asyncio.Event()
        self._prune_due = asyncio.Event()
        self._phones = Phones(
            store,
            self.hub,
            now=now,
            changed=self._phone_changed,
            send=self._send,
            fetcher=fetcher,
        )
        # What people do with the phones is theirs alone; the faces ask the network for it all the same.
        self.handset = self._phones.handset
        self.handsets = self._phones.handsets
        self.set_subscriber = self._phones.set_subscriber
        self.press = self._phones.press
        self.keep = self._phones.keep
        self.forget = self._phones.forget

    # --- messages of accounts -----------------------------------------------------------------------------------------

    async def submit(self, submission: Submission) -> Answer:
        """Take on one message; see `submit_many`."""
        (answer,) = await self.submit_many([submission])
        return answer

    async def submit_many(self, submissions: Sequence[Submission]) -> list[Answer]:
        """Take on messages in one job of the disk; each has its own answer, in the same order."""
        now = self.now()
        return await self._submit([(self._new_id(now), one) for one in submissions], now)

    async def submit_group(self, submissions: Sequence[Submission], *, mark: str) -> list[Answer]:
        """Like `submit_many`, for messages with one name: the first has it alone, the others with `mark` and place."""
        now = self.now()
        name = self._new_id(now)
        named = [(name if place == 1 else f"{name}{mark}{place}", one) for place, one in enumerate(submissions, 1)]
        return await self._submit(named, now)

    async def _submit(self, named: Sequence[tuple[str, Submission]], now: datetime) -> list[Answer]:
        submissions = [one for _, one in named]
        await self._know_rules({one.account for one in submissions})
        answers: list[Answer | None] = [self._throttle.refuses(one.account, now) for one in submissions]
        admitted = [one for one, refused in zip(named, answers, strict=True) if refused is None]
        if admitted:
            queues = self._throttle.queues
            taken = iter(
                await self.store.run(lambda ledger: self._carrier.submit(ledger, admitted, now=now, queue_max=queues))
            )
            answers = [next(taken) if answer is None else answer for answer in answers]
            self._deliveries_due.set()
            if any(one.dlr for one in submissions):
                self._forwarding.wake()
        return [answer for answer in answers if answer is not None]

    async def query(self, account: str, message_id: str, *, source: str | None = None) -> Message | None:
        """A message of `account` from `source` (None: from any); another's is as good as none."""
        return await self.store.run(lambda ledger: self._carrier.query(ledger, account, message_id, source=source))

    async def message(self, message_id: str, *, account: str) -> tuple[Message, list[Entry]] | None:
        """A message of `account` with its history; another's is as good as none."""

        def look(ledger: Ledger) -> tuple[Message, list[Entry]] | None:
            found = self._carrier.query(ledger, account, message_id, source=None)
            return (found, ledger.history(found)) if found else None

        return await self.store.run(look)

    async def cancel(
        self, account: str, message_id: str, *, source: str | None = None
    ) -> Cancelled | NoSuchMessage | TooLate:
        """Stop a message that is still under way (cancel_sm with a message_id)."""
        now = self.now()
        answer = await self.store.run(
            lambda ledger: self._carrier.cancel(ledger, account, message_id, source=source, now=now)
        )
        self._forwarding.wake()
        return answer

    async def cancel_all(
        self, account: str, *, source: str, to: str, service_type: str | None = None
    ) -> Cancelled | NoSuchMessage:
        """Stop whatever `source` has under way to `to` (cancel_sm without a message_id; service_type None: any)."""
        now = self.now()
        answer = await self.store.run(
            lambda ledger: self._carrier.cancel_all(
                ledger, account, source=source, to=to, service_type=service_type, now=now
            )
        )
        self._forwarding.wake()
        return answer

    async def replace(
        self, account: str, message_id: str, changes: Changes, *, source: str | None = None
    ) -> Replaced | NoSuchMessage | TooLate | TooLong | BadTimes:
        """Give a message that is still under way other content (replace_sm)."""
        now = self.now()
        answer = await self.store.run(
            lambda ledger: self._carrier.replace(ledger, account, message_id, changes, source=source, now=now)
        )
        self._deliveries_due.set()
        return answer

    # --- what accounts are owed ---------------------------------------------------------------------------------------

    def attach(
        self,
        sink: Sink,
        *,
        account: str | None,
        way: Way = Way.SMPP,
        at_once_max: int = OUTGOING_PER_ROUND_MAX,
    ) -> None:
        """From now on `sink` takes what goes this way to `account` (None: to any). What waited comes at once.

        Several sinks of one account share it, such as the receiving sessions of one SMPP account.
        """
        self._forwarding.attach(sink, way=way, account=account, at_once_max=at_once_max)

    def detach(self, sink: Sink, *, account: str | None, way: Way = Way.SMPP) -> None:
        """`sink` takes nothing any more. What it had not acknowledged goes to another, or waits."""
        self._forwarding.detach(sink, way=way, account=account)

    def has_session(self, account: str) -> bool:
        """Whether a session of `account` takes what it is owed."""
        return self._forwarding.has_sink(Way.SMPP, account)

    def watch_sessions(self, changed: asyncio.Event) -> None:
        """Set this event whenever an account is owed more or somebody who took it has gone."""
        self._forwarding.watch(changed)

    def _phone_changed(self) -> None:
        """What waits for the phone may fit or reach it now, and somebody may wait for its return."""
        self._deliveries_due.set()
        self._forwarding.wake()

    async def owed_at(self, account: str) -> datetime | None:
        """When the first thing is due that a session of `account` is to take; None while nothing is owed."""
        return await self.store.run(lambda ledger: ledger.next_outgoing_due(Way.SMPP, account))

    # --- messages of handsets -----------------------------------------------------------------------------------------

    async def originate(
        self,
        number: str,
        to: str,
        *,
        text: str | None = None,
        user_data: bytes = b"",
        data_coding: int = 0,
        esm_class: int = 0,
    ) -> Originated | NoRoute:
        """A message that the handset `number` sends: stored, and forwarded to the short code's account or a handset.

        Either a `text`, or octets with their data_coding and esm_class.
        """
        try:
            sent = Sent(number, to, user_data, data_coding, esm_class) if text is None else written(number, to, text)
        except TextRefused as fault:
            return NoRoute(str(fault))
        now = self.now()
        if account := self.routes.account(to):
            message_id = self._new_id(now)
            way = Way.HTTP if self._http_messages and not self.has_session(account) else Way.SMPP
            owed = to_account(sent, account, way=way, message_id=message_id, now=now)
            await self.store.run(lambda ledger: ledger.add_outgoing([owed]))
            self._forwarding.wake()
            return Originated(message_id)
        other = self.routes.number(to)
        if other is None:
            return NoRoute(f"Nobody is at {to[:20]}; use a short code of this network, or a number with country code.")
        match await self.submit(to_handset(sent, other)):
            case Taken(message):
                return Originated(message.id)
            case TooLong(why):
                return NoRoute(why)
            case _:
                return NoRoute("Too many messages wait in the network; send it again later.")

    async def _send(self, number: str, wish: SendSms) -> None:
        """Send what a phone's keys asked for; where that cannot be, the network tells its holder by a message."""
        answer = await self.originate(number, wish.to, text=wish.text)
        if isinstance(answer, NoRoute):
            await self.submit(to_handset(written("Network", number, answer.why), number))

    # --- faults -------------------------------------------------------------------------------------------------------

    async def faults(self) -> Faults:
        return await self.store.run(lambda ledger: ledger.faults())

    async def set_faults(self, faults: Faults) -> Faults:
        """From the next message on the network is as unreliable as this; answers what is in force."""

        def put(ledger: Ledger) -> Faults:
            put = replace(faults, since=ledger.next_sequence() + 1)
            ledger.set_faults(put)
            return put

        answer = await self.store.run(put)
        self._deliveries_due.set()
        return answer

    async def script(self, number: str) -> Script:
        return await self.store.run(lambda ledger: ledger.script(number))

    async def set_script(self, number: str, script: Script) -> None:
        """What the next attempts to `number` come to; an empty script ends the one before."""
        await self.store.run(lambda ledger: ledger.set_script(number, script))

    async def rules(self, account: str) -> AccountRules:
        await self._know_rules({account})
        return self._throttle.rules(account)

    async def set_rules(self, account: str, rules: AccountRules) -> None:
        """What `account` is held to from now on."""
        await self.store.run(lambda ledger: ledger.set_rules(account, rules))
        self._throttle.set(account, rules)

    async def _know_rules(self, accounts: set[str]) -> None:
        if unknown := [account for account in accounts if not self._throttle.knows(account)]:
            found = await self.store.run(lambda ledger: [ledger.rules(account) for account in unknown])
            for account, rules in zip(unknown, found, strict=True):
                self._throttle.set(account, rules)

    # --- the pump -----------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver, tell and tidy for as long as the block lasts."""
        tasks = [
            asyncio.create_task(forever(self._deliver_round, self._deliveries_due, "deliver")),
            asyncio.create_task(forever(self._prune_round, self._prune_due, "forget old messages")),
        ]
        self._forwarding.start()
        try:
            yield
        finally:
            self.hub.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._phones.close()
            await self._forwarding.stop()

    async def _deliver_round(self) -> float:
        """Deliver what is due; answers how many seconds until more is."""
        now = self.now()
        done, deadline = await self.store.run(lambda ledger: self._deliver(ledger, now))
        self.hub.publish(done.numbers)
        if done.owes:
            self._forwarding.wake()
        return PAUSE_SECONDS_MAX if deadline is None else (deadline - self.now()).total_seconds()

    def _deliver(self, ledger: Ledger, now: datetime) -> tuple[Delivered, datetime | None]:
        """One round within the rate of the air, and when the next is due."""
        seconds, rate = now.timestamp(), ledger.faults().rate_per_second
        if rate != self._air.per_second:
            self._air = Bucket.full(rate, seconds)
        room = self._air.room(seconds, MESSAGES_PER_ROUND_MAX)
        done = self._carrier.deliver(ledger, now=now, limit=room)
        self._air = self._air.take(done.attempts, seconds)
        deadline = ledger.next_due()
        if deadline is not None and (wait := self._air.wait_seconds(seconds)):
            deadline = max(deadline, now + timedelta(seconds=wait))
        return done, deadline

    async def _prune_round(self) -> float:
        """Forget a few messages that ended long ago; answers how many seconds until the next look."""
        policy, now = self._carrier.policy, self.now()

        def prune(ledger: Ledger) -> int:
            ledger.give_up_outgoing(now - timedelta(seconds=policy.receipt_keep_seconds))
            return ledger.prune(
                ended_before=now - timedelta(seconds=policy.keep_seconds),
                keep_max=policy.keep_messages_max,
                limit=PRUNED_PER_ROUND_MAX,
            )

        full = await self.store.run(prune) == PRUNED_PER_ROUND_MAX
        return 0 if full else PRUNE_SECONDS
