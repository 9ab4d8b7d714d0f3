"""The message centre fixture of these tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from smsc_kit import Centre, centre_in


@pytest_asyncio.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    async with centre_in(tmp_path) as running:
        yield running
