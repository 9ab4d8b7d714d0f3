"""What may be booked, by whom and until when; every refusal says what to do instead."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.booking import (
    HOLDER_CHARS_MAX,
    TICKETS_PER_BOOKING_MAX,
    BookingState,
    Line,
    SalesFacts,
    holder_name,
    may_sell,
    still_held,
    total,
)
from app.domain.handset import handset
from app.domain.money import Money
from app.domain.refusals import BadLine, BookingExpired, LimitExceeded, NotOnSale

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
OPEN = SalesFacts(sales_from=None, sales_until=None, starts_at=None, booking_limit=10, withdrawn=False)
PRICE = UUID(int=1)
PLACES = tuple(UUID(int=number) for number in range(10, 70))
BUYER, FRIEND, OTHER = handset("+821012345678"), handset("+821087654321"), handset("+12025550123")


def line(quantity: int = 1, *, places: int = 0, handsets: int = 0) -> Line:
    return Line(PRICE, quantity, PLACES[:places], (BUYER, FRIEND, OTHER)[:handsets])


# --- may it be sold -------------------------------------------------------------------------------------------------


def test_an_open_sale_takes_an_ordinary_booking() -> None:
    may_sell(OPEN, [line(2, places=2, handsets=2), line(1)], now=NOW)


def test_what_is_withdrawn_is_no_longer_sold() -> None:
    with pytest.raises(NotOnSale, match="no longer sold"):
        may_sell(replace(OPEN, withdrawn=True), [line()], now=NOW)


def test_sales_open_at_their_moment_and_not_a_second_before() -> None:
    facts = replace(OPEN, sales_from=NOW)
    may_sell(facts, [line()], now=NOW)
    with pytest.raises(NotOnSale, match="not opened yet") as caught:
        may_sell(facts, [line()], now=NOW - SECOND)
    assert caught.value.more == {"opens_at": NOW}


@pytest.mark.parametrize(
    "facts",
    [
        replace(OPEN, sales_until=NOW),
        replace(OPEN, starts_at=NOW),
        replace(OPEN, sales_until=NOW, starts_at=NOW + 9 * SECOND),
        replace(OPEN, sales_until=NOW, starts_at=NOW - 9 * SECOND),
    ],
)
def test_sales_close_at_their_end_or_else_with_the_start(facts: SalesFacts) -> None:
    may_sell(facts, [line()], now=NOW - SECOND)
    with pytest.raises(NotOnSale, match="have closed") as caught:
        may_sell(facts, [line()], now=NOW)
    assert caught.value.more == {"closed_at": NOW}


@pytest.mark.parametrize(("booking_limit", "limit"), [(4, 4), (10_000, TICKETS_PER_BOOKING_MAX)])
def test_one_booking_has_a_limit_whatever_its_lines(booking_limit: int, limit: int) -> None:
    facts = replace(OPEN, booking_limit=booking_limit)
    may_sell(facts, [line(limit - 1), line(1)], now=NOW)
    with pytest.raises(
        LimitExceeded, match=f"At most {limit} tickets in one booking; you asked for {limit + 1}"
    ) as caught:
        may_sell(facts, [line(limit - 1), line(2)], now=NOW)
    assert caught.value.more == {"limit": limit}


def test_nothing_cannot_be_booked() -> None:
    with pytest.raises(BadLine, match="name at least one price"):
        may_sell(OPEN, [], now=NOW)


@pytest.mark.parametrize("quantity", [0, -1])
def test_a_line_asks_for_one_ticket_or_more(quantity: int) -> None:
    with pytest.raises(BadLine, match=f"^{quantity} tickets cannot be booked"):
        may_sell(OPEN, [line(20), line(quantity)], now=NOW)


@pytest.mark.parametrize("places", [1, 3])
def test_chosen_places_are_as_many_as_the_tickets(places: int) -> None:
    with pytest.raises(BadLine, match=f"{places} places are chosen for 2 tickets"):
        may_sell(OPEN, [line(2, places=places)], now=NOW)


@pytest.mark.parametrize("handsets", [0, 1, 3])
def test_handsets_are_the_buyers_one_for_all_or_one_each(handsets: int) -> None:
    may_sell(OPEN, [line(3, handsets=handsets)], now=NOW)


def test_two_handsets_for_three_tickets_say_nothing() -> None:
    with pytest.raises(BadLine, match="2 handsets are named for 3 tickets; name one for all, or one for each"):
        may_sell(OPEN, [line(3, handsets=2)], now=NOW)


def test_a_place_is_chosen_once_even_across_lines() -> None:
    with pytest.raises(BadLine, match="chosen twice"):
        may_sell(OPEN, [line(1, places=1), line(2, places=2)], now=NOW)


# --- whose handset --------------------------------------------------------------------------------------------------


def test_without_handsets_every_ticket_goes_to_the_buyer() -> None:
    assert [line(2).handset_of(index, BUYER) for index in range(2)] == [BUYER, BUYER]


def test_one_handset_gets_every_ticket() -> None:
    gift = Line(PRICE, 2, handsets=(FRIEND,))
    assert [gift.handset_of(index, BUYER) for index in range(2)] == [FRIEND, FRIEND]


def test_as_many_handsets_as_tickets_get_one_each() -> None:
    gifts = Line(PRICE, 3, handsets=(OTHER, FRIEND, BUYER))
    assert [gifts.handset_of(index, BUYER) for index in range(3)] == [OTHER, FRIEND, BUYER]


# --- what it costs, and how long it is held -------------------------------------------------------------------------


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=TICKETS_PER_BOOKING_MAX))
def test_a_total_is_the_sum_of_its_prices(amounts: list[int]) -> None:
    assert total([Money(amount, "KRW") for amount in amounts]) == Money(sum(amounts), "KRW")


def test_prices_of_two_currencies_have_no_total() -> None:
    with pytest.raises(ValueError, match="cannot add"):
        total([Money(1, "KRW"), Money(1, "USD")])


def test_a_hold_lasts_until_its_moment() -> None:
    still_held(BookingState.HELD, NOW, now=NOW - SECOND)
    with pytest.raises(BookingExpired, match="Book once more"):
        still_held(BookingState.HELD, NOW, now=NOW)


def test_an_expired_booking_is_expired_whatever_the_clock_says() -> None:
    with pytest.raises(BookingExpired):
        still_held(BookingState.EXPIRED, NOW, now=NOW - SECOND)


@pytest.mark.parametrize("state", sorted(set(BookingState) - {BookingState.HELD, BookingState.EXPIRED}))
def test_the_clock_ends_nothing_but_a_hold(state: BookingState) -> None:
    still_held(state, NOW, now=NOW + SECOND)


# --- whose tickets they are -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("김하늘", "김하늘"),
        ("\u1100\u1175\u11b7", "김"),
        ("  Ada\t King,\nCountess  of Lovelace ", "Ada King, Countess of Lovelace"),
        ("x" * HOLDER_CHARS_MAX, "x" * HOLDER_CHARS_MAX),
    ],
    ids=["korean", "decomposed", "spaces", "longest"],
)
def test_a_name_is_one_composed_line(written: str, kept: str) -> None:
    assert holder_name(written) == kept


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (" \u3000 ", "at least one character"),
        ("x" * (HOLDER_CHARS_MAX + 1), "100 characters at most"),
        ("Ada\u202egniK", "leave U\\+202E out"),
        ("Ada\x07", "leave U\\+0007 out"),
    ],
    ids=["nothing", "too long", "turned round", "a bell"],
)
def test_a_name_that_a_gate_cannot_show_is_refused(written: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        holder_name(written)


@given(st.text(max_size=120))
def test_a_name_that_is_kept_is_printable_and_stays_as_it_is(text: str) -> None:
    try:
        kept = holder_name(text)
    except ValueError:
        return
    assert kept.isprintable()
    assert holder_name(kept) == kept
