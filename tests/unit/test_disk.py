"""A file is there as a whole or as it was before, whatever fails, and nobody but its owner reads it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from app import disk


def test_a_file_is_made_and_replaced_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    for octets in (b"first", b"second"):
        disk.put(path, octets)
        assert path.read_bytes() == octets
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_fails_leaves_what_was_there_and_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ring.json"
    disk.put(path, b"first")

    def full(number: int) -> None:
        raise OSError(28, "No space left on device", str(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        disk.put(path, b"second")

    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_written_and_its_name_are_both_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bool] = []
    sync = os.fsync

    def noted(number: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(number).st_mode))
        sync(number)

    monkeypatch.setattr(os, "fsync", noted)
    disk.put(tmp_path / "ring.json", b"first")

    assert synced == [False, True], "the file before its name"
