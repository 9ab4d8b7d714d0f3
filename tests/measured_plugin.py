"""What the coverage gate counts: examples that are written down, in the files that CYBERTICKET_TEST_MEASURED names.

Everything else runs unmeasured in the same session. Measuring doubles a test's time; and what a property reaches is
chance, so a gate that counted it would be red on an unlucky day, and green about a branch that nothing shows by name.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Generator, Iterable
from pathlib import Path

import coverage
import pytest

MEASURED = os.environ.get("CYBERTICKET_TEST_MEASURED", "").split()
"""Files and folders, from the repository's root; empty to leave the coverage, if there is any, alone."""


def counts(path: Path, measured: Iterable[str], *, chance: bool) -> bool:
    """Whether a test in this file is measured; `chance` if its examples are drawn, not written down."""
    return not chance and any(path.is_relative_to(name) for name in measured)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "drawn: its examples are drawn, and not by hypothesis, which is seen by itself")
    meter = coverage.Coverage.current()
    if meter is None or not MEASURED:
        return
    for folder in meter.config.source or ():  # in a worker they begin with the root
        _import_all(".".join((config.rootpath / folder).relative_to(config.rootpath).parts))
    config.pluginmanager.register(_Switch(meter, config.rootpath))


def _import_all(name: str) -> None:
    """Lines outside of functions run once, at the import: they are measured now or never."""
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, f"{name}."):
        importlib.import_module(module.name)


class _Switch:
    """Turns the coverage of this process, and of the programs that it starts, off and on."""

    def __init__(self, meter: coverage.Coverage, root: Path) -> None:
        self._meter, self._root = meter, root
        self._on = True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        self._turn(on=False)
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        by_hypothesis = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        chance = by_hypothesis or item.get_closest_marker("drawn") is not None
        self._turn(on=counts(item.path.relative_to(self._root), MEASURED, chance=chance))
        return (yield)

    def _turn(self, *, on: bool) -> None:
        if on is self._on:
            return
        self._on = on
        if on:
            self._meter.start()
        else:
            self._meter.stop()
            os.environ.pop("COVERAGE_PROCESS_CONFIG", None)  # programs look there; `start` puts it back
