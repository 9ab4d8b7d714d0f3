"""Each of the four parties is killed, hung and restarted at each step of a purchase, while a crowd keeps buying."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
from collections.abc import Callable

import pytest
from chaos_buyers import Crowd, reckon
from chaos_doors import STEPS
from chaos_kit import VERBS, a_house

BUYERS = int(os.environ.get("CYBERTICKET_TEST_BUYERS", "200"))
SEED = int(os.environ.get("CYBERTICKET_TEST_SEED", "20261122"))
PARTIES = ("sales", "sales-worker", "issuer", "payment-network", "mobile-gateway")


@pytest.mark.timeout(900)
async def test_every_buyer_has_a_ticket_or_their_money_whatever_happens_to_whom_and_when(
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    incidents = list(itertools.product(STEPS, PARTIES, VERBS))
    random.Random(SEED).shuffle(incidents)  # noqa: S311 - repeatable
    async with a_house() as (house, shop):
        crowd = Crowd(shop, SEED)
        buying = asyncio.create_task(crowd.buy(BUYERS))
        for step, victim, verb in incidents:
            await house.suffer(step, victim, verb)
            await house.ready(shop.http)
        crowd.stop.set()
        await buying
        ended = await reckon(house, shop, crowd.purchases)
        record_testsuite_property("chaos", f"{len(incidents)} incidents, {ended.paid} paid, {ended.unpaid} not")
        assert ended.wrong == (), "\n".join(ended.wrong[:20]) + house.logs()
        assert ended.paid > len(incidents)
