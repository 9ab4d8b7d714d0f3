"""`python -m mobile_gateway`: the network alone, set by CYBERTICKET_GATEWAY_ variables."""

from __future__ import annotations

from mobile_gateway.serve import run
from mobile_gateway.settings import GatewaySettings

if __name__ == "__main__":
    run(GatewaySettings())
