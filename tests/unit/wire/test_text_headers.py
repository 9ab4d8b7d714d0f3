"""The user data header: elements in and out, strict about lengths, deaf to what cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_gateway.wire import udh
from mobile_gateway.wire.udh import Concatenation, InformationElement, MalformedHeader, Ports

elements_of_any_kind = st.lists(
    st.builds(InformationElement, st.integers(0, 255), st.binary(max_size=20)), min_size=1, max_size=6
)


@pytest.mark.parametrize(
    ("elements", "octets"),
    [
        ([Concatenation(0xA7, 3, 2).element()], "050003a70302"),
        ([Concatenation(0x12FE, 255, 255, wide=True).element()], "06080412feffff"),
        ([Ports(2948, 9200).element()], "0605040b8423f0"),
        ([Ports(0xF0, 0xF1, wide=False).element()], "040402f0f1"),
        ([udh.PUSH.element(), Concatenation(7, 2, 1).element()], "0b05040b8423f00003070201"),
        ([InformationElement(udh.LOCKING_SHIFT, b"\x01")], "03250101"),
        ([InformationElement(0x70, b"")], "027000"),
        ([], ""),
    ],
)
def test_golden_headers(elements: list[InformationElement], octets: str) -> None:
    assert udh.build(elements).hex() == octets
    assert udh.size_of(elements) == len(octets) // 2
    if octets:
        assert udh.parse(bytes.fromhex(octets)) == tuple(elements)
        assert udh.split(bytes.fromhex(octets) + b"text") == (tuple(elements), b"text")


@settings(max_examples=40)
@given(elements_of_any_kind, st.binary(max_size=30))
def test_unknown_elements_are_kept_in_their_order(elements: list[InformationElement], text: bytes) -> None:
    assert udh.split(udh.build(elements) + text) == (tuple(elements), text)


@given(st.binary(max_size=60))
def test_any_octets_are_a_header_that_builds_again_or_malformed(octets: bytes) -> None:
    try:
        elements, rest = udh.split(octets)
    except MalformedHeader:
        return
    assert (udh.build(elements) or b"\0") + rest == octets
    udh.concatenation_of(elements)
    udh.ports_of(elements)


@pytest.mark.parametrize(
    "octets",
    [
        "",  # nothing
        "05",  # a length and no header
        "050003a703",  # shorter than it says
        "0100",  # an identifier without a length
        "050004a7030200",  # an element beyond the header, though not beyond the message
        "0300000000",  # one octet left over
    ],
)
def test_a_header_that_does_not_add_up_is_malformed(octets: str) -> None:
    with pytest.raises(MalformedHeader):
        udh.split(bytes.fromhex(octets))


def test_a_header_alone_has_nothing_after_it() -> None:
    with pytest.raises(MalformedHeader, match="4 octets stand after"):
        udh.parse(bytes.fromhex("050003a70302") + b"text")


def test_an_empty_header_has_no_elements() -> None:
    assert udh.split(b"\0text") == ((), b"text")


def test_a_header_of_one_whole_message_is_built_and_one_octet_more_refused() -> None:
    assert len(udh.build([InformationElement(0x70, bytes(137))])) == 140
    with pytest.raises(ValueError, match="141 octets"):
        udh.build([InformationElement(0x70, bytes(138))])


@pytest.mark.parametrize(
    ("octets", "found"),
    [
        ("050003a70302", Concatenation(0xA7, 3, 2)),
        ("06080412fe0201", Concatenation(0x12FE, 2, 1, wide=True)),
        ("0a0003a7030200030b0402", Concatenation(0x0B, 4, 2)),  # twice: the last counts
        ("0b0003a7030208040c0d0201", Concatenation(0x0C0D, 2, 1, wide=True)),
        ("0a000301020100030b0409", Concatenation(1, 2, 1)),  # the last is none: ignored as if absent
        ("050003a70300", None),
        ("050003a70304", None),
        ("050003a70001", None),
        ("040002a703", None),
        ("06000412fe0201", None),
        ("050803a70302", None),
        ("0605040b8423f0", None),
    ],
)
def test_a_place_among_parts_is_read_or_ignored_where_it_cannot_be(octets: str, found: Concatenation | None) -> None:
    assert udh.concatenation_of(udh.parse(bytes.fromhex(octets))) == found


@pytest.mark.parametrize(
    ("octets", "found"),
    [
        ("0605040b8423f0", Ports(2948, 9200)),
        ("040402f0f1", Ports(0xF0, 0xF1, wide=False)),
        ("0a0402f0f105040b8423f0", Ports(2948, 9200)),
        ("0505030b8423", None),
        ("0504030b8423", None),
        ("050003a70302", None),
    ],
)
def test_ports_are_read_or_ignored_where_they_cannot_be(octets: str, found: Ports | None) -> None:
    assert udh.ports_of(udh.parse(bytes.fromhex(octets))) == found


@pytest.mark.parametrize(
    ("reference", "total", "sequence", "wide"),
    [(0, 2, 0, False), (0, 2, 3, False), (0, 0, 0, False), (0, 256, 1, True), (256, 2, 1, False), (65_536, 2, 1, True)],
)
def test_a_place_that_cannot_be_is_not_made(reference: int, total: int, sequence: int, wide: bool) -> None:  # noqa: FBT001 - a table's column
    with pytest.raises(ValueError, match=r"is none|does not fit"):
        Concatenation(reference, total, sequence, wide)


def test_ports_that_do_not_fit_are_not_made() -> None:
    with pytest.raises(ValueError, match="16 bits"):
        Ports(65_536, 0)
    with pytest.raises(ValueError, match="8 bits"):
        Ports(0, 256, wide=False)
