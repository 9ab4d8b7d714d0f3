"""The GTFS tables we read, each into plain records: agencies, stops, routes, fares, the stations of every trip.

Field names and rules are those of the GTFS Schedule reference. Every id that another table names is checked here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from app.domain.money import Money, UnknownCurrency, exponent, parse_amount
from app.importers.feed import Feed, Meter, Row, read_rows
from app.importers.reading import CODE_CHARS_MAX, Faults, Notes, is_timezone, unfit

PLATFORM, STATION, ENTRANCE, NODE, BOARDING_AREA = "0", "1", "2", "3", "4"
LOCATION_TYPES = (PLATFORM, STATION, ENTRANCE, NODE, BOARDING_AREA)
DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,3}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})")
COUNT = re.compile(r"[0-9]{1,9}")
TRANSFERS = ("", "0", "1", "2")
FARE_MINOR_UNITS_MAX = 10**9


@dataclass(frozen=True, slots=True)
class Agency:
    id: str
    name: str
    url: str
    timezone: str
    language: str
    phone: str


@dataclass(frozen=True, slots=True)
class Stop:
    id: str
    name: str
    zone: str
    lat: float
    lon: float
    kind: str
    parent: str
    line: int


@dataclass(frozen=True, slots=True)
class Route:
    """`short` is the number on the bus, `long` where it goes; a feed has either or both."""

    id: str
    agency: str
    short: str
    long: str

    def named(self, long: str) -> str:
        """As riders call it, with `long` in their language."""
        if not self.short or self.short in long:
            return long or self.id
        return f"{self.short} {long}".strip()


@dataclass(frozen=True, slots=True)
class Fare:
    """`transfers` None is unlimited; `duration_seconds` is how long transferring is allowed."""

    id: str
    agency: str
    amount: Money
    transfers: int | None
    duration_seconds: int | None


@dataclass(frozen=True, slots=True)
class Rule:
    """Where a fare holds; "" means anywhere."""

    route: str
    origin: str
    destination: str


@dataclass(slots=True)
class Rules:
    """The rules of each fare, and how many of its rows name zones to pass through, which we do not understand."""

    by_fare: dict[str, dict[Rule, None]] = field(default_factory=dict)
    contains: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Tables:
    """One feed being read, and where what is wrong with it goes."""

    feed: Feed
    faults: Faults
    notes: Notes
    meter: Meter

    def rows(self, file: str, required: str, optional: str = "") -> Iterable[Row]:
        return read_rows(
            self.feed,
            file,
            required=tuple(required.split()),
            optional=tuple(optional.split()),
            faults=self.faults,
            meter=self.meter,
        )

    def named(self, file: str, row: Row, column: str) -> str | None:
        """The id in `column`, which must be there and fit; None and a fault otherwise."""
        value = row[column]
        if reason := unfit(value, chars_max=CODE_CHARS_MAX):
            self.faults.add(file, reason, row=row.line, field=column)
            return None
        return value

    def fresh(self, file: str, row: Row, column: str, seen: set[str]) -> str | None:
        """A new id: also a fault when an earlier row has it."""
        value = self.named(file, row, column)
        if value is None:
            return None
        if value in seen:
            self.faults.add(file, f'"{value}" is on an earlier row too; ids must differ', row=row.line, field=column)
            return None
        seen.add(value)
        return value

    def worded(self, file: str, row: Row, column: str) -> str:
        """A text a person will read; a fault when it is empty or does not fit."""
        if reason := unfit(row[column]):
            self.faults.add(file, reason, row=row.line, field=column)
        return row[column]

    def known(self, file: str, row: Row, column: str, ids: Iterable[str], where: str) -> bool:
        """Does `column` name something that exists? A fault when not."""
        if row[column] in ids:
            return True
        self.faults.add(file, f'"{row[column][:CODE_CHARS_MAX]}" is not in {where}', row=row.line, field=column)
        return False


def agencies(tables: Tables) -> dict[str, Agency]:
    """By agency_id, "" where a feed of one agency names none."""
    file = "agency.txt"
    found: dict[str, Agency] = {}
    count = 0
    for row in tables.rows(file, "agency_name agency_url agency_timezone", "agency_id agency_lang agency_phone"):
        count += 1
        name = tables.worded(file, row, "agency_name")
        if row["agency_id"] in found:
            tables.faults.add(file, f'"{row["agency_id"]}" is on an earlier row too', row=row.line, field="agency_id")
        if not is_timezone(row["agency_timezone"]):
            tables.faults.add(
                file, "is not an IANA time zone; write one such as Asia/Seoul", row=row.line, field="agency_timezone"
            )
        for column in ("agency_url", "agency_phone"):
            if row[column] and (reason := unfit(row[column])):
                tables.faults.add(file, reason, row=row.line, field=column)
        found[row["agency_id"]] = Agency(
            row["agency_id"], name, row["agency_url"], row["agency_timezone"], row["agency_lang"], row["agency_phone"]
        )
    if not count and not tables.faults.total:
        tables.faults.add(file, "has no agency; one row says who sells these rides")
    return found


def stops(tables: Tables) -> dict[str, Stop]:
    file = "stops.txt"
    found: dict[str, Stop] = {}
    seen: set[str] = set()
    for row in tables.rows(file, "stop_id stop_name stop_lat stop_lon", "zone_id location_type parent_station"):
        stop_id = tables.fresh(file, row, "stop_id", seen)
        kind = row["location_type"] or PLATFORM
        if kind not in LOCATION_TYPES:
            tables.faults.add(file, f'"{kind[:20]}" is not 0, 1, 2, 3 or 4', row=row.line, field="location_type")
            kind = PLATFORM
        # stop_name, stop_lat and stop_lon are required for location types 0, 1 and 2 only.
        optional = kind in (NODE, BOARDING_AREA)
        name = row["stop_name"] if optional else tables.worded(file, row, "stop_name")
        lat = _degrees(tables, row, "stop_lat", 90, optional=optional)
        lon = _degrees(tables, row, "stop_lon", 180, optional=optional)
        if row["zone_id"]:
            tables.named(file, row, "zone_id")
        if stop_id is not None:
            found[stop_id] = Stop(stop_id, name, row["zone_id"], lat, lon, kind, row["parent_station"], row.line)
    for stop in found.values():
        _check_parent(tables, stop, seen, found)
    return found


def _degrees(tables: Tables, row: Row, column: str, limit: int, *, optional: bool) -> float:
    text = row[column]
    if not text and optional:
        return 0.0
    if not DECIMAL.fullmatch(text) or abs(float(text)) > limit:
        tables.faults.add(
            "stops.txt",
            f'"{text[:40]}" is not a number of degrees between -{limit} and {limit}',
            row=row.line,
            field=column,
        )
        return 0.0
    return float(text)


def _check_parent(tables: Tables, stop: Stop, seen: set[str], found: Mapping[str, Stop]) -> None:
    """A platform lies in a station and a boarding area on a platform; a station lies in nothing. So no circles."""
    reason = None
    if stop.kind == STATION:
        reason = "a station (location_type 1) has no parent; leave it empty" if stop.parent else None
    elif stop.parent and stop.parent not in seen:
        reason = f'"{stop.parent[:CODE_CHARS_MAX]}" is not in stops.txt'
    elif stop.parent:
        above = PLATFORM if stop.kind == BOARDING_AREA else STATION
        if found[stop.parent].kind != above:
            reason = f'"{stop.parent}" has not location_type {above}'
    elif stop.kind != PLATFORM:
        reason = f"a stop of location_type {stop.kind} needs a parent"
    if reason:
        tables.faults.add("stops.txt", reason, row=stop.line, field="parent_station")


def routes(tables: Tables, agency_ids: Iterable[str]) -> dict[str, Route]:
    file = "routes.txt"
    ids = list(agency_ids)
    found: dict[str, Route] = {}
    seen: set[str] = set()
    for row in tables.rows(file, "route_id", "agency_id route_short_name route_long_name"):
        route_id = tables.fresh(file, row, "route_id", seen)
        agency = _agency(tables, file, row, ids)
        for column in ("route_short_name", "route_long_name"):
            if row[column] and (reason := unfit(row[column])):
                tables.faults.add(file, reason, row=row.line, field=column)
        if route_id is not None:
            found[route_id] = Route(route_id, agency, row["route_short_name"], row["route_long_name"])
    return found


def _agency(tables: Tables, file: str, row: Row, ids: list[str]) -> str:
    """agency_id may be left out when the feed has one agency; none at all is a fault of agency.txt, told already."""
    if not ids:
        return ""
    if not row["agency_id"] and len(ids) == 1:
        return ids[0]
    if not row["agency_id"]:
        tables.faults.add(file, "is empty; name one of the feed's agencies", row=row.line, field="agency_id")
    else:
        tables.known(file, row, "agency_id", ids, "agency.txt")
    return row["agency_id"]


def fares(tables: Tables, agency_ids: Iterable[str]) -> dict[str, Fare]:
    file = "fare_attributes.txt"
    ids = list(agency_ids)
    found: dict[str, Fare] = {}
    seen: set[str] = set()
    count = 0
    for row in tables.rows(file, "fare_id price currency_type transfers", "agency_id transfer_duration"):
        count += 1
        fare_id = tables.fresh(file, row, "fare_id", seen)
        agency = _agency(tables, file, row, ids)
        amount = _amount(tables, row)
        transfers, duration = row["transfers"], row["transfer_duration"]
        if transfers not in TRANSFERS:
            tables.faults.add(
                file, f'"{transfers[:20]}" is not 0, 1, 2 or empty for unlimited', row=row.line, field="transfers"
            )
            continue
        if duration and not COUNT.fullmatch(duration):
            tables.faults.add(
                file, f'"{duration[:20]}" is not a number of seconds', row=row.line, field="transfer_duration"
            )
            continue
        if fare_id is not None and amount is not None:
            found[fare_id] = Fare(
                fare_id,
                agency,
                amount,
                int(transfers) if transfers else None,
                int(duration) if duration and transfers != "0" else None,
            )
    if not count and not tables.faults.total:
        tables.faults.add(file, "has no fare; without a price nothing can be sold")
    return found


def _amount(tables: Tables, row: Row) -> Money | None:
    file, currency, price = "fare_attributes.txt", row["currency_type"], row["price"]
    try:
        exponent(currency)
    except UnknownCurrency as why:
        tables.faults.add(file, str(why), row=row.line, field="currency_type")
        return None
    try:
        amount = parse_amount(price[:40], currency)
    except ValueError as why:
        reason = "is negative; a fare is zero or more" if price.startswith("-") else str(why)
        tables.faults.add(file, reason, row=row.line, field="price")
        return None
    if amount.amount > FARE_MINOR_UNITS_MAX:
        tables.faults.add(file, f'"{price[:40]}" is too much for a ride', row=row.line, field="price")
    return amount


def rules(tables: Tables, fare_ids: Iterable[str], route_ids: Iterable[str]) -> Rules:
    """fare_rules.txt is optional: without it every fare holds everywhere."""
    file = "fare_rules.txt"
    found = Rules()
    if file not in tables.feed:
        return found
    for row in tables.rows(file, "fare_id", "route_id origin_id destination_id contains_id"):
        fare = row["fare_id"]
        sound = tables.known(file, row, "fare_id", fare_ids, "fare_attributes.txt")
        if row["route_id"]:
            sound = tables.known(file, row, "route_id", route_ids, "routes.txt") and sound
        if not sound:
            continue
        if row["contains_id"]:
            found.contains[fare] += 1
        else:
            rule = Rule(row["route_id"], row["origin_id"], row["destination_id"])
            found.by_fare.setdefault(fare, {})[rule] = None
    return found


def trips(tables: Tables, route_ids: Iterable[str]) -> dict[str, str]:
    """trip_id -> route_id."""
    file = "trips.txt"
    found: dict[str, str] = {}
    seen: set[str] = set()
    for row in tables.rows(file, "route_id trip_id"):
        trip = tables.fresh(file, row, "trip_id", seen)
        if tables.known(file, row, "route_id", route_ids, "routes.txt") and trip is not None:
            found[trip] = row["route_id"]
    return found


def calls(
    tables: Tables, trip_routes: Mapping[str, str], known: Mapping[str, Stop]
) -> dict[str, Counter[tuple[str, ...]]]:
    """route_id -> how many trips call at which stops in which order."""
    file = "stop_times.txt"
    numbers = {stop: number for number, stop in enumerate(known)}
    order: dict[str, list[int]] = {}
    flexible = 0
    for row in tables.rows(file, "trip_id stop_id stop_sequence", "location_group_id location_id"):
        sound = tables.known(file, row, "trip_id", trip_routes, "trips.txt")
        if not row["stop_id"] and (row["location_group_id"] or row["location_id"]):
            flexible += 1
            continue
        if not tables.known(file, row, "stop_id", known, "stops.txt"):
            continue
        if known[row["stop_id"]].kind not in (PLATFORM, BOARDING_AREA):
            tables.faults.add(file, "a trip calls at a platform (location_type 0)", row=row.line, field="stop_id")
        if not COUNT.fullmatch(row["stop_sequence"]):
            tables.faults.add(file, "is not a whole number", row=row.line, field="stop_sequence")
        elif sound:
            # Sequence and stop share one integer: a million of these rows stay small, and sort fast.
            order.setdefault(row["trip_id"], []).append(int(row["stop_sequence"]) << 32 | numbers[row["stop_id"]])
    if flexible:
        tables.notes.add(f"calls at zones on demand were left out, as only calls at stops are understood: {flexible}")
    return _patterns(tables, trip_routes, order, list(known))


def _patterns(
    tables: Tables, trip_routes: Mapping[str, str], order: Mapping[str, list[int]], ids: list[str]
) -> dict[str, Counter[tuple[str, ...]]]:
    found: dict[str, Counter[tuple[str, ...]]] = {}
    for trip, visits in order.items():
        visits.sort()
        if any(before >> 32 == after >> 32 for before, after in pairwise(visits)):
            tables.faults.add("stop_times.txt", f'trip "{trip}" has one number twice', field="stop_sequence")
        pattern = tuple(ids[visit & 0xFFFFFFFF] for visit in visits)
        found.setdefault(trip_routes[trip], Counter())[pattern] += 1
    return found


def translations(tables: Tables) -> dict[tuple[str, str, str, str], dict[str, str]]:
    """(table, field, "id" or "value", key) -> language -> words, of translations.txt where there is one."""
    file = "translations.txt"
    found: dict[tuple[str, str, str, str], dict[str, str]] = {}
    if file not in tables.feed:
        return found
    for row in tables.rows(file, "table_name field_name language translation", "record_id field_value"):
        words, language = row["translation"], row["language"].partition("-")[0].lower()
        if reason := unfit(words):
            tables.faults.add(file, reason, row=row.line, field="translation")
        elif row["record_id"]:
            found.setdefault((row["table_name"], row["field_name"], "id", row["record_id"]), {})[language] = words
        elif row["field_value"]:
            found.setdefault((row["table_name"], row["field_name"], "value", row["field_value"]), {})[language] = words
    return found
