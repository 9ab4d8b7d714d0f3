"""What the carrier remembers, behind one wall: a file (`store`), or dictionaries for simulations and unit tests."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from mobile_gateway.handset import Phone
from mobile_gateway.messages import Entry, Message, Receipt, Subscriber


class Ledger(Protocol):
    """One transaction's view of the carrier's memory. Lists come oldest first and never exceed `limit`."""

    def message(self, message_id: str) -> Message | None: ...

    def message_of_key(self, account: str, key: str) -> Message | None: ...

    def add_message(self, message: Message) -> None: ...

    def save_message(self, message: Message) -> None:
        """Write what an attempt changed: state, attempts, due_at, error."""
        ...

    def add_entry(self, message_id: str, entry: Entry) -> None: ...

    def history(self, message_id: str) -> list[Entry]: ...

    def due(self, now: datetime, *, limit: int) -> list[Message]: ...

    def next_due(self) -> datetime | None: ...

    def make_due(self, number: str, now: datetime) -> int:
        """Bring every waiting message of `number` forward to `now`; answers how many wait."""
        ...

    def backlog(self, account: str) -> int:
        """How many messages of `account` have not come to their end."""
        ...

    def subscriber(self, number: str) -> Subscriber | None: ...

    def save_subscriber(self, subscriber: Subscriber) -> None: ...

    def subscribers(self, *, limit: int) -> list[Subscriber]:
        """The most recently active, in that order."""
        ...

    def phone(self, subscriber: Subscriber) -> Phone: ...

    def save_phone(self, before: Phone, after: Phone) -> None: ...

    def add_receipt(self, receipt: Receipt) -> None: ...

    def due_receipts(self, now: datetime, *, limit: int) -> list[Receipt]: ...

    def next_receipt_due(self) -> datetime | None: ...

    def save_receipt(self, receipt: Receipt) -> None: ...

    def drop_receipt(self, message_id: str) -> None: ...


class MemoryLedger:
    """The same memory without a file: forgets at the end of the process."""

    def __init__(self) -> None:
        self._messages: dict[str, Message] = {}
        self._keys: dict[tuple[str, str], str] = {}
        self._history: defaultdict[str, list[Entry]] = defaultdict(list)
        self._subscribers: dict[str, Subscriber] = {}
        self._phones: dict[str, Phone] = {}
        self._receipts: dict[str, Receipt] = {}

    def message(self, message_id: str) -> Message | None:
        return self._messages.get(message_id)

    def message_of_key(self, account: str, key: str) -> Message | None:
        found = self._keys.get((account, key))
        return self._messages[found] if found else None

    def add_message(self, message: Message) -> None:
        assert message.id not in self._messages
        assert (message.account, message.key) not in self._keys
        self._messages[message.id] = message
        self._keys[message.account, message.key] = message.id

    def save_message(self, message: Message) -> None:
        assert message.id in self._messages
        self._messages[message.id] = message

    def add_entry(self, message_id: str, entry: Entry) -> None:
        self._history[message_id].append(entry)

    def history(self, message_id: str) -> list[Entry]:
        return list(self._history[message_id])

    def due(self, now: datetime, *, limit: int) -> list[Message]:
        ready = [message for message in self._messages.values() if message.due_at and message.due_at <= now]
        return sorted(ready, key=_by_due)[:limit]

    def next_due(self) -> datetime | None:
        return min((message.due_at for message in self._messages.values() if message.due_at), default=None)

    def make_due(self, number: str, now: datetime) -> int:
        waiting = [message for message in self._messages.values() if message.due_at and message.to == number]
        for message in waiting:
            self._messages[message.id] = replace(message, due_at=now)
        return len(waiting)

    def backlog(self, account: str) -> int:
        return sum(1 for message in self._messages.values() if message.due_at and message.account == account)

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

    def add_receipt(self, receipt: Receipt) -> None:
        assert receipt.message_id not in self._receipts
        self._receipts[receipt.message_id] = receipt

    def due_receipts(self, now: datetime, *, limit: int) -> list[Receipt]:
        ready = [receipt for receipt in self._receipts.values() if receipt.due_at <= now]
        return sorted(ready, key=lambda receipt: (receipt.due_at, receipt.message_id))[:limit]

    def next_receipt_due(self) -> datetime | None:
        return min((receipt.due_at for receipt in self._receipts.values()), default=None)

    def save_receipt(self, receipt: Receipt) -> None:
        assert receipt.message_id in self._receipts
        self._receipts[receipt.message_id] = receipt

    def drop_receipt(self, message_id: str) -> None:
        self._receipts.pop(message_id, None)


def _by_due(message: Message) -> tuple[datetime, datetime, str]:
    assert message.due_at
    return message.due_at, message.accepted_at, message.id
