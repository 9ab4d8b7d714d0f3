"""Staff: keys of people and programs that act for an issuer, and the gates they set up."""

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

from app import tokens
from app.domain.refusals import BadLine, NotAllowed, NotAuthentic, NotFound, WrongState
from app.flows.sales_status import LOCAL
from app.ports import Distant, Host
from app.store import journal, staff
from app.store.database import Tx
from app.world import World

SCOPES = frozenset({"sell", "refund", "supervise", "gates", "messages", "money", "read"})
"""What a key may be allowed: complimentary tickets; refunds and revocation; the same for used tickets; gates; resends
and dead letters; top-ups, statements and disputes; looking."""

KEYBOARD = "command line"
"""Who does what no staff key is needed for."""

KEY_TAG = "ctk"
ENROLMENT_MINUTES = 60
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
GATE_TOKEN = "gate+jwt"  # noqa: S105 - the name of a kind of token, not a token
GATE_HOURS = 8
AUDIENCE = "cyberticket-gate"
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
        await _remember(tx, world, row, by, "staff key made", f"key {prefix}", details)
    return f"{KEY_TAG}_{prefix}_{secret}"


async def revoke_key(world: World, prefix: str, *, by: str = KEYBOARD) -> None:
    """Make a staff key open nothing from now on; `prefix` is its second part. Raises NotFound."""
    async with world.transaction() as tx:
        key = await staff.key_by_prefix(tx, prefix)
        if key is None or not await staff.revoke_key(tx, prefix, now=world.clock.now()):
            raise NotFound("No living staff key begins like this. Give the part between the underscores: ctk_PART_….")
        issuer = await staff.issuer_by_id(tx, key.issuer_id) if key.issuer_id else None
        await _remember(tx, world, issuer, by, "staff key revoked", f"key {prefix}", {"name": key.name})


async def _remember(  # noqa: PLR0917 - the callers are in this file
    tx: Tx,
    world: World,
    issuer: sa.Row[Any] | None,
    by: str,
    action: str,
    subject: str,
    details: Mapping[str, object],
) -> None:
    """What concerns no one issuer stands in a chain of its own."""
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


@dataclass(frozen=True, slots=True)
class Invitation:
    """A gate to be enrolled: `code` is typed or scanned into its device once."""

    gate_id: UUID
    code: str
    until: datetime


async def invite_gate(
    world: World, *, issuer_id: UUID, name: str, occasions: Sequence[UUID], by: str = KEYBOARD
) -> Invitation:
    """A one-time code for a gate; the same name again replaces the device that had it. Raises WrongState."""
    code = _code(world.entropy.bytes(10))
    now = world.clock.now()
    until = now + timedelta(minutes=ENROLMENT_MINUTES)
    async with world.transaction() as tx:
        _require_own_gates(world, await staff.served_by(tx, issuer_id))
        gate_id = await staff.add_gate(
            tx,
            identity=world.entropy.uuid(),
            issuer_id=issuer_id,
            name=name,
            enrolment_hash=_code_hash(code),
            enrolment_until=until,
            occasions=occasions,
            now=now,
        )
        issuer = await staff.issuer_by_id(tx, issuer_id)
        details = {"name": name, "occasions": [str(one) for one in occasions]}
        await _remember(tx, world, issuer, by, "gate invited", f"gate {gate_id}", details)
    return Invitation(gate_id, code, until)


def _require_own_gates(world: World, served_by: str) -> None:
    """Gates ask the server that keeps the register; raises WrongState for the issuers of another one."""
    issuer = world.issuers.get(served_by)
    if served_by != LOCAL or not isinstance(issuer, Host):
        where = f" at {issuer.address}" if isinstance(issuer, Distant) else ""
        raise WrongState(f"This issuer has a server of its own, {served_by}. Set up its gates there{where}.")


def _code(chance: bytes) -> str:
    """80 bits as four groups of four Crockford letters."""
    value = int.from_bytes(chance, "big")
    letters = "".join(CROCKFORD[value >> shift & 31] for shift in range(75, -1, -5))
    return "-".join(letters[start : start + 4] for start in range(0, 16, 4))


def _code_hash(code: str) -> bytes:
    plain = code.upper().replace("-", "").replace(" ", "").replace("O", "0").replace("I", "1").replace("L", "1")
    return hashlib.sha256(plain.encode()).digest()


@dataclass(frozen=True, slots=True)
class GateCaller:
    """A gate by its token; whether it is still enrolled is asked where it counts, in the admission itself."""

    gate_id: UUID
    issuer_id: UUID
    generation: int


@dataclass(frozen=True, slots=True)
class Enrolled:
    gate_id: UUID
    name: str
    issuer_slug: str
    token: str
    expires_at: datetime
    caller: GateCaller


async def enrol_gate(world: World, code: str) -> Enrolled:
    """Trade a one-time code for a gate token; raises NotAuthentic."""
    now = world.clock.now()
    async with world.transaction() as tx:
        gate_id = await staff.enrol(tx, enrolment_hash=_code_hash(code), now=now)
        row = await staff.gate(tx, gate_id) if gate_id is not None else None
    if row is None:
        raise NotAuthentic("This code is wrong, used or too old. Ask staff for a new one.")
    token = tokens.issue(
        typ=GATE_TOKEN,
        issuer=world.house.public_url,
        subject=str(row.id),
        audience=AUDIENCE,
        token_id=str(world.entropy.uuid()),
        lifetime=timedelta(hours=GATE_HOURS),
        ring=world.house.keys,
        now=now,
        extra={"issuer": str(row.issuer_id), "generation": row.generation},
    )
    caller = GateCaller(row.id, row.issuer_id, row.generation)
    return Enrolled(row.id, row.name, row.issuer_slug, token, now + timedelta(hours=GATE_HOURS), caller)


def gate_caller(world: World, token: str) -> GateCaller:
    """Raises NotAuthentic."""
    claims = tokens.read(token, typ=GATE_TOKEN, audience=AUDIENCE, ring=world.house.keys, now=world.clock.now())
    if not isinstance(claims, tokens.Invalid) and claims.issuer == world.house.public_url:
        generation = claims.extra.get("generation")
        if isinstance(generation, int):
            return GateCaller(UUID(claims.subject), UUID(str(claims.extra["issuer"])), generation)
    raise NotAuthentic("This gate token is not valid any more. Enrol the gate again with a new code.")


async def revoke_gate(world: World, caller: Member, gate_id: UUID) -> None:
    """Shut a gate out; raises NotFound for another issuer's gate as for none, WrongState for one of another server."""
    async with world.transaction() as tx:
        row = await staff.gate(tx, gate_id)
        if row is None or not caller.acts_for(row.issuer_id):
            raise NotFound("There is no such gate.")
        _require_own_gates(world, row.served_by)
        await staff.revoke_gate(tx, gate_id)
        issuer = await staff.issuer_by_id(tx, row.issuer_id)
        await _remember(tx, world, issuer, caller.name, "gate revoked", f"gate {gate_id}", {"name": row.name})
