"""The carrier's rules: taken once, tried until it arrives or its time is up, and always a receipt."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_gateway.carrier import Carrier, KeyReused, QueueFull, Taken, attempt
from mobile_gateway.handset import Key
from mobile_gateway.ledger import MemoryLedger
from mobile_gateway.messages import (
    TRANSITIONS,
    Event,
    IllegalTransition,
    Language,
    Message,
    Model,
    Policy,
    Receipt,
    State,
    Submission,
    SubscriberState,
    accept,
    advance,
    backoff,
    masked,
)
from mobile_gateway.wire.gsm import Coding

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NUMBER = "+821012345678"
POLICY = Policy(retry_seconds=(2, 5, 15), receipt_delay_seconds=1, receipt_retry_seconds=(1, 10), queue_max=3)


def a_submission(key: str = "k1", text: str = "hello", **changes: str | int | bool) -> Submission:
    plain = Submission(
        "demo", key, NUMBER, "Cyberticket", text, Coding.GSM, 1, receipt_wanted=True, validity_seconds=60
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # the names are Submission's


@dataclass
class Network:
    """A carrier on dictionaries, with a clock that the test turns."""

    carrier: Carrier = field(default_factory=lambda: Carrier(POLICY))
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    now: datetime = NOON

    def submit(self, submission: Submission | None = None) -> Taken | KeyReused | QueueFull:
        submission = submission or a_submission()
        return self.carrier.submit(self.ledger, submission, message_id=f"m-{submission.key}", now=self.now)

    def at(self, seconds: float) -> int:
        """Turn the clock to `seconds` after noon and deliver what is due; answers how many attempts that made."""
        self.now = NOON + timedelta(seconds=seconds)
        return self.carrier.deliver(self.ledger, now=self.now, limit=100).attempts

    def switch(self, state: SubscriberState) -> None:
        self.carrier.set_subscriber(self.ledger, NUMBER, state=state, now=self.now)

    def message(self, key: str = "k1") -> Message:
        found = self.ledger.message(f"m-{key}")
        assert found
        return found

    def inbox(self) -> list[str]:
        subscriber = self.ledger.subscriber(NUMBER)
        return [held.text for held in self.ledger.phone(subscriber).messages] if subscriber else []

    def receipts(self) -> list[Receipt]:
        return self.ledger.due_receipts(NOON + timedelta(days=30), limit=100)


@pytest.fixture
def network() -> Network:
    return Network()


# --- states -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_every_state_and_event_moves_by_the_table_or_is_a_bug(state: State, event: Event) -> None:
    if event in TRANSITIONS[state]:
        assert advance(state, event) is TRANSITIONS[state][event]
    else:
        with pytest.raises(IllegalTransition, match=f"{state} message cannot {event}"):
            advance(state, event)


def test_only_an_enroute_message_moves_and_each_event_leads_to_its_own_state() -> None:
    assert set(TRANSITIONS) == set(State)
    assert set(TRANSITIONS[State.ENROUTE]) == set(Event)
    assert set(TRANSITIONS[State.ENROUTE].values()) == set(State)
    assert not any(TRANSITIONS[state] for state in State if state is not State.ENROUTE)


@pytest.mark.parametrize(
    ("state", "has_room", "event"),
    [
        (SubscriberState.ON, True, Event.DELIVER),
        (SubscriberState.ON, False, Event.DEFER),
        (SubscriberState.MEMORY_FULL, True, Event.DEFER),
        (SubscriberState.OFF, True, Event.DEFER),
        (SubscriberState.UNKNOWN, True, Event.FAIL),
        (SubscriberState.BARRED, True, Event.REJECT),
    ],
)
def test_what_an_attempt_comes_to_is_the_subscribers_doing(
    state: SubscriberState,
    has_room: bool,  # noqa: FBT001 - a column of the table above
    event: Event,
) -> None:
    message = accept(a_submission(), message_id="m", now=NOON)
    assert attempt(message, state, has_room=has_room, now=NOON).event is event
    assert attempt(message, state, has_room=has_room, now=message.expires_at).event is Event.EXPIRE


def test_the_last_step_of_a_schedule_repeats() -> None:
    assert [backoff((2, 5, 15), failures).total_seconds() for failures in range(1, 6)] == [2, 5, 15, 15, 15]


def test_numbers_are_masked_for_logs() -> None:
    assert (masked(NUMBER), masked("+1234567")) == ("+8210****5678", "****")


# --- submitting -------------------------------------------------------------------------------------------------------


def test_the_same_key_and_content_is_the_same_message_and_arrives_once(network: Network) -> None:
    first = network.submit()
    network.at(0)
    again = network.carrier.submit(network.ledger, a_submission(), message_id="m-other", now=network.now)
    network.at(1)
    assert isinstance(first, Taken)
    assert isinstance(again, Taken)
    assert (again.message.id, first.repeated, again.repeated) == (first.message.id, False, True)
    assert network.inbox() == ["hello"]


@pytest.mark.parametrize(
    "changes",
    [{"text": "other"}, {"to": "+821099999999"}, {"sender": "x"}, {"receipt_wanted": False}, {"validity_seconds": 61}],
)
def test_the_same_key_with_other_content_is_refused(network: Network, changes: dict[str, str | int]) -> None:
    network.submit()
    assert network.submit(replace(a_submission(), **changes)) == KeyReused()  # type: ignore[arg-type]  # as above


def test_two_accounts_may_use_the_same_key(network: Network) -> None:
    network.submit()
    answer = network.carrier.submit(
        network.ledger, a_submission(account="other", text="mine"), message_id="m-2", now=NOON
    )
    assert isinstance(answer, Taken)
    assert not answer.repeated


def test_a_full_queue_refuses_new_messages_but_knows_the_old_ones(network: Network) -> None:
    network.switch(SubscriberState.OFF)
    for key in ("a", "b", "c"):
        network.submit(a_submission(key))
    assert network.submit(a_submission("d")) == QueueFull(3)
    assert isinstance(network.submit(a_submission("a")), Taken)
    network.switch(SubscriberState.ON)
    network.at(1)
    assert isinstance(network.submit(a_submission("d")), Taken)


# --- delivering -------------------------------------------------------------------------------------------------------


def test_a_number_never_seen_becomes_a_feature_phone_that_is_on(network: Network) -> None:
    network.submit()
    network.at(0)
    subscriber = network.ledger.subscriber(NUMBER)
    assert subscriber
    assert (subscriber.model, subscriber.state, subscriber.language) == (
        Model.FEATURE,
        SubscriberState.ON,
        Language.KOREAN,
    )
    assert network.message().state is State.DELIVERED


def test_a_network_that_knows_its_numbers_cannot_deliver_to_others() -> None:
    network = Network(Carrier(replace(POLICY, creates_unknown_numbers=False)))
    network.submit()
    network.at(0)
    assert (network.message().state, network.message().error) == (State.UNDELIVERABLE, "no such subscriber")
    assert network.ledger.subscriber(NUMBER) is None


def test_a_phone_that_is_off_is_tried_by_the_schedule_and_no_more_often(network: Network) -> None:
    network.switch(SubscriberState.OFF)
    network.submit()
    tried = [second for second in range(60) if network.at(second)]
    assert tried == [0, 2, 7, 22, 37, 52]
    assert network.carrier.next_deadline(network.ledger) == NOON + timedelta(seconds=60)
    assert [entry.note for entry in network.ledger.history("m-k1")] == ["accepted", "handset off or out of reach"]


def test_a_message_past_its_validity_expires_and_never_arrives(network: Network) -> None:
    network.switch(SubscriberState.OFF)
    network.submit()
    network.at(0)
    network.at(60)
    assert network.message().state is State.EXPIRED
    network.switch(SubscriberState.ON)
    network.at(61)
    assert network.inbox() == []
    assert network.carrier.next_deadline(network.ledger) is None
    assert [(one.state, one.error) for one in network.receipts()] == [(State.EXPIRED, "handset off or out of reach")]


def test_a_phone_that_is_switched_on_gets_what_waits_in_the_order_it_was_sent(network: Network) -> None:
    network.switch(SubscriberState.OFF)
    for second, key in enumerate(("a", "b", "c")):
        network.submit(a_submission(key, key))
        network.at(second)
    network.switch(SubscriberState.ON)
    network.at(3)
    assert network.inbox() == ["c", "b", "a"]


def test_a_full_phone_gets_the_message_as_soon_as_something_is_deleted(network: Network) -> None:
    for index in range(50):
        network.submit(a_submission(f"old{index}", "old"))
        network.at(0)
    network.submit()
    network.at(0)
    assert (network.message().state, network.message().error) == (State.ENROUTE, "handset memory full")
    network.carrier.press(network.ledger, NUMBER, Key.DELETE, now=network.now)
    network.at(0.1)
    assert network.inbox()[0] == "hello"
    assert len(network.inbox()) == 50


def test_the_switch_memory_full_ends_when_the_holder_deletes_something(network: Network) -> None:
    network.submit(a_submission("old", "old"))
    network.at(0)
    network.switch(SubscriberState.MEMORY_FULL)
    network.submit()
    network.at(1)
    assert network.inbox() == ["old"]
    network.carrier.delete(network.ledger, NUMBER, "m-old", now=network.now)
    network.at(1.1)
    assert network.inbox() == ["hello"]


def test_a_barred_subscriber_is_rejected_and_told_so(network: Network) -> None:
    network.switch(SubscriberState.BARRED)
    network.submit()
    network.at(0)
    assert [(one.state, one.error) for one in network.receipts()] == [(State.REJECTED, "subscriber barred")]


def test_at_most_the_limit_is_tried_in_one_round_and_the_rest_stays_due(network: Network) -> None:
    for key in ("a", "b", "c"):
        network.submit(a_submission(key, key))
    assert network.carrier.deliver(network.ledger, now=NOON, limit=2).attempts == 2
    assert network.carrier.next_deadline(network.ledger) == NOON
    assert network.carrier.deliver(network.ledger, now=NOON, limit=2).attempts == 1


def test_keys_do_nothing_on_a_phone_that_is_off_or_does_not_exist(network: Network) -> None:
    network.submit()
    network.at(0)
    network.switch(SubscriberState.OFF)
    phone = network.carrier.press(network.ledger, NUMBER, Key.DELETE, now=NOON)
    assert phone
    assert len(phone.messages) == 1
    assert network.carrier.store(network.ledger, "+10000000", "m-k1", now=NOON) is None


# --- receipts ---------------------------------------------------------------------------------------------------------


def test_a_receipt_is_owed_after_its_delay_and_only_where_it_was_wanted(network: Network) -> None:
    network.submit()
    network.submit(a_submission("silent", receipt_wanted=False))
    network.at(0)
    (receipt,) = network.receipts()
    assert (receipt.message_id, receipt.state, receipt.error) == ("m-k1", State.DELIVERED, None)
    assert receipt.due_at == NOON + timedelta(seconds=1)


def test_a_network_without_a_callback_owes_no_receipts() -> None:
    network = Network(Carrier(replace(POLICY, sends_receipts=False)))
    network.submit()
    network.at(0)
    assert network.receipts() == []


def test_an_unacknowledged_receipt_is_due_again_later_and_an_acknowledged_one_never(network: Network) -> None:
    network.submit()
    network.at(0)
    waits = []
    for _ in range(3):
        (receipt,) = network.receipts()
        network.carrier.receipts_told(network.ledger, [(receipt, False)], now=receipt.due_at)
        waits.append((network.receipts()[0].due_at - receipt.due_at).total_seconds())
    assert waits == [1, 10, 10]
    network.carrier.receipts_told(network.ledger, [(network.receipts()[0], True)], now=NOON)
    assert network.receipts() == []


def test_a_receipt_that_nobody_takes_is_given_up_in_the_end_and_the_history_says_so(network: Network) -> None:
    network.submit()
    network.at(0)
    (receipt,) = network.receipts()
    network.carrier.receipts_told(network.ledger, [(receipt, False)], now=NOON + timedelta(days=7))
    assert network.receipts() == []
    assert network.ledger.history("m-k1")[-1].note == "receipt never acknowledged; given up"


# --- whatever happens -------------------------------------------------------------------------------------------------

acts = st.one_of(
    st.tuples(st.just("submit"), st.sampled_from("abcd"), st.integers(1, 40)),
    st.tuples(st.just("switch"), st.sampled_from([str(state) for state in SubscriberState]), st.just(0)),
    st.tuples(st.just("wait"), st.just(""), st.integers(0, 30)),
)


@given(st.lists(acts, max_size=25))
def test_every_message_ends_once_within_its_validity_and_its_receipt_tells_the_truth(
    script: list[tuple[str, str, int]],
) -> None:
    network, seconds = Network(Carrier(replace(POLICY, queue_max=100))), 0
    for act, word, figure in script:
        if act == "submit":
            network.submit(a_submission(word, word, validity_seconds=figure))
        elif act == "switch":
            network.switch(SubscriberState(word))
        seconds += figure if act == "wait" else 0
        network.at(seconds)
    network.at(seconds + 41)
    told = {receipt.message_id: receipt for receipt in network.receipts()}
    for key in "abcd":
        message = network.ledger.message(f"m-{key}")
        if message:
            assert message.state is not State.ENROUTE
            assert told.pop(message.id).state is message.state
            assert network.inbox().count(key) == (message.state is State.DELIVERED)
    assert not told
