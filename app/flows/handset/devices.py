"""A handset's devices: which of them is asking, their tokens, and how one leaves or is shut out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog

from app import proofs, tokens
from app.domain.handset import Handset
from app.domain.refusals import NotAuthentic, NotFound, Refusal
from app.domain.sign_in import SignInPurpose
from app.flows.hands import loss
from app.flows.hands.reissue import reissue
from app.flows.handset import sign_in
from app.proofs import Proof
from app.store import handsets
from app.world import World

HANDSET_TOKEN = "hs+jwt"  # noqa: S105 - the name of a kind of token, not a token
LIFETIME = timedelta(minutes=10)
AUDIENCE = "cyberticket-handset"
LOST = "the phone was lost"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Caller:
    """The device that asks, and the handset whose it is."""

    device_id: UUID
    handset: Handset
    public_key: bytes
    """P-256, compressed, 33 octets: the key that its living barcodes are signed with."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came; `token` is empty where a proof is all there is."""

    method: str
    path: str
    proof: str
    token: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Token(***, {self.expires_at:%H:%M:%S})"


async def proof_of(world: World, request: Request) -> Proof:
    """What the request's proof shows, for the first time; raises NotAuthentic with what to do."""
    url = world.house.public_url + request.path
    found = proofs.read(
        request.proof, method=request.method, url=url, token=request.token or None, now=world.clock.now()
    )
    if isinstance(found, tokens.Invalid):
        log.info("proof_refused", reason=found.reason.value)
        raise NotAuthentic(_PROOF_WORDS.get(found.reason, _NO_PROOF).format(method=request.method, url=url))
    if not await world.memory.first(f"proof:{found.replay_name}", seconds=proofs.REPLAY_SECONDS):
        raise NotAuthentic("This proof was used before. Make a fresh one for each request.")
    return found


_NO_PROOF = "Send a DPoP header with a proof (RFC 9449), signed by this device's key for {method} {url}."
_CLOCK = "The proof's `iat` is more than a minute off. Set the device's clock, or take the time of our Date header."
_PROOF_WORDS = {
    tokens.Fault.EXPIRED: _CLOCK,
    tokens.Fault.NOT_YET: _CLOCK,
    tokens.Fault.OTHER_REQUEST: "The proof is for another request. Sign one for {method} {url}.",
    tokens.Fault.OTHER_TOKEN: "The proof does not go with the token: its `ath` is the token's SHA-256, none without.",
}


async def caller(world: World, request: Request) -> Caller:
    """The device whose token and proof these are, if it is still enrolled; raises NotAuthentic."""
    claims = tokens.read(
        request.token, typ=HANDSET_TOKEN, audience=AUDIENCE, ring=world.house.keys, now=world.clock.now()
    )
    if isinstance(claims, tokens.Invalid) or claims.issuer != world.house.public_url:
        raise NotAuthentic("This token is not valid any more. Get a new one: POST /handset/tokens.")
    proof = await proof_of(world, request)
    if claims.extra != {"jkt": proof.thumbprint}:
        raise NotAuthentic("This token belongs to another key. Get one of your own: POST /handset/tokens.")
    async with world.database.statements() as tx:
        row = await handsets.device(tx, UUID(claims.subject))
    return _enrolled(row, proof)


async def known(world: World, proof: Proof) -> Caller:
    """The device whose key a request without a token was signed with; raises NotAuthentic."""
    async with world.database.statements() as tx:
        row = await handsets.device_by_key(tx, proof.thumbprint)
    return _enrolled(row, proof)


def _enrolled(row: sa.Row[Any] | None, proof: Proof) -> Caller:
    """Raises NotAuthentic for a device that was shut out as for one that never was."""
    if row is None or row.revoked_at is not None or row.thumbprint != proof.thumbprint:
        raise NotAuthentic("This device is not enrolled, or was shut out. Sign in with your number again.")
    if proof.subject not in {None, str(row.id)}:
        raise NotAuthentic("The proof names another device in `sub`. Leave it out, or name this one.")
    return Caller(row.id, Handset(row.handset), row.public_key)


async def token(world: World, device_id: UUID, thumbprint: str) -> Token:
    """A token for ten minutes, worth nothing without the key that its proofs are signed with."""
    now = world.clock.now()
    async with world.database.statements() as tx:
        await handsets.seen(tx, device_id, now=now)
    text = tokens.issue(
        typ=HANDSET_TOKEN,
        issuer=world.house.public_url,
        subject=str(device_id),
        audience=AUDIENCE,
        token_id=str(world.entropy.uuid()),
        lifetime=LIFETIME,
        ring=world.house.keys,
        now=now,
        extra={"jkt": thumbprint},
    )
    return Token(text, now + LIFETIME)


# --- leaving, and loss ----------------------------------------------------------------------------------------------


async def enrolled(world: World, handset: Handset) -> list[sa.Row[Any]]:
    """The handset's devices, the newest first."""
    async with world.database.statements() as tx:
        return await handsets.devices(tx, handset)


async def leave(world: World, caller: Caller, device_id: UUID) -> None:
    """Forget a device of the caller's own handset. Its tickets stay: another device moves them. Raises NotFound."""
    async with world.transaction() as tx:
        if not await handsets.revoke_devices(tx, caller.handset, only=device_id, now=world.clock.now()):
            raise NotFound("There is no such device.")


@dataclass(frozen=True, slots=True)
class Renewed:
    """One ticket under its new id; or `refused`, why it could not be issued anew."""

    old: UUID
    new: UUID | None
    refused: str = ""


async def lost_device(world: World, caller: Caller, device_id: UUID) -> Sequence[Renewed]:
    """Shut one device of the caller's handset out, and issue anew what lived on it; raises NotFound.

    A second call goes on where the first one was broken off.
    """
    now = world.clock.now()
    async with world.transaction() as tx:
        row = await handsets.device(tx, device_id)
        if row is None or row.handset != caller.handset or row.id == caller.device_id:
            raise NotFound("There is no such other device of this handset.")
        await handsets.revoke_devices(tx, caller.handset, only=device_id, now=now)
        tickets = await handsets.living(tx, caller.handset, on=[device_id], now=now)
    return await renewed(world, tickets, LOST)


async def lost_phone(world: World, handset: Handset, code: str) -> Sequence[Renewed]:
    """Shut all devices of a handset out and issue all its tickets anew: the phone held their numbers and PINs too.

    Raises NotAuthentic. The new ones go to the same number, in whatever phone its card is now. Its bookings' links and
    its e-money's PINs were in that phone as well.
    """
    proven = await sign_in.proven(world, handset, SignInPurpose.LOSS, code)
    now = world.clock.now()
    async with world.transaction() as tx:
        await sign_in.use_up(tx, world, proven)
        await handsets.revoke_devices(tx, handset, now=now)
        await loss.shut_links(tx, world, handset)
        await loss.change_pins(tx, world, handset, now=now)
        tickets = await handsets.living(tx, handset, now=now)
    return await renewed(world, tickets, LOST)


async def renewed(
    world: World, tickets: Sequence[UUID], why: str, *, receiver: Handset | None = None
) -> Sequence[Renewed]:
    """Issue each ticket anew, for `receiver` where it is another; what cannot be says why, and stays as it is."""
    done = []
    for ticket_id in tickets:
        try:
            given = await reissue(world, ticket_id, why, receiver=receiver)
        except Refusal as refusal:
            done.append(Renewed(ticket_id, None, refusal.sentence))
        else:
            done.append(Renewed(ticket_id, given.id))
    return done
