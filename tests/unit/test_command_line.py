"""The command line's table names every command there is, and a program loads only what it is made of."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest
import typer
import typer.main
from typer.core import TyperGroup

from app.cli import COMMANDS, program


def names(app: typer.Typer) -> list[str]:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return list(group.commands)


@pytest.mark.parametrize("module", COMMANDS)
def test_the_table_names_what_a_module_adds(module: str) -> None:
    app = typer.Typer()
    app.callback()(lambda: None)
    import_module(f"app.cli.{module}").add_to(app)
    assert tuple(names(app)) == COMMANDS[module]


def test_a_command_brings_its_module_and_no_other() -> None:
    assert names(program("settle")) == ["settle", "issuer-fee", "reconcile-network"]


@pytest.mark.parametrize("command", ["", "--help", "no-such-command"])
def test_whoever_names_no_command_is_shown_all(command: str) -> None:
    assert names(program(command)) == [name for added in COMMANDS.values() for name in added]


@pytest.mark.parametrize(
    ("command", "others"),
    [
        ("serve", ("app.worker", "app.payments.sandbox", "mobile_gateway.gateway")),
        ("mobile-gateway", ("app.main", "app.store", "sqlalchemy")),
    ],
)
def test_a_program_does_not_carry_the_others(command: str, others: tuple[str, ...]) -> None:
    code = f"import sys, app.cli; app.cli.program({command!r}); print(*sorted({set(others)} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
