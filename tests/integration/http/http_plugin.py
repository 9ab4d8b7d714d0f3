"""Fixtures of the HTTP tests: the application on the shared catalogue, and keys that are cheap to check."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from builders import Shop, Stage
from http_kit import Api

from app.flows import staff


@pytest.fixture
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same scheme with a cost that tests can pay, and nobody remembered from the test before."""
    monkeypatch.setattr(staff, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    monkeypatch.setattr(staff, "_verified", staff._Verified())


@pytest_asyncio.fixture
async def api(stage: Stage, shop: Shop, cheap_hashes: None) -> AsyncIterator[Api]:
    """The whole application in front of the theatre's catalogue."""
    del cheap_hashes  # for its effect
    stage.forget()
    async with Api(stage, shop) as found:
        yield found
