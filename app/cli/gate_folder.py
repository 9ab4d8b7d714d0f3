"""The files of one gate device: its key, its snapshot, and the log that no switch-off may shorten.

gate.json     the server, the gate's id, its token, and how far its log was brought (0600)
device.pem    P-256 private key (PKCS #8, 0600); it never leaves the folder
jwks.json     the issuer's public keys
snapshot      what the gate may decide by
status        how the snapshot's tickets stand
log.jsonl     what it decided alone: one entry to a line, each synced to the disk before it is shown
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from io import FileIO
from pathlib import Path
from typing import Self
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from app import disk
from app.domain.gate_log import Linked, beginning, canonical, follows, read_line


@dataclass(frozen=True, slots=True)
class Device:
    """What gate.json says. `counted` is the last entry that the stored status holds, `brought` the last one sent."""

    server: str
    gate: str
    name: str
    generation: int
    token: str
    expires_at: str
    brought: int = 0
    counted: int = 0


@dataclass(frozen=True, slots=True)
class Folder:
    """A gate device's folder."""

    path: Path

    @property
    def log(self) -> Path:
        return self.path / "log.jsonl"

    def device(self) -> Device:
        """Raises ValueError where nothing is enrolled."""
        try:
            return Device(**json.loads((self.path / "gate.json").read_bytes()))
        except (OSError, TypeError, ValueError):
            raise ValueError(f"{self.path} holds no gate. Enrol one: cyberticket gate enrol URL CODE.") from None

    def key(self) -> ec.EllipticCurvePrivateKey:
        key = load_pem_private_key((self.path / "device.pem").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey), "the folder's own key is on P-256"
        return key

    def make_key(self) -> ec.EllipticCurvePrivateKey:
        """A key for a new device. One that is there was not enrolled, or is: it is never written over."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (self.path / "gate.json").exists():
            raise ValueError(f"{self.path} holds a gate already. Bring its log, or name another folder.")
        if not (self.path / "device.pem").exists():
            key = ec.generate_private_key(ec.SECP256R1())
            self.write("device.pem", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return self.key()

    def keep(self, device: Device, **changed: str | int) -> Device:
        device = replace(device, **changed)  # type: ignore[arg-type]  # the names are the fields', told by our own callers
        self.write("gate.json", json.dumps(asdict(device), indent=1).encode())
        return device

    def write(self, name: str, octets: bytes) -> None:
        """The whole file or the one before, whenever the power goes; for the owner alone."""
        disk.put(self.path / name, octets)


# --- the log --------------------------------------------------------------------------------------------------------


class LogFile:
    """A log that one process at a time adds to."""

    def __init__(self, file: FileIO, entries: list[Linked]) -> None:
        self._file = file
        self.entries = entries

    @classmethod
    @contextmanager
    def opened(cls, path: Path, *, gate_id: UUID, generation: int) -> Iterator[Self]:
        """Read what is there and add behind it; raises ValueError for a log that was changed or is another device's.

        Half a line at the end is of an entry that was never shown, because the power went: it is cut off.
        """
        with path.open("a+b", buffering=0) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ValueError(f"Another program writes to {path}. Stop it first.") from None
            file.seek(0)
            octets = file.read()
            whole = octets[: octets.rfind(b"\n") + 1]
            file.truncate(len(whole))
            os.fsync(file.fileno())
            disk.sync_folder(path.parent)
            yield cls(file, read_log(whole, path, beginning(gate_id=gate_id, generation=generation)))

    def append(self, linked: Linked) -> None:
        """On the disk when this returns."""
        line = canonical(linked.told()) + b"\n"
        written = self._file.write(line)
        if written != len(line):
            raise OSError("The disk is full: this answer was not kept, so nothing was decided. Make room and go on.")
        os.fsync(self._file.fileno())
        self.entries.append(linked)


def entries_in(path: Path, *, gate_id: UUID, generation: int) -> list[Linked]:
    """The whole lines of a log, which a gate may be adding to right now; none where there is no log yet."""
    octets = path.read_bytes() if path.exists() else b""
    whole = octets[: octets.rfind(b"\n") + 1]
    return read_log(whole, path, beginning(gate_id=gate_id, generation=generation))


def read_log(octets: bytes, path: Path, digest: bytes) -> list[Linked]:
    """The entries of whole lines, chained from `digest` on; raises ValueError."""
    entries: list[Linked] = []
    for number, line in enumerate(octets.splitlines(), 1):
        linked = read_line(line)
        if linked.entry.seq != number or not follows(digest, linked):
            raise ValueError(
                f"Line {number} of {path} does not follow the one before: it was changed, or is another device's log."
                " Keep the file for staff, and enrol the gate anew in another folder."
            )
        entries.append(linked)
        digest = linked.digest
    return entries
