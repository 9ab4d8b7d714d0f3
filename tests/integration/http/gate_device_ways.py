"""Gates as devices over HTTP: requests with a proof, logs, and how each answer that their routes promise is had."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from http_kit import Api

from app import proofs
from app.domain import gate_log
from app.domain.admission import Reason
from app.domain.entry_rules import Face
from app.domain.gate_log import Deed, Entry, Linked
from app.keys import public_jwk

Way = Callable[[Api], Awaitable[httpx.Response]]
KEY, OTHERS_KEY = (ec.derive_private_key(secret, ec.SECP256R1()) for secret in (0xBEEF, 0xFEED))
_numbers = itertools.count(1)


@dataclass
class DeviceAt:
    """A gate with a key of its own, as it asks over HTTP."""

    api: Api
    gate: str
    token: str
    generation: int = 1
    lines: list[Linked] = field(default_factory=list)

    def proof(self, method: str, path: str, *, key: ec.EllipticCurvePrivateKey = KEY, **more: Any) -> str:
        given: dict[str, Any] = {
            "url": self.api.stage.world.house.public_url + path,
            "proof_id": f"p-{next(_numbers)}",
            "now": self.api.stage.clock.now(),
            "token": self.token,
        }
        return proofs.make(key, method=method, **(given | more))

    async def ask(self, method: str, path: str, body: Any = None, **proof: Any) -> httpx.Response:
        return await self.api.client.request(method, path, json=body, headers=self.headers(method, path, **proof))

    def headers(self, method: str, path: str, **proof: Any) -> dict[str, str]:
        return {"authorization": f"DPoP {self.token}", "dpop": self.proof(method, path, **proof)}

    async def renew(self, *, sub: str | None = None, **proof: Any) -> httpx.Response:
        made = self.proof("POST", "/gate/tokens", token=None, subject=sub or self.gate, **proof)
        return await self.api.client.post("/gate/tokens", headers={"dpop": made})

    def lets_in(self, code: int, *, at: datetime | None = None) -> None:
        now = at or self.api.stage.clock.now()
        seq = len(self.lines) + 1
        first = gate_log.beginning(gate_id=UUID(self.gate), generation=self.generation)
        entry = Entry(seq, f"{self.gate}-{seq}", now, Deed.ENTER, Reason.ADMITTED, 0, Face.SIGNED, code)
        self.lines.append(gate_log.link(self.lines[-1].digest if self.lines else first, entry))

    async def brings(self, told: Sequence[Mapping[str, object]] | None = None) -> httpx.Response:
        entries = [line.told() for line in self.lines] if told is None else list(told)
        return await self.ask("POST", "/gate/scans", {"entries": entries})


async def a_device(api: Api, *, key: ec.EllipticCurvePrivateKey = KEY, **place: Any) -> DeviceAt:
    boss = await api.staff("gates")
    body = {"issuer": "haneul", "name": f"Device {next(_numbers)}"} | place
    invited = await api.post("/staff/gates", body, bearer=boss)
    assert invited.status_code == 201, invited.text
    body = {"code": invited.json()["code"], "key": public_jwk(key.public_key())}
    enrolled = await api.post("/gate/enrolments", body)
    assert enrolled.status_code == 201, enrolled.text
    return DeviceAt(api, enrolled.json()["gate"], enrolled.json()["token"], enrolled.json()["generation"])


async def _brought(api: Api) -> httpx.Response:
    device = await a_device(api)
    device.lets_in(1)
    return await device.brings()


async def _unfit(api: Api) -> httpx.Response:
    return await (await a_device(api)).brings([])


async def _by_a_scanner(api: Api) -> httpx.Response:
    _, token = await api.gate()
    return await api.post("/gate/scans", {"entries": [{}]}, bearer=token)


async def _renewed(api: Api) -> httpx.Response:
    return await (await a_device(api)).renew()


async def _too_long(api: Api) -> httpx.Response:
    return await api.client.post("/gate/tokens", headers={"dpop": "x" * 4_097})


def listed(path: str, **query: str) -> Way:
    async def way(api: Api) -> httpx.Response:
        return await api.get(path, bearer=await api.staff(), issuer="haneul", **query)

    return way


def wrongly(path: str, scope: str) -> Way:
    async def way(api: Api) -> httpx.Response:
        return await api.get(path, bearer=await api.staff(scope), issuer="haneul")

    return way


def of_nobody(path: str) -> Way:
    async def way(api: Api) -> httpx.Response:
        return await api.get(path, bearer=await api.staff(), issuer="nobody")

    return way


async def _incidents(api: Api) -> httpx.Response:
    return await api.get("/staff/incidents", bearer=await api.staff())


BODIES: dict[str, Any] = {"POST /gate/scans": {"entries": [{}]}}
PARTICULAR: dict[tuple[str, int], Way] = {
    ("POST /gate/scans", 200): _brought,
    ("POST /gate/scans", 403): _by_a_scanner,
    ("POST /gate/scans", 422): _unfit,
    ("POST /gate/tokens", 201): _renewed,
    ("POST /gate/tokens", 422): _too_long,
    ("GET /staff/gates", 200): listed("/staff/gates"),
    ("GET /staff/gates", 403): wrongly("/staff/gates", "read"),
    ("GET /staff/gates", 404): of_nobody("/staff/gates"),
    ("GET /staff/incidents", 200): _incidents,
    ("GET /staff/occupancy", 200): listed("/staff/occupancy"),
    ("GET /staff/occupancy", 403): wrongly("/staff/occupancy", "gates"),
    ("GET /staff/occupancy", 404): of_nobody("/staff/occupancy"),
    ("GET /staff/scans", 200): listed("/staff/scans"),
    ("GET /staff/scans", 403): wrongly("/staff/scans", "gates"),
    ("GET /staff/scans", 404): of_nobody("/staff/scans"),
    ("GET /staff/scans", 422): listed("/staff/scans", limit="0"),
}
