"""From user data to short messages of the air: one that fits goes as it is, a longer one is cut and numbered."""

from __future__ import annotations

from datetime import datetime
from zlib import crc32

from mobile_gateway.carrier.messages import UDHI, Message
from mobile_gateway.handset.air import Air
from mobile_gateway.wire import udh
from mobile_gateway.wire.cutting import cut
from mobile_gateway.wire.data_coding import coding_of
from mobile_gateway.wire.gsm import USER_DATA_OCTETS_MAX, Coding, TextRefused

PARTS_MAX = 40
"""More parts than any phone's memory could hold are refused."""


def cut_up(user_data: bytes, *, data_coding: int, esm_class: int, message_id: str) -> tuple[bytes, ...]:
    """The user data of each part; several of them share an 8-bit reference. Raises TextRefused with a sentence."""
    if len(user_data) <= USER_DATA_OCTETS_MAX and not esm_class & UDHI:
        return (user_data,)
    # What we cannot read (JIS, compressed) is carried octet by octet: handsets of its time may know it.
    coding = coding_of(data_coding) or Coding.BINARY
    elements: tuple[udh.InformationElement, ...] = ()
    content = user_data
    if esm_class & UDHI:
        try:
            elements, content = udh.split(user_data)
        except udh.MalformedHeader as fault:
            raise TextRefused(f"The user data header cannot be read ({fault}); correct it.") from None
    reference = crc32(message_id.encode()) & 0xFF
    parts = cut(content, coding, reference=reference, elements=elements, parts_max=PARTS_MAX)
    return (user_data,) if len(parts) == 1 else parts


def airs(message: Message, *, at: datetime) -> tuple[Air, ...]:
    """What reaches the phone at `at`; every part has the message's id and says in its header which part it is."""
    sent = message.submission
    parts = cut_up(sent.user_data, data_coding=sent.data_coding, esm_class=sent.esm_class, message_id=message.id)
    udhi = sent.has_header or len(parts) > 1
    return tuple(Air(message.id, sent.sender, sent.data_coding, udhi, part, at) for part in parts)
