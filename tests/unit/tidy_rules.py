"""The house rules that no other tool knows: each a function from a file's text to its findings, one sentence each."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import NamedTuple

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 40


class Size(NamedTuple):
    """How many lines something takes; a function's count runs from `def` to its end, decorators not counted."""

    name: str
    lines: int


@cache
def parsed(text: str) -> ast.Module:
    """The tree of a file, which most rules look at; whoever has asked for those of all files clears the cache."""
    return ast.parse(text)


def has(words: Iterable[str], text: str) -> bool:
    """Most files have none of the words that a rule is about; to parse them takes a hundred times as long."""
    return any(word in text for word in words)


def file_size(text: str) -> int:
    return len(text.splitlines())


def function_sizes(text: str) -> list[Size]:
    """Every function and method by its dotted name within the file."""
    found: list[Size] = []

    def visit(node: ast.AST, inside: str) -> None:
        for child in ast.iter_child_nodes(node):
            name = inside
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = f"{inside}.{child.name}".removeprefix(".")
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                assert child.end_lineno is not None
                found.append(Size(name, child.end_lineno - child.lineno + 1))
            visit(child, name)

    visit(parsed(text), "")
    return found


def missing_docstring(text: str) -> list[str]:
    """A file opens by saying what it knows (an empty one too)."""
    return [] if ast.get_docstring(parsed(text)) else ["line 1: the module does not say what it knows"]


def state_assignments(text: str) -> list[str]:
    """States change through app.store.moves alone, never by an assignment to `.state`."""
    found: list[str] = []
    if not has({".state", "setattr"}, text):
        return found
    for node in ast.walk(parsed(text)):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.For | ast.NamedExpr):
            targets = [node.target]
        elif isinstance(node, ast.Call) and _says_state(node) and ast.unparse(node.func) == "setattr":
            found.append(f"line {node.lineno}: a state is set by setattr; use app.store.moves")
        for target in targets:
            found += [
                f"line {part.lineno}: a state is assigned; use app.store.moves"
                for part in ast.walk(target)
                if isinstance(part, ast.Attribute) and part.attr == "state" and isinstance(part.ctx, ast.Store)
            ]
    return found


def _says_state(call: ast.Call) -> bool:
    return any(isinstance(part, ast.Constant) and part.value == "state" for part in call.args[1:2])


CLOCKS_AND_DICE = (
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "uuid.uuid1",
    "uuid.uuid4",
    "time.time",
    "time.time_ns",
    "os.urandom",
)
LAST_WORDS = {name.rsplit(".", 1)[-1] for name in CLOCKS_AND_DICE}
DICE = {"random", "secrets"}


def clocks_and_dice(text: str) -> list[str]:
    """Time, ids and chance come from the World."""
    found: list[str] = []
    if not has(LAST_WORDS | DICE, text):
        return found
    for node in ast.walk(parsed(text)):
        if isinstance(node, ast.Attribute) and node.attr in LAST_WORDS:
            said = ast.unparse(node)
            if any(said == name or said.endswith(f".{name}") for name in CLOCKS_AND_DICE):
                found.append(f"line {node.lineno}: {said} is not the World's")
    for line, module, names in imports(text):
        taken = [f"{module}.{name}" for name in names if f"{module}.{name}" in CLOCKS_AND_DICE]
        if module.split(".")[0] in DICE:
            taken.append(module)
        found += [f"line {line}: {name} is not the World's" for name in taken]
    return found


def imports(text: str) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """(line, module, names taken from it) of every import wherever it stands, those for types only too."""
    for node in ast.walk(parsed(text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, ()
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or ""), tuple(alias.name for alias in node.names)


def jose_imports(text: str) -> list[str]:
    """python-jose has one wrapper, app/tokens.py, which knows its traps."""
    if not has({"jose"}, text):
        return []
    return [
        f"line {line}: jose belongs to app/tokens.py alone"
        for line, module, _ in imports(text)
        if module.split(".")[0] == "jose"
    ]


XML_PARSERS = {"xml", "pyexpat", "_elementtree"}


def xml_parsers(text: str) -> list[str]:
    """The standard library's XML parsers expand entities: a small document can fill the memory."""
    if not has(XML_PARSERS, text):
        return []
    return [
        f"line {line}: {module} expands entities"
        for line, module, names in imports(text)
        if module.split(".")[0] in XML_PARSERS and (module, names) != ("xml.sax.saxutils", ("escape",))
    ]


UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX)\b|pragma:\s*no\s*cover")


def unfinished(text: str) -> list[str]:
    """What is begun is finished, and nothing hides from the coverage. Catching NotImplementedError is no offence."""
    found = [
        f"line {number}: {match[0]}"
        for number, line in enumerate(text.splitlines(), 1)
        for match in UNFINISHED.finditer(line)
    ]
    if not has({"NotImplementedError"}, text):
        return found
    found += [
        f"line {node.lineno}: raises NotImplementedError"
        for node in ast.walk(parsed(text))
        if isinstance(node, ast.Raise) and node.exc is not None and "NotImplementedError" in ast.unparse(node.exc)
    ]
    return found


NOQA = re.compile(r"# noqa: [A-Z]+[0-9]+(?:, [A-Z]+[0-9]+)* - \S.*")
SILENCES = re.compile(r"noqa|type:\s*ignore")
TYPE_IGNORE = re.compile(r"# type: ignore\[[a-z-]+(?:, ?[a-z-]+)*\].*")


def bare_exceptions(text: str) -> list[str]:
    """Whoever silences a tool names the code; for a lint also the reason, after " - "."""
    found: list[str] = []
    if not SILENCES.search(text):
        return found
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        said = token.string
        if "noqa" in said and not NOQA.search(said):
            found.append(f"line {token.start[0]}: write `# noqa: CODE - reason`")
        if re.search(r"type:\s*ignore", said) and not TYPE_IGNORE.search(said):
            found.append(f"line {token.start[0]}: write `# type: ignore[code]`")
    return found


SKIPS = re.compile(r"(?:pytest\.)?(?:mark\.)?(?:skip|skipif|xfail)")
SKIP_WORDS = {"skip", "skipif", "xfail"}
SAYS_WHY_FIRST = {"mark.skip", "pytest.mark.skip", "pytest.skip", "pytest.xfail"}
"""Calls whose first argument is the reason."""


def silent_skips(text: str) -> list[str]:
    """A test that does not run says why."""
    if not has(SKIP_WORDS, text):
        return []
    tree = parsed(text)
    called = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or node.attr not in SKIP_WORDS:
            continue
        if not SKIPS.fullmatch(name := ast.unparse(node)):
            continue
        call = called.get(id(node))
        reasons = [] if call is None else [word.value for word in call.keywords if word.arg == "reason"]
        if call is not None and name in SAYS_WHY_FIRST:
            reasons += call.args[:1]
        if not any(_is_said(reason) for reason in reasons):
            found.append(f"line {node.lineno}: {name} without a reason")
    return found


def _is_said(reason: ast.expr) -> bool:
    return not isinstance(reason, ast.Constant) or bool(str(reason.value or "").strip())


REGISTRIES = (("pypi", "org"), ("files", "pythonhosted", "org"), ("registry", "npmjs", "org"), ("deb", "debian", "org"))
"""In pieces, since this file is read by its own rule."""

REGISTRY = re.compile("|".join(r"\.".join(pieces) for pieces in REGISTRIES), re.IGNORECASE)


def registry_hosts(text: str) -> list[str]:
    """Where packages come from is the business of whoever installs us, not of a file of ours."""
    return [
        f"line {number}: names a package registry"
        for number, line in enumerate(text.splitlines(), 1)
        if REGISTRY.search(line)
    ]


Rule = Callable[[str], list[str]]
