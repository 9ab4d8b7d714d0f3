"""The key ring in memory: what it derives and signs, what it verifies with, and what it publishes."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Self
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.keys.points import holds, is_p256, public_jwk, public_key, sign, thumbprint

KID_MAX = 255
SECRET_BYTES = 32
JWKS_KEYS_MAX = 512
MACS_KEPT_MAX = 1_024
"""Derived keys that are kept ready: one for each purpose, and one for each occasion whose compact codes are read."""
SUFFIXES = {"secret": "key", "barcode": "pem", "token": "pem"}
"""The kinds of key, each with the ending of its files."""


class KeyRingUnusable(ValueError):
    """The ring cannot be used as it is; the message says which file and what to do."""


def file_name(kind: str, index: int) -> str:
    return f"{kind}-{index}.{SUFFIXES[kind]}"


class MacKey:
    """HMAC-SHA256 under one key, called with the message; 32 octets. The key never prints."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __call__(self, message: bytes) -> bytes:
        return hmac.digest(self._key, message, "sha256")

    def __repr__(self) -> str:
        return "MacKey(***)"


class Signer:
    """Signs barcodes under the current barcode key, whose index `kid` goes into the code."""

    __slots__ = ("_key", "kid")

    def __init__(self, kid: int, key: ec.EllipticCurvePrivateKey) -> None:
        self.kid = kid
        self._key = key

    def sign(self, message: bytes) -> bytes:
        """ES256 as raw r and s, 64 octets (RFC 7518 section 3.4); another signature each time."""
        return sign(self._key, message)


class Verifier:
    """Verifies barcodes with public keys only, each ready to use.

    ES256 is malleable: who holds a valid (r, s) can make (r, n - s), valid too, without any key. A good signature says
    that the message is the issuer's; it does not name the message. Never look for repeats by signature or code text.
    """

    __slots__ = ("_keys",)

    def __init__(self, keys: Mapping[int, ec.EllipticCurvePublicKey]) -> None:
        for kid, key in keys.items():
            if not 0 <= kid <= KID_MAX or not is_p256(key):
                raise ValueError(f"barcode key {kid} must have an index of 0 to {KID_MAX} and be on P-256")
        self._keys = dict(keys)

    @classmethod
    def from_jwks(cls, document: Mapping[str, object]) -> Self:
        """A gate's verifier, from the body of `/.well-known/jwks.json`, passing over other keys; raises ValueError."""
        listed = document.get("keys")
        if not isinstance(listed, list) or len(listed) > JWKS_KEYS_MAX:
            raise ValueError(f"a key set has a list `keys` of at most {JWKS_KEYS_MAX}")
        keys = {}
        for jwk in listed:
            kid = jwk.get("barcode_kid") if isinstance(jwk, dict) else None
            if type(kid) is not int:
                continue
            if kid in keys:
                raise ValueError(f"barcode key {kid} is listed twice")
            keys[kid] = public_key(jwk)
        return cls(keys)

    def verify(self, kid: int, message: bytes, signature: bytes) -> bool:
        """Whether `signature` (raw r and s) over `message` holds under barcode key `kid`; an unknown kid is a no."""
        key = self._keys.get(kid)
        return key is not None and holds(key, message, signature)


@dataclass(frozen=True, slots=True)
class Current:
    """The index of each kind of key that is signed or derived with now."""

    secret: int = 1
    barcode: int = 1
    token: int = 1


@dataclass(eq=False)
class KeyRing:
    """All keys of one installation. Rows that hold something derived keep the `kid` of the secret it came from."""

    secrets: Mapping[int, bytes] = field(repr=False)
    barcode: Mapping[int, ec.EllipticCurvePrivateKey] = field(repr=False)
    token: Mapping[int, ec.EllipticCurvePrivateKey] = field(repr=False)
    current: Current = field(default_factory=Current)
    dropped: frozenset[int] = field(default=frozenset(), repr=False)
    """Indexes of secrets that were compromised and are gone: what was derived from them counts no more."""
    _macs: dict[tuple[int, bytes], MacKey] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        kinds = (("secret", self.secrets), ("barcode", self.barcode), ("token", self.token))
        for kind, keys in kinds:
            wanted = asdict(self.current)[kind]
            if wanted not in keys:
                raise KeyRingUnusable(f"the current {kind} key is {wanted}, but {file_name(kind, wanted)} is missing")
            if not all(0 <= kid <= KID_MAX for kid in keys):
                raise KeyRingUnusable(f"a {kind} key has an index that is not 0 to {KID_MAX}; rename its file")
        if not all(len(secret) == SECRET_BYTES for secret in self.secrets.values()):
            raise KeyRingUnusable(f"a secret must have {SECRET_BYTES} octets")
        if not all(is_p256(key) for key in (*self.barcode.values(), *self.token.values())):
            raise KeyRingUnusable("barcode and token keys must be on the curve P-256")

    @classmethod
    def fresh(cls) -> Self:
        """A new ring with one key of each kind, in memory only."""
        barcode, token = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        return cls(secrets={1: secrets.token_bytes(SECRET_BYTES)}, barcode={1: barcode}, token={1: token})

    def take_up(self, other: KeyRing) -> None:
        """Become what `other` is, in one step: so a running server follows its folder, with everybody who holds this.

        Call it from the event loop: then nothing changes between two awaits of a flow.
        """
        self.__dict__ = dict(vars(other))

    @property
    def kid(self) -> int:
        """The index of the current secret: to be stored beside whatever is derived from it."""
        return self.current.secret

    def was_dropped(self, kid: int) -> bool:
        """Whether this secret was compromised and is gone: whatever is under it is being issued anew."""
        return kid in self.dropped

    def pin_mac(self, kid: int) -> MacKey:
        return self._derived(kid, b"pin")

    def link_mac(self, kid: int) -> MacKey:
        return self._derived(kid, b"link")

    def scan_mac(self, kid: int) -> MacKey:
        """The key under which presentations are remembered: a plain hash of a PIN could be searched through."""
        return self._derived(kid, b"scan")

    def sign_in_mac(self, kid: int) -> MacKey:
        """The key that one-time codes for handsets are derived from, and under which it is kept who asks for them."""
        return self._derived(kid, b"sign-in")

    def foreign_mac(self, kid: int) -> MacKey:
        """The key under which the register keeps PINs and compact codes that other servers made."""
        return self._derived(kid, b"foreign")

    def compact_mac(self, kid: int, *, issuer_id: UUID, occasion_code: int) -> MacKey:
        """The key of one occasion's compact codes: a gate that is lost gives away that occasion, no other."""
        return self._derived(kid, b"compact" + issuer_id.bytes + occasion_code.to_bytes(4, "big"))

    def snapshot_mac(self, kid: int) -> MacKey:
        """The key that names the editions of gates' snapshots, and makes the key of each one's typed PINs."""
        return self._derived(kid, b"snapshot")

    def _derived(self, kid: int, purpose: bytes) -> MacKey:
        """Kept ready: deriving one costs ten times what using it does. Raises KeyRingUnusable as `_derive` does."""
        known = self._macs.get((kid, purpose))
        if known is None:
            known = self._derive(kid, purpose)
            if len(self._macs) >= MACS_KEPT_MAX:
                self._macs.clear()
            self._macs[kid, purpose] = known
        return known

    def _derive(self, kid: int, purpose: bytes) -> MacKey:
        """HKDF-SHA256 without salt (RFC 5869); raises KeyRingUnusable for a secret that is missing.

        Under one that was dropped something else is derived, which matches nothing that anybody was given.
        """
        secret = self.secrets.get(kid)
        if secret is None and kid in self.dropped:
            secret, purpose = self.secrets[self.current.secret], b"instead" + kid.to_bytes(1, "big") + purpose
        if secret is None:
            raise KeyRingUnusable(f"{file_name('secret', kid)} is missing; restore it, or issue its tickets again")
        derive = HKDF(algorithm=hashes.SHA256(), length=SECRET_BYTES, salt=None, info=b"cyberticket/1/" + purpose)
        return MacKey(derive.derive(secret))

    @cached_property
    def signer(self) -> Signer:
        return Signer(self.current.barcode, self.barcode[self.current.barcode])

    @cached_property
    def verifier(self) -> Verifier:
        return Verifier({kid: key.public_key() for kid, key in self.barcode.items()})

    @cached_property
    def _tokens(self) -> dict[str, dict[str, str]]:
        jwks = (public_jwk(key.public_key()) for key in self.token.values())
        return {thumbprint(jwk): jwk for jwk in jwks}

    def token_signer(self) -> tuple[str, ec.EllipticCurvePrivateKey]:
        """The current token key with its kid, the thumbprint."""
        key = self.token[self.current.token]
        return thumbprint(public_jwk(key.public_key())), key

    def token_key(self, kid: str) -> Mapping[str, str] | None:
        """The public JWK of the token key `kid`, or None."""
        return self._tokens.get(kid)

    def jwks(self) -> dict[str, list[dict[str, str | int]]]:
        """The body of `/.well-known/jwks.json` (RFC 7517): public halves only, next and previous keys included.

        A barcode key bears one member more, `barcode_kid`: the kid octet by which CT1 names it.
        """
        keys: list[dict[str, str | int]] = []
        for index, key in sorted(self.barcode.items()):
            keys.append({**_published(public_jwk(key.public_key())), "barcode_kid": index})
        keys += [_published(jwk) for jwk in self._tokens.values()]
        return {"keys": keys}


def _published(jwk: Mapping[str, str]) -> dict[str, str | int]:
    return {**jwk, "use": "sig", "alg": "ES256", "kid": thumbprint(jwk)}
