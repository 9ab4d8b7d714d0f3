"""EMS: a ticket as a picture inside one single short message, for phones that show pictures and do not browse.

The barcode takes 132 of 140 octets; beside it stands the beginning of the title.
"""

from __future__ import annotations

import asyncio

from app import barcode
from app.domain.handset import Handset
from app.ports import Accepted, Channel, Message, Preview, Rejected, UserData
from mobile_gateway.wire import ems, gsm
from mobile_gateway.wire.data_coding import DATA_CODINGS
from mobile_gateway.wire.gsm import Coding

SEPTETS_MAX = ems.TEXT_OCTETS_MAX * 8 // 7


class Ems:
    """Sends pictures over another channel, which must be able to carry octets as they are."""

    name = "ems"

    def __init__(self, carrier: Channel) -> None:
        self._carrier = carrier

    def preview(self, text: str) -> Preview:
        return self._carrier.preview(text)

    async def send(self, to: Handset, message: Message, *, key: str) -> Accepted | Rejected:
        if not message.code:
            return Rejected("this message has no barcode that a picture could show", retry=False)
        try:
            raw = await asyncio.to_thread(picture, message.code, message.title)
        except ValueError as fault:
            return Rejected(f"the barcode does not fit a picture message: {fault}", retry=False)
        outcome = await self._carrier.send(to, Message(message.text, raw=raw), key=f"{key}-ems")
        if isinstance(outcome, Rejected) or outcome.line:
            return outcome
        # Its receipts come to the channel that carries it.
        return Accepted(outcome.message_id, outcome.parts, outcome.part_ids, self._carrier.name)


def picture(code: str, title: str) -> UserData:
    """The short message with the code as a large picture, and as much of the title as fits; raises ValueError."""
    drawing = barcode.draw(code, barcode.Level.L)
    header = ems.large_picture(ems.code_picture([[bool(module) for module in row] for row in drawing.rows]))
    coding = Coding.GSM if gsm.is_gsm(title) else Coding.UCS2
    room = SEPTETS_MAX if coding is Coding.GSM else ems.TEXT_OCTETS_MAX
    fitting = (gsm.encode(title[:letters], coding) for letters in range(SEPTETS_MAX, -1, -1))
    beside = next(octets for octets in fitting if len(octets) <= room)
    return UserData(header + beside, DATA_CODINGS[coding])
