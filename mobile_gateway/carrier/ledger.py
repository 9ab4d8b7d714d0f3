"""What the carrier remembers, behind one wall: a file (`store`), or dictionaries for simulations and unit tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from mobile_gateway.carrier.faults import AccountRules, Fate, Faults, Script
from mobile_gateway.carrier.messages import Entry, Message, State, Submission
from mobile_gateway.carrier.outgoing import Outgoing
from mobile_gateway.handset.phone import Phone
from mobile_gateway.subscribers import Subscriber


class Ledger(Protocol):
    """One transaction's view of the carrier's memory. Lists come oldest first and never exceed `limit`."""

    # --- messages

    def next_sequence(self) -> int:
        """A new place in the order of messages."""
        ...

    def message(self, message_id: str) -> Message | None: ...

    def message_of_key(self, account: str, key: str) -> tuple[Message, bytes] | None:
        """The message and the fingerprint of the submission that made it."""
        ...

    def add_message(self, message: Message) -> None: ...

    def save_messages(self, messages: Sequence[Message]) -> None:
        """Write what an event changed: state, attempts, due_at, ended_at, error. Each must have been ENROUTE."""
        ...

    def replace_message(self, message: Message) -> None:
        """Write other content and times for a message that is ENROUTE."""
        ...

    def replaceable(self, submission: Submission) -> Message | None:
        """The newest message under way with the same account, addresses and service type."""
        ...

    def waiting(self, account: str, *, sender: str, to: str, service_type: str | None) -> list[Message]:
        """What is under way between two addresses; `service_type` None means any."""
        ...

    def add_entry(self, message_id: str, entry: Entry) -> None: ...

    def history(self, message: Message) -> list[Entry]:
        """From `accepted` to the message's end. Only what is unusual is kept; the rest its own times tell."""
        ...

    def due(self, now: datetime, *, limit: int) -> list[Message]:
        """What is due by `now`: the higher priority first, then the older."""
        ...

    def next_due(self) -> datetime | None: ...

    def make_due(self, number: str, now: datetime) -> int:
        """Bring every message that failed before for `number` forward to `now`; answers how many."""
        ...

    def backlog(self, account: str) -> int:
        """How many messages of `account` have not come to their end."""
        ...

    def prune(self, *, ended_before: datetime, keep_max: int, limit: int) -> int:
        """Forget messages that ended before then, and the oldest ended ones beyond `keep_max`; answers how many."""
        ...

    # --- subscribers and their phones

    def subscriber(self, number: str) -> Subscriber | None: ...

    def save_subscriber(self, subscriber: Subscriber) -> None: ...

    def subscribers(self, *, limit: int) -> list[Subscriber]:
        """The most recently active, in that order."""
        ...

    def phone(self, subscriber: Subscriber) -> Phone: ...

    def save_phone(self, before: Phone, after: Phone) -> None: ...

    # --- what accounts are owed

    def add_outgoing(self, owed: Sequence[Outgoing]) -> None:
        """Keep these; each gets an id of its own."""
        ...

    def due_outgoing(self, way: str, account: str | None, now: datetime, *, limit: int) -> list[Outgoing]:
        """What is due by one way, for one account or for all."""
        ...

    def next_outgoing_due(self, way: str, account: str | None, *, after: datetime | None = None) -> datetime | None:
        """When the first thing is due that is not due by `after` yet (None: at all)."""
        ...

    def make_outgoing_due(self, way: str, account: str | None, now: datetime) -> None:
        """Bring what failed before forward to `now`: its account can be reached again."""
        ...

    def save_outgoing(self, changed: Sequence[Outgoing]) -> None:
        """Write attempts and due_at."""
        ...

    def drop_outgoing(self, ids: Sequence[int]) -> None: ...

    def add_alert(self, number: str, account: str, address: str) -> None:
        """Note that `address` of `account` is to be told when `number` is back; twice is as good as once."""
        ...

    def has_alerts(self) -> bool: ...

    def take_alerts(self, number: str) -> list[tuple[str, str]]:
        """The accounts and addresses that wait for `number`; they are told once."""
        ...

    def give_up_outgoing(self, older_than: datetime) -> int:
        """Forget what nobody took since then; answers how many."""
        ...

    # --- faults

    def faults(self) -> Faults: ...

    def set_faults(self, faults: Faults) -> None: ...

    def rules(self, account: str) -> AccountRules: ...

    def set_rules(self, account: str, rules: AccountRules) -> None: ...

    def has_scripts(self) -> bool: ...

    def script(self, number: str) -> Script: ...

    def set_script(self, number: str, script: Script) -> None: ...

    def next_fate(self, number: str) -> Fate | None:
        """What the number's script says about the attempt that is made now, which uses it up."""
        ...


class MemoryLedger:
    """The same memory without a file: forgets at the end of the process."""

    def __init__(self) -> None:
        self._messages: dict[str, Message] = {}
        self._keys: dict[tuple[str, str], tuple[str, bytes]] = {}
        self._history: defaultdict[str, list[Entry]] = defaultdict(list)
        self._subscribers: dict[str, Subscriber] = {}
        self._phones: dict[str, Phone] = {}
        self._outgoing: dict[int, Outgoing] = {}
        self._faults = Faults()
        self._rules: dict[str, AccountRules] = {}
        self._scripts: dict[str, Script] = {}
        self._sequence = 0
        self._outgoing_id = 0
        self._alerts: set[tuple[str, str, str]] = set()

    # --- messages -----------------------------------------------------------------------------------------------------

    def next_sequence(self) -> int:
        self._sequence += 1
        return self._sequence

    def message(self, message_id: str) -> Message | None:
        return self._messages.get(message_id)

    def message_of_key(self, account: str, key: str) -> tuple[Message, bytes] | None:
        found = self._keys.get((account, key))
        return (self._messages[found[0]], found[1]) if found else None

    def add_message(self, message: Message) -> None:
        assert message.id not in self._messages
        self._messages[message.id] = message
        if (key := message.submission.key) is not None:
            assert (message.account, key) not in self._keys
            self._keys[message.account, key] = message.id, message.submission.fingerprint()

    def save_messages(self, messages: Sequence[Message]) -> None:
        for message in messages:
            assert self._messages[message.id].state is State.ENROUTE
            self._messages[message.id] = message

    def replace_message(self, message: Message) -> None:
        assert self._messages[message.id].state is State.ENROUTE
        self._messages[message.id] = message

    def replaceable(self, submission: Submission) -> Message | None:
        found = self.waiting(
            submission.account, sender=submission.sender, to=submission.to, service_type=submission.service_type
        )
        return found[-1] if found else None

    def waiting(self, account: str, *, sender: str, to: str, service_type: str | None) -> list[Message]:
        return [
            message
            for message in self._waiting(account)
            if (message.sender, message.to) == (sender, to) and service_type in {None, message.submission.service_type}
        ]

    def add_entry(self, message_id: str, entry: Entry) -> None:
        self._history[message_id].append(entry)

    def history(self, message: Message) -> list[Entry]:
        return told(message, self._history[message.id])

    def due(self, now: datetime, *, limit: int) -> list[Message]:
        ready = [message for message in self._messages.values() if message.due_at and message.due_at <= now]
        return sorted(ready, key=_by_urgency)[:limit]

    def next_due(self) -> datetime | None:
        return min((message.due_at for message in self._messages.values() if message.due_at), default=None)

    def make_due(self, number: str, now: datetime) -> int:
        waiting = [
            message
            for message in self._messages.values()
            if message.due_at and message.to == number and message.error is not None
        ]
        for message in waiting:
            self._messages[message.id] = replace(message, due_at=now)
        return len(waiting)

    def backlog(self, account: str) -> int:
        return len(self._waiting(account))

    def prune(self, *, ended_before: datetime, keep_max: int, limit: int) -> int:
        ended = sorted((one for one in self._messages.values() if one.ended_at), key=_ended)
        extra = len(self._messages) - keep_max
        gone = [one for place, one in enumerate(ended) if place < extra or _ended(one) < ended_before][:limit]
        for message in gone:
            del self._messages[message.id]
            self._history.pop(message.id, None)
            if message.submission.key is not None:
                del self._keys[message.account, message.submission.key]
        return len(gone)

    def _waiting(self, account: str) -> list[Message]:
        return [message for message in self._messages.values() if message.due_at and message.account == account]

    # --- subscribers and their phones ---------------------------------------------------------------------------------

    def subscriber(self, number: str) -> Subscriber | None:
        return self._subscribers.get(number)

    def save_subscriber(self, subscriber: Subscriber) -> None:
        self._subscribers[subscriber.number] = subscriber

    def subscribers(self, *, limit: int) -> list[Subscriber]:
        return sorted(self._subscribers.values(), key=lambda found: found.active_at, reverse=True)[:limit]

    def phone(self, subscriber: Subscriber) -> Phone:
        kept = self._phones.get(subscriber.number)
        if kept is None:
            return Phone(subscriber.number, subscriber.model, subscriber.language)
        return replace(kept, model=subscriber.model, language=subscriber.language)

    def save_phone(self, before: Phone, after: Phone) -> None:
        assert before.number == after.number
        self._phones[after.number] = after

    # --- what accounts are owed ---------------------------------------------------------------------------------------

    def add_outgoing(self, owed: Sequence[Outgoing]) -> None:
        for one in owed:
            self._outgoing_id += 1
            self._outgoing[self._outgoing_id] = replace(one, id=self._outgoing_id)

    def due_outgoing(self, way: str, account: str | None, now: datetime, *, limit: int) -> list[Outgoing]:
        ready = [one for one in self._owed(way, account) if one.due_at and one.due_at <= now]
        return sorted(ready, key=lambda one: (one.due_at, one.id))[:limit]

    def next_outgoing_due(self, way: str, account: str | None, *, after: datetime | None = None) -> datetime | None:
        dues = (one.due_at for one in self._owed(way, account) if one.due_at)
        return min((due for due in dues if after is None or due > after), default=None)

    def make_outgoing_due(self, way: str, account: str | None, now: datetime) -> None:
        self.save_outgoing([replace(one, due_at=now) for one in self._owed(way, account) if one.attempts])

    def save_outgoing(self, changed: Sequence[Outgoing]) -> None:
        for one in changed:
            assert one.id in self._outgoing
            self._outgoing[one.id] = one

    def drop_outgoing(self, ids: Sequence[int]) -> None:
        for id_ in ids:
            self._outgoing.pop(id_, None)

    def add_alert(self, number: str, account: str, address: str) -> None:
        self._alerts.add((number, account, address))

    def has_alerts(self) -> bool:
        return bool(self._alerts)

    def take_alerts(self, number: str) -> list[tuple[str, str]]:
        taken = {one for one in self._alerts if one[0] == number}
        self._alerts -= taken
        return sorted((account, address) for _, account, address in taken)

    def give_up_outgoing(self, older_than: datetime) -> int:
        gone = [one.id for one in self._outgoing.values() if one.at < older_than]
        self.drop_outgoing(gone)
        return len(gone)

    def _owed(self, way: str, account: str | None) -> list[Outgoing]:
        return [one for one in self._outgoing.values() if one.way == way and account in {None, one.account}]

    # --- faults -------------------------------------------------------------------------------------------------------

    def faults(self) -> Faults:
        return self._faults

    def set_faults(self, faults: Faults) -> None:
        self._faults = faults

    def rules(self, account: str) -> AccountRules:
        return self._rules.get(account, AccountRules())

    def set_rules(self, account: str, rules: AccountRules) -> None:
        self._rules[account] = rules

    def has_scripts(self) -> bool:
        return bool(self._scripts)

    def script(self, number: str) -> Script:
        return self._scripts.get(number, Script(()))

    def set_script(self, number: str, script: Script) -> None:
        self._scripts[number] = script
        if not script.steps:
            del self._scripts[number]

    def next_fate(self, number: str) -> Fate | None:
        fate, left = self.script(number).next()
        if fate:
            self.set_script(number, left)
        return fate


def told(message: Message, unusual: Sequence[Entry]) -> list[Entry]:
    """The history of a message: how it began and ended, and what was unusual, in order of time."""
    entries = [Entry(message.accepted_at, State.ENROUTE, "accepted"), *unusual]
    if message.ended_at:
        ended = Entry(message.ended_at, message.state, message.error or "on the handset")
        after = [entry for entry in unusual if entry.at >= message.ended_at and entry.state is not State.ENROUTE]
        entries = [entry for entry in entries if entry not in after] + [ended, *after]
    return entries


def _by_urgency(message: Message) -> tuple[int, datetime, int]:
    assert message.due_at
    return -message.submission.priority, message.due_at, message.sequence


def _ended(message: Message) -> datetime:
    assert message.ended_at
    return message.ended_at
