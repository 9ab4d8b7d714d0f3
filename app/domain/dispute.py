"""A dispute: the holder of a card has their bank take the money back, and we may answer with evidence."""

from __future__ import annotations

from enum import StrEnum

from app.domain.machine import Machine


class DisputeState(StrEnum):
    OPEN = "open"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


class DisputeEvent(StrEnum):
    ANSWER = "be answered"
    WIN = "be won"
    LOSE = "be lost"


UNDECIDED = frozenset({DisputeState.OPEN, DisputeState.UNDER_REVIEW})

DISPUTE = Machine(
    "dispute",
    DisputeState.OPEN,
    {
        DisputeEvent.ANSWER: (frozenset({DisputeState.OPEN}), DisputeState.UNDER_REVIEW),
        # A network may take an appeal to the bank after it was lost.
        DisputeEvent.WIN: (UNDECIDED | {DisputeState.LOST}, DisputeState.WON),
        DisputeEvent.LOSE: (UNDECIDED, DisputeState.LOST),
    },
)
