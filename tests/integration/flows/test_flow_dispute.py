"""Disputes: what a bank has taken suspends its tickets, is answered, and ends won or lost; in any order of the news."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from builders import BUYER, FRIEND, Made, Shop, Stage, a_booking, a_gate, a_scan, free_places, typed
from refund_kit import Away, Case, Network, books, with_issuer, with_network

from app.domain.dispute import DisputeState
from app.domain.money import Money
from app.domain.refund import RefundReason
from app.domain.refusals import NotAllowed, NotFound, WrongState
from app.flows.outcome import Again, Done, Never
from app.flows.returning import dispute, disputes_desk, refund
from app.flows.staff import Member

REFERENCE = "dp_1"


@pytest.fixture
def network(stage: Stage) -> Network:
    return with_network(stage)


async def disputed(stage: Stage, network: Network, made: Made, **more: Any) -> Case:
    """The bank takes the booking's money back, and we hear of it."""
    payment = (await stage.sql("SELECT * FROM payment WHERE booking_id = :id", id=made.id))[0]
    case = Case(REFERENCE, payment.reference, Money(payment.amount, payment.currency), **more)
    network.cases[REFERENCE] = case
    await heard(stage)
    return case


async def heard(stage: Stage) -> Done | Again | Never:
    return await dispute.heard(stage.world, "card", REFERENCE)


async def states(stage: Stage) -> tuple[list[str], list[str]]:
    """Of the tickets here and in the register."""
    here = await stage.sql("SELECT state FROM ticket ORDER BY id")
    there = await stage.sql("SELECT state FROM credential ORDER BY ticket_id")
    return [row.state for row in here], [row.state for row in there]


async def test_a_dispute_takes_the_money_and_suspends_the_tickets(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, quantity=2, worked=True)

    await disputed(stage, network, made)
    await stage.work()

    assert await states(stage) == (["suspended"] * 2, ["suspended"] * 2)
    assert await books(stage) == {"disputes": -120_000, "payable": 120_000}
    gate = await a_gate(stage, shop)
    stage.clock.time = made.tickets[0].starts_at
    answer = await a_scan(stage, shop, gate, typed(made.tickets[0]))
    assert (answer["admit"], answer["reason"]) == (False, "suspended")
    with pytest.raises(WrongState, match="The bank is deciding"):
        await refund.ask(stage.world, booking_id=made.id, ticket_ids=None, reason=RefundReason.STAFF, by="x")


async def test_a_used_ticket_is_left_as_it_is(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, quantity=2, worked=True)
    gate = await a_gate(stage, shop)
    stage.clock.time = made.tickets[0].starts_at
    await a_scan(stage, shop, gate, typed(made.tickets[0]))

    await disputed(stage, network, made)
    await stage.work()

    assert await states(stage) == (["valid", "suspended"], ["valid", "suspended"])


async def test_the_bank_is_answered_with_receipts_and_admissions(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, quantity=2, worked=True, handsets=[BUYER, FRIEND])
    gate = await a_gate(stage, shop, name="Front door")
    before = stage.clock.time
    stage.clock.time = made.tickets[0].starts_at
    await a_scan(stage, shop, gate, typed(made.tickets[0]))
    stage.clock.time = before + timedelta(days=4)

    case = await disputed(stage, network, made)
    await stage.work()
    await heard(stage)
    await stage.work()

    (evidence,) = case.evidence
    log = evidence["access_activity_log"]
    number = f"{made.tickets[0].number[:-1]}-{made.tickets[0].number[-1]}"
    assert f"Ticket {number} admitted at Front door on 2026-11-24 03:00:00 UTC." in log
    assert f"Ticket {number} sent to +8210****5678 by text message 2026-11-22 03:00:00 UTC" in log
    assert evidence["service_date"] == "2026-11-24"
    assert "The Post Office in Spring, Haneul Theatre" in evidence["product_description"]
    assert not any(number in text for text in evidence.values() for number in (BUYER, FRIEND, "12345678"))
    row = (await stage.sql("SELECT * FROM dispute"))[0]
    assert (row.state, len(row.evidence["admissions"]), len(row.evidence["deliveries"])) == ("under_review", 1, 2)
    actions = [one.action for one in await stage.sql("SELECT action FROM journal ORDER BY seq")]
    assert actions == ["gate invited", "dispute opened", "dispute answered"]


async def test_a_won_dispute_gives_everything_back(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, worked=True)
    case = await disputed(stage, network, made)
    await stage.work()

    case.verdict = DisputeState.WON
    await heard(stage)
    await stage.work()
    assert await states(stage) == (["valid"], ["valid"])
    assert await books(stage) == {"disputes": -60_000, "payable": 60_000}, "the money is not back yet"
    case.withdrawn = False
    for _ in range(2):
        await heard(stage)

    assert await books(stage) == {"card": -60_000, "payable": 60_000}
    assert await stage.value("SELECT state FROM dispute") == "won"


async def test_a_lost_dispute_revokes_what_was_not_used(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, quantity=2, worked=True)
    gate = await a_gate(stage, shop)
    stage.clock.time = made.tickets[0].starts_at
    await a_scan(stage, shop, gate, typed(made.tickets[0]))
    case = await disputed(stage, network, made)
    await stage.work()

    case.verdict = DisputeState.LOST
    for _ in range(2):
        await heard(stage)
    await stage.work()

    assert await states(stage) == (["valid", "revoked"], ["valid", "revoked"])
    assert await books(stage) == {}
    assert await free_places(stage, shop.occasions["play/mon"]) == 21
    assert len(stage.carrier.inbox(BUYER)) == 3, "two tickets, and that one is worth nothing now"
    assert await stage.value("SELECT state FROM dispute") == "lost"
    with pytest.raises(WrongState):
        await refund.ask(stage.world, booking_id=made.id, ticket_ids=None, reason=RefundReason.STAFF, by="x")


async def test_what_a_lost_voucher_could_buy_is_its_issuers(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, of="gift/open", category="gift", worked=True)
    case = await disputed(stage, network, made)

    case.verdict = DisputeState.LOST
    await heard(stage)

    assert await books(stage) == {}, "nothing is owed to the holder of the voucher, and nothing to its issuer"


async def test_an_inquiry_takes_no_money_and_suspends_nothing(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, worked=True)

    case = await disputed(stage, network, made, withdrawn=False)
    await stage.work()
    assert len(case.evidence) == 1, "it is answered all the same"
    case.verdict = DisputeState.WON
    await heard(stage)

    assert await states(stage) == (["valid"], ["valid"])
    assert await books(stage) == {"card": -60_000, "payable": 60_000}


@pytest.mark.parametrize("end", [DisputeState.WON, DisputeState.LOST])
async def test_whatever_the_order_in_which_answers_arrive_the_end_is_the_same(
    stage: Stage, shop: Shop, network: Network, end: DisputeState
) -> None:
    """Each answer is a look at the bank's books at some moment; late ones are older than those before them."""
    lost = end is DisputeState.LOST
    looks = dict.fromkeys(((DisputeState.OPEN, False), (DisputeState.OPEN, True), (end, True), (end, lost)))
    orders = list(itertools.permutations(looks))
    for number, order in enumerate(orders):
        made = await a_booking(stage, shop, of="carnet/open", category="adult", paid=True)
        payment = await stage.value("SELECT reference FROM payment WHERE booking_id = :id", id=made.id)
        case = network.cases[f"dp_{number}"] = Case(f"dp_{number}", payment, Money(4_000, "KRW"))
        for state, withdrawn in order:
            case.verdict, case.withdrawn = state, withdrawn
            await dispute.heard(stage.world, "card", case.reference)

    found = await stage.sql(
        "SELECT DISTINCT d.state, d.withdrawn, t.state AS ticket FROM dispute d JOIN ticket t USING (booking_id)"
    )
    assert found == [("lost", True, "revoked") if lost else ("won", False, "valid")]
    assert await books(stage) == ({} if lost else {"card": -len(orders) * 4_000, "payable": len(orders) * 4_000})


@pytest.mark.parametrize("end", [DisputeState.WON, DisputeState.LOST])
async def test_a_dispute_that_is_over_when_we_hear_of_it_stands_in_our_books_as_in_the_banks(
    stage: Stage, shop: Shop, network: Network, end: DisputeState
) -> None:
    made = await a_booking(stage, shop, worked=True)
    lost = end is DisputeState.LOST

    await disputed(stage, network, made, verdict=end, withdrawn=lost, given_back=not lost)
    await heard(stage)

    kinds = await stage.sql("SELECT kind FROM transfer WHERE kind LIKE 'dispute%' ORDER BY id")
    assert [row.kind for row in kinds] == ["dispute", "dispute_lost" if lost else "dispute_won"]
    assert await books(stage) == ({} if lost else {"card": -60_000, "payable": 60_000})
    assert (await states(stage))[0] == ["revoked" if lost else "valid"]


async def test_what_was_lost_and_is_won_on_appeal_is_the_issuers_again(
    stage: Stage, shop: Shop, network: Network
) -> None:
    made = await a_booking(stage, shop, worked=True)
    case = await disputed(stage, network, made)
    case.verdict = DisputeState.LOST
    await heard(stage)
    assert await books(stage) == {}
    case.verdict = DisputeState.OPEN
    await heard(stage)
    assert await books(stage) == {}, "an appeal decides nothing"

    case.verdict, case.withdrawn, case.given_back = DisputeState.WON, False, True
    await heard(stage)
    await heard(stage)

    assert await books(stage) == {"card": -60_000, "payable": 60_000}
    assert await stage.value("SELECT state FROM dispute") == "won"
    assert (await states(stage))[0] == ["revoked"], "its place may be somebody else's by now"
    await stage.work()
    assert await stage.sql("SELECT * FROM audit.i4_money_adds_up") == []
    assert await stage.sql("SELECT * FROM audit.i10_no_way_back") == []


async def test_of_two_disputes_of_one_booking_both_must_end(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, worked=True)
    first = await disputed(stage, network, made)
    second = Case("dp_2", first.payment_reference, Money(10_000, "KRW"))
    network.cases["dp_2"] = second
    await dispute.heard(stage.world, "card", "dp_2")

    first.verdict, first.withdrawn = DisputeState.WON, False
    await heard(stage)
    assert (await states(stage))[0] == ["suspended"]
    second.verdict, second.withdrawn = DisputeState.WON, False
    await dispute.heard(stage.world, "card", "dp_2")

    assert (await states(stage))[0] == ["valid"]
    assert await books(stage) == {"card": -60_000, "payable": 60_000}


async def test_a_network_that_does_not_answer_is_asked_again(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, worked=True)
    network.closed = True
    assert await heard(stage) == Again("closed")
    network.closed = False
    await disputed(stage, network, made)
    identity = await stage.value("SELECT id FROM dispute")

    network.closed = True
    assert await dispute.defend(stage.world, identity) == Again("closed")
    network.closed, network.stubborn = False, True
    assert await dispute.defend(stage.world, identity) == Never("the network did not take the evidence: too late")
    network.stubborn = False
    for _ in range(2):
        assert await dispute.defend(stage.world, identity) == Done()

    assert network.keys("defend") == [f"defend-{identity}"] * 3
    assert await dispute.defend(stage.world, UUID(int=7)) == Done()


async def test_an_issuer_that_is_away_is_waited_for_until_the_day_before_the_answer_is_due(
    stage: Stage, shop: Shop, network: Network
) -> None:
    made = await a_booking(stage, shop, worked=True)
    case = await disputed(stage, network, made, due_by=stage.clock.now() + timedelta(days=7))
    identity = await stage.value("SELECT id FROM dispute")
    with_issuer(stage, Away("local"))

    assert isinstance(await dispute.defend(stage.world, identity), Again)
    stage.clock.advance(days=6, minutes=1)
    assert await dispute.defend(stage.world, identity) == Done()

    assert "sent to" in case.evidence[0]["access_activity_log"]


async def test_what_is_no_payment_of_ours_or_no_network_of_disputes_is_left_to_a_person(
    stage: Stage, shop: Shop, network: Network
) -> None:
    made = await a_booking(stage, shop, worked=True)
    network.cases[REFERENCE] = Case(REFERENCE, "pi_of_another_shop", Money(1, "KRW"))
    assert isinstance(await heard(stage), Never)
    assert isinstance(await dispute.heard(stage.world, "emoney", REFERENCE), Never)
    await disputed(stage, network, made)
    await stage.sql("UPDATE dispute SET provider = 'emoney'")
    assert isinstance(await dispute.defend(stage.world, await stage.value("SELECT id FROM dispute")), Never)


async def test_a_house_that_defends_by_itself_does_not_when_it_is_told_so(
    stage: Stage, shop: Shop, network: Network
) -> None:
    stage.world = replace(stage.world, house=replace(stage.world.house, defend_disputes=False))
    made = await a_booking(stage, shop, worked=True)

    case = await disputed(stage, network, made)
    await stage.work()

    assert case.evidence == []
    assert await stage.value("SELECT state FROM dispute") == "open"


async def test_staff_see_their_disputes_with_the_evidence(stage: Stage, shop: Shop, network: Network) -> None:
    made = await a_booking(stage, shop, worked=True)
    await disputed(stage, network, made)
    member = Member(UUID(int=1), shop.issuer, frozenset({"money"}))
    stranger = Member(UUID(int=1), UUID(int=2), frozenset({"money"}))

    (row,) = await disputes_desk.listing(stage.world, member, state=DisputeState.OPEN, after=None, limit=5)
    _, before = await disputes_desk.look(stage.world, member, row.id)
    await stage.work()
    found, handed_in = await disputes_desk.look(stage.world, member, row.id)

    assert before == handed_in == found.evidence
    assert await disputes_desk.listing(stage.world, stranger, state=None, after=None, limit=5) == []
    assert await disputes_desk.listing(stage.world, member, state=None, after=row.id, limit=5) == []
    with pytest.raises(NotFound):
        await disputes_desk.look(stage.world, stranger, row.id)
    with pytest.raises(NotAllowed):
        await disputes_desk.listing(
            stage.world, Member(UUID(int=1), None, frozenset()), state=None, after=None, limit=5
        )
