"""Webhook endpoints: who wants to hear of what, and the secrets that sign what they hear.

An endpoint is made by the API or stands in the settings. The secret of one made by the API is derived from this
network's secret key, so that it is in no file and can be told once only, as on the real network; while it is rolled,
the one before it signs too.
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus

from app.payments.sandbox import objects
from app.payments.sandbox.addresses import URL_CHARACTERS_MAX, origin
from app.payments.sandbox.errors import Answer, ApiError, Json, missing
from app.payments.sandbox.events import ALL_EVENTS, TYPES
from app.payments.sandbox.paging import Page, fetch
from app.payments.sandbox.params import Params
from app.payments.sandbox.till import Till
from app.payments.sandbox.version import API_VERSION

ENDPOINTS_MAX = 16
"""As on the real network."""
COLUMNS = "seq, id, url, enabled_events, description, metadata, configured, generation, previous_until, created"
Row = tuple[int, str, str, str, str | None, str, int, int, float, int]


@dataclass(frozen=True, slots=True)
class CreateEndpoint:
    url: str
    enabled_events: tuple[str, ...]
    description: str | None
    metadata: dict[str, str]


def read_create(params: Params) -> CreateEndpoint:
    """Raises ApiError 400."""
    asked = CreateEndpoint(
        url=params.optional("url", characters_max=URL_CHARACTERS_MAX) or "",
        enabled_events=tuple(params.listed("enabled_events")),
        description=params.optional("description"),
        metadata=params.metadata(),
    )
    params.choice("api_version", (API_VERSION,), default=API_VERSION)
    params.done()
    try:
        origin(asked.url)
    except ValueError as fault:
        raise ApiError(f"Give a 'url' to post to: {fault}.", param="url") from fault
    if not asked.enabled_events:
        raise ApiError("Name the enabled_events[], or * for all.", code="parameter_missing", param="enabled_events")
    for kind in asked.enabled_events:
        if kind not in {ALL_EVENTS, *TYPES}:
            raise ApiError(f"This network has no event {kind[:80]!r}.", param="enabled_events")
    return asked


def create(till: Till, asked: CreateEndpoint) -> Answer:
    """A new endpoint with its secret, which is told this once; raises ApiError 400 beyond ENDPOINTS_MAX."""
    (count,) = till.connection.execute("SELECT count(*) FROM endpoints").fetchone()
    if count >= ENDPOINTS_MAX:
        raise ApiError(f"There are {ENDPOINTS_MAX} webhook endpoints already. Delete one first.")
    endpoint = till.new_id("we")
    _insert(till, endpoint, asked, configured=False)
    return Answer(HTTPStatus.OK, {**shown(_found(till, endpoint)), "secret": secret_of(till.secret, endpoint, 1)})


def _insert(till: Till, endpoint: str, asked: CreateEndpoint, *, configured: bool) -> None:
    till.connection.execute(
        "INSERT INTO endpoints (id, url, enabled_events, description, metadata, configured, created)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            *(endpoint, asked.url, json.dumps(asked.enabled_events), asked.description),
            *(json.dumps(asked.metadata), configured, till.seconds),
        ),
    )


def retrieve(till: Till, endpoint: str) -> Answer:
    """Raises ApiError 404."""
    return Answer(HTTPStatus.OK, shown(_found(till, endpoint)))


def delete(till: Till, endpoint: str) -> Answer:
    """It hears no more, not even what was on its way; raises ApiError 404, or 400 for one of the settings."""
    if _found(till, endpoint)[6]:
        raise ApiError("This endpoint stands in the network's settings. Take it out there and start again.")
    till.connection.execute("DELETE FROM endpoints WHERE id = ?", (endpoint,))
    return Answer(HTTPStatus.OK, {"id": endpoint, "object": "webhook_endpoint", "deleted": True})


def roll(till: Till, endpoint: str, *, overlap_seconds: int) -> Answer:
    """A new secret, told this once; the one before signs beside it for so long. Raises ApiError 404 or 400."""
    row = _found(till, endpoint)
    if row[6]:
        raise ApiError("This endpoint's secrets stand in the network's settings. Change them there.")
    generation = row[7] + 1
    till.connection.execute(
        "UPDATE endpoints SET generation = ?, previous_until = ? WHERE id = ?",
        (generation, till.now.timestamp() + overlap_seconds, endpoint),
    )
    secret = secret_of(till.secret, endpoint, generation)
    return Answer(HTTPStatus.OK, {**shown(_found(till, endpoint)), "secret": secret})


def page(till: Till, asked: Page) -> Answer:
    """The newest first."""
    rows, more = fetch(till, "endpoints", COLUMNS, asked, {})
    return Answer(HTTPStatus.OK, objects.page([shown(row) for row in rows], url="/v1/webhook_endpoints", has_more=more))


def configure(till: Till, urls: Sequence[str], events: Sequence[str] = (ALL_EVENTS,)) -> None:
    """Make the endpoints of the settings those of `urls`; those that are there keep what they have not heard yet."""
    kept = {f"we_configured_{sha256(url.encode()).hexdigest()[:16]}": url for url in urls}
    for (endpoint,) in till.connection.execute("SELECT id FROM endpoints WHERE configured = 1").fetchall():
        if endpoint in kept:
            till.connection.execute(
                "UPDATE endpoints SET enabled_events = ? WHERE id = ?", (json.dumps(list(events)), endpoint)
            )
            del kept[endpoint]
        else:
            till.connection.execute("DELETE FROM endpoints WHERE id = ?", (endpoint,))
    for endpoint, url in kept.items():
        _insert(till, endpoint, CreateEndpoint(url, tuple(events), "From the settings", {}), configured=True)


def secret_of(key: bytes, endpoint: str, generation: int) -> str:
    """The signing secret of an endpoint made by the API."""
    derived = hmac.new(key, f"webhook:{endpoint}:{generation}".encode(), sha256).digest()
    return "whsec_" + urlsafe_b64encode(derived).decode().rstrip("=").replace("-", "A").replace("_", "B")


def shown(row: Row) -> Json:
    """An endpoint on the wire, without its secret."""
    _, endpoint, url, enabled, description, metadata, *_, created = row
    return {
        "id": endpoint,
        "object": "webhook_endpoint",
        "api_version": API_VERSION,
        "application": None,
        "created": created,
        "description": description,
        "enabled_events": json.loads(enabled),
        "livemode": False,
        "metadata": json.loads(metadata),
        "status": "enabled",
        "url": url,
    }


def _found(till: Till, endpoint: str) -> Row:
    row: Row | None = till.connection.execute(
        f"SELECT {COLUMNS} FROM endpoints WHERE id = ?",  # noqa: S608 - a constant
        (endpoint,),
    ).fetchone()
    if row is None:
        raise missing("webhook_endpoint", endpoint[:80])
    return row
