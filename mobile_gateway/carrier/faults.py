"""What goes wrong on the way to a handset: seeded chance, scripts per number, and limits on how fast anything goes.

Pure. Every decision hangs on the seed, the message's place since the faults were set, and the attempt: so the same
seed and the same submissions make the same history.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from hashlib import blake2b
from typing import Self

REORDER_SECONDS_MAX = 2.0
"""How far a message that is overtaken stays behind."""


@dataclass(frozen=True, slots=True)
class Faults:
    """How unreliable the network is. `loss`, `duplicate` and `reorder` are probabilities; 0 per second is no limit.

    `since` is the sequence of the first message that counts: setting the same faults again starts the same history.
    """

    seed: int = 0
    latency_ms: int = 0
    loss: float = 0
    duplicate: float = 0
    reorder: float = 0
    rate_per_second: float = 0
    since: int = 0

    def delay_seconds(self, sequence: int) -> float:
        """How long message `sequence` takes before its first attempt: half to one and a half times the latency."""
        seconds = self.latency_ms / 1000 * (0.5 + self._roll("latency", sequence)) if self.latency_ms else 0.0
        if self.reorder and self._roll("reorder", sequence) < self.reorder:
            seconds += REORDER_SECONDS_MAX * self._roll("late", sequence)
        return seconds

    def loses(self, sequence: int, attempt: int) -> bool:
        """Whether this attempt gets lost on the radio link before the handset has it."""
        return bool(self.loss) and self._roll("loss", sequence, attempt) < self.loss

    def doubles(self, sequence: int, attempt: int) -> bool:
        """Whether the handset's acknowledgement gets lost: it has the message, and will get it again."""
        return bool(self.duplicate) and self._roll("duplicate", sequence, attempt) < self.duplicate

    def doubles_receipt(self, sequence: int) -> bool:
        """Whether the receipt is told twice."""
        return bool(self.duplicate) and self._roll("receipt", sequence) < self.duplicate

    def _roll(self, what: str, sequence: int, attempt: int = 0) -> float:
        """A number from 0 up to 1 that only these facts decide."""
        facts = f"{self.seed} {what} {sequence - self.since} {attempt}".encode()
        return int.from_bytes(blake2b(facts, digest_size=6).digest()) / 2**48

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of_json(cls, body: str) -> Self:
        return cls(**json.loads(body))


class Fate(StrEnum):
    """What a script lets an attempt come to."""

    DELIVER = "deliver"
    ABSENT = "absent"
    MEMORY_FULL = "memory_full"
    LOST = "lost"
    UNACKNOWLEDGED = "unacknowledged"
    UNKNOWN = "unknown"
    BARRED = "barred"


@dataclass(frozen=True, slots=True)
class Step:
    """The next `times` attempts come to `fate`."""

    fate: Fate
    times: int = 1


@dataclass(frozen=True, slots=True)
class Script:
    """What the next attempts to one number come to, in order; after them the number answers by itself again."""

    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        assert all(step.times >= 1 for step in self.steps)

    def next(self) -> tuple[Fate | None, Script]:
        """The fate of one attempt, None where the script is over, and the script after it."""
        if not self.steps:
            return None, self
        first, *rest = self.steps
        left = (replace(first, times=first.times - 1), *rest) if first.times > 1 else tuple(rest)
        return first.fate, Script(left)

    def to_json(self) -> str:
        return json.dumps([[step.fate, step.times] for step in self.steps])

    @classmethod
    def of_json(cls, body: str) -> Self:
        return cls(tuple(Step(Fate(fate), times) for fate, times in json.loads(body)))


@dataclass(frozen=True, slots=True)
class Bucket:
    """A limit of `per_second`, with as much at once as a second allows (at least one). 0 per second is no limit.

    `now` is in seconds on any clock that does not run backwards.
    """

    per_second: float
    level: float = 0.0
    filled_at: float = 0.0

    @classmethod
    def full(cls, per_second: float, now: float) -> Self:
        return cls(per_second, max(per_second, 1.0), now)

    def room(self, now: float, limit: int) -> int:
        """How many may go at `now`, at most `limit`."""
        return min(limit, int(self._level(now))) if self.per_second else limit

    def take(self, count: int, now: float) -> Bucket:
        """The bucket after `count` went at `now`."""
        if not self.per_second:
            return self
        return replace(self, level=self._level(now) - count, filled_at=now)

    def wait_seconds(self, now: float) -> float:
        """How long until one more may go."""
        if not self.per_second:
            return 0.0
        return max(0.0, (1 - self._level(now)) / self.per_second)

    def _level(self, now: float) -> float:
        gained = max(0.0, now - self.filled_at) * self.per_second
        return min(self.level + gained, max(self.per_second, 1.0))


@dataclass(frozen=True, slots=True)
class AccountRules:
    """What one account is held to. None leaves the network's own limit; `throttle_next` refuses that many at once."""

    submits_per_second: float | None = None
    queue_max: int | None = None
    throttle_next: int = 0


def total(steps: Sequence[Step]) -> int:
    """How many attempts the steps cover."""
    return sum(step.times for step in steps)
