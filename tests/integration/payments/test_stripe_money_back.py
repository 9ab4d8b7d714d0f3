"""Money that goes back through the sandbox network and the real adapter: at the end of the day both books agree."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from builders import Made, Shop, Stage, a_booking, state_of
from payment_network_kit import SECRET, Network, a_network
from pydantic import SecretStr

from app.domain.refund import RefundReason
from app.flows.returning import balance, dispute, paying_back, refund
from app.payments.stripe import Stripe, StripeSettings
from app.ports import CardToken


@dataclass
class Till:
    """The stage with the real adapter for cards, and the network behind it."""

    stage: Stage
    shop: Shop
    network: Network

    async def sold(self, card: str = "pm_card_visa", **more: Any) -> Made:
        return await a_booking(self.stage, self.shop, worked=True, instrument=CardToken(card), **more)

    async def returned(self, made: Made) -> Any:
        """The refund, as it stands when the buyer is answered."""
        found = await refund.ask(
            self.stage.world, booking_id=made.id, ticket_ids=None, reason=RefundReason.BUYER, by="buyer"
        )
        return found.refunds[0]

    async def states(self) -> list[str]:
        return [row.state for row in await self.stage.sql("SELECT state FROM refund ORDER BY id")]

    async def compared(self) -> balance.Compared:
        return await balance.compare(self.stage.world, self.stage.clock.now().date())

    async def pass_(self, seconds: int) -> None:
        self.stage.clock.advance(seconds=seconds)
        await self.network.pass_(seconds=seconds)


@pytest_asyncio.fixture
async def till(stage: Stage, shop: Shop, tmp_path: Path) -> AsyncIterator[Till]:
    async with a_network(tmp_path, later_seconds=60, fee_basis_points=290, dispute_fee_minor_units=15_000) as network:
        settings = StripeSettings("http://network.test", SecretStr(SECRET))
        card = Stripe(network.http, settings, chance=lambda: 0.1)
        stage.world = replace(stage.world, payments={**stage.world.payments, "card": card})
        yield Till(stage, shop, network)


async def test_a_day_of_sales_and_refunds_agrees_with_the_networks_books(till: Till) -> None:
    await till.sold()
    back = await till.sold(category="S")
    assert (await till.returned(back)).state == "succeeded"

    found = await till.compared()

    assert (found.network, found.ours, found.differences) == (3, 3, ())
    assert found.fees == 2, "of each charge, and none of the refund"
    assert (await till.compared()).fees == 0


async def test_a_refund_that_fails_later_is_heard_of_and_owed_again(till: Till) -> None:
    made = await till.sold("pm_card_refundFail")
    found = await till.returned(made)
    assert (found.state, await state_of(till.stage, made.id)) == ("succeeded", "refunded")

    await till.pass_(61)
    await paying_back.heard(till.stage.world, found.reference)

    assert await till.states() == ["failed"]
    assert (await till.compared()).differences == ()


async def test_a_refund_that_takes_its_time_is_pending_until_it_has_arrived(till: Till) -> None:
    found = await till.returned(await till.sold("pm_card_pendingRefund"))
    assert found.state == "pending"

    await till.pass_(61)
    assert await refund.look_after(till.stage.world) == 0, "the worker has not looked at it yet"
    await till.stage.work()

    assert await till.states() == ["succeeded"]
    assert (await till.compared()).differences == ()


@pytest.mark.parametrize("outcome", ["won", "lost"])
async def test_a_dispute_is_answered_decided_and_agrees_with_the_networks_books(till: Till, outcome: str) -> None:
    made = await till.sold()
    payment = await till.stage.value("SELECT reference FROM payment")
    opened = await till.network.post("/admin/disputes", {"payment_intent": payment, "reason": "fraudulent"})
    reference = opened.json()["id"]

    await dispute.heard(till.stage.world, "stripe", reference)
    await till.stage.work()
    assert await till.stage.value("SELECT state FROM ticket") == "suspended"
    assert await till.stage.value("SELECT state FROM dispute") == "under_review", "the network took the evidence"
    said = (await till.network.get(f"/v1/disputes/{reference}"))["evidence"]
    assert "sent to +8210****5678 by text message" in said["access_activity_log"]
    await till.network.post(f"/admin/disputes/{reference}", {"outcome": outcome})
    await dispute.heard(till.stage.world, "stripe", reference)
    await till.stage.work()

    assert await till.stage.value("SELECT state FROM dispute") == outcome
    assert await till.stage.value("SELECT state FROM credential") == ("valid" if outcome == "won" else "revoked")
    assert (await till.compared()).differences == ()
    assert await state_of(till.stage, made.id) == "paid"
