"""An answer as an HTTP response."""

from __future__ import annotations

import json

from starlette.responses import Response

from app.payments.sandbox.errors import Answer


def respond(answer: Answer) -> Response:
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else {}
    return Response(json.dumps(answer.body), answer.status, headers, media_type="application/json")
