"""From single measurements to figures one can compare: rates by the median of slices, times by percentiles."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

PARTS_PER_STRETCH = 2
"""A stretch is cut into so many slices, so that a hiccup of the machine spoils one of them and not the median."""


@dataclass(frozen=True, slots=True)
class Done:
    """One thing that was done: when it ended, counted from the beginning of its stretch, and how long it took."""

    ended_seconds: float
    took_seconds: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """All that was done in one uninterrupted time of measuring."""

    seconds: float
    done: tuple[Done, ...]
    uncounted: int = 0
    """What was done before counting began and after it ended."""
    processor_seconds: float | None = None
    """What the system's process took of the processor for all of it, where the machine tells."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One cell of the table. `rates` are those of the single slices, per second.

    `processor_ms` is what one thing cost the system's process, work in the background included. Neighbours on the
    machine change it less than they change anything else.
    """

    count: int
    rates: tuple[float, ...]
    per_second: float
    p50_ms: float
    p99_ms: float
    processor_ms: float | None


def rates(stretch: Stretch, *, parts: int = PARTS_PER_STRETCH) -> list[float]:
    """How many things per second ended in each of `parts` equal slices; what ended outside the stretch is left out."""
    counts = [0] * parts
    for one in stretch.done:
        if 0 <= one.ended_seconds < stretch.seconds:
            counts[math.floor(one.ended_seconds / stretch.seconds * parts)] += 1
    return [count * parts / stretch.seconds for count in counts]


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of all values do not exceed: a value that was measured."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def figure(stretches: Sequence[Stretch]) -> Figure:
    """Stretches of the same work at the same load, in one figure."""
    slices = [rate for stretch in stretches for rate in rates(stretch)]
    took_ms = [one.took_seconds * 1000 for stretch in stretches for one in stretch.done]
    return Figure(
        count=len(took_ms),
        rates=tuple(slices),
        per_second=statistics.median(slices),
        p50_ms=percentile(took_ms, 0.50),
        p99_ms=percentile(took_ms, 0.99),
        processor_ms=_processor_ms(stretches),
    )


def _processor_ms(stretches: Sequence[Stretch]) -> float | None:
    known = [stretch for stretch in stretches if stretch.processor_seconds is not None]
    things = sum(len(stretch.done) + stretch.uncounted for stretch in known)
    return sum(stretch.processor_seconds or 0.0 for stretch in known) * 1000 / things if things else None


def ratio(ours: Figure, theirs: Figure) -> float:
    """Of medians; not a number where there is nothing to divide by."""
    return ours.per_second / theirs.per_second if theirs.per_second else math.nan
