"""What a handset's app says and is told: codes, devices, tickets as they are carried, offers."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa
from pydantic import AfterValidator, Field, SecretStr

from app.domain.admission import LIVING_STEP_SECONDS
from app.domain.handset import Handset, for_holder
from app.domain.sign_in import CODE_MINUTES
from app.flows.hands.offer import Offered
from app.flows.hands.succession import Given
from app.flows.handset.carry import Carried
from app.flows.handset.devices import Caller, Renewed, Token
from app.schemas.base import In, Language, Mobile, MoneyOut, Out, Text, parse_mobile
from app.schemas.tickets import TicketOut

Number = Annotated[str, Field(min_length=5, max_length=32), AfterValidator(parse_mobile)]
Code = Annotated[SecretStr, Field(min_length=6, max_length=12, description="The six digits of the message.")]
Coordinate = Annotated[str, Field(min_length=43, max_length=43, pattern="^[A-Za-z0-9_-]{43}$")]


# --- signing in -----------------------------------------------------------------------------------------------------


class CodeIn(In):
    handset: Mobile
    language: Language = "ko"
    purpose: Literal["enrol", "loss"] = Field(
        default="enrol", description="`enrol` a device, or say that the phone is lost: a code is good for one of them."
    )


class SentOut(Out):
    """Always the same, whatever the number: whether it has tickets is nobody's business."""

    expires_in_seconds: int = CODE_MINUTES * 60


class JwkIn(In):
    """A public key on P-256 (RFC 7518 section 6.2.1): these four members and no other."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: Coordinate
    y: Coordinate


class DeviceIn(In):
    handset: Mobile
    code: Code
    key: JwkIn = Field(description="The public half of the key that the request's proof is signed with.")
    name: str = Field(min_length=1, max_length=60, description="What the holder calls this device.")
    replaces: UUID | None = Field(default=None, description="One of the number's devices that makes room for this one.")


class TokenOut(Out):
    """A token for ten minutes. It opens nothing without the device's key."""

    device: UUID
    handset: str
    token_type: Literal["DPoP"] = "DPoP"  # noqa: S105 - the name of a kind of token, not a token
    token: str
    expires_at: datetime

    @classmethod
    def of(cls, device_id: UUID, handset: Handset, token: Token) -> TokenOut:
        return cls(device=device_id, handset=for_holder(handset), token=token.text, expires_at=token.expires_at)


class DeviceOut(Out):
    id: UUID
    name: str
    created_at: datetime
    seen_at: datetime
    tickets: int = Field(description="How many tickets live on it.")
    this: bool = Field(description="Whether it is the device that asks.")


class DevicesOut(Out):
    devices: list[DeviceOut]

    @classmethod
    def of(cls, rows: Sequence[sa.Row[Any]], caller: Caller) -> DevicesOut:
        return cls(
            devices=[
                DeviceOut(
                    id=row.id,
                    name=row.name,
                    created_at=row.created_at,
                    seen_at=row.seen_at,
                    tickets=row.tickets,
                    this=row.id == caller.device_id,
                )
                for row in rows
            ]
        )


# --- loss, and another number ---------------------------------------------------------------------------------------


class RenewedTicketOut(Out):
    ticket: UUID
    became: UUID | None
    refused: str = Field(description="Why it could not be issued anew; empty where it was.")


class RenewedOut(Out):
    """What became of each ticket: the new ones are told by message."""

    tickets: list[RenewedTicketOut]

    @classmethod
    def of(cls, renewed: Sequence[Renewed]) -> RenewedOut:
        return cls(tickets=[RenewedTicketOut(ticket=one.old, became=one.new, refused=one.refused) for one in renewed])


class LossIn(In):
    handset: Mobile
    code: Code


class NumberCodesIn(In):
    handset: Mobile = Field(description="The new number.")
    language: Language = "ko"


class NumberIn(In):
    handset: Mobile = Field(description="The new number.")
    old_code: Code
    new_code: Code


class StaffLossIn(In):
    handset: Mobile
    reason: str = Field(min_length=1, max_length=200)


class StaffNumberIn(In):
    handset: Mobile
    to: Number = Field(description="The new number.")
    reason: str = Field(min_length=1, max_length=200)


# --- tickets --------------------------------------------------------------------------------------------------------


class ListedTicketOut(TicketOut):
    """One of the handset's tickets; `on_device` is the device that it lives on, once one has downloaded it."""

    on_device: UUID | None
    stored_at: datetime | None

    @classmethod
    def listed(cls, row: sa.Row[Any]) -> ListedTicketOut:
        return cls(**TicketOut.of(row).model_dump(), on_device=row.device_id, stored_at=row.stored_at)


class ListedTicketsOut(Out):
    tickets: list[ListedTicketOut]
    next: UUID | None = Field(description="Send it as `after` for the next page.")


class LivingOut(Out):
    """What the living barcode is made of; docs/reference/credentials.md says how."""

    part: str = Field(description="120 octets as base64url: the ticket, this device's key, the issuer's signature.")
    step_seconds: int = LIVING_STEP_SECONDS


class CarriedOut(Out):
    """A ticket with all that its device needs to show it offline. A face that its product does not take is null."""

    ticket: ListedTicketOut
    use: str = Field(description="`good`, or why it opens no gate: given, suspended, refunded, revoked, expired, used.")
    uses_left: int | None
    balance: int | None
    ends_at: datetime = Field(description="With its time, or with the window that its first use began.")
    pin: str | None
    link: str
    compact: str | None = Field(description="What the compact barcode (CT0) says.")
    signed: str | None = Field(description="What the static barcode (CT1) says.")
    living: LivingOut | None
    refresh_at: datetime = Field(description="Fetch it again by then: keys change, and so do tickets.")

    @classmethod
    def of(cls, carried: Carried) -> CarriedOut:
        card = carried.card
        return cls(
            ticket=ListedTicketOut.listed(card.ticket),
            use=card.use,
            uses_left=card.uses_left,
            balance=card.balance,
            ends_at=card.ends,
            pin=carried.pin or None,
            link=carried.link,
            compact=carried.compact or None,
            signed=carried.signed or None,
            living=LivingOut(part=urlsafe_b64encode(carried.living).decode("ascii")) if carried.living else None,
            refresh_at=carried.refresh_at,
        )


class MovedOut(Out):
    """The new ticket, to be downloaded by this device; the old one opens no gate any more."""

    ticket: UUID

    @classmethod
    def of(cls, given: Given) -> MovedOut:
        return cls(ticket=given.id)


# --- offers ---------------------------------------------------------------------------------------------------------


class OfferIn(In):
    handset: Mobile = Field(description="To whom.")
    asked: int = Field(default=0, ge=0, le=1_000_000_000, description="Minor units of e-money; 0: a gift.")


class AcceptanceIn(In):
    pin: SecretStr = Field(
        default=SecretStr(""), max_length=12, description="Of the receiver's e-money, where something is asked."
    )


class OfferOut(Out):
    """An offer as this handset sees it: `given` where it is its own, else it is made to it."""

    id: UUID
    ticket: UUID | None = Field(description="The giver's ticket; the receiver learns its own when it accepts.")
    giver: str
    receiver: str
    given: bool
    title: Text
    starts_at: datetime | None
    category: str
    section: str | None
    row: str | None
    seat: str | None
    asked: MoneyOut
    until: datetime
    state: str
    became: UUID | None = Field(description="The receiver's ticket, once it is accepted.")

    @classmethod
    def of(cls, offered: Offered, caller: Caller) -> OfferOut:
        given = offered.giver == caller.handset
        return cls(
            id=offered.id,
            ticket=offered.ticket_id if given else None,
            giver=for_holder(offered.giver),
            receiver=for_holder(offered.receiver),
            given=given,
            title=dict(offered.thing.title),
            starts_at=offered.thing.starts_at,
            category=offered.thing.category,
            section=offered.thing.section,
            row=offered.thing.row,
            seat=offered.thing.seat,
            asked=MoneyOut.of(offered.asked),
            until=offered.until,
            state=offered.standing,
            became=None if given else offered.became,
        )


class OffersOut(Out):
    offers: list[OfferOut]
