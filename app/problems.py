"""Problem details (RFC 9457): how each refusal looks over HTTP, and where its page is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app.domain import refusals as no

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of problem. `slug` names its page; `advice` says what to do, for people who read that page."""

    status: int
    slug: str
    title: str
    advice: str


PROBLEMS: Mapping[type[no.Refusal], Problem] = {
    no.NotFound: Problem(404, "not-found", "Not found", "Check the address. What is not yours looks like this too."),
    no.NotAuthentic: Problem(
        401,
        "not-authentic",
        "Not signed in",
        "Send the booking's link, a staff key or a token; a device with a key of its own proves it with each request.",
    ),
    no.NotAllowed: Problem(403, "not-allowed", "Not allowed", "Use a key that has the scope named in the detail."),
    no.BadLine: Problem(422, "bad-line", "Contradictory request", "Correct what the detail names and ask again."),
    no.BadHandset: Problem(422, "bad-handset", "Not a mobile number", "Give a mobile number, such as 010-1234-5678."),
    no.NotOnSale: Problem(409, "not-on-sale", "Not on sale", "See `opens_at`; before and after that it is not sold."),
    no.LimitExceeded: Problem(409, "limit-exceeded", "Too many tickets", "Ask for at most `limit` tickets."),
    no.SoldOut: Problem(409, "sold-out", "Sold out", "Post the `body` of one of the `alternatives` to /bookings."),
    no.BookingExpired: Problem(410, "booking-expired", "Booking expired", "Book once more; nothing was charged."),
    no.WrongState: Problem(409, "wrong-state", "Not possible now", "Look at the present state and go on from there."),
    no.PaymentRefused: Problem(
        402, "payment-refused", "Payment refused", "Pay with another instrument and a fresh key until `expires_at`."
    ),
    no.PaymentPending: Problem(
        409, "payment-pending", "Payment being confirmed", "Wait and look at the booking; never pay a second time."
    ),
    no.HandoverPending: Problem(
        409, "handover-pending", "Being handed over", "Wait for the message; asking for the same again is harmless."
    ),
    no.NotEnoughValue: Problem(409, "not-enough-value", "Not enough value", "Use less, or another means."),
    no.Locked: Problem(423, "locked", "Locked", "Wait ten minutes, or use the barcode or another means."),
    no.TooMany: Problem(429, "too-many", "Too many requests", "Come back after the seconds in Retry-After."),
    no.KeyReused: Problem(
        422, "key-reused", "Key used for something else", "Give every new request a key or scan id of its own."
    ),
    no.KeyBusy: Problem(409, "key-busy", "Still being worked on", "Ask again in a moment with the same key and body."),
    no.KeyMissing: Problem(
        400, "key-missing", "Idempotency-Key missing", "Send a fresh random Idempotency-Key and repeat it on retries."
    ),
    no.NotDrawable: Problem(422, "not-drawable", "Cannot be drawn", "Ask for a form and size that the detail names."),
    no.TemporarilyUnavailable: Problem(
        503, "temporarily-unavailable", "Temporarily unavailable", "Try again; nothing was changed."
    ),
    no.IssuerAway: Problem(
        503, "issuer-away", "Temporarily not on sale", "Try again after Retry-After seconds; nothing was changed."
    ),
}

INVALID = Problem(422, "invalid", "Invalid request", "Correct what `errors` names, each by its JSON pointer.")
TOO_LARGE = Problem(413, "too-large", "Request too large", "Send less at once.")
METHOD = Problem(405, "method-not-allowed", "Method not allowed", "Use one of the methods in Allow.")
MEDIA = Problem(415, "unsupported-media-type", "Unsupported media type", "Send application/json.")
BROKEN = Problem(500, "internal", "Internal error", "This is our fault. Try again; tell us the time if it stays.")
FORGED = Problem(400, "forged", "Not signed by the network", "Sign events with the secret that we were given.")
EDGES = (INVALID, TOO_LARGE, METHOD, MEDIA, BROKEN, FORGED)

UNREADABLE = 400
"""What FastAPI answers where a body breaks its parser, such as by endless nesting: to us it is as invalid as any."""
NO_JSON = {"pointer": "", "detail": "this body cannot be read; send less deeply nested JSON in UTF-8"}

NOT_FINAL = (
    no.PaymentPending,
    no.HandoverPending,
    no.KeyBusy,
    no.TooMany,
    no.TemporarilyUnavailable,
    no.NotAuthentic,
    no.NotAllowed,
)
"""Refusals that say nothing about the request itself: they are not stored under its Idempotency-Key."""


def known() -> dict[str, Problem]:
    """Every problem there is, by slug."""
    return {problem.slug: problem for problem in (*PROBLEMS.values(), *EDGES)}


def respond(
    request: Request, problem: Problem, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """A problem as a response. `more` are its members beyond those of RFC 9457."""
    base = request.app.state.public_url
    body = {"type": f"{base}/problems/{problem.slug}", "title": problem.title, "status": problem.status}
    content = jsonable_encoder({**body, "detail": detail, **more})
    return JSONResponse(content, problem.status, headers, media_type=MEDIA_TYPE)


def refusal_response(request: Request, refusal: no.Refusal) -> JSONResponse:
    problem = PROBLEMS[type(refusal)]
    more = {name: _plain(value) for name, value in refusal.more.items()}
    headers = {}
    if isinstance(refusal, no.TooMany):
        headers["Retry-After"] = str(refusal.more.get("retry_after_seconds", 60))
    if isinstance(refusal, no.IssuerAway):
        headers["Retry-After"] = str(refusal.more.get("retry_after_seconds", 5))
    if isinstance(refusal, no.NotAuthentic):
        headers["WWW-Authenticate"] = getattr(request.state, "challenge", "Bearer")
    return respond(request, problem, refusal.sentence, headers=headers, **more)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def _pointer(location: Sequence[int | str]) -> str:
    """`body.lines.0.quantity` as the JSON pointer /lines/0/quantity; other parts of a request by their kind."""
    kind, *rest = location
    path = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in rest)
    return path if kind == "body" else f"/{kind}{path}"


async def _refused(request: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, no.Refusal)
    return refusal_response(request, fault)


async def _invalid(request: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, RequestValidationError)
    errors = [
        {"pointer": _pointer(error["loc"]), "detail": str(error["msg"]).removeprefix("Value error, ")}
        for error in _innermost(fault.errors())
    ]
    places = ", ".join(dict.fromkeys(error["pointer"] or "the body" for error in errors))
    return respond(request, INVALID, f"Correct {places}; see `errors`.", errors=errors)


def _innermost(faults: Sequence[Any]) -> list[Any]:
    """Without those that only follow from one inside them: a list whose one item is wrong is also called too short."""
    places = [fault["loc"] for fault in faults]
    return [
        fault
        for fault in faults
        if not any(len(place) > len(fault["loc"]) and place[: len(fault["loc"])] == fault["loc"] for place in places)
    ]


async def _http(request: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, HTTPException)
    if fault.status_code == UNREADABLE:
        return respond(request, INVALID, "Correct the body; see `errors`.", errors=[NO_JSON])
    by_status = {problem.status: problem for problem in (METHOD, MEDIA, TOO_LARGE, PROBLEMS[no.NotFound])}
    problem = by_status.get(fault.status_code, Problem(fault.status_code, INVALID.slug, INVALID.title, INVALID.advice))
    return respond(request, problem, problem.advice, headers=fault.headers)


def install(app: FastAPI) -> None:
    """Answer every failure of `app` as a problem."""
    app.add_exception_handler(no.Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
