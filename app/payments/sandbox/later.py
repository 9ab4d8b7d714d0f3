"""What the network has promised itself to do later, done when its time has come."""

from __future__ import annotations

from collections.abc import Callable

from app.payments.sandbox import disputes, refunds
from app.payments.sandbox.cards import Behaviour
from app.payments.sandbox.errors import ApiError
from app.payments.sandbox.states import DisputeEvent, Task
from app.payments.sandbox.till import Till

TASKS_PER_TURN_MAX = 100

COMPLAINTS = {
    Behaviour.DISPUTE: ("fraudulent", False),
    Behaviour.DISPUTE_NOT_RECEIVED: ("product_not_received", False),
    Behaviour.INQUIRY: ("fraudulent", True),
}
"""Behaviour -> the reason the holder gives, and whether the bank only inquires."""


def _complain(till: Till, intent_id: str) -> None:
    """The holder disputes the payment, unless nothing of it is left by now."""
    intent = till.intent(intent_id)
    assert intent.payment_method is not None
    reason, inquiry = COMPLAINTS[till.method(intent.payment_method).behaviour]
    try:
        disputes.create(till, intent_id, reason=reason, inquiry=inquiry)
    except ApiError:
        return  # it was refunded, or disputed by hand, in the meantime


def _win(till: Till, dispute_id: str) -> None:
    disputes.decide_if_open(till, dispute_id, DisputeEvent.WON)


def _lose(till: Till, dispute_id: str) -> None:
    disputes.decide_if_open(till, dispute_id, DisputeEvent.LOST)


DOING: dict[Task, Callable[[Till, str], None]] = {
    Task.SETTLE_REFUND: refunds.settle,
    Task.FAIL_REFUND: refunds.fail,
    Task.OPEN_DISPUTE: _complain,
    Task.WIN_DISPUTE: _win,
    Task.LOSE_DISPUTE: _lose,
    Task.LAPSE_DISPUTE: disputes.lapse,
}


def do_due(till: Till) -> float | None:
    """Do what is due, each with its effect in this transaction; the seconds until the next is due, None for never."""
    now = till.now.timestamp()
    due = till.connection.execute(
        "SELECT seq, kind, subject FROM tasks WHERE due <= ? ORDER BY due LIMIT ?", (now, TASKS_PER_TURN_MAX)
    ).fetchall()
    for seq, kind, subject in due:
        till.connection.execute("DELETE FROM tasks WHERE seq = ?", (seq,))
        DOING[Task(kind)](till, subject)
    (following,) = till.connection.execute("SELECT min(due) FROM tasks").fetchone()
    return None if following is None else max(0.0, following - now)
