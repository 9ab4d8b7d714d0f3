"""The key ring on disk: a folder that only its owner can read, and that is never seen half written.

    ring.json        {"secret": 1, "barcode": 1, "token": 1}: the index (kid) of each kind that is current
    secret-1.key     32 random octets as base64url; PIN, link, compact and gate keys are derived from it (RFC 5869)
    barcode-1.pem    P-256 private key (PKCS #8), signs barcodes; its index is the kid octet inside CT1
    token-1.pem      P-256 private key (PKCS #8), signs tokens; in them it goes by its RFC 7638 thumbprint

ring.json may also have `published` and `current_since`, names of keys with times, and `dropped`, names of keys that
were compromised: a file with such a name is passed over.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
import tempfile
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from app import disk
from app.keys.points import base64url, is_p256
from app.keys.ring import SECRET_BYTES, SUFFIXES, Current, KeyRing, KeyRingUnusable, file_name

RING = "ring.json"
FILE_BYTES_MAX = 65_536
KEY_BYTES_MAX = 4_096

_KEY_FILE = re.compile(r"(secret|barcode|token)-(0|[1-9][0-9]{0,2})\.(key|pem)")
_KEY_NAME = re.compile(r"(?:secret|barcode|token)-(?:0|[1-9][0-9]{0,2})")


@dataclass(frozen=True, slots=True)
class Index:
    """What ring.json says. Keys go by their name, such as `barcode-2`; times are aware UTC."""

    current: Current
    published: Mapping[str, datetime] = field(default_factory=dict)
    """When a key that was not current yet was shown to the world."""
    current_since: Mapping[str, datetime] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()

    def octets(self) -> bytes:
        """As the file has it; what is empty is left out."""
        told: dict[str, object] = {**asdict(self.current)}
        for name in ("published", "current_since"):
            times: Mapping[str, datetime] = getattr(self, name)
            if times:
                told[name] = {key: at.isoformat() for key, at in sorted(times.items())}
        if self.dropped:
            told["dropped"] = sorted(self.dropped)
        return json.dumps(told).encode("ascii") + b"\n"


def load(directory: Path, *, create_if_missing: bool = False) -> KeyRing:
    """The ring in `directory`; raises KeyRingUnusable with what to do.

    `create_if_missing` is for demonstrations: a ring that vanished must stop a real server, for with new keys every
    ticket it ever sold would be a forgery.
    """
    if not os.path.lexists(directory / RING):
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
    files = {RING: Index(ring.current).octets()}
    files |= {file_name("secret", kid): secret_octets(secret) for kid, secret in ring.secrets.items()}
    for kind, keys in (("barcode", ring.barcode), ("token", ring.token)):
        files |= {file_name(kind, kid): pem_octets(key) for kid, key in keys.items()}
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))  # mode 0700
    except OSError as fault:
        raise KeyRingUnusable(f"{directory.parent} cannot be written: {fault.strerror}") from fault
    try:
        for name, octets in files.items():
            disk.put(made / name, octets)
        made.rename(directory)  # replaces an empty folder, fails on any other
        disk.sync_folder(directory.parent)
    except OSError as fault:
        if not (directory / RING).exists():
            raise KeyRingUnusable(
                f"{directory} cannot become a key ring: {fault.strerror}; name a new folder"
            ) from fault
    finally:
        shutil.rmtree(made, ignore_errors=True)


def fresh_key(kind: str) -> bytes:
    """The octets of a new key file of this kind."""
    if kind == "secret":
        return secret_octets(secrets.token_bytes(SECRET_BYTES))
    return pem_octets(ec.generate_private_key(ec.SECP256R1()))


def secret_octets(secret: bytes) -> bytes:
    return base64url(secret).encode("ascii") + b"\n"


def pem_octets(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


# --- writing --------------------------------------------------------------------------------------------------------


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """One changer of a ring at a time; raises KeyRingUnusable where there is no such folder."""
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except OSError as fault:
        raise KeyRingUnusable(f"{directory} cannot be opened: {fault.strerror}") from fault
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def put(directory: Path, name: str, octets: bytes) -> None:
    """Make or replace one file of the ring: there is the old one or the new one, also after a power failure."""
    try:
        disk.put(directory / name, octets)
    except OSError as fault:
        raise KeyRingUnusable(f"{directory / name} cannot be written: {fault.strerror}") from fault


def take_away(directory: Path, name: str) -> None:
    """Remove one file of the ring; one that is not there is no fault."""
    try:
        (directory / name).unlink(missing_ok=True)
        disk.sync_folder(directory)
    except OSError as fault:
        raise KeyRingUnusable(f"{directory / name} cannot be removed: {fault.strerror}") from fault


# --- reading --------------------------------------------------------------------------------------------------------


def files(directory: Path) -> dict[str, dict[int, Path]]:
    """The key files of the ring by kind and index, those that were dropped too."""
    found: dict[str, dict[int, Path]] = {kind: {} for kind in SUFFIXES}
    for path in sorted(directory.iterdir()):
        match = _KEY_FILE.fullmatch(path.name)
        if match and match[3] == SUFFIXES[match[1]]:
            found[match[1]][int(match[2])] = path
    return found


def _read(directory: Path) -> KeyRing:
    index = read_index(directory)
    found = {
        kind: {kid: path for kid, path in paths.items() if f"{kind}-{kid}" not in index.dropped}
        for kind, paths in files(directory).items()
    }
    return KeyRing(
        secrets={kid: _read_secret(path) for kid, path in found["secret"].items()},
        barcode={kid: _read_private_key(path) for kid, path in found["barcode"].items()},
        token={kid: _read_private_key(path) for kid, path in found["token"].items()},
        current=index.current,
        dropped=frozenset(int(name.removeprefix("secret-")) for name in index.dropped if name.startswith("secret-")),
    )


def _read_file(path: Path, *, bytes_max: int = KEY_BYTES_MAX) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            octets = file.read(bytes_max + 1)
    except OSError as fault:
        raise KeyRingUnusable(f"{path} cannot be read: {fault.strerror}") from fault
    if mode & 0o077:
        raise KeyRingUnusable(f"{path} can be read by others: run `chmod 600 {path}`")
    if len(octets) > bytes_max:
        raise KeyRingUnusable(f"{path} is larger than {bytes_max} octets, so it is no key file; remove it")
    return octets


def read_index(directory: Path) -> Index:
    """What ring.json says; raises KeyRingUnusable."""
    path = directory / RING
    text = _read_file(path, bytes_max=FILE_BYTES_MAX)
    try:
        return _index(json.loads(text))
    except (ValueError, TypeError, AttributeError, KeyError):
        raise KeyRingUnusable(f'{path} must read like {{"secret": 1, "barcode": 1, "token": 1}}') from None


def _index(told: dict[str, object]) -> Index:
    """Raises ValueError, TypeError, AttributeError or KeyError for what ring.json never says."""
    indexes = {kind: told.pop(kind) for kind in SUFFIXES}
    if not all(type(index) is int for index in indexes.values()):
        raise ValueError("an index is a whole number")
    published, since = (_times(told.pop(name, {})) for name in ("published", "current_since"))
    dropped = told.pop("dropped", [])
    if told or not isinstance(dropped, list):
        raise ValueError("there is more than this program knows")
    for name in (*published, *since, *dropped):
        if not _KEY_NAME.fullmatch(name):
            raise ValueError("this is no key's name")
    return Index(Current(**indexes), published, since, frozenset(dropped))  # type: ignore[arg-type]  # looked at above


def _times(told: object) -> dict[str, datetime]:
    if not isinstance(told, dict):
        raise TypeError("times go by the name of their key")
    times = {name: datetime.fromisoformat(at) for name, at in told.items()}
    if any(at.tzinfo is None for at in times.values()):
        raise ValueError("a time has an offset")
    return times


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
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not is_p256(key):
        raise KeyRingUnusable(f"{path} must hold a key on the curve P-256 (prime256v1)")
    return key
