"""The only way to change an intent: the status, what goes with it, and the news of it, in one transaction."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from app.payments.sandbox import objects
from app.payments.sandbox.errors import ApiError, Json
from app.payments.sandbox.events import publish
from app.payments.sandbox.states import ChallengeStatus, Event, IllegalTransition, Status, advance
from app.payments.sandbox.till import Intent, Till


@dataclass(frozen=True, slots=True)
class Changes:
    """What an event writes beside the status; None leaves a column as it is."""

    payment_method: str | None = None
    amount_received: int | None = None
    latest_charge: str | None = None
    last_payment_error: Json | None = None
    cancellation_reason: str | None = None
    next_action: Json | None = None


def move(till: Till, intent: Intent, event: Event, changes: Changes | None = None) -> Intent:
    """The intent after `event`: the only place that writes a status. Raises IllegalTransition.

    Compare-and-set on the old status, so a stale `intent` can never overwrite a newer one.
    """
    changes = changes or Changes()
    error, action = changes.last_payment_error, changes.next_action
    after = replace(
        intent,
        status=advance(intent.status, event),
        payment_method=None if event is Event.DECLINED else changes.payment_method or intent.payment_method,
        amount_received=intent.amount_received if changes.amount_received is None else changes.amount_received,
        latest_charge=changes.latest_charge or intent.latest_charge,
        last_payment_error=json.dumps(error) if error else None,
        canceled_at=till.seconds if event is Event.CANCELED else None,
        cancellation_reason=changes.cancellation_reason,
        next_action=json.dumps(action) if action else None,
    )
    done = till.connection.execute(
        "UPDATE payment_intents SET status = ?, payment_method = ?, amount_received = ?, latest_charge = ?,"
        " last_payment_error = ?, canceled_at = ?, cancellation_reason = ?, next_action = ?"
        " WHERE id = ? AND status = ?",
        (
            *(after.status, after.payment_method, after.amount_received, after.latest_charge),
            *(after.last_payment_error, after.canceled_at, after.cancellation_reason, after.next_action),
            *(intent.id, intent.status),
        ),
    )
    assert done.rowcount == 1, "the intent changed inside its own transaction"
    if intent.status is Status.REQUIRES_ACTION:
        _close_challenge(till, intent.id)
    if event is not Event.ATTACHED:
        publish(till, event, objects.payment_intent(after))
    return after


def _close_challenge(till: Till, intent_id: str) -> None:
    """Whatever moved the intent on, there is nothing left to ask the holder."""
    till.connection.execute(
        "UPDATE challenges SET status = ? WHERE payment_intent = ? AND status = ?",
        (ChallengeStatus.CLOSED, intent_id, ChallengeStatus.OPEN),
    )


def move_or_refuse(till: Till, intent: Intent, event: Event, changes: Changes | None = None) -> Intent:
    """`move` on a caller's word: where it cannot be, an ApiError 400 says how the intent stands."""
    try:
        return move(till, intent, event, changes)
    except IllegalTransition as fault:
        raise unexpected(intent, f"This request is not possible now: {fault}.") from fault


def unexpected(intent: Intent, message: str) -> ApiError:
    """400: the intent is in another state than the request needs."""
    return ApiError(
        message, code="payment_intent_unexpected_state", more={"payment_intent": objects.payment_intent(intent)}
    )
