"""P-256 public keys in the forms they travel in: JWKs (RFC 7517), compressed points, thumbprints; and ES256 by them."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

COORDINATE_BYTES = 32
SIGNATURE_BYTES = 2 * COORDINATE_BYTES
POINT_BYTES = 1 + COORDINATE_BYTES
"""Of a compressed point (SEC 1 section 2.3.3)."""
READY_KEYS_MAX = 4_096
"""Handsets' keys that are kept ready: to take a point from its octets costs as much as to verify with it."""

_ES256 = ec.ECDSA(hashes.SHA256())


def base64url(octets: bytes) -> str:
    """Without padding (RFC 7515 section 2)."""
    return urlsafe_b64encode(octets).decode("ascii").rstrip("=")


def is_p256(key: object) -> bool:
    """Whether it is a key, of either half, on the curve P-256."""
    return isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey) and isinstance(
        key.curve, ec.SECP256R1
    )


def public_jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """The four members that make a P-256 public key (RFC 7518 section 6.2.1), and no others."""
    numbers = key.public_numbers()
    x, y = (number.to_bytes(COORDINATE_BYTES, "big") for number in (numbers.x, numbers.y))
    return {"crv": "P-256", "kty": "EC", "x": base64url(x), "y": base64url(y)}


def public_key(jwk: Mapping[str, object]) -> ec.EllipticCurvePublicKey:
    """The key of a public P-256 JWK; raises ValueError, also for a point that is not on the curve."""
    x, y = jwk.get("x"), jwk.get("y")
    if (jwk.get("kty"), jwk.get("crv")) != ("EC", "P-256") or not isinstance(x, str) or not isinstance(y, str):
        raise ValueError("a barcode key must be an EC key on P-256 with x and y")
    return ec.EllipticCurvePublicNumbers(_coordinate(x), _coordinate(y), ec.SECP256R1()).public_key()


def _coordinate(text: str) -> int:
    return int.from_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def thumbprint(jwk: Mapping[str, str]) -> str:
    """RFC 7638: SHA-256 over the required members in their order without white space, base64url, 43 characters."""
    required = json.dumps({name: jwk[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    return base64url(hashlib.sha256(required.encode("ascii")).digest())


def compressed(key: ec.EllipticCurvePublicKey) -> bytes:
    """The key as its point, compressed, 33 octets: the form in which registers and barcodes have it."""
    return key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


def from_compressed(point: bytes) -> ec.EllipticCurvePublicKey:
    """The key of a compressed P-256 point; raises ValueError for other octets, also of another form of a point."""
    if len(point) != POINT_BYTES:
        raise ValueError(f"a compressed point on P-256 has {POINT_BYTES} octets")
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def sign(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """ES256 as raw r and s, 64 octets (RFC 7518 section 3.4); another signature each time."""
    r, s = decode_dss_signature(key.sign(message, _ES256))
    return r.to_bytes(COORDINATE_BYTES, "big") + s.to_bytes(COORDINATE_BYTES, "big")


def holds(key: ec.EllipticCurvePublicKey, message: bytes, signature: bytes) -> bool:
    """Whether `signature`, raw r and s, over `message` is of `key`; octets of another length are not."""
    if len(signature) != SIGNATURE_BYTES:
        return False
    r, s = signature[:COORDINATE_BYTES], signature[COORDINATE_BYTES:]
    try:
        key.verify(encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big")), message, _ES256)
    except InvalidSignature:
        return False
    return True


def verify_holder(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a handset signed: `key` is its compressed P-256 point (33 octets), `signature` raw r and s.

    Octets that are no such point are a no; whose key it should be, the register knows.
    """
    ready = _ready(key)
    return ready is not None and holds(ready, message, signature)


@lru_cache(READY_KEYS_MAX)
def _ready(point: bytes) -> ec.EllipticCurvePublicKey | None:
    try:
        return from_compressed(point)
    except ValueError:
        return None
