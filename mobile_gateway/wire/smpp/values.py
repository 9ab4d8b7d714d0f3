"""The numbers in SMPP 3.4 that have names, and what the bits of a message's flags mean (section 5.2).

A field is an int all the same, because a peer may send others.
"""

from __future__ import annotations

from enum import IntEnum

from mobile_gateway.wire.smpp.tlvs import MESSAGE_PAYLOAD, Tlv

RESPONSE = 0x80000000
"""The bit that makes a command's id its response's."""


class Command(IntEnum):
    """command_id, section 5.1.2.1."""

    BIND_RECEIVER = 0x01
    BIND_TRANSMITTER = 0x02
    QUERY_SM = 0x03
    SUBMIT_SM = 0x04
    DELIVER_SM = 0x05
    UNBIND = 0x06
    REPLACE_SM = 0x07
    CANCEL_SM = 0x08
    BIND_TRANSCEIVER = 0x09
    OUTBIND = 0x0B
    ENQUIRE_LINK = 0x15
    SUBMIT_MULTI = 0x21
    ALERT_NOTIFICATION = 0x102
    DATA_SM = 0x103
    GENERIC_NACK = 0x80000000
    BIND_RECEIVER_RESP = 0x80000001
    BIND_TRANSMITTER_RESP = 0x80000002
    QUERY_SM_RESP = 0x80000003
    SUBMIT_SM_RESP = 0x80000004
    DELIVER_SM_RESP = 0x80000005
    UNBIND_RESP = 0x80000006
    REPLACE_SM_RESP = 0x80000007
    CANCEL_SM_RESP = 0x80000008
    BIND_TRANSCEIVER_RESP = 0x80000009
    ENQUIRE_LINK_RESP = 0x80000015
    SUBMIT_MULTI_RESP = 0x80000021
    DATA_SM_RESP = 0x80000103


class Ton(IntEnum):
    """Type of number, section 5.2.5."""

    UNKNOWN = 0
    INTERNATIONAL = 1
    NATIONAL = 2
    NETWORK_SPECIFIC = 3
    SUBSCRIBER_NUMBER = 4
    ALPHANUMERIC = 5
    ABBREVIATED = 6


class Npi(IntEnum):
    """Numbering plan indicator, section 5.2.6."""

    UNKNOWN = 0
    ISDN = 1
    DATA = 3
    TELEX = 4
    LAND_MOBILE = 6
    NATIONAL = 8
    PRIVATE = 9
    ERMES = 10
    INTERNET = 14
    WAP_CLIENT_ID = 18


class MessageState(IntEnum):
    """Section 5.2.28."""

    ENROUTE = 1
    DELIVERED = 2
    EXPIRED = 3
    DELETED = 4
    UNDELIVERABLE = 5
    ACCEPTED = 6
    UNKNOWN = 7
    REJECTED = 8


class MessageType(IntEnum):
    """Bits 5 to 2 of esm_class in deliver_sm and data_sm, section 5.2.12."""

    DEFAULT = 0x00
    RECEIPT = 0x04
    DELIVERY_ACKNOWLEDGEMENT = 0x08
    USER_ACKNOWLEDGEMENT = 0x10
    CONVERSATION_ABORT = 0x18
    INTERMEDIATE_NOTIFICATION = 0x20


class MessageMode(IntEnum):
    """Bits 1 and 0 of esm_class, section 5.2.12."""

    DEFAULT = 0
    DATAGRAM = 1
    FORWARD = 2
    STORE_AND_FORWARD = 3


class ReceiptWish(IntEnum):
    """Bits 1 and 0 of registered_delivery, section 5.2.17."""

    NONE = 0
    ALWAYS = 1
    ON_FAILURE = 2
    RESERVED = 3


MODE_BITS, TYPE_BITS, UDHI, REPLY_PATH = 0x03, 0x3C, 0x40, 0x80
RECEIPT_BITS, SME_ACK_BITS, INTERMEDIATE = 0x03, 0x0C, 0x10


class Coded:
    """What the bits of esm_class and registered_delivery mean, and where a message's octets are."""

    __slots__ = ()
    esm_class: int
    registered_delivery: int
    tlvs: tuple[Tlv, ...]

    @property
    def mode(self) -> MessageMode:
        return MessageMode(self.esm_class & MODE_BITS)

    @property
    def message_type(self) -> int:
        """One of MessageType, or a value the specification keeps for itself."""
        return self.esm_class & TYPE_BITS

    @property
    def udhi(self) -> bool:
        """Whether the message begins with a user data header."""
        return bool(self.esm_class & UDHI)

    @property
    def reply_path(self) -> bool:
        return bool(self.esm_class & REPLY_PATH)

    @property
    def receipt_wish(self) -> ReceiptWish:
        return ReceiptWish(self.registered_delivery & RECEIPT_BITS)

    @property
    def wants_acknowledgement(self) -> bool:
        """Whether the receiving phone or its user shall acknowledge."""
        return bool(self.registered_delivery & SME_ACK_BITS)

    @property
    def wants_intermediate(self) -> bool:
        return bool(self.registered_delivery & INTERMEDIATE)

    @property
    def user_data(self) -> bytes:
        """The message's octets, its header included: short_message or, where that is empty, message_payload."""
        short: bytes = getattr(self, "short_message", b"")
        return short or MESSAGE_PAYLOAD.first(self.tlvs) or b""
