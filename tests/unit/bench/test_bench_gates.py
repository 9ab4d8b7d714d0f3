"""The gates' benchmark: who is shown where, what a storm counts, and that a gate that errs ends the run."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from test_bench_client import server

from bench import gate_alone, gates
from bench.client import BenchFailed
from bench.gate_cut import Plan, Reckoning
from bench.gate_storm import ADMISSIONS, CHECKS, Asked, Showing, showings, steady, storm

NOW = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
TOKENS = ["gate-0", "gate-1", "gate-2", "gate-3"]
TEXTS = [f"ticket {number}" for number in range(30)]


def answer(told: object) -> bytes:
    body = json.dumps(told, separators=(",", ":")).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


class Register:
    """The other side: each ticket is let in once, and the same scan has the same answer."""

    def __init__(self, *, uses: int = 1, forgets: bool = False) -> None:
        self.left = defaultdict[str, int](lambda: uses)
        self.answers: dict[tuple[str, str], bytes] = {}
        self.forgets = forgets

    def __call__(self, request: bytes) -> bytes:
        head, _, body = request.partition(b"\r\n\r\n")
        gate = head.partition(b"Bearer ")[2].partition(b"\r\n")[0].decode()
        asked = json.loads(body)
        name = gate, asked["scan_id"]
        if name not in self.answers or self.forgets:
            yes = self.left[asked["presented"]] > 0
            self.left[asked["presented"]] -= yes
            self.answers[name] = answer({"admit": yes})
        return self.answers[name]


# --- who is shown where ---------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(st.integers(1, 60), st.integers(2, 70), st.integers(0, 5))
def test_every_ticket_is_shown_at_two_or_three_different_gates(tickets: int, count: int, seed: int) -> None:
    planned = list(showings(tickets, count, seed=seed))

    assert {one.ticket for one in planned} == set(range(tickets))
    assert all(2 <= shown <= 3 for shown in Counter(one.ticket for one in planned).values())
    assert len({(one.ticket, one.gate) for one in planned}) == len(planned)
    assert all(0 <= one.gate < count for one in planned)


def test_some_scans_are_sent_again_and_some_answers_are_lost() -> None:
    planned = list(showings(1_000, 64, seed=1))

    assert 150 < sum(one.again for one in planned) < 350
    assert 75 < sum(one.dropped for one in planned) < 175
    assert not any(one.again and one.dropped for one in planned)
    assert planned == list(showings(1_000, 64, seed=1))
    assert planned != list(showings(1_000, 64, seed=2))


# --- the storm ------------------------------------------------------------------------------------------------------


async def test_a_storm_counts_each_ticket_once_however_often_it_was_shown() -> None:
    planned = list(showings(len(TEXTS), len(TOKENS), seed=1))
    async with server(Register()) as url:
        found = await storm(url, TOKENS, TEXTS, planned)

    assert (found.admissions, found.twice) == (len(TEXTS), 0)
    assert found.scans == len(planned) == len(found.took)
    assert found.repeated == sum(one.again for one in planned)
    assert found.dropped == sum(one.dropped for one in planned)


async def test_a_register_that_lets_a_ticket_in_twice_is_seen() -> None:
    async with server(Register(uses=2)) as url:
        found = await storm(url, TOKENS, TEXTS, showings(len(TEXTS), len(TOKENS), seed=1))

    assert found.admissions == 2 * len(TEXTS)
    assert found.twice == len(TEXTS)


async def test_a_scan_that_is_answered_in_two_ways_ends_the_run() -> None:
    async with server(Register(forgets=True)) as url:
        with pytest.raises(BenchFailed, match="answered in two ways"):
            await storm(url, TOKENS, TEXTS, [Showing(0, 0, "a", again=True)])


async def test_a_lost_answer_is_asked_for_again_under_the_same_name() -> None:
    register = Register()
    async with server(register) as url:
        found = await storm(url, TOKENS, TEXTS, [Showing(0, 0, "a", dropped=True)])

    assert found.admissions == 1
    assert set(register.answers) == {("gate-0", "a")}


async def test_a_fault_of_the_server_ends_the_run() -> None:
    async with server(lambda _: b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n") as url:
        with pytest.raises(BenchFailed, match="500"):
            await storm(url, TOKENS, TEXTS, showings(3, 4, seed=1))


async def test_a_steady_load_counts_from_when_each_request_was_due() -> None:
    asked = [Asked((ADMISSIONS, CHECKS)[n % 2], TOKENS[n % 4], str(n), TEXTS[n]) for n in range(20)]
    began = asyncio.get_running_loop().time()
    async with server(Register()) as url:
        took = await steady(url, asked, rate=200, lines=2)

    assert {path: len(times) for path, times in took.items()} == {ADMISSIONS: 10, CHECKS: 10}
    assert asyncio.get_running_loop().time() - began >= 19 / 200
    assert all(0 <= one < 1 for times in took.values() for one in times)


# --- alone ----------------------------------------------------------------------------------------------------------


def test_a_gate_alone_decides_what_it_is_measured_with() -> None:
    found = gate_alone.in_python(gate_alone.paper(tickets=20, shown=3, now=NOW))

    assert [one.name for one in found] == [
        f"Python: {face} {what}"
        for face in ("CT1", "CTL")
        for what in ("read and verified", "decided", "decided and kept on the disk")
    ]
    assert all(one.per_second > 0 for one in found)


@pytest.mark.parametrize("face", ["CT1", "CTL"])
def test_a_gate_that_refuses_a_genuine_ticket_is_no_figure(face: str) -> None:
    given_to_it = gate_alone.paper(tickets=20, shown=2, now=NOW)
    other = gate_alone.paper(tickets=20, shown=2, now=NOW)
    mixed = replace(given_to_it, texts={**given_to_it.texts, face: other.texts[face]})

    with pytest.raises(BenchFailed, match="2 of 2 genuine tickets were refused"):
        gate_alone.in_python(mixed)


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given_", [{"only": "offline"}, {"policies": "home,maybe"}])
def test_what_is_not_known_is_refused_before_anything_starts(given_: dict[str, str]) -> None:
    with pytest.raises(typer.BadParameter, match="is none of them"):
        gates.bench(**given_)  # type: ignore[arg-type]  # each is a text


def test_an_evening_that_nobody_came_to_is_told_without_a_fault() -> None:
    told = gates.told_of(Reckoning("home", fetched=[100]))

    assert told["double admissions"] == "0, found 0; reported besides 0"
    assert told["people let in"] == "0 of 0; 0 came after a copy of their ticket"


def test_the_network_is_away_for_ten_minutes_in_the_middle() -> None:
    assert Plan().cut == range(600, 1_200)
