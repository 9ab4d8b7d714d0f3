"""What an importer has read: an issuer's catalogue as plain drafts, and the faults that keep one out.

A draft carries no database id. Its slugs, station codes and seat guids are its natural keys: importing the same file
again updates what it made before. Times are aware UTC; money is minor units.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from app.domain.entry_rules import EntryRules
from app.domain.money import Money

Text = Mapping[str, str]
"""Words by language: {"ko": "하늘극장", "en": "Haneul Theatre"}; always holds the issuer's own language."""

ProductKind = Literal["admission", "ride", "voucher"]
Transfer = Literal["never", "free", "face_value"]
"""`face_value`: the receiver may pay for it, and not more than it cost."""
Refund = Literal["never", "until_start", "until_used"]
"""`until_start` needs an occasion with a start; `until_used` gives the money back while no use was made."""
Shape = Literal["rectangle", "ellipse", "polygon", "text"]

SLUG_CHARS_MAX = 64
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
FAULTS_KEPT = 20
USES_MAX = 1_000
"""Of a ticket whose uses are counted; a pass has more, and nobody counts them."""
TRANSFER_MINUTES_MAX = 527_040
ENTRANCE_CHARS_MAX = 40


def is_slug(text: str) -> bool:
    """Lower-case ASCII words joined by single hyphens, at most 64 characters: fit for a URL and for a key."""
    return len(text) <= SLUG_CHARS_MAX and SLUG.fullmatch(text) is not None


# --- who sells, and where -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IssuerDraft:
    """`timezone` is an IANA name, `currency` ISO 4217, `language` the language every Text of the issuer has."""

    slug: str
    name: Text
    timezone: str
    currency: str
    language: str
    url: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class VenueDraft:
    slug: str
    name: Text
    address: Text


@dataclass(frozen=True, slots=True)
class CategoryDraft:
    """A class of places on a seating plan; `name` is what a price's category refers to."""

    name: str
    colour: str | None = None


@dataclass(frozen=True, slots=True)
class PlaceDraft:
    """One unit of stock. A seat is numbered and has coordinates in the plan's pixels; a standing place has neither."""

    guid: str
    category: str
    numbered: bool
    zone: str
    row: str | None
    seat: str | None
    x: float | None
    y: float | None


@dataclass(frozen=True, slots=True)
class StandingDraft:
    """A standing area as a whole. Its `capacity` places are in the plan's places too, one PlaceDraft each."""

    zone: str
    category: str
    capacity: int


@dataclass(frozen=True, slots=True)
class AreaDraft:
    """Something drawn on a plan and not sold: a stage, a wall, a floor, a label.

    (`x`, `y`) is the top left of a rectangle and the centre of an ellipse; `width` and `height` are the whole extent;
    a polygon has `points` on the plan. `rotation` is degrees clockwise around (`x`, `y`).
    """

    shape: Shape
    zone: str
    x: float
    y: float
    width: float = 0.0
    height: float = 0.0
    points: tuple[tuple[float, float], ...] = ()
    rotation: float = 0.0
    colour: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class SeatingDraft:
    """A seating plan; `width` and `height` are the drawing's size in pixels."""

    slug: str
    name: str
    categories: tuple[CategoryDraft, ...]
    places: tuple[PlaceDraft, ...]
    width: float
    height: float
    standing: tuple[StandingDraft, ...] = ()
    areas: tuple[AreaDraft, ...] = ()


@dataclass(frozen=True, slots=True)
class StopDraft:
    """A station as riders know it: platforms are folded into it. `zone` is its fare zone."""

    code: str
    name: Text
    zone: str | None
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class RouteDraft:
    """`patterns`: each distinct order in which the route calls at its stations, by station code, the busiest first."""

    code: str
    name: Text
    patterns: tuple[tuple[str, ...], ...]


# --- what is sold ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PriceDraft:
    """The price of a category. For rides, `route` and the zones say which journeys it holds for; None means any."""

    category: str
    name: Text
    amount: Money
    colour: str | None = None
    origin_zone: str | None = None
    destination_zone: str | None = None
    route: str | None = None
    entrance: str = ""
    """The entrance that its tickets are for; empty: any."""

    @property
    def specificity(self) -> int:
        """How narrowly the price names its journey: a named route outweighs both named zones."""
        zones = (self.origin_zone is not None) + (self.destination_zone is not None)
        return zones + 3 * (self.route is not None)


@dataclass(frozen=True, slots=True)
class OccasionDraft:
    """One dated occurrence. `prices` replace the product's when there are any.

    `capacity` is category -> unnumbered places, beside those of the `seating` plan. Entry times and sales times that
    are None leave the rule to the product's defaults.
    """

    slug: str
    starts_at: datetime | None
    ends_at: datetime | None = None
    doors_at: datetime | None = None
    admits_from: datetime | None = None
    admits_until: datetime | None = None
    sales_from: datetime | None = None
    sales_until: datetime | None = None
    venue: str | None = None
    seating: str | None = None
    capacity: Mapping[str, int] = field(default_factory=dict)
    prices: tuple[PriceDraft, ...] = ()


@dataclass(frozen=True, slots=True)
class ProductDraft:
    """What is sold. `uses` rides or entries (UNLIMITED_USES: a pass); `face_value` is a voucher's balance; limits
    count tickets; `entry` is what a gate goes by; it may change hands until `transfer_minutes_before` the start.

    Without occasions the product is open-dated: unlimited stock, valid `valid_days` days from the sale.
    """

    slug: str
    kind: ProductKind
    title: Text
    description: Text
    venue: str | None
    uses: int
    face_value: Money | None
    valid_days: int | None
    booking_limit: int
    buyer_limit: int | None
    transfer: Transfer
    refund: Refund
    prices: tuple[PriceDraft, ...]
    occasions: tuple[OccasionDraft, ...]
    transfer_minutes_before: int | None = None
    """None: until it is over."""
    entry: EntryRules = field(default_factory=EntryRules)


@dataclass(frozen=True, slots=True)
class IssuerCatalogue:
    """Everything of one issuer."""

    issuer: IssuerDraft
    venues: tuple[VenueDraft, ...] = ()
    seatings: tuple[SeatingDraft, ...] = ()
    stops: tuple[StopDraft, ...] = ()
    routes: tuple[RouteDraft, ...] = ()
    products: tuple[ProductDraft, ...] = ()


@dataclass(frozen=True, slots=True)
class CatalogueDraft:
    issuers: tuple[IssuerCatalogue, ...]


def prices_between(
    prices: Iterable[PriceDraft], *, origin_zone: str | None, destination_zone: str | None, route: str | None = None
) -> tuple[PriceDraft, ...]:
    """What the journey costs, one price per category: the narrowest that holds for it. Empty: it is not for sale.

    A price of a route holds only when that `route` is named.
    """
    best: dict[str, PriceDraft] = {}
    for price in prices:
        holds = (
            price.origin_zone in (None, origin_zone)
            and price.destination_zone in (None, destination_zone)
            and price.route in (None, route)
        )
        held = best.get(price.category)
        if holds and (held is None or price.specificity > held.specificity):
            best[price.category] = price
    return tuple(best.values())


# --- what an import answers -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Report:
    """What was read but not understood, or looks odd. Nothing in it was guessed at."""

    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a file cannot be imported. `row` counts lines from 1, a header too; `field` is a column or a path."""

    file: str
    row: int | None
    field: str | None
    reason: str

    def __str__(self) -> str:
        place = self.file if self.row is None else f"{self.file}:{self.row}"
        return f"{place} {self.field}: {self.reason}" if self.field else f"{place}: {self.reason}"


class ImportRefused(Exception):
    """Nothing was imported. `faults` are the first 20 of `total`."""

    def __init__(self, faults: Sequence[Fault], *, total: int | None = None) -> None:
        assert faults, "a refusal says why"
        self.faults = tuple(faults[:FAULTS_KEPT])
        self.total = max(len(faults), total or 0)
        super().__init__(self._words())

    def _words(self) -> str:
        count = "1 fault" if self.total == 1 else f"{self.total} faults"
        lines = [f"Nothing was imported: {count}.", *(f"  {fault}" for fault in self.faults)]
        if hidden := self.total - len(self.faults):
            lines.append(f"  … and {hidden} more. Correct these first, then import again.")
        return "\n".join(lines)
