"""CT0 and CT1: what they carry, what they refuse to carry, and what makes them genuine."""

from __future__ import annotations

import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.credential import (
    Body,
    CodeId,
    Compact,
    Flag,
    Mac,
    Signed,
    compact_text,
    parse_presented,
    signed_text,
    validity,
)

CODE = CodeId(0x0123_4567_89AB_CDEF)
DOORS = datetime(2026, 12, 24, 10, 0, tzinfo=UTC)


def mac_under(key: bytes) -> Mac:
    return lambda message: hmac.digest(key, message, "sha256")


A_BODY = Body(
    kid=7,
    code_id=CODE,
    occasion_code=0x0BAD_F00D,
    class_code=3,
    not_before_minute=29_968_440,
    duration_minutes=390,
    flags=Flag.GIFT,
)


def bodies() -> st.SearchStrategy[Body]:
    limits = {name: st.integers(0, limit) for name, limit in Body.LIMITS.items() if name != "flags"}
    return st.builds(Body, **limits, flags=st.integers(0, 15).map(Flag))


class FakeIssuer:
    """Signs like an issuer does, with a doubled HMAC in the place of ES256."""

    def sign(self, message: bytes) -> bytes:
        return hmac.digest(b"issuer", message, "sha512")

    def verify(self, kid: int, message: bytes, signature: bytes) -> bool:
        return kid == 7 and hmac.compare_digest(self.sign(message), signature)


@given(st.integers(0, 2**64 - 1))
def test_a_compact_code_is_read_back_and_is_genuine(code: int) -> None:
    text = compact_text(CodeId(code), mac_under(b"tonight"))
    read = parse_presented(text)
    assert len(text) == 25
    assert isinstance(read, Compact)
    assert read.code_id == code
    assert read.is_genuine(mac_under(b"tonight"))


def test_a_compact_code_of_another_occasion_is_not_genuine() -> None:
    read = parse_presented(compact_text(CODE, mac_under(b"tonight")))
    assert isinstance(read, Compact)
    assert not read.is_genuine(mac_under(b"tomorrow"))


@given(st.integers(0, 23), st.integers(1, 31))
def test_a_changed_character_makes_a_compact_code_false(position: int, off_by: int) -> None:
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    text = compact_text(CODE, mac_under(b"tonight"))[1:]
    changed = alphabet[(alphabet.index(text[position]) + off_by) % 32]
    read = parse_presented("C" + text[:position] + changed + text[position + 1 :])
    assert isinstance(read, Compact)
    assert not read.is_genuine(mac_under(b"tonight"))


def test_a_tag_with_octets_left_over_is_not_genuine() -> None:
    read = parse_presented(compact_text(CODE, mac_under(b"tonight")))
    assert isinstance(read, Compact)
    assert not replace(read, tag=read.tag + b"\0").is_genuine(mac_under(b"tonight"))


def test_a_tag_and_a_signature_never_print() -> None:
    compact = parse_presented(compact_text(CODE, mac_under(b"tonight")))
    signed = parse_presented(signed_text(A_BODY, FakeIssuer().sign))
    assert "tag" not in repr(compact)
    assert "signature" not in repr(signed)


@given(bodies())
def test_a_signed_code_carries_every_field(body: Body) -> None:
    text = signed_text(body, FakeIssuer().sign)
    read = parse_presented(text)
    assert len(text) == 133
    assert isinstance(read, Signed)
    assert (read.body, read.code_id) == (body, body.code_id)
    assert read.signature == FakeIssuer().sign(body.pack())


def test_a_signed_body_has_the_documented_layout() -> None:
    assert A_BODY.pack().hex(" ", 1) == "01 07 01 23 45 67 89 ab cd ef 0b ad f0 0d 00 03 01 c9 48 38 01 86 08"


def test_a_signed_code_is_genuine_under_its_own_key_only() -> None:
    issuer = FakeIssuer()
    genuine = parse_presented(signed_text(A_BODY, issuer.sign))
    other_key = parse_presented(signed_text(replace(A_BODY, kid=8), issuer.sign))
    assert isinstance(genuine, Signed)
    assert isinstance(other_key, Signed)
    assert genuine.is_genuine(issuer.verify)
    assert not other_key.is_genuine(issuer.verify)


def test_a_changed_body_is_not_genuine() -> None:
    issuer = FakeIssuer()
    signed = Signed(replace(A_BODY, class_code=4), issuer.sign(replace(A_BODY, class_code=3).pack()))
    assert not signed.is_genuine(issuer.verify)


@pytest.mark.parametrize("name", sorted(Body.LIMITS))
def test_a_field_outside_its_octets_is_refused(name: str) -> None:
    for outside in (-1, Body.LIMITS[name] + 1):
        with pytest.raises(ValueError, match=f"{name} is outside 0 to"):
            replace(A_BODY, **{name: outside})  # type: ignore[arg-type]  # any field, by name


def test_a_body_knows_when_it_begins_and_ends() -> None:
    assert A_BODY.begins == DOORS
    assert A_BODY.ends == DOORS + timedelta(hours=6, minutes=30)


def test_a_body_without_a_duration_leaves_the_end_to_the_register() -> None:
    assert replace(A_BODY, duration_minutes=0).ends is None


def test_the_latest_body_still_has_a_date() -> None:
    latest = replace(A_BODY, not_before_minute=Body.LIMITS["not_before_minute"], duration_minutes=0xFFFF)
    assert latest.ends is not None
    assert latest.ends.year == 6053


def test_a_span_is_widened_to_whole_minutes_and_never_cut() -> None:
    begins, ends = DOORS + timedelta(seconds=59), DOORS + timedelta(minutes=2, seconds=1)
    assert validity(begins, ends) == (29_968_440, 3)


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis asks for naive bounds
    st.timedeltas(timedelta(microseconds=1), timedelta(days=400)),
)
def test_no_holder_is_ever_refused_within_the_span(begins: datetime, length: timedelta) -> None:
    first, minutes = validity(begins, begins + length)
    body = replace(A_BODY, not_before_minute=first, duration_minutes=minutes)
    assert begins - timedelta(minutes=1) < body.begins <= begins
    if body.ends is None:
        assert length > timedelta(minutes=65_535 - 1)
    else:
        assert begins + length <= body.ends < begins + length + timedelta(minutes=1)


def test_a_span_of_more_than_45_days_leaves_its_end_to_the_register() -> None:
    assert validity(DOORS, DOORS + timedelta(minutes=65_535)) == (29_968_440, 65_535)
    assert validity(DOORS, DOORS + timedelta(minutes=65_536)) == (29_968_440, 0)
    assert validity(DOORS, None) == (29_968_440, 0)


def test_a_span_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot end at"):
        validity(DOORS, DOORS)
