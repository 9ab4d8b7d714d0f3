"""Reading JSON of the expected shape: every fault is told with its JSON pointer (RFC 6901), and reading goes on."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass

from app.importers.reading import CODE_CHARS_MAX, Faults, refusal, unfit

COORDINATE_MAX = 1_000_000.0


def parse_json(file: str, content: bytes) -> object:
    """The value in `content`; raises ImportRefused when it is not UTF-8 JSON as RFC 8259 has it (so no NaN)."""
    try:
        return json.loads(content.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise refusal(file, "is not UTF-8; save it as UTF-8") from None
    except json.JSONDecodeError as why:
        raise refusal(file, f"is not JSON here ({why.msg}, column {why.colno})", row=why.lineno) from None
    except RecursionError:
        raise refusal(file, "is nested too deeply to be what it should be") from None
    except ValueError as why:  # NaN, or a number of more digits than Python converts
        raise refusal(file, f"is not JSON ({why})") from None


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number in JSON")


@dataclass(frozen=True, slots=True)
class Node:
    """One JSON object on its way to a draft. Every getter answers something harmless after telling a fault."""

    file: str
    faults: Faults
    at: str
    members: dict[str, object]
    sound: bool = True
    """False stands in for an object that is not there: that is told already, so its members are not missed too."""

    @classmethod
    def of(cls, file: str, faults: Faults, at: str, value: object) -> Node:
        if not isinstance(value, dict):
            faults.add(file, f"is {kind(value)} and must be an object", field=at or "/")
            return cls(file, faults, at, {}, sound=False)
        return cls(file, faults, at, value)

    def fault(self, key: str, reason: str) -> None:
        self.faults.add(self.file, reason, field=f"{self.at}/{key}" if key else self.at)

    def has(self, key: str) -> bool:
        return self.members.get(key) is not None

    def _get(self, key: str, wanted: str) -> object:
        value = self.members.get(key)
        if value is None and self.sound:
            self.fault(key, f"is missing; write {wanted}")
        return value

    def child(self, key: str) -> Node:
        value = self._get(key, "an object")
        if value is None:
            return Node(self.file, self.faults, f"{self.at}/{key}", {}, sound=False)
        return Node.of(self.file, self.faults, f"{self.at}/{key}", value)

    def children(self, key: str, *, required: bool = True) -> Iterator[Node]:
        value = self._get(key, "a list") if required else self.members.get(key)
        if value is None:
            return
        if not isinstance(value, list):
            self.fault(key, f"is {kind(value)} and must be a list")
            return
        for index, item in enumerate(value):
            yield Node.of(self.file, self.faults, f"{self.at}/{key}/{index}", item)

    def text(self, key: str, *, chars_max: int = CODE_CHARS_MAX, empty: bool = False) -> str:
        value = self._get(key, "a text")
        if value is None or (empty and value == ""):
            return ""
        if not isinstance(value, str):
            self.fault(key, f"is {kind(value)} and must be a text")
            return ""
        if reason := unfit(value, chars_max=chars_max):
            self.fault(key, reason)
        return value

    def optional_text(self, key: str) -> str:
        return self.text(key, empty=True) if self.has(key) else ""

    def number(self, key: str) -> float:
        """A finite number within the size of a drawing."""
        value = self._get(key, "a number")
        if value is None:
            return 0.0
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.fault(key, f"is {kind(value)} and must be a number")
            return 0.0
        if not math.isfinite(value) or abs(value) > COORDINATE_MAX:
            self.fault(key, f"is beyond {COORDINATE_MAX:,.0f}, the largest coordinate")
            return 0.0
        return float(value)

    def count(self, key: str, *, most: int) -> int:
        value = self._get(key, "a whole number")
        if value is None:
            return 0
        if isinstance(value, bool) or not isinstance(value, int):
            self.fault(key, f"is {kind(value)} and must be a whole number")
            return 0
        if not 1 <= value <= most:
            self.fault(key, f"is not between 1 and {most:,}")
            return 0
        return value

    def point(self, key: str, *, required: bool = True) -> tuple[float, float]:
        """The x and y of an object such as a position."""
        if not required and not self.has(key):
            return 0.0, 0.0
        place = self.child(key)
        return place.number("x"), place.number("y")


def kind(value: object) -> str:
    """What a person calls a JSON value."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "an object"
