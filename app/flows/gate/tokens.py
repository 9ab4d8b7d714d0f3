"""Gates as devices: enrolled with a key of their own or without, and which of them is calling now.

A gate that enrolled with a key has tokens that open nothing without it: it may have the snapshot and decide alone. One
without is an online scanner: it asks for each scan, and what a thief can do with its token ends with the token.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

import sqlalchemy as sa

from app import proofs, tokens
from app.domain.admission import Post
from app.domain.entry_rules import Direction, Role
from app.domain.gate import GateState
from app.domain.refusals import BadLine, NotAllowed, NotAuthentic
from app.flows.gate.gates import code_hash
from app.keys import compressed, public_key, thumbprint
from app.store import gates
from app.world import World

GATE_TOKEN = "gate+jwt"  # noqa: S105 - the name of a kind of token, not a token
GATE_HOURS = 8
AUDIENCE = "cyberticket-gate"
TOKENS_KNOWN_MAX = 4_096

ENROL_FIRST = "Enrol this gate first: POST /gate/enrolments with a code from staff."
ENROL_AGAIN = "This gate token is not valid any more. Enrol the gate again with a new code."
PROVE = (
    "This gate has a key of its own: send `Authorization: DPoP TOKEN` with a fresh proof of that key in the header"
    " `DPoP`, as RFC 9449 has it."
)


# --- enrolling and tokens -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GateCaller:
    """A gate by its token; whether it is still enrolled is asked where it counts, in what it asks for.

    What it says of its place was so when it enrolled, and is so for as long as its generation is: another place takes
    another invitation.
    """

    gate_id: UUID
    issuer_id: UUID
    generation: int
    role: Role = Role.STEWARD
    direction: Direction = Direction.IN
    entrance: str = ""
    area: str = ""
    home: bool = False
    bound: bool = False
    """Whether its token goes with a key of its own: only such a gate may have what a gate without network needs."""

    @classmethod
    def of(cls, row: sa.Row[Any]) -> Self:
        return cls(
            gate_id=row.id,
            issuer_id=row.issuer_id,
            generation=row.generation,
            role=Role(row.role),
            direction=Direction(row.direction),
            entrance=row.entrance,
            area=row.area,
            home=row.home,
            bound=row.device_key is not None,
        )

    def post(self, occasions: frozenset[UUID]) -> Post:
        """Where it stands, for the rules; the occasions are the row's to say."""
        return Post(
            gate_id=self.gate_id,
            occasions=occasions,
            direction=self.direction,
            entrance=self.entrance,
            area=self.area,
            home=self.home,
            role=self.role,
        )

    def require_bound(self) -> None:
        """Raises NotAllowed for an online scanner."""
        if not self.bound:
            raise NotAllowed(
                "This gate enrolled without a key of its own and decides nothing alone: it is an online scanner."
                " Enrol it again and send a `key` with the code."
            )


@dataclass(frozen=True, slots=True)
class Enrolled:
    gate_id: UUID
    name: str
    issuer_slug: str
    token: str
    expires_at: datetime
    caller: GateCaller


async def enrol(world: World, code: str, *, key: Mapping[str, str] | None = None) -> Enrolled:
    """Trade a one-time code for a gate token, bound to the device's public `key` if there is one.

    Raises NotAuthentic, and BadLine for what is no public key on P-256.
    """
    now = world.clock.now()
    point = None if key is None else _point(key)
    async with world.transaction() as tx:
        gate_id = await gates.enrol(tx, enrolment_hash=code_hash(code), device_key=point, now=now)
        row = await gates.gate(tx, gate_id) if gate_id is not None else None
    if row is None:
        raise NotAuthentic("This code is wrong, used or too old. Ask staff for a new one.")
    return _enrolled(world, row, jkt=None if key is None else thumbprint(key), now=now)


def _point(key: Mapping[str, str]) -> bytes:
    try:
        return compressed(public_key(proofs.the_jwk(dict(key))))
    except ValueError as fault:
        raise BadLine(f"The gate's `key` cannot be used: {fault}.") from None


def _enrolled(world: World, row: sa.Row[Any], *, jkt: str | None, now: datetime) -> Enrolled:
    caller = GateCaller.of(row)
    extra: dict[str, tokens.Json] = {
        "issuer": str(caller.issuer_id),
        "generation": caller.generation,
        "role": caller.role.value,
        "direction": caller.direction.value,
        "entrance": caller.entrance,
        "area": caller.area,
        "home": caller.home,
    }
    if jkt is not None:
        extra["jkt"] = jkt
    token = tokens.issue(
        typ=GATE_TOKEN,
        issuer=world.house.public_url,
        subject=str(row.id),
        audience=AUDIENCE,
        token_id=str(world.entropy.uuid()),
        lifetime=timedelta(hours=GATE_HOURS),
        ring=world.house.keys,
        now=now,
        extra=extra,
    )
    return Enrolled(row.id, row.name, row.issuer_slug, token, now + timedelta(hours=GATE_HOURS), caller)


async def renew(world: World, proof: str, *, url: str) -> Enrolled:
    """A new token for a device that is enrolled, by a proof of its key alone; raises NotAuthentic.

    A proof that is sent again within its minute gives one more token, which is as bound to the key as the first.
    """
    now = world.clock.now()
    shown = proofs.read(proof, method="POST", url=url, token=None, now=now)
    if not isinstance(shown, tokens.Invalid):
        row = await _enrolled_row(world, shown.subject)
        if row is not None and row.device_key == shown.point:
            return _enrolled(world, row, jkt=shown.thumbprint, now=now)
    raise NotAuthentic("This is no fresh proof by an enrolled gate's key. Enrol the gate again with a new code.")


async def _enrolled_row(world: World, subject: str | None) -> sa.Row[Any] | None:
    try:
        gate_id = UUID(subject or "")
    except ValueError:
        return None
    async with world.database.statements() as tx:
        row = await gates.gate(tx, gate_id)
    return row if row is not None and row.state == GateState.ENROLLED else None


# --- who is calling -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    """A token that was verified once: for as long as it lives and its key is the ring's, it need not be again."""

    caller: GateCaller
    jkt: str | None
    issuer: str
    kid: str
    key: Mapping[str, str]
    from_seconds: float
    until_seconds: float

    def holds(self, world: World) -> bool:
        return (
            self.from_seconds <= world.clock.now().timestamp() < self.until_seconds
            and self.issuer == world.house.public_url
            and world.house.keys.token_key(self.kid) == self.key
        )


_known: dict[bytes, _Known] = {}


@dataclass(frozen=True, slots=True)
class Shown:
    """How a gate's token came: by which scheme, with which proof, for which request."""

    scheme: str
    token: str
    proof: str | None
    method: str
    url: str


async def caller_of(world: World, shown: Shown) -> GateCaller:
    """Which gate asks; raises NotAuthentic.

    A bound token counts only with a fresh proof for this very request, and each proof once: it says nothing of the body
    that comes with it.
    """
    known = _known_token(world, shown.token)
    if known.jkt is None:
        return _scanner(known, shown)
    if shown.scheme.lower() != proofs.SCHEME.lower() or shown.proof is None:
        raise NotAuthentic(PROVE)
    found = proofs.read(shown.proof, method=shown.method, url=shown.url, token=shown.token, now=world.clock.now())
    if isinstance(found, tokens.Invalid) or found.thumbprint != known.jkt:
        raise NotAuthentic(PROVE)
    if not await world.memory.first(f"proof:{found.replay_name}", seconds=proofs.REPLAY_SECONDS):
        raise NotAuthentic("This proof was used before. Make a fresh one for each request.")
    return known.caller


def _scanner(known: _Known, shown: Shown) -> GateCaller:
    """The gate of a token that goes with no key."""
    if shown.scheme.lower() != "bearer":
        raise NotAuthentic(ENROL_AGAIN)
    return known.caller


def _known_token(world: World, token: str) -> _Known:
    digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
    known = _known.get(digest)
    if known is None or not known.holds(world):
        known = _verified(world, token)
        if len(_known) >= TOKENS_KNOWN_MAX:
            _known.clear()
        _known[digest] = known
    return known


def _verified(world: World, token: str) -> _Known:
    """Raises NotAuthentic."""
    ring = world.house.keys
    claims = tokens.read(token, typ=GATE_TOKEN, audience=AUDIENCE, ring=ring, now=world.clock.now())
    if isinstance(claims, tokens.Invalid) or claims.issuer != world.house.public_url:
        raise NotAuthentic(ENROL_AGAIN)
    kid = _kid(token)
    key = ring.token_key(kid)
    jkt = claims.extra.get("jkt")
    try:
        caller = _caller(claims, bound=jkt is not None)
    except (KeyError, ValueError):  # a token of our own key, but of another program
        raise NotAuthentic(ENROL_AGAIN) from None
    assert key is not None, "it was verified by this key"
    return _Known(
        caller=caller,
        jkt=None if jkt is None else str(jkt),
        issuer=claims.issuer,
        kid=kid,
        key=key,
        from_seconds=claims.issued_at.timestamp() - tokens.LEEWAY_SECONDS,
        until_seconds=claims.expires_at.timestamp() + tokens.LEEWAY_SECONDS,
    )


def _kid(token: str) -> str:
    header = tokens.header_of(token)
    assert not isinstance(header, tokens.Invalid), "it was read before"
    return str(header["kid"])


def _caller(claims: tokens.Claims, *, bound: bool) -> GateCaller:
    """Raises KeyError, ValueError."""
    told = claims.extra
    generation = told["generation"]
    if type(generation) is not int:
        raise ValueError("a generation is a whole number")
    return GateCaller(
        gate_id=UUID(claims.subject),
        issuer_id=UUID(str(told["issuer"])),
        generation=generation,
        role=Role(str(told.get("role", Role.STEWARD))),
        direction=Direction(str(told.get("direction", Direction.IN))),
        entrance=str(told.get("entrance", "")),
        area=str(told.get("area", "")),
        home=told.get("home") is True,
        bound=bound,
    )
