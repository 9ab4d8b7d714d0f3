"""How long a delivery waits between its tries, and what a receipt means for it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from app.domain.delivery import ATTEMPTS_MAX, BACKOFF_SECONDS, RECEIPT_EVENTS, DeliveryEvent, backoff_seconds


@pytest.mark.parametrize(("attempts", "seconds"), [(0, 0), (1, 1), (2, 2), (3, 5), (8, 3600), (9, 3600), (500, 3600)])
def test_it_waits_longer_after_each_failed_try_but_never_over_an_hour(attempts: int, seconds: int) -> None:
    assert backoff_seconds(attempts) == seconds


def test_no_wait_is_shorter_than_the_one_before() -> None:
    waits = [backoff_seconds(attempts) for attempts in range(ATTEMPTS_MAX + 1)]
    assert all(one <= next_one for one, next_one in pairwise(waits))
    assert set(waits) == {0, *BACKOFF_SECONDS}


def test_only_delivered_means_that_it_arrived() -> None:
    arrived = {state for state, event in RECEIPT_EVENTS.items() if event is DeliveryEvent.ARRIVE}
    assert arrived == {"DELIVERED"}


@pytest.mark.parametrize("state", ["ENROUTE", "ACCEPTED", "UNKNOWN"])
def test_a_state_on_the_way_moves_nothing(state: str) -> None:
    assert state not in RECEIPT_EVENTS
