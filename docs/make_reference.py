"""Writes docs/reference/settings.md and problems.md from the code: `python docs/make_reference.py`."""  # noqa: INP001 - a script, not a package

from __future__ import annotations

import ast
import inspect
import json
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from app.payments.sandbox.settings import NetworkSettings
from app.problems import known
from app.settings import Settings
from mobile_gateway.settings import GatewaySettings

FOLDER = Path(__file__).parent / "reference"
PROGRAMS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("The server and the worker", Settings),
    ("The sandbox payment network", NetworkSettings),
    ("The mobile gateway", GatewaySettings),
)


def words(model: type[BaseModel]) -> dict[str, str]:
    """What stands under each field of a settings class, by field; several lines become one."""
    (body,) = [node for node in ast.walk(ast.parse(inspect.getsource(model))) if isinstance(node, ast.ClassDef)]
    found: dict[str, str] = {}
    for field, text in zip(body.body, [*body.body[1:], ast.Pass()], strict=True):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            said = text.value.value if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) else ""
            found[field.target.id] = " ".join(str(said).split())
    return found


def default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be set"
    if field.default_factory is not None:
        return "see the right" if field.annotation is Path else "none"
    if field.default is None or is_secret(field) or field.default in {"", ()}:
        return "none"
    return f"`{_typed(field.default)}`"


def _typed(value: object) -> str:
    """A default as one would type it into the environment."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(value) if isinstance(value[0], str) else json.dumps(value)
    return str(value)


def is_secret(field: FieldInfo) -> bool:
    return field.annotation is SecretStr or SecretStr in get_args(field.annotation)


def settings_page() -> str:
    lines = [
        "# Settings",
        "",
        "Environment variables. One that is not listed here and begins with `CYBERTICKET_` is refused at start, with",
        "the nearest one that may be meant. Lists have commas between, lists of numbers are JSON. Written by",
        "`python docs/make_reference.py`; do not edit by hand.",
    ]
    for title, model in PROGRAMS:
        prefix = str(model.model_config.get("env_prefix"))
        lines += ["", f"## {title}", "", "| variable | default | what it is |", "|---|---|---|"]
        said = words(model)
        for name, field in model.model_fields.items():
            lines.append(f"| `{prefix}{name.upper()}` | {default(field)} | {said[name]} |")
    return "\n".join(lines) + "\n"


def problems_page() -> str:
    lines = [
        "# Problems",
        "",
        "Every error is a problem detail (RFC 9457, `application/problem+json`) whose `type` ends in one of these",
        "names; the server explains each at `/problems/{name}` too. Written by `python docs/make_reference.py`; do",
        "not edit by hand.",
    ]
    for slug, problem in sorted(known().items()):
        lines += ["", f"## {slug}", "", f"{problem.status}: {problem.title}. {problem.advice}"]
    return "\n".join(lines) + "\n"


PAGES = {"settings.md": settings_page, "problems.md": problems_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
