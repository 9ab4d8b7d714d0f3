"""What the pages say holds: links lead somewhere, names exist, generated pages are fresh, blocks can be read."""

from __future__ import annotations

import configparser
import json
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest
import yaml
from docs_pages import PAGES, ROOT, Block, all_blocks, anchors, blocks, commands, links, name_of, prose
from pydantic_settings import BaseSettings
from typer.core import TyperOption

from app.importers.catalogue import read_catalogue
from app.main import create_app
from app.metrics import REGISTRY
from app.payments.sandbox.settings import NetworkSettings
from app.problems import known
from app.settings import OTHER_PROGRAMS, PREFIX, Settings
from app.store import tables
from app.world import SystemClock, World
from mobile_gateway.settings import GatewaySettings

MAKE_CLI = runpy.run_path(str(ROOT / "docs" / "make_cli.py"))
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


# --- links ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    broken = []
    for link in links(page):
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (fragment and fragment not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        targets = [(page.parent / link.partition("#")[0]).resolve() for link in links(page)]
        for target in targets:
            waiting += (
                sorted(target.glob("*.md"))
                if target.is_dir()
                else [target] * (target.suffix == ".md" and target.exists())
            )
    assert [name_of(page) for page in PAGES if page not in seen] == []


# --- blocks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", all_blocks("json"), ids=str)
def test_json_can_be_parsed(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", all_blocks("yaml"), ids=str)
def test_yaml_can_be_parsed(block: Block) -> None:
    assert yaml.safe_load(block.text)


@pytest.mark.parametrize("block", all_blocks("bash"), ids=str)
def test_shell_has_no_mistake_of_grammar(block: Block) -> None:
    checked = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("block", all_blocks("python"), ids=str)
def test_python_runs(block: Block) -> None:
    exec(compile(block.text, str(block), "exec"), {})  # noqa: S102 - our own pages


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_mark_stands_before_a_block_and_says_something_known(page: Path) -> None:
    marks = re.findall(r"<!--(.*?)-->", page.read_text(encoding="utf-8"))
    assert len(marks) == len([block for block in blocks(page) if block.run])
    known = {"", "the demo", "the network", "the payment network", "import", "here"}
    assert {block.run for block in blocks(page)} <= known


def test_the_small_catalogue_reads_without_a_note(tmp_path: Path) -> None:
    (block,) = [one for one in blocks(ROOT / "docs/how-to/import-your-catalogue.md") if one.run == "import"]
    path = tmp_path / "catalogue.yaml"
    path.write_text(block.text, encoding="utf-8")
    draft, report = read_catalogue(path, now=SystemClock().now())
    assert report.notes == ()
    assert [product.slug for product in draft.issuers[0].products] == ["friday-film"]


# --- the command line -----------------------------------------------------------------------------------------------


def test_the_page_of_the_command_line_is_fresh() -> None:
    assert text_of("docs/reference/cli.md") == MAKE_CLI["page"](), "run `python docs/make_cli.py`"


def test_every_command_and_option_that_a_page_names_exists() -> None:
    options = {
        name: {option for one in command.params if isinstance(one, TyperOption) for option in one.opts} | {"--help"}
        for name, command in MAKE_CLI["commands"]()
    }
    groups = {name.rsplit(" ", 1)[0] for name in options}
    wrong = []
    for page, line in commands():
        words = re.sub(r"<\(.*", "", line).split()  # what another command says is that command's line
        found = next((" ".join(words[:count]) for count in (3, 2) if " ".join(words[:count]) in options), None)
        typed = {re.sub("[^a-z-].*", "", word) for word in words if word.startswith("--")}
        if (found is None and " ".join(words[:2]) not in groups) or not typed <= options.get(found or "", set()):
            wrong.append(f"{page}: {line}")
    assert len(commands()) > 20
    assert wrong == []


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    named = {word for page in PAGES for word in re.findall(r"(?:`|    |^)make ([a-z]+)\b", prose(page), re.MULTILINE)}
    assert {"demo", "test"} <= named <= targets


# --- names ----------------------------------------------------------------------------------------------------------


def test_every_setting_that_a_page_names_exists() -> None:
    kinds: tuple[type[BaseSettings], ...] = (GatewaySettings, NetworkSettings)
    prefixes = dict(zip(OTHER_PROGRAMS, kinds, strict=False)) | {PREFIX: Settings}
    real = {prefix + name.upper() for prefix, kind in prefixes.items() for name in kind.model_fields}
    named = {name for page in PAGES for name in re.findall(r"CYBERTICKET_[A-Z_]+[A-Z]", page.read_text("utf-8"))}
    assert len(named) > 10
    assert sorted(named - real) == []


def test_metrics_and_their_page_name_the_same() -> None:
    page = text_of("docs/how-to/read-the-logs-and-metrics.md")
    listed = set(re.findall(r"^\| `(cyberticket_[a-z_]+)`", page, re.MULTILINE))
    real = {f"{one.name}_total" if one.type == "counter" else one.name for one in REGISTRY.collect()}
    assert listed == real


def test_every_event_that_is_logged_has_its_line() -> None:
    source = "".join(path.read_text("utf-8") for path in sorted((ROOT / "app").rglob("*.py")))
    events = set(re.findall(r'log\.[a-z]+\(\s*"([a-z_]+)"', source))
    page = text_of("docs/how-to/read-the-logs-and-metrics.md")
    assert len(events) > 5
    assert sorted(event for event in events if f"`{event}`" not in page) == []


def described() -> set[str]:
    """Every method and path of the API's description."""
    nobody = cast("World", object())  # describing the API asks nothing of the world
    paths = create_app(Settings(demo=True), world=nobody).openapi()["paths"]
    return {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}


def test_the_endpoints_and_their_page_are_the_same() -> None:
    ours = text_of("docs/reference/http-api.md").split("## The endpoints")[1].split("\n## ")[0]
    between_servers = text_of("docs/reference/issuer-api.md").split("## The routes")[1].split("\n## ")[0]
    listed = [set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /[^`]+)`", one)) for one in (ours, between_servers)]
    assert listed[0] | listed[1] == described()
    assert listed[1] == {one for one in described() if " /issuer/v1/" in one}


def test_every_problem_that_the_api_page_names_exists() -> None:
    page = text_of("docs/reference/http-api.md")
    named = set(re.findall(r"\b4\d\d `([a-z-]+)`", page)) | set(re.findall(r"/problems/([a-z-]+)", page))
    assert named
    assert named <= set(known())


def test_every_table_has_its_owner_on_the_architecture_page() -> None:
    section = text_of("docs/reference/architecture.md").split("## Tables by owner")[1].split("\n## ")[0]
    named = [
        name
        for row in re.findall(r"^\|[^|]+\|([^|]+)\|", section, re.MULTILINE)
        for name in re.findall("`([a-z_]+)`", row)
    ]
    assert sorted(named) == sorted(tables.Issuer.metadata.tables)


def test_the_architecture_page_draws_the_layers_that_the_contracts_hold() -> None:
    contracts = configparser.ConfigParser()
    contracts.read_string(text_of(".importlinter"))
    house, flows = (contracts[f"importlinter:{name}"]["layers"] for name in ("layers", "flow-rooms"))
    levels = [[frozenset(re.findall("[a-z]+", line)) for line in one.strip().splitlines()] for one in (house, flows)]
    page = text_of("docs/reference/architecture.md")
    drawn = re.findall("^    ([a-z &]+) --> ([a-z &]+)$", page, re.MULTILINE)
    arrows = {(frozenset(upper.split(" & ")), frozenset(lower.split(" & "))) for upper, lower in drawn}
    assert arrows == {step for one in levels for step in pairwise(one)}
    rooms = {room for level in levels[0] for room in level} | {f"flows.{room}" for level in levels[1] for room in level}
    assert sorted(room for room in rooms if f"`{room}`" not in page) == []


# --- decisions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", DECISIONS, ids=name_of)
def test_a_decision_says_what_was_known_what_was_decided_what_follows_and_what_else_there_was(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith(f"# {page.name[:4]}: ")
    assert lines[2].startswith("Status: ")
    headings = [line for line in lines if line.startswith("## ")]
    assert headings == ["## Context", "## Decision", "## Consequences", "## Alternatives"]
    assert len(lines) <= 90


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


# --- what the checks themselves can see -----------------------------------------------------------------------------


@pytest.fixture
def a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "page.md"
        path.write_text(text, encoding="utf-8")
        return path

    monkeypatch.setattr("docs_pages.ROOT", tmp_path)
    return write


def test_a_block_is_read_with_its_mark_and_without_its_indent(a_page: Callable[[str], Path]) -> None:
    page = a_page("1. so\n\n   ```bash\n   a\n     b\n   ```\n\n<!-- run: the demo -->\n```bash\nc\n```\n")
    assert [(one.run, one.text) for one in blocks(page)] == [("", "a\n  b\n"), ("the demo", "c\n")]


def test_a_link_inside_a_block_is_no_link(a_page: Callable[[str], Path]) -> None:
    page = a_page("[one](a.md#b) [two](https://x.example)\n```text\n[three](c.md)\n```\n")
    assert links(page) == ["a.md#b"]


def test_headings_become_the_anchors_that_forges_make(a_page: Callable[[str], Path]) -> None:
    page = a_page("# Back up, and *restore*\n## `cyberticket import gtfs`\n")
    assert anchors(page) == {"back-up-and-restore", "cyberticket-import-gtfs"}


def test_the_interpreter_that_runs_the_tests_is_the_one_the_pages_ask_for() -> None:
    assert sys.version_info >= (3, 11)
    assert "Python 3.11 or newer" in text_of("README.md")
