"""A catalogue file: issuers with their venues, seating plans, stops and products, in YAML read strictly.

docs/reference/catalogue-file.md describes every key. A fault carries its line; all are gathered, nothing is guessed,
and a second import of the same file on the same day updates what the first one made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from app.domain.catalogue import (
    CatalogueDraft,
    ImportRefused,
    IssuerCatalogue,
    IssuerDraft,
    Report,
    RouteDraft,
    SeatingDraft,
    StopDraft,
    VenueDraft,
)
from app.domain.money import UnknownCurrency, exponent
from app.importers.products import PRODUCT_KEYS, Setting, read_product
from app.importers.reading import CODE_CHARS_MAX, Faults, Notes, Progress, is_timezone, no_progress, read_bytes, unfit
from app.importers.seating import read_seating
from app.importers.yaml_nodes import LANGUAGE, Block, compose

CATALOGUE_BYTES_MAX = 1_000_000
VERSION = "1"
TOP_KEYS = "catalogue issuers"
ISSUER_KEYS = "slug name timezone currency language url phone venues seating stops routes products"
VENUE_KEYS = "slug name address"
SEATING_KEYS = "slug file"
STOP_KEYS = "code name zone lat lon"
ROUTE_KEYS = "code name patterns"
ADDRESS_CHARS_MAX = 400
URL = re.compile(r"https?://[^\s/]+(?:/\S*)?")
PHONE = re.compile(r"\+?[0-9][0-9 ()-]{1,24}")
DEGREES = re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]{1,15})?")
FALLBACK_TIMEZONE, FALLBACK_CURRENCY = "UTC", "KRW"
"""Stand in after a fault, so that the rest of the file is read for its own; such a draft is never handed out."""


def read_catalogue(path: Path, *, now: datetime, progress: Progress = no_progress) -> tuple[CatalogueDraft, Report]:
    """Read the YAML file at `path` and the seating plans it names, which lie in its folder or below.

    `now` is aware; it decides the import day of relative dates, in each issuer's own timezone. Raises ImportRefused.
    """
    faults, notes = Faults(), Notes()
    node = compose(path.name, read_bytes(path, bytes_max=CATALOGUE_BYTES_MAX))
    top = Block.of(path.name, faults, "", node=node, keys=TOP_KEYS)
    if top.values and top.text("catalogue", wanted=f"{VERSION}, the version of this format") not in ("", VERSION):
        top.fault("catalogue", f"is a version we do not read; this program reads {VERSION}")
    blocks = list(top.blocks("issuers", ISSUER_KEYS))
    if not blocks and not faults.total:
        top.fault("issuers", "is missing; a catalogue has at least one issuer")
    reader = _Reader(path, now, faults, notes, _Steps(progress, blocks))
    issuers = tuple(reader.issuer(block) for block in blocks)
    _refuse_repeats("issuer", blocks, [issuer.issuer.slug for issuer in issuers])
    faults.raise_any()
    return CatalogueDraft(issuers), Report(notes.all())


class _Steps:
    """Progress in products and plans: the pieces that take time."""

    def __init__(self, progress: Progress, blocks: Iterable[Block]) -> None:
        self._progress = progress
        self._done = 0
        self._total = sum(1 for block in blocks for key in ("seating", "products") for _ in block.items(key))

    def step(self, what: str) -> None:
        self._done += 1
        self._progress(self._done, self._total, what)


@dataclass(slots=True)
class _Reader:
    path: Path
    now: datetime
    faults: Faults
    notes: Notes
    steps: _Steps
    plans: dict[Path, SeatingDraft] = field(default_factory=dict)

    def issuer(self, block: Block) -> IssuerCatalogue:
        draft = _issuer(block)
        before = self.faults.total
        venue_blocks = list(block.blocks("venues", VENUE_KEYS))
        venues = tuple(_venue(venue, draft.language) for venue in venue_blocks)
        _refuse_repeats("venue", venue_blocks, [venue.slug for venue in venues])
        stop_blocks = list(block.blocks("stops", STOP_KEYS))
        stops = tuple(_stop(stop, draft.language) for stop in stop_blocks)
        _refuse_repeats("stop", stop_blocks, [stop.code for stop in stops], key="code")
        route_blocks = list(block.blocks("routes", ROUTE_KEYS))
        routes = tuple(_route(route, draft.language, {stop.code for stop in stops}) for route in route_blocks)
        _refuse_repeats("route", route_blocks, [route.code for route in routes], key="code")
        # After a fault among these, a product's reference to one of them may be right: then it is not checked.
        sound = self.faults.total == before
        seating_blocks = list(block.blocks("seating", SEATING_KEYS))
        seatings = [self._seating(seating) for seating in seating_blocks]
        _refuse_repeats("seating plan", seating_blocks, [seating.slug for seating in seatings if seating])
        plans = tuple(seating for seating in seatings if seating)
        timezone = ZoneInfo(draft.timezone)
        setting = Setting(
            language=draft.language,
            currency=draft.currency,
            timezone=timezone,
            today=self.now.astimezone(timezone).date(),
            venues=frozenset(venue.slug for venue in venues) if sound else None,
            plan_slugs=frozenset(seating.values["slug"].value for seating in seating_blocks if seating.has("slug")),
            categories={plan.slug: {place.category: None for place in plan.places} for plan in plans},
            zones=frozenset(stop.zone for stop in stops if stop.zone) if sound else None,
            routes=frozenset(route.code for route in routes) if sound else None,
            notes=self.notes,
        )
        product_blocks = list(block.blocks("products", PRODUCT_KEYS))
        products = []
        for product in product_blocks:
            products.append(read_product(product, setting))
            self.steps.step(products[-1].slug)
        _refuse_repeats("product", product_blocks, [product.slug for product in products])
        return IssuerCatalogue(draft, venues, plans, stops, routes, tuple(products))

    def _seating(self, block: Block) -> SeatingDraft | None:
        """The plan in the file that the block names, below the catalogue's own folder; None after a fault."""
        slug, name = block.slug(), block.text("file", wanted="the name of a plan's file")
        self.steps.step(name)
        if not slug or not name or unfit(name):
            return None
        folder = self.path.parent.resolve()
        try:
            path = (folder / name).resolve()
        except (OSError, RuntimeError):  # a loop of links
            block.fault("file", "cannot be found; check the name")
            return None
        if not path.is_relative_to(folder):
            block.fault("file", "lies outside the catalogue's folder; put the plan beside the catalogue")
            return None
        try:
            plan, report = read_seating(path, slug=slug)
        except ImportRefused as refused:
            self.faults.extend(refused)
            return None
        for note in report.notes:
            self.notes.add(f"{name}: {note}")
        return plan


def _refuse_repeats(what: str, blocks: list[Block], slugs: list[str], *, key: str = "slug") -> None:
    seen: set[str] = set()
    if len(blocks) != len(slugs):
        return  # one of them is at fault already
    for block, slug in zip(blocks, slugs, strict=True):
        if slug and slug in seen:
            block.fault(key, f'"{slug}" is another {what} already; each needs its own {key}')
        seen.add(slug)


def _issuer(block: Block) -> IssuerDraft:
    language = block.text("language", wanted="the issuer's language, such as ko")
    if language and not LANGUAGE.fullmatch(language):
        block.fault("language", f'"{language[:40]}" is not a language; write one such as ko or en')
        language = ""
    timezone = block.text("timezone", wanted="an IANA time zone such as Asia/Seoul")
    if timezone and not is_timezone(timezone):
        block.fault("timezone", f'"{timezone[:40]}" is not an IANA time zone; write one such as Asia/Seoul')
        timezone = ""
    currency = block.text("currency", wanted="an ISO 4217 currency such as KRW")
    if currency:
        try:
            exponent(currency)
        except UnknownCurrency as why:
            block.fault("currency", str(why))
            currency = ""
    url, phone = block.optional_text("url"), block.optional_text("phone")
    if url and not URL.fullmatch(url):
        block.fault("url", "is not a web address; begin with https://")
    if phone and not PHONE.fullmatch(phone):
        block.fault("phone", "is not a telephone number; write digits, hyphens and a leading + only")
    return IssuerDraft(
        slug=block.slug(),
        name=block.words("name", language=language),
        timezone=timezone or FALLBACK_TIMEZONE,
        currency=currency or FALLBACK_CURRENCY,
        language=language,
        url=url,
        phone=phone,
    )


def _venue(block: Block, language: str) -> VenueDraft:
    address = block.words("address", language=language, chars_max=ADDRESS_CHARS_MAX)
    return VenueDraft(block.slug(), block.words("name", language=language), address)


def _stop(block: Block, language: str) -> StopDraft:
    return StopDraft(
        code=block.code("code"),
        name=block.words("name", language=language),
        zone=block.optional_text("zone", chars_max=CODE_CHARS_MAX),
        lat=_degrees(block, "lat", 90),
        lon=_degrees(block, "lon", 180),
    )


def _degrees(block: Block, key: str, limit: int) -> float:
    text = block.text(key, wanted="degrees such as 33.4996")
    if text and (not DEGREES.fullmatch(text) or abs(float(text)) > limit):
        block.fault(key, f'"{text[:40]}" is not a number of degrees between -{limit} and {limit}')
        return 0.0
    return float(text) if text else 0.0


def _route(block: Block, language: str, stops: set[str]) -> RouteDraft:
    if not block.has("patterns"):
        block.fault("patterns", "is missing; list the stops in the order in which the route calls at them")
    patterns = []
    for at, codes in block.codes("patterns"):
        for code in (code for code in codes if code not in stops):
            block.fault("patterns", f'"{code[:40]}" is not the code of a stop ({at})')
        if len(codes) < 2:  # noqa: PLR2004 - a ride has a from and a to
            block.fault("patterns", f"a route calls at two stops or more ({at})")
        patterns.append(codes)
    return RouteDraft(block.code("code"), block.words("name", language=language), tuple(dict.fromkeys(patterns)))
