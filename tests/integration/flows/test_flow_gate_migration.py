"""Migration 0004 on a house in business: going back keeps money and uses right, and going on again works."""

from __future__ import annotations

from datetime import timedelta

from builders import BUYER, FRIEND, Shop, Stage, a_booking, a_catalogue, a_gate, a_scan, an_account, typed
from enrolled_kit import a_code
from enrolled_kit import a_device as a_phone
from gate_scans_kit import a_device
from offers_kit import SOLD_ON, a_ticket

from app.domain.entry_rules import Direction
from app.domain.sign_in import SignInPurpose
from app.flows.audit import audit
from app.flows.gate import admit
from app.flows.hands import offer
from app.flows.handset import carry
from app.store.migrate import downgrade, migrate


async def come_and_go(stage: Stage, shop: Shop) -> None:
    """A group, a way out, an undone scan, what a gate decided alone, and a ticket that lives on a phone."""
    made = await a_booking(stage, shop, of="carnet/open", category="adult", quantity=3, worked=True)
    group, undone, alone = made.tickets
    gate = await a_gate(stage, shop, direction=Direction.BOTH, area="pier")
    await a_scan(stage, shop, gate, typed(group), count=2)
    await a_scan(stage, shop, gate, typed(group), direction=Direction.OUT)
    await a_scan(stage, shop, gate, typed(undone), scan_id="once")
    await admit.undo(stage.world, gate=gate.caller, scan_id="undo", undoes="once")
    device = await a_device(stage, shop)
    device.lets_in(alone.code, 4)
    await device.brings()
    await carry.download(stage.world, await a_phone(stage, BUYER), undone.id)


async def hand_on(stage: Stage, shop: Shop) -> None:
    """One ticket is sold on for e-money, one is on offer, and a code is asked for."""
    await stage.sql(SOLD_ON)
    purse = await an_account(stage, shop, 20_000, handset=FRIEND)
    sold_on = await offer.offer(stage.world, (await a_ticket(stage, shop)).id, FRIEND, 20_000)
    await offer.accept(stage.world, sold_on.id, by=FRIEND, pin=purse)
    await offer.offer(stage.world, (await a_ticket(stage, shop)).id, FRIEND)
    await a_code(stage, FRIEND, SignInPurpose.ENROL)


async def breaches(stage: Stage) -> list[str]:
    """What the audit says of money, value and uses."""
    findings = await audit(stage.world, only=("I4", "I5", "I6"))
    return [f"{row.subject}: {row.problem}" for finding in findings for row in finding.rows]


async def test_going_back_and_on_again_keeps_money_and_uses_right(blank: Stage) -> None:
    shop = await a_catalogue(blank)
    await hand_on(blank, shop)
    await come_and_go(blank, shop)
    await blank.work()
    blank.clock.advance(seconds=timedelta(hours=1).total_seconds())
    before = await blank.sql("SELECT handset, balance FROM account WHERE kind = 'prepaid' ORDER BY handset")
    assert ([row.balance for row in before], await breaches(blank)) == ([20_000, 0], [])

    await downgrade(blank.database.engine, target="0003")
    await migrate(blank.database.engine)

    assert await blank.sql("SELECT handset, balance FROM account WHERE kind = 'prepaid' ORDER BY handset") == before
    assert await breaches(blank) == []
