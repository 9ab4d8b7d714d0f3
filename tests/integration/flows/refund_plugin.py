"""The payment network that money goes back to."""

from __future__ import annotations

import pytest
from builders import Stage
from refund_kit import Network, with_network


@pytest.fixture
def refund_network(stage: Stage) -> Network:
    return with_network(stage)
