"""Delivery receipts as real peers write and read them, and times as SMPP 3.4 writes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_gateway.wire.smpp import (
    Address,
    DataSm,
    DeliverSm,
    MalformedTime,
    MessageState,
    MessageType,
    Receipt,
    ReceiptText,
    Tlv,
    decode_one,
    deliver_receipt,
    encode,
    format_absolute,
    format_relative,
    parse_time,
    receipt_of,
    tlvs,
)
from mobile_gateway.wire.smpp.receipt import STATES, WORDS, format_receipt, parse_receipt

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PHONE, SENDER = Address(1, 1, "821012345678"), Address(5, 0, "CYBER")
TEXT = ReceiptText(
    message_id="0A1B",
    stat="DELIVRD",
    submitted=1,
    delivered=1,
    submit_date=NOON,
    done_date=NOON + timedelta(minutes=3),
    text="Your ticket 123456789 PIN 4711",
)
WRITTEN = (
    "id:0A1B sub:001 dlvrd:001 submit date:2611221200 done date:2611221203 stat:DELIVRD err:000"
    " text:Your ticket 12345678"
)

KANNEL = re.compile(
    r"id:(\S{1,64}) sub:(\d+) dlvrd:(\d+) submit date:([0-9]{1,14}) done date:([0-9]{1,14})"
    r" stat:(\S{1,15}) err:(\S{1,3})"
)
"""What Kannel's scanf pattern takes, said as a regular expression."""


def a_receipt(text: str = WRITTEN, *parameters: Tlv, esm_class: int = 0x04) -> DeliverSm:
    return DeliverSm(esm_class=esm_class, short_message=text.encode("latin-1"), tlvs=parameters)


# --- the text -------------------------------------------------------------------------------------------------------


def test_the_text_is_that_of_appendix_b() -> None:
    assert format_receipt(TEXT) == WRITTEN


def test_the_text_comes_back_with_what_it_quotes_cut_short() -> None:
    found = parse_receipt(WRITTEN)
    assert found is not None
    assert found.text == "Your ticket 12345678"
    assert (found.message_id, found.stat, found.error) == ("0A1B", "DELIVRD", "000")
    assert (found.submitted, found.delivered) == (1, 1)
    assert (found.submit_date, found.done_date) == (NOON, NOON + timedelta(minutes=3))


def test_a_receipt_without_dates_is_still_read_by_the_strictest_peer() -> None:
    written = format_receipt(ReceiptText("1", "UNDELIV"))
    assert KANNEL.match(written)
    found = parse_receipt(written)
    assert found is not None
    assert found.submit_date is None
    assert found.done_date is None


@settings(max_examples=100)
@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64),
    st.sampled_from(sorted(STATES)),
    st.integers(0, 5000),
    st.text(max_size=40),
)
def test_whatever_is_quoted_the_strictest_peer_reads_the_rest(
    message_id: str, stat: str, count: int, quoted: str
) -> None:
    written = format_receipt(ReceiptText(message_id, stat, submitted=count, delivered=count, text=quoted))
    strict = KANNEL.match(written)
    assert strict is not None
    assert strict[1] == message_id
    assert strict[6] == stat
    found = parse_receipt(written)
    assert found is not None
    assert (found.message_id, found.stat, found.submitted) == (message_id, stat, min(count, 999))
    assert len(written.encode("ascii")) <= 254


@pytest.mark.parametrize(
    ("message_id", "error"), [("", "000"), ("A 1", "000"), ("표", "000"), ("1", "0"), ("1", "0 0")]
)
def test_an_id_or_error_that_would_break_the_text_is_refused(message_id: str, error: str) -> None:
    with pytest.raises(ValueError, match="receipt"):
        format_receipt(ReceiptText(message_id, "DELIVRD", error=error))


@pytest.mark.parametrize(
    ("text", "message_id", "stat"),
    [
        ("id:1 stat:DELIVRD", "1", "DELIVRD"),
        ("stat:expired id:77", "77", "EXPIRED"),
        ("ID:1 Sub:001 Dlvrd:001 Submit Date:1 Done Date:2 Stat:delivrd Err:0 Text:hi", "1", "DELIVRD"),
        ("id:1 stat:DELIVRD text:id:2 stat:EXPIRED", "1", "DELIVRD"),
        ("id:1 id:2 stat:DELIVRD stat:EXPIRED", "1", "DELIVRD"),
        ("id:1\nstat:DELIVRD\n", "1", "DELIVRD"),
    ],
)
def test_careless_texts_are_read(text: str, message_id: str, stat: str) -> None:
    found = parse_receipt(text)
    assert found is not None
    assert (found.message_id, found.stat) == (message_id, stat)


@pytest.mark.parametrize(
    "text",
    ["", "hello", "id:1", "stat:DELIVRD", "id: sub:001 stat:DELIVRD", "text:id:1 stat:DELIVRD", "userid:1 stat:X"],
)
def test_a_text_without_an_id_and_a_stat_is_no_receipt(text: str) -> None:
    assert parse_receipt(text) is None


@pytest.mark.parametrize(
    ("digits", "at"),
    [
        ("2611221200", NOON),
        ("261122120030", NOON + timedelta(seconds=30)),
        ("20261122120030", NOON + timedelta(seconds=30)),
        ("2613221200", None),
        ("26112212", None),
        ("26112212xx", None),
    ],
)
def test_dates_are_read_in_the_lengths_met_in_the_field(digits: str, at: datetime | None) -> None:
    found = parse_receipt(f"id:1 done date:{digits} stat:DELIVRD")
    assert found is not None
    assert found.done_date == at


def test_counts_that_are_no_counts_are_taken_for_the_usual_ones() -> None:
    found = parse_receipt("id:1 sub:x dlvrd:99999 stat:DELIVRD")
    assert found is not None
    assert (found.submitted, found.delivered) == (1, 0)


def test_what_a_receipt_quotes_never_prints() -> None:
    assert "4711" not in repr(TEXT)
    assert "0A1B" in repr(TEXT)


# --- the PDU --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", MessageState, ids=lambda state: state.name)
def test_a_receipt_reaches_its_sender_from_the_phone_with_its_state_said_twice(state: MessageState) -> None:
    text = ReceiptText("0A1B", WORDS[state])
    sent = deliver_receipt(text, state=state, sender=SENDER, recipient=PHONE)
    pdu = decode_one(encode(sent, sequence=1)).pdu
    assert isinstance(pdu, DeliverSm)
    assert (pdu.source, pdu.destination) == (PHONE, SENDER)
    assert pdu.esm_class == 0x04
    receipt = receipt_of(pdu)
    assert receipt is not None
    assert (receipt.message_id, receipt.state, receipt.final, receipt.error) == ("0A1B", state, True, "000")
    bare = receipt_of(DeliverSm(esm_class=pdu.esm_class, short_message=pdu.short_message))
    assert bare is not None
    assert (bare.message_id, bare.state) == ("0A1B", state)


def test_an_intermediate_notification_is_not_final() -> None:
    pdu = deliver_receipt(
        ReceiptText("1", "ENROUTE"), state=MessageState.ENROUTE, sender=SENDER, recipient=PHONE, final=False
    )
    assert pdu.esm_class == MessageType.INTERMEDIATE_NOTIFICATION
    receipt = receipt_of(pdu)
    assert receipt is not None
    assert not receipt.final


def test_parameters_win_over_the_text() -> None:
    pdu = a_receipt(
        WRITTEN, tlvs.RECEIPTED_MESSAGE_ID.make("FF"), tlvs.MESSAGE_STATE.make(MessageState.EXPIRED), esm_class=0x44
    )
    receipt = receipt_of(pdu)
    assert receipt is not None
    assert (receipt.message_id, receipt.state) == ("FF", MessageState.EXPIRED)
    assert receipt.text is not None
    assert receipt.text.done_date == NOON + timedelta(minutes=3)


@pytest.mark.parametrize(
    "parameter", [tlvs.RECEIPTED_MESSAGE_ID.make("FF"), tlvs.MESSAGE_STATE.make(3)], ids=["id alone", "state alone"]
)
def test_one_parameter_alone_leaves_it_to_the_text(parameter: Tlv) -> None:
    receipt = receipt_of(a_receipt(WRITTEN, parameter))
    assert receipt is not None
    assert (receipt.message_id, receipt.state) == ("0A1B", MessageState.DELIVERED)
    assert receipt_of(a_receipt("no receipt", parameter)) is None


def test_parameters_do_without_any_text() -> None:
    pdu = DataSm(
        esm_class=0x04,
        tlvs=(
            tlvs.RECEIPTED_MESSAGE_ID.make("FF"),
            tlvs.MESSAGE_STATE.make(99),
            tlvs.NETWORK_ERROR_CODE.make(b"\x03\x01\x02"),
        ),
    )
    assert receipt_of(pdu) == Receipt("FF", 99, final=True, error="258", text=None)
    bare = DeliverSm(esm_class=0x04, tlvs=pdu.tlvs[:2])
    assert receipt_of(bare) == Receipt("FF", 99, final=True, error=None, text=None)


def test_an_unknown_word_is_an_unknown_state() -> None:
    receipt = receipt_of(a_receipt("id:1 stat:BUFFERD"))
    assert receipt is not None
    assert receipt.state == MessageState.UNKNOWN


@pytest.mark.parametrize("esm_class", [0x00, 0x03, 0x08, 0x40])
def test_an_ordinary_message_is_no_receipt_whatever_it_says(esm_class: int) -> None:
    assert receipt_of(a_receipt(esm_class=esm_class)) is None


def test_a_networks_own_error_travels_along() -> None:
    pdu = deliver_receipt(
        ReceiptText("1", "UNDELIV", error="011"),
        state=MessageState.UNDELIVERABLE,
        sender=SENDER,
        recipient=PHONE,
        service_type="CMT",
        network_error=b"\x03\x00\x0b",
    )
    assert tlvs.NETWORK_ERROR_CODE.first(pdu.tlvs) == b"\x03\x00\x0b"
    assert pdu.service_type == "CMT"


# --- times ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("261122123000004+", datetime(2026, 11, 22, 11, 30, tzinfo=UTC)),
        ("261122123000736-", datetime(2026, 11, 22, 21, 30, 0, 700_000, tzinfo=UTC)),
        ("000001000000000R", datetime(2026, 11, 23, 12, 0, tzinfo=UTC)),
        ("020610233429000R", datetime(2029, 6, 1, 23, 34, 29, tzinfo=UTC) + timedelta(hours=12)),
        ("000000000000000R", NOON),
        ("991231235959000+", datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("750101000000000+", datetime(2075, 1, 1, tzinfo=UTC)),
        ("760101000000000+", datetime(1976, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_as_section_7_1_says(text: str, at: datetime) -> None:
    assert parse_time(text, NOON) == at


def test_no_time_is_no_time() -> None:
    assert parse_time("", NOON) is None


def test_months_end_where_the_month_ends() -> None:
    end_of_january = datetime(2027, 1, 31, 12, 0, tzinfo=UTC)
    assert parse_time("000100000000000R", end_of_january) == datetime(2027, 2, 28, 12, 0, tzinfo=UTC)
    assert parse_time("011100000000000R", end_of_january) == datetime(2028, 12, 31, 12, 0, tzinfo=UTC)
    assert parse_time("010100000000000R", end_of_january) == datetime(2028, 2, 29, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *("2611221230", "261122123000004", "261122123000004Z", "261122123000004++", "26112212300000 +"),
        *("261322123000004+", "260229000000000+", "261122243000004+", "261122123000049+", "٢٦1122123000004+"),
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(MalformedTime):
        parse_time(text, NOON)


@settings(max_examples=100)
@given(st.datetimes(datetime(1980, 1, 1), datetime(2070, 1, 1)), st.integers(-12, 12))  # noqa: DTZ001 - the zone follows
def test_an_absolute_time_comes_back_to_a_tenth_of_a_second(at: datetime, hours: int) -> None:
    at = at.replace(microsecond=at.microsecond // 100_000 * 100_000, tzinfo=timezone(timedelta(hours=hours)))
    assert parse_time(format_absolute(at), NOON) == at


@settings(max_examples=100)
@given(st.integers(0, 31 * 86_400 - 1))
def test_a_relative_time_comes_back(seconds: int) -> None:
    duration = timedelta(seconds=seconds)
    assert parse_time(format_relative(duration), NOON) == NOON + duration


@pytest.mark.parametrize("duration", [timedelta(seconds=-1), timedelta(days=31)])
def test_a_time_that_relative_digits_cannot_say_is_refused(duration: timedelta) -> None:
    with pytest.raises(ValueError, match="absolute"):
        format_relative(duration)


def test_times_are_written_as_section_7_1_1_has_them() -> None:
    assert format_absolute(datetime(2026, 11, 22, 18, 30, 5, 950_000, tzinfo=UTC)) == "261122183005900+"
    assert format_relative(timedelta(days=3, hours=2, minutes=1, seconds=9)) == "000003020109000R"
