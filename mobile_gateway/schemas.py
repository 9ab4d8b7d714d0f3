"""The JSON of the HTTP face, in and out. What comes in is bounded, and a field we do not know is refused."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from mobile_gateway.carrier import Taken
from mobile_gateway.handset import Key, Ticket, find_links, find_ticket
from mobile_gateway.lcd import screen
from mobile_gateway.messages import Entry, Language, Message, Model, State, SubscriberState
from mobile_gateway.network import Handset
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
        return cls(message_id=taken.message.id, parts=taken.message.parts, coding=taken.message.coding)


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
            coding=message.coding,
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


class TicketOut(_Out):
    message_id: str
    number: str | None
    pin: str | None
    link: str | None


class InboxOut(_Out):
    id: str
    sender: Annotated[str, Field(serialization_alias="from")]
    text: str
    received_at: datetime
    opened: bool
    stored: bool
    links: list[str]
    ticket: TicketOut | None


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
        inbox = [
            InboxOut(
                id=held.id,
                sender=held.sender,
                text=held.text,
                received_at=held.received_at,
                opened=held.opened,
                stored=held.stored,
                links=[link.href for link in find_links(held.text)],
                ticket=_ticket_out(held.id, find_ticket(held.text)),
            )
            for held in phone.messages
        ]
        rows = screen(phone, memory_full=state is SubscriberState.MEMORY_FULL)
        return cls(
            number=phone.number,
            state=state,
            model=phone.model,
            language=phone.language,
            inbox=inbox,
            tickets=[item.ticket for item in inbox if item.stored and item.ticket],
            screen=[] if state is SubscriberState.OFF else [row.text for row in rows],
            memory=MemoryOut(used=phone.parts_used, limit=phone.parts_max),
        )


class HandsetsOut(_Out):
    handsets: list[HandsetOut]


class HealthOut(_Out):
    status: str


def _ticket_out(message_id: str, ticket: Ticket | None) -> TicketOut | None:
    if ticket is None:
        return None
    return TicketOut(message_id=message_id, number=ticket.number, pin=ticket.pin, link=ticket.link)
