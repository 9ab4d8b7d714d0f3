"""Which places to offer: adjacent ones first, no single seat stranded, and second choices when there are none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby, islice, pairwise
from math import hypot
from statistics import median_low

AISLE = 1.8
"""Two seats of a row further apart than this many usual seat distances are not neighbours."""


@dataclass(frozen=True, slots=True)
class Spot:
    """One place of a hall as the rules see it; `pos` is its index in the occasion's free map."""

    pos: int
    category: str
    numbered: bool
    section: str = ""
    row: str = ""
    x: float | None = None
    y: float | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """Seats side by side, in order, with no aisle between them."""

    seats: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Hall:
    """The shape of an occasion's stock: what changes only when the catalogue is imported again."""

    spots: tuple[Spot, ...]
    runs: Mapping[str, tuple[Run, ...]] = field(default_factory=dict)
    standing: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, spots: Sequence[Spot]) -> Hall:
        """Group places, given in the order of `pos`, into runs; the best rows are those listed first in the plan."""
        runs: dict[str, list[Run]] = {}
        standing: dict[str, list[int]] = {}
        for spot in spots:
            if not spot.numbered:
                standing.setdefault(spot.category, []).append(spot.pos)
        seats = (spot for spot in spots if spot.numbered)
        for _, row in groupby(seats, key=lambda spot: (spot.section, spot.row)):
            for category, run in _middle_first(tuple(row)):
                runs.setdefault(category, []).append(run)
        return cls(
            tuple(spots),
            {category: tuple(found) for category, found in runs.items()},
            {category: tuple(found) for category, found in standing.items()},
        )

    @property
    def categories(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(spot.category for spot in self.spots))


def _middle_first(row: Sequence[Spot]) -> list[tuple[str, Run]]:
    """The runs of one row, those nearest its middle first: nobody calls the block beside the wall the best."""
    middle = (row[0].pos + row[-1].pos) / 2

    def aside(found: tuple[str, Run]) -> float:
        seats = found[1].seats
        return abs((seats[0] + seats[-1]) / 2 - middle)

    return sorted(_runs_of(row), key=aside)


def _runs_of(row: Sequence[Spot]) -> Iterator[tuple[str, Run]]:
    gaps = [_distance(a, b) for a, b in pairwise(row)]
    usual = median_low(gaps) if gaps else 0.0  # a distance that occurs: an average would lie beyond a lone aisle
    start = 0
    for index in range(1, len(row) + 1):
        ends = index == len(row) or row[index].category != row[start].category
        if ends or gaps[index - 1] > AISLE * usual:
            yield row[start].category, Run(tuple(spot.pos for spot in row[start:index]))
            start = index


def _distance(a: Spot, b: Spot) -> float:
    if a.x is None or a.y is None or b.x is None or b.y is None:
        return 0.0
    return hypot(a.x - b.x, a.y - b.y)


Free = Sequence[int]
"""One truthy number per place, by `pos`: 1 is free. A bytearray in practice."""


def pick(hall: Hall, free: Free, category: str, quantity: int) -> tuple[int, ...] | None:
    """The best free places of a category: any standing ones, else side by side, stranding no single seat if avoidable.

    A category may have both: once too few standing places are left for all, its seats are offered. The first run in
    plan order that strands nobody wins; inside it, the places nearest its middle.
    """
    standing = tuple(islice(_free(hall.standing.get(category, ()), free), quantity))
    if len(standing) == quantity:
        return standing
    fallback: tuple[int, tuple[int, ...]] | None = None
    for run in hall.runs.get(category, ()):
        offer = _best_in(run, free, quantity)
        if offer is None:
            continue
        if offer[0] == 0:
            return offer[1]
        if fallback is None or offer[0] < fallback[0]:
            fallback = offer
    return fallback[1] if fallback else None


def _free(positions: Iterable[int], free: Free) -> Iterator[int]:
    return (pos for pos in positions if free[pos])


def _stretches(run: Run, free: Free) -> Iterator[tuple[int, int]]:
    """Maximal free stretches of a run as (start, end) indexes, end exclusive."""
    start: int | None = None
    for index, pos in enumerate(run.seats):
        if free[pos]:
            if start is None:
                start = index
        elif start is not None:
            yield start, index
            start = None
    if start is not None:
        yield start, len(run.seats)


def _best_in(run: Run, free: Free, quantity: int) -> tuple[int, tuple[int, ...]] | None:
    """(single seats stranded, the seats) for the best placement in one run, or None when nothing fits."""
    best: tuple[int, float, int] | None = None
    middle = len(run.seats) / 2
    for start, end in _stretches(run, free):
        for left in range(start, end - quantity + 1):
            stranded = (left - start == 1) + (end - left - quantity == 1)
            score = (stranded, abs(left + quantity / 2 - middle), left)
            if best is None or score < best:
                best = score
    if best is None:
        return None
    return best[0], run.seats[best[2] : best[2] + quantity]


def split(hall: Hall, free: Free, category: str, quantity: int) -> tuple[int, ...] | None:
    """The same number of seats in as few groups as the category's free stretches allow, largest stretches first."""
    stretches = [run.seats[start:end] for run in hall.runs.get(category, ()) for start, end in _stretches(run, free)]
    stretches.sort(key=len, reverse=True)
    chosen: list[int] = []
    for seats in stretches:
        chosen.extend(seats[: quantity - len(chosen)])
        if len(chosen) == quantity:
            return tuple(sorted(chosen))
    return None


def nearest(hall: Hall, free: Free, wanted: Sequence[int]) -> tuple[int, ...] | None:
    """Free seats near chosen ones that are gone: still free ones are kept, each lost one gets its nearest neighbour."""
    taken = {pos for pos in wanted if free[pos]}
    chosen: list[int] = []
    for pos in wanted:
        if free[pos]:
            chosen.append(pos)
            continue
        lost = hall.spots[pos]
        candidates = (
            spot
            for spot in hall.spots
            if free[spot.pos] and spot.pos not in taken and spot.numbered and spot.category == lost.category
        )
        best = min(candidates, key=lambda spot: (_distance(lost, spot), abs(spot.pos - lost.pos)), default=None)
        if best is None:
            return None
        taken.add(best.pos)
        chosen.append(best.pos)
    return tuple(chosen)


def beside(hall: Hall, free: Free, wanted: Sequence[int]) -> tuple[int, ...] | None:
    """For seats that were side by side: as many free ones side by side, nearest to where they were."""
    category = hall.spots[wanted[0]].category
    runs = hall.runs.get(category, ())
    size = len(wanted)
    if not any(tuple(wanted) == run.seats[start : start + size] for run in runs for start in range(len(run.seats))):
        return None
    placements = (
        run.seats[start : start + size]
        for run in runs
        for left, right in _stretches(run, free)
        for start in range(left, right - size + 1)
    )
    return min(placements, key=lambda seats: _apart(hall, wanted, seats), default=None)


def _apart(hall: Hall, wanted: Sequence[int], seats: Sequence[int]) -> tuple[float, int]:
    """How far seats are from the wanted ones, one by one; in the plan where it has no coordinates."""
    pairs = list(zip(wanted, seats, strict=True))
    return (
        sum(_distance(hall.spots[a], hall.spots[b]) for a, b in pairs),
        sum(abs(a - b) for a, b in pairs),
    )


def free_by_category(hall: Hall, free: Free) -> dict[str, int]:
    """How many places are free in each category, in plan order; categories with none are told too."""
    counts = dict.fromkeys(hall.categories, 0)
    for spot in hall.spots:
        if free[spot.pos]:
            counts[spot.category] += 1
    return counts


class Alternative(StrEnum):
    """Kinds of second choice, in the order they are offered."""

    NEAREST_SEATS = "nearest_seats"
    SPLIT_SEATS = "split_seats"
    OTHER_CATEGORY = "other_category"
    OTHER_DATE = "other_date"


ALTERNATIVES_MAX = 6
OTHER_DATES_MAX = 3


def price_distance(asked: int, offered: int) -> tuple[int, int]:
    """Orders other categories: the nearest price first, of two equally near the cheaper one."""
    return abs(offered - asked), offered
