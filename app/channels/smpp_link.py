"""One SMPP session of ours over TCP: octets to the session, its answers to whoever waits, what it hears to a listener.

The protocol itself is `mobile_gateway.wire.smpp`; here is the plumbing only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import cast

import structlog

from mobile_gateway.wire.smpp import (
    Bind,
    Closed,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    Event,
    Faulty,
    LateResponse,
    LocalProtocolError,
    Nacked,
    Pdu,
    PeerUnbound,
    Request,
    Response,
    Role,
    Sent,
    Session,
    State,
    Status,
    SubmitSm,
    SubmitSmResp,
    TimedOut,
    Timers,
    Unbind,
)

GOODBYE_SECONDS = 2.0
UNANSWERED_MAX = 100
"""How many deliver_sm we work on at once; more are told RTHROTTLED, so that they come later."""
STUCK_SECONDS_MAX = 30.0
"""How long a peer may leave our octets unread."""

Take = Callable[[DeliverSm | DataSm], Awaitable[Status]]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the message centre said to a request."""

    status: int
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer: what became of the request is unknown."""

    why: str


@dataclass(frozen=True, slots=True)
class Unsent:
    """The request did not go out."""

    why: str


class Link(asyncio.Protocol):
    """A session from connect to close. `closed` is done when it is over."""

    def __init__(self, take: Take, *, timers: Timers, window: int) -> None:
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._session = Session(
            Role.ESME, timers=timers, window=window, now=self._loop.time(), unanswered_max=UNANSWERED_MAX
        )
        self._room = asyncio.Semaphore(window)
        self._asked: dict[int, asyncio.Future[Answer | Lost]] = {}
        self._hearing: set[asyncio.Task[None]] = set()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None
        self.closed: asyncio.Future[str] = self._loop.create_future()
        """Why it ended."""

    @property
    def can_submit(self) -> bool:
        """Whether messages may go out here: bound to transmit, and not on its way out."""
        return self._session.state in {State.BOUND_TX, State.BOUND_TRX} and not self.closed.done()

    @property
    def pending(self) -> int:
        """How many requests wait for an answer."""
        return len(self._asked)

    # --- what we ask --------------------------------------------------------------------------------------------------

    async def bind(self, pdu: Bind) -> Answer | Lost | Unsent:
        return await self._ask(pdu)

    async def submit(self, pdu: SubmitSm) -> Answer | Lost | Unsent:
        """Waits for room in the window first."""
        async with self._room:
            return await self._ask(pdu)

    async def _ask(self, pdu: Pdu) -> Answer | Lost | Unsent:
        try:
            octets = self._session.send(pdu, self._loop.time())
        except LocalProtocolError as fault:
            return Unsent(str(fault))
        sequence = self._session.last_sequence
        answer: asyncio.Future[Answer | Lost] = self._loop.create_future()
        self._asked[sequence] = answer
        self._write(octets)
        if len(self._asked) == 1:
            self._wind()
        try:
            return await answer
        finally:
            self._asked.pop(sequence, None)

    async def leave(self) -> None:
        """Finish what is being heard, say goodbye and close."""
        if self._hearing:
            await asyncio.wait(self._hearing, timeout=GOODBYE_SECONDS)
        if not self.closed.done():
            try:
                async with asyncio.timeout(GOODBYE_SECONDS):
                    await self._ask(Unbind())
            except TimeoutError:
                log.info("smpp_goodbye_unanswered")
        self.drop()
        for task in self._hearing:
            task.cancel()
        await asyncio.gather(*self._hearing, return_exceptions=True)

    def drop(self) -> None:
        """Close without a word."""
        self._act(self._session.close())
        if self._transport:
            self._transport.abort()

    # --- the transport ------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are of no common class
        self._wind()

    def data_received(self, data: bytes) -> None:
        self._act(self._session.receive_data(data, self._loop.time()))

    def eof_received(self) -> bool:
        self._act(self._session.receive_data(b"", self._loop.time()))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._act(self._session.close())

    def pause_writing(self) -> None:
        if self._stuck is None:
            self._stuck = self._loop.call_later(STUCK_SECONDS_MAX, self.drop)

    def resume_writing(self) -> None:
        if self._stuck:
            self._stuck.cancel()
            self._stuck = None

    def _write(self, octets: bytes) -> None:
        if octets and self._transport and not self._transport.is_closing():
            self._transport.write(octets)

    def _wind(self) -> None:
        """Have the session look at the clock when it wants to; most deadlines only move away."""
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
        self._write(self._session.outgoing())

    def _act_on(self, event: Event) -> None:
        match event:
            case Request():
                task = self._loop.create_task(self._hear(event))
                self._hearing.add(task)
                task.add_done_callback(self._hearing.discard)
            case Response(pdu=pdu, to=to, status=status):
                message_id = pdu.message_id if isinstance(pdu, SubmitSmResp) else ""
                self._settle(to, Answer(status, message_id))
                self._wind()
            case Nacked(to=to, status=status):
                self._settle(to, Answer(status))
            case Faulty(error=error, to=to):
                log.warning("smpp_peer_faulty", why=str(error))
                self._settle(to, Lost("the answer cannot be read"))
            case TimedOut(requests=requests):
                for sent in requests:
                    self._settle(sent, Lost("the message centre did not answer in time"))
            case LateResponse():
                log.warning("smpp_answer_late", sequence=event.sequence)
            case PeerUnbound():
                self._write(self._session.outgoing())
                self._close()
            case Closed(detail=detail):
                self._end(detail)
            case _:  # a notice: outbind or alert_notification, which change nothing for us
                log.info("smpp_notice", what=type(event).__name__)

    def _settle(self, to: Sent | None, answer: Answer | Lost) -> None:
        waiting = self._asked.get(to.sequence) if to else None
        if waiting and not waiting.done():
            waiting.set_result(answer)

    def _end(self, why: str) -> None:
        for waiting in self._asked.values():
            if not waiting.done():
                waiting.set_result(Lost(f"the session ended before its answer: {why}"))
        for timer in (self._timer, self._stuck):
            if timer:
                timer.cancel()
        self._timer = self._stuck = None
        self._write(self._session.outgoing())
        self._close()
        if not self.closed.done():
            self.closed.set_result(why)

    def _close(self) -> None:
        if self._transport:
            self._transport.close()

    async def _hear(self, request: Request) -> None:
        """Answer only when whoever listens has kept what was said; until then it is the message centre's."""
        pdu = request.pdu
        assert isinstance(pdu, DeliverSm | DataSm), "an ESME is asked nothing else"
        try:
            status = await self._take(pdu)
        except Exception:
            log.exception("inbound_failed")
            status = Status.RX_T_APPN
        response = DeliverSmResp if isinstance(pdu, DeliverSm) else DataSmResp
        try:
            self._write(self._session.respond(request, response(), status=status))
        except LocalProtocolError:
            log.info("smpp_session_gone_before_answer")
