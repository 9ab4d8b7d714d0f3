"""Where a demonstration is reached: it notes that in its data folder, for the commands that are run on the folder.

A real server is told its public address; a demonstration takes the port that it gets.
"""

from __future__ import annotations

from pathlib import Path

from app.settings import Settings

FILE = "public-url"


def note(data: Path, url: str) -> None:
    """Note where the demonstration on this folder is reached."""
    (data / FILE).write_text(url + "\n", encoding="ascii")


def reached(settings: Settings) -> Settings:
    """Settings with the address that a demonstration noted in their data folder, if they name none themselves."""
    noted = settings.data_dir / FILE
    if "public_url" in settings.model_fields_set or not noted.is_file():
        return settings
    return settings.model_copy(update={"public_url": noted.read_text(encoding="ascii").strip()})
