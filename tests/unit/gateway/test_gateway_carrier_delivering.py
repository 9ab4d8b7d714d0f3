"""Delivering: phones that are on, off, full, barred or away get what waits, by the schedule."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from carrier_rules_kit import NOON, NUMBER, POLICY, Network, a_submission

from mobile_gateway.carrier import holders
from mobile_gateway.carrier.carrier import Carrier
from mobile_gateway.carrier.messages import State
from mobile_gateway.handset.air import Air
from mobile_gateway.handset.phone import Phone, Pressed
from mobile_gateway.subscribers import Language, Model, SubscriberState

pytest_plugins = ["carrier_rules_plugin"]


def test_a_number_never_seen_becomes_a_feature_phone_that_is_on(air: Network) -> None:
    air.submit()
    air.at(0)
    subscriber = air.ledger.subscriber(NUMBER)
    assert subscriber
    assert (subscriber.model, subscriber.state, subscriber.language) == (
        Model.FEATURE,
        SubscriberState.ON,
        Language.KOREAN,
    )
    assert air.message().state is State.DELIVERED


def test_a_network_that_knows_its_numbers_cannot_deliver_to_others() -> None:
    air = Network(Carrier(replace(POLICY, creates_unknown_numbers=False)))
    air.submit()
    air.at(0)
    assert (air.message().state, air.message().error) == (State.UNDELIVERABLE, "no such subscriber")
    assert air.ledger.subscriber(NUMBER) is None


def test_numbers_of_the_sink_take_everything_and_hold_nothing() -> None:
    air = Network(Carrier(replace(POLICY, sink_prefix="+8210", queue_max=100)))
    for index in range(60):
        air.submit(a_submission(f"k{index}"))
    air.at(0)
    assert air.message("k59").state is State.DELIVERED
    assert air.ledger.subscriber(NUMBER) is None


def test_a_phone_that_is_off_is_tried_by_the_schedule_and_no_more_often(air: Network) -> None:
    air.switch(SubscriberState.OFF)
    air.submit()
    tried = [second for second in range(60) if air.at(second)]
    assert tried == [0, 2, 7, 22, 37, 52]
    assert air.ledger.next_due() == NOON + timedelta(seconds=60)
    notes = [entry.note for entry in air.ledger.history(air.message())]
    assert notes == ["accepted", "handset off or out of reach"]


def test_a_message_past_its_validity_expires_and_never_arrives(air: Network) -> None:
    air.switch(SubscriberState.OFF)
    air.submit()
    air.at(0)
    air.at(60)
    assert air.message().state is State.EXPIRED
    air.switch(SubscriberState.ON)
    air.at(61)
    assert air.inbox() == []
    assert air.ledger.next_due() is None
    assert [(one.state, one.error) for one in air.owed()] == [(State.EXPIRED, "handset off or out of reach")]


def test_a_phone_that_is_switched_on_gets_what_waits_in_the_order_it_was_sent(air: Network) -> None:
    air.switch(SubscriberState.OFF)
    for second, key in enumerate(("a", "b", "c")):
        air.submit(a_submission(key, key))
        air.at(second)
    air.switch(SubscriberState.ON)
    air.at(3)
    assert air.inbox() == ["c", "b", "a"]


def test_what_is_scheduled_for_later_is_not_brought_forward_by_a_phone_that_is_switched_on(air: Network) -> None:
    air.switch(SubscriberState.OFF)
    air.submit(a_submission(schedule_at=NOON + timedelta(seconds=100)))
    air.switch(SubscriberState.ON)
    assert air.at(99) == 0


def test_a_roaming_phone_gets_its_messages_late_and_that_is_no_failed_attempt(air: Network) -> None:
    air.switch(SubscriberState.ROAMING)
    air.submit()
    air.at(0)
    assert air.inbox() == []
    assert air.ledger.next_due() == NOON + timedelta(seconds=4)
    air.at(4)
    assert air.inbox() == ["hello"]
    assert air.message().attempts == 1


def test_a_full_phone_gets_the_message_as_soon_as_something_is_deleted(air: Network) -> None:
    for index in range(50):
        air.submit(a_submission(f"old{index}", "old"))
        air.at(0)
    air.submit()
    air.at(0)
    assert (air.message().state, air.message().error) == (State.ENROUTE, "handset memory full")
    air.delete("m-old7")
    air.at(0.1)
    assert air.inbox()[0] == "hello"
    assert len(air.inbox()) == 50


def test_the_switch_memory_full_ends_when_the_holder_deletes_something(air: Network) -> None:
    air.submit(a_submission("old", "old"))
    air.at(0)
    air.switch(SubscriberState.MEMORY_FULL)
    air.submit()
    air.at(1)
    assert air.inbox() == ["old"]
    air.delete("m-old")
    air.at(1.1)
    assert air.inbox() == ["hello"]


def test_a_barred_subscriber_is_rejected_and_told_so(air: Network) -> None:
    air.switch(SubscriberState.BARRED)
    air.submit()
    air.at(0)
    assert [(one.state, one.error, one.error_code) for one in air.owed()] == [(State.REJECTED, "subscriber barred", 13)]


def test_at_most_the_limit_is_tried_in_one_round_and_the_rest_stays_due(air: Network) -> None:
    for key in ("a", "b", "c"):
        air.submit(a_submission(key, key))
    assert air.carrier.deliver(air.ledger, now=NOON, limit=2).attempts == 2
    assert air.ledger.next_due() == NOON
    assert air.carrier.deliver(air.ledger, now=NOON, limit=2).attempts == 1


def test_keys_do_nothing_on_a_phone_that_is_off_or_does_not_exist(air: Network) -> None:
    air.submit()
    air.at(0)
    air.switch(SubscriberState.OFF)
    pressed = air.delete("m-k1")
    assert pressed
    assert len(pressed.phone.messages) == 1
    assert holders.act(air.ledger, "+10000000", Pressed, now=NOON) is None


def test_a_phone_that_breaks_on_a_message_stops_nobody_elses(
    air: Network, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole = Phone.receive

    def brittle(phone: Phone, air: Air) -> Phone:
        if air.user_data == b"poison":
            raise RuntimeError("no")
        return whole(phone, air)

    monkeypatch.setattr(Phone, "receive", brittle)
    for key, text in (("a", "poison"), ("b", "hello")):
        air.submit(a_submission(key, text))
    air.at(0)
    assert air.inbox() == ["hello"]
    assert (air.message("a").state, air.message("b").state) == (State.UNDELIVERABLE, State.DELIVERED)
    assert "+8210****5678 failed to take message m-a" in caplog.text
