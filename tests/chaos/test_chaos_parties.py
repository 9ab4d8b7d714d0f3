"""Each of the four parties is killed, hung and restarted at each step of a purchase, while a crowd keeps buying."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import time

import pytest
from chaos_buyers import Crowd, reckon
from chaos_doors import STEPS, Step
from chaos_kit import VERBS, a_house

# Buyers close the browser while they connect: asyncio (3.11) then leaves the socket to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")

BUYERS = int(os.environ.get("CYBERTICKET_TEST_BUYERS", "200"))
SEED = int(os.environ.get("CYBERTICKET_TEST_SEED", "20261122"))
EVERYTHING = os.environ.get("CYBERTICKET_TEST_CHAOS") == "everything"
"""Each verb to each party at each step, a third of an hour; otherwise one verb for each party and step."""
PARTIES = ("sales", "sales-worker", "issuer", "payment-network", "mobile-gateway")
SECONDS_MAX = 3_600


def incidents() -> list[tuple[Step, str, str]]:
    """What is done to whom at which step, in an order that the seed decides."""
    chance = random.Random(SEED)  # noqa: S311 - repeatable
    places = list(itertools.product(STEPS, PARTIES))
    chance.shuffle(places)
    turns = VERBS if EVERYTHING else VERBS[:1]
    return [
        (step, party, VERBS[(number + turn) % len(VERBS)])
        for turn in range(len(turns))
        for number, (step, party) in enumerate(places)
    ]


@pytest.mark.timeout(SECONDS_MAX)
async def test_every_buyer_has_a_ticket_or_their_money_whatever_happens_to_whom_and_when(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with a_house() as (house, shop):
        crowd = Crowd(shop, SEED)
        buying = asyncio.create_task(crowd.buy(BUYERS))
        for number, (step, victim, verb) in enumerate(incidents(), 1):
            began = time.monotonic()
            await house.suffer(step, victim, verb)
            await house.ready(shop.http)
            with capsys.disabled():
                print(  # noqa: T201 - the run takes minutes, and a failed one is told by its last lines
                    f"{number:>4}  {verb} {victim} at {step.name}: {time.monotonic() - began:.1f} s,"
                    f" {len(crowd.purchases)} purchases so far",
                    flush=True,
                )
        crowd.stop.set()
        await buying
        ended = await reckon(house, shop, crowd.purchases)
        with capsys.disabled():
            print(f"{number} incidents, {ended.paid} paid, {ended.unpaid} not, {len(ended.wrong)} wrong")  # noqa: T201 - what the run is for
        assert ended.wrong == (), "\n".join(ended.wrong[:20]) + house.logs()
        assert ended.paid > number
