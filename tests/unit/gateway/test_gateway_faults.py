"""Faults on purpose: the same seed makes the same history, scripts are kept to, limits hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_gateway.carrier.carrier import Carrier, Throttled
from mobile_gateway.carrier.faults import AccountRules, Bucket, Fate, Faults, Script, Step
from mobile_gateway.carrier.ledger import MemoryLedger
from mobile_gateway.carrier.messages import BOTH, Policy, State, Submission, Way
from mobile_gateway.carrier.throttle import Throttle

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NUMBER = "+821012345678"
POLICY = Policy(retry_seconds=(2,), sink_prefix="+99", receipt_delay_seconds=1)
ROUGH = Faults(seed=7, latency_ms=800, loss=0.3, duplicate=0.3, reorder=0.3)


@dataclass(frozen=True)
class History:
    """What became of messages, without their names and times of day: state, attempts, seconds and notes of each."""

    ends: list[tuple[State, int, float, list[str]]]
    receipts: list[str]


def history(ledger: MemoryLedger, faults: Faults, *, label: str, count: int = 12) -> History:
    """What becomes of `count` messages sent once these faults are in force."""
    carrier = Carrier(POLICY)
    start = NOON if label == "first" else NOON + timedelta(hours=1)
    ledger.set_faults(replace(faults, since=ledger.next_sequence() + 1))
    sent = [
        (f"{label}-{index}", Submission("demo", f"+99100000{index:02}", "me", b"x", registered_delivery=BOTH))
        for index in range(count)
    ]
    carrier.submit(ledger, sent, now=start)
    for tenth in range(600):
        carrier.deliver(ledger, now=start + timedelta(seconds=tenth / 10), limit=100)
    ends = []
    for name, _ in sent:
        message = ledger.message(name)
        assert message
        assert message.ended_at
        seconds = (message.ended_at - start).total_seconds()
        ends.append((message.state, message.attempts, seconds, [entry.note for entry in ledger.history(message)]))
    owed = ledger.due_outgoing(Way.SMPP, None, start + timedelta(minutes=30), limit=500)
    names = [one.message_id.partition("-") for one in owed]
    return History(ends, [place for whose, _, place in names if whose == label])


# --- chance -----------------------------------------------------------------------------------------------------------


def test_the_same_seed_and_submissions_make_the_same_history_even_in_the_same_network() -> None:
    ledger = MemoryLedger()
    first = history(ledger, ROUGH, label="first")
    assert history(ledger, ROUGH, label="again") == first
    assert history(MemoryLedger(), ROUGH, label="first") == first


def test_another_seed_makes_another_history() -> None:
    first = history(MemoryLedger(), ROUGH, label="first")
    assert history(MemoryLedger(), replace(ROUGH, seed=8), label="first") != first


def test_a_rough_network_shows_every_fault_and_still_delivers_everything() -> None:
    told = history(MemoryLedger(), ROUGH, label="first", count=60)
    assert {state for state, _, _, _ in told.ends} == {State.DELIVERED}
    notes = {note for _, _, _, noted in told.ends for note in noted}
    assert {"lost on the radio link", "not acknowledged by the handset"} <= notes
    assert len(set(told.receipts)) == 60
    assert len(told.receipts) > 60  # some are told twice
    order = [seconds for _, _, seconds, _ in told.ends]
    assert order != sorted(order)


def test_without_faults_everything_arrives_at_once() -> None:
    told = history(MemoryLedger(), Faults(seed=7), label="first")
    assert {(state, attempts, seconds) for state, attempts, seconds, _ in told.ends} == {(State.DELIVERED, 1, 0.0)}


@given(st.integers(0, 2**53), st.floats(0, 1), st.integers(1, 10**6))
@settings(max_examples=100)
def test_chance_keeps_to_its_probability_at_both_ends_and_delay_to_its_bounds(seed: int, p: float, at: int) -> None:
    faults = Faults(seed=seed, loss=p, latency_ms=1000, reorder=p)
    assert 0.5 <= faults.delay_seconds(at) < 3.5
    assert Faults(seed=seed, loss=1).loses(at, 0)
    assert not Faults(seed=seed).loses(at, 0)
    assert Faults.of_json(faults.to_json()) == faults


def test_loss_is_about_as_frequent_as_it_was_set() -> None:
    lost = sum(Faults(seed=3, loss=0.2).loses(sequence, 0) for sequence in range(5000))
    assert 900 < lost < 1100


# --- scripts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fate", "state", "note"),
    [
        (Fate.ABSENT, State.DELIVERED, "handset off or out of reach"),
        (Fate.MEMORY_FULL, State.DELIVERED, "handset memory full"),
        (Fate.LOST, State.DELIVERED, "lost on the radio link"),
        (Fate.UNACKNOWLEDGED, State.DELIVERED, "not acknowledged by the handset"),
        (Fate.UNKNOWN, State.UNDELIVERABLE, "no such subscriber"),
        (Fate.BARRED, State.REJECTED, "subscriber barred"),
    ],
)
def test_the_next_attempts_to_a_number_come_to_what_its_script_says(fate: Fate, state: State, note: str) -> None:
    ledger, carrier = MemoryLedger(), Carrier(POLICY)
    ledger.set_script(NUMBER, Script((Step(fate, 3),)))
    carrier.submit(ledger, [("m", Submission("demo", NUMBER, "me", b"hello"))], now=NOON)
    for second in range(0, 20, 2):
        carrier.deliver(ledger, now=NOON + timedelta(seconds=second), limit=9)
    message = ledger.message("m")
    assert message
    assert message.state is state
    assert message.attempts == (4 if state is State.DELIVERED else 1)
    assert note in [entry.note for entry in ledger.history(message)]
    subscriber = ledger.subscriber(NUMBER)
    assert subscriber
    assert len(ledger.phone(subscriber).messages) == (state is State.DELIVERED)  # however often it came


def test_a_script_delivers_where_it_says_so_and_then_the_number_answers_by_itself() -> None:
    script = Script((Step(Fate.DELIVER), Step(Fate.BARRED, 2)))
    seen = []
    for _ in range(4):
        fate, script = script.next()
        seen.append(fate)
    assert seen == [Fate.DELIVER, Fate.BARRED, Fate.BARRED, None]
    assert Script.of_json(Script((Step(Fate.LOST, 9),)).to_json()) == Script((Step(Fate.LOST, 9),))


# --- limits -----------------------------------------------------------------------------------------------------------


@given(
    st.sampled_from([0.5, 1, 7, 100]),
    st.lists(st.tuples(st.floats(0, 0.5), st.integers(0, 50)), min_size=1, max_size=40),
)
@settings(max_examples=100)
def test_a_bucket_never_lets_more_through_than_its_rate_and_one_second_ahead(
    per_second: float, script: list[tuple[float, int]]
) -> None:
    bucket, now, gone = Bucket.full(per_second, 0), 0.0, 0
    for pause, wish in script:
        now += pause
        room = bucket.room(now, wish)
        assert 0 <= room <= wish
        bucket, gone = bucket.take(room, now), gone + room
        assert gone <= per_second * now + max(per_second, 1) + 1e-6
    wait = bucket.wait_seconds(now)
    assert bucket.room(now + wait + 1e-6, 1) == 1


def test_an_account_is_throttled_by_its_own_rule_else_by_everybodys_and_by_order() -> None:
    throttle = Throttle(2)
    throttle.set("plain", AccountRules())
    throttle.set("free", AccountRules(submits_per_second=0, queue_max=5))
    throttle.set("scripted", AccountRules(submits_per_second=0, throttle_next=2))

    def refused(account: str, *, at: float = 0) -> list[bool]:
        now = NOON + timedelta(seconds=at)
        return [isinstance(throttle.refuses(account, now), Throttled) for _ in range(4)]

    assert refused("plain") == [False, False, True, True]
    assert refused("plain", at=0.5) == [False, True, True, True]
    assert refused("free") == [False] * 4
    assert refused("scripted") == [True, True, False, False]
    assert throttle.queues == {"free": 5}
    throttle.set("free", AccountRules())
    assert throttle.queues == {}
