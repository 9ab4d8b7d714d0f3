"""Optional parameters (TLVs): each known by tag, name and kind; the unknown kept as they came (SMPP 3.4 section 5.3).

A PDU keeps its parameters as octets, in their order, repeated ones too. A `Parameter` reads and makes them typed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from mobile_gateway.wire.smpp.status import BadField, LocalProtocolError, Status

TAG_MAX = 0xFFFF
VALUE_OCTETS_MAX = 0xFFFF
_HEAD = struct.Struct(">HH")

T = TypeVar("T", int, str, bytes)


@dataclass(frozen=True, slots=True)
class Tlv:
    """One optional parameter as it stands on the wire. Its value does not print: it may be the message itself."""

    tag: int
    octets: bytes

    def __repr__(self) -> str:
        known = KNOWN.get(self.tag)
        return f"Tlv({f'{self.tag:#06x}' if known is None else known.name}, {len(self.octets)} octets)"


@dataclass(frozen=True, slots=True)
class Parameter(Generic[T]):
    """A known optional parameter: its type says what its octets mean."""

    tag: int
    name: str
    type: type[T]
    size_min: int
    size_max: int

    @property
    def notation(self) -> str:
        """How the reference page writes it."""
        kind = {int: "integer", str: "C-octet string", bytes: "octets"}[self.type]
        if self.size_min == self.size_max:
            return f"{kind}, {self.size_max}"
        return f"{kind}, {self.size_min} to {self.size_max}"

    def make(self, value: T) -> Tlv:
        """The parameter with this value; raises LocalProtocolError where it does not fit."""
        if isinstance(value, int):
            if value < 0 or value.bit_length() > 8 * self.size_max:
                raise LocalProtocolError(f"{value} does not fit into the {self.size_max} octets of {self.name}")
            octets = value.to_bytes(self.size_max, "big")
        elif isinstance(value, str):
            try:
                octets = value.encode("latin-1") + b"\0"
            except UnicodeEncodeError:
                raise LocalProtocolError(f"{self.name} holds ASCII only") from None
        else:
            octets = value
        if not self.size_min <= len(octets) <= self.size_max:
            raise LocalProtocolError(f"{self.name} cannot have {len(octets)} octets")
        return Tlv(self.tag, octets)

    def first(self, tlvs: Iterable[Tlv]) -> T | None:
        """The value of the first such parameter, None where there is none."""
        for tlv in tlvs:
            if tlv.tag == self.tag:
                return self._value(tlv.octets)
        return None

    def _value(self, octets: bytes) -> T:
        value: int | str | bytes = octets
        if self.type is int:
            value = int.from_bytes(octets, "big")
        elif self.type is str:
            # Some peers leave the NUL out, and some pad with several.
            value = octets.split(b"\0", 1)[0].decode("latin-1")
        assert isinstance(value, self.type)
        return value


def _integer(tag: int, name: str, size: int = 1) -> Parameter[int]:
    return Parameter(tag, name, int, size, size)


def _text(tag: int, name: str, size_max: int) -> Parameter[str]:
    return Parameter(tag, name, str, 1, size_max)


def _octets(tag: int, name: str, size_min: int, size_max: int) -> Parameter[bytes]:
    return Parameter(tag, name, bytes, size_min, size_max)


DEST_ADDR_SUBUNIT = _integer(0x0005, "dest_addr_subunit")
DEST_NETWORK_TYPE = _integer(0x0006, "dest_network_type")
DEST_BEARER_TYPE = _integer(0x0007, "dest_bearer_type")
DEST_TELEMATICS_ID = _integer(0x0008, "dest_telematics_id", 2)
SOURCE_ADDR_SUBUNIT = _integer(0x000D, "source_addr_subunit")
SOURCE_NETWORK_TYPE = _integer(0x000E, "source_network_type")
SOURCE_BEARER_TYPE = _integer(0x000F, "source_bearer_type")
SOURCE_TELEMATICS_ID = _integer(0x0010, "source_telematics_id")
QOS_TIME_TO_LIVE = _integer(0x0017, "qos_time_to_live", 4)
PAYLOAD_TYPE = _integer(0x0019, "payload_type")
ADDITIONAL_STATUS_INFO_TEXT = _text(0x001D, "additional_status_info_text", 256)
RECEIPTED_MESSAGE_ID = _text(0x001E, "receipted_message_id", 65)
MS_MSG_WAIT_FACILITIES = _integer(0x0030, "ms_msg_wait_facilities")
PRIVACY_INDICATOR = _integer(0x0201, "privacy_indicator")
SOURCE_SUBADDRESS = _octets(0x0202, "source_subaddress", 2, 23)
DEST_SUBADDRESS = _octets(0x0203, "dest_subaddress", 2, 23)
USER_MESSAGE_REFERENCE = _integer(0x0204, "user_message_reference", 2)
USER_RESPONSE_CODE = _integer(0x0205, "user_response_code")
SOURCE_PORT = _integer(0x020A, "source_port", 2)
DESTINATION_PORT = _integer(0x020B, "destination_port", 2)
SAR_MSG_REF_NUM = _integer(0x020C, "sar_msg_ref_num", 2)
LANGUAGE_INDICATOR = _integer(0x020D, "language_indicator")
SAR_TOTAL_SEGMENTS = _integer(0x020E, "sar_total_segments")
SAR_SEGMENT_SEQNUM = _integer(0x020F, "sar_segment_seqnum")
SC_INTERFACE_VERSION = _integer(0x0210, "sc_interface_version")
CALLBACK_NUM_PRES_IND = _integer(0x0302, "callback_num_pres_ind")
CALLBACK_NUM_ATAG = _octets(0x0303, "callback_num_atag", 1, 65)
NUMBER_OF_MESSAGES = _integer(0x0304, "number_of_messages")
CALLBACK_NUM = _octets(0x0381, "callback_num", 4, 19)
DPF_RESULT = _integer(0x0420, "dpf_result")
SET_DPF = _integer(0x0421, "set_dpf")
MS_AVAILABILITY_STATUS = _integer(0x0422, "ms_availability_status")
NETWORK_ERROR_CODE = _octets(0x0423, "network_error_code", 3, 3)
MESSAGE_PAYLOAD = _octets(0x0424, "message_payload", 0, VALUE_OCTETS_MAX)
DELIVERY_FAILURE_REASON = _integer(0x0425, "delivery_failure_reason")
MORE_MESSAGES_TO_SEND = _integer(0x0426, "more_messages_to_send")
MESSAGE_STATE = _integer(0x0427, "message_state")
USSD_SERVICE_OP = _octets(0x0501, "ussd_service_op", 1, 1)
DISPLAY_TIME = _integer(0x1201, "display_time")
SMS_SIGNAL = _integer(0x1203, "sms_signal", 2)
MS_VALIDITY = _integer(0x1204, "ms_validity")
ALERT_ON_MESSAGE_DELIVERY = _octets(0x130C, "alert_on_message_delivery", 0, 0)
ITS_REPLY_TYPE = _integer(0x1380, "its_reply_type")
ITS_SESSION_INFO = _octets(0x1383, "its_session_info", 2, 2)

AnyParameter = Parameter[int] | Parameter[str] | Parameter[bytes]

KNOWN: dict[int, AnyParameter] = {
    value.tag: value for value in tuple(globals().values()) if isinstance(value, Parameter)
}
"""Every parameter of section 5.3.2, by tag. Any other is kept, and ignored as section 3.3 demands."""


def read(body: bytes, at: int, *, strict: bool = True) -> tuple[Tlv, ...]:
    """The parameters from offset `at` to the end; raises BadField, for a known one's size only where `strict`."""
    found = []
    end = len(body)
    while at < end:
        start = at + _HEAD.size
        if start > end:
            raise BadField("the optional parameters end within a tag", Status.RINVOPTPARSTREAM)
        tag, length = _HEAD.unpack_from(body, at)
        at = start + length
        if at > end:
            raise BadField(f"optional parameter {tag:#06x} runs past the end", Status.RINVOPTPARSTREAM)
        known = KNOWN.get(tag)
        if strict and known is not None and not known.size_min <= length <= known.size_max:
            raise BadField(f"{known.name} cannot have {length} octets", Status.RINVPARLEN)
        found.append(Tlv(tag, body[start:at]))
    return tuple(found)


def write(tlvs: Iterable[Tlv]) -> bytes:
    """Their octets in the same order; raises LocalProtocolError."""
    pieces = []
    for tlv in tlvs:
        known = KNOWN.get(tlv.tag)
        least, most = (0, VALUE_OCTETS_MAX) if known is None else (known.size_min, known.size_max)
        if not 0 <= tlv.tag <= TAG_MAX or not least <= len(tlv.octets) <= most:
            raise LocalProtocolError(f"{tlv!r} has a tag or a length that its place on the wire cannot hold")
        pieces += [_HEAD.pack(tlv.tag, len(tlv.octets)), tlv.octets]
    return b"".join(pieces)
