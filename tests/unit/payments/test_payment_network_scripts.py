"""Scripted faults: whom they strike, how often, and that a seed makes the same history."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.payments.sandbox.faults import AT_REQUESTS, AT_WEBHOOKS, OF_CARD, Fault, What, Where


def struck(fault: Fault, requests: int) -> list[bool]:
    history = []
    for _ in range(requests):
        hit, fault = fault.meet()
        history.append(hit)
    return history


@given(st.integers(1, 100), st.integers(0, 2**31), st.integers(1, 50))
def test_a_seed_makes_the_same_history(percent: int, seed: int, requests: int) -> None:
    fault = Fault("f", Where.CREATE, What.DELAY, times=1_000, percent=percent, seed=seed)

    assert struck(fault, requests) == struck(fault, requests)
    assert percent < 100 or all(struck(fault, requests))


def test_a_chance_of_thirty_percent_strikes_about_that_often() -> None:
    fault = Fault("f", Where.CREATE, What.DELAY, times=10_000, percent=30, seed=1)

    assert 250 < sum(struck(fault, 1_000)) < 350


@given(st.integers(1, 20), st.integers(1, 99))
def test_a_script_runs_out_after_it_has_struck_so_often(times: int, percent: int) -> None:
    fault = Fault("f", Where.CREATE, What.DELAY, times=times, percent=percent)
    hits = 0
    while fault.fits(Where.CREATE):
        hit, fault = fault.meet()
        hits += hit

    assert (hits, fault.met, fault.over) == (times, times, True)


@pytest.mark.parametrize("at", [where for where in Where if where not in {Where.NETWORK, Where.WEBHOOK}])
def test_any_fits_every_request_and_no_webhook(at: Where) -> None:
    fault = Fault("f", Where.ANY, What.DROP_AFTER)

    assert fault.fits(at)
    assert not fault.fits(Where.WEBHOOK)


def test_a_script_may_be_about_one_payment_or_one_kind_of_event() -> None:
    mine = Fault("f", Where.CONFIRM, What.DROP_AFTER, intent="pi_1")
    told = Fault("f", Where.WEBHOOK, What.LOSE, event_type="refund.failed")

    assert mine.fits(Where.CONFIRM, intent="pi_1")
    assert not mine.fits(Where.CONFIRM, intent="pi_2")
    assert not mine.fits(Where.CAPTURE, intent="pi_1")
    assert not mine.fits(Where.CONFIRM)
    assert told.fits(Where.WEBHOOK, event_type="refund.failed")
    assert not told.fits(Where.WEBHOOK, event_type="refund.updated")


def test_every_fault_has_its_place_and_every_fault_of_a_request_its_card() -> None:
    assert set(What) == AT_REQUESTS | AT_WEBHOOKS
    assert {What.DELAY} == AT_REQUESTS & AT_WEBHOOKS
    assert set(OF_CARD.values()) == AT_REQUESTS
