"""What became of something owed: the outbox asks whoever carries it out, and acts on the answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing more is owed."""


@dataclass(frozen=True, slots=True)
class Again:
    """Not now; try later, for this reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Never:
    """It cannot be done; staff should know why."""

    reason: str
