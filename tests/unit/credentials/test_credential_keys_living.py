"""A running server's keys follow the folder; what cannot be used there leaves them as they were."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.keys import KeyRing, create, folder, living, load
from app.keys.rotation import drop, rotate

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LOOK_SECONDS = 0.005
PATIENCE_SECONDS = 30.0


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    create(tmp_path / "keys")
    return tmp_path / "keys"


@asynccontextmanager
async def running(directory: Path) -> AsyncIterator[KeyRing]:
    """The keys of a server, for as long as it runs."""
    seen = living.stamp(directory)
    ring = load(directory)
    task = asyncio.create_task(living.follow(ring, directory, seen=seen, look_seconds=LOOK_SECONDS))
    try:
        yield ring
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def comes(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not true():  # noqa: ASYNC110 - a folder has no event to wait for
            await asyncio.sleep(LOOK_SECONDS)


async def test_a_new_key_is_shown_and_then_used_without_a_restart(directory: Path) -> None:
    async with running(directory) as ring:
        rotate(directory, "barcode", now=NOW)
        await comes(lambda: len(ring.jwks()["keys"]) == 3)
        assert ring.signer.kid == 1

        rotate(directory, "barcode", now=NOW, at_once=True)
        await comes(lambda: ring.signer.kid == 2)


async def test_a_dropped_key_verifies_nothing_within_a_look(directory: Path) -> None:
    async with running(directory) as ring:
        signature = ring.signer.sign(b"body")
        drop(directory, "barcode", 1, now=NOW)
        await comes(lambda: not ring.verifier.verify(1, b"body", signature))


async def test_what_changed_while_it_was_loaded_is_not_missed(directory: Path) -> None:
    seen = living.stamp(directory)
    ring = load(directory)
    rotate(directory, "secret", now=NOW, at_once=True)
    task = asyncio.create_task(living.follow(ring, directory, seen=seen, look_seconds=LOOK_SECONDS))
    await comes(lambda: ring.kid == 2)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_broken_ring_is_told_once_and_the_one_from_before_counts_on(directory: Path) -> None:
    good = (directory / "ring.json").read_bytes()
    with capture_logs() as logs:
        async with running(directory) as ring:
            before = ring.jwks()
            folder.put(directory, "ring.json", b"{}")
            await comes(lambda: bool(logs))
            await asyncio.sleep(5 * LOOK_SECONDS)
            assert ring.jwks() == before
            assert [entry["event"] for entry in logs] == ["key_ring_refused"]
            assert "must read like" in logs[0]["reason"]

            folder.put(directory, "ring.json", good)
            await comes(lambda: len(logs) == 2)
    assert (logs[1]["event"], logs[1]["current"]) == ("key_ring_taken_up", "secret-1 barcode-1 token-1")


async def test_a_folder_that_vanished_is_no_reason_to_stop(directory: Path) -> None:
    with capture_logs() as logs:
        async with running(directory) as ring:
            os.rename(directory, f"{directory}-moved")  # noqa: PTH104 - one step of a test
            await comes(lambda: bool(logs))
            assert ring.kid == 1
    assert "there is no key ring" in logs[0]["reason"]
