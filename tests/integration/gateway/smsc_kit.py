"""A message centre on a port of its own in this event loop, and a client of it over the same sans-IO session."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gateway_kit import NUMBER, Gateway, gateway_in, until
from pydantic import SecretStr

from mobile_gateway.services import utc_now
from mobile_gateway.smpp_limits import Callee
from mobile_gateway.smsc import Limits, Smsc
from mobile_gateway.smsc.submitting import House
from mobile_gateway.wire.smpp import (
    AlertNotification,
    Bind,
    BindTransceiver,
    Closed,
    DeliverSm,
    DeliverSmResp,
    Event,
    Nacked,
    Notice,
    Outbind,
    Pdu,
    PeerUnbound,
    Receipt,
    Request,
    Response,
    Role,
    Session,
    Status,
    SubmitSm,
    Timers,
    decode_one,
    encode,
    receipt_of,
)
from mobile_gateway.wire.smpp.codec import Decoded

PASSWORDS = {"demo": SecretStr("demo1234"), "other": SecretStr("other123"), "long": SecretStr("ninechars")}
HOST = "127.0.0.1"
ANSWER_SECONDS_MAX = 30.0


def a_submit(text: bytes = b"Your ticket", **changes: Any) -> SubmitSm:
    """To the number of these tests, with a receipt asked for."""
    fields: dict[str, Any] = {
        "source_addr_ton": 0,
        "source_addr_npi": 1,
        "source_addr": "1588",
        "dest_addr_ton": 1,
        "dest_addr_npi": 1,
        "destination_addr": NUMBER[1:],
        "registered_delivery": 1,
        "short_message": text,
    }
    return SubmitSm(**fields | changes)


@dataclass
class Esme(asyncio.Protocol):
    """A client: `ask` sends and waits for the answer; what it is told is kept and answered with `statuses` in turn.

    None among the statuses means no answer at all. Once they are used up it answers ROK.
    """

    window: int = 1000
    timers: Timers = field(default_factory=lambda: Timers(None, None, None, None))
    statuses: list[int | None] = field(default_factory=list)
    delivered: list[DeliverSm] = field(default_factory=list)
    alerts: list[AlertNotification] = field(default_factory=list)
    outbinds: list[Outbind] = field(default_factory=list)
    nacks: list[int] = field(default_factory=list)
    unbound_by_peer: bool = False
    closed: Closed | None = None

    def __post_init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.session = Session(Role.ESME, timers=self.timers, window=self.window, now=self.loop.time())
        self.gone = asyncio.Event()
        self._answers: dict[int, asyncio.Future[Response]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        for event in self.session.receive_data(data, self.loop.time()):
            self._heard(event)
        self.transport.write(self.session.outgoing())

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        for event in self.session.receive_data(b"", self.loop.time()):
            self._heard(event)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ConnectionResetError("the message centre hung up"))
        self.gone.set()

    def _heard(self, event: Event) -> None:
        match event:
            case Response(to=to):
                self._answers.pop(to.sequence).set_result(event)
            case Nacked(status=status):
                self.nacks.append(status)
            case Request(pdu=DeliverSm() as pdu):
                self.delivered.append(pdu)
                answer = self.statuses.pop(0) if self.statuses else Status.ROK
                if answer is not None:
                    self.transport.write(self.session.respond(event, DeliverSmResp(), status=answer))
            case Notice(pdu=AlertNotification() as alert):
                self.alerts.append(alert)
            case Notice(pdu=Outbind() as outbind):
                self.outbinds.append(outbind)
            case PeerUnbound():
                self.unbound_by_peer = True
            case Closed():
                self.closed = event
            case _:
                raise AssertionError(event)

    def start(self, pdu: Pdu) -> asyncio.Future[Response]:
        """Send without waiting."""
        octets = self.session.send(pdu, self.loop.time())
        answer: asyncio.Future[Response] = self.loop.create_future()
        self._answers[self.session.last_sequence] = answer
        self.transport.write(octets)
        return answer

    async def ask(self, pdu: Pdu) -> Response:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            return await self.start(pdu)

    async def submit(self, pdu: Pdu | None = None) -> str:
        """The message id under which this was taken."""
        answer = await self.ask(pdu or a_submit())
        assert answer.status == Status.ROK, answer
        return str(answer.pdu.message_id)  # type: ignore[attr-defined]  # of any of the three that submit

    async def bind(
        self, kind: type[Bind] = BindTransceiver, system_id: str = "demo", password: str | None = None
    ) -> int:
        """The status it is answered with; without a password it takes the right one."""
        right = PASSWORDS[system_id].get_secret_value() if password is None else password
        answer = await self.ask(kind(system_id=system_id, password=right, interface_version=0x34))
        return answer.status

    def receipts(self) -> list[Receipt]:
        """What it was told of messages it sent before."""
        return [receipt for receipt in map(receipt_of, self.delivered) if receipt]

    async def told(self, count: int = 1) -> list[DeliverSm]:
        """Wait until it was told so many things; answers all of them."""
        await eventually(lambda: len(self.delivered) >= count)
        return self.delivered

    async def hung_up(self) -> None:
        """Wait until the message centre has closed the connection."""
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            await self.gone.wait()


@dataclass
class Raw:
    """A peer that keeps to no rules."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, *pdus: Pdu, sequence: int = 1) -> None:
        self.writer.write(b"".join(encode(pdu, sequence=sequence) for pdu in pdus))

    async def frame(self) -> Decoded:
        """The next thing it is told."""
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            head = await self.reader.readexactly(4)
            return decode_one(head + await self.reader.readexactly(int.from_bytes(head, "big") - 4))

    async def ask(self, pdu: Pdu, *, sequence: int = 1) -> Decoded:
        self.send(pdu, sequence=sequence)
        return await self.frame()

    async def hung_up(self) -> None:
        """Wait until the message centre has closed the connection, politely or not."""
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            with suppress(ConnectionError):
                while await self.reader.read(65_536):
                    pass
        self.writer.close()


@dataclass
class Centre:
    """A running message centre, with the network behind it."""

    smsc: Smsc
    gateway: Gateway
    port: int
    clients: list[Esme] = field(default_factory=list)
    raws: list[Raw] = field(default_factory=list)

    def hang_up(self) -> None:
        """Every client leaves without a word."""
        for transport in [client.transport for client in self.clients] + [raw.writer.transport for raw in self.raws]:
            transport.abort()

    async def connect(self, **how: Any) -> Esme:
        """A client that has not bound yet."""
        loop = asyncio.get_running_loop()
        _, client = await loop.create_connection(lambda: Esme(**how), HOST, self.port)
        self.clients.append(client)
        return client

    async def bound(self, kind: type[Bind] = BindTransceiver, system_id: str = "demo", **how: Any) -> Esme:
        client = await self.connect(**how)
        assert await client.bind(kind, system_id) == Status.ROK
        return client

    async def raw(self, kind: type[Bind] | None = None) -> Raw:
        """A connection for octets that no session would send, bound so or not at all."""
        raw = Raw(*await asyncio.open_connection(HOST, self.port))
        self.raws.append(raw)
        if kind:
            await raw.ask(kind(system_id="demo", password="demo1234"))
        return raw

    async def switch(self, state: str, number: str = NUMBER) -> None:
        """Switch a phone on, off or whatever else may be with it."""
        answer = await self.gateway.client.put(f"/subscribers/{number}", json={"state": state})
        assert answer.status_code in {200, 201}, answer.text


def a_listener() -> socket.socket:
    listener = socket.socket()
    listener.bind((HOST, 0))
    listener.setblocking(False)
    return listener


@asynccontextmanager
async def centre_in(
    folder: Path, *, outbinds: dict[str, Callee] | None = None, limits: Limits | None = None, **changes: Any
) -> AsyncIterator[Centre]:
    """A message centre on the carrier's file in `folder`; every client of it is closed at the end."""
    async with gateway_in(folder, **changes) as gateway:
        smsc = Smsc(
            gateway.network,
            accounts=PASSWORDS,
            house=House(sender="Cyberticket", country_code="82"),
            now=utc_now,
            limits=limits or Limits(),
            outbinds=outbinds,
        )
        with a_listener() as listener:
            centre = Centre(smsc, gateway, listener.getsockname()[1])
            try:
                async with smsc.serving(listener):
                    yield centre
                    centre.hang_up()  # so that nobody waits for their goodbyes
            finally:
                centre.hang_up()


def impatient(**seconds: float) -> Limits:
    """Limits of which some timers are short."""
    return Limits(timers=replace(Timers(), **seconds))


async def eventually(check: Callable[[], object]) -> None:
    """Wait until `check` is true."""

    async def checked() -> object:
        return check()

    await until(checked)
