"""The benchmark of gates' snapshots: which sizes it takes, and what its table says."""

from __future__ import annotations

import io

import pytest
import typer
from rich.console import Console

from bench import snapshot
from bench.snapshot import COLUMNS, Measured, bench


@pytest.mark.parametrize("sizes", ["", "many", "999", "2000001", "1000,1"])
def test_sizes_that_cannot_be_measured_are_refused_before_anything_starts(sizes: str) -> None:
    with pytest.raises(typer.BadParameter, match="1000 to 2000000"):
        bench(sizes)


def test_every_figure_has_its_column() -> None:
    numbers = {name: 1_000 + number for number, name in enumerate(COLUMNS)}
    screen = Console(file=io.StringIO(), width=300)

    screen.print(snapshot._table([Measured(**numbers)]))

    assert isinstance(screen.file, io.StringIO)
    assert all(f"{number:,}" in screen.file.getvalue() for number in numbers.values())
    assert set(COLUMNS) == set(Measured.__dataclass_fields__)
