"""A state machine as a table: which event leads from which state to which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

State = TypeVar("State", bound=StrEnum)
Event = TypeVar("Event", bound=StrEnum)


class IllegalTransition(Exception):
    """An event that the present state does not know: a bug, or somebody else was first."""


@dataclass(frozen=True, slots=True)
class Machine(Generic[State, Event]):
    """The life of one noun. Each event has exactly one target, so that many rows can be moved by one statement."""

    noun: str
    start: State
    table: Mapping[Event, tuple[frozenset[State], State]]

    def advance(self, state: State, event: Event) -> State:
        """The state after `event`; raises IllegalTransition."""
        sources, target = self.table[event]
        if state not in sources:
            raise IllegalTransition(f"a {state.value} {self.noun} cannot {event.value}")
        return target

    def sources(self, event: Event) -> frozenset[State]:
        return self.table[event][0]

    def target(self, event: Event) -> State:
        return self.table[event][1]

    def diagram(self) -> str:
        """The table as a Mermaid state diagram, for the docs."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.start.value}"]
        for event, (sources, target) in self.table.items():
            lines += [f"    {source.value} --> {target.value}: {event.value}" for source in sorted(sources)]
        return "\n".join(lines)
