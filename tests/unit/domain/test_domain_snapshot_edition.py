"""An edition of rows at its server: each keeps its place, and what it names for the first time comes with it."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snapshot_cases import EDITION, HEADER, NEWS, OCCASIONS, PIN_KEY, SINCE, SPAN, a_snapshot, a_way

from app.domain.snapshot import News, Order, Row, open_by_code
from app.domain.snapshot.edition import Edition

places = st.lists(st.tuples(st.integers(0, 4), st.uuids()), unique=True, max_size=30).map(sorted)


@given(places=places)
@settings(max_examples=50, deadline=None)
def test_every_ticket_is_found_where_it_was_put_and_no_other(places: list[tuple[int, UUID]]) -> None:
    order = Order()
    order.add(places)

    assert [order.index(place) for place in places] == list(range(len(places)))
    assert order.last == (places[-1] if places else None)
    for registered_in, ticket_id in places:
        assert order.index((registered_in + 1, ticket_id)) is None or (registered_in + 1, ticket_id) in places


def test_the_order_grows_at_its_end_only() -> None:
    order = Order()
    order.add([(5, UUID(int=9))])

    with pytest.raises(AssertionError, match="only grows at its end"):
        order.add([(5, UUID(int=8))])


def an_edition() -> Edition:
    return Edition(EDITION, SINCE, PIN_KEY)


def put(edition: Edition, number: int, *, occasion: int = 0, text: str = '"Stalls"') -> None:
    row = Row(occasion=edition.occasion(OCCASIONS[occasion]), span=SPAN, section=edition.text(text))
    edition.add((number, UUID(int=number)), row, code=number, way=a_way())


def test_texts_and_occasions_are_numbered_as_they_come() -> None:
    edition = an_edition()

    assert [edition.text(one) for one in ('"A"', '{"ko":"B","en":"B"}', '"A"', None)] == [1, 2, 1, 0]
    assert [edition.plain(one) for one in ("A", "", "C")] == [1, 0, 3]
    assert [edition.occasion(one) for one in (*OCCASIONS, OCCASIONS[0])] == [0, 1, 0]
    assert (edition.knows(OCCASIONS[1].id), edition.knows(UUID(int=3))) == (True, False)


@pytest.mark.parametrize("text", ["null", '""', "{}", "7", '{"ko":7}', json.dumps("x" * 2_001), "[]", "true"])
def test_what_is_no_text_for_a_gate_is_left_out(text: str) -> None:
    edition = an_edition()

    assert edition.text(text) == edition.text(text) == 0
    assert edition.news_from(0, {}) == News()


def test_what_rows_name_first_comes_with_them_and_with_no_later_ones() -> None:
    edition = an_edition()
    put(edition, 1)
    put(edition, 2)
    put(edition, 3, occasion=1, text='"Balcony"')

    assert edition.news_from(0, NEWS.products) == News(("Stalls", "Balcony"), OCCASIONS, NEWS.products)
    assert edition.news_from(1, NEWS.products) == News(
        ("Balcony",), OCCASIONS[1:], {OCCASIONS[1].product: NEWS.products[OCCASIONS[1].product]}
    )
    assert edition.news_from(3, NEWS.products) == News()


def test_rows_come_from_any_place_on_and_open_at_the_gate() -> None:
    edition = an_edition()
    for number in (1, 2, 3):
        put(edition, number)

    whole = a_snapshot(edition.rows_from(0))
    later = a_snapshot(edition.rows_from(2))

    assert [open_by_code(whole, number)[0].index for number in (1, 2, 3)] == [0, 1, 2]
    assert (len(edition), len(later.rows), open_by_code(later, 3)[0].index) == (3, 1, 0)
    assert edition.rows_from(3) == b""
    assert whole.grown(News(), b"").rows.octets == edition.rows_from(0)
    assert HEADER.edition == edition.name


def test_an_edition_knows_when_its_last_ticket_ends_and_never_prints_its_key() -> None:
    edition = an_edition()
    put(edition, 1)

    assert edition.ends == SPAN[1]
    assert repr(PIN_KEY) not in repr(edition)
