"""An SMPP session whose peer breaks the protocol: it answers where it may, tells its owner, and never raises."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from smpp_kit import NEVER, Pair, a_submit

from mobile_gateway.wire.smpp import (
    Closed,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    EnquireLinkResp,
    Event,
    Faulty,
    GenericNack,
    LateResponse,
    Nacked,
    Pdu,
    QuerySm,
    Request,
    Response,
    Role,
    Sent,
    Session,
    State,
    Status,
    SubmitMulti,
    SubmitSmResp,
    Unbind,
    Why,
    decode_one,
    encode,
    tlvs,
)
from mobile_gateway.wire.smpp.codec import nack
from mobile_gateway.wire.smpp.fields import Address
from mobile_gateway.wire.smpp.states import BOUND

SAYINGS: dict[Role, list[Pdu]] = {
    Role.ESME: [a_submit(), SubmitMulti(dest_addresses=(Address(1, 1, "82"),)), QuerySm(), Unbind(), DeliverSmResp()],
    Role.SMSC: [DeliverSm(short_message=b"hi"), DataSm(), SubmitSmResp(message_id="A"), Unbind(), EnquireLinkResp()],
}


def only(events: list[Event]) -> Event:
    (event,) = events
    return event


def test_a_nack_names_the_request_it_refuses() -> None:
    pair = Pair().bind()
    pair.ask(pair.esme, a_submit())
    for expected in (Sent(2, a_submit()), None):
        (event,) = pair.esme.receive_data(nack(2, Status.RINVCMDLEN), pair.now)
        assert event == Nacked(expected, 2, Status.RINVCMDLEN)
    assert pair.esme.pending == 0
    assert pair.esme.outgoing() == b"", "a nack is never nacked"


def test_an_answer_to_nothing_is_told_and_left_at_that() -> None:
    pair = Pair().bind()
    (event,) = pair.esme.receive_data(encode(SubmitSmResp(message_id="A"), sequence=50), pair.now)
    assert event == LateResponse(SubmitSmResp(message_id="A"), 50, 0)
    assert pair.esme.outgoing() == b""


def test_an_answer_of_the_wrong_kind_leaves_the_request_waiting() -> None:
    pair = Pair().bind()
    pair.ask(pair.esme, a_submit())
    event = only(pair.esme.receive_data(encode(DataSmResp(), sequence=2), pair.now))
    assert isinstance(event, Faulty)
    assert event.to is None
    assert pair.esme.pending == 1
    assert pair.esme.outgoing() == b""


def test_an_answer_that_cannot_be_read_names_the_request_it_was_for() -> None:
    pair = Pair().bind()
    pair.ask(pair.esme, a_submit())
    broken = bytes.fromhex("00000013 80000004 00000000 00000002 414243")
    event = only(pair.esme.receive_data(broken, pair.now))
    assert isinstance(event, Faulty)
    assert event.to == Sent(2, a_submit())
    assert pair.esme.pending == 0
    assert pair.esme.outgoing() == b""


def test_a_broken_request_is_refused_and_the_session_goes_on() -> None:
    pair = Pair().bind()
    broken = bytes.fromhex("00000014 00000004 00000000 00000009 41414141")
    (fault, request) = pair.smsc.receive_data(broken + encode(a_submit(), sequence=10), pair.now)
    assert isinstance(fault, Faulty)
    assert isinstance(request, Request)
    assert decode_one(pair.smsc.outgoing()) == (SubmitSmResp(), Status.RINVSERTYP, 9)


@pytest.mark.parametrize("state", [State.OPEN, State.BOUND_TRX], ids=lambda state: state.value)
def test_an_unknown_command_is_nacked_and_the_session_goes_on(state: State) -> None:
    pair = Pair() if state is State.OPEN else Pair().bind()
    unknown = bytes.fromhex("00000010 00000077 00000000 00000009")
    assert isinstance(only(pair.smsc.receive_data(unknown, pair.now)), Faulty)
    assert decode_one(pair.smsc.outgoing()) == (GenericNack(), Status.RINVCMDID, 9)
    assert pair.smsc.state is state


@pytest.mark.parametrize("length", ["00000000", "0000000F", "80000000", "FFFFFFFF"])
def test_a_false_length_ends_the_session_without_being_stored(length: str) -> None:
    pair = Pair().bind()
    pair.ask(pair.smsc, DeliverSm())
    octets = encode(a_submit(), sequence=10) + bytes.fromhex(f"{length} 00000004 00000000 00000009") + bytes(1000)
    request, closed = pair.smsc.receive_data(octets, pair.now)
    assert isinstance(request, Request)
    assert isinstance(closed, Closed)
    assert closed.why is Why.BROKEN_STREAM
    assert str(int(length, 16)) in closed.detail
    assert closed.abandoned == (Sent(1, DeliverSm()),)
    assert decode_one(pair.smsc.outgoing()) == (GenericNack(), Status.RINVCMDLEN, 9)
    assert pair.smsc.state is State.CLOSED
    assert pair.smsc.receive_data(octets, pair.now) == []


@settings(max_examples=100)
@given(st.binary(max_size=200), st.sampled_from(Role))
def test_no_octets_at_all_make_a_session_raise(octets: bytes, role: Role) -> None:
    session = Session(role, timers=NEVER, window=1, now=0.0)
    for octet in octets:
        session.receive_data(bytes([octet]), 0.0)


@pytest.mark.drawn
def test_no_mutant_makes_a_bound_session_raise() -> None:
    dice = random.Random(35)  # noqa: S311 - a seed that makes the run repeatable
    seeds = [(role, encode(pdu, sequence=3)) for role, pdus in SAYINGS.items() for pdu in pdus]
    asks: list[tuple[Role, Pdu]] = [(Role.ESME, a_submit()), (Role.SMSC, DeliverSm())]
    ended = answered = 0
    pair = Pair().bind()
    for turn in range(20_000):
        for asker, ask in asks:  # each end waits for an answer to number 3
            end = pair.esme if asker is Role.ESME else pair.smsc
            end.last_sequence = 2
            if not end.pending:
                end.send(ask, pair.now)
        role, octets = seeds[turn % len(seeds)]
        mutant = bytearray(octets)
        at = 4 + int(dice.random() * (len(mutant) - 4))
        mutant[at] = int(dice.random() * 256)
        session = pair.smsc if role is Role.ESME else pair.esme
        events = session.receive_data(bytes(mutant), pair.now)
        answered += any(isinstance(event, Response) for event in events)
        if session.state not in BOUND:
            ended += 1
            pair = Pair().bind()
    assert ended > 100
    assert answered > 100


def test_a_client_takes_an_optional_parameter_of_a_wrong_size_and_a_message_centre_refuses_it() -> None:
    pair = Pair().bind()

    def careless(pdu: Pdu) -> bytes:
        octets = encode(pdu, sequence=9) + b"\x02\x04\0\1\x07"  # user_message_reference in one octet
        return len(octets).to_bytes(4, "big") + octets[4:]

    told = only(pair.esme.receive_data(careless(DeliverSm(short_message=b"hi")), pair.now))
    assert isinstance(told, Request)
    assert tlvs.USER_MESSAGE_REFERENCE.first(told.pdu.tlvs) == 7
    refused = only(pair.smsc.receive_data(careless(a_submit()), pair.now))
    assert isinstance(refused, Faulty)
    assert refused.error.status is Status.RINVPARLEN
