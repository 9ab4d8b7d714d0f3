"""Small halls for the seat rules: drawn as text, or by hypothesis, with a slow and obvious account of their seats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis import strategies as st

from app.domain.inventory import Hall, Spot

SEAT_PIXELS = 10.0
AISLE_PIXELS = 30.0
SHORTEST = 4  # a row this long has more usual gaps than aisles, so that what is usual is plain


def drawn(*rows: str, category: str = "R") -> tuple[Hall, bytearray]:
    """Rows of seats: `o` is free, `x` is taken, a space is an aisle. Seats of one row are numbered on through it."""
    spots: list[Spot] = []
    free = bytearray()
    for number, row in enumerate(rows):
        across = 0.0
        for mark in row:
            if mark == " ":
                across += AISLE_PIXELS - SEAT_PIXELS
                continue
            spots.append(Spot(len(spots), category, True, "hall", str(number), across, number * SEAT_PIXELS))
            free.append(mark == "o")
            across += SEAT_PIXELS
    return Hall.of(spots), free


@dataclass(frozen=True, slots=True)
class Scene:
    """A hall, which of its places are free, and, told apart from any rule, the blocks its seats stand in."""

    hall: Hall
    free: bytearray
    blocks: tuple[tuple[int, ...], ...]

    def of(self, category: str) -> tuple[tuple[int, ...], ...]:
        return tuple(block for block in self.blocks if self.hall.spots[block[0]].category == category)

    def placements(self, category: str, quantity: int) -> Iterator[tuple[tuple[int, ...], int]]:
        """Every way to seat `quantity` side by side, with the number of seats it leaves single."""
        for block in self.of(category):
            before = alone(block, self.free)
            for left in range(len(block) - quantity + 1):
                chosen = block[left : left + quantity]
                if all(self.free[pos] for pos in chosen):
                    after = bytearray(self.free)
                    for pos in chosen:
                        after[pos] = 0
                    yield chosen, len(alone(block, after) - before)


def alone(block: tuple[int, ...], free: bytearray) -> set[int]:
    """Free seats of a block with no free neighbour."""
    found = set()
    for index, pos in enumerate(block):
        neighbours = block[max(index - 1, 0) : index] + block[index + 1 : index + 2]
        if free[pos] and not any(free[near] for near in neighbours):
            found.add(pos)
    return found


def groups(block_of: dict[int, int], chosen: tuple[int, ...], order: dict[int, int]) -> int:
    """How many groups of people side by side `chosen` seats are."""
    marks = sorted((block_of[pos], order[pos]) for pos in chosen)
    return sum(
        index == 0 or (block, place) != (marks[index - 1][0], marks[index - 1][1] + 1)
        for index, (block, place) in enumerate(marks)
    )


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """One to four rows of one or two blocks each, an aisle between them, of two categories; any seats taken."""
    spots: list[Spot] = []
    blocks: list[tuple[int, ...]] = []
    for number in range(draw(st.integers(1, 4))):
        across = 0.0
        for _ in range(draw(st.integers(1, 2))):
            category = draw(st.sampled_from("RS"))
            size = draw(st.integers(SHORTEST, 7))
            blocks.append(tuple(range(len(spots), len(spots) + size)))
            for _ in range(size):
                spots.append(Spot(len(spots), category, True, "hall", str(number), across, number * SEAT_PIXELS))
                across += SEAT_PIXELS
            across += AISLE_PIXELS - SEAT_PIXELS
    free = bytearray(draw(st.lists(st.integers(0, 1), min_size=len(spots), max_size=len(spots))))
    return Scene(Hall.of(spots), free, tuple(blocks))
