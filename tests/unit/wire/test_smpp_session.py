"""An SMPP session from both sides: who may say what when, numbers, the window, answers, and the end."""

from __future__ import annotations

import pytest
import smpp_kit
from hypothesis import given, settings
from hypothesis import strategies as st
from smpp_kit import NEVER, Pair, a_submit

from mobile_gateway.wire.smpp import (
    AlertNotification,
    BindReceiver,
    BindReceiverResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BindTransmitterResp,
    CancelSm,
    CancelSmResp,
    Closed,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    Event,
    Faulty,
    GenericNack,
    LocalProtocolError,
    Notice,
    Outbind,
    Pdu,
    PeerUnbound,
    QuerySm,
    QuerySmResp,
    ReplaceSm,
    ReplaceSmResp,
    Request,
    Response,
    Role,
    Sent,
    Session,
    State,
    Status,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
    Why,
    decode_one,
    encode,
)
from mobile_gateway.wire.smpp.codec import RESPONSES
from mobile_gateway.wire.smpp.fields import Address
from mobile_gateway.wire.smpp.states import BINDS, LEGAL, TRANSITIONS, Move, advance, judge

BIND = {
    State.BOUND_TX: (BindTransmitter(), BindTransmitterResp()),
    State.BOUND_RX: (BindReceiver(), BindReceiverResp()),
    State.BOUND_TRX: (BindTransceiver(), BindTransceiverResp()),
}


def bound(state: State) -> Pair:
    pair = Pair()
    ask, answer = BIND[state]
    pair.answer(pair.ask(pair.esme, ask), answer)
    assert pair.esme.state is pair.smsc.state is state
    return pair


def only(events: list[Event]) -> Event:
    (event,) = events
    return event


# --- who may send what ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", BIND, ids=lambda state: state.value)
def test_an_accepted_bind_binds_both_ends(state: State) -> None:
    pair = Pair()
    ask, answer = BIND[state]
    request = pair.ask(pair.esme, ask)
    assert pair.smsc.state is State.OPEN
    assert pair.answer(request, answer) == [Response(answer, Sent(1, ask), 0)]
    assert pair.esme.state is pair.smsc.state is state


def test_a_refused_bind_leaves_both_ends_open_for_another() -> None:
    pair = Pair()
    request = pair.ask(pair.esme, BindTransceiver(system_id="cyber", password="wrong"))
    event = only(pair.carry(pair.smsc, pair.smsc.refuse(request, Status.RINVPASWD)))
    assert isinstance(event, Response)
    assert event.status == Status.RINVPASWD
    assert pair.esme.state is pair.smsc.state is State.OPEN
    pair.bind()


REQUESTS: list[Pdu] = [
    kind() if kind is not SubmitMulti else SubmitMulti(dest_addresses=(Address(0, 0, "1"),))
    for kind in (
        *(BindTransmitter, BindReceiver, BindTransceiver, SubmitSm, SubmitMulti, DataSm, QuerySm, CancelSm, ReplaceSm),
        *(DeliverSm, AlertNotification, Outbind),
    )
]


@pytest.mark.parametrize("state", [State.OPEN, *BIND], ids=lambda state: state.value)
@pytest.mark.parametrize("role", Role, ids=lambda role: role.value)
@pytest.mark.parametrize("pdu", REQUESTS, ids=lambda pdu: type(pdu).__name__)
def test_each_request_is_legal_where_the_table_says_so_and_nowhere_else(role: Role, state: State, pdu: Pdu) -> None:
    pair = Pair() if state is State.OPEN else bound(state)
    sender = pair.esme if role is Role.ESME else pair.smsc
    octets = encode(pdu, sequence=77)
    if state in LEGAL[pdu.command].get(role, ()):
        assert sender.allows(type(pdu))
        event = only(pair.tell(sender, pdu))
        assert isinstance(event, Request if type(pdu) in RESPONSES else Notice)
        assert event.pdu == pdu
        return
    assert not sender.allows(type(pdu))
    with pytest.raises(LocalProtocolError):
        sender.send(pdu, pair.now)
    receiver = pair.other(sender)
    event = only(receiver.receive_data(octets, pair.now))
    assert isinstance(event, Faulty)
    expected = Status.RALYBND if pdu.command in BINDS and role is Role.ESME else Status.RINVBNDSTS
    answer, status, sequence = decode_one(receiver.outgoing())
    assert (type(answer), status, sequence) == (RESPONSES.get(type(pdu), GenericNack), expected, 77)
    assert receiver.state is state


def test_the_table_is_that_of_the_specification() -> None:
    assert set(LEGAL) == {pdu.command for pdu in REQUESTS} | {Unbind.command, EnquireLink.command}
    by_esme = {command for command, by in LEGAL.items() if State.BOUND_TX in by.get(Role.ESME, ())}
    by_smsc = {command for command, by in LEGAL.items() if State.BOUND_RX in by.get(Role.SMSC, ())}
    both = {Unbind.command, EnquireLink.command, DataSm.command}
    submits = {kind.command for kind in (SubmitSm, SubmitMulti, QuerySm, CancelSm, ReplaceSm)}
    assert by_esme == submits | both
    assert by_smsc == {DeliverSm.command, AlertNotification.command} | both
    assert judge(SubmitSm.command, sender=Role.ESME, state=State.BOUND_RX) is Status.RINVBNDSTS


def test_every_state_and_move_is_decided() -> None:
    assert set(TRANSITIONS) == set(State)
    for state in State:
        for move in Move:
            if move in TRANSITIONS[state]:
                assert advance(state, move) is TRANSITIONS[state][move]
            else:
                with pytest.raises(LocalProtocolError):
                    advance(state, move)


def test_a_second_bind_is_refused_while_the_first_waits_for_its_answer() -> None:
    pair = Pair()
    first = pair.ask(pair.esme, BindTransceiver(system_id="cyber"))
    with pytest.raises(LocalProtocolError):
        pair.esme.send(BindReceiver(), pair.now)
    assert isinstance(only(pair.smsc.receive_data(encode(BindReceiver(), sequence=2), pair.now)), Faulty)
    assert decode_one(pair.smsc.outgoing()) == (BindReceiverResp(), Status.RALYBND, 2)
    pair.answer(first, BindTransceiverResp())
    assert pair.esme.state is State.BOUND_TRX


# --- requests and answers -------------------------------------------------------------------------------------------

CONVERSATION: list[tuple[Role, Pdu, Pdu]] = [
    (Role.ESME, a_submit(), SubmitSmResp(message_id="A1")),
    (Role.SMSC, DeliverSm(short_message=b"hi"), DeliverSmResp()),
    (Role.ESME, SubmitMulti(dest_addresses=(Address(1, 1, "82"),)), SubmitMultiResp(message_id="A2")),
    (Role.ESME, QuerySm(message_id="A1"), QuerySmResp(message_id="A1", message_state=2)),
    (Role.ESME, CancelSm(message_id="A1"), CancelSmResp()),
    (Role.ESME, ReplaceSm(message_id="A1"), ReplaceSmResp()),
    (Role.ESME, DataSm(destination_addr="82"), DataSmResp(message_id="A3")),
    (Role.SMSC, DataSm(destination_addr="15"), DataSmResp()),
]


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 11, 16, 17, 64])
def test_a_conversation_is_the_same_however_the_stream_is_cut(step: int) -> None:
    pair = Pair(step=step).bind()
    for role, ask, answer in CONVERSATION:
        asker = pair.esme if role is Role.ESME else pair.smsc
        request = pair.ask(asker, ask)
        assert request.pdu == ask
        event = only(pair.carry(pair.other(asker), pair.other(asker).respond(request, answer)))
        assert event == Response(answer, Sent(asker.last_sequence, ask), 0)
    assert pair.tell(pair.esme, Unbind()) == [PeerUnbound(), Response(UnbindResp(), Sent(8, Unbind()), 0)]
    assert pair.esme.state is pair.smsc.state is State.UNBOUND


def test_a_stream_split_at_every_index_tells_the_same() -> None:
    pair = Pair(window=3).bind()
    stream = b"".join(pair.esme.send(pdu, pair.now) for pdu in (a_submit(), EnquireLink(), QuerySm(), a_submit()))

    def told(index: int) -> tuple[list[Event], bytes]:
        smsc = Pair().bind().smsc
        events = smsc.receive_data(stream[:index], pair.now) + smsc.receive_data(stream[index:], pair.now)
        return events, smsc.outgoing()

    whole = told(len(stream) - 1)
    assert [type(event) for event in whole[0]] == [Request] * 3
    assert decode_one(whole[1]) == (EnquireLinkResp(), 0, 3)
    assert all(told(index) == whole for index in range(1, len(stream)))


def test_answers_may_come_in_any_order() -> None:
    pair = Pair().bind()
    first, second = pair.ask(pair.esme, a_submit(source_addr="1")), pair.ask(pair.esme, a_submit(source_addr="2"))
    assert pair.esme.pending == 2
    for request, message_id in ((second, "B"), (first, "A")):
        event = only(pair.answer(request, SubmitSmResp(message_id=message_id)))
        assert isinstance(event, Response)
        assert (event.to.pdu, event.pdu) == (request.pdu, SubmitSmResp(message_id=message_id))
    assert pair.esme.pending == 0


def test_the_window_bounds_what_waits_for_an_answer() -> None:
    pair = Pair(window=2).bind()
    first = pair.ask(pair.esme, a_submit())
    room = [pair.esme.can_send]
    assert pair.esme.allows(SubmitSm)
    pair.ask(pair.esme, a_submit())
    room.append(pair.esme.can_send)
    assert [pair.esme.allows(kind) for kind in (SubmitSm, EnquireLink)] == [False, True]
    with pytest.raises(LocalProtocolError):
        pair.esme.send(a_submit(), pair.now)
    pair.tell(pair.esme, EnquireLink())  # the session's own upkeep takes no room
    room.append(pair.esme.can_send)
    pair.answer(first, SubmitSmResp())
    room.append(pair.esme.can_send)
    assert room == [True, False, False, True]
    pair.ask(pair.esme, a_submit())


def test_numbers_begin_again_after_the_greatest_and_skip_those_in_use() -> None:
    pair = Pair().bind()
    waiting = pair.ask(pair.esme, a_submit())
    assert waiting.sequence == 2
    pair.esme.last_sequence = 0x7FFFFFFE
    assert [pair.ask(pair.esme, a_submit()).sequence for _ in range(3)] == [0x7FFFFFFF, 1, 3]
    pair.esme.last_sequence = 0x7FFFFFFE
    assert pair.ask(pair.esme, a_submit()).sequence == 4


def test_a_request_that_cannot_be_written_takes_no_number_and_no_room() -> None:
    pair = Pair().bind()
    with pytest.raises(LocalProtocolError):
        pair.esme.send(a_submit(esm_class=999), pair.now)
    assert (pair.esme.last_sequence, pair.esme.pending) == (1, 0)


def test_a_request_is_answered_once_and_by_its_own_response() -> None:
    pair = Pair().bind()
    request = pair.ask(pair.esme, a_submit())
    with pytest.raises(LocalProtocolError):
        pair.smsc.respond(request, DataSmResp())
    with pytest.raises(LocalProtocolError):
        pair.smsc.send(SubmitSmResp(), pair.now)
    pair.answer(request, SubmitSmResp())
    with pytest.raises(LocalProtocolError):
        pair.smsc.respond(request, SubmitSmResp())


def test_a_number_used_twice_at_once_is_owed_two_answers() -> None:
    pair = Pair().bind()
    octets = encode(a_submit(), sequence=5)
    requests = pair.smsc.receive_data(octets + octets, pair.now)
    for request in requests:
        assert isinstance(request, Request)
        assert decode_one(pair.smsc.respond(request, SubmitSmResp())).sequence == 5
    with pytest.raises(LocalProtocolError):
        pair.smsc.respond(Request(a_submit(), 5), SubmitSmResp())


def test_a_peer_that_asks_more_than_we_answer_is_throttled() -> None:
    smsc = Session(Role.SMSC, timers=NEVER, window=1, now=0.0, unanswered_max=2)
    bind = only(smsc.receive_data(encode(BindTransmitter(), sequence=1), 0.0))
    assert isinstance(bind, Request)
    smsc.respond(bind, BindTransmitterResp())
    events = smsc.receive_data(b"".join(encode(a_submit(), sequence=5) for _ in range(3)), 0.0)
    assert [type(event) for event in events] == [Request, Request, Faulty]
    assert decode_one(smsc.outgoing()) == (SubmitSmResp(), Status.RTHROTTLED, 5)
    assert isinstance(events[0], Request)
    smsc.respond(events[0], SubmitSmResp())
    assert isinstance(only(smsc.receive_data(encode(a_submit(), sequence=6), 0.0)), Request)


def test_a_request_can_be_refused_with_a_status() -> None:
    pair = Pair().bind()
    request = pair.ask(pair.esme, a_submit())
    octets = pair.smsc.refuse(request, Status.RMSGQFUL)
    assert len(octets) == 16
    assert only(pair.carry(pair.smsc, octets)) == Response(SubmitSmResp(), Sent(2, a_submit()), Status.RMSGQFUL)


# --- the end --------------------------------------------------------------------------------------------------------


def test_nothing_new_may_be_said_after_goodbye_but_what_crosses_it_is_answered() -> None:
    pair = Pair().bind()
    goodbye = pair.smsc.send(Unbind(), pair.now)
    assert not pair.smsc.can_send
    with pytest.raises(LocalProtocolError):
        pair.smsc.send(DeliverSm(), pair.now)
    request = pair.ask(pair.esme, a_submit())
    assert isinstance(only(pair.answer(request, SubmitSmResp(message_id="A"))), Response)
    assert [type(event) for event in pair.carry(pair.smsc, goodbye)] == [PeerUnbound, Response]
    assert isinstance(only(pair.smsc.receive_data(encode(a_submit(), sequence=9), pair.now)), Faulty)
    assert decode_one(pair.smsc.outgoing()).status == Status.RINVBNDSTS


def test_both_may_say_goodbye_at_the_same_time() -> None:
    pair = Pair().bind()
    from_esme, from_smsc = pair.esme.send(Unbind(), pair.now), pair.smsc.send(Unbind(), pair.now)
    assert [type(event) for event in pair.carry(pair.esme, from_esme)] == [PeerUnbound, Response]
    assert [type(event) for event in pair.carry(pair.smsc, from_smsc)] == [PeerUnbound, Response]
    assert pair.esme.state is pair.smsc.state is State.UNBOUND


@pytest.mark.parametrize("ours", [True, False])
def test_the_end_names_what_was_never_answered(ours: bool) -> None:  # noqa: FBT001 - a parameter of the test
    pair = Pair().bind()
    request = pair.ask(pair.esme, a_submit())
    events = pair.esme.close() if ours else pair.esme.receive_data(b"", pair.now)
    why = Why.WE_CLOSED if ours else Why.PEER_CLOSED
    assert events == [Closed(why, why.value, (Sent(2, a_submit()),))]
    assert pair.esme.close() == pair.esme.receive_data(b"", pair.now) == pair.esme.tick(pair.now) == []
    assert pair.esme.next_deadline() is None
    assert not pair.esme.can_send
    pair.smsc.close()
    with pytest.raises(LocalProtocolError):
        pair.smsc.respond(request, SubmitSmResp())


def test_a_stream_that_ends_within_a_pdu_is_told_so() -> None:
    pair = Pair().bind()
    pair.smsc.receive_data(encode(a_submit(), sequence=2)[:20], pair.now)
    assert only(pair.smsc.receive_data(b"", pair.now)) == Closed(Why.PEER_CLOSED, "the stream ended within a PDU", ())


@settings(max_examples=30, database=None)
@given(st.lists(st.tuples(st.sampled_from(CONVERSATION), st.booleans()), max_size=25), st.integers(1, 40))
def test_every_request_gets_exactly_one_outcome(turns: list[tuple[tuple[Role, Pdu, Pdu], bool]], step: int) -> None:
    pair = smpp_kit.Pair(window=4, step=step).bind()
    asked = answered = 0
    owed: list[tuple[Session, Request, Pdu]] = []
    for (role, ask, answer), now in turns:
        asker = pair.esme if role is Role.ESME else pair.smsc
        if asker.can_send:
            asked += 1
            owed.append((pair.other(asker), pair.ask(asker, ask), answer))
        if now and owed:
            answerer, request, response = owed.pop()
            answered += len(pair.carry(answerer, answerer.respond(request, response)))
    abandoned = [e for s in (pair.esme, pair.smsc) for e in s.receive_data(b"", pair.now)]
    assert asked == answered + sum(len(event.abandoned) for event in abandoned if isinstance(event, Closed))
