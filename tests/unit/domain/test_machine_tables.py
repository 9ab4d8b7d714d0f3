"""Every machine, every (state, event) pair both ways: a legal one advances, an illegal one raises."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest

from app.domain.booking import BOOKING, BookingEvent, BookingState
from app.domain.delivery import DELIVERY, DeliveryEvent, DeliveryState
from app.domain.dispute import DISPUTE, DisputeEvent, DisputeState
from app.domain.gate import GATE, GateEvent, GateState
from app.domain.machine import IllegalTransition, Machine
from app.domain.payment import LIVE, OPEN, PAYMENT, PaymentEvent, PaymentState
from app.domain.refund import REFUND, RefundEvent, RefundState
from app.domain.ticket import TICKET, TicketEvent, TicketState

AnyMachine = Machine[Any, Any]

ALL: list[tuple[AnyMachine, type[StrEnum], type[StrEnum], frozenset[StrEnum]]] = [
    (
        BOOKING,
        BookingState,
        BookingEvent,
        frozenset({BookingState.EXPIRED, BookingState.CANCELLED, BookingState.REFUNDED}),
    ),
    (
        PAYMENT,
        PaymentState,
        PaymentEvent,
        frozenset({PaymentState.DECLINED, PaymentState.VOIDED, PaymentState.REFUNDED}),
    ),
    (TICKET, TicketState, TicketEvent, frozenset({TicketState.REVOKED})),
    (DELIVERY, DeliveryState, DeliveryEvent, frozenset({DeliveryState.DELIVERED})),
    (GATE, GateState, GateEvent, frozenset()),
    (REFUND, RefundState, RefundEvent, frozenset({RefundState.REFUSED})),
    (DISPUTE, DisputeState, DisputeEvent, frozenset({DisputeState.WON})),
]
"""Machine, its states, its events, and the states in which its noun may rest for ever."""

PAIRS = [(machine, state, event) for machine, states, events, _ in ALL for state in states for event in events]
LEGAL = [pair for pair in PAIRS if pair[1] in pair[0].table[pair[2]][0]]
ILLEGAL = [pair for pair in PAIRS if pair not in LEGAL]


def name(value: object) -> str:
    return value.noun if isinstance(value, Machine) else str(value)


@pytest.mark.parametrize(("machine", "state", "event"), LEGAL, ids=name)
def test_a_legal_event_leads_to_its_target(machine: AnyMachine, state: StrEnum, event: StrEnum) -> None:
    assert machine.advance(state, event) is machine.target(event)
    assert state in machine.sources(event)


@pytest.mark.parametrize(("machine", "state", "event"), ILLEGAL, ids=name)
def test_an_illegal_event_raises_and_names_what_cannot_be(machine: AnyMachine, state: StrEnum, event: StrEnum) -> None:
    with pytest.raises(IllegalTransition) as caught:
        machine.advance(state, event)
    assert str(caught.value) == f"a {state.value} {machine.noun} cannot {event.value}"
    assert state not in machine.sources(event)


@pytest.mark.parametrize(("machine", "states", "events", "_final"), ALL, ids=[machine.noun for machine, *_ in ALL])
def test_a_table_is_total_over_its_own_events_and_states(
    machine: AnyMachine, states: type[StrEnum], events: type[StrEnum], _final: object
) -> None:
    assert set(machine.table) == set(events)
    assert machine.start in states
    for sources, target in machine.table.values():
        assert sources
        assert sources <= set(states)
        assert target in states


@pytest.mark.parametrize(("machine", "states", "_events", "_final"), ALL, ids=[machine.noun for machine, *_ in ALL])
def test_every_state_is_reachable_from_the_start(
    machine: AnyMachine, states: type[StrEnum], _events: object, _final: object
) -> None:
    reached, frontier = {machine.start}, {machine.start}
    while frontier:
        frontier = {target for sources, target in machine.table.values() if sources & frontier} - reached
        reached |= frontier
    assert reached == set(states)


@pytest.mark.parametrize(("machine", "states", "_events", "final"), ALL, ids=[machine.noun for machine, *_ in ALL])
def test_every_state_that_is_not_final_has_a_way_out_and_a_final_one_has_none(
    machine: AnyMachine, states: type[StrEnum], _events: object, final: frozenset[StrEnum]
) -> None:
    left = {source for sources, target in machine.table.values() for source in sources if source is not target}
    assert set(states) - left == final


@pytest.mark.parametrize(
    ("events", "end"),
    [
        ([BookingEvent.BEGIN, BookingEvent.APPROVE, BookingEvent.REFUND], BookingState.REFUNDED),
        ([BookingEvent.BEGIN, BookingEvent.REFUSE, BookingEvent.BEGIN, BookingEvent.APPROVE], BookingState.PAID),
        ([BookingEvent.BEGIN, BookingEvent.REFUSE, BookingEvent.EXPIRE], BookingState.EXPIRED),
        ([BookingEvent.CANCEL], BookingState.CANCELLED),
    ],
)
def test_a_booking_lives_as_the_story_tells(events: list[BookingEvent], end: BookingState) -> None:
    state = BOOKING.start
    for event in events:
        state = BOOKING.advance(state, event)
    assert state is end


def test_nothing_undoes_a_paid_booking_but_a_refund() -> None:
    assert {event for event in BookingEvent if BookingState.PAID in BOOKING.sources(event)} == {BookingEvent.REFUND}


def test_a_payment_lost_sight_of_may_still_turn_out_any_way() -> None:
    ends = {PAYMENT.target(event) for event in PaymentEvent if PaymentState.UNKNOWN in PAYMENT.sources(event)}
    assert ends >= {PaymentState.CAPTURED, PaymentState.DECLINED, PaymentState.AUTHORIZED, PaymentState.VOIDED}


def test_a_payment_is_open_until_its_money_can_move_no_more() -> None:
    settled = {PaymentState.CAPTURED, PaymentState.DECLINED, PaymentState.VOIDED, PaymentState.REFUNDED}
    assert set(PaymentState) - OPEN == settled
    assert OPEN | {PaymentState.CAPTURED} == LIVE


def test_money_that_was_not_asked_for_is_never_captured() -> None:
    assert PaymentState.CREATED not in PAYMENT.sources(PaymentEvent.CAPTURE)


@pytest.mark.parametrize("state", list(GateState))
def test_a_gate_may_always_be_invited_again(state: GateState) -> None:
    assert GATE.advance(state, GateEvent.INVITE) is GateState.PENDING


def test_a_receipt_may_overtake_the_answer_to_its_message() -> None:
    assert DELIVERY.advance(DeliveryState.QUEUED, DeliveryEvent.ARRIVE) is DeliveryState.DELIVERED
