"""What a handset has, by text message; and what is never answered, or not for ever."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from builders import BUYER, FRIEND, Shop, Stage, a_booking, an_account
from converse_kit import ask, heard, waiting, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.exceptions import RedisError

from app.domain.handset import Handset
from app.flows.talk import converse
from app.store import conversations

MOST = 8


def patient(stage: Stage) -> Stage:
    """The same house, which reads only so many messages an hour."""
    house = dataclasses.replace(stage.world.house, heard_per_hour_max=MOST)
    return dataclasses.replace(stage, world=dataclasses.replace(stage.world, house=house))


def shown(ticket: Any) -> str:
    return f"{ticket.number[:-1]}-{ticket.number[-1]}"


async def test_tickets_are_listed_and_used_up_ones_are_not(stage: Stage, shop: Shop) -> None:
    assert (await ask(stage, "TICKETS")).startswith("You have no ticket")
    made = await a_booking(stage, shop, quantity=2, worked=True)
    await a_booking(stage, shop, buyer=FRIEND, worked=True)
    await stage.sql("UPDATE credential SET uses_left = 0 WHERE ticket_id = :id", id=made.tickets[0].id)

    listed = await ask(stage, "tickets")

    assert listed == f"The Post Office in.. Tue 24 Nov 12:00 {shown(made.tickets[1])}"
    assert (await ask(stage, "내 표")) == f"봄날의 우체국 11월 24일 (화) 12:00 {shown(made.tickets[1])}"


async def test_a_pass_is_listed_until_the_time_is_over_that_its_first_use_began(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, of="carnet/open", category="adult", worked=True)
    assert shown(made.tickets[0]) in await ask(stage, "tickets")
    await stage.sql("UPDATE credential SET activated_until = :now", now=stage.clock.now())

    assert (await ask(stage, "tickets")).startswith("You have no ticket")


async def test_a_lost_message_is_sent_again_three_times_an_hour(stage: Stage, shop: Shop) -> None:
    assert (await ask(stage, "RESEND")).startswith("You have no ticket")
    made = await a_booking(stage, shop, worked=True)
    first = stage.carrier.inbox(BUYER)[-1]

    told, again = await write(stage, "RESEND")
    for _ in range(2):
        await write(stage, f"다시 {shown(made.tickets[0])}")

    assert told == "Sent again: 1 of your tickets."
    assert again == first
    assert (await ask(stage, "resend")).startswith("It was sent several times")


async def test_another_ones_ticket_looks_like_none(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, buyer=FRIEND, worked=True)
    number = shown(made.tickets[0])

    for asked in (f"RESEND {number}", f"GIFT {number} 010-5555-1234", "RESEND 000000000-0"):
        assert (await ask(stage, asked)).startswith("You have no good ticket")
    assert await stage.value("SELECT state FROM ticket") == "valid"


async def test_a_resend_that_is_answered_again_sends_once(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_booking(stage, shop, worked=True)
    await heard(stage, "RESEND")
    (message,) = await waiting(stage)
    with monkeypatch.context() as dying:
        dying.setattr(converse, "_finish", None)
        with pytest.raises(TypeError):
            await converse.answer(stage.world, message)
    await stage.work()

    assert len(stage.carrier.inbox(BUYER)) == 3  # the ticket, the ticket again, the reply


async def test_a_gift_by_message_reaches_the_other_handset_and_both_hear_of_it(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True)
    number = shown(made.tickets[0])

    told = await ask(stage, f"GIFT {number} 010-8765-4321")
    (gift,) = stage.carrier.inbox(FRIEND)

    assert told.startswith(f"Ticket {number} is now with 010-****-4321.")
    assert gift.startswith("A gift from 010-****-5678\nThe Post Office in..\n")
    assert number not in gift
    assert (await ask(stage, f"선물 {number} 01087654321")).startswith(f"표 {number}번을 010-****-4321에 선물했습니다.")
    assert (await ask(stage, f"GIFT {number} 010-5555-1234")).startswith("You have no good ticket")
    assert len(stage.carrier.inbox(FRIEND)) == 1


async def test_a_gift_that_its_issuer_has_not_agreed_to_yet_is_said_to_be_under_way(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True)
    number = shown(made.tickets[0])
    await stage.sql("UPDATE issuer SET served_by = 'elsewhere'")
    try:
        told = [await ask(stage, f"GIFT {number} 010-{other}") for other in ("8765-4321", "8765-4321", "5555-1234")]
    finally:
        await stage.sql("UPDATE issuer SET served_by = 'local'")

    assert told == [f"Ticket {number} is being handed over. A message comes when its organiser has answered."] * 3
    assert await stage.value("SELECT count(*) FROM handover") == 1


async def test_a_gift_to_nobody_or_to_oneself_says_what_is_wrong(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True)
    number = shown(made.tickets[0])

    assert (await ask(stage, f"GIFT {number} 02-312-3456")).startswith("That is not a mobile number.")
    assert (await ask(stage, f"GIFT {number} 010-1234-5678")).endswith("is with this number already.")
    await stage.sql("UPDATE credential SET uses_left = 0")
    assert (await ask(stage, f"GIFT {number} 010-8765-4321")).endswith("is used up or past its time.")
    await stage.sql("UPDATE ticket SET state = 'suspended'")
    assert (await ask(stage, f"GIFT {number} 010-8765-4321")).startswith(f"Ticket {number} is on hold")


async def test_the_balance_is_told_and_no_pin(stage: Stage, shop: Shop) -> None:
    assert (await ask(stage, "BALANCE")).startswith("This number has no e-money.")
    pin = await an_account(stage, shop, 50_000)
    await stage.work()

    assert await ask(stage, "BALANCE") == "E-money\nhaneul KRW 50,000"
    assert pin not in await ask(stage, "잔액")


# --- what is kept, and what is not ----------------------------------------------------------------------------------


async def test_a_message_that_the_carrier_repeats_is_answered_once(stage: Stage) -> None:
    assert await heard(stage, "HELP", message_id="mo-same")
    await stage.work()
    assert not await heard(stage, "HELP", message_id="mo-same")
    await stage.work()

    assert len(stage.carrier.inbox(BUYER)) == 1


async def test_a_pin_stands_nowhere_before_or_after_its_message_is_answered(stage: Stage) -> None:
    await heard(stage, "YES 918273")
    everything = str(await stage.sql("SELECT row_to_json(i)::text, encode(sealed, 'escape') FROM inbox i"))
    assert "918273" not in everything
    await stage.work()

    assert await stage.value("SELECT sealed IS NULL AND heard = 'yes' FROM inbox")
    assert "918273" not in str(await stage.sql("SELECT row_to_json(d)::text FROM delivery d"))


@pytest.mark.parametrize("sender", ["1588", "MYBANK", "02-312-3456", "0800123456", "", "+", "+15005550006x", "²" * 10])
async def test_who_is_no_mobile_gets_no_answer(stage: Stage, sender: str) -> None:
    assert not await heard(stage, "HELP", sender=sender)
    assert await stage.value("SELECT count(*) FROM inbox") == 0


async def test_we_do_not_talk_to_ourselves(stage: Stage) -> None:
    assert not await heard(stage, "HELP", to=BUYER.removeprefix("+"))


@pytest.mark.parametrize("sender", ["821012345678", "+821012345678", "01012345678"])
async def test_a_number_is_known_however_the_carrier_writes_it(stage: Stage, sender: str) -> None:
    assert await heard(stage, "HELP", sender=sender)
    assert await stage.value("SELECT handset FROM inbox") == BUYER


async def test_a_machine_that_answers_every_message_is_left_alone(stage: Stage) -> None:
    for number in range(7):
        await heard(stage, f"I am out of office {number}")
        await stage.work()

    assert len(stage.carrier.inbox(BUYER)) == converse.UNCLEAR_MAX
    assert await waiting(stage) == []
    assert len(await write(stage, "HELP")) == 1


@pytest.mark.parametrize("redis_is_there", [True, False], ids=["with Redis", "without Redis"])
async def test_a_number_that_never_stops_is_told_once_and_then_not_read(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, *, redis_is_there: bool
) -> None:
    if not redis_is_there:

        def away(**_: object) -> None:
            raise RedisError

        monkeypatch.setattr(stage.redis, "pipeline", away)
    most, stage = MOST, patient(stage)
    taken = [await heard(stage, "HELP") for _ in range(most + 3)]
    for message in await waiting(stage):
        await converse.answer(stage.world, message)
    await stage.work()

    assert taken == [True] * most + [False] * 3
    assert sum(text.startswith("Too many messages.") for text in stage.carrier.inbox(BUYER)) == 1
    assert len(stage.carrier.inbox(BUYER)) == most
    assert await heard(stage, "HELP", sender=FRIEND)
    stage.clock.advance(hours=1)
    assert await heard(stage, "HELP")


async def test_messages_at_the_same_moment_are_counted_one_by_one(stage: Stage) -> None:
    most, stage = MOST, patient(stage)
    taken = await asyncio.gather(*(heard(stage, "HELP") for _ in range(most + 10)))

    assert sum(taken) == most


# --- hostile input --------------------------------------------------------------------------------------------------


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.one_of(
        st.text(max_size=200),
        st.builds(
            "{} {}".format,
            st.sampled_from(["BUY", "예매", "YES", "네", "GIFT", "선물", "RESEND", "다시", "취소", "1"]),
            st.text("0123456789abz-+ ,매\0\u200b", max_size=24),
        ),
    )
)
async def test_whatever_is_written_gets_one_short_answer_at_most(stage: Stage, shop: Shop, text: str) -> None:
    del shop
    stage.clock.advance(hours=2)
    await heard(stage, text)
    (message,) = await waiting(stage)

    await converse.answer(stage.world, message)

    replies = await stage.sql("SELECT id FROM delivery WHERE state = 'queued' AND purpose = 'reply'")
    assert len(replies) == 1
    await stage.work()
    answer = stage.carrier.inbox(BUYER)[-1]
    assert len(stage.carrier.preview(answer).parts) <= 2


async def test_old_messages_are_swept(stage: Stage) -> None:
    await ask(stage, "HELP", sender=Handset("+821055551234"))
    async with stage.world.transaction() as tx:
        await conversations.purge(tx, before=stage.clock.now() + timedelta(seconds=1))

    assert await stage.value("SELECT count(*) FROM inbox") == 0
