"""What keeps the edges honest: consequences still owed, answers already given, keys of staff."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from app.store.tables.base import UUID, check, datetime, key, ref, stored, when
from app.store.topics import Topic


class Outbox(SQLModel, table=True):
    """A consequence that was committed with its fact and is still to be carried out."""

    id: UUID = key()
    issuer_id: UUID | None = ref("issuer.id", nullable=True)
    """Whose it is; what a handset wrote, and the reply to it, may be nobody's in particular."""
    topic: Topic = Field(sa_column=sa.Column("topic", stored(Topic, "topic"), nullable=False))
    key: str = Field(max_length=120)
    payload: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    created_at: datetime = when()
    due_at: datetime = when()
    attempts: int = 0
    lease_until: datetime | None = when(nullable=True)
    done_at: datetime | None = when(nullable=True)
    dead_at: datetime | None = when(nullable=True)
    last_error: str | None = Field(default=None, max_length=500)
    __table_args__ = (
        sa.UniqueConstraint("topic", "key"),
        sa.Index("ix_outbox_due", "topic", "due_at", postgresql_where=sa.text("done_at IS NULL AND dead_at IS NULL")),
        sa.Index("ix_outbox_dead", "dead_at", postgresql_where=sa.text("dead_at IS NOT NULL")),
        check("one_end", "done_at IS NULL OR dead_at IS NULL"),
        check("attempts", "attempts >= 0"),
        check("issuer", "issuer_id IS NOT NULL OR topic IN ('converse', 'deliver', 'news')"),
    )


class Idempotency(SQLModel, table=True):
    """The answer given to one Idempotency-Key of one caller; no status yet means it is being worked on."""

    scope: str = Field(max_length=100, primary_key=True)
    key: str = Field(max_length=100, primary_key=True)
    issuer_id: UUID | None = ref("issuer.id", nullable=True)
    request_hash: bytes
    busy_until: datetime = when()
    status: int | None = None
    body: bytes | None = None
    media_type: str | None = Field(default=None, max_length=100)
    created_at: datetime = when(index=True)
    __table_args__ = (check("answered_whole", "(status IS NULL) = (body IS NULL)"),)


class ApiKey(SQLModel, table=True):
    """A staff key: shown once, kept as an argon2id hash. Without an issuer it may act for all of them."""

    __tablename__ = "api_key"
    id: UUID = key()
    issuer_id: UUID | None = ref("issuer.id", nullable=True)
    name: str = Field(max_length=100)
    prefix: str = Field(max_length=16, unique=True)
    hash: str = Field(max_length=200)
    scopes: list[str] = Field(sa_type=ARRAY(sa.String), nullable=False)
    created_at: datetime = when()
    expires_at: datetime | None = when(nullable=True)
    revoked_at: datetime | None = when(nullable=True)


class Chore(SQLModel, table=True):
    """What one worker does for all from time to time, and how it went the last time."""

    name: str = Field(max_length=64, primary_key=True)
    begun_at: datetime = when()
    """Whoever sets it does the work until the next time."""
    ended_at: datetime | None = when(nullable=True)
    outcome: dict[str, Any] | None = Field(default=None, sa_column=sa.Column("outcome", JSONB(none_as_null=True)))


class Journal(SQLModel, table=True):
    """What people with power did, one entry after the other; each holds the hash of the one before it.

    Entries are only ever added: a trigger refuses the rest, and the audit recomputes the chain.
    """

    chain: str = Field(max_length=64, primary_key=True)
    """One chain per issuer, by its slug; empty: what concerns no one issuer."""
    seq: int = Field(sa_type=sa.BigInteger, primary_key=True)
    issuer_id: UUID | None = ref("issuer.id", nullable=True)
    at: datetime = when()
    actor: str = Field(max_length=100)
    action: str = Field(max_length=60)
    subject: str = Field(max_length=100)
    details: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    before: bytes
    """Hash of the entry before; 32 zero octets for the first."""
    hash: bytes
    """SHA-256 over `before` and this entry's text; store/journal.py has the form."""
    __table_args__ = (check("seq", "seq >= 1"),)
