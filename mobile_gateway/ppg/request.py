"""What a push initiator asks, taken apart: control entity, content, and the user data that reaches the phone. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

from mobile_gateway.wire import mms, pap, pap_reading, push, udh, wml, wsp
from mobile_gateway.wire.multipart import MalformedMultipart, Part, content_type, parse
from mobile_gateway.wire.pap import Code, MalformedPap
from mobile_gateway.wire.wbxml import UTF_8

CONTROL_TYPES = frozenset({"application/xml", "text/xml"})
NETWORKS = frozenset({"any", "gsm", "is-95 cdma", "cdma"})
BEARERS = frozenset({"any", "sms"})
"""WDP (WAP-259) appendix C names; case is not minded."""

APPLICATIONS: Mapping[str, int] = {
    "*": 0,
    "push.sia": 1,
    "wml.ua": 2,
    "wta.ua": 3,
    "mms.ua": 4,
    "push.syncml": 5,
    "loc.ua": 6,
}
"""WINA's push application ids by the end of their URI."""

BINARY_TYPES = frozenset({wml.WMLC, wml.WBMP, mms.CONTENT_TYPE, "application/vnd.wap.coc"})
"""Content that goes to the phone as it came."""

_APPLICATION_NUMBER = re.compile(r"\d{1,5}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """A control message, and the parts that came with it."""

    control: pap.Message
    others: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a push is not taken on."""

    code: Code
    desc: str


def read(header: str, body: bytes) -> Asked:
    """A request's body with its Content-Type; raises MalformedPap."""
    fragment = body[: pap.FRAGMENT_LETTERS_MAX].decode("ascii", errors="replace")
    try:
        kind = content_type(header)
        if kind.media in CONTROL_TYPES:
            return Asked(pap_reading.read(body, charset=kind.charset), ())
        first, *others = parse(header, body)
        inner = first.content_type
    except MalformedMultipart as fault:
        raise MalformedPap(str(fault), fragment=fragment) from fault
    if inner.media not in CONTROL_TYPES:
        raise MalformedPap(f"The first part is {inner.media}; it must be application/xml.", fragment=fragment)
    return Asked(pap_reading.read(first.content, charset=inner.charset), tuple(others))


def user_data(message: pap.PushMessage, others: tuple[Part, ...]) -> bytes | Refusal:
    """The short message's user data, header included, that brings the content to the phone's push port."""
    if not others:
        return Refusal(Code.BAD_REQUEST, "The push has no content; send it as the second part.")
    content = others[0]
    application = _application(content.headers.get("x-wap-application-id", ""))
    if isinstance(application, Refusal):
        return application
    try:
        media, body = _compiled(content)
    except (push.MalformedPush, MalformedMultipart, binascii.Error) as fault:
        return Refusal(Code.TRANSFORMATION_FAILURE, f"The content cannot be understood. {fault}")
    except LookupError as fault:
        return Refusal(Code.TRANSFORMATION_FAILURE, f"Content of type {fault.args[0]} is not carried; send SI or SL.")
    datagram = wsp.format_push(
        wsp.Push(
            body=body,
            content_type=media,
            transaction_id=crc32(message.push_id.encode()) & 0xFF,
            charset=UTF_8 if media in {push.SI_WBXML, push.SL_WBXML} else None,
            application_id=None if application == wsp.APPLICATION_WML else application,
        )
    )
    return udh.build([udh.PUSH.element()]) + datagram


def unmet(quality: pap.QualityOfService) -> Refusal | None:
    """What of the wished quality of service this network has not; None where it can serve."""
    if quality.delivery_method is pap.DeliveryMethod.CONFIRMED:
        return Refusal(Code.DELIVERY_METHOD_NOT_POSSIBLE, "Pushes over SMS are not confirmed; ask for preferconfirmed.")
    if quality.network_required and (quality.network or "any").lower() not in NETWORKS:
        return Refusal(Code.NETWORK_NOT_AVAILABLE, "The required network is not this one; leave network-required out.")
    if quality.bearer_required and (quality.bearer or "any").lower() not in BEARERS:
        return Refusal(Code.BEARER_NOT_AVAILABLE, "The required bearer is not there; pushes go by SMS.")
    return None


def _compiled(content: Part) -> tuple[str, bytes]:
    """Media type and octets as they go to the phone; raises MalformedPush, or LookupError for a type unknown here."""
    octets = content.content
    if content.headers.get("content-transfer-encoding", "").lower() == "base64":
        octets = base64.b64decode(octets)
    kind = content.content_type
    match kind.media:
        case push.SI_XML | push.SL_XML:
            value = push.read_xml(octets, charset=kind.charset)
            is_loading = isinstance(value, push.ServiceLoading)
            return push.SL_WBXML if is_loading else push.SI_WBXML, push.to_wbxml(value)
        case push.SI_WBXML | push.SL_WBXML:
            push.read_wbxml(octets)
            return kind.media, octets
        case media if media in BINARY_TYPES:
            return media, octets
        case media:
            raise LookupError(media)


def _application(said: str) -> int | Refusal:
    """The number of a push application: itself, or by the end of its URI (`x-wap-application:wml.ua`)."""
    wish = said.partition(";")[0].strip()
    if not wish:
        return wsp.APPLICATION_WML
    if _APPLICATION_NUMBER.fullmatch(wish):
        return int(wish)
    name = re.split("[:/]", wish)[-1].lower()
    if name in APPLICATIONS:
        return APPLICATIONS[name]
    return Refusal(Code.BAD_REQUEST, f"The application {wish[:40]!r} is not known; leave X-Wap-Application-Id out.")
