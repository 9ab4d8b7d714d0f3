"""The command line: `cyberticket …`."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from app.cli import auditing, demonstrating, importing, keeping, mirroring, money, programs, telling
from app.domain.catalogue import ImportRefused
from app.domain.refusals import Refusal
from app.embedded import DatabaseUnavailable
from app.keys import KeyRingUnusable
from app.settings import UnknownSetting
from app.store.migrate import SchemaOutdated

app = typer.Typer(
    name="cyberticket",
    help="Any phone is the ticket: sell, deliver, admit.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(importing.app, name="import")
for module in (programs, keeping, mirroring, auditing, demonstrating, telling, money):
    module.add_to(app)

EXPECTED = (
    ImportRefused,
    Refusal,
    DatabaseUnavailable,
    KeyRingUnusable,
    UnknownSetting,
    SchemaOutdated,
    OSError,
    ValueError,
)
"""Faults whose message is a sentence for the person at the keyboard; anything else is a bug and shows its trace."""


def main() -> None:
    """Run the command; what a person can put right is told in a sentence, with exit status 1."""
    if not __debug__:
        sys.exit("cyberticket relies on its assertions: run it without -O and without PYTHONOPTIMIZE.")
    try:
        app()
    except EXPECTED as fault:
        Console(stderr=True).print(str(fault), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
