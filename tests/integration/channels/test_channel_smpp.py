"""The SMPP channel against a scripted message centre: what it sends, what it believes, and what it never does twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from channels_kit import Listener, ScriptedSmsc, Whim, a_channel, a_receipt, serving

from app.channels import smpp_address
from app.channels.sms import Sms
from app.domain.handset import Handset
from app.ports import Accepted, Message, Place, Rejected, UserData
from mobile_gateway.wire import udh
from mobile_gateway.wire.smpp import (
    BindReceiver,
    BindTransmitter,
    DeliverSm,
    MessageState,
    ReceiptWish,
    Status,
    tlvs,
)
from mobile_gateway.wire.smpp.values import UDHI

TO = Handset("+821012345678")


@asynccontextmanager
async def joined(smsc: ScriptedSmsc, options: str = "", listener: Listener | None = None) -> AsyncIterator[Sms]:
    async with serving(smsc) as port:
        channel = a_channel(port, options=options)
        async with channel.running(listener or Listener()):
            yield channel


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110 - what is waited for happens at the other end of a socket
            await asyncio.sleep(0.005)


# --- sending --------------------------------------------------------------------------------------------------------


async def test_a_text_goes_out_in_the_default_alphabet_and_asks_for_a_receipt() -> None:
    smsc = ScriptedSmsc()
    async with joined(smsc, "&from=1588") as channel:
        outcome = await channel.send(TO, Message("Seat {A} 10€"), key="k")

    assert outcome == Accepted("AB1", 1, ("AB1",), "sms:c0"), "zeros and case are the receipts' to change"
    (pdu,) = smsc.submitted
    assert (pdu.data_coding, pdu.esm_class, pdu.short_message) == (0, 0, b"Seat \x1b(A\x1b) 10\x1be")
    assert (pdu.dest_addr_ton, pdu.dest_addr_npi, pdu.destination_addr) == (1, 1, "821012345678")
    assert (pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr) == (0, 1, "1588")
    assert pdu.receipt_wish is ReceiptWish.ALWAYS


async def test_a_long_korean_text_goes_out_in_joined_parts_with_a_name_for_each() -> None:
    smsc = ScriptedSmsc()
    async with joined(smsc) as channel:
        outcome = await channel.send(TO, Message("표" * 100), key="k")
        assert isinstance(outcome, Accepted)
        assert outcome.parts == len(channel.preview("표" * 100).parts) == 2
        assert sorted(outcome.part_ids) == ["AB1", "AB2"]

    found = [udh.split(pdu.short_message) for pdu in smsc.submitted]
    places = [udh.concatenation_of(elements) for elements, _ in found]
    assert [(place.sequence, place.total) for place in places if place] == [(1, 2), (2, 2)]
    assert len({place.reference for place in places if place}) == 1
    assert b"".join(rest for _, rest in found).decode("utf-16-be") == "표" * 100
    assert all(pdu.data_coding == 8 and pdu.esm_class == UDHI for pdu in smsc.submitted)


async def test_a_reference_of_16_bits_costs_an_octet_in_each_part() -> None:
    smsc = ScriptedSmsc()
    async with joined(smsc, "&reference=16") as channel:
        await channel.send(TO, Message("a" * 161), key="k")
        assert channel.preview("a" * 161).units_per_part == (152, 9)

    elements, rest = udh.split(smsc.submitted[0].short_message)
    place = udh.concatenation_of(elements)
    assert place is not None
    assert place.wide
    assert len(rest) in {152, 9}


async def test_where_data_coding_0_means_latin_1_an_accent_costs_no_ucs_2() -> None:
    smsc = ScriptedSmsc()
    async with joined(smsc, "&coding_default=latin1") as channel:
        await channel.send(TO, Message("Théâtre ê"), key="k")

    assert (smsc.submitted[0].data_coding, smsc.submitted[0].short_message) == (0, "Théâtre ê".encode("latin-1"))


async def test_octets_go_out_as_they_are() -> None:
    smsc = ScriptedSmsc()
    async with joined(smsc) as channel:
        await channel.send(TO, Message("unseen", raw=UserData(b"\x03\x0a\x01\x00picture", 4)), key="k")

    (pdu,) = smsc.submitted
    assert (pdu.data_coding, pdu.esm_class, pdu.short_message) == (4, UDHI, b"\x03\x0a\x01\x00picture")


async def test_a_text_that_is_too_long_is_refused_for_good_and_never_sent() -> None:
    smsc = ScriptedSmsc()
    async with joined(smsc) as channel:
        outcome = await channel.send(TO, Message("표" * 700), key="k")

    assert isinstance(outcome, Rejected)
    assert not outcome.retry
    assert smsc.submitted == []


# --- once -----------------------------------------------------------------------------------------------------------


async def test_the_same_key_while_it_is_being_sent_shares_the_answer() -> None:
    smsc = ScriptedSmsc(honours_keys=False)
    async with joined(smsc) as channel:
        first, second = await asyncio.gather(*(channel.send(TO, Message("hi"), key="k") for _ in range(2)))

    assert first == second
    assert len(smsc.submitted) == 1


async def test_a_caller_that_gives_up_does_not_stop_what_is_being_sent() -> None:
    smsc = ScriptedSmsc(honours_keys=False)
    async with joined(smsc) as channel:
        caller = asyncio.create_task(channel.send(TO, Message("hi"), key="k"))
        await asyncio.sleep(0)
        caller.cancel()
        await until(lambda: smsc.submitted)

        assert isinstance(await channel.send(TO, Message("hi"), key="k"), Accepted)


@pytest.mark.parametrize("whim", list(Whim), ids=lambda whim: whim.name)
async def test_after_a_lost_answer_the_same_key_reaches_the_handset_once(whim: Whim) -> None:
    smsc = ScriptedSmsc()
    smsc.script.append(whim)
    async with joined(smsc) as channel:
        lost = await channel.send(TO, Message("hi"), key="k")
        again = await channel.send(TO, Message("hi"), key="k")

    assert isinstance(lost, Rejected)
    assert lost.retry
    assert "may arrive twice" in lost.reason
    assert again == Accepted("AB1", 1, ("AB1",), "sms:c0")
    assert len(smsc.taken) == 1
    assert len(smsc.submitted) == 2


async def test_parts_that_were_taken_are_not_sent_again_with_the_others() -> None:
    smsc = ScriptedSmsc(honours_keys=False)
    smsc.script.extend([Status.ROK, Status.RMSGQFUL, Status.ROK])
    async with joined(smsc) as channel:
        first = await channel.send(TO, Message("a" * 400), key="k")
        again = await channel.send(TO, Message("a" * 400), key="k")

    assert isinstance(first, Rejected)
    assert first.retry
    assert isinstance(again, Accepted)
    assert len(again.part_ids) == 3
    assert len(set(again.part_ids)) == 3
    assert len(smsc.submitted) == 4


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "retry"),
    [
        (Status.RMSGQFUL, 1),
        (Status.RSYSERR, 1),
        (Status.RX_T_APPN, 1),
        (Status.RINVDSTADR, 0),
        (Status.RSUBMITFAIL, 0),
        (Status.RX_P_APPN, 0),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
async def test_a_refusal_is_for_now_or_for_good_as_its_status_says(status: Status, retry: int) -> None:
    smsc = ScriptedSmsc()
    smsc.script.append(status)
    async with joined(smsc) as channel:
        outcome = await channel.send(TO, Message("hi"), key="k")

    assert outcome == Rejected(f"the message centre c0 refused it with ESME_{status.name}", retry=bool(retry))


async def test_after_throttling_nothing_is_submitted_for_a_while_and_then_everything_is() -> None:
    smsc = ScriptedSmsc()
    smsc.script.append(Status.RTHROTTLED)
    async with joined(smsc) as channel:
        first = asyncio.create_task(channel.send(TO, Message("one"), key="1"))
        await until(lambda: smsc.submitted)
        await asyncio.sleep(0.01)
        second = asyncio.create_task(channel.send(TO, Message("two"), key="2"))
        await asyncio.sleep(0.02)
        assert len(smsc.submitted) == 1, "both wait"

        outcomes = await asyncio.gather(first, second)

    assert all(isinstance(one, Accepted) for one in outcomes)
    assert len(smsc.submitted) == 3


async def test_a_window_is_never_more_than_full() -> None:
    smsc = ScriptedSmsc()
    smsc.script.extend([Whim.SILENT] * 2)
    async with joined(smsc, "&window=2") as channel:
        sending = [asyncio.create_task(channel.send(TO, Message("hi"), key=str(n))) for n in range(3)]
        await until(lambda: len(smsc.submitted) == 2)
        await asyncio.sleep(0.05)
        assert len(smsc.submitted) == 2

        outcomes = await asyncio.gather(*sending)

    assert [type(one).__name__ for one in outcomes] == ["Rejected", "Rejected", "Accepted"]


# --- binding --------------------------------------------------------------------------------------------------------


async def test_a_session_that_ends_is_bound_again() -> None:
    smsc = ScriptedSmsc()
    async with joined(smsc) as channel:
        await channel.send(TO, Message("hi"), key="1")
        smsc.hang_up()
        await asyncio.sleep(0.02)

        assert isinstance(await channel.send(TO, Message("hi"), key="2"), Accepted)

    assert len(smsc.binds) == 2


async def test_a_wrong_password_is_told_and_not_tried_at_once_again() -> None:
    smsc = ScriptedSmsc(password="another")
    async with joined(smsc) as channel:
        outcome = await channel.send(TO, Message("hi"), key="k")

    assert isinstance(outcome, Rejected)
    assert outcome.retry
    assert outcome.reason == "the message centre c0 is not connected: bind refused with ESME_RINVPASWD"
    assert 1 <= len(smsc.binds) <= 7, "a refusal costs the longest pause each time"


async def test_transmitters_and_receivers_are_bound_apart_when_asked_for() -> None:
    smsc = ScriptedSmsc()
    async with joined(smsc, "&mode=split&binds=2") as channel:
        await until(lambda: len(smsc.binds) == 4)
        outcome = await channel.send(TO, Message("hi"), key="k")

    assert isinstance(outcome, Accepted)
    kinds = [type(one) for one in smsc.binds]
    assert (kinds.count(BindTransmitter), kinds.count(BindReceiver)) == (2, 2)


async def test_the_second_message_centre_serves_while_the_first_is_away() -> None:
    first, second = ScriptedSmsc(), ScriptedSmsc()
    async with serving(second) as port:
        channel = a_channel(1, port)
        async with channel.running(Listener()):
            outcome = await channel.send(TO, Message("hi"), key="k")

    assert outcome == Accepted("AB1", 1, ("AB1",), "sms:c1")
    assert first.submitted == []


async def test_what_is_not_running_sends_nothing_and_says_so() -> None:
    channel = a_channel(1)

    outcome = await channel.send(TO, Message("hi"), key="k")

    assert outcome == Rejected("the message centre c0 is not connected: it was never reached", retry=True)


# --- hearing --------------------------------------------------------------------------------------------------------


async def test_a_receipt_is_handed_on_under_the_line_it_came_by() -> None:
    smsc, listener = ScriptedSmsc(), Listener()
    async with joined(smsc, listener=listener) as channel:
        outcome = await channel.send(TO, Message("hi"), key="k")
        assert isinstance(outcome, Accepted)

        assert await smsc.deliver(a_receipt("ab1", MessageState.EXPIRED)) == Status.ROK

    assert listener.receipts == [(outcome.line, outcome.message_id, "EXPIRED")]


async def test_a_receipt_may_come_before_the_answer_to_its_message() -> None:
    smsc, listener = ScriptedSmsc(early_receipts=True), Listener()
    async with joined(smsc, listener=listener) as channel:
        outcome = await channel.send(TO, Message("hi"), key="k")
        await until(lambda: listener.receipts)

    assert isinstance(outcome, Accepted)
    assert listener.receipts == [(outcome.line, outcome.message_id, "DELIVERED")]


async def test_what_cannot_be_kept_stays_with_the_message_centre() -> None:
    smsc, listener = ScriptedSmsc(), Listener(failures=1)
    async with joined(smsc, listener=listener):
        await until(lambda: smsc.binds)
        await asyncio.sleep(0.02)
        assert await smsc.deliver(a_receipt("1")) == Status.RX_T_APPN
        assert await smsc.deliver(a_receipt("1")) == Status.ROK

    assert listener.receipts == [("sms:c0", "1", "DELIVERED")]


def a_message(octets: bytes, **fields: object) -> DeliverSm:
    given = {"source_addr_ton": 1, "source_addr": "821012345678", "destination_addr": "1588", **fields}
    return DeliverSm(short_message=octets, **given)  # type: ignore[arg-type]  # each field is checked on the wire


async def test_a_message_of_a_handset_is_handed_on_with_who_wrote_it() -> None:
    smsc, listener = ScriptedSmsc(), Listener()
    async with joined(smsc, listener=listener):
        await until(lambda: smsc.sessions and smsc.sessions[0].receives)
        await smsc.deliver(a_message("예매 1001".encode("euc-kr"), data_coding=0x0E))
        header = udh.build([udh.Concatenation(7, 2, 1).element()])
        await smsc.deliver(a_message(header + b"BUY ", esm_class=UDHI))
        sar = (tlvs.SAR_MSG_REF_NUM.make(9), tlvs.SAR_TOTAL_SEGMENTS.make(2), tlvs.SAR_SEGMENT_SEQNUM.make(2))
        await smsc.deliver(a_message(b"1001", tlvs=sar))

    (whole, text), (first, _), (second, _) = listener.heard
    assert (whole.line, whole.sender, whole.to, whole.place, text) == (
        "sms:c0", "+821012345678", "1588", None, "예매 1001",
    )  # fmt: skip
    assert (first.octets, first.place) == (b"BUY ", Place(7, 2, 1))
    assert (second.octets, second.place) == (b"1001", Place(9, 2, 2))


@pytest.mark.parametrize(
    "pdu",
    [
        a_message(b"id:", esm_class=0x04),
        a_message(b"", esm_class=0x08),
        a_message(udh.build([udh.PUSH.element()]) + b"x", esm_class=UDHI),
    ],
    ids=["unreadable receipt", "acknowledgement", "for a program"],
)
async def test_what_is_neither_receipt_nor_message_is_taken_and_forgotten(pdu: DeliverSm) -> None:
    smsc, listener = ScriptedSmsc(), Listener()
    async with joined(smsc, listener=listener):
        await until(lambda: smsc.sessions and smsc.sessions[0].receives)
        assert await smsc.deliver(pdu) == Status.ROK

    assert listener.heard == []
    assert listener.receipts == []


# --- addresses ------------------------------------------------------------------------------------------------------


def test_an_address_says_everything_about_a_message_centre() -> None:
    (found,) = smpp_address.read(
        "smpp://shop:p%40ss@smsc.example?name=east&binds=3&mode=split&window=50&system_type=VMS&from=%2B8215881588"
        "&tls=yes&coding_default=ascii&reference=16"
    )

    assert (found.line, found.host, found.port, found.system_id, found.password) == (
        "sms:east", "smsc.example", 2775, "shop", "p@ss",
    )  # fmt: skip
    assert (found.binds, found.split, found.window, found.system_type, found.tls) == (3, True, 50, "VMS", True)
    assert (found.source.ton, found.source.npi, found.source.digits) == (1, 1, "8215881588")
    assert "p@ss" not in repr(found)


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("http://a:b@c", "is written smpp://"),
        ("smpp://c:2775", "is written smpp://"),
        ("smpp://a:b@c:99999", "port"),
        ("smpp://a:ninechars@c", "at most 8"),
        ("smpp://aaaaaaaaaaaaaaaaaaaa:b@c", "at most 15"),
        ("smpp://a:b@c?bind=2", "no option"),
        ("smpp://a:b@c?binds=0", "from 1 to 50"),
        ("smpp://a:b@c?mode=both", "one of transceiver, split"),
        ("smpp://a:b@c?name=%20", "name"),
        ("smpp://a:b@c?from=aaaaaaaaaaaaaaaaaaaaaa", "at most 20"),
        ("smpp://a:b@c,smpp://a:b@d", "name of its own"),
    ],
)
def test_an_address_that_cannot_be_is_refused_with_what_to_change(listed: str, said: str) -> None:
    with pytest.raises(smpp_address.BadAddress, match=said) as refusal:
        smpp_address.read(listed)
    assert "ninechars" not in str(refusal.value)
