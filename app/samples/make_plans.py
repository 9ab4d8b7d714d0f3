"""Draws the two sample seating plans; `python -m app.samples.make_plans` writes them beside this file.

Rows are arcs around a point on or behind the stage, seats stand a seat's width apart along them, and aisles part
them into blocks, so that the plans look and measure like halls. Nothing is left to chance: the same plan each time.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypedDict

from app.samples import ARENA, THEATRE


class Point(TypedDict):
    x: float
    y: float


class Seat(TypedDict):
    seat_guid: str
    seat_number: str
    category: str
    position: Point


class Row(TypedDict):
    row_number: str
    position: Point
    seats: list[Seat]


class Zone(TypedDict, total=False):
    name: str
    zone_id: str
    position: Point
    rows: list[Row]
    areas: list[object]
    standing: dict[str, object]


class Plan(TypedDict):
    name: str
    size: dict[str, int]
    categories: list[dict[str, str]]
    zones: list[Zone]


SEAT_PITCH = 26.0
ROW_DEPTH = 34.0


def theatre() -> Plan:
    """202 seats: 142 on the floor, where R is nearer the stage than S, and a balcony of 60 in A."""
    width, height = 760, 720
    stage_centre = point(width / 2, -420)
    floor = curved(
        "1F",
        stage_centre,
        first_radius=620,
        counts=(14, 16, 16, 18, 18, 20, 20, 20),
        categories="RRRRSSSS",
    )
    balcony = curved("2F", stage_centre, first_radius=970, counts=(18, 20, 22), categories="AAA")
    stage: Zone = {
        "name": "Stage",
        "zone_id": "stage",
        "position": point(0, 0),
        "rows": [],
        "areas": [rectangle(point(170, 30), width=420, height=100, label="STAGE", colour="#d9d3c7")],
    }
    return {
        "name": "하늘예술극장 대극장 · Haneul Arts Theatre, main hall",
        "size": {"width": width, "height": height},
        "categories": [
            {"name": "R", "color": "#8e2a4b"},
            {"name": "S", "color": "#1f6f8b"},
            {"name": "A", "color": "#6b7a2f"},
        ],
        "zones": [stage, floor, balcony],
    }


def curved(name: str, centre: Point, *, first_radius: float, counts: Sequence[int], categories: str) -> Zone:
    """A block of rows A, B, C… in three parts, with an aisle as wide as a seat between them."""
    rows: list[Row] = []
    for index, (count, category) in enumerate(zip(counts, categories, strict=True)):
        radius = first_radius + index * ROW_DEPTH
        letter = "ABCDEFGHJKLMNP"[index]  # no I and no O, as halls number
        side = count // 4
        steps = [seat + (seat >= side) + (seat >= count - side) for seat in range(count)]
        middle = steps[-1] / 2
        seats = [
            seat_at(f"{name}-{letter}-{number}", number, category, radius, (step - middle) * SEAT_PITCH / radius)
            for number, step in enumerate(steps, start=1)
        ]
        rows.append({"row_number": letter, "position": point(0, 0), "seats": seats})
    return {"name": name, "zone_id": name, "position": centre, "rows": rows, "areas": []}


LOWER_SECTIONS, LOWER_ROWS, LOWER_RADIUS = 16, 14, 1_240.0
UPPER_SECTIONS, UPPER_ROWS, UPPER_RADIUS = 20, 12, 1_710.0
BOWL_DEGREES = 260.0
ARENA_PITCH = 18.0
ARENA_ROW_DEPTH = 24.0
ARENA_AISLE = 34.0
STANDING_BLOCKS = (("A", -400), ("B", 20), ("C", -400), ("D", 20))
STANDING_CAPACITY = 655


def arena() -> Plan:
    """12,000 places: a bowl of two tiers, open behind the stage, and four standing blocks on the floor."""
    width, height = 4_200, 3_800
    centre = point(width / 2, 1_640)
    zones: list[Zone] = [
        {
            "name": "Stage",
            "zone_id": "stage",
            "position": centre,
            "rows": [],
            "areas": [rectangle(point(-520, -1_060), width=1_040, height=320, label="STAGE", colour="#d9d3c7")],
        }
    ]
    for index, (name, left) in enumerate(STANDING_BLOCKS):
        zones.append(standing_block(name, centre, left=left, top=-620 + 640 * (index // 2)))
    zones += bowl(
        centre, first=101, sections=LOWER_SECTIONS, rows=LOWER_ROWS, radius=LOWER_RADIUS, categories=("R", "S")
    )
    zones += bowl(
        centre, first=201, sections=UPPER_SECTIONS, rows=UPPER_ROWS, radius=UPPER_RADIUS, categories=("A", "A")
    )
    return {
        "name": "가온아레나 · Gaon Arena, end stage",
        "size": {"width": width, "height": height},
        "categories": [
            {"name": "STANDING", "color": "#5b4b8a"},
            {"name": "R", "color": "#8e2a4b"},
            {"name": "S", "color": "#1f6f8b"},
            {"name": "A", "color": "#6b7a2f"},
        ],
        "zones": zones,
    }


def standing_block(name: str, centre: Point, *, left: float, top: float) -> Zone:
    return {
        "name": name,
        "zone_id": f"floor-{name}",
        "position": point(centre["x"] + left, centre["y"] + top),
        "rows": [],
        "areas": [rectangle(point(0, 0), width=380, height=600, label=name, colour="#5b4b8a")],
        "standing": {"capacity": STANDING_CAPACITY, "category": "STANDING"},
    }


def bowl(
    centre: Point, *, first: int, sections: int, rows: int, radius: float, categories: tuple[str, str]
) -> Iterable[Zone]:
    """One tier: sections side by side around the floor, each row as long as its arc allows."""
    span = math.radians(BOWL_DEGREES) / sections
    for section in range(sections):
        name = str(first + section)
        heading = (section + 0.5) * span - math.radians(BOWL_DEGREES) / 2
        lines: list[Row] = []
        for row in range(rows):
            here = radius + row * ARENA_ROW_DEPTH
            count = int((span * here - ARENA_AISLE) / ARENA_PITCH)
            category = categories[0] if row < rows // 2 else categories[1]
            seats = [
                seat_at(
                    f"{name}-{row + 1}-{number}",
                    number,
                    category,
                    here,
                    heading + (number - (count + 1) / 2) * ARENA_PITCH / here,
                )
                for number in range(1, count + 1)
            ]
            lines.append({"row_number": str(row + 1), "position": point(0, 0), "seats": seats})
        yield {"name": name, "zone_id": name, "position": centre, "rows": lines, "areas": []}


def seat_at(guid: str, number: int, category: str, radius: float, angle: float) -> Seat:
    """`angle` in radians from straight away from the stage; positive is to the right on the drawing."""
    return {
        "seat_guid": guid,
        "seat_number": str(number),
        "category": category,
        "position": point(radius * math.sin(angle), radius * math.cos(angle)),
    }


def rectangle(corner: Point, *, width: int, height: int, label: str, colour: str) -> dict[str, object]:
    return {
        "shape": "rectangle",
        "position": corner,
        "rectangle": {"width": width, "height": height},
        "color": colour,
        "text": {"text": label, "position": point(width / 2, height / 2)},
    }


def point(x: float, y: float) -> Point:
    return {"x": round(x, 1), "y": round(y, 1)}


def written(plan: Plan) -> str:
    """The file's text: a line for each row of seats, so that a change of one row is a change of one line."""
    zones = []
    for zone in plan["zones"]:
        rows = ",\n".join(compact(row) for row in zone["rows"])
        rest = compact({key: value for key, value in zone.items() if key != "rows"})
        zones.append(f'{rest[:-1]},"rows":[\n{rows}\n]}}' if rows else f'{rest[:-1]},"rows":[]}}')
    head = compact({key: value for key, value in plan.items() if key != "zones"})
    return f'{head[:-1]},"zones":[\n' + ",\n".join(zones) + "\n]}\n"


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


FILES = {THEATRE: theatre, ARENA: arena}


def main() -> None:
    for path, plan in FILES.items():
        Path(path).write_text(written(plan()), encoding="utf-8")


if __name__ == "__main__":
    main()
