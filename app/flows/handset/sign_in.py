"""Signing in: a handset is sent six digits, and the device on which they are typed becomes one of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.handset import Handset
from app.domain.refusals import BadHandset, NotAuthentic, TooMany, WrongState
from app.domain.sign_in import (
    CODE_MINUTES,
    CODES_PER_DAY_MAX,
    CODES_PER_HOUR_MAX,
    DEVICES_MAX,
    SignInPurpose,
    asker,
    digits_of,
    is_code,
)
from app.flows.owing import owe_messages
from app.proofs import Proof
from app.store import handsets
from app.store.database import Tx
from app.store.handsets import NewDevice, NewSignIn
from app.store.messages import NewDelivery
from app.store.tables.messages import Purpose
from app.world import World

HOUR_SECONDS, DAY_SECONDS = 3_600, 86_400
WRONG_CODE = "This code is wrong, used, too old, or was tried too often. Ask for a new one."


@dataclass(frozen=True, slots=True)
class Ask:
    """Who asks for a code, from where, and what for; `subject` is the code that it goes with."""

    handset: Handset
    purpose: SignInPurpose
    language: str
    address: str
    subject: str = ""


async def send_code(world: World, ask: Ask) -> None:
    """Owe the handset a message with a fresh code, whether it has tickets or not; raises BadHandset, TooMany."""
    async with world.transaction() as tx:
        await owe_code(tx, world, ask)
    await world.memory.wake()


async def owe_code(tx: Tx, world: World, ask: Ask) -> UUID:
    """The id of the code that is sent when this transaction ends; raises BadHandset, TooMany."""
    keys, now = world.house.keys, world.clock.now()
    _require_reachable(world, ask.handset)
    asked_from = asker(keys.sign_in_mac(keys.kid), ask.address)
    asked = await handsets.asked(tx, handset=ask.handset, asked_from=asked_from, now=now)
    _require_patience(asked, asker_hour_max=world.house.codes_per_asker_hour_max)
    new = NewSignIn(
        id=world.entropy.uuid(),
        handset=ask.handset,
        purpose=ask.purpose,
        language=ask.language,
        kid=keys.kid,
        asked_from=asked_from,
        until=now + timedelta(minutes=CODE_MINUTES),
        subject=ask.subject,
    )
    await handsets.add_sign_in(tx, new, now=now)
    delivery = NewDelivery(
        id=world.entropy.uuid(), issuer_id=None, purpose=Purpose.SIGN_IN, handset=ask.handset, sign_in_id=new.id
    )
    await owe_messages(tx, world, [delivery], now=now)
    return new.id


def _require_reachable(world: World, handset: Handset) -> None:
    """Codes go where the operator says they may: numbers of some countries cost whoever sends to them dearly."""
    prefixes = world.house.code_prefixes
    if prefixes and not handset.startswith(tuple(prefixes)):
        raise BadHandset(f"Codes are sent only to numbers that begin with {', '.join(prefixes)}. Use another number.")


def _require_patience(asked: handsets.Asked, *, asker_hour_max: int) -> None:
    if asked.handset_day >= CODES_PER_DAY_MAX:
        raise TooMany(
            f"This number was sent {asked.handset_day} codes today. Try again tomorrow.",
            retry_after_seconds=DAY_SECONDS,
        )
    if asked.handset_hour >= CODES_PER_HOUR_MAX:
        raise TooMany(
            f"This number was sent {asked.handset_hour} codes within the hour. Use the last one, or wait an hour.",
            retry_after_seconds=HOUR_SECONDS,
        )
    if asked.asker_hour >= asker_hour_max:
        raise TooMany(
            f"{asked.asker_hour} codes were asked for from your address within the hour. Try again later.",
            retry_after_seconds=HOUR_SECONDS,
        )


def _digits(world: World, row: sa.Row[Any]) -> str:
    return digits_of(world.house.keys.sign_in_mac(row.kid), row.id, SignInPurpose(row.purpose))


# --- the digits come back -------------------------------------------------------------------------------------------


async def proven(world: World, handset: Handset, purpose: SignInPurpose, typed: str) -> sa.Row[Any]:
    """The handset's code that was typed; raises NotAuthentic, in the same words for whatever is wrong with it.

    The try is counted and committed before it is looked at: guesses at the same time gain nothing. Whoever does
    something with it uses it up in the same transaction, by `use_up`.
    """
    async with world.transaction() as tx:
        row = await handsets.try_code(tx, handset=handset, purpose=purpose, now=world.clock.now())
    if row is None or not is_code(_digits(world, row), typed):
        raise NotAuthentic(WRONG_CODE)
    return row


async def use_up(tx: Tx, world: World, row: sa.Row[Any], *, subject: str = "") -> None:
    """Let a proven code count for this transaction and never again; raises NotAuthentic where it was used before."""
    if not await handsets.use_code(tx, row.id, subject=subject or row.subject, now=world.clock.now()):
        raise NotAuthentic(WRONG_CODE)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A device that wants to be a handset's: `proof` shows that it has its key, `code` that it has the phone."""

    handset: Handset
    code: str = field(repr=False)
    proof: Proof
    name: str
    replaces: UUID | None = None
    """One of the handset's devices that makes room for it."""


async def enrol(world: World, ask: Enrolment) -> sa.Row[Any]:
    """The device as it is kept; the same key again is the same device. Raises NotAuthentic, WrongState.

    A refusal leaves the code good for another try.
    """
    code = await proven(world, ask.handset, SignInPurpose.ENROL, ask.code)
    now = world.clock.now()
    async with world.transaction() as tx:
        await handsets.alone_with(tx, ask.handset)
        await use_up(tx, world, code, subject=ask.proof.thumbprint)
        known = await handsets.device_by_key(tx, ask.proof.thumbprint)
        if known is not None:
            if known.handset != ask.handset or known.revoked_at is not None:
                raise WrongState("This key belonged to another enrolment. Make a new key pair and enrol again.")
            return known
        if ask.replaces is not None:
            await handsets.revoke_devices(tx, ask.handset, only=ask.replaces, now=now)
        await require_room(tx, ask.handset)
        new = NewDevice(world.entropy.uuid(), ask.handset, ask.name, ask.proof.point, ask.proof.thumbprint)
        await handsets.add_device(tx, new, now=now)
        row = await handsets.device(tx, new.id)
    assert row is not None, "it was written just now"
    return row


async def require_room(tx: Tx, handset: Handset) -> None:
    """Raises WrongState where the handset has as many devices as it may have; it names them."""
    there = await handsets.devices(tx, handset)
    if len(there) >= DEVICES_MAX:
        raise WrongState(
            f"This number has {len(there)} devices, and no more are possible. Name one in `replaces` that makes room.",
            devices=[{"id": str(one.id), "name": one.name, "seen_at": one.seen_at.isoformat()} for one in there],
        )
