"""Writes docs/reference/states.md from the state machines in app/domain: `python docs/make_states.py`."""  # noqa: INP001 - a script, not a package

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import Any

import app.domain
from app.domain.machine import Machine

TARGET = Path(__file__).parent / "reference" / "states.md"

HEAD = """\
# States

The life of everything that has a state, drawn from the tables that the server itself obeys. A state changes along an
arrow or not at all: what has no arrow here is refused, and so is whoever comes second of two at the same time.

This page is made by `python docs/make_states.py`; a test fails when it is stale.
"""


def machines() -> dict[str, Machine[Any, Any]]:
    """Every machine of app.domain by its noun, in the order of the nouns."""
    modules = [
        importlib.import_module(f"app.domain.{found.name}") for found in pkgutil.iter_modules(app.domain.__path__)
    ]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, Machine)]
    return {machine.noun: machine for machine in sorted(found, key=lambda machine: machine.noun)}


def page() -> str:
    """The whole text of docs/reference/states.md."""
    parts = [HEAD]
    for noun, machine in machines().items():
        parts.append(f"## {noun.capitalize()}\n\n```mermaid\n{machine.diagram()}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
