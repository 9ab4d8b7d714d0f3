"""A message centre that does as it is told: what it answers to each submit_sm is scripted beforehand."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import cast

from app.channels import smpp_address
from app.channels.smpp_peer import Pace
from app.channels.smpp_text import IDEMPOTENCY_KEY
from app.channels.sms import Sms
from app.ports import Read, Spoken
from mobile_gateway.wire.smpp import (
    Address,
    Bind,
    BindReceiver,
    BindReceiverResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BindTransmitterResp,
    DeliverSm,
    Event,
    MessageState,
    PeerUnbound,
    ReceiptText,
    Request,
    Response,
    Role,
    Session,
    Status,
    SubmitSm,
    SubmitSmResp,
    Timers,
    deliver_receipt,
)
from mobile_gateway.wire.smpp.receipt import WORDS

BINDS = {
    BindTransceiver: BindTransceiverResp,
    BindTransmitter: BindTransmitterResp,
    BindReceiver: BindReceiverResp,
}


class Whim(Enum):
    """What a message centre does instead of answering."""

    SILENT = "takes the message and says nothing"
    HANG_UP = "takes the message and closes the connection"


@dataclass
class ScriptedSmsc:
    """Knows one account, keeps what it is given, and carries each key once where `honours_keys`."""

    password: str = "secret"
    honours_keys: bool = True
    early_receipts: bool = False
    """Whether the receipt comes before the answer to the message."""
    script: deque[Status | Whim] = field(default_factory=deque)
    submitted: list[SubmitSm] = field(default_factory=list)
    taken: dict[bytes, str] = field(default_factory=dict)
    binds: list[Bind] = field(default_factory=list)
    sessions: list[_Peer] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def take(self, pdu: SubmitSm) -> str:
        """The id of the message, the same for the same key."""
        key = next((tlv.octets for tlv in pdu.tlvs if tlv.tag == IDEMPOTENCY_KEY), b"")
        if not self.honours_keys or key not in self.taken:
            self.taken[key] = f"00Ab{next(self.numbers):x}"
        return self.taken[key]

    def hang_up(self) -> None:
        """Close every session without a word."""
        for peer in list(self.sessions):
            assert peer.transport
            peer.transport.abort()

    async def deliver(self, pdu: DeliverSm) -> int | None:
        """Send to any session that receives; the status of the answer, None where the session ended before it."""
        peer = next(one for one in self.sessions if one.receives)
        return await peer.deliver(pdu)


class _Peer(asyncio.Protocol):
    def __init__(self, smsc: ScriptedSmsc) -> None:
        self._smsc = smsc
        self._loop = asyncio.get_running_loop()
        timers = Timers(enquire_link_seconds=None, inactivity_seconds=None)
        self._session = Session(Role.SMSC, timers=timers, window=10, now=0)
        self._asked: dict[int, asyncio.Future[int | None]] = {}
        self.transport: asyncio.Transport | None = None
        self.receives = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._smsc.sessions.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._smsc.sessions.remove(self)
        for answer in self._asked.values():
            if not answer.done():
                answer.set_result(None)

    def data_received(self, data: bytes) -> None:
        assert self.transport
        for event in self._session.receive_data(data, 0):
            self._act(event)
        self.transport.write(self._session.outgoing())

    def _act(self, event: Event) -> None:
        assert self.transport
        match event:
            case Request(pdu=Bind() as pdu):
                self._smsc.binds.append(pdu)
                if pdu.password != self._smsc.password:
                    self.transport.write(self._session.refuse(event, Status.RINVPASWD))
                    return
                self.receives = not isinstance(pdu, BindTransmitter)
                self.transport.write(self._session.respond(event, BINDS[type(pdu)](system_id="scripted")))
            case Request(pdu=SubmitSm() as pdu):
                self._submitted(event, pdu)
            case Response(to=to, status=status):
                self._asked.pop(to.sequence).set_result(status)
            case PeerUnbound():
                self.transport.write(self._session.outgoing())
                self.transport.close()
            case _:
                raise AssertionError(event)

    def _submitted(self, request: Request, pdu: SubmitSm) -> None:
        assert self.transport
        smsc = self._smsc
        smsc.submitted.append(pdu)
        whim = smsc.script.popleft() if smsc.script else Status.ROK
        if isinstance(whim, Status) and whim is not Status.ROK:
            self.transport.write(self._session.refuse(request, whim))
            return
        message_id = smsc.take(pdu)
        if whim is Whim.HANG_UP:
            self.transport.abort()
        elif whim is Status.ROK:
            if smsc.early_receipts:
                self.transport.write(self._session.send(a_receipt(message_id), 0))
                self._asked[self._session.last_sequence] = self._loop.create_future()
            self.transport.write(self._session.respond(request, SubmitSmResp(message_id=message_id)))

    async def deliver(self, pdu: DeliverSm) -> int | None:
        assert self.transport
        self.transport.write(self._session.send(pdu, 0))
        answer: asyncio.Future[int | None] = self._loop.create_future()
        self._asked[self._session.last_sequence] = answer
        async with asyncio.timeout(15):
            return await answer


def a_receipt(message_id: str, state: MessageState = MessageState.DELIVERED) -> DeliverSm:
    text = ReceiptText(message_id=message_id, stat=WORDS[state], submitted=1)
    return deliver_receipt(text, state=state, sender=Address(0, 1, "1588"), recipient=Address(1, 1, "821012345678"))


@asynccontextmanager
async def serving(smsc: ScriptedSmsc, *, port: int = 0) -> AsyncIterator[int]:
    """Listen for as long as the block lasts; gives the port."""
    server = await asyncio.get_running_loop().create_server(lambda: _Peer(smsc), "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        smsc.hang_up()
        await asyncio.sleep(0)


@dataclass
class Listener:
    """The house's ears: keeps what it hears, and fails as often as it is told to."""

    receipts: list[tuple[str, str, str]] = field(default_factory=list)
    heard: list[tuple[Spoken, str]] = field(default_factory=list)
    failures: int = 0

    async def receipt(self, *, line: str, message_id: str, state: str, at: datetime | None) -> None:
        del at
        self._maybe_fail()
        self.receipts.append((line, message_id, state))

    async def message(self, spoken: Spoken, read: Read) -> None:
        self._maybe_fail()
        self.heard.append((spoken, read([(spoken.data_coding, spoken.octets)])))

    def _maybe_fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("the database is away")


QUICK = Pace(
    connect_seconds=1,
    backoff_first_seconds=0.01,
    backoff_max_seconds=0.05,
    throttled_seconds=0.05,
    bound_seconds=0.3,
    send_seconds=1,
    timers=Timers(response_seconds=0.2),
)


def a_channel(*ports: int, options: str = "", password: str = "secret") -> Sms:  # noqa: S107 - of this test alone
    """A channel to message centres on these ports, at a pace for tests."""
    listed = ",".join(
        f"smpp://shop:{password}@127.0.0.1:{port}?name=c{number}{options}" for number, port in enumerate(ports)
    )
    return Sms(smpp_address.read(listed), chance=lambda: 0.5, pace=QUICK)
