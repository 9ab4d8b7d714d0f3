"""Ids and chance of the real world: UUIDv7 bit by bit, in the order of time, never the same twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.world import SystemClock, SystemEntropy, uuid7

MILLISECONDS = st.integers(0, 2**48 - 1)
CHANCE = st.binary(min_size=10, max_size=10)


@given(MILLISECONDS, CHANCE)
def test_an_id_has_its_fields_where_rfc_9562_puts_them(milliseconds: int, chance: bytes) -> None:
    made = uuid7(milliseconds, chance)
    assert made.int >> 80 == milliseconds
    assert (made.version, made.variant) == (7, RFC_4122)


@given(MILLISECONDS)
def test_74_bits_are_chance_and_no_other(milliseconds: int) -> None:
    none, full = uuid7(milliseconds, bytes(10)), uuid7(milliseconds, b"\xff" * 10)
    assert (none.int ^ full.int).bit_count() == 74
    assert none.int & full.int == none.int


@given(MILLISECONDS, MILLISECONDS, CHANCE, CHANCE)
def test_a_later_millisecond_sorts_later_whatever_chance_says(
    one: int, other: int, chance: bytes, other_chance: bytes
) -> None:
    if one != other:
        assert (uuid7(one, chance) < uuid7(other, other_chance)) == (one < other)
        assert (str(uuid7(one, chance)) < str(uuid7(other, other_chance))) == (one < other)


def test_the_example_of_rfc_9562_appendix_a_6() -> None:
    # rand_a 0xCC3 and rand_b 0x18C4DC0C0C07398F, laid out as our ten octets take them: 12 bits above 64, the low 62.
    chance = (0xCC3 << 64 | 0x18C4DC0C0C07398F).to_bytes(10, "big")
    assert uuid7(0x017F22E279B0, chance) == UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")


def test_a_moment_past_the_year_10889_does_not_spill_into_the_version() -> None:
    assert uuid7(2**48, bytes(10)) == uuid7(0, bytes(10))


def test_ids_of_the_system_do_not_repeat_and_tell_their_time() -> None:
    entropy = SystemEntropy()
    before = datetime.now(UTC)
    ids = [entropy.uuid() for _ in range(1_000)]
    after = datetime.now(UTC)
    assert len(set(ids)) == len(ids)
    for made in ids:
        at = datetime.fromtimestamp((made.int >> 80) / 1000, UTC)
        assert before - timedelta(milliseconds=2) <= at <= after


@pytest.mark.parametrize("count", [0, 1, 16, 64])
def test_the_system_gives_as_many_octets_of_chance_as_asked(count: int) -> None:
    assert len(SystemEntropy().bytes(count)) == count


def test_chance_is_not_the_same_twice() -> None:
    assert SystemEntropy().bytes(16) != SystemEntropy().bytes(16)


def test_the_systems_clock_is_aware_and_in_utc() -> None:
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)
