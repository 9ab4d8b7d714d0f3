"""The table and the document: each ratio names what it was divided by, and nothing unknown is printed as a number."""

from __future__ import annotations

import io
import json

from rich.console import Console

from bench.figures import Done, Figure, Stretch, figure
from bench.table import Line, document, letters, ratios, table


def measured(count: int) -> Figure:
    return figure([Stretch(1.0, tuple(Done(number / count, 0.0123) for number in range(count)))])


NOTHING = figure([Stretch(1.0, ())])
SALE = Line("sale", "sale", "pgbench", {1: measured(10), 8: measured(40)})
PGBENCH = Line("sale", "pgbench", None, {1: measured(40), 8: measured(80)})
IDLE = Line("gate", "idle", None, {1: NOTHING, 8: NOTHING})


def drawn(*lines: Line) -> str:
    console = Console(width=120, file=io.StringIO())
    with console.capture() as captured:
        console.print(table(lines, [1, 8], {"machine": "2 cores"}))
    return captured.get()


def test_a_row_is_divided_by_the_row_it_names_at_the_same_load() -> None:
    assert ratios(SALE, [SALE, PGBENCH]) == {1: 0.25, 8: 0.5}
    assert ratios(PGBENCH, [SALE, PGBENCH]) == {}


def test_a_row_whose_other_side_was_not_measured_has_no_ratio() -> None:
    assert ratios(SALE, [SALE]) == {}


def test_the_table_marks_what_others_are_divided_by_with_a_letter() -> None:
    assert letters([SALE, PGBENCH]) == {"pgbench": "a"}
    sale, pgbench = (line for line in drawn(SALE, PGBENCH).splitlines() if "sale" in line or "pgbench" in line)
    assert sale.split() == ["sale", "10", "12/12", "0.25", "a", "40", "12/12", "0.50", "a"]
    assert pgbench.split() == ["a", "pgbench", "40", "12/12", "80", "12/12"]


def test_the_table_says_on_which_machine_it_was_measured() -> None:
    assert "machine: 2 cores" in drawn(SALE)


def test_a_row_without_measurements_shows_no_times() -> None:
    (idle,) = (line for line in drawn(IDLE).splitlines() if "idle" in line)
    assert idle.split() == ["idle", "0", "-", "0", "-"]


def test_the_document_is_json_that_any_reader_takes() -> None:
    said = json.dumps(document([SALE, PGBENCH, IDLE], {"machine": "2 cores"}), allow_nan=False)
    rows = json.loads(said)["rows"]
    assert rows[0]["clients"]["8"]["ratio"] == 0.5
    assert rows[0]["against"] == "pgbench"
    assert rows[2]["clients"]["1"]["p50_ms"] is None
