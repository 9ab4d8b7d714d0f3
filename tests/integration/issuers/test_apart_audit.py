"""The audit of two servers: each looks at its own books, and the seller reads the whole of the issuer's register."""

from __future__ import annotations

from datetime import timedelta

from builders import Made, Stage, a_booking, a_gate, a_scan, pin, typed
from two_servers_kit import ISSUER, Cut, Two

from app.domain.money import Money
from app.domain.refund import RefundReason
from app.flows import audit, staff
from app.flows.audit import Finding
from app.flows.paying.pay import Tender, pay
from app.flows.returning import refund
from app.flows.sellers import registry
from app.flows.tickets import flowback
from app.ports import CardToken, Voucher
from app.store.audit import REGISTERS, Breach

pytest_plugins = ("two_servers_plugin",)

CARD = CardToken("pm_card_visa")


async def breaches(stage: Stage) -> list[str]:
    """All of the views' but what the settings of the tests' database deserve."""
    findings = await audit.audit(stage.world)
    told = [f"{one.invariant.name} {row.subject} {row.problem}" for one in findings for row in one.rows]
    return [line for line in told if not line.startswith("I9 setting ")]


async def compared(two: Two) -> Finding:
    (finding,) = await audit.audit(two.seller.world, only=["I8"])
    return await audit.ask_issuers(two.seller.world, finding)


async def sold(two: Two) -> Made:
    return await a_booking(two.seller, two.shop, quantity=2, worked=True)


async def test_what_one_server_sells_and_the_other_admits_is_clean_on_both_sides(two: Two) -> None:
    made = await sold(two)
    voucher = (await a_booking(two.seller, two.shop, of="gift/open", category="gift", worked=True)).tickets[0]
    split = await a_booking(two.seller, two.shop)
    tenders = [Tender(Voucher(voucher.number, pin(voucher)), Money(20_000, "KRW")), Tender(CARD)]
    await pay(two.seller.world, split.id, tenders)
    await refund.ask(
        two.seller.world,
        booking_id=made.id,
        ticket_ids=[made.tickets[0].id],
        reason=RefundReason.STAFF,
        by="kim",
    )
    await two.seller.work()
    gate = await a_gate(two.issuer, two.shop)
    two.clock.time = made.tickets[1].valid_from + timedelta(minutes=30)
    assert (await a_scan(two.issuer, two.shop, gate, typed(made.tickets[1])))["admit"]
    await flowback.pull(two.seller.world, ISSUER)

    assert (await breaches(two.issuer), await breaches(two.seller)) == ([], [])
    assert (await compared(two)).breaches == 0


async def test_what_the_issuers_register_lacks_is_a_breach_of_ours(two: Two) -> None:
    made = await sold(two)
    await two.issuer.sql("DELETE FROM credential WHERE ticket_id = :id", id=made.tickets[0].id)

    finding = await compared(two)

    problem = "sold here, not in the issuer's register"
    assert finding.invariant is REGISTERS
    assert (finding.breaches, finding.rows) == (1, [Breach(ISSUER, f"ticket {made.tickets[0].id}", problem)])
    assert finding.notes == []


async def test_what_the_issuer_revoked_is_heard_of_before_the_sides_are_compared(two: Two) -> None:
    made = await sold(two)
    boss = staff.Member(made.id, None, frozenset({"gates", "read", "refund"}), "the box office")
    await registry.revoke(two.issuer.world, boss, made.tickets[0].id, reason="lost")

    assert (await compared(two)).breaches == 0
    assert await breaches(two.seller) == []


async def test_a_register_that_cannot_be_reached_is_noted_and_no_breach(two: Two) -> None:
    await sold(two)
    two.line.down = Cut.BEFORE

    finding = await compared(two)

    assert finding.breaches == 0
    assert finding.notes == [f"{ISSUER} does not answer: its register was not compared. Try again when it does."]
