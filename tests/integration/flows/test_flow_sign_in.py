"""Signing in: who has the phone gets in, who guesses does not, and nobody learns whose number it is."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from uuid import UUID

import pytest
from builders import BUYER, FRIEND, KEYS, Shop, Stage, a_booking, a_stage
from enrolled_kit import ADDRESS, a_code, a_device, a_key, a_proof, devices_of
from fakes import Upset

from app.domain.handset import Handset
from app.domain.refusals import BadHandset, NotAuthentic, TooMany, WrongState
from app.domain.sign_in import SignInPurpose, digits_of
from app.flows.handset import devices, sign_in
from app.flows.handset.sign_in import Ask, Enrolment


def an_ask(number: str = BUYER, *, language: str = "en", address: str = ADDRESS) -> Ask:
    return Ask(Handset(number), SignInPurpose.ENROL, language, address)


async def enrolled(stage: Stage, code: str, *, number: str = BUYER, key: int = 1, replaces: UUID | None = None) -> UUID:
    ask = Enrolment(Handset(number), code, a_proof(stage, a_key(key)), f"Phone {key}", replaces)
    identity: UUID = (await sign_in.enrol(stage.world, ask)).id
    return identity


def another(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


async def test_the_code_comes_by_message_and_makes_the_device_the_numbers(stage: Stage, shop: Shop) -> None:
    del shop
    code = await a_code(stage, BUYER)

    await enrolled(stage, code)

    assert await devices_of(stage, BUYER) == ["Phone 1"]
    row = (await stage.sql("SELECT * FROM device"))[0]
    assert row.public_key == a_proof(stage, a_key(1)).point
    assert await stage.value("SELECT subject FROM sign_in") == row.thumbprint


@pytest.mark.parametrize(
    ("language", "words"), [("ko", "누구에게도 알려 주지 마십시오"), ("en", "Never tell it to anyone")]
)
async def test_the_message_warns_in_the_holders_language_and_ends_in_what_browsers_read(
    stage: Stage, language: str, words: str
) -> None:
    await sign_in.send_code(stage.world, an_ask(language=language))
    await stage.work()

    (text,) = stage.carrier.inbox(BUYER)
    row = (await stage.sql("SELECT id FROM sign_in"))[0]
    digits = digits_of(KEYS.sign_in_mac(KEYS.kid), row.id, SignInPurpose.ENROL)
    assert words in text
    assert text.splitlines()[-1] == f"@tickets.example #{digits}"
    assert len(stage.carrier.preview(text).parts) == 1


async def test_the_digits_stand_nowhere_in_the_database(stage: Stage) -> None:
    code = await a_code(stage, BUYER)

    for table in ("sign_in", "delivery", "delivery_try", "outbox"):
        for row in await stage.sql(f"SELECT {table}::text AS whole FROM {table}"):  # noqa: S608 - named above
            assert code not in row.whole


async def test_a_number_with_tickets_and_one_without_leave_the_same_traces(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, worked=True)

    for number in (BUYER, FRIEND):
        await sign_in.send_code(stage.world, an_ask(number))

    first, second = await stage.sql(
        "SELECT purpose, language, asked_from, subject, tries, until, created_at FROM sign_in ORDER BY id"
    )
    assert tuple(first) == tuple(second)


async def test_of_what_is_wrong_with_a_code_nobody_is_told(stage: Stage) -> None:
    code = await a_code(stage, BUYER)
    said = set()
    for number, typed in ((BUYER, another(code)), (FRIEND, code), (BUYER, "12345"), (BUYER, "abcdef")):
        with pytest.raises(NotAuthentic) as refused:
            await enrolled(stage, typed, number=number)
        said.add(refused.value.sentence)

    stage.clock.advance(minutes=5)
    with pytest.raises(NotAuthentic) as late:
        await enrolled(stage, code)

    assert said == {late.value.sentence}


async def test_a_code_is_good_with_spaces_and_only_once(stage: Stage) -> None:
    code = await a_code(stage, BUYER)

    await enrolled(stage, f"{code[:3]} {code[3:]}")

    with pytest.raises(NotAuthentic):
        await enrolled(stage, code, key=2)


async def test_a_code_for_one_thing_is_no_code_for_another(stage: Stage) -> None:
    code = await a_code(stage, BUYER, SignInPurpose.LOSS)

    with pytest.raises(NotAuthentic):
        await enrolled(stage, code)


async def test_five_guesses_end_a_code_even_for_who_knows_it(stage: Stage) -> None:
    code = await a_code(stage, BUYER)
    for _ in range(5):
        with pytest.raises(NotAuthentic):
            await enrolled(stage, another(code))

    with pytest.raises(NotAuthentic):
        await enrolled(stage, code)


async def test_guesses_at_the_same_time_gain_nothing(stage: Stage, second: Stage) -> None:
    code = await a_code(stage, BUYER)
    guesses = [another(code)] * 5 + [code] * 15
    outcomes = await asyncio.gather(
        *(
            enrolled(one, guess, key=10 + index)
            for index, guess in enumerate(guesses)
            for one in [stage if index % 2 else second]
        ),
        return_exceptions=True,
    )

    assert await stage.value("SELECT tries FROM sign_in") == 5
    assert sum(isinstance(one, UUID) for one in outcomes) <= 1
    assert all(isinstance(one, UUID | NotAuthentic) for one in outcomes)


async def test_a_new_code_ends_the_one_before(stage: Stage) -> None:
    first = await a_code(stage, BUYER)
    await a_code(stage, BUYER)

    with pytest.raises(NotAuthentic):
        await enrolled(stage, first)


async def test_guessing_all_day_is_fifty_tries_of_a_million(stage: Stage) -> None:
    for turn in range(3 * 24):
        with suppress(TooMany):
            await sign_in.send_code(stage.world, an_ask(address=f"198.51.100.{turn}"))
        for _ in range(6):
            with pytest.raises(NotAuthentic):
                await sign_in.proven(stage.world, BUYER, SignInPurpose.ENROL, "not it")
        stage.clock.advance(minutes=20)

    assert await stage.value("SELECT sum(tries) FROM sign_in") == 50


async def test_a_number_is_sent_three_codes_an_hour_and_ten_a_day(stage: Stage) -> None:
    for _ in range(3):
        await sign_in.send_code(stage.world, an_ask(address="a"))
    with pytest.raises(TooMany) as often:
        await sign_in.send_code(stage.world, an_ask(address="b"))
    for hour in range(7):
        stage.clock.advance(hours=1)
        await sign_in.send_code(stage.world, an_ask(address=f"c{hour}"))
    stage.clock.advance(hours=1)
    with pytest.raises(TooMany) as daily:
        await sign_in.send_code(stage.world, an_ask(address="d"))

    assert (often.value.more, daily.value.more) == ({"retry_after_seconds": 3_600}, {"retry_after_seconds": 86_400})


async def test_one_address_asks_for_as_many_codes_an_hour_as_the_operator_lets_it(
    stage: Stage, database_url: str
) -> None:
    guarded = a_stage(database_url, seed=2, database=stage.database, clock=stage.clock, codes_per_asker_hour_max=4)
    for number in range(4):
        await sign_in.send_code(guarded.world, an_ask(f"+8210555500{number:02}"))

    with pytest.raises(TooMany, match="4 codes were asked for from your address"):
        await sign_in.send_code(guarded.world, an_ask("+821055550099"))

    await sign_in.send_code(guarded.world, an_ask("+821055550099", address="elsewhere"))
    await sign_in.send_code(stage.world, an_ask("+821055550097"))
    stage.clock.advance(hours=1)
    await sign_in.send_code(guarded.world, an_ask("+821055550098"))
    await guarded.close()


async def test_the_limits_hold_for_requests_at_the_same_time(stage: Stage, second: Stage) -> None:
    asks = [
        sign_in.send_code(one.world, an_ask(address=f"a{number}")) for number in range(4) for one in (stage, second)
    ]
    outcomes = await asyncio.gather(*asks, return_exceptions=True)

    assert sum(one is None for one in outcomes) == 3
    assert await stage.value("SELECT count(*) FROM sign_in") == 3


async def test_codes_go_only_where_the_operator_lets_them(stage: Stage, database_url: str) -> None:
    guarded = a_stage(database_url, database=stage.database, code_prefixes=("+82", "+81"))

    await sign_in.send_code(guarded.world, an_ask())
    with pytest.raises(BadHandset, match=r"\+82, \+81"):
        await sign_in.send_code(guarded.world, an_ask("+447700900123"))
    await guarded.close()


async def test_a_code_that_comes_too_late_is_not_sent_and_troubles_nobody(stage: Stage) -> None:
    stage.carrier.upset(*[Upset.LOST_BEFORE] * 3)
    await sign_in.send_code(stage.world, an_ask())
    await stage.work()
    stage.clock.advance(minutes=6)
    await stage.work()

    assert stage.carrier.inbox(BUYER) == []
    assert await stage.value("SELECT state FROM delivery") == "failed"
    assert await stage.value("SELECT count(*) FROM outbox WHERE dead_at IS NOT NULL OR done_at IS NULL") == 0


# --- devices --------------------------------------------------------------------------------------------------------


async def test_a_number_has_five_devices_and_a_sixth_takes_the_place_of_one(stage: Stage) -> None:
    callers = [await a_device(stage, BUYER, key=key, name=f"Phone {key}") for key in range(1, 6)]
    code = await a_code(stage, BUYER)

    with pytest.raises(WrongState) as full:
        await enrolled(stage, code, key=6)
    await enrolled(stage, code, key=6, replaces=callers[0].device_id)

    told = full.value.more["devices"]
    assert isinstance(told, list)
    assert [one["name"] for one in told] == [f"Phone {key}" for key in range(5, 0, -1)]
    assert await devices_of(stage, BUYER) == [f"Phone {key}" for key in range(6, 1, -1)]


async def test_nobody_makes_room_with_another_numbers_device(stage: Stage) -> None:
    theirs = await a_device(stage, FRIEND, key=9)

    await enrolled(stage, await a_code(stage, BUYER), replaces=theirs.device_id)

    assert await devices_of(stage, FRIEND) == ["Phone"]


async def test_the_same_key_again_is_the_same_device(stage: Stage) -> None:
    first = await enrolled(stage, await a_code(stage, BUYER))

    assert await enrolled(stage, await a_code(stage, BUYER)) == first


async def test_a_key_is_one_numbers_for_ever(stage: Stage) -> None:
    await enrolled(stage, await a_code(stage, BUYER))

    with pytest.raises(WrongState, match="new key pair"):
        await enrolled(stage, await a_code(stage, FRIEND), number=FRIEND)


async def test_a_device_is_seen_whenever_it_gets_a_token(stage: Stage) -> None:
    mine = await a_device(stage, BUYER)

    token = await devices.token(stage.world, mine.device_id, "x" * 43)

    assert await stage.value("SELECT seen_at FROM device") == stage.clock.now()
    assert token.expires_at == stage.clock.now() + devices.LIFETIME
    assert token.text not in repr(token)
