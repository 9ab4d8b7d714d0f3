"""smpplib, a client that nobody here wrote, at our message centre: its own splitting, receipts, queries, refusals."""

from __future__ import annotations

import asyncio
import select
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import smpplib.client
import smpplib.consts
import smpplib.exceptions
import smpplib.gsm
import smpplib.smpp
from carrier_kit import OTHER_CODE, PASSWORD, Carrier
from peers_kit import Tap, judged, needs_tshark

pytest_plugins = ["peers_plugin"]

GSM, LATIN_1, UCS2, KSC = 0, 3, 8, 0x0E
KOREAN = "좌석 가열 12번, 비밀번호 491027입니다."
DELIVERED, EXPIRED, ENROUTE = 2, 3, 1
RECEIPT = 0x04


class Esme(smpplib.client.Client):  # type: ignore[misc]  # smpplib has no types
    """A client of the account `esme` that remembers what it is told. Blocking: call it in a thread."""

    def __init__(self, port: int) -> None:
        super().__init__("127.0.0.1", port, timeout=10, allow_unknown_opt_params=True)
        self.answers: list[Any] = []
        self.told: list[Any] = []
        self.queried: list[Any] = []
        self.refused: list[int] = []
        self.set_message_sent_handler(self._answered)
        self.set_message_received_handler(self._told)
        self.set_query_resp_handler(self.queried.append)
        self.set_error_pdu_handler(lambda pdu: self.refused.append(pdu.status))

    def _answered(self, pdu: Any) -> None:
        self.answers.append(pdu)

    def _told(self, pdu: Any) -> None:  # the library names this argument
        self.told.append(pdu)

    def bind(self, mode: str = "transceiver", *, password: str = PASSWORD, system_id: str = "esme") -> None:
        self.connect()
        self._bind(f"bind_{mode}", system_id=system_id, password=password, interface_version=0x34)

    def submit(self, number: str, octets: bytes, *, coding: int, **more: object) -> None:
        address = {"source_addr_ton": 0, "source_addr_npi": 1, "source_addr": OTHER_CODE}
        address |= {"dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": number.removeprefix("+")}
        content: dict[str, object] = {"short_message": octets, "data_coding": coding}
        self.send_message(**address, **(content | more))

    def submit_text(self, number: str, text: str, coding: int, *, reference: int | None) -> int:
        """As smpplib splits it, in headers or, with this reference, in parameters; gives the number of parts."""
        headers = reference is None
        parts, coding, esm_class = smpplib.gsm.make_parts(text, coding, use_udhi=headers)
        for place, part in enumerate(parts, start=1):
            sar = {"sar_msg_ref_num": reference, "sar_total_segments": len(parts), "sar_segment_seqnum": place}
            self.submit(
                number, part, coding=coding, esm_class=esm_class, registered_delivery=1, **({} if headers else sar)
            )
        return len(parts)

    def listen_until(self, is_done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not is_done():
            assert time.monotonic() < deadline, (self.answers, self.told, self.refused)
            if select.select([self._socket], [], [], 0.05)[0]:
                self.read_once()

    def take(self, answers: int, *, told: int = 0) -> list[str]:
        """Wait for so many answers and for so much to be told; gives the ids of the messages."""
        self.listen_until(lambda: len(self.answers) >= answers and len(self.told) >= told)
        return [pdu.message_id.decode() for pdu in self.answers]

    def leave(self) -> None:
        if self._socket is not None:
            if self.state != smpplib.consts.SMPP_CLIENT_STATE_OPEN:
                self.unbind()
            self.disconnect()


@pytest.fixture
def esme(tap: Tap) -> Iterator[Esme]:
    client = Esme(tap.port)
    yield client
    if client._socket is not None:
        client.disconnect()


TEXTS = {
    "short": ("ID 482910375-6 PIN 491027 @ {A-12}", GSM),
    "long": ("Your ticket for seat 17." * 12, GSM),
    "long, escapes cut in two": ("[{€}]" * 61, GSM),
    "latin-1": ("Müllers Café, 3. Reihe", LATIN_1),
    "korean": (KOREAN, UCS2),
    "long korean": (KOREAN * 7, UCS2),
    "emoji, surrogates cut in two": ("a" + "🎫" * 100, UCS2),
}


@pytest.mark.parametrize("reference", [None, 77, 0xFE77], ids=["udh", "sar", "sar of 16 bits"])
@pytest.mark.parametrize("name", TEXTS)
async def test_what_it_splits_is_whole_again_on_the_phone(
    esme: Esme,
    carrier: Carrier,
    number: str,
    name: str,
    reference: int | None,
) -> None:
    text, coding = TEXTS[name]

    def talk() -> list[str]:
        esme.bind()
        parts = esme.submit_text(number, text, coding, reference=reference)
        found = esme.take(parts, told=parts)
        esme.leave()
        return found

    ids = await asyncio.to_thread(talk)
    (held,) = await carrier.inbox(number)
    assert held["text"] == text
    assert sorted(told.receipted_message_id.decode() for told in esme.told) == sorted(ids)
    for told in esme.told:
        assert told.esm_class == RECEIPT
        assert told.message_state == DELIVERED
        assert told.source_addr == number[1:].encode()
        assert told.destination_addr == OTHER_CODE.encode()
        assert told.short_message.startswith(b"id:" + told.receipted_message_id + b" sub:001 dlvrd:001 submit date:")
        assert b" stat:DELIVRD err:000 text:" in told.short_message


async def test_korean_as_the_old_carriers_wrote_it(esme: Esme, carrier: Carrier, number: str) -> None:
    def talk() -> None:
        esme.bind("transmitter")
        esme.submit(number, KOREAN.encode("euc-kr"), coding=KSC)
        esme.take(1)
        esme.leave()

    await asyncio.to_thread(talk)
    (held,) = await carrier.inbox(number)
    assert held["text"] == KOREAN


async def test_a_text_in_the_payload_parameter(esme: Esme, carrier: Carrier, number: str) -> None:
    text = "긴 글입니다. " * 15 + "끝"

    def talk() -> None:
        esme.bind()
        esme.submit(number, b"", coding=UCS2, message_payload=text.encode("utf-16-be"), registered_delivery=1)
        esme.take(1, told=1)
        esme.leave()

    await asyncio.to_thread(talk)
    (held,) = await carrier.inbox(number)
    assert held["text"] == text


async def test_receipts_wait_for_a_receiver(esme: Esme, tap: Tap, carrier: Carrier, number: str) -> None:
    def send() -> list[str]:
        esme.bind("transmitter")
        esme.submit(number, b"hello", coding=GSM, registered_delivery=1)
        found = esme.take(1)
        esme.leave()
        return found

    def receive(receiver: Esme) -> None:
        receiver.bind("receiver")
        receiver.take(0, told=1)
        receiver.leave()

    (message_id,) = await asyncio.to_thread(send)
    await carrier.inbox(number)
    assert esme.told == []
    receiver = Esme(tap.port)
    await asyncio.to_thread(receive, receiver)
    (receipt,) = receiver.told
    assert receipt.receipted_message_id.decode() == message_id


async def test_a_query_says_that_it_is_under_way_and_then_when_it_arrived(
    esme: Esme, carrier: Carrier, number: str
) -> None:
    await carrier.switch(number, "off")

    def send() -> str:
        esme.bind()
        esme.submit(number, b"hello", coding=GSM)
        return esme.take(1)[0]

    def query(message_id: str, count: int) -> None:
        esme.query_message(message_id=message_id, source_addr_ton=0, source_addr_npi=1, source_addr=OTHER_CODE)
        esme.listen_until(lambda: len(esme.queried) == count)

    message_id = await asyncio.to_thread(send)
    await asyncio.to_thread(query, message_id, 1)
    await carrier.switch(number, "on")
    await carrier.inbox(number)
    await asyncio.to_thread(query, message_id, 2)
    await asyncio.to_thread(esme.leave)
    before, after = esme.queried
    assert (before.message_state, before.final_date, before.message_id.decode()) == (ENROUTE, b"", message_id)
    assert (after.message_state, len(after.final_date), after.error_code) == (DELIVERED, 16, 0)


async def test_a_message_that_nobody_took_in_time_expires(esme: Esme, carrier: Carrier, number: str) -> None:
    await carrier.switch(number, "off")

    def talk() -> None:
        esme.bind()
        esme.submit(number, b"soon worthless", coding=GSM, validity_period="000000000001000R", registered_delivery=1)
        esme.take(1, told=1)
        esme.leave()

    await asyncio.to_thread(talk)
    (receipt,) = esme.told
    assert receipt.message_state == EXPIRED
    assert b" stat:EXPIRED " in receipt.short_message


@pytest.mark.parametrize("text", ["TICKETS", "표 주세요 🎫", "a long text. " * 20 + "!", "길고긴글" * 50])
async def test_what_a_phone_sends_is_told(esme: Esme, carrier: Carrier, number: str, text: str) -> None:
    await asyncio.to_thread(esme.bind, "receiver")
    await carrier.write(number, OTHER_CODE, text)
    parts: dict[int, bytes] = {}

    def look() -> bool:
        for told in esme.told:
            octets = told.short_message or told.message_payload
            if told.esm_class & 0x40:
                assert octets[:3] == b"\5\0\3"
                parts[octets[5]] = octets[6:]
            else:
                parts[0] = octets
        coding = esme.told[0].data_coding if esme.told else GSM
        whole = b"".join(parts[one] for one in sorted(parts))
        return whole.decode("utf-16-be" if coding == UCS2 else "ascii") == text

    await asyncio.to_thread(esme.listen_until, look)
    assert {told.source_addr for told in esme.told} == {number[1:].encode()}
    assert {told.destination_addr for told in esme.told} == {OTHER_CODE.encode()}
    await asyncio.to_thread(esme.leave)


@pytest.mark.parametrize(
    ("system_id", "password", "status"),
    [("esme", "wrong", smpplib.consts.SMPP_ESME_RINVPASWD), ("nobody", "x", smpplib.consts.SMPP_ESME_RINVSYSID)],
)
async def test_who_cannot_say_the_password_is_told_so(esme: Esme, system_id: str, password: str, status: int) -> None:
    with pytest.raises(smpplib.exceptions.PDUError) as refused:
        await asyncio.to_thread(esme.bind, system_id=system_id, password=password)
    assert refused.value.args[1] == status


async def test_who_is_too_fast_is_told_so_and_may_go_on(esme: Esme, carrier: Carrier, number: str) -> None:
    await carrier.throttle("esme", 1)

    def talk() -> None:
        esme.bind()
        esme.submit(number, b"one", coding=GSM)
        esme.submit(number, b"two", coding=GSM)
        esme.listen_until(lambda: len(esme.answers) == 2)  # smpplib counts an error among the answers too
        esme.leave()

    await asyncio.to_thread(talk)
    assert esme.refused == [smpplib.consts.SMPP_ESME_RTHROTTLED]
    (held,) = await carrier.inbox(number)
    assert held["text"] == "two"


async def test_it_may_ask_whether_we_are_there(esme: Esme) -> None:
    def talk() -> str:
        esme.bind()
        esme.send_pdu(smpplib.smpp.make_pdu("enquire_link", client=esme))
        answer = esme.read_pdu().command
        esme.leave()
        return str(answer)

    assert await asyncio.to_thread(talk) == "enquire_link_resp"


@needs_tshark
async def test_wireshark_finds_no_fault_in_all_of_this(tap: Tap, esme: Esme, folder: Path) -> None:
    await asyncio.to_thread(esme.bind)
    await asyncio.to_thread(esme.leave)
    await judged(tap, folder)
