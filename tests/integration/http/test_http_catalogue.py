"""The catalogue over HTTP: what is found, page by page, and how a wrong question is answered."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from http_kit import NOBODY, Api, pointers, problem

from app.schemas.base import cursor

pytest_plugins = ("http_plugin",)


def slugs(body: dict[str, Any]) -> list[str]:
    return [one["slug"] for one in body["products"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["carnet", "gift", "play", "ride", "talk"]),
        ({"kind": "voucher"}, ["gift"]),
        ({"q": "봄날"}, ["play"]),
        ({"q": "post spring"}, ["play"]),
        ({"q": "nothing like it"}, []),
        ({"place": "Theatre Street"}, ["play"]),
        ({"price_max": 1_499, "kind": "ride"}, ["ride"]),
        ({"since": "2026-11-27T00:00:00+09:00", "kind": "admission"}, ["talk"]),
        ({"issuer": "haneul", "kind": "ride"}, ["carnet", "ride"]),
        ({"issuer": "nobody"}, []),
    ],
)
async def test_products_are_found_by_what_is_asked(api: Api, query: dict[str, Any], found: list[str]) -> None:
    answer = await api.get("/catalogue/products", **query)

    assert sorted(slugs(answer.json())) == found


async def test_rides_are_found_by_their_journey_with_its_price(api: Api) -> None:
    journey = {"origin": str(api.shop.stops["b"]), "destination": str(api.shop.stops["a"])}

    answer = await api.get("/catalogue/products", **journey)
    detail = await api.get(f"/catalogue/products/{api.shop.products['ride']}", **journey)

    assert sorted(slugs(answer.json())) == ["carnet", "ride"]
    assert {one["price"]["amount"] for one in detail.json()["prices"]} == {1_200}
    assert detail.json()["occasion"] in {str(one) for one in api.shop.occasions.values()}


async def test_pages_follow_each_other_without_gaps(api: Api) -> None:
    for listing, name, whole in (("products", "slug", 5), ("occasions", "id", 7)):
        seen: list[str] = []
        after: dict[str, str] = {}
        while True:
            body = (await api.get(f"/catalogue/{listing}", limit=2, **after)).json()
            seen += [one[name] for one in body[listing]]
            if body["next"] is None:
                break
            after = {"after": body["next"]}
        assert len(seen) == len(set(seen)) == whole, listing


async def test_places_come_in_plan_order_and_agree_with_the_bitmap(api: Api) -> None:
    monday = api.shop.occasions["play/mon"]
    await api.booked(api.wish(quantity=2))
    api.stage.forget()

    free = (await api.get(f"/catalogue/occasions/{monday}/availability")).json()
    places: list[dict[str, Any]] = []
    after: int | None = -1
    while after is not None:
        page = (await api.get(f"/catalogue/occasions/{monday}/places", limit=7, after=after)).json()
        places += page["places"]
        after = page["next"]

    bits = base64.b64decode(free["free"])
    assert [one["pos"] for one in places] == list(range(free["places"]))
    assert [one["free"] for one in places] == [bool(bits[pos // 8] & 0x80 >> pos % 8) for pos in range(len(places))]
    assert free["counts"] == {"R": 4, "S": 6, "FLOOR": 10}


async def test_availability_may_be_kept_for_a_second_and_nothing_else_may(api: Api) -> None:
    monday = api.shop.occasions["play/mon"]

    shared = await api.get(f"/catalogue/occasions/{monday}/availability")
    own = await api.get(f"/catalogue/occasions/{monday}/places")

    assert shared.headers["cache-control"] == "public, max-age=1"
    assert own.headers["cache-control"] == "no-store"


async def test_stops_are_found_by_words(api: Api) -> None:
    answer = await api.get("/catalogue/stops", q="harb")

    assert [one["code"] for one in answer.json()["stops"]] == ["a"]


async def test_what_is_sold_by_date_names_no_open_occasion(api: Api) -> None:
    play = await api.get(f"/catalogue/products/{api.shop.products['play']}")

    assert (play.json()["occasion"], play.json()["prices"]) == (None, [])


@pytest.mark.parametrize("path", ["products/{}", "occasions/{}/places", "occasions/{}/availability"])
async def test_what_does_not_exist_is_not_found(api: Api, path: str) -> None:
    problem(await api.get(f"/catalogue/{path.format(NOBODY)}"), 404, "not-found")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"kind": "concert"}, "/query/kind"),
        ({"q": "a\0b"}, "/query/q"),
        ({"issuer": "a\0b"}, "/query/issuer"),
        ({"place": "a\0b"}, "/query/place"),
        ({"limit": 0}, "/query/limit"),
        ({"limit": 101}, "/query/limit"),
        ({"origin": str(NOBODY)}, "/query/destination"),
        ({"destination": str(NOBODY)}, "/query/origin"),
        ({"since": "2026-11-22T12:00:00"}, "/query/since"),
        ({"price_max": -1}, "/query/price_max"),
        ({"after": "made-up"}, "/query/after"),
        ({"after": cursor("one", "two")}, "/query/after"),
        ({"after": cursor("one")}, "/query/after"),
        ({"q": "가" * 101}, "/query/q"),
    ],
)
@pytest.mark.parametrize("listing", ["products", "occasions"])
async def test_a_wrong_question_names_its_part(api: Api, listing: str, query: dict[str, Any], pointer: str) -> None:
    assert pointer in pointers(await api.get(f"/catalogue/{listing}", **query))


@pytest.mark.parametrize("path", ["products", "occasions", "stops"])
async def test_words_with_signs_of_the_query_language_are_only_words(api: Api, path: str) -> None:
    for words in ("%", "_", "'; DROP TABLE product; --", "\\", "ᄀ"):
        assert (await api.get(f"/catalogue/{path}", q=words)).status_code == 200
