"""Messages as they are submitted to a ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from mobile_gateway.carrier.carrier import Carrier, QueueFull, Taken
from mobile_gateway.carrier.ledger import Ledger
from mobile_gateway.carrier.messages import BOTH, Policy, Submission

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
NUMBER = "+821012345678"
TICKET = "ID 482910375-6 PIN 491027"
CARRIER = Carrier(Policy(queue_max=2))


def a_submission(key: str | None, text: str = TICKET, **changes: Any) -> Submission:
    plain = Submission("demo", NUMBER, "me", text.encode(), registered_delivery=BOTH, validity_seconds=60, key=key)
    return replace(plain, **changes)


def submit(ledger: Ledger, key: str, text: str = TICKET, *, now: datetime = NOW, **changes: Any) -> Taken | QueueFull:
    submission = a_submission(key, text, **changes)
    (answer,) = CARRIER.submit(ledger, [(f"m-{key}", submission)], now=now)
    assert isinstance(answer, Taken | QueueFull)
    return answer
