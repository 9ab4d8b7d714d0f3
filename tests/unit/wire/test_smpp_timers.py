"""An SMPP session in time: what is due when, and what becomes of what did not come."""

from __future__ import annotations

import pytest
from smpp_kit import NEVER, Pair, a_submit

from mobile_gateway.wire.smpp import (
    BindTransceiver,
    Closed,
    EnquireLink,
    EnquireLinkResp,
    Event,
    LateResponse,
    LocalProtocolError,
    Role,
    Sent,
    Session,
    State,
    SubmitSmResp,
    TimedOut,
    Timers,
    Unbind,
    Why,
    decode_one,
    encode,
)

TIMERS = Timers(session_init_seconds=5, enquire_link_seconds=30, inactivity_seconds=300, response_seconds=10)


def why(events: list[Event]) -> Why:
    (event,) = events
    assert isinstance(event, Closed)
    return event.why


@pytest.mark.parametrize("role", Role, ids=lambda role: role.value)
def test_a_session_that_is_not_bound_in_time_ends(role: Role) -> None:
    session = Session(role, timers=TIMERS, window=1, now=100.0)
    session.receive_data(b"\0\0", 104.0)  # dribbling buys no time
    assert session.next_deadline() == 105.0
    assert session.tick(104.9) == []
    assert why(session.tick(105.0)) is Why.NO_BIND
    assert session.state is State.CLOSED


def test_a_silent_peer_is_asked_whether_it_is_there() -> None:
    pair = Pair(timers=TIMERS).bind()
    assert pair.esme.next_deadline() == 130.0
    assert pair.esme.tick(129.9) == []
    assert pair.esme.outgoing() == b""
    assert pair.esme.tick(130.0) == []
    question = pair.esme.outgoing()
    assert decode_one(question) == (EnquireLink(), 0, 2)
    assert pair.esme.next_deadline() == 140.0, "it is asked once, and then waited for"
    assert pair.esme.tick(135.0) == []
    assert pair.esme.outgoing() == b""
    pair.now = 139.0
    assert pair.carry(pair.esme, question) == []
    assert pair.esme.next_deadline() == 169.0


def test_a_peer_that_does_not_answer_is_gone() -> None:
    pair = Pair(timers=TIMERS).bind()
    pair.esme.tick(130.0)
    assert pair.esme.tick(139.9) == []
    assert why(pair.esme.tick(140.0)) is Why.NO_ANSWER


def test_whatever_comes_whole_shows_that_the_peer_is_there() -> None:
    pair = Pair(timers=TIMERS).bind()
    octets = encode(a_submit(), sequence=9)
    pair.smsc.receive_data(octets[:-1], 120.0)
    assert pair.smsc.next_deadline() == 130.0
    pair.smsc.receive_data(octets[-1:], 125.0)
    assert pair.smsc.next_deadline() == 155.0


def test_a_request_without_an_answer_times_out_and_its_answer_comes_late() -> None:
    pair = Pair(timers=TIMERS).bind()
    first = pair.ask(pair.esme, a_submit(source_addr="1"))
    pair.now = 104.0
    pair.ask(pair.esme, a_submit(source_addr="2"))
    assert pair.esme.next_deadline() == 110.0
    assert pair.esme.tick(110.0) == [TimedOut((Sent(2, a_submit(source_addr="1")),))]
    assert pair.esme.pending == 1
    assert pair.esme.next_deadline() == 114.0
    assert pair.answer(first, SubmitSmResp(message_id="A")) == [LateResponse(SubmitSmResp(message_id="A"), 2, 0)]
    assert pair.esme.state is State.BOUND_TRX


def test_a_bind_without_an_answer_ends_the_session() -> None:
    esme = Session(Role.ESME, timers=Timers(session_init_seconds=None, response_seconds=10), window=1, now=0.0)
    esme.send(BindTransceiver(), 1.0)
    assert esme.next_deadline() == 11.0
    assert why(esme.tick(11.0)) is Why.NO_ANSWER


def test_a_goodbye_without_an_answer_ends_the_session() -> None:
    pair = Pair(timers=TIMERS).bind()
    pair.esme.send(Unbind(), pair.now)
    assert why(pair.esme.tick(110.0)) is Why.NO_ANSWER


def test_a_peer_that_never_hangs_up_after_goodbye_is_left() -> None:
    pair = Pair(timers=TIMERS).bind()
    pair.tell(pair.esme, Unbind())
    assert pair.smsc.next_deadline() == 400.0, "nobody asks after goodbye whether the other is there"
    assert why(pair.smsc.tick(400.0)) is Why.SILENCE


def test_silence_ends_a_session_that_asks_no_questions() -> None:
    pair = Pair(timers=Timers(enquire_link_seconds=None, inactivity_seconds=50, response_seconds=None)).bind()
    assert pair.smsc.next_deadline() == 150.0
    assert why(pair.smsc.tick(150.0)) is Why.SILENCE


def test_what_timed_out_is_told_before_the_end() -> None:
    pair = Pair(timers=TIMERS).bind()
    pair.ask(pair.esme, a_submit())
    timed_out, closed = pair.esme.tick(1000.0)
    assert isinstance(timed_out, TimedOut)
    assert isinstance(closed, Closed)
    assert closed.abandoned == ()


def test_without_timers_a_session_waits_for_ever() -> None:
    pair = Pair(timers=NEVER).bind()
    pair.ask(pair.esme, a_submit())
    assert pair.esme.next_deadline() is None
    assert pair.esme.tick(1e9) == []
    assert pair.esme.outgoing() == b""


def test_our_own_question_is_answered_without_a_word() -> None:
    pair = Pair().bind()
    octets = pair.esme.send(EnquireLink(), pair.now)
    assert pair.smsc.receive_data(octets, pair.now) == []
    assert decode_one(pair.smsc.outgoing()) == (EnquireLinkResp(), 0, 2)


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_timer_that_is_always_due_is_our_bug(seconds: float) -> None:
    with pytest.raises(LocalProtocolError):
        Timers(response_seconds=seconds)
