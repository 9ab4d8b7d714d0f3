"""0001 the spine"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "issuer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=True),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.Column("served_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_issuer_currency")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issuer")),
        sa.UniqueConstraint("slug", name=op.f("uq_issuer_slug")),
    )
    op.create_table(
        "receipt",
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("message_id", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel", "message_id", "state", name=op.f("pk_receipt")),
    )
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "prepaid",
                "sales",
                "cash",
                "vouchers",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("handset", sa.String(length=16), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("kid", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(kind = 'prepaid') = (handset IS NOT NULL) AND (kind = 'prepaid') = (balance IS NOT NULL)",
            name=op.f("ck_account_prepaid"),
        ),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_account_currency")),
        sa.CheckConstraint("handset ~ '^\\+[1-9][0-9]{6,14}$'", name=op.f("ck_account_handset")),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_account_balance")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_account_issuer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint(
            "issuer_id",
            "kind",
            "handset",
            "currency",
            name=op.f("uq_account_issuer_id_kind_handset_currency"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("hash", sa.String(length=200), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_api_key_issuer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_key_prefix")),
    )
    op.create_table(
        "credential",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=10), nullable=False),
        sa.Column("code", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("kid", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("admission", "ride", "voucher", name="kind", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("occasion_id", sa.Uuid(), nullable=False),
        sa.Column("occasion_code", sa.BigInteger(), nullable=False),
        sa.Column("label", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("uses_left", sa.Integer(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "state",
            sa.Enum("valid", "revoked", name="state", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_credential_balance")),
        sa.CheckConstraint("uses_left BETWEEN 0 AND uses", name=op.f("ck_credential_uses_left")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_credential_issuer_id")),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_credential")),
        sa.UniqueConstraint("issuer_id", "code", name=op.f("uq_credential_issuer_id_code")),
        sa.UniqueConstraint("issuer_id", "number", name=op.f("uq_credential_issuer_id_number")),
    )
    op.create_index("ix_credential_occasion", "credential", ["occasion_id"], unique=False)
    op.create_table(
        "gate",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending", "enrolled", "revoked", name="state", native_enum=False, create_constraint=True, length=20
            ),
            nullable=False,
        ),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("enrolment_hash", sa.LargeBinary(), nullable=True),
        sa.Column("enrolment_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("occasions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_gate_issuer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate")),
        sa.UniqueConstraint("issuer_id", "name", name=op.f("uq_gate_issuer_id_name")),
    )
    op.create_index(
        "uq_gate_enrolment",
        "gate",
        ["enrolment_hash"],
        unique=True,
        postgresql_where=sa.text("enrolment_hash IS NOT NULL"),
    )
    op.create_table(
        "idempotency",
        sa.Column("scope", sa.String(length=100), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=True),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("busy_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("media_type", sa.String(length=100), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(status IS NULL) = (body IS NULL)", name=op.f("ck_idempotency_answered_whole")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_idempotency_issuer_id")),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("pk_idempotency")),
    )
    op.create_index(op.f("ix_idempotency_created_at"), "idempotency", ["created_at"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column(
            "topic",
            sa.Enum(
                "deliver",
                "register",
                "revoke",
                "release",
                name="topic",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=500), nullable=True),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_outbox_attempts")),
        sa.CheckConstraint("done_at IS NULL OR dead_at IS NULL", name=op.f("ck_outbox_one_end")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_outbox_issuer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("topic", "key", name=op.f("uq_outbox_topic_key")),
    )
    op.create_index(
        "ix_outbox_dead", "outbox", ["dead_at"], unique=False, postgresql_where=sa.text("dead_at IS NOT NULL")
    )
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL AND dead_at IS NULL"),
    )
    op.create_table(
        "pin_guard",
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_pin_guard_tries")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_pin_guard_issuer_id")),
        sa.PrimaryKeyConstraint("issuer_id", "number", name=op.f("pk_pin_guard")),
    )
    op.create_table(
        "route",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=100), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_route_issuer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_route")),
        sa.UniqueConstraint("issuer_id", "code", name=op.f("uq_route_issuer_id_code")),
    )
    op.create_table(
        "seating",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("drawing", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_seating_issuer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seating")),
        sa.UniqueConstraint("issuer_id", "slug", name=op.f("uq_seating_issuer_id_slug")),
    )
    op.create_table(
        "stop",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=100), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("search", sa.String(), nullable=False),
        sa.Column("zone", sa.String(length=100), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_stop_issuer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stop")),
        sa.UniqueConstraint("issuer_id", "code", name=op.f("uq_stop_issuer_id_code")),
    )
    op.create_table(
        "venue",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("address", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_venue_issuer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_venue")),
        sa.UniqueConstraint("issuer_id", "slug", name=op.f("uq_venue_issuer_id_slug")),
    )
    op.create_table(
        "admission",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("use_no", sa.Integer(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("gate_id", sa.Uuid(), nullable=False),
        sa.Column("scan_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("use_no >= 1", name=op.f("ck_admission_use_no")),
        sa.ForeignKeyConstraint(["gate_id"], ["gate.id"], name=op.f("fk_admission_gate_id")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_admission_issuer_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["credential.ticket_id"], name=op.f("fk_admission_ticket_id")),
        sa.PrimaryKeyConstraint("ticket_id", "use_no", name=op.f("pk_admission")),
        sa.UniqueConstraint("gate_id", "scan_id", name=op.f("uq_admission_gate_id_scan_id")),
    )
    op.create_table(
        "product",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=100), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("admission", "ride", "voucher", name="kind", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("title", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("description", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("search", sa.String(), nullable=False),
        sa.Column("venue_id", sa.Uuid(), nullable=True),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("face_value", sa.BigInteger(), nullable=True),
        sa.Column("valid_days", sa.Integer(), nullable=True),
        sa.Column("booking_limit", sa.Integer(), nullable=False),
        sa.Column("buyer_limit", sa.Integer(), nullable=True),
        sa.Column(
            "transfer",
            sa.Enum("never", "free", name="transfer", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column(
            "refund",
            sa.Enum(
                "never",
                "until_start",
                "until_used",
                name="refund",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'voucher') = (face_value IS NOT NULL) AND (face_value IS NULL OR face_value > 0)",
            name=op.f("ck_product_face_value"),
        ),
        sa.CheckConstraint("booking_limit BETWEEN 1 AND 50", name=op.f("ck_product_booking_limit")),
        sa.CheckConstraint("buyer_limit >= 1", name=op.f("ck_product_buyer_limit")),
        sa.CheckConstraint("uses BETWEEN 1 AND 1000", name=op.f("ck_product_uses")),
        sa.CheckConstraint("valid_days >= 1", name=op.f("ck_product_valid_days")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_product_issuer_id")),
        sa.ForeignKeyConstraint(["venue_id"], ["venue.id"], name=op.f("fk_product_venue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("issuer_id", "slug", name=op.f("uq_product_issuer_id_slug")),
    )
    op.create_table(
        "route_stop",
        sa.Column("route_id", sa.Uuid(), nullable=False),
        sa.Column("pattern", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("stop_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_route_stop_issuer_id")),
        sa.ForeignKeyConstraint(["route_id"], ["route.id"], name=op.f("fk_route_stop_route_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["stop_id"], ["stop.id"], name=op.f("fk_route_stop_stop_id")),
        sa.PrimaryKeyConstraint("route_id", "pattern", "seq", name=op.f("pk_route_stop")),
    )
    op.create_index(op.f("ix_route_stop_stop_id"), "route_stop", ["stop_id"], unique=False)
    op.create_table(
        "scan",
        sa.Column("gate_id", sa.Uuid(), nullable=False),
        sa.Column("scan_id", sa.String(length=64), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("check", "admission", name="kind", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("presented", sa.LargeBinary(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column(
            "reason",
            sa.Enum(
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
                name="reason",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["gate_id"], ["gate.id"], name=op.f("fk_scan_gate_id")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_scan_issuer_id")),
        sa.PrimaryKeyConstraint("gate_id", "scan_id", name=op.f("pk_scan")),
    )
    op.create_index("ix_scan_issuer", "scan", ["issuer_id", "at"], unique=False)
    op.create_index("ix_scan_ticket", "scan", ["ticket_id", "at"], unique=False)
    op.create_table(
        "seating_place",
        sa.Column("seating_id", sa.Uuid(), nullable=False),
        sa.Column("pos", sa.Integer(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("guid", sa.String(length=200), nullable=False),
        sa.Column("category", sa.String(length=100), nullable=False),
        sa.Column("numbered", sa.Boolean(), nullable=False),
        sa.Column("section", sa.String(length=100), nullable=False),
        sa.Column("row", sa.String(length=50), nullable=False),
        sa.Column("seat", sa.String(length=50), nullable=False),
        sa.Column("x", sa.Float(), nullable=True),
        sa.Column("y", sa.Float(), nullable=True),
        sa.CheckConstraint("pos >= 0", name=op.f("ck_seating_place_pos")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_seating_place_issuer_id")),
        sa.ForeignKeyConstraint(
            ["seating_id"], ["seating.id"], name=op.f("fk_seating_place_seating_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("seating_id", "pos", name=op.f("pk_seating_place")),
        sa.UniqueConstraint("seating_id", "guid", name=op.f("uq_seating_place_seating_id_guid")),
    )
    op.create_table(
        "occasion",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=100), nullable=False),
        sa.Column("code", sa.BigInteger(), nullable=False),
        sa.Column(
            "stock",
            sa.Enum("places", "unlimited", name="stock", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("doors_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("admits_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("admits_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sales_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sales_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("venue_id", sa.Uuid(), nullable=True),
        sa.Column("seating_id", sa.Uuid(), nullable=True),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint("admits_until > admits_from", name=op.f("ck_occasion_admits_window")),
        sa.CheckConstraint("code BETWEEN 0 AND 4294967295", name=op.f("ck_occasion_code")),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_occasion_ends_after_start")),
        sa.CheckConstraint("sales_until > sales_from", name=op.f("ck_occasion_sales_window")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_occasion_issuer_id")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_occasion_product_id")),
        sa.ForeignKeyConstraint(["seating_id"], ["seating.id"], name=op.f("fk_occasion_seating_id")),
        sa.ForeignKeyConstraint(["venue_id"], ["venue.id"], name=op.f("fk_occasion_venue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_occasion")),
        sa.UniqueConstraint("issuer_id", "code", name=op.f("uq_occasion_issuer_id_code")),
        sa.UniqueConstraint("product_id", "slug", name=op.f("uq_occasion_product_id_slug")),
    )
    op.create_index(op.f("ix_occasion_starts_at"), "occasion", ["starts_at"], unique=False)
    op.create_table(
        "booking",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("occasion_id", sa.Uuid(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "held",
                "paying",
                "paid",
                "expired",
                "cancelled",
                "refunded",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("buyer", sa.String(length=16), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("link_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("complimentary", sa.Boolean(), nullable=False),
        sa.CheckConstraint("buyer ~ '^\\+[1-9][0-9]{6,14}$'", name=op.f("ck_booking_buyer")),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_booking_currency")),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_booking_amount")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_booking_issuer_id")),
        sa.ForeignKeyConstraint(["occasion_id"], ["occasion.id"], name=op.f("fk_booking_occasion_id")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_booking_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking")),
        sa.UniqueConstraint("link_hash", name=op.f("uq_booking_link_hash")),
    )
    op.create_index("ix_booking_buyer", "booking", ["issuer_id", "buyer", "product_id"], unique=False)
    op.create_index(op.f("ix_booking_occasion_id"), "booking", ["occasion_id"], unique=False)
    op.create_index(
        "ix_booking_open",
        "booking",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('held', 'paying')"),
    )
    op.create_table(
        "place",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("occasion_id", sa.Uuid(), nullable=False),
        sa.Column("pos", sa.Integer(), nullable=False),
        sa.Column("guid", sa.String(length=200), nullable=False),
        sa.Column("category", sa.String(length=100), nullable=False),
        sa.Column("numbered", sa.Boolean(), nullable=False),
        sa.Column("section", sa.String(length=100), nullable=False),
        sa.Column("row", sa.String(length=50), nullable=False),
        sa.Column("seat", sa.String(length=50), nullable=False),
        sa.Column("x", sa.Float(), nullable=True),
        sa.Column("y", sa.Float(), nullable=True),
        sa.Column("taken_by", sa.Uuid(), nullable=True),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.CheckConstraint("held_until IS NULL OR taken_by IS NOT NULL", name=op.f("ck_place_held_by_somebody")),
        sa.CheckConstraint("pos >= 0", name=op.f("ck_place_pos")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_place_issuer_id")),
        sa.ForeignKeyConstraint(["occasion_id"], ["occasion.id"], name=op.f("fk_place_occasion_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_place")),
        sa.UniqueConstraint("occasion_id", "guid", name=op.f("uq_place_occasion_id_guid")),
        sa.UniqueConstraint("occasion_id", "pos", name=op.f("uq_place_occasion_id_pos")),
    )
    op.create_index(
        "ix_place_taken_by", "place", ["taken_by"], unique=False, postgresql_where=sa.text("taken_by IS NOT NULL")
    )
    op.create_index(
        "ix_place_unsold",
        "place",
        ["occasion_id", "category", "pos"],
        unique=False,
        postgresql_where=sa.text("taken_by IS NULL OR held_until IS NOT NULL"),
    )
    op.create_table(
        "price",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("occasion_id", sa.Uuid(), nullable=True),
        sa.Column("category", sa.String(length=100), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("colour", sa.String(length=9), nullable=True),
        sa.Column("origin_zone", sa.String(length=100), nullable=True),
        sa.Column("destination_zone", sa.String(length=100), nullable=True),
        sa.Column("route_id", sa.Uuid(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_price_currency")),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_price_amount")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_price_issuer_id")),
        sa.ForeignKeyConstraint(["occasion_id"], ["occasion.id"], name=op.f("fk_price_occasion_id")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_price_product_id")),
        sa.ForeignKeyConstraint(["route_id"], ["route.id"], name=op.f("fk_price_route_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price")),
        sa.UniqueConstraint(
            "product_id",
            "occasion_id",
            "category",
            "origin_zone",
            "destination_zone",
            "route_id",
            name="uq_price_natural",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(op.f("ix_price_occasion_id"), "price", ["occasion_id"], unique=False)
    op.create_table(
        "booking_item",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("price_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("handset", sa.String(length=16), nullable=False),
        sa.Column("place_id", sa.Uuid(), nullable=True),
        sa.Column("origin_id", sa.Uuid(), nullable=True),
        sa.Column("destination_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("handset ~ '^\\+[1-9][0-9]{6,14}$'", name=op.f("ck_booking_item_handset")),
        sa.CheckConstraint("(origin_id IS NULL) = (destination_id IS NULL)", name=op.f("ck_booking_item_journey")),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_booking_item_amount")),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_booking_item_booking_id")),
        sa.ForeignKeyConstraint(["destination_id"], ["stop.id"], name=op.f("fk_booking_item_destination_id")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_booking_item_issuer_id")),
        sa.ForeignKeyConstraint(["origin_id"], ["stop.id"], name=op.f("fk_booking_item_origin_id")),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_booking_item_place_id")),
        sa.ForeignKeyConstraint(["price_id"], ["price.id"], name=op.f("fk_booking_item_price_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking_item")),
        sa.UniqueConstraint("booking_id", "line", name=op.f("uq_booking_item_booking_id_line")),
    )
    op.create_table(
        "payment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "created",
                "submitted",
                "requires_action",
                "authorized",
                "captured",
                "declined",
                "unknown",
                "voided",
                "refunded",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("reference", sa.String(length=255), nullable=True),
        sa.Column("decline", sa.String(length=40), nullable=True),
        sa.Column("detail", sa.String(length=500), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_payment_currency")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payment_amount")),
        sa.CheckConstraint("attempt >= 1", name=op.f("ck_payment_attempt")),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_payment_booking_id")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_payment_issuer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint("booking_id", "attempt", name=op.f("uq_payment_booking_id_attempt")),
        sa.UniqueConstraint("issuer_id", "key", name=op.f("uq_payment_issuer_id_key")),
    )
    op.create_index(
        "ix_payment_unsettled",
        "payment",
        ["updated_at"],
        unique=False,
        postgresql_where=sa.text("state NOT IN ('captured', 'declined', 'voided', 'refunded')"),
    )
    op.create_index(
        "uq_payment_live",
        "payment",
        ["booking_id"],
        unique=True,
        postgresql_where=sa.text(
            "state IN ('authorized', 'captured', 'created', 'requires_action', 'submitted', 'unknown')"
        ),
    )
    op.create_table(
        "ticket",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("occasion_id", sa.Uuid(), nullable=False),
        sa.Column("place_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.String(length=10), nullable=False),
        sa.Column("code", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("kid", sa.Integer(), nullable=False),
        sa.Column("handset", sa.String(length=16), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column(
            "state",
            sa.Enum("valid", "revoked", name="state", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("link_hash", sa.LargeBinary(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_why", sa.String(length=200), nullable=True),
        sa.CheckConstraint("handset ~ '^\\+[1-9][0-9]{6,14}$'", name=op.f("ck_ticket_handset")),
        sa.CheckConstraint("number ~ '^[0-9]{10}$'", name=op.f("ck_ticket_number")),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_ticket_balance")),
        sa.CheckConstraint("code >= 0", name=op.f("ck_ticket_code")),
        sa.CheckConstraint("generation BETWEEN 1 AND 255", name=op.f("ck_ticket_generation")),
        sa.CheckConstraint("uses >= 1", name=op.f("ck_ticket_uses")),
        sa.CheckConstraint("valid_until > valid_from", name=op.f("ck_ticket_validity")),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_ticket_booking_id")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_ticket_issuer_id")),
        sa.ForeignKeyConstraint(["item_id"], ["booking_item.id"], name=op.f("fk_ticket_item_id")),
        sa.ForeignKeyConstraint(["occasion_id"], ["occasion.id"], name=op.f("fk_ticket_occasion_id")),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_ticket_place_id")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_ticket_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket")),
        sa.UniqueConstraint("issuer_id", "code", name=op.f("uq_ticket_issuer_id_code")),
        sa.UniqueConstraint("issuer_id", "number", name=op.f("uq_ticket_issuer_id_number")),
        sa.UniqueConstraint("link_hash", name=op.f("uq_ticket_link_hash")),
    )
    op.create_index(op.f("ix_ticket_booking_id"), "ticket", ["booking_id"], unique=False)
    op.create_index(op.f("ix_ticket_occasion_id"), "ticket", ["occasion_id"], unique=False)
    op.create_index("uq_ticket_item", "ticket", ["item_id"], unique=True, postgresql_where=sa.text("state = 'valid'"))
    op.create_index(
        "uq_ticket_place",
        "ticket",
        ["place_id"],
        unique=True,
        postgresql_where=sa.text("state = 'valid' AND place_id IS NOT NULL"),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=True),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column(
            "purpose",
            sa.Enum(
                "ticket",
                "resend",
                "revoked",
                "emoney",
                name="purpose",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("handset", sa.String(length=16), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "sent",
                "delivered",
                "failed",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("message_id", sa.String(length=100), nullable=True),
        sa.Column("parts", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("handset ~ '^\\+[1-9][0-9]{6,14}$'", name=op.f("ck_delivery_handset")),
        sa.CheckConstraint("parts >= 1", name=op.f("ck_delivery_parts")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_delivery_account_id")),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_delivery_booking_id")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_delivery_issuer_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_delivery_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    op.create_index(op.f("ix_delivery_booking_id"), "delivery", ["booking_id"], unique=False)
    op.create_index(op.f("ix_delivery_ticket_id"), "delivery", ["ticket_id"], unique=False)
    op.create_index(
        "uq_delivery_message",
        "delivery",
        ["channel", "message_id"],
        unique=True,
        postgresql_where=sa.text("message_id IS NOT NULL"),
    )
    op.create_table(
        "transfer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("top_up", "charge", "refund", name="kind", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("debit_id", sa.Uuid(), nullable=False),
        sa.Column("credit_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reverses", sa.String(length=120), nullable=True),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_transfer_amount")),
        sa.CheckConstraint("debit_id <> credit_id", name=op.f("ck_transfer_two_sides")),
        sa.ForeignKeyConstraint(["credit_id"], ["account.id"], name=op.f("fk_transfer_credit_id")),
        sa.ForeignKeyConstraint(["debit_id"], ["account.id"], name=op.f("fk_transfer_debit_id")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_transfer_issuer_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_transfer_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer")),
        sa.UniqueConstraint("issuer_id", "key", name=op.f("uq_transfer_issuer_id_key")),
    )
    op.create_index(op.f("ix_transfer_credit_id"), "transfer", ["credit_id"], unique=False)
    op.create_index(op.f("ix_transfer_debit_id"), "transfer", ["debit_id"], unique=False)
    op.create_index(
        "ix_transfer_reverses",
        "transfer",
        ["issuer_id", "reverses"],
        unique=False,
        postgresql_where=sa.text("reverses IS NOT NULL"),
    )
    op.create_index(
        "uq_transfer_voucher", "transfer", ["ticket_id"], unique=True, postgresql_where=sa.text("ticket_id IS NOT NULL")
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("uq_transfer_voucher", table_name="transfer", postgresql_where=sa.text("ticket_id IS NOT NULL"))
    op.drop_index("ix_transfer_reverses", table_name="transfer", postgresql_where=sa.text("reverses IS NOT NULL"))
    op.drop_index(op.f("ix_transfer_debit_id"), table_name="transfer")
    op.drop_index(op.f("ix_transfer_credit_id"), table_name="transfer")
    op.drop_table("transfer")
    op.drop_index("uq_delivery_message", table_name="delivery", postgresql_where=sa.text("message_id IS NOT NULL"))
    op.drop_index(op.f("ix_delivery_ticket_id"), table_name="delivery")
    op.drop_index(op.f("ix_delivery_booking_id"), table_name="delivery")
    op.drop_table("delivery")
    op.drop_index(
        "uq_ticket_place", table_name="ticket", postgresql_where=sa.text("state = 'valid' AND place_id IS NOT NULL")
    )
    op.drop_index("uq_ticket_item", table_name="ticket", postgresql_where=sa.text("state = 'valid'"))
    op.drop_index(op.f("ix_ticket_occasion_id"), table_name="ticket")
    op.drop_index(op.f("ix_ticket_booking_id"), table_name="ticket")
    op.drop_table("ticket")
    op.drop_index(
        "uq_payment_live",
        table_name="payment",
        postgresql_where=sa.text(
            "state IN ('authorized', 'captured', 'created', 'requires_action', 'submitted', 'unknown')"
        ),
    )
    op.drop_index(
        "ix_payment_unsettled",
        table_name="payment",
        postgresql_where=sa.text("state NOT IN ('captured', 'declined', 'voided', 'refunded')"),
    )
    op.drop_table("payment")
    op.drop_table("booking_item")
    op.drop_index(op.f("ix_price_occasion_id"), table_name="price")
    op.drop_table("price")
    op.drop_index(
        "ix_place_unsold", table_name="place", postgresql_where=sa.text("taken_by IS NULL OR held_until IS NOT NULL")
    )
    op.drop_index("ix_place_taken_by", table_name="place", postgresql_where=sa.text("taken_by IS NOT NULL"))
    op.drop_table("place")
    op.drop_index("ix_booking_open", table_name="booking", postgresql_where=sa.text("state IN ('held', 'paying')"))
    op.drop_index(op.f("ix_booking_occasion_id"), table_name="booking")
    op.drop_index("ix_booking_buyer", table_name="booking")
    op.drop_table("booking")
    op.drop_index(op.f("ix_occasion_starts_at"), table_name="occasion")
    op.drop_table("occasion")
    op.drop_table("seating_place")
    op.drop_index("ix_scan_ticket", table_name="scan")
    op.drop_index("ix_scan_issuer", table_name="scan")
    op.drop_table("scan")
    op.drop_index(op.f("ix_route_stop_stop_id"), table_name="route_stop")
    op.drop_table("route_stop")
    op.drop_table("product")
    op.drop_table("admission")
    op.drop_table("venue")
    op.drop_table("stop")
    op.drop_table("seating")
    op.drop_table("route")
    op.drop_table("pin_guard")
    op.drop_index("ix_outbox_due", table_name="outbox", postgresql_where=sa.text("done_at IS NULL AND dead_at IS NULL"))
    op.drop_index("ix_outbox_dead", table_name="outbox", postgresql_where=sa.text("dead_at IS NOT NULL"))
    op.drop_table("outbox")
    op.drop_index(op.f("ix_idempotency_created_at"), table_name="idempotency")
    op.drop_table("idempotency")
    op.drop_index("uq_gate_enrolment", table_name="gate", postgresql_where=sa.text("enrolment_hash IS NOT NULL"))
    op.drop_table("gate")
    op.drop_index("ix_credential_occasion", table_name="credential")
    op.drop_table("credential")
    op.drop_table("api_key")
    op.drop_table("account")
    op.drop_table("receipt")
    op.drop_table("issuer")
