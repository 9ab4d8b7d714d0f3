"""Builders for tests of phones: messages as the air brings them, and keys pressed one after another."""

from __future__ import annotations

from datetime import UTC, datetime

import segno

from mobile_gateway.carrier.messages import Language, Model
from mobile_gateway.handset.air import Air
from mobile_gateway.handset.phone import Phone, Pressed
from mobile_gateway.keys import Key
from mobile_gateway.lcd import drawing as lcd
from mobile_gateway.wire import ems, udh, wsp
from mobile_gateway.wire.cutting import cut
from mobile_gateway.wire.data_coding import data_coding_of
from mobile_gateway.wire.gsm import encode, segment
from mobile_gateway.wire.udh import Concatenation
from mobile_gateway.wire.wbmp import Bitmap

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TICKET = "Moonlight 22 Nov 19:30 A 3-12. ID 482910375-6 PIN 491027 https://tickets.example/t/QZ9KD2"
CODE = "C0123456789ABCDEFGHJKMNPQ"
"""A ticket's compact code: 25 characters, a QR code of version 1."""


def airs(message_id: str, text: str, *, sender: str = "Cyberticket", at: datetime = NOON) -> list[Air]:
    """The short messages that carry a text: the first has the message's id."""
    coding = segment(text).coding
    parts = cut(encode(text, coding), coding, reference=sum(message_id.encode()) & 0xFF, elements=(), parts_max=40)
    joined = len(parts) > 1
    return [
        Air(message_id if place == 1 else f"{message_id}.{place}", sender, data_coding_of(coding), joined, part, at)
        for place, part in enumerate(parts, start=1)
    ]


def part(place: int, total: int, octets: bytes, *, reference: int = 7, name: str = "p", at: datetime = NOON) -> Air:
    """One part of a long message in the GSM alphabet."""
    header = udh.build([Concatenation(reference, total, place).element()])
    return Air(f"{name}{place}", "Cyberticket", 0, udhi=True, user_data=header + octets, at=at)


def pushed(body: bytes, content_type: str, *, name: str = "w", at: datetime = NOON) -> Air:
    """A WAP push in one short message."""
    octets = wsp.format_push(wsp.Push(body, content_type))
    return Air(name, "15880000", 4, udhi=True, user_data=udh.build([udh.PUSH.element()]) + octets, at=at)


def a_phone(*texts: str, language: Language = Language.ENGLISH, model: Model = Model.FEATURE) -> Phone:
    """A phone that received `texts` in that order: ids 1, 2, …"""
    phone = Phone("+821012345678", model, language)
    for index, text in enumerate(texts, start=1):
        phone = received(phone, *airs(str(index), text))
    return phone


def received(phone: Phone, *messages: Air) -> Phone:
    for air in messages:
        phone = phone.receive(air)
    return phone


def qr(text: str = CODE, *, version: int = 1) -> Bitmap:
    """A QR code in the middle of a large EMS picture."""
    made = segno.make(text, version=version, error="L", boost_error=False, micro=False)
    return ems.code_picture([[bool(module) for module in row] for row in made.matrix])


def with_code(phone: Phone, *, name: str = "e", words: bytes = b"A 12") -> Phone:
    """The phone with an EMS ticket."""
    return phone.receive(Air(name, "15880000", 0, udhi=True, user_data=ems.large_picture(qr()) + words, at=NOON))


def after(phone: Phone, *keys: Key | str) -> Phone:
    """The phone after these keys."""
    for key in keys:
        phone = press(phone, key).phone
    return phone


def press(phone: Phone, key: Key | str) -> Pressed:
    return phone.press(Key(key), now=NOON)


def shown(phone: Phone) -> list[str]:
    return [row.strip() for row in lcd.rows(phone)]
