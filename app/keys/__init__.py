"""The key ring: which secrets and signing keys there are, which of them are current, and what they may be used for.

`ring` derives, signs and publishes; `folder` keeps it on disk; `rotation` brings new keys in and old ones out; `living`
lets a running server follow its folder; `points` knows the forms of public keys.

A key whose index is not the current one is the next or a previous key: published and verified with, not signed with.
"""

from __future__ import annotations

from app.keys.folder import create, load
from app.keys.points import compressed, from_compressed, public_jwk, public_key, thumbprint, verify_holder
from app.keys.ring import (
    JWKS_KEYS_MAX,
    KID_MAX,
    SECRET_BYTES,
    Current,
    KeyRing,
    KeyRingUnusable,
    MacKey,
    Signer,
    Verifier,
)

__all__ = [
    "JWKS_KEYS_MAX",
    "KID_MAX",
    "SECRET_BYTES",
    "Current",
    "KeyRing",
    "KeyRingUnusable",
    "MacKey",
    "Signer",
    "Verifier",
    "compressed",
    "create",
    "from_compressed",
    "load",
    "public_jwk",
    "public_key",
    "thumbprint",
    "verify_holder",
]
