"""Other servers that sell for our issuers: who of them is asking, and which public keys they have."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app import tokens
from app.domain.refusals import NotAuthentic
from app.keys import Verifier
from app.ports import PeerAway
from app.store import peers
from app.store.database import Tx
from app.store.tables.peers import PeerRole
from app.trust import NOBODY, PublicRing
from app.world import World

SERVER_TOKEN = "issuer+jwt"  # noqa: S105 - the name of a kind of token, not a token
SUBJECT = "server"
READ_AGAIN = timedelta(seconds=10)
"""How long keys are believed to be what the database holds: another process may have fetched newer ones."""
ASK_AGAIN = timedelta(minutes=1)
"""How long a server is left alone that was asked for its keys."""
TOKEN_ID = re.compile(r"[\x21-\x7e]{1,100}")
"""What a token may be called: it is kept until its time is over."""
FRESH = timedelta(hours=1)
"""How old keys may grow before they are fetched anew without need."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Signed:
    """A request as it came: `target` is its path with its query."""

    token: str
    method: str
    target: str
    body: bytes


async def caller(world: World, request: Signed) -> str:
    """The name of the sales server that signed this very request, for the first time; raises NotAuthentic."""
    name = tokens.claimed_issuer(request.token)
    if name is None or name not in world.house.sellers.sources:
        raise _refused(name, "not on the list", "This server is not on our list of sellers. Ask us to put it there.")
    claims = await _read(world, name, request.token)
    if isinstance(claims, tokens.Invalid):
        raise _refused(name, claims.reason, "This token does not count here. Sign each request anew with a known key.")
    wanted = {"htm": request.method, "htu": request.target, "bh": tokens.body_hash(request.body)}
    if claims.subject != SUBJECT or claims.extra != wanted:
        raise _refused(name, "another request", "This token was signed for another request. Sign each one anew.")
    if not TOKEN_ID.fullmatch(claims.token_id):
        raise _refused(name, "named badly", "The `jti` of a signed request is 1 to 100 visible ASCII characters.")
    until = claims.expires_at + timedelta(seconds=tokens.LEEWAY_SECONDS)
    if not await world.database.together(_use, (name, claims.token_id, until), atomic=False):
        raise _refused(name, "replayed", "This token was used before. Sign each request anew.")
    return name


def _refused(name: str | None, reason: str, sentence: str) -> NotAuthentic:
    log.warning("peer_refused", peer=name, reason=reason)
    return NotAuthentic(sentence)


async def _use(tx: Tx, used: Sequence[tuple[str, str, datetime]]) -> Sequence[bool]:
    """Whether each token is used for the first time; of two requests of one batch with one token, the first has it."""
    fresh = await peers.use_tokens(tx, list({one[:2]: one for one in used}.values()))
    answers = []
    for peer, token_id, _ in used:
        answers.append((peer, token_id) in fresh)
        fresh.discard((peer, token_id))
    return answers


async def _read(world: World, name: str, token: str) -> tokens.Claims | tokens.Invalid:
    """The claims by the keys we have; by newer ones where the key is not among them."""
    rings = await _rings(world)
    found = _claims(world, token, rings.get(name, NOBODY))
    if not isinstance(found, tokens.Invalid) or found.reason is not tokens.Fault.UNKNOWN_KEY:
        return found
    known = world.house.sellers
    async with known.asking[name]:
        asked_at, now = known.asked_at.get(name), world.clock.now()
        if asked_at is None or now - asked_at >= ASK_AGAIN:
            await fetch_keys(world, name)
        return _claims(world, token, known.rings.get(name, NOBODY))


def _claims(world: World, token: str, ring: PublicRing) -> tokens.Claims | tokens.Invalid:
    return tokens.read(token, typ=SERVER_TOKEN, audience=world.house.name, ring=ring, now=world.clock.now())


# --- keys -----------------------------------------------------------------------------------------------------------


async def barcode_keys(world: World) -> dict[str, Verifier]:
    """By which public keys barcodes of each seller are verified. Nobody is asked over the network.

    Keys of a server that may not sell any more are among them: what it has sold stays valid.
    """
    return {name: ring.barcodes for name, ring in (await _rings(world)).items()}


async def rings(world: World) -> Mapping[str, PublicRing]:
    """The public keys of each seller, likewise."""
    return await _rings(world)


async def _rings(world: World) -> Mapping[str, PublicRing]:
    """The keys of all sellers as the database had them a moment ago."""
    known, now = world.house.sellers, world.clock.now()
    if known.read_at is not None and now - known.read_at < READ_AGAIN:
        return known.rings
    async with known.reading:
        if known.read_at is None or now - known.read_at >= READ_AGAIN:
            async with world.database.statements() as tx:
                rows = await peers.sellers(tx)
            known.rings = {row.name: PublicRing.of(row.jwks) for row in rows}
            known.read_at = now
    return known.rings


async def fetch_keys(world: World, name: str) -> bool:
    """Ask a seller for its keys and keep them; False, and the log says why, where that failed."""
    known, now = world.house.sellers, world.clock.now()
    known.asked_at[name] = now
    try:
        ring = PublicRing.of(await known.sources[name].fetch())
    except (PeerAway, ValueError) as fault:
        log.warning("peer_keys_not_fetched", peer=name, reason=str(fault))
        return False
    async with world.transaction() as tx:
        await peers.keep_keys(tx, name, PeerRole.SELLER, ring.listed, now=now)
    known.rings = {**known.rings, name: ring}
    return True


async def refresh_keys(world: World) -> None:
    """Fetch the keys of sellers that have none here, or old ones: a key must be known before its barcodes come.

    Each is asked whatever becomes of the others; faults that nobody expected are raised when all were asked.
    """
    now = world.clock.now()
    async with world.transaction() as tx:
        fetched = {row.name: row.jwks_at for row in await peers.sellers(tx)}
    due = [name for name in world.house.sellers.sources if name not in fetched or now - fetched[name] >= FRESH]
    outcomes = await asyncio.gather(*(fetch_keys(world, name) for name in due), return_exceptions=True)
    if faults := [one for one in outcomes if isinstance(one, Exception)]:
        raise ExceptionGroup("keys of sellers", faults)


async def purge(world: World) -> None:
    """Forget tokens whose time is over."""
    async with world.transaction() as tx:
        await peers.purge_tokens(tx, before=world.clock.now())
