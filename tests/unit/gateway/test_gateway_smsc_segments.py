"""Segments that peers number by optional parameters (SAR) fit the air and find together, whatever their reference."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mobile_gateway.carrier.airing import cut_up
from mobile_gateway.smsc.submitting import House, submission
from mobile_gateway.wire import udh
from mobile_gateway.wire.smpp import SubmitSm, tlvs

HOUSE = House(sender="Cyberticket", country_code="82")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def segment(octets: bytes, *, reference: int, sequence: int, data_coding: int = 0) -> tuple[bytes, ...]:
    """The user data of each short message that one segment of two becomes."""
    pdu = SubmitSm(
        source_addr="1588",
        dest_addr_ton=1,
        destination_addr="821012345678",
        data_coding=data_coding,
        short_message=octets,
        tlvs=(
            tlvs.SAR_MSG_REF_NUM.make(reference),
            tlvs.SAR_TOTAL_SEGMENTS.make(2),
            tlvs.SAR_SEGMENT_SEQNUM.make(sequence),
        ),
    )
    made = submission(pdu, account="esme", house=HOUSE, now=NOW)
    return cut_up(made.user_data, data_coding=data_coding, esm_class=made.esm_class, message_id="m1")


@pytest.mark.parametrize("reference", [0, 0xFF, 0x100, 0xFFFF])
@pytest.mark.parametrize(("octets", "data_coding"), [(b"a" * 153, 0), (b"a" * 134, 4), (b"\xac\x00" * 67, 8)])
def test_a_segment_as_long_as_peers_make_them_is_one_short_message(
    reference: int, octets: bytes, data_coding: int
) -> None:
    (one,) = segment(octets, reference=reference, sequence=1, data_coding=data_coding)
    assert udh.split(one)[1] == octets


def test_a_long_segment_and_a_short_one_have_the_same_reference() -> None:
    parts = [segment(octets, reference=0x1234, sequence=at)[0] for at, octets in ((1, b"a" * 153), (2, b"b"))]
    places = [udh.concatenation_of(udh.split(part)[0]) for part in parts]
    assert places == [udh.Concatenation(0x34, 2, 1), udh.Concatenation(0x34, 2, 2)]
