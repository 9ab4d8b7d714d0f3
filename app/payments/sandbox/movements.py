"""Reading the balance: one movement, or a page of them, with what each is about if the caller wants it whole."""

from __future__ import annotations

from http import HTTPStatus

from app.payments.sandbox import charges, disputes, objects, refunds
from app.payments.sandbox.balance import COLUMNS, Kind, shown
from app.payments.sandbox.errors import Answer, Json, missing
from app.payments.sandbox.paging import Page, fetch
from app.payments.sandbox.till import Till


def retrieve(till: Till, transaction: str, *, expand: bool = False) -> Answer:
    """Raises ApiError 404. `expand` puts the charge, refund or dispute itself in the place of its id."""
    row = till.connection.execute(
        f"SELECT {COLUMNS} FROM balance_transactions WHERE id = ?",  # noqa: S608 - a constant
        (transaction,),
    ).fetchone()
    if row is None:
        raise missing("balance_transaction", transaction[:80])
    return Answer(HTTPStatus.OK, _expanded(till, shown(row)) if expand else shown(row))


def page(till: Till, asked: Page, *, kind: str | None, source: str | None, expand: bool = False) -> Answer:
    """The newest first: what a daily reconciliation adds up."""
    rows, more = fetch(till, "balance_transactions", COLUMNS, asked, {"type": kind, "source": source})
    found = [_expanded(till, shown(row)) if expand else shown(row) for row in rows]
    return Answer(HTTPStatus.OK, objects.page(found, url="/v1/balance_transactions", has_more=more))


def _expanded(till: Till, movement: Json) -> Json:
    source = str(movement["source"])
    match movement["type"]:
        case Kind.CHARGE:
            about = charges.shown(till, source)
        case Kind.ADJUSTMENT:
            about = disputes.shown(till, disputes.find(till, source))
        case _:
            about = refunds.shown(till, source)
    return {**movement, "source": about}
