"""The places of a booking whose money comes: kept while nobody knows, committed, or taken once more if they can be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog

from app.domain.refusals import IssuerAway, Refusal
from app.flows.booking.hold import are_known
from app.flows.booking.sales_status import issuer_of
from app.ports import Committed, NotAvailable, Part, Wish
from app.store import sales
from app.world import World

log = structlog.get_logger()


async def keep(world: World, booking: sa.Row[Any], places: Sequence[UUID], until: datetime) -> None:
    """Let the hold last until then. Where the issuer does not do so, or is away, the commit decides in the end."""
    if not places:
        return
    try:
        wish = Wish(booking.id, booking.issuer_id, booking.occasion_id, (), until)
        await issuer_of(world, booking.served_by).hold(wish)
    except Refusal as refusal:
        log.info("hold_not_renewed", booking=str(booking.id), why=refusal.sentence)


async def commit(world: World, booking: sa.Row[Any], places: Sequence[UUID]) -> bool:
    """Make the hold a sale; a hold that was lost is taken again where that is possible. Raises IssuerAway."""
    if await _commit(world, booking, places):
        return True
    again = await _retake(world, booking)
    return again is not None and await _commit(world, booking, again)


async def _commit(world: World, booking: sa.Row[Any], places: Sequence[UUID]) -> bool:
    issuer = issuer_of(world, booking.served_by)
    try:
        committed = await issuer.commit(issuer_id=booking.issuer_id, key=booking.id, places=places)
    except IssuerAway:
        raise
    except Refusal as refusal:  # an issuer elsewhere that does not know of the sale any more
        log.warning("places_refused", booking=str(booking.id), why=refusal.sentence)
        return False
    return isinstance(committed, Committed)


async def _retake(world: World, booking: sa.Row[Any]) -> list[UUID] | None:
    """Hold the same numbered places again, and any of the same category where they are not; None where all are gone.

    Nobody is given a numbered place that was not chosen.
    """
    async with world.database.statements() as tx:
        items = (await sales.items(tx, [booking.id]))[booking.id]
    groups: dict[tuple[UUID, bool], list[sa.Row[Any]]] = {}
    for item in items:
        if item.place_id is not None:
            groups.setdefault((item.price_id, item.numbered), []).append(item)
    until = world.clock.now() + timedelta(seconds=world.house.hold_grace_seconds)
    wish = Wish(booking.id, booking.issuer_id, booking.occasion_id, tuple(map(_again, groups.values())), until)
    try:
        held = await issuer_of(world, booking.served_by).hold(wish)
    except IssuerAway:
        raise
    except Refusal as refusal:  # an issuer elsewhere does not sell this any more, or not so
        log.warning("places_refused", booking=str(booking.id), why=refusal.sentence)
        return None
    if isinstance(held, NotAvailable) or not await are_known(world, booking.occasion_id, held):
        return None
    pairs = [
        (item, place)
        for group, places in zip(groups.values(), held.places, strict=True)
        for item, place in zip(group, places, strict=True)
    ]
    moved = [(item.id, place) for item, place in pairs if item.place_id != place]
    if moved:
        async with world.transaction() as tx:
            await sales.move_items(tx, moved)
    return [place for _, place in pairs]


def _again(group: Sequence[sa.Row[Any]]) -> Part:
    """What items of one price are held by once more."""
    first = group[0]
    places = tuple(item.place_id for item in group) if first.numbered else ()
    return Part(first.category, len(group), places, first.price_id, first.price_amount)
