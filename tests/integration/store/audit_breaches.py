"""Breaches to plant in the busy house, at least one for each rule of each invariant: sales and money."""

from __future__ import annotations

from dataclasses import dataclass
from string import Template


@dataclass(frozen=True, slots=True)
class Planted:
    """Statements that break something, and what the audit must then say of which rows."""

    says: str
    view: str
    statements: tuple[str, ...]
    subject: str
    """The table, as the subject begins."""
    problem: str
    """A pattern."""


WORDS = {
    "SEAT": "(SELECT min(id::text)::uuid FROM ticket WHERE state = 'valid' AND place_id IS NOT NULL)",
    "SOLD": "(SELECT min(booking_id::text)::uuid FROM ticket WHERE state = 'valid' AND place_id IS NOT NULL)",
    "BY_CARD": "(SELECT min(p.id::text)::uuid FROM payment p JOIN booking b ON b.id = p.booking_id"
    " WHERE p.provider = 'card' AND p.state = 'captured' AND p.refunded = 0 AND p.amount = b.amount"
    " AND b.state = 'paid' AND p.id NOT IN (SELECT payment_id FROM refund UNION SELECT payment_id FROM dispute))",
    "BACK": "(SELECT min(id::text)::uuid FROM refund WHERE state = 'succeeded' AND reference IS NOT NULL)",
    "USED": "(SELECT min(ticket_id::text)::uuid FROM admission)",
    "VOUCHER": "(SELECT min(ticket_id::text)::uuid FROM spend WHERE amount > 0)",
    "GIFT": "(SELECT min(id::text)::uuid FROM ticket WHERE gift_of IS NOT NULL)",
    "QUEUED": "(SELECT min(id::text)::uuid FROM delivery WHERE state = 'queued')",
    "SENT": "(SELECT min(id::text)::uuid FROM delivery WHERE state = 'sent' AND tried = 0)",
    "NEW": "gen_random_uuid()",
    "NOBODY": "'00000000-0000-7000-8000-000000000000'",
    "LONG_AGO": "audit.clock() - interval '1 day'",
}
"""What `$SEAT` and the like stand for in the statements: always the same row, so that they may name it twice."""


def filled(statement: str) -> str:
    return Template(statement).substitute(WORDS)


def planted(says: str, view: str, *statements: str, subject: str, problem: str) -> Planted:
    return Planted(says, view, tuple(filled(one) for one in statements), subject, problem)


def copied(table: str, where: str, **changes: str) -> str:
    """The rows of a table once more, with some columns changed."""
    pairs = ", ".join(f"'{column}', {value}" for column, value in changes.items())
    changed = f"(jsonb_populate_record(t, jsonb_build_object({pairs}))).*"
    return f"INSERT INTO {table} SELECT {changed} FROM {table} t WHERE {where}"  # noqa: S608 - constants of these files


DISPUTE = (
    "INSERT INTO dispute SELECT $NOBODY, issuer_id, booking_id, id, provider, 'dp_1', 'open', amount, currency,"
    " 'fraudulent', NULL, true, NULL, created_at, updated_at FROM payment WHERE id = $BY_CARD"
)

OVERSOLD = (
    planted(
        "two tickets of one place",
        "i1_no_oversell",
        "DROP INDEX uq_ticket_place",
        "DROP INDEX uq_ticket_item",
        copied("ticket", "id = $SEAT", id="$NEW", number="'0000000001'", code="1", link_hash="'\\x01'"),
        subject="place",
        problem="^2 living tickets have this place$",
    ),
    planted(
        "two tickets of one item",
        "i1_no_oversell",
        "DROP INDEX uq_ticket_item",
        copied(
            "ticket",
            "id = $SEAT",
            id="$NEW",
            number="'0000000001'",
            code="1",
            link_hash="'\\x01'",
            place_id="(SELECT min(id::text) FROM place WHERE taken_by IS NULL)",
        ),
        subject="booking_item",
        problem="^2 living tickets of one item$",
    ),
    planted(
        "more tickets than places",
        "i1_no_oversell",
        "DROP INDEX uq_ticket_place",
        "UPDATE ticket SET place_id = (SELECT place_id FROM ticket WHERE id = $SEAT) WHERE place_id IS NOT NULL"
        " AND occasion_id = (SELECT occasion_id FROM ticket WHERE id = $SEAT) AND state = 'valid'",
        "DELETE FROM place WHERE id NOT IN"
        " (SELECT place_id FROM ticket WHERE place_id IS NOT NULL AND state = 'valid')",
        subject="occasion",
        problem=r"^\d+ living tickets of category \w+, which has 1 places$",
    ),
    planted(
        "a seat ticket without a seat",
        "i1_no_oversell",
        "UPDATE ticket SET place_id = NULL WHERE id = $SEAT",
        subject="ticket",
        problem="^has no place",
    ),
    planted(
        "a place of another day",
        "i1_no_oversell",
        "UPDATE ticket SET occasion_id = (SELECT min(id::text)::uuid FROM occasion WHERE stock = 'places' AND id <>"
        " ticket.occasion_id) WHERE id = $SEAT",
        subject="ticket",
        problem="is of another occasion",
    ),
    planted(
        "a sold place that is free",
        "i1_no_oversell",
        "UPDATE place SET taken_by = NULL WHERE id = (SELECT place_id FROM ticket WHERE id = $SEAT)",
        subject="ticket",
        problem=" is free$",
    ),
    planted(
        "a sold place that is somebody else's",
        "i1_no_oversell",
        "UPDATE place SET taken_by = $NOBODY WHERE id = (SELECT place_id FROM ticket WHERE id = $SEAT)",
        subject="ticket",
        problem=" is of booking 00000000-0000-7000-8000-000000000000$",
    ),
    planted(
        "a sold place that is only held",
        "i1_no_oversell",
        "UPDATE place SET held_until = audit.clock() WHERE id = (SELECT place_id FROM ticket WHERE id = $SEAT)",
        subject="ticket",
        problem=" is only held until ",
    ),
    planted(
        "a hold whose place somebody else took",
        "i1_no_oversell",
        "UPDATE place SET taken_by = gen_random_uuid() WHERE taken_by = (SELECT id FROM booking WHERE state = 'held')",
        subject="booking",
        problem="^waits for payment until .* is not kept for it$",
    ),
    planted(
        "a hold that ends before its booking",
        "i1_no_oversell",
        "UPDATE place SET held_until = audit.clock() WHERE taken_by = (SELECT id FROM booking WHERE state = 'held')",
        subject="booking",
        problem="^waits for payment until .* is not kept for it$",
    ),
    planted(
        "a place kept for a booking that has ended",
        "i1_no_oversell",
        "UPDATE place SET held_until = NULL WHERE taken_by = (SELECT id FROM booking WHERE state = 'held')",
        "UPDATE booking SET state = 'expired' WHERE state = 'held'",
        subject="place",
        problem="^kept without an end for the expired booking",
    ),
)

UNSERVED = (
    planted(
        "money of a booking that ran out",
        "i2_captured_has_tickets",
        "UPDATE booking SET state = 'expired' WHERE id = $SOLD",
        "UPDATE payment SET updated_at = $LONG_AGO WHERE booking_id = $SOLD",
        subject="payment",
        problem=r"^\d+ KRW captured at .* is expired, and no refund is under way$",
    ),
    planted(
        "a paid booking with a ticket too few",
        "i2_captured_has_tickets",
        "UPDATE booking SET settled_at = $LONG_AGO",
        "DELETE FROM ticket WHERE id = $SEAT",
        subject="booking",
        problem=r"^paid at .*, and 1 of its \d items have no ticket$",
    ),
    planted(
        "a refund that everybody forgot",
        "i2_captured_has_tickets",
        "UPDATE refund SET state = 'due', updated_at = $LONG_AGO WHERE id = $BACK",
        "DELETE FROM outbox WHERE topic = 'refund'",
        subject="refund",
        problem="due since .*, and nobody carries it on$",
    ),
    planted(
        "a refund whose turn nobody takes",
        "i2_captured_has_tickets",
        "UPDATE refund SET state = 'asked', updated_at = $LONG_AGO WHERE id = $BACK",
        "UPDATE outbox SET due_at = $LONG_AGO, lease_until = NULL WHERE topic = 'refund'",
        subject="refund",
        problem="asked since .*, and nobody carries it on$",
    ),
)

UNPAID = (
    planted(
        "a ticket of a booking that is not paid",
        "i3_living_is_paid",
        "UPDATE booking SET state = 'held' WHERE id = $SOLD",
        subject="ticket",
        problem="^lives, and its booking .* is held$",
    ),
    planted(
        "a ticket whose money never came",
        "i3_living_is_paid",
        "UPDATE payment SET state = 'declined' WHERE id = $BY_CARD",
        subject="ticket",
        problem=r"^lives, and of the \d+ KRW of its booking .* 0 were captured$",
    ),
    planted(
        "a ticket and its money",
        "i3_living_is_paid",
        "UPDATE refund SET ticket_ids = ARRAY[$SEAT] WHERE id = $BACK",
        subject="ticket",
        problem="^lives, and the money of its refund .* is succeeded$",
    ),
    planted(
        "a booking that costs less than its items",
        "i3_living_is_paid",
        "UPDATE booking_item SET amount = amount + 1 WHERE booking_id = $SOLD AND line = 1",
        subject="booking",
        problem=r"^costs \d+ KRW, and its items \d+ together$",
    ),
)


def ledger(says: str, *statements: str, subject: str = "booking", problem: str) -> Planted:
    return planted(says, "i4_money_adds_up", *statements, subject=subject, problem=problem)


LOST_MONEY = (
    ledger(
        "a sale that is not on the books",
        "DELETE FROM transfer WHERE key = 'sale-' || $BY_CARD",
        problem=r"^account card should stand at -\d+ by its payments, and stands at 0$",
    ),
    ledger(
        "a sale of another amount",
        "UPDATE transfer SET amount = amount - 1 WHERE key = 'sale-' || $BY_CARD",
        problem=r"^account card should stand at -\d+ by its payments, and stands at -\d+$",
    ),
    ledger(
        "a refund that was paid and is not on the books",
        "DELETE FROM transfer WHERE key = (SELECT min(key) FROM transfer WHERE kind = 'refund_paid')",
        problem=r"^account refunds should stand at 0 by its payments, and stands at \d+$",
    ),
    ledger(
        "a refund that is owed and counts as paid",
        "DELETE FROM transfer WHERE kind = 'refund_due'",
        problem=r"^account refunds should stand at 0 by its payments, and stands at -\d+$",
    ),
    ledger(
        "a dispute that is not on the books",
        DISPUTE,
        problem=r"^account disputes should stand at -\d+ by its payments, and stands at 0$",
    ),
    ledger(
        "a fee larger than the sale",
        copied(
            "transfer",
            "key = 'sale-' || $BY_CARD",
            id="$NEW",
            key="'fee'",
            kind="'fee'",
            debit_id="t.credit_id",
            credit_id="(SELECT id FROM account WHERE kind = 'fees')",
            amount="t.amount + 1",
        ),
        problem=r"^our fee is \d+ of \d+ KRW$",
    ),
    ledger(
        "two attempts that both took money",
        copied("payment", "id = $BY_CARD", id="$NEW", attempt="9", part="2", key="'again'"),
        problem="^2 attempts took money$",
    ),
    ledger(
        "one part charged twice",
        "DROP INDEX uq_payment_live",
        "ALTER TABLE payment DROP CONSTRAINT uq_payment_booking_id_attempt_part",
        copied("payment", "id = $BY_CARD", id="$NEW", key="'again'"),
        problem=r"^costs \d+ KRW, and \d+ were captured$",
    ),
    ledger(
        "a refund of another amount than its tickets",
        "UPDATE refund SET ticket_ids = '{}' WHERE id = (SELECT id FROM refund WHERE state = 'succeeded' AND"
        " booking_id IN (SELECT id FROM booking WHERE state = 'paid'))",
        problem=r"^\d+ KRW captured, \d+ given back or owed, and its other tickets cost \d+$",
    ),
    ledger(
        "more given back than was captured",
        "UPDATE refund SET amount = amount * 10 WHERE id = $BACK",
        subject="payment",
        problem=r"^\d+ KRW, of which \d+ are promised back; its refunds say \d+$",
    ),
    ledger(
        "money set aside for no refund",
        "UPDATE payment SET refunded = 1 WHERE id = $BY_CARD",
        subject="payment",
        problem=r"of which 1 are promised back; its refunds say 0$",
    ),
    ledger(
        "a payment in another currency",
        "UPDATE payment SET currency = 'USD' WHERE id = $BY_CARD",
        subject="payment",
        problem="^is in USD, and its booking in KRW$",
    ),
    ledger(
        "e-money that was never taken",
        "UPDATE payment SET updated_at = $LONG_AGO",
        "DELETE FROM transfer WHERE kind = 'charge' AND key IN"
        " (SELECT key FROM payment WHERE provider = 'emoney' AND state = 'captured')",
        subject="payment",
        problem=r"^is captured, and emoney took 0 of its \d+ KRW$",
    ),
    ledger(
        "e-money that was taken and refused",
        "UPDATE payment SET updated_at = $LONG_AGO, state = 'declined'"
        " WHERE provider = 'emoney' AND state = 'captured'",
        subject="payment",
        problem=r"^is declined, and emoney took (\d+) of its \1 KRW$",
    ),
    ledger(
        "e-money taken for nothing",
        "DELETE FROM payment WHERE provider = 'emoney' AND state = 'captured'",
        subject="transfer",
        problem=r"^\d+ taken at .* for no payment of ours$",
    ),
    ledger(
        "money that changes currency on its way",
        "UPDATE account SET currency = 'USD' WHERE kind = 'card'",
        subject="transfer",
        problem="^from an account of .* in USD to one of .* in KRW$",
    ),
    ledger(
        "a sale of no booking",
        "UPDATE transfer SET booking_id = NULL WHERE key = 'sale-' || $BY_CARD",
        subject="transfer",
        problem="^a sale that names no booking$",
    ),
    ledger(
        "a payout that is not on the books",
        "INSERT INTO settlement SELECT gen_random_uuid(), id, 'KRW', now() - interval '1 day', now(), 5, '', now()"
        " FROM issuer",
        subject="settlement",
        problem="^5 KRW, and the ledger paid out 0$",
    ),
    ledger(
        "a ticket that was sold on and not paid for",
        "DELETE FROM transfer WHERE kind = 'resale'",
        subject="offer",
        problem="^asked 20000, and 0 were paid$",
    ),
    ledger(
        "money for a ticket that nobody sold on",
        "UPDATE offer SET state = 'declined', became = NULL WHERE asked > 0",
        subject="transfer",
        problem="^asked 0, and 20000 were paid$",
    ),
    ledger(
        "a ticket whose price went to somebody else",
        "UPDATE transfer SET debit_id = credit_id, credit_id = debit_id WHERE kind = 'resale'",
        subject="offer",
        problem="^asked 20000, and 20000 were paid$",
    ),
)

OF_THE_SALE = (*OVERSOLD, *UNSERVED, *UNPAID, *LOST_MONEY)
