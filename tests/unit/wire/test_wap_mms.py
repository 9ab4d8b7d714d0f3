"""M-Notification.ind: as a peer dissects it, both ways, and refused when something is missing."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_gateway.wire.mms import MalformedMms, Notification, decode, encode

NOTE = Notification("t1", "http://mms.example/m/1", 300, timedelta(days=1), sender="+82105550100/TYPE=PLMN")
GOLDEN = (
    b"\x8c\x82\x98t1\x00\x8d\x90\x89\x18\x80+82105550100/TYPE=PLMN\x00\x8a\x80\x8e\x02\x01\x2c"
    b"\x88\x05\x81\x03\x01\x51\x80\x83http://mms.example/m/1\x00"
)

words = st.text("ab+/:é가\x01\x7f ", max_size=12)
notifications = st.builds(
    Notification,
    transaction_id=words,
    location=words,
    octets=st.integers(0, 2**40),
    expires=st.integers(0, 2**40).map(lambda seconds: timedelta(seconds=seconds))
    | st.integers(0, 2**32).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    sender=st.none() | words | st.just("x" * 40),
    subject=st.none() | words,
)


def test_the_octets_are_those_of_the_specification() -> None:
    assert encode(NOTE) == GOLDEN
    assert decode(GOLDEN) == NOTE


@settings(max_examples=150)
@given(notifications)
def test_every_notification_comes_back(notification: Notification) -> None:
    assert decode(encode(notification)) == notification


def test_a_moment_is_told_in_seconds_since_1970_and_the_network_fills_the_sender_in() -> None:
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    note = Notification("t1", "http://mms.example/m/1", 300, moment)
    octets = encode(note)
    assert b"\x88\x06\x80\x04" + int(moment.timestamp()).to_bytes(4, "big") in octets
    assert b"\x89\x01\x81" in octets
    assert decode(octets) == note


def test_a_text_may_name_utf_8_as_its_charset() -> None:
    assert decode(GOLDEN.replace(b"\x98t1\x00", b"\x98\x04\xeat1\x00")) == NOTE


def test_headers_that_are_not_known_are_skipped() -> None:
    assert decode(GOLDEN + b"\x8f\x81\x9e\x03abc") == NOTE


REFUSED = {
    "nothing": b"",
    "too much": b"\x8c\x82" * 2_000,
    "another message": b"\x8c\x84\x98t1\x00\x8d\x90",
    "a header that is none": b"\x05\x82",
    "no location": GOLDEN[: GOLDEN.index(b"\x83http")],
    "half a location": GOLDEN[:-1],
    "a size that is text": GOLDEN.replace(b"\x8e\x02\x01\x2c", b"\x8eab\0"),
    "a size of nine octets": GOLDEN.replace(b"\x8e\x02\x01\x2c", b"\x8e\x09" + b"\xff" * 9),
    "an unknown kind of expiry": GOLDEN.replace(b"\x88\x05\x81", b"\x88\x05\x82"),
    "an expiry without a length": GOLDEN.replace(b"\x88\x05\x81\x03\x01\x51\x80", b"\x88\x81"),
    "an expiry after all time": GOLDEN.replace(b"\x88\x05\x81\x03\x01\x51\x80", b"\x88\x0a\x81\x08" + b"\xff" * 8),
    "a moment after all time": GOLDEN.replace(b"\x88\x05\x81\x03\x01\x51\x80", b"\x88\x0a\x80\x08" + b"\xff" * 8),
    "a transaction that is a number": GOLDEN.replace(b"\x98t1\x00", b"\x98\x85"),
    "a transaction in another charset": GOLDEN.replace(b"\x98t1\x00", b"\x98\x04\x84t1\x00"),
    "a transaction that is no text": GOLDEN.replace(b"\x98t1\x00", b"\x98t\xff\x00"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_octets_that_are_no_notification_are_refused(name: str) -> None:
    with pytest.raises(MalformedMms):
        decode(REFUSED[name])


def test_a_zero_in_a_text_is_refused_before_it_is_sent() -> None:
    with pytest.raises(MalformedMms, match="take it out"):
        encode(Notification("a\0b", "", 0, timedelta(0)))


def test_a_size_may_come_in_one_octet_and_a_long_length_be_quoted() -> None:
    assert decode(GOLDEN.replace(b"\x8e\x02\x01\x2c", b"\x8e\x85")).octets == 5
    quoted = GOLDEN.replace(b"\x88\x05\x81", b"\x88\x1f\x05\x81")
    assert decode(quoted) == NOTE


def test_mutated_notifications_raise_the_one_error_or_none() -> None:
    dice = random.Random(20261122)  # noqa: S311 - a fault that was found must be found again
    for _ in range(10_000):
        octets = bytearray(GOLDEN)
        for _ in range(dice.randint(1, 3)):
            octets[dice.randrange(len(octets))] = dice.randrange(256)
        try:
            decode(bytes(octets))
        except MalformedMms:
            continue
