"""A carrier network at noon, with its policy and its submissions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from mobile_gateway.carrier import holders, receipts
from mobile_gateway.carrier.carrier import Answer, Carrier
from mobile_gateway.carrier.ledger import MemoryLedger
from mobile_gateway.carrier.messages import BOTH, Message, Policy, Submission, Way
from mobile_gateway.carrier.outgoing import Outgoing, Told
from mobile_gateway.handset.phone import Pressed
from mobile_gateway.subscribers import SubscriberState

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NUMBER = "+821012345678"
POLICY = Policy(
    retry_seconds=(2, 5, 15), receipt_delay_seconds=1, receipt_retry_seconds=(1, 10), queue_max=3, roaming_seconds=4
)


def a_submission(key: str | None = "k1", text: str = "hello", **changes: Any) -> Submission:
    plain = Submission(
        account="demo",
        to=NUMBER,
        sender="Cyberticket",
        user_data=text.encode(),
        registered_delivery=BOTH,
        validity_seconds=60,
        key=key,
    )
    return replace(plain, **changes)


@dataclass
class Network:
    """A carrier on dictionaries, with a clock that the test turns."""

    carrier: Carrier = field(default_factory=lambda: Carrier(POLICY))
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    now: datetime = NOON

    def submit(self, submission: Submission | None = None, *, message_id: str | None = None) -> Answer:
        submission = submission or a_submission()
        (answer,) = self.carrier.submit(self.ledger, [(message_id or f"m-{submission.key}", submission)], now=self.now)
        return answer

    def at(self, seconds: float) -> int:
        """Turn the clock to `seconds` after noon and deliver what is due; answers how many attempts that made."""
        self.now = NOON + timedelta(seconds=seconds)
        return self.carrier.deliver(self.ledger, now=self.now, limit=100).attempts

    def switch(self, state: SubscriberState) -> None:
        holders.set_subscriber(self.ledger, NUMBER, state=state, now=self.now)

    def delete(self, message_id: str) -> Pressed | None:
        return holders.act(self.ledger, NUMBER, lambda phone: Pressed(phone.delete(message_id)), now=self.now)

    def message(self, key: str = "k1") -> Message:
        found = self.ledger.message(f"m-{key}")
        assert found
        return found

    def inbox(self) -> list[str]:
        subscriber = self.ledger.subscriber(NUMBER)
        return [held.text for held in self.ledger.phone(subscriber).messages] if subscriber else []

    def owed(self, way: Way = Way.SMPP) -> list[Outgoing]:
        return self.ledger.due_outgoing(way, None, NOON + timedelta(days=30), limit=100)

    def told(self, answer: Told, *, now: datetime) -> None:
        (owed,) = self.owed()
        receipts.settle(self.ledger, [(owed, answer)], policy=self.carrier.policy, now=now)
