"""How a snapshot's rows stand: all or the changed ones alone lead to the same board, whatever came between."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snapshot_cases import EDITION, KID, MADE, NEWS, OCCASIONS, SINCE, SPAN, a_snapshot, sealed, sign, verify

from app.domain.snapshot import (
    Board,
    Change,
    Counted,
    Form,
    News,
    Row,
    Snapshot,
    SnapshotUnreadable,
    Standing,
    State,
    Status,
    applied,
    changes_body,
    flags_of,
    full_body,
    open_by_code,
    read_status,
    write_status,
)
from app.domain.snapshot.book import signed
from app.domain.snapshot.octets import packed, varint
from app.domain.snapshot.status import FLAGS, STATUS_SIGNED, Flag

A_ROW = Row(occasion=0, span=SPAN)
counted = st.builds(
    Counted,
    st.integers(0, (1 << 53) - 1),
    st.integers(0, 9_999),
    st.integers(0, 1 << 33),
    st.integers(0, 1 << 33),
)
standings = st.integers(0, FLAGS).flatmap(
    lambda octet: st.tuples(st.just(octet), counted if octet & Flag.COUNTED else st.none())
)


@cache
def of(count: int) -> Snapshot:
    """A snapshot of so many rows."""
    return a_snapshot(*(sealed(A_ROW, code=code) for code in range(count)))


def full(rows: list[tuple[int, Counted | None]], *, cursor: int = 10, first: int | None = None) -> Status:
    """A status of all rows, as it is read from its octets."""
    body = full_body(bytes(octet for octet, _ in rows), (one for _, one in rows if one is not None))
    first = len(rows) if first is None else first
    return sent(Status(EDITION, 0, cursor, MADE, first, len(rows), Form.FULL, body))


def since(after: int, changes: list[Change], *, rows: int, cursor: int = 20, added: bytes = b"") -> Status:
    """A status of changes; where rows are added they are the last one."""
    first = rows - 1 if added else rows
    return sent(Status(EDITION, after, cursor, MADE, first, rows, Form.CHANGES, changes_body(changes), News(), added))


def sent(status: Status) -> Status:
    found = read_status(write_status(status, kid=KID, sign=sign), verify)
    assert found == status
    return found


# --- both forms -----------------------------------------------------------------------------------------------------


@given(rows=st.lists(standings, max_size=20))
@settings(max_examples=40, deadline=None)
def test_all_rows_stand_as_they_were_written(rows: list[tuple[int, Counted | None]]) -> None:
    _, board = applied(of(len(rows)), None, full(rows))

    assert list(board.flags) == [octet for octet, _ in rows]
    assert [board.counted.get(index) for index in range(len(rows))] == [one for _, one in rows]


@given(before=st.lists(standings, min_size=1, max_size=9), data=st.data())
@settings(max_examples=40, deadline=None)
def test_changes_lead_to_the_board_that_all_rows_would(
    before: list[tuple[int, Counted | None]], data: st.DataObject
) -> None:
    after = [data.draw(st.one_of(st.just(one), standings)) for one in before]
    changes = [Change(index, *after[index]) for index in range(len(after)) if after[index] != before[index]]
    taken, board = applied(of(len(before)), None, full(before))

    _, by_changes = applied(taken, board, since(10, changes, rows=len(after)))
    _, by_all = applied(taken, None, full(after, cursor=20))

    assert by_changes == by_all


def test_changes_may_come_twice_and_overlap() -> None:
    taken, board = applied(of(3), None, full([(0, None)] * 3))
    twice = since(10, [Change(1, State.REVOKED.value)], rows=3)

    _, once = applied(taken, board, twice)
    _, again = applied(taken, once, twice)
    _, later = applied(taken, again, since(15, [Change(1, State.REVOKED.value)], rows=3, cursor=30))

    assert once == again
    assert later.flags == once.flags


def test_a_standing_is_told_in_words_that_rules_understand() -> None:
    rows = [
        (flags_of(State.REVOKED, bound=True, inside=False, counted=False), None),
        (flags_of(State.USED_UP, bound=False, inside=True, counted=False), None),
        (flags_of(State.VALID, bound=False, inside=True, counted=True), Counted(7, 2, 60, 30)),
        (flags_of(State.SUSPENDED, bound=False, inside=False, counted=True), Counted(0)),
    ]
    _, board = applied(of(4), None, full(rows))

    assert [board.standing(index) for index in range(4)] == [
        Standing(State.REVOKED, bound=True),
        Standing(State.USED_UP, inside=1),
        Standing(State.VALID, False, 2, 7, SINCE + timedelta(seconds=60), SINCE + timedelta(seconds=30)),
        Standing(State.SUSPENDED, left=0),
    ]


def test_no_rows_at_all_are_a_board_too() -> None:
    _, board = applied(of(0), None, full([]))

    assert (board.flags, board.counted) == (b"", {})


# --- rows that were added -------------------------------------------------------------------------------------------


def test_rows_added_since_come_along_and_are_as_new() -> None:
    taken, board = applied(of(1), None, full([(3, None)]))
    row = replace(A_ROW, seat="9")

    more, board = applied(taken, board, since(10, [], rows=2, added=sealed(row, code=99)))

    assert open_by_code(more, 99)[0].row == row
    assert [board.standing(index).state for index in (0, 1)] == [State.REVOKED, State.VALID]


def test_what_added_rows_name_first_comes_with_them() -> None:
    first = a_snapshot()
    news = News(("Balcony",), OCCASIONS[1:], {OCCASIONS[1].product: NEWS.products[OCCASIONS[1].product]})
    status = sent(
        Status(EDITION, 0, 5, MADE, 0, 1, Form.FULL, full_body(b"\0", ()), news, sealed(A_ROW, code=1)),
    )

    more, _ = applied(first, None, status)

    assert (more.words(4), len(more.header.news.occasions), len(more.rows)) == ("Balcony", 3, 1)


def test_rows_that_the_gate_has_already_are_not_added_again() -> None:
    old = sent(Status(EDITION, 0, 10, MADE, 1, 2, Form.FULL, full_body(b"\0\0", ()), News(), sealed(A_ROW, code=1)))

    taken, _ = applied(of(2), None, old)

    assert len(taken.rows) == 2


# --- what a gate does not take --------------------------------------------------------------------------------------


BOARD = Board(10, MADE, SINCE, b"\0\0", {})


@pytest.mark.parametrize(
    ("board", "status", "words"),
    [
        (None, Status(bytes(16), 0, 10, MADE, 2, 2, Form.FULL, full_body(b"\0\0", ())), "another snapshot"),
        (BOARD, Status(EDITION, 0, 9, MADE, 2, 2, Form.FULL, full_body(b"\0\0", ())), "does not follow"),
        (None, Status(EDITION, 0, 10, MADE, 1, 1, Form.FULL, full_body(b"\0", ())), "does not follow"),
        (None, Status(EDITION, 0, 10, MADE, 3, 3, Form.FULL, full_body(b"\0\0\0", ())), "does not follow"),
        (None, Status(EDITION, 0, 10, MADE, 2, 3, Form.FULL, full_body(b"\0\0\0", ())), "other rows than it counts"),
        (None, Status(EDITION, 10, 20, MADE, 2, 2, Form.CHANGES, changes_body([])), "changes were missed"),
        (BOARD, Status(EDITION, 11, 20, MADE, 2, 2, Form.CHANGES, changes_body([])), "changes were missed"),
        (BOARD, Status(EDITION, 10, 20, MADE, 2, 2, Form.CHANGES, changes_body([Change(2, 0)])), "that there is not"),
        (None, Status(EDITION, 0, 20, MADE, 2, 2, Form.FULL, packed(b"\xff" * 5)), "beyond its last row"),
        (None, Status(EDITION, 0, 20, MADE, 2, 2, Form.FULL, packed(b"\0" * 4)), "cut short"),
        (None, Status(EDITION, 0, 20, MADE, 2, 2, Form.FULL, packed(b"\0" * 6)), "left over"),
        (BOARD, Status(EDITION, 10, 20, MADE, 2, 2, Form.CHANGES, packed(b"\1\0\x20")), "mean nothing"),
        (BOARD, Status(EDITION, 10, 20, MADE, 2, 2, Form.CHANGES, packed(varint(3))), "0 to 2"),
        (BOARD, Status(EDITION, 10, 20, MADE, 2, 2, Form.CHANGES, b"no zlib"), "not zlib"),
    ],
)  # fmt: skip
def test_a_status_that_does_not_fit_is_told_off(board: Board | None, status: Status, words: str) -> None:
    with pytest.raises(SnapshotUnreadable, match=words):
        applied(of(2), board, status)


@given(octets=st.binary(max_size=150), place=st.integers(0, 500), flip=st.integers(1, 255))
@settings(max_examples=40, deadline=None)
def test_nobody_but_the_issuer_writes_a_status(octets: bytes, place: int, flip: int) -> None:
    good = bytearray(write_status(full([(0, None)]), kid=KID, sign=sign))
    good[place % len(good)] ^= flip

    for wrong in (octets, b"CTS1" + octets, bytes(good)):
        with pytest.raises(SnapshotUnreadable):
            read_status(wrong, verify)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cursor": 1 << 53}, "beyond"),
        ({"after": 1 << 60}, "beyond"),
        ({"made_at": 1 << 40}, "beyond"),
        ({"first": 2}, "beyond"),
        ({"rows": 1 << 31}, "beyond"),
        ({"form": 2}, "no form"),
        ({"form": 1}, "no form"),
        ({"after": 1}, "no form"),
    ],
)
def test_a_signed_status_with_a_wrong_number_is_told_off(change: dict[str, int], words: str) -> None:
    fields = {"after": 0, "cursor": 10, "made_at": 10, "first": 1, "rows": 1, "form": 0} | change
    widths = {"after": 8, "cursor": 8, "made_at": 8, "first": 4, "rows": 4, "form": 1}
    numbers = b"".join(fields[name].to_bytes(width, "big") for name, width in widths.items())
    head = b"CTS1" + bytes([KID]) + EDITION + numbers + bytes(12)

    with pytest.raises(SnapshotUnreadable, match=words):
        read_status(signed((head,), purpose=STATUS_SIGNED, sign=sign), verify)


# --- how much it is -------------------------------------------------------------------------------------------------


def test_the_status_of_20000_rows_is_below_a_kilobyte() -> None:
    dice = random.Random(5)  # noqa: S311 - repeatable on purpose
    rows = [(3 if dice.random() < 0.02 else 0, None) for _ in range(20_000)]
    changes = [Change(index, 1) for index in sorted(dice.sample(range(20_000), 660))]

    whole = write_status(full(rows), kid=KID, sign=sign)  # type: ignore[arg-type]  # None is what most rows have
    minute = write_status(since(10, changes, rows=20_000), kid=KID, sign=sign)

    assert len(whole) < 1_000, "2 % revoked"
    assert len(minute) < 1_000, "11 admissions a second, for a minute"
