"""What a sales server and an issuer's server say to one another: both ends read and write these shapes.

Requests are taken strictly. Of answers a reader passes over what it does not know, so that either end may be newer.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    field_validator,
    model_validator,
)

from app.domain.catalogue import ENTRANCE_CHARS_MAX
from app.domain.entry_rules import UNLIMITED_USES
from app.domain.sale import HOLD_SECONDS_MAX
from app.domain.ticket import GENERATION_MAX, Kind, TicketState
from app.ports import Entry, Part, Registration, Seen

ENTRIES_MAX = 500
"""Entries of the register in one answer, and tickets in one question about them."""
CHANGES_READ_MAX = 10_000
"""More than one answer ever holds: one transaction's changes are not divided."""
PARTS_MAX = 50
PLACES_MAX = 200_000
KEY_CHARS_MAX = 120
LABEL_CHARS_MAX = 4_000
MINOR_MAX = 10**12
CODE_MAX = 2**63 - 1


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("this text holds a NUL character; leave it out")
    return text


def _label(label: Mapping[str, Any]) -> Mapping[str, Any]:
    length = _check_texts(label)
    if length > LABEL_CHARS_MAX:
        raise ValueError(f"a label has {LABEL_CHARS_MAX} characters at most")
    return label


def _check_texts(value: object) -> int:
    """How many characters of text there are in a JSON value; raises ValueError for one that cannot be stored."""
    if isinstance(value, str):
        return len(_storable(value))
    if isinstance(value, Mapping):
        return sum(_check_texts(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return sum(_check_texts(part) for part in value)
    return 1


class Ask(BaseModel):
    """A request body: a field we do not know is a mistake of whoever sent it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Told(BaseModel):
    """An answer."""

    model_config = ConfigDict(extra="ignore", frozen=True)


Category = Annotated[str, Field(min_length=1, max_length=100, examples=["R"]), AfterValidator(_storable)]
Key = Annotated[str, Field(min_length=1, max_length=KEY_CHARS_MAX, pattern=r"^[\x21-\x7e]+$", examples=["pay-1"])]
Amount = Annotated[int, Field(gt=0, le=MINOR_MAX, examples=[15_000])]
Issuer = Annotated[UUID, Field(examples=["0190b5a0-0000-7000-8000-000000000001"])]
Ticket = Annotated[UUID, Field(examples=["0190b5a0-0000-7000-8000-000000000003"])]
Places = Annotated[tuple[UUID, ...], Field(max_length=PARTS_MAX)]

# --- stock ----------------------------------------------------------------------------------------------------------


class StatusTold(Told):
    """`free`: base64 of one bit per place in plan order, most significant first, 1 is free."""

    places: Annotated[int, Field(ge=0, le=PLACES_MAX)]
    free: Annotated[str, Field(max_length=PLACES_MAX)]


class PartAsked(Ask):
    """So many of a category, or exactly these places, at this price."""

    category: Category
    quantity: Annotated[int, Field(ge=1, le=PARTS_MAX, examples=[2])]
    places: Places = ()
    price: UUID | None = None
    amount: Annotated[int, Field(ge=0, le=MINOR_MAX)] | None = None

    @classmethod
    def of(cls, part: Part) -> PartAsked:
        return cls(
            category=part.category,
            quantity=part.quantity,
            places=part.places,
            price=part.price_id,
            amount=part.amount,
        )

    def part(self) -> Part:
        return Part(self.category, self.quantity, self.places, self.price, self.amount)


class HoldAsked(Ask):
    """All parts are held for so many seconds from now on, or none. An occasion without places is only asked about."""

    issuer: Issuer
    occasion: Annotated[UUID, Field(examples=["0190b5a0-0000-7000-8000-000000000002"])]
    seconds: Annotated[int, Field(ge=1, le=HOLD_SECONDS_MAX, examples=[690])]
    parts: Annotated[tuple[PartAsked, ...], Field(max_length=PARTS_MAX, examples=[[{"category": "R", "quantity": 2}]])]


class HeldTold(Told):
    """Whether all is held; then `places` part by part in the order of the request."""

    held: bool
    places: Annotated[list[Annotated[list[UUID], Field(max_length=PARTS_MAX)]], Field(max_length=PARTS_MAX)] = []


class CommitAsked(Ask):
    issuer: Issuer
    places: Places


class CommittedTold(Told):
    """Whether the hold has become a sale; if not it is lost, and what was left of it is free."""

    committed: bool


# --- the register ---------------------------------------------------------------------------------------------------


class RegistrationAsked(Ask):
    """A ticket sold. Of `pin` and `compact` a keyed digest is kept, and nothing else."""

    issuer: Issuer
    number: Annotated[str, Field(pattern="^[0-9]{10}$", examples=["4829103751"])]
    code: Annotated[int, Field(ge=0, le=CODE_MAX, examples=[5_190_263_847_112_349])]
    generation: Annotated[int, Field(ge=1, le=GENERATION_MAX, examples=[1])]
    kind: Kind
    product: UUID
    occasion: UUID
    occasion_code: Annotated[int, Field(ge=0, le=0xFFFFFFFF)]
    label: Annotated[dict[str, JsonValue], AfterValidator(_label)]
    uses: Annotated[int, Field(ge=1, le=UNLIMITED_USES)]
    balance: Annotated[int, Field(ge=0, le=MINOR_MAX)] | None
    valid_from: AwareDatetime
    valid_until: AwareDatetime
    entrance: Annotated[str, Field(max_length=ENTRANCE_CHARS_MAX, examples=["A"]), AfterValidator(_storable)] = ""
    pin: Annotated[str, Field(pattern="^[0-9]{6}$", examples=["491027"], repr=False)]
    compact: Annotated[
        str, Field(pattern="^C[0-9A-HJKMNP-TV-Z]{24}$", examples=["C0123456789ABCDEFGHJKMNPQ"], repr=False)
    ]

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> RegistrationAsked:
        if self.valid_until <= self.valid_from:
            raise ValueError("`valid_until` must be after `valid_from`")
        return self

    @classmethod
    def of(cls, one: Registration) -> RegistrationAsked:
        return cls(
            issuer=one.issuer_id,
            number=one.number,
            code=one.code,
            generation=one.generation,
            kind=one.kind,
            product=one.product_id,
            occasion=one.occasion_id,
            occasion_code=one.occasion_code,
            label=dict(one.label),
            uses=one.uses,
            balance=one.balance,
            valid_from=one.valid_from,
            valid_until=one.valid_until,
            entrance=one.entrance,
            pin=one.pin,
            compact=one.compact,
        )

    def registration(self, ticket_id: UUID) -> Registration:
        return Registration(
            ticket_id=ticket_id,
            issuer_id=self.issuer,
            number=self.number,
            code=self.code,
            generation=self.generation,
            kid=0,  # the seller's own secret has no meaning here
            kind=self.kind,
            product_id=self.product,
            occasion_id=self.occasion,
            occasion_code=self.occasion_code,
            label=self.label,
            uses=self.uses,
            balance=self.balance,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            entrance=self.entrance,
            pin=self.pin,
            compact=self.compact,
        )


class RevocationAsked(Ask):
    """`free` are places, sold to the hold `key`, that go back on sale. `unless_used` leaves a used ticket alone."""

    issuer: Issuer
    key: UUID
    free: Places = ()
    unless_used: bool = False


class RevokedTold(Told):
    """Whether the ticket is refused now; if not, how often it was used."""

    revoked: bool
    uses: Annotated[int, Field(ge=0)] = 0


class SuspensionAsked(Ask):
    issuer: Issuer
    suspended: bool


class BindingAsked(Ask):
    """The public key of the handset that has the ticket as a living barcode: P-256, compressed, 33 octets."""

    issuer: Issuer
    key: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{44}$", examples=["Ao5TO2-gv3tGJbswZnwB-2B--fi4qA_vWzAGKHAxh7Kj"])]

    @classmethod
    def of(cls, issuer_id: UUID, holder_key: bytes) -> BindingAsked:
        return cls(issuer=issuer_id, key=urlsafe_b64encode(holder_key).decode("ascii"))

    def holder_key(self) -> bytes:
        return urlsafe_b64decode(self.key)

    @field_validator("key")
    @classmethod
    def _is_a_point(cls, key: str) -> str:
        try:
            EllipticCurvePublicKey.from_encoded_point(SECP256R1(), urlsafe_b64decode(key))
        except ValueError:
            raise ValueError("this is no compressed point of P-256, 33 octets as base64url") from None
        return key


class VerifyAsked(Ask):
    issuer: Issuer
    tickets: Annotated[tuple[UUID, ...], Field(max_length=ENTRIES_MAX)]


class SeenTold(Told):
    """One admission."""

    use_no: Annotated[int | None, Field(ge=1)] = None
    gate: UUID
    gate_name: Annotated[str, Field(max_length=100), AfterValidator(_storable)]
    scan: Annotated[str, Field(max_length=64), AfterValidator(_storable)]
    at: AwareDatetime


class EntryTold(Told):
    """What the register holds of one ticket; `version` counts its changes."""

    ticket: UUID
    issuer: UUID
    state: TicketState
    version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    uses_left: Annotated[int, Field(ge=0, le=UNLIMITED_USES)]
    balance: Annotated[int, Field(ge=0, le=MINOR_MAX)] | None
    admissions: Annotated[list[SeenTold], Field(max_length=UNLIMITED_USES)] = []

    @classmethod
    def of(cls, one: Entry) -> EntryTold:
        return cls(
            ticket=one.ticket_id,
            issuer=one.issuer_id,
            state=one.state,
            version=one.version,
            uses_left=one.uses_left,
            balance=one.balance,
            admissions=[
                SeenTold(use_no=seen.use_no, gate=seen.gate_id, gate_name=seen.gate, scan=seen.scan_id, at=seen.at)
                for seen in one.admissions
            ],
        )

    def entry(self) -> Entry:
        seen = tuple(Seen(one.use_no, one.gate, one.gate_name, one.scan, one.at) for one in self.admissions)
        return Entry(self.ticket, self.issuer, self.state, self.version, self.uses_left, self.balance, seen)


class EntriesTold(Told):
    entries: Annotated[list[EntryTold], Field(max_length=ENTRIES_MAX)]


class ChangesTold(Told):
    """Ask on from `cursor`; begin again from 0 where the register `restarted` from an older state of its own."""

    entries: Annotated[list[EntryTold], Field(max_length=CHANGES_READ_MAX)]
    cursor: Annotated[int, Field(ge=0, le=CODE_MAX)]
    more: bool
    restarted: bool


# --- value ----------------------------------------------------------------------------------------------------------


class SpendAsked(Ask):
    issuer: Issuer
    ticket: Ticket
    amount: Amount
    key: Key


class SpentTold(Told):
    """Whether the amount was taken, and what is left."""

    spent: bool
    left: Annotated[int, Field(ge=0, le=MINOR_MAX)]


class UnspendAsked(Ask):
    """Give `amount` of what `key` took back, once per `back_key`; a key that took nothing will not take any more."""

    issuer: Issuer
    key: Key
    amount: Amount
    back_key: Key
