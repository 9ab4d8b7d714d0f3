"""Another number: a holder takes all tickets along, with a code from the old number and one from the new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.domain.handset import Handset
from app.domain.refusals import BadHandset, NotAuthentic, NotFound
from app.domain.sign_in import SignInPurpose
from app.flows.hands import loss
from app.flows.handset import devices, sign_in
from app.flows.handset.devices import Caller, Renewed
from app.flows.handset.sign_in import Ask
from app.flows.staff import Member
from app.store import handsets, journal, staff
from app.world import World

MOVED = "the holder has another number"


async def send_codes(world: World, caller: Caller, to: Handset, *, language: str, address: str) -> None:
    """Owe each of both numbers a code; raises BadHandset, TooMany."""
    _require_another(caller.handset, to)
    async with world.transaction() as tx:
        await handsets.wait_turn(tx, [caller.handset, to])
        leaving = Ask(caller.handset, SignInPurpose.LEAVE_NUMBER, language, address, subject=to)
        taking = Ask(to, SignInPurpose.TAKE_NUMBER, language, address, subject=caller.handset)
        for ask in (leaving, taking):
            await sign_in.owe_code(tx, world, ask)
    await world.memory.wake()


def _require_another(old: str, new: str) -> None:
    if old == new:
        raise BadHandset("This is the number that the tickets are with already; name the new one.")


@dataclass(frozen=True, slots=True)
class Move:
    to: Handset
    old_code: str = field(repr=False)
    new_code: str = field(repr=False)


async def move(world: World, caller: Caller, ask: Move) -> Sequence[Renewed]:
    """Issue all tickets anew for the new number, which the calling device has from now on; its others are shut out.

    Raises BadHandset, NotAuthentic, WrongState. Codes count only for the two numbers that they were sent for, and are
    used up last: a call that was broken off is made again, and goes on with the tickets that are left.
    """
    _require_another(caller.handset, ask.to)
    leaving = await sign_in.proven(world, caller.handset, SignInPurpose.LEAVE_NUMBER, ask.old_code)
    taking = await sign_in.proven(world, ask.to, SignInPurpose.TAKE_NUMBER, ask.new_code)
    if (leaving.subject, taking.subject) != (ask.to, caller.handset):
        raise NotAuthentic(sign_in.WRONG_CODE)
    now = world.clock.now()
    async with world.transaction() as tx:
        await sign_in.require_room(tx, ask.to)
        tickets = await handsets.living(tx, caller.handset, now=now)
    renewed = await devices.renewed(world, tickets, MOVED, receiver=ask.to)
    async with world.transaction() as tx:
        for one in sorted([caller.handset, ask.to]):
            await handsets.alone_with(tx, one)
        await sign_in.use_up(tx, world, leaving)
        await sign_in.use_up(tx, world, taking)
        await sign_in.require_room(tx, ask.to)
        await handsets.revoke_devices(tx, caller.handset, but=caller.device_id, now=now)
        await handsets.move_device(tx, caller.device_id, ask.to)
    return renewed


# --- by staff, where the old phone is gone --------------------------------------------------------------------------


async def by_staff(
    world: World, member: Member, *, handset: Handset, reason: str, to: Handset | None = None
) -> Sequence[Renewed]:
    """Shut all devices of a handset out and issue its tickets of the member's issuer anew, `to` another number or not.

    For whoever cannot be sent a code. Raises NotFound where the member's issuer has no ticket with this handset.
    """
    if to is not None:
        _require_another(handset, to)
    now = world.clock.now()
    async with world.transaction() as tx:
        tickets = await handsets.living(tx, handset, issuer_id=member.issuer_id, now=now)
        if not tickets:
            raise NotFound("No ticket that counts is with this handset.")
        blocked = await handsets.revoke_devices(tx, handset, now=now)
        await loss.shut_links(tx, world, handset, issuer_id=member.issuer_id)
        if to is None:  # a number that is gone is told no PIN
            await loss.change_pins(tx, world, handset, now=now, issuer_id=member.issuer_id)
        issuer = await staff.issuer_by_id(tx, member.issuer_id) if member.issuer_id else None
        await journal.append(
            tx,
            chain=issuer.slug if issuer else "",
            issuer_id=member.issuer_id,
            actor=member.name,
            action="number changed" if to else "phone lost",
            subject=f"handset ending in {handset[-4:]}",
            details={
                "to": to[-4:] if to else "",
                "reason": reason,
                "devices": len(blocked),
                "tickets": [str(one) for one in tickets],
            },
            now=now,
        )
    return await devices.renewed(world, tickets, f"{MOVED if to else devices.LOST}: {reason}", receiver=to)
