"""Moves: compare and set, along the table and in no other way."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from builders import Shop, Stage, a_booking, state_of
from sqlmodel import SQLModel

from app.domain.booking import BOOKING, BookingEvent, BookingState
from app.domain.machine import IllegalTransition
from app.store.moves import MACHINES, move, move_many
from app.store.tables import Booking


@pytest.mark.parametrize("event", BookingEvent)
@pytest.mark.parametrize("state", BookingState)
async def test_a_row_moves_exactly_where_its_machine_says(
    stage: Stage, shop: Shop, state: BookingState, event: BookingEvent
) -> None:
    made = await a_booking(stage, shop)
    await stage.sql(f"UPDATE booking SET state = '{state.value}'")  # noqa: S608 - a state of ours
    known = state in BOOKING.sources(event)

    async with stage.world.transaction() as tx:
        moved = await move_many(tx, Booking, [made.id], event)

    assert moved == ({made.id} if known else set())
    assert await state_of(stage, made.id) == (BOOKING.target(event) if known else state).value


async def test_a_move_that_is_not_possible_is_an_error_where_one_row_was_meant(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, paid=True)

    with pytest.raises(IllegalTransition, match=f"booking {made.id} cannot be cancelled"):
        async with stage.world.transaction() as tx:
            await move(tx, Booking, made.id, BookingEvent.CANCEL)
    with pytest.raises(IllegalTransition):
        async with stage.world.transaction() as tx:
            await move(tx, Booking, UUID(int=1), BookingEvent.CANCEL)


async def test_many_rows_move_by_one_statement_and_take_other_columns_along(stage: Stage, shop: Shop) -> None:
    first, second = await a_booking(stage, shop), await a_booking(stage, shop)
    paid = await a_booking(stage, shop, paid=True)

    async with stage.world.transaction() as tx:
        moved = await move_many(
            tx, Booking, [first.id, second.id, paid.id], BookingEvent.CANCEL, settled_at=stage.clock.now()
        )
        assert await move_many(tx, Booking, [], BookingEvent.CANCEL) == set()

    assert moved == {first.id, second.id}
    rows = await stage.sql("SELECT id FROM booking WHERE state = 'cancelled' AND settled_at IS NOT NULL")
    assert {row.id for row in rows} == moved


async def test_of_two_who_move_one_row_at_once_the_second_finds_it_gone(
    stage: Stage, second: Stage, shop: Shop
) -> None:
    made = await a_booking(stage, shop)

    async def cancel() -> set[UUID]:
        async with second.world.transaction() as tx:
            return await move_many(tx, Booking, [made.id], BookingEvent.CANCEL)

    async with stage.world.transaction() as tx:
        await move(tx, Booking, made.id, BookingEvent.BEGIN)
        cancelling = asyncio.create_task(cancel())
        await asyncio.sleep(0.05)
        assert not cancelling.done(), "it waits for the first to commit"

    assert await cancelling == set()
    assert await state_of(stage, made.id) == "paying"


def test_every_table_with_a_state_has_a_machine() -> None:
    with_state = {table.name for table in SQLModel.metadata.tables.values() if "state" in table.columns}

    assert {str(row.__tablename__) for row in MACHINES} == with_state - {"receipt"}
