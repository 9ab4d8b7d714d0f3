"""The key by which a ticket is shown as a living barcode: told to the issuer, near or far, once and for good."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from builders import BUYER, Shop, Stage, a_booking, a_gate, a_scan
from enrolled_kit import a_device, a_key, raw_signature
from issuer_contract_kit import SELLER_KEYS, Seen, believing, far, near
from two_servers_kit import Cut, Two

from app.domain.credential import living_text, step_of
from app.domain.refusals import NotFound
from app.flows.handset import carry
from app.keys import compressed

pytest_plugins = ("apart_plugin",)

KEYS = [compressed(a_key(number).public_key()) for number in (1, 2)]


@pytest.fixture(params=["near", "far"])
def seen(request: pytest.FixtureRequest, stage: Stage, shop: Shop) -> Seen:
    believing(stage, sales=SELLER_KEYS)
    return near(stage, shop) if request.param == "near" else far(stage, shop)


async def noted(stage: Stage, ticket_id: UUID) -> bytes | None:
    key: bytes | None = await stage.value("SELECT holder_key FROM credential WHERE ticket_id = :id", id=ticket_id)
    return key


async def test_the_first_key_is_noted_and_stays(seen: Seen) -> None:
    ticket = seen.ticket()
    await seen.issuer.register(ticket)

    for key in (KEYS[0], KEYS[0], KEYS[1]):
        await seen.issuer.bind(issuer_id=ticket.issuer_id, ticket_id=ticket.ticket_id, holder_key=key)

    assert await noted(seen.stage, ticket.ticket_id) == KEYS[0]


async def test_a_ticket_that_was_never_registered_is_not_bound(seen: Seen) -> None:
    with pytest.raises(NotFound):
        await seen.issuer.bind(issuer_id=seen.shop.issuer, ticket_id=UUID(int=5), holder_key=KEYS[0])


async def test_the_issuer_elsewhere_learns_the_key_as_soon_as_it_answers_and_its_gate_opens(kept: Two) -> None:
    made = await a_booking(kept.seller, kept.shop, paid=True)
    ticket = made.tickets[0]
    mine = await a_device(kept.seller, BUYER)
    kept.line.down = Cut.BEFORE

    carried = await carry.download(kept.seller.world, mine, ticket.id)
    await kept.seller.work()
    before = await noted(kept.issuer, ticket.id)
    kept.line.down = None
    kept.clock.time = ticket.valid_from + timedelta(minutes=30)
    await kept.seller.work()

    assert (before, await noted(kept.issuer, ticket.id)) == (None, mine.public_key)
    text = living_text(carried.living, step_of(kept.clock.now()), lambda message: raw_signature(a_key(1), message))
    gate = await a_gate(kept.issuer, kept.shop)
    assert (await a_scan(kept.issuer, kept.shop, gate, text))["reason"] == "admitted"
