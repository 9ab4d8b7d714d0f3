"""Every no of this network's API, in words: RFC 9457 problems and the page that explains them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from starlette.responses import Response

CONTENT_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: its name in the `type` address, its status, its title and what to do about it."""

    slug: str
    status: int
    title: str
    advice: str


class Problem(Enum):
    INVALID = Kind("invalid", 422, "Invalid request", "Read `errors`: each says which field to change, and how.")
    KEY_REUSED = Kind(
        "key-reused",
        422,
        "Idempotency key used before",
        "This key names another message. Make a new key for a new message, and repeat a key only with the same body.",
    )
    UNAUTHENTICATED = Kind(
        "unauthenticated", 401, "Unknown account or password", "Send HTTP Basic with a SYSTEM_ID and its PASSWORD."
    )
    CROSS_SITE = Kind(
        "cross-site",
        403,
        "Asked by another site",
        "Press the phones' keys on the gateway's own page, or from a program.",
    )
    NOT_FOUND = Kind(
        "not-found", 404, "Not found", "Check the address: it may name another's message, or a new number."
    )
    METHOD = Kind("method", 405, "Wrong method", "Use one of the methods in the Allow header.")
    NOT_POSSIBLE = Kind(
        "not-possible", 409, "Not possible now", "Look at the thing again: its state says what can still be done."
    )
    NO_TICKET = Kind("no-ticket", 409, "Nothing to store", "Only a message that brings a ticket can be stored as one.")
    TOO_LATE = Kind(
        "too-late", 409, "Ended already", "A message that was delivered or given up stays as it is; send another one."
    )
    PHONE_OFF = Kind("phone-off", 409, "The phone is off", "Switch the phone on, then do it again.")
    TOO_SLOW = Kind("too-slow", 408, "Body too slow", "Send the whole body within half a minute.")
    TOO_LARGE = Kind("too-large", 413, "Body too large", "Send at most 64 KiB.")
    QUEUE_FULL = Kind(
        "queue-full",
        429,
        "Too many messages wait",
        "Wait as many seconds as Retry-After says, then send the same again.",
    )
    THROTTLED = Kind(
        "throttled", 429, "Too fast", "Wait as many seconds as Retry-After says, then send the same again."
    )
    NO_ROUTE = Kind(
        "no-route", 422, "Nobody there", "Write to a short code of this network, or to a number with its country code."
    )
    UNAVAILABLE = Kind("unavailable", 503, "Not now", "Wait as many seconds as Retry-After says, then ask again.")


@dataclass
class Refused(Exception):
    """What a handler raises to say no."""

    problem: Problem
    detail: str
    errors: Sequence[Mapping[str, str]] = ()
    headers: Mapping[str, str] | None = None


def problem_response(refused: Refused) -> Response:
    """The refusal as application/problem+json; `type` is a place on the gateway's own page of problems."""
    kind = refused.problem.value
    content: dict[str, object] = {
        "type": f"/problems#{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": refused.detail,
    }
    if refused.errors:
        content["errors"] = list(refused.errors)
    return Response(
        json.dumps(content, ensure_ascii=False), kind.status, dict(refused.headers or {}), media_type=CONTENT_TYPE
    )
