"""What the network answers when it does not do what was asked, in Stripe's shape.

https://docs.stripe.com/api/errors: `{"error": {"type", "code", "decline_code", "message", "param"}}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

JsonValue = str | int | bool | None | list["JsonValue"] | dict[str, "JsonValue"]
Json = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it goes out, and as it is stored for replay."""

    status: int
    body: Json
    replayed: bool = False


class ApiError(Exception):
    """A request that had no effect; it carries its answer."""

    def __init__(
        self,
        message: str,
        *,
        status: int = HTTPStatus.BAD_REQUEST,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        more: Json | None = None,
    ) -> None:
        super().__init__(message)
        self.answer = Answer(status, error_body(message, kind=kind, code=code, param=param, more=more))


def error_body(
    message: str, *, kind: str, code: str | None = None, param: str | None = None, more: Json | None = None
) -> Json:
    """The error object; members that have nothing to say are left out, as Stripe does."""
    members: Json = {"type": kind, "code": code, "message": message, "param": param}
    said: Json = {name: value for name, value in members.items() if value is not None}
    return {"error": {**said, **(more or {})}}


def missing(kind: str, identifier: str, *, param: str = "id") -> ApiError:
    """404: no such object."""
    return ApiError(
        f"No such {kind}: '{identifier}'. Check the id, and that it was made at this network.",
        status=HTTPStatus.NOT_FOUND,
        code="resource_missing",
        param=param,
    )
