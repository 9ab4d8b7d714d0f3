"""What all importers share: faults gathered up to the end, files read up to a limit, and what words may hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from zoneinfo import ZoneInfo

from app.domain.catalogue import FAULTS_KEPT, SLUG_CHARS_MAX, Fault, ImportRefused

Progress = Callable[[int, int, str], None]
"""Called as (done, total, what): what is being read now, and how far along the whole import is."""

NAME_CHARS_MAX = 200
CODE_CHARS_MAX = 128
NOTES_MAX = 100
COLOUR = re.compile(r"#(?:[0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})")


def no_progress(done: int, total: int, what: str) -> None:
    """The progress callback of a caller who shows none."""


class Faults:
    """Faults found so far: the first 20 are kept, all are counted."""

    def __init__(self) -> None:
        self.kept: list[Fault] = []
        self.total = 0

    def add(self, file: str, reason: str, *, row: int | None = None, field: str | None = None) -> None:
        fault = Fault(file, row, field, reason)
        if fault in self.kept:
            return  # what a product's occasions inherit is read once for each of them
        self.total += 1
        if len(self.kept) < FAULTS_KEPT:
            self.kept.append(fault)

    def extend(self, refused: ImportRefused) -> None:
        """Take over the faults of a file that another names."""
        self.total += refused.total
        self.kept += refused.faults[: FAULTS_KEPT - len(self.kept)]

    def raise_any(self) -> None:
        """Raises ImportRefused when anything was added."""
        if self.kept:
            raise ImportRefused(self.kept, total=self.total)


class Notes:
    """Sentences for the report, each once, in the order found."""

    def __init__(self) -> None:
        self._notes: dict[str, None] = {}

    def add(self, note: str) -> None:
        self._notes[note] = None

    def all(self) -> tuple[str, ...]:
        notes = tuple(self._notes)
        hidden = len(notes) - NOTES_MAX
        return notes if hidden <= 0 else (*notes[:NOTES_MAX], f"{hidden} more notes of this kind are not shown")


def refusal(file: str, reason: str, *, row: int | None = None, field: str | None = None) -> ImportRefused:
    """For a fault after which there is nothing left to read."""
    return ImportRefused([Fault(file, row, field, reason)])


def read_bytes(path: Path, *, bytes_max: int) -> bytes:
    """The whole file; raises ImportRefused when it cannot be read or is larger than `bytes_max`."""
    try:
        with path.open("rb") as file:
            content = file.read(bytes_max + 1)
    except (OSError, ValueError) as why:
        raise refusal(path.name, f"cannot be read ({cause(why)}); check the path and its permissions") from None
    if len(content) > bytes_max:
        raise refusal(path.name, f"is larger than {bytes_max:,} bytes; split it into smaller files")
    return content


def cause(why: Exception) -> str:
    """The system's own words for `why`, without the path, which the fault names already."""
    return (why.strerror if isinstance(why, OSError) else None) or str(why) or type(why).__name__


def unfit(text: str, *, chars_max: int = NAME_CHARS_MAX, lines: bool = False) -> str | None:
    """Why `text` may not be stored or shown, or None. Line breaks are allowed in `lines`, control codes never."""
    if not text.strip():
        return "is empty; write some words"
    if len(text) > chars_max:
        return f"has {len(text)} characters, and at most {chars_max} fit"
    for character in text:
        if (
            not character.isprintable()
            and unicodedata.category(character) in ("Cc", "Cs")
            and not (lines and character == "\n")
        ):
            return f"holds the control code U+{ord(character):04X}; remove it"
    return None


def slugify(text: str) -> str:
    """The ASCII words of `text` joined by hyphens; empty when it has none, as most Korean names."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[: SLUG_CHARS_MAX + 1].strip("-")[:SLUG_CHARS_MAX].strip("-")


def is_timezone(name: str) -> bool:
    """Is `name` in the IANA database? Paths and other mischief are not."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown (ZoneInfoNotFoundError is a KeyError), not a name, a folder
        return False
    return True


def did_you_mean(word: str, known: list[str]) -> str:
    """` (did you mean "title"?)`, or nothing when no known word is near."""
    near = get_close_matches(word[:CODE_CHARS_MAX], known, n=1, cutoff=0.6)
    return f' (did you mean "{near[0]}"?)' if near else ""
