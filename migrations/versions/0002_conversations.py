"""0002 conversations"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

E164 = r"'^\+[1-9][0-9]{6,14}$'"
PURPOSES = ("ticket", "resend", "revoked", "emoney")
MORE_PURPOSES = ("gift", "given", "reply")
TOPICS = ("deliver", "register", "revoke", "release")


def one_of(column: str, *values: str) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def kind(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=20)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _new_tables()
    op.add_column("occasion", sa.Column("sms_code", sa.Integer(), nullable=True))
    op.execute(
        "UPDATE occasion SET sms_code = 1000 + numbered.place"
        " FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM occasion) numbered"
        " WHERE numbered.id = occasion.id"
    )
    op.create_unique_constraint(op.f("uq_occasion_sms_code"), "occasion", ["sms_code"])
    op.create_check_constraint(op.f("ck_occasion_sms_code"), "occasion", "sms_code > 1000")
    op.add_column("ticket", sa.Column("gift_of", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_ticket_gift_of"), "ticket", "ticket", ["gift_of"], ["id"])
    op.create_unique_constraint(op.f("uq_ticket_gift_of"), "ticket", ["gift_of"])
    op.create_index("ix_ticket_handset", "ticket", ["handset"], unique=False)
    op.create_index(
        "ix_account_handset", "account", ["handset"], unique=False, postgresql_where=sa.text("kind = 'prepaid'")
    )
    op.alter_column("outbox", "issuer_id", existing_type=sa.Uuid(), nullable=True)
    op.drop_constraint(op.f("ck_outbox_topic"), "outbox", type_="check")
    op.create_check_constraint(op.f("ck_outbox_topic"), "outbox", one_of("topic", *TOPICS, "converse"))
    op.create_check_constraint(
        op.f("ck_outbox_issuer"), "outbox", "issuer_id IS NOT NULL OR topic IN ('converse', 'deliver')"
    )
    op.alter_column("delivery", "issuer_id", existing_type=sa.Uuid(), nullable=True)
    op.add_column("delivery", sa.Column("reply", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.drop_constraint(op.f("ck_delivery_purpose"), "delivery", type_="check")
    op.create_check_constraint(op.f("ck_delivery_purpose"), "delivery", one_of("purpose", *PURPOSES, *MORE_PURPOSES))
    op.create_check_constraint(op.f("ck_delivery_reply"), "delivery", "(purpose = 'reply') = (reply IS NOT NULL)")
    op.create_check_constraint(op.f("ck_delivery_issuer"), "delivery", "issuer_id IS NOT NULL OR purpose = 'reply'")
    op.add_column("delivery", sa.Column("tried", sa.Integer(), server_default="0", nullable=False))
    op.create_check_constraint(op.f("ck_delivery_tried"), "delivery", "tried >= 0")
    op.drop_index("uq_delivery_message", table_name="delivery")


def _new_tables() -> None:
    op.create_table(
        "inbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("message_id", sa.String(length=100), nullable=False),
        sa.Column("handset", sa.String(length=16), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("kid", sa.Integer(), nullable=False),
        sa.Column("heard", sa.String(length=20), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"handset ~ {E164}", name=op.f("ck_inbox_handset")),
        sa.CheckConstraint("(answered_at IS NULL) = (heard IS NULL)", name=op.f("ck_inbox_answered_whole")),
        sa.CheckConstraint("(answered_at IS NULL) = (sealed IS NOT NULL)", name=op.f("ck_inbox_forgotten")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("channel", "message_id", name=op.f("uq_inbox_channel_message_id")),
    )
    op.create_index("ix_inbox_handset", "inbox", ["handset", "received_at"], unique=False)
    op.create_table(
        "conversation",
        sa.Column("handset", sa.String(length=16), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=True),
        sa.Column("choices", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(f"handset ~ {E164}", name=op.f("ck_conversation_handset")),
        sa.CheckConstraint("booking_id IS NULL OR choices IS NULL", name=op.f("ck_conversation_one_question")),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_conversation_booking_id")),
        sa.PrimaryKeyConstraint("handset", name=op.f("pk_conversation")),
    )
    op.create_table(
        "handset_profile",
        sa.Column("handset", sa.String(length=16), nullable=False),
        sa.Column("profile", kind("profile", "sms", "ems", "wap", "app"), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(f"handset ~ {E164}", name=op.f("ck_handset_profile_handset")),
        sa.PrimaryKeyConstraint("handset", name=op.f("pk_handset_profile")),
    )
    op.create_table(
        "delivery_try",
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("outcome", kind("outcome", "accepted", "rejected", "failed"), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("message_id", sa.String(length=100), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_delivery_try_seq")),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.id"], name=op.f("fk_delivery_try_delivery_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("delivery_id", "seq", name=op.f("pk_delivery_try")),
    )
    _parts()


def _parts() -> None:
    """Short messages one by one: those of a delivery, and those that a long one from a handset is joined from."""
    op.create_table(
        "delivery_part",
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("message_id", sa.String(length=100), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("try_seq", sa.Integer(), nullable=False),
        sa.Column("told", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_delivery_part_delivery_id")),
        sa.PrimaryKeyConstraint("channel", "message_id", name=op.f("pk_delivery_part")),
    )
    op.create_index(op.f("ix_delivery_part_delivery_id"), "delivery_part", ["delivery_id"], unique=False)
    op.execute(
        "INSERT INTO delivery_part (channel, message_id, delivery_id, try_seq)"
        " SELECT channel, message_id, id, 1 FROM delivery WHERE message_id IS NOT NULL AND channel IS NOT NULL"
    )
    op.execute(
        "INSERT INTO delivery_try (delivery_id, seq, channel, outcome, message_id, at)"
        " SELECT id, 1, channel, 'accepted', message_id, coalesce(sent_at, queued_at) FROM delivery"
        " WHERE message_id IS NOT NULL AND channel IS NOT NULL"
    )
    op.create_table(
        "inbox_part",
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("sender", sa.String(length=24), nullable=False),
        sa.Column("recipient", sa.String(length=24), nullable=False),
        sa.Column("reference", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("data_coding", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("kid", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("sequence BETWEEN 1 AND total", name=op.f("ck_inbox_part_sequence")),
        sa.PrimaryKeyConstraint(
            "channel", "sender", "recipient", "reference", "total", "sequence", name=op.f("pk_inbox_part")
        ),
    )
    op.create_index(op.f("ix_inbox_part_received_at"), "inbox_part", ["received_at"], unique=False)


def downgrade() -> None:
    """Conversations and replies are forgotten; what was told about gifts stays, under the nearest older name."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("inbox_part")
    op.drop_table("delivery_part")
    op.drop_table("delivery_try")
    op.drop_table("handset_profile")
    op.drop_table("conversation")
    op.drop_index("ix_inbox_handset", table_name="inbox")
    op.drop_table("inbox")
    op.drop_constraint(op.f("ck_delivery_issuer"), "delivery", type_="check")
    op.drop_constraint(op.f("ck_delivery_reply"), "delivery", type_="check")
    op.drop_constraint(op.f("ck_delivery_purpose"), "delivery", type_="check")
    op.execute("DELETE FROM outbox WHERE issuer_id IS NULL OR topic = 'converse'")
    op.execute("DELETE FROM delivery WHERE purpose = 'reply'")
    op.drop_constraint(op.f("ck_delivery_tried"), "delivery", type_="check")
    op.drop_column("delivery", "tried")
    op.execute(
        "UPDATE delivery SET message_id = NULL FROM delivery later"
        " WHERE later.channel = delivery.channel AND later.message_id = delivery.message_id AND later.id > delivery.id"
    )
    op.create_index(
        "uq_delivery_message",
        "delivery",
        ["channel", "message_id"],
        unique=True,
        postgresql_where=sa.text("message_id IS NOT NULL"),
    )
    op.execute("UPDATE delivery SET purpose = 'ticket' WHERE purpose = 'gift'")
    op.execute("UPDATE delivery SET purpose = 'revoked' WHERE purpose = 'given'")
    op.create_check_constraint(op.f("ck_delivery_purpose"), "delivery", one_of("purpose", *PURPOSES))
    op.drop_column("delivery", "reply")
    op.alter_column("delivery", "issuer_id", existing_type=sa.Uuid(), nullable=False)
    op.drop_constraint(op.f("ck_outbox_issuer"), "outbox", type_="check")
    op.drop_constraint(op.f("ck_outbox_topic"), "outbox", type_="check")
    op.create_check_constraint(op.f("ck_outbox_topic"), "outbox", one_of("topic", *TOPICS))
    op.alter_column("outbox", "issuer_id", existing_type=sa.Uuid(), nullable=False)
    op.drop_index("ix_account_handset", table_name="account", postgresql_where=sa.text("kind = 'prepaid'"))
    op.drop_index("ix_ticket_handset", table_name="ticket")
    op.drop_constraint(op.f("uq_ticket_gift_of"), "ticket", type_="unique")
    op.drop_constraint(op.f("fk_ticket_gift_of"), "ticket", type_="foreignkey")
    op.drop_column("ticket", "gift_of")
    op.drop_constraint(op.f("ck_occasion_sms_code"), "occasion", type_="check")
    op.drop_constraint(op.f("uq_occasion_sms_code"), "occasion", type_="unique")
    op.drop_column("occasion", "sms_code")
