"""PAP control messages written as XML (WAP-247, PAP 2.0)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import assert_never

from mobile_gateway.wire import pap, xmltree
from mobile_gateway.wire.pap import Code
from mobile_gateway.wire.xmltree import Doctype, Element

CONTENT_TYPE = "application/xml"
DOCTYPE = Doctype("pap", "-//WAPFORUM//DTD PAP 2.0//EN", "http://www.wapforum.org/DTD/pap_2.0.dtd")

_Said = Mapping[str, str | datetime | Code | None]


def write(message: pap.Message) -> str:
    """The control entity, to be sent as UTF-8; raises MalformedXml for text that XML cannot carry."""
    return xmltree.write(Element("pap", {}, (_element(message),)), doctype=DOCTYPE)


def _element(message: pap.Message) -> Element:  # noqa: C901, PLR0911 - one flat case for each message there is
    match message:
        case pap.PushMessage():
            return _push_element(message)
        case pap.PushResponse():
            return _push_response_element(message)
        case pap.ResultNotification():
            return _notification_element(message)
        case pap.ResultNotificationResponse(push_id, code, desc, address):
            return _node(
                "resultnotification-response",
                {"push-id": push_id, "code": code, "desc": desc},
                _addresses([address] if address else []),
            )
        case pap.CancelMessage(push_id, addresses):
            return _node("cancel-message", {"push-id": push_id}, _addresses(addresses))
        case pap.CancelResponse(push_id, cancelled):
            return _node("cancel-response", {"push-id": push_id}, map(_cancel_element, cancelled))
        case pap.StatusQuery(push_id, addresses):
            return _node("statusquery-message", {"push-id": push_id}, _addresses(addresses))
        case pap.StatusResponse(push_id, statuses):
            return _node("statusquery-response", {"push-id": push_id}, map(_status_element, statuses))
        case pap.CapabilityQuery(address, query_id, app_id):
            return _node("ccq-message", {"query-id": query_id, "app-id": app_id}, _addresses([address]))
        case pap.CapabilityResponse(address, code, desc, query_id):
            said: _Said = {"query-id": query_id, "code": code, "desc": desc}
            return _node("ccq-response", said, _addresses([address]))
        case pap.BadMessageResponse(code, desc, fragment):
            return _node("badmessage-response", {"code": code, "desc": desc, "bad-message-fragment": fragment})
        case _:
            assert_never(message)


def _push_response_element(response: pap.PushResponse) -> Element:
    inner = [_node("progress-note", {"stage": one.stage, "note": one.note, "time": one.at}) for one in response.notes]
    inner.append(_node("response-result", {"code": response.code, "desc": response.desc}))
    about: _Said = {
        "push-id": response.push_id,
        "sender-address": response.sender_address,
        "sender-name": response.sender_name,
        "reply-time": response.reply_time,
    }
    return _node("push-response", about, inner)


def _cancel_element(result: pap.CancelResult) -> Element:
    return _node("cancel-result", {"code": result.code, "desc": result.desc}, _addresses(result.addresses))


def _push_element(message: pap.PushMessage) -> Element:
    inner = _addresses(message.addresses)
    if quality := message.quality:
        wishes: _Said = {
            "priority": quality.priority,
            "delivery-method": quality.delivery_method,
            "network": quality.network,
            "network-required": _word(quality.network_required),
            "bearer": quality.bearer,
            "bearer-required": _word(quality.bearer_required),
        }
        inner.append(_node("quality-of-service", wishes))
    replaces = message.replace_push_id
    about: _Said = {
        "push-id": message.push_id,
        "replace-push-id": replaces,
        "replace-method": message.replace_method if replaces else None,
        "deliver-before-timestamp": message.deliver_before,
        "deliver-after-timestamp": message.deliver_after,
        "source-reference": message.source_reference,
        "progress-notes-requested": _word(message.progress_notes),
        "ppg-notify-requested-to": message.notify_to,
    }
    return _node("push-message", about, inner)


def _notification_element(message: pap.ResultNotification) -> Element:
    about: _Said = {
        "push-id": message.push_id,
        "sender-address": message.sender_address,
        "sender-name": message.sender_name,
        "received-time": message.received_time,
        "event-time": message.event_time,
        "message-state": message.state,
        "code": message.code,
        "desc": message.desc,
    }
    return _node("resultnotification-message", about, _addresses([message.address]))


def _status_element(result: pap.StatusResult) -> Element:
    about: _Said = {
        "event-time": result.event_time,
        "message-state": result.state,
        "code": result.code,
        "desc": result.desc,
    }
    return _node("statusquery-result", about, _addresses(result.addresses))


def _word(flag: bool) -> str:  # noqa: FBT001 - one flag, said as XML says it
    return "true" if flag else "false"


def _addresses(addresses: Iterable[str]) -> list[Element]:
    return [_node("address", {"address-value": address}) for address in addresses]


def _node(name: str, attributes: _Said, inner: Iterable[Element] = ()) -> Element:
    """An element; attributes that are None are left out."""
    said = {key: _said(value) for key, value in attributes.items() if value is not None}
    return Element(name, said, tuple(inner))


def _said(value: str | datetime | Code) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()[:19] + "Z"
    return str(int(value)) if isinstance(value, Code) else str(value)
