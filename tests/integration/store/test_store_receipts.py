"""What networks say of messages, many words at a time: the same as if they had come one after the other."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from builders import Shop, Stage, a_booking

from app.store import receipts
from app.store.receipts import Fell, Taken, Word

LINE = "smsc"


@pytest.fixture
async def two(stage: Stage, shop: Shop) -> tuple[UUID, UUID]:
    """Two deliveries that wait to be sent."""
    await a_booking(stage, shop, quantity=2, paid=True)
    first, second = await stage.sql("SELECT id FROM delivery ORDER BY id")
    return first.id, second.id


async def take(stage: Stage, *taken: Taken) -> list[Fell]:
    async with stage.world.transaction() as tx:
        return await receipts.sent(tx, taken, now=stage.clock.now())


async def hear(stage: Stage, *words: Word) -> list[bool | Fell]:
    async with stage.world.transaction() as tx:
        return await receipts.receive(tx, words, now=stage.clock.now())


def taken(identity: UUID, *names: str, channel: str = "sms") -> Taken:
    return Taken(identity, channel, LINE, names, len(names))


def word(stage: Stage, name: str, state: str = "DELIVERED", *, late: int = 0) -> Word:
    return Word(LINE, name, state, stage.clock.now() + timedelta(seconds=late))


async def states(stage: Stage) -> list[str]:
    return [row.state for row in await stage.sql("SELECT state FROM delivery ORDER BY id")]


async def test_messages_that_were_taken_together_are_each_recorded_with_their_own_names(
    stage: Stage, two: tuple[UUID, UUID]
) -> None:
    first, second = two

    assert await take(stage, taken(first, "a1", "a2"), taken(second, "b1", channel="ems")) == []

    rows = await stage.sql("SELECT state, channel, message_id, parts FROM delivery ORDER BY id")
    assert [tuple(row) for row in rows] == [("sent", "sms", "a1", 2), ("sent", "ems", "b1", 1)]
    parts = await stage.sql("SELECT message_id, delivery_id, try_seq FROM delivery_part ORDER BY message_id")
    assert [tuple(row) for row in parts] == [("a1", first, 1), ("a2", first, 1), ("b1", second, 1)]


async def test_a_message_that_two_say_they_sent_is_recorded_once(stage: Stage, two: tuple[UUID, UUID]) -> None:
    first, _ = two

    await take(stage, taken(first, "a1"), taken(first, "a9"))

    assert await stage.value("SELECT count(*) FROM delivery_try") == 1
    assert await stage.value("SELECT message_id FROM delivery WHERE id = :id", id=first) == "a1"


async def test_the_last_part_of_several_that_are_heard_together_says_that_the_message_arrived(
    stage: Stage, two: tuple[UUID, UUID]
) -> None:
    first, second = two
    await take(stage, taken(first, "a1", "a2"), taken(second, "b1", "b2"))

    heard = await hear(stage, word(stage, "a1"), word(stage, "b1"), word(stage, "a2", late=3), word(stage, "x1"))

    assert heard == [False, False, True, False]
    rows = await stage.sql("SELECT state, arrived_at FROM delivery ORDER BY id")
    assert [tuple(row) for row in rows] == [("delivered", stage.clock.now() + timedelta(seconds=3)), ("sent", None)]


async def test_a_word_that_is_said_twice_is_new_once(stage: Stage, two: tuple[UUID, UUID]) -> None:
    first, _ = two
    await take(stage, taken(first, "a1"))

    assert await hear(stage, word(stage, "a1"), word(stage, "a1"), word(stage, "a1", late=9)) == [True, False, False]
    assert await hear(stage, word(stage, "a1")) == [False]


async def test_words_on_one_part_count_in_the_order_in_which_they_came(stage: Stage, two: tuple[UUID, UUID]) -> None:
    first, second = two
    await take(stage, taken(first, "a1"), taken(second, "b1"))

    heard = await hear(
        stage,
        word(stage, "a1", "ACCEPTED"),
        word(stage, "b1", "DELIVERED"),
        word(stage, "a1", "DELIVERED"),
        word(stage, "b1", "EXPIRED"),
    )

    assert heard == [False, True, True, False]
    assert await states(stage) == ["delivered", "delivered"]


async def test_a_message_of_which_two_parts_will_not_arrive_falls_once(stage: Stage, two: tuple[UUID, UUID]) -> None:
    first, _ = two
    await take(stage, taken(first, "a1", "a2", "a3"))

    heard = await hear(
        stage,
        word(stage, "a1", "EXPIRED"),
        word(stage, "a2", "REJECTED"),
        word(stage, "a3", "ENROUTE"),
        word(stage, "a3", "EXPIRED"),
    )

    assert heard == [Fell(first, "sms", "the carrier says expired"), False, False, False]


async def test_receipts_that_overtook_the_record_count_as_soon_as_it_is_made(
    stage: Stage, two: tuple[UUID, UUID]
) -> None:
    first, second = two
    early = [word(stage, "a1", "ENROUTE"), word(stage, "a1"), word(stage, "b1", "REJECTED"), word(stage, "b1")]
    assert await hear(stage, *early) == [False] * 4

    assert await take(stage, taken(first, "a1"), taken(second, "b1")) == [
        Fell(second, "sms", "the carrier says rejected")
    ]

    assert await states(stage) == ["delivered", "sent"]


async def test_a_part_of_an_earlier_try_that_fails_brings_nobody_back(stage: Stage, two: tuple[UUID, UUID]) -> None:
    first, _ = two
    await take(stage, taken(first, "a1"))
    await stage.sql("UPDATE delivery SET state = 'queued' WHERE id = :id", id=first)
    await take(stage, taken(first, "a2", channel="ems"))

    assert await hear(stage, word(stage, "a1", "EXPIRED")) == [False]
