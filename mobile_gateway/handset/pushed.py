"""WAP push on a phone: a service message its holder can open, or the withdrawal of one; anything else is dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mobile_gateway.handset.held import Held, Kind
from mobile_gateway.handset.receiving import Whole
from mobile_gateway.wire import mms, push, wsp
from mobile_gateway.wire.mms import MalformedMms, Notification
from mobile_gateway.wire.push import MalformedPush, ServiceIndication, ServiceLoading, SiAction, SlAction
from mobile_gateway.wire.udh import PUSH_PORT as PORT

__all__ = ["PORT", "Withdrawn", "replaced", "understood"]

CHARSETS = {3: "us-ascii", 4: "iso-8859-1", 106: "utf-8", 38: "euc-kr", 1015: "utf-16"}
"""IANA's MIBEnum of the charsets in which a service message may come as text."""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Service messages that the one who sent them takes back."""

    gone: tuple[str, ...]


def understood(whole: Whole, messages: Sequence[Held]) -> Held | Withdrawn | None:
    """What a push comes to on a phone that has these messages; None where the phone drops it.

    WAP-167 section 6.2: what is expired, or older than the same one already here, is dropped; a later one replaces it.
    What the holder stored as a ticket stays, whoever takes it back.
    """
    try:
        pushed = wsp.parse_push(whole.octets)
        content = _content(pushed)
    except (wsp.MalformedWsp, MalformedPush, MalformedMms):
        return None
    match content:
        case ServiceIndication():
            return _indicated(whole, content, messages)
        case ServiceLoading(href, action):
            # A page that loads by itself would let any sender spend its holder's money: the phone asks first.
            return _service(whole, "", href, quiet=action is SlAction.CACHE)
        case Notification():
            return _picture_message(whole, content)
        case None:
            return None


def replaced(held: Held, messages: Sequence[Held]) -> tuple[str, ...]:
    """The service messages whose place a new one takes."""
    if held.service_id is None or held.created is None:
        return ()
    return tuple(one.id for one in _same(held.service_id, messages) if one.created and one.created <= held.created)


def _content(pushed: wsp.Push) -> ServiceIndication | ServiceLoading | Notification | None:
    match pushed.content_type:
        case push.SI_WBXML | push.SL_WBXML:
            return push.read_wbxml(pushed.body)
        case push.SI_XML | push.SL_XML:
            return push.read_xml(pushed.body, charset=CHARSETS.get(pushed.charset) if pushed.charset else None)
        case mms.CONTENT_TYPE:
            return mms.decode(pushed.body)
        case _:
            return None


def _indicated(whole: Whole, indication: ServiceIndication, messages: Sequence[Held]) -> Held | Withdrawn | None:
    identity, created = indication.identity, indication.created
    same = _same(identity, messages) if identity else ()
    if indication.action is SiAction.DELETE:
        return Withdrawn(tuple(one.id for one in same if not (created and one.created and one.created > created)))
    later = any(one.created > created for one in same if one.created and created)
    if later or indication.is_over(whole.at):
        return None
    # signal-none never calls for attention by itself: it lies in the inbox as if it had been read.
    quiet = indication.action is SiAction.SIGNAL_NONE
    held = _service(whole, indication.text, indication.href, quiet=quiet)
    return replace(held, service_id=identity, created=created)


def _service(whole: Whole, text: str, href: str | None, *, quiet: bool) -> Held:
    return Held(whole.id, whole.sender, text, whole.parts, whole.at, opened=quiet, kind=Kind.SERVICE, href=href)


def _picture_message(whole: Whole, notice: Notification) -> Held:
    """The notice that a picture message waits, under its own sender and subject."""
    sender = (notice.sender or whole.sender).partition("/TYPE=")[0]
    text = notice.subject or ""
    return Held(whole.id, sender, text, whole.parts, whole.at, kind=Kind.PICTURE_MESSAGE, href=notice.location)


def _same(identity: str, messages: Sequence[Held]) -> tuple[Held, ...]:
    """The service messages with this identity that their holder did not store."""
    return tuple(one for one in messages if one.service_id == identity and not one.stored)
