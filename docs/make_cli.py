"""Writes docs/reference/cli.md from the commands themselves: `python docs/make_cli.py`."""  # noqa: INP001 - a script, not a package

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import get_args

import typer.main
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from app.cli import program

TARGET = Path(__file__).parent / "reference" / "cli.md"

HEAD = """\
# The command line

`cyberticket COMMAND --help` says the same. The commands read [the settings](settings.md) from the environment, and
`--data` goes before `CYBERTICKET_DATA_DIR`. `demo` and `story` set all but the database and Redis by themselves; the
two emulators have settings of their own. A command that cannot do its work says in a sentence what to do, on standard
error, and exits with status 1; an option that is wrong, with 2.

This page is made by `python docs/make_cli.py`; a test fails when it is stale.
"""


def commands() -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    """Every command by its full name, in the order of the program's own help."""
    root = typer.main.get_command(program())
    assert isinstance(root, TyperGroup), "the program has commands"
    yield from _below("cyberticket", root)


def _below(name: str, group: TyperGroup) -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    """Its commands; a group that does something by itself comes before its own."""
    for word, command in group.commands.items():
        if isinstance(command, TyperGroup):
            if command.invoke_without_command:
                yield f"{name} {word}", command
            yield from _below(f"{name} {word}", command)
        else:
            assert isinstance(command, TyperCommand), f"{word} is neither a command nor a group of them"
            yield f"{name} {word}", command


def page() -> str:
    """The whole text of docs/reference/cli.md."""
    found = list(commands())
    listed = "\n".join(f"- [`{name}`](#{name.replace(' ', '-')})" for name, _ in found)
    return "\n".join([HEAD, listed, "", *(_section(name, command) for name, command in found)])


def _section(name: str, command: TyperCommand | TyperGroup) -> str:
    usage = " ".join([name, *(_usage(one) for one in command.params if one.required), "[OPTIONS]"])
    parts = [f"## {name}", _sentence(command.help), f"```text\n{usage}\n```"]
    if command.params:
        rows = [f"| {_name(one)} | {_kind(one)} | {_cell(one)} |" for one in command.params]
        parts.append("\n".join(["| | value | what it is |", "|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def _usage(parameter: object) -> str:
    assert isinstance(parameter, TyperOption | TyperArgument), "a command takes arguments and options"
    if isinstance(parameter, TyperArgument):
        return _placeholder(parameter)
    return f"{parameter.opts[0]} {_placeholder(parameter)}"


def _placeholder(parameter: TyperOption | TyperArgument) -> str:
    return (parameter.name or "").upper().replace("-", "_")


def _name(parameter: object) -> str:
    assert isinstance(parameter, TyperOption | TyperArgument), "a command takes arguments and options"
    return f"`{_placeholder(parameter)}`" if isinstance(parameter, TyperArgument) else f"`{parameter.opts[0]}`"


def _kind(parameter: object) -> str:
    """What is written for it: a path, a number in its range, a text, or nothing for a switch."""
    assert isinstance(parameter, TyperOption | TyperArgument), "a command takes arguments and options"
    if isinstance(parameter, TyperOption) and parameter.is_flag:
        return "a switch"
    annotation = parameter.type_descriptor.annotation
    for one in (annotation, *get_args(annotation)):
        if isinstance(one, type) and issubclass(one, StrEnum):
            return " or ".join(f"`{member.value}`" for member in one)
    found = re.search("Path|int|float|str|datetime|UUID", str(annotation))
    assert found, f"{parameter.name} is of a type this page has no word for"
    words = {"Path": "path", "int": "number", "float": "number", "str": "text", "datetime": "day", "UUID": "id"}
    word = words[found[0]]
    low, high = parameter.min, parameter.max
    return f"{word}, {low} to {high}" if low is not None and high is not None else word


def _cell(parameter: object) -> str:
    assert isinstance(parameter, TyperOption | TyperArgument), "a command takes arguments and options"
    notes = []
    if parameter.required:
        notes.append("required")
    elif parameter.default not in {None, False, ""} and not isinstance(parameter.default, Path):
        notes.append(f"default `{parameter.default}`")
    elif isinstance(parameter.default, Path):
        ours = parameter.default.is_absolute()
        notes.append("default: the sample that comes along" if ours else f"default `{parameter.default}`")
    if parameter.multiple:
        notes.append("may be given several times")
    said = _sentence(parameter.help)
    return f"{said} ({'; '.join(notes)})".strip() if notes else said


def _sentence(text: str | None) -> str:
    """One line, with what would end a table's cell written out."""
    return " ".join((text or "").split()).replace("|", "\\|")


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
