"""What another server tells of its catalogue and its stock, read with bounds and checked as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlencode
from uuid import UUID

from pydantic import BaseModel, ValidationError

from app.domain.refusals import NotFound
from app.issuers.wire import Answer, Wire
from app.ports.catalogues import (
    COPY_BYTES_MAX,
    STOCK_ASKED_MAX,
    CopyRefused,
    Index,
    IssuerCopy,
    IssuersCopy,
    PlacesCopy,
    StockCopy,
    StocksCopy,
)

API = "/issuer/v1"
ETAG_CHARS_MAX = 200
FAULTS_TOLD_MAX = 3
NOT_MODIFIED = 304

Told = TypeVar("Told", bound=BaseModel)


class RemoteCatalogue:
    """The catalogue's part of an issuers' server. Each call raises IssuerAway, or CopyRefused for an unsound answer."""

    def __init__(self, wire: Wire) -> None:
        self.name = wire.name
        self.wire = wire

    async def catalogues(self, *, etag: str | None) -> Index | None:
        headers = {"If-None-Match": etag} if etag else {}
        path = f"{API}/catalogue"
        answer = await self.wire.ask("GET", path, headers=headers, expect=(200, NOT_MODIFIED), bytes_max=COPY_BYTES_MAX)
        if answer.status == NOT_MODIFIED:
            return None
        fresh = answer.headers.get("etag", "")
        if not fresh or len(fresh) > ETAG_CHARS_MAX:
            raise CopyRefused("its list of issuers has no ETag")
        return Index(issuers=tuple(_read(IssuersCopy, answer).issuers), etag=fresh)

    async def catalogue(self, *, issuer_id: UUID) -> IssuerCopy:
        return _read(IssuerCopy, await self._get(f"/catalogue/{issuer_id}"))

    async def places(self, *, occasion_id: UUID) -> PlacesCopy:
        return _read(PlacesCopy, await self._get(f"/occasions/{occasion_id}/places"))

    async def stock(self, *, occasion_ids: Sequence[UUID]) -> Mapping[UUID, StockCopy]:
        assert len(occasion_ids) <= STOCK_ASKED_MAX, "more is asked in several questions"
        query = urlencode([("occasion", str(one)) for one in occasion_ids])
        told = _read(StocksCopy, await self._get(f"/stock?{query}" if query else "/stock"))
        wanted = set(occasion_ids)
        return {one.occasion: one for one in told.stock if one.occasion in wanted}

    async def _get(self, path: str) -> Answer:
        try:
            return await self.wire.ask("GET", API + path, bytes_max=COPY_BYTES_MAX)
        except NotFound:
            raise CopyRefused("its server lists what it then does not know") from None


def _read(kind: type[Told], answer: Answer) -> Told:
    try:
        return kind.model_validate_json(answer.body)
    except ValidationError as fault:
        raise CopyRefused(_faults(fault)) from None


def _faults(fault: ValidationError) -> str:
    """Where it is wrong and how, without what stood there: it may be long, and it ends in a log."""
    found = fault.errors(include_url=False, include_input=False, include_context=False)
    told = [
        f"{'.'.join(str(part) for part in one['loc']) or 'the catalogue'}: {one['msg'].removeprefix('Value error, ')}"
        for one in found[:FAULTS_TOLD_MAX]
    ]
    more = len(found) - FAULTS_TOLD_MAX
    return "; ".join(told) + (f"; and {more} more" if more > 0 else "")
