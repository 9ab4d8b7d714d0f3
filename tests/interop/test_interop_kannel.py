"""Kannel's bearerbox, which nobody here wrote, as a client of our message centre."""

from __future__ import annotations

import time

import pytest
from carrier_kit import SHORT_CODE, Carrier
from kannel_kit import Kannel, Peers, a_kannel
from peers_kit import Asked, Ear, judged, needs_kannel, needs_tshark, until

from app.domain.handset import Handset

pytest_plugins = ["peers_plugin"]
pytestmark = needs_kannel

KOREAN = "좌석 가열 12번, 비밀번호 491027입니다."
TEXTS = {
    "ascii": ("ID 482910375-6 PIN 491027", 0),
    "the whole GSM alphabet": ("@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà", 0),
    "the extension table": ("Seat {A-12} [row 3] ~ €15 ^|\\", 0),
    "a long text": ("Your ticket for seat 17." * 14, 0),
    "a long text of escapes": ("[{€}]" * 60, 0),
    "korean": (KOREAN, 2),
    "a long korean text": (KOREAN * 8, 2),
    "emoji": ("표 🎫🎭🎶 ✓", 2),
    "a long text of emoji": ("🎫" * 100, 2),
}

DELIVERED, FAILED, ACCEPTED, REFUSED = "1", "2", "8", "16"


@pytest.mark.parametrize("name", TEXTS)
async def test_a_text_that_kannel_sends_arrives_letter_by_letter(
    kannel: Kannel, carrier: Carrier, ear: Ear, number: Handset, name: str
) -> None:
    text, coding = TEXTS[name]
    path = await kannel.send(number, text, coding=coding)
    (held,) = await carrier.inbox(number)
    assert held["text"] == text
    assert held["from"] == SHORT_CODE
    accepted, delivered = (await ear.hears(path, count=2))[:2]
    assert (accepted["type"], delivered["type"]) == (ACCEPTED, DELIVERED)
    assert accepted["id"] == delivered["id"]
    assert f"id:{delivered['id']} sub:001 dlvrd:001" in delivered["said"]
    assert "stat:DELIVRD err:000" in delivered["said"]


async def test_a_flash_text_and_binary_content_arrive(kannel: Kannel, carrier: Carrier, number: Handset) -> None:
    await kannel.send(number, "now at gate 3", mclass=0)
    (flash,) = await carrier.inbox(number)
    assert flash["text"] == "now at gate 3"


async def test_a_message_to_a_barred_phone_is_told_as_failed(
    kannel: Kannel, carrier: Carrier, ear: Ear, number: Handset
) -> None:
    await carrier.switch(number, "barred")
    path = await kannel.send(number, "to nobody")
    accepted, failed = await ear.hears(path, count=2)
    assert (accepted["type"], failed["type"]) == (ACCEPTED, FAILED)
    assert "stat:REJECTD" in failed["said"]
    assert "dlvrd:000" in failed["said"]


@pytest.mark.parametrize("text", ["BUY HAM 2", "표 [HAMLET] 2장", "a long text." * 20, "길고긴글" * 50])
async def test_a_text_that_a_phone_sends_reaches_the_application_behind_kannel(
    kannel: Kannel, carrier: Carrier, ear: Ear, number: Handset, text: str
) -> None:
    await carrier.write(number, SHORT_CODE, text)

    async def look() -> Asked | None:
        return next((one for one in ear.heard if one.path == "/mo" and one["from"] == number), None)

    heard = await until(look, f"Kannel never passed on the text; it said {ear.heard[-3:]}")
    assert (heard["text"], heard["to"]) == (text, SHORT_CODE)
    assert heard["id"]
    assert kannel.ear is ear


async def test_what_waits_survives_our_restart_and_reaches_a_kannel_that_binds_anew(
    kannel: Kannel, carrier: Carrier, ear: Ear, number: Handset
) -> None:
    await carrier.switch(number, "off")
    path = await kannel.send(number, "kept over the night")
    await ear.hears(path)
    await carrier.stop()

    async def is_lost() -> bool:
        return not await kannel.is_bound()

    await until(is_lost, "Kannel did not notice that we went away")
    await carrier.start()
    await carrier.switch(number, "on")
    (held,) = await carrier.inbox(number)
    assert held["text"] == "kept over the night"
    _, delivered = await ear.hears(path, count=2)
    assert delivered["type"] == DELIVERED
    again = await kannel.send(f"{number[:-1]}{(int(number[-1]) + 1) % 10}", "after")
    assert [one["type"] for one in await ear.hears(again, count=2)] == [ACCEPTED, DELIVERED]


async def test_kannel_pauses_when_it_is_throttled_and_loses_nothing(
    kannel: Kannel, carrier: Carrier, ear: Ear, number: Handset
) -> None:
    await carrier.throttle("kannel", 1)
    started = time.monotonic()
    path = await kannel.send(number, "in a while")
    (held,) = await carrier.inbox(number)
    assert held["text"] == "in a while"
    assert time.monotonic() - started >= 0.9
    assert [one["type"] for one in await ear.hears(path, count=2)] == [ACCEPTED, DELIVERED]


async def test_kannel_may_bind_as_a_transmitter_and_as_a_receiver(peers: Peers, number: Handset) -> None:
    folder, ear, carrier = peers.folder / "split", peers.ear, peers.carrier
    async with a_kannel(folder, smsc_port=peers.tap.port, ear=ear, carrier=carrier, split=True) as split:
        path = await split.send(number, KOREAN, coding=2)
        assert [one["type"] for one in await ear.hears(path, count=2)] == [ACCEPTED, DELIVERED]
    (held,) = await carrier.inbox(number)
    assert held["text"] == KOREAN


@needs_tshark
async def test_wireshark_finds_no_fault_in_all_of_this(peers: Peers, number: Handset) -> None:
    await peers.kannel.send(number, KOREAN, coding=2)
    await peers.kannel.send(number, "Your ticket for seat 17." * 14)
    await peers.carrier.inbox(number, count=2)
    said = await judged(peers.tap, peers.folder)
    assert KOREAN in said
    assert "3 Short Message fragments (336 bytes)" in said
    assert "stat:DELIVRD" in said
