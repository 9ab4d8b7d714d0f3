"""Off the air: short messages become whole ones, and whole ones what the phone keeps, replaces, deletes or drops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mobile_gateway.handset.air import Air
from mobile_gateway.handset.held import Held
from mobile_gateway.wire import ems, udh
from mobile_gateway.wire.data_coding import class_of, coding_of, decode_user_data
from mobile_gateway.wire.gsm import Coding, MalformedText
from mobile_gateway.wire.udh import Concatenation, InformationElement
from mobile_gateway.wire.wbmp import Bitmap

WAITING_SECONDS_MAX = 86_400
"""How long the parts of a message wait for those that are missing."""
WAITING_PARTS_MAX = 40
"""How many parts may wait. It is the longest message the network cuts, and less than any phone's memory holds: whoever
sends beginnings without an end cannot keep a phone full, where its holder has nothing to delete."""
FLASH_CLASS = 0


@dataclass(frozen=True, slots=True)
class Whole:
    """A message with all its parts: its octets without headers, and what the headers brought."""

    id: str
    sender: str
    at: datetime
    data_coding: int
    parts: int
    octets: bytes
    elements: tuple[InformationElement, ...]

    @property
    def port(self) -> int | None:
        """The program on the phone that it is for; None for the holder."""
        ports = udh.ports_of(self.elements)
        return ports.destination if ports else None

    @property
    def flashes(self) -> bool:
        """Whether it is to be shown at once."""
        return class_of(self.data_coding) == FLASH_CLASS

    @property
    def pictures(self) -> tuple[Bitmap, ...]:
        """The pictures its headers bring; broken ones and unknown elements are passed over."""
        return tuple(picture.bitmap for picture in ems.pictures(self.elements))


def opened(air: Air) -> tuple[tuple[InformationElement, ...], bytes]:
    """The header's elements and the content. A header that does not add up is ignored (3GPP TS 23.040, 9.2.3.24)."""
    if not air.udhi:
        return (), air.user_data
    try:
        return udh.split(air.user_data)
    except udh.MalformedHeader:
        return (), air.user_data[1 + air.user_data[0] :] if air.user_data else b""


def part_of(air: Air) -> Concatenation | None:
    """Which part of which message it is; None for a message of its own."""
    return udh.concatenation_of(opened(air)[0])


def mark_of(air: Air) -> str:
    """By what the phone knows that the same short message came again."""
    part = part_of(air)
    return f"{air.message_id}/{part.sequence}" if part else air.message_id


def not_too_old(waiting: Sequence[Air], *, now: datetime) -> tuple[Air, ...]:
    """The parts that still wait for others at `now`."""
    return tuple(one for one in waiting if one.at + timedelta(seconds=WAITING_SECONDS_MAX) > now)


def join(waiting: Sequence[Air], air: Air) -> tuple[tuple[Air, ...], Whole | None]:
    """The parts that wait after `air` came, and the message that it made whole.

    Parts belong together by sender, reference and total, and come in any order. The same place again with other
    octets begins the message anew: its sender has come round to the same reference. Where too many parts wait, those
    of the message heard of longest ago go.
    """
    part = part_of(air)
    if part is None:
        return tuple(waiting), _whole([air])
    mates = [one for one in waiting if _is_mate(one, air, part)]
    others = tuple(one for one in waiting if one not in mates)
    placed = {_sequence(one): one for one in mates}
    known = placed.get(part.sequence)
    if known is not None and known.user_data == air.user_data:
        return tuple(waiting), None
    if known is not None:
        placed = {}
    placed[part.sequence] = air
    if len(placed) < part.total:
        return (*others, *placed.values())[-WAITING_PARTS_MAX:], None
    return others, _whole([one for _, one in sorted(placed.items())])


def text_of(whole: Whole) -> str | None:
    """The words of a message for the holder: none where it has only pictures, None where it is no text at all."""
    try:
        if coding_of(whole.data_coding) is Coding.BINARY:
            return "" if whole.pictures else None
        return decode_user_data(whole.data_coding, whole.octets)
    except MalformedText:
        return None


def held_text(whole: Whole, text: str) -> Held:
    """What the phone keeps of a message to its holder."""
    return Held(whole.id, whole.sender, text, whole.parts, whole.at, pictures=whole.pictures)


def _is_mate(one: Air, air: Air, part: Concatenation) -> bool:
    mine = part_of(one)
    assert mine, "only parts wait"
    same = (mine.reference, mine.total, mine.wide) == (part.reference, part.total, part.wide)
    return same and one.sender == air.sender


def _sequence(air: Air) -> int:
    part = part_of(air)
    assert part, "only parts wait"
    return part.sequence


def _whole(airs: Sequence[Air]) -> Whole:
    """One message of all these parts, in their order."""
    first = airs[0]
    contents = [opened(air) for air in airs]
    return Whole(
        id=first.message_id,
        sender=first.sender,
        at=max(air.at for air in airs),
        data_coding=first.data_coding,
        parts=len(airs),
        octets=b"".join(octets for _, octets in contents),
        elements=tuple(element for elements, _ in contents for element in elements),
    )
