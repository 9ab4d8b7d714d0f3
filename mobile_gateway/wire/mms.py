"""M-Notification.ind (WAP-209 section 6.2): the push that tells a phone where a multimedia message waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final

from mobile_gateway.wire.wbxml import UTF_8
from mobile_gateway.wire.wbxml_writing import encode_uint
from mobile_gateway.wire.wsp import MalformedWsp, Reader

CONTENT_TYPE = "application/vnd.wap.mms-message"

NOTIFICATION_IND: Final = 0x82
VERSION_1_0: Final = 0x90
OCTETS_MAX = 2_048
_PERSONAL: Final = 0x80
_ABSOLUTE, _RELATIVE = 0x80, 0x81
_ADDRESS_PRESENT, _INSERT_ADDRESS = 0x80, 0x81
_QUOTE = b"\x7f"
_SHORT = 0x80
_SPACE = 0x20
_LENGTH_QUOTE = 0x1F
_INTEGER_OCTETS_MAX = 8


class _Field(IntEnum):
    """WAP-209 table 12: header names, as they travel."""

    CONTENT_LOCATION = 0x83
    EXPIRY = 0x88
    FROM = 0x89
    MESSAGE_CLASS = 0x8A
    MESSAGE_TYPE = 0x8C
    MMS_VERSION = 0x8D
    MESSAGE_SIZE = 0x8E
    SUBJECT = 0x96
    TRANSACTION_ID = 0x98


class MalformedMms(ValueError):
    """Octets that are no M-Notification.ind; the message says what is missing or wrong."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A message of `octets` waits at `location` until it expires: at a moment, or a while after this arrives."""

    transaction_id: str
    location: str
    octets: int
    expires: datetime | timedelta
    sender: str | None = None
    """Such as `+821012345678/TYPE=PLMN`; None where the network is to fill it in."""
    subject: str | None = None


def encode(notification: Notification) -> bytes:
    """The body of a push of CONTENT_TYPE to application `mms.ua`."""
    sender = bytes([_INSERT_ADDRESS])
    if notification.sender is not None:
        sender = bytes([_ADDRESS_PRESENT]) + _string(notification.sender)
    if isinstance(notification.expires, datetime):
        expiry = bytes([_ABSOLUTE]) + _long(int(notification.expires.timestamp()))
    else:
        expiry = bytes([_RELATIVE]) + _long(int(notification.expires.total_seconds()))
    subject = b"" if notification.subject is None else bytes([_Field.SUBJECT]) + _string(notification.subject)
    # Section 7: the type, the transaction and the version come first and in this order.
    return b"".join(
        [
            bytes([_Field.MESSAGE_TYPE, NOTIFICATION_IND, _Field.TRANSACTION_ID])
            + _string(notification.transaction_id),
            bytes([_Field.MMS_VERSION, VERSION_1_0, _Field.FROM]) + _counted(sender),
            subject + bytes([_Field.MESSAGE_CLASS, _PERSONAL, _Field.MESSAGE_SIZE]) + _long(notification.octets),
            bytes([_Field.EXPIRY]) + _counted(expiry),
            bytes([_Field.CONTENT_LOCATION]) + _string(notification.location),
        ]
    )


def decode(octets: bytes) -> Notification:
    """The notification; headers unknown here are skipped. Raises MalformedMms and nothing else."""
    if len(octets) > OCTETS_MAX:
        raise MalformedMms(f"The notification has {len(octets)} octets and {OCTETS_MAX} are read.")
    try:
        fields = _fields(octets)
        if fields.get(_Field.MESSAGE_TYPE) != bytes([NOTIFICATION_IND]):
            raise MalformedMms("The message is no M-Notification.ind.")
        missing = [name.name for name in _REQUIRED if name not in fields]
        if missing:
            raise MalformedMms(f"The notification lacks {', '.join(missing)}.")
        return Notification(
            transaction_id=_text(fields[_Field.TRANSACTION_ID]),
            location=_text(fields[_Field.CONTENT_LOCATION]),
            octets=_integer(fields[_Field.MESSAGE_SIZE]),
            expires=_expiry(fields[_Field.EXPIRY]),
            sender=_sender(fields[_Field.FROM]) if _Field.FROM in fields else None,
            subject=_text(fields[_Field.SUBJECT]) if _Field.SUBJECT in fields else None,
        )
    except MalformedWsp as fault:
        raise MalformedMms(str(fault)) from fault


_REQUIRED = (_Field.TRANSACTION_ID, _Field.CONTENT_LOCATION, _Field.MESSAGE_SIZE, _Field.EXPIRY)


def _fields(octets: bytes) -> dict[int, bytes]:
    reader = Reader(octets)
    found: dict[int, bytes] = {}
    while reader:
        name = reader.octet()
        if name < _SHORT:
            raise MalformedMms(f"{name:#04x} is no MMS header.")
        found.setdefault(name, reader.value())
    return found


def _expiry(value: bytes) -> datetime | timedelta:
    reader = _inside(value)
    how, amount = reader.octet(), _integer(reader.value())
    try:
        if how == _ABSOLUTE:
            return datetime.fromtimestamp(amount, UTC)
        if how == _RELATIVE:
            return timedelta(seconds=amount)
    except (OverflowError, ValueError, OSError):
        raise MalformedMms("The expiry is beyond all time.") from None
    raise MalformedMms(f"The expiry's kind {how:#04x} is not known.")


def _sender(value: bytes) -> str | None:
    reader = _inside(value)
    if reader.octet() == _INSERT_ADDRESS:
        return None
    return _text(reader.value())


def _inside(value: bytes) -> Reader:
    """A reader past the length that a value opens with."""
    reader = Reader(value)
    length = reader.octet()
    if length > _LENGTH_QUOTE:
        raise MalformedMms("A value that must have a length has none.")
    if length == _LENGTH_QUOTE:
        reader.uint()
    return reader


def _integer(value: bytes) -> int:
    if value[0] >= _SHORT:
        return value[0] & ~_SHORT
    if not 1 <= value[0] <= _INTEGER_OCTETS_MAX:
        raise MalformedMms("A number is none.")
    return int.from_bytes(value[1:])


def _text(value: bytes) -> str:
    """WAP-209 section 7.2.9 Encoded-string-value: text, or a length, a charset and text."""
    if value[0] <= _LENGTH_QUOTE:
        reader = _inside(value)
        charset = _integer(reader.value())
        if charset != UTF_8:
            raise MalformedMms(f"Charset {charset} is not read; only UTF-8 is.")
        value = reader.value()
    if not value.endswith(b"\0"):
        raise MalformedMms("A text is none.")
    try:
        return value[:-1].removeprefix(_QUOTE).decode()
    except UnicodeDecodeError:
        raise MalformedMms("A text is no UTF-8.") from None


def _string(text: str) -> bytes:
    """Plain where it is ASCII; else with its charset before it, and quoted as section 8.4.2.1 of WSP asks."""
    if "\0" in text:
        raise MalformedMms("A text holds U+0000, which would end it; take it out.")
    octets = text.encode() + b"\0"
    # What does not begin with a printing letter would read as a number or a length.
    quoted = octets if _SPACE <= octets[0] < _QUOTE[0] else _QUOTE + octets
    return quoted if text.isascii() else _counted(bytes([_SHORT | UTF_8]) + quoted)


def _long(value: int) -> bytes:
    octets = value.to_bytes(max(1, (value.bit_length() + 7) // 8))
    return bytes([len(octets)]) + octets


def _counted(octets: bytes) -> bytes:
    length = bytes([len(octets)]) if len(octets) < _LENGTH_QUOTE else bytes([_LENGTH_QUOTE]) + encode_uint(len(octets))
    return length + octets
