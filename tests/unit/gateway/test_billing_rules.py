"""The rules of carrier billing: reserve, confirm, cancel, refund, each once, within the month's limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from billing_kit import NOW, NUMBER, TERMS, MemoryBook, an_ask, charge
from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_gateway.billing import rules as billing
from mobile_gateway.billing.rules import DENIAL_WORDS, TRANSITIONS, Denial, KeyTaken, NotPossible, Payment, PaymentState
from mobile_gateway.subscribers import SubscriberState

RUN_OUT = NOW + timedelta(seconds=TERMS.reserve_seconds)


@pytest.fixture
def book() -> MemoryBook:
    return MemoryBook()


def confirmed(book: MemoryBook, payment: Payment, *, now: datetime = NOW) -> Payment:
    outcome = billing.confirm(book, payment, now=now)
    assert isinstance(outcome, Payment)
    return outcome


def test_a_reservation_counts_until_it_is_confirmed_and_after(book: MemoryBook) -> None:
    payment = charge(book, an_ask())
    assert (payment.state, payment.month, payment.expires_at) == (PaymentState.RESERVED, "2026-11", RUN_OUT)
    assert book.owed(NUMBER, "2026-11", NOW) == 30_000

    assert confirmed(book, payment).state is PaymentState.SUCCEEDED
    assert book.owed(NUMBER, "2026-11", RUN_OUT) == 30_000


def test_an_immediate_charge_is_taken_at_once(book: MemoryBook) -> None:
    payment = charge(book, an_ask(immediate=True))
    assert payment.state is PaymentState.SUCCEEDED
    assert confirmed(book, payment) == payment


def test_the_same_key_and_content_is_the_same_payment_whatever_became_of_it(book: MemoryBook) -> None:
    first = charge(book, an_ask())
    assert charge(book, an_ask()) == first
    taken = confirmed(book, first)
    assert charge(book, an_ask()) == taken
    assert len(book.payments) == 1


@pytest.mark.parametrize(
    "change",
    [{"number": "+15550100"}, {"amount": 1}, {"currency": "USD"}, {"description": "x"}, {"immediate": True}],
    ids=["number", "amount", "currency", "description", "immediate"],
)
def test_the_same_key_with_another_content_is_nothing(book: MemoryBook, change: dict[str, Any]) -> None:
    charge(book, an_ask())
    again = billing.charge(book, an_ask(**change), TERMS, payment_id="b", now=NOW)
    assert again == KeyTaken()
    assert book.owed(NUMBER, "2026-11", NOW) == 30_000


def test_another_account_has_keys_of_its_own(book: MemoryBook) -> None:
    assert charge(book, an_ask()).id != charge(book, an_ask(account="other")).id


def test_the_limit_is_reached_and_not_passed(book: MemoryBook) -> None:
    for key in ("k1", "k2", "k3"):
        assert charge(book, an_ask(key)).state is PaymentState.RESERVED
    denied = charge(book, an_ask("k4", amount=10_001))
    assert (denied.state, denied.denial) == (PaymentState.DENIED, Denial.MONTHLY_LIMIT)
    assert charge(book, an_ask("k5", amount=10_000)).state is PaymentState.RESERVED
    assert charge(book, an_ask("k6", number="+15550100")).state is PaymentState.RESERVED


def test_a_denial_stays_one_even_when_there_is_room_again(book: MemoryBook) -> None:
    reserved = charge(book, an_ask("k1", amount=100_000))
    denied = charge(book, an_ask("k2"))
    billing.cancel(book, reserved, now=NOW)
    assert charge(book, an_ask("k2")) == denied
    assert charge(book, an_ask("k3")).state is PaymentState.RESERVED


@pytest.mark.parametrize(
    "ending",
    [
        lambda book, payment: billing.cancel(book, payment, now=NOW),
        lambda book, payment: billing.refund(book, confirmed(book, payment), key="r", amount=100_000, now=NOW),
    ],
    ids=["cancelled", "refunded"],
)
def test_what_was_given_back_makes_room(book: MemoryBook, ending: Callable[[MemoryBook, Payment], object]) -> None:
    ending(book, charge(book, an_ask("k1", amount=100_000)))
    assert charge(book, an_ask("k2", amount=100_000)).state is PaymentState.RESERVED


def test_a_reservation_that_ran_out_makes_room_and_cannot_be_taken(book: MemoryBook) -> None:
    payment = charge(book, an_ask("k1", amount=100_000))
    almost = RUN_OUT - timedelta(microseconds=1)
    assert charge(book, an_ask("k2"), now=almost).denial is Denial.MONTHLY_LIMIT
    assert charge(book, an_ask("k3", amount=100_000), now=RUN_OUT).state is PaymentState.RESERVED
    assert isinstance(billing.confirm(book, payment, now=RUN_OUT), NotPossible)
    assert charge(book, an_ask("k1", amount=100_000), now=RUN_OUT).state is PaymentState.EXPIRED


def test_a_month_ends_at_the_carriers_own_midnight(book: MemoryBook) -> None:
    last = datetime(2026, 11, 30, 14, 59, 59, tzinfo=UTC)
    charge(book, an_ask("k1", amount=100_000, immediate=True), now=last)
    assert charge(book, an_ask("k2"), now=last).denial is Denial.MONTHLY_LIMIT
    december = charge(book, an_ask("k3"), now=last + timedelta(seconds=1))
    assert (december.month, december.state) == ("2026-12", PaymentState.RESERVED)


@pytest.mark.parametrize(
    ("state", "denial"),
    [
        (SubscriberState.UNKNOWN, Denial.UNKNOWN_SUBSCRIBER),
        (SubscriberState.BARRED, Denial.BARRED_SUBSCRIBER),
        (SubscriberState.OFF, None),
        (SubscriberState.ON, None),
        (SubscriberState.ROAMING, None),
    ],
)
def test_who_has_no_bill_is_denied(book: MemoryBook, state: SubscriberState, denial: Denial | None) -> None:
    book.states[NUMBER] = state
    assert charge(book, an_ask()).denial is denial


def test_a_number_never_used_is_a_subscriber_only_where_the_network_knows_every_number(book: MemoryBook) -> None:
    strict = replace(TERMS, knows_every_number=False)
    assert charge(book, an_ask("k1"), terms=strict).denial is Denial.UNKNOWN_SUBSCRIBER
    assert charge(book, an_ask("k2")).denial is None


def test_another_currency_is_denied(book: MemoryBook) -> None:
    assert charge(book, an_ask(currency="USD", amount=1)).denial is Denial.OTHER_CURRENCY


def test_every_state_and_denial_has_its_words() -> None:
    assert set(TRANSITIONS) == set(PaymentState)
    assert set(DENIAL_WORDS) == set(Denial)


def test_cancelling_and_confirming_exclude_each_other_and_repeat_without_harm(book: MemoryBook) -> None:
    taken, dropped = confirmed(book, charge(book, an_ask("k1"))), charge(book, an_ask("k2"))
    for _ in range(2):
        assert isinstance(billing.cancel(book, taken, now=NOW), NotPossible)
        gone = billing.cancel(book, dropped, now=NOW)
        assert isinstance(gone, Payment)
        assert gone.state is PaymentState.CANCELLED
        dropped = gone
    assert isinstance(billing.confirm(book, dropped, now=NOW), NotPossible)
    assert confirmed(book, taken, now=RUN_OUT) == taken
    denied = charge(book, an_ask("k3", amount=100_001))
    assert isinstance(billing.cancel(book, denied, now=NOW), NotPossible)


def cancel_key(book: MemoryBook, key: str) -> Payment | NotPossible:
    return billing.cancel_key(book, account="demo", key=key, terms=TERMS, payment_id="b-late", now=NOW)


def test_a_key_cancelled_before_its_charge_came_is_never_charged(book: MemoryBook) -> None:
    for _ in range(2):
        tomb = cancel_key(book, "k1")
        assert isinstance(tomb, Payment)
        assert (tomb.state, tomb.number, tomb.amount) == (PaymentState.CANCELLED, None, 0)
    assert charge(book, an_ask("k1")) == tomb
    assert book.owed(NUMBER, "2026-11", NOW) == 0


def test_cancelling_by_key_ends_the_reservation_it_finds(book: MemoryBook) -> None:
    payment = charge(book, an_ask("k1"))
    gone = cancel_key(book, "k1")
    assert isinstance(gone, Payment)
    assert (gone.id, gone.state) == (payment.id, PaymentState.CANCELLED)
    confirmed(book, charge(book, an_ask("k2")))
    assert isinstance(cancel_key(book, "k2"), NotPossible)


def test_refunds_add_up_to_what_was_taken_and_each_key_counts_once(book: MemoryBook) -> None:
    payment = confirmed(book, charge(book, an_ask()))
    for _ in range(2):
        after = billing.refund(book, payment, key="r1", amount=20_000, now=NOW)
        assert isinstance(after, Payment)
        assert after.refunded == 20_000
        payment = after
    assert billing.refund(book, payment, key="r1", amount=1, now=NOW) == KeyTaken()
    beyond = billing.refund(book, payment, key="r2", amount=10_001, now=NOW)
    assert beyond == NotPossible("Only 10000 of 30000 is left to give back; ask for at most that.")
    rest = billing.refund(book, payment, key="r3", amount=10_000, now=NOW)
    assert isinstance(rest, Payment)
    assert (rest.refunded, book.owed(NUMBER, "2026-11", NOW)) == (30_000, 0)


def test_what_was_not_taken_is_not_given_back(book: MemoryBook) -> None:
    payment = charge(book, an_ask())
    assert isinstance(billing.refund(book, payment, key="r1", amount=1, now=NOW), NotPossible)
    assert book.refunds == {}


def test_a_key_of_a_refund_names_one_payment_only(book: MemoryBook) -> None:
    first, second = (confirmed(book, charge(book, an_ask(key))) for key in ("k1", "k2"))
    billing.refund(book, first, key="r1", amount=1_000, now=NOW)
    assert billing.refund(book, second, key="r1", amount=1_000, now=NOW) == KeyTaken()


def test_neither_an_ask_nor_a_payment_prints_the_number(book: MemoryBook) -> None:
    assert "12345678" not in repr(an_ask()) + repr(charge(book, an_ask()))


verbs = st.tuples(
    st.sampled_from(["charge", "confirm", "cancel", "cancel_key", "refund"]),
    st.integers(0, 5),
    st.sampled_from([1, 20_000, 50_000, 100_000]),
    st.integers(0, 300),
)


@settings(max_examples=150)
@given(st.lists(verbs, max_size=40))
def test_no_order_of_requests_passes_the_limit_or_gives_back_more_than_was_taken(
    story: list[tuple[str, int, int, int]],
) -> None:
    book, now, ended = MemoryBook(), NOW, dict[str, PaymentState]()
    for verb, which, amount, seconds in story:
        now += timedelta(seconds=seconds)
        key = f"k{which}"
        known = book.payment_of_key("demo", key)
        if verb == "charge":
            billing.charge(book, an_ask(key, amount=amount), TERMS, payment_id=key, now=now)
        elif verb == "cancel_key":
            billing.cancel_key(book, account="demo", key=key, terms=TERMS, payment_id=key, now=now)
        elif known and verb == "confirm":
            billing.confirm(book, known, now=now)
        elif known and verb == "cancel":
            billing.cancel(book, known, now=now)
        elif known:
            billing.refund(book, known, key=f"r{which}-{amount}", amount=amount, now=now)
        assert 0 <= book.owed(NUMBER, "2026-11", now) <= TERMS.monthly_limit
        for one in book.payments.values():
            given_back = sum(refund.amount for refund in book.refunds.values() if refund.payment_id == one.id)
            assert one.refunded == given_back <= one.amount
            assert ended.get(one.id, one.state) is one.state, "an end is an end"
            if one.state is not PaymentState.RESERVED:
                ended[one.id] = one.state
