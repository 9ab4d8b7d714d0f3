"""Gates with a key of their own over HTTP, and how each answer that the routes of their snapshots promise is had."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from http_kit import Api

from app import proofs
from app.domain.snapshot import read_snapshot
from app.flows.gate import snapshot
from app.keys import public_jwk

Way = Callable[[Api], Awaitable[httpx.Response]]
KEY = ec.derive_private_key(0xCAFE, ec.SECP256R1())
PATHS = ("/gate/snapshot", "/gate/status", "/gate/pin-key")
NO_EDITION = "0" * 32

_numbers = itertools.count(1)


@dataclass
class BoundGate:
    """A device that proves its key with each request."""

    api: Api
    gate: str
    token: str

    async def get(self, path: str, *, etag: str | None = None, **query: Any) -> httpx.Response:
        url = self.api.stage.world.house.public_url + path
        now, name = self.api.stage.clock.now(), f"g-{next(_numbers)}"
        proof = proofs.make(KEY, method="GET", url=url, proof_id=name, now=now, token=self.token)
        headers = {"authorization": f"DPoP {self.token}", "dpop": proof}
        return await self.api.client.get(
            path, params=query, headers=headers | ({"if-none-match": etag} if etag else {})
        )

    async def edition(self) -> str:
        verify = self.api.stage.world.house.keys.verifier.verify
        return read_snapshot((await self.get("/gate/snapshot")).content, verify).header.edition.hex()

    async def ask(self, path: str, *, etag: str | None = None, **query: Any) -> httpx.Response:
        """By an edition that counts, where one must be named."""
        if path != "/gate/snapshot" and "edition" not in query:
            query["edition"] = await self.edition()
        return await self.get(path, etag=etag, **query)


async def bound_gate(api: Api) -> BoundGate:
    boss = await api.staff("gates")
    invited = await api.post("/staff/gates", {"issuer": "haneul", "name": f"Bound {next(_numbers)}"}, bearer=boss)
    body = {"code": invited.json()["code"], "key": public_jwk(KEY.public_key())}
    enrolled = await api.post("/gate/enrolments", body)
    assert enrolled.status_code == 201, enrolled.text
    return BoundGate(api, enrolled.json()["gate"], enrolled.json()["token"])


def taken(path: str) -> Way:
    async def way(api: Api) -> httpx.Response:
        return await (await bound_gate(api)).ask(path)

    return way


def over(path: str) -> Way:
    async def way(api: Api) -> httpx.Response:
        return await (await bound_gate(api)).ask(path, edition=NO_EDITION)

    return way


def unfit(path: str) -> Way:
    async def way(api: Api) -> httpx.Response:
        gate = await bound_gate(api)
        if path == "/gate/snapshot":
            return await gate.get(path, etag="x" * 1_001)
        return await gate.get(path, edition="today")

    return way


def scanner(path: str) -> Way:
    async def way(api: Api) -> httpx.Response:
        _, token = await api.gate()
        return await api.get(path, bearer=token, edition=NO_EDITION)

    return way


def slowly(path: str) -> Way:
    """The rows are many, and this gate is the first to ask."""

    async def way(api: Api) -> httpx.Response:
        gate = await bound_gate(api)
        edition = await gate.edition()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(snapshot, "GROWTH_SECONDS", 0.0)
            return await gate.ask(path, edition=edition)

    return way


async def unchanged_snapshot(api: Api) -> httpx.Response:
    gate = await bound_gate(api)
    return await gate.ask("/gate/snapshot", etag=(await gate.ask("/gate/snapshot")).headers["etag"])


async def unchanged_status(api: Api) -> httpx.Response:
    gate = await bound_gate(api)
    first = await gate.ask("/gate/status")
    after = int(first.headers["etag"].strip('"').partition("-")[2])
    return await gate.ask("/gate/status", etag=first.headers["etag"], after=after)


PARTICULAR: dict[tuple[str, int], Way] = {
    **{(f"GET {path}", 200): taken(path) for path in PATHS},
    **{(f"GET {path}", 403): scanner(path) for path in PATHS},
    **{(f"GET {path}", 422): unfit(path) for path in PATHS},
    **{(f"GET {path}", 409): over(path) for path in PATHS[1:]},
    **{(f"GET {path}", 503): slowly(path) for path in PATHS[:2]},
    ("GET /gate/snapshot", 304): unchanged_snapshot,
    ("GET /gate/status", 304): unchanged_status,
}
