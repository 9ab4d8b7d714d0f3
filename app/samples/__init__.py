"""What the demo sells, and what a newcomer copies to begin: a catalogue, two seating plans, a bus feed.

All of it is of our own making; people, places and telephone numbers are invented.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
CATALOGUE = FOLDER / "catalogue.yaml"
THEATRE = FOLDER / "theatre.json"
ARENA = FOLDER / "arena.json"
ISLAND_BUS = FOLDER / "island-bus-gtfs"
