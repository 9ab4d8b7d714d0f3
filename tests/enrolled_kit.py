"""Handsets that sign in: a phone with a number and a key, as the flows see it and as it talks over HTTP."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import Any

import httpx
from builders import PUBLIC_URL, Stage
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from app import proofs
from app.domain.handset import Handset
from app.domain.sign_in import SignInPurpose
from app.flows.handset import sign_in
from app.flows.handset.devices import Caller
from app.keys import public_jwk
from app.proofs import Proof
from app.store import handsets

ADDRESS = "203.0.113.7"
_numbers = itertools.count(1)


def a_key(number: int) -> ec.EllipticCurvePrivateKey:
    """The same key for the same number."""
    return ec.derive_private_key(number, ec.SECP256R1())


def raw_signature(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """As WebCrypto signs: r and s, 32 octets each."""
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def latest_code(stage: Stage, number: str) -> str:
    """The six digits of the latest code that a handset got, as a browser takes them out of a message's last line."""
    found = [re.search(r"@tickets\.example #([0-9]{6})$", text) for text in stage.carrier.inbox(number)]
    codes = [one[1] for one in found if one]
    assert codes, "it was sent no code"
    return codes[-1]


def a_proof(stage: Stage, key: ec.EllipticCurvePrivateKey, path: str = "/handset/devices") -> Proof:
    """What a device proves about one request of its own."""
    url, now = PUBLIC_URL + path, stage.clock.now()
    text = proofs.make(key, method="POST", url=url, proof_id=f"p-{next(_numbers)}", now=now)
    found = proofs.read(text, method="POST", url=url, token=None, now=now)
    assert isinstance(found, Proof)
    return found


async def a_code(
    stage: Stage, number: str, purpose: SignInPurpose = SignInPurpose.ENROL, *, address: str = ADDRESS
) -> str:
    """The digits that a handset is sent when somebody asks for them."""
    await sign_in.send_code(stage.world, sign_in.Ask(Handset(number), purpose, "en", address))
    await stage.work()
    return latest_code(stage, number)


async def a_device(stage: Stage, number: str, *, key: int = 1, name: str = "Phone") -> Caller:
    """An enrolled device of a handset; each number of a key is another device."""
    code = await a_code(stage, number, address=f"198.51.100.{key}")
    proof = a_proof(stage, a_key(key))
    row = await sign_in.enrol(stage.world, sign_in.Enrolment(Handset(number), code, proof, name))
    stage.clock.advance(hours=1, seconds=1)  # so that the next code is not one too many
    return Caller(row.id, Handset(row.handset), row.public_key)


async def devices_of(stage: Stage, number: str) -> list[str]:
    async with stage.database.statements() as tx:
        return [row.name for row in await handsets.devices(tx, number)]


# --- over HTTP ------------------------------------------------------------------------------------------------------


@dataclass
class Phone:
    """A device that talks to the application: it signs a proof for each request."""

    client: httpx.AsyncClient
    stage: Stage
    number: str
    key: ec.EllipticCurvePrivateKey
    token: str | None = None
    device: str = ""

    def proof(self, method: str, path: str, *, token: str | None = None, subject: str | None = None) -> str:
        return proofs.make(
            self.key,
            method=method,
            url=PUBLIC_URL + path.partition("?")[0],
            proof_id=f"h-{next(_numbers)}",
            now=self.stage.clock.now(),
            token=token,
            subject=subject,
        )

    def signed(self, method: str, path: str) -> dict[str, str]:
        """The headers of one request with this device's token."""
        assert self.token is not None, "sign in first"
        return {"authorization": f"DPoP {self.token}", "dpop": self.proof(method, path, token=self.token)}

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        given = self.signed(method, path) | {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request(method, path, json=body, headers=given)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.ask("GET", path, **headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.ask("POST", path, body, **headers)

    async def code(self, purpose: str = "enrol") -> str:
        body = {"handset": self.number, "language": "en", "purpose": purpose}
        answer = await self.client.post("/handset/codes", json=body)
        assert answer.status_code == 202, answer.text
        await self.stage.work()
        return latest_code(self.stage, self.number)

    async def enrol(self, code: str, *, name: str = "Phone", **more: Any) -> httpx.Response:
        jwk = public_jwk(self.key.public_key())
        body = {"handset": self.number, "code": code, "key": jwk, "name": name} | more
        headers = {"dpop": self.proof("POST", "/handset/devices")}
        answer = await self.client.post("/handset/devices", json=body, headers=headers)
        self._keep(answer)
        return answer

    async def renew(self, *, subject: str | None = None) -> httpx.Response:
        headers = {"dpop": self.proof("POST", "/handset/tokens", subject=subject)}
        answer = await self.client.post("/handset/tokens", headers=headers)
        self._keep(answer)
        return answer

    def _keep(self, answer: httpx.Response) -> None:
        if answer.status_code == 201:
            self.token, self.device = answer.json()["token"], answer.json()["device"]


async def a_phone(client: httpx.AsyncClient, stage: Stage, number: str, *, key: int = 1) -> Phone:
    """A device that is signed in."""
    phone = Phone(client, stage, number, a_key(key))
    answer = await phone.enrol(await phone.code())
    assert answer.status_code == 201, answer.text
    return phone
