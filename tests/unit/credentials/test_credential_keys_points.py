"""Keys of handsets and gates: compressed points there and back, and signatures by them."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from app.keys import compressed, from_compressed, points, public_jwk, public_key, verify_holder

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
POINT = compressed(KEY.public_key())
SIGNATURE = points.sign(KEY, b"CTL")


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 2**255))
def test_a_point_comes_back_from_its_octets_and_from_its_jwk(scalar: int) -> None:
    key = ec.derive_private_key(scalar, ec.SECP256R1()).public_key()
    point = compressed(key)
    assert len(point) == 33
    assert point[0] in {2, 3}
    assert from_compressed(point) == key == public_key(public_jwk(key))


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        POINT[:-1],
        POINT + b"\0",
        b"\x04" + POINT[1:],
        b"\x02" + b"\xff" * 32,
        KEY.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
        bytes(33),
    ],
    ids=["nothing", "short", "long", "another form", "beyond the field", "uncompressed", "zeros"],
)
def test_what_is_no_compressed_point_is_no_key_and_signs_nothing(octets: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_compressed(octets)
    assert not verify_holder(octets, b"CTL", SIGNATURE)


def test_a_handsets_signature_holds_for_its_key_and_its_message_alone() -> None:
    assert verify_holder(POINT, b"CTL", SIGNATURE)
    assert not verify_holder(POINT, b"CTM", SIGNATURE)
    assert not verify_holder(compressed(OTHER.public_key()), b"CTL", SIGNATURE)


@pytest.mark.parametrize(
    "signature",
    [b"", bytes(64), b"\xff" * 64, SIGNATURE[:-1], SIGNATURE + b"\0"],
    ids=["nothing", "zeros", "ones", "short", "long"],
)
def test_octets_that_are_no_signature_are_a_no(signature: bytes) -> None:
    assert not verify_holder(POINT, b"CTL", signature)


def test_a_key_is_made_ready_once() -> None:
    points._ready.cache_clear()
    for _ in range(3):
        verify_holder(POINT, b"CTL", SIGNATURE)
    assert (points._ready.cache_info().misses, points._ready.cache_info().hits) == (1, 2)
