"""The products of a catalogue file: what is sold, at which prices, on which occasions, and what of it cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, cast, get_args
from zoneinfo import ZoneInfo

from app.domain.catalogue import (
    OccasionDraft,
    PriceDraft,
    ProductDraft,
    ProductKind,
    Refund,
    Transfer,
)
from app.domain.money import Money
from app.importers.entry import check_entry, read_amount, read_entrance, read_entry, read_transfer_until, read_uses
from app.importers.moments import BadMomentError, beside, is_relative, moment
from app.importers.reading import COLOUR, Notes, did_you_mean
from app.importers.yaml_nodes import WHOLE, Block

INHERITED_KEYS = "venue seating capacity ends doors admits_from admits_until sales_from sales_until"
"""What is written at a product holds for each of its occasions that does not say otherwise."""
OCCASION_KEYS = f"slug starts prices {INHERITED_KEYS}"
PRODUCT_KEYS = (
    "slug kind title description uses face_value valid_days booking_limit buyer_limit transfer transfer_until refund"
    f" entry prices occasions {INHERITED_KEYS}"
)
PRICE_KEYS = "category name amount colour entrance origin_zone destination_zone route"
RIDE_PRICE_KEYS = ("origin_zone", "destination_zone", "route")
DESCRIPTION_CHARS_MAX = 4_000
DAYS_MAX = 3_660
BOOKING_LIMIT, BOOKING_LIMIT_MAX = 10, 100
BUYER_LIMIT_MAX = 10_000
CAPACITY_MAX = 100_000

TimeKey = Literal["ends", "doors", "admits_from", "admits_until", "sales_from", "sales_until"]
TIME_KEYS: tuple[TimeKey, ...] = get_args(TimeKey)
ORDERED: tuple[tuple[str, str], ...] = (
    ("doors", "starts"),
    ("starts", "ends"),
    ("admits_from", "admits_until"),
    ("sales_from", "sales_until"),
)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a product may refer to: its issuer's words, times, venues, plans (with their categories), zones, routes.

    None stands for names that could not be read, so that no reference to them is judged.
    """

    language: str
    currency: str
    timezone: ZoneInfo
    today: date
    venues: frozenset[str] | None
    plan_slugs: frozenset[str]
    categories: Mapping[str, Mapping[str, None]]
    zones: frozenset[str] | None
    routes: frozenset[str] | None
    notes: Notes


def read_product(block: Block, setting: Setting) -> ProductDraft:
    before = block.faults.total
    kind = cast("ProductKind", block.choice("kind", get_args(ProductKind)))
    prices = _prices(block, kind, setting)
    occasions = _occasions(block, kind, prices, setting)
    refund = cast("Refund", block.choice("refund", get_args(Refund), default="never"))
    draft = ProductDraft(
        slug=block.slug(),
        kind=kind,
        title=block.words("title", language=setting.language),
        description=block.words("description", language=setting.language, chars_max=DESCRIPTION_CHARS_MAX, lines=True),
        venue=_reference(block, "venue", setting.venues, "venues"),
        uses=read_uses(block),
        face_value=read_amount(block, "face_value", setting.currency) if block.has("face_value") else None,
        valid_days=block.count("valid_days", default=None, most=DAYS_MAX),
        booking_limit=block.count("booking_limit", default=BOOKING_LIMIT, most=BOOKING_LIMIT_MAX) or BOOKING_LIMIT,
        buyer_limit=block.count("buyer_limit", default=None, most=BUYER_LIMIT_MAX),
        transfer=cast("Transfer", block.choice("transfer", get_args(Transfer), default="free")),
        refund=refund,
        prices=prices,
        occasions=occasions,
        transfer_minutes_before=read_transfer_until(block),
        entry=read_entry(block, currency=setting.currency),
    )
    if block.faults.total == before:
        _check(block, draft)
    return draft


def _check(block: Block, draft: ProductDraft) -> None:
    """What only shows when the whole product is read, and means something only when all of it was right."""
    if draft.kind == "voucher":
        if draft.face_value is None:
            block.fault("face_value", "is missing; write what the voucher is worth, such as 50000")
        elif draft.face_value.amount == 0:
            block.fault("face_value", "is zero; a voucher is worth something")
        for key in (key for key in ("occasions", "uses") if block.has(key)):
            block.fault(key, "is not for vouchers, which are spent from their face_value at any time")
    elif draft.face_value is not None:
        block.fault("face_value", "is for vouchers; an admission or a ride has uses")
    if not draft.prices and not (draft.occasions and all(occasion.prices for occasion in draft.occasions)):
        block.fault("prices", "is missing; every occasion needs prices, of its own or of its product")
    _check_dates(block, draft)
    check_entry(block, draft)


def _check_dates(block: Block, draft: ProductDraft) -> None:
    undated = not draft.occasions or any(occasion.starts_at is None for occasion in draft.occasions)
    if undated and draft.valid_days is None:
        block.fault("valid_days", "is missing; without a dated occasion say how many days a ticket is good for")
    if undated and draft.refund == "until_start":
        block.fault("refund", "until_start needs occasions with a start; write until_used or never")
    if not draft.occasions:
        for key in (key for key in INHERITED_KEYS.split() if key != "venue" and block.has(key)):
            block.fault(key, "holds for occasions, and this product has none")


# --- prices ---------------------------------------------------------------------------------------------------------


def _prices(block: Block, kind: ProductKind, setting: Setting) -> tuple[PriceDraft, ...]:
    drafts: dict[tuple[str | None, ...], PriceDraft] = {}
    for price in block.blocks("prices", PRICE_KEYS):
        if kind != "ride":
            for key in (key for key in RIDE_PRICE_KEYS if price.has(key)):
                price.fault(key, "is for rides only; leave it out")
        if kind == "voucher" and price.has("entrance"):
            price.fault("entrance", "is not for vouchers, which let nobody in; leave it out")
        colour = price.optional_text("colour")
        if colour and not COLOUR.fullmatch(colour):
            price.fault("colour", f'"{colour[:40]}" is not a colour; write one such as "#8e2a4b", in quotes')
        draft = PriceDraft(
            category=price.code("category"),
            name=price.words("name", language=setting.language),
            amount=read_amount(price, "amount", setting.currency) or Money(0, setting.currency),
            colour=colour,
            entrance=read_entrance(price),
            origin_zone=_reference(price, "origin_zone", setting.zones, "zones of the stops"),
            destination_zone=_reference(price, "destination_zone", setting.zones, "zones of the stops"),
            route=_reference(price, "route", setting.routes, "routes"),
        )
        key_of = (draft.category, draft.origin_zone, draft.destination_zone, draft.route)
        if key_of in drafts:
            price.fault("category", f'"{draft.category}" has a price already, for the same journey or place')
        drafts[key_of] = draft
    return tuple(drafts.values())


def _reference(block: Block, key: str, known: frozenset[str] | None, where: str) -> str | None:
    value = block.optional_text(key)
    if value is not None and known is not None and value not in known:
        block.fault(key, f'"{value[:40]}" is not among the {where}{did_you_mean(value, sorted(known))}')
    return value


# --- occasions ------------------------------------------------------------------------------------------------------


def _occasions(
    product: Block, kind: ProductKind, prices: tuple[PriceDraft, ...], setting: Setting
) -> tuple[OccasionDraft, ...]:
    found: dict[str, OccasionDraft] = {}
    used: set[str] = set()
    for block in product.blocks("occasions", OCCASION_KEYS):
        draft = _occasion(block, product, kind, setting)
        if draft.slug and draft.slug in found:
            block.fault("slug", f'"{draft.slug}" is another occasion already; each needs its own slug or start')
        found[draft.slug] = draft
        offered = {price.category for price in draft.prices or prices}
        used |= _check_places(block, kind, draft, offered, setting)
    if found and kind == "admission":
        for category in (price.category for price in prices if price.category not in used):
            if not product.faults.total:
                product.fault("prices", f'"{category}" is a category of no occasion\'s places')
    return tuple(found.values())


def _occasion(block: Block, product: Block, kind: ProductKind, setting: Setting) -> OccasionDraft:
    starts = _start(block, setting)
    times: dict[str, datetime | None] = {"starts": starts}
    for key in TIME_KEYS:
        source = _inherited(block, product, key)
        # After a wrong start there is nothing to count from, and saying so for every time would hide the cause.
        skip = starts is None and block.has("starts")
        times[key] = None if skip or not source.has(key) else _time(source, key, starts, setting)
    for early, late in ORDERED:
        before, after = times[early], times[late]
        if before is not None and after is not None and before > after:
            block.fault(late if block.has(late) else early, f"{early} is later than {late}")
    seating = _inherited(block, product, "seating")
    return OccasionDraft(
        slug=_slug(block, starts, setting),
        starts_at=starts,
        ends_at=times["ends"],
        doors_at=times["doors"],
        admits_from=times["admits_from"],
        admits_until=times["admits_until"],
        sales_from=times["sales_from"],
        sales_until=times["sales_until"],
        venue=_reference(_inherited(block, product, "venue"), "venue", setting.venues, "venues"),
        seating=_reference(seating, "seating", setting.plan_slugs, "seating plans"),
        capacity=_capacity(_inherited(block, product, "capacity")),
        prices=_prices(block, kind, setting),
    )


def _inherited(block: Block, product: Block, key: str) -> Block:
    """Where the occasion's `key` stands: at itself, or else at its product."""
    return block if key in block.lines else product


def _start(block: Block, setting: Setting) -> datetime | None:
    if not block.has("starts"):
        return None
    try:
        return moment(block.text("starts"), today=setting.today, timezone=setting.timezone)
    except BadMomentError as why:
        block.fault("starts", str(why))
        return None


def _time(block: Block, key: TimeKey, starts: datetime | None, setting: Setting) -> datetime | None:
    try:
        return beside(block.text(key), start=starts, today=setting.today, timezone=setting.timezone)
    except BadMomentError as why:
        block.fault(key, str(why))
        return None


def _slug(block: Block, starts: datetime | None, setting: Setting) -> str:
    """As written, or else the local start, such as 20261224-1930.

    A relative start takes no written slug: tomorrow's import would then move an occasion that people hold tickets
    for. Its slug follows the date it means today, so a second import today updates it and tomorrow's adds another.
    """
    if block.has("slug"):
        if block.has("starts") and is_relative(block.text("starts")):
            block.fault("slug", "leave it out: an occasion with a relative start is named by the date it means today")
        return block.slug()
    if starts is not None:
        return f"{starts.astimezone(setting.timezone):%Y%m%d-%H%M}"
    if not block.has("starts"):
        block.fault("slug", "is missing; an occasion without a start needs one")
    return ""


def _capacity(block: Block) -> dict[str, int]:
    node = block.values.get("capacity")
    if node is None:
        return {}
    places = Block.of(block.file, block.faults, f"{block.at}.capacity", node=node)
    found: dict[str, int] = {}
    for category in places.values:
        text = places.scalar(category, "a number of places")
        if text is None:
            continue
        if not WHOLE.fullmatch(text) or not 1 <= int(text) <= CAPACITY_MAX:
            places.fault(category, f'"{text[:40]}" is not a number of places between 1 and {CAPACITY_MAX:,}')
            continue
        found[category] = int(text)
    return found


def _check_places(
    block: Block, kind: ProductKind, draft: OccasionDraft, offered: Iterable[str], setting: Setting
) -> set[str]:
    """Every counted place needs a price, and every price of an occasion places; answers the categories it has."""
    offered = set(offered)
    planned = setting.categories.get(draft.seating or "", {})
    places = {*planned, *draft.capacity}
    for category in (category for category in draft.capacity if category not in offered):
        block.fault("capacity", f'"{category}" has places and no price{did_you_mean(category, sorted(offered))}')
    for category in (category for category in draft.capacity if category in planned):
        block.fault("capacity", f'"{category}" is a category of the seating plan already; give these places another')
    for category in (category for category in planned if category not in offered):
        setting.notes.add(
            f'the plan "{draft.seating}" has places of category "{category}", which {block.at} does not sell'
        )
    readable = draft.seating is None or draft.seating in setting.categories
    if kind == "admission" and readable and not places and not block.has("capacity"):
        block.fault("", "has no places; name a seating plan or write a capacity")
    if readable and places:
        for category in (price.category for price in draft.prices if price.category not in places):
            block.fault("prices", f'"{category}" has a price and no places{did_you_mean(category, sorted(places))}')
    return places
