"""What a handset can show, as its holder, the network or staff said last: it decides in which form tickets come."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from app.domain.delivery import RICH, Profile
from app.domain.handset import Handset
from app.domain.refusals import NotFound
from app.store import messages, sales
from app.world import World


def choices(world: World) -> Sequence[Profile]:
    """What a buyer may say of a phone here: plain text, and what else one of our channels can bring."""
    return [Profile.SMS, *(profile for profile, channel in RICH.items() if channel in world.channels)]


async def of(world: World, handset: Handset) -> Profile:
    async with world.transaction() as tx:
        return await messages.profile(tx, handset)


async def take(world: World, handset: Handset, wanted: Profile, *, source: str) -> None:
    """The latest word counts, whoever says it. Plain text stays the last resort whatever it is."""
    async with world.transaction() as tx:
        await messages.set_profile(tx, handset, wanted, source=source, now=world.clock.now())


async def take_for_buyer(world: World, booking_id: UUID, wanted: Profile) -> None:
    """What the buyer of a booking says of the buyer's own phone; raises NotFound."""
    async with world.transaction() as tx:
        booking = (await sales.bookings(tx, [booking_id])).get(booking_id)
        if booking is None:
            raise NotFound("There is no such booking.")
        await messages.set_profile(tx, booking.buyer, wanted, source="buyer", now=world.clock.now())
