"""A wish that comes again: it keeps its places while it has them all, and starts anew when others took one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from builders import Shop, Stage

from app.ports import Held, NotAvailable, Part, Wish


def _wish(stage: Stage, shop: Shop, *parts: Part) -> Wish:
    return Wish(
        key=stage.world.entropy.uuid(),
        issuer_id=shop.issuer,
        occasion_id=shop.occasions["play/mon"],
        parts=parts,
        until=stage.clock.now() + timedelta(minutes=10),
    )


async def test_a_wish_whose_answer_was_lost_gets_the_same_places(stage: Stage, shop: Shop) -> None:
    issuer, wish = stage.world.issuers["local"], _wish(stage, shop, Part("R", 2), Part("FLOOR", 1))
    first = await issuer.hold(wish)
    assert isinstance(first, Held)
    assert await issuer.hold(wish) == first


async def test_a_hold_of_which_others_took_a_place_starts_anew_or_is_lost(stage: Stage, shop: Shop) -> None:
    issuer, slow = stage.world.issuers["local"], _wish(stage, shop, Part("R", 5))
    first = await issuer.hold(slow)
    assert isinstance(first, Held)
    stage.clock.advance(minutes=11)
    other = _wish(stage, shop, Part("R", 1, first.places[0][:1]))
    assert isinstance(await issuer.hold(other), Held)

    again = await issuer.hold(replace(slow, until=other.until))

    assert isinstance(again, Held)
    assert len(again.places[0]) == 5
    assert first.places[0][0] not in again.places[0]
    third = _wish(stage, shop, Part("R", 1))
    assert isinstance(await issuer.hold(third), NotAvailable)
