"""A feed that is wrong is refused whole, with file, row, field and reason; a hostile one costs next to nothing."""

from __future__ import annotations

import contextlib
import io
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_builders import FEED, a_folder, a_zip, the_fault

from app.domain.catalogue import FAULTS_KEPT, Fault, ImportRefused
from app.importers.feed import Limits
from app.importers.gtfs import read_gtfs


def the_feed_fault(path: Path, limits: Limits | None = None) -> Fault:
    return the_fault(lambda: read_gtfs(path, limits=limits or Limits()))


def replaced(file: str, old: str, new: str) -> dict[str, str | bytes | None]:
    assert old in FEED[file]
    return {file: FEED[file].replace(old, new, 1)}


# --- one thing wrong at a time --------------------------------------------------------------------------------------

SPOILED: list[tuple[str, str, str, int | None, str | None, str]] = [
    ("agency.txt", "Asia/Seoul", "Seoul", 2, "agency_timezone", "is not an IANA time zone"),
    ("agency.txt", "Asia/Seoul", "../../etc/passwd", 2, "agency_timezone", "is not an IANA time zone"),
    ("agency.txt", "Metro", "", 2, "agency_name", "is empty"),
    ("agency.txt", "Metro", "Me\x00tro", 2, "agency_name", "control code U+0000"),
    ("agency.txt", "agency_url", "agency_uri", 1, "agency_url", 'missing (did you mean "agency_uri"?)'),
    ("stops.txt", "stop_lat", "stop_latt", 1, "stop_lat", 'missing (did you mean "stop_latt"?)'),
    ("stops.txt", "stop_lat", "x", 1, "stop_lat", "this column is missing"),
    ("stops.txt", "zone_id", "stop_lat", 1, "stop_lat", "this column is there twice"),
    ("stops.txt", "34.2", "93.2", 5, "stop_lat", "between -90 and 90"),
    ("stops.txt", "34.2", "nan", 5, "stop_lat", "is not a number of degrees"),
    ("stops.txt", "126.2", "-190", 5, "stop_lon", "between -180 and 180"),
    ("stops.txt", "34.2", "", 5, "stop_lat", "is not a number of degrees"),
    ("stops.txt", "H,Hill", "P1,Hill", 5, "stop_id", "on an earlier row too"),
    ("stops.txt", "P2,Port bay 2", "P2,Port, bay 2", 4, None, "put quotes around a text with a comma"),
    ("stops.txt", "Hill", '"Hill', 6, None, "check the quotes"),
    ("stops.txt", "0,P\nP2", "0,Q\nP2", 3, "parent_station", '"Q" is not in stops.txt'),
    ("stops.txt", "0,P\nP2", "0,H\nP2", 3, "parent_station", "has not location_type 1"),
    ("stops.txt", ",1,\n", ",1,P\n", 2, "parent_station", "a station (location_type 1) has no parent"),
    ("stops.txt", "b,,", "b,7,", 5, "location_type", '"7" is not 0, 1, 2, 3 or 4'),
    ("routes.txt", "r2,", "r1,", 3, "route_id", "on an earlier row too"),
    ("trips.txt", "r2,s,t3", "r9,s,t3", 4, "route_id", '"r9" is not in routes.txt'),
    ("trips.txt", "r2,s,t3", "r2,s,t1", 4, "trip_id", "on an earlier row too"),
    ("stop_times.txt", "H,2\nt1", "Z,2\nt1", 3, "stop_id", '"Z" is not in stops.txt'),
    ("stop_times.txt", "H,2\nt1", "P,2\nt1", 3, "stop_id", "calls at a platform"),
    ("stop_times.txt", "H,2\nt1", "H,two\nt1", 3, "stop_sequence", "is not a whole number"),
    ("stop_times.txt", "H,2\nt1", "H,1\nt1", None, "stop_sequence", 'trip "t1" has one number twice'),
    ("stop_times.txt", "t3,9:05", "t4,9:05", 9, "trip_id", '"t4" is not in trips.txt'),
    ("fare_attributes.txt", "1500", "-1500", 2, "price", "is negative"),
    ("fare_attributes.txt", "1500", "15.50", 2, "price", "more than 0 decimals"),
    ("fare_attributes.txt", "1500", "1,500", 2, None, "put quotes around"),
    ("fare_attributes.txt", "1500", "9999999999", 2, "price", "is too much for a ride"),
    ("fare_attributes.txt", "1500,KRW", "1500,WON", 2, "currency_type", "currency 'WON' is not known"),
    ("fare_attributes.txt", "2300,KRW", "2300,USD", None, None, "an issuer sells in one currency"),
    ("fare_attributes.txt", "KRW,0\nfar", "KRW,5\nfar", 2, "transfers", "is not 0, 1, 2 or empty"),
    (
        "fare_attributes.txt",
        "transfers\nnear,1500,KRW,0",
        "transfers,transfer_duration\nnear,1500,KRW,1,1h",
        2,
        "transfer_duration",
        "is not a number of seconds",
    ),
    ("fare_attributes.txt", "far,", "near,", 3, "fare_id", "on an earlier row too"),
    ("fare_rules.txt", "far,,a", "fax,,a", 4, "fare_id", '"fax" is not in fare_attributes.txt'),
    ("fare_rules.txt", "far,,a", "far,r9,a", 4, "route_id", '"r9" is not in routes.txt'),
]


@pytest.mark.parametrize("case", SPOILED, ids=lambda case: f"{case[0]}-{case[2][:20]}")
def test_a_fault_is_told_where_it_is(tmp_path: Path, case: tuple[str, str, str, int | None, str | None, str]) -> None:
    file, old, new, row, field, reason = case
    fault = the_feed_fault(a_folder(tmp_path, replaced(file, old, new)))
    assert (fault.file, fault.row, fault.field) == (file, row, field)
    assert reason in fault.reason


def test_a_trailing_quote_without_its_partner_is_a_fault_of_the_last_line(tmp_path: Path) -> None:
    fault = the_feed_fault(a_folder(tmp_path, replaced("routes.txt", "Summit", '"Summit')))
    assert (fault.file, fault.row) == ("routes.txt", 3)


@pytest.mark.parametrize("file", sorted(FEED.keys() - {"fare_rules.txt"}))
def test_a_missing_file_is_named(tmp_path: Path, file: str) -> None:
    fault = the_feed_fault(a_zip(tmp_path, {file: None}))
    assert fault.file == f"feed.zip/{file}"
    assert "is missing" in fault.reason


def test_a_feed_with_fares_of_version_2_only_is_told_what_to_do(tmp_path: Path) -> None:
    fault = the_feed_fault(a_folder(tmp_path, {"fare_attributes.txt": None, "fare_products.txt": "x\n"}))
    assert "export fares version 1 too" in fault.reason


@pytest.mark.parametrize("file", ["agency.txt", "fare_attributes.txt", "trips.txt"])
def test_a_table_of_nothing_but_a_header_cannot_be_sold_from(tmp_path: Path, file: str) -> None:
    with pytest.raises(ImportRefused):
        read_gtfs(a_folder(tmp_path, {file: FEED[file].partition("\n")[0]}))


def test_an_empty_table_has_no_header(tmp_path: Path) -> None:
    assert "has no header" in the_feed_fault(a_folder(tmp_path, {"routes.txt": ""})).reason


def test_a_row_in_another_encoding_is_told_by_its_line(tmp_path: Path) -> None:
    fault = the_feed_fault(a_folder(tmp_path, {"stops.txt": FEED["stops.txt"].replace("Hill", "언덕").encode("cp949")}))
    assert (fault.file, fault.row) == ("stops.txt", 5)
    assert "is not UTF-8" in fault.reason


def test_one_bad_stop_is_told_once_and_not_for_each_of_its_calls(tmp_path: Path) -> None:
    fault = the_feed_fault(a_folder(tmp_path, replaced("stops.txt", "34.1,126.1,a,0,P\nP2", "134.1,126.1,a,0,P\nP2")))
    assert fault.field == "stop_lat"


def test_many_faults_keep_the_first_twenty_and_count_all(tmp_path: Path) -> None:
    rows = "".join(f"x{number},near,KRW,0\n" for number in range(50))
    fares = "fare_id,price,currency_type,transfers\n" + rows
    with pytest.raises(ImportRefused) as refused:
        read_gtfs(a_folder(tmp_path, {"fare_attributes.txt": fares}))
    assert (len(refused.value.faults), refused.value.total) == (FAULTS_KEPT, 50)
    assert "Nothing was imported: 50 faults." in str(refused.value)
    assert "fare_attributes.txt:2 price: 'near' is not a price" in str(refused.value)
    assert "… and 30 more" in str(refused.value)


def test_two_agencies_of_one_name_cannot_share_a_slug(tmp_path: Path) -> None:
    fault = the_feed_fault(
        a_folder(
            tmp_path,
            {
                "agency.txt": FEED["agency.txt"] + "F,METRO,https://f.example,Asia/Seoul,ko\n",
                "routes.txt": "route_id,agency_id\nr1,M\nr2,F\n",
                "fare_attributes.txt": (
                    "fare_id,price,currency_type,transfers,agency_id\nnear,1,KRW,0,M\nfar,2,KRW,0,F\n"
                ),
                "fare_rules.txt": None,
            },
        )
    )
    assert 'would both be "metro"' in fault.reason


# --- what the GTFS reference allows ---------------------------------------------------------------------------------


def test_a_bom_crlf_quotes_blank_lines_spaces_and_extra_columns_change_nothing(tmp_path: Path) -> None:
    plain, odd = tmp_path / "plain", tmp_path / "odd"
    plain.mkdir()
    odd.mkdir()

    def oddly(text: str) -> bytes:
        header, *rows = text.splitlines()
        lines = [f"{header} , extra", "", *(f'{row} ,"a ""quoted"", thing"' for row in rows), ",,", "   "]
        return b"\xef\xbb\xbf" + "\r\n".join(lines).encode()

    changed: dict[str, str | bytes | None] = {name: oddly(text) for name, text in FEED.items()}
    assert read_gtfs(a_folder(odd, changed)) == read_gtfs(a_folder(plain))


def test_optional_columns_may_be_left_out(tmp_path: Path) -> None:
    stops = "stop_id,stop_name,stop_lat,stop_lon\nP1,Port,34,126\nP2,Quay,34,126\nH,Hill,34,126\nB,Beach,34,126\n"
    agency = "agency_name,agency_url,agency_timezone\nMetro,https://m.example,Asia/Seoul\n"
    folder = a_folder(tmp_path, {"stops.txt": stops, "agency.txt": agency, "fare_rules.txt": "fare_id\nnear\nfar\n"})
    catalogue, report = read_gtfs(folder)
    assert [stop.zone for stop in catalogue.issuers[0].stops] == [None] * 4
    assert "names are taken for English" in "\n".join(report.notes)


# --- hostile archives -----------------------------------------------------------------------------------------------


def test_a_zip_bomb_is_refused_before_it_is_inflated(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    chunk = b"a," * 500_000
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("stops.txt", "w") as entry,
    ):
        for _ in range(60):
            entry.write(chunk)
    tracemalloc.start()
    with pytest.raises(ImportRefused) as refused:
        read_gtfs(path)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "as only a zip bomb does" in str(refused.value)
    assert "60,000,000 bytes; one file may have 50,000,000" in str(refused.value)
    assert peak_bytes < 1_000_000


def test_an_entry_that_lies_about_its_size_is_not_read_beyond_what_it_says(tmp_path: Path) -> None:
    path = a_zip(tmp_path, {"stops.txt": FEED["stops.txt"] + "X,X,34,126,c,0,\n" * 100_000})
    content = bytearray(path.read_bytes())
    record = content.rindex(b"stops.txt") - 46  # the central directory's header is 46 bytes before the name
    content[record + 24 : record + 28] = (200).to_bytes(4, "little")  # its uncompressed size
    path.write_bytes(content)
    fault = the_feed_fault(path)
    assert fault.file == "stops.txt"
    assert "cannot be unpacked" in fault.reason


@pytest.mark.parametrize("name", ["feed/stops.txt", "../stops.txt", "..\\stops.txt", "/etc/stops.txt", "a..txt"])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    assert "zip the .txt files themselves" in the_feed_fault(a_zip(tmp_path, {name: "x"})).reason


def test_a_file_twice_in_the_zip_is_refused(tmp_path: Path) -> None:
    path = a_zip(tmp_path)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("stops.txt", "")
    assert "is in the zip twice" in the_feed_fault(path).reason


def test_an_unusual_compression_is_refused(tmp_path: Path) -> None:
    path = a_zip(tmp_path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_LZMA) as archive:
        archive.writestr("extra.txt", "x" * 100)
    assert "unusual way" in the_feed_fault(path).reason


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(entries_max=3), "a feed has at most 3"),
        (Limits(total_bytes_max=100), "a feed may have 100"),
        (Limits(file_bytes_max=500), "one file may have 500"),
    ],
)
@pytest.mark.parametrize("packed", [True, False])
def test_limits_hold_for_zips_and_folders(tmp_path: Path, limits: Limits, reason: str, *, packed: bool) -> None:
    big: dict[str, str | bytes | None] = {"shapes.txt": "x" * 600}
    path = a_zip(tmp_path, big) if packed else a_folder(tmp_path, big)
    if not packed and limits.entries_max == 3:
        assert read_gtfs(path, limits=limits)  # a folder's owner put the files there
        return
    with pytest.raises(ImportRefused) as refused:
        read_gtfs(path, limits=limits)
    assert reason in str(refused.value)


def test_an_endless_line_is_refused(tmp_path: Path) -> None:
    fault = the_feed_fault(a_folder(tmp_path, {"routes.txt": FEED["routes.txt"] + "x" * 200_000}))
    assert (fault.row, "is a quote missing?" in fault.reason) == (4, True)


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "feed.zip"
    path.write_bytes(content)
    with pytest.raises(ImportRefused):
        read_gtfs(path)


def test_a_path_where_nothing_is_is_refused_in_words(tmp_path: Path) -> None:
    assert "check the path" in the_feed_fault(tmp_path / "nowhere.zip").reason


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_zip_with_any_bytes_changed_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(a_zip(tmp_path).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "changed.zip"
    path.write_bytes(content)
    with contextlib.suppress(ImportRefused):
        read_gtfs(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(FEED)), st.binary(max_size=200))
def test_any_bytes_in_any_table_are_read_or_refused(tmp_path: Path, file: str, content: bytes) -> None:
    with contextlib.suppress(ImportRefused):
        read_gtfs(a_folder(tmp_path, {file: content}))


CELLS = st.text(alphabet='01-.,"\n\r \x00ab€PHt1r2naer', max_size=12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(FEED)), st.lists(st.lists(CELLS, min_size=7, max_size=7), max_size=4))
def test_any_cells_under_the_right_header_are_read_or_refused(tmp_path: Path, file: str, rows: list[list[str]]) -> None:
    text = io.StringIO()
    text.write(FEED[file])
    text.writelines(",".join(row) + "\n" for row in rows)
    with contextlib.suppress(ImportRefused):
        read_gtfs(a_folder(tmp_path, {file: text.getvalue()}), carnet=100)
