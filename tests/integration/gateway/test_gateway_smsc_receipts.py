"""What the message centre tells accounts: receipts, notices, alerts, phones' own words; kept until somebody has it."""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import replace
from pathlib import Path

import pytest
from gateway_kit import NUMBER, until
from smsc_kit import Centre, a_submit, centre_in, eventually, impatient

from mobile_gateway.carrier.faults import Fate, Script, Step
from mobile_gateway.smsc import Limits
from mobile_gateway.wire import udh
from mobile_gateway.wire.smpp import (
    BindReceiver,
    BindTransmitter,
    DeliverSm,
    DeliverSmResp,
    MessageState,
    MessageType,
    Npi,
    Status,
    SubmitMulti,
    Ton,
    Unbind,
    encode,
    receipt_of,
    tlvs,
)

pytest_plugins = ["smsc_plugin"]

RECEIPT = re.compile(
    r"id:(?P<id>\S{1,64}) sub:001 dlvrd:(?P<dlvrd>00[01]) submit date:\d{10} done date:\d{10}"
    r" stat:(?P<stat>[A-Z]{7}) err:(?P<err>\d{3}) text:(?P<text>.*)"
)
"""Appendix B, as peers read it."""


async def test_a_receipt_has_the_words_the_parameters_and_the_addresses_of_the_specification(centre: Centre) -> None:
    client = await centre.bound()
    sent = a_submit(
        b"The quick brown fox jumps", source_addr_ton=Ton.ALPHANUMERIC, source_addr_npi=0, source_addr="Box"
    )
    message_id = await client.submit(sent)
    (told,) = await client.told()
    found = RECEIPT.fullmatch(told.short_message.decode("ascii"))
    assert found
    assert found.groupdict() == {
        "id": message_id,
        "dlvrd": "001",
        "stat": "DELIVRD",
        "err": "000",
        "text": "The quick brown fox ",
    }
    assert told.esm_class == MessageType.RECEIPT
    assert tlvs.RECEIPTED_MESSAGE_ID.first(told.tlvs) == message_id
    assert tlvs.MESSAGE_STATE.first(told.tlvs) == MessageState.DELIVERED
    assert tlvs.NETWORK_ERROR_CODE.first(told.tlvs) is None
    assert (told.source_addr_ton, told.source_addr_npi, told.source_addr) == (Ton.INTERNATIONAL, Npi.ISDN, NUMBER[1:])
    assert (told.dest_addr_ton, told.destination_addr) == (Ton.ALPHANUMERIC, "Box")


@pytest.mark.parametrize(
    ("state", "stat", "error"), [("unknown", MessageState.UNDELIVERABLE, 1), ("barred", MessageState.REJECTED, 13)]
)
async def test_a_failure_is_told_with_the_networks_own_code(
    centre: Centre, state: str, stat: MessageState, error: int
) -> None:
    client = await centre.bound()
    await centre.switch(state)
    await client.submit(a_submit(registered_delivery=2))
    (told,) = await client.told()
    found = receipt_of(told)
    assert found
    assert (found.state, found.error) == (stat, f"{error:03}")
    assert tlvs.NETWORK_ERROR_CODE.first(told.tlvs) == bytes([3, 0, error])


async def test_only_what_was_asked_for_is_told(centre: Centre) -> None:
    client = await centre.bound()
    for registered_delivery in (0, 2):  # none at all; failure only
        await client.submit(a_submit(registered_delivery=registered_delivery))
    last = await client.submit()
    await client.told()
    assert [receipt.message_id for receipt in client.receipts()] == [last]


async def test_a_first_attempt_that_fails_is_noted_where_that_was_asked_for_and_the_end_is_told_too(
    centre: Centre,
) -> None:
    client = await centre.bound()
    await centre.gateway.network.set_script(NUMBER, Script((Step(Fate.ABSENT, 2),)))
    message_id = await client.submit(a_submit(registered_delivery=0x11))
    await client.told(2)
    notice, receipt = client.receipts()
    assert (notice.message_id, notice.final, notice.state, notice.error) == (message_id, False, 1, "027")
    assert (receipt.message_id, receipt.final, receipt.state) == (message_id, True, MessageState.DELIVERED)
    assert client.delivered[0].esm_class == MessageType.INTERMEDIATE_NOTIFICATION


async def test_what_a_phone_writes_to_a_short_code_reaches_its_account_in_parts_that_fit(centre: Centre) -> None:
    client = await centre.bound()
    await centre.gateway.network.originate(NUMBER, "1588", text="BUY 7")
    await centre.gateway.network.originate(NUMBER, "1588", text="표" * 100)
    short, *parts = await client.told(3)
    assert (short.esm_class, short.data_coding, short.short_message) == (0, 0, b"BUY 7")
    assert (short.source_addr_ton, short.source_addr, short.destination_addr) == (1, NUMBER[1:], "1588")
    assert {(part.esm_class, part.data_coding, len(part.short_message) <= 140) for part in parts} == {(0x40, 8, True)}
    bodies = {}
    for part in parts:
        elements, rest = udh.split(part.short_message)
        place = udh.concatenation_of(elements)
        assert place
        bodies[place.sequence] = rest
    assert b"".join(bodies[index] for index in sorted(bodies)).decode("utf-16-be") == "표" * 100


# --- a handset that comes back ----------------------------------------------------------------------------------------


async def test_the_return_of_a_handset_is_told_once_to_whoever_asked_and_failed_to_reach_it(centre: Centre) -> None:
    client = await centre.bound()
    await centre.switch("off")
    await client.submit(a_submit(registered_delivery=0, tlvs=(tlvs.SET_DPF.make(1),)))
    await client.submit(a_submit(registered_delivery=0, tlvs=(tlvs.SET_DPF.make(0),)))

    async def failed() -> bool:
        return bool(await centre.gateway.network.store.run(lambda ledger: ledger.has_alerts()))

    await until(failed)
    assert client.alerts == []
    await centre.switch("on")
    await eventually(lambda: client.alerts)
    await centre.switch("off")
    await centre.switch("on")
    await client.submit()
    await client.told()
    (alert,) = client.alerts
    assert (alert.source_addr_ton, alert.source_addr) == (Ton.INTERNATIONAL, NUMBER[1:])
    assert alert.esme_addr == "1588"
    assert tlvs.MS_AVAILABILITY_STATUS.first(alert.tlvs) == 0


async def test_a_message_that_arrives_at_once_causes_no_alert(centre: Centre) -> None:
    client = await centre.bound()
    await client.submit(a_submit(tlvs=(tlvs.SET_DPF.make(1),)))
    await client.told()
    await centre.switch("off")
    await centre.switch("on")
    await centre.gateway.network.originate(NUMBER, "1588", text="next")
    await client.told(2)
    assert client.alerts == []


# --- stored until somebody has it -------------------------------------------------------------------------------------


async def test_receipts_wait_for_a_session_that_receives_and_come_in_order(centre: Centre) -> None:
    transmitter = await centre.bound(BindTransmitter)
    sent = [await transmitter.submit() for _ in range(30)]
    receiver = await centre.bound(BindReceiver)
    await receiver.told(30)
    assert [receipt.message_id for receipt in receiver.receipts()] == sent


async def test_what_is_not_acknowledged_comes_again_after_the_next_bind_and_what_is_does_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with centre_in(tmp_path, limits=Limits(window=3)) as centre:
        transmitter = await centre.bound(BindTransmitter)
        sent = [await transmitter.submit() for _ in range(6)]
        first = await centre.bound(BindReceiver, statuses=[Status.ROK, Status.ROK, None, None, None])
        await first.told(5)
        first.transport.abort()
        second = await centre.bound(BindReceiver)
        await second.told(4)
        await asyncio.sleep(0.05)
        assert [receipt.message_id for receipt in second.receipts()] == sent[2:]
        assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_session_that_leaves_something_unanswered_is_not_given_the_rest(tmp_path: Path) -> None:
    limits = replace(impatient(response_seconds=0.05), window=1)
    async with centre_in(tmp_path, limits=limits, receipt_retry_seconds=(60,)) as centre:
        transmitter = await centre.bound(BindTransmitter)
        sent = {await transmitter.submit(), await transmitter.submit()}
        await asyncio.sleep(0.1)  # both are due before the session binds
        mute = await centre.bound(BindReceiver, statuses=[None, None])
        await mute.told()
        await asyncio.sleep(0.15)
        assert len(mute.delivered) == 1
        healthy = await centre.bound(BindReceiver)
        await healthy.told(2)
        assert {receipt.message_id for receipt in healthy.receipts()} == sent


async def test_an_acknowledgement_that_comes_with_a_goodbye_counts_and_nothing_is_told_after_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with centre_in(tmp_path, limits=Limits(window=1), receipt_retry_seconds=(60,)) as centre:
        transmitter = await centre.bound(BindTransmitter)
        sent = [await transmitter.submit(), await transmitter.submit()]
        await asyncio.sleep(0.1)  # both are due before the session binds
        leaving = await centre.raw(BindReceiver)
        first = await leaving.frame()
        leaving.writer.write(encode(Unbind(), sequence=9) + encode(DeliverSmResp(), sequence=first.sequence))
        await leaving.hung_up()
        rebound = await centre.bound(BindReceiver)
        await rebound.told()
        await asyncio.sleep(0.05)
        assert [receipt.message_id for receipt in rebound.receipts()] == sent[1:]
        assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_receipts_are_told_after_a_restart_of_the_message_centre(tmp_path: Path) -> None:
    async with centre_in(tmp_path) as centre:
        transmitter = await centre.bound(BindTransmitter)
        sent = [await transmitter.submit() for _ in range(3)]
    async with centre_in(tmp_path) as centre:
        receiver = await centre.bound(BindReceiver)
        await receiver.told(3)
        assert [receipt.message_id for receipt in receiver.receipts()] == sent


@pytest.mark.parametrize("status", [Status.RMSGQFUL, Status.RX_T_APPN, Status.RTHROTTLED, Status.RSYSERR])
async def test_what_a_peer_cannot_take_now_comes_again(centre: Centre, status: Status) -> None:
    client = await centre.bound(statuses=[status])
    await client.submit()
    first, second = await client.told(2)
    assert first == second


async def test_what_a_peer_refuses_for_good_does_not_come_again_and_the_history_says_why(centre: Centre) -> None:
    client = await centre.bound(statuses=[Status.RX_P_APPN])
    message_id = await client.submit()
    last = await client.submit()
    await client.told(2)
    await asyncio.sleep(0.05)
    assert [receipt.message_id for receipt in client.receipts()] == [message_id, last]
    found = await centre.gateway.network.message(message_id, account="demo")
    assert found
    assert "receipt given up: ESME_RX_P_APPN" in [entry.note for entry in found[1]]


async def test_receiving_sessions_of_one_account_share_what_it_is_owed(tmp_path: Path) -> None:
    async with centre_in(tmp_path, limits=Limits(window=2)) as centre:
        receivers = [await centre.bound(BindReceiver) for _ in range(3)]
        transmitter = await centre.bound(BindTransmitter)
        sent = await asyncio.gather(*(transmitter.submit() for _ in range(40)))
        await eventually(lambda: sum(len(one.delivered) for one in receivers) >= 40)
        heard = [receipt.message_id for one in receivers for receipt in one.receipts()]
        assert sorted(heard) == sorted(sent)
        assert all(one.delivered for one in receivers)


async def test_a_session_that_does_not_answer_keeps_nothing_from_the_others(tmp_path: Path) -> None:
    limits = impatient(response_seconds=0.1)
    async with centre_in(tmp_path, limits=limits, receipt_delay_seconds=0) as centre:
        mute = await centre.bound(BindReceiver, statuses=[None] * 1000)
        healthy = await centre.bound(BindReceiver)
        transmitter = await centre.bound(BindTransmitter)
        sent = {await transmitter.submit() for _ in range(20)}
        await eventually(lambda: {receipt.message_id for receipt in healthy.receipts()} == sent)
        assert mute.delivered
        assert not mute.gone.is_set()


async def test_no_more_is_told_at_once_than_the_window_allows(tmp_path: Path) -> None:
    async with centre_in(tmp_path, limits=Limits(window=4)) as centre:
        transmitter = await centre.bound(BindTransmitter)
        await asyncio.gather(*(transmitter.submit() for _ in range(20)))
        slow = await centre.bound(BindReceiver, statuses=[None] * 20)
        await slow.told(4)
        await asyncio.sleep(0.05)
        assert len(slow.delivered) == 4


async def test_another_account_is_told_nothing_of_it(centre: Centre) -> None:
    client, stranger = await centre.bound(), await centre.bound(system_id="other")
    await client.submit()
    await client.told()
    assert stranger.delivered == []
    assert isinstance(client.delivered[0], DeliverSm)


async def test_each_destination_of_a_submit_multi_has_its_receipt(centre: Centre) -> None:
    client = await centre.bound()
    numbers = [f"8210000000{index:02}" for index in range(20)]
    destinations = tuple(a_submit(destination_addr=number).destination for number in numbers)
    message_id = await client.submit(
        SubmitMulti(dest_addresses=destinations, source_addr="1588", registered_delivery=1, short_message=b"x")
    )
    await client.told(20)
    assert sorted(told.source_addr for told in client.delivered) == numbers
    assert {receipt.message_id for receipt in client.receipts()} == {message_id}
