"""What a product says about its use at the gate, the same online and offline; and the words gates are described in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Self

UNLIMITED_USES = 9_999
"""A ticket with so many uses is a pass: its uses are not told, its time is what runs out."""
PASS_BACK_SECONDS_MAX = 86_400
WINDOW_MINUTES_MAX = 527_040
AMOUNT_MAX = 1_000_000_000


class Face(StrEnum):
    """How a ticket is shown; docs/reference/credentials.md has the form of each."""

    PIN = "pin"
    COMPACT = "compact"
    SIGNED = "signed"
    LIVING = "living"


STATIC = frozenset({Face.COMPACT, Face.SIGNED})
"""Faces that a picture copies."""


class Faces(StrEnum):
    """Which faces a product takes."""

    ANY = "any"
    LIVING_OR_PIN = "living_or_pin"
    LIVING = "living"

    def take(self, face: Face) -> bool:
        match self:
            case Faces.ANY:
                return True
            case Faces.LIVING_OR_PIN:
                return face not in STATIC
            case _:
                return face is Face.LIVING


class Offline(StrEnum):
    """What a gate without network may do with a ticket that it cannot ask about."""

    HOME = "home"
    """Only the home gate of the ticket's entrance lets it in, with network and without: never twice."""
    OPTIMISTIC = "optimistic"
    """Every gate lets it in, at most once each; what was too much is found and reported."""
    DENY = "deny"
    """No gate does."""


class Direction(StrEnum):
    """Which way people pass a gate."""

    IN = "in"
    OUT = "out"
    BOTH = "both"


class Role(StrEnum):
    """Who stands at a gate: a supervisor may also let in whom the rules refuse, and search."""

    STEWARD = "steward"
    SUPERVISOR = "supervisor"


@dataclass(frozen=True, slots=True)
class EntryRules:
    """The rules of one product. `offline_floor` is what one gate may redeem of one voucher offline, in minor units."""

    faces: Faces = Faces.ANY
    retires_static: bool = False
    """Once a handset has the ticket as a living barcode, its compact and signed codes are refused."""
    reentry: bool = False
    """Who left may come in again, without another use."""
    pass_back_seconds: int = 0
    """How long after one use the next of the same ticket is refused; 0: not at all."""
    window_minutes: int | None = None
    """The ticket ends so long after its first use."""
    group: bool = False
    """One ticket for several people: a gate may let some of them in, and the others later."""
    offline: Offline = Offline.OPTIMISTIC
    offline_floor: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.pass_back_seconds <= PASS_BACK_SECONDS_MAX:
            raise ValueError(f"pass_back_seconds is 0 to {PASS_BACK_SECONDS_MAX}")
        if self.window_minutes is not None and not 1 <= self.window_minutes <= WINDOW_MINUTES_MAX:
            raise ValueError(f"window_minutes is 1 to {WINDOW_MINUTES_MAX}")
        if not 0 <= self.offline_floor <= AMOUNT_MAX:
            raise ValueError(f"offline_floor is 0 to {AMOUNT_MAX} minor units")

    def opens(self, *, bound: bool) -> frozenset[Face]:
        """The faces that gates take of a ticket, which a handset has as a living barcode (`bound`), or has not."""
        retired = STATIC if bound and self.retires_static else frozenset()
        return frozenset(face for face in Face if self.faces.take(face) and face not in retired)

    @classmethod
    def of(cls, told: Mapping[str, object]) -> Self:
        """The rules out of what is stored or sent, where what is left out is as above; raises ValueError."""
        if unknown := told.keys() - {one.name for one in fields(cls)}:
            raise ValueError(f"{', '.join(sorted(unknown))} is no rule of a gate")
        given = dict(told)
        for name, kind in (("faces", Faces), ("offline", Offline)):
            if name in given:
                given[name] = kind(str(given[name]))
        for name in ("retires_static", "reentry", "group"):
            if not isinstance(given.get(name, False), bool):
                raise ValueError(f"{name} is true or false")  # noqa: TRY004 - one error for all that is wrong with the text
        for name in ("pass_back_seconds", "window_minutes", "offline_floor"):
            value = given.get(name, 0)
            if type(value) is not int and not (name == "window_minutes" and value is None):
                raise ValueError(f"{name} is a whole number")
        return cls(**given)  # type: ignore[arg-type]  # each was looked at above

    def told(self) -> dict[str, object]:
        """For a row, a file or another server."""
        return asdict(self)
