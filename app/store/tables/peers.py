"""Other servers: issuers we sell for, sales servers that sell for us, and what they have proved already."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.store.tables.base import check, datetime, stored, when


class PeerRole(StrEnum):
    """What the other server is to us."""

    ISSUER = "issuer"
    SELLER = "seller"


class Peer(SQLModel, table=True):
    """A server of the allow-list, with its public keys and how far we have heard of it."""

    name: str = Field(max_length=64, primary_key=True)
    role: PeerRole = Field(sa_column=sa.Column("role", stored(PeerRole, "role"), primary_key=True))
    jwks: dict[str, Any] | None = Field(default=None, sa_column=sa.Column("jwks", JSONB(none_as_null=True)))
    jwks_at: datetime | None = when(nullable=True)
    heard_at: datetime | None = when(nullable=True)
    """When it last answered."""
    etag: str | None = Field(default=None, max_length=200)
    """Of the catalogue we have of it, as long as all of it is here."""
    fault: str | None = Field(default=None, max_length=2000)
    """What was wrong with its catalogue when it was last read; the one before is sold from."""
    cursor: int = Field(default=0, sa_type=sa.BigInteger)
    """How far we have read its register's changes."""
    __table_args__ = (check("cursor", "cursor >= 0"),)


class SeenToken(SQLModel, table=True):
    """A signed request that was carried out: the same token again is a replay."""

    __tablename__ = "seen_token"
    peer: str = Field(max_length=64, primary_key=True)
    token_id: str = Field(max_length=100, primary_key=True)
    expires_at: datetime = when(index=True)
