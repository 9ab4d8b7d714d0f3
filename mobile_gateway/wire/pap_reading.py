"""PAP control messages read from XML (WAP-247, PAP 2.0 and 1.0).

What the DTD allows is one table, checked before anything is believed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from mobile_gateway.wire import pap, xmltree
from mobile_gateway.wire.pap import Code, MalformedPap
from mobile_gateway.wire.xmltree import Doctype, Element

OCTETS_MAX = 65_536
ADDRESSES_MAX = 100
PUSH_ID_LETTERS_MAX = 200
_ELEMENTS_MAX, _DEPTH_MAX = 1_000, 6
_PAP_VERSION = re.compile(r"-//[A-Z]+//DTD PAP(?: (?P<version>[\d.]+))?//EN", re.ASCII)
_VERSIONS_READ = ("1.", "2.")
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_SPECIFICATION = re.compile(r"(?P<name>[a-z-]+)(?P<required>!)?(?P<date>@)?(?P<code>#)?(?:=(?P<choices>\S+))?")


@dataclass(frozen=True, slots=True)
class _Rule:
    """What one element may have: attributes by name, and children by name with the least number of each."""

    attributes: Mapping[str, re.Match[str]]
    children: Mapping[str, int]


def _rule(attributes: str, *, some: str = "", any_of: str = "") -> _Rule:
    """`push-id!` must be there, `event-time@` is a date, `code#` a status code, `priority=a|b` one of these words."""
    found = {match["name"]: match for match in _SPECIFICATION.finditer(attributes)}
    return _Rule(found, dict.fromkeys(some.split(), 1) | dict.fromkeys(any_of.split(), 0))


_STATES = "|".join(pap.MessageState)
_SENDER = "sender-address sender-name"
_DTD: Mapping[str, _Rule] = {
    "push-message": _rule(
        "push-id! replace-push-id replace-method=pending-only|all deliver-before-timestamp@ deliver-after-timestamp@"
        " source-reference progress-notes-requested=true|false ppg-notify-requested-to",
        some="address",
        any_of="quality-of-service",
    ),
    "push-response": _rule(f"push-id! reply-time@ {_SENDER}", some="response-result", any_of="progress-note"),
    "progress-note": _rule("stage! note time@"),
    "response-result": _rule("code!# desc"),
    "cancel-message": _rule("push-id!", any_of="address"),
    "cancel-response": _rule("push-id!", some="cancel-result"),
    "cancel-result": _rule("code!# desc", any_of="address"),
    "resultnotification-message": _rule(
        f"push-id! {_SENDER} received-time@ event-time@ message-state!={_STATES} code!# desc",
        some="address",
        any_of="quality-of-service",
    ),
    "resultnotification-response": _rule("push-id! code!# desc", any_of="address"),
    "statusquery-message": _rule("push-id!", any_of="address"),
    "statusquery-response": _rule("push-id!", some="statusquery-result"),
    "statusquery-result": _rule(
        f"event-time@ message-state!={_STATES} code!# desc", any_of="address quality-of-service"
    ),
    "ccq-message": _rule("query-id app-id", some="address"),
    "ccq-response": _rule("query-id code!# desc", some="address"),
    "badmessage-response": _rule("code!# desc bad-message-fragment"),
    "address": _rule("address-value!"),
    "quality-of-service": _rule(
        f"priority={'|'.join(pap.Urgency)} delivery-method={'|'.join(pap.DeliveryMethod)}"
        " network network-required=true|false bearer bearer-required=true|false"
    ),
}


def read(octets: bytes, *, charset: str | None = None) -> pap.Message:
    """The message that a control entity is; raises MalformedPap and nothing else."""
    fragment = octets[: pap.FRAGMENT_LETTERS_MAX].decode("utf-8", errors="replace")
    fragment = "".join(char if xmltree.is_sayable(char) else "\ufffd" for char in fragment)
    try:
        document = xmltree.parse_document(
            octets, octets_max=OCTETS_MAX, depth_max=_DEPTH_MAX, elements_max=_ELEMENTS_MAX, charset=charset
        )
    except xmltree.MalformedXml as fault:
        raise MalformedPap(str(fault), fragment=fragment) from fault
    if document.doctype:
        _check_version(document.doctype)
    inner = list(document.root.elements)
    if document.root.name != "pap" or len(inner) != 1 or inner[0].name not in _READERS:
        raise MalformedPap(
            "The root must be <pap> with one message of the Push Access Protocol in it.", fragment=fragment
        )
    (message,) = inner
    push_id = message.attributes.get("push-id", "")
    if len(push_id) > PUSH_ID_LETTERS_MAX:
        raise MalformedPap(f"The push-id has more than {PUSH_ID_LETTERS_MAX} letters.", fragment=push_id)
    try:
        _check(message)
    except MalformedPap as fault:
        fault.kind, fault.push_id = message.name, push_id
        raise
    return _READERS[message.name](message)


def _check_version(doctype: Doctype) -> None:
    found = _PAP_VERSION.fullmatch(doctype.public_id or "")
    if not found and doctype.public_id:
        raise MalformedPap("The DOCTYPE is none of the Push Access Protocol.", fragment=str(doctype))
    if found and found["version"] and not found["version"].startswith(_VERSIONS_READ):
        raise MalformedPap(
            "This version of the Push Access Protocol is not supported; 1.0 and 2.0 are.",
            fragment=str(doctype),
            code=Code.VERSION_NOT_SUPPORTED,
        )


def _check(element: Element) -> None:
    """Hold `element` and all in it against the DTD; raises MalformedPap with the piece that offends."""
    rule = _DTD[element.name]
    for name, value in element.attributes.items():
        if name not in rule.attributes:
            raise MalformedPap(f"<{element.name}> has no attribute {name[:40]}.", fragment=f'{name}="{value}"')
        if not _is_allowed(rule.attributes[name], value):
            raise MalformedPap(f"{name} of <{element.name}> is not as it must be.", fragment=f'{name}="{value}"')
    for name, specification in rule.attributes.items():
        if specification["required"] and not element.attributes.get(name):
            raise MalformedPap(f"<{element.name}> needs {name}.", fragment=f"<{element.name}>")
    for child in element.elements:
        if child.name not in rule.children:
            raise MalformedPap(f"<{element.name}> holds no <{child.name[:40]}>.", fragment=f"<{child.name}>")
        _check(child)
    for name, least in rule.children.items():
        count = sum(1 for _ in element.all(name))
        if not least <= count <= ADDRESSES_MAX:
            raise MalformedPap(f"<{element.name}> must hold {least} to {ADDRESSES_MAX} <{name}>.", fragment=f"<{name}>")


def _is_allowed(specification: re.Match[str], value: str) -> bool:
    if specification["date"]:
        return _date(value) is not None
    if specification["code"]:
        return value in _CODES
    return not specification["choices"] or value in specification["choices"].split("|")


_CODES = {str(int(code)) for code in Code}


def _date(text: str | None) -> datetime | None:
    """A moment of the one form that PAP knows; None for anything else."""
    with suppress(ValueError):
        if text and _DATE.fullmatch(text):
            return datetime.fromisoformat(text)
    return None


def _addresses(element: Element) -> tuple[str, ...]:
    return tuple(child.attributes["address-value"] for child in element.all("address"))


def _quality(element: Element) -> pap.QualityOfService | None:
    found = element.find("quality-of-service")
    if found is None:
        return None
    said = found.attributes
    return pap.QualityOfService(
        priority=pap.Urgency(said.get("priority", pap.Urgency.MEDIUM)),
        delivery_method=pap.DeliveryMethod(said.get("delivery-method", pap.DeliveryMethod.NOT_SPECIFIED)),
        network=said.get("network"),
        network_required=said.get("network-required") == "true",
        bearer=said.get("bearer"),
        bearer_required=said.get("bearer-required") == "true",
    )


def _code(element: Element) -> Code:
    return Code(int(element.attributes["code"]))


def _push_message(element: Element) -> pap.PushMessage:
    said = element.attributes
    return pap.PushMessage(
        push_id=said["push-id"],
        addresses=_addresses(element),
        deliver_before=_date(said.get("deliver-before-timestamp")),
        deliver_after=_date(said.get("deliver-after-timestamp")),
        source_reference=said.get("source-reference"),
        progress_notes=said.get("progress-notes-requested") == "true",
        notify_to=said.get("ppg-notify-requested-to"),
        replace_push_id=said.get("replace-push-id"),
        replace_method=pap.ReplaceMethod(said.get("replace-method", pap.ReplaceMethod.ALL)),
        quality=_quality(element),
    )


def _push_response(element: Element) -> pap.PushResponse:
    said = element.attributes
    (result, *_) = element.all("response-result")
    notes = tuple(
        pap.ProgressNote(one.attributes["stage"], one.attributes.get("note"), _date(one.attributes.get("time")))
        for one in element.all("progress-note")
    )
    return pap.PushResponse(
        said["push-id"], _code(result), result.attributes.get("desc"), said.get("sender-address"),
        said.get("sender-name"), _date(said.get("reply-time")), notes,
    )  # fmt: skip


def _result_notification(element: Element) -> pap.ResultNotification:
    said = element.attributes
    return pap.ResultNotification(
        push_id=said["push-id"],
        address=_addresses(element)[0],
        state=pap.MessageState(said["message-state"]),
        code=_code(element),
        desc=said.get("desc"),
        sender_address=said.get("sender-address"),
        sender_name=said.get("sender-name"),
        received_time=_date(said.get("received-time")),
        event_time=_date(said.get("event-time")),
    )


def _result_notification_response(element: Element) -> pap.ResultNotificationResponse:
    said = element.attributes
    address = next(iter(_addresses(element)), None)
    return pap.ResultNotificationResponse(said["push-id"], _code(element), said.get("desc"), address)


def _cancel_response(element: Element) -> pap.CancelResponse:
    results = (
        pap.CancelResult(_code(one), one.attributes.get("desc"), _addresses(one))
        for one in element.all("cancel-result")
    )
    return pap.CancelResponse(element.attributes["push-id"], tuple(results))


def _status_response(element: Element) -> pap.StatusResponse:
    results = (
        pap.StatusResult(
            _code(one), pap.MessageState(one.attributes["message-state"]), one.attributes.get("desc"), _addresses(one),
            _date(one.attributes.get("event-time")),
        )
        for one in element.all("statusquery-result")
    )  # fmt: skip
    return pap.StatusResponse(element.attributes["push-id"], tuple(results))


def _capability_query(element: Element) -> pap.CapabilityQuery:
    said = element.attributes
    return pap.CapabilityQuery(_addresses(element)[0], said.get("query-id"), said.get("app-id"))


def _capability_response(element: Element) -> pap.CapabilityResponse:
    said = element.attributes
    return pap.CapabilityResponse(_addresses(element)[0], _code(element), said.get("desc"), said.get("query-id"))


def _bad_message(element: Element) -> pap.BadMessageResponse:
    said = element.attributes
    return pap.BadMessageResponse(_code(element), said.get("desc"), said.get("bad-message-fragment", ""))


_READERS: Mapping[str, Callable[[Element], pap.Message]] = {
    "push-message": _push_message,
    "push-response": _push_response,
    "resultnotification-message": _result_notification,
    "resultnotification-response": _result_notification_response,
    "cancel-message": lambda element: pap.CancelMessage(element.attributes["push-id"], _addresses(element)),
    "cancel-response": _cancel_response,
    "statusquery-message": lambda element: pap.StatusQuery(element.attributes["push-id"], _addresses(element)),
    "statusquery-response": _status_response,
    "ccq-message": _capability_query,
    "ccq-response": _capability_response,
    "badmessage-response": _bad_message,
}
