"""Second choices for an issuer elsewhere: they are made from what is free after its refusal, never from before."""

from __future__ import annotations

import pytest
from builders import FRIEND, a_booking, a_line, a_request
from two_servers_kit import Two

from app.domain.refusals import SoldOut
from app.flows.booking import book, sales_status

pytest_plugins = ("apart_plugin",)


async def test_seats_that_were_just_refused_are_not_offered_again_out_of_an_older_snapshot(kept: Two) -> None:
    occasion = kept.shop.occasions["play/mon"]
    await sales_status.availability(kept.seller.world, occasion)  # somebody looks, and all of it is free
    await a_booking(kept.seller, kept.shop, quantity=2)
    rows = await kept.issuer.sql("SELECT id FROM place WHERE taken_by IS NOT NULL")
    taken = tuple(row.id for row in rows)

    line = a_line(kept.shop.price("play/R"), 2, *taken)
    with pytest.raises(SoldOut) as refusal:
        await book.book(kept.seller.world, a_request(occasion, line, buyer=FRIEND))

    choices = refusal.value.more["alternatives"]
    assert isinstance(choices, list)
    offered = {place for choice in choices for line in choice.lines for place in line.places}
    assert len(offered) >= len(taken)
    assert not offered & set(taken)
