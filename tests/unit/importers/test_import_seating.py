"""A seating plan becomes places with coordinates; what is wrong in it is told by its JSON pointer."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_builders import PLAN, a_plan, the_fault

from app.domain.catalogue import AreaDraft, CategoryDraft, ImportRefused, PlaceDraft, StandingDraft
from app.importers.seating import read_seating
from app.samples import ARENA, THEATRE
from app.samples.make_plans import FILES, written


def test_a_seats_place_is_zone_plus_row_plus_seat(tmp_path: Path) -> None:
    plan, report = read_seating(a_plan(tmp_path))
    assert plan.places[:2] == (
        PlaceDraft("A-1", "R", numbered=True, zone="Stalls", row="A", seat="1", x=123.0, y=16.0),
        PlaceDraft("A-2", "R", numbered=True, zone="Stalls", row="A", seat="2", x=126.5, y=16.0),
    )
    assert (plan.slug, plan.name, plan.width, plan.height) == ("plan", "Small hall", 300, 200)
    assert plan.categories == (CategoryDraft("R", "#a00"), CategoryDraft("Floor", "#00aa00"))
    assert report.notes == ()


def test_a_standing_area_is_that_many_unnumbered_places(tmp_path: Path) -> None:
    plan, _ = read_seating(a_plan(tmp_path))
    assert plan.standing == (StandingDraft("Pit", "Floor", 3),)
    assert [(place.guid, place.numbered, place.x) for place in plan.places[2:]] == [
        ("pit#1", False, None),
        ("pit#2", False, None),
        ("pit#3", False, None),
    ]


def test_an_area_is_drawn_where_it_stands_in_its_zone(tmp_path: Path) -> None:
    plan, _ = read_seating(a_plan(tmp_path))
    assert plan.areas == (
        AreaDraft("rectangle", "Stalls", 101.0, 12.0, width=50.0, height=9.0, colour="#ccc", label="STAGE"),
    )


@pytest.mark.parametrize(
    ("area", "expected"),
    [
        ({"shape": "circle", "circle": {"radius": 4}}, AreaDraft("ellipse", "Stalls", 101, 12, 8, 8)),
        ({"shape": "ellipse", "ellipse": {"radius": {"x": 4, "y": 2}}}, AreaDraft("ellipse", "Stalls", 101, 12, 8, 4)),
        (
            {"shape": "polygon", "polygon": {"points": [{"x": 0, "y": 0}, {"x": 5, "y": 1}]}, "rotation": 30},
            AreaDraft("polygon", "Stalls", 101, 12, points=((101, 12), (106, 13)), rotation=30),
        ),
        ({"shape": "text", "text": {"text": "Bar"}}, AreaDraft("text", "Stalls", 101, 12, label="Bar")),
        ({"width": 5, "height": 6, "text": "Bar"}, AreaDraft("rectangle", "Stalls", 101, 12, 5, 6, label="Bar")),
    ],
)
def test_every_shape_of_the_format_is_read(tmp_path: Path, area: dict[str, Any], expected: AreaDraft) -> None:
    here = {"position": {"x": 1, "y": 2}}
    plan, _ = read_seating(a_plan(tmp_path, lambda plan: plan["zones"][0].update(areas=[here | area])))
    assert plan.areas == (expected,)


def test_keys_of_other_programs_are_passed_over(tmp_path: Path) -> None:
    def extend(plan: Any) -> None:
        plan["editor"] = {"grid": 10}
        plan["zones"][0]["rows"][0]["seats"][0]["radius"] = 10
        plan["zones"][0]["rows"][0]["row_number_position"] = None

    assert read_seating(a_plan(tmp_path, extend))[0].places == read_seating(a_plan(tmp_path))[0].places


def test_a_colour_that_is_no_colour_never_reaches_a_page(tmp_path: Path) -> None:
    evil = "red;background:url(//evil.example)"
    plan, report = read_seating(a_plan(tmp_path, lambda plan: plan["categories"][0].update(color=evil)))
    assert plan.categories[0].colour is None
    assert "is not like #1a2b3c" in report.notes[0]


def test_what_a_holder_could_not_tell_apart_is_noted(tmp_path: Path) -> None:
    def same(plan: Any) -> None:
        plan["zones"][0]["rows"][0]["seats"][1]["seat_number"] = "1"
        plan["categories"].append({"name": "Z"})

    _, report = read_seating(a_plan(tmp_path, same))
    assert report.notes == (
        'no place is of category "Z"',
        "2 seats are all called Stalls, row A, seat 1; a holder cannot tell which",
    )


def seat(plan: Any) -> Any:
    return plan["zones"][0]["rows"][0]["seats"][1]


FAULTS: list[tuple[Callable[[Any], object], str, str]] = [
    (lambda p: seat(p).update(seat_guid="A-1"), "/zones/0/rows/0/seats/1/seat_guid", '"A-1" is another place already'),
    (lambda p: seat(p).update(category="X"), "/zones/0/rows/0/seats/1/category", '"X" is not among the categories'),
    (lambda p: seat(p).pop("seat_guid"), "/zones/0/rows/0/seats/1/seat_guid", "is missing"),
    (lambda p: seat(p).pop("position"), "/zones/0/rows/0/seats/1/position", "is missing"),
    (lambda p: seat(p).update(seat_number=2), "/zones/0/rows/0/seats/1/seat_number", "is a number and must be a text"),
    (lambda p: seat(p).update(seat_guid="a\ud800"), "/zones/0/rows/0/seats/1/seat_guid", "control code U+D800"),
    (lambda p: seat(p)["position"].update(x="3"), "/zones/0/rows/0/seats/1/position/x", "is a text and must be"),
    (lambda p: seat(p)["position"].update(x=True), "/zones/0/rows/0/seats/1/position/x", "is true or false"),
    (lambda p: seat(p)["position"].update(x=1e7), "/zones/0/rows/0/seats/1/position/x", "largest coordinate"),
    (lambda p: p["zones"][0]["rows"][0].pop("row_number"), "/zones/0/rows/0/row_number", "is missing"),
    (lambda p: p["zones"][0].update(rows={}), "/zones/0/rows", "is an object and must be a list"),
    (lambda p: p["zones"][0].update(rows=[7]), "/zones/0/rows/0", "is a number and must be an object"),
    (lambda p: p.pop("size"), "/size", "is missing"),
    (lambda p: p.pop("name"), "/name", "is missing"),
    (lambda p: p["categories"].append({"name": "R"}), "/categories/2/name", '"R" is a category already'),
    (lambda p: p["zones"][1]["standing"].update(capacity=0), "/zones/1/standing/capacity", "is not between 1 and"),
    (lambda p: p["zones"][1]["standing"].update(capacity=2.5), "/zones/1/standing/capacity", "must be a whole number"),
    (lambda p: p["zones"][1]["standing"].pop("category"), "/zones/1/standing/category", "is missing"),
    (lambda p: p["zones"][1]["standing"].update(capacity=100_000), "/zones/1/standing", "beyond 100,000 places"),
    (lambda p: p["zones"].append(p["zones"][1]), "/zones/2/standing/capacity", "give the zone its own zone_id"),
    (lambda p: p.update(zones=[]), "/zones", "has no place to sell"),
]


@pytest.mark.parametrize(("spoil", "pointer", "reason"), FAULTS, ids=[f"{at}-{why[:12]}" for _, at, why in FAULTS])
def test_a_fault_is_told_by_its_pointer(
    tmp_path: Path, spoil: Callable[[Any], object], pointer: str, reason: str
) -> None:
    path = a_plan(tmp_path, spoil)
    fault = the_fault(lambda: read_seating(path))
    assert (fault.file, fault.field) == ("plan.json", pointer)
    assert reason in fault.reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not JSON here"),
        (b"[]", "is a list and must be an object"),
        (b'{"name": NaN}', "NaN is not a number in JSON"),
        (b"[" * 100_000, "is nested too deeply"),
        (b"\xff\xfe{}", "is not UTF-8"),
        (b'{"name": ' + b"9" * 5_000 + b"}", "is not JSON"),
    ],
)
def test_what_is_no_plan_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(content)
    assert reason in the_fault(lambda: read_seating(path)).reason


def test_broken_json_is_told_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text('{"name": "x",\n\n"zones": }')
    assert the_fault(lambda: read_seating(path)).row == 3


def test_a_plan_whose_file_name_makes_no_slug_needs_one(tmp_path: Path) -> None:
    path = a_plan(tmp_path).rename(tmp_path / "극장.json")
    assert "rename it" in the_fault(lambda: read_seating(path)).reason
    assert read_seating(path, slug="theatre")[0].slug == "theatre"


def test_a_plan_that_is_not_there_is_refused_in_words(tmp_path: Path) -> None:
    assert "check the path" in the_fault(lambda: read_seating(tmp_path / "none.json")).reason


# --- the samples ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_sample_plan_is_what_its_script_makes(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == written(FILES[path]()), "run python -m app.samples.make_plans"


def test_the_theatre_has_202_seats_with_a_balcony() -> None:
    plan, report = read_seating(THEATRE)
    assert report.notes == ()
    assert Counter(place.category for place in plan.places) == {"R": 64, "S": 78, "A": 60}
    assert {place.zone for place in plan.places if place.category == "A"} == {"2F"}


def test_the_arena_has_12000_places() -> None:
    plan, report = read_seating(ARENA)
    assert report.notes == ()
    assert len(plan.places) == 12_000
    assert sum(standing.capacity for standing in plan.standing) == 2_620


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_two_seats_of_a_sample_overlap_or_leave_the_drawing(path: Path) -> None:
    plan, _ = read_seating(path)
    spots: set[tuple[int, int]] = set()
    for place in plan.places:
        if place.x is not None and place.y is not None:
            assert 0 < place.x < plan.width
            assert 0 < place.y < plan.height
            spots.add((round(place.x / 8), round(place.y / 8)))
    assert len(spots) == sum(place.numbered for place in plan.places)


# --- anything at all ------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "y", "name", "text"]), inner),
    max_leaves=6,
)
PATHS = [("name",), ("size",), ("categories", 0), ("zones",), ("zones", 0), ("zones", 0, "rows", 0, "seats", 0)]
PATHS += [("zones", 1, "standing"), ("zones", 0, "areas", 0), ("zones", 0, "areas", 0, "text"), ("categories",)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(PATHS), JSON)
def test_any_value_anywhere_is_read_or_refused(tmp_path: Path, path: tuple[str | int, ...], value: object) -> None:
    def spoil(plan: Any) -> None:
        *way, last = path
        for step in way:
            plan = plan[step]
        plan[last] = value

    with contextlib.suppress(ImportRefused):
        read_seating(a_plan(tmp_path, spoil))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=100))
def test_any_bytes_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(content)
    with pytest.raises(ImportRefused):
        read_seating(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_plan_with_any_character_changed_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    text = bytearray(json.dumps(PLAN).encode())
    text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "plan.json"
    path.write_bytes(text)
    with contextlib.suppress(ImportRefused):
        read_seating(path)
