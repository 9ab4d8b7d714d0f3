"""What every way to a handset promises, ours and the fakes' alike, each against a network that does as it is told."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import parse_qs

import httpx
import pytest
from channels_kit import Listener, ScriptedSmsc, a_channel, serving
from channels_kit import Whim as SmppWhim
from fakes import FakeCarrier, Upset
from pydantic import SecretStr

from app.channels import ems
from app.channels.callbacks import Callbacks
from app.channels.kannel import Kannel
from app.channels.sms_http import Account, SmsHttp
from app.channels.wap_push import PushGateway, WapPush
from app.domain.handset import Handset
from app.ports import Accepted, Channel, Message, Rejected
from mobile_gateway.wire import ems as ems_wire
from mobile_gateway.wire import gsm, pap, pap_reading, pap_writing, push, udh
from mobile_gateway.wire.multipart import parse
from mobile_gateway.wire.smpp import Status

TO = Handset("+821012345678")
TICKET = Message(
    "No 482910375-1 PIN 491027",
    title="봄날의 우체국",
    link="https://tickets.example/wap/t/QZ9",
    code="C0123456789ABCDEFGHJKMNPQ",
)
SECRET = Callbacks(SecretStr("0123456789abcdef"))
ACCOUNT = Account("https://carrier.example", "shop", SecretStr("secret"))
PUBLIC_URL = "https://tickets.example"


class Whim(Enum):
    """What the network does with the next message."""

    LOST = "takes it, and its answer is lost"
    LATER = "has no room now"
    NEVER = "refuses it"


@dataclass
class Network:
    """What lies behind a channel: it carries each key once, as far as the protocol has keys."""

    script: deque[Whim] = field(default_factory=deque)
    carried: list[object] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)

    def carry(self, key: str, what: object) -> str:
        if key not in self.keys:
            self.keys[key] = f"id-{len(self.keys)}"
            self.carried.append(what)
        return self.keys[key]


Answer = Callable[[httpx.Request, Network, Whim | None], httpx.Response]


def over_http(network: Network, answer: Answer) -> httpx.AsyncClient:
    def handle(request: httpx.Request) -> httpx.Response:
        whim = network.script.popleft() if network.script else None
        response = answer(request, network, whim)
        if whim is Whim.LOST:
            raise httpx.ReadTimeout("lost", request=request)
        return response

    return httpx.AsyncClient(transport=httpx.MockTransport(handle))


def own_api(request: httpx.Request, network: Network, whim: Whim | None) -> httpx.Response:
    if whim in {Whim.LATER, Whim.NEVER}:
        return httpx.Response(503 if whim is Whim.LATER else 403, json={"detail": "no"})
    message_id = network.carry(request.headers["Idempotency-Key"], request.content)
    return httpx.Response(202, json={"message_id": message_id, "parts": 1})


def kannel_api(request: httpx.Request, network: Network, whim: Whim | None) -> httpx.Response:
    if whim in {Whim.LATER, Whim.NEVER}:
        return httpx.Response(503 if whim is Whim.LATER else 403, text="no")
    given = parse_qs(request.url.query.decode() or request.content.decode(), encoding="latin-1")
    network.carry(given["dlr-url"][0], given)
    return httpx.Response(202, text="0: Accepted for delivery")


def pap_api(request: httpx.Request, network: Network, whim: Whim | None) -> httpx.Response:
    control, content = parse(request.headers["Content-Type"], request.content)
    asked = pap_reading.read(control.content)
    assert isinstance(asked, pap.PushMessage)
    code = {Whim.LATER: pap.Code.SERVICE_UNAVAILABLE, Whim.NEVER: pap.Code.FORBIDDEN}.get(whim) if whim else None
    if code is None:
        code = pap.Code.DUPLICATE_PUSH_ID if asked.push_id in network.keys else pap.Code.ACCEPTED
        network.carry(asked.push_id, (asked, push.read_xml(content.content)))
    answer = pap.PushResponse(asked.push_id, code)
    return httpx.Response(202, content=pap_writing.write(answer).encode())


Made = AbstractAsyncContextManager[Channel]


@asynccontextmanager
async def sms_http(network: Network) -> AsyncIterator[Channel]:
    async with over_http(network, own_api) as http:
        yield SmsHttp(http, ACCOUNT)


@asynccontextmanager
async def kannel(network: Network) -> AsyncIterator[Channel]:
    async with over_http(network, kannel_api) as http:
        yield Kannel(http, ACCOUNT, public_url=PUBLIC_URL, callbacks=SECRET)


@asynccontextmanager
async def wap_push(network: Network) -> AsyncIterator[Channel]:
    gateway = PushGateway("https://ppg.example/pap", "shop", SecretStr("secret"), PUBLIC_URL)
    async with over_http(network, pap_api) as http:
        yield WapPush(http, gateway, SECRET)


@asynccontextmanager
async def ems_over_kannel(network: Network) -> AsyncIterator[Channel]:
    async with kannel(network) as carrier:
        yield ems.Ems(carrier)


class _Script(deque[Whim]):
    """The network's script, passed on to what speaks for it."""

    def __init__(self, say: Callable[[Whim], None]) -> None:
        super().__init__()
        self._say = say

    def append(self, whim: Whim, /) -> None:
        self._say(whim)


SMPP_WHIMS: Mapping[Whim, Status | SmppWhim] = {
    Whim.LOST: SmppWhim.HANG_UP,
    Whim.LATER: Status.RMSGQFUL,
    Whim.NEVER: Status.RINVDSTADR,
}


class _Taking(ScriptedSmsc):
    network: Network

    def take(self, pdu: object) -> str:
        found = super().take(pdu)  # type: ignore[arg-type]  # the kit hands in what it decoded
        self.network.carry(found, pdu)
        return found


@asynccontextmanager
async def sms(network: Network) -> AsyncIterator[Channel]:
    smsc = _Taking()
    smsc.network = network
    network.script = _Script(lambda whim: smsc.script.append(SMPP_WHIMS[whim]))
    async with serving(smsc) as port:
        channel = a_channel(port)
        async with channel.running(Listener()):
            yield channel


@asynccontextmanager
async def ems_over_sms(network: Network) -> AsyncIterator[Channel]:
    async with sms(network) as carrier:
        yield ems.Ems(carrier)


FAKE_WHIMS: Mapping[Whim, Upset | Rejected] = {
    Whim.LOST: Upset.LOST_AFTER,
    Whim.LATER: Rejected("no", retry=True),
    Whim.NEVER: Rejected("no", retry=False),
}


@asynccontextmanager
async def fake(network: Network) -> AsyncIterator[Channel]:
    carrier = FakeCarrier()

    def carry(key: str) -> None:
        network.carry(key, key)

    carrier.before = carry
    network.script = _Script(lambda whim: carrier.upset(FAKE_WHIMS[whim]))
    yield carrier


ADAPTERS: dict[str, Callable[[Network], Made]] = {
    "sms": sms,
    "sms_http": sms_http,
    "kannel": kannel,
    "wap_push": wap_push,
    "ems over sms": ems_over_sms,
    "ems over kannel": ems_over_kannel,
    "the fake": fake,
}
pytestmark = pytest.mark.parametrize("adapter", ADAPTERS)


async def test_what_is_taken_has_a_name_for_its_receipts(adapter: str) -> None:
    network = Network()
    async with ADAPTERS[adapter](network) as channel:
        outcomes = [await channel.send(TO, TICKET, key=key) for key in ("one", "two")]

    assert len(network.carried) == 2
    names = {one.message_id for one in outcomes if isinstance(one, Accepted) and one.parts >= 1}
    assert len(names) == 2
    assert all(0 < len(name) <= 100 and name.isprintable() for name in names)
    assert len(channel.name) <= 20


async def test_the_same_key_is_the_same_message(adapter: str) -> None:
    network = Network()
    async with ADAPTERS[adapter](network) as channel:
        first, again = [await channel.send(TO, TICKET, key="k") for _ in range(2)]

    assert first == again
    assert isinstance(first, Accepted)
    assert len(network.carried) == 1


async def test_many_at_once_with_one_key_are_one_message(adapter: str) -> None:
    network = Network()
    async with ADAPTERS[adapter](network) as channel:
        outcomes = await asyncio.gather(*(channel.send(TO, TICKET, key="k") for _ in range(5)))

    assert len(set(outcomes)) == 1
    assert len(network.carried) == 1


async def test_a_lost_answer_may_be_asked_for_again(adapter: str) -> None:
    network = Network()
    async with ADAPTERS[adapter](network) as channel:
        network.script.append(Whim.LOST)
        lost = await channel.send(TO, TICKET, key="k")
        again = await channel.send(TO, TICKET, key="k")

    assert isinstance(lost, Rejected)
    assert lost.retry
    assert isinstance(again, Accepted)
    assert len(network.carried) == 1


@pytest.mark.parametrize("whim", [Whim.LATER, Whim.NEVER], ids=lambda whim: whim.name)
async def test_a_refusal_says_whether_to_come_back_and_nothing_of_the_message(adapter: str, whim: Whim) -> None:
    network = Network()
    async with ADAPTERS[adapter](network) as channel:
        network.script.append(whim)
        outcome = await channel.send(TO, TICKET, key="k")

    assert isinstance(outcome, Rejected)
    assert outcome.retry is (whim is Whim.LATER)
    assert outcome.reason
    assert "491027" not in outcome.reason
    assert network.carried == []


async def test_a_preview_counts_and_refuses_what_is_too_long(adapter: str) -> None:
    async with ADAPTERS[adapter](Network()) as channel:
        assert len(channel.preview("표" * 71).parts) == 2
        with pytest.raises(ValueError, match="Shorten it"):
            channel.preview("표" * 1_000)


# --- what is particular to a channel's form -------------------------------------------------------------------------


async def test_the_form_fits_the_channel(adapter: str) -> None:
    """A push brings link and title; a picture brings the code and what fits of the title; the rest brings the text."""
    network = Network()
    async with ADAPTERS[adapter](network) as channel:
        await channel.send(TO, TICKET, key="k")
    (carried,) = network.carried

    if adapter == "wap_push":
        assert isinstance(carried, tuple)
        asked, indication = carried
        assert (indication.href, indication.text) == (TICKET.link, TICKET.title)
        assert asked.notify_to == f"{PUBLIC_URL}/carrier/push-results/{SECRET.token('push-results', asked.push_id)}"
        assert asked.addresses == ("WAPPUSH=+821012345678/TYPE=PLMN@ppg.example",)
    elif adapter == "ems over sms":
        elements, rest = udh.split(carried.short_message)  # type: ignore[attr-defined]  # a submit_sm
        assert rest.decode("utf-16-be") == "봄날의 "
        assert len(ems_wire.pictures(elements)) == 1
    elif adapter == "ems over kannel":
        header = carried["udh"][0].encode("latin-1")  # type: ignore[index]  # parameters
        assert len(ems_wire.pictures(udh.parse(header))) == 1
        assert carried["text"][0].encode("latin-1").decode() == "봄날의 "  # type: ignore[index]  # parameters
    else:
        said = repr(carried) if adapter != "sms" else carried.short_message.decode()  # type: ignore[attr-defined]  # a submit_sm
        assert "491027" in said or adapter == "the fake"


async def test_a_message_without_a_richer_form_is_refused_for_good_where_one_is_needed(adapter: str) -> None:
    network = Network()
    async with ADAPTERS[adapter](network) as channel:
        outcome = await channel.send(TO, Message("only words"), key="k")

    if adapter in {"wap_push", "ems over sms", "ems over kannel"}:
        assert isinstance(outcome, Rejected)
        assert not outcome.retry
        assert network.carried == []
    else:
        assert isinstance(outcome, Accepted)


@pytest.mark.parametrize("title", ["", "A", "Théâtre {x}", "봄날의 우체국", "😀😀😀😀😀"], ids=ascii)
async def test_a_picture_never_needs_a_second_message(adapter: str, title: str) -> None:
    if not adapter.startswith("ems"):
        return
    raw = ems.picture(TICKET.code, title)
    elements, rest = udh.split(raw.octets)
    header_octets = len(udh.build(elements))
    coding = gsm.Coding.UCS2 if raw.data_coding else gsm.Coding.GSM
    units = len(rest) // (2 if raw.data_coding else 1)
    assert units <= gsm.units_max(coding, header_octets=header_octets)
    assert title.startswith(gsm.decode(rest, coding))
