"""A sales server copies what an issuer elsewhere sells, as a whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from builders import a_catalogue, a_hall, a_price, a_product, an_issuer, the_shop, the_theatre
from two_servers_kit import ISSUER, Cut, Two, a_server, connect

from app.domain.catalogue import CatalogueDraft, ImportRefused, IssuerCatalogue, OccasionDraft
from app.flows.booking import find, mirror
from app.flows.booking.importing import import_catalogue, import_seating
from app.flows.booking.mirror import Refreshed
from app.store.catalogue import Search

pytest_plugins = ("two_servers_plugin",)


def with_play(catalogue: IssuerCatalogue, **changed: Any) -> IssuerCatalogue:
    """The catalogue with another play: its first product."""
    play, *others = catalogue.products
    return replace(catalogue, products=(replace(play, **changed), *others))


async def titles(two: Two) -> list[str]:
    """What a visitor of the sales server finds."""
    return [row.slug for row in await find.products(two.seller.world, Search(limit=100))]


async def status_of(two: Two) -> mirror.PeerStatus:
    (status,) = await mirror.statuses(two.seller.world)
    return status


# --- copying --------------------------------------------------------------------------------------------------------


async def test_what_an_issuer_sells_is_copied_under_its_own_ids(two: Two) -> None:
    for table in ("venue", "stop", "route", "route_stop", "seating", "product", "price"):
        here, there = await two.both(f"SELECT md5((to_jsonb(t) - 'search')::text) FROM {table} t ORDER BY 1")  # noqa: S608 - names of ours
        assert here == there, table
    here, there = await two.both(
        "SELECT p.id, p.pos, p.guid, p.category, p.numbered, p.section, p.row, p.seat, p.x, p.y, p.withdrawn,"
        " o.revision, o.code, o.starts_at FROM place p JOIN occasion o ON o.id = p.occasion_id ORDER BY p.id"
    )
    assert here == there
    assert len(here) == 22 + 12 + 12 + 3
    assert await two.seller.value("SELECT served_by FROM issuer") == ISSUER


async def test_what_has_not_changed_is_not_told_again(two: Two) -> None:
    two.line.asked.clear()

    assert await two.refresh() == Refreshed()

    assert two.line.asked == ["GET /issuer/v1/catalogue"]
    assert two.line.statuses[-1] == 304
    assert await status_of(two) == await status_of(two)
    assert not (await status_of(two)).wrong


async def test_the_same_catalogue_imported_again_is_no_news(two: Two) -> None:
    await a_catalogue(two.issuer, the_theatre(two.clock.now()))

    assert await two.refresh() == Refreshed()


async def test_what_changed_is_copied_and_only_halls_that_changed_are_told_again(two: Two) -> None:
    mon, tue, wed = the_theatre(two.clock.now()).products[0].occasions
    changed = with_play(
        the_theatre(two.clock.now()),
        prices=(a_price("R", 70_000), a_price("S", 40_000), a_price("FLOOR", 20_000)),
        occasions=(replace(mon, capacity={"FLOOR": 12}), tue, wed),
    )
    await a_catalogue(two.issuer, changed)
    two.line.asked.clear()

    assert await two.refresh() == Refreshed(copied=("haneul",))

    assert [one.rpartition("/v1/")[2] for one in two.line.asked] == [
        "catalogue",
        f"catalogue/{two.shop.issuer}",
        f"occasions/{two.shop.occasions['play/mon']}/places",
    ]
    assert (await the_shop(two.seller, "haneul")).places["play/mon"].keys() >= {"FLOOR#12"}
    assert await two.seller.value("SELECT amount FROM price WHERE id = :id", id=two.shop.price("play/R")) == 70_000


async def test_what_is_no_longer_sold_is_withdrawn_and_comes_back(two: Two) -> None:
    whole = the_theatre(two.clock.now())
    await a_catalogue(two.issuer, replace(whole, products=whole.products[1:]))
    await two.refresh()
    assert "play" not in await titles(two)
    assert await two.seller.value("SELECT count(*) FROM place") == 49, "what was sold refers to its place"

    await a_catalogue(two.issuer, whole)
    await two.refresh()
    assert "play" in await titles(two)


async def test_an_issuer_that_leaves_its_server_is_sold_no_more(two: Two) -> None:
    await two.issuer.sql("UPDATE issuer SET served_by = 'another'")

    assert await two.refresh() == Refreshed()

    assert await titles(two) == []


async def test_each_server_gives_its_own_numbers_for_text_messages(two: Two) -> None:
    await a_catalogue(two.seller, an_issuer("own", products=(a_product("walk", prices=(a_price("adult", 1_000),)),)))

    codes = await two.seller.sql("SELECT sms_code FROM occasion ORDER BY 1")

    assert [row.sms_code for row in codes] == list(range(1001, 1001 + len(codes)))


async def test_a_copy_is_not_imported_over(two: Two) -> None:
    with pytest.raises(ImportRefused, match="'haneul' is sold for the server 'arena'; import it there"):
        await import_catalogue(two.seller.world, CatalogueDraft((the_theatre(two.clock.now()),)))
    with pytest.raises(ImportRefused, match="import it there"):
        await import_seating(two.seller.world, a_hall("annex"), issuer="haneul")


async def test_a_place_costs_little_to_tell(two: Two) -> None:
    """Twelve thousand seats are to be one answer of less than two megabytes."""
    play = with_play(
        the_theatre(two.clock.now()),
        occasions=(OccasionDraft("mon", two.clock.now() + timedelta(days=2), seating="great"),),
    )
    await a_catalogue(
        two.issuer, replace(play, seatings=(*play.seatings, a_hall("great", rows="ABCDEFGHIJ", seats=40)))
    )
    told = await two.issuer.world.issuers["local"].status(
        issuer_id=two.shop.issuer, occasion_id=two.shop.occasions["play/mon"]
    )
    assert sum(told) == 400

    await two.refresh()

    source = two.seller.world.issuers[ISSUER]
    answer = await source.wire.ask("GET", f"/issuer/v1/occasions/{two.shop.occasions['play/mon']}/places")  # type: ignore[attr-defined]  # the kit's is a RemoteIssuer
    assert len(answer.body) / 412 < 160


# --- what goes wrong ------------------------------------------------------------------------------------------------


async def test_a_server_that_is_away_changes_nothing(two: Two) -> None:
    before = await status_of(two)
    await a_catalogue(two.issuer, with_play(the_theatre(two.clock.now()), prices=(a_price("R", 1),)))
    two.line.down = Cut.BEFORE

    assert await two.refresh() == Refreshed(away=True)

    assert await status_of(two) == before
    assert await two.seller.value("SELECT amount FROM price WHERE id = :id", id=two.shop.price("play/R")) == 60_000


async def test_a_copy_that_was_broken_off_is_finished_the_next_time(apart: Two) -> None:
    apart.line.cuts.extend([None, None, None, Cut.BEFORE])

    assert await apart.refresh() == Refreshed(away=True)
    (status,) = await mirror.statuses(apart.seller.world)
    assert (status.wrong, [row.whole for row in status.issuers]) == (True, [False])
    unread = await apart.seller.sql("SELECT id FROM occasion WHERE stock = 'places' AND revision = -1")
    apart.clock.advance(seconds=3)
    seen = await find.availability(apart.seller.world, unread[0].id)
    assert seen.standing.away, "places that are not known here are not sold out"

    await apart.later()
    assert await apart.refresh() == Refreshed(copied=("haneul",))
    assert await apart.seller.value("SELECT count(*) FROM place") == 49
    assert await apart.refresh() == Refreshed()


async def test_a_bad_catalogue_changes_nothing_and_is_told(two: Two) -> None:
    await two.issuer.sql("UPDATE issuer SET timezone = 'Mars/Base', revision = gen_random_uuid()")
    await two.issuer.sql("UPDATE product SET booking_limit = 2")
    before = await two.seller.sql("SELECT md5(t::text) FROM product t ORDER BY id")

    found = await two.refresh()

    assert found == Refreshed(faults=("haneul: timezone: is not an IANA time zone such as Asia/Seoul",))
    assert await two.seller.sql("SELECT md5(t::text) FROM product t ORDER BY id") == before
    status = await status_of(two)
    assert (status.wrong, status.fault) == (True, found.faults[0])


async def test_a_catalogue_that_is_sound_again_is_taken_over(two: Two) -> None:
    await two.issuer.sql("UPDATE issuer SET timezone = 'Mars/Base', revision = gen_random_uuid()")
    await two.refresh()
    assert (await status_of(two)).fault

    await two.issuer.sql("UPDATE issuer SET timezone = 'Asia/Tokyo', revision = gen_random_uuid()")

    assert await two.refresh() == Refreshed(copied=("haneul",))
    assert not (await status_of(two)).wrong
    assert await two.seller.value("SELECT timezone FROM issuer") == "Asia/Tokyo"


async def test_an_issuer_of_our_own_is_never_overwritten(apart: Two) -> None:
    own = an_issuer("haneul", products=(a_product("walk", prices=(a_price("adult", 1_000),)),))
    await a_catalogue(apart.seller, own)
    await a_catalogue(apart.issuer, an_issuer("bada", products=(a_product("sail", prices=(a_price("adult", 9),)),)))

    found = await apart.refresh()

    assert found.copied == ("bada",), "the others of that server are sold"
    assert found.faults == ("haneul: haneul is an issuer of our own already; one of the two needs another slug",)
    assert await titles(apart) == ["sail", "walk"]
    assert (await status_of(apart)).fault == found.faults[0]


async def test_two_servers_with_one_slug_do_not_take_it_from_one_another(two: Two, cluster: Any) -> None:
    async with a_server(cluster, two.clock, seed=9, name="hall", sellers=two.issuer.world.house.sellers) as other:
        await a_catalogue(other, an_issuer("haneul", products=(a_product("walk", prices=(a_price("adult", 9),)),)))
        connect(two.seller, other, name="hall")

        found = await mirror.refresh(two.seller.world, "hall")

    assert found.faults == (
        "haneul: haneul is an issuer of the server arena already; one of the two needs another slug",
    )
    assert "walk" not in await titles(two)


async def test_a_server_that_was_set_up_anew_is_told_apart(two: Two) -> None:
    """What was sold names the ids of the server's first life."""
    await two.issuer.sql("UPDATE issuer SET slug = 'lost'")
    await a_catalogue(two.issuer, the_theatre(two.clock.now()))

    (fault,) = (await two.refresh()).faults

    assert fault.startswith("haneul: haneul had another id before")


# --- a server that lies ---------------------------------------------------------------------------------------------


NOBODY = UUID(int=7)


async def test_rows_of_others_are_not_claimed(two: Two) -> None:
    """Ids are chosen by whoever makes them: another server may choose those of ours."""
    own = await a_catalogue(two.seller, an_issuer("own", products=(a_product("w", prices=(a_price("adult", 1),)),)))
    await two.issuer.sql(
        "UPDATE price SET id = :id WHERE id = :old", id=own.price("w/adult"), old=two.shop.price("gift/gift")
    )
    await two.issuer.sql("UPDATE issuer SET revision = gen_random_uuid()")

    found = await two.refresh()

    assert found.faults == ("haneul: it claims a price that is another issuer's",)
    assert await two.seller.value("SELECT amount FROM price WHERE id = :id", id=own.price("w/adult")) == 1
