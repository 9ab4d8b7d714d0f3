"""The schema `audit`: the views of the thirteen invariants, and what they share, made after the tables.

`migrate` makes it anew whenever the tables or the views have changed, so that no migration has to mind it.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import sqlalchemy as sa

from app.domain import leaks
from app.domain.leaks import Leak

FOLDER = Path(__file__).parent / "audit_views"

DIGEST = "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = 'audit'"
"""What the views in the database were made from: a hash that their schema bears as its comment."""


@lru_cache(maxsize=1)
def statements() -> tuple[str, ...]:
    """What makes the schema, in order, one statement each, but for its comment."""
    common = (FOLDER / "common.sql").read_text(encoding="utf-8")
    for name, text in _words().items():
        common = common.replace(f"{{{name}}}", "'" + text.replace("'", "''") + "'")
    shared = common.rstrip().removesuffix(";").split(";\n")
    views = (path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("i*.sql")))
    return ("CREATE SCHEMA audit", *shared, *views)


def _words() -> dict[str, str]:
    """What stands in braces in the shared statements."""
    patterns = {leak.name: pattern for leak, pattern in leaks.PATTERNS.items()}
    return patterns | {f"{leak.name}_WORDS": leak.value for leak in Leak} | {"CARD": leaks.CARD, "UUID": leaks.UUID}


@lru_cache(maxsize=1)
def digest() -> str:
    return hashlib.sha256("\n".join(statements()).encode()).hexdigest()


def drop(connection: sa.Connection) -> None:
    connection.exec_driver_sql("DROP SCHEMA IF EXISTS audit CASCADE")


def create(connection: sa.Connection) -> None:
    """Make the views, on the newest tables; there must be none."""
    for statement in statements():
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(f"COMMENT ON SCHEMA audit IS '{digest()}'")


def is_newest(connection: sa.Connection) -> bool:
    """Whether the views are those of this program."""
    return connection.exec_driver_sql(DIGEST).scalar_one_or_none() == digest()
