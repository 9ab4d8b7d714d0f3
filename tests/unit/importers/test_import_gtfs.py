"""A GTFS feed becomes stations, routes and rides at its own fares; whatever is not understood is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from import_builders import FEED, a_folder, a_zip

from app.domain.catalogue import IssuerCatalogue, PriceDraft, ProductDraft, prices_between
from app.domain.money import Money
from app.importers.fares import discounted
from app.importers.gtfs import read_gtfs
from app.samples import ISLAND_BUS

REAL_FEED = Path(
    os.environ.get("CYBERTICKET_TEST_GTFS") or Path(__file__).parents[4] / "shared" / "data" / "caltrain_gtfs_2016.zip"
)


def the_issuer(path: Path, **options: int) -> IssuerCatalogue:
    catalogue, _ = read_gtfs(path, **options)  # type: ignore[arg-type]  # the keyword options of ints
    (issuer,) = catalogue.issuers
    return issuer


def notes_of(path: Path) -> str:
    return "\n".join(read_gtfs(path)[1].notes)


def priced(product: ProductDraft) -> dict[tuple[str | None, str | None, str | None], int]:
    return {(p.origin_zone, p.destination_zone, p.route): p.amount.amount for p in product.prices}


# --- a real feed ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real() -> IssuerCatalogue:
    if not REAL_FEED.exists():
        message = f"the real feed is not at {REAL_FEED}; set CYBERTICKET_TEST_GTFS to a copy of it"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return the_issuer(REAL_FEED, carnet=8, discount_percent=13)


def test_a_real_feed_has_its_31_stations_in_six_zones(real: IssuerCatalogue) -> None:
    assert len(real.stops) == 31
    assert {stop.zone for stop in real.stops} == {"1", "2", "3", "4", "5", "6"}


def test_shuttle_bus_bays_fold_into_their_station(real: IssuerCatalogue) -> None:
    (shuttle,) = (route for route in real.routes if "Shuttle" in route.name["en"])
    assert set(shuttle.patterns) == {("ctta", "ctsj"), ("ctsj", "ctta")}


def test_san_francisco_to_san_jose_costs_what_the_operator_asked(real: IssuerCatalogue) -> None:
    zone = {stop.name["en"]: stop.zone for stop in real.stops}
    (price,) = prices_between(
        real.products[0].prices,
        origin_zone=zone["San Francisco Caltrain"],
        destination_zone=zone["San Jose Diridon Caltrain"],
    )
    assert price.amount == Money(975, "USD")


def test_zone_fares_told_again_for_every_route_are_told_once(real: IssuerCatalogue) -> None:
    assert len(real.products[0].prices) == 36
    assert all(price.route is None for price in real.products[0].prices)


def test_a_real_carnet_is_eight_rides_less_thirteen_percent_to_the_cent(real: IssuerCatalogue) -> None:
    _, carnet = real.products
    assert (carnet.slug, carnet.uses) == ("carnet-8", 8)
    assert priced(carnet)["1", "4", None] == 6786  # 8 x 9.75 = 78.00; less 13 % is 67.86
    assert priced(carnet)["1", "1", None] == 2610


def test_the_issuer_is_the_agency_of_the_real_feed(real: IssuerCatalogue) -> None:
    issuer = real.issuer
    assert (issuer.slug, issuer.timezone, issuer.currency, issuer.language) == (
        "caltrain",
        "America/Los_Angeles",
        "USD",
        "en",
    )


# --- the sample feed ------------------------------------------------------------------------------------------------


def test_the_sample_feed_reads_without_a_note_in_both_languages() -> None:
    catalogue, report = read_gtfs(ISLAND_BUS)
    (issuer,) = catalogue.issuers
    assert report.notes == ()
    assert issuer.issuer.slug == "solseom-transport"
    assert all(stop.name.keys() == {"ko", "en"} for stop in issuer.stops)
    assert issuer.routes[0].name["en"] == "1 Coast line (Terminal – White Lighthouse)"
    assert priced(issuer.products[0])["1", "3", None] == 2300


# --- stations and routes --------------------------------------------------------------------------------------------


def test_a_zip_and_a_folder_read_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    assert the_issuer(a_folder(folder)) == the_issuer(a_zip(tmp_path))


def test_platforms_fold_into_their_station_with_their_zone(tmp_path: Path) -> None:
    stops = the_issuer(a_folder(tmp_path)).stops
    assert [(stop.code, stop.zone) for stop in stops] == [("P", "a"), ("H", "b"), ("B", "c")]


def test_each_distinct_order_of_stations_is_one_pattern(tmp_path: Path) -> None:
    coast, summit = the_issuer(a_folder(tmp_path)).routes
    assert (coast.name["en"], coast.patterns) == ("1 Coast", (("P", "H", "B"),))
    assert (summit.name["en"], summit.patterns) == ("Summit", (("P", "H"),))


def test_stops_count_by_stop_sequence_and_not_by_row(tmp_path: Path) -> None:
    backwards = "trip_id,stop_id,stop_sequence\nt1,B,30\nt1,H,4\nt1,P1,1\nt3,P1,0\nt3,H,1\n"
    coast, _ = the_issuer(a_folder(tmp_path, {"stop_times.txt": backwards})).routes
    assert coast.patterns == (("P", "H", "B"),)


def test_two_bays_of_one_station_in_a_row_are_one_call(tmp_path: Path) -> None:
    times = "trip_id,stop_id,stop_sequence\nt1,P1,1\nt1,P2,2\nt1,H,3\nt3,P1,0\nt3,H,1\n"
    coast, _ = the_issuer(a_folder(tmp_path, {"stop_times.txt": times})).routes
    assert coast.patterns == (("P", "H"),)


def test_a_boarding_area_stands_for_its_station_and_has_its_platforms_zone(tmp_path: Path) -> None:
    stops = FEED["stops.txt"] + "X,,,,,4,P1\n"
    times = FEED["stop_times.txt"].replace("t1,8:00:00,8:00:00,P1,1", "t1,8:00:00,8:00:00,X,1")
    issuer = the_issuer(a_folder(tmp_path, {"stops.txt": stops, "stop_times.txt": times}))
    assert [(stop.code, stop.zone) for stop in issuer.stops] == [("P", "a"), ("H", "b"), ("B", "c")]


def test_platforms_in_different_zones_stay_apart_and_are_told(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, {"stops.txt": FEED["stops.txt"].replace("126.1,a,0,P\nH", "126.1,b,0,P\nH")})
    assert [stop.code for stop in the_issuer(folder).stops] == ["P1", "P2", "H", "B"]
    assert "the platforms of Port lie in several zones" in notes_of(folder)


def test_a_stop_where_no_trip_calls_is_left_out_and_told(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, {"stops.txt": FEED["stops.txt"] + "X,Closed,34,126,c,0,\n"})
    assert "X" not in {stop.code for stop in the_issuer(folder).stops}
    assert "stops where no trip calls were left out: 1" in notes_of(folder)


def test_calls_at_zones_on_demand_are_left_out_and_told(tmp_path: Path) -> None:
    times = FEED["stop_times.txt"].replace("stop_sequence", "stop_sequence,location_id", 1) + "t3,,,,9,around\n"
    folder = a_folder(tmp_path, {"stop_times.txt": times})
    assert the_issuer(folder).routes[1].patterns == (("P", "H"),)
    assert "calls at zones on demand were left out" in notes_of(folder)


def test_a_translation_of_the_record_outranks_one_of_the_words(tmp_path: Path) -> None:
    translations = (
        "table_name,field_name,language,translation,record_id,field_value\n"
        "stops,stop_name,ko,언덕,,Hill\nstops,stop_name,ko,항구,,Port\nstops,stop_name,ko,포구,P,\n"
    )
    stops = the_issuer(a_folder(tmp_path, {"translations.txt": translations})).stops
    assert [stop.name.get("ko") for stop in stops] == ["포구", "언덕", None]


# --- fares ----------------------------------------------------------------------------------------------------------


def test_fares_by_zone_become_prices_by_zone(tmp_path: Path) -> None:
    (product,) = the_issuer(a_folder(tmp_path)).products
    assert priced(product) == {("a", "b", None): 1500, ("b", "c", None): 1500, ("a", "c", None): 2300}


def test_a_fare_of_one_route_holds_on_that_route_only(tmp_path: Path) -> None:
    rules = "fare_id,route_id\nnear,r2\nfar,r1\n"
    (product,) = the_issuer(a_folder(tmp_path, {"fare_rules.txt": rules})).products
    assert priced(product) == {(None, None, "r2"): 1500, (None, None, "r1"): 2300}


def test_zone_fares_that_differ_by_route_keep_their_route(tmp_path: Path) -> None:
    rules = "fare_id,route_id,origin_id,destination_id\nnear,r1,a,b\nfar,r2,a,b\nfar,r1,a,c\nnear,r1,b,c\n"
    (product,) = the_issuer(a_folder(tmp_path, {"fare_rules.txt": rules})).products
    assert priced(product)["a", "b", "r1"] == 1500
    assert priced(product)["a", "b", "r2"] == 2300


def test_a_fare_without_a_rule_holds_everywhere_and_is_told(tmp_path: Path) -> None:
    rules = "fare_id,origin_id,destination_id\nnear,a,b\n"
    folder = a_folder(tmp_path, {"fare_rules.txt": rules})
    assert priced(the_issuer(folder).products[0]) == {("a", "b", None): 1500, (None, None, None): 2300}
    assert "fares without a rule hold for every journey: far" in notes_of(folder)


def test_without_fare_rules_one_fare_holds_everywhere(tmp_path: Path) -> None:
    fare = "fare_id,price,currency_type,transfers\nflat,1400,KRW,0\n"
    folder = a_folder(tmp_path, {"fare_rules.txt": None, "fare_attributes.txt": fare})
    assert priced(the_issuer(folder).products[0]) == {(None, None, None): 1400}
    assert notes_of(folder) == ""


def test_contains_id_rules_are_reported_and_never_guessed(tmp_path: Path) -> None:
    rules = "fare_id,origin_id,destination_id,contains_id\nnear,a,b,\nfar,,,a\nfar,,,b\nfar,,,c\n"
    folder = a_folder(tmp_path, {"fare_rules.txt": rules})
    assert priced(the_issuer(folder).products[0]) == {("a", "b", None): 1500}
    notes = notes_of(folder)
    assert "contains_id rules are not understood: 3 of fare far skipped" in notes
    assert "fare far is not covered by any rule that is understood; it is not sold" in notes


def test_a_journey_that_no_fare_covers_is_told(tmp_path: Path) -> None:
    rules = "fare_id,origin_id,destination_id\nnear,a,b\nfar,a,c\n"
    assert "cannot be sold: zone b to zone c on 1 Coast" in notes_of(a_folder(tmp_path, {"fare_rules.txt": rules}))


def test_a_rule_for_a_zone_without_stops_is_told_and_not_sold(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, {"fare_rules.txt": FEED["fare_rules.txt"] + "far,,a,moon\n"})
    assert len(the_issuer(folder).products[0].prices) == 3
    assert "fare far has rules for a zone where no trip calls: moon" in notes_of(folder)


def test_terms_of_travel_name_the_category_and_not_the_fares_id(tmp_path: Path) -> None:
    fares = "fare_id,price,currency_type,transfers,transfer_duration\nx_2016,1500,KRW,1,5400\ny_2016,900,KRW,,\n"
    folder = a_folder(tmp_path, {"fare_attributes.txt": fares, "fare_rules.txt": None})
    names = {price.category: price.name for price in the_issuer(folder).products[0].prices}
    assert names == {
        "one-way-1-transfer-90-min": {"ko": "편도, 환승 1회(90분 이내)", "en": "One way, 1 transfer within 90 min"},
        "one-way-transfers": {"ko": "편도, 환승 자유", "en": "One way, any number of transfers"},
    }


def test_two_fares_for_one_journey_are_both_offered_by_name(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, {"fare_rules.txt": "fare_id,origin_id,destination_id\nnear,a,b\nfar,a,b\n"})
    offered = prices_between(the_issuer(folder).products[0].prices, origin_zone="a", destination_zone="b")
    assert {price.category: price.amount.amount for price in offered} == {"one-way-near": 1500, "one-way-far": 2300}
    assert "fares near, far price the same journey" in notes_of(folder)


def test_each_agency_is_an_issuer_with_its_own_routes_and_fares(tmp_path: Path) -> None:
    folder = a_folder(
        tmp_path,
        {
            "agency.txt": FEED["agency.txt"] + "F,Ferry,https://f.example,Asia/Seoul,ko\n",
            "routes.txt": "route_id,agency_id,route_long_name\nr1,M,Coast\nr2,F,Summit\n",
            "fare_attributes.txt": (
                "fare_id,price,currency_type,transfers,agency_id\nnear,1500,KRW,0,M\nfar,9900,KRW,0,F\n"
            ),
            "fare_rules.txt": None,
        },
    )
    catalogue, _ = read_gtfs(folder)
    assert [
        (issuer.issuer.slug, [route.code for route in issuer.routes], priced(issuer.products[0]))
        for issuer in catalogue.issuers
    ] == [("metro", ["r1"], {(None, None, None): 1500}), ("ferry", ["r2"], {(None, None, None): 9900})]


def test_a_name_without_latin_letters_makes_a_slug_of_id_and_name(tmp_path: Path) -> None:
    agency = FEED["agency.txt"].replace("M,Metro", "1,부산교통")
    other = FEED["agency.txt"].replace("M,Metro", "1,인천교통")
    slugs = {the_issuer(a_folder(tmp_path, {"agency.txt": text})).issuer.slug for text in (agency, other)}
    assert len(slugs) == 2
    assert all(slug.startswith("1-") for slug in slugs)


# --- carnets --------------------------------------------------------------------------------------------------------


def test_a_carnet_is_sold_only_when_asked_for(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    assert [product.slug for product in the_issuer(folder).products] == ["one-way"]
    one, ten = the_issuer(folder, carnet=10).products
    assert (one.uses, ten.uses) == (1, 10)
    assert priced(ten)["a", "b", None] == 15_000


@pytest.mark.parametrize(
    ("amount", "percent", "expected"),
    [(1_000, 0, 1_000), (1_000, 10, 900), (150, 1, 149), (50, 1, 50), (10, 5, 10), (30, 5, 29), (999, 99, 10)],
)
def test_a_discount_is_rounded_half_up(amount: int, percent: int, expected: int) -> None:
    assert discounted(Money(amount, "KRW"), discount_percent=percent) == Money(expected, "KRW")


@given(st.integers(0, 10**9), st.integers(0, 99))
def test_a_discount_is_never_more_than_half_a_unit_away_from_exact(amount: int, percent: int) -> None:
    exact_hundredths = amount * (100 - percent)
    assert -50 < discounted(Money(amount, "KRW"), discount_percent=percent).amount * 100 - exact_hundredths <= 50


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"carnet": 1}, "2 to 100 rides"),
        ({"discount_percent": 10}, "say how many rides"),
        ({"carnet": 10, "discount_percent": 100}, "0 to 99 percent"),
        ({"valid_days": 0}, "at least 1 day"),
    ],
)
def test_a_carnet_that_cannot_be_is_refused_in_words(tmp_path: Path, options: dict[str, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        the_issuer(a_folder(tmp_path), **options)


# --- the narrowest price --------------------------------------------------------------------------------------------


def test_the_narrowest_price_of_each_category_holds() -> None:
    def a_price(amount: int, *, origin: str | None = None, route: str | None = None) -> PriceDraft:
        return PriceDraft("one-way", {"en": "x"}, Money(amount, "KRW"), origin_zone=origin, route=route)

    prices = (a_price(1), a_price(2, origin="a"), a_price(3, route="r"))

    def cost(origin: str, route: str | None = None) -> int:
        (price,) = prices_between(prices, origin_zone=origin, destination_zone="z", route=route)
        return price.amount.amount

    assert (cost("b"), cost("a"), cost("a", "r"), cost("b", "other")) == (1, 2, 3, 1)


# --- progress -------------------------------------------------------------------------------------------------------


def test_progress_grows_to_the_whole(tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    read_gtfs(a_zip(tmp_path), progress=lambda done, total, what: seen.append((done, total, what)))
    done = [step[0] for step in seen]
    assert done == sorted(done)
    assert seen[-1][0] == seen[-1][1] == sum(len(text.encode()) for text in FEED.values())
