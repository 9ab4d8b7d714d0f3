"""News from a payment network: a webhook is a hint. It is kept once, and then the network itself is asked what is true.

So a repeated, late or reordered event changes nothing: whatever it was about is looked at as it stands now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from app.domain.payment import OPEN
from app.domain.refusals import NotFound, Refusal
from app.flows.outcome import Again, Done, Never
from app.flows.paying.resume import resume
from app.flows.returning import dispute, paying_back
from app.ports import News, NewsKind
from app.store import news, outbox, payments
from app.store.database import Tx
from app.store.outbox import Owed
from app.store.topics import Topic
from app.world import World

log = structlog.get_logger()


async def hear(world: World, provider: str, body: bytes, signature: str) -> bool:
    """Keep what a network tells, and owe its looking after; False where it is old or says nothing to us.

    Raises NotAuthentic for what the network did not sign, NotFound for a network that tells nothing.
    """
    teller = paying_back.teller_of(world, provider)
    if teller is None:
        raise NotFound("There is no payment network of this name that tells us news.")
    told = teller.news(body, signature, now=world.clock.now())
    if told is None or not await world.database.together(_keep, (world, provider, told)):
        return False
    await world.memory.wake(Topic.NEWS)
    return True


async def _keep(tx: Tx, asks: Sequence[tuple[World, str, News]]) -> list[bool]:
    """Write down what was told, and owe its looking after; False where it was told before."""
    world, _, _ = asks[0]
    now = world.clock.now()
    new = await news.keep(tx, [(provider, told) for _, provider, told in asks], now=now)
    answers, owed = [], []
    for _, provider, told in asks:
        answers.append((provider, told.event_id) in new)
        if answers[-1]:
            new.remove((provider, told.event_id))  # what was told twice in here is new once
            owed.append(_owed(world, provider, told))
    await outbox.put(tx, owed, now=now)
    return answers


def _owed(world: World, provider: str, told: News) -> Owed:
    identity = world.entropy.uuid()
    payload = {"provider": provider, "kind": told.kind.value, "reference": told.reference}
    return Owed(identity, None, Topic.NEWS, str(identity), payload)


async def carry_on(world: World, payload: Mapping[str, Any]) -> Done | Again | Never:
    """Look after what an event was about."""
    provider, reference = str(payload["provider"]), str(payload["reference"])
    match NewsKind(payload["kind"]):
        case NewsKind.PAYMENT:
            return await _payment(world, provider, reference)
        case NewsKind.REFUND:
            return await paying_back.heard(world, reference)
        case NewsKind.DISPUTE:
            return await dispute.heard(world, provider, reference)


async def _payment(world: World, provider: str, reference: str) -> Done:
    """A payment moved. One that we do not know, or that is over for us, is left as it is.

    One that a living request is busy with is left to it; what the network does not tell now, the reconciler asks.
    """
    payment = await world.database.together(payments.by_references, (provider, reference), atomic=False)
    if payment is not None and payment.state in OPEN:
        try:
            await resume(world, payment.booking_id, at_once=True)
        except Refusal as refusal:
            log.info("payment_heard", booking=str(payment.booking_id), outcome=type(refusal).__name__)
    return Done()
