"""Whatever is asked of the sandbox network in whatever order, its money adds up."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.payments.sandbox import challenges, disputes, intents, methods, refunds
from app.payments.sandbox.answers import Keyed, execute
from app.payments.sandbox.cards import well_known
from app.payments.sandbox.errors import Answer, ApiError
from app.payments.sandbox.moves import Changes, move
from app.payments.sandbox.schema import SCHEMA
from app.payments.sandbox.states import DisputeEvent, Event, Status
from app.payments.sandbox.till import Intent, Rules, Till

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
AMOUNT = 1_000
ASKS = "pm_card_authenticationRequired"


@dataclass(frozen=True)
class Seeded:
    random: random.Random

    def bytes(self, count: int) -> bytes:
        return self.random.randbytes(count)


def a_till() -> Till:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for statement in SCHEMA:
        connection.execute(statement)
    seeded = Seeded(random.Random(1))  # noqa: S311 - a repeatable test
    till = Till(
        connection,
        NOW,
        seeded,
        b"secret",
        Rules(fee_basis_points=290, fee_fixed_minor_units=30, dispute_fee_minor_units=15),
    )
    for token, card in well_known(NOW, secret=b"secret").items():
        methods.keep(till, token, card)
    return till


def ask(till: Till, *, intent_id: str, operation: str, amount: int, token: str) -> Answer:
    """One request, or one thing that a bank or a holder does."""
    doing: dict[str, Callable[[], Answer]] = {
        "confirm": lambda: intents.confirm(till, intent_id, token),
        "capture": lambda: intents.capture(till, intent_id, amount),
        "cancel": lambda: intents.cancel(till, intent_id, None),
        "approve": lambda: answered(till, approved=True),
        "refuse": lambda: answered(till, approved=False),
        "refund": lambda: refunds.create(till, refunds.CreateRefund(intent_id, amount, None, {})),
        "fail": lambda: refunds.decide(till, newest(till, "refunds"), failed=True),
        "dispute": lambda: disputes.create(till, intent_id, reason="general", amount=amount, inquiry=token == ASKS),
        **{each.value: partial(disputes.decide, till, newest(till, "disputes"), each) for each in DisputeEvent},
    }
    assert set(doing) == set(OPERATIONS)
    return doing[operation]()


def answered(till: Till, *, approved: bool) -> Answer:
    challenges.decide(till, newest(till, "challenges"), approved=approved)
    return Answer(200, {})


def newest(till: Till, table: str) -> str:
    row = till.connection.execute(f"SELECT id FROM {table} ORDER BY seq DESC LIMIT 1").fetchone()  # noqa: S608 - the test's own names
    return str(row[0]) if row else "none"


def held(till: Till) -> list[int]:
    """What banks hold back or have taken for good, dispute by dispute."""
    rows = till.connection.execute(
        "SELECT amount FROM disputes WHERE status IN ('needs_response', 'under_review', 'lost')"
    )
    return [amount for (amount,) in rows]


OPERATIONS = ("confirm", "capture", "cancel", "approve", "refuse", "refund", "fail", "dispute", *map(str, DisputeEvent))
STEPS = st.lists(
    st.tuples(
        st.sampled_from(OPERATIONS),
        st.sampled_from([1, 400, AMOUNT, AMOUNT + 1]),
        st.sampled_from(["pm_card_visa", "pm_card_chargeDeclined", ASKS]),
        st.integers(1, 4),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(STEPS, st.sampled_from(["manual", "automatic"]))
def test_no_order_of_requests_takes_twice_or_gives_back_too_much(
    steps: list[tuple[str, int, str, int]], capture_method: str
) -> None:
    till = a_till()
    asked = intents.CreateIntent(AMOUNT, "krw", capture_method, None, confirm=False, description=None, metadata={})
    intent_id = str(intents.create(till, asked).body["id"])

    for operation, amount, token, key in steps:
        before = till.intent(intent_id)
        keyed = Keyed("secret", f"{operation}-{key}", f"{amount}{token}" if key == 1 else "same")
        try:
            answer = execute(
                till, keyed, partial(ask, intent_id=intent_id, operation=operation, amount=amount, token=token)
            )
        except ApiError:  # the key was used for other parameters
            assert till.intent(intent_id) == before
            continue
        after = till.intent(intent_id)
        assert answer.status in {200, 400, 402, 404}
        if answer.replayed or answer.status in {400, 404}:
            assert after == before
        adds_up(till, after)
        assert (after.amount_received > 0) == (after.status is Status.SUCCEEDED)

    (paid,) = till.connection.execute("SELECT count(*) FROM charges WHERE failure_code IS NULL").fetchone()
    assert paid <= 1
    till.connection.close()


MONEY = ("refund", "fail", "dispute", *map(str, DisputeEvent))


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([1, 400, AMOUNT]),
    st.lists(
        st.tuples(st.sampled_from(MONEY), st.sampled_from([1, 400, AMOUNT]), st.sampled_from(["pm_card_visa", ASKS])),
        min_size=2,
        max_size=12,
    ),
)
def test_whatever_becomes_of_money_that_was_taken_the_books_say_where_it_is(
    captured: int, steps: list[tuple[str, int, str]]
) -> None:
    till = a_till()
    asked = intents.CreateIntent(AMOUNT, "krw", "manual", "pm_card_visa", confirm=True, description=None, metadata={})
    intent_id = str(intents.create(till, asked).body["id"])
    intents.capture(till, intent_id, captured)

    for operation, amount, token in steps:
        execute(till, None, partial(ask, intent_id=intent_id, operation=operation, amount=amount, token=token))
        adds_up(till, till.intent(intent_id))
    till.connection.close()


def adds_up(till: Till, intent: Intent) -> None:
    """What is owed to the shop is what was taken, less fees, refunds that stand, and what banks hold."""
    (given_back,) = till.connection.execute(
        "SELECT coalesce(sum(amount), 0) FROM refunds WHERE status <> 'failed'"
    ).fetchone()
    (owed,) = till.connection.execute("SELECT total(net) FROM balance_transactions").fetchone()
    fee = {0: 0, 1: 1, 400: 42, AMOUNT: 59}[intent.amount_received]
    assert intent.amount_refunded == given_back
    assert given_back + sum(held(till)) <= intent.amount_received <= AMOUNT
    assert owed == intent.amount_received - fee - given_back - sum(amount + 15 for amount in held(till))


def test_a_stale_view_of_an_intent_cannot_overwrite_a_newer_one() -> None:
    till = a_till()
    asked = intents.CreateIntent(AMOUNT, "krw", "manual", "pm_card_visa", confirm=False, description=None, metadata={})
    stale = till.intent(str(intents.create(till, asked).body["id"]))
    move(till, stale, Event.CANCELED)

    with pytest.raises(AssertionError):
        move(till, stale, Event.AUTHORIZED, Changes(latest_charge="ch_1"))

    assert till.intent(stale.id).status is Status.CANCELED
    till.connection.close()


def test_the_database_itself_refuses_to_give_back_more_than_was_taken() -> None:
    till = a_till()
    asked = intents.CreateIntent(
        AMOUNT, "krw", "automatic", "pm_card_visa", confirm=True, description=None, metadata={}
    )
    intent_id = str(intents.create(till, asked).body["id"])

    with pytest.raises(sqlite3.IntegrityError):
        till.connection.execute("UPDATE payment_intents SET amount_refunded = 1001 WHERE id = ?", (intent_id,))
    with pytest.raises(sqlite3.IntegrityError):
        till.connection.execute(
            "INSERT INTO charges (id, payment_intent, payment_method, amount, created) VALUES ('ch', ?, 'pm', 1, 0)",
            (intent_id,),
        )
    till.connection.close()
