"""What a gate takes along to decide without network: its snapshot, how the rows stand, the key of typed PINs.

The rows of one edition are sealed once in a process and shared by all gates of the same occasions. A new edition
begins each night at four where the issuer is: its tags and its key for PINs are others.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from app.domain.entry_rules import EntryRules
from app.domain.refusals import NotAuthentic, TemporarilyUnavailable, WrongState
from app.domain.snapshot import (
    Change,
    Counted,
    Form,
    Header,
    Product,
    Status,
    changes_body,
    full_body,
    unsigned_snapshot,
    write_snapshot,
    write_status,
)
from app.domain.snapshot.edition import Edition
from app.domain.snapshot.header import EDITION_OCTETS, moment, seconds
from app.domain.snapshot.status import AMOUNT_MAX
from app.domain.ticket import Kind
from app.flows.gate.snapshot_rows import seal_rows
from app.flows.gate.tokens import GateCaller
from app.flows.patience import answer_within
from app.flows.sellers import peers
from app.flows.sellers.for_sellers import Told
from app.store import snapshot
from app.store.database import Tx
from app.store.snapshot import Scope
from app.trust import PublicRing
from app.world import World

BEGINS = time(4)
"""When a new edition begins where the issuer is: few people are at a gate then."""
LIFE = timedelta(hours=24)
EDITIONS_MAX = 32
ROWS_AT_ONCE = 5_000
GATES_NAMED_MAX = 1_000
GROWTH_SECONDS = 20.0
"""How long a gate waits while rows are sealed for it."""
SMALL_OCTETS = 900
"""A list of changes this small is sent as it is; for a longer one it is seen whether all rows would be shorter."""

FETCH_AGAIN = "Fetch the snapshot again: GET /gate/snapshot."

_growing: WeakKeyDictionary[Edition, asyncio.Lock] = WeakKeyDictionary()


# --- which edition --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Asked:
    """A gate that may have a snapshot, and the editions that count for it now, the newest first."""

    gate: sa.Row[Any]
    caller: GateCaller
    occasions: tuple[UUID, ...]
    now: datetime

    def scope(self, days_ago: int) -> Scope:
        zone = ZoneInfo(self.gate.timezone)
        there = self.now.astimezone(zone)
        day = (there - timedelta(hours=BEGINS.hour)).date() - timedelta(days=days_ago)
        return Scope(self.gate.issuer_id, self.occasions, datetime.combine(day, BEGINS, zone).astimezone(UTC))


async def _asked(world: World, caller: GateCaller) -> _Asked:
    """Raises NotAllowed for an online scanner, NotAuthentic for a gate that was shut out."""
    caller.require_bound()
    now = world.clock.now()
    async with world.database.statements() as tx:
        gate = await snapshot.seen(tx, caller.gate_id, caller.generation, now=now)
    if gate is None:
        raise NotAuthentic("This gate is not enrolled any more. Enrol it again with a new code.")
    return _Asked(gate, caller, tuple(sorted(map(UUID, gate.occasions))), now)


def _edition(world: World, scope: Scope, kid: int) -> Edition:
    """Empty, as it begins: the same name and key in every process."""
    mac = world.house.keys.snapshot_mac(kid)
    begins = seconds(scope.since).to_bytes(8, "big")
    name = mac(b"edition" + begins + scope.issuer_id.bytes + b"".join(one.bytes for one in scope.occasions))
    name = name[:EDITION_OCTETS]
    return Edition(name, scope.since, mac(b"pin" + name))


def _named(world: World, asked: _Asked, name: bytes) -> tuple[Scope, Edition]:
    """The edition that a gate has, of today or of the night before; raises WrongState for any other."""
    for days_ago in (0, 1):
        for kid in world.house.keys.secrets:
            scope = asked.scope(days_ago)
            edition = _edition(world, scope, kid)
            if edition.name == name:
                return scope, edition
    raise WrongState("This edition is over, or of another gate. " + FETCH_AGAIN)


def _kept(world: World, edition: Edition) -> Edition:
    """As this process has it already, or the one given; of many those that were used last are kept."""
    kept = world.house.editions
    found = kept.pop(edition.name, edition)
    kept[edition.name] = found
    while len(kept) > EDITIONS_MAX:
        kept.pop(next(iter(kept)))
    return found


def _lock(edition: Edition) -> asyncio.Lock:
    """Whoever reads an edition, or lets it grow, does so alone."""
    return _growing.setdefault(edition, asyncio.Lock())


async def _grown(world: World, scope: Scope, edition: Edition) -> None:
    """See that an edition has what was registered until now; raises TemporarilyUnavailable where that takes long.

    It goes on without whoever waited: the next who asks finds it done.
    """
    if await answer_within(GROWTH_SECONDS, _grow(world, scope, edition)) is None:
        raise TemporarilyUnavailable("Many tickets are being made ready for this gate. Ask again in 10 seconds.")


async def _grow(world: World, scope: Scope, edition: Edition) -> bool:
    """Seal what was registered since."""
    async with _lock(edition), world.database.statements() as tx:
        below = await snapshot.cursor(tx)
        while True:
            rows = await snapshot.rows(tx, scope, after=edition.order.last, below=below, most=ROWS_AT_ONCE)
            new = {row.occasion_id for row in rows if not edition.knows(row.occasion_id)}
            occasions = {row.id: row for row in await snapshot.occasions(tx, list(new))} if new else {}
            edition.products.update({row.product_id: _product(row) for row in occasions.values()})
            await asyncio.to_thread(seal_rows, edition, rows, occasions, world.house.keys)
            if len(rows) < ROWS_AT_ONCE:
                break
        edition.below = max(edition.below, below)
    return True


def _product(row: sa.Row[Any]) -> Product:
    return Product(Kind(row.kind), row.title, EntryRules.of(row.entry_rules))


# --- the snapshot ---------------------------------------------------------------------------------------------------


async def take(world: World, caller: GateCaller, *, known: Sequence[str] = ()) -> Told:
    """Today's snapshot for this gate. `known` are the ETags that it has. Raises NotAllowed and NotAuthentic.

    The ETag is of everything but the signature, which is another one each time.
    """
    asked = await _asked(world, caller)
    scope = asked.scope(0)
    edition = _kept(world, _edition(world, scope, world.house.keys.kid))
    await _grown(world, scope, edition)
    async with _lock(edition):
        header, rows = await _header(world, asked, edition), edition.rows_from(0)
    return await asyncio.to_thread(_snapshot, world, header, rows, known)


def _snapshot(world: World, header: Header, rows: bytes, known: Sequence[str]) -> Told:
    signer = world.house.keys.signer
    digest = hashlib.sha256(b"".join(unsigned_snapshot(header, rows, kid=signer.kid))).hexdigest()
    etag = f'"{digest[:32]}"'
    if etag in known:
        return Told(etag, None)
    return Told(etag, write_snapshot(header, rows, kid=signer.kid, sign=signer.sign))


async def _header(world: World, asked: _Asked, edition: Edition) -> Header:
    """It counts from the hour it was asked for in, so that within the hour it stays the same."""
    made_at = asked.now.replace(minute=0, second=0, microsecond=0)
    ends = max(moment(edition.ends), made_at + timedelta(hours=2))
    async with world.database.statements() as tx:
        rows = await snapshot.products(tx, list(edition.products))
        gates = await snapshot.gate_names(tx, asked.gate.issuer_id, most=GATES_NAMED_MAX)
    edition.products.update({row.product_id: _product(row) for row in rows})
    last = edition.order.last
    return Header(
        issuer=asked.gate.issuer_id,
        generation=asked.gate.generation,
        post=asked.caller.post(frozenset(asked.occasions)),
        edition=edition.name,
        since=edition.since,
        cursor=last[0] + 1 if last else 0,
        made_at=made_at,
        expires_at=min(made_at + LIFE, ends),
        keys=await _keys(world),
        news=edition.news_from(0, edition.products),
        gates=gates,
    )


async def _keys(world: World) -> dict[str, tuple[dict[str, str | int], ...]]:
    """The public barcode keys of everybody whose tickets count here."""
    ours = PublicRing.of(world.house.keys.jwks())
    rings = {"": ours, **await peers.rings(world)}
    return {
        seller: tuple(dict(jwk) for jwk in ring.listed if "barcode_kid" in jwk)
        for seller, ring in sorted(rings.items())
    }


# --- how the rows stand ---------------------------------------------------------------------------------------------


async def status(
    world: World, caller: GateCaller, *, edition: bytes, have: int, after: int, known: Sequence[str] = ()
) -> Told:
    """How the rows of an edition stand: since the cursor `after`, or all of them (0); with the rows beyond `have`.

    Raises WrongState for an edition that is over, or a gate that knows more than we do; NotAllowed and NotAuthentic.
    """
    asked = await _asked(world, caller)
    scope, begun = _named(world, asked, edition)
    found = _kept(world, begun)
    await _grown(world, scope, found)
    async with _lock(found):
        rows, below = len(found), found.below
        if have > rows or after > below:
            raise WrongState("This server knows less than the gate: its database was put back. " + FETCH_AGAIN)
        news, added = found.news_from(have, found.products), found.rows_from(have)
        async with world.database.statements() as tx:
            form, body, changed = await _body(tx, scope, found, after=after, first=have)
    if after and not changed and have == rows and _etag(edition, after) in known:
        return Told(_etag(edition, after), None)
    since = after if form is Form.CHANGES else 0
    answer = Status(edition, since, below, asked.now, have, rows, form, body, news, added)
    signer = world.house.keys.signer
    return Told(_etag(edition, below), write_status(answer, kid=signer.kid, sign=signer.sign))


def _etag(edition: bytes, cursor: int) -> str:
    """It names the state that a gate has reached with an answer."""
    return f'"{edition.hex()}-{cursor}"'


async def _body(tx: Tx, scope: Scope, edition: Edition, *, after: int, first: int) -> tuple[Form, bytes, bool]:
    """The smaller of the two forms, and whether anything changed."""
    if after:
        changes = await _changes(tx, scope, edition, after=after, first=first)
        body = await asyncio.to_thread(changes_body, changes)
        if len(body) <= SMALL_OCTETS:
            return Form.CHANGES, body, bool(changes)
    row = await snapshot.standing(tx, scope, below=edition.below)
    begins = seconds(edition.since)
    columns = zip(row.remains, row.inside, row.activated_until, row.last_used_at, strict=True)
    whole = await asyncio.to_thread(full_body, row.flags, [_counted(begins, *one) for one in columns])
    return (Form.CHANGES, body, True) if after and len(body) <= len(whole) else (Form.FULL, whole, True)


async def _changes(tx: Tx, scope: Scope, edition: Edition, *, after: int, first: int) -> list[Change]:
    """Rows that are sent along and are as new need not be told of."""
    begins, found = seconds(edition.since), []
    for row in await snapshot.changes(tx, scope, below=edition.below, after=after):
        index = edition.order.index((row.registered_in, row.ticket_id))
        assert index is not None, "what is below the cursor is in the edition"
        if index < first or row.flags:
            counted = _counted(begins, row.remains, row.inside, row.activated_until, row.last_used_at)
            found.append(Change(index, row.flags, counted if row.counted else None))
    return found


def _counted(begins: int, remains: int, inside: int, until: datetime | None, last: datetime | None) -> Counted:
    """Times count from the second after `since`; what was before it is that second."""
    after = (0 if one is None else max(1, seconds(one) - begins) for one in (until, last))
    return Counted(min(remains, AMOUNT_MAX), inside, *after)


# --- typed PINs -----------------------------------------------------------------------------------------------------


async def pin_key(world: World, caller: GateCaller, *, edition: bytes) -> bytes:
    """The key that opens an edition's rows to a typed number and PIN, to be kept in memory only; raises as above."""
    asked = await _asked(world, caller)
    return _named(world, asked, edition)[1].pin_key
