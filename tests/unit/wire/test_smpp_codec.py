"""SMPP 3.4 octets: as the specification prints them, every PDU there and back, and whatever a hostile peer sends."""

from __future__ import annotations

import struct

import pytest
import smpp_kit
from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_gateway.wire import smpp
from mobile_gateway.wire.smpp import (
    Address,
    BindTransmitter,
    Command,
    DataSm,
    DeliverSm,
    DeliverSmResp,
    DistributionList,
    EnquireLink,
    GenericNack,
    LocalProtocolError,
    MessageMode,
    MessageType,
    Outbind,
    Pdu,
    ReceiptWish,
    Status,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    SubmitSmResp,
    Tlv,
    Unsuccessful,
    decode_one,
    describe,
    encode,
    status_name,
    tlvs,
)
from mobile_gateway.wire.smpp.codec import PDUS, RESPONSES

# --- golden octets --------------------------------------------------------------------------------------------------

GOLDEN: list[tuple[str, Pdu, int, int]] = [
    (  # SMPP 3.4 section 3.1 prints this one.
        "0000002F 00000002 00000000 00000001 534D50503354455354 00 7365637265743038 00 5355424D495431 00 00 01 01 00",
        BindTransmitter(system_id="SMPP3TEST", password="secret08", system_type="SUBMIT1", addr_ton=1, addr_npi=1),
        1,
        0,
    ),
    ("00000010 00000015 00000000 7FFFFFFF", EnquireLink(), 0x7FFFFFFF, 0),
    ("00000010 80000000 00000003 00000009", GenericNack(), 9, 3),
    ("00000014 80000004 00000000 00000002 41 42 43 00", SubmitSmResp(message_id="ABC"), 2, 0),
    ("00000010 80000004 00000058 00000002", SubmitSmResp(), 2, 0x58),
    ("00000011 80000005 00000000 00000004 00", DeliverSmResp(), 4, 0),
    (
        (
            "00000040 00000004 00000000 00000005 00 0500 4359424552 00 0101 383231303132 00 030001 00"
            "3030303030313030303030303030305200 01000800 04 AC00AC01"
        ),
        SubmitSm(
            source_addr_ton=5,
            source_addr="CYBER",
            dest_addr_ton=1,
            dest_addr_npi=1,
            destination_addr="821012",
            esm_class=3,
            priority_flag=1,
            validity_period="000001000000000R",
            registered_delivery=1,
            data_coding=8,
            short_message=b"\xac\x00\xac\x01",
        ),
        5,
        0,
    ),
    (
        (
            "00000035 00000021 00000000 00000006 00 0000 3135 00 02 01 0101 3832 00 02 66616E73 00"
            "000000 00 00 00000000 02 6869 0204 0002 004D"
        ),
        SubmitMulti(
            source_addr="15",
            dest_addresses=(Address(1, 1, "82"), DistributionList("fans")),
            short_message=b"hi",
            tlvs=(tlvs.USER_MESSAGE_REFERENCE.make(77),),
        ),
        6,
        0,
    ),
    (
        "0000001C 80000021 00000000 00000006 39 00 01 01 01 3832 00 0000000B",
        SubmitMultiResp(message_id="9", unsuccess_smes=(Unsuccessful(Address(1, 1, "82"), 0x0B),)),
        6,
        0,
    ),
]


@pytest.mark.parametrize(("printed", "pdu", "sequence", "status"), GOLDEN, ids=range(len(GOLDEN)))
def test_octets_are_those_of_the_specification(printed: str, pdu: Pdu, sequence: int, status: int) -> None:
    octets = bytes.fromhex(printed)
    assert encode(pdu, sequence=sequence, status=status).hex() == octets.hex()
    assert decode_one(octets) == (pdu, status, sequence)


def test_every_command_of_the_specification_is_there_with_its_response() -> None:
    assert set(PDUS) == set(Command)
    without = {kind.command for kind in PDUS.values() if kind not in RESPONSES and not kind.command & 0x80000000}
    assert without == {Command.OUTBIND, Command.ALERT_NOTIFICATION}
    assert all(answer.command == kind.command | 0x80000000 for kind, answer in RESPONSES.items())


@settings(max_examples=400)
@given(smpp_kit.any_pdu, st.integers(0, 2**32 - 1))
def test_every_pdu_comes_back_as_it_was_sent(pdu: Pdu, sequence: int) -> None:
    octets = encode(pdu, sequence=sequence)
    assert decode_one(octets) == (pdu, 0, sequence)
    assert struct.unpack_from(">I", octets) == (len(octets),)


@pytest.mark.parametrize("kind", PDUS.values(), ids=lambda kind: kind.__name__)
def test_each_kind_of_pdu_comes_back_as_it_was_sent(kind: type[Pdu]) -> None:
    @settings(max_examples=6, database=None)
    @given(smpp_kit.any_of(kind))
    def comes_back(pdu: Pdu) -> None:
        assert decode_one(encode(pdu, sequence=1)).pdu == pdu

    comes_back()


def test_the_reference_page_gets_every_field_in_the_order_of_the_wire() -> None:
    rows = [row for row in describe() if row.pdu == "bind_receiver"]
    assert [(row.field, row.notation) for row in rows] == [
        ("system_id", "C-octet string, up to 16"),
        ("password", "C-octet string, up to 9"),
        ("system_type", "C-octet string, up to 13"),
        ("interface_version", "integer, 1"),
        ("addr_ton", "integer, 1"),
        ("addr_npi", "integer, 1"),
        ("address_range", "C-octet string, up to 41"),
    ]
    assert rows[0].fault == "RINVSYSID"
    assert {row.pdu for row in describe()} == {command.name.lower() for command in Command}
    assert [row.field for row in describe() if row.pdu == "unbind"] == [""]
    validity = next(row for row in describe() if row.field == "validity_period")
    assert validity.notation == "C-octet string, 1 or 17"


# --- what the fields mean -------------------------------------------------------------------------------------------


def test_the_bits_of_esm_class_and_registered_delivery_are_named() -> None:
    pdu = smpp_kit.a_submit(esm_class=0xC0 | 0x08 | 0x02, registered_delivery=0x10 | 0x04 | 0x02)
    assert pdu.mode is MessageMode.FORWARD
    assert pdu.message_type == MessageType.DELIVERY_ACKNOWLEDGEMENT
    assert pdu.udhi
    assert pdu.reply_path
    assert pdu.receipt_wish is ReceiptWish.ON_FAILURE
    assert pdu.wants_acknowledgement
    assert pdu.wants_intermediate
    plain = SubmitSm()
    assert not any([plain.udhi, plain.reply_path, plain.wants_acknowledgement, plain.wants_intermediate])


def test_a_message_is_in_short_message_or_else_in_message_payload() -> None:
    payload = tlvs.MESSAGE_PAYLOAD.make(b"long")
    assert SubmitSm(short_message=b"short", tlvs=(payload,)).user_data == b"short"
    assert SubmitSm(tlvs=(payload,)).user_data == DataSm(tlvs=(payload,)).user_data == b"long"
    assert SubmitSm().user_data == DataSm().user_data == b""


def test_numbers_come_with_their_type_and_plan() -> None:
    pdu = smpp_kit.a_submit()
    assert pdu.source == Address(5, 0, "CYBER")
    assert pdu.destination == Address(1, 1, "821012345678")


def test_a_password_and_a_message_never_print() -> None:
    assert "hunter2" not in repr(BindTransmitter(password="hunter2")) + repr(Outbind(password="hunter2"))
    pdu = DeliverSm(short_message=b"PIN 4711", tlvs=(tlvs.MESSAGE_PAYLOAD.make(b"PIN 4711"), Tlv(0x1401, b"4711")))
    assert "4711" not in repr(pdu)
    assert "Tlv(message_payload, 8 octets), Tlv(0x1401, 4 octets)" in repr(pdu)


def test_a_status_has_its_name_and_a_vendors_status_its_number() -> None:
    assert status_name(0x58) == "ESME_RTHROTTLED"
    assert status_name(0x400) == "0x00000400"
    assert Status.RINVDSTADR.meaning == "the destination address is invalid"
    assert len({status.meaning for status in Status}) == len(Status)


def test_everything_exported_is_there() -> None:
    assert all(hasattr(smpp, name) for name in smpp.__all__)
    assert sorted(set(smpp.__all__)) == sorted(smpp.__all__)


# --- optional parameters --------------------------------------------------------------------------------------------


def test_unknown_and_repeated_parameters_keep_their_order() -> None:
    given_tlvs = (Tlv(0x3FFF, b"b"), tlvs.MESSAGE_STATE.make(2), Tlv(0x3FFF, b"a"), tlvs.MESSAGE_STATE.make(3))
    pdu = decode_one(encode(SubmitSm(tlvs=given_tlvs), sequence=1)).pdu
    assert pdu.tlvs == given_tlvs
    assert tlvs.MESSAGE_STATE.first(pdu.tlvs) == 2
    assert tlvs.SOURCE_PORT.first(pdu.tlvs) is None


@settings(max_examples=100)
@given(st.sampled_from(sorted(tlvs.KNOWN)), st.data())
def test_a_parameter_gives_back_the_value_it_was_made_of(tag: int, data: st.DataObject) -> None:
    parameter = tlvs.KNOWN[tag]
    if parameter.type is int:
        number = data.draw(st.integers(0, 256**parameter.size_max - 1))
        assert parameter.first((parameter.make(number),)) == number
    elif parameter.type is str:
        text = data.draw(smpp_kit.strings(parameter.size_max))
        assert parameter.first((parameter.make(text),)) == text
    else:
        octets = data.draw(st.binary(min_size=parameter.size_min, max_size=min(parameter.size_max, 100)))
        assert parameter.first((parameter.make(octets),)) == octets  # type: ignore[arg-type]  # the two others are ruled out


def test_text_in_a_parameter_may_lack_its_nul() -> None:
    assert tlvs.RECEIPTED_MESSAGE_ID.first((Tlv(0x001E, b"A1"),)) == "A1"
    assert tlvs.RECEIPTED_MESSAGE_ID.first((Tlv(0x001E, b"A1\0\0"),)) == "A1"


@pytest.mark.parametrize(
    "make",
    [
        lambda: tlvs.MESSAGE_STATE.make(256),
        lambda: tlvs.MESSAGE_STATE.make(-1),
        lambda: tlvs.RECEIPTED_MESSAGE_ID.make("x" * 65),
        lambda: tlvs.RECEIPTED_MESSAGE_ID.make("표"),
        lambda: tlvs.NETWORK_ERROR_CODE.make(b"12"),
        lambda: tlvs.write((Tlv(0x10000, b""),)),
        lambda: tlvs.write((Tlv(0x1400, bytes(0x10000)),)),
        lambda: tlvs.write((Tlv(0x0427, b"12"),)),
    ],
    ids=range(8),
)
def test_a_parameter_that_does_not_fit_is_our_bug(make: object) -> None:
    assert callable(make)
    with pytest.raises(LocalProtocolError):
        make()


def test_parameters_describe_themselves() -> None:
    assert tlvs.MESSAGE_STATE.notation == "integer, 1"
    assert tlvs.RECEIPTED_MESSAGE_ID.notation == "C-octet string, 1 to 65"
    assert tlvs.ALERT_ON_MESSAGE_DELIVERY.notation == "octets, 0"


# --- our own mistakes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pdu",
    [
        SubmitSm(esm_class=256),
        SubmitSm(esm_class=-1),
        SubmitSm(destination_addr="1" * 21),
        SubmitSm(destination_addr="1\0002"),
        SubmitSm(source_addr="표"),
        SubmitSm(short_message=bytes(255)),
        SubmitMulti(),
        SubmitMulti(dest_addresses=(Address(0, 0, "1"),) * 255),
        SubmitMultiResp(unsuccess_smes=(Unsuccessful(Address(0, 0, "1"), 1),) * 256),
        SubmitSm(tlvs=(tlvs.MESSAGE_PAYLOAD.make(bytes(0xFFFF)), tlvs.MESSAGE_PAYLOAD.make(bytes(0xFFFF)))),
    ],
    ids=range(10),
)
def test_a_value_that_does_not_fit_is_our_bug(pdu: Pdu) -> None:
    with pytest.raises(LocalProtocolError):
        encode(pdu, sequence=1)


@pytest.mark.parametrize(("sequence", "status"), [(-1, 0), (2**32, 0), (1, -1), (1, 2**32), (1, 8)])
def test_a_header_that_does_not_fit_is_our_bug(sequence: int, status: int) -> None:
    with pytest.raises(LocalProtocolError):
        encode(EnquireLink(), sequence=sequence, status=status)


def test_a_refusal_goes_without_a_body_unless_parameters_explain_it() -> None:
    bare = encode(smpp.DataSmResp(message_id="A1"), sequence=1, status=Status.RX_T_APPN)
    assert len(bare) == 16
    why = smpp.DataSmResp(tlvs=(tlvs.DELIVERY_FAILURE_REASON.make(1),))
    assert decode_one(encode(why, sequence=1, status=Status.RX_T_APPN)).pdu == why
