"""Figures: what a rate, a percentile and a ratio are."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import Done, Stretch, figure, percentile, rates, ratio

times = st.floats(min_value=0, max_value=100, allow_nan=False)


def stretch(*ended: float, seconds: float = 1.0, took: float = 0.001) -> Stretch:
    return Stretch(seconds, tuple(Done(at, took) for at in ended))


@given(st.lists(st.floats(min_value=-1, max_value=12), max_size=60), st.integers(min_value=1, max_value=7))
def test_slices_share_out_everything_that_ended_inside_the_stretch(ended: list[float], parts: int) -> None:
    found = rates(stretch(*ended, seconds=10.0), parts=parts)
    assert len(found) == parts
    inside = sum(1 for at in ended if 0 <= at < 10)
    assert sum(rate * 10 / parts for rate in found) == pytest.approx(inside)


def test_what_ends_at_the_very_end_belongs_to_nobody() -> None:
    assert rates(stretch(0.0, 0.5, 1.0), parts=2) == [2.0, 2.0]


@given(st.lists(times, min_size=1), st.floats(min_value=0.01, max_value=1))
def test_a_percentile_is_the_smallest_measured_value_that_enough_values_do_not_exceed(
    values: list[float], share: float
) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) < share * len(values)


def test_nothing_measured_has_no_percentile() -> None:
    assert math.isnan(percentile([], 0.5))


def test_a_machine_that_stalls_for_one_slice_does_not_move_the_rate() -> None:
    steady = stretch(*(number / 100 for number in range(100)))
    stalled = stretch(*(number / 100 for number in range(50)))
    found = figure([steady, stalled, steady])
    assert found.rates == (100.0, 100.0, 100.0, 0.0, 100.0, 100.0)
    assert found.per_second == 100.0
    assert found.count == 250


def test_times_are_told_in_milliseconds() -> None:
    found = figure([Stretch(1.0, (Done(0.1, 0.002), Done(0.2, 0.004), Done(0.3, 0.250)))])
    assert [found.p50_ms, found.p99_ms] == pytest.approx([4.0, 250.0])


def test_processor_time_is_shared_by_all_that_was_done_while_it_ran() -> None:
    counted = Stretch(1.0, (Done(0.1, 0.01),), uncounted=3, processor_seconds=0.02)
    assert figure([counted, counted]).processor_ms == pytest.approx(5.0)


def test_a_machine_that_does_not_tell_processor_time_has_none() -> None:
    assert figure([stretch(0.1)]).processor_ms is None


def test_a_ratio_to_nothing_is_not_a_number() -> None:
    ours, none = figure([stretch(0.1, 0.6)]), figure([stretch()])
    assert ratio(ours, ours) == 1.0
    assert math.isnan(ratio(ours, none))
