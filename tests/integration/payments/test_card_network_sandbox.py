"""The card adapter against our own sandbox network over real sockets, which lacks nothing that Stripe has."""

from __future__ import annotations

from card_network_contract import CardNetworkContract

pytest_plugins = ["sandbox_card_network_plugin"]


class TestSandbox(CardNetworkContract):
    """Every promise, nothing lacking."""
