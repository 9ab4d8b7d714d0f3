"""The message centre: SMPP 3.4 over TCP on one side, the emulated network on the other."""

from mobile_gateway.smpp_limits import Limits
from mobile_gateway.smsc.server import Smsc

__all__ = ["Limits", "Smsc"]
