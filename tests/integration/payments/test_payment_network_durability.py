"""What the sandbox network has answered survives kill -9; what it keeps says nothing about a card number."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest
from payment_network_kit import GOOD_CARD, PUBLISHABLE, SECRET, a_network, network_settings
from pydantic import SecretStr

from app.payments.sandbox import serving
from app.payments.sandbox.ledger import Ledger, LedgerUnusable

PROGRAM = """
import asyncio, sys
from app.payments.sandbox import NetworkSettings, serving

async def main():
    async with serving(NetworkSettings()) as base_url:
        print(base_url, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
HOOKS = "http://127.0.0.1:1/hooks"  # nobody listens there: all that happens stays owed
AUTHORIZED = {"Authorization": f"Bearer {SECRET}"}


FOREVER = """
import logging
from app.payments.sandbox import NetworkSettings, run

logging.basicConfig(level="INFO", format="%(message)s")
run(NetworkSettings())
"""


@asynccontextmanager
async def a_process(folder: Path, program: str = PROGRAM) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """The network as a program of its own; killed at the end if it still runs."""
    environment = {
        **os.environ,
        "CYBERTICKET_NETWORK_DATA_DIR": str(folder),
        "CYBERTICKET_NETWORK_SECRET_KEY": SECRET,
        "CYBERTICKET_NETWORK_PUBLISHABLE_KEY": PUBLISHABLE,
        "CYBERTICKET_NETWORK_PORT": "0",
        "CYBERTICKET_NETWORK_WEBHOOK_URLS": HOOKS,
        "CYBERTICKET_NETWORK_WEBHOOK_SECRETS": "whsec_1,whsec_2",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    assert process.stdout is not None
    try:
        await asyncio.wait_for(process.stdout.readuntil(b"http://127.0.0.1:"), 30)
        port = await process.stdout.readline()
        base_url = "http://127.0.0.1:" + port.decode().strip()
        yield base_url, process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def sell(
    http: httpx.AsyncClient, base_url: str, number: int, sold: dict[str, str], enough: asyncio.Event
) -> None:
    """Charge until the network is gone, noting every charge it has answered."""
    for attempt in range(1_000):
        key = f"sale-{number}-{attempt}"
        fields = {"amount": 100, "currency": "krw", "payment_method": "pm_card_visa", "confirm": "true"}
        try:
            answer = await http.post(
                f"{base_url}/v1/payment_intents", data=fields, headers={**AUTHORIZED, "Idempotency-Key": key}
            )
        except httpx.TransportError:
            return
        sold[key] = answer.json()["id"]
        if len(sold) >= 40:
            enough.set()


async def test_an_answered_charge_survives_kill_9_with_its_news_and_is_never_made_twice(tmp_path: Path) -> None:
    sold: dict[str, str] = {}
    enough = asyncio.Event()
    async with a_process(tmp_path) as (base_url, process), httpx.AsyncClient() as http:
        sellers = [asyncio.create_task(sell(http, base_url, number, sold, enough)) for number in range(4)]
        await asyncio.wait_for(enough.wait(), 30)
        process.send_signal(signal.SIGKILL)
        await asyncio.gather(*sellers)

    given = {"webhook_urls": (HOOKS,), "webhook_secrets": (SecretStr("whsec_2"),)}
    async with a_network(tmp_path, **given) as network:
        for key, intent_id in sold.items():
            fields = {"amount": 100, "currency": "krw", "payment_method": "pm_card_visa", "confirm": "true"}
            again = await network.post("/v1/payment_intents", fields, key=key)
            assert (again.json()["id"], again.headers["idempotent-replayed"]) == (intent_id, "true")
        assert (await network.intent(next(iter(sold.values()))))["amount_received"] == 100
        network.clock.time = datetime.now(UTC) + timedelta(hours=1)
        await network.settle()
        told = {event["data"]["object"]["id"] for event in network.ear.events if event["type"].endswith("succeeded")}
        charged = [
            row[0]
            for row in await network.desk.job(
                lambda till: till.connection.execute(
                    "SELECT payment_intent FROM balance_transactions b JOIN charges c ON c.id = b.source"
                ).fetchall()
            )
        ]

    assert set(sold.values()) <= told == set(charged)
    assert len(charged) == len(set(charged))


async def test_a_second_network_on_the_same_folder_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.payments.sandbox.ledger.BUSY_SECONDS", 0.01)
    async with a_network(tmp_path):
        second = Ledger(tmp_path / "network.sqlite3", jobs_waiting_max=1)
        with pytest.raises(LedgerUnusable, match="Stop the other payment network"):
            await second.open()


async def test_a_file_of_another_version_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "network.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(LedgerUnusable, match="another version"):
        await Ledger(path, jobs_waiting_max=1).open()


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def test_the_card_number_and_its_code_are_nowhere_on_the_disk(tmp_path: Path) -> None:
    async with a_network(tmp_path) as network:
        made = await network.post("/v1/payment_methods", GOOD_CARD | {"card[cvc]": "737"}, key="k")
        refused = await network.post("/v1/payment_methods", GOOD_CARD | {"card[number]": "4111111111111111"}, key="k2")
        assert (made.status_code, refused.status_code) == (200, 402)

    written = all_bytes(tmp_path)
    assert made.json()["id"].encode() in written
    for number in (b"4242424242424242", b"4111111111111111", b'"737"'):
        assert number not in written


async def test_requests_that_wait_together_share_a_commit_and_one_fault_is_its_own(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite3", jobs_waiting_max=100)
    await ledger.open()

    def write(connection: sqlite3.Connection, number: int) -> int:
        connection.execute(
            "INSERT INTO answers (scope, key, fingerprint, status, body, created) VALUES ('', ?, '', 200, '', 0)",
            (str(number),),
        )
        if number == 7:
            raise ZeroDivisionError
        return number

    try:
        outcomes = await asyncio.gather(
            *(ledger.run(partial(write, number=number)) for number in range(20)),
            return_exceptions=True,
        )
        kept = await ledger.run(lambda connection: connection.execute("SELECT count(*) FROM answers").fetchone()[0])
    finally:
        await ledger.close()

    assert [outcome for outcome in outcomes if not isinstance(outcome, BaseException)] == [
        number for number in range(20) if number != 7
    ]
    assert isinstance(outcomes[7], ZeroDivisionError)
    assert kept == 19


async def test_on_a_full_disk_nobody_is_told_of_an_effect_that_is_not_there(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite3", jobs_waiting_max=100)
    await ledger.open()

    def write(connection: sqlite3.Connection, body: str) -> str:
        connection.execute(
            "INSERT INTO answers (scope, key, fingerprint, status, body, created) VALUES ('', ?, '', 200, ?, 0)",
            (body[:9], body),
        )
        return body

    def keys(connection: sqlite3.Connection) -> set[str]:
        return {key for (key,) in connection.execute("SELECT key FROM answers")}

    try:
        (pages,) = await ledger.run(lambda connection: connection.execute("PRAGMA page_count").fetchone())
        await ledger.run(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages + 8}").fetchone())
        bodies = ["first", "x" * 1_000_000, "last"]
        outcomes = await asyncio.gather(
            *(ledger.run(partial(write, body=body)) for body in bodies), return_exceptions=True
        )
        kept = await ledger.run(keys)
        assert await ledger.run(partial(write, body="later")) == "later"
    finally:
        await ledger.close()

    assert isinstance(outcomes[1], sqlite3.OperationalError)
    assert kept == {outcome for outcome in outcomes if isinstance(outcome, str)}


async def test_each_commit_waits_for_the_disk(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite3", jobs_waiting_max=100)
    await ledger.open()
    try:
        journal = await ledger.run(lambda connection: connection.execute("PRAGMA journal_mode").fetchone()[0])
        synchronous = await ledger.run(lambda connection: connection.execute("PRAGMA synchronous").fetchone()[0])
    finally:
        await ledger.close()

    assert (journal, synchronous) == ("wal", 2)  # 2 is FULL: the log is on disk before the commit returns


async def test_a_caller_that_goes_away_leaves_the_others_served(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite3", jobs_waiting_max=100)
    await ledger.open()
    try:
        gone = asyncio.create_task(ledger.run(lambda _: 1))
        await asyncio.sleep(0)
        gone.cancel()
        assert await ledger.run(lambda _: 2) == 2
    finally:
        await ledger.close()


async def test_serving_gives_an_address_that_answers_until_it_ends(tmp_path: Path) -> None:
    async with httpx.AsyncClient() as http:
        async with serving(network_settings(tmp_path)) as base_url:
            assert (await http.get(f"{base_url}/healthz")).json() == {"status": "ok"}
        with pytest.raises(httpx.TransportError):
            await http.get(f"{base_url}/healthz")


async def test_the_program_of_its_own_serves_until_it_is_told_to_end(tmp_path: Path) -> None:
    async with a_process(tmp_path, FOREVER) as (base_url, process), httpx.AsyncClient() as http:
        for _ in range(200):
            with contextlib.suppress(httpx.TransportError):
                assert (await http.get(f"{base_url}/healthz")).json() == {"status": "ok"}
                break
            await asyncio.sleep(0.02)
        else:
            pytest.fail("the program never answered")
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 30)


async def test_a_port_that_is_taken_is_an_error_and_not_a_hang(tmp_path: Path) -> None:
    async with serving(network_settings(tmp_path / "a")) as base_url:
        taken = int(base_url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            async with serving(network_settings(tmp_path / "b", port=taken)):
                pass
