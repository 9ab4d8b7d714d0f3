"""The reference pages say what the importers do: their examples are read, and every key has its place."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from import_builders import NOW

from app.importers import catalogue, entry, products
from app.importers.catalogue import read_catalogue
from app.importers.feed import LIMITS, LINE_BYTES_MAX
from app.importers.gtfs import OPTIONAL_FILES, REQUIRED_FILES
from app.importers.seating import SHAPES, read_seating
from app.samples import THEATRE

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


def the_block(page: str, language: str) -> str:
    text = (REFERENCE / page).read_text(encoding="utf-8")
    (block,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert isinstance(block, str)
    return block


def test_the_catalogue_page_shows_a_file_that_reads_without_a_note(tmp_path: Path) -> None:
    shutil.copy(THEATRE, tmp_path / "theatre.json")
    path = tmp_path / "catalogue.yaml"
    path.write_text(the_block("catalogue-file.md", "yaml"), encoding="utf-8")
    draft, report = read_catalogue(path, now=NOW)
    assert report.notes == ()
    assert [product.slug for product in draft.issuers[0].products] == [
        "winter-play",
        "workshop",
        "shuttle-ten",
        "gift-50000",
    ]


KEYS = [
    key
    for keys in (
        catalogue.TOP_KEYS,
        catalogue.ISSUER_KEYS,
        catalogue.VENUE_KEYS,
        catalogue.SEATING_KEYS,
        catalogue.STOP_KEYS,
        catalogue.ROUTE_KEYS,
        products.PRODUCT_KEYS,
        products.OCCASION_KEYS,
        products.PRICE_KEYS,
    )
    for key in keys.split()
]


@pytest.mark.parametrize("key", sorted(set(KEYS)))
def test_every_key_is_explained_and_shown(key: str) -> None:
    page = (REFERENCE / "catalogue-file.md").read_text(encoding="utf-8")
    assert f"`{key}`" in page
    assert re.search(rf"\b{key}:", the_block("catalogue-file.md", "yaml"))


@pytest.mark.parametrize("key", entry.ENTRY_KEYS.split())
def test_every_rule_of_a_gate_is_explained(key: str) -> None:
    page = (REFERENCE / "catalogue-file.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| `{key}` \| [^|]+ \| [^|]+ \|$", page, re.MULTILINE)


def test_the_seating_page_shows_a_plan_that_reads_without_a_note(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(the_block("seating-file.md", "json"), encoding="utf-8")
    plan, report = read_seating(path)
    assert report.notes == ()
    assert len(plan.places) == 302


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_named(shape: str) -> None:
    assert f"`{shape}`" in (REFERENCE / "seating-file.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("file", [*REQUIRED_FILES, *OPTIONAL_FILES])
def test_every_gtfs_file_we_read_is_named(file: str) -> None:
    assert f"`{file}`" in (REFERENCE / "gtfs.md").read_text(encoding="utf-8")


def test_the_limits_of_a_feed_are_those_the_page_states() -> None:
    page = (REFERENCE / "gtfs.md").read_text(encoding="utf-8")
    megabyte = 1_000_000
    assert f"{LIMITS.entries_max} files of {LIMITS.file_bytes_max // megabyte} MB each" in page
    assert f"{LIMITS.total_bytes_max // megabyte} MB together" in page
    assert (LIMITS.ratio_max, "packed more than a hundredfold" in page) == (100, True)
    assert f"a line may have {LINE_BYTES_MAX // 1024} KiB" in page
