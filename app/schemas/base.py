"""Shapes that every schema shares: strict input, mobile numbers, money, cursors."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from app.domain.money import Money
from app.flows.handset import numbers


def storable(text: str | None) -> str | None:
    """A text that PostgreSQL can compare and keep; raises ValueError."""
    if text is not None and "\0" in text:
        raise ValueError("this text holds a NUL character; leave it out")
    return text


Storable = AfterValidator(storable)


class In(BaseModel):
    """A request body: a field we do not know is a mistake of whoever sent it."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    @field_validator("*")
    @classmethod
    def _storable(cls, value: object) -> object:
        if isinstance(value, str):
            storable(value)
        return value


class Out(BaseModel):
    model_config = ConfigDict(frozen=True)


parse_mobile = numbers.parse_mobile
Mobile = Annotated[str, Field(min_length=5, max_length=32, examples=["010-1234-5678"]), AfterValidator(parse_mobile)]
Language = Literal["ko", "en"]
Text = dict[str, str]
"""Words by language."""


class MoneyOut(Out):
    """An amount in minor units of its currency, and as a person reads it."""

    amount: int
    currency: str
    text: str

    @classmethod
    def of(cls, money: Money, language: str = "en") -> MoneyOut:
        return cls(amount=money.amount, currency=money.currency, text=money.words(language))


def cursor(*parts: object) -> str:
    """An opaque place in a listing."""
    return base64.urlsafe_b64encode(json.dumps([str(part) for part in parts]).encode()).decode().rstrip("=")


def read_cursor(text: str, count: int) -> list[str]:
    """The parts of a cursor we gave out; raises ValueError."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        parts = None
    if not isinstance(parts, list) or len(parts) != count or not all(isinstance(part, str) for part in parts):
        raise ValueError("this cursor is not one of ours; start without one")
    return parts


PROBLEM_CONTENT: Mapping[str, Any] = {
    "application/problem+json": {
        "schema": {
            "type": "object",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": {"type": "string", "format": "uri"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
            },
        }
    }
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route: which problems it may answer with."""
    words = {
        400: "The Idempotency-Key is missing; or an event is not signed by its network.",
        401: "Not signed in.",
        402: "The payment was refused; the hold stays.",
        403: "The key has not the scope.",
        404: "Not found, or not yours.",
        409: "Not possible now; the detail says why.",
        410: "The hold ran out.",
        413: "The body is too large.",
        422: "The request contradicts itself or the schema.",
        423: "Too many wrong PINs.",
        429: "Too often; see Retry-After.",
        503: "A part does not answer; nothing was changed.",
    }
    return {
        status: {"description": words[status], "content": dict(PROBLEM_CONTENT)} for status in {*statuses, 413, 422}
    }
