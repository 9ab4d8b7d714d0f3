"""Every PDU of SMPP 3.4 with its fields (section 4), declared once: encoder, decoder and reference page read these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mobile_gateway.wire.smpp.fields import (
    ADDRESS_SIZE_MAX,
    Address,
    Destination,
    Unsuccessful,
    destinations,
    failures,
    moment,
    secret,
    short_message,
    text,
    u8,
)
from mobile_gateway.wire.smpp.status import Status
from mobile_gateway.wire.smpp.tlvs import Tlv
from mobile_gateway.wire.smpp.values import Coded, Command

INTERFACE_VERSION = 0x34
SERVICE_TYPE_SIZE_MAX = 6
MESSAGE_ID_SIZE_MAX = 65
LONG_ADDRESS_SIZE_MAX = 65
SYSTEM_ID_SIZE_MAX = 16
PASSWORD_SIZE_MAX = 9
"""With its NUL, as everywhere: a password has at most 8 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pdu:
    """What goes over the wire, without the header. Optional parameters may follow any PDU (section 3.2.4)."""

    command: ClassVar[Command]
    tlvs: tuple[Tlv, ...] = ()


# --- binding --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind(Pdu):
    """What the three ways to bind have in common; never sent itself."""

    system_id: str = text(SYSTEM_ID_SIZE_MAX, Status.RINVSYSID)
    password: str = secret(PASSWORD_SIZE_MAX, Status.RINVPASWD)
    system_type: str = text(13, Status.RINVSYSTYP)
    interface_version: int = u8()
    addr_ton: int = u8()
    addr_npi: int = u8()
    address_range: str = text(41)


@dataclass(frozen=True, slots=True, kw_only=True)
class BindReceiver(Bind):
    command = Command.BIND_RECEIVER


@dataclass(frozen=True, slots=True, kw_only=True)
class BindTransmitter(Bind):
    command = Command.BIND_TRANSMITTER


@dataclass(frozen=True, slots=True, kw_only=True)
class BindTransceiver(Bind):
    command = Command.BIND_TRANSCEIVER


@dataclass(frozen=True, slots=True, kw_only=True)
class BindResp(Pdu):
    """The answer to any of the three; never sent itself. `system_id` is the SMSC's."""

    system_id: str = text(SYSTEM_ID_SIZE_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class BindReceiverResp(BindResp):
    command = Command.BIND_RECEIVER_RESP


@dataclass(frozen=True, slots=True, kw_only=True)
class BindTransmitterResp(BindResp):
    command = Command.BIND_TRANSMITTER_RESP


@dataclass(frozen=True, slots=True, kw_only=True)
class BindTransceiverResp(BindResp):
    command = Command.BIND_TRANSCEIVER_RESP


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbind(Pdu):
    """The SMSC asks an ESME to bind as receiver."""

    command = Command.OUTBIND
    system_id: str = text(SYSTEM_ID_SIZE_MAX, Status.RINVSYSID)
    password: str = secret(PASSWORD_SIZE_MAX, Status.RINVPASWD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbind(Pdu):
    command = Command.UNBIND


@dataclass(frozen=True, slots=True, kw_only=True)
class UnbindResp(Pdu):
    command = Command.UNBIND_RESP


@dataclass(frozen=True, slots=True, kw_only=True)
class EnquireLink(Pdu):
    command = Command.ENQUIRE_LINK


@dataclass(frozen=True, slots=True, kw_only=True)
class EnquireLinkResp(Pdu):
    command = Command.ENQUIRE_LINK_RESP


@dataclass(frozen=True, slots=True, kw_only=True)
class GenericNack(Pdu):
    command = Command.GENERIC_NACK


# --- messages -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sourced(Pdu):
    service_type: str = text(SERVICE_TYPE_SIZE_MAX, Status.RINVSERTYP)
    source_addr_ton: int = u8()
    source_addr_npi: int = u8()
    source_addr: str = text(ADDRESS_SIZE_MAX, Status.RINVSRCADR)

    @property
    def source(self) -> Address:
        return Address(self.source_addr_ton, self.source_addr_npi, self.source_addr)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(_Sourced, Coded):
    """submit_sm and deliver_sm have the same fields; never sent itself."""

    dest_addr_ton: int = u8()
    dest_addr_npi: int = u8()
    destination_addr: str = text(ADDRESS_SIZE_MAX, Status.RINVDSTADR)
    esm_class: int = u8()
    protocol_id: int = u8()
    priority_flag: int = u8()
    schedule_delivery_time: str = moment(Status.RINVSCHED)
    validity_period: str = moment(Status.RINVEXPIRY)
    registered_delivery: int = u8()
    replace_if_present_flag: int = u8()
    data_coding: int = u8()
    sm_default_msg_id: int = u8()
    short_message: bytes = short_message()

    @property
    def destination(self) -> Address:
        return Address(self.dest_addr_ton, self.dest_addr_npi, self.destination_addr)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitSm(Message):
    command = Command.SUBMIT_SM


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverSm(Message):
    command = Command.DELIVER_SM


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitMulti(_Sourced, Coded):
    command = Command.SUBMIT_MULTI
    dest_addresses: tuple[Destination, ...] = destinations()
    esm_class: int = u8()
    protocol_id: int = u8()
    priority_flag: int = u8()
    schedule_delivery_time: str = moment(Status.RINVSCHED)
    validity_period: str = moment(Status.RINVEXPIRY)
    registered_delivery: int = u8()
    replace_if_present_flag: int = u8()
    data_coding: int = u8()
    sm_default_msg_id: int = u8()
    short_message: bytes = short_message()


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSm(Pdu, Coded):
    """A message whose octets are in message_payload; both sides may send it."""

    command = Command.DATA_SM
    service_type: str = text(SERVICE_TYPE_SIZE_MAX, Status.RINVSERTYP)
    source_addr_ton: int = u8()
    source_addr_npi: int = u8()
    source_addr: str = text(LONG_ADDRESS_SIZE_MAX, Status.RINVSRCADR)
    dest_addr_ton: int = u8()
    dest_addr_npi: int = u8()
    destination_addr: str = text(LONG_ADDRESS_SIZE_MAX, Status.RINVDSTADR)
    esm_class: int = u8()
    registered_delivery: int = u8()
    data_coding: int = u8()


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitSmResp(Pdu):
    command = Command.SUBMIT_SM_RESP
    message_id: str = text(MESSAGE_ID_SIZE_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverSmResp(Pdu):
    """Its message_id is not used: always empty."""

    command = Command.DELIVER_SM_RESP
    message_id: str = text(MESSAGE_ID_SIZE_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSmResp(Pdu):
    command = Command.DATA_SM_RESP
    message_id: str = text(MESSAGE_ID_SIZE_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitMultiResp(Pdu):
    command = Command.SUBMIT_MULTI_RESP
    message_id: str = text(MESSAGE_ID_SIZE_MAX)
    unsuccess_smes: tuple[Unsuccessful, ...] = failures()


# --- what became of a message ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySm(Pdu):
    command = Command.QUERY_SM
    message_id: str = text(MESSAGE_ID_SIZE_MAX, Status.RINVMSGID)
    source_addr_ton: int = u8()
    source_addr_npi: int = u8()
    source_addr: str = text(ADDRESS_SIZE_MAX, Status.RINVSRCADR)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySmResp(Pdu):
    command = Command.QUERY_SM_RESP
    message_id: str = text(MESSAGE_ID_SIZE_MAX)
    final_date: str = moment()
    message_state: int = u8()
    error_code: int = u8()


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelSm(Pdu):
    command = Command.CANCEL_SM
    service_type: str = text(SERVICE_TYPE_SIZE_MAX, Status.RINVSERTYP)
    message_id: str = text(MESSAGE_ID_SIZE_MAX, Status.RINVMSGID)
    source_addr_ton: int = u8()
    source_addr_npi: int = u8()
    source_addr: str = text(ADDRESS_SIZE_MAX, Status.RINVSRCADR)
    dest_addr_ton: int = u8()
    dest_addr_npi: int = u8()
    destination_addr: str = text(ADDRESS_SIZE_MAX, Status.RINVDSTADR)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelSmResp(Pdu):
    command = Command.CANCEL_SM_RESP


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceSm(Pdu):
    command = Command.REPLACE_SM
    message_id: str = text(MESSAGE_ID_SIZE_MAX, Status.RINVMSGID)
    source_addr_ton: int = u8()
    source_addr_npi: int = u8()
    source_addr: str = text(ADDRESS_SIZE_MAX, Status.RINVSRCADR)
    schedule_delivery_time: str = moment(Status.RINVSCHED)
    validity_period: str = moment(Status.RINVEXPIRY)
    registered_delivery: int = u8()
    sm_default_msg_id: int = u8()
    short_message: bytes = short_message()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceSmResp(Pdu):
    command = Command.REPLACE_SM_RESP


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertNotification(Pdu):
    """A handset that was out of reach is back. It has no response."""

    command = Command.ALERT_NOTIFICATION
    source_addr_ton: int = u8()
    source_addr_npi: int = u8()
    source_addr: str = text(LONG_ADDRESS_SIZE_MAX)
    esme_addr_ton: int = u8()
    esme_addr_npi: int = u8()
    esme_addr: str = text(LONG_ADDRESS_SIZE_MAX)
