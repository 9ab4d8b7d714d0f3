"""Bringing a bound account what it is owed: deliver_sm within the window, and the peer's answers to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from mobile_gateway.carrier.outgoing import Forwarded, Outgoing, Told
from mobile_gateway.smsc.telling import pdus_of, told
from mobile_gateway.wire.smpp import AlertNotification, Pdu, Sent, Session, Status


class Delivering:
    """What one session tells its account (a `Sink`)."""

    def __init__(self, session: Session, *, window: int, write: Callable[[bytes], None]) -> None:
        self._session = session
        self._write = write
        self._loop = asyncio.get_running_loop()
        self._asked: dict[int, asyncio.Future[int | None]] = {}
        self._room = asyncio.Semaphore(window)

    async def deliver(self, outgoing: Sequence[Outgoing]) -> Sequence[Told]:
        """Send each, as many at once as the window allows."""
        silent = asyncio.Event()
        return await asyncio.gather(*(self._tell(owed, silent) for owed in outgoing))

    def answered(self, to: Sent | None, status: int | None) -> None:
        """The peer answered a request, or did not in time (None)."""
        answer = self._asked.get(to.sequence) if to else None
        if answer and not answer.done():
            answer.set_result(status)

    def end(self) -> None:
        """Nothing will be answered any more."""
        for answer in self._asked.values():
            if not answer.done():
                answer.set_result(None)

    async def _tell(self, owed: Outgoing, silent: asyncio.Event) -> Told:
        for pdu in pdus_of(owed):
            answer = told(await self._ask(pdu, silent))
            if not isinstance(answer, Forwarded):
                return answer
        return Forwarded()

    async def _ask(self, pdu: Pdu, silent: asyncio.Event) -> int | None:
        """The status the peer answers with, ROK for what has no answer; None where it does not answer.

        One that leaves something unanswered gets no more of the same round: another session may have it.
        """
        async with self._room:
            if silent.is_set() or not self._session.allows(type(pdu)):
                return None
            self._write(self._session.send(pdu, self._loop.time()))
            if isinstance(pdu, AlertNotification):
                return Status.ROK
            sequence = self._session.last_sequence
            answer: asyncio.Future[int | None] = self._loop.create_future()
            self._asked[sequence] = answer
            try:
                status = await answer
            finally:
                del self._asked[sequence]
            if status is None:
                silent.set()
            return status
