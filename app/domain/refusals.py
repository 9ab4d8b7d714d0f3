"""Every way we say no to a request, in words a person can act on. HTTP is the edge's business."""

from __future__ import annotations

from collections.abc import Mapping


class Refusal(Exception):
    """A no with a sentence. `more` holds what a program needs to act on it."""

    def __init__(self, sentence: str, **more: object) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.more: Mapping[str, object] = more


class NotFound(Refusal):
    """Unknown and foreign things look alike."""


class NotAuthentic(Refusal):
    """The caller did not prove who it is."""


class NotAllowed(Refusal):
    """The caller is known and may not do this."""


class BadLine(Refusal):
    """A booking line that contradicts itself or the catalogue."""


class BadHandset(Refusal):
    """Not a mobile number that can receive a ticket."""


class NotOnSale(Refusal):
    """Too early, too late or withdrawn."""


class LimitExceeded(Refusal):
    """More than one booking, or one buyer, may have."""


class SoldOut(Refusal):
    """Not available; `alternatives` are second choices, each bookable as it stands."""


class BookingExpired(Refusal):
    """The hold ran out."""


class WrongState(Refusal):
    """Not possible in the state it is in now."""


class PaymentRefused(Refusal):
    """This means of payment cannot be used; the hold stays."""


class PaymentPending(Refusal):
    """The payment network has not told us yet; nobody may pay again until it has."""


class HandoverPending(Refusal):
    """The issuer's own server has not told us yet whether a ticket became another one; it is asked until it has."""


class NotEnoughValue(Refusal):
    """A balance is smaller than what is asked of it."""


class Locked(Refusal):
    """Too many wrong tries."""


class TooMany(Refusal):
    """A rate limit; `retry_after_seconds` says when to come back."""


class KeyReused(Refusal):
    """An Idempotency-Key that was used for another request."""


class KeyBusy(Refusal):
    """The first request with this Idempotency-Key is still being worked on."""


class KeyMissing(Refusal):
    """A request that creates something came without an Idempotency-Key."""


class NotDrawable(Refusal):
    """The ticket cannot be drawn in the asked form."""


class TemporarilyUnavailable(Refusal):
    """A part we need does not answer; nothing was changed."""


class IssuerAway(TemporarilyUnavailable):
    """The issuer's own server does not answer: what it sells is temporarily not on sale, what it sold stays valid."""
