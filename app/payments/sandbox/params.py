"""Reading a form-encoded request (`card[number]=4242…`) into checked values.

Everything here happens before a request is executed: a fault found here is a 400 that no idempotency key remembers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qsl

from fastapi import Request

from app.payments.sandbox.errors import ApiError

BODY_BYTES_MAX = 65_536
FIELDS_MAX = 200
TEXT_CHARACTERS_MAX = 1_000
LIST_MAX = 100
METADATA_KEYS_MAX, METADATA_KEY_CHARACTERS_MAX, METADATA_VALUE_CHARACTERS_MAX = 50, 40, 500
INTEGER = re.compile(r"[0-9]{1,12}")
FORM = "application/x-www-form-urlencoded"

UNUSED = re.compile(
    r"(automatic_payment_methods|expand|payment_method_options)\[.*|"
    r"receipt_email|statement_descriptor(_suffix)?|setup_future_usage|off_session|use_stripe_sdk|customer"
)
"""Parameters of the real network that change nothing here, so that a client need not leave them out."""


async def read_body(request: Request) -> bytes:
    """The whole body; raises ApiError 413 as soon as more than BODY_BYTES_MAX arrived."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise ApiError(
                f"The request body is larger than {BODY_BYTES_MAX} bytes. Send less.",
                status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            )
    return bytes(body)


async def read_form(request: Request) -> Params:
    """The body's fields; raises ApiError 400 when it is not a form, 413 when it is too large."""
    body = await read_body(request)
    kind = request.headers.get("content-type", FORM).partition(";")[0].strip().lower()
    if body and kind != FORM:
        raise ApiError(f"Send the parameters as {FORM}, not as {kind[:80]!r}.")
    try:
        return Params(_fields(body.decode("ascii")))
    except UnicodeDecodeError:
        raise ApiError("The body is not form-encoded: percent-encode everything that is not ASCII.") from None


def read_query(request: Request) -> Params:
    """The query string's fields; raises ApiError 400."""
    return Params(_fields(request.url.query))


def _fields(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError:
        raise ApiError(f"The parameters are not UTF-8, or more than {FIELDS_MAX}.") from None
    fields: dict[str, str] = {}
    counted: Counter[str] = Counter()
    for written, value in pairs:
        name = written
        if written.endswith("[]"):  # `a[]=x&a[]=y` is the same list as `a[0]=x&a[1]=y`
            name = f"{written[:-2]}[{counted[written]}]"
            counted[written] += 1
        if name in fields:
            raise ApiError("A parameter was given twice.", param=name[:80])
        fields[name] = value
    return fields


class Params:
    """A request's fields, taken one by one with their rule; `done` refuses what nobody asked for. Never printed."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = dict(fields)
        self._left = dict(fields)

    def pairs(self) -> list[tuple[str, str]]:
        """All fields in one order: two requests with the same fields are the same request."""
        return sorted(self._fields.items())

    def has(self, name: str) -> bool:
        """Whether it was given, with something in it."""
        return bool(self._left.get(name))

    def optional(self, name: str, *, characters_max: int = TEXT_CHARACTERS_MAX) -> str | None:
        """A text, or None where it is missing or empty; raises ApiError when it is too long."""
        value = self._left.pop(name, "")
        if len(value) > characters_max:
            raise ApiError(f"'{name}' is longer than {characters_max} characters.", param=name)
        return value or None

    def required(self, name: str) -> str:
        value = self.optional(name)
        if value is None:
            raise ApiError(f"Missing required param: {name}.", code="parameter_missing", param=name)
        return value

    def listed(self, name: str) -> list[str]:
        """A list, `name[0]=…&name[1]=…`; empty where it is missing."""
        names = (f"{name}[{position}]" for position in range(LIST_MAX))
        return [text for each in names if (text := self.optional(each)) is not None]

    def group(self, name: str, *, characters_max: int) -> dict[str, str]:
        """All of `name[member]=value`, by member; raises ApiError for a value that is too long."""
        found = [full for full in self._left if full.startswith(f"{name}[") and full.endswith("]")]
        return {full[len(name) + 1 : -1]: self.optional(full, characters_max=characters_max) or "" for full in found}

    def choice(self, name: str, choices: tuple[str, ...], *, default: str | None = None) -> str:
        value = self.optional(name) or default
        if value not in choices:
            raise ApiError(f"'{name}' must be one of {', '.join(choices)}.", param=name)
        return value

    def boolean(self, name: str) -> bool:
        """`true` or `false`; missing is false."""
        return self.choice(name, ("true", "false"), default="false") == "true"

    def integer(self, name: str, *, minimum: int, maximum: int) -> int:
        value = self.optional_integer(name, minimum=minimum, maximum=maximum)
        if value is None:
            raise ApiError(f"Missing required param: {name}.", code="parameter_missing", param=name)
        return value

    def optional_integer(self, name: str, *, minimum: int, maximum: int) -> int | None:
        """A whole number within its bounds, or None where it is missing; raises ApiError."""
        text = self.optional(name)
        if text is None:
            return None
        if not INTEGER.fullmatch(text):
            raise ApiError(f"Invalid integer for '{name}'.", code="parameter_invalid_integer", param=name)
        if not minimum <= int(text) <= maximum:
            raise ApiError(
                f"'{name}' must be between {minimum} and {maximum}.", code="parameter_invalid_integer", param=name
            )
        return int(text)

    def metadata(self) -> dict[str, str]:
        """The shop's own notes, `metadata[name]=value`; raises ApiError beyond Stripe's limits."""
        found = self.group("metadata", characters_max=METADATA_VALUE_CHARACTERS_MAX)
        if not all(1 <= len(key) <= METADATA_KEY_CHARACTERS_MAX for key in found):
            raise ApiError(f"A metadata key has 1 to {METADATA_KEY_CHARACTERS_MAX} characters.", param="metadata")
        if len(found) > METADATA_KEYS_MAX:
            raise ApiError(f"At most {METADATA_KEYS_MAX} metadata keys are kept.", param="metadata")
        return found

    def done(self) -> None:
        """Nothing is left over; raises ApiError for a parameter that this request does not know."""
        for name in self._left:
            if not UNUSED.fullmatch(name):
                shown = name[:80]
                raise ApiError(f"Received unknown parameter: {shown}.", code="parameter_unknown", param=shown)
