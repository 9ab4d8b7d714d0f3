"""The figures as people read them, one table, and as programs do, one JSON document."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

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


def table(lines: Sequence[Line], clients: Sequence[int], facts: Mapping[str, str]) -> Table:
    """Per number of clients: how many per second, p50/p99 in milliseconds, and the ratio."""
    drawn = Table(
        title="Cyberticket beside PostgreSQL alone",
        caption="\n".join(f"{name}: {said}" for name, said in facts.items()),
        title_justify="left",
        caption_justify="left",
    )
    drawn.add_column("", no_wrap=True)
    for count in clients:
        drawn.add_column(f"c{count}\n/s", justify="right", no_wrap=True)
        drawn.add_column("p50/p99\nms", justify="right", no_wrap=True)
        drawn.add_column("ratio", justify="right", no_wrap=True, min_width=5)
    drawn.add_column(f"c{max(clients)}: cpu\nms each", justify="right", no_wrap=True)
    drawn.add_column("divided by", no_wrap=True)
    for before, line in zip((None, *lines), lines, strict=False):
        if before is not None and before.group != line.group:
            drawn.add_section()
        divided = ratios(line, lines)
        cells = [cell for count in clients for cell in _cells(line.figures[count], divided.get(count))]
        cost = line.figures[max(clients)].processor_ms
        drawn.add_row(line.name, *cells, "" if cost is None else _short(cost), line.against or "")
    return drawn


def _cells(figure: Figure, divided: float | None) -> tuple[str, str, str]:
    times = "-" if math.isnan(figure.p50_ms) else f"{_short(figure.p50_ms)}/{_short(figure.p99_ms)}"
    return f"{figure.per_second:,.0f}", times, "" if divided is None or math.isnan(divided) else f"{divided:.2f}"


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
