"""The closed loop: when counting opens, how long it lasts, and what a failing client does."""

from __future__ import annotations

import asyncio
import math

import pytest
from test_bench_client import FIRST, server

from bench.client import BenchFailed, Connection
from bench.load import LONGER_MAX, Effort, Window, drive


def window(*, clients: int = 2, seconds: float = 1.0) -> Window:
    return Window(clients, seconds, earliest=10.2)


def test_counting_opens_with_the_first_answer_of_the_last_client() -> None:
    found = window()
    found.first_answer(ended=10.5, took=0.1)
    assert not found.counts(11.0)
    found.first_answer(ended=11.0, took=0.1)
    assert (found.opens, found.closes) == (11.0, 12.0)
    assert found.counts(11.0)
    assert not found.counts(12.0)


def test_counting_does_not_open_before_the_connections_are_warm() -> None:
    found = window(clients=1)
    found.first_answer(ended=10.01, took=0.01)
    assert found.opens == 10.2


def test_a_slow_client_has_the_time_to_come_round_twice() -> None:
    found = window()
    found.first_answer(ended=10.4, took=0.4)
    found.first_answer(ended=10.9, took=0.9)
    assert found.closes - found.opens == pytest.approx(1.8)


def test_a_very_slow_client_does_not_hold_up_the_run() -> None:
    found = window(clients=1)
    found.first_answer(ended=40.0, took=30.0)
    assert found.closes - found.opens == pytest.approx(LONGER_MAX)


async def test_each_client_repeats_its_step_until_the_time_is_over() -> None:
    steps: list[int] = []

    async def step(line: Connection, number: int) -> None:
        await line.request("GET", "/")
        steps.append(number)
        await asyncio.sleep(0.01)

    effort = Effort()
    async with server(lambda _: FIRST) as url:
        found = await drive(url, step, clients=3, seconds=0.2, effort=effort)
    assert set(steps) == {0, 1, 2}
    assert len(found.done) + found.uncounted == len(steps)
    assert found.uncounted >= 3, "the first answer of each client, at least, is not counted"
    assert all(0 <= one.ended_seconds < found.seconds and one.took_seconds >= 0.01 for one in found.done)
    assert found.seconds == pytest.approx(0.2)
    assert 0.3 < effort.seconds < 20
    assert math.isfinite(effort.processor_seconds)


async def test_one_wrong_answer_ends_the_measurement() -> None:
    async def step(line: Connection, number: int) -> None:
        answer = await line.request("GET", "/")
        if number == 1:
            answer.json(200)

    async with server(lambda _: FIRST) as url:
        with pytest.raises(BenchFailed, match="expected"):
            await drive(url, step, clients=3, seconds=0.2, effort=Effort())


async def test_a_server_that_hangs_up_ends_the_measurement_in_words() -> None:
    async def step(line: Connection, _: int) -> None:
        await line.request("GET", "/")

    async with server(lambda _: b"") as url:
        with pytest.raises(BenchFailed, match="closed a connection"):
            await drive(url, step, clients=2, seconds=0.2, effort=Effort())
