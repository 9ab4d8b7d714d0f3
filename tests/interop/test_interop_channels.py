"""Kannel as the upstream of our `sms_http` channel, and pictures over it: read from the air by a scanner."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from carrier_kit import PASSWORD, Carrier
from kannel_kit import Kannel, Peers
from peers_kit import Tap, dissected, judged, needs_kannel, needs_tshark, needs_zbar, output
from pydantic import SecretStr

from app.channels import kannel as kannel_dialect
from app.channels import smpp_address
from app.channels.callbacks import Callbacks
from app.channels.ems import Ems
from app.channels.sms import Sms
from app.channels.sms_http import Account
from app.domain.handset import Handset
from app.ports import Accepted, Channel, Message, Read, Rejected, Spoken

pytest_plugins = ["peers_plugin"]
pytestmark = needs_kannel

KOREAN = "좌석 가열 12번, 비밀번호 491027입니다."
CODE = "C0123456789ABCDEFGHJKMNPQ"
CALLBACKS = Callbacks(SecretStr("a secret of our own, long enough"))
TEXTS = {
    "ascii": "PIN 491027",
    "escapes": "{€15} [A-12]",
    "long": "Your ticket." * 30,
    "korean": KOREAN * 4,
    "🎫": "🎫",
}


@pytest_asyncio.fixture
async def upstream(kannel: Kannel) -> AsyncIterator[Channel]:
    """Our channel with Kannel's smsbox behind it."""
    account = Account(f"http://127.0.0.1:{kannel.sendsms}", "t", SecretStr("t"))
    async with httpx.AsyncClient() as http:
        yield kannel_dialect.Kannel(http, account, public_url=kannel.ear.url, callbacks=CALLBACKS)


@pytest_asyncio.fixture
async def bound(carrier: Carrier, tap: Tap) -> AsyncIterator[Channel]:
    """Our channel bound to our own message centre through the tap."""
    assert carrier.smpp_port

    class Nobody:
        async def receipt(self, **_: object) -> None: ...

        async def message(self, spoken: Spoken, read: Read) -> None: ...

    sms = Sms(smpp_address.read(f"smpp://esme:{PASSWORD}@127.0.0.1:{tap.port}"), chance=lambda: 0.5)
    async with sms.running(Nobody()):
        yield sms


@pytest.fixture
def ways(bound: Channel, upstream: Channel) -> Mapping[str, Channel]:
    return {"SMPP": bound, "Kannel": upstream}


@pytest.mark.parametrize("name", TEXTS)
async def test_a_text_goes_through_kannel_and_its_receipt_comes_back_to_the_address_we_made(
    upstream: Channel, kannel: Kannel, carrier: Carrier, number: Handset, name: str
) -> None:
    answer = await upstream.send(number, Message(TEXTS[name]), key=f"k{number}")
    assert isinstance(answer, Accepted)
    (held,) = await carrier.inbox(number)
    assert held["text"] == TEXTS[name]
    token = CALLBACKS.token(kannel_dialect.PURPOSE, answer.message_id)
    (receipt, *_) = await kannel.ear.hears(f"/carrier/dlr/{answer.message_id}.{token}")
    assert kannel_dialect.STATES[int(receipt["type"])] == "DELIVERED"
    assert kannel_dialect.message_id_of(CALLBACKS, receipt.path.rpartition("/")[2]) == answer.message_id


async def test_a_failure_is_told_as_one(upstream: Channel, kannel: Kannel, carrier: Carrier, number: Handset) -> None:
    await carrier.switch(number, "barred")
    answer = await upstream.send(number, Message("hello"), key=f"k{number}")
    assert isinstance(answer, Accepted)
    token = CALLBACKS.token(kannel_dialect.PURPOSE, answer.message_id)
    (receipt, *_) = await kannel.ear.hears(f"/carrier/dlr/{answer.message_id}.{token}")
    assert kannel_dialect.STATES[int(receipt["type"])] == "UNDELIVERABLE"


async def test_a_wrong_password_is_told(kannel: Kannel, number: Handset) -> None:
    account = Account(f"http://127.0.0.1:{kannel.sendsms}", "t", SecretStr("wrong"))
    async with httpx.AsyncClient() as http:
        channel = kannel_dialect.Kannel(http, account, public_url=kannel.ear.url, callbacks=CALLBACKS)
        answer = await channel.send(number, Message("hello"), key="k")
    assert isinstance(answer, Rejected)
    assert "403" in answer.reason


# --- pictures -------------------------------------------------------------------------------------------------------


async def scanned(path: Path) -> str:
    return (await output("zbarimg", "--quiet", "--raw", path)).strip()


def enlarged(octets: bytes, path: Path) -> Path:
    """A large picture of EMS, 32x32 with 1 as black, as a picture with a white border for a scanner."""
    assert len(octets) == 128
    scale, border = 6, 4
    bits = [[octets[4 * y + x // 8] >> (7 - x % 8) & 1 for x in range(32)] for y in range(32)]
    white = [0] * (32 + 2 * border)
    rows = [white] * border + [[0] * border + row + [0] * border for row in bits] + [white] * border
    side = len(white) * scale
    lines = "\n".join(" ".join(str(bit) for bit in row for _ in range(scale)) for row in rows for _ in range(scale))
    path.write_text(f"P1\n{side} {side}\n{lines}\n", encoding="ascii")
    return path


@needs_tshark
@needs_zbar
@pytest.mark.parametrize("way", ["SMPP", "Kannel"])
@pytest.mark.parametrize("title", ["A-12", "가열12"], ids=["gsm", "ucs2"])
async def test_a_scanner_reads_the_ticket_in_one_short_message_and_on_the_phone(
    peers: Peers, ways: Mapping[str, Channel], number: Handset, way: str, title: str
) -> None:
    carrier, folder = peers.carrier, peers.folder
    answer = await Ems(ways[way]).send(number, Message("text", title=title, code=CODE), key=f"k{number}")
    assert isinstance(answer, Accepted), answer
    assert answer.parts == 1
    (held,) = await carrier.inbox(number)
    assert (held["text"], held["barcodes"]) == (title, 1)

    asked = f'smpp.destination_addr == "{number[1:]}"'
    capture = peers.tap.write(folder / "picture.pcap")
    assert "Large Picture" in await dissected(capture, "-Y", asked, "-O", "gsm_sms_ud,gsm_sms,smpp")
    said = await dissected(capture, "-Y", asked, "-T", "fields", "-e", "smpp.message")
    octets = bytes.fromhex(said.split(",")[0].strip().replace(":", ""))
    assert octets[:4] == bytes([132 - 1, 0x10, 129, 0])
    assert await scanned(enlarged(octets[4:132], folder / "picture.pbm")) == CODE

    for key in ("soft_right", "ok"):
        (await carrier.http.post(f"/handsets/{number}/keys", json={"key": key})).raise_for_status()
    screen = folder / "screen.png"
    screen.write_bytes((await carrier.http.get(f"/phones/{number}/screen.png")).content)
    assert await scanned(screen) == CODE


@needs_tshark
async def test_wireshark_finds_no_fault_in_all_of_this(peers: Peers, bound: Channel, number: Handset) -> None:
    await bound.send(number, Message(KOREAN), key=f"k{number}")
    await peers.carrier.inbox(number)
    assert KOREAN in await judged(peers.tap, peers.folder)
