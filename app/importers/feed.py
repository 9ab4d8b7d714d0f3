"""A GTFS feed as a bundle of CSV tables, in a zip or a folder, read row by row and never inflated whole.

Knows the GTFS reference, "Dataset files" and "File requirements" (UTF-8 with an optional BOM, a header, quotes as in
RFC 4180, LF or CRLF), and the limits that keep a hostile archive from filling memory. It knows no fares and no stops.
"""

from __future__ import annotations

import csv
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from app.importers.reading import Faults, Progress, cause, did_you_mean, refusal

LINE_BYTES_MAX = 131_072
COLUMNS_MAX = 256
TICK_ROWS = 4_096
ENCRYPTED = 0x1
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a feed may hold, in uncompressed bytes. A ratio counts only from `ratio_from_bytes` on."""

    entries_max: int = 256
    file_bytes_max: int = 50_000_000
    total_bytes_max: int = 200_000_000
    ratio_max: int = 100
    ratio_from_bytes: int = 1_000_000


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Row:
    """One record: its line in the file, and the text of every column asked for ("" where the file has none)."""

    line: int
    values: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]


@dataclass(frozen=True, slots=True)
class Feed:
    """The tables of one feed: `sizes` in bytes by file name."""

    sizes: Mapping[str, int]
    opened: Callable[[str], BinaryIO]

    def __contains__(self, file: str) -> bool:
        return file in self.sizes


@contextmanager
def open_feed(path: Path, limits: Limits = LIMITS) -> Iterator[Feed]:
    """The feed at `path`, a zip file or a folder; raises ImportRefused when it is neither or breaks a limit."""
    if path.is_dir():
        yield _folder(path, limits)
        return
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as why:
        raise refusal(path.name, f"is not a zip file ({cause(why)}); give a GTFS zip or its unpacked folder") from None
    except OSError as why:
        raise refusal(path.name, f"cannot be read ({cause(why)}); check the path and its permissions") from None
    with archive:
        yield _archive(path.name, archive, limits)


def _folder(path: Path, limits: Limits) -> Feed:
    faults = Faults()
    try:
        sizes = {file.name: file.stat().st_size for file in sorted(path.glob("*.txt")) if file.is_file()}
    except OSError as why:
        raise refusal(path.name, f"cannot be read ({cause(why)}); check its permissions") from None
    _check_sizes(path.name, sizes, limits, faults)
    faults.raise_any()
    return Feed(sizes, lambda name: (path / name).open("rb"))


def _archive(name: str, archive: zipfile.ZipFile, limits: Limits) -> Feed:
    """Check every entry's name and declared size; `zipfile` then reads no byte beyond what an entry declares."""
    entries = archive.infolist()
    if len(entries) > limits.entries_max:
        raise refusal(name, f"holds {len(entries)} files; a feed has at most {limits.entries_max}")
    faults = Faults()
    seen: set[str] = set()
    for entry in entries:
        if fault := _entry_fault(entry, seen, limits):
            faults.add(f"{name}/{_shown(entry.filename)}", fault)
        seen.add(entry.filename)
    _check_sizes(name, {entry.filename: entry.file_size for entry in entries}, limits, faults)
    faults.raise_any()

    def opened(file: str) -> BinaryIO:
        # ZipExtFile is an io.BufferedIOBase, which has all that readline needs; typeshed calls it IO[bytes].
        return archive.open(file)  # type: ignore[return-value]

    return Feed({entry.filename: entry.file_size for entry in entries}, opened)


def _entry_fault(entry: zipfile.ZipInfo, seen: set[str], limits: Limits) -> str | None:
    name = entry.orig_filename
    if "/" in name or "\\" in name or ".." in name or "\x00" in name:
        return "lies in a folder of the zip; zip the .txt files themselves, not the folder they are in"
    if entry.filename in seen:
        return "is in the zip twice; keep one"
    if entry.flag_bits & ENCRYPTED:
        return "is encrypted; zip it without a password"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is compressed in an unusual way; zip it with the usual one (deflate)"
    big = entry.file_size > limits.ratio_from_bytes
    if big and entry.file_size > limits.ratio_max * entry.compress_size:
        return f"unpacks to more than {limits.ratio_max} times its size, as only a zip bomb does"
    return None


def _check_sizes(name: str, sizes: Mapping[str, int], limits: Limits, faults: Faults) -> None:
    for file, size in sizes.items():
        if size > limits.file_bytes_max:
            faults.add(
                f"{name}/{_shown(file)}",
                f"has {size:,} bytes; one file may have {limits.file_bytes_max:,}, so leave out what you do not sell",
            )
    total = sum(sizes.values())
    if total > limits.total_bytes_max:
        faults.add(name, f"unpacks to {total:,} bytes; a feed may have {limits.total_bytes_max:,}")


def _shown(name: str) -> str:
    """A name from an archive, safe to print."""
    return "".join(character if character.isprintable() else "?" for character in name[:100])


class Meter:
    """Tells `progress` how many of the feed's bytes are read."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._before = 0

    def reading(self, file: str, done: int) -> None:
        self._progress(min(self._before + done, self._total), self._total, file)

    def finished(self, file: str, size: int) -> None:
        self._before += size
        self.reading(file, 0)


def read_rows(
    feed: Feed, file: str, *, required: tuple[str, ...], optional: tuple[str, ...] = (), faults: Faults, meter: Meter
) -> Iterator[Row]:
    """The records of one table. A fault of the file itself goes to `faults` and ends the reading."""
    lines = _Lines(file)
    try:
        with feed.opened(file) as stream:
            reader = csv.reader(lines.read(stream), strict=True)
            header = _header(file, next(reader, []), required, faults)
            if header is not None:
                yield from _records(
                    file,
                    reader,
                    header=header,
                    wanted=required + optional,
                    faults=faults,
                    tick=lambda: meter.reading(file, lines.bytes),
                )
    except UnicodeDecodeError as why:
        faults.add(file, f"is not UTF-8 (byte {why.start + 1} of this line); save it as UTF-8", row=lines.count)
    except _LineTooLongError:
        faults.add(file, f"has a line of more than {LINE_BYTES_MAX:,} bytes; is a quote missing?", row=lines.count)
    except csv.Error as why:
        faults.add(file, f"is not CSV here ({why}); check the quotes on this line and above", row=lines.count)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as why:
        faults.add(file, f"cannot be unpacked ({cause(why)}); make the zip again")
    meter.finished(file, feed.sizes[file])


class _LineTooLongError(Exception):
    pass


class _Lines:
    """Decodes a file line by line, so that a wrong byte is reported where it is."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.count = 0
        self.bytes = 0

    def read(self, stream: BinaryIO) -> Iterator[str]:
        while line := stream.readline(LINE_BYTES_MAX + 1):
            self.count += 1
            self.bytes += len(line)
            if len(line) > LINE_BYTES_MAX:
                raise _LineTooLongError
            yield (line.removeprefix(BOM) if self.count == 1 else line).decode("utf-8")


def _header(file: str, names: list[str], required: tuple[str, ...], faults: Faults) -> dict[str, int] | None:
    """Column -> position; None, with the faults told, when a required column is not there."""
    columns = [name.strip() for name in names]
    if not any(columns):
        faults.add(file, "has no header; its first line must name the columns", row=1)
        return None
    if len(columns) > COLUMNS_MAX:
        faults.add(file, f"has {len(columns)} columns; at most {COLUMNS_MAX} are read", row=1)
        return None
    sound = True
    for column in required:
        if column not in columns:
            strangers = [name for name in columns if name not in required]
            faults.add(file, f"this column is missing{did_you_mean(column, strangers)}", row=1, field=column)
            sound = False
    for column in dict.fromkeys(name for name in columns if name and columns.count(name) > 1):
        faults.add(file, "this column is there twice; keep one", row=1, field=_shown(column))
        sound = False
    return {name: place for place, name in enumerate(columns)} if sound else None


def _records(
    file: str,
    reader: Iterator[list[str]],
    *,
    header: dict[str, int],
    wanted: tuple[str, ...],
    faults: Faults,
    tick: Callable[[], None],
) -> Iterator[Row]:
    places = [(column, header.get(column, -1)) for column in wanted]
    width = max(header.values()) + 1
    count = 0
    for fields in reader:
        line: int = reader.line_num  # type: ignore[attr-defined]  # csv's reader has it; Iterator does not say so
        count += 1
        if count % TICK_ROWS == 0:
            tick()
        if not any(map(str.strip, fields)):
            continue
        if len(fields) > width and any(map(str.strip, fields[width:])):
            faults.add(
                file, f"has {len(fields)} fields under {width} columns; put quotes around a text with a comma", row=line
            )
            continue
        have = len(fields)
        yield Row(line, {column: fields[place].strip() if 0 <= place < have else "" for column, place in places})
