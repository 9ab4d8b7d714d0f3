"""Delivering: what the message says, how far it got, and how often it may be sent again."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from builders import BUYER, FRIEND, PUBLIC_URL, Shop, Stage, a_booking, an_account, pin
from fakes import Upset

from app.domain.credential import LinkToken, shown
from app.domain.refusals import NotFound, TooMany, WrongState
from app.flows.delivery import deliver
from app.flows.outcome import Done
from app.flows.tickets import register, show
from app.store import receipts


async def delivery(stage: Stage, purpose: str = "ticket") -> dict[str, Any]:
    (row,) = await stage.sql("SELECT * FROM delivery WHERE purpose = :purpose", purpose=purpose)
    return dict(row._mapping)


async def receipt(stage: Stage, message_id: str, state: str) -> bool:
    return await deliver.receive(
        stage.world, channel="sms_http", message_id=message_id, state=state, at=stage.clock.now()
    )


# --- what it says ---------------------------------------------------------------------------------------------------


async def test_an_english_message_says_everything_in_one_part(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True)
    (ticket,) = made.tickets

    (text,) = stage.carrier.inbox(BUYER)

    assert text.splitlines()[:5] == [
        "The Post Office in Spring",
        "Tue 24 Nov 12:00",
        "Haneul Theatre",
        f"Stalls row A seat {ticket.seat}",
        f"No {shown(ticket.number)} PIN {pin(ticket)}",
    ]
    cut = stage.carrier.preview(text)
    assert (cut.coding, len(cut.parts)) == ("gsm7", 1)
    sent = await delivery(stage)
    assert (sent["state"], sent["parts"], sent["channel"], sent["sent_at"]) == (
        "sent",
        1,
        "sms_http",
        stage.clock.now(),
    )


async def test_a_korean_message_comes_in_as_few_parts_as_it_can(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, language="ko", worked=True)
    (ticket,) = made.tickets

    (text,) = stage.carrier.inbox(BUYER)

    assert text.startswith("봄날의 우체국\n11월 24일 (화) 12:00\n하늘극장\nStalls A열")
    assert f"번호 {shown(ticket.number)} PIN {pin(ticket)}" in text
    cut = stage.carrier.preview(text)
    assert cut.coding == "ucs2"
    assert len(cut.parts) == 2
    assert (await delivery(stage))["parts"] == 2


async def test_the_link_in_the_message_opens_this_ticket_and_no_other(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, quantity=2, handsets=(BUYER, FRIEND), worked=True)
    for ticket in made.tickets:
        (text,) = stage.carrier.inbox(ticket.handset)
        address = text.splitlines()[-1]
        assert address.startswith(f"{PUBLIC_URL}/t/")

        found = await show.ticket_by_link(stage.world, address.rpartition("/")[2])

        assert found.id == ticket.id


async def test_a_link_that_is_cut_short_or_made_up_opens_nothing(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, worked=True)

    with pytest.raises(NotFound, match="not complete"):
        await show.ticket_by_link(stage.world, "abc")
    with pytest.raises(NotFound, match="no ticket behind"):
        await show.ticket_by_link(stage.world, LinkToken("A" * 22).reveal())


async def test_a_ride_says_its_journey_and_a_carnet_its_rides(stage: Stage, shop: Shop) -> None:
    ends: dict[str, Any] = {"origin_id": shop.stops["a"], "destination_id": shop.stops["c"]}
    shop.prices["ride/adult"].reverse()
    await a_booking(stage, shop, of="ride/open", category="adult", worked=True, **ends)
    await a_booking(stage, shop, of="carnet/open", category="adult", worked=True)
    await a_booking(stage, shop, of="carnet/open", category="adult", language="ko", worked=True)
    await a_booking(stage, shop, of="gift/open", category="gift", worked=True)
    ride, carnet, korean, gift = stage.carrier.inbox(BUYER)
    shop.prices["ride/adult"].reverse()

    assert "Harbour > Airport" in ride
    assert "until " in ride
    assert "adult, 3 rides" in carnet
    assert "adult 3회" in korean
    assert "까지" in korean
    assert "₩50,000" in gift


async def test_e_money_tells_its_balance_and_pin_in_the_issuers_language(stage: Stage, shop: Shop) -> None:
    secret = await an_account(stage, shop, 12_000)
    await stage.work()

    assert stage.carrier.inbox(BUYER) == [
        f"haneul 전자화폐 잔액 12,000원, 비밀번호 PIN {secret}. 결제할 때 이 번호와 함께 입력하십시오."
    ]


async def test_a_holder_is_told_that_the_ticket_was_revoked_unless_nobody_wants_that(stage: Stage, shop: Shop) -> None:
    told, untold = (await a_booking(stage, shop, quantity=2, handsets=(BUYER, FRIEND), worked=True)).tickets
    await register.revoke(stage.world, told.id, reason="lost", free_place=False, tell_holder=True)
    await register.revoke(stage.world, untold.id, reason="lost", free_place=False, tell_holder=False)
    await stage.work()

    assert stage.carrier.inbox(BUYER)[1:] == [
        f"The Post Office in Spring: ticket {shown(told.number)} was revoked and can no longer be used."
    ]
    assert len(stage.carrier.inbox(FRIEND)) == 1


async def test_a_ticket_that_was_revoked_before_its_message_went_out_is_not_sent(stage: Stage, shop: Shop) -> None:
    (ticket,) = (await a_booking(stage, shop, paid=True)).tickets
    await register.revoke(stage.world, ticket.id, reason="mistake", free_place=False, tell_holder=False)

    await stage.work()

    assert stage.carrier.inbox(BUYER) == []
    sent = await delivery(stage)
    assert (sent["state"], sent["reason"]) == ("failed", "the ticket was revoked before its message was sent")


async def test_what_is_not_there_or_not_queued_needs_no_sending(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, worked=True)
    identity = (await delivery(stage))["id"]
    assert isinstance(identity, UUID)

    assert await deliver.deliver(stage.world, identity) == Done()
    assert await deliver.deliver(stage.world, UUID(int=4)) == Done()

    assert len(stage.carrier.asked) == 1


# --- receipts -------------------------------------------------------------------------------------------------------


async def sent_message(stage: Stage, shop: Shop) -> str:
    await a_booking(stage, shop, worked=True)
    return str((await delivery(stage))["message_id"])


async def test_a_receipt_says_that_the_message_arrived(stage: Stage, shop: Shop) -> None:
    message = await sent_message(stage, shop)
    stage.clock.advance(seconds=5)

    assert await receipt(stage, message, "DELIVERED")

    found = await delivery(stage)
    assert (found["state"], found["arrived_at"]) == ("delivered", stage.clock.now())


async def test_a_receipt_that_comes_again_or_contradicts_a_final_one_changes_nothing(stage: Stage, shop: Shop) -> None:
    message = await sent_message(stage, shop)
    assert await receipt(stage, message, "ACCEPTED") is False, "on the way"
    assert await receipt(stage, message, "DELIVERED")
    before = await delivery(stage)
    stage.clock.advance(seconds=5)

    assert await receipt(stage, message, "DELIVERED") is False
    assert await receipt(stage, message, "UNDELIVERABLE") is False
    assert await receipt(stage, message, "NEVER_HEARD_OF") is False

    assert await delivery(stage) == before


@pytest.mark.parametrize("state", ["EXPIRED", "DELETED", "UNDELIVERABLE", "REJECTED"])
async def test_a_receipt_may_say_that_the_message_will_never_arrive(stage: Stage, shop: Shop, state: str) -> None:
    message = await sent_message(stage, shop)

    assert await receipt(stage, message, state)

    found = await delivery(stage)
    assert (found["state"], found["reason"]) == ("failed", f"the carrier says {state.lower()}")


async def test_a_receipt_for_a_message_that_is_not_ours_is_harmless(stage: Stage, shop: Shop) -> None:
    await sent_message(stage, shop)

    assert await receipt(stage, "message-of-another", "DELIVERED") is False

    assert (await delivery(stage))["state"] == "sent"


async def test_a_receipt_that_overtakes_the_answer_to_its_message_is_applied_when_that_comes(
    stage: Stage, shop: Shop
) -> None:
    await a_booking(stage, shop, paid=True)
    stage.carrier.upset(Upset.LOST_AFTER)
    await stage.work()
    (arrived,) = stage.carrier.arrived.values()
    assert await receipt(stage, arrived.message_id, "DELIVERED") is False
    assert (await delivery(stage))["state"] == "queued"

    stage.clock.advance(seconds=10)
    await stage.work()

    assert (await delivery(stage))["state"] == "delivered"


async def test_a_receipt_and_its_messages_record_that_commit_at_once_do_not_miss_each_other(
    stage: Stage, shop: Shop
) -> None:
    """Each would look for the other before it is there; so one of them waits."""
    await a_booking(stage, shop, paid=True)
    identity = (await delivery(stage))["id"]
    assert isinstance(identity, UUID)
    now = stage.clock.now()

    async def recorded() -> None:
        async with stage.world.transaction() as tx:
            await receipts.sent(tx, [receipts.Taken(identity, "sms_http", "sms_http", ("m-1",), 1)], now=now)

    async with stage.world.transaction() as tx:
        await receipts.receive(tx, [receipts.Word("sms_http", "m-1", "DELIVERED", now)], now=now)
        recording = asyncio.create_task(recorded())
        await asyncio.sleep(0.1)
    await recording

    assert (await delivery(stage))["state"] == "delivered"


async def test_a_message_that_was_recorded_as_sent_is_not_sent_by_another_channel(stage: Stage, shop: Shop) -> None:
    message = await sent_message(stage, shop)
    now, identity = stage.clock.now(), (await delivery(stage))["id"]
    assert isinstance(identity, UUID)

    async with stage.world.transaction() as tx:
        again = await receipts.sent(tx, [receipts.Taken(identity, "ems", "ems", ("m-9",), 1)], now=now)

    assert again == []
    assert (await delivery(stage))["message_id"] == message
    assert await stage.sql("SELECT 1 FROM delivery_part WHERE message_id = 'm-9'") == []


async def test_a_receipt_of_another_channel_with_the_same_id_is_another_messages(stage: Stage, shop: Shop) -> None:
    message = await sent_message(stage, shop)

    await deliver.receive(stage.world, channel="wap_push", message_id=message, state="DELIVERED", at=stage.clock.now())

    assert (await delivery(stage))["state"] == "sent"


# --- again ----------------------------------------------------------------------------------------------------------


async def test_a_ticket_is_sent_again_with_the_same_number_pin_and_link(stage: Stage, shop: Shop) -> None:
    (ticket,) = (await a_booking(stage, shop, worked=True)).tickets

    await deliver.resend(stage.world, ticket.id)
    await stage.work()

    first, again = stage.carrier.inbox(BUYER)
    assert first == again
    assert len(set(stage.carrier.asked)) == 2


async def test_within_an_hour_a_ticket_is_sent_again_three_times_at_most(stage: Stage, shop: Shop) -> None:
    (ticket,) = (await a_booking(stage, shop, paid=True)).tickets
    for _ in range(3):
        await deliver.resend(stage.world, ticket.id)
        stage.clock.advance(minutes=10)

    with pytest.raises(TooMany, match="3 times within the hour") as refusal:
        await deliver.resend(stage.world, ticket.id)
    assert refusal.value.more["retry_after_seconds"] == 3600

    stage.clock.advance(minutes=31)
    await deliver.resend(stage.world, ticket.id)


async def test_many_who_ask_at_once_get_no_more_than_the_limit(stage: Stage, second: Stage, shop: Shop) -> None:
    (ticket,) = (await a_booking(stage, shop, paid=True)).tickets

    outcomes = await asyncio.gather(
        *(deliver.resend([stage, second][n % 2].world, ticket.id) for n in range(8)), return_exceptions=True
    )

    assert sum(isinstance(one, UUID) for one in outcomes) == 3, outcomes


async def test_what_is_revoked_or_nowhere_is_not_sent_again(stage: Stage, shop: Shop) -> None:
    (ticket,) = (await a_booking(stage, shop, paid=True)).tickets
    await register.revoke(stage.world, ticket.id, reason="lost", free_place=False, tell_holder=False)

    with pytest.raises(WrongState, match="was revoked"):
        await deliver.resend(stage.world, ticket.id)
    with pytest.raises(NotFound):
        await deliver.resend(stage.world, UUID(int=5))


# --- revoking -------------------------------------------------------------------------------------------------------


async def test_revoking_twice_or_nothing_is_refused(stage: Stage, shop: Shop) -> None:
    (ticket,) = (await a_booking(stage, shop, paid=True)).tickets
    await register.revoke(stage.world, ticket.id, reason="lost", free_place=False, tell_holder=False)

    with pytest.raises(WrongState, match="revoked already"):
        await register.revoke(stage.world, ticket.id, reason="again", free_place=False, tell_holder=False)
    with pytest.raises(NotFound):
        await register.revoke(stage.world, UUID(int=5), reason="none", free_place=False, tell_holder=False)


@pytest.mark.parametrize("resell", [1, 0])
async def test_a_revoked_tickets_place_is_sold_again_only_when_staff_say_so(
    stage: Stage, shop: Shop, resell: int
) -> None:
    made = await a_booking(stage, shop, quantity=6, worked=True)

    await register.revoke(stage.world, made.tickets[0].id, reason="lost", free_place=bool(resell), tell_holder=False)
    await stage.work()

    free = await stage.value(
        "SELECT count(*) FROM place WHERE taken_by IS NULL AND occasion_id = :id AND category = 'R'",
        id=shop.occasions["play/mon"],
    )
    assert free == resell
    if resell:
        again = await a_booking(stage, shop, worked=True)
        assert again.tickets[0].place_id == made.tickets[0].place_id


async def test_a_revocation_that_overtakes_the_registration_still_counts(stage: Stage, shop: Shop) -> None:
    (ticket,) = (await a_booking(stage, shop, paid=True)).tickets

    await register.revoke(stage.world, ticket.id, reason="lost", free_place=True, tell_holder=False)
    await register.tell_revoked(stage.world, ticket.id, [])
    await register.register(stage.world, ticket.id)

    assert await stage.value("SELECT state FROM credential") == "revoked"
