"""The vectors that hold Python and JavaScript to one another are what the product does now, and tell enough."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.domain import admission, gate_log
from app.domain.admission import Reason
from app.domain.snapshot_sheet import SnapshotSheet

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(str(DOCS))
    return runpy.run_path(str(DOCS / "make_gate_vectors.py"))


def test_the_stored_vectors_and_the_pages_words_are_current(made: dict[str, Any]) -> None:
    files: Mapping[Path, Callable[[], str]] = made["FILES"]
    assert len(files) == 2
    for path, text in files.items():
        assert path.read_text("utf-8") == text(), "run `python docs/make_gate_vectors.py`"


def test_every_reason_of_a_gate_without_network_stands_in_the_vectors() -> None:
    told = json.loads((DOCS / "reference/vectors/gate.json").read_text("utf-8"))
    decided = {one["reason"] for one in told["decide"]["cases"]}
    answered = {step["entry"]["reason"] for run in told["runs"] for step in run["steps"] if "entry" in step}
    assert decided | answered == set(Reason)
    assert {one["entry"]["intent"] for one in told["log"]["lines"]} == set(gate_log.Deed)


def test_a_product_that_decides_otherwise_makes_no_vectors(
    made: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "_time", lambda *_, **__: None)
    with pytest.raises(AssertionError, match="over: admitted, not expired"):
        list(made["decisions"]())


def test_a_status_is_said_by_the_registers_clock_and_none_at_all_is_older_than_any(made: dict[str, Any]) -> None:
    runs = made["runs"].__globals__
    sheet: SnapshotSheet = runs["Run"]("a sheet", runs["STEWARD"]).sheet
    assert (sheet.cursor, sheet.made_at) == (0, datetime(1970, 1, 1, tzinfo=UTC))
    newer = sheet.with_status(runs["status"](710, runs["NOW"]))
    assert newer.cursor == 710
    assert timedelta(0) <= runs["NOW"] - newer.made_at < timedelta(seconds=1)
    (line,) = newer.find(runs["PLAIN"].code)
    assert line.label == {
        "kind": "admission",
        "title": {"ko": "춘향전", "en": "Chunhyang"},
        "category": "R석",
        "section": {"ko": "가 구역", "en": "Section A"},
        "row": "7",
        "seat": "12",
        "origin": None,
        "destination": None,
        "starts_at": "2026-12-24T11:00:00.000Z",
        "handset": "5678",
        "holder": "김민지",
    }
