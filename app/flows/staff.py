"""Staff: keys of people and programs that act for an issuer."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from app.domain.refusals import BadLine, NotAllowed, NotAuthentic, NotFound
from app.store import journal, staff
from app.store.database import Tx
from app.world import World

SCOPES = frozenset({"sell", "refund", "supervise", "gates", "messages", "money", "read"})
"""What a key may be allowed: complimentary tickets; refunds and revocation; the same for used tickets; gates; resends
and dead letters; top-ups, statements and disputes; looking."""

KEYBOARD = "command line"
"""Who does what no staff key is needed for."""

KEY_TAG = "ctk"
VERIFIED_SECONDS = 60
VERIFIED_MAX = 1_000

_HASHER = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=1)


@dataclass(frozen=True, slots=True)
class Member:
    """Who holds a staff key: for one issuer, or for all where `issuer_id` is None."""

    id: UUID
    issuer_id: UUID | None
    scopes: frozenset[str]
    name: str = "staff"
    """Who that is, for the journal."""

    def require(self, scope: str) -> None:
        if scope not in self.scopes:
            raise NotAllowed(f"This key does not have the scope {scope!r}.")

    def acts_for(self, issuer_id: UUID) -> bool:
        return self.issuer_id in {None, issuer_id}


@dataclass(slots=True)
class _Verified:
    """Keys whose slow hash was checked a moment ago. Expiry and revocation are read from the database every time."""

    until: dict[bytes, float] = field(default_factory=dict)

    def knows(self, digest: bytes) -> bool:
        return self.until.get(digest, 0.0) > time.monotonic()

    def remember(self, digest: bytes) -> None:
        if len(self.until) >= VERIFIED_MAX:
            self.until.clear()
        self.until[digest] = time.monotonic() + VERIFIED_SECONDS


_verified = _Verified()


async def make_key(
    world: World, *, issuer: str | None, name: str, scopes: Sequence[str], days: int | None, by: str = KEYBOARD
) -> str:
    """A new staff key, told once; raises BadLine or NotFound."""
    wrong = sorted(set(scopes) - SCOPES)
    if wrong or not scopes:
        raise BadLine(f"Scopes are {', '.join(sorted(SCOPES))}; {', '.join(wrong) or 'none'} is not one of them.")
    prefix, secret = world.entropy.bytes(6).hex(), world.entropy.bytes(24).hex()
    hashed = await asyncio.to_thread(_HASHER.hash, secret)
    now = world.clock.now()
    async with world.transaction() as tx:
        row = await staff.issuer_by_slug(tx, issuer) if issuer else None
        if issuer and row is None:
            raise NotFound(f"There is no issuer {issuer!r}; import its catalogue first.")
        await staff.add_key(
            tx,
            identity=world.entropy.uuid(),
            issuer_id=row.id if row else None,
            name=name,
            prefix=prefix,
            hashed=hashed,
            scopes=scopes,
            expires_at=now + timedelta(days=days) if days else None,
            now=now,
        )
        details = {"name": name, "scopes": sorted(scopes), "days": days}
        await remember(tx, world, row, by, "staff key made", f"key {prefix}", details)
    return f"{KEY_TAG}_{prefix}_{secret}"


async def revoke_key(world: World, prefix: str, *, by: str = KEYBOARD) -> None:
    """Make a staff key open nothing from now on; `prefix` is its second part. Raises NotFound."""
    async with world.transaction() as tx:
        key = await staff.key_by_prefix(tx, prefix)
        if key is None or not await staff.revoke_key(tx, prefix, now=world.clock.now()):
            raise NotFound("No living staff key begins like this. Give the part between the underscores: ctk_PART_….")
        issuer = await staff.issuer_by_id(tx, key.issuer_id) if key.issuer_id else None
        await remember(tx, world, issuer, by, "staff key revoked", f"key {prefix}", {"name": key.name})


async def remember(  # noqa: PLR0917 - an entry has so many parts
    tx: Tx,
    world: World,
    issuer: sa.Row[Any] | None,
    by: str,
    action: str,
    subject: str,
    details: Mapping[str, object],
) -> None:
    """Write what staff did into the journal. What concerns no one issuer stands in a chain of its own."""
    await journal.append(
        tx,
        chain=issuer.slug if issuer else "",
        issuer_id=issuer.id if issuer else None,
        actor=by,
        action=action,
        subject=subject,
        details=details,
        now=world.clock.now(),
    )


async def member(world: World, key: str) -> Member:
    """Whose key this is; raises NotAuthentic, in the same words for whatever is wrong with it."""
    parts = key.split("_")
    if len(parts) == 3 and parts[0] == KEY_TAG:  # noqa: PLR2004 - tag, prefix, secret
        async with world.transaction() as tx:
            row = await staff.key_by_prefix(tx, parts[1])
        if row is not None and _lives(row.expires_at, row.revoked_at, world.clock.now()):
            digest = hashlib.sha256(f"{row.hash}:{parts[2]}".encode()).digest()
            if _verified.knows(digest) or await asyncio.to_thread(_matches, row.hash, parts[2]):
                _verified.remember(digest)
                return Member(row.id, row.issuer_id, frozenset(row.scopes), row.name)
    raise NotAuthentic("This staff key is unknown, revoked or expired. Make one with `cyberticket staff-key`.")


def _lives(expires_at: datetime | None, revoked_at: datetime | None, now: datetime) -> bool:
    return revoked_at is None and (expires_at is None or now < expires_at)


def _matches(hashed: str, secret: str) -> bool:
    try:
        return _HASHER.verify(hashed, secret)
    except VerificationError:
        return False
