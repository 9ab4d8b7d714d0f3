"""Fixtures of the Stripe adapter's tests: one client for the run, since making one takes longer than any test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from stripe_kit import a_stripe

from app.payments.stripe import Stripe


@pytest_asyncio.fixture(scope="session")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """What it sends is caught by respx."""
    async with httpx.AsyncClient() as client:
        yield client


@pytest.fixture
def stripe(http: httpx.AsyncClient) -> Stripe:
    return a_stripe(http)
