"""WAP push: a push proxy gateway brings a Service Indication with the ticket's link to the phone (PAP, WAP-247)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from app.channels.callbacks import Callbacks
from app.domain.handset import Handset
from app.ports import Accepted, Message, Preview, Rejected
from mobile_gateway.wire import gsm, pap, pap_reading, pap_writing, push
from mobile_gateway.wire.multipart import Part, format_related
from mobile_gateway.wire.pap import Code, MessageState

PURPOSE = "push-results"
TAKEN = frozenset({Code.OK, Code.ACCEPTED, Code.DUPLICATE_PUSH_ID})
"""A push-id is made of the key, so a duplicate is our own message, which the gateway has already."""

LATER = frozenset({Code.INTERNAL_ERROR, Code.SERVICE_FAILURE, Code.SERVICE_UNAVAILABLE, Code.NETWORK_NOT_AVAILABLE})
STATUS_OK = range(200, 300)
STATUS_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})

STATES = {
    MessageState.DELIVERED: "DELIVERED",
    MessageState.EXPIRED: "EXPIRED",
    MessageState.TIMEOUT: "EXPIRED",
    MessageState.CANCELLED: "DELETED",
    MessageState.REJECTED: "REJECTED",
    MessageState.UNDELIVERABLE: "UNDELIVERABLE",
    MessageState.ABORTED: "UNDELIVERABLE",
}
"""What a PAP message-state is among the states of receipts; the others say nothing final."""


@dataclass(frozen=True, slots=True)
class PushGateway:
    """A push proxy gateway, how we are known there, and where it reaches us."""

    url: str
    system_id: str
    password: SecretStr
    public_url: str


class WapPush:
    """Pushes links. The same key is the same push-id, which a gateway takes once."""

    name = "wap_push"

    def __init__(self, http: httpx.AsyncClient, gateway: PushGateway, callbacks: Callbacks) -> None:
        self._http = http
        self._gateway = gateway
        self._callbacks = callbacks
        self._auth = httpx.BasicAuth(gateway.system_id, gateway.password.get_secret_value())

    def preview(self, text: str) -> Preview:
        cut = gsm.segment(text)
        return Preview(cut.coding.value, cut.parts, cut.units_per_part)

    async def send(self, to: Handset, message: Message, *, key: str) -> Accepted | Rejected:
        if not message.link:
            return Rejected("this message has no page that a link could open", retry=False)
        push_id = f"{key}@{urlsplit(self._gateway.public_url).hostname}"
        kind, body = self._entity(to, message, push_id)
        try:
            answer = await self._http.post(
                self._gateway.url, content=body, auth=self._auth, headers={"Content-Type": kind}
            )
        except httpx.TimeoutException:
            return Rejected("the push gateway did not answer in time", retry=True)
        except httpx.TransportError as fault:
            return Rejected(f"the push gateway cannot be reached ({type(fault).__name__})", retry=True)
        if answer.status_code not in STATUS_OK:
            return Rejected(
                f"the push gateway refused it with {answer.status_code}", retry=answer.status_code in STATUS_LATER
            )
        return _outcome(answer.content, push_id)

    def _entity(self, to: Handset, message: Message, push_id: str) -> tuple[str, bytes]:
        """The request's Content-Type and body: the control entity, then the indication."""
        gateway = self._gateway
        token = self._callbacks.token(PURPOSE, push_id)
        control = pap.PushMessage(
            push_id=push_id,
            addresses=(str(pap.Client(to, "PLMN", urlsplit(gateway.url).hostname or "ppg")),),
            notify_to=f"{gateway.public_url}/carrier/push-results/{token}",
            quality=pap.QualityOfService(delivery_method=pap.DeliveryMethod.UNCONFIRMED),
        )
        indication = push.ServiceIndication(href=message.link, text=message.title)
        parts = (
            Part({"content-type": pap_writing.CONTENT_TYPE}, pap_writing.write(control).encode()),
            Part({"content-type": f"{push.SI_XML}; charset=utf-8"}, push.to_xml(indication).encode()),
        )
        # The key decides the boundary too, so that a repeated request is the same octet by octet.
        boundary = f"push-{hashlib.sha256(push_id.encode()).hexdigest()[:32]}"
        return format_related(parts, boundary=boundary, root=pap_writing.CONTENT_TYPE)


def _outcome(body: bytes, push_id: str) -> Accepted | Rejected:
    try:
        said = pap_reading.read(body)
    except pap.MalformedPap:
        return Rejected("the push gateway's answer cannot be read", retry=True)
    if not isinstance(said, pap.PushResponse | pap.BadMessageResponse):
        return Rejected("the push gateway answered something else", retry=True)
    if said.code in TAKEN and isinstance(said, pap.PushResponse):
        return Accepted(push_id)
    why = f"the push gateway refused it with {int(said.code)}: {said.desc or 'no reason given'}"
    return Rejected(why[:300], retry=said.code in LATER)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a push."""

    push_id: str
    address: str
    state: str | None
    """Among the states of receipts; None where it is not final."""


def result(body: bytes) -> Result:
    """What a resultnotification says; raises ValueError with a sentence."""
    said = pap_reading.read(body)
    if not isinstance(said, pap.ResultNotification):
        raise ValueError("This address takes resultnotification-message only.")  # noqa: TRY004 - it is a value of the wrong kind
    return Result(said.push_id, said.address, STATES.get(said.state))


def acknowledgement(told: Result) -> bytes:
    """What the gateway is answered (WAP-247 section 9.7)."""
    answer = pap.ResultNotificationResponse(told.push_id, Code.OK, address=told.address)
    return pap_writing.write(answer).encode()
