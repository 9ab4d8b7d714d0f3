"""Finding what is sold: by kind, words, issuer, place, journey, date and price, page by page."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from builders import Shop, Stage, a_catalogue, a_hall, a_price, a_product, an_issuer, the_theatre

from app.domain.catalogue import OccasionDraft, VenueDraft
from app.store import catalogue
from app.store.catalogue import Search

NOWHERE = UUID(int=3)


async def products(stage: Stage, **asked: Any) -> list[sa.Row[Any]]:
    async with stage.world.transaction() as tx:
        return await catalogue.products(tx, Search(**asked), now=stage.clock.now())


async def slugs(stage: Stage, **asked: Any) -> list[str]:
    return [row.slug for row in await products(stage, **asked)]


async def occasions(stage: Stage, **asked: Any) -> list[str]:
    async with stage.world.transaction() as tx:
        rows = await catalogue.occasions(tx, Search(**asked), now=stage.clock.now())
    return [f"{row.product_slug}/{row.slug}" for row in rows]


# --- products -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["carnet", "gift", "play", "ride", "talk"]),
        ({"kind": "ride"}, ["carnet", "ride"]),
        ({"words": ("봄날의",)}, ["play"]),
        ({"words": ("POST", "spring")}, ["play"]),
        ({"words": ("post", "autumn")}, []),
        ({"words": ("%",)}, []),
        ({"words": ("_",)}, []),
        ({"words": ("\\",)}, []),
        ({"issuer": "haneul", "kind": "voucher"}, ["gift"]),
        ({"issuer": "nobody"}, []),
        ({"place": "Theatre Street"}, ["play"]),
        ({"place": "하늘극장"}, ["play"]),
        ({"place": "moon"}, []),
        ({"price_max": 1_499}, ["ride", "talk"]),
        ({"price_max": 0}, ["talk"]),
        ({"limit": 2}, ["carnet", "gift"]),
        ({"product_id": NOWHERE}, []),
    ],
)
async def test_a_visitor_finds_what_matches_everything_asked(
    stage: Stage, shop: Shop, asked: dict[str, Any], found: list[str]
) -> None:
    assert shop.products
    assert await slugs(stage, **asked) == found


async def test_a_product_says_from_which_price_and_when_it_is_on_next(stage: Stage, shop: Shop) -> None:
    (play,) = await products(stage, product_id=shop.products["play"])

    assert (play.from_amount, play.currency, play.dates) == (20_000, "KRW", 3)
    assert play.next_at == stage.clock.now() + timedelta(days=2)
    assert play.venue_name["en"] == "Haneul Theatre"
    stage.clock.advance(days=3)
    (play,) = await products(stage, product_id=shop.products["play"])
    assert (play.dates, play.next_at) == (1, stage.clock.now() + timedelta(days=1))


async def test_a_date_range_keeps_what_is_on_then_and_what_has_no_date(stage: Stage, shop: Shop) -> None:
    assert shop.products
    now = stage.clock.now()

    in_two_days = await products(stage, since=now + timedelta(days=2), until=now + timedelta(days=3))

    assert [(row.slug, row.dates) for row in in_two_days] == [("carnet", 0), ("gift", 0), ("play", 1), ("ride", 0)]
    assert await slugs(stage, kind="admission", since=now + timedelta(days=5)) == ["talk"]
    assert await slugs(stage, kind="admission", until=now + timedelta(days=2)) == []


async def test_pages_follow_one_another_without_gap_or_repetition(stage: Stage, shop: Shop) -> None:
    assert shop.products
    seen: list[str] = []
    cursor = None
    for _ in range(10):
        page = await products(stage, cursor=cursor, limit=2)
        if not page:
            break
        seen += [row.slug for row in page]
        cursor = (page[-1].slug, page[-1].id)

    assert seen == ["carnet", "gift", "play", "ride", "talk"]


async def test_a_product_without_a_price_is_not_shown(blank: Stage) -> None:
    at = blank.clock.now() + timedelta(days=1)
    await a_catalogue(blank, an_issuer(products=(a_product("x", occasions=(OccasionDraft("one", at),)),)))

    assert await slugs(blank) == []


@pytest.mark.parametrize(
    ("origin", "destination", "won"),
    [("a", "b", 1_000), ("b", "a", 1_200), ("a", "c", 1_000), ("c", "a", None), ("a", "a", None), ("a", "d", None)],
)
async def test_a_journey_is_found_at_its_narrowest_price_or_not_at_all(
    stage: Stage, shop: Shop, origin: str, destination: str, won: int | None
) -> None:
    """The express calls at a, b, c and not back; zone fares hold from zone 1 only; d lies in no zone."""
    found = await products(stage, kind="ride", origin=shop.stops[origin], destination=shop.stops[destination])

    rides = [row.from_amount for row in found if row.slug == "ride"]
    assert rides == ([won] if won is not None else [])
    async with stage.world.transaction() as tx:
        prices = await catalogue.journey_prices(
            tx,
            origin=shop.stops[origin],
            destination=shop.stops[destination],
            product_id=shop.products["ride"],
        )
    assert [price.amount for price in prices] == rides


# --- occasions ------------------------------------------------------------------------------------------------------

DATED = ["play/mon", "play/tue", "play/wed", "talk/talk"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"kind": "admission"}, DATED),
        ({"kind": "admission", "limit": 2}, DATED[:2]),
        ({"words": ("봄날",)}, DATED[:3]),
        ({"price_max": 0}, ["talk/talk"]),
        ({"price_max": 19_999, "kind": "admission"}, ["talk/talk"]),
        ({"place": "Theatre"}, DATED[:3]),
        ({"issuer": "nobody"}, []),
    ],
)
async def test_occasions_come_by_date(stage: Stage, shop: Shop, asked: dict[str, Any], found: list[str]) -> None:
    assert shop.products
    assert await occasions(stage, **asked) == found


async def test_what_has_no_date_comes_last_and_what_has_begun_not_at_all(stage: Stage, shop: Shop) -> None:
    found = await occasions(stage)
    assert found[:4] == DATED
    assert set(found[4:]) == {"ride/open", "carnet/open", "gift/open"}
    now = stage.clock.now()
    stage.clock.advance(days=3)

    assert await occasions(stage, kind="admission") == ["play/wed", "talk/talk"]
    assert await occasions(stage, since=now + timedelta(days=4), until=now + timedelta(days=5)) == ["play/wed"]
    assert await occasions(stage, product_id=shop.products["talk"]) == ["talk/talk"]


async def test_open_dated_rides_are_found_by_their_journey(stage: Stage, shop: Shop) -> None:
    there = await occasions(stage, kind="ride", origin=shop.stops["a"], destination=shop.stops["c"])
    back = await occasions(stage, kind="ride", origin=shop.stops["c"], destination=shop.stops["a"])

    assert set(there) == {"ride/open", "carnet/open"}
    assert back == ["carnet/open"], "it holds for any journey"


async def test_occasions_page_by_date_and_id(stage: Stage, shop: Shop) -> None:
    assert shop.products
    seen: list[str] = []
    cursor: tuple[Any, UUID] | None = None
    while True:
        async with stage.world.transaction() as tx:
            page = await catalogue.occasions(tx, Search(cursor=cursor, limit=3), now=stage.clock.now())
        if not page:
            break
        seen += [f"{row.product_slug}/{row.slug}" for row in page]
        last = page[-1]
        cursor = (last.starts_at or stage.clock.now().replace(year=9999), last.id)
        if last.starts_at is None:
            break

    assert seen[:4] == DATED
    assert len(seen) == len(set(seen))


async def test_an_occasion_with_prices_of_its_own_has_those_and_no_others(blank: Stage) -> None:
    at = blank.clock.now() + timedelta(days=1)
    own = OccasionDraft("gala", at, prices=(a_price("R", 900),))
    product = a_product(
        "show", prices=(a_price("R", 300), a_price("S", 200)), occasions=(OccasionDraft("one", at), own)
    )
    shop = await a_catalogue(blank, an_issuer(products=(product,)))

    async with blank.world.transaction() as tx:
        found = await catalogue.prices(tx, [shop.occasions["show/one"], shop.occasions["show/gala"], NOWHERE])
        assert await catalogue.prices(tx, []) == {}

    assert [row.amount for row in found[shop.occasions["show/one"]]] == [300, 200]
    assert [row.amount for row in found[shop.occasions["show/gala"]]] == [900]
    assert found[NOWHERE] == []


async def test_an_occasion_may_be_elsewhere_than_its_product(blank: Stage) -> None:
    at = blank.clock.now() + timedelta(days=1)
    halls = (VenueDraft("main", {"en": "Main"}, {"en": "1 Road"}), VenueDraft("yard", {"en": "Yard"}, {"en": "2 Road"}))
    outside = OccasionDraft("two", at + timedelta(days=1), venue="yard")
    product = a_product("show", venue="main", prices=(a_price("R", 1),), occasions=(OccasionDraft("one", at), outside))
    await a_catalogue(blank, an_issuer(venues=halls, products=(product,)))

    assert await occasions(blank, place="yard") == ["show/two"]
    assert await occasions(blank, place="Main") == ["show/one"]
    async with blank.world.transaction() as tx:
        rows = await catalogue.occasions(tx, Search(), now=blank.clock.now())
    assert [row.venue_name["en"] for row in rows] == ["Main", "Yard"]


async def test_an_offer_is_an_occasion_or_the_open_dated_one_of_a_product(stage: Stage, shop: Shop) -> None:
    async def offer(**asked: UUID | None) -> sa.Row[Any] | None:
        async with stage.world.transaction() as tx:
            return await catalogue.offer(tx, **{"occasion_id": None, "product_id": None, **asked})

    dated = await offer(occasion_id=shop.occasions["play/mon"])
    assert dated is not None
    assert (dated.product_slug, dated.issuer_slug, dated.stock, dated.withdrawn) == ("play", "haneul", "places", False)
    ride = await offer(product_id=shop.products["ride"])
    assert ride is not None
    assert (ride.occasion_id, ride.stock) == (shop.occasions["ride/open"], "unlimited")
    assert await offer(product_id=shop.products["play"]) is None
    assert await offer(occasion_id=NOWHERE) is None


# --- stops, places, neighbours --------------------------------------------------------------------------------------


async def test_stations_are_found_by_words_and_issuer(blank: Stage) -> None:
    theatre = the_theatre(blank.clock.now())
    other = an_issuer("gaon", stops=(replace(theatre.stops[0], code="x"),))
    await a_catalogue(blank, theatre, other)

    async def found(issuer: str | None = None, *, words: tuple[str, ...] = (), limit: int = 10) -> list[str]:
        async with blank.world.transaction() as tx:
            rows = await catalogue.stops(tx, issuer=issuer, words=words, limit=limit)
        return [f"{row.issuer_slug}/{row.code}" for row in rows]

    assert await found() == ["gaon/x", "haneul/a", "haneul/b", "haneul/c", "haneul/d"]
    assert await found(words=("HARBOUR",)) == ["gaon/x", "haneul/a"]
    assert await found("haneul", words=("harbour",)) == ["haneul/a"]
    assert await found("haneul", words=("harbour", "market")) == []
    assert await found(limit=1) == ["gaon/x"]


async def test_places_come_page_by_page_in_plan_order(stage: Stage, shop: Shop) -> None:
    async def page(**asked: Any) -> list[str]:
        fields: dict[str, Any] = {"category": None, "section": None, "after": -1, "limit": 100}
        async with stage.world.transaction() as tx:
            rows = await catalogue.place_page(tx, shop.occasions["play/mon"], **fields | asked)
        return [row.guid for row in rows]

    everything = await page()
    assert everything == list(shop.places["play/mon"])
    assert await page(limit=5) == everything[:5]
    assert await page(after=4, limit=5) == everything[5:10]
    assert await page(category="S") == [f"B-{n}" for n in range(1, 7)]
    assert await page(section="Stalls") == everything[:12]
    assert await page(category="S", section="Balcony") == []


async def test_withdrawn_places_are_not_listed(blank: Stage) -> None:
    at = blank.clock.now() + timedelta(days=1)

    def show(seats: int) -> Any:
        one = OccasionDraft("one", at, seating="hall")
        product = a_product("show", prices=(a_price("R", 1), a_price("S", 1)), occasions=(one,))
        return an_issuer(seatings=(a_hall(seats=seats),), products=(product,))

    shop = await a_catalogue(blank, show(3))
    await a_catalogue(blank, show(2))

    async with blank.world.transaction() as tx:
        rows = await catalogue.place_page(
            tx, shop.occasions["show/one"], category=None, section=None, after=-1, limit=100
        )
        seats = await catalogue.seats(tx, list(shop.places["show/one"].values()))
    assert [row.guid for row in rows] == ["A-1", "A-2", "B-1", "B-2"]
    assert len(seats) == 6, "a sold one still has its words"
