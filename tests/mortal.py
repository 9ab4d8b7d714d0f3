"""Processes that die at a chosen step: at the border of every transaction, and around every call that leaves the house.

A dead process does nothing more: whatever it still tries, even to clean up, dies as well.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from builders import KEYS, Stage, a_stage
from fakes import Killed

from app.payments.voucher import Vouchers
from app.store.database import Database, Tx


@dataclass
class Fate:
    """Dies at step `at`, counted from 1; 0 lives for ever."""

    at: int = 0
    steps: list[str] = field(default_factory=list)

    @property
    def met(self) -> bool:
        return 0 < self.at <= len(self.steps)

    def step(self, name: str) -> None:
        if not self.met:
            self.steps.append(name)
        if self.met:
            raise Killed(f"step {self.at}: {self.steps[-1]}")


class MortalDatabase(Database):
    """Steps before a transaction begins, before it commits, and after it has; and around single statements."""

    def __init__(self, living: Database, fate: Fate) -> None:
        super().__init__(living.engine, other=living)
        self._fate = fate

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        self._fate.step("begin")
        async with super().transaction() as tx:
            yield tx
            self._fate.step("before commit")
        self._fate.step("after commit")

    @asynccontextmanager
    async def statements(self) -> AsyncIterator[Tx]:
        self._fate.step("before statements")
        async with super().statements() as tx:
            yield tx
        self._fate.step("after statements")


class Mortal:
    """Any port, with a step before and after each of its calls."""

    def __init__(self, port: Any, fate: Fate) -> None:
        self._port, self._fate, self.name = port, fate, port.name

    def __getattr__(self, verb: str) -> Any:
        call: Callable[..., Awaitable[object]] = getattr(self._port, verb)
        if verb == "preview":
            return call

        async def stepping(*args: object, **names: object) -> object:
            self._fate.step(f"before {self.name} {verb}")
            outcome = await call(*args, **names)
            self._fate.step(f"after {self.name} {verb}")
            return outcome

        return stepping


def a_mortal(stage: Stage, fate: Fate, *, seed: int) -> Stage:
    """Another process of the stage's house that has this fate."""
    found = a_stage(
        "",
        database=MortalDatabase(stage.database, fate),
        seed=seed,
        clock=stage.clock,
        card=stage.card,
        carrier=stage.carrier,
        redis=stage.redis,
    )
    issuers: Any = {name: Mortal(port, fate) for name, port in found.world.issuers.items()}
    vouchers = Vouchers(found.database, stage.clock, found.entropy, KEYS, issuers)
    payments = {**found.world.payments, "voucher": vouchers}
    found.world = replace(
        found.world,
        payments={name: Mortal(port, fate) for name, port in payments.items()},
        issuers=issuers,
        channels={name: Mortal(port, fate) for name, port in found.world.channels.items()},
    )
    return found
