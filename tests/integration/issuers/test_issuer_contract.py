"""Near or far, an issuer keeps the same promises: each scenario runs on both, and must end alike."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from builders import Shop, Stage
from issuer_contract_kit import SELLER_KEYS, Seen, believing, far, near

from app.domain.entry_rules import UNLIMITED_USES
from app.domain.refusals import KeyReused, NotFound
from app.domain.ticket import Kind, TicketState
from app.ports import Committed, Held, HoldLost, NotAvailable, NotSpent, Revoked, Spent, Used

KEY, OTHER = UUID(int=0xA), UUID(int=0xB)


@pytest.fixture(params=["near", "far"])
def seen(request: pytest.FixtureRequest, stage: Stage, shop: Shop) -> Seen:
    believing(stage, sales=SELLER_KEYS)
    return near(stage, shop) if request.param == "near" else far(stage, shop)


# --- stock ----------------------------------------------------------------------------------------------------------


async def test_what_is_held_is_free_no_more_and_the_same_wish_holds_the_same(seen: Seen) -> None:
    before = await seen.free()
    wish = seen.wish(KEY, ("R", 2), ("FLOOR", 1))

    first, again = await seen.issuer.hold(wish), await seen.issuer.hold(wish)

    assert isinstance(first, Held)
    assert first == again
    assert [len(part) for part in first.places] == [2, 1]
    assert await seen.free() == before - 3


async def test_a_wish_is_held_whole_or_not_at_all(seen: Seen) -> None:
    before = await seen.free()

    assert await seen.issuer.hold(seen.wish(KEY, ("S", 1), ("R", 7))) == NotAvailable()
    assert await seen.free() == before


async def test_named_places_go_to_who_asks_first(seen: Seen) -> None:
    seats = seen.shop.seats("play/mon", "A-1", "A-2")

    assert await seen.issuer.hold(seen.wish(KEY, ("R", 2), places=seats)) == Held((seats,))
    assert await seen.issuer.hold(seen.wish(OTHER, ("R", 2), places=seats)) == NotAvailable()


async def test_a_committed_hold_does_not_run_out_and_another_one_does(seen: Seen) -> None:
    issuer, seats = seen.issuer, seen.shop.seats("play/mon", "A-1", "A-2")
    await issuer.hold(seen.wish(KEY, ("R", 1), places=seats[:1]))
    await issuer.hold(seen.wish(OTHER, ("R", 1), places=seats[1:]))
    for _ in range(2):
        assert await issuer.commit(issuer_id=seen.shop.issuer, key=KEY, places=seats[:1]) == Committed()

    seen.stage.clock.advance(minutes=11)
    taken = await issuer.hold(seen.wish(UUID(int=0xC), ("R", 1), places=seats[1:]))

    assert taken == Held((seats[1:],))
    assert await issuer.hold(seen.wish(UUID(int=0xD), ("R", 1), places=seats[:1])) == NotAvailable()
    assert await issuer.commit(issuer_id=seen.shop.issuer, key=OTHER, places=seats[1:]) == HoldLost()


async def test_a_wish_without_parts_renews_what_its_key_holds(seen: Seen) -> None:
    seats = seen.shop.seats("play/mon", "A-1")
    await seen.issuer.hold(seen.wish(KEY, ("R", 1), places=seats))
    seen.stage.clock.advance(minutes=9)

    await seen.issuer.hold(seen.wish(KEY))
    seen.stage.clock.advance(minutes=9)

    assert await seen.issuer.hold(seen.wish(OTHER, ("R", 1), places=seats)) == NotAvailable()


async def test_what_is_released_is_free_and_again_is_harmless(seen: Seen) -> None:
    before = await seen.free()
    await seen.issuer.hold(seen.wish(KEY, ("R", 2)))

    for _ in range(2):
        await seen.issuer.release(issuer_id=seen.shop.issuer, key=KEY)

    assert await seen.free() == before


async def test_nothing_is_committed_where_nothing_runs_out(seen: Seen) -> None:
    assert await seen.issuer.commit(issuer_id=seen.shop.issuer, key=KEY, places=()) == Committed()


# --- the register ---------------------------------------------------------------------------------------------------


async def test_a_registered_ticket_opens_its_issuers_gates_once_and_the_register_tells_when(seen: Seen) -> None:
    ticket, unknown = await seen.registered(), UUID(int=5)

    first, second = await seen.present(ticket), await seen.present(ticket)
    (entry,) = await seen.issuer.verify(issuer_id=seen.shop.issuer, ticket_ids=[ticket.ticket_id, unknown])

    assert (first["reason"], second["reason"]) == ("admitted", "used")
    assert first["ticket"]["title"]["en"] == "The play"
    assert (entry.ticket_id, entry.issuer_id, entry.state) == (ticket.ticket_id, seen.shop.issuer, TicketState.VALID)
    assert (entry.version, entry.uses_left, entry.balance) == (2, 0, None)
    assert [(one.use_no, one.at) for one in entry.admissions] == [(1, seen.stage.clock.now())]


async def test_a_compact_code_opens_as_well(seen: Seen) -> None:
    ticket = await seen.registered()

    assert (await seen.present(ticket, ticket.compact))["reason"] == "admitted"


async def test_the_register_learns_the_entrance_and_takes_a_pass(seen: Seen) -> None:
    ticket = await seen.registered(entrance="East", uses=UNLIMITED_USES)

    (row,) = await seen.stage.sql("SELECT entrance, uses FROM credential WHERE ticket_id = :id", id=ticket.ticket_id)
    assert (row.entrance, row.uses) == ("East", UNLIMITED_USES)


async def test_registering_again_gives_no_use_back(seen: Seen) -> None:
    ticket = await seen.registered()
    await seen.present(ticket)

    await seen.issuer.register(ticket)

    assert (await seen.present(ticket))["reason"] == "used"


async def test_a_revoked_ticket_opens_no_gate_and_its_place_is_sold_again(seen: Seen) -> None:
    seats = seen.shop.seats("play/mon", "A-1")
    await seen.issuer.hold(seen.wish(KEY, ("R", 1), places=seats))
    await seen.issuer.commit(issuer_id=seen.shop.issuer, key=KEY, places=seats)
    ticket = await seen.registered()

    for _ in range(2):
        told = await seen.issuer.revoke(
            issuer_id=seen.shop.issuer, ticket_id=ticket.ticket_id, key=KEY, free=seats, unless_used=True
        )
        assert told == Revoked()

    assert (await seen.present(ticket))["reason"] == "revoked"
    assert isinstance(await seen.issuer.hold(seen.wish(OTHER, ("R", 1), places=seats)), Held)


async def test_a_used_ticket_is_left_alone_unless_it_is_revoked_all_the_same(seen: Seen) -> None:
    ticket = await seen.registered(uses=3)
    await seen.present(ticket)
    await seen.present(ticket)
    names: dict[str, Any] = {"issuer_id": seen.shop.issuer, "ticket_id": ticket.ticket_id, "key": KEY, "free": ()}

    assert await seen.issuer.revoke(**names, unless_used=True) == Used(2)
    assert (await seen.present(ticket))["reason"] == "admitted"
    assert await seen.issuer.revoke(**names) == Revoked()
    assert await seen.issuer.revoke(**names, unless_used=True) == Revoked()


async def test_who_is_let_in_while_the_ticket_is_taken_back_has_used_it(seen: Seen) -> None:
    """Looking and revoking are one step: either the gate opened, or the ticket is gone, never both."""
    outcomes = set()
    for _ in range(8):
        ticket = await seen.registered()
        names: dict[str, Any] = {"issuer_id": seen.shop.issuer, "ticket_id": ticket.ticket_id, "key": KEY, "free": ()}
        verdict, told = await asyncio.gather(seen.present(ticket), seen.issuer.revoke(**names, unless_used=True))
        outcomes.add((verdict["reason"], type(told)))
    assert outcomes <= {("admitted", Used), ("revoked", Revoked)}


async def test_what_was_never_registered_cannot_be_revoked_for_it_would_come_in_valid_later(seen: Seen) -> None:
    names: dict[str, Any] = {"issuer_id": seen.shop.issuer, "ticket_id": UUID(int=5)}

    with pytest.raises(NotFound, match="Register it first"):
        await seen.issuer.revoke(**names, key=KEY, free=())
    with pytest.raises(NotFound, match="Register it first"):
        await seen.issuer.suspend(**names, suspended=True)
    assert await seen.issuer.verify(issuer_id=seen.shop.issuer, ticket_ids=[UUID(int=5)]) == []


async def test_a_suspended_ticket_waits_and_a_revoked_one_does_not_come_back(seen: Seen) -> None:
    ticket = await seen.registered()
    names: dict[str, Any] = {"issuer_id": seen.shop.issuer, "ticket_id": ticket.ticket_id}

    await seen.issuer.suspend(**names, suspended=True)
    assert (await seen.present(ticket))["reason"] == "suspended"
    await seen.issuer.suspend(**names, suspended=False)
    assert (await seen.present(ticket))["reason"] == "admitted"

    await seen.issuer.revoke(**names, key=KEY, free=())
    await seen.issuer.suspend(**names, suspended=False)
    assert (await seen.present(ticket))["reason"] == "revoked"


# --- value ----------------------------------------------------------------------------------------------------------


async def test_a_key_takes_value_once_and_never_more_than_there_is(seen: Seen) -> None:
    voucher = await seen.registered(kind=Kind.VOUCHER, balance=50_000)
    names: dict[str, Any] = {"issuer_id": seen.shop.issuer, "ticket_id": voucher.ticket_id}

    for _ in range(2):
        assert await seen.issuer.spend(**names, amount=30_000, key="first") == Spent(20_000)
    assert await seen.issuer.spend(**names, amount=30_000, key="second") == NotSpent(20_000)
    with pytest.raises(KeyReused):
        await seen.issuer.spend(**names, amount=1, key="first")
    assert await seen.issuer.spend(**names, amount=20_000, key="third") == Spent(0)
    assert (await seen.present(voucher))["reason"] == "used"
    told = await seen.issuer.revoke(**names, key=KEY, free=(), unless_used=True)
    assert told == Used(1)


async def test_value_comes_back_once_per_key_and_never_more_than_was_taken(seen: Seen) -> None:
    voucher = await seen.registered(kind=Kind.VOUCHER, balance=50_000)
    names: dict[str, Any] = {"issuer_id": seen.shop.issuer, "ticket_id": voucher.ticket_id}
    await seen.issuer.spend(**names, amount=50_000, key="first")

    async def back(amount: int, key: str) -> int | None:
        await seen.issuer.unspend(issuer_id=seen.shop.issuer, key="first", amount=amount, back_key=key)
        return await balance(seen, voucher.ticket_id)

    assert await back(20_000, "back-1") == 20_000
    assert await back(20_000, "back-1") == 20_000
    assert await back(30_001, "back-2") == 20_000
    assert await back(30_000, "back-3") == 50_000
    assert await seen.issuer.revoke(**names, key=KEY, free=(), unless_used=True) == Revoked()


async def balance(seen: Seen, ticket_id: UUID) -> int | None:
    (entry,) = await seen.issuer.verify(issuer_id=seen.shop.issuer, ticket_ids=[ticket_id])
    return entry.balance


async def test_a_key_that_was_given_up_takes_nothing_when_its_request_comes_late(seen: Seen) -> None:
    voucher = await seen.registered(kind=Kind.VOUCHER, balance=50_000)

    for _ in range(2):
        await seen.issuer.unspend(issuer_id=seen.shop.issuer, key="lost", amount=30_000, back_key="void")
    late = await seen.issuer.spend(issuer_id=seen.shop.issuer, ticket_id=voucher.ticket_id, amount=30_000, key="lost")

    assert late == NotSpent(0)
    assert await balance(seen, voucher.ticket_id) == 50_000


@pytest.mark.parametrize("fault", ["unknown", "revoked", "not begun", "over"])
async def test_a_voucher_that_does_not_count_gives_nothing(seen: Seen, fault: str) -> None:
    now = seen.stage.clock.now()
    span = {
        "not begun": {"valid_from": now + timedelta(hours=1)},
        "over": {"valid_from": now - timedelta(hours=2), "valid_until": now},
    }.get(fault, {})
    voucher = await seen.registered(kind=Kind.VOUCHER, balance=50_000, **span)
    names: dict[str, Any] = {
        "issuer_id": seen.shop.issuer,
        "ticket_id": UUID(int=5) if fault == "unknown" else voucher.ticket_id,
    }
    if fault == "revoked":
        await seen.issuer.revoke(**names, key=KEY, free=())

    assert isinstance(await seen.issuer.spend(**names, amount=1, key="first"), NotSpent)
    assert await balance(seen, voucher.ticket_id) == 50_000


async def test_two_who_spend_at_once_get_no_more_than_there_is(seen: Seen) -> None:
    voucher = await seen.registered(kind=Kind.VOUCHER, balance=50_000)
    names: dict[str, Any] = {"issuer_id": seen.shop.issuer, "ticket_id": voucher.ticket_id, "amount": 20_000}

    told = await asyncio.gather(*(seen.issuer.spend(**names, key=f"key-{n % 3}") for n in range(6)))

    assert sorted(type(one).__name__ for one in told) == ["NotSpent"] * 2 + ["Spent"] * 4
    assert await balance(seen, voucher.ticket_id) == 10_000
