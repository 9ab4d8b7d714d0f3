"""How each answer that a gate's routes promise is had."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from http_kit import NOBODY, Api

from app.flows.gate import desk as gate_desk

Way = Callable[[Api], Awaitable[httpx.Response]]
WHY = "battery empty, has an ID"
BODIES: dict[str, Any] = {
    "POST /gate/admissions": {"scan_id": "s-1", "presented": "x"},
    "POST /gate/checks": {"scan_id": "s-1", "presented": "x"},
    "POST /gate/redemptions": {"scan_id": "s-1", "presented": "x", "amount": 1},
    "POST /gate/undo": {"scan_id": "s-2", "undoes": "s-1"},
    "POST /gate/overrides": {"scan_id": "s-1", "ticket": str(NOBODY), "reason": WHY},
    "POST /gate/search": {"digits": "5678"},
}
ASKED = frozenset({*BODIES, "GET /gate/occupancy"})
"""What a gate asks online, with a token alone."""


def posted(path: str, **change: Any) -> Way:
    """By a supervisor's gate, or by a steward's where something else is sent that only a supervisor may."""

    async def way(api: Api) -> httpx.Response:
        role = change.get("role", "supervisor")
        _, token = await api.gate(role=role)
        said = {name: value for name, value in change.items() if name != "role"}
        return await api.post(path, BODIES[f"POST {path}"] | said, bearer=token)

    return way


async def searched_too_often(api: Api) -> httpx.Response:
    gate, token = await api.gate(role="supervisor")
    for _ in range(gate_desk.SEARCHES_MAX):
        await api.stage.world.memory.allow(f"search:{gate}", most=1, seconds=gate_desk.SEARCHES_SECONDS)
    return await api.post("/gate/search", BODIES["POST /gate/search"], bearer=token)


async def counted(api: Api) -> httpx.Response:
    _, token = await api.gate()
    return await api.get("/gate/occupancy", bearer=token)


PARTICULAR: dict[tuple[str, int], Way] = {
    **{(name, 200): posted(name.removeprefix("POST ")) for name in BODIES},
    ("POST /gate/admissions", 403): posted("/gate/admissions", direction="out"),
    ("POST /gate/overrides", 403): posted("/gate/overrides", role="steward"),
    ("POST /gate/search", 403): posted("/gate/search", role="steward"),
    ("POST /gate/search", 429): searched_too_often,
    ("GET /gate/occupancy", 200): counted,
}
NOT_TO_BE_HAD = {("GET /gate/occupancy", 422): "it takes nothing that could be invalid"}


async def supervisors(api: Api) -> dict[str, str]:
    """A token of a gate for each path: their examples may name their scans alike."""
    paths = [name.partition(" ")[2] for name in sorted(ASKED)]
    return {path: (await api.gate(role="supervisor"))[1] for path in paths}
