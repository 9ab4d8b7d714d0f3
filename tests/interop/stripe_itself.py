"""The card adapter against Stripe's own test mode. Nothing collects this file: it is run by its name.

    CYBERTICKET_TEST_STRIPE_KEY=sk_test_… .venv/bin/python -m pytest tests/interop/stripe_itself.py

It needs the internet and an account in test mode that takes KRW and settles in it; it moves no real money.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from card_network_contract import CardNetworkContract
from card_network_kit import Ability, CardNetwork, Cards
from pydantic import SecretStr

from app.payments.stripe import StripeSettings

KEY = os.environ.get("CYBERTICKET_TEST_STRIPE_KEY", "")

LACKS = {
    Ability.HOLDER: "the page of Stripe's test bank needs a browser; a person may open the address",
    Ability.NEWS: "Stripe cannot post to an address of this machine",
}


@pytest_asyncio.fixture(scope="module")
async def network() -> AsyncIterator[CardNetwork]:
    if not KEY.startswith(("sk_test_", "rk_test_")):
        pytest.fail(
            "Set CYBERTICKET_TEST_STRIPE_KEY to a key of Stripe's test mode (sk_test_…); a live one is refused."
        )
    async with httpx.AsyncClient() as http:
        settings = StripeSettings("https://api.stripe.com", SecretStr(KEY))
        yield CardNetwork(settings=settings, http=http, cards=Cards(), lacks=LACKS)


class TestStripe(CardNetworkContract):
    """Every promise that can be seen without a browser and a public address."""
