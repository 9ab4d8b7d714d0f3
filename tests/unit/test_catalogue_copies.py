"""What another server tells of its catalogue is let in only when all of it makes sense."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from app.ports.catalogues import IssuerCopy, PlacesCopy


def name(number: int) -> str:
    return str(UUID(int=number))


ISSUER: dict[str, Any] = {
    "id": name(1), "revision": name(2), "slug": "haneul", "name": {"ko": "하늘"}, "timezone": "Asia/Seoul",
    "currency": "KRW", "language": "ko", "url": "https://haneul.example/", "phone": "+82 2 123 4567",
    "venues": [{"id": name(10), "slug": "main", "name": {"ko": "극장"}, "address": {}}],
    "stops": [
        {"id": name(20), "code": "a", "name": {"ko": "항구"}, "zone": "1", "lat": 35.1, "lon": 129.0},
        {"id": name(21), "code": "b", "name": {"ko": "시장"}, "zone": None, "lat": None, "lon": None},
    ],
    "routes": [{"id": name(30), "code": "r", "name": {"ko": "급행"}, "patterns": [[name(20), name(21)]]}],
    "seatings": [
        {
            "id": name(40), "slug": "hall", "name": "Hall",
            "drawing": {
                "width": 100.0, "height": 80.0, "categories": [{"name": "R", "colour": "#a00000"}],
                "standing": [{"zone": "Floor", "category": "R", "capacity": 10}],
                "areas": [
                    {
                        "shape": "rectangle", "zone": "Stage", "x": 0.0, "y": 0.0, "width": 9.0, "height": 9.0,
                        "points": [], "rotation": 0.0, "colour": None, "label": "Stage",
                    }
                ],
            },
        }
    ],
    "products": [
        {
            "id": name(50), "slug": "play", "kind": "admission", "title": {"ko": "연극"}, "description": {},
            "venue_id": name(10), "uses": 1, "face_value": None, "valid_days": None, "booking_limit": 8,
            "buyer_limit": None, "transfer": "free", "refund": "until_start",
        }
    ],
    "occasions": [
        {
            "id": name(60), "product_id": name(50), "slug": "mon", "code": 7, "stock": "places",
            "starts_at": "2026-11-24T03:00:00+00:00", "ends_at": "2026-11-24T05:00:00+00:00", "doors_at": None,
            "admits_from": None, "admits_until": None, "sales_from": None, "sales_until": None, "venue_id": None,
            "seating_id": name(40), "revision": 1,
        }
    ],
    "prices": [
        {
            "id": name(70), "product_id": name(50), "occasion_id": name(60), "category": "R", "name": {"ko": "R석"},
            "amount": 60_000, "colour": "#a00000", "origin_zone": None, "destination_zone": None, "route_id": name(30),
            "position": 0,
        }
    ],
}  # fmt: skip
PLACES: dict[str, Any] = {
    "occasion": name(60), "revision": 1, "id": [name(80), name(81)], "guid": ["A-1", "A-2"], "category": ["R", "R"],
    "numbered": [True, True], "section": ["Stalls", "Stalls"], "row": ["A", "A"], "seat": ["1", "2"],
    "x": [10.0, None], "y": [0.0, None], "withdrawn": [False, True],
}  # fmt: skip


def test_a_sound_catalogue_is_let_in_and_what_it_has_besides_is_passed_over() -> None:
    copy = IssuerCopy.model_validate({**ISSUER, "mood": "fine"})

    assert copy.occasions[0].starts_at is not None
    assert PlacesCopy.model_validate(PLACES).withdrawn == [False, True]


def test_what_gates_go_by_is_let_in_but_for_rules_of_a_newer_server() -> None:
    told = deepcopy(ISSUER)
    told["products"][0] |= {"uses": 9_999, "entry_rules": {"reentry": True, "moon_phase": "full"}}

    (product,) = IssuerCopy.model_validate(told).products

    assert (product.uses, product.entry_rules) == (9_999, {"reentry": True})


def test_an_older_server_tells_nothing_of_gates() -> None:
    copy = IssuerCopy.model_validate(ISSUER)

    assert (copy.products[0].entry_rules, copy.products[0].transfer_minutes_before) == ({}, None)
    assert copy.prices[0].entrance == ""


Change = Callable[[dict[str, Any]], None]


def put(path: str, value: object) -> Change:
    """Put `value` at a path such as products.0.uses."""

    def change(told: dict[str, Any]) -> None:
        *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
        at: Any = told
        for part in way:
            at = at[part]
        at[last] = value

    return change


def twice(table: str) -> Change:
    def change(told: dict[str, Any]) -> None:
        told[table] = [*told[table], told[table][0]]

    return change


UNSOUND: dict[str, tuple[Change, str]] = {
    "a time zone that is none": (put("timezone", "Mars/Base"), "IANA"),
    "a currency that is none": (put("currency", "XXQ"), "not known"),
    "a slug with capitals": (put("slug", "Haneul"), "not a slug"),
    "a language that is none": (put("name", {"KO!": "x"}), "language"),
    "words without end": (put("name", {"ko": "x" * 4_001}), "4000"),
    "a NUL character": (put("name", {"ko": "a\0b"}), "NUL"),
    "a NUL character in a code": (put("stops.0.code", "\0"), "NUL"),
    "no name at all": (put("name", {}), "at least 1"),
    "an address that runs a script": (put("url", "javascript:alert(1)"), "pattern"),
    "a colour that is a style": (put("prices.0.colour", "red;x:y"), "pattern"),
    "a latitude beyond the pole": (put("stops.0.lat", 91.0), "less than or equal"),
    "a width without end": (put("seatings.0.drawing.width", float("inf")), "finite"),
    "a negative price": (put("prices.0.amount", -1), "greater than or equal"),
    "a price in no integer": (put("prices.0.amount", 1.5), "valid integer"),
    "a voucher without a face": (put("products.0.kind", "voucher"), "face value"),
    "a play with a face value": (put("products.0.face_value", 1), "face value"),
    "a time without a zone": (put("occasions.0.starts_at", "2026-11-24T03:00:00"), "timezone"),
    "an end before its beginning": (put("occasions.0.ends_at", "2026-11-24T03:00:00+00:00"), "before it begins"),
    "a code beyond 32 bits": (put("occasions.0.code", 2**32), "less than or equal"),
    "two venues of one id": (twice("venues"), "two venues"),
    "two prices of one id": (twice("prices"), "two prices"),
    "a product at nobody's venue": (put("products.0.venue_id", name(9)), "a venue that is not in it"),
    "an occasion of no product": (put("occasions.0.product_id", name(9)), "a product that is not in it"),
    "an occasion in no hall": (put("occasions.0.seating_id", name(9)), "a seating that is not in it"),
    "a price of no occasion": (put("prices.0.occasion_id", name(9)), "an? occasion that is not in it"),
    "uses that are neither counted nor a pass": (put("products.0.uses", 1_001), "9999 for a pass"),
    "a rule of another kind": (put("products.0.entry_rules", {"reentry": "perhaps"}), "true or false"),
    "a face that is none": (put("products.0.entry_rules", {"faces": "smile"}), "not a valid Faces"),
    "a gift until after a year": (put("products.0.transfer_minutes_before", 527_041), "less than or equal"),
    "an entrance that is a story": (put("prices.0.entrance", "x" * 41), "at most 40"),
    "a price of no route": (put("prices.0.route_id", name(9)), "a route that is not in it"),
    "a route to nowhere": (put("routes.0.patterns", [[name(9)]]), "a stop that is not in it"),
}


@pytest.mark.parametrize("fault", UNSOUND)
def test_what_makes_no_sense_keeps_all_of_it_out(fault: str) -> None:
    change, told = UNSOUND[fault]
    unsound = deepcopy(ISSUER)
    change(unsound)

    with pytest.raises(ValidationError, match=told):
        IssuerCopy.model_validate(unsound)


@pytest.mark.parametrize(
    ("path", "value"),
    [("guid", ["A-1"]), ("guid", ["A-1", "A-1"]), ("id", [name(80), name(80)]), ("row", ["x" * 51, ""])],
    ids=["a column too short", "a guid twice", "an id twice", "a row's name too long"],
)
def test_places_that_make_no_sense_are_kept_out(path: str, value: object) -> None:
    unsound = deepcopy(PLACES)
    put(path, value)(unsound)

    with pytest.raises(ValidationError):
        PlacesCopy.model_validate(unsound)
