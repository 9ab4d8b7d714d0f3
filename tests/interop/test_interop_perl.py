"""Net::SMPP, a client that nobody here wrote, at our message centre: the operations that other peers do not use."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from carrier_kit import OTHER_CODE, PASSWORD, Carrier
from peers_kit import Tap, judged, needs_net_smpp, needs_tshark

from app.domain.handset import Handset

pytest_plugins = ["peers_plugin"]
pytestmark = needs_net_smpp

Call = tuple[str, dict[str, Any]]

SOURCE = {"source_addr_npi": 1, "source_addr": OTHER_CODE}
ENROUTE, DELETED = 1, 4
RINVDSTADR, RINVMSGID, RCANCELFAIL = 0x0B, 0x0C, 0x11


def to(number: str) -> dict[str, Any]:
    return {**SOURCE, "dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": number.removeprefix("+")}


async def answers(tap: Tap, *calls: Call) -> list[dict[str, Any]]:
    """What the client is answered to each call; it says goodbye at the end."""
    script = Path(__file__).with_name("esme.pl")
    process = await asyncio.create_subprocess_exec(
        "perl", script, str(tap.port), "esme", PASSWORD,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told = "".join(f"{json.dumps(call)}\n" for call in (*calls, ("unbind", {})))
    async with asyncio.timeout(30):
        said, faults = await process.communicate(told.encode())
    assert process.returncode == 0, faults.decode()
    *found, goodbye = [json.loads(line) for line in said.splitlines()]
    assert goodbye["status"] == 0
    assert len(found) == len(calls)
    return found


async def test_one_message_for_several_numbers(tap: Tap, carrier: Carrier, number: Handset) -> None:
    other = f"{number[:-1]}{(int(number[-1]) + 1) % 10}"
    numbers = [number[1:], other[1:], "12"]
    wanted = {"destination_addr": numbers, "dest_addr_ton": [1, 1, 1], "dest_addr_npi": [1, 1, 1]}
    (answer,) = await answers(tap, ("submit_multi", {**SOURCE, **wanted, "short_message": "to all of you"}))
    assert answer["status"] == 0
    assert answer["message_id"]
    assert (answer["destination_addr"], answer["error_status_code"]) == (["12"], [RINVDSTADR])
    for one in (number, other):
        (held,) = await carrier.inbox(one)
        assert held["text"] == "to all of you"


async def test_a_text_by_data_sm(tap: Tap, carrier: Carrier, number: Handset) -> None:
    (answer,) = await answers(tap, ("data_sm", {**to(number), "data_coding": 0, "message_payload": "by data sm"}))
    assert answer["status"] == 0
    assert answer["message_id"]
    (held,) = await carrier.inbox(number)
    assert held["text"] == "by data sm"


async def test_a_message_under_way_is_replaced(tap: Tap, carrier: Carrier, number: Handset) -> None:
    await carrier.switch(number, "off")
    submitted, replaced, asked = await answers(
        tap,
        ("submit_sm", {**to(number), "short_message": "gate 3"}),
        ("replace_sm", {**SOURCE, "message_id": "MESSAGE_ID", "short_message": "gate 5"}),
        ("query_sm", {**SOURCE, "message_id": "MESSAGE_ID"}),
    )
    assert submitted["status"] == replaced["status"] == asked["status"] == 0
    assert asked["message_state"] == ENROUTE
    await carrier.switch(number, "on")
    (held,) = await carrier.inbox(number)
    assert held["text"] == "gate 5"


async def test_a_message_under_way_is_cancelled_once(tap: Tap, carrier: Carrier, number: Handset) -> None:
    await carrier.switch(number, "off")
    cancel = ("cancel_sm", {**to(number), "message_id": "MESSAGE_ID"})
    _, cancelled, asked, again = await answers(
        tap,
        ("submit_sm", {**to(number), "short_message": "never"}),
        cancel,
        ("query_sm", {**SOURCE, "message_id": "MESSAGE_ID"}),
        cancel,
    )
    assert cancelled["status"] == 0
    assert asked["message_state"] == DELETED
    assert again["status"] == RCANCELFAIL


async def test_what_cannot_be_is_refused_and_the_session_goes_on(tap: Tap, number: Handset) -> None:
    nowhere, unknown, fine = await answers(
        tap,
        ("submit_sm", {**to("12"), "short_message": "to nowhere"}),
        ("query_sm", {**SOURCE, "message_id": "no-such-message"}),
        ("submit_sm", {**to(number), "short_message": "all the same"}),
    )
    assert (nowhere["status"], unknown["status"], fine["status"]) == (RINVDSTADR, RINVMSGID, 0)


@needs_tshark
async def test_wireshark_finds_no_fault_in_all_of_this(tap: Tap, folder: Path) -> None:
    await answers(tap, ("enquire_link", {}))
    assert "Enquire_link - resp" in await judged(tap, folder)
