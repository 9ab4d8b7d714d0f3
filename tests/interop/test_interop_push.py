"""WAP push both ways with Kannel: its gateway takes what we initiate, ours takes what its initiator sends."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from carrier_kit import PASSWORD, Carrier
from kannel_kit import Kannel, Peers
from peers_kit import (
    KANNEL_TOOLS,
    Ear,
    Tap,
    dissected,
    judged,
    needs_kannel,
    needs_libwbxml,
    needs_tshark,
    output,
    running,
    until,
)
from pydantic import SecretStr

from app.channels.callbacks import Callbacks
from app.channels.wap_push import PushGateway, WapPush, result
from app.domain.handset import Handset
from app.ports import Accepted, Message, Rejected
from mobile_gateway.wire import udh, wsp
from mobile_gateway.wire.xmltree import parse

pytest_plugins = ["peers_plugin"]
pytestmark = needs_kannel

LINK = "http://www.cyberticket.example/t/ABC123"
TITLE = "좌석 가열 12번"
LONG_TITLE = "아주 먼 나라에서 온 우편배달부, " * 8 + "끝"

SI = f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE si PUBLIC "-//WAPFORUM//DTD SI 1.0//EN" "http://www.wapforum.org/DTD/si.dtd">
<si><indication href="{LINK}" si-id="1@cyberticket.example" action="signal-high">{TITLE}</indication></si>
"""
SL = """<?xml version="1.0"?>
<!DOCTYPE sl PUBLIC "-//WAPFORUM//DTD SL 1.0//EN" "http://www.wapforum.org/DTD/sl.dtd">
<sl href="http://www.cyberticket.example/now" action="execute-high"></sl>
"""
PAP = """<?xml version="1.0"?>
<!DOCTYPE pap PUBLIC "-//WAPFORUM//DTD PAP//EN" "http://www.wapforum.org/DTD/pap_1.0.dtd">
<pap><push-message push-id="{push_id}" progress-notes-requested="false">
<address address-value="WAPPUSH={number}/TYPE=PLMN@ppg.carrier.example"></address>
<quality-of-service priority="low" delivery-method="unconfirmed" network-required="true" network="gsm"
 bearer-required="true" bearer="sms"></quality-of-service></push-message></pap>
"""


def a_channel(url: str, kannel: Kannel, *, password: str = PASSWORD) -> WapPush:
    gateway = PushGateway(url, "pi", SecretStr(password), kannel.ear.url)
    return WapPush(kannel.http, gateway, Callbacks(SecretStr("a secret of our own, long enough")))


def a_message(title: str = TITLE) -> Message:
    return Message("the text beside", title=title, link=LINK)


# --- its initiator, our gateway -------------------------------------------------------------------------------------


async def pushed_by_kannel(carrier: Carrier, folder: Path, number: str, kind: str, *options: str) -> str:
    """Push with Kannel's own initiator; gives what it says of our answer."""
    content, control = folder / f"{kind}.xml", folder / f"{number}.pap"
    content.write_text({"si": SI, "sl": SL}[kind], encoding="utf-8")
    control.write_text(PAP.format(push_id=f"{kind}{number}@pi.example", number=number), encoding="utf-8")
    url = f"{carrier.url}/pap?username=pi&password={PASSWORD}"
    async with running(KANNEL_TOOLS / "test_ppg", *options, "-c", kind, url, content, control, folder=folder) as pi:

        async def ended() -> bool:
            return pi.process.poll() is not None

        await until(ended, "test_ppg did not end")
    return pi.said


@pytest.mark.parametrize(
    ("kind", "link"), [("si", LINK), ("sl", "http://www.cyberticket.example/now")], ids=["si", "sl"]
)
@pytest.mark.parametrize("options", [(), ("-p", "-E"), ("-n",), ("-e", "base64")], ids=["", "padded", "id", "base64"])
async def test_what_kannels_initiator_pushes_reaches_the_phone(
    peers: Peers, number: Handset, kind: str, link: str, options: tuple[str, ...]
) -> None:
    said = await pushed_by_kannel(peers.carrier, peers.folder, number, kind, *options)
    assert "1 succeeded, 0 failed" in said
    (held,) = await peers.carrier.inbox(number)
    assert link in held["links"]
    assert kind == "sl" or TITLE in held["text"] + held["title"]


async def test_kannels_initiator_is_told_of_a_push_id_that_was_used(
    carrier: Carrier, folder: Path, number: str
) -> None:
    await pushed_by_kannel(carrier, folder, number, "si")
    said = await pushed_by_kannel(carrier, folder, number, "si")
    assert "2007" in said
    assert len(await carrier.inbox(number)) == 1


# --- our initiator --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("title", [TITLE, LONG_TITLE], ids=["one message", "several"])
async def test_kannels_gateway_takes_our_push_and_the_phone_gets_it(
    kannel: Kannel, carrier: Carrier, number: Handset, title: str
) -> None:
    channel = a_channel(kannel.push_url, kannel)
    answer = await channel.send(number, a_message(title), key=f"k{number[1:]}")
    assert isinstance(answer, Accepted), answer
    (held,) = await carrier.inbox(number)
    assert LINK in held["links"]
    assert title in held["text"] + held["title"]


async def test_kannels_gateway_refuses_who_has_no_password(kannel: Kannel, number: Handset) -> None:
    channel = a_channel(kannel.push_url, kannel, password="wrong")
    assert isinstance(await channel.send(number, a_message(), key="k"), Rejected)


async def test_our_gateway_takes_our_push_once_and_tells_what_became_of_it(
    kannel: Kannel, carrier: Carrier, ear: Ear, number: Handset
) -> None:
    channel = a_channel(f"{carrier.url}/pap", kannel)
    key = f"k{number[1:]}"
    first, second = [await channel.send(number, a_message(), key=key) for _ in range(2)]
    assert isinstance(first, Accepted)
    assert first == second
    assert len(await carrier.inbox(number)) == 1

    async def told() -> Any:
        return next((one for one in ear.heard if first.message_id.encode() in one.body), None)

    said = result((await until(told, "the initiator was told nothing")).body)
    assert (said.push_id, said.state) == (first.message_id, "DELIVERED")


# --- what went over the air, judged ---------------------------------------------------------------------------------


async def pushes(tap: Tap, folder: Path, number: str) -> list[bytes]:
    """The user data of the short messages to this number, cut out of the capture by Wireshark."""
    asked = f'smpp.command_id == 0x00000004 && smpp.destination_addr == "{number.removeprefix("+")}"'
    fields = ("-T", "fields", "-E", "aggregator=;", "-e", "smpp.destination_addr", "-e", "smpp.message")
    lines = (await dissected(tap.write(folder / "pushes.pcap"), "-Y", asked, *fields)).splitlines()
    found = []
    for line in lines:
        numbers, messages = (cell.split(";") for cell in line.split("\t"))
        pairs = zip(numbers, messages, strict=True)
        found += [bytes.fromhex(octets.replace(":", "")) for to, octets in pairs if to == number.removeprefix("+")]
    return found


def body_of(parts: list[bytes]) -> bytes:
    """The compiled document in the WSP push of these short messages."""
    pieces = {}
    for octets in parts:
        elements, rest = udh.split(octets)
        place = udh.concatenation_of(elements)
        pieces[place.sequence if place else 1] = rest
    return wsp.parse_push(b"".join(pieces[place] for place in sorted(pieces))).body


@needs_tshark
@needs_libwbxml
@pytest.mark.parametrize("title", [TITLE, LONG_TITLE], ids=["one message", "several"])
async def test_libwbxml_reads_the_indication_out_of_the_captured_short_messages(
    peers: Peers, number: Handset, title: str
) -> None:
    folder = peers.folder
    await a_channel(peers.kannel.push_url, peers.kannel).send(number, a_message(title), key=f"k{number[1:]}")
    await peers.carrier.inbox(number)
    parts = await pushes(peers.tap, folder, number)
    assert (len(parts) > 1) == (title == LONG_TITLE)
    (folder / "push.wbxml").write_bytes(body_of(parts))
    await output("wbxml2xml", "-o", folder / "push.xml", folder / "push.wbxml")
    indication = parse((folder / "push.xml").read_bytes()).find("indication")
    assert indication is not None
    assert (indication.attributes["href"], indication.text.strip()) == (LINK, title)


@needs_tshark
async def test_wireshark_finds_no_fault_and_reads_the_indication(peers: Peers, number: Handset) -> None:
    await a_channel(peers.kannel.push_url, peers.kannel).send(number, a_message(), key=f"k{number[1:]}")
    await peers.carrier.inbox(number)
    said = await judged(peers.tap, peers.folder)
    assert "PDU Type: Push (0x06)" in said
    assert re.search(r"application/vnd\.wap\.sic", said)
    assert "cyberticket.example/t/ABC123" in said
    assert TITLE in said
