"""Proofs of possession (RFC 9449, DPoP): each request of a handset or a gate shows that it comes from its own key.

A proof is a small token, signed by the device's key for one method and one address and good for a minute; the token
that goes with it names that key by its thumbprint. So a token that was stolen opens nothing. The rules for what is
read are those of app/tokens.py, as strict as for every other token. ES256 is malleable: replays are found by
`replay_name`, never by the text of a proof.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from app.keys import compressed, public_jwk, public_key, thumbprint
from app.tokens import (
    Fault,
    Invalid,
    Json,
    digest,
    header_of,
    json_object,
    moment_claim,
    payload_of,
    signed,
    text_claim,
)

TYP = "dpop+jwt"
SCHEME = "DPoP"
"""What stands before the token in the Authorization header, and the name of the header that the proof is in."""
FRESH_SECONDS = 60
"""How far a proof's time may be off, either way."""
REPLAY_SECONDS = 2 * FRESH_SECONDS + 1
"""How long a proof that was used must be remembered."""

_HEADER_NAMES = {"alg", "typ", "jwk"}
_COORDINATE_CHARS = 43
_KEYS_KNOWN_MAX = 4_096
_ADDRESSES_KNOWN_MAX = 1_024
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Proof:
    """What a proof shows: who sent the request has the private half of `jwk`."""

    jwk: Mapping[str, str]
    thumbprint: str
    """RFC 7638, by which a bound token names the key (its claim `jkt`)."""
    proof_id: str
    made_at: datetime
    subject: str | None
    """Who the sender says it is (`sub`): to be believed only where that one's key is this one."""

    @property
    def point(self) -> bytes:
        """The key as it is kept: P-256, compressed, 33 octets."""
        return compressed(public_key(self.jwk))

    @property
    def replay_name(self) -> str:
        """What names this proof for as long as it is fresh; of one length whatever the sender chose as `jti`."""
        return digest(f"{self.thumbprint} {self.proof_id}".encode())


def read(proof: str, *, method: str, url: str, token: str | None, now: datetime) -> Proof | Invalid:
    """What `proof` shows about a request of `method` to `url` with `token`, or why it does not count. Never raises.

    `url` is the address without its query, as clients are told it. Without a token the proof must not name one.
    """
    jwk = _key_of(proof)
    if isinstance(jwk, Invalid):
        return jwk
    payload = payload_of(proof, jwk)
    if isinstance(payload, Invalid):
        return payload
    try:
        claims = json_object(payload)
        said = _said(claims, jwk)
        aims = text_claim(claims["htm"]), _address(text_claim(claims["htu"]))
        bound_to = text_claim(claims["ath"]) if "ath" in claims else None
    except (KeyError, ValueError):
        return Invalid(Fault.CLAIMS)
    if aims != (method, _address(url)):
        return Invalid(Fault.OTHER_REQUEST)
    if bound_to != (None if token is None else digest(token.encode())):
        return Invalid(Fault.OTHER_TOKEN)
    return _in_time(said, now)


def _key_of(proof: str) -> dict[str, str] | Invalid:
    """The key in the header of a proof: nothing else may be in it to be lured by."""
    header = header_of(proof)
    if isinstance(header, Invalid):
        return header
    if header.keys() != _HEADER_NAMES or header["alg"] != "ES256":
        return Invalid(Fault.HEADER)
    if header["typ"] != TYP:
        return Invalid(Fault.TYPE)
    return _jwk(header["jwk"]) or Invalid(Fault.KEY)


def _in_time(said: Proof, now: datetime) -> Proof | Invalid:
    age_seconds = now.timestamp() - said.made_at.timestamp()
    if abs(age_seconds) <= FRESH_SECONDS:
        return said
    return Invalid(Fault.EXPIRED if age_seconds > 0 else Fault.NOT_YET)


def make(
    private: ec.EllipticCurvePrivateKey,
    *,
    method: str,
    url: str,
    proof_id: str,
    now: datetime,
    token: str | None = None,
    subject: str | None = None,
) -> str:
    """A proof for one request, as a device makes it: for our own clients and for tests."""
    claims: dict[str, Json] = {"jti": proof_id, "htm": method, "htu": url, "iat": int(now.timestamp())}
    if token is not None:
        claims["ath"] = digest(token.encode())
    if subject is not None:
        claims["sub"] = subject
    headers: dict[str, Json] = {"typ": TYP, "jwk": {**public_jwk(private.public_key())}}
    return signed(json.dumps(claims, separators=(",", ":")).encode("ascii"), headers, private)


def the_jwk(value: object) -> dict[str, str]:
    """A public P-256 JWK of a stranger: four members, written in the one way there is; raises ValueError."""
    found = _jwk(value)
    if found is None:
        raise ValueError("this is no public key on P-256 with the members kty, crv, x and y alone")
    return found


def _said(claims: Mapping[str, Json], jwk: Mapping[str, str]) -> Proof:
    """Raises KeyError, ValueError."""
    return Proof(
        jwk=jwk,
        thumbprint=thumbprint(jwk),
        proof_id=_ascii(claims["jti"]),
        made_at=datetime.fromtimestamp(moment_claim(claims["iat"]), UTC),
        subject=_ascii(claims["sub"]) if "sub" in claims else None,
    )


def _ascii(value: Json) -> str:
    """A name, without the half characters that JSON can spell and nobody can encode; raises ValueError."""
    name = text_claim(value)
    if not (name.isascii() and name.isprintable()):
        raise ValueError("not a name in ASCII")
    return name


def _jwk(value: object) -> dict[str, str] | None:
    """The key, if it is a public one and nothing else: it is named by what is written, so there is one way to write."""
    if not isinstance(value, dict) or value.keys() != {"kty", "crv", "x", "y"}:
        return None
    jwk = {str(name): part for name, part in value.items() if isinstance(part, str)}
    if len(jwk) != len(value) or any(len(jwk[name]) != _COORDINATE_CHARS for name in ("x", "y")):
        return None
    return jwk if _is_public(**jwk) else None


@lru_cache(maxsize=_KEYS_KNOWN_MAX)
def _is_public(kty: str, crv: str, x: str, y: str) -> bool:
    """Whether this is how a point of P-256 is written; a device's is the same in each of its proofs."""
    jwk = {"kty": kty, "crv": crv, "x": x, "y": y}
    try:
        return public_jwk(public_key(jwk)) == jwk
    except ValueError:
        return False


@lru_cache(maxsize=_ADDRESSES_KNOWN_MAX)
def _address(url: str) -> tuple[str, str, int, str]:
    """What two ways to write one address have in common (RFC 9449 section 4.3); query and fragment do not count."""
    parts = urlsplit(url)
    port = parts.port if parts.port is not None else _PORTS.get(parts.scheme, 0)
    return parts.scheme, (parts.hostname or "").lower(), port, parts.path or "/"
