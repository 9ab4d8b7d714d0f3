"""A program that is built: what it is made of is not looked at again."""

from __future__ import annotations

import gc

from app.cli.serving import YOUNG_OBJECTS, settle


def test_the_collector_looks_only_at_what_is_made_from_now_on() -> None:
    thresholds = gc.get_threshold()
    built: list[list[int]] = [[1]]
    try:
        settle()
        made: list[list[int]] = [[2]]

        looked_at = {id(one) for one in gc.get_objects()}
        assert id(built) not in looked_at
        assert id(made) in looked_at
        assert gc.get_threshold()[0] == YOUNG_OBJECTS
    finally:
        gc.set_threshold(*thresholds)
