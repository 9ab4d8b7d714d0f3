"""A small GTFS feed, a small seating plan and a small catalogue that are right, to be spoiled one thing at a time."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.domain.catalogue import Fault, ImportRefused

NOW = datetime(2026, 5, 31, 16, 0, tzinfo=UTC)
"""Already 1 June in Seoul."""

FEED: Mapping[str, str] = {
    "agency.txt": "agency_id,agency_name,agency_url,agency_timezone,agency_lang\nM,Metro,https://m.example,Asia/Seoul,en\n",
    "stops.txt": (
        "stop_id,stop_name,stop_lat,stop_lon,zone_id,location_type,parent_station\n"
        "P,Port,34.1,126.1,,1,\n"
        "P1,Port bay 1,34.1,126.1,a,0,P\n"
        "P2,Port bay 2,34.1,126.1,a,0,P\n"
        "H,Hill,34.2,126.2,b,,\n"
        "B,Beach,34.3,126.3,c,,\n"
    ),
    "routes.txt": "route_id,route_short_name,route_long_name,route_type\nr1,1,Coast,3\nr2,,Summit,3\n",
    "trips.txt": "route_id,service_id,trip_id\nr1,s,t1\nr1,s,t2\nr2,s,t3\n",
    "stop_times.txt": (
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
        "t1,8:00:00,8:00:00,P1,1\nt1,8:05:00,8:05:00,H,2\nt1,8:09:00,8:09:00,B,10\n"
        "t2,9:00:00,9:00:00,P2,1\nt2,9:05:00,9:05:00,H,2\nt2,9:09:00,9:09:00,B,10\n"
        "t3,9:00:00,9:00:00,P2,1\nt3,9:05:00,9:05:00,H,2\n"
    ),
    "fare_attributes.txt": "fare_id,price,currency_type,transfers\nnear,1500,KRW,0\nfar,2300,KRW,0\n",
    "fare_rules.txt": "fare_id,route_id,origin_id,destination_id\nnear,,a,b\nnear,,b,c\nfar,,a,c\n",
}

PLAN: Mapping[str, Any] = {
    "name": "Small hall",
    "size": {"width": 300, "height": 200},
    "categories": [{"name": "R", "color": "#a00"}, {"name": "Floor", "color": "#00aa00"}],
    "zones": [
        {
            "name": "Stalls",
            "position": {"x": 100, "y": 10},
            "rows": [
                {
                    "row_number": "A",
                    "position": {"x": 20, "y": 5},
                    "seats": [
                        {"seat_guid": "A-1", "seat_number": "1", "category": "R", "position": {"x": 3, "y": 1}},
                        {"seat_guid": "A-2", "seat_number": "2", "category": "R", "position": {"x": 6.5, "y": 1}},
                    ],
                }
            ],
            "areas": [
                {
                    "shape": "rectangle",
                    "position": {"x": 1, "y": 2},
                    "rectangle": {"width": 50, "height": 9},
                    "color": "#ccc",
                    "text": {"text": "STAGE", "position": {"x": 0, "y": 0}},
                }
            ],
        },
        {
            "name": "Pit",
            "zone_id": "pit",
            "position": {"x": 0, "y": 0},
            "rows": [],
            "standing": {"capacity": 3, "category": "Floor"},
        },
    ],
}

CATALOGUE = """\
catalogue: 1
issuers:
  - slug: small-hall
    name: {ko: 작은극장, en: Small Hall}
    timezone: Asia/Seoul
    currency: KRW
    language: ko
    url: https://small.example
    phone: 02-000-0100
    venues:
      - slug: hall
        name: 작은극장
        address: {ko: 서울, en: Seoul}
    seating:
      - {slug: hall, file: plan.json}
    stops:
      - {code: p, name: {ko: 포구}, zone: a, lat: 34.1, lon: 126.1}
      - {code: h, name: {ko: 언덕}, zone: b, lat: 34.2, lon: 126.2}
    routes:
      - {code: r1, name: {ko: 해안선}, patterns: [[p, h], [h, p]]}
    products:
      - slug: play
        kind: admission
        title: {ko: 연극, en: A play}
        description: {ko: 좋은 연극, en: A good play}
        venue: hall
        seating: hall
        refund: until_start
        doors: start-30m
        ends: start+2h
        prices:
          - {category: R, name: {ko: R석, en: R seat}, amount: 45000, colour: "#8e2a4b"}
          - {category: Floor, name: {ko: 스탠딩, en: Standing}, amount: 30000}
        occasions:
          - {starts: 2026-06-05 19:30}
          - {starts: "+2d 14:00", doors: start-1h}
      - slug: bus
        kind: ride
        title: {ko: 버스}
        description: {ko: 버스}
        uses: 10
        valid_days: 180
        prices:
          - {category: adult, name: {ko: 어른}, amount: 1500, origin_zone: a, destination_zone: b, route: r1}
      - slug: gift
        kind: voucher
        title: {ko: 상품권}
        description: {ko: 상품권}
        face_value: 50000
        valid_days: 1825
        prices:
          - {category: gift, name: {ko: 5만 원}, amount: 48000}
"""


def a_folder(path: Path, changes: Mapping[str, str | bytes | None] | None = None) -> Path:
    """The small feed as a folder; `changes` replace whole files, and None leaves one out."""
    for name, content in ({**FEED} | dict(changes or {})).items():
        if content is not None:
            (path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def a_zip(path: Path, changes: Mapping[str, str | bytes | None] | None = None) -> Path:
    """The small feed as a zip file."""
    archive_path = path / "feed.zip"
    with zipfile.ZipFile(archive_path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in ({**FEED} | dict(changes or {})).items():
            if content is not None:
                archive.writestr(name, content)
    return archive_path


def a_plan(path: Path, spoil: Callable[[Any], object] = lambda _: None) -> Path:
    """The small plan as a file, after `spoil` has changed it in place."""
    plan = deepcopy(dict(PLAN))
    spoil(plan)
    file = path / "plan.json"
    file.write_text(json.dumps(plan), encoding="utf-8")
    return file


def a_catalogue(path: Path, *changes: tuple[str, str]) -> Path:
    """The small catalogue beside the small plan; each change replaces the first of one text, which must be there."""
    text = CATALOGUE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    a_plan(path)
    file = path / "catalogue.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def the_fault(read: Callable[[], object]) -> Fault:
    """The one fault that `read` is refused for."""
    with pytest.raises(ImportRefused) as refused:
        read()
    assert refused.value.total == 1, str(refused.value)
    return refused.value.faults[0]
