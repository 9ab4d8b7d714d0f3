"""`cyberticket keys` as an operator sees it: what it prints and refuses, and what stands in the folder after it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from builders import Stage, a_booking, a_catalogue, a_stage
from fakes import FakeClock
from postgres import Cluster
from typer.testing import CliRunner, Result

from app.cli import keyring, program
from app.keys import KeyRing, create, load
from app.keys.rotation import NotNow
from app.world import SystemClock

Environment = dict[str, str]


def a_house(url: str, ring: KeyRing) -> Stage:
    """A stage on that database with the keys of that folder."""
    stage = a_stage(url, clock=FakeClock(SystemClock().now()))
    stage.world = replace(stage.world, house=replace(stage.world.house, keys=ring))
    return stage


@pytest.fixture(scope="module")
def environment(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Of a house that sold two tickets under its first secret."""
    data = tmp_path_factory.mktemp("house")
    create(data / "keys")

    async def furnish() -> str:
        url = await cluster.new_database()
        stage = a_house(url, load(data / "keys"))
        await a_booking(stage, await a_catalogue(stage), quantity=2, paid=True)
        await stage.close()
        await stage.database.close()
        return url

    url = asyncio.run(furnish())
    yield {
        "CYBERTICKET_DEMO": "true",
        "CYBERTICKET_DATABASE_URL": url,
        "CYBERTICKET_DATA_DIR": str(data),
        "CYBERTICKET_PAYMENT_URL": "http://127.0.0.1:9",
    }
    asyncio.run(cluster.drop(url))


def run(environment: Environment, *words: str) -> Result:
    return CliRunner().invoke(program("keys"), ["keys", *words], env=environment)


def listed(environment: Environment) -> list[tuple[str, str, str, str]]:
    """Kind, index, state and living tickets of each key; a line fits a terminal, thumbprint and all."""
    lines = run(environment, "list").output.splitlines()[1:]
    assert all(len(line) <= 88 for line in lines)
    assert all(len(line.split()[3]) == 43 for line in lines if not line.startswith("secret"))
    cells = [line.split() for line in lines]
    return [(line[0], line[1], line[2], "" if line[0] == "token" else line[-1]) for line in cells]


def test_a_secret_lives_through_every_state(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    """One story, for each step changes what the next one prints."""
    folder = Path(environment["CYBERTICKET_DATA_DIR"]) / "keys"
    monkeypatch.setattr(keyring, "SERVERS_SECONDS", 0)
    assert listed(environment) == [
        ("secret", "1", "current", "2"),
        ("barcode", "1", "current", "2"),
        ("token", "1", "current", ""),
    ]
    assert run(environment, "retire").output == "There is no previous key.\n"

    first = run(environment, "rotate", "secret").output
    assert first.startswith("secret-2 is published. In 24 hours call this again, and it becomes current.\nBack up ")
    assert "secret-2 was published already. In 24 hours" in run(environment, "rotate", "secret").output
    assert "secret-2 is current" in run(environment, "rotate", "secret", "--now").output
    assert listed(environment)[:2] == [("secret", "1", "previous", "2"), ("secret", "2", "current", "0")]
    assert run(environment, "retire").output == "secret-1 stays: 2 living tickets are under it.\n"

    dry = run(environment, "drop", "secret", "1", "--dry-run").output
    assert dry.startswith("2 living tickets would be issued anew, by message.\n0 e-money accounts")
    assert sorted(load(folder).secrets) == [1, 2]

    gone = run(environment, "drop", "secret", "1").output
    assert "secret-1 is gone from the ring" in gone
    assert "2 tickets issued anew, 0 accounts with new PINs." in gone
    assert listed(environment)[:1] == [("secret", "2", "current", "2")]

    again = run(environment, "drop", "secret", "1").output
    assert "issued anew" not in again
    assert again.endswith("nothing was done twice.\n")
    assert "0 living tickets" in run(environment, "drop", "secret", "1", "--dry-run").output
    assert sorted(load(folder).secrets) == [2]


def test_what_is_not_there_is_told_in_words(environment: Environment) -> None:
    for words in (("drop", "secret", "9"), ("drop", "secret", "9", "--dry-run")):
        done = run(environment, *words)
        assert isinstance(done.exception, NotNow)
        assert "There is no secret-9 in this ring" in str(done.exception)


@pytest.mark.parametrize(
    ("kind", "would", "did"),
    [
        ("barcode", "Saved pictures of 2 living tickets would open nothing", "pages and apps show new ones"),
        ("token", "No ticket depends on it", "fetch new ones with their own keys"),
    ],
)
def test_a_compromised_signing_key_is_replaced_at_once(
    environment: Environment, kind: str, would: str, did: str
) -> None:
    assert would in run(environment, "drop", kind, "1", "--dry-run").output

    done = run(environment, "drop", kind, "1").output

    assert f"{kind}-2 is current in its place. Back up " in done
    assert did in done


def test_all_kinds_are_rotated_where_none_is_named_and_unneeded_ones_go(tmp_path: Path) -> None:
    create(tmp_path / "keys")
    environment = {"CYBERTICKET_DATA_DIR": str(tmp_path)}
    lines = run(environment, "rotate", "--now").output.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["secret-2", "barcode-2", "token-2", "Back"]
