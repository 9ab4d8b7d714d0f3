"""Refunds that are refused: what was used, given on or too late stays, and says so."""

from __future__ import annotations

from uuid import UUID

import pytest
from builders import FRIEND, Shop, Stage, a_booking, free_places
from fakes import GOOD_CARD
from refund_kit import Away, Network, admitted, refund_states, returned, with_issuer

from app.domain.refund import RefundReason
from app.domain.refusals import NotFound, WrongState
from app.flows.hands.give import give
from app.flows.paying import pay
from app.flows.paying.pay import Tender
from app.flows.returning import refund
from app.flows.tickets import register, show

pytest_plugins = ["refund_plugin"]


async def test_after_the_start_only_staff_return_tickets(stage: Stage, shop: Shop, refund_network: Network) -> None:
    made = await a_booking(stage, shop, worked=True)
    stage.clock.time = made.tickets[0].starts_at

    with pytest.raises(WrongState, match="It has started") as refusal:
        await returned(stage, made)
    assert refusal.value.more["reason"] == "started"
    assert (await refund.quote(stage.world, made.id)).amount.amount == 0

    found = await returned(stage, made, reason=RefundReason.STAFF, by="box office")
    assert found.refunds[0].state == "succeeded"
    assert refund_network.taken(made.id) == 0


async def test_a_used_ticket_stays_paid_for_unless_a_supervisor_says_otherwise(
    stage: Stage, shop: Shop, refund_network: Network
) -> None:
    made = await a_booking(stage, shop, quantity=2, worked=True)
    used, other = made.tickets
    assert await admitted(stage, shop, used)

    for reason in RefundReason.BUYER, RefundReason.STAFF:
        with pytest.raises(WrongState, match="This ticket was used"):
            await returned(stage, made, used.id, reason=reason)
    quoted = await refund.quote(stage.world, made.id)
    assert {one.ticket.id: one.kept for one in quoted.tickets} == {used.id: "used", other.id: None}

    await returned(stage, made, used.id, reason=RefundReason.STAFF, by="supervisor", used_too=True)
    await stage.work()
    assert refund_network.taken(made.id) == 60_000
    assert await free_places(stage, shop.occasions["play/mon"]) == 20, "somebody sits there"


async def test_a_ticket_that_a_gate_admits_meanwhile_is_refused_and_the_other_goes_back(
    stage: Stage, shop: Shop, refund_network: Network
) -> None:
    """The issuer is away while the return is asked for, and a gate of it is not."""
    made = await a_booking(stage, shop, quantity=2, worked=True)
    local = stage.world.issuers["local"]
    with_issuer(stage, Away("local"))
    found = await returned(stage, made)
    assert [row.state for row in found.refunds] == ["asked"]
    with_issuer(stage, local)
    assert await admitted(stage, shop, made.tickets[0])

    stage.clock.advance(seconds=21)
    await stage.work()

    found = await refund.look(stage.world, found.id)
    assert [(row.state, row.amount, row.ticket_ids) for row in found.refunds] == [
        ("succeeded", 60_000, [made.tickets[1].id])
    ]
    assert refund_network.taken(made.id) == 60_000
    assert await stage.value("SELECT refunded FROM payment") == 60_000
    assert [row.state for row in await stage.sql("SELECT state FROM ticket ORDER BY id")] == ["valid", "revoked"]


async def test_a_free_ticket_that_was_revoked_beside_one_that_a_gate_admitted_is_revoked_here_too(
    stage: Stage, shop: Shop
) -> None:
    made = await a_booking(stage, shop, quantity=2)
    await stage.sql("UPDATE booking_item SET amount = 0 WHERE id = (SELECT id FROM booking_item ORDER BY id LIMIT 1)")
    await stage.sql("UPDATE booking SET amount = 60000")
    await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])
    await stage.work()
    local = stage.world.issuers["local"]
    with_issuer(stage, Away("local"))
    await returned(stage, made, reason=RefundReason.STAFF, by="box office")
    with_issuer(stage, local)
    paid, free = sorted((await refund.quote(stage.world, made.id)).tickets, key=lambda one: -one.amount.amount)
    assert (paid.amount.amount, free.amount.amount) == (60_000, 0)
    assert await admitted(
        stage, shop, next(one for one in await show.tickets(stage.world, made.id) if one.id == paid.ticket.id)
    )

    stage.clock.advance(seconds=21)
    await stage.work()

    assert await refund_states(stage, made.id) == ["refused"]
    assert await stage.value("SELECT state FROM ticket WHERE id = :id", id=free.ticket.id) == "revoked"
    assert await stage.sql("SELECT * FROM audit.i8_register_is_ours") == []
    assert await stage.value("SELECT count(*) FROM delivery WHERE purpose = 'money_back'") == 0
    assert await free_places(stage, shop.occasions["play/mon"]) == 21


async def test_where_nothing_comes_back_the_refund_is_refused_and_nothing_is_kept_aside(
    stage: Stage, shop: Shop, refund_network: Network
) -> None:
    made = await a_booking(stage, shop, worked=True)
    local = stage.world.issuers["local"]
    with_issuer(stage, Away("local"))
    await returned(stage, made, reason=RefundReason.STAFF, by="box office")
    with_issuer(stage, local)
    assert await admitted(stage, shop, made.tickets[0])

    stage.clock.advance(seconds=21)
    await stage.work()

    assert await refund_states(stage, made.id) == ["refused"]
    assert await stage.value("SELECT refunded FROM payment") == 0
    assert refund_network.keys("refund") == []
    assert await stage.value("SELECT count(*) FROM journal WHERE action = 'refund refused'") == 1
    await returned(stage, made, reason=RefundReason.STAFF, by="supervisor", used_too=True)
    assert refund_network.taken(made.id) == 0


async def test_a_ticket_given_away_before_it_was_taken_back_is_its_receivers(
    stage: Stage, shop: Shop, refund_network: Network
) -> None:
    made = await a_booking(stage, shop, worked=True)
    local = stage.world.issuers["local"]
    with_issuer(stage, Away("local"))
    await returned(stage, made)
    with_issuer(stage, local)
    await give(stage.world, made.tickets[0].id, FRIEND)

    stage.clock.advance(seconds=21)
    await stage.work()

    assert await refund_states(stage, made.id) == ["refused"]
    assert refund_network.taken(made.id) == 60_000
    gift = (await stage.sql("SELECT * FROM ticket WHERE gift_of IS NOT NULL"))[0]
    assert gift.state == "valid"
    assert await free_places(stage, shop.occasions["play/mon"]) == 21, "the receiver's place was not put back on sale"
    with pytest.raises(WrongState, match="given to another handset"):
        await returned(stage, made, gift.id)


async def test_a_revoked_ticket_can_still_be_returned_by_staff(
    stage: Stage, shop: Shop, refund_network: Network
) -> None:
    made = await a_booking(stage, shop, worked=True)
    await register.revoke(stage.world, made.tickets[0].id, reason="lost", free_place=False, tell_holder=False)

    with pytest.raises(WrongState, match="Ask the box office"):
        await returned(stage, made)
    await returned(stage, made, reason=RefundReason.STAFF, by="box office")

    assert refund_network.taken(made.id) == 0


@pytest.mark.usefixtures("refund_network")
async def test_what_is_not_there_cannot_be_returned(stage: Stage, shop: Shop) -> None:
    held = await a_booking(stage, shop)
    free = await a_booking(stage, shop, complimentary=True, paid=True)
    paid = await a_booking(stage, shop, category="S", worked=True)

    with pytest.raises(WrongState, match="This booking is held"):
        await returned(stage, held)
    with pytest.raises(WrongState, match="cost nothing"):
        await returned(stage, free)
    with pytest.raises(WrongState, match="cost nothing"):
        await returned(stage, free, reason=RefundReason.STAFF)
    with pytest.raises(NotFound, match="no such ticket"):
        await returned(stage, paid, free.tickets[0].id)
    for lookup in refund.quote(stage.world, UUID(int=7)), refund.look(stage.world, UUID(int=7)):
        with pytest.raises(NotFound):
            await lookup
    with pytest.raises(NotFound):
        await refund.ask(stage.world, booking_id=UUID(int=7), ticket_ids=None, reason=RefundReason.BUYER, by="buyer")
