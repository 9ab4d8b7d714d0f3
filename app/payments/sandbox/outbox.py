"""The outbox of webhooks: what is owed to whom, when it is tried, and for how long.

https://docs.stripe.com/webhooks: tried for up to three days, with growing waits, in no promised order. The header is
`Stripe-Signature: t=…,v1=…[,v1=…]`, each v1 the HMAC-SHA256 of `t.body` under one of the endpoint's secrets.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from app.payments.sandbox import endpoints, events
from app.payments.sandbox.till import Till

DAY_SECONDS = 24 * 60 * 60
WAITS_SECONDS = (10, 60, 300, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200)
"""After the first failure, the second, and so on; the last wait repeats."""
GIVEN_UP_SECONDS = 3 * DAY_SECONDS
ERROR_CHARACTERS_MAX = 200


class Secrets(tuple[str, ...]):
    """The secrets that sign; never printed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Secrets({len(self)})"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one endpoint, ready to be sent. The signing secrets never print."""

    seq: int
    endpoint: int
    event_type: str
    url: str
    body: bytes
    secrets: Secrets
    attempts: int
    fresh: bool
    """Neither tried nor put off before: a script may still be met."""


def sign(body: bytes, *, secrets: Sequence[str], at: int) -> str:
    """The Stripe-Signature header."""
    signed = f"{at}.".encode() + body
    marks = (hmac.new(secret.encode(), signed, sha256).hexdigest() for secret in secrets)
    return ",".join([f"t={at}", *(f"v1={mark}" for mark in marks)])


def due(till: Till, *, on_their_way: Sequence[int], limit: int, configured: Secrets) -> list[Delivery]:
    """What may be sent now, the oldest first, without what is on its way already."""
    rows = till.connection.execute(
        "SELECT d.seq, d.endpoint, d.attempts, d.late, p.id, p.url, p.configured, p.generation, p.previous_until,"
        " e.seq, e.id, e.type, e.data, e.idempotency_key, e.created"
        " FROM deliveries d JOIN endpoints p ON p.seq = d.endpoint JOIN events e ON e.seq = d.event"
        " WHERE d.due <= ? AND d.seq NOT IN (SELECT value FROM json_each(?)) ORDER BY d.due, d.seq LIMIT ?",
        (till.now.timestamp(), json.dumps(list(on_their_way)), limit),
    ).fetchall()
    found = []
    for seq, number, attempts, late, endpoint, url, is_configured, generation, previous_until, *event in rows:
        secrets = configured
        if not is_configured:
            signing = [generation] + [generation - 1] * (generation > 1 and previous_until > till.now.timestamp())
            secrets = Secrets(endpoints.secret_of(till.secret, endpoint, each) for each in signing)
        body = json.dumps(events.shown(till, tuple(event))).encode()
        found.append(Delivery(seq, number, event[2], url, body, secrets, attempts, attempts == 0 and not late))
    return found


def next_due_seconds(till: Till, *, on_their_way: Sequence[int]) -> float | None:
    """How long until something is to be sent; None: nothing waits."""
    (at,) = till.connection.execute(
        "SELECT min(due) FROM deliveries WHERE seq NOT IN (SELECT value FROM json_each(?))",
        (json.dumps(list(on_their_way)),),
    ).fetchone()
    return None if at is None else max(0.0, at - till.now.timestamp())


def done(till: Till, delivery: Delivery) -> None:
    """The endpoint has it, or a script lost it: nothing is owed any more. What it had overtaken goes next."""
    till.connection.execute("DELETE FROM deliveries WHERE seq = ?", (delivery.seq,))
    till.connection.execute(
        "UPDATE deliveries SET held = 0, due = ? WHERE endpoint = ? AND held = 1",
        (till.now.timestamp(), delivery.endpoint),
    )


def put_off(till: Till, delivery: Delivery, *, seconds: float, held: bool) -> None:
    """A script delays it; held: only until another one has gone to the same endpoint."""
    till.connection.execute(
        "UPDATE deliveries SET due = ?, held = ?, late = 1 WHERE seq = ?",
        (till.now.timestamp() + seconds, held, delivery.seq),
    )


def failed(till: Till, delivery: Delivery, *, why: str, scale: float) -> bool:
    """Try again later; after three days (times `scale`) no more. Whether it was given up."""
    row = till.connection.execute("SELECT since FROM deliveries WHERE seq = ?", (delivery.seq,)).fetchone()
    if row is None:  # its endpoint was deleted while it was on its way
        return False
    now = till.now.timestamp()
    wait = WAITS_SECONDS[min(delivery.attempts, len(WAITS_SECONDS) - 1)] * scale
    if now + wait > row[0] + GIVEN_UP_SECONDS * scale:
        till.connection.execute("DELETE FROM deliveries WHERE seq = ?", (delivery.seq,))
        return True
    till.connection.execute(
        "UPDATE deliveries SET attempts = attempts + 1, due = ?, last_error = ? WHERE seq = ?",
        (now + wait, why[:ERROR_CHARACTERS_MAX], delivery.seq),
    )
    return False
