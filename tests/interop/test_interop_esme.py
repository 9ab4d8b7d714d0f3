"""Our `sms` channel at a message centre whose codec and sessions nobody here wrote: Net::SMPP."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from carrier_kit import PASSWORD
from peers_kit import Program, Tap, a_tap, judged, needs_net_smpp, needs_tshark, running, until

from app.channels import smpp_address
from app.channels.smpp_peer import Pace
from app.channels.sms import Sms
from app.domain.handset import Handset
from app.ports import Accepted, Message, Read, Rejected, Spoken
from mobile_gateway.wire import udh
from mobile_gateway.wire.gsm import Coding, decode

pytest_plugins = ["peers_plugin"]


pytestmark = needs_net_smpp

KOREAN = "좌석 가열 12번, 비밀번호 491027입니다."


@dataclass
class Hearer:
    """An Inbound that remembers."""

    receipts: list[tuple[str, str]] = field(default_factory=list)
    spoken: list[Spoken] = field(default_factory=list)
    read: Read | None = None

    async def receipt(self, *, line: str, message_id: str, state: str, at: datetime | None) -> None:
        assert line == "sms:esme"
        assert at is None or at.tzinfo
        self.receipts.append((message_id, state))

    async def message(self, spoken: Spoken, read: Read) -> None:
        self.spoken.append(spoken)
        self.read = read

    async def hears_of(self, ids: Sequence[str]) -> set[str]:
        """The states that the receipts of all these messages tell."""

        async def look() -> bool:
            return set(ids) <= {message_id for message_id, _ in self.receipts}

        await until(look, f"receipts of {ids} were awaited; there were {self.receipts}")
        return {state for message_id, state in self.receipts if message_id in ids}


@dataclass(frozen=True)
class Centre:
    """The foreign message centre, and our channel bound to it."""

    program: Program
    tap: Tap
    sms: Sms
    hearer: Hearer

    def taken(self, to: str) -> list[dict[str, Any]]:
        """The submit_sm for this number, as the message centre read them."""
        lines = [json.loads(line) for line in self.program.said.splitlines()[1:]]
        return [line for line in lines if line["destination_addr"] == to.removeprefix("+")]


@asynccontextmanager
async def a_centre(folder: Path, options: str = "") -> AsyncIterator[Centre]:
    script = Path(__file__).with_name("smsc.pl")
    async with running("perl", script, PASSWORD, folder=folder) as program:

        async def look() -> int | None:
            line, end, _ = program.said.partition("\n")
            return int(json.loads(line)["port"]) if end else None

        port = await until(look, f"the message centre did not start: {program.said}")
        async with a_tap(lambda: port) as tap:
            address = f"smpp://esme:{PASSWORD}@127.0.0.1:{tap.port}?{options}"
            sms = Sms(smpp_address.read(address), chance=lambda: 0.5, pace=Pace(backoff_first_seconds=0.1))
            hearer = Hearer()
            async with sms.running(hearer):
                yield Centre(program, tap, sms, hearer)


@pytest_asyncio.fixture(scope="module")
async def centre(folder: Path) -> AsyncIterator[Centre]:
    async with a_centre(folder) as running_centre:
        yield running_centre


def a_number(case: str) -> Handset:
    """A phone that no other test writes to; `case` says what the message centre does with its messages."""
    return Handset(f"+8210{time.monotonic_ns() // 1000 % 1_000_000:06}{case}")


def words(submitted: Sequence[dict[str, Any]]) -> str:
    """The text of submit_sm as its octets say, in the order in which their headers say."""
    coding = {0: Coding.GSM, 8: Coding.UCS2}[submitted[0]["data_coding"]]
    parts = {}
    for one in submitted:
        elements, rest = udh.split(bytes.fromhex(one["octets"])) if one["esm_class"] & 0x40 else ((), None)
        place = udh.concatenation_of(elements)
        parts[place.sequence if place else 1] = bytes.fromhex(one["octets"]) if rest is None else rest
    assert len(parts) == len(submitted)
    return decode(b"".join(parts[place] for place in sorted(parts)), coding)


TEXTS = [
    "ID 482910375-6 PIN 491027",
    "{€15} [A-12] ^~|\\",
    "Your ticket. " * 30,
    "[{€}]" * 60,
    KOREAN,
    KOREAN * 8,
    "🎫" * 90,
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
async def test_a_text_is_taken_and_every_part_has_its_receipt(centre: Centre, text: str) -> None:
    to = a_number("00")
    answer = await centre.sms.send(to, Message(text), key=f"k{to}")
    assert isinstance(answer, Accepted)
    submitted = centre.taken(to)
    assert len(submitted) == answer.parts == len(answer.part_ids) == len(centre.sms.preview(text).parts)
    assert words(submitted) == text
    assert {(one["dest_addr_ton"], one["dest_addr_npi"], one["registered_delivery"]) for one in submitted} == {
        (1, 1, 1)
    }
    assert await centre.hearer.hears_of(answer.part_ids) == {"DELIVERED"}


@pytest.mark.parametrize(
    ("case", "state"), [("02", "UNDELIVERABLE"), ("03", "DELIVERED"), ("05", "DELIVERED")],
    ids=["failed", "before the answer", "text only, another id"],
)  # fmt: skip
async def test_its_receipts_are_understood(centre: Centre, case: str, state: str) -> None:
    to = a_number(case)
    answer = await centre.sms.send(to, Message("hello"), key=f"k{to}")
    assert isinstance(answer, Accepted)
    assert await centre.hearer.hears_of(answer.part_ids or (answer.message_id,)) == {state}


async def test_throttling_is_honoured_and_the_message_goes_later(centre: Centre) -> None:
    to = a_number("01")
    started = time.monotonic()
    answer = await centre.sms.send(to, Message("hello"), key=f"k{to}")
    if isinstance(answer, Rejected):
        assert answer.retry
        answer = await centre.sms.send(to, Message("hello"), key=f"k{to}")
    assert isinstance(answer, Accepted)
    assert time.monotonic() - started >= 0.9
    assert len(centre.taken(to)) == 2


async def test_a_refusal_for_good_is_told_as_one(centre: Centre) -> None:
    to = a_number("04")
    answer = await centre.sms.send(to, Message("hello"), key=f"k{to}")
    assert isinstance(answer, Rejected)
    assert not answer.retry
    assert "RINVDSTADR" in answer.reason


async def test_a_centre_that_hangs_up_is_bound_to_anew(centre: Centre) -> None:
    to = a_number("06")
    lost = await centre.sms.send(to, Message("hello"), key=f"k{to}")
    assert isinstance(lost, Rejected)
    assert lost.retry
    answer = await centre.sms.send(to, Message("hello"), key=f"k{to}")
    assert isinstance(answer, Accepted)
    first, second = centre.taken(to)
    assert first["key"] == second["key"]


@pytest.mark.parametrize("text", ["BUY HAM 2", KOREAN, KOREAN * 4], ids=["ascii", "korean", "long korean"])
async def test_what_a_handset_says_is_heard(centre: Centre, text: str) -> None:
    to = a_number("09")
    await centre.sms.send(to, Message(text), key=f"k{to}")

    async def look() -> list[Spoken] | None:
        mine = [one for one in centre.hearer.spoken if one.sender == to]
        return mine if mine and len(mine) == (mine[0].place.total if mine[0].place else 1) else None

    spoken = sorted(await until(look, "nothing was heard"), key=lambda one: one.place.sequence if one.place else 1)
    assert centre.hearer.read
    assert centre.hearer.read([(one.data_coding, one.octets) for one in spoken]) == text
    assert {one.to for one in spoken} == {"1588"}


async def test_a_transmitter_and_a_receiver_do_together_what_a_transceiver_does(folder: Path) -> None:
    async with a_centre(folder, "mode=split&binds=2&reference=16&from=%2B8215880000") as centre:
        to = a_number("00")
        answer = await centre.sms.send(to, Message(KOREAN * 5), key="k")
        assert isinstance(answer, Accepted)
        assert words(centre.taken(to)) == KOREAN * 5
        assert {one["source_addr"] for one in centre.taken(to)} == {"8215880000"}
        assert await centre.hearer.hears_of(answer.part_ids) == {"DELIVERED"}


@needs_tshark
async def test_wireshark_finds_no_fault_in_all_of_this(centre: Centre, folder: Path) -> None:
    said = await judged(centre.tap, folder)
    assert "Bind_transceiver" in said
