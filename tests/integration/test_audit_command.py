"""`cyberticket audit` as an operator sees it: what it prints, as words or JSON, and its exit status."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres import Cluster
from typer.testing import CliRunner, Result

from app.cli import auditing, program
from app.flows.audit import Finding
from app.store.audit import INVARIANTS, Breach


@pytest.fixture(scope="module")
def environment(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Of a house with an empty database."""
    url = asyncio.run(cluster.new_database())
    folder = tmp_path_factory.mktemp("house")
    yield {
        "CYBERTICKET_DEMO": "true",
        "CYBERTICKET_DATABASE_URL": url,
        "CYBERTICKET_DATA_DIR": str(folder),
    }
    asyncio.run(cluster.drop(url))


def run(environment: dict[str, str], *words: str) -> Result:
    return CliRunner().invoke(program(), ["audit", *words], env=environment)


def test_a_house_without_a_breach_is_told_line_by_line_and_ends_well(environment: dict[str, str]) -> None:
    done = run(environment, "--only", "I1", "--only", "i12")

    assert done.exit_code == 0, done.output
    first, second = done.output.strip().splitlines()
    assert first.startswith("I1  ok  No more is sold than there is")
    assert second.strip().startswith("I12  ok  Nobody has changed the journal.")
    assert first.endswith(" s")


def test_a_breach_is_told_with_its_rows_and_ends_with_status_one(environment: dict[str, str]) -> None:
    done = run(environment, "--rows", "2")

    assert done.exit_code == 1
    lines = [line.strip() for line in done.output.splitlines()]
    assert sum(line.startswith("I") for line in lines) == len(INVARIANTS)
    at = next(number for number, line in enumerate(lines) if line.startswith("I9 "))
    assert lines[at].startswith("I9  3 breached  ")
    assert lines[at + 1] == "setting fsync is off: a commit may be lost with the machine's power"
    assert lines[at + 3] == "and 1 more; --rows shows them"


def test_programs_read_json(environment: dict[str, str]) -> None:
    done = run(environment, "--json", "--only", "I9", "--rows", "1")

    assert done.exit_code == 1
    (told,) = json.loads(done.output)
    assert told.pop("seconds") >= 0
    assert told == {
        "invariant": "I9",
        "says": "What was answered is kept, and commits are durable.",
        "breaches": 3,
        "rows": [
            {
                "issuer": None,
                "subject": "setting fsync",
                "problem": "is off: a commit may be lost with the machine's power",
            }
        ],
        "notes": [],
    }


def test_an_invariant_that_there_is_not_is_refused(environment: dict[str, str]) -> None:
    done = run(environment, "--only", "I14")

    assert isinstance(done.exception, ValueError)
    assert "I1 to I13" in str(done.exception)


def test_whose_breach_it_is_and_what_could_not_be_looked_at_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [Breach("haneul", "ticket 1", "is [free]")]

    auditing.tell([Finding(INVARIANTS[7], 1, rows, 0.1, ["arena does not answer."])], as_json=False)

    told = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert told[1:] == ["haneul: ticket 1 is [free]", "arena does not answer."]


LOG = "all well\n{'pin': '491027', 'to': '+821012345678'}\nto +8210****5678\n"


def test_logs_are_looked_through_and_what_they_hold_is_not_repeated(tmp_path: Path) -> None:
    clean, leaky = tmp_path / "clean.log", tmp_path / "leaky.log"
    clean.write_text("all well\n", encoding="utf-8")
    leaky.write_text(LOG, encoding="utf-8")

    well = run({}, "--logs", str(clean))
    ill = run({}, "--logs", str(clean), "--logs", str(leaky))
    counted = run({}, "--json", "--logs", str(leaky))

    assert (well.exit_code, ill.exit_code, counted.exit_code) == (0, 1, 1)
    assert well.output == "No log holds a full phone number, a card number, a PIN, a secret link or a key.\n"
    assert ill.output.splitlines() == [f"{leaky}:2 holds a PIN", f"{leaky}:2 holds a full phone number"]
    assert json.loads(counted.output) == [
        {"file": str(leaky), "line": 2, "holds": "a PIN"},
        {"file": str(leaky), "line": 2, "holds": "a full phone number"},
    ]
