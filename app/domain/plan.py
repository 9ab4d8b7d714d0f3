"""A hall seen from above: its sections with their outlines, and what stands around them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Area:
    """Something drawn and not sold, such as the stage. (`x`, `y`) is its top left, or an ellipse's centre."""

    shape: str
    zone: str
    x: float
    y: float
    width: float
    height: float
    points: tuple[Point, ...]
    rotation: float
    label: str


@dataclass(frozen=True, slots=True)
class Block:
    """The seats of one category in a section, and the line around them."""

    category: str
    outline: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the hall. A standing one has blocks without an outline: its area is drawn instead."""

    name: str
    numbered: bool
    places: int
    free: int
    blocks: tuple[Block, ...]

    @property
    def middle(self) -> Point | None:
        """Where its name is written; None where it is not drawn."""
        points = [point for block in self.blocks for point in block.outline]
        if not points:
            return None
        xs, ys = [x for x, _ in points], [y for _, y in points]
        return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2


@dataclass(frozen=True, slots=True)
class Plan:
    """`width` and `height` are the drawing's; 0 where the hall was never drawn."""

    width: float
    height: float
    areas: tuple[Area, ...]
    sections: tuple[Section, ...]

    @property
    def seats(self) -> int:
        """How many numbered places there are, free or not."""
        return sum(section.places for section in self.sections if section.numbered)


def hull(points: Iterable[Point]) -> tuple[Point, ...]:
    """The convex outline around points, counter-clockwise (Andrew's monotone chain)."""
    ordered = sorted(set(points))
    if len(ordered) < 3:  # noqa: PLR2004 - a point or a line is its own outline
        return tuple(ordered)
    lower, upper = _half(ordered), _half(ordered[::-1])
    return (*lower[:-1], *upper[:-1])


def _half(points: Sequence[Point]) -> list[Point]:
    chain: list[Point] = []
    for point in points:
        while len(chain) > 1 and _turn(chain[-2], chain[-1], point) <= 0:
            chain.pop()
        chain.append(point)
    return chain


def _turn(a: Point, b: Point, c: Point) -> float:
    """Positive where a, b, c turn left."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
