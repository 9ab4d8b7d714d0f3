"""The idempotency layer: the first executed answer to a key is kept with its effect, and given again.

https://docs.stripe.com/api/idempotent_requests: the status and body of the first execution, whatever it was, 402 and
500 included; the same key with other parameters is refused; a key is forgotten after a day.
"""

from __future__ import annotations

import hmac
import json
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus

from app.payments.sandbox.errors import Answer, ApiError, error_body
from app.payments.sandbox.params import Params
from app.payments.sandbox.till import Till

KEY_CHARACTERS_MAX = 255
KEPT_SECONDS = 24 * 60 * 60
FORGOTTEN_PER_REQUEST_MAX = 100

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Keyed:
    """A request that carries an idempotency key: which one, whose, and a fingerprint of all that it asks."""

    scope: str
    key: str
    fingerprint: str


def keyed(key: str, *, scope: str, path: str, params: Params, secret: bytes) -> Keyed:
    """Raises ApiError 400. The fingerprint is keyed, since a card number may be among the parameters."""
    if not 1 <= len(key) <= KEY_CHARACTERS_MAX:
        raise ApiError(f"An Idempotency-Key has 1 to {KEY_CHARACTERS_MAX} characters.", kind="idempotency_error")
    asked = json.dumps([path, params.pairs()]).encode()
    return Keyed(scope, key, hmac.new(secret, b"request:" + asked, sha256).hexdigest())


def execute(
    till: Till, request: Keyed | None, operation: Callable[[Till], Answer], *, fail_after: bool = False
) -> Answer:
    """The stored answer to this key, or the operation's own, stored in the transaction of its effect.

    With `fail_after` the operation is carried out and its answer is a 500, stored like any other. Raises ApiError (not
    stored) when the key was used for another request.
    """
    if request is None:
        return _run(till, operation, fail_after=fail_after)
    stored = till.connection.execute(
        "SELECT fingerprint, status, body FROM answers WHERE scope = ? AND key = ? AND created > ?",
        (request.scope, request.key, till.seconds - KEPT_SECONDS),
    ).fetchone()
    if stored is None:
        answer = _run(till, operation, fail_after=fail_after)
        _remember(till, request, answer)
        return answer
    fingerprint, status, body = stored
    if not hmac.compare_digest(fingerprint, request.fingerprint):
        raise ApiError(
            "Keys for idempotent requests can only be used with the same parameters they were first used with."
            " Use another key for another request.",
            kind="idempotency_error",
        )
    return Answer(status, json.loads(body), replayed=True)


def known(till: Till, scope: str, key: str) -> bool:
    """Whether an answer to this key is kept."""
    row = till.connection.execute(
        "SELECT 1 FROM answers WHERE scope = ? AND key = ? AND created > ?", (scope, key, till.seconds - KEPT_SECONDS)
    ).fetchone()
    return row is not None


def _run(till: Till, operation: Callable[[Till], Answer], *, fail_after: bool) -> Answer:
    """Do it; an answer that says no, or a fault of ours, leaves no effect behind."""
    till.connection.execute("SAVEPOINT effect")
    try:
        answer = operation(till)
        if fail_after:
            answer = Answer(HTTPStatus.INTERNAL_SERVER_ERROR, error_body(FAILED_AFTER, kind="api_error"))
    except ApiError as refused:
        till.connection.execute("ROLLBACK TO effect")
        answer = refused.answer
    except sqlite3.OperationalError:
        raise  # the disk or the file: nothing was executed, and nothing can be stored
    except Exception:
        log.exception("a request failed; its answer is 500")
        till.connection.execute("ROLLBACK TO effect")
        answer = Answer(HTTPStatus.INTERNAL_SERVER_ERROR, error_body(FAILED, kind="api_error"))
    till.connection.execute("RELEASE effect")
    return answer


FAILED_AFTER = "The network failed on this request. It may have been carried out; look the payment up."
FAILED = "The network failed on this request. Nothing was charged by it; look the payment up before trying again."


def _remember(till: Till, request: Keyed, answer: Answer) -> None:
    till.connection.execute(
        "DELETE FROM answers WHERE rowid IN (SELECT rowid FROM answers WHERE created <= ? ORDER BY created LIMIT ?)",
        (till.seconds - KEPT_SECONDS, FORGOTTEN_PER_REQUEST_MAX),
    )
    till.connection.execute(
        "INSERT INTO answers (scope, key, fingerprint, status, body, created) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (scope, key) DO UPDATE SET fingerprint = excluded.fingerprint, status = excluded.status,"
        " body = excluded.body, created = excluded.created",
        (request.scope, request.key, request.fingerprint, answer.status, json.dumps(answer.body), till.seconds),
    )
