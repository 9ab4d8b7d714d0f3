"""A carrier network for each test."""

from __future__ import annotations

import pytest
from carrier_rules_kit import Network


@pytest.fixture
def air() -> Network:
    return Network()
