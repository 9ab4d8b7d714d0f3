"""The network's states, what it takes from an account, and how a text goes over the air."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from carrier_rules_kit import NOON, NUMBER, Network, a_submission
from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_gateway.carrier.airing import airs
from mobile_gateway.carrier.attempts import attempt
from mobile_gateway.carrier.carrier import BadTimes, KeyReused, QueueFull, Taken, TooLong
from mobile_gateway.carrier.faults import Faults
from mobile_gateway.carrier.messages import (
    TRANSITIONS,
    UDHI,
    Event,
    IllegalTransition,
    State,
    accept,
    advance,
    backoff,
)
from mobile_gateway.subscribers import SubscriberState, handset_number, masked

pytest_plugins = ["carrier_rules_plugin"]


# --- states ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_every_state_and_event_moves_by_the_table_or_is_a_bug(state: State, event: Event) -> None:
    if event in TRANSITIONS[state]:
        assert advance(state, event) is TRANSITIONS[state][event]
    else:
        with pytest.raises(IllegalTransition, match=f"{state} message cannot {event}"):
            advance(state, event)


def test_only_an_enroute_message_moves() -> None:
    assert set(TRANSITIONS) == set(State)
    assert set(TRANSITIONS[State.ENROUTE]) == set(Event)
    assert not any(TRANSITIONS[state] for state in State if state is not State.ENROUTE)
    # SMPP has these two for what this network does not do: read aloud by the staff, and lost track of.
    assert set(State) - set(TRANSITIONS[State.ENROUTE].values()) == {State.ACCEPTED, State.UNKNOWN}


@pytest.mark.parametrize(
    ("state", "has_room", "event"),
    [
        (SubscriberState.ON, True, Event.DELIVER),
        (SubscriberState.ON, False, Event.DEFER),
        (SubscriberState.SINK, True, Event.DELIVER),
        (SubscriberState.ROAMING, True, Event.HOLD),
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
    message = accept(a_submission(), sequence=1, message_id="m", parts=1, now=NOON, validity_seconds=60)

    def at(now: datetime) -> Event:
        return attempt(message, state, has_room=has_room, faults=Faults(), roaming_seconds=4, now=now).event

    assert at(NOON) is event
    assert at(message.expires_at) is Event.EXPIRE


def test_the_last_step_of_a_schedule_repeats() -> None:
    assert [backoff((2, 5, 15), failures).total_seconds() for failures in range(1, 6)] == [2, 5, 15, 15, 15]


def test_numbers_are_masked_for_logs() -> None:
    assert (masked(NUMBER), masked("+1234567")) == ("+8210****5678", "****")


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("+821012345678", NUMBER),
        ("821012345678", NUMBER),
        ("00821012345678", NUMBER),
        ("01012345678", NUMBER),
        ("+12025550100", "+12025550100"),
        ("1588", None),
        ("Cyberticket", None),
        ("+8210 1234", None),
        ("+0212345678", None),
        ("1234567890123456", None),
        ("", None),
    ],
)
def test_a_number_is_known_however_a_peer_writes_it(typed: str, number: str | None) -> None:
    assert handset_number(typed, country_code="82") == number


# --- submitting -----------------------------------------------------------------------------------------------------


def test_the_same_key_and_content_is_the_same_message_and_arrives_once(air: Network) -> None:
    first = air.submit()
    air.at(0)
    again = air.submit(message_id="m-other")
    air.at(1)
    assert isinstance(first, Taken)
    assert isinstance(again, Taken)
    assert (again.message.id, first.repeated, again.repeated) == (first.message.id, False, True)
    assert air.inbox() == ["hello"]


@pytest.mark.parametrize(
    "changes",
    [
        {"user_data": b"other"},
        {"data_coding": 8},
        {"to": "+821099999999"},
        {"sender": "x"},
        {"registered_delivery": 0},
        {"validity_seconds": 61},
        {"schedule_at": NOON},
    ],
)
def test_the_same_key_with_other_content_is_refused(air: Network, changes: dict[str, object]) -> None:
    air.submit()
    assert air.submit(replace(a_submission(), **changes)) == KeyReused()  # type: ignore[arg-type]  # names of Submission


def test_two_accounts_may_use_the_same_key_and_without_a_key_every_submission_is_new(air: Network) -> None:
    air.submit()
    answers = [
        air.submit(a_submission(account="other"), message_id="m-2"),
        air.submit(a_submission(None), message_id="m-3"),
        air.submit(a_submission(None), message_id="m-4"),
    ]
    assert [isinstance(answer, Taken) and answer.repeated for answer in answers] == [False] * 3
    air.at(0)
    assert len(air.inbox()) == 4


def test_a_full_queue_refuses_new_messages_but_knows_the_old_ones(air: Network) -> None:
    air.switch(SubscriberState.OFF)
    for key in ("a", "b", "c"):
        air.submit(a_submission(key))
    assert air.submit(a_submission("d")) == QueueFull(3)
    assert isinstance(air.submit(a_submission("a")), Taken)
    air.switch(SubscriberState.ON)
    air.at(1)
    assert isinstance(air.submit(a_submission("d")), Taken)


def test_one_full_queue_leaves_the_others_open(air: Network) -> None:
    both = [("m-1", a_submission("1")), ("m-2", a_submission("2", account="other"))]
    answers = air.carrier.submit(air.ledger, both, now=NOON, queue_max={"demo": 0})
    assert answers[0] == QueueFull(0)
    assert isinstance(answers[1], Taken)


@pytest.mark.parametrize(
    "changes",
    [
        {"user_data": b"\xff" * 5361, "data_coding": 4},  # 40 parts of 134 octets, and one octet
        {"user_data": b"\x09\x00\x03", "esm_class": UDHI},
        {"user_data": bytes.fromhex("0500030A0201") + b"x" * 160, "esm_class": UDHI},
    ],
)
def test_what_cannot_be_cut_for_the_air_is_refused_with_a_sentence(air: Network, changes: dict[str, Any]) -> None:
    answer = air.submit(a_submission(**changes))
    assert isinstance(answer, TooLong)
    assert answer.why.endswith((".", "units"))
    assert air.ledger.next_due() is None


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_at": NOON},
        {"schedule_at": NOON + timedelta(hours=2), "expires_at": NOON + timedelta(hours=1)},
        {"schedule_at": NOON + timedelta(days=31)},
    ],
)
def test_times_that_cannot_be_are_refused(air: Network, changes: dict[str, Any]) -> None:
    assert isinstance(air.submit(a_submission(**changes)), BadTimes)
    assert air.ledger.backlog("demo") == 0


def test_a_scheduled_message_waits_and_its_validity_begins_with_it(air: Network) -> None:
    air.submit(a_submission(schedule_at=NOON + timedelta(seconds=100)))
    assert air.at(99) == 0
    assert air.at(100) == 1
    assert air.inbox() == ["hello"]
    assert air.message().expires_at == NOON + timedelta(seconds=160)


def test_the_more_urgent_goes_first_and_the_older_among_equals(air: Network) -> None:
    air.switch(SubscriberState.OFF)
    for key, priority in (("low", 0), ("urgent", 3), ("high", 1)):
        air.submit(a_submission(key, key, priority=priority))
    air.switch(SubscriberState.ON)
    air.at(0)
    assert air.inbox() == ["low", "high", "urgent"]  # newest first


def test_a_message_replaces_the_waiting_one_it_is_sent_for(air: Network) -> None:
    air.switch(SubscriberState.OFF)
    air.submit(a_submission("old", "gate 1"))
    air.submit(a_submission("other", "another service", service_type="WAP"))
    air.at(0)
    answer = air.submit(a_submission("new", "gate 2", replace_if_present=True))
    assert isinstance(answer, Taken)
    assert answer.message.id == "m-old"
    air.switch(SubscriberState.ON)
    air.at(5)
    assert sorted(air.inbox()) == ["another service", "gate 2"]
    fresh = air.submit(a_submission("late", "gate 3", replace_if_present=True))
    assert isinstance(fresh, Taken)
    assert fresh.message.id == "m-late"


# --- over the air ---------------------------------------------------------------------------------------------------


def test_a_long_text_is_cut_with_one_reference_and_joined_by_the_phone(air: Network) -> None:
    text = "0123456789" * 40
    answer = air.submit(a_submission(text=text))
    assert isinstance(answer, Taken)
    assert answer.message.parts == 3
    headers = [air.user_data[:6] for air in airs(answer.message, at=NOON)]
    assert [header[:3] + header[4:] for header in headers] == [bytes([5, 0, 3, 3, place]) for place in (1, 2, 3)]
    assert len({header[3] for header in headers}) == 1
    assert [len(air.user_data) - 6 for air in airs(answer.message, at=NOON)] == [153, 153, 94]
    air.at(0)
    assert air.inbox() == [text]


@given(st.text(min_size=1, max_size=300), st.integers(0, 99))
@settings(max_examples=100)
def test_whatever_text_is_sent_the_phone_has_it_whole(text: str, salt: int) -> None:
    air = Network()
    octets = text.encode("utf-16-be", "surrogatepass")
    answer = air.submit(a_submission(user_data=octets, data_coding=8), message_id=f"m{salt}")
    assert isinstance(answer, Taken)
    parts = airs(answer.message, at=NOON)
    assert len(parts) == answer.message.parts
    assert all(len(air.user_data) <= 140 for air in parts)
    assert b"".join(air.user_data[6 * air.udhi :] for air in parts) == octets


def test_a_part_that_an_account_cut_itself_goes_as_it_is(air: Network) -> None:
    for place, text in ((2, b" world"), (1, b"hello")):
        header = bytes([5, 0, 3, 77, 2, place])
        air.submit(a_submission(f"p{place}", user_data=header + text, esm_class=UDHI))
    air.at(0)
    assert air.inbox() == ["hello world"]
