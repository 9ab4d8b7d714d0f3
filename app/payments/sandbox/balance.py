"""Balance transactions: every movement of money, once, with what the network keeps of it.

https://docs.stripe.com/api/balance_transactions: `amount` is signed, `net` is `amount` less `fee`. A row is written in
the transaction of the fact that moved the money, so that the sum of all `net` is always what the shop is owed.
"""

from __future__ import annotations

from enum import StrEnum

from app.payments.sandbox.errors import Json
from app.payments.sandbox.till import Till

BASIS_POINTS = 10_000
COLUMNS = "seq, id, type, reporting_category, amount, fee, net, currency, source, description, created"
Row = tuple[int, str, str, str, int, int, int, str, str, str | None, int]


class Kind(StrEnum):
    """The values of `type`."""

    CHARGE = "charge"
    REFUND = "refund"
    REFUND_FAILURE = "refund_failure"
    ADJUSTMENT = "adjustment"


def charged(till: Till, *, amount: int, currency: str, charge: str) -> str:
    """Money was taken; the network keeps its fee, rounded half up to a whole minor unit."""
    rules = till.rules
    fee = min(
        amount, (amount * rules.fee_basis_points * 2 + BASIS_POINTS) // (2 * BASIS_POINTS) + rules.fee_fixed_minor_units
    )
    return _write(till, Kind.CHARGE, "charge", amount, fee, currency, charge, None)


def refunded(till: Till, *, amount: int, currency: str, refund: str) -> str:
    """Money goes back to the holder; the fee of the charge is not given back."""
    return _write(till, Kind.REFUND, "refund", -amount, 0, currency, refund, None)


def refund_failed(till: Till, *, amount: int, currency: str, refund: str) -> str:
    """The bank would not take the money; it is the shop's again."""
    return _write(till, Kind.REFUND_FAILURE, "refund_failure", amount, 0, currency, refund, None)


def disputed(till: Till, *, amount: int, currency: str, dispute: str) -> str:
    """The bank takes the money back while it looks at the dispute."""
    words = "Chargeback withdrawal"
    return _write(
        till, Kind.ADJUSTMENT, "dispute", -amount, till.rules.dispute_fee_minor_units, currency, dispute, words
    )


def dispute_won(till: Till, *, amount: int, currency: str, dispute: str) -> str:
    """The bank gives it back, and what the dispute cost too."""
    (fee,) = till.connection.execute(
        "SELECT fee FROM balance_transactions WHERE source = ? AND reporting_category = 'dispute'", (dispute,)
    ).fetchone()
    words = "Chargeback reversal"
    return _write(till, Kind.ADJUSTMENT, "dispute_reversal", amount, -fee, currency, dispute, words)


def _write(  # noqa: PLR0917 - the columns of one row
    till: Till, kind: Kind, category: str, amount: int, fee: int, currency: str, source: str, description: str | None
) -> str:
    transaction = till.new_id("txn")
    till.connection.execute(
        "INSERT INTO balance_transactions (id, type, reporting_category, amount, fee, net, currency, source,"
        " description, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(transaction, kind, category, amount, fee, amount - fee, currency, source),
            *(description, till.seconds),
        ),
    )
    return transaction


def of(till: Till, source: str) -> list[Json]:
    """All that one charge, refund or dispute moved, the oldest first."""
    rows = till.connection.execute(
        f"SELECT {COLUMNS} FROM balance_transactions WHERE source = ? ORDER BY seq",  # noqa: S608 - a constant
        (source,),
    )
    return [shown(row) for row in rows]


def shown(row: Row) -> Json:
    """One movement on the wire; it is available at once, since nothing is ever paid out here."""
    _, transaction, kind, category, amount, fee, net, currency, source, description, created = row
    details: Json = {
        "amount": fee,
        "application": None,
        "currency": currency,
        "description": "Dispute fee" if kind == Kind.ADJUSTMENT else "Processing fee",
        "type": "stripe_fee",
    }
    return {
        "id": transaction,
        "object": "balance_transaction",
        "amount": amount,
        "available_on": created,
        "balance_type": "payments",
        "created": created,
        "currency": currency,
        "description": description,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [details] if fee else [],
        "net": net,
        "reporting_category": category,
        "source": source,
        "status": "available",
        "type": kind,
    }
