"""A secret that leaked is dropped: what it opened opens nothing, and everybody gets new codes, once, whatever dies."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from builders import (
    BUYER,
    FRIEND,
    KEYS,
    Shop,
    Stage,
    a_booking,
    a_catalogue,
    a_gate,
    a_price,
    a_product,
    a_scan,
    an_account,
    an_issuer,
    typed,
)
from fakes import Killed
from mortal import Fate, MortalDatabase

from app.domain.credential import link_token_for
from app.domain.entry_rules import EntryRules
from app.domain.refusals import WrongState
from app.flows.hands import key_uses
from app.flows.hands.key_uses import Renewed, renew, uses, why_kept
from app.flows.tickets import show
from app.flows.tickets.show import compact_code
from app.keys import Current, KeyRing
from app.keys.rotation import Key, State
from app.pins import pin_of
from app.store.key_uses import Uses
from app.world import World

AFTER = KeyRing(
    secrets={2: bytes(range(32))},
    barcode=KEYS.barcode,
    token=KEYS.token,
    current=Current(secret=2),
    dropped=frozenset({1}),
)
"""The ring after its first secret was dropped."""


def dropped(world: World) -> World:
    return replace(world, house=replace(world.house, keys=AFTER))


def a_key(stage: Stage, kind: str, state: State = State.PREVIOUS, *, index: int = 1, used: int | None = None) -> Key:
    """A key that was used until so many hours from now."""
    now = stage.clock.now()
    return Key(kind, index, state, "", now, None if used is None else now + timedelta(hours=used))


def secret_of(ticket: sa.Row[Any]) -> str:
    return pin_of(
        AFTER, issuer_id=ticket.issuer_id, identity=ticket.id, kid=ticket.kid, generation=ticket.generation
    ).reveal()


async def successors(stage: Stage, ticket_id: UUID) -> list[sa.Row[Any]]:
    rows = await stage.sql("SELECT id FROM ticket WHERE gift_of = :id", id=ticket_id)
    return [await show.ticket(stage.world, row.id) for row in rows]


# --- dropped ---


async def test_under_a_dropped_secret_nothing_opens_and_nothing_breaks(stage: Stage, shop: Shop) -> None:
    old = (await a_booking(stage, shop, worked=True)).tickets[0]
    gate = await a_gate(stage, shop)
    number_and_pin, compact = typed(old), compact_code(stage.world, old)
    link = link_token_for(KEYS.link_mac(1), ticket_id=old.id, generation=1).reveal()
    stage.clock.advance(days=2)

    stage.world = dropped(stage.world)

    assert (await a_scan(stage, shop, gate, number_and_pin))["reason"] == "wrong_pin"
    assert (await a_scan(stage, shop, gate, compact))["admit"] is False
    with pytest.raises(WrongState, match="being issued anew"):
        await show.ticket_by_link(stage.world, link)


async def test_a_message_that_still_waits_is_not_sent_with_codes_that_open_nothing(stage: Stage, shop: Shop) -> None:
    old = (await a_booking(stage, shop, paid=True)).tickets[0]
    stage.world = dropped(stage.world)

    await stage.work()
    assert stage.carrier.inbox(BUYER) == []

    await renew(stage.world, 1)
    await stage.work()
    (new,) = await successors(stage, old.id)
    (told,) = stage.carrier.inbox(BUYER)
    assert f"PIN {secret_of(new)}" in told


async def test_each_holder_gets_new_codes_by_message(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, quantity=2, handsets=(BUYER, FRIEND), worked=True)
    stage.world = dropped(stage.world)

    done = await renew(stage.world, 1)
    await stage.work()

    assert (done.tickets, done.accounts, dict(done.left)) == (2, 0, {})
    for old in made.tickets:
        (new,) = await successors(stage, old.id)
        assert (new.kid, new.handset, new.state) == (2, old.handset, "valid")
        assert f"PIN {secret_of(new)}" in stage.carrier.inbox(new.handset)[-1]
        assert (await show.ticket(stage.world, old.id)).state == "revoked"


async def test_an_account_gets_another_pin_and_keeps_its_money(stage: Stage, shop: Shop) -> None:
    before = await an_account(stage, shop, 7_000)
    await stage.work()
    stage.world = dropped(stage.world)

    done = await renew(stage.world, 1)
    await stage.work()

    (row,) = await stage.sql("SELECT * FROM account WHERE kind = 'prepaid'")
    pin = pin_of(AFTER, issuer_id=row.issuer_id, identity=row.id, kid=row.kid, generation=row.generation).reveal()
    assert (done.accounts, row.kid, row.generation, row.balance) == (1, 2, 2, 7_000)
    assert pin in stage.carrier.inbox(BUYER)[-1]
    assert before not in stage.carrier.inbox(BUYER)[-1]


async def test_killed_at_every_step_it_goes_on_and_tells_each_holder_once(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_uses, "BATCH", 2)
    made = await a_booking(stage, shop, quantity=3, handsets=(BUYER, FRIEND, FRIEND), worked=True)
    await an_account(stage, shop, 7_000)
    await stage.work()
    heard = len(stage.carrier.inbox(BUYER)) + len(stage.carrier.inbox(FRIEND))
    stage.world = dropped(stage.world)
    deaths = 0

    for at in itertools.count(1):
        fate = Fate(at)
        mortal = replace(stage.world, database=MortalDatabase(stage.database, fate))
        try:
            await renew(mortal, 1)
        except Killed:
            deaths += 1
        if not fate.met:
            break
    await stage.work()

    assert deaths >= 8
    assert [len(await successors(stage, old.id)) for old in made.tickets] == [1, 1, 1]
    assert len(stage.carrier.inbox(BUYER)) + len(stage.carrier.inbox(FRIEND)) == heard + 4
    assert await stage.value("SELECT generation FROM account WHERE kind = 'prepaid'") == 2
    assert not await uses(stage.world, a_key(stage, "secret"))
    assert await renew(stage.world, 1) == Renewed()


async def test_what_cannot_be_issued_anew_is_counted_by_its_reason_and_passed_over(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, quantity=2, worked=True)
    await stage.sql("UPDATE ticket SET state = 'suspended' WHERE id = :id", id=made.tickets[0].id)
    stage.world = dropped(stage.world)
    told: list[int] = []

    done = await renew(stage.world, 1, told=lambda so_far: told.append(so_far.tickets))

    assert (done.tickets, dict(done.left), told) == (1, {"suspended": 1}, [1])


async def test_a_secret_that_is_still_in_the_ring_is_not_renewed(stage: Stage) -> None:
    with pytest.raises(AssertionError, match="out of the ring"):
        await renew(stage.world, 1)


# --- what needs a key ---


async def test_a_secret_is_needed_by_living_tickets_accounts_and_other_servers(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, quantity=3, worked=True)
    await an_account(stage, shop, 7_000)
    await stage.sql("UPDATE credential SET uses_left = 0 WHERE ticket_id = :id", id=made.tickets[0].id)
    await stage.sql(
        "UPDATE credential SET seller = 'far', pin_mac = 'x', compact_mac = 'y' WHERE ticket_id = :id",
        id=made.tickets[1].id,
    )
    key = a_key(stage, "secret")

    assert await uses(stage.world, key) == Uses(tickets=2, accounts=1, foreign=1)
    assert await why_kept(stage.world, key) == "secret-1 stays: 2 living tickets are under it."

    stage.clock.advance(days=365)
    assert await uses(stage.world, key) == Uses(tickets=0, accounts=1, foreign=0)
    assert "1 e-money accounts and 0 tickets" in (await why_kept(stage.world, key) or "")
    assert await why_kept(stage.world, a_key(stage, "secret", index=9)) is None


@pytest.mark.parametrize("reentry", [False, True])
async def test_who_may_come_in_again_needs_the_ticket_although_it_is_used(blank: Stage, *, reentry: bool) -> None:
    walk = a_product("walk", entry=EntryRules(reentry=reentry), prices=(a_price("adult", 1_000),), valid_days=30)
    shop = await a_catalogue(blank, an_issuer(products=(walk,)))
    await a_booking(blank, shop, of="walk/open", category="adult", worked=True)

    await blank.sql("UPDATE credential SET uses_left = 0")

    assert (await uses(blank.world, a_key(blank, "secret"))).tickets == int(reentry)


async def test_a_barcode_key_is_needed_by_tickets_of_its_time(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, paid=True)

    assert (await uses(stage.world, a_key(stage, "barcode", used=-1))).tickets == 0
    assert (await uses(stage.world, a_key(stage, "barcode", used=1))).tickets == 1
    assert (await uses(stage.world, a_key(stage, "barcode", State.CURRENT))).tickets == 1
    assert (await uses(stage.world, a_key(stage, "barcode", State.NEXT))).tickets == 0
    kept = await why_kept(stage.world, a_key(stage, "barcode", used=1))
    assert kept == "barcode-1 stays: 1 living tickets may have been kept as pictures made with it."
    assert await why_kept(stage.world, a_key(stage, "barcode", used=-1)) is None


@pytest.mark.parametrize(("hours", "stays"), [(-23, True), (-24, False)])
async def test_a_token_key_is_needed_for_a_day(stage: Stage, hours: int, *, stays: bool) -> None:
    why = await why_kept(stage.world, a_key(stage, "token", used=hours))
    assert (why is not None) is stays
