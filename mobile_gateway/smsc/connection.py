"""One TCP connection of the message centre: octets to the session, its events to whoever acts on them."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from mobile_gateway.smsc.answering import Desk
from mobile_gateway.smsc.delivering import Delivering
from mobile_gateway.wire.smpp import (
    INTERFACE_VERSION,
    Bind,
    BindReceiver,
    BindReceiverResp,
    BindResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitterResp,
    Closed,
    DataSm,
    Event,
    Faulty,
    LocalProtocolError,
    Nacked,
    Outbind,
    PeerUnbound,
    RemoteProtocolError,
    Request,
    Response,
    Role,
    Session,
    State,
    Status,
    SubmitSm,
    TimedOut,
    Unbind,
    UnbindResp,
    status_name,
    tlvs,
)

if TYPE_CHECKING:
    from mobile_gateway.smsc.server import Smsc

log = logging.getLogger(__name__)

SUBMITS_AT_ONCE_MAX = 100
WAITING_PAUSE, WAITING_RESUME = 200, 100
"""At so many unanswered requests we stop reading from the peer, and at so few we go on: TCP makes it wait."""

PIECE_OCTETS_MAX = 4096
"""So much is read at once before others have their turn."""

AHEAD_OCTETS_MAX, AHEAD_SECONDS = 16_384, 0.005
"""A peer that is so far ahead of its answers waits so long between pieces: it must not hold up the rest."""

FAULTS_MAX = 100
"""A peer that breaks the protocol this often, and says nothing right between, is not spoken to any more."""

ROUND_WINDOWS = 2
"""How many windows full of deliver_sm are fetched ahead."""

_BOUND = frozenset({State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX})


class Connection(asyncio.Protocol):
    """A peer's session, from accept to close."""

    def __init__(self, smsc: Smsc, *, outbind: Outbind | None = None) -> None:
        self._smsc = smsc
        self._outbind = outbind
        self._loop = asyncio.get_running_loop()
        self._session = Session(
            Role.SMSC,
            timers=smsc.limits.timers,
            window=smsc.limits.window,
            now=self._loop.time(),
        )
        self._transport: asyncio.Transport | None = None
        self._desk: Desk | None = None
        self._attached = False
        self._unread = b""
        self._reading_on = False
        self._waiting: deque[Request] = deque()
        self._work: asyncio.Task[None] | None = None
        self._delivering = Delivering(self._session, window=smsc.limits.window, write=self._tell)
        self._timer: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None
        self._faults = 0
        self._leaving = False
        self.bound: asyncio.Future[None] = self._loop.create_future()
        self.closed: asyncio.Future[None] = self._loop.create_future()

    @property
    def account(self) -> str | None:
        """Who is bound here, None before a bind and after an unbind."""
        return self._desk.account if self._desk and self.is_bound else None

    @property
    def is_bound(self) -> bool:
        return self._session.state in _BOUND

    # --- the transport ------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are of no common class
        if not self._smsc.admit(self):
            self._transport.abort()
            return
        if self._outbind:
            self._transport.write(self._session.send(self._outbind, self._loop.time()))
        self._wind()

    def data_received(self, data: bytes) -> None:
        self._unread += data
        if not self._reading_on:
            self._read_on()

    def _read_on(self) -> None:
        """Take a piece of what was received, where there is room for requests; go on with the rest after the others."""
        self._reading_on = False
        if self._leaving or self._stuck or len(self._waiting) >= WAITING_PAUSE:
            return
        piece, self._unread = self._unread[:PIECE_OCTETS_MAX], self._unread[PIECE_OCTETS_MAX:]
        if piece:
            self._act(self._session.receive_data(piece, self._loop.time()))
        self._resume()

    def eof_received(self) -> bool:
        self._act(self._session.receive_data(b"", self._loop.time()))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._unread = b""
        self._act(self._session.close())
        for timer in (self._timer, self._stuck):
            if timer:
                timer.cancel()
        self._timer = None
        if self._work:
            self._work.cancel()
        self._smsc.forget(self)
        if not self.closed.done():
            self.closed.set_result(None)

    def pause_writing(self) -> None:
        """The peer does not read: take nothing more from it, and let it go when that lasts."""
        self._pause()
        if self._stuck is None:
            self._stuck = self._loop.call_later(self._smsc.limits.stuck_seconds, self._abort)

    def resume_writing(self) -> None:
        if self._stuck:
            self._stuck.cancel()
            self._stuck = None
        self._resume()

    def _abort(self) -> None:
        if self._transport:
            self._transport.abort()

    def _pause(self) -> None:
        if self._transport and self._transport.is_reading():
            self._transport.pause_reading()

    def _resume(self) -> None:
        """Read on where that was paused and the reasons are over."""
        if self._stuck or self._leaving or len(self._waiting) > WAITING_RESUME:
            return
        if not self._unread:
            if self._transport and not self._transport.is_closing():
                self._transport.resume_reading()
        elif not self._reading_on:
            self._reading_on = True
            self._pause()
            pause_seconds = AHEAD_SECONDS if len(self._unread) > AHEAD_OCTETS_MAX else 0
            self._loop.call_later(pause_seconds, self._read_on)

    def _write(self, octets: bytes) -> None:
        if octets and self._transport and not self._transport.is_closing():
            self._transport.write(octets)

    def _tell(self, octets: bytes) -> None:
        """Write a request of ours, whose answer is waited for from now on."""
        self._write(octets)
        if self._session.pending == 1:  # later deadlines are found when this one is due
            self._wind()

    # --- time ---------------------------------------------------------------------------------------------------------

    def _wind(self) -> None:
        """Have the session look at the clock when it wants to. Most deadlines only move away, so this is rarely due."""
        if self._timer:
            self._timer.cancel()
        deadline = self._session.next_deadline()
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._tick)

    def _tick(self) -> None:
        self._act(self._session.tick(self._loop.time()))
        self._wind()

    # --- events -------------------------------------------------------------------------------------------------------

    def _act(self, events: Sequence[Event]) -> None:
        for event in events:
            self._act_on(event)
        if not self._leaving or self._is_idle:
            self._write(self._session.outgoing())
        if self._waiting and self._work is None:
            self._work = self._loop.create_task(self._serve())
        if len(self._waiting) >= WAITING_PAUSE:
            self._pause()
        self._finish()

    def _act_on(self, event: Event) -> None:
        match event:
            case Request():
                self._take(event)
            case Response(pdu=UnbindResp()) | PeerUnbound():
                self._leave()
            case Response(to=to, status=status) | Nacked(to=to, status=status):
                self._delivering.answered(to, status)
            case Faulty(error=error, to=to):
                self._delivering.answered(to, error.status)
                self._count_fault(error)
            case TimedOut(requests=requests):
                for sent in requests:
                    self._delivering.answered(sent, None)
            case Closed():
                self._end(event)

    def _take(self, request: Request) -> None:
        self._faults = 0
        if isinstance(request.pdu, Bind):
            self._bind(request)
        else:
            self._waiting.append(request)

    def _count_fault(self, fault: RemoteProtocolError) -> None:
        if fault.status is Status.RTHROTTLED:
            return  # too eager, and told so
        self._faults += 1
        log.info("%s breaks the protocol: %s", self.account or "an unbound peer", fault)
        if self._faults >= FAULTS_MAX:
            self._leave()

    def _end(self, event: Closed) -> None:
        log.info("the session of %s ended: %s", self._desk.account if self._desk else "an unbound peer", event.detail)
        self._detach()
        self._delivering.end()
        self._waiting.clear()
        self._write(self._session.outgoing())
        if self._transport:
            self._transport.close()

    def _leave(self) -> None:
        """Take nothing more, answer what waits, and then close."""
        self._leaving = True
        self._detach()
        self._pause()

    @property
    def _is_idle(self) -> bool:
        """Whether everything is answered that the peer asked."""
        return self._work is None and not self._waiting

    def _finish(self) -> None:
        """Close, where we leave and everything is answered; what is written still goes out.

        The answer to the peer's goodbye is the last it hears: many close the connection on it, and would send again
        whatever was not answered before.
        """
        if self._leaving and self._is_idle and self._transport:
            self._write(self._session.outgoing())
            self._transport.close()

    # --- binding ------------------------------------------------------------------------------------------------------

    def _bind(self, request: Request) -> None:
        pdu = request.pdu
        assert isinstance(pdu, Bind)
        status = self._judge(pdu)
        if status is not Status.ROK:
            log.warning("bind of %r refused: %s", pdu.system_id, status_name(status))
            self._write(self._session.refuse(request, status))
            self._leave()
            return
        self._desk = Desk(self._session, self._smsc.network, pdu.system_id, self._smsc.house, self._smsc.now)
        self._write(self._session.respond(request, _bind_response(pdu, self._smsc.limits.system_id)))
        self._wind()
        if isinstance(pdu, BindReceiver | BindTransceiver):
            self._attached = True
            at_once_max = ROUND_WINDOWS * self._smsc.limits.window
            self._smsc.network.attach(self._delivering, account=pdu.system_id, at_once_max=at_once_max)
        if not self.bound.done():
            self.bound.set_result(None)

    def _judge(self, pdu: Bind) -> Status:
        known = self._smsc.passwords.get(pdu.system_id)
        # An unknown id takes as long as a wrong password. They are told apart: section 5.1.3 has a status for each.
        same = hmac.compare_digest(pdu.password.encode("latin-1"), (known or "\0").encode("utf-8"))
        if not known or not same:
            return Status.RINVPASWD if known else Status.RINVSYSID
        if self._smsc.binds_of(pdu.system_id) >= self._smsc.limits.binds_max:
            return Status.RBINDFAIL
        return Status.ROK

    def _detach(self) -> None:
        if self._attached:
            self._attached = False
            assert self._desk
            self._smsc.network.detach(self._delivering, account=self._desk.account)

    # --- what the peer asks -------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        """Answer what waits, in its order; neighbouring submissions go to the disk together."""
        assert self._desk
        try:
            while self._waiting:
                batch = self._next_submits()
                if batch:
                    octets = await self._desk.submits(batch)
                else:
                    octets = await self._desk.other(self._waiting.popleft())
                self._write(octets)
                self._resume()
        except LocalProtocolError as fault:
            log.info("the session of %s ended before its answers: %s", self._desk.account, fault)
            self._waiting.clear()
        finally:
            self._work = None
            self._finish()

    def _next_submits(self) -> list[Request]:
        batch: list[Request] = []
        while self._waiting and len(batch) < SUBMITS_AT_ONCE_MAX:
            if not isinstance(self._waiting[0].pdu, SubmitSm | DataSm):
                break
            batch.append(self._waiting.popleft())
        return batch

    # --- leaving ------------------------------------------------------------------------------------------------------

    def unbind(self) -> None:
        """Say goodbye to a bound peer, as a message centre that stops does; just close any other."""
        self._detach()
        if self._session.allows(Unbind):
            self._write(self._session.send(Unbind(), self._loop.time()))
            self._wind()
        else:
            self._leave()
            self._finish()

    def drop(self) -> None:
        """Close at once, without a word."""
        self._abort()


def _bind_response(pdu: Bind, system_id: str) -> BindResp:
    response = {
        "BIND_RECEIVER": BindReceiverResp,
        "BIND_TRANSMITTER": BindTransmitterResp,
        "BIND_TRANSCEIVER": BindTransceiverResp,
    }[pdu.command.name]
    # Section 5.2.4: peers of version 3.3 and before know no optional parameters.
    speaks_3_4 = pdu.interface_version >= INTERFACE_VERSION
    version = (tlvs.SC_INTERFACE_VERSION.make(INTERFACE_VERSION),) if speaks_3_4 else ()
    return response(system_id=system_id, tlvs=version)
