"""The figures as people read them, one table, and as programs do, one JSON document."""

from __future__ import annotations

import math
import string
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich import box
from rich.table import Table

from bench.figures import Figure, ratio


@dataclass(frozen=True, slots=True)
class Line:
    """One row with its figure for each number of clients; `against` names the line it is divided by."""

    group: str
    name: str
    against: str | None
    figures: Mapping[int, Figure]


def ratios(line: Line, lines: Sequence[Line]) -> Mapping[int, float]:
    """By number of clients, how many times the other line's rate this one has; empty without another line."""
    other = next((one for one in lines if one.name == line.against), None)
    if other is None:
        return {}
    return {clients: ratio(figure, other.figures[clients]) for clients, figure in line.figures.items()}


def letters(lines: Sequence[Line]) -> Mapping[str, str]:
    """A letter for each line that others are divided by, in the order of the table."""
    named = {line.against for line in lines}
    return dict(zip((line.name for line in lines if line.name in named), string.ascii_lowercase, strict=False))


def table(lines: Sequence[Line], clients: Sequence[int], facts: Mapping[str, str]) -> Table:
    """Per number of clients: how many per second, p50/p99 in milliseconds, and the ratio to the line of that letter."""
    drawn = Table(
        title="Cyberticket beside PostgreSQL alone",
        caption="\n".join(f"{name}: {said}" for name, said in facts.items()),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    drawn.add_column("", no_wrap=True)
    drawn.add_column("", no_wrap=True)
    for count in clients:
        for heading in (f"c{count}\n/s", "p50/p99\nms", "ratio\n"):
            drawn.add_column(heading, justify="right", no_wrap=True)
    drawn.add_column(f"cpu\nms, c{max(clients)}", justify="right", no_wrap=True)
    letter_of = letters(lines)
    for before, line in zip((None, *lines), lines, strict=False):
        if before is not None and before.group != line.group:
            drawn.add_section()
        divided, by = ratios(line, lines), letter_of.get(line.against or "", "")
        cells = [cell for count in clients for cell in _cells(line.figures[count], divided.get(count), by)]
        cost = line.figures[max(clients)].processor_ms
        drawn.add_row(letter_of.get(line.name, ""), line.name, *cells, "" if cost is None else _short(cost))
    return drawn


def _cells(figure: Figure, divided: float | None, by: str) -> tuple[str, str, str]:
    times = "-" if math.isnan(figure.p50_ms) else f"{_short(figure.p50_ms)}/{_short(figure.p99_ms)}"
    if divided is None or math.isnan(divided):
        return f"{figure.per_second:,.0f}", times, ""
    return f"{figure.per_second:,.0f}", times, f"{divided:.{2 if divided >= 0.1 else 3}f} {by}"


def _short(milliseconds: float) -> str:
    return f"{milliseconds:.1f}" if milliseconds < 10 else f"{milliseconds:,.0f}"


def document(lines: Sequence[Line], facts: Mapping[str, str]) -> Any:
    """Everything, for a program to compare with another run's; what is not a number is null."""
    return {
        "facts": dict(facts),
        "rows": [
            {
                "group": line.group,
                "name": line.name,
                "against": line.against,
                "clients": {
                    str(count): {name: _known(value) for name, value in asdict(figure).items()}
                    | {"ratio": _known(ratios(line, lines).get(count))}
                    for count, figure in line.figures.items()
                },
            }
            for line in lines
        ],
    }


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
