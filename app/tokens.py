"""Signed tokens between machines: JWT (RFC 7519) with ES256 and nothing else. The only module that imports jose.

python-jose 3.5.0 trusts the header's `alg` unless told otherwise, overlooks `typ`, `kid` and `crit`, takes the last of
two equal JSON keys, accepts a token without `aud` or `exp`, and asks the wall clock. So jose only makes and checks the
signature here, with one algorithm and a key that our ring chose; header and claims are read by this module, strictly.
ES256 is malleable: a token has more than one valid text. Replays are found by `token_id`, never by the text.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

import jose.backends
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwk, jws
from jose.backends.base import Key
from jose.exceptions import JOSEError

TOKEN_CHARS_MAX = 4096
CLAIM_CHARS_MAX = 256
LEEWAY_SECONDS = 30
TYPES_SECONDS_MAX = {"gate+jwt": 8 * 3600, "hs+jwt": 600, "issuer+jwt": 60}
"""Every `typ` there is, with the longest life of its tokens; a new kind of caller is one line here."""

_ALGORITHM = "ES256"
_HEADER_NAMES = {"alg", "typ", "kid"}
_PUBLIC_NAMES = {"kty", "crv", "x", "y"}
_REGISTERED = {"iss", "sub", "aud", "jti", "iat", "exp", "nbf"}
_EPOCH_SECONDS_MAX = 253_402_300_799  # the end of the year 9999, the last that datetime knows
_SEGMENT = re.compile("[A-Za-z0-9_-]+")

Json = str | int | bool | None | list["Json"] | dict[str, "Json"]
"""JSON without fractions: what they would mean differs between readers."""


class PublicKeys(Protocol):
    """Where the key of a token is looked up; app.keys.KeyRing is one, a table of enrolled gates may be another."""

    def token_key(self, kid: str) -> Mapping[str, str] | None:
        """The public JWK of `kid`, or None."""
        ...


class SigningKeys(Protocol):
    def token_signer(self) -> tuple[str, ec.EllipticCurvePrivateKey]:
        """The kid and the P-256 key to sign with now."""
        ...


class Fault(StrEnum):
    """Why a token does not count. For logs and tests; a caller is told only that it must sign in again."""

    TOO_LONG = "too_long"
    MALFORMED = "malformed"
    HEADER = "header"
    TYPE = "type"
    UNKNOWN_KEY = "unknown_key"
    SIGNATURE = "signature"
    CLAIMS = "claims"
    AUDIENCE = "audience"
    NOT_YET = "not_yet"
    EXPIRED = "expired"
    LIFETIME = "lifetime"
    KEY = "key"
    """A proof that brings no public key on P-256, or brings more than that."""
    OTHER_REQUEST = "other_request"
    """A proof for another method or address."""
    OTHER_TOKEN = "other_token"  # noqa: S105 - a reason, not a token
    """A proof that does not go with the token that it came with."""


@dataclass(frozen=True, slots=True)
class Invalid:
    reason: Fault


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says; from `read`, all of it verified. `extra` holds the claims that RFC 7519 does not name."""

    issuer: str
    subject: str
    audience: str
    token_id: str
    issued_at: datetime
    expires_at: datetime
    extra: Mapping[str, Json] = field(default_factory=dict)


def require_backend() -> None:
    """Refuse the pure-Python backend, whose ecdsa signs in variable time (CVE-2024-23342)."""
    if jose.backends.ECKey.__name__ != "CryptographyECKey":
        raise RuntimeError("jose does not use cryptography; install `python-jose[cryptography]`")


require_backend()


def issue(
    *,
    typ: str,
    issuer: str,
    subject: str,
    audience: str,
    token_id: str,
    lifetime: timedelta,
    ring: SigningKeys,
    now: datetime,
    extra: Mapping[str, Json] | None = None,
) -> str:
    """A token that lives for `lifetime` from `now` on; raises ValueError where `read` would refuse it."""
    if typ not in TYPES_SECONDS_MAX:
        raise ValueError(f"{typ!r} is not a token type; use one of {', '.join(TYPES_SECONDS_MAX)}")
    if clash := _REGISTERED & (extra or {}).keys():
        raise ValueError(f"{', '.join(sorted(clash))} cannot be an extra claim; use the argument of its own")
    seconds = int(now.timestamp())
    kid, private = ring.token_signer()
    if private.curve.name != "secp256r1":
        raise ValueError(f"the token key {kid} is on {private.curve.name}; ES256 signs with P-256 only")
    claims = {
        **(extra or {}),
        "iss": issuer,
        "sub": subject,
        "aud": audience,
        "jti": token_id,
        "iat": seconds,
        "exp": seconds + int(lifetime.total_seconds()),
    }
    payload = json.dumps(claims, separators=(",", ":")).encode("ascii")
    match _claims(payload, typ=typ, audience=audience, now=now):
        case Invalid(reason):
            raise ValueError(f"its reader would refuse this token: {reason}")
    headers = {"typ": typ, "kid": kid}
    token = signed(payload, headers, private)
    if len(token) > TOKEN_CHARS_MAX:
        raise ValueError(f"a token has at most {TOKEN_CHARS_MAX} characters, not {len(token)}; carry fewer claims")
    return token


def read(token: str, *, typ: str, audience: str, ring: PublicKeys, now: datetime) -> Claims | Invalid:
    """The claims of `token`, or why it does not count: of type `typ`, meant for `audience`, signed by a key of `ring`.

    Times may be off by 30 s. Whether `issuer` and `subject` may do what they ask is for the caller to decide.
    """
    header = header_of(token)
    if isinstance(header, Invalid):
        return header
    kid = _kid(header, typ=typ)
    if isinstance(kid, Invalid):
        return kid
    public = ring.token_key(kid)
    payload = Invalid(Fault.UNKNOWN_KEY) if public is None else payload_of(token, public)
    if isinstance(payload, Invalid):
        return payload
    return _claims(payload, typ=typ, audience=audience, now=now)


# --- what proofs of possession are made of as well (app/proofs.py) ----------------------------------------------------


def header_of(token: str) -> dict[str, Json] | Invalid:
    """The header of a token that is written in the one way there is, before anything is verified."""
    if len(token) > TOKEN_CHARS_MAX:
        return Invalid(Fault.TOO_LONG)
    segments = token.split(".", 3)
    if len(segments) != 3 or not all(_is_base64url(segment) for segment in segments):  # noqa: PLR2004 - RFC 7515 7.1
        return Invalid(Fault.MALFORMED)
    try:
        return json_object(_octets(segments[0]))
    except ValueError:
        return Invalid(Fault.HEADER)


def payload_of(token: str, public: Mapping[str, str]) -> bytes | Invalid:
    """What a token says, where its signature holds by this public key; `header_of` has read its header before."""
    key = _key(public)
    if key is None:
        return Invalid(Fault.UNKNOWN_KEY)
    try:
        return jws.verify(token, key, algorithms=[_ALGORITHM])
    except JOSEError:
        return Invalid(Fault.SIGNATURE)


def signed(payload: bytes, headers: Mapping[str, Json], private: ec.EllipticCurvePrivateKey) -> str:
    """A token of this payload; `alg` is in its header already."""
    return jws.sign(payload, _signing_key(private), headers=dict(headers), algorithm=_ALGORITHM)


def digest(octets: bytes) -> str:
    """SHA-256 as base64url without padding."""
    return urlsafe_b64encode(hashlib.sha256(octets).digest()).decode("ascii").rstrip("=")


def body_hash(body: bytes) -> str:
    """What the token of a signed request says of the body it goes with: SHA-256 as base64url without padding."""
    return digest(body)


def claimed_issuer(token: str) -> str | None:
    """Who a token says it is from, before anything is verified: only to know whose keys to read it with."""
    segments = token.split(".", 3) if len(token) <= TOKEN_CHARS_MAX else []
    if len(segments) != 3 or not _is_base64url(segments[1]):  # noqa: PLR2004 - RFC 7515 7.1
        return None
    try:
        return text_claim(json_object(_octets(segments[1])).get("iss"))
    except ValueError:
        return None


def _claims(payload: bytes, *, typ: str, audience: str, now: datetime) -> Claims | Invalid:
    try:
        claims = json_object(payload)
        issuer, subject, meant_for, token_id = (text_claim(claims[name]) for name in ("iss", "sub", "aud", "jti"))
        issued_at, expires_at, not_before = (
            moment_claim(claims["iat"]),
            moment_claim(claims["exp"]),
            moment_claim(claims.get("nbf", 0)),
        )
    except (KeyError, ValueError):
        return Invalid(Fault.CLAIMS)
    if meant_for != audience:
        return Invalid(Fault.AUDIENCE)
    seconds = now.timestamp()
    if max(issued_at, not_before) > seconds + LEEWAY_SECONDS:
        return Invalid(Fault.NOT_YET)
    if expires_at <= seconds - LEEWAY_SECONDS:
        return Invalid(Fault.EXPIRED)
    if not 0 < expires_at - issued_at <= TYPES_SECONDS_MAX[typ]:
        return Invalid(Fault.LIFETIME)
    return Claims(
        issuer=issuer,
        subject=subject,
        audience=meant_for,
        token_id=token_id,
        issued_at=datetime.fromtimestamp(issued_at, UTC),
        expires_at=datetime.fromtimestamp(expires_at, UTC),
        extra={name: value for name, value in claims.items() if name not in _REGISTERED},
    )


def _kid(header: Mapping[str, Json], *, typ: str) -> str | Invalid:
    """The kid of a header that has exactly `alg`, `typ` and `kid`: no `crit`, `jku`, `jwk` or `x5c` to be lured by."""
    try:
        kid = text_claim(header.get("kid"))
    except ValueError:
        return Invalid(Fault.HEADER)
    if header.keys() != _HEADER_NAMES or header["alg"] != _ALGORITHM:
        return Invalid(Fault.HEADER)
    if header["typ"] != typ or typ not in TYPES_SECONDS_MAX:
        return Invalid(Fault.TYPE)
    return kid


def _key(public: Mapping[str, str]) -> Key | None:
    """A key, only if it is a public one on P-256: jose would take any curve, a private key, a bare secret."""
    if public.keys() != _PUBLIC_NAMES or (public["kty"], public["crv"]) != ("EC", "P-256"):
        return None
    try:
        return _verifying_key(public["x"], public["y"])
    except ValueError:  # no point of the curve
        return None


def _is_base64url(segment: str) -> bool:
    """Whether `segment` is the one way to write its octets (RFC 4648 section 3.5: no stray trailing bits)."""
    if not _SEGMENT.fullmatch(segment) or len(segment) % 4 == 1:
        return False
    return urlsafe_b64encode(_octets(segment)).decode("ascii").rstrip("=") == segment


def _octets(segment: str) -> bytes:
    return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def json_object(octets: bytes) -> dict[str, Json]:
    """A JSON object without duplicate names or fractions; raises ValueError."""
    try:
        value = json.loads(
            octets.decode("utf-8"), object_pairs_hook=_unique, parse_float=_no_fraction, parse_constant=_no_fraction
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one error for all that is wrong with the text
    return value


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    named = dict(pairs)
    if len(named) != len(pairs):
        raise ValueError("a name stands twice")
    return named


def _no_fraction(text: str) -> Json:
    raise ValueError(f"{text} is not an integer")


def text_claim(value: Json) -> str:
    """A claim that is a text of 1 to 256 characters; raises ValueError."""
    if isinstance(value, str) and 0 < len(value) <= CLAIM_CHARS_MAX:
        return value
    raise ValueError(f"not a text of 1 to {CLAIM_CHARS_MAX} characters")


def moment_claim(value: Json) -> int:
    """A claim that is a moment in whole seconds since 1970; raises ValueError."""
    if type(value) is int and 0 <= value <= _EPOCH_SECONDS_MAX:
        return value
    raise ValueError("not a count of whole seconds since 1970")


@lru_cache(maxsize=256)
def _verifying_key(x: str, y: str) -> Key:
    """A key ready to use: making one costs as much as half a verification."""
    return jwk.construct({"kty": "EC", "crv": "P-256", "x": x, "y": y}, _ALGORITHM)


@lru_cache(maxsize=16)
def _signing_key(private: ec.EllipticCurvePrivateKey) -> Key:
    return jwk.ECKey(private, _ALGORITHM)
