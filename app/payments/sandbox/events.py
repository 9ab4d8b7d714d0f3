"""Events: what happened, kept for thirty days, and owed to every webhook endpoint that wants to hear of it.

An event and the deliveries it owes are written in the transaction of the fact itself: no fact without its news, no news
without its fact. https://docs.stripe.com/api/events
"""

from __future__ import annotations

import json
from http import HTTPStatus

from app.payments.sandbox import objects
from app.payments.sandbox.errors import Answer, Json, missing
from app.payments.sandbox.paging import Page, fetch
from app.payments.sandbox.till import Till
from app.payments.sandbox.version import API_VERSION

KEPT_SECONDS = 30 * 24 * 60 * 60
FORGOTTEN_PER_EVENT_MAX = 20
ALL_EVENTS = "*"

TYPES = (
    "payment_intent.created",
    "payment_intent.requires_action",
    "payment_intent.amount_capturable_updated",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
)
"""Every event this network tells of."""

COLUMNS = "seq, id, type, data, idempotency_key, created"
Row = tuple[int, str, str, str, str | None, int]


def publish(till: Till, kind: str, thing: Json, *, before: Json | None = None) -> None:
    """Tell that `thing` changed; `before` holds the members that had another value."""
    assert kind in TYPES, kind
    data: Json = {"object": thing}
    if before is not None:
        data["previous_attributes"] = before
    _forget_old(till)
    seq = till.connection.execute(
        "INSERT INTO events (id, type, data, idempotency_key, created) VALUES (?, ?, ?, ?, ?)",
        (till.new_id("evt"), kind, json.dumps(data), till.key, till.seconds),
    ).lastrowid
    now = till.now.timestamp()
    owed = till.connection.execute(
        "INSERT INTO deliveries (event, endpoint, due, since) SELECT ?, endpoints.seq, ?, ? FROM endpoints"
        " WHERE EXISTS (SELECT 1 FROM json_each(endpoints.enabled_events) WHERE value IN (?, ?))",
        (seq, now, now, kind, ALL_EVENTS),
    )
    if owed.rowcount:
        till.stirred.append(kind)


def _forget_old(till: Till) -> None:
    till.connection.execute(
        "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE created <= ? ORDER BY created LIMIT ?)",
        (till.seconds - KEPT_SECONDS, FORGOTTEN_PER_EVENT_MAX),
    )


def retrieve(till: Till, event_id: str) -> Answer:
    """Raises ApiError 404."""
    row = till.connection.execute(f"SELECT {COLUMNS} FROM events WHERE id = ?", (event_id,)).fetchone()  # noqa: S608 - a constant
    if row is None:
        raise missing("event", event_id[:80])
    return Answer(HTTPStatus.OK, shown(till, row))


def page(till: Till, asked: Page, *, kind: str | None) -> Answer:
    """The newest first; of one type or of all."""
    rows, more = fetch(till, "events", COLUMNS, asked, {"type": kind})
    return Answer(HTTPStatus.OK, objects.page([shown(till, row) for row in rows], url="/v1/events", has_more=more))


def shown(till: Till, row: Row) -> Json:
    """The event on the wire, with how many endpoints have not acknowledged it yet."""
    seq, event_id, kind, data, key, created = row
    (pending,) = till.connection.execute("SELECT count(*) FROM deliveries WHERE event = ?", (seq,)).fetchone()
    return {
        "id": event_id,
        "object": "event",
        "api_version": API_VERSION,
        "created": created,
        "data": json.loads(data),
        "livemode": False,
        "pending_webhooks": pending,
        "request": {"id": None, "idempotency_key": key},
        "type": kind,
    }
