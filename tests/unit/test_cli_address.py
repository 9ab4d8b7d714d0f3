"""A demonstration says where it is reached to the commands that are run on its data folder, and to no real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli import address
from app.settings import Settings

DEMO = "http://127.0.0.1:41234"


def test_a_command_on_a_demonstrations_folder_knows_where_that_is_reached(tmp_path: Path) -> None:
    address.note(tmp_path, "http://127.0.0.1:9")
    address.note(tmp_path, DEMO)

    found = address.reached(Settings(data_dir=tmp_path, hold_seconds=77))

    assert (found.public_url, found.hold_seconds, found.data_dir) == (DEMO, 77, tmp_path)


def test_an_address_that_the_operator_gives_counts_more_than_the_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address.note(tmp_path, DEMO)
    monkeypatch.setenv("CYBERTICKET_PUBLIC_URL", "https://tickets.example")

    assert address.reached(Settings(data_dir=tmp_path)).public_url == "https://tickets.example"


def test_without_a_note_the_settings_stay_as_they_are(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)

    assert address.reached(settings) is settings
