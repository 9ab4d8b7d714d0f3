"""What the chaos test looks for, it finds: three mistakes, made on purpose, each leave a trace that is seen."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from chaos_buyers import Crowd, reckon
from chaos_doors import STEPS
from chaos_kit import a_house

from app.cli.stack import SECRET_KEY

# Buyers close the browser while they connect: asyncio (3.11) then leaves the socket to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")

BUYERS = 40
ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Mistake:
    """One of chaos_sabotage.py: what brings it to light, and the words in which it is found."""

    name: str
    trace: str
    faults: tuple[Mapping[str, str], ...] = ()
    incidents: tuple[tuple[str, str, str], ...] = ()


MISTAKES = (
    Mistake(
        "fresh_keys",
        "is requires_capture",
        faults=(
            {"operation": "confirm", "what": "drop_after", "times": "1000"},
            {"operation": "retrieve", "what": "drop_before", "times": "1000"},
        ),
    ),
    Mistake(
        "second_transaction",
        "has 0 tickets",
        incidents=(("capture", "sales", "kill"), ("register", "sales", "kill")),
    ),
    Mistake("charge_first", "and the network has"),  # needs no accident, only two buyers at once
)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mistake", MISTAKES, ids=[one.name for one in MISTAKES])
async def test_a_mistake_made_on_purpose_is_found(mistake: Mistake) -> None:
    steps = {step.name: step for step in STEPS}
    async with a_house(sabotage=mistake.name) as (house, shop):
        for fault in mistake.faults:
            await shop.call("POST", f"{shop.network_url}/admin/faults", form=fault, bearer=SECRET_KEY)
        crowd = Crowd(shop, seed=7)
        buying = asyncio.create_task(crowd.buy(BUYERS))
        for step, victim, verb in itertools.chain.from_iterable([mistake.incidents] * ROUNDS):
            await house.suffer(steps[step], victim, verb)
            await house.ready(shop.http)
        await asyncio.sleep(4)
        crowd.stop.set()
        await buying
        await shop.call("DELETE", f"{shop.network_url}/admin/faults", bearer=SECRET_KEY)
        ended = await reckon(house, shop, crowd.purchases, patience_seconds=20)
        assert any(mistake.trace in one for one in ended.wrong), ended.wrong
