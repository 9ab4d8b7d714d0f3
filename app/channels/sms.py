"""SMS over SMPP: we are an ESME with several message centres, the first of them that is up carries a message.

Only while it is `running`, which is the worker's affair; elsewhere it can say what a text would cost. Each part of a
long text is a short message of its own with receipts of its own.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import structlog

from app.channels import smpp_text
from app.channels.smpp_address import Smsc
from app.channels.smpp_link import Answer, Lost, Unsent
from app.channels.smpp_peer import Centre, Chance, Pace
from app.domain.handset import Handset
from app.ports import Accepted, Inbound, Message, Preview, Rejected
from mobile_gateway.wire.smpp import (
    TEMPORARY,
    DataSm,
    DeliverSm,
    MessageState,
    MessageType,
    Status,
    SubmitSm,
    receipt_of,
    status_name,
)

UNFINISHED_MAX = 10_000
"""Of how many messages we remember the parts that were taken while the others were not."""

STATES = {int(state): state.name for state in MessageState}

log = structlog.get_logger()


class Sms:
    """Sends text messages and pictures, and hears receipts and messages."""

    name = "sms"

    def __init__(self, smscs: Sequence[Smsc], *, chance: Chance, pace: Pace | None = None) -> None:
        assert smscs, "without a message centre there is no such channel"
        self._pace = pace or Pace()
        self._centres = [Centre(smsc, pace=self._pace, chance=chance) for smsc in smscs]
        self._sending: dict[str, asyncio.Task[Accepted | Rejected]] = {}
        self._unfinished: OrderedDict[str, tuple[Centre, dict[int, str]]] = OrderedDict()

    def preview(self, text: str) -> Preview:
        return smpp_text.preview(text, self._centres[0].smsc)

    # --- hearing ------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def running(self, inbound: Inbound) -> AsyncIterator[None]:
        """Stay bound to every message centre for as long as the block lasts."""
        async with AsyncExitStack() as stack:
            for centre in self._centres:
                await stack.enter_async_context(centre.running(partial(_hear, inbound, centre.smsc.line)))
            stack.push_async_callback(self._finish)
            yield

    async def _finish(self) -> None:
        """Nobody is left to take answers: what is being sent is given up, and sent again by whoever works next."""
        sending = list(self._sending.values())
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)

    # --- sending ------------------------------------------------------------------------------------------------------

    async def send(self, to: Handset, message: Message, *, key: str) -> Accepted | Rejected:
        """Who asks with a key that is being sent gets the answer to that; a caller who gives up changes nothing."""
        task = self._sending.get(key)
        if task is None:
            task = asyncio.create_task(self._send(to, message, key))
            self._sending[key] = task
            task.add_done_callback(lambda _: self._sending.pop(key, None))
        return await asyncio.shield(task)

    async def _send(self, to: Handset, message: Message, key: str) -> Accepted | Rejected:
        centre, taken = self._unfinished.pop(key, (None, {}))
        if centre is None or not centre.is_up:
            centre, taken = await self._choose(), {}
        if centre is None:
            return Rejected("; ".join(one.trouble for one in self._centres), retry=True)
        try:
            parts = smpp_text.submits(to, message, centre.smsc, key=key)
        except ValueError as fault:
            return Rejected(str(fault), retry=False)
        owed = {number: part for number, part in enumerate(parts, start=1) if number not in taken}
        answers = dict(zip(owed, await self._submit(centre, list(owed.values())), strict=True))
        refusals = []
        for number, answer in answers.items():
            if isinstance(answer, Answer) and answer.status == Status.ROK:
                taken[number] = smpp_text.plain_id(answer.message_id) if answer.message_id else f"{key}/{number}"
            else:
                refusals.append(_refusal(centre.smsc, answer))
        if not refusals:
            ids = tuple(taken[number] for number in range(1, len(parts) + 1))
            return Accepted(ids[0], len(ids), ids, centre.smsc.line)
        for_good = next((one for one in refusals if not one.retry), None)
        if for_good is None and taken:
            self._remember(key, centre, taken)
        return for_good or refusals[0]

    async def _submit(self, centre: Centre, parts: Sequence[SubmitSm]) -> Sequence[Answer | Lost | Unsent]:
        async def submit(part: SubmitSm) -> Answer | Lost | Unsent:
            try:
                async with asyncio.timeout(self._pace.send_seconds):
                    return await centre.submit(part)
            except TimeoutError:
                return Lost("the message centre did not take it in time")

        return await asyncio.gather(*(submit(part) for part in parts))

    async def _choose(self) -> Centre | None:
        """The first message centre that is up; where none is, the first that comes up soon."""
        up = next((one for one in self._centres if one.is_up), None)
        if up is not None:
            return up
        waiting = [asyncio.create_task(one.bound()) for one in self._centres]
        try:
            for soonest in asyncio.as_completed(waiting):
                if await soonest:
                    break
        finally:
            for task in waiting:
                task.cancel()
        return next((one for one in self._centres if one.is_up), None)

    def _remember(self, key: str, centre: Centre, taken: dict[int, str]) -> None:
        """So that the parts that were taken are not sent again with the others."""
        self._unfinished[key] = (centre, taken)
        while len(self._unfinished) > UNFINISHED_MAX:
            self._unfinished.popitem(last=False)


def _refusal(smsc: Smsc, answer: Answer | Lost | Unsent) -> Rejected:
    match answer:
        case Answer(status=status):
            return Rejected(
                f"the message centre {smsc.name} refused it with {status_name(status)}", retry=status in TEMPORARY
            )
        case Lost(why=why):
            return Rejected(f"{smsc.name}: {why}; where keys are unknown the message may arrive twice", retry=True)
        case Unsent(why=why):
            return Rejected(why, retry=True)


async def _hear(inbound: Inbound, line: str, pdu: DeliverSm | DataSm) -> Status:
    """Hand on what was told. Returning means that it is kept."""
    if pdu.message_type in {MessageType.RECEIPT, MessageType.INTERMEDIATE_NOTIFICATION}:
        receipt = receipt_of(pdu)
        if receipt is None:
            log.warning("receipt_unreadable", line=line)
            return Status.ROK
        state = STATES.get(receipt.state, "UNKNOWN")
        # The dates of a receipt name no time zone: when it came is what we know.
        await inbound.receipt(line=line, message_id=smpp_text.plain_id(receipt.message_id), state=state, at=None)
        return Status.ROK
    spoken = smpp_text.spoken_of(pdu, line)
    if spoken is None:
        log.info("inbound_ignored", line=line, kind=pdu.message_type)
    else:
        await inbound.message(spoken, smpp_text.said)
    return Status.ROK
