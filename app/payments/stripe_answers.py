"""What is read of Stripe's objects, and how strictly; everything else in them is ignored.

None stands for what a network does not say: imitations leave members out that Stripe always has.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, ValidationError

from app.payments.stripe_wire import Reply
from app.ports import Unknown

INTENT_ID = r"pi_[A-Za-z0-9_]{1,250}"
REFUND_ID = r"(re|pyr)_[A-Za-z0-9_]{1,250}"
DISPUTE_ID = r"(dp|du)_[A-Za-z0-9_]{1,250}"
EVENT_ID = r"evt_[A-Za-z0-9_]{1,250}"


class _Read(BaseModel):
    """Bodies hold client secrets and people's names, so a fault never quotes them."""

    model_config = ConfigDict(hide_input_in_errors=True)


def _id_of(given: object) -> object:
    """A reference to another object comes as its id, or as the object itself where it was expanded."""
    return given.get("id") if isinstance(given, dict) else given


Reference = Annotated[str | None, BeforeValidator(_id_of)]
Seconds = Annotated[StrictInt, Field(ge=0, lt=253_402_300_800)]
"""A time as whole seconds since 1970, before the year 10000."""


class Failure(_Read):
    """The `error` member of an answer, or an intent's last_payment_error."""

    type: str = ""
    code: str | None = None
    decline_code: str | None = None
    message: str | None = None


class FailureAnswer(_Read):
    error: Failure


class Redirect(_Read):
    url: str


class NextAction(_Read):
    type: str
    redirect_to_url: Redirect | None = None


class IntentAnswer(_Read):
    object: Literal["payment_intent"]
    id: str = Field(pattern=f"^{INTENT_ID}$")
    amount: StrictInt
    amount_received: StrictInt | None = None
    amount_capturable: StrictInt | None = None
    currency: str
    status: str
    metadata: dict[str, str] = {}
    last_payment_error: Failure | None = None
    next_action: NextAction | None = None


class RefundAnswer(_Read):
    object: Literal["refund"]
    id: str = Field(pattern=f"^{REFUND_ID}$")
    amount: StrictInt
    currency: str
    payment_intent: Reference = None
    status: str
    failure_reason: str | None = None
    metadata: dict[str, str] | None = None


class RefundPage(_Read):
    object: Literal["list"]
    data: list[RefundAnswer]
    has_more: bool


class Flow(_Read):
    """One balance transaction of a dispute: money withdrawn (negative) or reinstated."""

    amount: StrictInt


class DisputeAnswer(_Read):
    object: Literal["dispute"]
    id: str = Field(pattern=f"^{DISPUTE_ID}$")
    amount: StrictInt
    currency: str
    payment_intent: Reference
    reason: str
    status: str
    due_by: Seconds | None = Field(default=None, validation_alias=AliasPath("evidence_details", "due_by"))
    balance_transactions: list[Flow] = []


class Source(_Read):
    """What a balance transaction is about, expanded: a charge, a refund or a dispute all name their payment."""

    object: str
    payment_intent: Reference = None


class BookEntry(_Read):
    """One balance transaction of the account."""

    object: Literal["balance_transaction"]
    id: str
    amount: StrictInt
    fee: StrictInt
    currency: str
    created: Seconds
    type: str
    reporting_category: str | None = None
    source: Source | str | None = None


class BookPage(_Read):
    object: Literal["list"]
    data: list[BookEntry]
    has_more: bool


class EventObject(_Read):
    """What an event is about. A charge is no name we know a payment by; its intent is."""

    id: str
    payment_intent: Reference = None


class EventAnswer(_Read):
    object: Literal["event"]
    id: str = Field(pattern=f"^{EVENT_ID}$")
    type: str
    about: EventObject = Field(validation_alias=AliasPath("data", "object"))


Answered = TypeVar("Answered", bound=BaseModel)


def read(kind: type[Answered], reply: Reply) -> Answered | Unknown:
    """The answer checked against what it must hold."""
    try:
        return kind.model_validate_json(reply.body)
    except ValidationError:
        return Unknown("the network's answer cannot be read")


def failure(reply: Reply) -> Failure:
    """What the network says went wrong; empty where it says nothing readable."""
    answer = read(FailureAnswer, reply)
    return Failure() if isinstance(answer, Unknown) else answer.error
