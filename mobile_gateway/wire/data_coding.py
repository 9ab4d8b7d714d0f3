"""What an SMPP data_coding says: in which coding the octets are, and how urgently the handset is to show them.

SMPP 3.4 section 5.2.19 names 0 to 0x0F and takes 0xC0 to 0xFF from GSM 03.38 section 4; 0x10 to 0x7F mean there what
GSM 03.38 says, as every carrier reads them (0x18 is UCS-2 shown at once).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from mobile_gateway.wire.gsm import Coding, MalformedText, decode

DATA_CODINGS: Mapping[Coding, int] = {
    Coding.GSM: 0x00,
    Coding.ASCII: 0x01,
    Coding.LATIN1: 0x03,
    Coding.BINARY: 0x04,
    Coding.UCS2: 0x08,
    Coding.KSC: 0x0E,
}
"""The plain data_coding of each coding, without a message class."""

_NAMED = {data_coding: coding for coding, data_coding in DATA_CODINGS.items()} | {0x02: Coding.BINARY}
_NAMED_LAST = 0x0F
_GENERAL_LAST = 0x7F
_COMPRESSED = 0x20
_HAS_CLASS = 0x10
_CLASS_BITS = 0x03
_EIGHT_BIT = 0x04
_WAITING_GSM = range(0xC0, 0xE0)
_WAITING_UCS2 = range(0xE0, 0xF0)
_WITH_CLASS = range(0xF0, 0x100)
# Bits 3-2 of the general group; GSM 03.38 section 4: what is reserved is to be read as the default alphabet.
_ALPHABETS = (Coding.GSM, Coding.BINARY, Coding.UCS2, Coding.GSM)


def coding_of(data_coding: int) -> Coding | None:
    """The coding that `data_coding` names; None for one that this network cannot read (JIS, compressed, reserved)."""
    if data_coding <= _NAMED_LAST:
        return _NAMED.get(data_coding)
    if data_coding <= _GENERAL_LAST:
        return None if data_coding & _COMPRESSED else _ALPHABETS[data_coding >> 2 & 3]
    if data_coding in _WAITING_GSM:
        return Coding.GSM
    if data_coding in _WAITING_UCS2:
        return Coding.UCS2
    if data_coding in _WITH_CLASS:
        return Coding.BINARY if data_coding & _EIGHT_BIT else Coding.GSM
    return None


def class_of(data_coding: int) -> int | None:
    """The message class: 0 is shown at once and not kept, 1 the phone's, 2 the SIM's, 3 the terminal's; None: none."""
    general = _NAMED_LAST < data_coding <= _GENERAL_LAST and data_coding & _HAS_CLASS
    return data_coding & _CLASS_BITS if general or data_coding in _WITH_CLASS else None


def is_waiting_indication(data_coding: int) -> bool:
    """Whether the message says that something waits (voice mail, fax): the handset lights an icon."""
    return data_coding in _WAITING_GSM or data_coding in _WAITING_UCS2


def data_coding_of(coding: Coding, *, message_class: int | None = None) -> int:
    """The data_coding for `coding`; with a class only GSM, UCS-2 and binary have one: raises ValueError."""
    if message_class is None:
        return DATA_CODINGS[coding]
    if not 0 <= message_class <= _CLASS_BITS:
        raise ValueError(f"a message class is 0 to {_CLASS_BITS}, not {message_class}")
    match coding:
        case Coding.GSM:
            return _WITH_CLASS.start | message_class
        case Coding.BINARY:
            return _WITH_CLASS.start | _EIGHT_BIT | message_class
        case Coding.UCS2:
            return _HAS_CLASS | DATA_CODINGS[Coding.UCS2] | message_class
        case Coding.KSC | Coding.ASCII | Coding.LATIN1:
            raise ValueError(f"{coding.value} has no message class; use GSM, UCS-2 or binary")
        case _:
            assert_never(coding)


def decode_user_data(data_coding: int, octets: bytes) -> str:
    """The text of a message, its header taken off before (`udh.split`); raises MalformedText."""
    coding = coding_of(data_coding)
    if coding is None:
        raise MalformedText(f"data_coding {data_coding:#04x} is none that this network reads")
    return decode(octets, coding)
