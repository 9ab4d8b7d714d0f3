"""The Push Access Protocol (WAP-247): its control messages, states, codes and addresses, as values.

How they are said in XML is in `pap_xml`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

FRAGMENT_LETTERS_MAX = 100
_ADDRESS = re.compile(r"WAPPUSH=(?P<who>[^/@\s]+)/TYPE=(?P<kind>[A-Z0-9]+)@(?P<ppg>[^@/\s]+)", re.IGNORECASE)


class Code(IntEnum):
    """WAP-247 section 9.14: how a request or a message fared."""

    OK = 1000
    ACCEPTED = 1001
    BAD_REQUEST = 2000
    FORBIDDEN = 2001
    ADDRESS_ERROR = 2002
    ADDRESS_NOT_FOUND = 2003
    PUSH_ID_NOT_FOUND = 2004
    CAPABILITIES_MISMATCH = 2005
    CAPABILITIES_NOT_SUPPORTED = 2006
    DUPLICATE_PUSH_ID = 2007
    CANCELLATION_NOT_POSSIBLE = 2008
    INTERNAL_ERROR = 3000
    NOT_IMPLEMENTED = 3001
    VERSION_NOT_SUPPORTED = 3002
    NOT_POSSIBLE = 3003
    CAPABILITY_NOT_POSSIBLE = 3004
    MULTIPLE_ADDRESSES_NOT_SUPPORTED = 3005
    TRANSFORMATION_FAILURE = 3006
    DELIVERY_METHOD_NOT_POSSIBLE = 3007
    CAPABILITIES_NOT_AVAILABLE = 3008
    NETWORK_NOT_AVAILABLE = 3009
    BEARER_NOT_AVAILABLE = 3010
    REPLACEMENT_NOT_SUPPORTED = 3011
    SERVICE_FAILURE = 4000
    SERVICE_UNAVAILABLE = 4001
    CLIENT_ABORTED = 5000


class MessageState(StrEnum):
    """WAP-247 section 9.6.2: what became of a push, for one address."""

    REJECTED = "rejected"
    PENDING = "pending"
    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"
    EXPIRED = "expired"
    ABORTED = "aborted"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class DeliveryMethod(StrEnum):
    CONFIRMED = "confirmed"
    PREFER_CONFIRMED = "preferconfirmed"
    UNCONFIRMED = "unconfirmed"
    NOT_SPECIFIED = "notspecified"


class Urgency(StrEnum):
    """The `priority` of a quality-of-service."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class ReplaceMethod(StrEnum):
    PENDING_ONLY = "pending-only"
    ALL = "all"


class MalformedPap(ValueError):
    """A control entity that cannot be understood. `code` and `fragment` are what a badmessage-response says of it.

    `push_id` and `kind` are there when the entity could at least be recognised.
    """

    def __init__(
        self, desc: str, *, fragment: str = "", code: Code = Code.BAD_REQUEST, kind: str = "", push_id: str = ""
    ) -> None:
        super().__init__(desc)
        self.desc = desc
        self.code = code
        self.fragment = fragment[:FRAGMENT_LETTERS_MAX]
        self.kind = kind
        self.push_id = push_id


@dataclass(frozen=True, slots=True)
class Client:
    """A client address taken apart: whom (`+821012345678`), in which scheme (`PLMN`, `USER`, `IPV4`), through whom."""

    who: str
    kind: str
    ppg: str

    def __str__(self) -> str:
        return f"WAPPUSH={self.who}/TYPE={self.kind}@{self.ppg}"


def client_of(address: str) -> Client | None:
    """The client that an address-value names (WAP-249 section 7.1); None where it follows no such form."""
    found = _ADDRESS.fullmatch(address.strip())
    return Client(found["who"], found["kind"].upper(), found["ppg"]) if found else None


@dataclass(frozen=True, slots=True)
class QualityOfService:
    priority: Urgency = Urgency.MEDIUM
    delivery_method: DeliveryMethod = DeliveryMethod.NOT_SPECIFIED
    network: str | None = None
    network_required: bool = False
    bearer: str | None = None
    bearer_required: bool = False


@dataclass(frozen=True, slots=True)
class PushMessage:
    push_id: str
    addresses: tuple[str, ...]
    deliver_before: datetime | None = None
    deliver_after: datetime | None = None
    source_reference: str | None = None
    progress_notes: bool = False
    notify_to: str | None = None
    replace_push_id: str | None = None
    replace_method: ReplaceMethod = ReplaceMethod.ALL
    quality: QualityOfService | None = None


@dataclass(frozen=True, slots=True)
class ProgressNote:
    stage: str
    note: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PushResponse:
    push_id: str
    code: Code
    desc: str | None = None
    sender_address: str | None = None
    sender_name: str | None = None
    reply_time: datetime | None = None
    notes: tuple[ProgressNote, ...] = ()


@dataclass(frozen=True, slots=True)
class ResultNotification:
    """What became of a push, told to its initiator unasked."""

    push_id: str
    address: str
    state: MessageState
    code: Code
    desc: str | None = None
    sender_address: str | None = None
    sender_name: str | None = None
    received_time: datetime | None = None
    event_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class ResultNotificationResponse:
    push_id: str
    code: Code
    desc: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class CancelMessage:
    """Without addresses: for all that the push was sent to."""

    push_id: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CancelResult:
    code: Code
    desc: str | None = None
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CancelResponse:
    push_id: str
    results: tuple[CancelResult, ...]


@dataclass(frozen=True, slots=True)
class StatusQuery:
    """Without addresses: about all that the push was sent to."""

    push_id: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StatusResult:
    code: Code
    state: MessageState
    desc: str | None = None
    addresses: tuple[str, ...] = ()
    event_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class StatusResponse:
    push_id: str
    results: tuple[StatusResult, ...]


@dataclass(frozen=True, slots=True)
class CapabilityQuery:
    """ccq-message: what can this client show?"""

    address: str
    query_id: str | None = None
    app_id: str | None = None


@dataclass(frozen=True, slots=True)
class CapabilityResponse:
    address: str
    code: Code
    desc: str | None = None
    query_id: str | None = None


@dataclass(frozen=True, slots=True)
class BadMessageResponse:
    code: Code
    desc: str | None = None
    fragment: str = ""


Message = (
    PushMessage | PushResponse | ResultNotification | ResultNotificationResponse | CancelMessage | CancelResponse
    | StatusQuery | StatusResponse | CapabilityQuery | CapabilityResponse | BadMessageResponse
)  # fmt: skip
