"""The key ring: which secrets and signing keys there are, which of them are current, and what they may be used for.

A ring is a folder that only its owner can read:

    ring.json        {"secret": 1, "barcode": 1, "token": 1}: the index (kid) of each kind that is current
    secret-1.key     32 random octets as base64url; PIN, link, compact and gate keys are derived from it (RFC 5869)
    barcode-1.pem    P-256 private key (PKCS #8), signs barcodes; its index is the kid octet inside CT1
    token-1.pem      P-256 private key (PKCS #8), signs tokens; in them it goes by its RFC 7638 thumbprint

A file whose index is not the current one is the next or a previous key: published and verified with, not signed with.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import shutil
import tempfile
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Self
from uuid import UUID

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

KID_MAX = 255
SECRET_BYTES = 32
FILE_BYTES_MAX = 4096
JWKS_KEYS_MAX = 512

_ES256 = ec.ECDSA(hashes.SHA256())
_COORDINATE_BYTES = 32
_KEY_FILE = re.compile(r"(secret|barcode|token)-(0|[1-9][0-9]{0,2})\.(key|pem)")
_SUFFIXES = {"secret": "key", "barcode": "pem", "token": "pem"}


class KeyRingUnusable(ValueError):
    """The ring cannot be used as it is; the message says which file and what to do."""


def _base64url(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode("ascii").rstrip("=")


def _is_p256(key: object) -> bool:
    return isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey) and isinstance(
        key.curve, ec.SECP256R1
    )


def public_jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """The four members that make a P-256 public key (RFC 7518 section 6.2.1), and no others."""
    numbers = key.public_numbers()
    x, y = (number.to_bytes(_COORDINATE_BYTES, "big") for number in (numbers.x, numbers.y))
    return {"crv": "P-256", "kty": "EC", "x": _base64url(x), "y": _base64url(y)}


def thumbprint(jwk: Mapping[str, str]) -> str:
    """RFC 7638: SHA-256 over the required members in their order without white space, base64url, 43 characters."""
    required = json.dumps({name: jwk[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    return _base64url(hashlib.sha256(required.encode("ascii")).digest())


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
        r, s = decode_dss_signature(self._key.sign(message, _ES256))
        return r.to_bytes(_COORDINATE_BYTES, "big") + s.to_bytes(_COORDINATE_BYTES, "big")


class Verifier:
    """Verifies barcodes with public keys only, each ready to use.

    ES256 is malleable: who holds a valid (r, s) can make (r, n - s), valid too, without any key. A good signature says
    that the message is the issuer's; it does not name the message. Never look for repeats by signature or code text.
    """

    __slots__ = ("_keys",)

    def __init__(self, keys: Mapping[int, ec.EllipticCurvePublicKey]) -> None:
        for kid, key in keys.items():
            if not 0 <= kid <= KID_MAX or not _is_p256(key):
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
        if key is None or len(signature) != 2 * _COORDINATE_BYTES:
            return False
        r, s = signature[:_COORDINATE_BYTES], signature[_COORDINATE_BYTES:]
        try:
            key.verify(encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big")), message, _ES256)
        except InvalidSignature:
            return False
        return True


def public_key(jwk: Mapping[str, object]) -> ec.EllipticCurvePublicKey:
    """The key of a public P-256 JWK; raises ValueError, also for a point that is not on the curve."""
    x, y = jwk.get("x"), jwk.get("y")
    if (jwk.get("kty"), jwk.get("crv")) != ("EC", "P-256") or not isinstance(x, str) or not isinstance(y, str):
        raise ValueError("a barcode key must be an EC key on P-256 with x and y")
    return ec.EllipticCurvePublicNumbers(_coordinate(x), _coordinate(y), ec.SECP256R1()).public_key()


def _coordinate(text: str) -> int:
    return int.from_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


@dataclass(frozen=True, slots=True)
class Current:
    """The index of each kind of key that is signed or derived with now."""

    secret: int = 1
    barcode: int = 1
    token: int = 1


@dataclass(frozen=True, eq=False)
class KeyRing:
    """All keys of one installation. Rows that hold something derived keep the `kid` of the secret it came from."""

    secrets: Mapping[int, bytes] = field(repr=False)
    barcode: Mapping[int, ec.EllipticCurvePrivateKey] = field(repr=False)
    token: Mapping[int, ec.EllipticCurvePrivateKey] = field(repr=False)
    current: Current = field(default_factory=Current)

    def __post_init__(self) -> None:
        kinds = (("secret", self.secrets), ("barcode", self.barcode), ("token", self.token))
        for kind, keys in kinds:
            wanted = asdict(self.current)[kind]
            if wanted not in keys:
                raise KeyRingUnusable(f"the current {kind} key is {wanted}, but {_file(kind, wanted)} is missing")
            if not all(0 <= kid <= KID_MAX for kid in keys):
                raise KeyRingUnusable(f"a {kind} key has an index that is not 0 to {KID_MAX}; rename its file")
        if not all(len(secret) == SECRET_BYTES for secret in self.secrets.values()):
            raise KeyRingUnusable(f"a secret must have {SECRET_BYTES} octets")
        if not all(_is_p256(key) for key in (*self.barcode.values(), *self.token.values())):
            raise KeyRingUnusable("barcode and token keys must be on the curve P-256")

    @classmethod
    def fresh(cls) -> Self:
        """A new ring with one key of each kind, in memory only."""
        barcode, token = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        return cls(secrets={1: secrets.token_bytes(SECRET_BYTES)}, barcode={1: barcode}, token={1: token})

    @property
    def kid(self) -> int:
        """The index of the current secret: to be stored beside whatever is derived from it."""
        return self.current.secret

    def pin_mac(self, kid: int) -> MacKey:
        return self._derived(kid, b"pin")

    def link_mac(self, kid: int) -> MacKey:
        return self._derived(kid, b"link")

    def scan_mac(self, kid: int) -> MacKey:
        """The key under which presentations are remembered: a plain hash of a PIN could be searched through."""
        return self._derived(kid, b"scan")

    def foreign_mac(self, kid: int) -> MacKey:
        """The key under which the register keeps PINs and compact codes that other servers made."""
        return self._derived(kid, b"foreign")

    def compact_mac(self, kid: int, *, issuer_id: UUID, occasion_code: int) -> MacKey:
        """The key of one occasion's compact codes: a gate that is lost gives away that occasion, no other."""
        return self._derived(kid, b"compact" + issuer_id.bytes + occasion_code.to_bytes(4, "big"))

    def gate_mac(self, kid: int, *, issuer_id: UUID, occasion_code: int) -> MacKey:
        """The key under which the gates of one occasion check typed numbers and PINs offline."""
        return self._derived(kid, b"gate" + issuer_id.bytes + occasion_code.to_bytes(4, "big"))

    def _derived(self, kid: int, purpose: bytes) -> MacKey:
        """HKDF-SHA256 without salt (RFC 5869); raises KeyRingUnusable where the secret was removed from the ring."""
        secret = self.secrets.get(kid)
        if secret is None:
            raise KeyRingUnusable(f"{_file('secret', kid)} is missing; restore it, or issue its tickets again")
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


# --- the folder -----------------------------------------------------------------------------------------------------


def load(directory: Path, *, create_if_missing: bool = False) -> KeyRing:
    """The ring in `directory`; raises KeyRingUnusable with what to do.

    `create_if_missing` is for demonstrations: a ring that vanished must stop a real server, for with new keys every
    ticket it ever sold would be a forgery.
    """
    if not os.path.lexists(directory / "ring.json"):
        if not create_if_missing:
            raise KeyRingUnusable(
                f"there is no key ring in {directory}. Restore it from your backup; only if no ticket was ever sold, "
                "make a new one"
            )
        create(directory)
    return _read(directory)


def create(directory: Path) -> None:
    """A fresh ring in `directory`, whole or not at all; of two creators at once, one wins and both go on.

    Raises KeyRingUnusable where the folder holds something else or cannot be written.
    """
    ring = KeyRing.fresh()
    files = {"ring.json": json.dumps(asdict(ring.current)).encode("ascii") + b"\n"}
    files |= {_file("secret", kid): _base64url(secret).encode("ascii") + b"\n" for kid, secret in ring.secrets.items()}
    for kind, keys in (("barcode", ring.barcode), ("token", ring.token)):
        files |= {
            _file(kind, kid): key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            for kid, key in keys.items()
        }
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))  # mode 0700
    except OSError as fault:
        raise KeyRingUnusable(f"{directory.parent} cannot be written: {fault.strerror}") from fault
    try:
        for name, octets in files.items():
            _write(made / name, octets)
        made.rename(directory)  # replaces an empty folder, fails on any other
        _sync(directory.parent)
    except OSError as fault:
        if not (directory / "ring.json").exists():
            raise KeyRingUnusable(
                f"{directory} cannot become a key ring: {fault.strerror}; name a new folder"
            ) from fault
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _write(path: Path, octets: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _file(kind: str, kid: int) -> str:
    return f"{kind}-{kid}.{_SUFFIXES[kind]}"


def _read(directory: Path) -> KeyRing:
    current = _read_current(directory / "ring.json")
    found: dict[str, dict[int, Path]] = {"secret": {}, "barcode": {}, "token": {}}
    for path in sorted(directory.iterdir()):
        match = _KEY_FILE.fullmatch(path.name)
        if match and match[3] == _SUFFIXES[match[1]]:
            found[match[1]][int(match[2])] = path
    return KeyRing(
        secrets={kid: _read_secret(path) for kid, path in found["secret"].items()},
        barcode={kid: _read_private_key(path) for kid, path in found["barcode"].items()},
        token={kid: _read_private_key(path) for kid, path in found["token"].items()},
        current=current,
    )


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            octets = file.read(FILE_BYTES_MAX + 1)
    except OSError as fault:
        raise KeyRingUnusable(f"{path} cannot be read: {fault.strerror}") from fault
    if mode & 0o077:
        raise KeyRingUnusable(f"{path} can be read by others: run `chmod 600 {path}`")
    if len(octets) > FILE_BYTES_MAX:
        raise KeyRingUnusable(f"{path} is larger than {FILE_BYTES_MAX} octets, so it is no key file; remove it")
    return octets


def _read_current(path: Path) -> Current:
    text = _read_file(path)
    try:
        indexes = json.loads(text)
        if len(indexes) == len(_SUFFIXES) and all(type(index) is int for index in indexes.values()):
            return Current(**indexes)
    except (ValueError, TypeError, AttributeError):
        pass
    raise KeyRingUnusable(f'{path} must read like {{"secret": 1, "barcode": 1, "token": 1}}')


def _read_secret(path: Path) -> bytes:
    text = _read_file(path).strip()
    if not re.fullmatch(rb"[A-Za-z0-9_-]{43}", text):
        raise KeyRingUnusable(f"{path} must hold {SECRET_BYTES} octets as base64url, 43 characters; restore it")
    return urlsafe_b64decode(text + b"=")


def _read_private_key(path: Path) -> ec.EllipticCurvePrivateKey:
    pem = _read_file(path)
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as fault:
        raise KeyRingUnusable(f"{path} must hold an unencrypted PEM private key; restore it") from fault
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not _is_p256(key):
        raise KeyRingUnusable(f"{path} must hold a key on the curve P-256 (prime256v1)")
    return key
