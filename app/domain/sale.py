"""Whether something is sold at this moment, and if not, why: its own times, or its issuer that does not answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

HOLD_SECONDS_MAX = 25 * 3_600
"""The longest hold, a day and an hour: a sales server's clock and settings do not lock an issuer's hall up."""


def away_words(served_by: str) -> str:
    """What is said while the server of this name does not answer."""
    return f"Temporarily not on sale: the issuer's server ({served_by}) does not answer. Try again in a moment."


class Why(StrEnum):
    """Reasons for not being on sale."""

    WITHDRAWN = "withdrawn"
    NOT_YET = "not_yet"
    CLOSED = "closed"
    ISSUER_AWAY = "issuer_away"
    """Temporarily: its issuer's own server does not answer, or has not told us all of it yet."""


@dataclass(frozen=True, slots=True)
class Standing:
    """`last_heard` is when the issuer's own server last answered; None for one in our own house."""

    why: Why | None = None
    last_heard: datetime | None = None

    @property
    def on_sale(self) -> bool:
        return self.why is None

    @property
    def away(self) -> bool:
        """Temporarily not on sale: what is free is not known, only what was."""
        return self.why is Why.ISSUER_AWAY


ON_SALE = Standing()


def why_not(
    *,
    withdrawn: bool,
    sales_from: datetime | None,
    sales_until: datetime | None,
    starts_at: datetime | None,
    now: datetime,
) -> Why | None:
    """What its own times say: sold from `sales_from` until `sales_until`, or else until it starts."""
    if withdrawn:
        return Why.WITHDRAWN
    if sales_from and now < sales_from:
        return Why.NOT_YET
    end = sales_until or starts_at
    return Why.CLOSED if end and now >= end else None
