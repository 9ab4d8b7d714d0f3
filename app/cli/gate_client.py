"""How a gate device talks to its server: enrolled with a key of its own, proving it with every request (RFC 9449)."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import ec

from app import proofs
from app.cli.gate_folder import Device, Folder
from app.domain.gate_log import Linked
from app.domain.snapshot import Snapshot, read_snapshot, read_status
from app.domain.snapshot_sheet import SnapshotSheet
from app.keys import Verifier, public_jwk

TIMEOUT_SECONDS = 20.0
BATCH_ENTRIES = 40
"""However long they are, so many fit into the 64 KiB that a request may have by default."""
_EARLY = timedelta(minutes=10)
"""So long before its end a token is renewed."""


@dataclass(frozen=True, slots=True)
class Brought:
    """What the server said to the log: how far it has it whole, and what people should look at."""

    upto: int
    words: list[str]


def transport() -> httpx.BaseTransport:
    """How requests travel; tests have another way."""
    return httpx.HTTPTransport()


@contextmanager
def calling(server: str) -> Iterator[httpx.Client]:
    """A client of one server; raises ValueError, in words, where it cannot be reached."""
    try:
        with httpx.Client(base_url=server, timeout=TIMEOUT_SECONDS, transport=transport()) as client:
            yield client
    except httpx.HTTPError as fault:
        raise ValueError(f"{server} does not answer ({fault}). Try again later; until then go on offline.") from None


def good(answer: httpx.Response) -> httpx.Response:
    """The answer; raises ValueError with the server's own sentence for a no."""
    if answer.is_success:
        return answer
    try:
        detail = str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        detail = f"The server answered {answer.status_code}."
    raise ValueError(detail)


def enrol(client: httpx.Client, folder: Folder, *, server: str, code: str) -> Device:
    """Trade a one-time code for a gate whose key is made here and stays here."""
    key = folder.make_key()
    body = {"code": code, "key": public_jwk(key.public_key())}
    told = good(client.post("/gate/enrolments", json=body)).json()
    jwks = good(client.get("/.well-known/jwks.json")).content
    folder.write("jwks.json", jwks)
    names = ("gate", "name", "generation", "token", "expires_at")
    return folder.keep(Device(server, **{name: told[name] for name in names}))


class Line:
    """The connection of one enrolled device."""

    def __init__(self, client: httpx.Client, folder: Folder, *, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._folder = folder
        self._key: ec.EllipticCurvePrivateKey = folder.key()
        self._clock = clock
        self.device = folder.device()
        if datetime.fromisoformat(self.device.expires_at) - clock() < _EARLY:
            self._renew()

    def _renew(self) -> None:
        headers = {"DPoP": self._proof("POST", "/gate/tokens", subject=self.device.gate)}
        told = good(self._client.post("/gate/tokens", headers=headers)).json()
        self.device = self._folder.keep(self.device, token=told["token"], expires_at=told["expires_at"])

    def _proof(self, method: str, path: str, *, token: str | None = None, subject: str | None = None) -> str:
        return proofs.make(
            self._key,
            method=method,
            url=self.device.server + path,
            proof_id=secrets.token_urlsafe(16),
            now=self._clock(),
            token=token,
            subject=subject,
        )

    def send(self, method: str, path: str, **asked: Any) -> httpx.Response:
        """One request with the token and a fresh proof; raises ValueError for a no.

        A token that is refused is renewed once: the key that it was signed with may have been dropped.
        """
        answer = self._sent(method, path, **asked)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            self._renew()
            answer = self._sent(method, path, **asked)
        return good(answer)

    def _sent(self, method: str, path: str, **asked: Any) -> httpx.Response:
        token = self.device.token
        headers = {"Authorization": f"DPoP {token}", "DPoP": self._proof(method, path, token=token)}
        return self._client.request(method, path, headers=headers, **asked)

    def bring(self, entries: list[Linked]) -> Brought:
        """Send what the server does not have whole; what was sent already is harmless."""
        words: list[str] = []
        upto = self.device.brought
        while upto < len(entries):
            batch = entries[upto : upto + BATCH_ENTRIES]
            told = self.send("POST", "/gate/scans", json={"entries": [one.told() for one in batch]}).json()
            words += [one["words"] for one in told["refused"]]
            words += [one["words"]["en"] for one in told["incidents"]]
            if told["upto"] <= upto:
                break
            upto = told["upto"]
            self.device = self._folder.keep(self.device, brought=upto)
        return Brought(upto, list(dict.fromkeys(words)))

    def fetch(self) -> Snapshot:
        """Take the keys, the snapshot and how its tickets stand. The log must have been brought before."""
        jwks = good(self._client.get("/.well-known/jwks.json")).content
        verify = Verifier.from_jwks(json.loads(jwks)).verify
        octets = self.send("GET", "/gate/snapshot").content
        snapshot = read_snapshot(octets, verify)
        asked = {"edition": snapshot.header.edition.hex(), "have": len(snapshot.rows)}
        status = self.send("GET", "/gate/status", params=asked).content
        sheet = SnapshotSheet(snapshot).with_status(read_status(status, verify))
        (self._folder.path / "status").unlink(missing_ok=True)  # one of another snapshot would be refused
        self._folder.write("jwks.json", jwks)
        self._folder.write("snapshot", octets)
        self._folder.write("status", status)
        self.device = self._folder.keep(self.device, counted=self.device.brought)
        return sheet.snapshot

    def pin_key(self) -> str:
        """The key of typed numbers, in hexadecimal: for a pipe, never for a file."""
        octets = (self._folder.path / "snapshot").read_bytes()
        snapshot = read_snapshot(octets, issuer_verifier(self._folder).verify)
        asked = {"edition": snapshot.header.edition.hex()}
        return str(self.send("GET", "/gate/pin-key", params=asked).json()["key"])


def issuer_verifier(folder: Folder) -> Verifier:
    return Verifier.from_jwks(json.loads((folder.path / "jwks.json").read_bytes()))
