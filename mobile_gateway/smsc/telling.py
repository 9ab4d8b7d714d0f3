"""From what the network owes an account to the deliver_sm that tell it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mobile_gateway.carrier.airing import cut_up
from mobile_gateway.carrier.outgoing import Forwarded, Kind, NotNow, Outgoing, Told, Unwanted
from mobile_gateway.carrier.readable import ERROR_MAX, message_state, receipt_text
from mobile_gateway.wire.smpp import (
    TEMPORARY,
    Address,
    AlertNotification,
    DeliverSm,
    MessageState,
    Npi,
    Status,
    Ton,
    deliver_receipt,
    status_name,
    tlvs,
)
from mobile_gateway.wire.smpp.values import UDHI

GSM_NETWORK = 3
"""network_error_code, SMPP 3.4 section 5.3.2.31: the kind of network whose code follows."""

AVAILABLE = 0
"""ms_availability_status, section 5.3.2.30."""

GROUP_MARK = "-"
"""What sets the messages of one submit_multi apart: they are told of under the id before it."""


def pdus_of(owed: Outgoing) -> Sequence[DeliverSm | AlertNotification]:
    """What to send, in order; a message longer than a short one is cut as over the air."""
    match owed.kind:
        case Kind.MESSAGE:
            return _message(owed)
        case Kind.ALERT:
            return [_alert(owed)]
        case _:
            return [_receipt(owed)]


def told(status: int | None) -> Told:
    """What an answer to deliver_sm means; None is no answer."""
    if status is None:
        return NotNow("no answer")
    if status == Status.ROK:
        return Forwarded()
    if status in TEMPORARY:
        return NotNow(status_name(status))
    return Unwanted(status_name(status))


def told_id(message_id: str) -> str:
    """The id under which its sender knows a message."""
    return message_id.partition(GROUP_MARK)[0]


def address(written: str) -> Address:
    """An address as SMPP writes it: the type of number follows from its form."""
    if written.startswith("+"):
        return Address(Ton.INTERNATIONAL, Npi.ISDN, written[1:])
    if written.isdigit():
        return Address(Ton.UNKNOWN, Npi.ISDN, written)
    return Address(Ton.ALPHANUMERIC, Npi.UNKNOWN, written)


def _receipt(owed: Outgoing) -> DeliverSm:
    assert owed.state is not None, "a receipt says how it stands"
    state = message_state(owed)
    # Appendix B counts for distribution lists only: to its sender this is one message, however many parts it took.
    text = replace(
        receipt_text(owed),
        message_id=told_id(owed.message_id),
        submitted=1,
        delivered=int(state is MessageState.DELIVERED),
    )
    error = min(owed.error_code, ERROR_MAX)
    return deliver_receipt(
        text,
        state=state,
        sender=address(owed.to),
        recipient=address(owed.sender),
        final=owed.kind is Kind.RECEIPT,
        service_type=owed.service_type,
        network_error=bytes([GSM_NETWORK]) + error.to_bytes(2, "big") if error else None,
    )


def _alert(owed: Outgoing) -> AlertNotification:
    handset, waits = address(owed.sender), address(owed.to)
    return AlertNotification(
        source_addr_ton=handset.ton,
        source_addr_npi=handset.npi,
        source_addr=handset.digits,
        esme_addr_ton=waits.ton,
        esme_addr_npi=waits.npi,
        esme_addr=waits.digits,
        tlvs=(tlvs.MS_AVAILABILITY_STATUS.make(AVAILABLE),),
    )


def _message(owed: Outgoing) -> list[DeliverSm]:
    parts = cut_up(owed.user_data, data_coding=owed.data_coding, esm_class=owed.esm_class, message_id=owed.message_id)
    header = UDHI if len(parts) > 1 else 0
    source, destination = address(owed.sender), address(owed.to)
    return [
        DeliverSm(
            service_type=owed.service_type,
            source_addr_ton=source.ton,
            source_addr_npi=source.npi,
            source_addr=source.digits,
            dest_addr_ton=destination.ton,
            dest_addr_npi=destination.npi,
            destination_addr=destination.digits,
            esm_class=owed.esm_class & UDHI | header,
            data_coding=owed.data_coding,
            short_message=part,
        )
        for part in parts
    ]
