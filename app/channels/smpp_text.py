"""A message as the short messages of SMPP, and the short messages that come in as what they say."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import groupby

from app.channels.smpp_address import Smsc
from app.domain.handset import Handset
from app.ports import Message, Place, Preview, Spoken
from mobile_gateway.wire import gsm, joining, udh
from mobile_gateway.wire.cutting import cut
from mobile_gateway.wire.data_coding import DATA_CODINGS, coding_of
from mobile_gateway.wire.gsm import Coding
from mobile_gateway.wire.smpp import DataSm, DeliverSm, MessageType, Npi, ReceiptWish, SubmitSm, Tlv, Ton, tlvs
from mobile_gateway.wire.smpp.values import UDHI

IDEMPOTENCY_KEY = 0x1501
"""A vendor's optional parameter (SMPP 3.4 section 5.3: 0x1400 to 0x3FFF) with the key of one short message. Our own
message centre carries the same key once; any other must ignore what it does not know (section 3.3)."""

_WIDE_OCTETS = gsm.USER_DATA_OCTETS_MAX - 1
"""The header with a reference of 16 bits is one octet longer than `gsm.segment` reckons with."""


def preview(text: str, smsc: Smsc) -> Preview:
    """What sending this text costs; raises ValueError."""
    coding = _coding(text, smsc)
    cuts = gsm.segment(text, coding=coding)
    if smsc.wide_reference and len(cuts.parts) > 1:
        cuts = gsm.segment(text, coding=coding, octets_max=_WIDE_OCTETS)
    return Preview(cuts.coding.value, cuts.parts, cuts.units_per_part)


def submits(to: Handset, message: Message, smsc: Smsc, *, key: str) -> list[SubmitSm]:
    """One submit_sm for each part. The same key makes the same parts. Raises ValueError."""
    if message.raw is not None:
        return [_submit(to, smsc, message.raw.octets, message.raw.data_coding, message.raw.has_header, f"{key}/1")]
    coding = _coding(message.text, smsc)
    digest = hashlib.sha256(key.encode()).digest()
    wide = smsc.wide_reference
    parts = cut(message.text, coding, reference=int.from_bytes(digest[: 2 if wide else 1], "big"), wide=wide)
    data_coding = DATA_CODINGS[Coding.GSM] if coding is smsc.coding_default else DATA_CODINGS[coding]
    return [
        _submit(to, smsc, part, data_coding, len(parts) > 1, f"{key}/{number}")
        for number, part in enumerate(parts, start=1)
    ]


def _coding(text: str, smsc: Smsc) -> Coding:
    """The message centre's own alphabet where it can say the whole text, else UCS-2."""
    try:
        gsm.encode(text, smsc.coding_default)
    except gsm.TextRefused:
        return Coding.UCS2
    return smsc.coding_default


def _submit(to: Handset, smsc: Smsc, octets: bytes, data_coding: int, has_header: bool, key: str) -> SubmitSm:  # noqa: FBT001, PLR0917 - the callers above spell them in this order
    return SubmitSm(
        source_addr_ton=smsc.source.ton,
        source_addr_npi=smsc.source.npi,
        source_addr=smsc.source.digits,
        dest_addr_ton=Ton.INTERNATIONAL,
        dest_addr_npi=Npi.ISDN,
        destination_addr=to.removeprefix("+"),
        esm_class=UDHI if has_header else 0,
        registered_delivery=ReceiptWish.ALWAYS,
        data_coding=data_coding,
        short_message=octets,
        tlvs=(Tlv(IDEMPOTENCY_KEY, key.encode()),),
    )


def plain_id(message_id: str) -> str:
    """A message id as it can be compared: some message centres change its case or drop leading zeros in receipts."""
    return message_id.strip().upper().lstrip("0") or "0"


# --- what comes in --------------------------------------------------------------------------------------------------


def spoken_of(pdu: DeliverSm | DataSm, line: str) -> Spoken | None:
    """What a handset says; None for what is no message of a person: an acknowledgement, or data for a program."""
    if pdu.message_type != MessageType.DEFAULT:
        return None
    octets = pdu.user_data
    elements: tuple[udh.InformationElement, ...] = ()
    if pdu.udhi:
        try:
            elements, octets = udh.split(octets)
        except udh.MalformedHeader:
            elements = ()
    if udh.ports_of(elements) is not None or tlvs.DESTINATION_PORT.first(pdu.tlvs) is not None:
        return None
    part = joining.place_of(elements, _segment(pdu))
    reference = tlvs.USER_MESSAGE_REFERENCE.first(pdu.tlvs)
    return Spoken(
        line=line,
        sender=_number(pdu.source_addr_ton, pdu.source_addr),
        to=_number(pdu.dest_addr_ton, pdu.destination_addr),
        data_coding=pdu.data_coding,
        octets=octets,
        place=Place(part.reference, part.total, part.sequence) if part and part.total > 1 else None,
        reference="" if reference is None else str(reference),
    )


def _segment(pdu: DeliverSm | DataSm) -> udh.Concatenation | None:
    reference = tlvs.SAR_MSG_REF_NUM.first(pdu.tlvs)
    total = tlvs.SAR_TOTAL_SEGMENTS.first(pdu.tlvs)
    sequence = tlvs.SAR_SEGMENT_SEQNUM.first(pdu.tlvs)
    if reference is None or total is None or sequence is None or not 1 <= sequence <= total:
        return None
    return udh.Concatenation(reference, total, sequence, wide=True)


def _number(ton: int, digits: str) -> str:
    return f"+{digits.removeprefix('+')}" if ton == Ton.INTERNATIONAL and digits else digits


def said(parts: Sequence[tuple[int, bytes]]) -> str:
    """The text of a message's parts; what no text can be read from, says nothing."""
    pieces = []
    for data_coding, run in groupby(parts, key=lambda part: part[0]):
        coding = coding_of(data_coding)
        octets = b"".join(octets for _, octets in run)
        try:
            pieces.append("" if coding is None else gsm.decode(octets, coding))
        except gsm.MalformedText:
            continue
    return "".join(pieces)
