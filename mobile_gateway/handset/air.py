"""What reaches a phone over the air: one short message, in octets, as the network's last hop delivers it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Air:
    """One short message at a phone. With `udhi` its user data begins with a header (3GPP TS 23.040 section 9.2.3.24).

    The network may deliver the same `message_id` again; the phone takes it once.
    """

    message_id: str
    sender: str
    data_coding: int
    udhi: bool
    user_data: bytes
    at: datetime

    def __repr__(self) -> str:
        return f"Air({self.message_id}, {len(self.user_data)} octets)"  # what it says may be a ticket's PIN
