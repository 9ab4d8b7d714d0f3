"""0004 gate and handset"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

REASONS = (
    "unreadable",
    "locked",
    "unknown",
    "wrong_pin",
    "revoked",
    "suspended",
    "wrong_occasion",
    "used",
    "expired",
    "too_early",
)
ALL_REASONS = (
    "admitted",
    "reentered",
    "left",
    "redeemed",
    "undone",
    "overridden",
    *REASONS[:6],
    "stale_code",
    "retired_code",
    "wrong_face",
    "wrong_occasion",
    "already_in",
    "passed_back",
    "not_inside",
    "used",
    "too_few_uses",
    "not_a_voucher",
    "voucher",
    "balance_too_low",
    "expired",
    "too_early",
    "other_entrance",
    "needs_network",
    "snapshot_old",
    "not_undone",
)
KINDS = ("check", "admission", "exit", "redemption", "undo", "override")
TOPICS = ("deliver", "register", "revoke", "release", "converse", "refund", "suspend", "news", "dispute")
PURPOSES = ("ticket", "resend", "revoked", "emoney", "gift", "given", "reply", "money_back")
HANDS = ("sold", "given", "offered", "resold", "reissued", "declined")
MORE_PURPOSES = ("sign_in", "offer", "declined", "reissued")
TRANSFERS = (
    "top_up",
    "charge",
    "refund",
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

MORE_TRANSFERS = ("resale", "set_aside", "set_free")
ACCOUNTS = (
    "prepaid",
    "vouchers",
    "payable",
    "refunds",
    "card",
    "carrier",
    "emoney",
    "voucher",
    "disputes",
    "fees",
    "network_fees",
    "cash",
    "paid_out",
)

CREDENTIAL_CHANGED = """
    CREATE OR REPLACE FUNCTION credential_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        -- Who copies another server's entry says its version; every other change counts one up.
        IF TG_OP = 'UPDATE' AND NEW.version = OLD.version THEN
            NEW.version := OLD.version + 1;
        END IF;
        NEW.changed_in := pg_current_xact_id()::text::bigint;
        {registered}
        RETURN NEW;
    END $$
"""
REGISTERED = "NEW.registered_in := CASE TG_OP WHEN 'INSERT' THEN NEW.changed_in ELSE OLD.registered_in END;"


EMONEY_BESIDE = """
    FROM account JOIN account other ON (other.issuer_id, other.currency) = (account.issuer_id, account.currency)
    WHERE account.kind = 'aside' AND other.kind = 'emoney'
"""
SCANS_OF_EACH = """
    INSERT INTO scan (gate_id, scan_id, issuer_id, kind, presented, ticket_id, reason, answer, at)
    SELECT s.gate_id, left(s.scan_id, 58) || '/' || a.person, s.issuer_id, s.kind, s.presented, s.ticket_id, s.reason,
        s.answer, s.at
    FROM admission a JOIN scan s ON (s.gate_id, s.scan_id) = (a.gate_id, a.scan_id) WHERE a.person > 1
"""


def one_of(column: str, *values: str) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def _index_outbox(*columns: str) -> None:
    """By what each worker's lane looks for what is due."""
    op.drop_index("ix_outbox_due", table_name="outbox")
    owed = sa.text("done_at IS NULL AND dead_at IS NULL")
    op.create_index("ix_outbox_due", "outbox", [*columns], unique=False, postgresql_where=owed)


def replace_check(name: str, table: str, rule: str) -> None:
    op.drop_constraint(op.f(name), table, type_="check")
    op.create_check_constraint(op.f(name), table, rule)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _words()
    _handsets()
    _offers()
    _handovers()
    _logs()
    _gates()
    _admissions()
    _credentials()
    _columns()


def _words() -> None:
    replace_check("ck_scan_reason", "scan", one_of("reason", *ALL_REASONS))
    replace_check("ck_scan_kind", "scan", one_of("kind", *KINDS))
    replace_check("ck_outbox_topic", "outbox", one_of("topic", *TOPICS, "bind", "replace"))
    _index_outbox("topic", "due_at")
    replace_check("ck_delivery_purpose", "delivery", one_of("purpose", *PURPOSES, *MORE_PURPOSES))
    replace_check("ck_delivery_issuer", "delivery", "issuer_id IS NOT NULL OR purpose IN ('reply', 'sign_in')")
    replace_check("ck_transfer_kind", "transfer", one_of("kind", *TRANSFERS, *MORE_TRANSFERS))
    replace_check("ck_account_kind", "account", one_of("kind", *ACCOUNTS, "aside"))
    replace_check("ck_product_transfer", "product", one_of("transfer", "never", "free", "face_value"))
    replace_check("ck_product_uses", "product", "uses BETWEEN 1 AND 1000 OR uses = 9999")


def _handsets() -> None:
    op.create_table(
        "device",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("handset", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("thumbprint", sa.String(length=43), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("handset ~ '^\\+[1-9][0-9]{6,14}$'", name=op.f("ck_device_handset")),
        sa.CheckConstraint("octet_length(public_key) = 33", name=op.f("ck_device_public_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
        sa.UniqueConstraint("thumbprint", name=op.f("uq_device_thumbprint")),
    )
    op.create_index(
        "ix_device_handset", "device", ["handset"], unique=False, postgresql_where=sa.text("revoked_at IS NULL")
    )
    op.create_table(
        "sign_in",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("handset", sa.String(length=16), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "enrol",
                "loss",
                "leave_number",
                "take_number",
                name="purpose",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("kid", sa.Integer(), nullable=False),
        sa.Column("asked_from", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("handset ~ '^\\+[1-9][0-9]{6,14}$'", name=op.f("ck_sign_in_handset")),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_sign_in_tries")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in")),
    )
    op.create_index("ix_sign_in_asked_from", "sign_in", ["asked_from", "created_at"], unique=False)
    op.create_index("ix_sign_in_handset", "sign_in", ["handset", "created_at"], unique=False)


def _offers() -> None:
    op.create_table(
        "offer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("giver", sa.String(length=16), nullable=False),
        sa.Column("receiver", sa.String(length=16), nullable=False),
        sa.Column("asked", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "accepted",
                "declined",
                "withdrawn",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("link_hash", sa.LargeBinary(), nullable=False),
        sa.Column("became", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'accepted') = (became IS NOT NULL)", name=op.f("ck_offer_became")),
        sa.CheckConstraint("giver ~ '^\\+[1-9][0-9]{6,14}$'", name=op.f("ck_offer_giver")),
        sa.CheckConstraint("receiver ~ '^\\+[1-9][0-9]{6,14}$' AND receiver <> giver", name=op.f("ck_offer_receiver")),
        sa.CheckConstraint("asked >= 0", name=op.f("ck_offer_asked")),
        sa.ForeignKeyConstraint(["became"], ["ticket.id"], name=op.f("fk_offer_became")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_offer_issuer_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_offer_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer")),
        sa.UniqueConstraint("link_hash", name=op.f("uq_offer_link_hash")),
    )
    op.create_index("ix_offer_giver", "offer", ["giver", "created_at"], unique=False)
    op.create_index("ix_offer_receiver", "offer", ["receiver", "state"], unique=False)
    op.create_index("uq_offer_open", "offer", ["ticket_id"], unique=True, postgresql_where=sa.text("state = 'open'"))


def _handovers() -> None:
    op.create_table(
        "handover",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("receiver", sa.String(length=16), nullable=False),
        sa.Column("came_by", sa.String(length=20), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("tell_giver", sa.Boolean(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.String(length=10), nullable=False),
        sa.Column("code", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("kid", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("number ~ '^[0-9]{10}$'", name=op.f("ck_handover_number")),
        sa.CheckConstraint("code >= 0", name=op.f("ck_handover_code")),
        sa.CheckConstraint("generation BETWEEN 2 AND 255", name=op.f("ck_handover_generation")),
        sa.CheckConstraint("receiver ~ '^\\+[1-9][0-9]{6,14}$'", name=op.f("ck_handover_receiver")),
        sa.CheckConstraint(one_of("came_by", *HANDS), name=op.f("ck_handover_came_by")),
        sa.CheckConstraint("came_by <> 'sold'", name=op.f("ck_handover_handed")),
        sa.CheckConstraint(one_of("state", "asked", "done", "refused"), name=op.f("ck_handover_state")),
        sa.CheckConstraint("(state = 'refused') = (reason IS NOT NULL)", name=op.f("ck_handover_refused")),
        sa.CheckConstraint("(state = 'asked') = (ended_at IS NULL)", name=op.f("ck_handover_ended")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_handover_issuer_id")),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"], name=op.f("fk_handover_offer_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_handover_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover")),
        sa.UniqueConstraint("issuer_id", "code", name=op.f("uq_handover_issuer_id_code")),
        sa.UniqueConstraint("issuer_id", "number", name=op.f("uq_handover_issuer_id_number")),
    )
    op.create_index(op.f("ix_handover_ticket_id"), "handover", ["ticket_id"], unique=False)
    op.create_index(
        "uq_handover_asked", "handover", ["ticket_id"], unique=True, postgresql_where=sa.text("state = 'asked'")
    )


def _logs() -> None:
    op.create_table(
        "gate_log",
        sa.Column("gate_id", sa.Uuid(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("scan_id", sa.String(length=64), nullable=False),
        sa.Column("entry", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("undoes", sa.String(length=64), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_gate_log_seq")),
        sa.ForeignKeyConstraint(["gate_id"], ["gate.id"], name=op.f("fk_gate_log_gate_id")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_gate_log_issuer_id")),
        sa.PrimaryKeyConstraint("gate_id", "generation", "seq", name=op.f("pk_gate_log")),
    )
    op.create_index("ix_gate_log_issuer", "gate_log", ["issuer_id", "received_at"], unique=False)
    op.create_index("ix_gate_log_scan", "gate_log", ["gate_id", "scan_id"], unique=False)
    op.create_index(
        "ix_gate_log_undoes",
        "gate_log",
        ["gate_id", "undoes"],
        unique=False,
        postgresql_where=sa.text("undoes IS NOT NULL"),
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "double_admission",
                "revoked_admitted",
                "overspent",
                "unknown_admitted",
                "log_forked",
                "pin_guessing",
                "after_shut_out",
                "brought_late",
                "undone_late",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("gate_id", sa.Uuid(), nullable=False),
        sa.Column("scan_id", sa.String(length=64), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["gate_id"], ["gate.id"], name=op.f("fk_incident_gate_id")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_incident_issuer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
        sa.UniqueConstraint("gate_id", "scan_id", "kind", name=op.f("uq_incident_gate_id_scan_id_kind")),
    )
    op.create_index("ix_incident_issuer", "incident", ["issuer_id", "at"], unique=False)
    op.create_index("ix_incident_ticket", "incident", ["ticket_id"], unique=False)
    op.execute(
        "CREATE TRIGGER gate_log_append_only BEFORE UPDATE OR DELETE ON gate_log"
        " FOR EACH ROW EXECUTE FUNCTION append_only()"
    )


def _gates() -> None:
    op.add_column(
        "gate",
        sa.Column(
            "role",
            sa.Enum("steward", "supervisor", name="role", native_enum=False, create_constraint=True, length=20),
            server_default="steward",
            nullable=False,
        ),
    )
    op.add_column(
        "gate",
        sa.Column(
            "direction",
            sa.Enum("in", "out", "both", name="direction", native_enum=False, create_constraint=True, length=20),
            server_default="in",
            nullable=False,
        ),
    )
    op.add_column("gate", sa.Column("entrance", sa.String(length=40), server_default="", nullable=False))
    op.add_column("gate", sa.Column("area", sa.String(length=40), server_default="", nullable=False))
    op.add_column("gate", sa.Column("home", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("gate", sa.Column("device_key", sa.LargeBinary(), nullable=True))
    op.add_column("gate", sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("gate", sa.Column("turned_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("gate", sa.Column("brought_generation", sa.Integer(), server_default="0", nullable=False))
    op.add_column("gate", sa.Column("brought_upto", sa.Integer(), server_default="0", nullable=False))
    op.create_index(
        "uq_gate_home",
        "gate",
        ["issuer_id", "entrance"],
        unique=True,
        postgresql_where=sa.text("home AND state <> 'revoked'"),
    )
    op.create_check_constraint(op.f("ck_gate_device_key"), "gate", "octet_length(device_key) = 33")


def _admissions() -> None:
    """A row is a person at a gate now, and no longer a use: there may be more people than uses."""
    op.drop_constraint(op.f("pk_admission"), "admission", type_="primary")
    op.add_column("admission", sa.Column("person", sa.Integer(), server_default="1", nullable=False))
    op.add_column("admission", sa.Column("knew", sa.BigInteger(), nullable=True))
    op.alter_column("admission", "use_no", existing_type=sa.INTEGER(), nullable=True)
    op.drop_constraint(op.f("uq_admission_gate_id_scan_id"), "admission", type_="unique")
    op.create_index(
        "ix_admission_extra", "admission", ["issuer_id", "at"], unique=False, postgresql_where=sa.text("use_no IS NULL")
    )
    op.create_unique_constraint(op.f("uq_admission_ticket_id_use_no"), "admission", ["ticket_id", "use_no"])
    op.create_primary_key(op.f("pk_admission"), "admission", ["gate_id", "scan_id", "person"])
    op.create_check_constraint(op.f("ck_admission_person"), "admission", "person >= 1")


def _credentials() -> None:
    op.add_column("credential", sa.Column("registered_in", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("credential", sa.Column("entrance", sa.String(length=40), server_default="", nullable=False))
    op.add_column("credential", sa.Column("inside", sa.Integer(), server_default="0", nullable=False))
    op.add_column("credential", sa.Column("carried", sa.Integer(), server_default="0", nullable=False))
    op.add_column("credential", sa.Column("area", sa.String(length=40), server_default="", nullable=False))
    op.add_column("credential", sa.Column("activated_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("credential", sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("credential", sa.Column("last_gate_id", sa.Uuid(), nullable=True))
    op.add_column("credential", sa.Column("holder_key", sa.LargeBinary(), nullable=True))
    op.drop_index(op.f("ix_credential_occasion"), table_name="credential")
    op.create_index("ix_credential_occasion", "credential", ["occasion_id", "registered_in"], unique=False)
    op.create_index(
        "ix_credential_inside",
        "credential",
        ["issuer_id", "area"],
        unique=False,
        postgresql_where=sa.text("inside > 0"),
    )
    op.create_index("ix_credential_occasion_changed", "credential", ["occasion_id", "changed_in"], unique=False)
    op.create_index(
        "ix_credential_handset", "credential", ["issuer_id", sa.text("(label ->> 'handset')")], unique=False
    )
    op.create_check_constraint(
        op.f("ck_credential_inside"), "credential", "inside BETWEEN 0 AND uses - uses_left + carried"
    )
    op.create_check_constraint(op.f("ck_credential_holder_key"), "credential", "octet_length(holder_key) = 33")
    op.add_column("credential", sa.Column("replaces", sa.Uuid(), nullable=True))
    op.add_column("credential", sa.Column("came_by", sa.String(length=20), server_default="sold", nullable=False))
    op.create_unique_constraint(op.f("uq_credential_replaces"), "credential", ["replaces"])
    op.create_check_constraint(op.f("ck_credential_came_by"), "credential", one_of("came_by", *HANDS))
    op.create_check_constraint(op.f("ck_credential_first"), "credential", "(came_by = 'sold') = (replaces IS NULL)")
    op.create_check_constraint(
        op.f("ck_credential_carried"), "credential", "carried >= 0 AND (carried = 0 OR came_by = 'reissued')"
    )
    op.execute(CREDENTIAL_CHANGED.format(registered=REGISTERED))


def _columns() -> None:
    op.add_column("booking_item", sa.Column("holder", sa.String(length=100), nullable=True))
    op.add_column("delivery", sa.Column("sign_in_id", sa.Uuid(), nullable=True))
    op.add_column("delivery", sa.Column("offer_id", sa.Uuid(), nullable=True))
    op.add_column("price", sa.Column("entrance", sa.String(length=40), server_default="", nullable=False))
    op.add_column("product", sa.Column("transfer_minutes_before", sa.Integer(), nullable=True))
    op.add_column(
        "product",
        sa.Column("entry_rules", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column("scan", sa.Column("undone_by", sa.String(length=64), nullable=True))
    op.add_column("scan", sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("ticket", sa.Column("holder", sa.String(length=100), nullable=True))
    op.add_column("ticket", sa.Column("came_by", sa.String(length=20), server_default="sold", nullable=False))
    op.execute("UPDATE ticket SET came_by = 'given' WHERE gift_of IS NOT NULL")
    op.execute(
        "UPDATE credential SET replaces = t.gift_of, came_by = t.came_by FROM ticket t"
        " WHERE t.id = credential.ticket_id AND t.gift_of IS NOT NULL"
    )
    op.create_check_constraint(op.f("ck_ticket_came_by"), "ticket", one_of("came_by", *HANDS))
    op.create_check_constraint(op.f("ck_ticket_sold"), "ticket", "(came_by = 'sold') = (gift_of IS NULL)")
    op.add_column("ticket", sa.Column("device_id", sa.Uuid(), nullable=True))
    op.add_column("ticket", sa.Column("stored_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_ticket_device_id"), "ticket", ["device_id"], unique=False)
    op.create_check_constraint(
        op.f("ck_product_transfer_minutes_before"), "product", "transfer_minutes_before BETWEEN 0 AND 527040"
    )
    op.create_check_constraint(
        op.f("ck_delivery_sign_in"), "delivery", "(purpose = 'sign_in') = (sign_in_id IS NOT NULL)"
    )
    op.create_check_constraint(
        op.f("ck_delivery_offer"), "delivery", "(purpose IN ('offer', 'declined')) = (offer_id IS NOT NULL)"
    )
    op.create_foreign_key(op.f("fk_delivery_sign_in_id"), "delivery", "sign_in", ["sign_in_id"], ["id"])
    op.create_foreign_key(op.f("fk_ticket_device_id"), "ticket", "device", ["device_id"], ["id"])
    op.create_foreign_key(op.f("fk_credential_last_gate_id"), "credential", "gate", ["last_gate_id"], ["id"])
    op.create_foreign_key(op.f("fk_delivery_offer_id"), "delivery", "offer", ["offer_id"], ["id"])


def downgrade() -> None:
    """Only what the older program can hold stays: devices, offers, exits and double admissions are forgotten.

    Every use and all money stays where it is.
    """
    op.execute("SET LOCAL lock_timeout = '5s'")
    _fewer_scans()
    op.execute("DELETE FROM outbox WHERE topic IN ('bind', 'replace')")
    op.execute("UPDATE delivery SET purpose = 'gift' WHERE purpose = 'reissued'")
    op.execute("DELETE FROM delivery_part p USING delivery d WHERE p.delivery_id = d.id AND " + _new_delivery())  # noqa: S608 - words of this file
    op.execute("DELETE FROM delivery d WHERE " + _new_delivery())  # noqa: S608 - words of this file
    op.execute("UPDATE transfer SET kind = 'sale' WHERE " + one_of("kind", *MORE_TRANSFERS))  # noqa: S608 - words of this file
    _aside_with_emoney()
    op.execute("UPDATE product SET transfer = 'never' WHERE transfer = 'face_value'")
    op.execute("UPDATE product SET uses = 1000 WHERE uses = 9999")
    op.execute(CREDENTIAL_CHANGED.format(registered=""))
    _fewer_columns()
    _fewer_words()


def _fewer_scans() -> None:
    """A group becomes as many scans as it had people; who has no use, or gave it back, was never there."""
    op.execute("DELETE FROM admission WHERE use_no IS NULL")
    op.execute(SCANS_OF_EACH)
    op.execute("UPDATE admission SET scan_id = left(scan_id, 58) || '/' || person, person = 1 WHERE person > 1")
    op.execute(
        "DELETE FROM scan s WHERE kind NOT IN ('check', 'admission', 'override') OR kind <> 'check'"
        " AND answer @> '{\"admit\": true}' AND NOT EXISTS"
        " (SELECT FROM admission a WHERE (a.gate_id, a.scan_id) = (s.gate_id, s.scan_id))"
    )
    op.execute(
        "UPDATE scan SET kind = 'admission', reason = 'admitted' WHERE kind = 'override' AND reason = 'overridden'"
    )
    op.execute("UPDATE scan SET kind = 'admission' WHERE kind = 'override'")
    op.execute("UPDATE scan SET reason = 'unknown' WHERE NOT " + one_of("reason", "admitted", *REASONS))  # noqa: S608 - words of this file


def _aside_with_emoney() -> None:
    """What was set aside is e-money taken for what is not complete yet: it moves to that account, if there is one."""
    for side in ("debit_id", "credit_id"):
        op.execute(f"UPDATE transfer SET {side} = other.id {EMONEY_BESIDE} AND transfer.{side} = account.id")  # noqa: S608 - words of this file
    op.execute(
        "DELETE FROM account aside USING account other WHERE aside.kind = 'aside' AND other.kind = 'emoney'"
        " AND (other.issuer_id, other.currency) = (aside.issuer_id, aside.currency)"
    )
    op.execute("UPDATE account SET kind = 'emoney' WHERE kind = 'aside'")


def _new_delivery() -> str:
    return one_of("d.purpose", *MORE_PURPOSES)


def _fewer_words() -> None:
    replace_check("ck_scan_reason", "scan", one_of("reason", "admitted", *REASONS))
    replace_check("ck_scan_kind", "scan", one_of("kind", *KINDS[:2]))
    replace_check("ck_outbox_topic", "outbox", one_of("topic", *TOPICS))
    _index_outbox("due_at")
    replace_check("ck_delivery_purpose", "delivery", one_of("purpose", *PURPOSES))
    replace_check("ck_delivery_issuer", "delivery", "issuer_id IS NOT NULL OR purpose = 'reply'")
    replace_check("ck_transfer_kind", "transfer", one_of("kind", *TRANSFERS))
    replace_check("ck_account_kind", "account", one_of("kind", *ACCOUNTS))
    replace_check("ck_product_transfer", "product", one_of("transfer", "never", "free"))
    replace_check("ck_product_uses", "product", "uses BETWEEN 1 AND 1000")


def _fewer_columns() -> None:
    op.drop_constraint(op.f("ck_delivery_sign_in"), "delivery", type_="check")
    op.drop_constraint(op.f("ck_delivery_offer"), "delivery", type_="check")
    op.drop_constraint(op.f("fk_ticket_device_id"), "ticket", type_="foreignkey")
    op.drop_index(op.f("ix_ticket_device_id"), table_name="ticket")
    op.drop_column("ticket", "stored_at")
    op.drop_column("ticket", "device_id")
    op.drop_constraint(op.f("ck_ticket_sold"), "ticket", type_="check")
    op.drop_constraint(op.f("ck_ticket_came_by"), "ticket", type_="check")
    op.drop_column("ticket", "came_by")
    op.drop_column("ticket", "holder")
    op.drop_column("scan", "before")
    op.drop_column("scan", "undone_by")
    op.drop_column("product", "entry_rules")
    op.drop_column("product", "transfer_minutes_before")
    op.drop_column("price", "entrance")
    op.drop_index("uq_gate_home", table_name="gate", postgresql_where=sa.text("home AND state <> 'revoked'"))
    op.drop_column("gate", "brought_upto")
    op.drop_column("gate", "brought_generation")
    op.drop_column("gate", "turned_at")
    op.drop_column("gate", "seen_at")
    op.drop_column("gate", "device_key")
    op.drop_column("gate", "home")
    op.drop_column("gate", "area")
    op.drop_column("gate", "entrance")
    op.drop_column("gate", "direction")
    op.drop_column("gate", "role")
    op.drop_constraint(op.f("fk_delivery_sign_in_id"), "delivery", type_="foreignkey")
    op.drop_constraint(op.f("fk_delivery_offer_id"), "delivery", type_="foreignkey")
    op.drop_column("delivery", "offer_id")
    op.drop_column("delivery", "sign_in_id")
    op.drop_column("booking_item", "holder")
    op.drop_constraint(op.f("ck_credential_carried"), "credential", type_="check")
    op.drop_constraint(op.f("ck_credential_inside"), "credential", type_="check")
    op.drop_constraint(op.f("fk_credential_last_gate_id"), "credential", type_="foreignkey")
    op.drop_index("ix_credential_handset", table_name="credential")
    op.drop_index("ix_credential_occasion_changed", table_name="credential")
    op.drop_index("ix_credential_inside", table_name="credential", postgresql_where=sa.text("inside > 0"))
    op.drop_index("ix_credential_occasion", table_name="credential")
    op.create_index(op.f("ix_credential_occasion"), "credential", ["occasion_id"], unique=False)
    op.drop_constraint(op.f("uq_credential_replaces"), "credential", type_="unique")
    op.drop_constraint(op.f("ck_credential_came_by"), "credential", type_="check")
    op.drop_constraint(op.f("ck_credential_first"), "credential", type_="check")
    op.drop_column("credential", "came_by")
    op.drop_column("credential", "replaces")
    op.drop_column("credential", "holder_key")
    op.drop_column("credential", "last_gate_id")
    op.drop_column("credential", "last_used_at")
    op.drop_column("credential", "activated_until")
    op.drop_column("credential", "area")
    op.drop_column("credential", "carried")
    op.drop_column("credential", "inside")
    op.drop_column("credential", "entrance")
    op.drop_column("credential", "registered_in")
    op.drop_constraint(op.f("pk_admission"), "admission", type_="primary")
    op.drop_constraint(op.f("uq_admission_ticket_id_use_no"), "admission", type_="unique")
    op.drop_index("ix_admission_extra", table_name="admission", postgresql_where=sa.text("use_no IS NULL"))
    op.create_unique_constraint(
        op.f("uq_admission_gate_id_scan_id"), "admission", ["gate_id", "scan_id"], postgresql_nulls_not_distinct=False
    )
    op.alter_column("admission", "use_no", existing_type=sa.INTEGER(), nullable=False)
    op.drop_column("admission", "knew")
    op.drop_column("admission", "person")
    op.create_primary_key(op.f("pk_admission"), "admission", ["ticket_id", "use_no"])
    _fewer_tables()


def _fewer_tables() -> None:
    op.drop_table("handover")
    op.drop_index("uq_offer_open", table_name="offer", postgresql_where=sa.text("state = 'open'"))
    op.drop_index("ix_offer_receiver", table_name="offer")
    op.drop_index("ix_offer_giver", table_name="offer")
    op.drop_table("offer")
    op.drop_index("ix_incident_ticket", table_name="incident")
    op.drop_index("ix_incident_issuer", table_name="incident")
    op.drop_table("incident")
    op.drop_index("ix_gate_log_issuer", table_name="gate_log")
    op.drop_table("gate_log")
    op.drop_index("ix_sign_in_handset", table_name="sign_in")
    op.drop_index("ix_sign_in_asked_from", table_name="sign_in")
    op.drop_table("sign_in")
    op.drop_index("ix_device_handset", table_name="device", postgresql_where=sa.text("revoked_at IS NULL"))
    op.drop_table("device")
