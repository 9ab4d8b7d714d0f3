"""What a product says about its use at the gate: told and read back, and refused where it says nothing sensible."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.entry_rules import (
    AMOUNT_MAX,
    PASS_BACK_SECONDS_MAX,
    WINDOW_MINUTES_MAX,
    EntryRules,
    Face,
    Faces,
    Offline,
)

RULES = st.builds(
    EntryRules,
    faces=st.sampled_from(Faces),
    retires_static=st.booleans(),
    reentry=st.booleans(),
    pass_back_seconds=st.integers(0, PASS_BACK_SECONDS_MAX),
    window_minutes=st.none() | st.integers(1, WINDOW_MINUTES_MAX),
    group=st.booleans(),
    offline=st.sampled_from(Offline),
    offline_floor=st.integers(0, AMOUNT_MAX),
)


@given(RULES)
def test_what_is_told_is_read_back(rules: EntryRules) -> None:
    assert EntryRules.of(rules.told()) == rules


def test_what_is_left_out_is_as_everywhere() -> None:
    assert EntryRules.of({}) == EntryRules()
    assert EntryRules.of({"window_minutes": None}) == EntryRules()


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"pass_back_seconds": -1}, "pass_back_seconds is 0 to"),
        ({"pass_back_seconds": PASS_BACK_SECONDS_MAX + 1}, "pass_back_seconds is 0 to"),
        ({"window_minutes": 0}, "window_minutes is 1 to"),
        ({"window_minutes": WINDOW_MINUTES_MAX + 1}, "window_minutes is 1 to"),
        ({"offline_floor": AMOUNT_MAX + 1}, "offline_floor is 0 to"),
        ({"offline_floor": True}, "offline_floor is a whole number"),
        ({"pass_back_seconds": None}, "pass_back_seconds is a whole number"),
        ({"window_minutes": "60"}, "window_minutes is a whole number"),
        ({"reentry": 1}, "reentry is true or false"),
        ({"faces": "photo"}, "photo"),
        ({"offline": "maybe"}, "maybe"),
        ({"doors": "wide"}, "doors is no rule of a gate"),
    ],
)
def test_what_says_nothing_sensible_is_refused_with_its_name(told: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        EntryRules.of(told)


def test_a_product_takes_the_faces_it_names() -> None:
    taken = {faces: {face for face in Face if faces.take(face)} for faces in Faces}

    assert taken[Faces.ANY] == set(Face)
    assert taken[Faces.LIVING_OR_PIN] == {Face.LIVING, Face.PIN}
    assert taken[Faces.LIVING] == {Face.LIVING}


@pytest.mark.parametrize(
    ("rules", "by_message", "in_the_app"),
    [
        (EntryRules(), set(Face), set(Face)),
        (EntryRules(retires_static=True), set(Face), {Face.PIN, Face.LIVING}),
        (EntryRules(faces=Faces.LIVING_OR_PIN), {Face.PIN, Face.LIVING}, {Face.PIN, Face.LIVING}),
        (EntryRules(faces=Faces.LIVING, retires_static=True), {Face.LIVING}, {Face.LIVING}),
    ],
    ids=["any", "retires static", "living or pin", "living"],
)
def test_what_opens_a_gate_is_what_the_product_takes_and_no_picture_once_an_app_has_it(
    rules: EntryRules, by_message: set[Face], in_the_app: set[Face]
) -> None:
    assert rules.opens(bound=False) == by_message
    assert rules.opens(bound=True) == in_the_app
