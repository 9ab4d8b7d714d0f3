"""Bookings over HTTP: holding, looking, cancelling, and each way it is refused."""

from __future__ import annotations

from typing import Any

import pytest
from http_kit import NOBODY, OWN, Api, pointers, problem

pytest_plugins = ("http_plugin",)


async def test_a_booking_is_held_with_its_link_its_page_and_its_times(api: Api) -> None:
    answer = await api.post("/bookings", api.wish(quantity=2))

    body = answer.json()
    assert answer.status_code == 201
    assert body["amount"] == {"amount": 120_000, "currency": "KRW", "text": "₩120,000"}
    assert body["page"] == f"https://tickets.example/b/{body['link']}"
    assert body["expires_at"] > body["server_time"]


async def test_a_booking_shows_its_items_with_masked_handsets(api: Api) -> None:
    booked = await api.booked(api.wish(quantity=2, handsets=["010-8765-4321", "+1 415 555 2671"]))

    seen = await booked.look()

    assert (seen["state"], [one["handset"] for one in seen["items"]]) == ("held", ["010-••••-4321", "+1 ••••2671"])
    assert [one["row"] for one in seen["items"]] == ["A", "A"]
    assert seen["payments"] == seen["deliveries"] == []


async def test_a_line_may_name_its_holder(api: Api) -> None:
    booked = await api.booked(api.wish(quantity=2, name="  김  하늘 "))

    assert [one["holder"] for one in (await booked.look())["items"]] == ["김 하늘", "김 하늘"]


@pytest.mark.parametrize("name", ["", "x" * 101, "Ada\u202egniK"], ids=["none", "too long", "turned round"])
async def test_a_name_that_no_gate_can_show_is_refused(api: Api, name: str) -> None:
    answer = await api.post("/bookings", api.wish(name=name))

    assert list(pointers(answer)) == ["/lines/0/name"]


async def test_a_paid_booking_shows_its_payment_and_where_its_message_is(api: Api) -> None:
    booked = await api.sold()

    seen = await booked.look()

    assert (seen["state"], seen["payments"][0]["state"]) == ("paid", "captured")
    assert [(one["purpose"], one["state"], one["parts"]) for one in seen["deliveries"]] == [("ticket", "sent", 1)]


async def test_chosen_places_are_the_ones_booked(api: Api) -> None:
    chosen = [str(one) for one in api.shop.seats("play/mon", "A-2", "A-5")]

    booked = await api.booked(api.wish(quantity=2, places=chosen))

    assert sorted(one["seat"] for one in (await booked.look())["items"]) == ["2", "5"]


async def test_a_ride_is_booked_by_its_product_and_journey(api: Api) -> None:
    journey = {"origin": str(api.shop.stops["b"]), "destination": str(api.shop.stops["a"])}
    offer = (await api.get(f"/catalogue/products/{api.shop.products['ride']}", **journey)).json()
    line = journey | {"price": offer["prices"][0]["id"]}
    body = {"product": str(api.shop.products["ride"]), "lines": [line], "buyer": OWN}

    booked = await api.booked(body)

    seen = (await booked.look())["items"][0]
    assert (seen["origin"]["en"], seen["destination"]["en"]) == ("Market", "Harbour")


async def test_a_cancelled_booking_frees_its_places_and_cannot_be_cancelled_again(api: Api) -> None:
    everything = api.wish(category="S", quantity=6)
    booked = await api.booked(everything)

    gone = await api.post(f"/bookings/{booked.id}/cancel", bearer=booked.link)

    assert (gone.status_code, gone.content) == (204, b"")
    problem(await api.post(f"/bookings/{booked.id}/cancel", bearer=booked.link), 409, "wrong-state")
    await api.booked(everything)


# --- numbers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("010-1234-5678", "+821012345678"),
        ("01012345678", "+821012345678"),
        (" 010 1234 5678 ", "+821012345678"),
        ("+82 10 1234 5678", "+821012345678"),
        ("+82-(0)10-1234-5678", "+821012345678"),
        ("+821012345678", "+821012345678"),
        ("+44 7911 123456", "+447911123456"),
        ("+1 (415) 555-2671", "+14155552671"),
        ("\uff10\uff11\uff10-1234-5678", "+821012345678"),
    ],
)
async def test_a_mobile_number_is_stored_as_e164(api: Api, typed: str, stored: str) -> None:
    booked = await api.booked(api.wish(handsets=[typed]) | {"buyer": typed})

    rows = await api.stage.sql(
        "SELECT b.buyer, i.handset FROM booking b JOIN booking_item i ON i.booking_id = b.id WHERE b.id = :id",
        id=booked.id,
    )
    assert [tuple(row) for row in rows] == [(stored, stored)]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("1588-0000", "mobile"),
        ("02-312-3456", "mobile"),
        ("+44 20 7946 0018", "mobile"),
        ("010-123", "no such phone number"),
        ("call me maybe", "not a phone number"),
        ("010-1234-5678-9999", "no such phone number"),
        ("112", "at least 5"),
    ],
)
async def test_what_is_not_a_mobile_number_is_refused_with_a_sentence(api: Api, typed: str, sentence: str) -> None:
    answer = await api.post("/bookings", api.wish(handsets=[typed]) | {"buyer": typed})

    told = pointers(answer)
    assert set(told) == {"/buyer", "/lines/0/handsets/0"}
    assert all(sentence in one for one in told.values()), told


# --- contradictions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"lines": [{"price": str(NOBODY), "quantity": 0}]}, "/lines/0/quantity"),
        ({"lines": [{"price": str(NOBODY), "quantity": 51}]}, "/lines/0/quantity"),
        ({"lines": [{"price": "twelve"}]}, "/lines/0/price"),
        ({"lines": [{"price": str(NOBODY), "discount": 1}]}, "/lines/0/discount"),
        ({"lines": []}, "/lines"),
        ({"lines": [{}]}, "/lines/0/price"),
        ({"coupon": "FREE"}, "/coupon"),
        ({"a/b~c": 1}, "/a~1b~0c"),
        ({"language": "fr"}, "/language"),
        ({"product": str(NOBODY)}, ""),
        ({"occasion": None}, ""),
        ({"buyer": None}, "/buyer"),
    ],
)
async def test_an_invalid_booking_names_the_place_of_its_fault(api: Api, change: dict[str, Any], pointer: str) -> None:
    assert set(pointers(await api.post("/bookings", api.wish() | change))) == {pointer}


async def test_a_body_that_is_not_json_is_invalid(api: Api) -> None:
    headers = {"content-type": "application/json", "idempotency-key": "key-broken"}

    for body in (b"{", b"", b"\xff\xfe", b"[]", b"null", b'"text"'):
        answer = await api.client.post("/bookings", content=body, headers=headers)
        problem(answer, 422, "invalid")


async def test_every_fault_is_told_at_once(api: Api) -> None:
    body = {"lines": [{"price": "x", "quantity": 0}], "buyer": "x", "more": 1}

    assert len(pointers(await api.post("/bookings", body))) >= 4


@pytest.mark.parametrize(
    ("line", "slug"),
    [
        ({"price": str(NOBODY)}, "bad-line"),
        ({"places": [str(NOBODY)], "quantity": 2}, "bad-line"),
        ({"handsets": [OWN, OWN, OWN], "quantity": 2}, "bad-line"),
        ({"places": [str(NOBODY)] * 2, "quantity": 2}, "bad-line"),
    ],
)
async def test_a_line_that_contradicts_the_catalogue_or_itself_is_refused(
    api: Api, line: dict[str, Any], slug: str
) -> None:
    problem(await api.post("/bookings", api.wish(**line)), 422, slug)


async def test_a_half_journey_is_refused(api: Api) -> None:
    for end in ("origin", "destination"):
        line = {"price": str(api.shop.price("ride/adult")), end: str(api.shop.stops["a"])}
        body = {"product": str(api.shop.products["ride"]), "lines": [line], "buyer": OWN}
        problem(await api.post("/bookings", body), 422, "bad-line")


async def test_more_than_the_limit_is_refused_with_the_limit(api: Api) -> None:
    answer = await api.post("/bookings", api.wish(category="FLOOR", quantity=9))

    assert problem(answer, 409, "limit-exceeded")["limit"] == 8


async def test_a_buyer_who_has_enough_is_refused_with_the_limit(api: Api) -> None:
    gift = {
        "product": str(api.shop.products["gift"]),
        "lines": [{"price": str(api.shop.price("gift/gift")), "quantity": 4}],
        "buyer": OWN,
    }
    await api.booked(gift)

    assert problem(await api.post("/bookings", gift), 409, "limit-exceeded")["limit"] == 4


async def test_an_unknown_occasion_or_product_is_not_found(api: Api) -> None:
    for which in ({"occasion": str(NOBODY)}, {"occasion": None, "product": str(NOBODY)}):
        problem(await api.post("/bookings", api.wish() | which), 404, "not-found")


async def test_after_the_curtain_nothing_is_sold_and_the_moment_is_told(api: Api) -> None:
    api.stage.clock.advance(days=2)

    body = problem(await api.post("/bookings", api.wish()), 409, "not-on-sale")

    assert body["closed_at"] == "2026-11-24T03:00:00+00:00"


# --- sold out -------------------------------------------------------------------------------------------------------


async def sold_out(api: Api, body: dict[str, Any]) -> list[dict[str, Any]]:
    found = problem(await api.post("/bookings", body), 409, "sold-out")["alternatives"]
    assert isinstance(found, list)
    return found


async def follow(api: Api, choice: dict[str, Any]) -> None:
    """Post the body as it stands: it books, at the price that was told; then leave the places to the next."""
    answer = await api.post("/bookings", choice["body"])
    assert answer.status_code == 201, f"{choice}: {answer.text}"
    assert answer.json()["amount"] == choice["amount"]
    await api.post(f"/bookings/{answer.json()['id']}/cancel", bearer=answer.json()["link"])


async def test_every_second_choice_for_a_sold_out_category_books_as_it_stands(api: Api) -> None:
    await api.booked(api.wish(quantity=5))

    choices = await sold_out(api, api.wish(quantity=2, handsets=[OWN, "010-8765-4321"]))

    assert {one["kind"] for one in choices} >= {"other_category", "other_date"}
    assert all(one["words"] for one in choices)
    for choice in choices:
        await follow(api, choice)


async def test_every_second_choice_for_taken_seats_books_as_it_stands(api: Api) -> None:
    chosen = [str(one) for one in api.shop.seats("play/mon", "A-2", "A-3")]
    await api.booked(api.wish(quantity=2, places=chosen))

    choices = await sold_out(api, api.wish(quantity=2, places=chosen))

    assert "nearest_seats" in {one["kind"] for one in choices}
    for choice in choices:
        await follow(api, choice)


async def test_split_seats_are_offered_and_book_as_they_stand(api: Api) -> None:
    await api.booked(api.wish(quantity=2, places=[str(one) for one in api.shop.seats("play/mon", "A-3", "A-4")]))

    choices = await sold_out(api, api.wish(quantity=3))

    assert "split_seats" in {one["kind"] for one in choices}
    for choice in choices:
        await follow(api, choice)


async def test_where_nothing_is_left_the_list_is_empty(api: Api) -> None:
    talk = api.wish(of="talk/talk", category="FREE", quantity=3)
    await api.booked(talk)

    assert await sold_out(api, talk) == []
