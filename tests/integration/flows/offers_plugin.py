"""The theatre, while its tickets may be sold on for what they cost."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from builders import Shop, Stage
from offers_kit import SOLD_ON

AS_BEFORE = "UPDATE product SET transfer = 'free'"


@pytest_asyncio.fixture
async def resellable(stage: Stage, shop: Shop) -> AsyncIterator[Shop]:
    """The shop, while every product of it may be sold on for what it cost; R seats cost 60,000 won."""
    await stage.sql(SOLD_ON)
    yield shop
    await stage.sql(AS_BEFORE)
