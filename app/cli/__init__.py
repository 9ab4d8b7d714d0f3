"""The command line: `cyberticket …`."""

from __future__ import annotations

import sys
from importlib import import_module

import typer
from rich.console import Console

from app.domain.catalogue import ImportRefused
from app.domain.refusals import Refusal
from app.embedded import DatabaseUnavailable

COMMANDS = {
    "serve": ("serve",),
    "work": ("worker",),
    "network": ("payment-network",),
    "gateway": ("mobile-gateway",),
    "keeping": ("migrate", "make-keys", "staff-key", "revoke-staff-key", "invite-gate"),
    "mirroring": ("issuers",),
    "auditing": ("audit",),
    "demonstrating": ("demo",),
    "telling": ("story",),
    "money": ("settle", "issuer-fee", "reconcile-network"),
    "importing": ("import",),
    "gating": ("gate",),
    "keyring": ("keys",),
}
"""Each module of this package that has commands, in the order of the help, and their names."""

EXPECTED = (ImportRefused, Refusal, DatabaseUnavailable, OSError, ValueError)
"""Faults whose message is a sentence for the person at the keyboard; anything else is a bug and shows its trace."""


def program(command: str = "") -> typer.Typer:
    """The whole command line, or only what `command` needs: a program does not carry what others are made of."""
    app = typer.Typer(name="cyberticket", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    app.callback(help="Any phone is the ticket: sell, deliver, admit.")(_no_options)
    modules = [module for module, names in COMMANDS.items() if command in names] or list(COMMANDS)
    for module in modules:
        import_module(f"app.cli.{module}").add_to(app)
    return app


def _no_options() -> None:
    """None that stands before the command; without this, one command alone would be the whole program."""


def main() -> None:
    """Run the command; what a person can put right is told in a sentence, with exit status 1."""
    if not __debug__:
        sys.exit("cyberticket relies on its assertions: run it without -O and without PYTHONOPTIMIZE.")
    try:
        program(*sys.argv[1:2])()
    except EXPECTED as fault:
        Console(stderr=True).print(str(fault), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
