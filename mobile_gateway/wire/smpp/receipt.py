"""Delivery receipts: the text of SMPP 3.4 appendix B, the optional parameters that outrank it, and a whole deliver_sm.

The order of the words is fixed: real peers read them with one scanf pattern.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from mobile_gateway.wire.smpp.fields import Address
from mobile_gateway.wire.smpp.pdus import DataSm, DeliverSm
from mobile_gateway.wire.smpp.tlvs import MESSAGE_STATE, NETWORK_ERROR_CODE, RECEIPTED_MESSAGE_ID
from mobile_gateway.wire.smpp.values import MessageState, MessageType

WORDS = {
    MessageState.ENROUTE: "ENROUTE",
    MessageState.DELIVERED: "DELIVRD",
    MessageState.EXPIRED: "EXPIRED",
    MessageState.DELETED: "DELETED",
    MessageState.UNDELIVERABLE: "UNDELIV",
    MessageState.ACCEPTED: "ACCEPTD",
    MessageState.UNKNOWN: "UNKNOWN",
    MessageState.REJECTED: "REJECTD",
}
"""`stat:` by message_state."""

STATES = {word: state for state, word in WORDS.items()}

QUOTED_CHARS_MAX = 20
"""How much of the message a receipt repeats."""

ERROR_CHARS = 3
_COUNT_MAX = 999
_RECEIPTS = (MessageType.RECEIPT, MessageType.INTERMEDIATE_NOTIFICATION)

_WORD = re.compile(r"(?<!\S)(id|sub|dlvrd|submit date|done date|stat|err):(\S*)", re.IGNORECASE | re.ASCII)
_QUOTE = re.compile(r"(?<!\S)text:", re.IGNORECASE | re.ASCII)
_DATE_FORMATS = {10: "%y%m%d%H%M", 12: "%y%m%d%H%M%S", 14: "%Y%m%d%H%M%S"}
"""By length: the specification's, and two that are met in the field."""


@dataclass(frozen=True, slots=True)
class ReceiptText:
    """What the text of a receipt says. Its dates have no time zone on the wire; here they are taken to be UTC."""

    message_id: str
    stat: str
    """One of WORDS, or what else the peer wrote, in capitals."""

    submitted: int = 1
    delivered: int = 0
    submit_date: datetime | None = None
    done_date: datetime | None = None
    error: str = "000"
    text: str = ""

    def __repr__(self) -> str:
        """Without the quoted message, which may hold a ticket's number."""
        return f"ReceiptText({self.message_id!r}, {self.stat!r}, error={self.error!r}, done_date={self.done_date})"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a deliver_sm or data_sm tells about a message sent before."""

    message_id: str
    state: int
    """One of MessageState, or a peer's own number."""

    final: bool
    """False for an intermediate notification: more will follow."""

    error: str | None = None
    """The network's own reason: three characters of the text, or the digits of network_error_code."""

    text: ReceiptText | None = None


def format_receipt(receipt: ReceiptText) -> str:
    """The text, ASCII only; raises ValueError for an id or an error that would break it in two."""
    if not receipt.message_id or not _solid(receipt.message_id):
        raise ValueError("a message id in a receipt must be printable and without blanks")
    if len(receipt.error) != ERROR_CHARS or not _solid(receipt.error):
        raise ValueError(f"a receipt's error has {ERROR_CHARS} printable characters")
    quote = "".join(char if " " <= char <= "~" else "?" for char in receipt.text[:QUOTED_CHARS_MAX])
    return (
        f"id:{receipt.message_id} sub:{min(receipt.submitted, _COUNT_MAX):03}"
        f" dlvrd:{min(receipt.delivered, _COUNT_MAX):03}"
        f" submit date:{_date(receipt.submit_date)} done date:{_date(receipt.done_date)}"
        f" stat:{receipt.stat} err:{receipt.error} text:{quote}"
    )


def parse_receipt(text: str) -> ReceiptText | None:
    """What the text says, with words missing, in another order or in small letters; None without an id and a stat."""
    quote = _QUOTE.search(text)
    head = text if quote is None else text[: quote.start()]
    # The first of each counts: whatever a peer puts behind them, it does not outrank them.
    words = {name.lower(): value for name, value in reversed(_WORD.findall(head))}
    if not words.get("id") or not words.get("stat"):
        return None
    return ReceiptText(
        message_id=words["id"],
        stat=words["stat"].upper(),
        submitted=_count(words.get("sub", ""), 1),
        delivered=_count(words.get("dlvrd", ""), 0),
        submit_date=_moment(words.get("submit date", "")),
        done_date=_moment(words.get("done date", "")),
        error=words.get("err", ""),
        text="" if quote is None else text[quote.end() :],
    )


def receipt_of(pdu: DeliverSm | DataSm) -> Receipt | None:
    """The receipt that this PDU is, or None: an ordinary message, or a text that says nothing.

    Optional parameters win where both the id and the state are there; otherwise the text decides alone.
    """
    if pdu.message_type not in _RECEIPTS:
        return None
    final = pdu.message_type == MessageType.RECEIPT
    text = parse_receipt(pdu.user_data.decode("latin-1"))
    message_id = RECEIPTED_MESSAGE_ID.first(pdu.tlvs)
    state = MESSAGE_STATE.first(pdu.tlvs)
    if not message_id or state is None:
        if text is None:
            return None
        message_id, state = text.message_id, STATES.get(text.stat, MessageState.UNKNOWN)
    return Receipt(message_id, state, final, _error(pdu, text), text)


def deliver_receipt(
    receipt: ReceiptText,
    *,
    state: MessageState,
    sender: Address,
    recipient: Address,
    final: bool = True,
    service_type: str = "",
    network_error: bytes | None = None,
) -> DeliverSm:
    """The deliver_sm for `sender`, who once wrote to `recipient`: it comes back from there, so the addresses swap.

    `network_error` is the three octets of network_error_code: the kind of network, and its code.
    """
    tlvs = [RECEIPTED_MESSAGE_ID.make(receipt.message_id), MESSAGE_STATE.make(state)]
    if network_error is not None:
        tlvs.append(NETWORK_ERROR_CODE.make(network_error))
    return DeliverSm(
        service_type=service_type,
        source_addr_ton=recipient.ton,
        source_addr_npi=recipient.npi,
        source_addr=recipient.digits,
        dest_addr_ton=sender.ton,
        dest_addr_npi=sender.npi,
        destination_addr=sender.digits,
        esm_class=MessageType.RECEIPT if final else MessageType.INTERMEDIATE_NOTIFICATION,
        short_message=format_receipt(receipt).encode("ascii"),
        tlvs=tuple(tlvs),
    )


def _solid(text: str) -> bool:
    return all("!" <= char <= "~" for char in text)


def _date(at: datetime | None) -> str:
    """Ten digits even where nothing is known: a scanf pattern reads no further than an empty field."""
    return "0000000000" if at is None else f"{at.astimezone(UTC):%y%m%d%H%M}"


def _moment(digits: str) -> datetime | None:
    written = _DATE_FORMATS.get(len(digits))
    if written is None or not digits.isdecimal():
        return None
    try:
        return datetime.strptime(digits, written).replace(tzinfo=UTC)
    except ValueError:
        return None


def _count(digits: str, otherwise: int) -> int:
    return int(digits) if digits.isdecimal() and len(digits) <= ERROR_CHARS else otherwise


def _error(pdu: DeliverSm | DataSm, text: ReceiptText | None) -> str | None:
    if text is not None and text.error:
        return text.error
    code = NETWORK_ERROR_CODE.first(pdu.tlvs)
    return None if code is None else str(int.from_bytes(code[1:], "big"))
