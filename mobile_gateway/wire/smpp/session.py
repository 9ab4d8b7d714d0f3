"""One SMPP session, from either side, without sockets and without a clock: octets in, events and octets out.

`now` is seconds of any clock that never goes back, the same one in every call. What the calls return is written in
their order. Write `outgoing()` after each `receive_data` and `tick`, and call `tick` no later than `next_deadline()`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from mobile_gateway.wire.smpp import codec
from mobile_gateway.wire.smpp.codec import HEADER_OCTETS, RESPONSES, SEQUENCE_MAX, Frame
from mobile_gateway.wire.smpp.events import (
    Closed,
    Event,
    Faulty,
    LateResponse,
    Nacked,
    Notice,
    PeerUnbound,
    Request,
    Response,
    Sent,
    TimedOut,
    Why,
)
from mobile_gateway.wire.smpp.pdus import EnquireLink, EnquireLinkResp, Pdu, Unbind, UnbindResp
from mobile_gateway.wire.smpp.states import BINDS, BOUND, LEGAL, Move, Role, State, advance, judge
from mobile_gateway.wire.smpp.status import LocalProtocolError, RemoteProtocolError, Status
from mobile_gateway.wire.smpp.values import RESPONSE, Command

UNANSWERED_MAX = 1_000
"""How many requests of the peer may wait for our answer; more are refused with RTHROTTLED."""

_SESSION_COMMANDS = frozenset({*BINDS, Command.UNBIND, Command.ENQUIRE_LINK})
"""They keep the session itself and take no room in the window."""


@dataclass(frozen=True, slots=True)
class Timers:
    """How long to wait, in seconds (SMPP 3.4 section 7.2). None: for ever."""

    session_init_seconds: float | None = 30.0
    enquire_link_seconds: float | None = 30.0
    inactivity_seconds: float | None = 300.0
    response_seconds: float | None = 60.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            seconds = getattr(self, name)
            if seconds is not None and not seconds > 0:
                raise LocalProtocolError(f"{name} must be above 0, or None")


class _Waiting(NamedTuple):
    sent: Sent
    deadline: float


class Session:
    """The protocol's side of one connection. It never raises for what the peer does; that comes as events."""

    def __init__(
        self, role: Role, *, timers: Timers, window: int, now: float, unanswered_max: int = UNANSWERED_MAX
    ) -> None:
        """`window` is how many requests of ours may wait for an answer at once."""
        assert window >= 1
        assert unanswered_max >= 1
        self.role = role
        # A message centre says what is wrong. Its client takes what operators send, or it would lose their receipts.
        self._strict = role is Role.SMSC
        self.last_sequence = 0
        """The number under which the latest request went out."""
        self._timers = timers
        self._window = window
        self._unanswered_max = unanswered_max
        self._state = State.OPEN
        self._opened_at = self._heard_at = now
        self._buffer = bytearray()
        self._outgoing = bytearray()
        # Both in the order of sending, which is the order of their deadlines too.
        self._work: dict[int, _Waiting] = {}
        self._upkeep: dict[int, _Waiting] = {}
        self._owed: dict[tuple[int, Command], int] = {}  # a careless peer may use one number for several requests
        self._owed_total = 0
        self._binding = False

    @property
    def state(self) -> State:
        return self._state

    @property
    def pending(self) -> int:
        """How many requests of ours take room in the window."""
        return len(self._work)

    @property
    def _leaving(self) -> bool:
        return any(waiting.sent.pdu.command == Command.UNBIND for waiting in self._upkeep.values())

    def outgoing(self) -> bytes:
        """The octets that the session itself has to say since the last call; write them."""
        octets = bytes(self._outgoing)
        self._outgoing.clear()
        return octets

    # --- what we send -----------------------------------------------------------------------------------------------

    @property
    def can_send(self) -> bool:
        """Whether the window has room for one more message or query, on a session that is bound and stays so."""
        return self._state in BOUND and len(self._work) < self._window and not self._leaving

    def allows(self, kind: type[Pdu]) -> bool:
        """Whether such a request may go out now: also by our role, and by the way the session is bound."""
        return not self._obstacle(kind)

    def send(self, pdu: Pdu, now: float) -> bytes:
        """The octets of a request or notice; raises LocalProtocolError, and then nothing has changed.

        It goes under a number of its own: `last_sequence` right after, and in the `Sent` of later events.
        """
        kind = type(pdu)
        if obstacle := self._obstacle(kind):
            raise LocalProtocolError(obstacle)
        return self._dispatch(pdu, now, self._upkeep if kind.command in _SESSION_COMMANDS else self._work)

    def _obstacle(self, kind: type[Pdu]) -> str:
        """Why such a PDU cannot be sent now; empty where it can."""
        command = kind.command
        if command & RESPONSE:
            return "answers are sent with respond"
        if judge(command, sender=self.role, state=self._state) is not Status.ROK or self._leaving:
            return f"an {self.role.name} cannot send {command.name.lower()} now ({self._state.value})"
        if command in BINDS and self._upkeep:
            return "the first bind is not answered yet"
        if command not in _SESSION_COMMANDS and kind in RESPONSES and len(self._work) >= self._window:
            return f"the window is full: {self._window} requests wait for an answer"
        return ""

    def _dispatch(self, pdu: Pdu, now: float, waiting: dict[int, _Waiting]) -> bytes:
        sequence = self._next_sequence()
        octets = codec.encode(pdu, sequence=sequence)
        self.last_sequence = sequence
        if type(pdu) in RESPONSES:
            patience = self._timers.response_seconds
            waiting[sequence] = _Waiting(Sent(sequence, pdu), _INFINITE if patience is None else now + patience)
        return octets

    def _next_sequence(self) -> int:
        """Section 3.2: from 1 up, and after the greatest from 1 again; never one that is in use."""
        sequence = self.last_sequence % SEQUENCE_MAX + 1
        while sequence in self._work or sequence in self._upkeep:
            sequence = sequence % SEQUENCE_MAX + 1
        return sequence

    def respond(self, request: Request, pdu: Pdu, *, status: int = Status.ROK) -> bytes:
        """The octets that answer `request`; raises LocalProtocolError where none is due (any more)."""
        command = request.pdu.command
        if RESPONSES.get(type(request.pdu)) is not type(pdu):
            raise LocalProtocolError(f"{pdu.command.name.lower()} does not answer {command.name.lower()}")
        key = (request.sequence, command)
        owed = self._owed.get(key, 0)
        if self._state is State.CLOSED or not owed:
            raise LocalProtocolError(f"{command.name.lower()} {request.sequence} needs no answer (any more)")
        octets = codec.encode(pdu, sequence=request.sequence, status=status)
        self._owed_total -= 1
        if owed == 1:
            del self._owed[key]
        else:
            self._owed[key] = owed - 1
        if command in BINDS:
            self._binding = False
            if status == Status.ROK:
                self._move(BINDS[command])
        return octets

    def refuse(self, request: Request, status: Status) -> bytes:
        """The octets that answer `request` with an error; raises LocalProtocolError like `respond`."""
        assert status is not Status.ROK
        answer = RESPONSES.get(type(request.pdu))
        assert answer is not None, "only what has a response comes as a Request"
        return self.respond(request, answer(), status=status)

    def close(self) -> list[Event]:
        """We close the connection, or it broke on our side."""
        return self._end(Why.WE_CLOSED)

    def _move(self, move: Move) -> None:
        self._state = advance(self._state, move)

    def _end(self, why: Why, detail: str = "") -> list[Event]:
        if self._state is State.CLOSED:
            return []
        self._move(Move.CLOSE)
        abandoned = tuple(waiting.sent for waiting in self._work.values())
        for memory in (self._work, self._upkeep, self._owed, self._buffer):
            memory.clear()
        return [Closed(why, detail or why.value, abandoned)]

    # --- what comes in ----------------------------------------------------------------------------------------------

    def receive_data(self, octets: bytes, now: float) -> list[Event]:
        """What `octets` tell; b"" is the end of the stream. After the end they are ignored."""
        if self._state is State.CLOSED:
            return []
        if not octets:
            return self._end(Why.PEER_CLOSED, "the stream ended within a PDU" if self._buffer else "")
        self._buffer += octets
        events: list[Event] = []
        at = 0
        try:
            while (frame := codec.cut(self._buffer, at)) is not None:
                at += HEADER_OCTETS + len(frame.body)
                self._heard_at = now
                event = self._take(frame)
                if event is not None:
                    events.append(event)
        except RemoteProtocolError as error:
            self._outgoing += error.answer
            return events + self._end(Why.BROKEN_STREAM, str(error))
        del self._buffer[:at]
        return events

    def _take(self, frame: Frame) -> Event | None:
        try:
            if frame.command_id & RESPONSE:
                return self._take_response(frame)
            return self._take_request(frame)
        except RemoteProtocolError as error:
            self._outgoing += error.answer
            return Faulty(error)

    def _take_request(self, frame: Frame) -> Event | None:
        command_id = frame.command_id
        if command_id in LEGAL:
            status = judge(command_id, sender=self.role.peer, state=self._state)
            if command_id in BINDS and self._binding:
                status = Status.RALYBND
            if status is not Status.ROK:
                raise self._refused(frame, f"not allowed in state {self._state.value}", status)
        pdu = codec.decode(frame, strict=self._strict)
        if isinstance(pdu, EnquireLink):
            self._outgoing += codec.encode(EnquireLinkResp(), sequence=frame.sequence)
            return None
        if isinstance(pdu, Unbind):
            self._outgoing += codec.encode(UnbindResp(), sequence=frame.sequence)
            self._move(Move.UNBIND)
            return PeerUnbound()
        if type(pdu) not in RESPONSES:
            return Notice(pdu)
        if self._owed_total >= self._unanswered_max:
            raise self._refused(frame, f"{self._owed_total} requests wait for an answer already", Status.RTHROTTLED)
        key = (frame.sequence, pdu.command)
        self._owed[key] = self._owed.get(key, 0) + 1
        self._owed_total += 1
        self._binding = self._binding or command_id in BINDS
        return Request(pdu, frame.sequence)

    def _refused(self, frame: Frame, why: str, status: Status) -> RemoteProtocolError:
        name = Command(frame.command_id).name.lower()
        return RemoteProtocolError(f"{name}: {why}", status=status, answer=codec.refusal(frame, status))

    def _take_response(self, frame: Frame) -> Event | None:
        _, status, sequence = frame[:3]
        if frame.command_id == Command.GENERIC_NACK:
            return Nacked(self._settle(sequence), sequence, status)
        try:
            pdu = codec.decode(frame, strict=self._strict)
        except RemoteProtocolError as error:
            return Faulty(error, self._settle(sequence))
        waiting = self._work.get(sequence) or self._upkeep.get(sequence)
        if waiting is None:
            return LateResponse(pdu, sequence, status)
        sent = waiting.sent
        if RESPONSES[type(sent.pdu)] is not type(pdu):
            sentence = f"{pdu.command.name.lower()} {sequence} does not answer {sent.pdu.command.name.lower()}"
            return Faulty(RemoteProtocolError(sentence, status=Status.RINVCMDID))
        self._settle(sequence)
        if isinstance(pdu, EnquireLinkResp):
            return None
        if status == Status.ROK and sent.pdu.command in BINDS:
            self._move(BINDS[sent.pdu.command])
        elif isinstance(pdu, UnbindResp):
            self._move(Move.UNBIND)
        return Response(pdu, sent, status)

    def _settle(self, sequence: int) -> Sent | None:
        """Stop waiting for the answer to this number."""
        waiting = self._work.pop(sequence, None) or self._upkeep.pop(sequence, None)
        return None if waiting is None else waiting.sent

    # --- time -------------------------------------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        """When `tick` is due at the latest, None where nothing hangs on time."""
        first = min(self._deadlines(), default=_INFINITE)
        return None if first == _INFINITE else first

    def _deadlines(self) -> Iterator[float]:
        if self._state is State.CLOSED:
            return
        for memory in (self._work, self._upkeep):
            if memory:
                yield next(iter(memory.values())).deadline
        yield self._bind_due
        yield self._silent_at
        yield self._enquire_at

    @property
    def _bind_due(self) -> float:
        seconds = self._timers.session_init_seconds
        return _INFINITE if seconds is None or self._state is not State.OPEN else self._opened_at + seconds

    @property
    def _silent_at(self) -> float:
        seconds = self._timers.inactivity_seconds
        return _INFINITE if seconds is None else self._heard_at + seconds

    @property
    def _enquire_at(self) -> float:
        seconds = self._timers.enquire_link_seconds
        asked = self._state not in BOUND or self._upkeep
        return _INFINITE if seconds is None or asked else self._heard_at + seconds

    def tick(self, now: float) -> list[Event]:
        """What the time `now` brings: answers that did not come, an enquire_link to write, or the end."""
        if self._state is State.CLOSED:
            return []
        events: list[Event] = []
        if overdue := tuple(waiting.sent for waiting in self._work.values() if waiting.deadline <= now):
            for sent in overdue:
                self._settle(sent.sequence)
            events.append(TimedOut(overdue))
        if any(waiting.deadline <= now for waiting in self._upkeep.values()):
            return events + self._end(Why.NO_ANSWER)
        if self._bind_due <= now:
            return events + self._end(Why.NO_BIND)
        if self._silent_at <= now:
            return events + self._end(Why.SILENCE)
        if self._enquire_at <= now:
            self._outgoing += self._dispatch(EnquireLink(), now, self._upkeep)
        return events


_INFINITE = float("inf")
