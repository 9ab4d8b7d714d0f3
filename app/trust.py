"""Whom we believe: the servers that may sell for our issuers, and the public keys each of them has published.

A key counts for the server that published it and for nothing else: a token key signs requests, a barcode key signs
barcodes. Keys are named by their RFC 7638 thumbprints, computed here: a kid that a key set claims means nothing.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from app.keys import JWKS_KEYS_MAX, Verifier, public_jwk, public_key, thumbprint
from app.ports import KeySource

MEMBERS = ("crv", "kty", "x", "y")


@dataclass(frozen=True, slots=True)
class PublicRing:
    """The public keys of one server."""

    tokens: Mapping[str, Mapping[str, str]]
    barcodes: Verifier
    listed: tuple[Mapping[str, str | int], ...]
    """The keys alone, as they are kept."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """From a key set; keys of other kinds than ours are passed over. Raises ValueError."""
        keys = document.get("keys")
        if not isinstance(keys, list) or len(keys) > JWKS_KEYS_MAX:
            raise ValueError(f"a key set has a list `keys` of at most {JWKS_KEYS_MAX}")
        ours = [key for key in keys if isinstance(key, dict) and (key.get("kty"), key.get("crv")) == ("EC", "P-256")]
        listed = tuple({name: key[name] for name in (*MEMBERS, "barcode_kid") if name in key} for key in ours)
        if not all(_is_a_key(key) for key in listed):
            raise ValueError("a key of the set is no point of P-256, or its x and y are not written as RFC 7518 says")
        named = {thumbprint(key): key for key in listed if "barcode_kid" not in key}
        return cls(named, Verifier.from_jwks({"keys": list(listed)}), listed)

    def token_key(self, kid: str) -> Mapping[str, str] | None:
        """The public JWK that signs this server's requests under `kid`, or None."""
        return self.tokens.get(kid)


def _is_a_key(jwk: Mapping[str, Any]) -> bool:
    """Whether this is a public key, written in the one way there is: it is kept, and named by what is written."""
    try:
        return public_jwk(public_key(jwk)) == {name: jwk[name] for name in MEMBERS}
    except ValueError:
        return False


NOBODY = PublicRing({}, Verifier({}), ())


@dataclass(slots=True)
class Sellers:
    """The servers that may sell for our issuers, by name; and their keys as this process last saw them."""

    sources: Mapping[str, KeySource] = field(default_factory=dict)
    rings: dict[str, PublicRing] = field(default_factory=dict)
    read_at: datetime | None = None
    """When the database was last asked for the keys."""
    asked_at: dict[str, datetime] = field(default_factory=dict)
    """When each server was last asked for them, whether it answered or not."""
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    asking: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    """So that of many who need keys at once one fetches them, and the others wait for it."""
