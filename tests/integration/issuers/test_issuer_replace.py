"""One ticket becomes another at its issuer, near or far: in one step, once, with what is left, by who sold it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import httpx
import pytest
from builders import Shop, Stage, a_gate, a_scan
from issuer_contract_kit import SELLER_KEYS, Seen, believing, far, near
from offers_kit import rules

from app.domain.entry_rules import UNLIMITED_USES, Direction
from app.domain.gift import Hand, Stays, Terms
from app.domain.refusals import IssuerAway, NotFound, WrongState
from app.domain.ticket import Kind, TicketState
from app.issuers.remote import RemoteIssuer
from app.issuers.replacing import ReplacedTold, ReplacementAsked
from app.keys import KeyRing
from app.ports import NotReplaced, Registration, Replaced
from app.store.tables.register import ScanKind

GIVEN = Terms(Hand.GIVEN)
OTHER_KEYS = KeyRing.fresh()


@pytest.fixture(params=["near", "far"])
def seen(request: pytest.FixtureRequest, stage: Stage, shop: Shop) -> Seen:
    believing(stage, sales=SELLER_KEYS, other=OTHER_KEYS)
    return near(stage, shop) if request.param == "near" else far(stage, shop)


async def replaced(seen: Seen, old: Registration, fresh: Registration, terms: Terms = GIVEN) -> Replaced | NotReplaced:
    return await seen.issuer.replace(ticket_id=old.ticket_id, fresh=fresh, terms=terms)


async def entry(seen: Seen, ticket: Registration) -> Any:
    (row,) = await seen.stage.sql("SELECT * FROM credential WHERE ticket_id = :id", id=ticket.ticket_id)
    return row


async def test_the_new_ticket_opens_the_gate_and_the_old_one_does_not(seen: Seen) -> None:
    old, fresh = await seen.registered(), seen.ticket()

    told = await replaced(seen, old, fresh)

    assert isinstance(told, Replaced)
    assert (told.before.ticket_id, told.before.state) == (old.ticket_id, TicketState.REVOKED)
    assert (told.after.ticket_id, told.after.state, told.uses) == (fresh.ticket_id, TicketState.VALID, 1)
    assert told.valid_until == fresh.valid_until
    assert (await seen.present(old))["reason"] == "revoked"
    assert (await seen.present(fresh))["reason"] == "admitted"


async def test_the_same_again_is_the_same_and_gives_nothing_back(seen: Seen) -> None:
    old, fresh = await seen.registered(), seen.ticket()

    first = await replaced(seen, old, fresh)
    again = await replaced(seen, old, fresh)
    await seen.present(fresh)
    later = await replaced(seen, old, fresh)

    assert first == again
    assert isinstance(later, Replaced)
    assert (later.uses, later.after.uses_left) == (1, 0)
    assert await seen.stage.value("SELECT count(*) FROM credential") == 2


async def test_it_becomes_one_ticket_and_no_second_one_however_many_ask(seen: Seen) -> None:
    old = await seen.registered()

    told = await asyncio.gather(*(replaced(seen, old, seen.ticket()) for _ in range(3)))

    assert sorted(type(one).__name__ for one in told) == ["NotReplaced", "NotReplaced", "Replaced"]
    assert NotReplaced(Stays.REVOKED) in told


async def test_what_is_left_goes_over_and_the_chain_is_in_the_register(seen: Seen) -> None:
    carnet = {"kind": Kind.RIDE, "product_id": seen.shop.products["carnet"], "uses": 3}
    carnet["occasion_id"] = seen.shop.occasions["carnet/open"]
    old, fresh = await seen.registered(**carnet), seen.ticket(**carnet)
    await seen.present(old)

    told = await replaced(seen, old, fresh)

    assert isinstance(told, Replaced)
    assert (told.uses, told.after.uses_left, told.before.uses_left) == (2, 2, 2)
    assert [one.use_no for one in told.before.admissions] == [1]
    row = await entry(seen, fresh)
    assert (row.replaces, row.came_by) == (old.ticket_id, "given")


async def test_a_window_and_a_pass_back_guard_go_over_and_end_the_new_ticket(seen: Seen) -> None:
    async with rules(seen.stage, window_minutes=60, pass_back_seconds=600):
        many = {"uses": UNLIMITED_USES}
        old, fresh = await seen.registered(**many), seen.ticket(**many)
        await seen.present(old)

        told = await replaced(seen, old, fresh)

        assert isinstance(told, Replaced)
        assert told.valid_until == seen.stage.clock.now() + timedelta(minutes=60)
        assert told.uses == UNLIMITED_USES
        assert (await entry(seen, fresh)).last_used_at == seen.stage.clock.now()
        assert (await seen.present(fresh))["reason"] == "passed_back"


async def test_without_a_guard_somebody_else_was_never_at_a_gate(seen: Seen) -> None:
    many = {"uses": 2}
    old, fresh = await seen.registered(**many), seen.ticket(**many)
    await seen.present(old)

    await replaced(seen, old, fresh)

    assert (await entry(seen, fresh)).last_used_at is None


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        (Terms(Hand.RESOLD, uses_min=2), Stays.USED),
        (Terms(Hand.RESOLD, balance_min=1), Stays.USED),
        (Terms(Hand.RESOLD, uses_min=1), None),
    ],
    ids=["more uses than are left", "value there is none of", "as agreed"],
)
async def test_a_ticket_of_which_less_is_left_than_agreed_stays(seen: Seen, terms: Terms, why: Stays | None) -> None:
    old, fresh = await seen.registered(uses=2), seen.ticket(uses=2)
    await seen.present(old)

    told = await replaced(seen, old, fresh, terms)

    if why is None:
        assert isinstance(told, Replaced)
    else:
        assert told == NotReplaced(why)
        assert (await seen.present(old))["reason"] == "admitted"
        assert (await seen.present(fresh))["reason"] == "unknown"


async def test_a_pass_that_was_used_since_is_not_what_its_buyer_agreed_to(seen: Seen) -> None:
    agreed = Terms(Hand.RESOLD, unused_since=seen.stage.clock.now())
    old = await seen.registered(uses=UNLIMITED_USES)
    seen.stage.clock.advance(minutes=1)
    await seen.present(old)

    assert await replaced(seen, old, seen.ticket(uses=UNLIMITED_USES), agreed) == NotReplaced(Stays.USED)


async def test_a_gate_that_is_faster_has_won(seen: Seen) -> None:
    old = await seen.registered()
    await seen.present(old)

    assert await replaced(seen, old, seen.ticket()) == NotReplaced(Stays.USED_UP)


async def test_while_somebody_is_inside_it_stays_and_the_same_holder_waits_for_a_use(seen: Seen) -> None:
    async with rules(seen.stage, reentry=True):
        old, fresh = await seen.registered(), seen.ticket()
        await seen.present(old)

        assert await replaced(seen, old, fresh) == NotReplaced(Stays.INSIDE)
        gate = await a_gate(seen.stage, seen.shop, direction=Direction.OUT)
        left = await a_scan(seen.stage, seen.shop, gate, f"{old.number} {old.pin}", kind=ScanKind.EXIT)
        again = await replaced(seen, old, fresh, Terms(Hand.REISSUED))

        assert left["reason"] == "left"
        assert isinstance(again, Replaced)
        assert again.uses == 1


async def test_what_is_suspended_or_revoked_stays(seen: Seen) -> None:
    old, fresh = await seen.registered(), seen.ticket()
    await seen.issuer.suspend(issuer_id=old.issuer_id, ticket_id=old.ticket_id, suspended=True)
    suspended = await replaced(seen, old, fresh)
    await seen.issuer.revoke(issuer_id=old.issuer_id, ticket_id=old.ticket_id, key=UUID(int=1), free=())

    assert suspended == NotReplaced(Stays.SUSPENDED)
    assert await replaced(seen, old, fresh) == NotReplaced(Stays.REVOKED)


async def test_what_was_never_registered_and_another_product_are_not_there(seen: Seen) -> None:
    old = await seen.registered()
    elsewhere = seen.ticket(occasion_id=seen.shop.occasions["play/wed"])

    with pytest.raises(NotFound):
        await replaced(seen, seen.ticket(), seen.ticket())
    with pytest.raises(NotFound):
        await replaced(seen, old, elsewhere)
    assert (await seen.present(old))["reason"] == "admitted"


async def test_a_number_that_is_another_tickets_leaves_both_as_they_were(stage: Stage, shop: Shop) -> None:
    believing(stage, sales=SELLER_KEYS)
    seen = far(stage, shop)
    old, other = await seen.registered(), await seen.registered()

    with pytest.raises(WrongState):
        await replaced(seen, old, replace(seen.ticket(), number=other.number))

    assert [(await seen.present(one))["reason"] for one in (old, other)] == ["admitted", "admitted"]


async def test_another_sellers_ticket_is_none_to_replace(stage: Stage, shop: Shop) -> None:
    believing(stage, sales=SELLER_KEYS, other=OTHER_KEYS)
    mine, other = far(stage, shop), far(stage, shop, name="other", keys=OTHER_KEYS)
    ticket = await mine.registered()

    with pytest.raises(NotFound):
        await replaced(other, ticket, other.ticket())
    assert (await mine.present(ticket))["reason"] == "admitted"


async def test_whoever_is_faster_wins_the_gate_or_the_receiver(seen: Seen) -> None:
    gate = await a_gate(seen.stage, seen.shop)
    for _ in range(6):
        old, fresh = await seen.registered(), seen.ticket()

        told, at_the_gate = await asyncio.gather(
            replaced(seen, old, fresh), a_scan(seen.stage, seen.shop, gate, f"{old.number} {old.pin}")
        )

        handed_over = isinstance(told, Replaced)
        assert at_the_gate["reason"] == ("revoked" if handed_over else "admitted")
        assert (await seen.present(fresh))["reason"] == ("admitted" if handed_over else "unknown")


# --- what is not believed -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lie",
    [
        {"uses": 2},
        {"uses": None},
        {"before": None},
        {"valid_until": "2099-01-01T00:00:00Z"},
        {"after": {"balance": 5}},
        {"after": {"ticket": "00000000-0000-0000-0000-000000000007"}},
    ],
    ids=["more uses", "no uses", "nothing before", "more time", "value out of nothing", "another ticket"],
)
async def test_an_issuer_that_makes_more_of_a_ticket_or_another_one_is_not_believed(
    stage: Stage, shop: Shop, lie: dict[str, Any]
) -> None:
    believing(stage, sales=SELLER_KEYS)
    seen = far(stage, shop)
    old, fresh = await seen.registered(), seen.ticket()
    told = ReplacedTold.of(await replaced(seen, old, fresh)).model_dump(mode="json")
    changed = {name: told[name] | value if isinstance(value, dict) else value for name, value in lie.items()}
    answer = httpx.Response(200, json=told | changed)
    wire = cast("RemoteIssuer", seen.issuer).wire
    wire._http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer))

    with pytest.raises(IssuerAway):
        await replaced(seen, old, fresh)


async def test_a_reason_that_is_not_known_here_is_a_no_all_the_same() -> None:
    assert ReplacedTold(replaced=False, reason="full moon").outcome() == NotReplaced(Stays.ELSEWHERE)


def test_a_ticket_that_was_sold_replaces_none() -> None:
    with pytest.raises(ValueError, match="replaces no other"):
        ReplacementAsked.model_validate({"came_by": "sold"})
