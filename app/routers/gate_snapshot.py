"""For gates that decide without network: the snapshot, how its rows stand, and the key of typed PINs.

Only gates with a key of their own may have them. The formats are in docs/reference/gate-snapshot.md.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response

from app.domain.snapshot import MEDIA_TYPE, STATUS_MEDIA_TYPE
from app.domain.snapshot.book import ROWS_MAX
from app.domain.snapshot.header import CURSOR_MAX
from app.flows.gate import snapshot
from app.flows.sellers.for_sellers import Told
from app.routers.common import TheBoundGate, TheWorld
from app.schemas.base import problems
from app.schemas.gate_snapshot import PinKeyOut

router = APIRouter(prefix="/gate", tags=["gate"])

IfNoneMatch = Annotated[
    str | None, Header(max_length=1_000, description="The ETag of the answer you have; 304 where it holds.")
]
Edition = Annotated[str, Query(pattern="^[0-9a-f]{32}$", description="`edition` of the snapshot that you have.")]


def _octets(media_type: str, description: str, *statuses: int) -> dict[int | str, dict[str, Any]]:
    return {
        200: {"description": description, "content": {media_type: {}}},
        304: {"description": "Nothing is new since the ETag you sent."},
        **problems(*statuses),
    }


def _known(header: str | None) -> list[str]:
    """The ETags of an If-None-Match; it compares weakly (RFC 9110 section 13.1.2)."""
    return [tag.strip().removeprefix("W/") for tag in (header or "").split(",")]


def _answer(told: Told, media_type: str) -> Response:
    headers = {"ETag": told.etag, "Cache-Control": "private, no-cache"}
    if told.body is None:
        return Response(status_code=304, headers=headers)
    return Response(told.body, media_type=media_type, headers=headers)


@router.get(
    "/snapshot",
    response_class=Response,
    responses=_octets(MEDIA_TYPE, "The snapshot, signed.", 401, 403, 503),
)
async def take(world: TheWorld, gate: TheBoundGate, if_none_match: IfNoneMatch = None) -> Response:
    """Everything this gate needs to decide without network, for 24 hours at most. Ask again each hour."""
    return _answer(await snapshot.take(world, gate, known=_known(if_none_match)), MEDIA_TYPE)


@router.get(
    "/status",
    response_class=Response,
    responses=_octets(STATUS_MEDIA_TYPE, "How the rows stand, signed.", 401, 403, 409, 503),
)
async def status(  # noqa: PLR0917 - each is a query parameter of its own name
    world: TheWorld,
    gate: TheBoundGate,
    edition: Edition,
    have: Annotated[int, Query(ge=0, le=ROWS_MAX, description="How many rows you have; those after come along.")] = 0,
    after: Annotated[
        int, Query(ge=0, le=CURSOR_MAX, description="`cursor` of the last status; 0: how all rows stand.")
    ] = 0,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """What changed since the last status, and what was sold since. Ask every 60 seconds."""
    told = await snapshot.status(
        world, gate, edition=bytes.fromhex(edition), have=have, after=after, known=_known(if_none_match)
    )
    return _answer(told, STATUS_MEDIA_TYPE)


@router.get("/pin-key", responses=problems(401, 403, 409))
async def pin_key(world: TheWorld, gate: TheBoundGate, edition: Edition) -> PinKeyOut:
    """The key that lets this gate check typed numbers and PINs without network. It is kept in memory, never stored."""
    key = await snapshot.pin_key(world, gate, edition=bytes.fromhex(edition))
    return PinKeyOut(edition=edition, key=key.hex())
