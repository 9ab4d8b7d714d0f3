"""The kinds of field that a PDU's body is made of: how each is read, written and described (SMPP 3.4 section 3.1).

A PDU declares each field once, as a dataclass field that carries its kind. Reading, writing and the reference page
all follow from that.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from mobile_gateway.wire.smpp.status import BadField, LocalProtocolError, Status

SHORT_MESSAGE_OCTETS_MAX = 254
"""Section 5.2.22: a longer message goes into the TLV message_payload."""

DESTINATIONS_MAX = 254
"""Section 5.2.24: how many destinations one submit_multi may name."""

ADDRESS_SIZE_MAX = 21
LIST_NAME_SIZE_MAX = 21
_OCTET_MAX = 0xFF
_U32 = struct.Struct(">I")


class Kind(Protocol):
    """One kind of field."""

    @property
    def notation(self) -> str:
        """How the reference page writes it."""
        ...

    def read(self, body: bytes, at: int) -> tuple[Any, int]:
        """The value at offset `at` and the offset after it; raises BadField."""
        ...

    def write(self, value: Any) -> bytes:
        """The value's octets; raises LocalProtocolError."""
        ...


@dataclass(frozen=True, slots=True)
class Octet:
    """An unsigned integer of one octet."""

    notation: ClassVar[str] = "integer, 1"

    def read(self, body: bytes, at: int) -> tuple[int, int]:
        try:
            return body[at], at + 1
        except IndexError:
            raise BadField("the body ends too early", Status.RINVCMDLEN) from None

    def write(self, value: int) -> bytes:
        if not 0 <= value <= _OCTET_MAX:
            raise LocalProtocolError(f"{value} does not fit into one octet")
        return value.to_bytes(1, "big")


@dataclass(frozen=True, slots=True)
class CString:
    """A C-octet string of at most `size_max` octets, the NUL included.

    It should be ASCII. As Latin-1 every octet has a character, so what a careless peer sends is kept as it came.
    """

    size_max: int
    fault: Status = Status.RINVCMDLEN
    time: bool = False
    """Empty, or the 16 characters of section 7.1.1; whether they are a time, `times` says."""

    @property
    def notation(self) -> str:
        return f"C-octet string, {'1 or' if self.time else 'up to'} {self.size_max}"

    def read(self, body: bytes, at: int) -> tuple[str, int]:
        end = body.find(0, at, at + self.size_max)
        if end < 0:
            raise BadField(f"a string has no end within {self.size_max} octets", self.fault)
        return body[at:end].decode("latin-1"), end + 1

    def write(self, value: str) -> bytes:
        try:
            octets = value.encode("latin-1")
        except UnicodeEncodeError:
            raise LocalProtocolError("a C-octet string holds ASCII only") from None
        if len(octets) >= self.size_max or 0 in octets:
            raise LocalProtocolError(f"a string must be shorter than {self.size_max} octets and hold no NUL")
        return octets + b"\0"


@dataclass(frozen=True, slots=True)
class ShortMessage:
    """sm_length and, right after it, that many octets."""

    notation: ClassVar[str] = f"length, 1, and octets, up to {SHORT_MESSAGE_OCTETS_MAX}"

    def read(self, body: bytes, at: int) -> tuple[bytes, int]:
        length, start = _OCTET.read(body, at)
        end = start + length
        if length > SHORT_MESSAGE_OCTETS_MAX or end > len(body):
            raise BadField(f"sm_length {length} is over the limit or past the end", Status.RINVMSGLEN)
        return body[start:end], end

    def write(self, value: bytes) -> bytes:
        if len(value) > SHORT_MESSAGE_OCTETS_MAX:
            raise LocalProtocolError(
                f"{len(value)} octets do not fit into a short_message of {SHORT_MESSAGE_OCTETS_MAX};"
                " use the TLV message_payload"
            )
        return len(value).to_bytes(1, "big") + value


# --- the two lists of submit_multi ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Address:
    """A number with its type (TON) and numbering plan (NPI)."""

    ton: int
    npi: int
    digits: str


@dataclass(frozen=True, slots=True)
class DistributionList:
    """A list of numbers that the SMSC knows by this name."""

    name: str


@dataclass(frozen=True, slots=True)
class Unsuccessful:
    """A destination of submit_multi that was not taken, and the command_status that says why."""

    address: Address
    status: int


Destination = Address | DistributionList

SME_ADDRESS, DISTRIBUTION_LIST = 1, 2
"""dest_flag, section 5.2.25."""


@dataclass(frozen=True, slots=True)
class Destinations:
    """number_of_dests and the destinations, each behind its dest_flag (section 4.5.1.1)."""

    notation: ClassVar[str] = f"count, 1, and SME addresses or distribution lists, up to {DESTINATIONS_MAX}"

    def read(self, body: bytes, at: int) -> tuple[tuple[Destination, ...], int]:
        count, at = _OCTET.read(body, at)
        if not 1 <= count <= DESTINATIONS_MAX:
            raise BadField(f"{count} destinations, where 1 to {DESTINATIONS_MAX} are possible", Status.RINVNUMDESTS)
        found: list[Destination] = []
        for _ in range(count):
            flag, at = _OCTET.read(body, at)
            destination: Destination
            if flag == SME_ADDRESS:
                destination, at = _read_address(body, at, Status.RINVDSTADR)
            elif flag == DISTRIBUTION_LIST:
                name, at = _LIST_NAME.read(body, at)
                destination = DistributionList(name)
            else:
                raise BadField(f"a destination's flag is {flag}", Status.RINVDESTFLAG)
            found.append(destination)
        return tuple(found), at

    def write(self, value: tuple[Destination, ...]) -> bytes:
        if not 1 <= len(value) <= DESTINATIONS_MAX:
            raise LocalProtocolError(f"{len(value)} destinations, where 1 to {DESTINATIONS_MAX} are possible")
        pieces = [len(value).to_bytes(1, "big")]
        for destination in value:
            if isinstance(destination, DistributionList):
                pieces += [bytes([DISTRIBUTION_LIST]), _LIST_NAME.write(destination.name)]
            else:
                pieces += [bytes([SME_ADDRESS]), _write_address(destination)]
        return b"".join(pieces)


@dataclass(frozen=True, slots=True)
class Failures:
    """no_unsuccess and the destinations that were not taken (section 4.5.2.1)."""

    notation: ClassVar[str] = "count, 1, and SME addresses each with a status, 4"

    def read(self, body: bytes, at: int) -> tuple[tuple[Unsuccessful, ...], int]:
        count, at = _OCTET.read(body, at)
        found = []
        for _ in range(count):
            address, at = _read_address(body, at, Status.RINVDSTADR)
            if at + _U32.size > len(body):
                raise BadField("the body ends too early", Status.RINVCMDLEN)
            (status,) = _U32.unpack_from(body, at)
            at += _U32.size
            found.append(Unsuccessful(address, status))
        return tuple(found), at

    def write(self, value: tuple[Unsuccessful, ...]) -> bytes:
        pieces = [_OCTET.write(len(value))]
        for failure in value:
            pieces += [_write_address(failure.address), _U32.pack(failure.status)]
        return b"".join(pieces)


_OCTET = Octet()
_LIST_NAME = CString(LIST_NAME_SIZE_MAX, Status.RINVDLNAME)


def _read_address(body: bytes, at: int, fault: Status) -> tuple[Address, int]:
    ton, at = _OCTET.read(body, at)
    npi, at = _OCTET.read(body, at)
    digits, at = CString(ADDRESS_SIZE_MAX, fault).read(body, at)
    return Address(ton, npi, digits), at


def _write_address(address: Address) -> bytes:
    return _OCTET.write(address.ton) + _OCTET.write(address.npi) + CString(ADDRESS_SIZE_MAX).write(address.digits)


# --- how a PDU declares a field -------------------------------------------------------------------------------------

WIRE = "wire"
"""The key under which a dataclass field carries its kind."""


def u8() -> Any:
    return field(default=0, metadata={WIRE: _OCTET})


def text(size_max: int, fault: Status = Status.RINVCMDLEN) -> Any:
    return field(default="", metadata={WIRE: CString(size_max, fault)})


def secret(size_max: int, fault: Status) -> Any:
    """Text that never prints."""
    return field(default="", repr=False, metadata={WIRE: CString(size_max, fault)})


def moment(fault: Status = Status.RINVCMDLEN) -> Any:
    return field(default="", metadata={WIRE: CString(17, fault, time=True)})


def short_message() -> Any:
    """The message itself never prints: it may hold a ticket's number and PIN."""
    return field(default=b"", repr=False, metadata={WIRE: ShortMessage()})


def destinations() -> Any:
    return field(default=(), metadata={WIRE: Destinations()})


def failures() -> Any:
    return field(default=(), metadata={WIRE: Failures()})
