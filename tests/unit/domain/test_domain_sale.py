"""What is sold now, and why something is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.domain.sale import ON_SALE, Standing, Why, why_not

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def why(
    *, withdrawn: bool = False, begins: int | None = None, ends: int | None = None, starts: int | None = None
) -> Why | None:
    """Why it is not sold at noon; its times are hours from then."""
    moments = [None if hours is None else NOON + hours * HOUR for hours in (begins, ends, starts)]
    return why_not(withdrawn=withdrawn, sales_from=moments[0], sales_until=moments[1], starts_at=moments[2], now=NOON)


def test_what_has_no_times_of_its_own_is_sold() -> None:
    assert why() is None


def test_a_sale_opens_and_closes_on_the_stroke() -> None:
    assert (why(begins=1), why(begins=0)) == (Why.NOT_YET, None)
    assert (why(ends=1), why(ends=0)) == (None, Why.CLOSED)


def test_without_an_end_it_is_sold_until_it_starts_and_with_one_beyond() -> None:
    assert (why(starts=1), why(starts=0)) == (None, Why.CLOSED)
    assert why(starts=-1, ends=1) is None


def test_what_is_withdrawn_is_not_sold_whatever_its_times_say() -> None:
    assert why(withdrawn=True, begins=1) is Why.WITHDRAWN


hours = st.none() | st.integers(-3, 3)


@given(begins=hours, ends=hours, starts=hours)
def test_it_is_sold_exactly_between_its_times(begins: int | None, ends: int | None, starts: int | None) -> None:
    closes = ends if ends is not None else starts
    sold = (begins is None or begins <= 0) and (closes is None or closes > 0)

    assert (why(begins=begins, ends=ends, starts=starts) is None) == sold


def test_only_a_silent_issuer_is_away() -> None:
    assert ON_SALE.on_sale
    assert not ON_SALE.away
    assert [one for one in Why if Standing(one).away] == [Why.ISSUER_AWAY]
    assert not any(Standing(one).on_sale for one in Why)
