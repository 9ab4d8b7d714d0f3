"""Five hundred buyers, ten places: ten win, every round; and the proof that this would show a missing guard."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from builders import Made, Shop, Stage, a_booking

from app.domain.refusals import SoldOut
from app.ports import Held, Issuer, NotAvailable, Part, Wish
from app.store import stock

Sweep = Callable[[], Awaitable[None]]

BUYERS = 500
PLACES = 10
ROUNDS = 25


async def leave_ten(stage: Stage, occasion: UUID, category: str) -> None:
    """All places but ten of the category are sold already."""
    await stage.sql(
        "UPDATE place SET taken_by = :nobody WHERE occasion_id = :id AND category <> :category",
        nobody=UUID(int=9),
        id=occasion,
        category=category,
    )


def a_wish(shop: Shop, stage: Stage, occasion: UUID, part: Part) -> Wish:
    return Wish(stage.entropy.uuid(), shop.issuer, occasion, (part,), stage.clock.now().replace(year=2030))


async def rush(issuers: list[Issuer], wishes: list[Wish]) -> list[tuple[Wish, Held]]:
    """All ask at the same moment, through the processes in turn; the winners with what they hold."""
    answers = await asyncio.gather(*(issuers[number % len(issuers)].hold(wish) for number, wish in enumerate(wishes)))
    assert all(isinstance(answer, Held | NotAvailable) for answer in answers)
    return [(wish, answer) for wish, answer in zip(wishes, answers, strict=True) if isinstance(answer, Held)]


async def assert_whole(stage: Stage, occasion: UUID, winners: list[tuple[Wish, Held]], *, places: int) -> None:
    """Every place has one winner, and the winners have what the database says they have."""
    won = [(place, wish.key) for wish, held in winners for part in held.places for place in part]
    assert len({place for place, _ in won}) == len(won) == places
    rows = await stage.sql(
        "SELECT id, taken_by FROM place WHERE occasion_id = :id AND held_until IS NOT NULL", id=occasion
    )
    assert {(row.id, row.taken_by) for row in rows} == set(won)


@pytest.mark.parametrize("processes", [1, 2])
async def test_of_500_buyers_for_the_last_10_standing_places_exactly_10_win(
    stage: Stage, second: Stage, shop: Shop, sweep: Sweep, processes: int
) -> None:
    occasion = shop.occasions["play/mon"]
    issuers = [stage.world.issuers["local"], second.world.issuers["local"]][:processes]
    for _ in range(ROUNDS):
        await leave_ten(stage, occasion, "FLOOR")
        wishes = [a_wish(shop, stage, occasion, Part("FLOOR", 1)) for _ in range(BUYERS)]

        winners = await rush(issuers, wishes)

        assert len(winners) == PLACES
        await assert_whole(stage, occasion, winners, places=PLACES)
        await sweep()


@pytest.mark.parametrize("processes", [1, 2])
async def test_of_500_buyers_who_want_the_same_few_seats_each_seat_has_one_winner(
    stage: Stage, second: Stage, shop: Shop, sweep: Sweep, processes: int
) -> None:
    occasion = shop.occasions["play/mon"]
    seats = [shop.places["play/mon"][f"{row}-{seat}"] for row in "AB" for seat in range(2, 7)]
    issuers = [stage.world.issuers["local"], second.world.issuers["local"]][:processes]
    for _ in range(ROUNDS):
        wishes = [
            a_wish(shop, stage, occasion, Part("R" if n % 10 < 5 else "S", 1, (seats[n % 10],))) for n in range(BUYERS)
        ]

        winners = await rush(issuers, wishes)

        assert len(winners) == PLACES
        await assert_whole(stage, occasion, winners, places=PLACES)
        await sweep()


async def test_pairs_that_overlap_get_both_seats_or_none(stage: Stage, second: Stage, shop: Shop, sweep: Sweep) -> None:
    """Everybody wants two neighbours of six; nobody may keep half a wish, and no seat may stay with a loser."""
    occasion = shop.occasions["play/mon"]
    seats = [shop.places["play/mon"][f"A-{seat}"] for seat in range(1, 7)]
    issuers = [stage.world.issuers["local"], second.world.issuers["local"]]
    for _ in range(ROUNDS):
        wishes = [
            a_wish(shop, stage, occasion, Part("R", 2, (seats[n % 5], seats[n % 5 + 1]))) for n in range(BUYERS // 2)
        ]

        winners = await rush(issuers, wishes)

        assert 2 <= len(winners) <= 3
        await assert_whole(stage, occasion, winners, places=2 * len(winners))
        await sweep()


async def test_quantities_of_many_sizes_fill_the_floor_without_a_gap(
    stage: Stage, second: Stage, shop: Shop, sweep: Sweep
) -> None:
    occasion = shop.occasions["play/mon"]
    issuers = [stage.world.issuers["local"], second.world.issuers["local"]]
    for _ in range(ROUNDS):
        await leave_ten(stage, occasion, "FLOOR")
        wishes = [a_wish(shop, stage, occasion, Part("FLOOR", n % 3 + 1)) for n in range(BUYERS // 2)]

        winners = await rush(issuers, wishes)

        assert sum(part.quantity for wish, _ in winners for part in wish.parts) == PLACES
        await assert_whole(stage, occasion, winners, places=PLACES)
        await sweep()


@pytest.mark.parametrize("processes", [1, 2])
async def test_500_whole_bookings_for_the_last_10_places_end_in_10_bookings_and_490_second_choices(
    stage: Stage, second: Stage, shop: Shop, processes: int
) -> None:
    occasion = shop.occasions["play/mon"]
    await leave_ten(stage, occasion, "FLOOR")
    stages = [stage, second][:processes]

    outcomes = await asyncio.gather(
        *(a_booking(stages[n % processes], shop, category="FLOOR") for n in range(BUYERS)), return_exceptions=True
    )

    won = [one for one in outcomes if isinstance(one, Made)]
    lost = [one for one in outcomes if isinstance(one, SoldOut)]
    assert (len(won), len(lost)) == (PLACES, BUYERS - PLACES)
    assert {one.id for one in won} == {
        row.taken_by for row in await stage.sql("SELECT taken_by FROM place WHERE held_until IS NOT NULL")
    }
    assert await stage.value("SELECT count(*) FROM booking") == PLACES
    assert all("These are" in one.sentence or "Nothing else" in one.sentence for one in lost)


# --- the proof ------------------------------------------------------------------------------------------------------


def _unguarded(statement: str) -> str:
    """The same statement without the predicate that a place must be free."""
    text = statement.replace(stock.FREE, "true")
    assert text.count("true") == 2, "the guard stands in both halves of the statement"
    return text


async def test_without_the_guard_two_processes_sell_one_place_twice_and_the_race_shows_it(
    stage: Stage, second: Stage, shop: Shop, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stock, "TAKE", _unguarded(stock.TAKE))
    occasion = shop.occasions["play/mon"]
    issuers: list[Any] = [stage.world.issuers["local"], second.world.issuers["local"]]
    oversold = 0
    for _ in range(ROUNDS):
        await leave_ten(stage, occasion, "FLOOR")
        wishes = [a_wish(shop, stage, occasion, Part("FLOOR", 1)) for _ in range(BUYERS)]
        oversold = len(await rush(issuers, wishes)) - PLACES
        await sweep()
        if oversold:
            break

    assert oversold, f"in {ROUNDS} rounds nobody was sold a place twice: this race proves nothing"
