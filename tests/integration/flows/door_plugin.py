"""Products with the gate rules that a test wants."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest_asyncio
from builders import Stage
from door_kit import Rules


@pytest_asyncio.fixture
async def rules(stage: Stage) -> AsyncIterator[Rules]:
    """Give every product these rules, for as long as the test lasts."""

    before = await stage.sql("SELECT id, entry_rules FROM product")

    async def give(**told: object) -> None:
        await stage.sql("UPDATE product SET entry_rules = CAST(:rules AS jsonb)", rules=json.dumps(told))

    yield give
    for row in before:
        rules = json.dumps(row.entry_rules)
        await stage.sql("UPDATE product SET entry_rules = CAST(:r AS jsonb) WHERE id = :id", r=rules, id=row.id)
