"""One message down its ladder of channels: nothing is lost in between, and every try is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from builders import BUYER, Shop, Stage, a_booking
from door_kit import Rules
from enrolled_kit import a_device
from fakes import FakeCarrier

from app.domain.delivery import Profile
from app.domain.handset import Handset
from app.flows import oversee
from app.flows.delivery import deliver
from app.flows.handset import profiles
from app.flows.staff import Member
from app.ports import Accepted, Message, Rejected

pytest_plugins = ["door_plugin"]

NO_ROOM, AWAY = Rejected("no such phone", retry=False), Rejected("out of reach", retry=True)


class PartsCarrier(FakeCarrier):
    """A message centre that names each part, and keeps the whole message it was given."""

    def __init__(self, name: str, line: str = "") -> None:
        super().__init__()
        self.name = name
        self.line = line or name
        self.messages: list[Message] = []

    async def send(self, to: Handset, message: Message, *, key: str) -> Accepted | Rejected:
        outcome = await super().send(to, message, key=key)
        if isinstance(outcome, Rejected):
            return outcome
        self.messages.append(message)
        ids = tuple(f"{outcome.message_id}-{part}" for part in range(1, outcome.parts + 1))
        return Accepted(ids[0], len(ids), ids, self.line)


def with_channels(stage: Stage, *names: str) -> Mapping[str, PartsCarrier]:
    """Give the stage these channels instead of its own."""
    carriers = {name: PartsCarrier(name, "sms:east" if name == "sms" else name) for name in names}
    stage.world = replace(stage.world, channels=carriers)
    return carriers


async def delivery(stage: Stage) -> dict[str, Any]:
    (row,) = await stage.sql("SELECT * FROM delivery")
    return dict(row._mapping)


async def told(stage: Stage, line: str, state: str, *ids: str) -> list[bool]:
    return [
        await deliver.receive(stage.world, channel=line, message_id=one, state=state, at=stage.clock.now())
        for one in ids
    ]


async def history(stage: Stage) -> list[tuple[str, str, str | None]]:
    rows = await stage.sql("SELECT channel, outcome, reason FROM delivery_try ORDER BY seq")
    return [(row.channel, row.outcome, row.reason) for row in rows]


async def wants(stage: Stage, profile: Profile) -> None:
    await profiles.take(stage.world, Handset(BUYER), profile, source="test")
    assert await profiles.of(stage.world, Handset(BUYER)) is profile


async def test_a_handset_that_shows_pictures_gets_the_code_and_one_that_browses_the_link(
    stage: Stage, shop: Shop
) -> None:
    carriers = with_channels(stage, "sms", "ems", "wap_push")
    for profile, channel in ((Profile.EMS, "ems"), (Profile.WAP, "wap_push"), (Profile.SMS, "sms")):
        await wants(stage, profile)
        await a_booking(stage, shop, worked=True)
        (message,) = carriers[channel].messages
        assert message.title == "The Post Office in Spring"
        assert message.code.startswith("C")
        assert "/wap/t/" in message.link
        assert "PIN" in message.text


async def test_what_a_gate_would_refuse_is_neither_sent_as_a_picture_nor_told(
    stage: Stage, shop: Shop, rules: Rules
) -> None:
    carriers = with_channels(stage, "sms", "ems", "wap_push")
    wap, sms = carriers["wap_push"].messages, carriers["sms"].messages
    await wants(stage, Profile.WAP)
    await rules(faces="living_or_pin")
    await a_booking(stage, shop, worked=True)
    assert [one.code for one in wap] == [""], "the link's page still has number and PIN"

    await rules(faces="living")
    for profile in (Profile.WAP, Profile.EMS):
        await wants(stage, profile)
        await a_booking(stage, shop, worked=True)

    assert len(sms) == 2
    for message in sms:
        assert message.code == ""
        assert "PIN" not in message.text
        assert "/t/" in message.text
    assert carriers["ems"].messages == []


async def test_a_picture_that_fell_back_is_not_sent_once_a_handset_carries_the_ticket(
    stage: Stage, shop: Shop, rules: Rules
) -> None:
    device = await a_device(stage, BUYER)
    carriers = with_channels(stage, "sms", "ems")
    await wants(stage, Profile.EMS)
    made = await a_booking(stage, shop, worked=True)
    await rules(retires_static=True)
    await stage.sql("UPDATE ticket SET device_id = :device", device=device.device_id)

    await deliver.resend(stage.world, made.tickets[0].id)
    await stage.work()

    assert len(carriers["ems"].messages) == len(carriers["sms"].messages) == 1
    assert "PIN" in carriers["sms"].messages[0].text


async def test_a_channel_that_refuses_gives_way_at_once(stage: Stage, shop: Shop) -> None:
    carriers = with_channels(stage, "sms", "ems")
    await wants(stage, Profile.EMS)
    carriers["ems"].upset(NO_ROOM)

    await a_booking(stage, shop, worked=True)

    assert await history(stage) == [("ems", "rejected", "no such phone"), ("sms", "accepted", None)]
    assert (await delivery(stage))["channel"] == "sms"


async def test_a_channel_out_of_reach_is_tried_three_times_and_then_the_next(stage: Stage, shop: Shop) -> None:
    carriers = with_channels(stage, "sms", "sms_http")
    carriers["sms"].upset(AWAY, AWAY, AWAY)

    await a_booking(stage, shop, paid=True)
    for _ in range(4):
        await stage.work()
        stage.clock.advance(minutes=1)

    assert [one[:2] for one in await history(stage)] == [
        ("sms", "failed"), ("sms", "failed"), ("sms", "failed"), ("sms_http", "accepted"),
    ]  # fmt: skip


async def test_a_long_message_arrives_when_its_last_part_does(stage: Stage, shop: Shop) -> None:
    with_channels(stage, "sms")
    await a_booking(stage, shop, language="ko", worked=True)
    sent = await delivery(stage)
    assert (sent["parts"], sent["channel"], sent["message_id"]) == (2, "sms", "message-1-1")

    assert await told(stage, "sms:east", "DELIVERED", "message-1-2", "message-1-2") == [False, False]
    assert (await delivery(stage))["state"] == "sent"
    assert await told(stage, "sms:west", "DELIVERED", "message-1-1") == [False], "another message centre's id"
    assert await told(stage, "sms:east", "DELIVERED", "message-1-1") == [True]
    assert (await delivery(stage))["state"] == "delivered"


async def test_the_last_word_on_a_part_stays_the_last(stage: Stage, shop: Shop) -> None:
    with_channels(stage, "sms", "sms_http")
    await a_booking(stage, shop, language="ko", worked=True)
    assert await told(stage, "sms:east", "DELIVERED", "message-1-1") == [False]

    assert await told(stage, "sms:east", "EXPIRED", "message-1-1") == [False]

    assert (await delivery(stage))["state"] == "sent"
    assert await told(stage, "sms:east", "DELIVERED", "message-1-2") == [True]


@pytest.mark.parametrize("state", ["EXPIRED", "UNDELIVERABLE", "REJECTED"])
async def test_a_message_that_a_channel_took_and_lost_goes_by_the_next(stage: Stage, shop: Shop, state: str) -> None:
    carriers = with_channels(stage, "sms", "ems")
    await wants(stage, Profile.EMS)
    await a_booking(stage, shop, worked=True)

    assert await told(stage, "ems", state, "message-1-1") == [True]
    assert (await delivery(stage))["state"] == "queued"
    await stage.work()

    assert await history(stage) == [
        ("ems", "accepted", None), ("ems", "rejected", f"the carrier says {state.lower()}"), ("sms", "accepted", None),
    ]  # fmt: skip
    assert len(carriers["sms"].messages) == 1
    assert (await delivery(stage))["state"] == "sent"


async def test_one_part_that_will_not_arrive_is_enough_and_counts_once(stage: Stage, shop: Shop) -> None:
    with_channels(stage, "sms", "sms_http")
    await a_booking(stage, shop, language="ko", worked=True)

    assert await told(stage, "sms:east", "EXPIRED", "message-1-1", "message-1-2") == [True, False]
    await stage.work()

    assert [one[:2] for one in await history(stage)] == [
        ("sms", "accepted"),
        ("sms", "rejected"),
        ("sms_http", "accepted"),
    ]


async def test_a_late_word_of_the_first_channel_does_not_disturb_the_second_and_good_news_counts(
    stage: Stage, shop: Shop
) -> None:
    with_channels(stage, "sms", "sms_http")
    await a_booking(stage, shop, language="ko", worked=True)
    await told(stage, "sms:east", "EXPIRED", "message-1-1")
    await stage.work()

    assert await told(stage, "sms:east", "EXPIRED", "message-1-2") == [False]
    assert (await delivery(stage))["state"] == "sent"
    assert await told(stage, "sms_http", "DELIVERED", "message-1-1", "message-1-2") == [False, True]


async def test_when_the_last_channel_lost_it_staff_find_all_the_reasons_and_may_begin_anew(
    stage: Stage, shop: Shop
) -> None:
    carriers = with_channels(stage, "sms", "sms_http")
    carriers["sms"].upset(NO_ROOM)
    await a_booking(stage, shop, worked=True)
    assert await told(stage, "sms_http", "EXPIRED", "message-1-1") == [True]

    found = await delivery(stage)
    why = "sms: no such phone; sms_http: the carrier says expired"
    assert (found["state"], found["reason"]) == ("failed", why)
    member = Member(UUID(int=1), None, frozenset({"messages"}))
    (letter,) = await oversee.dead_letters(stage.world, member)
    assert letter.last_error == why
    (seen,) = await oversee.deliveries(stage.world, member, state="failed", after=None, limit=10)
    assert [(one.channel, one.outcome) for one in seen.tries] == [
        ("sms", "rejected"),
        ("sms_http", "accepted"),
        ("sms_http", "rejected"),
    ]

    await oversee.revive(stage.world, member, letter.id)
    await stage.work()

    assert (await delivery(stage))["state"] == "sent"
    assert (await history(stage))[-1][:2] == ("sms", "accepted")
    assert len(set(carriers["sms"].asked) | set(carriers["sms_http"].asked)) == 2, "what was lost has another key"


async def test_a_receipt_that_overtakes_its_record_moves_the_message_down_too(stage: Stage, shop: Shop) -> None:
    with_channels(stage, "sms", "sms_http")
    await told(stage, "sms:east", "EXPIRED", "message-1-1")

    await a_booking(stage, shop, worked=True)

    assert [one[:2] for one in await history(stage)] == [
        ("sms", "accepted"),
        ("sms", "rejected"),
        ("sms_http", "accepted"),
    ]
