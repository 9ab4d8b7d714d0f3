"""A gate's snapshot: how its tickets stand, and when it is another one."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from builders import KEYS, Shop, Stage
from snapshot_kit import bound_gate, change, ready, sold, taken

from app.domain.refusals import WrongState
from app.domain.snapshot import Form, State, open_by_code, read_snapshot
from app.flows.gate import snapshot

# --- how they stand -------------------------------------------------------------------------------------------------


async def test_a_status_says_of_each_ticket_how_it_stands(stage: Stage, shop: Shop) -> None:
    made = (await sold(stage, shop, quantity=5)).tickets
    gate = await ready(stage, shop)
    first, used, revoked, suspended, bound = (open_by_code(gate.snapshot, one.code)[0].index for one in made)
    await change(stage, made[1].id, uses_left=0, inside=1)
    await change(stage, made[2].id, state="revoked")
    await change(stage, made[3].id, state="suspended")
    await change(stage, made[4].id, holder_key=b"\x02" + bytes(32))

    board = await gate.refresh()

    states = [board.standing(index).state for index in (first, used, revoked, suspended, bound)]
    assert states == [State.VALID, State.USED_UP, State.REVOKED, State.SUSPENDED, State.VALID]
    assert [board.standing(index).inside for index in (first, used)] == [0, 1]
    assert [board.standing(index).bound for index in (first, bound)] == [False, True]


async def test_uses_balances_and_windows_are_told_in_numbers(stage: Stage, shop: Shop) -> None:
    now = stage.clock.now()
    carnet = (await sold(stage, shop, "carnet/open", category="adult")).tickets[0]
    voucher = (await sold(stage, shop, "gift/open", category="gift")).tickets[0]
    gate = await ready(stage, shop)
    places = [open_by_code(gate.snapshot, one.code)[0].index for one in (carnet, voucher)]
    board = await gate.refresh()
    assert [board.standing(index).left for index in places] == [3, 50_000]

    await change(stage, carnet.id, uses_left=1, last_used_at=now, activated_until=now + timedelta(hours=1))
    await change(stage, voucher.id, balance=0)
    after = [(await gate.refresh()).standing(index) for index in places]

    assert (after[0].left, after[0].last, after[0].until) == (1, now, now + timedelta(hours=1))
    assert (after[1].left, after[1].state) == (0, State.USED_UP)


async def test_tickets_sold_meanwhile_come_with_the_status(stage: Stage, shop: Shop) -> None:
    await sold(stage, shop)
    gate = await ready(stage, shop)
    await gate.refresh()
    carnet = (await sold(stage, shop, "carnet/open", category="adult")).tickets[0]

    status = await gate.status()
    board = await gate.refresh()

    (opened,) = open_by_code(gate.snapshot, carnet.code)
    assert (status.form, status.first, status.rows) == (Form.CHANGES, 1, 2)
    assert shop.products["carnet"] in gate.snapshot.header.news.products
    assert board.standing(opened.index).left == 3


async def test_all_rows_are_told_where_that_is_shorter(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = (await sold(stage, shop, quantity=6)).tickets
    gate = await ready(stage, shop)
    await gate.refresh()
    for ticket in made:
        await change(stage, ticket.id, state="revoked")
    monkeypatch.setattr(snapshot, "SMALL_OCTETS", 0)
    monkeypatch.setattr(snapshot, "full_body", lambda flags, counted: b"" if flags and not [*counted] else b"?" * 99)

    assert (await gate.status()).form is Form.FULL
    monkeypatch.setattr(snapshot, "full_body", lambda *_: b"?" * 99)
    assert (await gate.status()).form is Form.CHANGES


async def test_a_gate_that_knows_everything_is_told_so_in_no_octets(stage: Stage, shop: Shop) -> None:
    (ticket,) = (await sold(stage, shop)).tickets
    gate = await ready(stage, shop)
    board = await gate.refresh()
    edition = gate.snapshot.header.edition

    async def told(known: list[str]) -> tuple[str, bool]:
        found = await snapshot.status(
            stage.world, gate.caller, edition=edition, have=1, after=board.cursor, known=known
        )
        return found.etag, found.body is None

    etag = f'"{edition.hex()}-{board.cursor}"'
    assert await told([etag]) == (etag, True)
    assert (await told(['"other"']))[1] is False
    await change(stage, ticket.id, uses_left=0)
    assert (await told([etag]))[1] is False


# --- when a snapshot is another one ---------------------------------------------------------------------------------


async def test_within_an_hour_the_same_snapshot_is_not_sent_twice(stage: Stage, shop: Shop) -> None:
    await sold(stage, shop)
    caller = await bound_gate(stage, shop)
    told = await snapshot.take(stage.world, caller)
    stage.clock.advance(minutes=40)

    assert (await snapshot.take(stage.world, caller, known=['"x"', told.etag])).body is None
    await sold(stage, shop)
    more = await snapshot.take(stage.world, caller, known=[told.etag])
    stage.clock.advance(minutes=21)
    later = await snapshot.take(stage.world, caller, known=[more.etag])

    assert len({told.etag, more.etag, later.etag}) == 3


async def test_a_new_rule_of_a_product_makes_another_snapshot(stage: Stage, shop: Shop) -> None:
    await sold(stage, shop)
    caller = await bound_gate(stage, shop)
    before = await snapshot.take(stage.world, caller)
    own = "SELECT entry_rules FROM product WHERE id = :id"
    rules = await stage.value(own, id=shop.products["play"])
    change_rules = "UPDATE product SET entry_rules = CAST(:rules AS jsonb) WHERE id = :id"
    try:
        await stage.sql(change_rules, rules='{"reentry": true}', id=shop.products["play"])
        after = await snapshot.take(stage.world, caller, known=[before.etag])
    finally:
        await stage.sql(
            "UPDATE product SET entry_rules = :rules WHERE id = :id", rules=json.dumps(rules), id=shop.products["play"]
        )

    assert after.body is not None
    header = read_snapshot(after.body, KEYS.verifier.verify).header
    assert header.news.products[shop.products["play"]].rules.reentry


async def test_last_nights_edition_is_kept_up_for_a_day_and_no_longer(stage: Stage, shop: Shop) -> None:
    (ticket,) = (await sold(stage, shop, "play/wed")).tickets
    gate = await ready(stage, shop)
    await gate.refresh()
    key = await gate.pin_key()
    stage.clock.advance(days=1)
    await change(stage, ticket.id, uses_left=0)

    board = await gate.refresh()
    assert (board.standing(0).state, await gate.pin_key()) == (State.USED_UP, key)
    stage.clock.advance(days=1)

    with pytest.raises(WrongState, match="Fetch the snapshot again"):
        await gate.status()
    with pytest.raises(WrongState, match="Fetch the snapshot again"):
        await gate.pin_key()


async def test_the_edition_of_other_occasions_is_not_told(stage: Stage, shop: Shop) -> None:
    all_of_them = await ready(stage, shop)
    one = await taken(stage, await bound_gate(stage, shop, shop.occasions["play/mon"], name="South"))

    with pytest.raises(WrongState):
        await snapshot.pin_key(stage.world, one.caller, edition=all_of_them.snapshot.header.edition)


async def test_a_gate_that_knows_more_than_a_database_that_was_put_back_begins_anew(stage: Stage, shop: Shop) -> None:
    await sold(stage, shop)
    gate = await ready(stage, shop)
    board = await gate.refresh()

    for ahead in ({"after": board.cursor + 1_000}, {"have": 2}):
        with pytest.raises(WrongState, match=r"was put back\. Fetch the snapshot again"):
            await gate.status(**ahead)


async def test_each_edition_has_a_key_of_its_own(stage: Stage, shop: Shop) -> None:
    caller = await bound_gate(stage, shop)
    today = await taken(stage, caller)
    stage.clock.advance(days=1)
    tomorrow = await taken(stage, caller)

    assert await today.pin_key() != await tomorrow.pin_key()
