"""What a catalogue file says about its gates: rules, passes, entrances, and until when a ticket changes hands."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from import_builders import CATALOGUE, NOW, a_catalogue, a_folder, the_fault

from app.domain.catalogue import ProductDraft
from app.domain.entry_rules import UNLIMITED_USES, EntryRules, Faces, Offline
from app.importers.catalogue import read_catalogue
from app.importers.gtfs import read_gtfs
from app.samples import CATALOGUE as SAMPLE

PLAY, BUS, GIFT = range(3)


def product(path: Path, which: int) -> ProductDraft:
    return read_catalogue(path, now=NOW)[0].issuers[0].products[which]


def with_entry(path: Path, which: int, entry: str) -> Path:
    slug = ("play", "bus", "gift")[which]
    return a_catalogue(path, (f"- slug: {slug}\n        kind", f"- slug: {slug}\n        entry: {entry}\n        kind"))


# --- what is read ---


def test_a_product_that_says_nothing_of_gates_has_the_common_rules(tmp_path: Path) -> None:
    read = product(a_catalogue(tmp_path), PLAY)
    assert (read.entry, read.transfer_minutes_before, {price.entrance for price in read.prices}) == (
        EntryRules(),
        None,
        {""},
    )


def test_an_entry_is_read_whole(tmp_path: Path) -> None:
    entry = (
        "{faces: living_or_pin, retires_static: true, reentry: true, pass_back_seconds: 300, window_minutes: 1440,"
        " group: true, offline: home}"
    )
    path = a_catalogue(
        tmp_path,
        ("- slug: bus\n        kind", f"- slug: bus\n        entry: {entry}\n        kind"),
        ("amount: 1500", "amount: 1500, entrance: Pier 1"),
    )
    assert product(path, BUS).entry == EntryRules(
        faces=Faces.LIVING_OR_PIN,
        retires_static=True,
        reentry=True,
        pass_back_seconds=300,
        window_minutes=1440,
        group=True,
        offline=Offline.HOME,
    )


def test_a_vouchers_floor_is_an_amount_of_the_issuers_currency(tmp_path: Path) -> None:
    path = a_catalogue(
        tmp_path,
        ("currency: KRW", "currency: USD"),
        ("face_value: 50000", 'face_value: 50\n        entry: {offline_floor: "3.75", offline: optimistic}'),
    )
    assert product(path, GIFT).entry == EntryRules(offline_floor=375)


def test_a_price_names_its_entrance(tmp_path: Path) -> None:
    path = a_catalogue(tmp_path, ("amount: 45000", 'amount: 45000, entrance: "Gate 3"'))
    assert [price.entrance for price in product(path, PLAY).prices] == ["Gate 3", ""]


@pytest.mark.parametrize(
    ("written", "minutes"),
    [("start", 0), ("start-90m", 90), ("start-2h", 120), ("start-1d2h3m", 1563), ("start-365d", 525_600)],
)
def test_the_end_of_handing_on_is_counted_back_from_the_start(tmp_path: Path, written: str, minutes: int) -> None:
    path = a_catalogue(tmp_path, ("refund: until_start", f"refund: until_start\n        transfer_until: {written}"))
    assert product(path, PLAY).transfer_minutes_before == minutes


@pytest.mark.parametrize("transfer", ["never", "free", "face_value"])
def test_a_ticket_is_kept_given_or_sold_at_its_price(tmp_path: Path, transfer: str) -> None:
    path = a_catalogue(tmp_path, ("refund: until_start", f"refund: until_start\n        transfer: {transfer}"))
    assert product(path, PLAY).transfer == transfer


def test_a_pass_has_uses_that_nobody_counts(tmp_path: Path) -> None:
    path = a_catalogue(tmp_path, ("uses: 10\n", "uses: unlimited\n        entry: {window_minutes: 1440}\n"))
    assert product(path, BUS).uses == UNLIMITED_USES


def test_a_dated_pass_may_end_by_its_window(tmp_path: Path) -> None:
    path = a_catalogue(
        tmp_path,
        ("refund: until_start", "refund: until_start\n        uses: unlimited\n        entry: {window_minutes: 60}"),
    )
    assert product(path, PLAY).uses == UNLIMITED_USES


def test_rides_of_a_feed_are_not_passed_back(tmp_path: Path) -> None:
    draft, _ = read_gtfs(a_folder(tmp_path), carnet=10)
    products = draft.issuers[0].products
    assert [one.entry for one in products] == [EntryRules(pass_back_seconds=300)] * 2


def test_the_sample_shows_what_gates_can_do() -> None:
    draft, _ = read_catalogue(SAMPLE, now=datetime(2026, 6, 1, tzinfo=UTC))
    sold = {one.slug: one for issuer in draft.issuers for one in issuer.products}
    concert = sold["two-in-the-morning-live"]
    assert (concert.entry.reentry, concert.entry.offline, concert.transfer) == (True, Offline.OPTIMISTIC, "face_value")
    assert {price.entrance for price in concert.prices} == {"A", "B", "C"}
    assert (sold["day-pass"].uses, sold["day-pass"].entry.window_minutes) == (UNLIMITED_USES, 1440)
    assert (sold["family-ride"].uses, sold["family-ride"].entry.group) == (4, True)
    assert sold["gift-50000"].entry.offline_floor == 5_000


# --- one thing wrong at a time ---

WHERE = "issuers[0].products"
RULES: list[tuple[int, str, str, str]] = [
    (PLAY, "{face: any}", "entry.face", 'not known (did you mean "faces"?)'),
    (PLAY, "[reentry]", "entry", "is a list and must be a map"),
    (PLAY, "{faces: pictures}", "entry.faces", "is not one of any, living_or_pin, living"),
    (PLAY, "{reentry: yes}", "entry.reentry", "is not one of false, true"),
    (PLAY, "{pass_back_seconds: -1}", "entry.pass_back_seconds", "between 0 and 86,400"),
    (PLAY, "{pass_back_seconds: 86401}", "entry.pass_back_seconds", "between 0 and 86,400"),
    (PLAY, "{window_minutes: 0}", "entry.window_minutes", "between 1 and 527,040"),
    (PLAY, "{offline: maybe}", "entry.offline", "is not one of home, optimistic, deny"),
    (PLAY, "{offline_floor: 0}", "entry.offline_floor", "is for vouchers"),
    (PLAY, "{group: true}", "entry.group", "write how many as its uses"),
    (GIFT, "{offline_floor: much}", "entry.offline_floor", "is not a price"),
    (GIFT, "{offline_floor: 1000000001}", "entry.offline_floor", "at most 1,000,000,000 minor units"),
    (GIFT, "{reentry: false}", "entry.reentry", "let people in"),
    (GIFT, "{window_minutes: 5}", "entry.window_minutes", "let people in"),
    (GIFT, "{group: true}", "entry.group", "let people in"),
    (GIFT, "{offline: home}", "entry.offline", "which has no entrance"),
    (PLAY, "{offline: home}", "entry.offline", "needs the entrance of every price"),
]


@pytest.mark.parametrize(("which", "entry", "key", "reason"), RULES, ids=[f"{one[0]}-{one[1]}" for one in RULES])
def test_a_wrong_rule_is_told_by_its_path(tmp_path: Path, which: int, entry: str, key: str, reason: str) -> None:
    fault = the_fault(lambda: product(with_entry(tmp_path, which, entry), which))
    assert fault.field == f"{WHERE}[{which}].{key}"
    assert reason in fault.reason


def test_a_wrong_rule_names_its_own_line(tmp_path: Path) -> None:
    path = with_entry(tmp_path, PLAY, "\n          reentry: true\n          offline: no")
    fault = the_fault(lambda: product(path, PLAY))
    assert path.read_text().splitlines()[(fault.row or 0) - 1] == "          offline: no"


REST: list[tuple[str, str, str]] = [
    ("refund: until_start\n        transfer_until: 2h", "[0].transfer_until", "not counted back from the start"),
    ("refund: until_start\n        transfer_until: start+2h", "[0].transfer_until", "not counted back from the start"),
    ("refund: until_start\n        transfer_until: start-", "[0].transfer_until", "not counted back from the start"),
    ("refund: until_start\n        transfer_until: start-367d", "[0].transfer_until", "more than a year"),
    (
        "refund: until_start\n        transfer: never\n        transfer_until: start",
        "[0].transfer_until",
        "transfer is never",
    ),
    ("refund: until_start\n        transfer: sell", "[0].transfer", "is not one of never, free, face_value"),
    ("refund: until_start\n        uses: unlimited", "[0].uses", "unlimited needs an end"),
    ("refund: until_start\n        uses: 1001", "[0].uses", "between 1 and 1,000"),
    ("refund: until_start\n        uses: endless", "[0].uses", "is not a whole number"),
]


@pytest.mark.parametrize(("written", "field", "reason"), REST, ids=[one[0].split(": ", 2)[-1] for one in REST])
def test_what_contradicts_the_rest_is_told(tmp_path: Path, written: str, field: str, reason: str) -> None:
    fault = the_fault(lambda: product(a_catalogue(tmp_path, ("refund: until_start", written)), PLAY))
    assert fault.field == f"{WHERE}{field}"
    assert reason in fault.reason


def test_handing_on_until_a_start_needs_a_start(tmp_path: Path) -> None:
    path = a_catalogue(tmp_path, ("uses: 10\n", "uses: 10\n        transfer_until: start-2h\n"))
    assert "not every ticket of this product has" in the_fault(lambda: product(path, BUS)).reason


def test_a_group_is_not_a_pass(tmp_path: Path) -> None:
    path = a_catalogue(tmp_path, ("uses: 10\n", "uses: unlimited\n        entry: {group: true}\n"))
    assert the_fault(lambda: product(path, BUS)).field == f"{WHERE}[1].entry.group"


def test_a_voucher_has_no_entrance(tmp_path: Path) -> None:
    path = a_catalogue(tmp_path, ("amount: 48000", "amount: 48000, entrance: A"))
    assert "let nobody in" in the_fault(lambda: product(path, GIFT)).reason


def test_an_entrance_is_a_short_word(tmp_path: Path) -> None:
    path = a_catalogue(tmp_path, ("amount: 45000", f"amount: 45000, entrance: {'E' * 41}"))
    assert "at most 40 fit" in the_fault(lambda: product(path, PLAY)).reason


def test_the_small_catalogue_is_what_these_tests_change() -> None:
    assert CATALOGUE.count("refund: until_start") == 1
