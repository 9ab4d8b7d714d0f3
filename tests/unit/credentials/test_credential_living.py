"""CTL: what it carries, which two keys make it genuine, and for how long a picture of it is worth anything."""

from __future__ import annotations

import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.admission import LIVING_STEP_SECONDS
from app.domain.credential import (
    LIVING_PART_BYTES,
    STEP_MAX,
    Body,
    CodeId,
    Flag,
    Living,
    Signed,
    face_of,
    living_part,
    living_text,
    parse_presented,
    signed_text,
    step_of,
)
from app.domain.entry_rules import Face

BODY = Body(7, CodeId(0x0123_4567_89AB_CDEF), 0x0BAD_F00D, 3, 29_968_440, 390, Flag.GIFT)
HANDSET, OTHER_HANDSET = b"\2" + bytes(range(32)), b"\3" + bytes(range(32))
AT = datetime(2026, 12, 24, 10, 5, 7, tzinfo=UTC)
STEP = step_of(AT)


def sign(key: bytes, message: bytes) -> bytes:
    """In the place of ES256: 64 octets that only the key makes."""
    return hmac.digest(key, message, "sha512")


def sign_issuer(message: bytes) -> bytes:
    return sign(b"issuer", message)


def verify(kid: int, message: bytes, signature: bytes) -> bool:
    return kid == 7 and hmac.compare_digest(sign(b"issuer", message), signature)


def verify_holder(key: bytes, message: bytes, signature: bytes) -> bool:
    return hmac.compare_digest(sign(key, message), signature)


def on_handset(part: bytes, *, key: bytes = HANDSET, step: int = STEP) -> Living:
    """Shown on the handset that has this key, and read by a gate."""
    read = parse_presented(living_text(part, step, lambda message: sign(key, message)))
    assert isinstance(read, Living)
    return read


PART = living_part(BODY, HANDSET, sign_issuer)


def bodies() -> st.SearchStrategy[Body]:
    limits = {name: st.integers(0, limit) for name, limit in Body.LIMITS.items() if name != "flags"}
    return st.builds(Body, **limits, flags=st.integers(0, 15).map(Flag))


@given(bodies(), st.sampled_from((2, 3)), st.binary(min_size=32, max_size=32), st.integers(0, STEP_MAX))
def test_a_living_barcode_carries_every_field(body: Body, parity: int, x: bytes, step: int) -> None:
    key = bytes([parity]) + x
    text = living_text(living_part(body, key, sign_issuer), step, lambda message: sign(key, message))
    read = parse_presented(text)
    assert len(text) == 284
    assert isinstance(read, Living)
    assert (read.body, read.holder_key, read.step, read.code_id) == (body, key, step, body.code_id)
    assert read.is_genuine(lambda _, message, made: sign_issuer(message) == made, verify_holder)


def test_the_issuers_octets_have_the_documented_layout() -> None:
    assert PART[:23].hex(" ", 1) == "02 07 01 23 45 67 89 ab cd ef 0b ad f0 0d 00 03 01 c9 48 38 01 86 08"
    assert PART[23:56] == HANDSET
    assert PART[56:] == sign_issuer(PART[:56])
    assert len(PART) == LIVING_PART_BYTES == 120


def test_the_handset_signs_the_issuers_octets_and_the_step() -> None:
    read = on_handset(PART, step=0x0102_0304)
    assert read.holder_signature == sign(HANDSET, b"CTL" + PART + bytes([1, 2, 3, 4]))


def test_a_living_barcode_is_genuine_and_names_its_face() -> None:
    read = on_handset(PART)
    assert read.is_genuine(verify, verify_holder)
    assert face_of(read) is Face.LIVING


def test_whoever_has_another_key_cannot_show_the_ticket() -> None:
    assert not on_handset(PART, key=OTHER_HANDSET).is_genuine(verify, verify_holder)


def test_a_thief_cannot_put_a_key_of_his_own_into_the_issuers_octets() -> None:
    taken = PART[:23] + OTHER_HANDSET + PART[56:]
    assert not on_handset(taken, key=OTHER_HANDSET).is_genuine(verify, verify_holder)


def test_an_issuers_key_that_is_not_known_makes_nothing_genuine() -> None:
    part = living_part(replace(BODY, kid=8), HANDSET, sign_issuer)
    assert not on_handset(part).is_genuine(verify, verify_holder)


@pytest.mark.parametrize("changed", ["body", "step", "issuer_signature", "holder_signature"])
def test_whatever_is_changed_afterwards_makes_it_false(changed: str) -> None:
    read = on_handset(PART)
    other: dict[str, object] = {
        "body": replace(BODY, class_code=4),
        "step": STEP + 1,
        "issuer_signature": bytes(64),
        "holder_signature": bytes(64),
    }
    assert not replace(read, **{changed: other[changed]}).is_genuine(verify, verify_holder)  # type: ignore[arg-type]  # any field, by name


def test_the_signature_of_a_signed_code_does_not_pass_for_that_of_a_living_one() -> None:
    static = parse_presented(signed_text(BODY, sign_issuer))
    assert isinstance(static, Signed)
    read = on_handset(PART[:56] + static.signature)
    assert not read.is_genuine(verify, verify_holder)


def test_the_issuers_signature_of_a_living_barcode_does_not_pass_for_a_signed_code() -> None:
    assert not Signed(BODY, PART[56:]).is_genuine(verify)


def test_the_same_step_is_shown_for_fifteen_seconds() -> None:
    begins = datetime(2026, 12, 24, 10, 5, tzinfo=UTC)
    steps = [step_of(begins + timedelta(seconds=second)) - step_of(begins) for second in (-1, 0, 14, 15, 30)]
    assert steps == [-1, 0, 0, 1, 2]
    assert LIVING_STEP_SECONDS == 15


@given(st.datetimes(datetime(1970, 1, 1), datetime(4011, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis asks for naive bounds
def test_a_code_is_never_told_further_off_than_half_a_step(moment: datetime) -> None:
    told = on_handset(PART, step=step_of(moment)).shown_at
    assert abs(told - moment) <= timedelta(seconds=7.5)


def test_the_last_step_still_has_a_date_and_the_next_is_refused() -> None:
    last = on_handset(PART, step=STEP_MAX).shown_at
    assert last.year == 4011
    assert step_of(last) == STEP_MAX
    for outside in (last + timedelta(seconds=15), datetime(1969, 12, 31, tzinfo=UTC)):
        with pytest.raises(ValueError, match="is outside the steps"):
            step_of(outside)


@pytest.mark.parametrize("key", [b"", HANDSET[:-1], HANDSET + b"\0", b"\4" + HANDSET[1:]], ids=len)
def test_what_is_no_compressed_point_is_not_signed(key: bytes) -> None:
    with pytest.raises(ValueError, match="a compressed point of 33 octets"):
        living_part(BODY, key, sign_issuer)


def test_a_living_part_that_is_not_whole_is_not_shown() -> None:
    with pytest.raises(ValueError, match="has 120 octets, not 119"):
        living_text(PART[:-1], STEP, sign_issuer)


def test_its_signatures_never_print() -> None:
    assert "signature" not in repr(on_handset(PART))
