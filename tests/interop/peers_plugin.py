"""Fixtures of the tests against real peers: our carrier with a tapped door, and Kannel bound to it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from carrier_kit import Carrier, a_carrier
from kannel_kit import Kannel, Peers, a_kannel
from peers_kit import Ear, Tap, a_tap, an_ear

from app.domain.handset import Handset


@pytest.fixture
def number() -> Handset:
    """A phone that no other test writes to."""
    return Handset(f"+8210{time.monotonic_ns() // 1000 % 100_000_000:08}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("peers")


@pytest_asyncio.fixture(scope="module")
async def ear() -> AsyncIterator[Ear]:
    async with an_ear() as listening:
        yield listening


@pytest_asyncio.fixture(scope="module")
async def carrier(folder: Path) -> AsyncIterator[Carrier]:
    """Our mobile network, as whoever meets it from outside."""
    async with a_carrier(folder / "carrier") as serving:
        yield serving


@pytest_asyncio.fixture(scope="module")
async def tap(carrier: Carrier) -> AsyncIterator[Tap]:
    """A door to our message centre; what passes it is kept."""
    async with a_tap(lambda: carrier.smpp_port) as door:
        yield door


@pytest_asyncio.fixture(scope="module")
async def kannel(carrier: Carrier, tap: Tap, ear: Ear, folder: Path) -> AsyncIterator[Kannel]:
    """Kannel's bearerbox, smsbox and wapbox, bound to our message centre through the tap."""
    async with a_kannel(folder / "kannel", smsc_port=tap.port, ear=ear, carrier=carrier) as bound:
        yield bound


@pytest.fixture
def peers(carrier: Carrier, kannel: Kannel, tap: Tap, ear: Ear, folder: Path) -> Peers:
    return Peers(carrier, kannel, tap, ear, folder)
