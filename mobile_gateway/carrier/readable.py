"""The words in what accounts are told: the text in a message's octets, and the text of a receipt."""

from __future__ import annotations

from mobile_gateway.carrier.messages import UDHI, State
from mobile_gateway.carrier.outgoing import Outgoing
from mobile_gateway.wire import udh
from mobile_gateway.wire.data_coding import decode_user_data
from mobile_gateway.wire.gsm import MalformedText
from mobile_gateway.wire.smpp.receipt import WORDS, ReceiptText
from mobile_gateway.wire.smpp.values import MessageState

ERROR_MAX = 999
"""The field has three digits."""


def text_of(one: Outgoing) -> str | None:
    """The text; None for octets that are none in the coding they claim."""
    octets = one.user_data
    try:
        if one.esm_class & UDHI:
            _, octets = udh.split(octets)
        return decode_user_data(one.data_coding, octets)
    except (MalformedText, udh.MalformedHeader):
        return None


def message_state(one: Outgoing) -> MessageState:
    """The state as SMPP counts it."""
    return MessageState[(one.state or State.UNKNOWN).name]


def receipt_text(one: Outgoing) -> ReceiptText:
    """What the text of a receipt or notice says (SMPP 3.4 appendix B)."""
    state = message_state(one)
    return ReceiptText(
        message_id=one.message_id,
        stat=WORDS[state],
        submitted=one.parts,
        delivered=one.parts if one.state is State.DELIVERED else 0,
        submit_date=one.submitted_at,
        done_date=one.at,
        error=f"{min(one.error_code, ERROR_MAX):03}",
        text=text_of(one) or "",
    )
