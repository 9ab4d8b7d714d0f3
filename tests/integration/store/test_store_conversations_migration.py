"""Migration 0002 on a house that is in business: its occasions get codes, and going back forgets conversations only."""

from __future__ import annotations

from builders import BUYER, FRIEND, Stage, a_booking, a_catalogue

from app.flows.hands.give import give
from app.flows.talk import converse
from app.store.migrate import downgrade, migrate


async def test_going_back_and_forth_keeps_what_was_sold(blank: Stage) -> None:
    shop = await a_catalogue(blank)
    made = await a_booking(blank, shop, worked=True)
    await give(blank.world, made.tickets[0].id, FRIEND)
    await converse.receive(
        blank.world, channel="sms_http", message_id="1", sender=BUYER, to="1588", text="help", at=blank.clock.now()
    )
    await blank.work()

    await downgrade(blank.database.engine, target="0001")
    purposes = await blank.sql("SELECT purpose FROM delivery")
    await migrate(blank.database.engine)

    assert sorted(row.purpose for row in purposes) == ["revoked", "ticket", "ticket"]
    codes = [row.sms_code for row in await blank.sql("SELECT sms_code FROM occasion ORDER BY id")]
    assert len(codes) > 5
    assert codes == list(range(1001, 1001 + len(codes)))
    assert await blank.value("SELECT count(*) FROM ticket WHERE state = 'valid'") == 1
