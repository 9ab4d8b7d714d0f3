"""Importing: the same file again changes nothing; another one changes what differs and loses nothing that was sold."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import (
    Shop,
    Stage,
    a_booking,
    a_catalogue,
    a_gate,
    a_hall,
    a_price,
    a_product,
    a_scan,
    an_issuer,
    free_places,
    the_shop,
    the_theatre,
    typed,
)

from app import samples
from app.domain.catalogue import (
    CatalogueDraft,
    ImportRefused,
    IssuerCatalogue,
    OccasionDraft,
    RouteDraft,
    StopDraft,
)
from app.domain.refusals import SoldOut
from app.flows.booking import find
from app.flows.booking.importing import import_catalogue, import_seating
from app.importers.catalogue import read_catalogue
from app.importers.gtfs import read_gtfs
from app.importers.seating import read_seating
from app.store.catalogue import Search

COUNTED = ("issuer", "venue", "stop", "route", "route_stop", "product", "occasion", "price", "seating", "place")


async def everything(stage: Stage) -> dict[str, tuple[int, str]]:
    """How many rows each table of the catalogue has, and a hash over all that stands in them."""
    found = {}
    for table in (*COUNTED, "seating_place"):
        (row,) = await stage.sql(
            f"WITH rows AS (SELECT md5(t::text) AS hash FROM {table} t)"  # noqa: S608 - constants
            " SELECT count(*) AS number, md5(coalesce(string_agg(hash, '' ORDER BY hash COLLATE \"C\"), '')) AS hash"
            " FROM rows"
        )
        found[table] = (int(row.number), str(row.hash))
    return found


async def again(stage: Stage, draft: CatalogueDraft) -> None:
    """Import a draft twice: the second time finds everything as it is."""
    counts = await import_catalogue(stage.world, draft)
    before = await everything(stage)
    stage.clock.advance(days=1)

    repeated = await import_catalogue(stage.world, draft)

    assert await everything(stage) == before
    assert {**counts, "places": 0} == {**repeated, "places": 0}
    assert repeated.get("places", 0) == 0, "no place was added or changed"


async def test_the_theatre_imported_again_changes_no_id_and_no_count(blank: Stage) -> None:
    await again(blank, CatalogueDraft((the_theatre(blank.clock.now()),)))


async def test_the_sample_catalogue_imports_and_again_changes_nothing(blank: Stage) -> None:
    draft, report = read_catalogue(samples.CATALOGUE, now=blank.clock.now())

    await again(blank, draft)

    assert report.notes == ()
    kinds = await blank.sql("SELECT kind, count(*) AS count FROM product GROUP BY kind")
    assert {row.kind for row in kinds} == {"admission", "ride", "voucher"}
    arena = await blank.value(
        "SELECT count(*) FROM place p JOIN occasion o ON o.id = p.occasion_id JOIN product d ON d.id = o.product_id"
        " WHERE d.slug = 'two-in-the-morning-live' AND o.slug ="
        " (SELECT min(slug) FROM occasion WHERE product_id = d.id)"
    )
    assert 11_500 <= arena <= 12_500


async def test_the_sample_feed_imports_and_its_rides_have_prices(blank: Stage) -> None:
    draft, _ = read_gtfs(samples.ISLAND_BUS)

    await again(blank, draft)

    assert await blank.value("SELECT count(*) FROM price WHERE NOT withdrawn") > 0


@pytest.mark.parametrize("plan", [samples.THEATRE, samples.ARENA])
async def test_the_sample_plans_import_for_an_issuer_that_is_there(blank: Stage, plan: Path) -> None:
    draft, _ = read_seating(plan)
    with pytest.raises(ImportRefused, match="no issuer 'haneul'"):
        await import_seating(blank.world, draft, issuer="haneul")
    await a_catalogue(blank, an_issuer())

    counts = await import_seating(blank.world, draft, issuer="haneul")

    assert counts["seating places"] == len(draft.places)
    assert await blank.value("SELECT count(*) FROM seating_place") == len(draft.places)
    before = await everything(blank)
    await import_seating(blank.world, draft, issuer="haneul")
    assert await everything(blank) == before


# --- the real feed --------------------------------------------------------------------------------------------------

REAL_FEED = Path(
    os.environ.get("CYBERTICKET_TEST_GTFS") or Path(__file__).parents[4] / "shared" / "data" / "caltrain_gtfs_2016.zip"
)


@pytest.fixture
def real_feed() -> Path:
    if not REAL_FEED.is_file():
        message = f"the real feed is not at {REAL_FEED}; set CYBERTICKET_TEST_GTFS to a copy of it"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return REAL_FEED


async def test_a_rider_finds_and_books_a_journey_of_the_real_feed_at_its_real_price(
    blank: Stage, real_feed: Path
) -> None:
    draft, _ = read_gtfs(real_feed)
    await again(blank, draft)
    assert await blank.value("SELECT count(*) FROM stop") == 31
    stops = {row.name["en"]: row.id for row in await blank.sql("SELECT id, name FROM stop")}
    origin = next(identity for name, identity in stops.items() if name.startswith("San Francisco"))
    destination = next(identity for name, identity in stops.items() if name.startswith("San Jose Diridon"))

    (ride,) = await find.products(blank.world, Search(origin=origin, destination=destination, limit=10))
    (price,) = await find.journey_prices(blank.world, origin=origin, destination=destination, product_id=ride.id)

    assert (price.amount, price.currency) == (975, "USD")
    assert ride.from_amount == 975
    shop = await the_shop(blank, draft.issuers[0].issuer.slug)
    shop.prices = {f"{ride.slug}/{price.category}": [price.id]}
    made = await a_booking(
        blank, shop, of=f"{ride.slug}/open", category=price.category, origin_id=origin, destination_id=destination
    )
    assert made.booked.amount.words("en") == "$9.75"


async def test_nobody_sells_a_journey_from_a_station_to_itself(blank: Stage, real_feed: Path) -> None:
    draft, _ = read_gtfs(real_feed)
    await import_catalogue(blank.world, draft)
    stop = await blank.value("SELECT id FROM stop LIMIT 1")

    assert await find.products(blank.world, Search(origin=stop, destination=stop, limit=10)) == []


# --- what changed ---------------------------------------------------------------------------------------------------


def a_show(*occasions: OccasionDraft, slug: str = "show", **given: Any) -> IssuerCatalogue:
    product = a_product(slug, **{"prices": (a_price("R", 300), a_price("FLOOR", 100)), "occasions": occasions} | given)
    return an_issuer(seatings=(a_hall(),), products=(product,))


def on(stage: Stage, slug: str = "one", **given: Any) -> OccasionDraft:
    return OccasionDraft(slug, stage.clock.now() + timedelta(days=2), **given)


async def test_words_prices_and_times_follow_the_file(blank: Stage) -> None:
    shop = await a_catalogue(blank, a_show(on(blank)))
    later = replace(on(blank), starts_at=blank.clock.now() + timedelta(days=3))

    await a_catalogue(blank, a_show(later, title={"ko": "새 제목", "en": "New title"}, prices=(a_price("R", 400),)))

    product = (await blank.sql("SELECT * FROM product"))[0]
    assert (product.id, product.title["en"]) == (shop.products["show"], "New title")
    assert product.search == "새 제목 new title about show about show"
    prices = await blank.sql("SELECT category, amount, withdrawn FROM price ORDER BY category")
    assert [(row.category, row.amount, row.withdrawn) for row in prices] == [("FLOOR", 100, True), ("R", 400, False)]
    assert await blank.value("SELECT starts_at FROM occasion") == later.starts_at


async def test_an_occasion_that_left_the_file_is_withdrawn_and_one_that_comes_back_is_sold_again(
    blank: Stage,
) -> None:
    shop = await a_catalogue(blank, a_show(on(blank), on(blank, "two")))
    code = await blank.value("SELECT code FROM occasion WHERE slug = 'two'")

    await a_catalogue(blank, a_show(on(blank)))
    assert await blank.value("SELECT withdrawn FROM occasion WHERE slug = 'two'")
    await a_catalogue(blank, a_show(on(blank), on(blank, "two")))

    row = (await blank.sql("SELECT * FROM occasion WHERE slug = 'two'"))[0]
    assert (row.id, row.code, row.withdrawn) == (shop.occasions["show/two"], code, False)


async def test_what_was_sold_of_a_withdrawn_occasion_stays_valid(blank: Stage) -> None:
    shop = await a_catalogue(blank, a_show(on(blank, seating="hall")))
    made = await a_booking(blank, shop, of="show/one", worked=True)

    await a_catalogue(blank, a_show(on(blank, "two", seating="hall")))

    gate = await a_gate(blank, shop)
    blank.clock.time = made.tickets[0].valid_from
    assert (await a_scan(blank, shop, gate, typed(made.tickets[0])))["reason"] == "admitted"


async def test_a_product_that_left_the_file_is_withdrawn_and_not_found_any_more(blank: Stage) -> None:
    await a_catalogue(blank, a_show(on(blank)))

    await a_catalogue(blank, a_show(on(blank), slug="another"))

    assert await blank.value("SELECT withdrawn FROM product WHERE slug = 'show'")
    found = await find.products(blank.world, Search(limit=10))
    assert [row.slug for row in found] == ["another"]


async def test_a_file_with_a_hall_only_takes_no_product_off_the_programme(blank: Stage) -> None:
    await a_catalogue(blank, a_show(on(blank)))

    await a_catalogue(blank, an_issuer(seatings=(a_hall("another"),)))

    assert await blank.value("SELECT count(*) FROM product WHERE withdrawn") == 0


async def test_an_issuer_that_is_not_in_the_file_is_left_alone(blank: Stage) -> None:
    await a_catalogue(blank, the_theatre(blank.clock.now()))

    await a_catalogue(blank, an_issuer("gaon", products=(a_product("x", prices=(a_price("R", 1),)),)))

    assert await blank.value("SELECT count(*) FROM product WHERE withdrawn") == 0


async def places(stage: Stage) -> Mapping[str, tuple[int, bool, str]]:
    rows = await stage.sql("SELECT guid, pos, withdrawn, category FROM place ORDER BY pos")
    return {row.guid: (row.pos, row.withdrawn, row.category) for row in rows}


async def test_a_plan_that_shrinks_and_grows_keeps_every_place_at_its_position(blank: Stage) -> None:
    shop = await a_catalogue(blank, a_show(on(blank, seating="hall", capacity={"FLOOR": 2})))
    before = await places(blank)
    small = replace(a_show(on(blank, seating="hall", capacity={"FLOOR": 1})), seatings=(a_hall(seats=4),))

    await a_catalogue(blank, small)
    shrunk = await places(blank)
    assert {guid for guid, (_, withdrawn, _) in shrunk.items() if withdrawn} == {
        "A-5",
        "A-6",
        "B-5",
        "B-6",
        "FLOOR#2",
    }
    with pytest.raises(SoldOut):
        await a_booking(blank, shop, of="show/one", places=shop.seats("show/one", "A-6"))
    wide = replace(a_show(on(blank, seating="hall", capacity={"FLOOR": 3})), seatings=(a_hall(seats=7),))
    await a_catalogue(blank, wide)

    grown = await places(blank)
    assert {guid: row for guid, row in grown.items() if guid in before} == before
    assert {guid: row[0] for guid, row in grown.items() if guid not in before} == {
        "A-7": 14,
        "B-7": 15,
        "FLOOR#3": 16,
    }


async def test_a_seat_that_changes_its_category_is_sold_at_the_new_price_by_a_house_that_is_running(
    blank: Stage,
) -> None:
    shop = await a_catalogue(blank, a_show(on(blank, seating="hall")))
    assert await free_places(blank, shop.occasions["show/one"]) == 12
    await a_booking(blank, shop, of="show/one", category="R")
    hall = a_hall()
    moved = replace(hall, places=tuple(replace(one, category="S") if one.guid == "A-1" else one for one in hall.places))

    await a_catalogue(
        blank,
        replace(a_show(on(blank, seating="hall"), prices=(a_price("R", 300), a_price("S", 200))), seatings=(moved,)),
    )

    shop = await the_shop(blank, "haneul")
    made = await a_booking(blank, shop, of="show/one", category="S", places=shop.seats("show/one", "A-1"))
    assert made.booked.amount.amount == 200
    assert await blank.value("SELECT revision FROM occasion") == 2


async def test_routes_and_stations_follow_the_feed(blank: Stage) -> None:
    stops = tuple(StopDraft(code, {"en": code}, None, 0.0, 0.0) for code in "abc")
    route = RouteDraft("r", {"en": "r"}, (("a", "b", "c"),))
    shop = await a_catalogue(blank, an_issuer(stops=stops, routes=(route,)))

    await a_catalogue(blank, an_issuer(stops=stops, routes=(replace(route, patterns=(("c", "a"),)),)))

    rows = await blank.sql("SELECT s.code FROM route_stop r JOIN stop s ON s.id = r.stop_id ORDER BY r.seq")
    assert [row.code for row in rows] == ["c", "a"]
    assert set(shop.stops.values()) == {row.id for row in await blank.sql("SELECT id FROM stop")}


# --- what is refused ------------------------------------------------------------------------------------------------

NOWHERE: list[tuple[str, dict[str, Any]]] = [
    ("venue", {"venue": "moon"}),
    ("route", {"prices": (a_price("R", 1, route="moon"),)}),
]


@pytest.mark.parametrize(("noun", "given"), NOWHERE)
async def test_what_refers_to_nothing_is_refused_and_nothing_is_imported(
    blank: Stage, noun: str, given: dict[str, Any]
) -> None:
    with pytest.raises(ImportRefused) as refusal:
        await a_catalogue(blank, a_show(on(blank), **given))

    (fault,) = refusal.value.faults
    assert (fault.field, fault.reason) == (noun, f"there is no {noun} 'moon'; import it first")
    assert {count for count, _ in (await everything(blank)).values()} == {0}


async def test_an_occasion_in_a_hall_that_is_nowhere_is_refused(blank: Stage) -> None:
    with pytest.raises(ImportRefused, match="there is no seating plan 'moon'"):
        await a_catalogue(blank, a_show(on(blank, seating="moon")))


async def test_a_hall_imported_before_can_be_used_by_a_later_file(blank: Stage) -> None:
    await a_catalogue(blank, an_issuer(seatings=(a_hall(),)))
    shop: Shop = await a_catalogue(blank, replace(a_show(on(blank, seating="hall")), seatings=()))

    assert await free_places(blank, shop.occasions["show/one"]) == 12


async def test_long_work_says_how_far_it_is(blank: Stage) -> None:
    said: list[tuple[int, int, str]] = []

    await import_catalogue(
        blank.world,
        CatalogueDraft((the_theatre(blank.clock.now()),)),
        progress=lambda done, total, what: said.append((done, total, what)),
    )

    assert [done for done, _, _ in said] == [1, 2, 3, 4, 5]
    assert {(total, what) for _, total, what in said} == {(5, "haneul")}
