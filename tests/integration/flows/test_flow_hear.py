"""Hearing message centres: every part is kept before it is answered, and becomes one message with the last of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from builders import BUYER, Stage

from app.flows.talk import converse, hear
from app.ports import Place, Spoken
from app.store import conversations

WORDS = [b"BUY ", b"10", b"01"]


def read(parts: Sequence[tuple[int, bytes]]) -> str:
    return b"".join(octets for _, octets in parts).decode()


def spoken(octets: bytes, place: Place | None = None, **given: str) -> Spoken:
    fields = {"line": "sms:east", "sender": BUYER, "to": "1588", **given}
    return Spoken(data_coding=0, octets=octets, place=place, **fields)


def parts(reference: int = 7, words: Sequence[bytes] = WORDS) -> list[Spoken]:
    return [spoken(octets, Place(reference, len(words), place)) for place, octets in enumerate(words, start=1)]


async def heard(stage: Stage) -> list[str]:
    rows = await stage.sql("SELECT * FROM inbox ORDER BY received_at, id")
    return [converse._open(stage.world, row) for row in rows]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 0, 2, 1), (0, 1, 1, 2)], ids=str)
async def test_parts_in_any_order_and_repeated_become_one_message(stage: Stage, order: tuple[int, ...]) -> None:
    ears = hear.Ears(stage.world)
    for index in order:
        await ears.message(parts()[index], read)

    assert await heard(stage) == ["BUY 1001"]
    assert await stage.value("SELECT count(*) FROM inbox_part WHERE sealed IS NOT NULL") == 0
    assert await stage.value("SELECT count(*) FROM outbox WHERE topic = 'converse'") == 1


async def test_a_part_that_comes_once_more_after_the_whole_adds_nothing(stage: Stage) -> None:
    ears = hear.Ears(stage.world)
    for part in [*parts(), *parts()]:
        await ears.message(part, read)
        stage.clock.advance(seconds=hear.REPEAT_SECONDS)

    assert await heard(stage) == ["BUY 1001"]
    assert await stage.value("SELECT count(*) FROM inbox_part") == 3


async def test_all_parts_at_once_become_one_message(stage: Stage, second: Stage) -> None:
    stages = [stage, second, stage, second, stage, second]
    both = [*parts(), *parts()]

    await asyncio.gather(*(hear.Ears(one.world).message(part, read) for one, part in zip(stages, both, strict=True)))

    assert await heard(stage) == ["BUY 1001"]


async def test_another_message_under_the_same_reference_begins_anew(stage: Stage) -> None:
    ears = hear.Ears(stage.world)
    await ears.message(parts()[0], read)
    for part in parts(words=[b"HE", b"L", b"P"]):
        await ears.message(part, read)

    assert await heard(stage) == ["HELP"]


async def test_messages_of_two_handsets_or_lines_do_not_mix(stage: Stage) -> None:
    ears = hear.Ears(stage.world)
    await ears.message(spoken(b"HE", Place(1, 2, 1)), read)
    await ears.message(spoken(b"LP", Place(1, 2, 2), sender="+821087654321"), read)
    await ears.message(spoken(b"LP", Place(1, 2, 2), line="sms:west"), read)

    assert await heard(stage) == []


async def test_what_a_part_says_is_sealed_on_the_disk(stage: Stage) -> None:
    await hear.Ears(stage.world).message(spoken(b"YES 4711", Place(1, 2, 1)), read)

    sealed = await stage.value("SELECT sealed FROM inbox_part")
    assert b"4711" not in sealed


async def test_parts_that_never_become_whole_are_dropped_after_a_day(stage: Stage) -> None:
    await hear.Ears(stage.world).message(parts()[0], read)
    stage.clock.advance(days=1, seconds=1)

    async with stage.world.transaction() as tx:
        await conversations.purge_parts(tx, before=stage.clock.now() - hear.PARTS_KEPT)

    assert await stage.value("SELECT count(*) FROM inbox_part") == 0


async def test_a_message_that_is_told_twice_is_one_and_the_same_words_later_are_another(stage: Stage) -> None:
    ears = hear.Ears(stage.world)
    for _ in range(2):
        await ears.message(spoken(b"HELP"), read)
    stage.clock.advance(seconds=hear.REPEAT_SECONDS)
    await ears.message(spoken(b"HELP"), read)

    assert await heard(stage) == ["HELP", "HELP"]


@pytest.mark.parametrize(
    "part",
    [
        spoken(b"x", Place(1, hear.TOTAL_MAX + 1, 1)),
        spoken(b"x", Place(1, 2, 1), sender="1588"),
        spoken(b"x", Place(1, 2, 1), sender="Bank"),
        spoken(b"x", Place(1, 2, 1), to="1" * 25),
        spoken(b"x", sender="Bank"),
    ],
    ids=["too many parts", "short code", "name", "long address", "whole, from a name"],
)
async def test_what_nobody_could_answer_is_taken_and_not_kept(stage: Stage, part: Spoken) -> None:
    await hear.Ears(stage.world).message(part, read)

    assert await stage.value("SELECT (SELECT count(*) FROM inbox_part) + (SELECT count(*) FROM inbox)") == 0
