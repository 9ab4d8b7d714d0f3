"""The JSON of the HTTP face, in and out. What comes in is bounded, and a field we do not know is refused."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from mobile_gateway.carrier.carrier import Taken
from mobile_gateway.carrier.messages import Entry, Message, State
from mobile_gateway.handset.held import Held, Kind
from mobile_gateway.handset.phone import find_links
from mobile_gateway.keys import Key
from mobile_gateway.lcd import drawing as lcd
from mobile_gateway.phones import Handset
from mobile_gateway.subscribers import Language, Model, SubscriberState
from mobile_gateway.wire.data_coding import coding_of
from mobile_gateway.wire.gsm import GSM_UNITS_JOINED, PARTS_MAX, Coding

E164_PATTERN = r"^\+[1-9][0-9]{6,14}$"
SENDER_PATTERN = r"^(?:\+?[0-9]{3,15}|[A-Za-z0-9 ._-]{1,11})$"
VALIDITY_SECONDS_MAX = 7 * 86_400
TEXT_LETTERS_MAX = GSM_UNITS_JOINED * PARTS_MAX

Number = Annotated[str, Field(pattern=E164_PATTERN, examples=["+821012345678"])]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True)


class SubmitIn(_In):
    """A message to one handset."""

    to: Number
    sender: Annotated[
        str | None,
        Field(
            alias="from",
            pattern=SENDER_PATTERN,
            description="At most 11 letters, or a number; the network's own name if absent.",
        ),
    ] = None
    text: Annotated[str, Field(min_length=1, max_length=TEXT_LETTERS_MAX, examples=["ID 482910375-6 PIN 491027"])]
    callback: Annotated[bool, Field(description="Whether its receipt is posted to the callback address.")] = True
    validity_seconds: Annotated[int | None, Field(ge=1, le=VALIDITY_SECONDS_MAX)] = None


class SubmittedOut(_Out):
    message_id: str
    parts: Annotated[int, Field(description="How many messages the network counts.")]
    coding: Coding

    @classmethod
    def of(cls, taken: Taken) -> Self:
        message = taken.message
        return cls(message_id=message.id, parts=message.parts, coding=_coding(message))


class EntryOut(_Out):
    at: datetime
    state: State
    note: str


class MessageOut(_Out):
    message_id: str
    to: str
    sender: Annotated[str, Field(serialization_alias="from")]
    parts: int
    coding: Coding
    state: State
    attempts: int
    error: str | None
    accepted_at: datetime
    expires_at: datetime
    history: list[EntryOut]

    @classmethod
    def of(cls, message: Message, history: list[Entry]) -> Self:
        return cls(
            message_id=message.id,
            to=message.to,
            sender=message.sender,
            parts=message.parts,
            coding=_coding(message),
            state=message.state,
            attempts=message.attempts,
            error=message.error,
            accepted_at=message.accepted_at,
            expires_at=message.expires_at,
            history=[EntryOut(at=entry.at, state=entry.state, note=entry.note) for entry in history],
        )


class SubscriberIn(_In):
    """What to change about a number; a field left out stays as it is."""

    state: SubscriberState | None = None
    model: Model | None = None
    language: Language | None = None


class SubscriberOut(_Out):
    number: str
    state: SubscriberState
    model: Model
    language: Language


class KeyIn(_In):
    key: Key


class OriginateIn(_In):
    """A message that a phone sends."""

    to: Annotated[str, Field(min_length=1, max_length=20, examples=["1588"])]
    text: Annotated[str, Field(min_length=1, max_length=TEXT_LETTERS_MAX, examples=["HELP"])]


class OriginatedOut(_Out):
    message_id: str


class TicketOut(_Out):
    """What a holder shows at the gate; a ticket that is only a picture has none of the three."""

    message_id: str
    number: str | None
    pin: str | None
    link: str | None


class InboxOut(_Out):
    id: str
    kind: Kind
    sender: Annotated[str, Field(serialization_alias="from")]
    title: str
    text: str
    received_at: datetime
    opened: bool
    stored: bool
    links: list[str]
    barcodes: Annotated[int, Field(description="How many of its pictures are large enough to be a code.")]
    ticket: TicketOut | None

    @classmethod
    def of(cls, held: Held) -> Self:
        return cls(
            id=held.id,
            kind=held.kind,
            sender=held.sender,
            title=held.title,
            text=held.text,
            received_at=held.received_at,
            opened=held.opened,
            stored=held.stored,
            links=_links(held),
            barcodes=len(held.barcodes),
            ticket=_ticket_out(held),
        )


class MemoryOut(_Out):
    used: Annotated[int, Field(description="Message parts held.")]
    limit: int


class HandsetOut(_Out):
    """What a phone holds and shows."""

    number: str
    state: SubscriberState
    model: Model
    language: Language
    inbox: Annotated[list[InboxOut], Field(description="Newest first.")]
    tickets: Annotated[list[TicketOut], Field(description="What the holder stored in the phone's memory.")]
    screen: Annotated[list[str], Field(description="The rows of the LCD; none while the phone is off.")]
    memory: MemoryOut

    @classmethod
    def of(cls, handset: Handset) -> Self:
        phone, state = handset.phone, handset.subscriber.state
        inbox = [InboxOut.of(held) for held in phone.messages]
        off = state is SubscriberState.OFF
        full, roaming = state is SubscriberState.MEMORY_FULL, state is SubscriberState.ROAMING
        return cls(
            number=phone.number,
            state=state,
            model=phone.model,
            language=phone.language,
            inbox=inbox,
            tickets=[item.ticket for item in inbox if item.stored and item.ticket],
            screen=[] if off else list(lcd.rows(phone, memory_full=full, roaming=roaming)),
            memory=MemoryOut(used=phone.parts_used, limit=phone.parts_max),
        )


class HandsetsOut(_Out):
    handsets: list[HandsetOut]


class HealthOut(_Out):
    status: str


def _coding(message: Message) -> Coding:
    return coding_of(message.submission.data_coding) or Coding.BINARY


def _links(held: Held) -> list[str]:
    found = [link.href for link in find_links(held.text)]
    return found if held.href is None or held.href in found else [held.href, *found]


def _ticket_out(held: Held) -> TicketOut | None:
    if not held.is_ticket:
        return None
    ticket = held.ticket
    return TicketOut(
        message_id=held.id,
        number=ticket.number if ticket else None,
        pin=ticket.pin if ticket else None,
        link=ticket.link if ticket else None,
    )
