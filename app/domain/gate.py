"""A gate's life: invited to its place by a one-time code, enrolled, revoked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from app.domain.entry_rules import Direction, Role
from app.domain.machine import Machine


@dataclass(frozen=True, slots=True)
class Place:
    """Where a gate stands and what it may do there. No occasions named: it opens for all of its issuer's."""

    occasions: tuple[UUID, ...] = ()
    role: Role = Role.STEWARD
    direction: Direction = Direction.IN
    entrance: str = ""
    area: str = ""
    home: bool = False


class GateState(StrEnum):
    PENDING = "pending"
    ENROLLED = "enrolled"
    REVOKED = "revoked"


class GateEvent(StrEnum):
    INVITE = "be invited"
    ENROL = "be enrolled"
    REVOKE = "be revoked"


GATE = Machine(
    "gate",
    GateState.PENDING,
    {
        # A device that is replaced is invited again; so is one whose revocation was a mistake.
        GateEvent.INVITE: (frozenset(GateState), GateState.PENDING),
        GateEvent.ENROL: (frozenset({GateState.PENDING}), GateState.ENROLLED),
        GateEvent.REVOKE: (frozenset({GateState.PENDING, GateState.ENROLLED}), GateState.REVOKED),
    },
)
