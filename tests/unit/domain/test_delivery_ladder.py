"""The ladder: which channel is asked next, whatever the others answered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.delivery import PLAIN, Profile, Try, TryOutcome, ladder, next_channel, reasons
from app.domain.entry_rules import Face

ALL = ("sms", "sms_http", "ems", "wap_push")


@pytest.mark.parametrize(
    ("profile", "rungs"),
    [
        (Profile.SMS, ("sms", "sms_http")),
        (Profile.EMS, ("ems", "sms", "sms_http")),
        (Profile.WAP, ("wap_push", "sms", "sms_http")),
        (Profile.APP, ("sms", "sms_http")),
    ],
)
def test_a_handset_gets_what_it_takes_and_plain_text_after_that(profile: Profile, rungs: tuple[str, ...]) -> None:
    assert ladder(profile, ALL, faces=frozenset(Face)) == rungs
    assert ladder(profile, ALL, faces=frozenset()) == ("sms", "sms_http")


@pytest.mark.parametrize(
    ("faces", "first_by_picture", "first_by_link"),
    [
        (frozenset(Face), "ems", "wap_push"),
        (frozenset({Face.LIVING, Face.PIN}), "sms", "wap_push"),
        (frozenset({Face.LIVING}), "sms", "sms"),
    ],
)
def test_no_channel_is_asked_to_show_only_what_opens_nothing(
    faces: frozenset[Face], first_by_picture: str, first_by_link: str
) -> None:
    assert ladder(Profile.EMS, ALL, faces=faces)[0] == first_by_picture
    assert ladder(Profile.WAP, ALL, faces=faces)[0] == first_by_link


@given(st.sampled_from(Profile), st.sets(st.sampled_from(ALL)), st.frozensets(st.sampled_from(Face)))
def test_every_ladder_ends_with_plain_text_where_there_is_any(
    profile: Profile, configured: set[str], faces: frozenset[Face]
) -> None:
    rungs = ladder(profile, configured, faces=faces)

    assert set(rungs) <= configured
    assert len(set(rungs)) == len(rungs)
    if configured & set(PLAIN):
        assert rungs[-1] in PLAIN


def test_a_channel_that_refuses_is_not_asked_again() -> None:
    refused = Try("ems", TryOutcome.REJECTED, "no")

    assert next_channel(("ems", "sms"), [refused], failures_max=3) == "sms"
    assert next_channel(("ems",), [refused], failures_max=3) is None


def test_a_channel_out_of_reach_is_asked_so_many_times_and_then_the_next_one() -> None:
    failed = Try("sms", TryOutcome.FAILED, "away")

    assert next_channel(("sms", "sms_http"), [failed] * 2, failures_max=3) == "sms"
    assert next_channel(("sms", "sms_http"), [failed] * 3, failures_max=3) == "sms_http"


def test_one_that_was_only_out_of_reach_is_better_than_none() -> None:
    tries = [Try("sms", TryOutcome.FAILED, "away")] * 3 + [Try("sms_http", TryOutcome.REJECTED, "no account")]

    assert next_channel(("sms", "sms_http"), tries, failures_max=3) == "sms"


tries = st.lists(st.builds(Try, st.sampled_from(ALL), st.sampled_from(TryOutcome), st.just("why")), max_size=12)


@given(st.permutations(ALL), tries, st.integers(1, 4))
def test_a_message_has_no_channel_left_only_when_every_one_refused(
    rungs: list[str], told: list[Try], failures_max: int
) -> None:
    due = next_channel(rungs, told, failures_max=failures_max)

    refused = {one.channel for one in told if one.outcome is TryOutcome.REJECTED}
    assert (due is None) == (refused == set(rungs))
    assert due not in refused


def test_the_reasons_name_the_channels_where_there_were_several() -> None:
    first = Try("ems", TryOutcome.REJECTED, "the carrier says expired")

    assert reasons([first]) == "the carrier says expired"
    assert reasons(
        [first, Try("sms", TryOutcome.FAILED, "away"), Try("sms", TryOutcome.REJECTED, "no such number")]
    ) == ("ems: the carrier says expired; sms: no such number")
