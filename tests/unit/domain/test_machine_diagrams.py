"""The page of states is what the machines draw: it is made, never edited."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from app.domain.booking import BOOKING
from app.domain.ticket import TICKET

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture(scope="module")
def maker() -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "make_states.py"))


def test_the_page_of_states_is_fresh(maker: dict[str, Any]) -> None:
    stored = (DOCS / "reference" / "states.md").read_text(encoding="utf-8")
    assert stored == maker["page"](), "docs/reference/states.md is stale: run `python docs/make_states.py`"


def test_the_page_draws_every_machine(maker: dict[str, Any]) -> None:
    headings = [line for line in maker["page"]().splitlines() if line.startswith("## ")]
    assert headings == [
        "## Booking",
        "## Delivery",
        "## Dispute",
        "## Gate",
        "## Hand-over",
        "## Offer",
        "## Payment",
        "## Refund",
        "## Ticket",
    ]


def test_a_diagram_begins_at_the_start_and_names_every_arrow() -> None:
    assert TICKET.diagram().splitlines() == [
        "stateDiagram-v2",
        "    [*] --> valid",
        "    valid --> suspended: be suspended",
        "    suspended --> valid: be resumed",
        "    suspended --> revoked: be revoked",
        "    valid --> revoked: be revoked",
    ]


def test_an_event_of_several_states_is_drawn_once_from_each_in_the_same_order_always() -> None:
    arrows = [line.strip() for line in BOOKING.diagram().splitlines() if line.endswith(": expire")]
    assert arrows == ["held --> expired: expire", "paying --> expired: expire"]
