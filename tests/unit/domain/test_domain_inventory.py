"""Which places are offered, on halls one can see, and against a slow model on halls one cannot foresee."""

from __future__ import annotations

from dataclasses import replace
from math import hypot

import pytest
from halls import Scene, drawn, groups, scenes
from hypothesis import given
from hypothesis import strategies as st

from app.domain.inventory import Hall, Run, Spot, beside, free_by_category, nearest, pick, price_distance, split

CATEGORIES = st.sampled_from("RS")
QUANTITIES = st.integers(1, 6)


def standing(count: int, *, category: str = "Floor", start: int = 0) -> list[Spot]:
    return [Spot(start + index, category, False) for index in range(count)]


# --- the hall -------------------------------------------------------------------------------------------------------


def test_an_aisle_parts_a_row() -> None:
    hall, _ = drawn("ooo ooo")
    assert hall.runs["R"] == (Run((0, 1, 2)), Run((3, 4, 5)))


@pytest.mark.parametrize(("row", "runs"), [("o oo", 2), ("oo o", 2), ("oo", 1), ("o", 1)])
def test_even_a_short_row_is_parted_where_its_aisle_is(row: str, runs: int) -> None:
    hall, _ = drawn(row)
    assert len(hall.runs["R"]) == runs


def test_two_rows_are_two_runs_and_so_are_two_sections() -> None:
    hall, _ = drawn("oo", "oo")
    assert len(hall.runs["R"]) == 2
    moved = Hall.of([replace(spot, row="1", section=str(spot.pos // 2)) for spot in hall.spots])
    assert moved.runs == hall.runs


def test_a_change_of_category_parts_a_row() -> None:
    hall, _ = drawn("oooo")
    dear = Hall.of([replace(spot, category="R" if spot.pos < 2 else "S") for spot in hall.spots])
    assert dear.runs == {"R": (Run((0, 1)),), "S": (Run((2, 3)),)}
    assert dear.categories == ("R", "S")


def test_a_row_without_coordinates_is_one_run() -> None:
    hall = Hall.of([Spot(pos, "R", True, "hall", "A") for pos in range(4)])
    assert hall.runs["R"] == (Run((0, 1, 2, 3)),)


def test_standing_places_are_no_run() -> None:
    hall = Hall.of(standing(3))
    assert (hall.runs, hall.standing) == ({}, {"Floor": (0, 1, 2)})


def test_a_hall_of_nothing_offers_nothing() -> None:
    hall = Hall.of([])
    assert (hall.categories, pick(hall, b"", "R", 1), split(hall, b"", "R", 1)) == ((), None, None)


@given(scenes())
def test_every_seat_stands_in_one_run_and_the_runs_are_the_blocks(scene: Scene) -> None:
    assert sorted(run.seats for runs in scene.hall.runs.values() for run in runs) == sorted(scene.blocks)


# --- the best places ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "quantity", "seats"),
    [
        (("ooooooo",), 3, (2, 3, 4)),  # the middle
        (("oooooo",), 2, (2, 3)),
        (("oooo",), 3, (0, 1, 2)),  # one is stranded anyway: the leftmost of two equals
        (("xoooox",), 2, (1, 2)),  # the middle pair would strand two
        (("oxoxo",), 1, (2,)),
        (("ooo", "oooo"), 2, (3, 4)),  # the second row strands nobody
        (("ooo", "ooo"), 2, (0, 1)),  # both strand one: the better row
        (("oxo", "oo"), 2, (3, 4)),
        (("oooo oooooo oooo",), 2, (6, 7)),  # the block in the middle, not the one beside the wall
        (("oooo xxxxxx oooo", "oooo oooo oooo"), 2, (0, 1)),  # the better row all the same
    ],
)
def test_the_best_places_of_a_hall_one_can_see(rows: tuple[str, ...], quantity: int, seats: tuple[int, ...]) -> None:
    hall, free = drawn(*rows)
    assert pick(hall, free, "R", quantity) == seats


@given(scenes(), CATEGORIES, QUANTITIES)
def test_a_pick_agrees_with_trying_every_placement(scene: Scene, category: str, quantity: int) -> None:
    every = dict(scene.placements(category, quantity))
    found = pick(scene.hall, scene.free, category, quantity)
    if found is None:
        assert not every, "there was room"
    else:
        assert found in every, "not free, not side by side, not so many, or not of this category"
        assert every[found] == min(every.values()), "strands more than it must"


@given(scenes(), CATEGORIES, QUANTITIES)
def test_a_pick_comes_from_the_first_row_that_can_do_as_well(scene: Scene, category: str, quantity: int) -> None:
    every = dict(scene.placements(category, quantity))
    found = pick(scene.hall, scene.free, category, quantity)
    if found is not None:
        first = next(seats for seats, stranded in scene.placements(category, quantity) if stranded == every[found])
        assert scene.hall.spots[found[0]].row == scene.hall.spots[first[0]].row


@given(st.lists(st.integers(0, 1), max_size=8), QUANTITIES)
def test_standing_places_are_dealt_in_order_or_not_at_all(free: list[int], quantity: int) -> None:
    hall = Hall.of(standing(len(free)))
    room = [pos for pos, is_free in enumerate(free) if is_free]
    expected = tuple(room[:quantity]) if len(room) >= quantity else None
    assert pick(hall, free, "Floor", quantity) == expected


def test_a_category_with_standing_room_and_seats_offers_its_seats_once_the_floor_is_full() -> None:
    hall, _ = drawn("ooo")
    both = Hall.of([*hall.spots, *standing(2, category="R", start=3)])
    assert pick(both, bytes([1, 1, 1, 1, 1]), "R", 2) == (3, 4)
    assert pick(both, bytes([1, 1, 1, 1, 0]), "R", 2) == (0, 1)
    assert pick(both, bytes([0, 0, 1, 1, 0]), "R", 2) is None


def test_an_unknown_category_has_no_places() -> None:
    hall, free = drawn("ooo")
    assert pick(hall, free, "Z", 1) is None


# --- second choices -------------------------------------------------------------------------------------------------


def test_a_split_takes_the_largest_groups_first() -> None:
    hall, free = drawn("oxooxooo")
    assert split(hall, free, "R", 5) == (2, 3, 5, 6, 7)


@given(scenes(), CATEGORIES, QUANTITIES)
def test_a_split_has_enough_free_seats_whenever_there_are_enough(scene: Scene, category: str, quantity: int) -> None:
    room = [pos for block in scene.of(category) for pos in block if scene.free[pos]]
    found = split(scene.hall, scene.free, category, quantity)
    if len(room) < quantity:
        assert found is None
    else:
        assert found is not None
        assert len(set(found)) == len(found) == quantity
        assert set(found) <= set(room)
        assert list(found) == sorted(found)


@given(scenes(), CATEGORIES, QUANTITIES)
def test_a_split_has_as_few_groups_as_the_free_stretches_allow(scene: Scene, category: str, quantity: int) -> None:
    found = split(scene.hall, scene.free, category, quantity)
    if found is not None:
        block_of = {pos: number for number, block in enumerate(scene.blocks) for pos in block}
        order = {pos: index for block in scene.blocks for index, pos in enumerate(block)}
        assert groups(block_of, found, order) == fewest_groups(scene, category, quantity)


def fewest_groups(scene: Scene, category: str, quantity: int) -> int:
    """By the lengths of the free stretches alone: how many of the longest it takes to reach `quantity`."""
    text = "|".join("".join("o" if scene.free[pos] else "|" for pos in block) for block in scene.of(category))
    lengths = sorted((len(stretch) for stretch in text.split("|") if stretch), reverse=True)
    return next(count for count in range(1, len(lengths) + 1) if sum(lengths[:count]) >= quantity)


def test_seats_that_are_still_free_are_kept_and_a_lost_one_gets_its_neighbour() -> None:
    hall, free = drawn("ooxoo", "ooooo")
    assert nearest(hall, free, (1, 2)) == (1, 3)


def test_the_seat_behind_is_nearer_than_the_far_end_of_the_row() -> None:
    hall, free = drawn("oxxxx", "ooooo")
    assert nearest(hall, free, (4,)) == (9,)


def test_a_standing_place_is_no_neighbour_of_a_seat() -> None:
    hall, _ = drawn("xo")
    both = Hall.of([*hall.spots, *standing(1, category="R", start=2)])
    assert nearest(both, bytes([0, 0, 1]), (0,)) is None


def test_without_coordinates_the_nearest_in_the_plan_is_taken() -> None:
    hall = Hall.of([Spot(pos, "R", True, "hall", "A") for pos in range(5)])
    assert nearest(hall, bytes([1, 1, 0, 0, 1]), (3,)) == (4,)


@pytest.mark.parametrize(
    ("rows", "wanted", "seats"),
    [
        (("xxooo",), (0, 1), (2, 3)),  # the pair next to the lost one
        (("xxooo", "ooooo"), (0, 1), (5, 6)),  # the pair behind is nearer
        (("xxoxo", "oxoxo"), (0, 1), None),  # no two together any more
        (("xxooo",), (0, 2), None),  # they did not sit together
        (("xoooo",), (0,), (1,)),
    ],
)
def test_who_wanted_to_sit_together_is_offered_seats_together(
    rows: tuple[str, ...], wanted: tuple[int, ...], seats: tuple[int, ...] | None
) -> None:
    hall, free = drawn(*rows)
    assert beside(hall, free, wanted) == seats


def test_places_to_stand_are_not_side_by_side() -> None:
    hall = Hall.of(standing(4))
    assert beside(hall, bytes([0, 1, 1, 1]), (0,)) is None


@st.composite
def wishes(draw: st.DrawFn) -> tuple[Scene, tuple[int, ...]]:
    scene = draw(scenes())
    seats = st.lists(st.integers(0, len(scene.free) - 1), unique=True, min_size=1, max_size=4)
    return scene, tuple(draw(seats))


@given(wishes())
def test_each_wish_gets_a_free_seat_of_its_own_category_while_there_are_any(
    wish: tuple[Scene, tuple[int, ...]],
) -> None:
    scene, wanted = wish
    spots = scene.hall.spots
    found = nearest(scene.hall, scene.free, wanted)
    if found is None:
        room = [spot.category for spot in spots if scene.free[spot.pos]]
        asked = [spots[pos].category for pos in wanted]
        assert any(asked.count(category) > room.count(category) for category in asked)
        return
    assert len(set(found)) == len(found) == len(wanted)
    for got, pos in zip(found, wanted, strict=True):
        assert scene.free[got]
        assert spots[got].category == spots[pos].category
        assert got == pos or not scene.free[pos]


@given(wishes())
def test_a_single_lost_seat_gets_the_nearest_there_is(wish: tuple[Scene, tuple[int, ...]]) -> None:
    scene, (pos, *_) = wish
    spots = scene.hall.spots
    found = nearest(scene.hall, scene.free, (pos,))
    if found is not None:
        same = [spot for spot in spots if scene.free[spot.pos] and spot.category == spots[pos].category]
        assert away(spots[found[0]], spots[pos]) == min(away(spot, spots[pos]) for spot in same)


def away(one: Spot, other: Spot) -> float:
    assert None not in (one.x, one.y, other.x, other.y)
    return hypot((one.x or 0) - (other.x or 0), (one.y or 0) - (other.y or 0))


# --- what pages show ------------------------------------------------------------------------------------------------


@given(scenes())
def test_what_is_free_is_counted_by_category_in_plan_order(scene: Scene) -> None:
    counts = free_by_category(scene.hall, scene.free)
    assert tuple(counts) == scene.hall.categories
    for category, count in counts.items():
        assert count == sum(scene.free[pos] for block in scene.of(category) for pos in block)


def test_the_nearest_price_comes_first_and_of_two_equally_near_the_cheaper() -> None:
    assert sorted([30, 90, 50, 70, 60], key=lambda price: price_distance(60, price)) == [60, 50, 70, 30, 90]
