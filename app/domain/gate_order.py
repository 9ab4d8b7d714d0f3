"""In which order gates' deeds are taken where nothing tells it but each gate's own count.

People who leave may come in again. Whoever is taken for coming in again before anybody is taken for leaving looks like
somebody new. So of all orders that keep each gate's own one is made in which the fewest people have to be outside
before it begins; where nobody has to be, nobody looks new.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class _Piece:
    """Steps of one chain that go together. `need`: how many must be outside before them; -inf: it does not matter."""

    need: float
    steps: int


def order(chains: Sequence[Sequence[int]]) -> list[int]:
    """The steps of all chains in one order, each told by its chain: the next step of that one.

    A step is how many more are outside after it: some leave (more than 0) or come in again (fewer), or neither.

    What gives back at least as much as it takes comes first, the least demanding piece before the others; what is left
    only takes, and comes last, ordered likewise from the end. No order needs fewer (Abdel-Wahab and Kameda 1978).
    """
    gains: list[list[_Piece]] = []
    losses: list[list[_Piece]] = []
    for chain in chains:
        gaining = _pieces(chain, before=False)
        rest = chain[sum(piece.steps for piece in gaining) :]
        losing = _pieces([-step for step in reversed(rest)], before=True)
        assert sum(piece.steps for piece in losing) == len(rest), "what gains nothing from its start loses to its end"
        gains.append(gaining)
        losses.append(losing)
    backwards = _merged(losses[::-1])
    return _merged(gains) + [len(chains) - 1 - place for place in reversed(backwards)]


def _pieces(steps: Sequence[int], *, before: bool) -> list[_Piece]:
    """The shortest pieces from the start on that lose nothing, as far as there are any.

    Told backwards, whoever comes in again does so `before` the step that is looked at.
    """
    found: list[_Piece] = []
    need, sum_, count = -inf, 0, 0
    for step in steps:
        after = sum_ + step
        if before and step > 0:
            need = max(need, -sum_)
        elif not before and step < 0:
            need = max(need, -after)
        sum_, count = after, count + 1
        if sum_ >= 0:
            found.append(_Piece(need, count))
            need, sum_, count = -inf, 0, 0
    return found


def _merged(chains: Sequence[Sequence[_Piece]]) -> list[int]:
    """The pieces of all chains, always the least demanding of those that are next; of equal ones the first chain's."""
    waiting = [(pieces[0].need, chain, 0) for chain, pieces in enumerate(chains) if pieces]
    heapq.heapify(waiting)
    found: list[int] = []
    while waiting:
        _, chain, at = waiting[0]
        found += [chain] * chains[chain][at].steps
        if at + 1 < len(chains[chain]):
            heapq.heapreplace(waiting, (chains[chain][at + 1].need, chain, at + 1))
        else:
            heapq.heappop(waiting)
    return found
