"""A payment intent's table: every state with every event."""

from __future__ import annotations

import pytest

from app.payments.sandbox.states import TRANSITIONS, Event, IllegalTransition, Status, advance

ALLOWED = {
    (Status.REQUIRES_PAYMENT_METHOD, Event.ATTACHED): Status.REQUIRES_CONFIRMATION,
    (Status.REQUIRES_PAYMENT_METHOD, Event.CANCELED): Status.CANCELED,
    (Status.REQUIRES_CONFIRMATION, Event.ATTACHED): Status.REQUIRES_CONFIRMATION,
    (Status.REQUIRES_CONFIRMATION, Event.AUTHORIZED): Status.REQUIRES_CAPTURE,
    (Status.REQUIRES_CONFIRMATION, Event.TAKEN): Status.SUCCEEDED,
    (Status.REQUIRES_CONFIRMATION, Event.DECLINED): Status.REQUIRES_PAYMENT_METHOD,
    (Status.REQUIRES_CONFIRMATION, Event.CANCELED): Status.CANCELED,
    (Status.REQUIRES_ACTION, Event.CANCELED): Status.CANCELED,
    (Status.REQUIRES_CAPTURE, Event.TAKEN): Status.SUCCEEDED,
    (Status.REQUIRES_CAPTURE, Event.CANCELED): Status.CANCELED,
}


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("status", Status)
def test_each_event_leads_where_the_lifecycle_says_or_nowhere(status: Status, event: Event) -> None:
    if (status, event) in ALLOWED:
        assert advance(status, event) is ALLOWED[status, event]
    else:
        with pytest.raises(IllegalTransition, match=status):
            advance(status, event)


def test_every_state_has_its_row() -> None:
    assert set(TRANSITIONS) == set(Status)
