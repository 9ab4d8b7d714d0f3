"""A catalogue file becomes issuers and products; whatever is wrong in it is told by its line."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from import_builders import CATALOGUE, NOW, a_catalogue, a_plan, the_fault

from app.domain.catalogue import CatalogueDraft, ImportRefused, IssuerCatalogue, OccasionDraft, PriceDraft, Report
from app.domain.money import Money
from app.importers.catalogue import read_catalogue
from app.samples import CATALOGUE as SAMPLE
from app.samples import FOLDER


def read(path: Path, now: datetime = NOW) -> tuple[CatalogueDraft, Report]:
    return read_catalogue(path, now=now)


def the_issuer(path: Path, now: datetime = NOW) -> IssuerCatalogue:
    (issuer,) = read(path, now)[0].issuers
    return issuer


# --- what is read ---------------------------------------------------------------------------------------------------


def test_an_admission_is_read_whole(tmp_path: Path) -> None:
    play = the_issuer(a_catalogue(tmp_path)).products[0]
    assert (play.slug, play.kind, play.venue, play.uses) == ("play", "admission", "hall", 1)
    assert (play.booking_limit, play.buyer_limit, play.transfer, play.refund) == (10, None, "free", "until_start")
    assert play.prices == (
        PriceDraft("R", {"ko": "R석", "en": "R seat"}, Money(45_000, "KRW"), colour="#8e2a4b"),
        PriceDraft("Floor", {"ko": "스탠딩", "en": "Standing"}, Money(30_000, "KRW")),
    )


def test_times_are_the_issuers_and_come_out_in_utc(tmp_path: Path) -> None:
    first, second = the_issuer(a_catalogue(tmp_path)).products[0].occasions
    assert first == OccasionDraft(
        slug="20260605-1930",
        starts_at=datetime(2026, 6, 5, 10, 30, tzinfo=UTC),
        ends_at=datetime(2026, 6, 5, 12, 30, tzinfo=UTC),
        doors_at=datetime(2026, 6, 5, 10, 0, tzinfo=UTC),
        venue="hall",
        seating="hall",
    )
    # It is already 1 June where the issuer is, so "+2d" is the 3rd.
    assert (second.slug, second.starts_at) == ("20260603-1400", datetime(2026, 6, 3, 5, 0, tzinfo=UTC))
    assert second.doors_at == datetime(2026, 6, 3, 4, 0, tzinfo=UTC)


def test_a_second_import_the_same_day_names_the_same_occasions(tmp_path: Path) -> None:
    path = a_catalogue(tmp_path)
    assert read(path, NOW) == read(path, NOW + timedelta(hours=20))


def test_the_next_days_import_names_another_occasion_and_moves_none(tmp_path: Path) -> None:
    path = a_catalogue(tmp_path)
    today, tomorrow = (the_issuer(path, NOW + timedelta(days=days)).products[0].occasions for days in (0, 1))
    assert today[0] == tomorrow[0]
    assert (today[1].slug, tomorrow[1].slug) == ("20260603-1400", "20260604-1400")


def test_a_ride_has_uses_zones_and_a_route(tmp_path: Path) -> None:
    issuer = the_issuer(a_catalogue(tmp_path))
    bus = issuer.products[1]
    assert (bus.uses, bus.valid_days, bus.occasions) == (10, 180, ())
    assert (bus.prices[0].origin_zone, bus.prices[0].destination_zone, bus.prices[0].route) == ("a", "b", "r1")
    assert issuer.routes[0].patterns == (("p", "h"), ("h", "p"))
    assert [stop.zone for stop in issuer.stops] == ["a", "b"]


def test_a_voucher_is_worth_its_face_and_may_cost_less(tmp_path: Path) -> None:
    gift = the_issuer(a_catalogue(tmp_path)).products[2]
    assert (gift.face_value, gift.prices[0].amount) == (Money(50_000, "KRW"), Money(48_000, "KRW"))


def test_a_bare_text_is_in_the_issuers_language(tmp_path: Path) -> None:
    assert the_issuer(a_catalogue(tmp_path)).venues[0].name == {"ko": "작은극장"}


def test_the_plan_beside_the_catalogue_is_read_under_the_catalogues_slug(tmp_path: Path) -> None:
    (plan,) = the_issuer(a_catalogue(tmp_path)).seatings
    assert (plan.slug, len(plan.places)) == ("hall", 5)


def test_an_occasion_may_add_counted_places_to_its_plan(tmp_path: Path) -> None:
    extra = "- {category: EXTRA, name: {ko: 보조석}, amount: 10000}\n        occasions:"
    path = a_catalogue(
        tmp_path, ("        occasions:", "          " + extra), ("19:30}", "19:30, capacity: {EXTRA: 2}}")
    )
    first, second = the_issuer(path).products[0].occasions
    assert (first.capacity, second.capacity) == ({"EXTRA": 2}, {})


def test_an_empty_key_at_an_occasion_takes_back_what_it_inherits(tmp_path: Path) -> None:
    path = a_catalogue(tmp_path, ("19:30}", "19:30, doors: }"))
    assert the_issuer(path).products[0].occasions[0].doors_at is None


def test_prices_of_an_occasion_replace_those_of_the_product(tmp_path: Path) -> None:
    path = a_catalogue(tmp_path, ("19:30}", "19:30, prices: [{category: R, name: {ko: 첫날}, amount: 9000}]}"))
    draft, report = read(path)
    first, second = draft.issuers[0].products[0].occasions
    assert ([price.amount.amount for price in first.prices], second.prices) == ([9_000], ())
    assert 'places of category "Floor", which issuers[0].products[0].occasions[0] does not sell' in report.notes[0]


def test_progress_counts_plans_and_products(tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    read_catalogue(a_catalogue(tmp_path), now=NOW, progress=lambda *step: seen.append(step))
    assert seen == [(1, 4, "plan.json"), (2, 4, "play"), (3, 4, "bus"), (4, 4, "gift")]


# --- the sample -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample() -> tuple[CatalogueDraft, Report]:
    return read(SAMPLE)


def test_the_sample_reads_without_a_note(sample: tuple[CatalogueDraft, Report]) -> None:
    draft, report = sample
    assert report.notes == ()
    assert [issuer.issuer.slug for issuer in draft.issuers] == [
        "haneul-arts-theatre",
        "gaon-arena",
        "badaro-bus",
        "nuri-gift",
    ]


def test_the_sample_speaks_korean_and_english_everywhere(sample: tuple[CatalogueDraft, Report]) -> None:
    for issuer in sample[0].issuers:
        texts = [issuer.issuer.name, *(venue.name for venue in issuer.venues), *(stop.name for stop in issuer.stops)]
        for product in issuer.products:
            texts += [product.title, product.description, *(price.name for price in product.prices)]
        assert all(text.keys() == {"ko", "en"} for text in texts)


def test_the_samples_first_night_has_two_extra_chairs(sample: tuple[CatalogueDraft, Report]) -> None:
    occasions = sample[0].issuers[0].products[0].occasions
    assert [dict(occasion.capacity) for occasion in occasions] == [{"EXTRA": 2}] + [{}] * 6


def test_the_samples_ten_rides_are_nine_times_a_single(sample: tuple[CatalogueDraft, Report]) -> None:
    single, ten, *_ = sample[0].issuers[2].products
    assert [price.amount * 9 for price in single.prices] == [price.amount for price in ten.prices]


@pytest.mark.parametrize("day", [datetime(2026, 2, 27, 15, tzinfo=UTC) + timedelta(days=90 * n) for n in range(4)])
def test_the_sample_can_be_imported_on_any_day(day: datetime) -> None:
    for issuer in read(SAMPLE, day)[0].issuers:
        for product in issuer.products:
            assert all(occasion.starts_at and occasion.starts_at > day for occasion in product.occasions)


def test_the_samples_plans_lie_beside_it() -> None:
    assert {"theatre.json", "arena.json"} <= {path.name for path in FOLDER.iterdir()}


# --- one thing wrong at a time --------------------------------------------------------------------------------------

A_PRICE = "- {category: R, name: {ko: R석, en: R seat}, amount: 45000"
FAULTS: list[tuple[str, str, str | None, str]] = [
    ("catalogue: 1", "catalogue: 2", "catalogue", "this program reads 1"),
    ("  - slug: small-hall", "  - slug: Small Hall", "issuers[0].slug", "is not a slug"),
    ("    timezone: Asia/Seoul", "    time-zone: Asia/Seoul", None, 'not known (did you mean "timezone"?)'),
    ("Asia/Seoul", "Seoul", "issuers[0].timezone", "is not an IANA time zone"),
    ("currency: KRW", "currency: WON", "issuers[0].currency", "currency 'WON' is not known"),
    ("language: ko", "language: Korean", "issuers[0].language", "is not a language"),
    ("https://small.example", "javascript:alert(1)", "issuers[0].url", "begin with https://"),
    ("02-000-0100", "call us", "issuers[0].phone", "is not a telephone number"),
    ("{ko: 작은극장, en: Small Hall}", "{en: Small Hall}", "issuers[0].name", "has no words in ko"),
    ("{ko: 작은극장, en: Small Hall}", "{ko: 작은극장, english: x}", "issuers[0].name.english", "is not a language"),
    ("{ko: 작은극장, en: Small Hall}", '{ko: "작은\\0극장"}', "issuers[0].name", "control code U+0000"),
    ("{ko: 작은극장, en: Small Hall}", "[작은극장]", "issuers[0].name", "is a list and must be a text"),
    ("        name: 작은극장\n", "", "issuers[0].venues[0].name", "is missing"),
    ("file: plan.json", "file: ../plan.json", "issuers[0].seating[0].file", "outside the catalogue's folder"),
    ("file: plan.json", "file: /etc/hostname", "issuers[0].seating[0].file", "outside the catalogue's folder"),
    ("lat: 34.1", "lat: 134.1", "issuers[0].stops[0].lat", "between -90 and 90"),
    (
        "code: h, name: {ko: 언덕}, zone: b",
        "code: h, name: {ko: 언덕}, zone: [b]",
        "issuers[0].stops[1].zone",
        "a list",
    ),
    ("[[p, h], [h, p]]", "[[p, x], [h, p]]", "issuers[0].routes[0].patterns", '"x" is not the code of a stop'),
    ("[[p, h], [h, p]]", "[[p], [h, p]]", "issuers[0].routes[0].patterns", "two stops or more"),
    ("[[p, h], [h, p]]", "[p, [h, p]]", "issuers[0].routes[0].patterns[0]", "must be a list of codes"),
    ("kind: admission", "kind: admision", "issuers[0].products[0].kind", 'did you mean "admission"?'),
    ("venue: hall", "venue: hal", "issuers[0].products[0].venue", 'not among the venues (did you mean "hall"?)'),
    ("seating: hall", "seating: hill", "issuers[0].products[0].seating", "not among the seating plans"),
    ("refund: until_start", "refund: always", "issuers[0].products[0].refund", "is not one of never, until_start"),
    ("refund: until_start", "booking_limit: 0", "issuers[0].products[0].booking_limit", "between 1 and 100"),
    (
        "doors: start-30m",
        "doors: start+30m",
        "issuers[0].products[0].occasions[0].starts",
        "doors is later than starts",
    ),
    ("doors: start-30m", "doors: half past six", "issuers[0].products[0].doors", "is not a time"),
    ("amount: 45000", "amount: 450.5", "issuers[0].products[0].prices[0].amount", "more than 0 decimals"),
    ("amount: 45000", "amount: -45000", "issuers[0].products[0].prices[0].amount", "is not a price"),
    ('"#8e2a4b"', "red", "issuers[0].products[0].prices[0].colour", "is not a colour"),
    ("category: Floor", "category: R", "issuers[0].products[0].prices[1].category", '"R" has a price already'),
    (A_PRICE, A_PRICE + ", route: r1", "issuers[0].products[0].prices[0].route", "is for rides only"),
    ("2026-06-05 19:30", "2026-06-31 19:30", "issuers[0].products[0].occasions[0].starts", "not a day of the calendar"),
    ("2026-06-05 19:30", "2026-06-05T19:30+09:00", "issuers[0].products[0].occasions[0].starts", "has an offset"),
    ("2026-06-05 19:30", "2026-06-05 25:30", "issuers[0].products[0].occasions[0].starts", "not a time of day"),
    ("2026-06-05 19:30", "2026-06-03 14:00", "issuers[0].products[0].occasions[1].slug", "another occasion already"),
    ('starts: "+2d 14:00"', 'slug: x, starts: "+2d 14:00"', "issuers[0].products[0].occasions[1].slug", "leave it out"),
    ("19:30}", "19:30, capacity: {VIP: 2}}", "issuers[0].products[0].occasions[0].capacity", "places and no price"),
    (
        "19:30}",
        "19:30, capacity: {R: 2}}",
        "issuers[0].products[0].occasions[0].capacity",
        "of the seating plan already",
    ),
    ("19:30}", "19:30, capacity: {R: x}}", "issuers[0].products[0].occasions[0].capacity.R", "not a number of places"),
    ("19:30}", "19:30, seating: }", "issuers[0].products[0].occasions[0]", "has no places"),
    ("        valid_days: 180\n", "", "issuers[0].products[1].valid_days", "is missing"),
    (
        "valid_days: 180",
        "valid_days: 180\n        refund: until_start",
        "issuers[0].products[1].refund",
        "needs occasions",
    ),
    (
        "valid_days: 180",
        "valid_days: 180\n        doors: start",
        "issuers[0].products[1].doors",
        "this product has none",
    ),
    ("valid_days: 180", "valid_days: six months", "issuers[0].products[1].valid_days", "between 1 and 3,660"),
    ("origin_zone: a", "origin_zone: z", "issuers[0].products[1].prices[0].origin_zone", "not among the zones"),
    ("route: r1", "route: r11", "issuers[0].products[1].prices[0].route", 'did you mean "r1"?'),
    ("        face_value: 50000\n", "", "issuers[0].products[2].face_value", "is missing"),
    ("face_value: 50000", "face_value: 0", "issuers[0].products[2].face_value", "is zero"),
    ("face_value: 50000", "face_value: 50000\n        uses: 2", "issuers[0].products[2].uses", "is not for vouchers"),
    ("uses: 10", "face_value: 10", "issuers[0].products[1].face_value", "is for vouchers"),
    ("- slug: bus", "- slug: play", "issuers[0].products[1].slug", "another product already"),
]


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: f"{case[2]}-{case[3][:20]}")
def test_a_fault_is_told_by_its_path(tmp_path: Path, case: tuple[str, str, str | None, str]) -> None:
    old, new, field, reason = case
    path = a_catalogue(tmp_path, (old, new))
    if "time-zone" in new:  # the misspelt key is also a missing one
        with pytest.raises(ImportRefused) as refused:
            read(path)
        fault = refused.value.faults[0]
    else:
        fault = the_fault(lambda: read(path))
        assert fault.field == field
    assert reason in fault.reason


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("amount: 1500", "amount: cheap"),
        ("timezone: Asia/Seoul", "timezone: Asia/Soul"),
        ("en: A good play", "english: A good play"),
        ("    products:", "    goods:\n    products:"),
        ('"+2d 14:00"', '"+2d 24:00"'),
    ],
)
def test_a_fault_names_the_very_line(tmp_path: Path, old: str, new: str) -> None:
    fault = the_fault(lambda: read(a_catalogue(tmp_path, (old, new))))
    line = new.splitlines()[0]
    text = CATALOGUE.replace(old, new, 1).splitlines()
    assert fault.row == next(number for number, words in enumerate(text, start=1) if line in words)
    assert str(fault).startswith(f"catalogue.yaml:{fault.row} issuers[0]")


def test_a_price_of_no_occasions_places_is_refused(tmp_path: Path) -> None:
    unused = "          - {category: VIP, name: {ko: 귀빈석}, amount: 90000}\n        occasions:"
    fault = the_fault(lambda: read(a_catalogue(tmp_path, ("        occasions:", unused))))
    assert fault.reason == '"VIP" is a category of no occasion\'s places'


def test_a_product_without_any_price_is_refused(tmp_path: Path) -> None:
    text = CATALOGUE[CATALOGUE.index("        prices:\n          - {category: gift") :]
    fault = the_fault(lambda: read(a_catalogue(tmp_path, (text, ""))))
    assert (fault.field, "every occasion needs prices" in fault.reason) == ("issuers[0].products[2].prices", True)


def test_after_a_fault_in_a_venue_no_product_is_blamed_for_it(tmp_path: Path) -> None:
    fault = the_fault(lambda: read(a_catalogue(tmp_path, ("- slug: hall\n        name", "- slug: Hall\n        name"))))
    assert fault.field == "issuers[0].venues[0].slug"


def test_a_key_twice_names_both_lines(tmp_path: Path) -> None:
    fault = the_fault(
        lambda: read(a_catalogue(tmp_path, ("    language: ko\n", "    language: ko\n    language: ko\n")))
    )
    assert (fault.row, fault.reason) == (8, "this key is on line 7 too; keep one")


def test_faults_of_a_plan_are_told_with_the_plans_file(tmp_path: Path) -> None:
    path = a_catalogue(tmp_path)
    a_plan(tmp_path, lambda plan: plan.pop("name"))
    fault = the_fault(lambda: read(path))
    assert (fault.file, fault.field) == ("plan.json", "/name")


def test_a_plan_that_is_not_there_is_the_only_fault(tmp_path: Path) -> None:
    path = a_catalogue(tmp_path)
    (tmp_path / "plan.json").unlink()
    fault = the_fault(lambda: read(path))
    assert fault.file == "plan.json"
    assert "check the path" in fault.reason


def test_a_wrong_capacity_that_many_occasions_inherit_is_told_once(tmp_path: Path) -> None:
    path = a_catalogue(tmp_path, ("doors: start-30m", "doors: start-30m\n        capacity: {R: many}"))
    assert "is not a number of places" in the_fault(lambda: read(path)).reason


@pytest.mark.parametrize(
    ("content", "row", "reason"),
    [
        (b"", None, "is empty"),
        (b"- 1\n", 1, "is a list and must be a map"),
        (b"catalogue: 1\n", 1, "at least one issuer"),
        (b"a: b\n  c: d\n", 2, "is not YAML as we read it"),
        (b"a: &x [1]\nb: *x\n", 2, "aliases (*) are not read"),
        (b"a: " + b"[" * 50, 1, "is nested more than 16 deep"),
        (b"catalogue: !!python/object/apply:os.system [ls]\n", 1, "is not read; leave it out"),
        (b'a: "\\UFFFFFFFF"\n', None, "is not YAML"),
        (b"a: 1\n---\na: 2\n", 2, "is not YAML as we read it"),
        (b"catalogue: 1\nname: \xb1\xd7\n", 2, "is not UTF-8"),
        (b"#" * 1_000_001, None, "is larger than 1,000,000 bytes"),
    ],
)
def test_what_is_no_catalogue_is_refused(tmp_path: Path, content: bytes, row: int | None, reason: str) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_bytes(content)
    with pytest.raises(ImportRefused) as refused:
        read(path)
    assert any(fault.row == row and reason in fault.reason for fault in refused.value.faults), str(refused.value)


def test_a_path_where_nothing_is_is_refused_in_words(tmp_path: Path) -> None:
    assert "check the path" in the_fault(lambda: read(tmp_path / "none.yaml")).reason


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, len(CATALOGUE) - 1), st.integers(0, 6), st.text(alphabet='{}[]:,-"&*!|>%@#\n\t \\x00가9', max_size=4)
)
@example(CATALOGUE.index("Asia"), 10, "\\")
def test_a_catalogue_with_anything_spliced_in_is_read_or_refused(
    tmp_path: Path, place: int, removed: int, spliced: str
) -> None:
    path = a_catalogue(tmp_path)
    path.write_text(CATALOGUE[:place] + spliced + CATALOGUE[place + removed :], encoding="utf-8")
    with contextlib.suppress(ImportRefused):
        read(path)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=80))
def test_any_bytes_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_bytes(content)
    with pytest.raises(ImportRefused):
        read(path)
