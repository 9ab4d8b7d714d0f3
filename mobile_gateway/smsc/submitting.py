"""From submit_sm, data_sm and submit_multi to what the network takes, and from its answers to a command_status.

Pure. What a field may hold is SMPP 3.4 section 5.2; where we are stricter or laxer, it is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from mobile_gateway.carrier.carrier import (
    SCHEDULE_SECONDS_MAX,
    Answer,
    BadTimes,
    KeyReused,
    QueueFull,
    Taken,
    Throttled,
    TooLong,
)
from mobile_gateway.carrier.messages import Submission, Way
from mobile_gateway.subscribers import handset_number
from mobile_gateway.wire import udh
from mobile_gateway.wire.smpp import (
    Address,
    DataSm,
    Destination,
    MalformedTime,
    MessageMode,
    ReplaceSm,
    Status,
    SubmitMulti,
    SubmitSm,
    Tlv,
    Ton,
    parse_time,
    tlvs,
)
from mobile_gateway.wire.smpp.values import TYPE_BITS, UDHI

PRIORITY_MAX = 3
RECEIPT_RESERVED = 0x03
REGISTERED_BITS = 0x1F
ACKNOWLEDGEMENTS = frozenset({0x00, 0x08, 0x10})
"""Message types an ESME may submit: an ordinary one, and a handset's acknowledgements passed on."""

SUBMISSION_KEY = 0x1501
"""A vendor's optional parameter: the sender's own key for a message. The same key of an account is carried once, so
a submit_sm whose answer was lost can be sent again. Any other message centre ignores it (section 3.3)."""

KEY_OCTETS_MAX = 255
REFERENCE_BITS = 0xFF
TIME_TO_LIVE_SECONDS_MAX = 30 * 86_400
_PRINTABLE = range(0x20, 0x7F)


class Refused(Exception):
    """The request cannot be taken; `status` is the answer's command_status."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.meaning)
        self.status = status


@dataclass(frozen=True, slots=True)
class House:
    """What the message centre adds: whom a message is from that does not say, and whose national numbers it knows."""

    sender: str
    country_code: str


def submission(pdu: SubmitSm | DataSm, *, account: str, house: House, now: datetime) -> Submission:
    """What this request asks the network to carry; raises Refused."""
    to = Address(pdu.dest_addr_ton, pdu.dest_addr_npi, pdu.destination_addr)
    return _submission(pdu, to, account=account, house=house, now=now)


def submissions(
    pdu: SubmitMulti, *, account: str, house: House, now: datetime
) -> list[tuple[Destination, Submission | Status]]:
    """What a submit_multi asks for, destination by destination; raises Refused where the message itself is at fault."""
    if not pdu.dest_addresses:
        raise Refused(Status.RINVNUMDESTS)
    found: list[tuple[Destination, Submission | Status]] = []
    for destination in pdu.dest_addresses:
        if not isinstance(destination, Address):
            found.append((destination, Status.RINVDLNAME))  # this message centre keeps no distribution lists
        elif _number(destination, house) is None:
            found.append((destination, Status.RINVDSTADR))
        else:
            found.append((destination, _submission(pdu, destination, account=account, house=house, now=now)))
    return found


def _submission(
    pdu: SubmitSm | DataSm | SubmitMulti, to: Address, *, account: str, house: House, now: datetime
) -> Submission:
    number = _number(to, house)
    if number is None:
        raise Refused(Status.RINVDSTADR)
    _check_flags(pdu)
    user_data, has_header = _user_data(pdu)
    scheduled, validity = "", ""
    priority = protocol_id = replaces = 0
    if not isinstance(pdu, DataSm):
        scheduled, validity = pdu.schedule_delivery_time, pdu.validity_period
        priority, protocol_id, replaces = pdu.priority_flag, pdu.protocol_id, pdu.replace_if_present_flag
    source = Address(pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr)
    schedule_at = schedule_of(scheduled, now)
    # Section 5.2.16: a relative validity counts from the submission, not from the scheduled delivery.
    return Submission(
        account=account,
        to=number,
        sender=sender_of(source) or house.sender,
        user_data=user_data,
        data_coding=pdu.data_coding,
        esm_class=pdu.esm_class | (UDHI if has_header else 0),
        protocol_id=protocol_id,
        priority=priority,
        registered_delivery=pdu.registered_delivery,
        schedule_at=schedule_at,
        expires_at=time_of(validity, now, Status.RINVEXPIRY) or _time_to_live(pdu.tlvs, now),
        service_type=pdu.service_type,
        replace_if_present=bool(replaces),
        key=_key(pdu.tlvs),
        way=Way.SMPP,
        alerts=tlvs.SET_DPF.first(pdu.tlvs) == 1,
    )


def _check_flags(pdu: SubmitSm | DataSm | SubmitMulti) -> None:
    """Refuse what a flag may not say; raises Refused."""
    if pdu.mode is MessageMode.FORWARD or pdu.esm_class & TYPE_BITS not in ACKNOWLEDGEMENTS:
        # Transaction mode promises the outcome in the response; this network stores and forwards.
        raise Refused(Status.RINVESMCLASS)
    check_promises(pdu)
    if isinstance(pdu, DataSm):
        return
    if pdu.priority_flag > PRIORITY_MAX:
        raise Refused(Status.RINVPRTFLG)
    if pdu.replace_if_present_flag > 1:
        raise Refused(Status.RINVREPFLAG)


def check_promises(pdu: SubmitSm | DataSm | SubmitMulti | ReplaceSm) -> None:
    """Refuse a receipt or a text that cannot be promised; raises Refused."""
    if pdu.registered_delivery & ~REGISTERED_BITS or pdu.registered_delivery & RECEIPT_RESERVED == RECEIPT_RESERVED:
        raise Refused(Status.RINVREGDLVFLG)
    if not isinstance(pdu, DataSm) and pdu.sm_default_msg_id:
        raise Refused(Status.RINVDFTMSGID)  # this message centre has no predefined messages


def _user_data(pdu: SubmitSm | DataSm | SubmitMulti) -> tuple[bytes, bool]:
    """The octets for the handset, and whether they begin with a header that was optional parameters before."""
    short = b"" if isinstance(pdu, DataSm) else pdu.short_message
    if short and tlvs.MESSAGE_PAYLOAD.first(pdu.tlvs):
        raise Refused(Status.ROPTPARNOTALLWD)  # section 5.3.2.32: one of the two, never both
    octets = pdu.user_data
    if pdu.udhi or not pdu.tlvs:
        return octets, False  # a message with both a header and SAR parameters obeys its header
    elements = [*_ports(pdu.tlvs), *_segment(pdu.tlvs)]
    return (udh.build(elements) + octets, True) if elements else (octets, False)


def _ports(parameters: tuple[Tlv, ...]) -> list[udh.InformationElement]:
    destination = tlvs.DESTINATION_PORT.first(parameters)
    if destination is None:
        return []
    return [udh.Ports(destination, tlvs.SOURCE_PORT.first(parameters) or 0).element()]


def _segment(parameters: tuple[Tlv, ...]) -> list[udh.InformationElement]:
    """SAR parameters as a header of the air, always the shorter one with the low 8 bits of the reference.

    Peers cut a text to 153 septets or 134 octets, which is what that header leaves; a longer one would not fit.
    """
    reference = tlvs.SAR_MSG_REF_NUM.first(parameters)
    total = tlvs.SAR_TOTAL_SEGMENTS.first(parameters)
    sequence = tlvs.SAR_SEGMENT_SEQNUM.first(parameters)
    if reference is None or total is None or sequence is None:
        return []  # section 5.3.2.22: without all three it is no segment
    try:
        return [udh.Concatenation(reference & REFERENCE_BITS, total, sequence).element()]
    except ValueError:
        raise Refused(Status.RINVOPTPARAMVAL) from None


def _key(parameters: tuple[Tlv, ...]) -> str | None:
    for tlv in parameters:
        if tlv.tag == SUBMISSION_KEY:
            if not tlv.octets or len(tlv.octets) > KEY_OCTETS_MAX:
                raise Refused(Status.RINVOPTPARAMVAL)
            return tlv.octets.decode("latin-1")
    return None


def _time_to_live(parameters: tuple[Tlv, ...], now: datetime) -> datetime | None:
    """What data_sm says instead of a validity period, in seconds (section 5.3.2.9)."""
    seconds = tlvs.QOS_TIME_TO_LIVE.first(parameters)
    return now + timedelta(seconds=min(seconds, TIME_TO_LIVE_SECONDS_MAX)) if seconds else None


def time_of(text: str, now: datetime, fault: Status) -> datetime | None:
    """The moment a time field means, None where it is empty; raises Refused."""
    try:
        return parse_time(text, now)
    except (MalformedTime, OverflowError):
        raise Refused(fault) from None


def schedule_of(text: str, now: datetime) -> datetime | None:
    """When a message is first to be delivered, None for at once; raises Refused, also where that is too far ahead."""
    at = time_of(text, now, Status.RINVSCHED)
    if at and at > now + timedelta(seconds=SCHEDULE_SECONDS_MAX):
        raise Refused(Status.RINVSCHED)
    return at


def sender_of(address: Address) -> str:
    """An address as the network writes it: +82… for an international number, else as it stands; raises Refused."""
    if any(ord(char) not in _PRINTABLE for char in address.digits):
        raise Refused(Status.RINVSRCADR)
    if address.ton == Ton.INTERNATIONAL and address.digits:
        return "+" + address.digits.removeprefix("+")
    return address.digits


def _number(address: Address, house: House) -> str | None:
    digits = address.digits
    if address.ton == Ton.INTERNATIONAL:
        digits = "+" + digits.removeprefix("+")
    return handset_number(digits, country_code=house.country_code)


def status_of(answer: Answer) -> Status:
    """What the network's answer is in SMPP."""
    match answer:
        case Taken():
            return Status.ROK
        case Throttled():
            return Status.RTHROTTLED
        case QueueFull():
            return Status.RMSGQFUL
        case TooLong():
            return Status.RINVMSGLEN
        case BadTimes():
            return Status.RINVEXPIRY
        case KeyReused():
            return Status.RSUBMITFAIL
        case _:
            assert_never(answer)
