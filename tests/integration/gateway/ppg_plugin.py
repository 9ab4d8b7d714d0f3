"""A push proxy gateway of a test's own, and one for a whole module."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from ppg_kit import Proxy, proxy_in


@pytest_asyncio.fixture
async def proxy(tmp_path: Path) -> AsyncIterator[Proxy]:
    async with proxy_in(tmp_path) as running:
        yield running


@pytest_asyncio.fixture(scope="module")
async def shared_proxy(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Proxy]:
    """One gateway for many tests, each of which uses a push-id and a number of its own."""
    async with proxy_in(tmp_path_factory.mktemp("shared")) as running:
        yield running
