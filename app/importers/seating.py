"""A seating plan in the public JSON format that pretix reads and writes, with standing areas as our extension.

A plan has zones, a zone has rows, a row has seats; each position is relative to what encloses it, so a seat's place
on the drawing is zone + row + seat. Keys we do not know are passed over, as other programs add their own.
docs/reference/seating-file.md describes the file.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from app.domain.catalogue import (
    AreaDraft,
    CategoryDraft,
    PlaceDraft,
    Report,
    SeatingDraft,
    Shape,
    StandingDraft,
    is_slug,
)
from app.importers.json_nodes import Node, parse_json
from app.importers.reading import (
    COLOUR,
    NAME_CHARS_MAX,
    Faults,
    Notes,
    Progress,
    no_progress,
    read_bytes,
    slugify,
)

PLAN_BYTES_MAX = 20_000_000
PLACES_MAX = 100_000
AREAS_MAX = 5_000
DECIMALS = 3
CATEGORIES_MAX = 100
STANDING_KEY = "standing"
SHAPES: dict[str, Shape] = {
    "rectangle": "rectangle",
    "circle": "ellipse",
    "ellipse": "ellipse",
    "polygon": "polygon",
    "text": "text",
}
"""The file's shapes, and what we call them."""


def read_seating(
    path: Path, *, slug: str | None = None, progress: Progress = no_progress
) -> tuple[SeatingDraft, Report]:
    """Read the plan at `path`. Its slug is the file's name unless given: the same slug later updates the same plan.

    Raises ImportRefused with the faults of the file, each with its JSON pointer.
    """
    faults, notes = Faults(), Notes()
    slug = slugify(path.stem) if slug is None else slug
    if not is_slug(slug):
        faults.add(path.name, "the file's name has no Latin letter or digit to make a slug of; rename it")
    content = parse_json(path.name, read_bytes(path, bytes_max=PLAN_BYTES_MAX))
    top = Node.of(path.name, faults, "", content)
    faults.raise_any()
    plan = _Plan(faults=faults, notes=notes)
    name = top.text("name", chars_max=NAME_CHARS_MAX)
    plan.read_categories(top)
    zones = list(top.children("zones"))
    for index, zone in enumerate(zones):
        progress(index, len(zones), path.name)
        plan.read_zone(zone, index)
    size = top.child("size")
    width, height = size.number("width"), size.number("height")
    plan.finish(path.name)
    faults.raise_any()
    progress(len(zones), len(zones), path.name)
    draft = SeatingDraft(
        slug=slug,
        name=name,
        categories=tuple(plan.categories.values()),
        places=tuple(plan.places),
        width=width,
        height=height,
        standing=tuple(plan.standing),
        areas=tuple(plan.areas),
    )
    return draft, Report(notes.all())


@dataclass(slots=True)
class _Plan:
    """A plan as far as it is read."""

    faults: Faults
    notes: Notes
    categories: dict[str, CategoryDraft] = field(default_factory=dict)
    places: list[PlaceDraft] = field(default_factory=list)
    standing: list[StandingDraft] = field(default_factory=list)
    areas: list[AreaDraft] = field(default_factory=list)
    guids: set[str] = field(default_factory=set)

    def read_categories(self, top: Node) -> None:
        for node in top.children("categories"):
            name = node.text("name")
            if name in self.categories:
                node.fault("name", f'"{name}" is a category already; names must differ')
            self.categories[name] = CategoryDraft(name, self.colour(node, "color"))
        if len(self.categories) > CATEGORIES_MAX:
            top.fault("categories", f"has more than {CATEGORIES_MAX} categories")

    def read_zone(self, node: Node, index: int) -> None:
        zone = node.optional_text("name") or node.optional_text("zone_id") or f"Zone {index + 1}"
        left, top = node.point("position")
        for row in node.children("rows"):
            self._read_row(row, zone, left, top)
        for area in node.children("areas", required=False):
            self._read_area(area, zone, left, top)
        if node.has(STANDING_KEY):
            key = node.optional_text("uuid") or node.optional_text("zone_id") or zone
            self._read_standing(node.child(STANDING_KEY), zone, key)

    def _read_row(self, node: Node, zone: str, left: float, top: float) -> None:
        number = node.text("row_number", empty=True)
        row_x, row_y = node.point("position", required=False)
        for seat in node.children("seats"):
            x, y = seat.point("position")
            self._add(
                seat,
                PlaceDraft(
                    guid=self._guid(seat),
                    category=self._category(seat),
                    numbered=True,
                    zone=zone,
                    row=number or None,
                    seat=seat.text("seat_number"),
                    x=round(left + row_x + x, DECIMALS),
                    y=round(top + row_y + y, DECIMALS),
                ),
            )

    def _guid(self, seat: Node) -> str:
        guid = seat.text("seat_guid")
        if guid and guid in self.guids:
            seat.fault("seat_guid", f'"{guid}" is another place already; every seat needs its own')
        self.guids.add(guid)
        return guid

    def _category(self, node: Node) -> str:
        name = node.text("category")
        if name and name not in self.categories:
            node.fault("category", f'"{name}" is not among the categories at the top of the file')
        return name

    def _read_standing(self, node: Node, zone: str, key: str) -> None:
        """Each standing place is a place of its own, unnumbered; its guid counts up within the zone."""
        category = self._category(node)
        capacity = node.count("capacity", most=PLACES_MAX)
        self.standing.append(StandingDraft(zone, category, capacity))
        for number in range(1, capacity + 1):
            guid = f"{key}#{number}"
            if guid in self.guids:
                node.fault("capacity", f'"{guid}" is another place already; give the zone its own zone_id')
                return
            self.guids.add(guid)
            self._add(node, PlaceDraft(guid, category, False, zone, None, None, None, None))
            if len(self.places) > PLACES_MAX:
                return

    def _add(self, node: Node, place: PlaceDraft) -> None:
        if len(self.places) == PLACES_MAX:
            node.fault("", f"is beyond {PLACES_MAX:,} places, the most a plan may have; split the plan")
        self.places.append(place)

    def _read_area(self, node: Node, zone: str, left: float, top: float) -> None:
        x, y = node.point("position", required=False)
        x, y = left + x, top + y
        written = node.optional_text("shape") or "rectangle"
        shape = SHAPES.get(written)
        if shape is None:
            self.notes.add(f'areas of shape "{written}" are not understood and not drawn')
            return
        width, height, corners = _extent(node, written)
        label = ""
        if node.has("text"):  # the format's first version had the bare text here
            bare = isinstance(node.members["text"], str)
            label = node.optional_text("text") if bare else node.child("text").text("text", empty=True)
        self.areas.append(
            AreaDraft(
                shape=shape,
                zone=zone,
                x=x,
                y=y,
                width=width,
                height=height,
                points=tuple((x + corner_x, y + corner_y) for corner_x, corner_y in corners),
                rotation=node.number("rotation") if node.has("rotation") else 0.0,
                colour=self.colour(node, "color"),
                label=label or None,
            )
        )

    def colour(self, node: Node, key: str) -> str | None:
        """Only #rgb and #rrggbb: the page puts it into a style, where any other text has no business."""
        colour = node.optional_text(key)
        if not colour or COLOUR.fullmatch(colour):
            return colour or None
        self.notes.add(f'colour "{colour}" is not like #1a2b3c and was left out')
        return None

    def finish(self, file: str) -> None:
        """What only shows when all is read."""
        if not self.places and not self.faults.total:
            self.faults.add(file, "has no place to sell: no seat and no standing area", field="/zones")
        if len(self.areas) > AREAS_MAX:
            self.faults.add(file, f"has more than {AREAS_MAX:,} areas", field="/zones")
        used = {place.category for place in self.places}
        for name in (name for name in self.categories if name not in used):
            self.notes.add(f'no place is of category "{name}"')
        labels = Counter((place.zone, place.row, place.seat) for place in self.places if place.numbered)
        for (zone, row, seat), count in labels.items():
            if count > 1:
                self.notes.add(
                    f"{count} seats are all called {zone}, row {row}, seat {seat}; a holder cannot tell which"
                )


def _extent(node: Node, shape: str) -> tuple[float, float, list[tuple[float, float]]]:
    """The whole width and height of an area, and a polygon's corners around its position."""
    match shape:
        case "rectangle":
            size = node.child("rectangle") if node.has("shape") else node  # the first version had no shape
            return size.number("width"), size.number("height"), []
        case "circle":
            diameter = 2 * node.child("circle").number("radius")
            return diameter, diameter, []
        case "ellipse":
            radius_x, radius_y = node.child("ellipse").point("radius")
            return 2 * radius_x, 2 * radius_y, []
        case "polygon":
            corners = node.child("polygon").children("points")
            return 0.0, 0.0, [(corner.number("x"), corner.number("y")) for corner in corners]
        case _:
            return 0.0, 0.0, []
