"""The order of gates' deeds that needs the fewest people outside before it, against all orders that there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.gate_order import order

Chains = Sequence[Sequence[int]]
STEPS_MAX = 6
"""Of three gates these have 90 orders at most."""


def orders(chains: Chains) -> Iterator[list[int]]:
    """Every order that keeps that of each chain."""
    if not any(chains):
        yield []
    for place, chain in enumerate(chains):
        if chain:
            rest = [*chains[:place], chain[1:], *chains[place + 1 :]]
            yield from ([place, *more] for more in orders(rest))


def needed(chains: Chains, taken: Sequence[int]) -> int:
    """How many must be outside before this order, so that whoever comes in again was outside."""
    steps = [iter(chain) for chain in chains]
    outside = worst = 0
    for place in taken:
        step = next(steps[place])
        outside += step
        if step < 0:
            worst = min(worst, outside)
    assert [next(rest, None) for rest in steps] == [None] * len(chains), "every step is taken"
    return -worst


def test_who_leaves_is_taken_before_who_comes_in_again() -> None:
    assert order([[-1], [1]]) == [1, 0]


def test_who_comes_in_again_before_others_leave_by_that_gate_goes_first_where_somebody_leaves_elsewhere() -> None:
    assert order([[-2, 3], [1], [-2], [1]]) == [1, 3, 0, 0, 2]


def test_what_moves_nobody_stays_in_the_order_of_the_gates() -> None:
    assert order([[0, 0], [], [0], [0]]) == [0, 0, 2, 3]
    assert order([[-1], [-1]]) == [0, 1]
    assert order([]) == []


@settings(max_examples=200)
@given(st.lists(st.lists(st.integers(-3, 3), max_size=STEPS_MAX), max_size=3).filter(lambda c: sum(map(len, c)) <= 6))
def test_no_order_needs_fewer_people_outside(chains: list[list[int]]) -> None:
    assert needed(chains, order(chains)) == min(needed(chains, taken) for taken in orders(chains))
