"""An issuer that a seller's requests come to."""

from __future__ import annotations

import pytest
from builders import Shop, Stage
from issuer_contract_kit import SELLER_KEYS, Seen, believing, far
from server_requests_kit import OTHER_KEYS


@pytest.fixture
def issuer(stage: Stage) -> Stage:
    return believing(stage, sales=SELLER_KEYS, other=OTHER_KEYS)


@pytest.fixture
def seen(issuer: Stage, shop: Shop) -> Seen:
    return far(issuer, shop)
