"""Whether we live, whether we are ready, what we measure, which keys are ours, and what our problems mean."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.domain.refusals import NotFound
from app.flows import audit, watch
from app.keys.rotation import JWKS_SECONDS
from app.metrics import OUTBOX_AGE_SECONDS, OUTBOX_DEAD, OUTBOX_LATE, OUTBOX_OWED, REGISTRY
from app.problems import known
from app.routers.common import TheWorld
from app.schemas.base import problems
from app.schemas.tickets import HealthOut, ReadyOut

router = APIRouter(tags=["operations"])

NOT_READY: dict[int | str, dict[str, Any]] = {503: {"model": ReadyOut, "description": "A part is missing."}}


@router.get("/healthz")
async def healthz() -> HealthOut:
    """This process answers."""
    return HealthOut(status="ok")


@router.get("/readyz", response_model=ReadyOut, responses=NOT_READY)
async def readyz(world: TheWorld) -> Response:
    """This process can sell: its database answers. Redis is told, but nothing depends on it."""
    database, redis = await watch.database_answers(world), await world.memory.alive()
    body = ReadyOut(status="ready" if database else "not ready", database=database, redis=redis)
    return JSONResponse(body.model_dump(), 200 if database else 503)


@router.get("/metrics", response_class=Response)
async def metrics(world: TheWorld) -> Response:
    """Prometheus text format."""
    owed, age_seconds, dead = await watch.outbox_waiting(world)
    OUTBOX_OWED.set(owed)
    OUTBOX_AGE_SECONDS.set(age_seconds)
    OUTBOX_DEAD.set(dead)
    OUTBOX_LATE.set(await watch.outbox_late(world))
    await audit.measure(world)
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)


@router.get("/.well-known/jwks.json")
async def jwks(world: TheWorld, response: Response) -> dict[str, list[dict[str, str | int]]]:
    """The public keys that verify our barcodes and tokens. A new one is shown for twice as long as this may be kept
    before anything is signed with it.
    """
    response.headers["Cache-Control"] = f"public, max-age={JWKS_SECONDS}"
    return world.house.keys.jwks()


@router.get("/problems/{slug}", responses=problems(404))
async def problem(slug: str) -> dict[str, str | int]:
    """What a problem's `type` means and what to do about it."""
    found = known().get(slug)
    if found is None:
        raise NotFound("There is no such problem; docs/reference/problems.md lists them all.")
    return {"title": found.title, "status": found.status, "advice": found.advice}
