"""Shared transactions: requests that arrive while one is in flight wait for the next one and go together.

Many connections fighting for the same rows sell fewer tickets than one that takes everybody's wish at once. Each
request still gets its own answer, or its own exception.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")

TOGETHER_MAX = 64
"""Requests in one transaction at the most: more would make the first wait for the last."""

Work = Callable[[Sequence[Ask]], Awaitable[Sequence[Answer | Exception]]]


@dataclass(slots=True)
class _Line(Generic[Ask, Answer]):
    """Those who wait for one kind of work."""

    work: Work[Ask, Answer]
    waiting: deque[tuple[Ask, asyncio.Future[Answer]]] = field(default_factory=deque)
    running: asyncio.Task[None] | None = None


class Shared:
    """One line of waiting requests per kind of work; each line has one transaction in flight."""

    def __init__(self) -> None:
        self._lines: dict[object, _Line[Any, Any]] = {}

    async def ask(self, kind: object, work: Work[Ask, Answer], ask: Ask) -> Answer:
        """Answer `ask` by the next run of `work`. `work` must be safe to run again for one ask whose answer was lost.

        Should `work` raise with several on board, each is tried alone, so that one bad request harms nobody else.
        """
        line = cast("_Line[Ask, Answer]", self._lines.setdefault(kind, _Line(work)))
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        line.waiting.append((ask, answer))
        if line.running is None:
            line.running = asyncio.create_task(self._run(line))
        return await answer

    async def _run(self, line: _Line[Ask, Answer]) -> None:
        try:
            while line.waiting:
                board = [line.waiting.popleft() for _ in range(min(len(line.waiting), TOGETHER_MAX))]
                await self._answer(line.work, [one for one in board if not one[1].done()])
        finally:
            line.running = None

    async def _answer(self, work: Work[Ask, Answer], board: list[tuple[Ask, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await work([ask for ask, _ in board]) if board else []
            assert len(answers) == len(board), "each request has an answer of its own"
        except Exception as fault:  # noqa: BLE001 - handed to whoever asked, nothing is swallowed
            if len(board) > 1:
                for one in board:
                    await self._answer(work, [one])
                return
            answers = [fault]
        for (_, future), answer in zip(board, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
