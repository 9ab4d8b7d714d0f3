"""For sales servers: what the issuers of this server sell, and how much of it is free.

Answers but for the stock carry a strong ETag. Asked for again with If-None-Match they cost one look at a number.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query
from fastapi.responses import Response

from app.flows.sellers import for_sellers
from app.flows.sellers.for_sellers import Told
from app.ports.catalogues import STOCK_ASKED_MAX, IssuerCopy, IssuersCopy, PlacesCopy, StockCopy, StocksCopy
from app.routers.common import TheWorld
from app.routers.issuer_caller import the_seller
from app.schemas import examples
from app.schemas.base import problems

router = APIRouter(prefix="/issuer/v1", tags=["issuer"], dependencies=[Depends(the_seller)], responses=problems(401))

ETAGS_CHARS_MAX = 1_000
IfNoneMatch = Annotated[
    str | None, Header(max_length=ETAGS_CHARS_MAX, description="The ETag of the answer you have; 304 where it holds.")
]


def _answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {**problems(*statuses), 304: {"description": "It is as it was under the ETag you sent."}}


def _known(header: str | None) -> list[str]:
    """The ETags of an If-None-Match; it compares weakly (RFC 9110 section 13.1.2)."""
    return [tag.strip().removeprefix("W/") for tag in (header or "").split(",")]


def _answer(told: Told) -> Response:
    headers = {"ETag": told.etag, "Cache-Control": "private, no-cache"}
    if told.body is None:
        return Response(status_code=304, headers=headers)
    return Response(told.body, media_type="application/json", headers=headers)


@router.get("/catalogue", response_model=IssuersCopy, responses=_answers())
async def issuers(world: TheWorld, if_none_match: IfNoneMatch = None) -> Response:
    """The issuers whose stock is here, 1,000 at most, and which catalogue each has now."""
    return _answer(await for_sellers.issuers(world, known=_known(if_none_match)))


@router.get("/catalogue/{issuer_id}", response_model=IssuerCopy, responses=_answers(404))
async def catalogue(
    world: TheWorld,
    issuer_id: Annotated[UUID, Path(examples=[examples.ISSUER_ID])],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Everything one issuer sells: its venues, stops, routes, drawings, products, occasions and prices."""
    return _answer(await for_sellers.catalogue_of(world, issuer_id, known=_known(if_none_match)))


@router.get("/occasions/{occasion_id}/places", response_model=PlacesCopy, responses=_answers(404))
async def places(
    world: TheWorld,
    occasion_id: Annotated[UUID, Path(examples=[examples.OCCASION])],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """An occasion's places in plan order, column by column. Which of them are free is told by its status alone."""
    return _answer(await for_sellers.places_of(world, occasion_id, known=_known(if_none_match)))


@router.get("/stock", responses=problems())
async def stock(
    world: TheWorld,
    occasion: Annotated[
        list[UUID] | None, Query(max_length=STOCK_ASKED_MAX, description="Occasions; without any: are you there?")
    ] = None,
) -> StocksCopy:
    """How much is free of each occasion by category, at most a second ago; those that are not sold are left out."""
    found = await for_sellers.stock_of(world, occasion or [])
    told = [StockCopy(occasion=one.occasion_id, unlimited=one.unlimited, counts=one.counts) for one in found]
    return StocksCopy(as_of=world.clock.now(), stock=told)
