"""Octets to PDUs and back (SMPP 3.4 sections 3.1 and 3.2).

Every length is checked before anything is stored or read by it, and whatever cannot be read is a RemoteProtocolError
that brings along the answer the specification asks for.
"""

from __future__ import annotations

import dataclasses
import struct
from typing import NamedTuple

from mobile_gateway.wire.smpp import pdus, tlvs
from mobile_gateway.wire.smpp.fields import WIRE, CString, Kind
from mobile_gateway.wire.smpp.pdus import Pdu
from mobile_gateway.wire.smpp.status import BadField, LocalProtocolError, RemoteProtocolError, Status
from mobile_gateway.wire.smpp.values import RESPONSE, Command

HEADER = struct.Struct(">IIII")
HEADER_OCTETS = HEADER.size
PDU_OCTETS_MAX = 0x10000 + 0x2000
"""A message_payload of 64 KiB, and 8 KiB for the header, 254 destinations and the other fields."""

SEQUENCE_MAX = 0x7FFFFFFF
_U32_MAX = 0xFFFFFFFF
_LENGTH = struct.Struct(">I")


class Frame(NamedTuple):
    """One PDU cut from the stream, its body still octets."""

    command_id: int
    status: int
    sequence: int
    body: bytes


class Decoded(NamedTuple):
    """One PDU with what its header says."""

    pdu: Pdu
    status: int
    sequence: int


class Layout(NamedTuple):
    """A PDU's mandatory fields in their order on the wire."""

    type: type[Pdu]
    fields: tuple[tuple[str, Kind], ...]


class Row(NamedTuple):
    """One field of one PDU, for the reference page."""

    pdu: str
    command_id: int
    field: str
    notation: str
    fault: str


def _layout(kind: type[Pdu]) -> Layout:
    fields = [(field.name, field.metadata[WIRE]) for field in dataclasses.fields(kind) if WIRE in field.metadata]
    return Layout(kind, tuple(fields))


PDUS: dict[Command, type[Pdu]] = {
    value.command: value
    for value in vars(pdus).values()
    if isinstance(value, type) and issubclass(value, Pdu) and hasattr(value, "command")
}
"""Every PDU by its command."""

_LAYOUTS: dict[int, Layout] = {int(command): _layout(kind) for command, kind in PDUS.items()}

RESPONSES: dict[type[Pdu], type[Pdu]] = {
    kind: PDUS[Command(command | RESPONSE)]
    for command, kind in PDUS.items()
    if not command & RESPONSE and command | RESPONSE in _LAYOUTS
}
"""Each request's response. outbind and alert_notification have none."""


def describe() -> list[Row]:
    """Every field of every PDU in the order of the wire; a PDU without a body has one row without a field."""
    rows = []
    for command, layout in sorted(_LAYOUTS.items()):
        name = Command(command).name.lower()
        for field, kind in layout.fields:
            fault = kind.fault.name if isinstance(kind, CString) else ""
            rows.append(Row(name, command, field, kind.notation, fault))
        if not layout.fields:
            rows.append(Row(name, command, "", "", ""))
    return rows


def encode(pdu: Pdu, *, sequence: int, status: int = 0) -> bytes:
    """The PDU's octets; raises LocalProtocolError.

    A response whose status is not ROK goes without a body, unless optional parameters say more about what went wrong.
    """
    command = pdu.command
    if not 0 <= sequence <= _U32_MAX or not 0 <= status <= _U32_MAX:
        raise LocalProtocolError("sequence numbers and statuses have 32 bits")
    if status and not command & RESPONSE:
        raise LocalProtocolError("a request has no status")
    if status and not pdu.tlvs:
        return HEADER.pack(HEADER_OCTETS, command, status, sequence)
    pieces = [kind.write(getattr(pdu, name)) for name, kind in _LAYOUTS[command].fields]
    if pdu.tlvs:
        pieces.append(tlvs.write(pdu.tlvs))
    body = b"".join(pieces)
    length = HEADER_OCTETS + len(body)
    if length > PDU_OCTETS_MAX:
        raise LocalProtocolError(f"a PDU of {length} octets is over the limit of {PDU_OCTETS_MAX}")
    return HEADER.pack(length, command, status, sequence) + body


def cut(buffer: bytes | bytearray, at: int) -> Frame | None:
    """The PDU that begins at offset `at`, or None until all of it has come; raises a fatal RemoteProtocolError.

    The length is judged as soon as its four octets are there, so that nothing is ever stored for a false one.
    """
    held = len(buffer) - at
    if held < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack_from(buffer, at)
    if not HEADER_OCTETS <= length <= PDU_OCTETS_MAX:
        raise _unreadable(length, bytes(buffer[at : at + HEADER_OCTETS]))
    if held < length:
        return None
    _, command_id, status, sequence = HEADER.unpack_from(buffer, at)
    return Frame(command_id, status, sequence, bytes(buffer[at + HEADER_OCTETS : at + length]))


def _unreadable(length: int, header: bytes) -> RemoteProtocolError:
    command_id = sequence = 0  # Section 4.3.1: the sequence number is 0 where the header cannot be read.
    if len(header) == HEADER_OCTETS:
        _, command_id, _, sequence = HEADER.unpack(header)
    return RemoteProtocolError(
        f"command_length {length} is not between {HEADER_OCTETS} and {PDU_OCTETS_MAX}",
        status=Status.RINVCMDLEN,
        answer=b"" if command_id & RESPONSE else nack(sequence, Status.RINVCMDLEN),
        fatal=True,
    )


def nack(sequence: int, status: Status) -> bytes:
    """A generic_nack's octets."""
    return HEADER.pack(HEADER_OCTETS, Command.GENERIC_NACK, status, sequence)


def refusal(frame: Frame, status: Status) -> bytes:
    """What answers a request that is not carried out: its own response, or a generic_nack where it has none.

    A response and a generic_nack are never answered: the result is empty.
    """
    if frame.command_id & RESPONSE:
        return b""
    if frame.command_id | RESPONSE not in _LAYOUTS:
        return nack(frame.sequence, status)
    return HEADER.pack(HEADER_OCTETS, frame.command_id | RESPONSE, status, frame.sequence)


def decode(frame: Frame, *, strict: bool = True) -> Pdu:
    """The PDU in a frame; raises RemoteProtocolError, never a fatal one.

    A response without a body is one with empty fields: so are refusals by the specification, and some acceptances by
    custom. Unless `strict`, an optional parameter of a size that it should not have is kept as it came.
    """
    command_id, _, _, body = frame
    layout = _LAYOUTS.get(command_id)
    if layout is None:
        raise RemoteProtocolError(
            f"command {command_id:#010x} is not known", status=Status.RINVCMDID, answer=refusal(frame, Status.RINVCMDID)
        )
    if not body and command_id & RESPONSE:
        return layout.type()
    values = {}
    at = 0
    name = "optional parameters"
    try:
        for name, kind in layout.fields:
            values[name], at = kind.read(body, at)
        if at < len(body):
            name = "optional parameters"
            values["tlvs"] = tlvs.read(body, at, strict=strict)
    except BadField as fault:
        raise RemoteProtocolError(
            f"{layout.type.command.name.lower()}, {name}: {fault}",
            status=fault.status,
            answer=refusal(frame, fault.status),
        ) from None
    return layout.type(**values)


def decode_one(octets: bytes) -> Decoded:
    """The one PDU that `octets` are; raises RemoteProtocolError, also where they are less or more than one."""
    frame = cut(octets, 0)
    if frame is None or HEADER_OCTETS + len(frame.body) != len(octets):
        raise RemoteProtocolError(f"{len(octets)} octets are not one PDU", status=Status.RINVCMDLEN, fatal=True)
    return Decoded(decode(frame), frame.status, frame.sequence)
