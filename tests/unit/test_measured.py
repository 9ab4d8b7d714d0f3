"""The coverage gate counts what is written down, in the files it names, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from measured_plugin import counts

NAMED = ["tests/unit/domain", "tests/integration/flows/test_flow_pay.py"]


@pytest.mark.parametrize("path", ["tests/unit/domain/test_domain_money.py", "tests/integration/flows/test_flow_pay.py"])
def test_a_file_counts_by_its_name_or_its_folders(path: str) -> None:
    assert counts(Path(path), NAMED, chance=False)


@pytest.mark.parametrize("path", ["tests/unit/domainless/test_x.py", "tests/integration/flows/test_flow_race.py"])
def test_no_other_file_counts(path: str) -> None:
    assert not counts(Path(path), NAMED, chance=False)


def test_what_is_drawn_counts_nowhere() -> None:
    assert not counts(Path("tests/unit/domain/test_domain_money.py"), NAMED, chance=True)
