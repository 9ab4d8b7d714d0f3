"""A payment intent's table: every state with every event."""

from __future__ import annotations

import pytest

from app.payments.sandbox.states import (
    DISPUTE_TRANSITIONS,
    TRANSITIONS,
    DisputeEvent,
    DisputeStatus,
    Event,
    IllegalTransition,
    Status,
    advance,
    advance_dispute,
)

ALLOWED = {
    (Status.REQUIRES_PAYMENT_METHOD, Event.ATTACHED): Status.REQUIRES_CONFIRMATION,
    (Status.REQUIRES_PAYMENT_METHOD, Event.CANCELED): Status.CANCELED,
    (Status.REQUIRES_CONFIRMATION, Event.ATTACHED): Status.REQUIRES_CONFIRMATION,
    (Status.REQUIRES_CONFIRMATION, Event.AUTHORIZED): Status.REQUIRES_CAPTURE,
    (Status.REQUIRES_CONFIRMATION, Event.TAKEN): Status.SUCCEEDED,
    (Status.REQUIRES_CONFIRMATION, Event.DECLINED): Status.REQUIRES_PAYMENT_METHOD,
    (Status.REQUIRES_CONFIRMATION, Event.CANCELED): Status.CANCELED,
    (Status.REQUIRES_CONFIRMATION, Event.CHALLENGED): Status.REQUIRES_ACTION,
    (Status.REQUIRES_ACTION, Event.AUTHORIZED): Status.REQUIRES_CAPTURE,
    (Status.REQUIRES_ACTION, Event.TAKEN): Status.SUCCEEDED,
    (Status.REQUIRES_ACTION, Event.DECLINED): Status.REQUIRES_PAYMENT_METHOD,
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
    assert set(DISPUTE_TRANSITIONS) == set(DisputeStatus)


@pytest.mark.parametrize("status", DisputeStatus)
def test_an_inquiry_takes_no_side_and_a_dispute_ends_won_or_lost(status: DisputeStatus) -> None:
    ends = set()
    for event in DisputeEvent:
        try:
            ends.add(advance_dispute(status, event))
        except IllegalTransition as refused:
            assert status in str(refused)  # noqa: PT017 - whether it is refused depends on the state
    if status.value.endswith("response"):
        assert DisputeStatus.WON in ends or DisputeStatus.WARNING_CLOSED in ends
    elif status in {DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.WARNING_CLOSED}:
        assert ends == set()
    elif status is DisputeStatus.UNDER_REVIEW:
        assert ends == {DisputeStatus.WON, DisputeStatus.LOST}
    else:
        assert ends == {DisputeStatus.WARNING_CLOSED, DisputeStatus.NEEDS_RESPONSE}
