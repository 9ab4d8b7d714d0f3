"""What accounts ask of the message centre: submit, ask after, call back, change; each answered by the specification."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from gateway_kit import NUMBER, until
from smsc_kit import Centre, a_submit, centre_in, eventually

from mobile_gateway.carrier.faults import AccountRules
from mobile_gateway.smsc.submitting import SUBMISSION_KEY
from mobile_gateway.wire import udh
from mobile_gateway.wire.smpp import (
    Address,
    BindTransmitter,
    CancelSm,
    DataSm,
    DistributionList,
    MessageState,
    Npi,
    Pdu,
    QuerySm,
    QuerySmResp,
    ReplaceSm,
    Status,
    SubmitMulti,
    SubmitMultiResp,
    Tlv,
    Ton,
    Unsuccessful,
    encode,
    format_absolute,
    format_relative,
    parse_time,
    tlvs,
)

pytest_plugins = ["smsc_plugin"]

OTHER = "+821098765432"
TO: dict[str, Any] = {"dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": NUMBER[1:]}
FROM: dict[str, Any] = {"source_addr_npi": 1, "source_addr": "1588"}


async def inbox(centre: Centre, number: str = NUMBER, *, count: int = 1) -> list[str]:
    """What the phone holds, once it holds so much."""
    found: list[str] = []

    async def arrived() -> bool:
        found[:] = await centre.gateway.inbox(number)
        return len(found) >= count

    await until(arrived)
    return found


async def state(centre: Centre, message_id: str) -> QuerySmResp:
    answer = await centre.clients[0].ask(QuerySm(message_id=message_id, **FROM))
    assert answer.status == Status.ROK
    assert isinstance(answer.pdu, QuerySmResp)
    return answer.pdu


# --- submitting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "ton"), [("821012345678", 1), ("+821012345678", 1), ("01012345678", 2), ("01012345678", 0)]
)
async def test_a_number_reaches_its_phone_however_it_is_written(centre: Centre, written: str, ton: int) -> None:
    client = await centre.bound()
    await client.submit(a_submit(b"hello", destination_addr=written, dest_addr_ton=ton))
    assert await inbox(centre) == ["hello"]


@pytest.mark.parametrize(
    ("pdu", "text"),
    [
        (a_submit("표 왔습니다".encode("utf-16-be"), data_coding=8), "표 왔습니다"),
        (a_submit("표".encode("euc-kr"), data_coding=0x0E), "표"),
        (a_submit(b"\x00\x1b\x65"), "@€"),
        (a_submit(b"", tlvs=(tlvs.MESSAGE_PAYLOAD.make(b"a" * 300),)), "a" * 300),
        (DataSm(**TO, **FROM, tlvs=(tlvs.MESSAGE_PAYLOAD.make(b"data"),)), "data"),
        (SubmitMulti(dest_addresses=(Address(1, 1, NUMBER[1:]),), **FROM, short_message=b"many"), "many"),
    ],
    ids=["ucs2", "ksc", "gsm", "payload", "data_sm", "submit_multi"],
)
async def test_a_text_arrives_as_it_was_meant(centre: Centre, pdu: Pdu, text: str) -> None:
    client = await centre.bound()
    await client.submit(pdu)
    assert await inbox(centre) == [text]


@pytest.mark.parametrize("way", ["udh", "sar"])
async def test_parts_in_any_order_are_one_message_on_the_phone(centre: Centre, way: str) -> None:
    client = await centre.bound()
    for sequence, text in ((2, b"world"), (1, b"hello ")):
        if way == "udh":
            header = udh.build([udh.Concatenation(7, 2, sequence).element()])
            await client.submit(a_submit(header + text, esm_class=0x40))
        else:
            reference = tlvs.SAR_MSG_REF_NUM.make(7), tlvs.SAR_TOTAL_SEGMENTS.make(2)
            await client.submit(a_submit(text, tlvs=(*reference, tlvs.SAR_SEGMENT_SEQNUM.make(sequence))))
    assert await inbox(centre) == ["hello world"]


async def test_ports_given_as_optional_parameters_reach_the_application_behind_them(centre: Centre) -> None:
    client = await centre.bound()
    ports = (tlvs.DESTINATION_PORT.make(5505), tlvs.SOURCE_PORT.make(9200))
    message_id = await client.submit(a_submit(b"\x01\x02", data_coding=4, tlvs=ports))
    found = await centre.gateway.network.query("demo", message_id)
    assert found
    elements, rest = udh.split(found.submission.user_data)
    assert udh.ports_of(elements) == udh.Ports(5505, 9200)
    assert rest == b"\x01\x02"
    assert found.submission.has_header


REFUSALS: list[tuple[Pdu, Status]] = [
    (a_submit(destination_addr="12"), Status.RINVDSTADR),
    (a_submit(destination_addr="", dest_addr_ton=0), Status.RINVDSTADR),
    (a_submit(source_addr="\x07bell"), Status.RINVSRCADR),
    (a_submit(esm_class=0x02), Status.RINVESMCLASS),
    (a_submit(esm_class=0x04), Status.RINVESMCLASS),
    (a_submit(priority_flag=4), Status.RINVPRTFLG),
    (a_submit(registered_delivery=3), Status.RINVREGDLVFLG),
    (a_submit(registered_delivery=0x20), Status.RINVREGDLVFLG),
    (a_submit(replace_if_present_flag=2), Status.RINVREPFLAG),
    (a_submit(sm_default_msg_id=1), Status.RINVDFTMSGID),
    (a_submit(schedule_delivery_time="991399000000000+"), Status.RINVSCHED),
    (
        a_submit(schedule_delivery_time=format_absolute(datetime.now(UTC) + timedelta(days=60))),
        Status.RINVSCHED,
    ),
    (a_submit(validity_period="tomorrow"), Status.RINVEXPIRY),
    (a_submit(validity_period="000101000000000+"), Status.RINVEXPIRY),
    (a_submit(tlvs=(tlvs.MESSAGE_PAYLOAD.make(b"both"),)), Status.ROPTPARNOTALLWD),
    (a_submit(b"", tlvs=(tlvs.MESSAGE_PAYLOAD.make(b"x" * 65_535),)), Status.RINVMSGLEN),
    (a_submit(b"\x7f", esm_class=0x40), Status.RINVMSGLEN),
    (a_submit(tlvs=(Tlv(SUBMISSION_KEY, b""),)), Status.RINVOPTPARAMVAL),
    (
        a_submit(
            tlvs=(
                tlvs.SAR_MSG_REF_NUM.make(1),
                tlvs.SAR_TOTAL_SEGMENTS.make(2),
                tlvs.SAR_SEGMENT_SEQNUM.make(3),
            )
        ),
        Status.RINVOPTPARAMVAL,
    ),
]


async def test_a_message_that_cannot_be_is_refused_with_its_reason_and_the_session_goes_on(centre: Centre) -> None:
    client = await centre.bound()
    answers = [(await client.ask(pdu)).status for pdu, _ in REFUSALS]
    assert answers == [status for _, status in REFUSALS]
    assert await client.submit()


async def test_an_optional_parameter_of_a_wrong_length_is_refused_and_one_nobody_knows_is_not(centre: Centre) -> None:
    peer = await centre.raw(BindTransmitter)
    assert (await peer.ask(a_submit(tlvs=(Tlv(0x1400, b"ours alone"),)))).status == Status.ROK
    short = encode(a_submit(), sequence=2) + bytes.fromhex("0204 0001 07")
    peer.writer.write(len(short).to_bytes(4, "big") + short[4:])
    assert (await peer.frame()).status == Status.RINVPARLEN


# --- one key, one message ---------------------------------------------------------------------------------------------


async def test_the_same_key_is_the_same_message_across_sessions_and_is_carried_once(centre: Centre) -> None:
    keyed = a_submit(b"once", tlvs=(Tlv(SUBMISSION_KEY, b"order 7"),))
    first, second = await centre.bound(), await centre.bound()
    answers = [await first.submit(keyed), await second.submit(keyed), await first.submit(keyed)]
    assert len(set(answers)) == 1
    other = a_submit(b"something else", tlvs=(Tlv(SUBMISSION_KEY, b"order 7"),))
    assert (await first.ask(other)).status == Status.RSUBMITFAIL
    await first.submit(a_submit(b"after"))
    assert sorted(await inbox(centre, count=2)) == ["after", "once"]


# --- several at once --------------------------------------------------------------------------------------------------


async def test_a_submit_multi_is_one_message_of_which_some_destinations_may_fail(centre: Centre) -> None:
    client = await centre.bound()
    destinations = (
        Address(1, 1, NUMBER[1:]),
        DistributionList("friends"),
        Address(1, 1, OTHER[1:]),
        Address(0, 1, "12"),
    )
    answer = await client.ask(
        SubmitMulti(dest_addresses=destinations, short_message=b"all", registered_delivery=1, **FROM)
    )
    assert answer.status == Status.ROK
    assert isinstance(answer.pdu, SubmitMultiResp)
    assert answer.pdu.unsuccess_smes == (
        Unsuccessful(Address(Ton.ALPHANUMERIC, Npi.UNKNOWN, "friends"), Status.RINVDLNAME),
        Unsuccessful(Address(0, 1, "12"), Status.RINVDSTADR),
    )
    assert await inbox(centre) == ["all"]
    assert await inbox(centre, OTHER) == ["all"]
    await client.told(2)
    assert {receipt.message_id for receipt in client.receipts()} == {answer.pdu.message_id}
    assert {pdu.source_addr for pdu in client.delivered} == {NUMBER[1:], OTHER[1:]}


async def test_a_submit_multi_that_reaches_nobody_is_refused(centre: Centre) -> None:
    client = await centre.bound()
    assert (await client.ask(SubmitMulti(dest_addresses=(Address(0, 1, "12"),), **FROM))).status == Status.RINVDSTADR


async def test_cancelling_a_submit_multi_stops_it_for_everybody(centre: Centre) -> None:
    client = await centre.bound()
    for number in (NUMBER, OTHER):
        await centre.switch("off", number)
    destinations = (Address(1, 1, NUMBER[1:]), Address(1, 1, OTHER[1:]))
    multi = SubmitMulti(dest_addresses=destinations, short_message=b"all", registered_delivery=1, **FROM)
    message_id = await client.submit(multi)
    assert (await client.ask(CancelSm(message_id=message_id, **FROM))).status == Status.ROK
    await client.told(2)
    assert {receipt.state for receipt in client.receipts()} == {MessageState.DELETED}


# --- times ------------------------------------------------------------------------------------------------------------


async def test_a_message_waits_for_its_hour_and_not_for_longer(centre: Centre) -> None:
    client = await centre.bound()
    now = datetime.now(UTC)
    await client.submit(a_submit(b"now", schedule_delivery_time=format_relative(timedelta(seconds=0))))
    later = await client.submit(
        a_submit(b"in an hour", schedule_delivery_time=format_absolute(now + timedelta(hours=1)))
    )
    assert await inbox(centre) == ["now"]
    assert (await state(centre, later)).message_state == MessageState.ENROUTE
    found = await centre.gateway.network.query("demo", later)
    assert found
    assert found.due_at
    assert abs(found.due_at - now - timedelta(hours=1)) < timedelta(seconds=2)


async def test_a_message_ends_with_its_validity_however_that_is_written(centre: Centre) -> None:
    client = await centre.bound()
    await centre.switch("off")
    period = timedelta(seconds=1)
    written = (format_relative(period), format_absolute(datetime.now(UTC) + period))
    ids = {await client.submit(a_submit(validity_period=validity)) for validity in written}
    await client.told(2)
    assert {receipt.message_id for receipt in client.receipts()} == ids
    assert {(one.state, one.error) for one in client.receipts()} == {(MessageState.EXPIRED, "027")}


async def test_the_time_to_live_of_a_data_sm_is_its_validity(centre: Centre) -> None:
    client = await centre.bound()
    extras = (tlvs.MESSAGE_PAYLOAD.make(b"x"), tlvs.QOS_TIME_TO_LIVE.make(90))
    message_id = await client.submit(DataSm(**TO, **FROM, tlvs=extras))
    found = await centre.gateway.network.query("demo", message_id)
    assert found
    assert timedelta(seconds=89) < found.expires_at - found.accepted_at < timedelta(seconds=91)


# --- asking after, calling back, changing -----------------------------------------------------------------------------


async def test_a_query_says_how_a_message_stands_to_its_sender_alone(centre: Centre) -> None:
    client, stranger = await centre.bound(), await centre.bound(system_id="other")
    await centre.switch("off")
    waiting = await client.submit()
    await eventually_tried(centre, waiting)
    answer = await state(centre, waiting)
    assert (answer.message_id, answer.message_state, answer.final_date, answer.error_code) == (waiting, 1, "", 27)
    await centre.switch("on")
    await inbox(centre)
    answer = await state(centre, waiting)
    assert answer.message_state == MessageState.DELIVERED
    ended = parse_time(answer.final_date, datetime.now(UTC))
    assert ended
    assert abs(ended - datetime.now(UTC)) < timedelta(minutes=1)
    for asked in (QuerySm(message_id="m0"), QuerySm(message_id=waiting, source_addr="1599")):
        assert (await client.ask(asked)).status == Status.RINVMSGID
    assert (await stranger.ask(QuerySm(message_id=waiting, **FROM))).status == Status.RINVMSGID


async def eventually_tried(centre: Centre, message_id: str) -> None:
    """Wait for the first attempt."""

    async def tried() -> bool:
        found = await centre.gateway.network.query("demo", message_id)
        return bool(found and found.attempts)

    await until(tried)


async def test_a_message_under_way_is_called_back_by_name_or_by_its_addresses(centre: Centre) -> None:
    client = await centre.bound()
    await centre.switch("off")
    one, two = await client.submit(), await client.submit()
    assert (await client.ask(CancelSm(message_id=one, **FROM))).status == Status.ROK
    assert (await client.ask(CancelSm(message_id=one, **FROM))).status == Status.RCANCELFAIL
    assert (await client.ask(CancelSm(message_id="m0", **FROM))).status == Status.RINVMSGID
    assert (await client.ask(CancelSm(**TO, **FROM))).status == Status.ROK
    assert (await client.ask(CancelSm(**TO, **FROM))).status == Status.RCANCELFAIL
    assert (await client.ask(CancelSm(**FROM, destination_addr="1"))).status == Status.RINVDSTADR
    assert (await client.ask(CancelSm(**TO))).status == Status.RINVSRCADR
    for message_id in (one, two):
        assert (await state(centre, message_id)).message_state == MessageState.DELETED
    await client.told(2)
    assert {receipt.state for receipt in client.receipts()} == {MessageState.DELETED}


async def test_a_message_under_way_is_given_another_text(centre: Centre) -> None:
    client = await centre.bound()
    await centre.switch("off")
    message_id = await client.submit(a_submit(b"gate 1"))
    change: dict[str, Any] = {"message_id": message_id, **FROM}
    assert (await client.ask(ReplaceSm(**change, short_message=b"gate 2", registered_delivery=1))).status == Status.ROK
    assert (await client.ask(ReplaceSm(**change, registered_delivery=3))).status == Status.RINVREGDLVFLG
    assert (await client.ask(ReplaceSm(**change, sm_default_msg_id=1))).status == Status.RINVDFTMSGID
    bad = ReplaceSm(**change, short_message=b"x", validity_period="000101000000000+")
    assert (await client.ask(bad)).status == Status.RINVEXPIRY
    assert (await client.ask(ReplaceSm(message_id="m0", **FROM))).status == Status.RINVMSGID
    await centre.switch("on")
    assert await inbox(centre) == ["gate 2"]
    await client.told()
    assert (await client.ask(ReplaceSm(**change, short_message=b"gate 3"))).status == Status.RREPLACEFAIL


async def test_a_message_that_replaces_one_under_way_takes_its_place(centre: Centre) -> None:
    client = await centre.bound()
    await centre.switch("off")
    one = await client.submit(a_submit(b"gate 1", service_type="GATE"))
    two = await client.submit(a_submit(b"gate 2", service_type="GATE", replace_if_present_flag=1))
    assert one == two
    await centre.switch("on")
    assert await inbox(centre) == ["gate 2"]


# --- limits -----------------------------------------------------------------------------------------------------------


async def test_an_account_that_is_too_fast_is_told_to_slow_down(centre: Centre) -> None:
    client = await centre.bound()
    await centre.gateway.network.set_rules("demo", AccountRules(submits_per_second=2))
    answers = [await client.ask(a_submit()) for _ in range(4)]
    assert [answer.status for answer in answers[:2]] == [Status.ROK, Status.ROK]
    assert answers[3].status == Status.RTHROTTLED
    await centre.gateway.network.set_rules("demo", AccountRules())
    assert await client.submit()


async def test_an_account_whose_queue_is_full_is_told_so_until_there_is_room(tmp_path: Path) -> None:
    async with centre_in(tmp_path, queue_max=2) as centre:
        client = await centre.bound()
        await centre.switch("off")
        assert await client.submit()
        assert await client.submit()
        assert (await client.ask(a_submit())).status == Status.RMSGQFUL
        await centre.switch("on")
        await client.told(2)
        assert await client.submit()


async def test_many_requests_in_one_breath_are_answered_each_under_its_number(centre: Centre) -> None:
    client = await centre.bound(window=3000)
    asked = [client.start(a_submit(str(index).encode(), registered_delivery=0)) for index in range(2500)]
    await eventually(lambda: all(answer.done() for answer in asked))
    answers = [answer.result() for answer in asked]
    assert {answer.status for answer in answers} == {Status.ROK}
    assert len({answer.pdu.message_id for answer in answers}) == 2500  # type: ignore[attr-defined]  # of submit_sm_resp
