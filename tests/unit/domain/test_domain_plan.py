"""A hall seen from above: outlines around seats, where a section's name stands, how many seats there are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.plan import Block, Plan, Section, hull

POINTS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=40)


def test_the_outline_of_a_block_is_its_corners() -> None:
    assert set(hull([(x, y) for x in range(5) for y in range(3)])) == {(0, 0), (4, 0), (4, 2), (0, 2)}


@pytest.mark.parametrize("points", [[], [(1.0, 1.0)], [(1.0, 1.0), (2.0, 1.0)]])
def test_fewer_than_three_points_are_their_own_outline(points: list[tuple[float, float]]) -> None:
    assert list(hull(points)) == points


@given(POINTS)
def test_an_outline_leaves_no_point_outside(points: list[tuple[int, int]]) -> None:
    outline = hull(points)
    assert set(outline) <= set(points)
    if len(outline) < 3:
        return
    for x, y in points:
        for (ax, ay), (bx, by) in zip(outline, (*outline[1:], outline[0]), strict=True):
            assert (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0


def test_a_section_that_is_not_drawn_has_no_middle() -> None:
    assert Section("A", numbered=False, places=1, free=1, blocks=(Block("S", ()),)).middle is None


def test_a_sections_name_stands_in_the_middle_of_its_blocks() -> None:
    blocks = (Block("R", ((0, 0), (4, 0), (4, 2))), Block("S", ((6, 8),)))
    assert Section("1F", numbered=True, places=9, free=3, blocks=blocks).middle == (3, 4)


def test_a_plan_counts_its_seats_and_not_its_standing_places() -> None:
    seated = Section("1F", numbered=True, places=9, free=3, blocks=())
    floor = Section("FLOOR", numbered=False, places=100, free=100, blocks=())
    assert Plan(0, 0, (), (seated, floor)).seats == 9
