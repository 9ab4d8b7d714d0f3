"""Imports point one way: the contracts of .importlinter hold, and each is seen to bite on a planted breach."""

from __future__ import annotations

import ast
import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tidy_rules import imports

ROOT = Path(__file__).parents[2]
CONTRACTS = ROOT / ".importlinter"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the packages below `folder`. A process of its own: in ours the linter would silence other loggers."""
    program = (
        "import sys; from importlinter.cli import lint_imports as lint; sys.exit(lint(no_cache=True, no_logo=True))"
    )
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=os.environ | {"COLUMNS": "300", "NO_COLOR": "1"},
        check=False,
        capture_output=True,
        text=True,
    )


def test_imports_point_one_way() -> None:
    report = lint(ROOT)
    assert report.returncode == 0, report.stdout[report.stdout.find("Contracts") :] + report.stderr


# --- every contract bites -------------------------------------------------------------------------------------------

BREACHES: list[tuple[str, str, str]] = [
    ("layers", "app.domain.money", "app.flows.paying.pay"),
    ("layers", "app.store.moves", "app.flows.booking.book"),
    ("layers", "app.flows.booking.find", "app.wiring"),
    ("layers", "app.flows.booking.find", "app.routers.catalogue"),
    ("layers", "app.routers.health", "app.main"),
    ("layers", "app.wiring", "app.cli"),
    ("layers", "app.channels.sms_http", "app.payments.stripe"),
    ("layers", "app.issuers.local", "app.channels.sms_http"),
    ("layers", "app.payments.emoney", "app.flows.paying.emoney"),
    ("flow-rooms", "app.flows.booking.hold", "app.flows.delivery.deliver"),
    ("flow-rooms", "app.flows.hands.give", "app.flows.paying.pay"),
    ("flow-rooms", "app.flows.books.ledger", "app.flows.returning.refund"),
    ("gateway-layers", "mobile_gateway.carrier.receipts", "mobile_gateway.disk.store"),
    ("gateway-apart", "mobile_gateway.cells", "app.domain.money"),
    ("gateway-guests", "app.flows.booking.find", "mobile_gateway.wire.gsm"),
    ("gateway-guests", "app.payments.stripe", "mobile_gateway.carrier.messages"),
    ("channels-wire", "app.channels.sms_http", "mobile_gateway.carrier.carrier"),
    ("sandbox", "app.payments.stripe", "app.payments.sandbox.cards"),
    ("embedded", "app.flows.booking.find", "app.embedded.server"),
    ("settings", "app.flows.booking.find", "app.settings"),
    ("store", "app.payments.stripe", "app.store.sales"),
    ("store", "app.issuers.remote", "app.store.register"),
    ("store", "app.channels.sms_http", "app.store.tables"),
    ("transactions", "app.routers.health", "app.store.database"),
    ("transactions", "app.routers.health", "app.store.outbox"),
    ("no-http", "app.flows.booking.find", "fastapi"),
    ("no-http", "app.store.moves", "httpx"),
]
"""Contract, the module that breaks it, and what that imports."""


def names() -> dict[str, str]:
    """Each contract's sentence by its id."""
    found = configparser.ConfigParser()
    found.read(CONTRACTS, encoding="utf-8")
    return {
        section.removeprefix("importlinter:"): found[section]["name"]
        for section in found.sections()
        if section.startswith("importlinter:")
    }


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The linter's report on a copy of the house in which every breach was planted, and a room without a place."""
    folder = tmp_path_factory.mktemp("house")
    for package in ("app", "mobile_gateway"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CONTRACTS, folder)
    (folder / "app" / "attic.py").write_text('"""A room nobody gave a place."""\n', encoding="utf-8")
    for _, importer, imported in BREACHES:
        path = folder.joinpath(*importer.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        with path.open("a", encoding="utf-8") as file:
            file.write(f"\nimport {imported}\n")
    report = lint(folder)
    assert report.returncode == 1, report.stdout + report.stderr
    return report.stdout


HEADING = re.compile(r"^(\S.*)\n-+\n", re.MULTILINE)


def told(report: str, contract: str) -> str:
    """What the report says under a broken contract's own heading."""
    details = report[report.index("Broken contracts") :]
    _, *pieces = HEADING.split(details)
    return dict(zip(pieces[::2], pieces[1::2], strict=True))[names()[contract]]


@pytest.mark.parametrize(("contract", "importer", "imported"), BREACHES)
def test_a_planted_breach_is_told_with_both_its_ends(broken: str, contract: str, importer: str, imported: str) -> None:
    assert f"{names()[contract]} BROKEN" in broken
    assert f"{importer} -> {imported} (l." in told(broken, contract).replace("\n", " ")


def test_a_new_room_must_be_given_its_place(broken: str) -> None:
    assert "app.attic" in told(broken, "layers")


def test_every_contract_has_a_planted_breach() -> None:
    assert {contract for contract, _, _ in BREACHES} == set(names())


# --- the pure rooms -------------------------------------------------------------------------------------------------

PURE = ("app.domain", "mobile_gateway.wire")

# fmt: off
WORLDLY = frozenset({
    "asyncio", "concurrent", "ctypes", "http", "io", "logging", "multiprocessing", "os", "pathlib", "queue", "random",
    "sched", "secrets", "select", "selectors", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "sys",
    "tempfile", "threading", "time", "urllib",
})
# fmt: on
"""Modules of the standard library that have a clock, dice, or a door to the outside."""


WELCOME = {"mobile_gateway.wire": {"defusedxml"}}
"""Outsiders in a pure room: a parser has no door to the outside, and the standard library's expands entities."""


def impurities(text: str, package: str) -> list[str]:
    """What a pure module may not do: import outsiders or worldly modules, or wait."""
    known = sys.stdlib_module_names | WELCOME.get(package, set())
    found = [
        f"line {line}: imports {module}"
        for line, module, _ in imports(text)
        if not f"{module}.".startswith((f"{package}.", "."))
        and (module.split(".")[0] in WORLDLY or module.split(".")[0] not in known)
    ]
    waits = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    return found + [f"line {node.lineno}: waits" for node in ast.walk(ast.parse(text)) if isinstance(node, waits)]


@pytest.mark.parametrize("package", PURE)
def test_pure_rooms_know_the_standard_library_and_themselves_and_never_wait(package: str) -> None:
    paths = sorted(ROOT.joinpath(*package.split(".")).rglob("*.py"))
    assert len(paths) > 1
    found = {path.name: impurities(path.read_text(encoding="utf-8"), package) for path in paths}
    assert {name: findings for name, findings in found.items() if findings} == {}


@pytest.mark.parametrize(
    "text",
    [
        "import sqlalchemy as sa\n",
        "from app.store import moves\n",
        "from app.domain_of_others import rule\n",
        "import app\n",
        "def now():\n    import time\n",
        "from asyncio import sleep\n",
        "async def rule(): ...\n",
    ],
)
def test_an_impurity_is_found(text: str) -> None:
    assert len(impurities(text, "app.domain")) == 1


def test_an_outsider_is_welcome_in_one_room_only() -> None:
    text = "from defusedxml.ElementTree import XMLParser\n"
    assert impurities(text, "mobile_gateway.wire") == []
    assert len(impurities(text, "app.domain")) == 1


def test_what_is_pure_is_left_alone() -> None:
    text = "from __future__ import annotations\nimport re\nfrom app.domain.money import Money\nfrom . import machine\n"
    assert impurities(text, "app.domain") == []
