"""0003 four parties"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


ACCOUNTS = ("prepaid", "cash", "vouchers")
MORE_ACCOUNTS = (
    "payable",
    "refunds",
    "card",
    "carrier",
    "emoney",
    "voucher",
    "disputes",
    "fees",
    "network_fees",
    "paid_out",
)
ALL_ACCOUNTS = ("prepaid", "vouchers", *MORE_ACCOUNTS[:-1], "cash", "paid_out")
"""In the order of the model, which the constraint's text keeps."""
TRANSFERS = ("top_up", "charge", "refund")
MORE_TRANSFERS = (
    "sale",
    "face",
    "fee",
    "fee_back",
    "refund_due",
    "refund_paid",
    "refund_failed",
    "late",
    "dispute",
    "dispute_won",
    "dispute_lost",
    "network_fee",
    "payout",
)
TOPICS = ("deliver", "register", "revoke", "release", "converse")
MORE_TOPICS = ("refund", "suspend", "news", "dispute")
REASONS = (
    "admitted",
    "unreadable",
    "locked",
    "unknown",
    "wrong_pin",
    "revoked",
    "wrong_occasion",
    "used",
    "expired",
    "too_early",
)
PURPOSES = ("ticket", "resend", "revoked", "emoney", "gift", "given", "reply")
LIVE = "state IN ('authorized', 'captured', 'created', 'requires_action', 'submitted', 'unknown')"

CREDENTIAL_CHANGED = """
    CREATE FUNCTION credential_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        -- Who copies another server's entry says its version; every other change counts one up.
        IF TG_OP = 'UPDATE' AND NEW.version = OLD.version THEN
            NEW.version := OLD.version + 1;
        END IF;
        NEW.changed_in := pg_current_xact_id()::text::bigint;
        RETURN NEW;
    END $$
"""
APPEND_ONLY = """
    CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME;
    END $$
"""


def one_of(column: str, *values: str) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def replace_check(name: str, table: str, rule: str) -> None:
    op.drop_constraint(op.f(name), table, type_="check")
    op.create_check_constraint(op.f(name), table, rule)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _words()
    _columns()
    _peers()
    _journal()
    _chores()
    _money()
    _triggers()


def _words() -> None:
    """More kinds of what there was."""
    replace_check("ck_account_kind", "account", one_of("kind", *ACCOUNTS, "sales", *MORE_ACCOUNTS))
    # What was sold for e-money so far is the issuer's already.
    op.execute("UPDATE account SET kind = 'payable' WHERE kind = 'sales'")
    replace_check("ck_account_kind", "account", one_of("kind", *ALL_ACCOUNTS))
    replace_check("ck_transfer_kind", "transfer", one_of("kind", *TRANSFERS, *MORE_TRANSFERS))
    replace_check("ck_outbox_topic", "outbox", one_of("topic", *TOPICS, *MORE_TOPICS))
    replace_check("ck_outbox_issuer", "outbox", "issuer_id IS NOT NULL OR topic IN ('converse', 'deliver', 'news')")
    replace_check("ck_delivery_purpose", "delivery", one_of("purpose", *PURPOSES, "money_back"))
    replace_check("ck_ticket_state", "ticket", one_of("state", "valid", "suspended", "revoked"))
    replace_check("ck_credential_state", "credential", one_of("state", "valid", "suspended", "revoked"))
    place = REASONS.index("revoked") + 1
    replace_check("ck_scan_reason", "scan", one_of("reason", *REASONS[:place], "suspended", *REASONS[place:]))
    _ticket_indexes("state <> 'revoked'")


def _numbers(*more: str, before: tuple[str, ...] = ()) -> None:
    """What a number and a code are unique among: an issuer's, and of those each seller's."""
    for name in ("number", "code"):
        old, new = ("issuer_id", name, *before), ("issuer_id", name, *more)
        op.drop_constraint(op.f("uq_credential_" + "_".join(old)), "credential", type_="unique")
        op.create_unique_constraint(op.f("uq_credential_" + "_".join(new)), "credential", list(new))


def _keys(old: tuple[str, str], new: tuple[str, str]) -> None:
    """Payments and transfers are looked up by their keys alone: these come first."""
    for table in ("payment", "transfer"):
        op.drop_constraint(op.f(f"uq_{table}_{'_'.join(old)}"), table, type_="unique")
        op.create_unique_constraint(op.f(f"uq_{table}_{'_'.join(new)}"), table, list(new))


def _columns() -> None:
    _keys(("issuer_id", "key"), ("key", "issuer_id"))
    op.add_column("credential", sa.Column("seller", sa.String(length=64), server_default="", nullable=False))
    _numbers("seller")
    op.add_column("credential", sa.Column("pin_mac", sa.LargeBinary(), nullable=True))
    op.add_column("credential", sa.Column("compact_mac", sa.LargeBinary(), nullable=True))
    op.add_column("credential", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("credential", sa.Column("changed_in", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index(
        "ix_credential_changed",
        "credential",
        ["seller", "changed_in"],
        unique=False,
        postgresql_where=sa.text("seller <> ''"),
    )
    op.add_column("issuer", sa.Column("fee_basis_points", sa.Integer(), server_default="0", nullable=False))
    op.add_column("issuer", sa.Column("revision", sa.Uuid(), nullable=True))
    op.add_column("payment", sa.Column("part", sa.Integer(), server_default="1", nullable=False))
    op.add_column("payment", sa.Column("action_url", sa.String(length=2000), nullable=True))
    op.add_column("payment", sa.Column("action_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("payment", sa.Column("refunded", sa.BigInteger(), server_default="0", nullable=False))
    op.drop_constraint(op.f("uq_payment_booking_id_attempt"), "payment", type_="unique")
    op.drop_index("uq_payment_live", table_name="payment")
    op.create_index(
        "uq_payment_live",
        "payment",
        ["booking_id", "part"],
        unique=True,
        postgresql_where=sa.text(
            "state IN ('authorized', 'captured', 'created', 'requires_action', 'submitted', 'unknown')"
        ),
    )
    op.create_index(
        "ix_payment_reference",
        "payment",
        ["reference"],
        unique=False,
        postgresql_where=sa.text("reference IS NOT NULL"),
    )
    op.create_unique_constraint(
        op.f("uq_payment_booking_id_attempt_part"), "payment", ["booking_id", "attempt", "part"]
    )
    op.add_column("transfer", sa.Column("booking_id", sa.Uuid(), nullable=True))
    op.create_index("ix_transfer_at", "transfer", ["issuer_id", "at"], unique=False)
    op.create_index(
        "ix_transfer_booking",
        "transfer",
        ["booking_id"],
        unique=False,
        postgresql_where=sa.text("booking_id IS NOT NULL"),
    )
    op.create_foreign_key(op.f("fk_transfer_booking_id"), "transfer", "booking", ["booking_id"], ["id"])
    op.create_check_constraint(op.f("ck_issuer_fee_basis_points"), "issuer", "fee_basis_points BETWEEN 0 AND 10000")
    op.create_check_constraint(op.f("ck_payment_part"), "payment", "part >= 1")
    op.create_check_constraint(op.f("ck_payment_refunded"), "payment", "refunded BETWEEN 0 AND amount")
    op.create_check_constraint(
        op.f("ck_payment_action"),
        "payment",
        "state <> 'requires_action' OR action_url IS NOT NULL AND action_until IS NOT NULL",
    )
    op.create_check_constraint(op.f("ck_credential_version"), "credential", "version >= 1")
    op.create_check_constraint(
        op.f("ck_credential_elsewhere"),
        "credential",
        "seller = '' OR pin_mac IS NOT NULL AND compact_mac IS NOT NULL",
    )


def _peers() -> None:
    op.create_table(
        "peer",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column(
            "role",
            sa.Enum("issuer", "seller", name="role", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("jwks", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("jwks_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("etag", sa.String(length=200), nullable=True),
        sa.Column("fault", sa.String(length=2000), nullable=True),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("cursor >= 0", name=op.f("ck_peer_cursor")),
        sa.PrimaryKeyConstraint("name", "role", name=op.f("pk_peer")),
    )
    op.create_table(
        "seen_token",
        sa.Column("peer", sa.String(length=64), nullable=False),
        sa.Column("token_id", sa.String(length=100), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("peer", "token_id", name=op.f("pk_seen_token")),
    )
    op.create_index(op.f("ix_seen_token_expires_at"), "seen_token", ["expires_at"], unique=False)
    op.create_table(
        "spend",
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reverses", sa.String(length=120), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(amount < 0) = (reverses IS NOT NULL)", name=op.f("ck_spend_direction")),
        sa.CheckConstraint("(amount = 0) = (ticket_id IS NULL)", name=op.f("ck_spend_ticket")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_spend_issuer_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["credential.ticket_id"], name=op.f("fk_spend_ticket_id")),
        sa.PrimaryKeyConstraint("issuer_id", "key", name=op.f("pk_spend")),
    )
    op.create_index(op.f("ix_spend_reverses"), "spend", ["reverses"], unique=False)
    op.create_index(op.f("ix_spend_ticket_id"), "spend", ["ticket_id"], unique=False)


def _journal() -> None:
    op.create_table(
        "journal",
        sa.Column("chain", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("before", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_journal_seq")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_journal_issuer_id")),
        sa.PrimaryKeyConstraint("chain", "seq", name=op.f("pk_journal")),
    )


def _chores() -> None:
    op.create_table(
        "chore",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_chore")),
    )


def _money() -> None:
    op.create_table(
        "payment_event",
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("payment", "refund", "dispute", name="kind", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("reference", sa.String(length=255), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("provider", "event_id", name=op.f("pk_payment_event")),
    )
    op.create_index(op.f("ix_payment_event_received_at"), "payment_event", ["received_at"], unique=False)
    op.create_table(
        "settlement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_settlement_currency")),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_settlement_span")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_settlement_issuer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement")),
        sa.UniqueConstraint("issuer_id", "currency", "ends_at", name=op.f("uq_settlement_issuer_id_currency_ends_at")),
        sa.UniqueConstraint(
            "issuer_id", "currency", "starts_at", name=op.f("uq_settlement_issuer_id_currency_starts_at")
        ),
    )
    op.create_table(
        "dispute",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("reference", sa.String(length=255), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "under_review",
                "won",
                "lost",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=False),
        sa.Column("due_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_dispute_currency")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_dispute_amount")),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_dispute_booking_id")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_dispute_issuer_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_dispute_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute")),
        sa.UniqueConstraint("provider", "reference", name=op.f("uq_dispute_provider_reference")),
    )
    op.create_index(op.f("ix_dispute_issuer_id"), "dispute", ["issuer_id"], unique=False)
    op.create_index(op.f("ix_dispute_payment_id"), "dispute", ["payment_id"], unique=False)
    op.create_table(
        "refund",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("together_with", sa.Uuid(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "asked",
                "refused",
                "due",
                "pending",
                "succeeded",
                "failed",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column(
            "reason",
            sa.Enum("buyer", "staff", "late", name="reason", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("asked_by", sa.String(length=100), nullable=False),
        sa.Column("ticket_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("used_too", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=255), nullable=True),
        sa.Column("detail", sa.String(length=500), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_refund_currency")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refund_amount")),
        sa.CheckConstraint("attempt >= 1", name=op.f("ck_refund_attempt")),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_refund_booking_id")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_refund_issuer_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_refund_payment_id")),
        sa.ForeignKeyConstraint(["together_with"], ["refund.id"], name=op.f("fk_refund_together_with")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
    )
    op.create_index(op.f("ix_refund_booking_id"), "refund", ["booking_id"], unique=False)
    op.create_index(
        "ix_refund_open",
        "refund",
        ["updated_at"],
        unique=False,
        postgresql_where=sa.text("state NOT IN ('succeeded', 'refused')"),
    )
    op.create_index(op.f("ix_refund_payment_id"), "refund", ["payment_id"], unique=False)
    op.create_index(op.f("ix_refund_together_with"), "refund", ["together_with"], unique=False)
    op.create_index(
        "ix_refund_reference", "refund", ["reference"], unique=False, postgresql_where=sa.text("reference IS NOT NULL")
    )


def _triggers() -> None:
    op.execute(CREDENTIAL_CHANGED)
    op.execute(
        "CREATE TRIGGER credential_changed BEFORE INSERT OR UPDATE ON credential"
        " FOR EACH ROW EXECUTE FUNCTION credential_changed()"
    )
    op.execute(APPEND_ONLY)
    op.execute(
        "CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE ON journal"
        " FOR EACH ROW EXECUTE FUNCTION append_only()"
    )


def _ticket_indexes(living: str) -> None:
    """One living ticket per item and per place; a suspended one lives."""
    op.drop_index("uq_ticket_item", table_name="ticket")
    op.create_index("uq_ticket_item", "ticket", ["item_id"], unique=True, postgresql_where=sa.text(living))
    op.drop_index("uq_ticket_place", table_name="ticket")
    op.create_index(
        "uq_ticket_place",
        "ticket",
        ["place_id"],
        unique=True,
        postgresql_where=sa.text(f"{living} AND place_id IS NOT NULL"),
    )


def downgrade() -> None:
    """Only what the older program can hold stays: parts after the first, refunds and disputes are forgotten."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TRIGGER credential_changed ON credential")
    op.execute("DROP FUNCTION credential_changed")
    op.execute("DELETE FROM payment WHERE part > 1")
    op.execute("DELETE FROM outbox WHERE topic IN ('refund', 'suspend', 'news', 'dispute')")
    op.execute("UPDATE delivery SET purpose = 'revoked' WHERE purpose = 'money_back'")
    op.execute("UPDATE ticket SET state = 'revoked' WHERE state = 'suspended'")
    op.execute("UPDATE credential SET state = 'revoked' WHERE state = 'suspended'")
    op.execute("UPDATE scan SET reason = 'revoked' WHERE reason = 'suspended'")
    op.execute("DELETE FROM spend")
    op.execute("DELETE FROM admission a USING credential c WHERE a.ticket_id = c.ticket_id AND c.seller <> ''")
    op.execute("DELETE FROM credential WHERE seller <> ''")
    op.execute("DELETE FROM transfer WHERE " + one_of("kind", *MORE_TRANSFERS))  # noqa: S608 - words of this file
    _fewer_columns()
    _fewer_words()
    op.execute("DROP FUNCTION append_only")


def _fewer_words() -> None:
    replace_check("ck_account_kind", "account", one_of("kind", *ACCOUNTS, "sales", *MORE_ACCOUNTS))
    # Charges of before stand at `payable`, those of since at `emoney`: both were one account, `sales`.
    op.execute("UPDATE account SET kind = 'sales' WHERE kind = 'emoney'")
    for side in ("debit_id", "credit_id"):
        op.execute(
            f"UPDATE transfer SET {side} = sales.id FROM account old, account sales"  # noqa: S608 - a word of this line
            f" WHERE transfer.{side} = old.id AND old.kind = 'payable' AND sales.kind = 'sales'"
            " AND (sales.issuer_id, sales.currency) = (old.issuer_id, old.currency)"
        )
    op.execute(
        "DELETE FROM account a WHERE "  # noqa: S608 - words of this file
        + one_of("kind", *MORE_ACCOUNTS)
        + " AND NOT EXISTS (SELECT 1 FROM transfer t WHERE a.id IN (t.debit_id, t.credit_id))"
    )
    op.execute("UPDATE account SET kind = 'sales' WHERE kind = 'payable'")
    replace_check("ck_account_kind", "account", one_of("kind", *ACCOUNTS, "sales"))
    replace_check("ck_transfer_kind", "transfer", one_of("kind", *TRANSFERS))
    replace_check("ck_outbox_topic", "outbox", one_of("topic", *TOPICS))
    replace_check("ck_outbox_issuer", "outbox", "issuer_id IS NOT NULL OR topic IN ('converse', 'deliver')")
    replace_check("ck_delivery_purpose", "delivery", one_of("purpose", *PURPOSES))
    replace_check("ck_ticket_state", "ticket", one_of("state", "valid", "revoked"))
    replace_check("ck_credential_state", "credential", one_of("state", "valid", "revoked"))
    replace_check("ck_scan_reason", "scan", one_of("reason", *REASONS))
    _ticket_indexes("state = 'valid'")


def _fewer_columns() -> None:
    _keys(("key", "issuer_id"), ("issuer_id", "key"))
    op.drop_constraint(op.f("fk_transfer_booking_id"), "transfer", type_="foreignkey")
    op.drop_index("ix_transfer_booking", table_name="transfer", postgresql_where=sa.text("booking_id IS NOT NULL"))
    op.drop_index("ix_transfer_at", table_name="transfer")
    op.drop_column("transfer", "booking_id")
    op.drop_constraint(op.f("uq_payment_booking_id_attempt_part"), "payment", type_="unique")
    op.drop_index("ix_payment_reference", table_name="payment", postgresql_where=sa.text("reference IS NOT NULL"))
    op.drop_index(
        "uq_payment_live",
        table_name="payment",
        postgresql_where=sa.text(
            "state IN ('authorized', 'captured', 'created', 'requires_action', 'submitted', 'unknown')"
        ),
    )
    op.create_index("uq_payment_live", "payment", ["booking_id"], unique=True, postgresql_where=sa.text(LIVE))
    op.create_unique_constraint(op.f("uq_payment_booking_id_attempt"), "payment", ["booking_id", "attempt"])
    op.drop_column("payment", "refunded")
    op.drop_column("payment", "action_until")
    op.drop_column("payment", "action_url")
    op.drop_column("payment", "part")
    op.drop_column("issuer", "revision")
    op.drop_column("issuer", "fee_basis_points")
    op.drop_index("ix_credential_changed", table_name="credential", postgresql_where=sa.text("seller <> ''"))
    op.drop_column("credential", "changed_in")
    op.drop_column("credential", "version")
    op.drop_column("credential", "compact_mac")
    op.drop_column("credential", "pin_mac")
    _numbers(before=("seller",))
    op.drop_column("credential", "seller")
    op.drop_index("ix_refund_reference", table_name="refund", postgresql_where=sa.text("reference IS NOT NULL"))
    op.drop_index(op.f("ix_refund_payment_id"), table_name="refund")
    op.drop_index(
        "ix_refund_open", table_name="refund", postgresql_where=sa.text("state NOT IN ('succeeded', 'refused')")
    )
    op.drop_index(op.f("ix_refund_booking_id"), table_name="refund")
    op.drop_table("refund")
    op.drop_index(op.f("ix_dispute_payment_id"), table_name="dispute")
    op.drop_index(op.f("ix_dispute_issuer_id"), table_name="dispute")
    op.drop_table("dispute")
    op.drop_index(op.f("ix_spend_ticket_id"), table_name="spend")
    op.drop_index(op.f("ix_spend_reverses"), table_name="spend")
    op.drop_table("spend")
    op.drop_table("settlement")
    op.drop_table("chore")
    op.drop_table("journal")
    op.drop_index(op.f("ix_seen_token_expires_at"), table_name="seen_token")
    op.drop_table("seen_token")
    op.drop_table("peer")
    op.drop_index(op.f("ix_payment_event_received_at"), table_name="payment_event")
    op.drop_table("payment_event")
