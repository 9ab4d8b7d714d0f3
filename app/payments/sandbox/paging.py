"""Lists: the newest first, cut into pages, narrowed by what the caller asks.

https://docs.stripe.com/api/pagination: `limit` 1 to 100, `starting_after` the last id of the page before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.payments.sandbox.errors import missing
from app.payments.sandbox.params import Params
from app.payments.sandbox.till import Till

PAGE_MAX = 100
PAGE_DEFAULT = 10
SECONDS_MAX = 999_999_999_999
NEVER = 2**62

SINGULAR = {
    "payment_intents": "payment_intent",
    "refunds": "refund",
    "disputes": "dispute",
    "events": "event",
    "balance_transactions": "balance_transaction",
    "endpoints": "webhook_endpoint",
}
"""The tables that can be listed, and how a thing of theirs is called."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for; `since` up to but without `until`, in Unix seconds."""

    limit: int = PAGE_DEFAULT
    starting_after: str | None = None
    since: int = 0
    until: int = NEVER


def read_page(params: Params, *, by_time: bool = False) -> Page:
    """Raises ApiError 400. `by_time` allows `created[gte]`, `created[gt]`, `created[lt]` and `created[lte]` too."""
    limit = params.optional_integer("limit", minimum=1, maximum=PAGE_MAX) or PAGE_DEFAULT
    after = params.optional("starting_after")
    if not by_time:
        return Page(limit, after)

    def bound(name: str) -> int | None:
        return params.optional_integer(f"created[{name}]", minimum=0, maximum=SECONDS_MAX)

    gte, gt, lt, lte = bound("gte"), bound("gt"), bound("lt"), bound("lte")
    since = max(gte or 0, 0 if gt is None else gt + 1)
    until = min(NEVER if lt is None else lt, NEVER if lte is None else lte + 1)
    return Page(limit, after, since, until)


def fetch(till: Till, table: str, columns: str, asked: Page, only: Mapping[str, str | None]) -> tuple[list[Any], bool]:
    """The rows of a page, and whether more follow; raises ApiError 404 for a `starting_after` that is nowhere.

    `only` narrows by columns; None does not. Table and column names come from the code, values from the caller.
    """
    narrowed = {column: value for column, value in only.items() if value is not None}
    where = "".join(f" AND {column} = ?" for column in narrowed)
    rows = till.connection.execute(
        f"SELECT {columns} FROM {table} WHERE seq < ? AND created >= ? AND created < ?{where}"  # noqa: S608 - names are the code's
        " ORDER BY seq DESC LIMIT ?",
        (_before(till, table, asked.starting_after), asked.since, asked.until, *narrowed.values(), asked.limit + 1),
    ).fetchall()
    return rows[: asked.limit], len(rows) > asked.limit


def _before(till: Till, table: str, starting_after: str | None) -> int:
    if starting_after is None:
        return NEVER
    row = till.connection.execute(f"SELECT seq FROM {table} WHERE id = ?", (starting_after,)).fetchone()  # noqa: S608 - names are the code's
    if row is None:
        raise missing(SINGULAR[table], starting_after[:80], param="starting_after")
    return int(row[0])
