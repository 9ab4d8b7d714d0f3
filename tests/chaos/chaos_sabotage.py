"""The sales server with one mistake built in on purpose: what the chaos tests must be able to find.

Each of these has been made in earnest by somebody who sells tickets.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.cli import main
from app.flows.booking import places
from app.flows.paying import conclude
from app.flows.tickets import issue
from app.flows.tickets.issue import Completion
from app.issuers.remote import RemoteIssuer
from app.payments.stripe import Stripe
from app.ports import Charge, Unknown, Wish

LATER_SECONDS = 0.5


def spoil(owner: object, name: str, replacement: object) -> None:
    """Put something else where the owner's own is called by its name."""
    setattr(owner, name, replacement)


def fresh_keys() -> None:
    """A lost answer is followed by another try under a fresh key: a second payment for the same booking."""
    authorize = Stripe.authorize

    async def again(self: Stripe, charge: Charge, *, reference: str | None) -> Any:
        outcome = await authorize(self, charge, reference=reference)
        if not isinstance(outcome, Unknown):
            return outcome
        fresh = replace(charge, key=f"pay-{secrets.token_hex(8)}")
        prepared = await self.prepare(fresh)
        return await authorize(self, fresh, reference=getattr(prepared, "reference", None))

    spoil(Stripe, "authorize", again)


def second_transaction() -> None:
    """The booking is paid in one transaction and its tickets are issued in another, a moment later."""
    write = issue.issue

    async def complete(tx: Any, asks: Sequence[Completion]) -> list[bool]:
        async def nothing(_tx: Any, _world: Any, bookings: Sequence[Any], **_: object) -> dict[UUID, int]:
            """Not now."""
            return {booking.id: 0 for booking in bookings}

        spoil(issue, "issue", nothing)
        try:
            done = await issue.complete(tx, asks)
        finally:
            spoil(issue, "issue", write)
        late = [ask.booking for ask, sold in zip(asks, done, strict=True) if sold]
        world = asks[0].world

        async def then() -> None:
            await asyncio.sleep(LATER_SECONDS)
            async with world.transaction() as another:
                await write(another, world, late, now=world.clock.now())

        tasks.add(asyncio.create_task(then()))
        return done

    tasks: set[asyncio.Task[None]] = set()
    spoil(conclude, "complete", complete)


def charge_first() -> None:
    """The money is taken before the places are: nothing is held, and what the issuer says comes too late."""
    hold, commit = RemoteIssuer.hold, places.commit

    async def hardly(self: RemoteIssuer, wish: Wish) -> Any:
        return await hold(self, replace(wish, until=wish.until - timedelta(days=1)))

    async def ignored(*words: Any) -> bool:
        await commit(*words)
        return True

    spoil(RemoteIssuer, "hold", hardly)
    spoil(places, "commit", ignored)


SABOTAGES: dict[str, Callable[[], None]] = {one.__name__: one for one in (fresh_keys, second_transaction, charge_first)}

if __name__ == "__main__":
    SABOTAGES[sys.argv[1]]()
    sys.argv = ["cyberticket", *sys.argv[2:]]
    main()
