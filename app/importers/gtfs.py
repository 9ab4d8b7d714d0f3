"""A GTFS feed becomes an issuer for each agency, with stations, routes and rides at the feed's own fares.

A thin reader of our own, not gtfs-kit: that library brings pandas and geopandas, loads every table whole and says
neither file nor row when a feed is wrong. We need eight tables, streamed, and faults a timetable office can act on.

Stations: a stop that trips call at stands for its parent station where it has one (GTFS stops.txt, parent_station),
so platforms and bus bays fold together; a station none of whose platforms is called at is left out.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.domain.catalogue import (
    CatalogueDraft,
    IssuerCatalogue,
    IssuerDraft,
    PriceDraft,
    ProductDraft,
    Report,
    RouteDraft,
    StopDraft,
    Text,
)
from app.domain.entry_rules import EntryRules
from app.importers import fares as gtfs_fares
from app.importers import gtfs_tables
from app.importers.feed import LIMITS, Feed, Limits, Meter, open_feed
from app.importers.gtfs_tables import Agency, Fare, Route, Rules, Stop, Tables
from app.importers.reading import Faults, Notes, Progress, no_progress, slugify

REQUIRED_FILES = ("agency.txt", "stops.txt", "routes.txt", "trips.txt", "stop_times.txt", "fare_attributes.txt")
OPTIONAL_FILES = ("fare_rules.txt", "translations.txt")
FARES_V2_FILE = "fare_products.txt"
CARNET_RIDES_MIN, CARNET_RIDES_MAX = 2, 100
PERCENT = 100
VALID_DAYS = 180
BOOKING_LIMIT = 10
PASS_BACK_SECONDS = 300
"""A feed says nothing of gates: a ride is not handed back over the barrier to the next rider."""

Patterns = Mapping[str, Counter[tuple[str, ...]]]
Translations = Mapping[tuple[str, str, str, str], dict[str, str]]


@dataclass(frozen=True, slots=True)
class _Read:
    """The whole feed as records, every reference in it checked."""

    agencies: dict[str, Agency]
    stops: dict[str, Stop]
    routes: dict[str, Route]
    fares: dict[str, Fare]
    rules: Rules
    patterns: Patterns
    translations: Translations


@dataclass(frozen=True, slots=True)
class _Offer:
    """What the caller sells beside the single ride."""

    carnet: int | None
    discount_percent: int
    valid_days: int


def read_gtfs(
    path: Path,
    *,
    carnet: int | None = None,
    discount_percent: int | None = None,
    valid_days: int = VALID_DAYS,
    limits: Limits = LIMITS,
    progress: Progress = no_progress,
) -> tuple[CatalogueDraft, Report]:
    """Read the zip file or folder at `path`. `carnet` adds a product of that many rides, `discount_percent` cheaper.

    GTFS does not say how long a ticket is good for: `valid_days` from the sale. Raises ImportRefused with the faults
    of the feed, and ValueError for a carnet or discount that cannot be.
    """
    offer = _offer(carnet, discount_percent, valid_days)
    faults, notes = Faults(), Notes()
    with open_feed(path, limits) as feed:
        _check_files(path.name, feed, faults)
        total = sum(feed.sizes[file] for file in (*REQUIRED_FILES, *OPTIONAL_FILES) if file in feed)
        read = _read(Tables(feed, faults, notes, Meter(progress, total)))
    issuers = _issuers(read, offer, faults, notes)
    faults.raise_any()
    return CatalogueDraft(issuers), Report(notes.all())


def _offer(carnet: int | None, discount_percent: int | None, valid_days: int) -> _Offer:
    if carnet is not None and not CARNET_RIDES_MIN <= carnet <= CARNET_RIDES_MAX:
        raise ValueError(f"a carnet has {CARNET_RIDES_MIN} to {CARNET_RIDES_MAX} rides, not {carnet}")
    if discount_percent is not None and carnet is None:
        raise ValueError("a discount is given on a carnet; say how many rides it has")
    if discount_percent is not None and not 0 <= discount_percent < PERCENT:
        raise ValueError(f"a discount is 0 to 99 percent, not {discount_percent}")
    if valid_days < 1:
        raise ValueError(f"a ride is valid for at least 1 day, not {valid_days}")
    return _Offer(carnet, discount_percent or 0, valid_days)


def _check_files(name: str, feed: Feed, faults: Faults) -> None:
    for file in REQUIRED_FILES:
        if file in feed:
            continue
        reason = "is missing; a GTFS feed has it"
        if file == "fare_attributes.txt":
            reason = "is missing; without fares nothing can be sold, so add it (GTFS fares version 1)"
            if FARES_V2_FILE in feed:
                reason = f"is missing; {FARES_V2_FILE} (fares version 2) is not read, so export fares version 1 too"
        faults.add(f"{name}/{file}", reason)
    faults.raise_any()


def _read(tables: Tables) -> _Read:
    """In the order in which tables refer to each other; an id that names nothing is a fault, so no later step asks."""
    agencies = gtfs_tables.agencies(tables)
    stops = gtfs_tables.stops(tables)
    routes = gtfs_tables.routes(tables, agencies)
    fares = gtfs_tables.fares(tables, agencies)
    tables.faults.raise_any()  # else one bad stop would be told again for each of its thousand calls
    rules = gtfs_tables.rules(tables, fares, routes)
    trips = gtfs_tables.trips(tables, routes)
    tables.faults.raise_any()
    patterns = gtfs_tables.calls(tables, trips, stops)
    translations = gtfs_tables.translations(tables)
    tables.faults.raise_any()
    return _Read(agencies, stops, routes, fares, rules, patterns, translations)


def _issuers(read: _Read, offer: _Offer, faults: Faults, notes: Notes) -> tuple[IssuerCatalogue, ...]:
    called = {stop for patterns in read.patterns.values() for pattern in patterns for stop in pattern}
    uncalled = sum(stop.kind == gtfs_tables.PLATFORM and stop.id not in called for stop in read.stops.values())
    if uncalled:
        notes.add(f"stops where no trip calls were left out: {uncalled}")
    stations = _fold(read.stops, called, notes)
    issuers = []
    for agency in read.agencies.values():
        issuer = _issuer(agency, read, stations, offer=offer, faults=faults, notes=notes)
        if issuer is not None:
            issuers.append(issuer)
    slugs = Counter(issuer.issuer.slug for issuer in issuers)
    for slug in (slug for slug, count in slugs.items() if count > 1):
        faults.add("agency.txt", f'two agencies would both be "{slug}"; give them different names', field="agency_name")
    if not issuers and not faults.total:
        faults.add("trips.txt", "no agency has both a trip and a fare; nothing could be sold")
    return tuple(issuers)


def _fold(stops: Mapping[str, Stop], called: Iterable[str], notes: Notes) -> dict[str, tuple[str, str | None]]:
    """Called stop -> (station code, zone). Platforms whose zones differ stay apart: folding would misprice one."""
    parents: dict[str, list[Stop]] = {}
    for stop in (stops[stop_id] for stop_id in called):
        above = stop
        while above.parent:  # a boarding area lies on a platform, which may lie in a station: two steps at most
            above = stops[above.parent]
        parents.setdefault(above.id, []).append(stop)
    folded: dict[str, tuple[str, str | None]] = {}
    for station, platforms in parents.items():
        # GTFS stops.txt: the zone_id of a station itself is ignored; a boarding area has its platform's.
        zones = {zone for stop in platforms if (zone := stop.zone or _platform_zone(stop, stops))}
        if len(zones) > 1:
            notes.add(f"the platforms of {stops[station].name} lie in several zones and are kept apart")
        for stop in platforms:
            zone = stop.zone or _platform_zone(stop, stops)
            folded[stop.id] = (stop.id, zone or None) if len(zones) > 1 else (station, next(iter(zones), None))
    return folded


def _platform_zone(stop: Stop, stops: Mapping[str, Stop]) -> str:
    return stops[stop.parent].zone if stop.kind == gtfs_tables.BOARDING_AREA else ""


def _issuer(
    agency: Agency,
    read: _Read,
    stations: Mapping[str, tuple[str, str | None]],
    *,
    offer: _Offer,
    faults: Faults,
    notes: Notes,
) -> IssuerCatalogue | None:
    fares = [fare for fare in read.fares.values() if fare.agency == agency.id]
    routes = [route for route in read.routes.values() if route.agency == agency.id and route.id in read.patterns]
    currencies = sorted({fare.amount.currency for fare in fares})
    if not fares or not routes:
        notes.add(f"{agency.name} has no {'fare' if routes else 'trip'} in this feed and was left out")
        return None
    if len(currencies) > 1:
        faults.add("fare_attributes.txt", f"fares are in {' and '.join(currencies)}; an issuer sells in one currency")
        return None
    language = _language(agency, notes)
    name = _words(read, "agency.agency_name", key=agency.id, words=agency.name, language=language)
    network, zone_of = _network(read.patterns, routes, stations, language)
    single = gtfs_fares.prices(fares, read.rules, network, notes)
    gtfs_fares.note_gaps(single, network, notes)
    return IssuerCatalogue(
        issuer=IssuerDraft(
            slug=_slug(agency, name.get("en", "")),
            name=name,
            timezone=agency.timezone,
            currency=currencies[0],
            language=language,
            url=agency.url or None,
            phone=agency.phone or None,
        ),
        stops=tuple(_stop(read, read.stops[code], zone_of[code], language) for code in read.stops if code in zone_of),
        routes=tuple(_route(read, route, stations, language) for route in routes),
        products=_products(single, offer, (language,)) if single else (),
    )


def _network(
    patterns: Patterns, routes: Sequence[Route], stations: Mapping[str, tuple[str, str | None]], language: str
) -> tuple[gtfs_fares.Network, dict[str, str | None]]:
    """What the fares of these routes are about, and the zone of each of their stations."""
    calls = {route.id: [[stations[stop] for stop in pattern] for pattern in patterns[route.id]] for route in routes}
    zone_of = {code: zone for runs in calls.values() for run in runs for code, zone in run}
    network = gtfs_fares.Network(
        routes={route.id: route.named(route.long) for route in routes},
        zones=frozenset(zone for zone in zone_of.values() if zone),
        journeys={route: [tuple(zone for _, zone in run) for run in runs] for route, runs in calls.items()},
        languages=(language,),
    )
    return network, zone_of


def _slug(agency: Agency, english: str) -> str:
    """From the name, because agency_id is often "1": two operators must never share a slug, nor one change it.

    A name that has other than Latin letters gives its English translation, or the id with a digest of the name.
    """
    for name in (agency.name, english):
        letters = [letter for letter in unicodedata.normalize("NFKD", name) if letter.isalnum()]
        if letters and all(letter.isascii() for letter in letters):
            return slugify(name)
    digest = hashlib.sha256(agency.name.encode()).hexdigest()[:8]
    return slugify(f"{slugify(agency.id)[:32]} {digest}")


def _language(agency: Agency, notes: Notes) -> str:
    """The primary subtag: en for en-US. GTFS makes agency_lang optional."""
    language = agency.language.partition("-")[0].lower()
    if language.isascii() and language.isalpha() and len(language) in (2, 3):
        return language
    notes.add(f"{agency.name} names no language (agency_lang); its names are taken for English")
    return "en"


def _words(read: _Read, column: str, *, key: str, words: str, language: str) -> Text:
    """The words of one column, such as stops.stop_name, with their translations: those for the record outrank."""
    table, _, field = column.partition(".")
    by_value = read.translations.get((table, field, "value", words), {})
    by_id = read.translations.get((table, field, "id", key), {})
    return {language: words} | by_value | by_id


def _stop(read: _Read, stop: Stop, zone: str | None, language: str) -> StopDraft:
    name = _words(read, "stops.stop_name", key=stop.id, words=stop.name or stop.id, language=language)
    return StopDraft(stop.id, name, zone, stop.lat, stop.lon)


def _route(read: _Read, route: Route, stations: Mapping[str, tuple[str, str | None]], language: str) -> RouteDraft:
    patterns: Counter[tuple[str, ...]] = Counter()
    for pattern, trips in read.patterns[route.id].items():
        codes = [stations[stop][0] for stop in pattern]
        # Two platforms of one station in a row are one call.
        patterns[tuple(code for place, code in enumerate(codes) if place == 0 or codes[place - 1] != code)] += trips
    ordered = tuple(pattern for pattern, _ in patterns.most_common())
    longs = _words(read, "routes.route_long_name", key=route.id, words=route.long, language=language)
    return RouteDraft(route.id, {spoken: route.named(long) for spoken, long in longs.items()}, ordered)


def _products(single: tuple[PriceDraft, ...], offer: _Offer, languages: tuple[str, ...]) -> tuple[ProductDraft, ...]:
    one = _ride(
        "one-way",
        uses=1,
        titles=("편도 승차권", "One-way ticket"),
        prices=single,
        days=offer.valid_days,
        languages=languages,
    )
    if offer.carnet is None:
        return (one,)
    rides = offer.carnet
    several = _ride(
        f"carnet-{rides}",
        uses=rides,
        titles=(f"{rides}회 승차권", f"{rides}-ride ticket"),
        prices=gtfs_fares.carnet(single, rides=rides, discount_percent=offer.discount_percent),
        days=offer.valid_days,
        languages=languages,
    )
    return (one, several)


def _ride(
    slug: str,
    *,
    uses: int,
    titles: tuple[str, str],
    prices: tuple[PriceDraft, ...],
    days: int,
    languages: tuple[str, ...],
) -> ProductDraft:
    return ProductDraft(
        slug=slug,
        kind="ride",
        title=gtfs_fares.words(*titles, languages),
        description=gtfs_fares.words(
            f"구입한 날부터 {days}일 동안 {uses}회 탈 수 있습니다.",
            f"Good for {uses} {'ride' if uses == 1 else 'rides'} within {days} days of purchase.",
            languages,
        ),
        venue=None,
        uses=uses,
        face_value=None,
        valid_days=days,
        booking_limit=BOOKING_LIMIT,
        buyer_limit=None,
        transfer="free",
        refund="until_used",
        prices=prices,
        occasions=(),
        entry=EntryRules(pass_back_seconds=PASS_BACK_SECONDS),
    )
