"""The house rules hold in every file, and each rule is seen to bite on a planted breach."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest
import tidy_rules
from tidy_rules import FILE_LINES_MAX, FUNCTION_LINES_MAX, Rule, Size, file_size, function_sizes

ROOT = Path(__file__).parents[2]
SHIPPED = ("app", "mobile_gateway")
EVERYTHING = (*SHIPPED, "migrations", "tests", "bench", "docs")

LONG: dict[str, int] = {}
"""Files and functions (`path:dotted.name`) longer than the rule, with the lines they may have. This list only shrinks:
whoever makes one longer, or adds one, cuts it instead; whoever makes one short enough takes it from the list."""

OWN_CLOCKS_AND_DICE = {
    "app/world.py": "makes the World's",
    "app/wiring.py": "makes the World's",
    "app/memory.py": "what it keeps may be forgotten at any time, so no rule hangs on its clock",
    "app/keys/": "makes secret keys, which come from the operating system and from nowhere else",
    "app/cli/": "the command line is where the house begins; what it reads off a clock it hands in",
    "app/worker.py": "spreads the workers' polling; nothing is decided by it",
    "app/embedded/cluster.py": "compares the times of files with the machine's own",
    "app/payments/sandbox/wiring.py": "the emulated network is another house with a world of its own",
}
"""Files, and folders with a slash at the end, that may ask the machine for time or chance, each with its reason."""

NAMES_THE_WORDS = {"tests/unit/tidy_rules.py", "tests/unit/test_tidy.py"}
"""They must say what they look for."""


@pytest.fixture(scope="module", autouse=True)
def _felled() -> Iterator[None]:
    """The trees of all files together would weigh on every test after these: the garbage collector walks them."""
    yield
    tidy_rules.parsed.cache_clear()


def sources(*folders: str) -> list[str]:
    """Python files below `folders`, as paths from the repository's root."""
    found = (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))
    return [path.relative_to(ROOT).as_posix() for path in found]


def breaches(rule: Rule, paths: Iterable[str]) -> list[str]:
    found = []
    for path in paths:
        try:
            found += [f"{path} {finding}" for finding in rule((ROOT / path).read_text(encoding="utf-8"))]
        except SyntaxError as fault:
            found.append(f"{path} line {fault.lineno}: {fault.msg}")
    return found


def hold(rule: Rule, paths: Iterable[str]) -> None:
    found = breaches(rule, paths)
    assert not found, "\n".join(found)


# --- the rules hold -------------------------------------------------------------------------------------------------


def test_the_rules_are_given_files_to_read() -> None:
    assert len(sources("app")) > 50
    assert "app/domain/booking.py" in sources(*EVERYTHING)
    assert "tests/unit/test_tidy.py" in sources(*EVERYTHING)


def test_every_module_says_what_it_knows() -> None:
    hold(tidy_rules.missing_docstring, sources(*SHIPPED))


def test_no_file_and_no_function_is_longer_than_one_can_hold_in_mind() -> None:
    too_long = {name: lines for name, (lines, limit) in sizes().items() if lines > limit and name not in LONG}
    assert too_long == {}, "cut it in two"


def test_what_was_too_long_once_does_not_grow() -> None:
    found = sizes()
    grown = {name: found[name][0] for name, lines in LONG.items() if name in found and found[name][0] > lines}
    assert grown == {}


def test_what_is_short_enough_now_leaves_the_list() -> None:
    found = sizes()
    done = [name for name in LONG if name not in found or found[name][0] <= found[name][1]]
    assert done == [], "take these from LONG"


@cache
def sizes() -> dict[str, tuple[int, int]]:
    """(lines, limit) of every shipped file and function."""
    found: dict[str, tuple[int, int]] = {}
    for path in sources(*SHIPPED):
        text = (ROOT / path).read_text(encoding="utf-8")
        found[path] = (file_size(text), FILE_LINES_MAX)
        for name, lines in function_sizes(text):
            found[f"{path}:{name}"] = (lines, FUNCTION_LINES_MAX)
    return found


def test_states_are_moved_never_assigned() -> None:
    outside = [path for path in sources(*EVERYTHING) if not path.startswith("app/store/")]
    hold(tidy_rules.state_assignments, outside)


def test_time_ids_and_chance_come_from_the_world() -> None:
    others = [path for path in sources("app") if not path.startswith(tuple(OWN_CLOCKS_AND_DICE))]
    hold(tidy_rules.clocks_and_dice, others)


@pytest.mark.parametrize("path", sorted(OWN_CLOCKS_AND_DICE))
def test_an_exception_to_the_worlds_clock_is_still_needed(path: str) -> None:
    covered = [source for source in sources("app") if source.startswith(path)]
    assert breaches(tidy_rules.clocks_and_dice, covered), f"take {path} from OWN_CLOCKS_AND_DICE"


def test_nothing_is_left_unfinished() -> None:
    others = [path for path in sources(*EVERYTHING) if path not in NAMES_THE_WORDS]
    hold(tidy_rules.unfinished, others)


def test_whoever_silences_a_tool_says_which_rule_and_why() -> None:
    hold(tidy_rules.bare_exceptions, sources(*EVERYTHING))


def test_only_the_wrapper_knows_jose() -> None:
    others = [path for path in sources(*SHIPPED) if path != "app/tokens.py"]
    hold(tidy_rules.jose_imports, others)


def test_no_xml_parser_that_expands_entities_is_used() -> None:
    hold(tidy_rules.xml_parsers, sources(*SHIPPED))


def test_a_test_that_does_not_run_says_why() -> None:
    hold(tidy_rules.silent_skips, sources("tests"))


def test_no_file_names_a_package_registry() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = [path for path in listed.stdout.split("\0") if (ROOT / path).is_file()]
    assert "pyproject.toml" in paths
    named = [
        f"{path} {finding}"
        for path in paths
        for finding in tidy_rules.registry_hosts((ROOT / path).read_text(encoding="utf-8", errors="replace"))
    ]
    assert not named, "\n".join(named)


# --- the rules bite -------------------------------------------------------------------------------------------------

GUILTY: list[tuple[Rule, str]] = [
    (tidy_rules.missing_docstring, ""),
    (tidy_rules.missing_docstring, "# a comment is not enough\nimport os\n"),
    (tidy_rules.state_assignments, "booking.state = PAID\n"),
    (tidy_rules.state_assignments, "rows[0].state: str = PAID\n"),
    (tidy_rules.state_assignments, "a, b.state = 1, PAID\n"),
    (tidy_rules.state_assignments, "for row.state in states:\n    pass\n"),
    (tidy_rules.state_assignments, "setattr(row, 'state', PAID)\n"),
    (tidy_rules.clocks_and_dice, "now = datetime.now(UTC)\n"),
    (tidy_rules.clocks_and_dice, "now = dt.datetime.utcnow()\n"),
    (tidy_rules.clocks_and_dice, "make = field(default_factory=uuid.uuid4)\n"),
    (tidy_rules.clocks_and_dice, "from uuid import UUID, uuid4\n"),
    (tidy_rules.clocks_and_dice, "def later():\n    from time import time\n"),
    (tidy_rules.clocks_and_dice, "started = time.time()\n"),
    (tidy_rules.clocks_and_dice, "import random as dice\n"),
    (tidy_rules.clocks_and_dice, "from secrets import token_hex\n"),
    (tidy_rules.clocks_and_dice, "salt = os.urandom(16)\n"),
    (tidy_rules.jose_imports, "from jose import jwt\n"),
    (tidy_rules.jose_imports, "if TYPE_CHECKING:\n    import jose.backends\n"),
    (tidy_rules.xml_parsers, "from xml.etree import ElementTree\n"),
    (tidy_rules.xml_parsers, "import xml.dom.minidom\n"),
    (tidy_rules.xml_parsers, "import pyexpat\n"),
    (tidy_rules.unfinished, "x = 1  # TODO: more\n"),
    (tidy_rules.unfinished, '"""FIXME"""\n'),
    (tidy_rules.unfinished, "price = 'XXX'\n"),
    (tidy_rules.unfinished, "if impossible:  # pragma: no cover\n    pass\n"),
    (tidy_rules.unfinished, "raise NotImplementedError\n"),
    (tidy_rules.unfinished, "raise NotImplementedError('later')\n"),
    (tidy_rules.bare_exceptions, "import os  # noqa\n"),
    (tidy_rules.bare_exceptions, "import os  # noqa: F401\n"),
    (tidy_rules.bare_exceptions, "import os  # noqa: F401 -\n"),
    (tidy_rules.bare_exceptions, "# ruff: noqa\n"),
    (tidy_rules.bare_exceptions, "x = 1  # type: ignore\n"),
    (tidy_rules.bare_exceptions, "x = 1  # type:ignore # because\n"),
    (tidy_rules.silent_skips, "@pytest.mark.skip\ndef test_a(): ...\n"),
    (tidy_rules.silent_skips, "@pytest.mark.skip()\ndef test_a(): ...\n"),
    (tidy_rules.silent_skips, "@pytest.mark.skipif(True)\ndef test_a(): ...\n"),
    (tidy_rules.silent_skips, "marks = [pytest.mark.xfail(strict=True)]\n"),
    (tidy_rules.silent_skips, "@pytest.mark.xfail(reason='')\ndef test_a(): ...\n"),
    (tidy_rules.silent_skips, "pytest.skip()\n"),
    *[(tidy_rules.registry_hosts, f"from https://{'.'.join(pieces)}/simple\n") for pieces in tidy_rules.REGISTRIES],
]

INNOCENT: list[tuple[Rule, str]] = [
    (tidy_rules.missing_docstring, '"""A booking\'s life."""\n'),
    (tidy_rules.state_assignments, "app.state.world = world\nstate = row.state\nassert row.state == PAID\n"),
    (tidy_rules.clocks_and_dice, "now = world.clock.now()\nkey = world.entropy.uuid()\nfrom uuid import UUID\n"),
    (tidy_rules.jose_imports, "from app import tokens\njosephine = 1\n"),
    (tidy_rules.xml_parsers, "from xml.sax.saxutils import escape\n"),
    (tidy_rules.unfinished, "try:\n    open_it()\nexcept NotImplementedError:\n    todo = []\n"),
    (tidy_rules.bare_exceptions, "import os  # noqa: F401, E402 - fills the metadata\n"),
    (tidy_rules.bare_exceptions, "x = 1  # type: ignore[arg-type]  # wrong on purpose\ny = '# noqa'\n"),
    (tidy_rules.silent_skips, "@pytest.mark.skipif(ROOT, reason='root reads every file')\ndef test_a(): ...\n"),
    (tidy_rules.silent_skips, "pytest.skip(message)\npytest.mark.skip('not here')\n"),
    (tidy_rules.registry_hosts, "the index your installer is set to\n"),
]


@pytest.mark.parametrize(("rule", "text"), GUILTY)
def test_a_planted_breach_is_found_once_and_by_its_line(rule: Rule, text: str) -> None:
    (finding,) = rule(text)
    assert finding.startswith("line ")


@pytest.mark.parametrize(("rule", "text"), INNOCENT)
def test_what_only_looks_like_a_breach_is_left_alone(rule: Rule, text: str) -> None:
    assert rule(text) == []


def test_every_rule_has_a_planted_breach_and_something_that_only_looks_like_one() -> None:
    rules = {
        rule
        for name, rule in vars(tidy_rules).items()
        if callable(rule) and getattr(rule, "__annotations__", {}) == {"text": "str", "return": "list[str]"}
        if not name.startswith("_")
    }
    assert {rule for rule, _ in GUILTY} == {rule for rule, _ in INNOCENT} == rules
    assert len(rules) == 9


def test_lengths_are_counted_to_the_last_line_and_named_by_where_they_are() -> None:
    text = (
        "class A:\n    @property\n    def b(self):\n        def c():\n            return 1\n        return c\n\n\n"
        "async def d(): ...\n"
    )
    assert function_sizes(text) == [Size("A.b", 4), Size("A.b.c", 2), Size("d", 1)]
    assert file_size(text) == 9
