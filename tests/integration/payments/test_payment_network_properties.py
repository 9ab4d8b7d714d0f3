"""Whatever is asked of the sandbox network in whatever order, its money adds up."""

from __future__ import annotations

import random
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.payments.sandbox import intents, methods, refunds
from app.payments.sandbox.answers import Keyed, execute
from app.payments.sandbox.cards import well_known
from app.payments.sandbox.errors import Answer, ApiError
from app.payments.sandbox.schema import SCHEMA
from app.payments.sandbox.states import Event, Status
from app.payments.sandbox.till import Changes, Till

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
AMOUNT = 1_000


@dataclass(frozen=True)
class Seeded:
    random: random.Random

    def bytes(self, count: int) -> bytes:
        return self.random.randbytes(count)


def a_till() -> Till:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for statement in SCHEMA:
        connection.execute(statement)
    till = Till(connection, NOW, Seeded(random.Random(1)), b"secret")  # noqa: S311 - a repeatable test
    for token, card in well_known(NOW, secret=b"secret").items():
        methods.keep(till, token, card)
    return till


def ask(till: Till, *, intent_id: str, operation: str, amount: int, token: str) -> Answer:
    match operation:
        case "confirm":
            return intents.confirm(till, intent_id, token)
        case "capture":
            return intents.capture(till, intent_id, amount)
        case "cancel":
            return intents.cancel(till, intent_id, None)
        case _:
            return refunds.create(till, refunds.CreateRefund(intent_id, amount, None, {}))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["confirm", "capture", "cancel", "refund"]),
        st.integers(1, AMOUNT + 1),
        st.sampled_from(["pm_card_visa", "pm_card_chargeDeclined"]),
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
    given_back = 0

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
        assert answer.status in {200, 400, 402}
        if answer.replayed or answer.status == 400:
            assert after == before
        given_back += int(operation == "refund" and answer.status == 200 and not answer.replayed) * amount
        assert after.amount_refunded == given_back <= after.amount_received <= AMOUNT
        assert (after.amount_received > 0) == (after.status is Status.SUCCEEDED)

    (paid,) = till.connection.execute("SELECT count(*) FROM charges WHERE failure_code IS NULL").fetchone()
    assert paid <= 1
    till.connection.close()


def test_a_stale_view_of_an_intent_cannot_overwrite_a_newer_one() -> None:
    till = a_till()
    asked = intents.CreateIntent(AMOUNT, "krw", "manual", "pm_card_visa", confirm=False, description=None, metadata={})
    stale = till.intent(str(intents.create(till, asked).body["id"]))
    till.move(stale, Event.CANCELED)

    with pytest.raises(AssertionError):
        till.move(stale, Event.AUTHORIZED, Changes(latest_charge="ch_1"))

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
