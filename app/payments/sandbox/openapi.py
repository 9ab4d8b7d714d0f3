"""What the network's OpenAPI document says of each call: its fields, what it answers, what may go wrong.

The API takes forms, as Stripe's does, and reads them itself, so that FastAPI cannot see the fields: they stand beside
each route, and a test sends every one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from app.payments.sandbox.schemas import ERROR, SCHEMAS
from app.payments.sandbox.version import API_VERSION

WORDS = {
    HTTPStatus.BAD_REQUEST: "A parameter is wrong, or this is not possible now. Nothing was done.",
    HTTPStatus.UNAUTHORIZED: "No key, or not this network's.",
    HTTPStatus.PAYMENT_REQUIRED: "The card was refused.",
    HTTPStatus.FORBIDDEN: "A publishable key is not enough.",
    HTTPStatus.NOT_FOUND: "No such object.",
    HTTPStatus.CONFLICT: "A request with this Idempotency-Key is still being worked on.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests at once; nothing was done.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "The network failed; it may have done what was asked.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Too many connections; nothing was done.",
}
ALWAYS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter. `example` is sent by the test; `choices` are all it may be."""

    name: str
    words: str
    example: str
    required: bool = False
    kind: str = "string"
    choices: Sequence[str] = ()

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": self.kind, **({"enum": list(self.choices)} if self.choices else {})}


LIMIT = Field("limit", "How many at most, 1 to 100; 10 where it is missing.", "2", kind="integer")
AFTER = Field("starting_after", "The last id of the page before.", "")
SINCE = Field("created[gte]", "Made at this Unix second or later; `gt`, `lt`, `lte` likewise.", "0", kind="integer")
METADATA = Field("metadata[note]", "The shop's own notes, any names, at most 50.", "row 7")


def call(
    summary: str,
    *,
    answers: str,
    tag: str,
    form: Sequence[Field] = (),
    query: Sequence[Field] = (),
    errors: Sequence[HTTPStatus] = (),
) -> dict[str, Any]:
    """The keywords for a route's decorator."""
    statuses = sorted({*ALWAYS, *errors})
    parameters = [
        {"name": each.name, "in": "query", "required": each.required, "description": each.words, "schema": each.schema}
        for each in query
    ]
    extra: dict[str, Any] = {"parameters": parameters, "security": [{"key": []}]}
    if form:
        extra["parameters"] = [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "The same key again brings the same answer for a day, and nothing is done twice.",
                "schema": {"type": "string", "maxLength": 255},
            }
        ]
        extra["requestBody"] = _body(form)
    return {
        "summary": summary,
        "tags": [tag],
        "response_class": JSONResponse,
        "openapi_extra": extra,
        "responses": {
            200: {"description": "Done.", "content": _json({"$ref": f"#/components/schemas/{answers}"})},
            **{
                int(status): {"description": WORDS[status], "content": _json({"$ref": "#/components/schemas/error"})}
                for status in statuses
            },
        },
    }


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _body(form: Sequence[Field]) -> dict[str, Any]:
    required = [each.name for each in form if each.required]
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {each.name: {**each.schema, "description": each.words} for each in form},
        "additionalProperties": False,
    }
    if required:
        schema["required"] = required
    return {"required": bool(required), "content": {"application/x-www-form-urlencoded": {"schema": schema}}}


def document(app: FastAPI) -> dict[str, Any]:
    """The whole document, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title,
            version=API_VERSION,
            description="A card network for tests: Stripe's shapes, no real money, and bad days to order.",
            routes=app.routes,
        )
        for methods in made["paths"].values():
            for each in methods.values():
                each["responses"].pop("422", None)  # FastAPI's own, for path parameters; any text is one here
        made.setdefault("components", {})["schemas"] = {**SCHEMAS, "error": ERROR}
        made["components"]["securitySchemes"] = {
            "key": {"type": "http", "scheme": "bearer", "description": "The secret key, sk_…"}
        }
        app.openapi_schema = made
    return app.openapi_schema
