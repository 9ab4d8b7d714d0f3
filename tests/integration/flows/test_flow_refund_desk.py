"""The refund desk: staff of the right issuer and scope return, try again and settle by hand, and it is remembered."""

from __future__ import annotations

from uuid import UUID

import pytest
from argon2 import PasswordHasher
from builders import Made, Shop, Stage, a_booking, a_gate, a_scan, state_of, typed
from fakes import Upset
from refund_kit import Network, books, refund_states, with_network

from app.domain.refund import RefundReason, RefundState
from app.domain.refusals import NotAllowed, NotAuthentic, NotFound, WrongState
from app.flows import staff
from app.flows.gate import gates
from app.flows.returning import paying_back, refund, refund_desk
from app.flows.returning.refund import Refunding
from app.flows.staff import Member
from app.store import journal


@pytest.fixture
def network(stage: Stage) -> Network:
    return with_network(stage)


def a_member(shop: Shop, *scopes: str) -> Member:
    return Member(UUID(int=1), shop.issuer, frozenset(scopes or ("refund",)), "Ms Kim")


STRANGER = Member(UUID(int=2), UUID(int=3), frozenset({"refund", "supervise"}), "Mr Foreign")


async def given_back(stage: Stage, member: Member, made: Made, *, used_too: bool = False) -> Refunding:
    return await refund_desk.give_back(
        stage.world, member, booking_id=made.id, ticket_ids=None, note="rain", used_too=used_too
    )


async def a_failed(stage: Stage, shop: Shop, network: Network) -> tuple[Made, UUID]:
    """A booking whose refund the network refused."""
    made = await a_booking(stage, shop, worked=True)
    network.stubborn = True
    found = await given_back(stage, a_member(shop), made)
    network.stubborn = False
    assert await refund_states(stage, made.id) == ["failed"]
    return made, found.id


async def entries(stage: Stage) -> list[tuple[str, str]]:
    async with stage.database.transaction() as tx:
        return [(one.actor, one.action) for one in await journal.entries(tx, chain="haneul")]


async def test_what_staff_return_stands_in_the_journal(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, quantity=2, worked=True)

    await given_back(stage, a_member(shop), made)

    (entry,) = await stage.sql("SELECT * FROM journal")
    assert (entry.chain, entry.actor, entry.action, entry.subject) == (
        "haneul",
        "Ms Kim",
        "refund",
        f"booking {made.id}",
    )
    assert (entry.details["amount"], entry.details["note"]) == (120_000, "rain")
    assert entry.details["tickets"] == [one.number for one in made.tickets]
    assert network.taken(made.id) == 0


async def test_what_a_buyer_returns_does_not(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, worked=True)

    await refund.ask(stage.world, booking_id=made.id, ticket_ids=None, reason=RefundReason.BUYER, by="buyer")

    assert await entries(stage) == []
    assert network.taken(made.id) == 0


async def test_staff_of_others_find_nothing_and_scopes_count(stage: Stage, shop: Shop, network: Network) -> None:
    made, refund_id = await a_failed(stage, shop, network)
    other = await a_booking(stage, shop, category="S", worked=True)

    with pytest.raises(NotFound):
        await given_back(stage, STRANGER, other)
    with pytest.raises(NotFound):
        await refund_desk.retry(stage.world, STRANGER, refund_id)
    with pytest.raises(NotFound):
        await refund_desk.by_hand(stage.world, STRANGER, UUID(int=9), "cash")
    with pytest.raises(NotAllowed, match="'refund'"):
        await given_back(stage, a_member(shop, "sell"), other)
    with pytest.raises(NotAllowed, match="'supervise'"):
        await given_back(stage, a_member(shop), other, used_too=True)
    assert await refund_desk.listing(stage.world, STRANGER, state=None, after=None, limit=10) == []
    assert await refund_states(stage, made.id) == ["failed"]


async def test_a_supervisor_returns_a_used_ticket(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, worked=True)
    gate = await a_gate(stage, shop)
    stage.clock.time = made.tickets[0].starts_at
    assert (await a_scan(stage, shop, gate, typed(made.tickets[0])))["admit"]

    await given_back(stage, a_member(shop, "refund", "supervise"), made, used_too=True)

    assert network.taken(made.id) == 0
    assert await stage.value("SELECT details->>'used_too' FROM journal WHERE action = 'refund'") == "true"


async def test_a_refund_that_failed_is_tried_again_under_a_new_key(stage: Stage, shop: Shop, network: Network) -> None:
    made, refund_id = await a_failed(stage, shop, network)
    assert await books(stage) == {"card": -60_000, "refunds": 60_000}

    found = await refund_desk.retry(stage.world, a_member(shop), refund_id)

    assert [(row.state, row.attempt) for row in found.refunds] == [("succeeded", 2)]
    assert network.keys("refund") == [f"refund-{refund_id}-1", f"refund-{refund_id}-2"]
    assert await state_of(stage, made.id) == "refunded"
    assert await books(stage) == {}
    assert await entries(stage) == [("Ms Kim", "refund"), ("Ms Kim", "refund retried")]
    with pytest.raises(WrongState, match="is succeeded"):
        await refund_desk.retry(stage.world, a_member(shop), refund_id)


async def test_a_refund_that_came_back_after_it_had_arrived_is_tried_again_too(
    stage: Stage, shop: Shop, network: Network
) -> None:
    made = await a_booking(stage, shop, worked=True)
    found = await given_back(stage, a_member(shop), made)
    network.decided[found.refunds[0].reference] = False
    await paying_back.heard(stage.world, found.refunds[0].reference)
    (attempt,) = network.attempts.values()
    attempt.refunds.clear()

    await refund_desk.retry(stage.world, a_member(shop), found.id)

    assert await refund_states(stage, made.id) == ["succeeded"]
    assert await books(stage) == {}
    kinds = [row.kind for row in await stage.sql("SELECT kind FROM transfer ORDER BY at, id")]
    assert kinds == ["sale", "refund_due", "refund_paid", "refund_failed", "refund_paid"]


async def test_a_refund_that_was_never_answered_is_tried_again_under_the_key_it_had(
    stage: Stage, shop: Shop, network: Network
) -> None:
    """It may have arrived: a new key would give part of a payment back twice."""
    made = await a_booking(stage, shop, quantity=2, worked=True)
    network.upset("refund", Upset.LOST_AFTER, Upset.LOST_BEFORE)
    found = await refund.ask(
        stage.world, booking_id=made.id, ticket_ids=[made.tickets[0].id], reason=RefundReason.BUYER, by="buyer"
    )
    stage.clock.advance(hours=20, seconds=1)
    await refund.carry_on(stage.world, found.id)
    assert await refund_states(stage, made.id) == ["failed"]

    found = await refund_desk.retry(stage.world, a_member(shop), found.id)

    assert [(row.state, row.attempt) for row in found.refunds] == [("succeeded", 1)]
    assert network.taken(made.id) == 60_000
    assert await books(stage) == {"card": -60_000, "payable": 60_000}


async def test_money_given_by_hand_comes_out_of_our_own_cash(stage: Stage, shop: Shop, network: Network) -> None:
    made, refund_id = await a_failed(stage, shop, network)

    found = await refund_desk.by_hand(stage.world, a_member(shop), refund_id, "bank transfer 4711")

    assert [(row.state, row.detail) for row in found.refunds] == [("succeeded", "by hand: bank transfer 4711")]
    assert await books(stage) == {"card": -60_000, "cash": 60_000}
    assert await state_of(stage, made.id) == "refunded"
    assert (await entries(stage))[-1] == ("Ms Kim", "refund by hand")
    with pytest.raises(WrongState, match="only one that failed"):
        await refund_desk.by_hand(stage.world, a_member(shop), refund_id, "again")


async def test_refunds_are_listed_by_their_state_latest_first(stage: Stage, shop: Shop, network: Network) -> None:
    _, failed = await a_failed(stage, shop, network)
    other = await a_booking(stage, shop, category="S", worked=True)
    done = (await given_back(stage, a_member(shop), other)).id

    async def listed(state: RefundState | None = None, after: UUID | None = None) -> list[UUID]:
        rows = await refund_desk.listing(stage.world, a_member(shop), state=state, after=after, limit=10)
        return [row.id for row in rows]

    assert await listed() == [done, failed]
    assert await listed(RefundState.FAILED) == [failed]
    assert await listed(after=done) == [failed]
    assert [row.id for row in await refund.of_booking(stage.world, other.id)] == [done]


# --- what else stands in the journal ---------------------------------------------------------------------------------


async def test_keys_and_gates_are_remembered_with_whose_doing_it_was(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staff, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    key = await staff.make_key(stage.world, issuer="haneul", name="till", scopes=["sell"], days=None)
    prefix = key.split("_")[1]
    await staff.make_key(stage.world, issuer=None, name="operator", scopes=["read"], days=1, by="Ms Lee")
    await staff.revoke_key(stage.world, prefix)
    gate = await gates.invite(stage.world, issuer_id=shop.issuer, name="door", by="Ms Kim")
    await gates.revoke(stage.world, a_member(shop, "gates"), gate.gate_id)

    rows = await stage.sql("SELECT chain, actor, action, subject FROM journal ORDER BY chain DESC, seq")

    assert [tuple(row) for row in rows] == [
        ("haneul", "command line", "staff key made", f"key {prefix}"),
        ("haneul", "command line", "staff key revoked", f"key {prefix}"),
        ("haneul", "Ms Kim", "gate invited", f"gate {gate.gate_id}"),
        ("haneul", "Ms Kim", "gate revoked", f"gate {gate.gate_id}"),
        ("", "Ms Lee", "staff key made", rows[-1].subject),
    ]
    for wrong in prefix, "000000000000":
        with pytest.raises(NotFound, match="No living staff key"):
            await staff.revoke_key(stage.world, wrong)
    with pytest.raises(NotAuthentic):
        await staff.member(stage.world, key)
