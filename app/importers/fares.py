"""GTFS fares (version 1) turned into prices: by zone, by route, by both, or everywhere.

A price's category says the terms of travel (one way, so many transfers), not the fare's id, because operators put
dates into ids and the next revision should change the price rather than add one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from app.domain.catalogue import PriceDraft, Text, prices_between
from app.domain.money import Money
from app.importers.gtfs_tables import Fare, Rule, Rules
from app.importers.reading import Notes, slugify

EXAMPLES_MAX = 5
MINUTE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Network:
    """What one agency's fares are about: its routes, its zones, and the zone sequences its trips run through."""

    routes: Mapping[str, str]
    zones: frozenset[str]
    journeys: Mapping[str, Sequence[tuple[str | None, ...]]]
    languages: tuple[str, ...]


def prices(fares: Iterable[Fare], rules: Rules, network: Network, notes: Notes) -> tuple[PriceDraft, ...]:
    """One price for each fare and place where it holds, in the feed's order."""
    found: list[tuple[Fare, Rule]] = []
    anywhere: list[str] = []
    for fare in fares:
        places = _places(fare, rules, network, notes)
        found += [(fare, place) for place in places]
        if Rule("", "", "") in places:
            anywhere.append(fare.id)
    if anywhere and len(anywhere) < len({fare.id for fare, _ in found}):
        notes.add(f"fares without a rule hold for every journey: {_some(anywhere)}")
    return _drafts(found, network, notes)


def _places(fare: Fare, rules: Rules, network: Network, notes: Notes) -> list[Rule]:
    """Where the fare holds, with a zone rule that every route has told once, for no route in particular."""
    own = list(rules.by_fare.get(fare.id, {}))
    if skipped := rules.contains[fare.id]:
        notes.add(f"contains_id rules are not understood: {skipped} of fare {fare.id} skipped")
        if not own:
            notes.add(f"fare {fare.id} is not covered by any rule that is understood; it is not sold")
            return []
    if not own:
        return [Rule("", "", "")]
    named: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for rule in own:
        strange = {rule.origin, rule.destination} - network.zones - {""}
        if strange:
            notes.add(f"fare {fare.id} has rules for a zone where no trip calls: {_some(sorted(strange))}")
        elif not rule.route or rule.route in network.routes:
            named[rule.origin, rule.destination][rule.route] = None
    places = []
    for (origin, destination), routes in named.items():
        everywhere = "" in routes or network.routes.keys() <= routes.keys()
        places += [Rule(route, origin, destination) for route in ([""] if everywhere else routes)]
    return places


def _drafts(found: Iterable[tuple[Fare, Rule]], network: Network, notes: Notes) -> tuple[PriceDraft, ...]:
    """Fares of the same terms share a category, unless two of them price the same journey differently."""
    claims: dict[tuple[str, Rule], dict[str, Fare]] = defaultdict(dict)
    for fare, place in found:
        claims[_terms(fare)[0], place][fare.id] = fare
    rivals = {tuple(fares) for fares in claims.values() if len({fare.amount.amount for fare in fares.values()}) > 1}
    for group in sorted(rivals):
        notes.add(f"fares {_some(group)} price the same journey; each is offered under its own name")
    apart = {fare_id for group in rivals for fare_id in group}
    drafts: dict[tuple[str, Rule], PriceDraft] = {}
    for fare, place in found:
        slug, ko, en = _terms(fare)
        if fare.id in apart:
            slug, ko, en = f"{slug}-{slugify(fare.id) or fare.id}", f"{ko} ({fare.id})", f"{en} ({fare.id})"
        drafts[slug, place] = PriceDraft(
            slug,
            words(ko, en, network.languages),
            fare.amount,
            origin_zone=place.origin or None,
            destination_zone=place.destination or None,
            route=place.route or None,
        )
    return tuple(drafts.values())


def _terms(fare: Fare) -> tuple[str, str, str]:
    """Slug, Korean and English words for what the fare lets its holder do."""
    match fare.transfers:
        case 0:
            return "one-way", "편도", "One way"
        case None:
            slug, ko, en = "one-way-transfers", "편도, 환승 자유", "One way, any number of transfers"
        case 1:
            slug, ko, en = "one-way-1-transfer", "편도, 환승 1회", "One way, 1 transfer"
        case count:
            slug, ko, en = f"one-way-{count}-transfers", f"편도, 환승 {count}회", f"One way, {count} transfers"
    if fare.duration_seconds is None:
        return slug, ko, en
    minutes = -(-fare.duration_seconds // MINUTE_SECONDS)
    return f"{slug}-{minutes}-min", f"{ko}({minutes}분 이내)", f"{en} within {minutes} min"


def words(ko: str, en: str, languages: Iterable[str]) -> Text:
    """Our own words in Korean and English, and the English ones in any other language an issuer has."""
    return {"ko": ko, "en": en} | {language: en for language in languages if language not in ("ko", "en")}


def carnet(single: Iterable[PriceDraft], *, rides: int, discount_percent: int) -> tuple[PriceDraft, ...]:
    """The same prices for `rides` rides together, less the discount, rounded half up to the minor unit."""
    return tuple(
        replace(price, amount=discounted(price.amount * rides, discount_percent=discount_percent)) for price in single
    )


def discounted(amount: Money, *, discount_percent: int) -> Money:
    return Money((amount.amount * (100 - discount_percent) + 50) // 100, amount.currency)


def note_gaps(offered: Sequence[PriceDraft], network: Network, notes: Notes) -> None:
    """Tell which journeys nobody can buy: zone pairs that trips connect and no fare covers."""
    answers: dict[tuple[str | None, str | None, str], bool] = {}
    for route, runs in network.journeys.items():
        for origin, destination in _pairs(runs):
            key = (origin, destination, route)
            answers[key] = bool(prices_between(offered, origin_zone=origin, destination_zone=destination, route=route))
    gaps: dict[str, None] = {}
    for (origin, destination, route), covered in answers.items():
        if not covered:
            name = network.routes[route]
            gaps[f"{_zone(origin)} to {_zone(destination)} on {name}"] = None
    if gaps:
        notes.add(f"no fare covers these journeys, which cannot be sold: {_some(gaps)}")


def _pairs(runs: Iterable[Sequence[str | None]]) -> dict[tuple[str | None, str | None], None]:
    """Each (from, to) in zones that some run connects in this order."""
    pairs: dict[tuple[str | None, str | None], None] = {}
    for run in runs:
        passed: dict[str | None, None] = {}
        for zone in run:
            pairs |= dict.fromkeys((origin, zone) for origin in passed)
            passed[zone] = None
    return pairs


def _zone(zone: str | None) -> str:
    return f"zone {zone}" if zone else "stops without a zone"


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    rest = len(listed) - EXAMPLES_MAX
    return ", ".join(listed[:EXAMPLES_MAX]) + (f" and {rest} more" if rest > 0 else "")
