"""What a key is still needed for; and after a secret was dropped, everything under it made anew, told by message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from app.domain.gift import Stays
from app.domain.refusals import HandoverPending, WrongState
from app.flows.hands.reissue import reissue
from app.flows.owing import of_emoney, owe_messages
from app.keys.rotation import Key, State
from app.store import key_uses
from app.store.key_uses import Uses
from app.world import World

TOKEN_SECONDS_MAX = 86_400
"""A token of ours lives eight hours at most; after a day none is left that a previous key signed."""
BATCH = 50
FIRST = UUID(int=0)
WHY = "the key behind its codes was withdrawn"


async def uses(world: World, key: Key) -> Uses:
    """What would end if this key went. Of a barcode key: tickets whose holders may have kept a picture made with it."""
    now = world.clock.now()
    async with world.transaction() as tx:
        match key.kind:
            case "secret":
                return await key_uses.of_secret(tx, key.index, now=now)
            case "barcode" if key.state is not State.NEXT:
                return Uses(await key_uses.issued_until(tx, key.used_until, now=now), 0, 0)
            case _:
                return Uses(0, 0, 0)


async def why_kept(world: World, key: Key) -> str | None:
    """Why a previous key must stay in the ring, in words; None where nothing needs it any more."""
    needed = await uses(world, key)
    if needed.tickets:
        what = "are under it" if key.kind == "secret" else "may have been kept as pictures made with it"
        return f"{key.name} stays: {needed.tickets:,} living tickets {what}."
    if needed:
        return (
            f"{key.name} stays: {needed.accounts:,} e-money accounts and {needed.foreign:,} tickets that other servers"
            " sold are under it."
        )
    if key.kind == "token":
        aged = key.used_until is not None and world.clock.now() >= key.used_until + timedelta(seconds=TOKEN_SECONDS_MAX)
        return None if aged else f"{key.name} stays: tokens signed with it may still be in use. Try again in a day."
    return None


@dataclass(slots=True)
class Renewed:
    """How far it is: what was made anew, and by reason how many tickets could not be."""

    tickets: int = 0
    accounts: int = 0
    left: Counter[str] = field(default_factory=Counter)


async def renew(world: World, kid: int, *, told: Callable[[Renewed], None] = lambda _: None) -> Renewed:
    """Issue every living ticket under the secret `kid` anew, and give its e-money accounts other PINs, by message.

    The ring has the secret no more. Each ticket is a transaction of its own with its message in it, so that this may
    end at any moment: called again it goes on with what is left.
    """
    assert kid not in world.house.keys.secrets, "a secret whose tickets are made anew is out of the ring"
    so_far = Renewed()
    after = FIRST
    while found := await _tickets(world, kid, after):
        for ticket_id in found:
            try:
                await reissue(world, ticket_id, WHY)
                so_far.tickets += 1
            except WrongState as refusal:
                so_far.left[str(refusal.more.get("reason", "state"))] += 1
            except HandoverPending:
                so_far.left[Stays.UNDER_WAY.value] += 1
        after = found[-1]
        told(so_far)
    while count := await _rekey(world, kid):
        so_far.accounts += count
        told(so_far)
    return so_far


async def _tickets(world: World, kid: int, after: UUID) -> list[UUID]:
    async with world.transaction() as tx:
        return list(await key_uses.tickets_of_secret(tx, kid, after=after, now=world.clock.now(), limit=BATCH))


async def _rekey(world: World, kid: int) -> int:
    """One batch of accounts, each with a message that tells its new PIN."""
    now = world.clock.now()
    async with world.transaction() as tx:
        rows = await key_uses.rekey_accounts(tx, kid, to=world.house.keys.kid, limit=BATCH)
        await owe_messages(tx, world, [of_emoney(world, one, one.handset) for one in rows], now=now)
    await world.memory.wake()
    return len(rows)
