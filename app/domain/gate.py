"""A gate's life: invited by a one-time code, enrolled, revoked."""

from __future__ import annotations

from enum import StrEnum

from app.domain.machine import Machine


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
