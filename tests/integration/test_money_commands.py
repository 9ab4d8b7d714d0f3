"""The commands about money as an operator sees them: what they print, what they refuse, how they exit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from builders import a_booking, a_catalogue, a_stage
from fakes import FakeClock
from postgres import Cluster
from typer.testing import CliRunner, Result

from app.cli import program
from app.domain.refusals import BadLine, NotFound, TemporarilyUnavailable, WrongState
from app.flows import staff
from app.flows.returning import balance
from app.flows.returning.balance import Compared, Difference
from app.ports import MovementKind
from app.world import SystemClock, World

SOLD_AT = SystemClock().now() - timedelta(days=2)
"""The commands go by the machine's clock, so the sale is as old as it must be to be settled."""


@pytest.fixture(scope="module")
def environment(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Of a house that sold two tickets the day before yesterday."""

    async def furnish() -> str:
        url = await cluster.new_database()
        stage = a_stage(url, clock=FakeClock(SOLD_AT))
        shop = await a_catalogue(stage)
        await a_booking(stage, shop, quantity=2, paid=True)
        await stage.close()
        await stage.database.close()
        return url

    url = asyncio.run(furnish())
    yield {
        "CYBERTICKET_DEMO": "true",
        "CYBERTICKET_DATABASE_URL": url,
        "CYBERTICKET_DATA_DIR": str(tmp_path_factory.mktemp("house")),
        "CYBERTICKET_PAYMENT_URL": "http://127.0.0.1:9",
    }
    asyncio.run(cluster.drop(url))


def run(environment: dict[str, str], *words: str) -> Result:
    return CliRunner().invoke(program(), words, env=environment)


def sentence(done: Result, kind: type[Exception]) -> str:
    """What the person at the keyboard is told."""
    assert isinstance(done.exception, kind), done.output
    return str(done.exception)


def test_an_issuer_is_settled_from_its_statement_to_the_payout(environment: dict[str, str]) -> None:
    """One story, for each step changes what the next one prints."""
    fee = run(environment, "issuer-fee", "haneul", "--basis-points", "250")
    assert fee.output == "Of each sale of haneul we keep 2.5 % from now on.\n"

    seen = run(environment, "settle", "haneul")
    rows = [[cell.strip() for cell in line.strip("┃│ ").split("│")] for line in seen.output.splitlines()]
    assert ["Opening balance", "", "₩0"] in rows
    assert ["Sales: The Post Office in Spring", "2", "₩120,000"] in rows
    assert ["Due", "", "₩120,000"] in rows

    told = json.loads(run(environment, "settle", "haneul", "--json").output)
    assert (told["due"]["amount"], told["lines"][0]["count"], told["paid_at"]) == (120_000, 2, None)

    unsaid = run(environment, "settle", "haneul", "--mark-paid")
    assert "Say how it was paid" in sentence(unsaid, BadLine)

    paid = run(environment, "settle", "haneul", "--mark-paid", "--note", "transfer 4711")
    assert paid.exit_code == 0, paid.output
    assert "Paid now" in paid.output

    first, last = told["starts_at"][:10], (date.fromisoformat(told["ends_at"][:10])).isoformat()
    days = ("--from", str(date.fromisoformat(first) + timedelta(days=1)), "--until", last)
    again = run(environment, "settle", "haneul", *days)
    assert "Paid out since" in again.output
    assert "transfer 4711" in again.output
    twice = run(environment, "settle", "haneul", *days, "--mark-paid", "--note", "x")
    assert "was settled on" in sentence(twice, WrongState)


def test_an_issuer_nobody_knows_is_told_as_such(environment: dict[str, str]) -> None:
    assert "no issuer 'nobody'" in sentence(run(environment, "settle", "nobody"), NotFound)
    assert run(environment, "issuer-fee", "haneul", "--basis-points", "10001").exit_code == 2


def test_a_network_that_does_not_answer_is_told_as_such(environment: dict[str, str]) -> None:
    done = run(environment, "reconcile-network", "--day", "2026-11-21")

    assert "does not show its books" in sentence(done, TemporarilyUnavailable)


@pytest.mark.parametrize("differs", [False, True], ids=["agrees", "differs"])
def test_a_day_of_the_network_ends_with_status_one_where_it_differs(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, *, differs: bool
) -> None:
    asked: list[date] = []
    lines = (
        Difference("pi_1", MovementKind.CHARGE, 59_999, None),
        Difference("pi_1", MovementKind.CHARGE, None, 60_000),
        Difference("", MovementKind.CHARGE, 1, None),
    )

    async def compare(_world: World, day: date) -> Compared:
        asked.append(day)
        return Compared(day, 7, 6, lines * differs, 2)

    monkeypatch.setattr(balance, "compare", compare)
    done = run(environment, "reconcile-network", *(() if differs else ("--day", "2026-11-21")))

    assert done.exit_code == differs
    assert asked == [SystemClock().now().date() - timedelta(days=1) if differs else date(2026, 11, 21)]
    assert f"7 lines of the network, 6 of ours; 2 fees written down; {3 * differs} differences" in done.output
    rows = [line.strip("│ ").split() for line in done.output.splitlines() if "charge" in line]
    assert rows == (
        [
            ["pi_1", "│", "charge", "│", "59,999", "│", "-"],
            ["pi_1", "│", "charge", "│", "-", "│", "60,000"],
            ["(none)", "│", "charge", "│", "1", "│", "-"],
        ]
        if differs
        else []
    )


def test_a_staff_key_that_is_revoked_is_told_by_its_part(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staff, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    key = run(environment, "staff-key", "till", "--scope", "sell", "--issuer", "haneul").output.strip()
    part = key.split("_")[1]

    assert run(environment, "revoke-staff-key", part).output == f"The staff key ctk_{part}_… opens nothing any more.\n"
    assert "No living staff key" in sentence(run(environment, "revoke-staff-key", part), NotFound)


def test_the_data_folder_is_an_option_of_each(environment: dict[str, str], tmp_path: Path) -> None:
    done = run(
        environment, "settle", "haneul", "--from", "2020-01-01", "--until", "2020-01-01", "--data", str(tmp_path)
    )

    assert "2020-01-01 to 2020-01-01" in done.output
