"""Service indications and loadings: octets of the specification and of peers, both ways, and their rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_gateway.wire.push import (
    MalformedPush,
    ServiceIndication,
    ServiceLoading,
    SiAction,
    SlAction,
    read_wbxml,
    read_xml,
    to_wbxml,
    to_xml,
)
from mobile_gateway.wire.wbxml_writing import encode
from mobile_gateway.wire.wml import WML_1_1
from mobile_gateway.wire.xmltree import Element

AT = datetime(2026, 11, 22, 11, 22, 10, tzinfo=UTC)

GOLDEN = ServiceIndication(
    "http://cyberticket.example/t/ABC123",
    "text",
    si_id="si-id",
    action=SiAction.SIGNAL_HIGH,
    created=AT,
    expires=datetime(2026, 12, 31, tzinfo=UTC),
)
GOLDEN_OCTETS = (
    b"\x02\x05\x6a\x00\x45\xc6\x0c\x03cyberticket.example/t/ABC123\x00\x11\x03si-id\x00\x08"
    b"\x0a\xc3\x07\x20\x26\x11\x22\x11\x22\x10\x10\xc3\x04\x20\x26\x12\x31\x01\x03text\x00\x01\x01"
)
KANNELS_ORDER = (
    b"\x02\x05\x6a\x00\x45\xc6\x0d\x03cyberticket.example/t/ABC123\x00\x11\x03si-id\x00\x08"
    b"\x0a\xc3\x05\x20\x26\x11\x22\x10\x10\xc3\x04\x20\x26\x12\x31\x01\x03text\x00\x01\x01"
)
WAP_167_EXAMPLE = (
    b"\x02\x05\x6a\x00\x45\xc6\x0d\x03xyz\x00\x85\x03email/123/abc.wml\x00"
    b"\x0a\xc3\x07\x19\x99\x06\x25\x15\x23\x15\x10\xc3\x04\x19\x99\x06\x30\x01\x03You have 4 new emails\x00\x01\x01"
)
"""The example that WAP-167 itself compiles, in UTF-8."""

moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - bounds
    lambda moment: moment.replace(microsecond=0)
)
words = st.text("ab 1.:/&<>\"'é가\U0001f3ab$", min_size=1, max_size=20).filter(
    lambda text: text == " ".join(text.split())
)
urls = st.builds(
    str.__add__,
    st.sampled_from(["", "http://", "http://www.", "https://", "https://www."]),
    st.sampled_from(["a.com/", "a.org/x.net/", "ticket.example/t/ABC", "httpa"]),
)
indications = st.builds(
    ServiceIndication,
    href=st.none() | urls,
    text=words,
    si_id=words,
    action=st.sampled_from(SiAction),
    created=st.none() | moments,
    expires=st.none() | moments,
)
loadings = st.builds(ServiceLoading, urls, st.sampled_from(SlAction))


@settings(max_examples=150)
@given(indications | loadings)
def test_a_push_comes_back_from_xml_and_from_wbxml(push: ServiceIndication | ServiceLoading) -> None:
    assert read_wbxml(to_wbxml(push)) == push
    assert read_xml(to_xml(push).encode()) == push


def test_our_octets_are_the_ones_that_peers_have_read() -> None:
    assert to_wbxml(GOLDEN) == GOLDEN_OCTETS
    assert read_wbxml(GOLDEN_OCTETS) == GOLDEN


def test_the_octets_of_another_gateway_are_read() -> None:
    read = read_wbxml(KANNELS_ORDER)
    assert isinstance(read, ServiceIndication)
    assert read.href == "http://www.cyberticket.example/t/ABC123"
    assert read.created == datetime(2026, 11, 22, 10, tzinfo=UTC)


def test_the_example_of_the_specification_is_read() -> None:
    assert read_wbxml(WAP_167_EXAMPLE) == ServiceIndication(
        "http://www.xyz.com/email/123/abc.wml",
        "You have 4 new emails",
        created=datetime(1999, 6, 25, 15, 23, 15, tzinfo=UTC),
        expires=datetime(1999, 6, 30, tzinfo=UTC),
    )


def test_a_loading_has_its_own_tokens() -> None:
    octets = to_wbxml(ServiceLoading("https://www.a.com/x", SlAction.CACHE))
    assert octets == b"\x02\x06\x6a\x00\x85\x0c\x03a\0\x85\x03x\0\x07\x01"


def test_a_loading_is_recognised_whoever_compiled_its_address() -> None:
    kannels = b"\x02\x06\x6a\x00\x85\x09\x03www.a.com/x\0\x06\x01"
    assert read_wbxml(kannels) == ServiceLoading("http://www.a.com/x", SlAction.EXECUTE_HIGH)


def test_times_are_said_in_utc_and_in_whole_seconds() -> None:
    seoul = datetime(2026, 11, 22, 20, 22, 10, 999_999, tzinfo=timezone(timedelta(hours=9)))
    read = read_xml(to_xml(ServiceIndication("http://a", "t", created=seoul)).encode())
    assert isinstance(read, ServiceIndication)
    assert read.created == AT


def test_white_space_around_the_words_is_none() -> None:
    text = '<si><indication href="http://a">\n  You have\n  4 new emails\n</indication></si>'
    assert read_xml(text.encode()) == ServiceIndication("http://a", "You have 4 new emails")


def test_an_indication_without_words_is_one() -> None:
    bare = ServiceIndication(None, "", si_id="x", action=SiAction.DELETE)
    assert read_wbxml(to_wbxml(bare)) == bare


def test_the_address_is_the_name_where_there_is_no_other() -> None:
    assert ServiceIndication("http://a", "t").identity == "http://a"
    assert ServiceIndication("http://a", "t", si_id="x").identity == "x"
    assert ServiceIndication(None, "t").identity is None


def test_only_a_later_one_of_the_same_name_replaces() -> None:
    first = ServiceIndication("http://a", "t", created=AT)
    later = ServiceIndication("http://a", "u", created=AT + timedelta(seconds=1))
    assert later.replaces(first)
    assert not first.replaces(later)
    assert first.replaces(first)
    assert not ServiceIndication("http://b", "u", created=later.created).replaces(first)
    assert not ServiceIndication("http://a", "undated").replaces(first)
    assert not later.replaces(ServiceIndication("http://a", "undated"))
    assert not ServiceIndication(None, "t", created=AT).replaces(ServiceIndication(None, "t", created=AT))


def test_an_indication_is_over_from_its_expiry_on() -> None:
    indication = ServiceIndication("http://a", "t", expires=AT)
    assert not indication.is_over(AT - timedelta(seconds=1))
    assert indication.is_over(AT)
    assert not ServiceIndication("http://a", "t").is_over(AT)


REFUSED = {
    "no XML": "si",
    "another root": "<wml/>",
    "no indication": "<si/>",
    "a deletion that does not say of what": '<si><indication action="delete" href="http://a"/></si>',
    "an unknown action": '<si><indication action="shout"/></si>',
    "a date with a zone": '<si><indication created="2026-11-22T10:00:00+09:00"/></si>',
    "a date that is none": '<si><indication si-expires="2026-02-30T10:00:00Z"/></si>',
    "a loading of nothing": "<sl/>",
    "a loading with an unknown action": '<sl href="http://a" action="now"/>',
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_document_that_breaks_the_rules_is_refused(name: str) -> None:
    with pytest.raises(MalformedPush):
        read_xml(REFUSED[name].encode())


@pytest.mark.parametrize(
    "octets", [b"", b"\x02", b"\x02\x05\x6a\x00\x45\x01", b"\x02\x06\x6a\x00\x05", GOLDEN_OCTETS[:-1]]
)
def test_octets_that_are_no_push_are_refused(octets: bytes) -> None:
    with pytest.raises(MalformedPush):
        read_wbxml(octets)


def test_a_deck_is_no_push() -> None:
    with pytest.raises(MalformedPush, match="another document type"):
        read_wbxml(encode(Element("wml"), WML_1_1))


def test_words_that_xml_cannot_carry_are_refused_before_they_are_sent() -> None:
    bad = ServiceIndication("http://a", "bell\x07")
    with pytest.raises(MalformedPush):
        to_xml(bad)
    with pytest.raises(MalformedPush):
        to_wbxml(bad)
