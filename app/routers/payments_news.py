"""What payment networks tell us by webhook: signed, at any time, in any order, as often as they like."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Request
from fastapi.responses import Response

from app.domain.refusals import NotAuthentic
from app.flows.paying import news
from app.metrics import NEWS
from app.problems import FORGED, respond
from app.routers.common import TheWorld
from app.schemas.base import problems

router = APIRouter(prefix="/payments/news", tags=["payments"])

BODY = {
    "requestBody": {
        "required": True,
        "description": "An event of the network, as it signed it; 64 KiB at most.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}


@router.post(
    "/{provider}", status_code=204, response_class=Response, responses=problems(400, 404, 413), openapi_extra=BODY
)
async def hear(
    request: Request,
    world: TheWorld,
    provider: Annotated[str, Path(pattern="^[a-z_]{1,20}$")],
    signature: Annotated[str, Header(alias="Stripe-Signature", max_length=2_000)] = "",
) -> Response:
    """A webhook of the payment network. It is a hint: repeated, late and unknown events are taken and change nothing.

    Kept before this is answered; the network itself is asked what is true a moment later.
    """
    try:
        new = await news.hear(world, provider, await request.body(), signature)
    except NotAuthentic as refusal:
        NEWS.labels("forged").inc()
        return respond(request, FORGED, refusal.sentence)
    NEWS.labels("new" if new else "old").inc()
    return Response(status_code=204)
