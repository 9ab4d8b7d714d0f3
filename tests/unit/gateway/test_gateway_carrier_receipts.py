"""What an account may ask and change of its messages, what it is told of them, and how each of them ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from carrier_rules_kit import NOON, NUMBER, POLICY, Network, a_submission
from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_gateway.carrier import receipts
from mobile_gateway.carrier.carrier import (
    BadTimes,
    Cancelled,
    Carrier,
    Changes,
    NoSuchMessage,
    Replaced,
    TooLate,
    TooLong,
)
from mobile_gateway.carrier.faults import Faults
from mobile_gateway.carrier.messages import BOTH, FAILURE_ONLY, INTERMEDIATE, Dlr, State, Way
from mobile_gateway.carrier.outgoing import Forwarded, Kind, NotNow, Told, Unwanted
from mobile_gateway.subscribers import SubscriberState

pytest_plugins = ["carrier_rules_plugin"]


# --- asking after, calling back, replacing --------------------------------------------------------------------------


def test_a_message_is_found_by_its_account_and_source_address_only(air: Network) -> None:
    air.submit()
    query = air.carrier.query
    assert query(air.ledger, "demo", "m-k1", source="Cyberticket") == air.message()
    assert query(air.ledger, "demo", "m-k1", source=None) == air.message()
    assert query(air.ledger, "demo", "m-k1", source="another") is None
    assert query(air.ledger, "other", "m-k1", source="Cyberticket") is None


def test_a_cancelled_message_never_arrives_and_its_receipt_says_so(air: Network) -> None:
    air.switch(SubscriberState.OFF)
    air.submit()
    air.at(0)
    cancel = air.carrier.cancel
    assert cancel(air.ledger, "demo", "m-k1", source="another", now=air.now) == NoSuchMessage()
    assert cancel(air.ledger, "demo", "m-k1", source="Cyberticket", now=air.now) == Cancelled(1)
    assert cancel(air.ledger, "demo", "m-k1", source="Cyberticket", now=air.now) == TooLate(State.DELETED)
    air.switch(SubscriberState.ON)
    air.at(10)
    assert air.inbox() == []
    assert [one.state for one in air.owed()] == [State.DELETED]
    assert air.message().attempts == 1


def test_all_that_waits_between_two_addresses_is_cancelled_at_once(air: Network) -> None:
    air.switch(SubscriberState.OFF)
    for key, changes in (("a", {}), ("b", {"service_type": "WAP"}), ("c", {"sender": "x"})):
        air.submit(a_submission(key, **changes))

    def cancel(service_type: str | None) -> Cancelled | NoSuchMessage:
        return air.carrier.cancel_all(
            air.ledger, "demo", source="Cyberticket", to=NUMBER, service_type=service_type, now=NOON
        )

    assert cancel("WAP") == Cancelled(1)
    assert cancel(None) == Cancelled(1)
    assert cancel(None) == NoSuchMessage()
    assert air.message("c").state is State.ENROUTE


def test_a_waiting_message_is_given_other_words_and_times(air: Network) -> None:
    air.switch(SubscriberState.OFF)
    air.submit()
    air.at(0)
    changes = Changes(b"gate 2", expires_at=NOON + timedelta(hours=1), registered_delivery=0)
    answer = air.carrier.replace(air.ledger, "demo", "m-k1", changes, source="Cyberticket", now=NOON)
    assert isinstance(answer, Replaced)
    air.switch(SubscriberState.ON)
    air.at(120)
    assert air.inbox() == ["gate 2"]
    assert air.owed() == []


def test_what_cannot_be_replaced_is_said_to_be_so(air: Network) -> None:
    air.submit()

    def replaced(changes: Changes, source: str = "Cyberticket") -> object:
        return air.carrier.replace(air.ledger, "demo", "m-k1", changes, source=source, now=NOON)

    assert replaced(Changes(b"x"), "another") == NoSuchMessage()
    assert isinstance(replaced(Changes(b"x" * 10_000)), TooLong)
    assert isinstance(replaced(Changes(b"x", expires_at=NOON)), BadTimes)
    air.at(0)
    assert replaced(Changes(b"x")) == TooLate(State.DELIVERED)


# --- receipts -------------------------------------------------------------------------------------------------------


def test_a_receipt_swaps_the_addresses_and_is_owed_after_its_delay(air: Network) -> None:
    air.submit()
    air.at(2)
    (receipt,) = air.owed()
    assert (receipt.kind, receipt.message_id, receipt.state, receipt.error) == (
        Kind.RECEIPT,
        "m-k1",
        State.DELIVERED,
        None,
    )
    assert (receipt.sender, receipt.to, receipt.user_data) == (NUMBER, "Cyberticket", b"hello")
    assert (receipt.submitted_at, receipt.at, receipt.due_at) == (
        NOON,
        NOON + timedelta(seconds=2),
        NOON + timedelta(seconds=3),
    )


@pytest.mark.parametrize(
    ("wish", "state", "kinds"),
    [
        (0, SubscriberState.ON, []),
        (0, SubscriberState.BARRED, []),
        (BOTH, SubscriberState.ON, [Kind.RECEIPT]),
        (BOTH, SubscriberState.BARRED, [Kind.RECEIPT]),
        (FAILURE_ONLY, SubscriberState.ON, []),
        (FAILURE_ONLY, SubscriberState.BARRED, [Kind.RECEIPT]),
        (BOTH, SubscriberState.OFF, []),
        (BOTH | INTERMEDIATE, SubscriberState.OFF, [Kind.NOTICE]),
        (INTERMEDIATE, SubscriberState.ON, []),
    ],
)
def test_an_account_is_told_what_it_registered_for(
    air: Network, wish: int, state: SubscriberState, kinds: list[Kind]
) -> None:
    air.switch(state)
    air.submit(a_submission(registered_delivery=wish))
    for second in (0, 2, 7):
        air.at(second)
    assert [one.kind for one in air.owed()] == kinds


@pytest.mark.parametrize(
    ("mask", "state", "types"),
    [
        (1, SubscriberState.ON, [1]),
        (2, SubscriberState.ON, []),
        (1, SubscriberState.UNKNOWN, []),
        (2, SubscriberState.UNKNOWN, [2]),
        (3, SubscriberState.BARRED, [2]),
        (16, SubscriberState.BARRED, [16]),
        (16, SubscriberState.UNKNOWN, []),
        (4, SubscriberState.OFF, [4]),
        (31, SubscriberState.ON, [8, 1]),
        (31, SubscriberState.OFF, [8, 4]),
    ],
)
def test_a_sender_of_sendsms_is_told_what_its_mask_asks_for(
    air: Network, mask: int, state: SubscriberState, types: list[int]
) -> None:
    air.switch(state)
    dlr = Dlr("http://sales.example/dlr", mask)
    air.submit(a_submission(way=Way.SENDSMS, dlr=dlr, registered_delivery=0))
    for second in (0, 2, 7):
        air.at(second)
    assert [receipts.dlr_type(one) for one in air.owed(Way.SENDSMS)] == types


def test_a_network_without_a_callback_owes_no_receipts_by_http() -> None:
    air = Network(Carrier(replace(POLICY, sends_receipts=False)))
    air.submit(a_submission(way=Way.HTTP))
    air.at(0)
    assert air.owed(Way.HTTP) == []


def test_an_unacknowledged_receipt_is_due_again_later_and_an_acknowledged_one_never(air: Network) -> None:
    air.submit()
    air.at(0)
    waits = []
    for _ in range(3):
        (receipt,) = air.owed()
        assert receipt.due_at
        air.told(NotNow("answer 500"), now=receipt.due_at)
        again = air.owed()[0].due_at
        assert again
        waits.append((again - receipt.due_at).total_seconds())
    assert waits == [1, 10, 10]
    air.told(Forwarded(), now=NOON)
    assert air.owed() == []


@pytest.mark.parametrize(
    ("answer", "later", "why"),
    [(NotNow("answer 500"), timedelta(days=7), "answer 500"), (Unwanted("RX_R_APPN"), timedelta(0), "RX_R_APPN")],
)
def test_a_receipt_that_nobody_takes_is_given_up_and_the_history_says_so(
    air: Network, answer: Told, later: timedelta, why: str
) -> None:
    air.submit()
    air.at(0)
    air.told(answer, now=NOON + later)
    assert air.owed() == []
    notes = [entry.note for entry in air.ledger.history(air.message())]
    assert notes == ["accepted", "on the handset", f"receipt given up: {why}"]


# --- whatever happens -----------------------------------------------------------------------------------------------


acts = st.one_of(
    st.tuples(st.just("submit"), st.sampled_from("abcd"), st.integers(1, 40)),
    st.tuples(st.just("switch"), st.sampled_from([str(state) for state in SubscriberState]), st.just(0)),
    st.tuples(st.just("cancel"), st.sampled_from("abcd"), st.just(0)),
    st.tuples(st.just("wait"), st.just(""), st.integers(0, 30)),
)
unreliable = st.builds(
    Faults, seed=st.integers(0, 99), latency_ms=st.sampled_from([0, 900]), loss=st.sampled_from([0, 0.4])
)


@given(st.lists(acts, max_size=25), unreliable)
@settings(max_examples=150)
def test_every_message_ends_once_within_its_validity_and_its_receipt_tells_the_truth(
    script: list[tuple[str, str, int]], faults: Faults
) -> None:
    air, seconds = Network(Carrier(replace(POLICY, queue_max=100))), 0
    air.ledger.set_faults(faults)
    for act, word, figure in script:
        if act == "submit":
            air.submit(a_submission(word, word, validity_seconds=figure))
        elif act == "switch":
            air.switch(SubscriberState(word))
        elif act == "cancel":
            air.carrier.cancel(air.ledger, "demo", f"m-{word}", source=None, now=air.now)
        seconds += figure if act == "wait" else 0
        air.at(seconds)
    air.at(seconds + 41)
    told = {receipt.message_id: receipt for receipt in air.owed()}
    for key in "abcd":
        message = air.ledger.message(f"m-{key}")
        if message:
            assert message.state is not State.ENROUTE
            assert told.pop(message.id).state is message.state
            held = air.inbox().count(key)
            sunk = message.state is State.DELIVERED and held == 0
            assert held == (message.state is State.DELIVERED) or (sunk and ("switch", "sink", 0) in script)
    assert not told
