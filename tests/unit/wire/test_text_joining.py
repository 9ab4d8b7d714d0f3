"""Parts that come in any order, twice, late or never."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_gateway.wire import udh
from mobile_gateway.wire.cutting import cut
from mobile_gateway.wire.gsm import Coding
from mobile_gateway.wire.joining import Joiner, Key, Limits, Piece, Step, place_of
from mobile_gateway.wire.udh import Concatenation, InformationElement

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ME, YOU = "+821012345678", "+821087654321"


def a_piece(text: bytes = b"text") -> Piece:
    return Piece(0, text)


def accept(joiner: Joiner, place: Concatenation, piece: Piece | None = None, *, now: datetime = NOW) -> Step:
    return joiner.accept(place, piece or a_piece(b"%d" % place.sequence), source=YOU, destination=ME, now=now)


def key(place: Concatenation, source: str = YOU) -> Key:
    return Key(source, ME, place.reference, place.total, place.wide)


def text_of(pieces: tuple[Piece, ...] | None) -> bytes | None:
    return None if pieces is None else b"".join(piece.octets for piece in pieces)


@settings(max_examples=50)
@given(
    st.text(st.sampled_from("abc€"), min_size=161, max_size=700),
    st.randoms(use_true_random=False),
    st.lists(st.integers(0, 20), max_size=8),
)
def test_parts_in_any_order_with_duplicates_join_once_to_what_was_cut(
    text: str, chance: Random, repeated: list[int]
) -> None:
    parts = list(cut(text, Coding.GSM, reference=9))
    came = parts + [parts[index % len(parts)] for index in repeated]
    chance.shuffle(came)
    joiner, wholes = Joiner(), []
    for user_data in came:
        elements, octets = udh.split(user_data)
        place = place_of(elements)
        assert place is not None
        step = accept(joiner, place, a_piece(octets))
        joiner = step.joiner
        if step.whole is not None:
            wholes.append(step.whole)
        assert step.dropped == ()
    (whole,) = wholes
    assert b"".join(piece.octets for piece in whole) == b"".join(udh.split(part)[1] for part in parts)


def test_a_message_said_to_have_one_part_is_whole_at_once() -> None:
    assert text_of(accept(Joiner(), Concatenation(1, 1, 1)).whole) == b"1"


def test_elements_and_codings_of_each_part_are_kept() -> None:
    first = Piece(8, b"\xac\x00", (InformationElement(0x10, b"picture"),))
    step = accept(accept(Joiner(), Concatenation(1, 2, 2), a_piece()).joiner, Concatenation(1, 2, 1), first)
    assert step.whole == (first, a_piece())
    assert first.size == 11


@pytest.mark.parametrize(
    "other",
    [
        Concatenation(2, 2, 2),  # another reference
        Concatenation(1, 3, 2),  # another number of parts
        Concatenation(1, 2, 2, wide=True),  # another kind of reference
    ],
)
def test_parts_of_different_messages_do_not_mix(other: Concatenation) -> None:
    begun = accept(Joiner(), Concatenation(1, 2, 1)).joiner
    assert accept(begun, other).whole is None
    assert len(accept(begun, other).joiner.pending) == 2


def test_parts_from_different_senders_do_not_mix() -> None:
    begun = accept(Joiner(), Concatenation(1, 2, 1)).joiner
    for source, destination in (("+15550100", ME), (YOU, "+15550100")):
        place = Concatenation(1, 2, 2)
        assert begun.accept(place, a_piece(), source=source, destination=destination, now=NOW).whole is None
    assert text_of(accept(begun, Concatenation(1, 2, 2)).whole) == b"12"


def test_a_late_duplicate_of_a_whole_message_begins_nothing() -> None:
    joiner = accept(accept(Joiner(), Concatenation(1, 2, 1)).joiner, Concatenation(1, 2, 2)).joiner
    for sequence in (1, 2):
        assert accept(joiner, Concatenation(1, 2, sequence)) == Step(joiner)


def test_a_reference_used_again_after_a_whole_message_begins_another() -> None:
    joiner = accept(accept(Joiner(), Concatenation(1, 2, 1)).joiner, Concatenation(1, 2, 2)).joiner
    step = accept(joiner, Concatenation(1, 2, 1), a_piece(b"new"))
    assert (step.whole, step.dropped) == (None, ())
    assert text_of(accept(step.joiner, Concatenation(1, 2, 2)).whole) == b"new2"


def test_a_reference_used_again_before_the_end_gives_up_the_first_message() -> None:
    begun = accept(Joiner(), Concatenation(1, 3, 1)).joiner
    step = accept(begun, Concatenation(1, 3, 1), a_piece(b"new"))
    assert step.dropped == (key(Concatenation(1, 3, 1)),)
    assert [piece.octets for _, piece in step.joiner.pending[0].pieces] == [b"new"]


def test_what_waited_too_long_is_given_up_and_said() -> None:
    begun = accept(Joiner(), Concatenation(1, 2, 1)).joiner
    assert begun.expire(NOW + timedelta(seconds=86_399)) == (begun, ())
    late = NOW + timedelta(seconds=86_400)
    assert begun.expire(late) == (Joiner(), (key(Concatenation(1, 2, 1)),))
    step = accept(begun, Concatenation(1, 2, 2), now=late)
    assert (step.whole, step.dropped) == (None, (key(Concatenation(1, 2, 1)),))


def test_a_whole_message_is_forgotten_in_silence() -> None:
    joiner = accept(accept(Joiner(), Concatenation(1, 2, 1)).joiner, Concatenation(1, 2, 2)).joiner
    assert joiner.expire(NOW + timedelta(days=2)) == (Joiner(), ())


def test_the_message_heard_of_longest_ago_makes_room_for_a_new_one() -> None:
    joiner = Joiner(Limits(open_max=2))
    for reference in (1, 2, 1):  # 1 is heard of again
        joiner = accept(joiner, Concatenation(reference, 3, 1 if len(joiner.pending) < 2 else 2)).joiner
    step = accept(joiner, Concatenation(3, 3, 1))
    assert step.dropped == (key(Concatenation(2, 3, 1)),)
    assert {one.key.reference for one in step.joiner.pending} == {1, 3}


def test_whole_messages_are_forgotten_before_one_that_still_waits() -> None:
    joiner = Joiner(Limits(open_max=2))
    joiner = accept(joiner, Concatenation(1, 2, 1)).joiner
    joiner = accept(joiner, Concatenation(2, 1, 1)).joiner
    step = accept(joiner, Concatenation(3, 2, 1))
    assert step.dropped == ()
    assert {one.key.reference for one in step.joiner.pending} == {1, 3}


def test_a_message_larger_than_the_memory_is_given_up() -> None:
    joiner = Joiner(Limits(octets_max=10))
    step = accept(joiner, Concatenation(1, 2, 1), a_piece(bytes(11)))
    assert (step.joiner, step.dropped) == (joiner, (key(Concatenation(1, 2, 1)),))


places = st.builds(
    lambda reference, total, at: Concatenation(reference, total, 1 + at % total),
    st.integers(0, 5),
    st.integers(1, 4),
    st.integers(0, 3),
)


@settings(max_examples=50)
@given(st.lists(st.tuples(places, st.binary(max_size=8), st.integers(0, 5)), max_size=40))
def test_no_flood_goes_beyond_the_limits(flood: list[tuple[Concatenation, bytes, int]]) -> None:
    limits, now = Limits(open_max=3, octets_max=30, seconds_max=20), NOW
    joiner = Joiner(limits)
    for place, octets, seconds in flood:
        now += timedelta(seconds=seconds)
        joiner = accept(joiner, place, Piece(0, octets), now=now).joiner
        assert len(joiner.pending) <= limits.open_max
        assert sum(one.size for one in joiner.pending) <= limits.octets_max
        assert all(now - one.since < timedelta(seconds=20) for one in joiner.pending)
        assert len({one.key for one in joiner.pending}) == len(joiner.pending)


def test_the_header_counts_where_smpp_parameters_say_otherwise() -> None:
    sar = Concatenation(300, 2, 1, wide=True)
    assert place_of((), sar) == sar
    assert place_of((Concatenation(7, 3, 2).element(),), sar) == Concatenation(7, 3, 2)
    assert place_of((udh.PUSH.element(),)) is None


def test_a_piece_and_its_key_do_not_print_the_text() -> None:
    step = accept(Joiner(), Concatenation(1, 2, 1), a_piece(b"PIN 491027"))
    assert "491027" not in repr(step)
    assert replace(step, joiner=Joiner()) == Step(Joiner())
