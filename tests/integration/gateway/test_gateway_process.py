"""The gateway over real sockets: in this loop, and as a process that is killed."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from gateway_kit import NUMBER, TICKET, until

from mobile_gateway.serve import GatewayDidNotStart, run, serving
from mobile_gateway.settings import GatewaySettings

ACCOUNT = ("demo", "demo1234")


@contextmanager
def a_process(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The gateway as a program of its own, with its address; killed at the end unless it ended before."""
    environment = {
        "PATH": os.environ["PATH"],
        "CYBERTICKET_GATEWAY_DATA_DIR": str(folder),
        "CYBERTICKET_GATEWAY_PORT": "0",
        "CYBERTICKET_GATEWAY_SMPP_PORT": "0",
        "CYBERTICKET_GATEWAY_ACCOUNTS": ":".join(ACCOUNT),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "mobile_gateway"],
        cwd=Path(__file__).parents[3],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            found = re.fullmatch(r"mobile gateway: (http://127\.0\.0\.1:[0-9]+)\n", process.stdout.readline())
            assert found
            assert re.fullmatch(r"smpp: 127\.0\.0\.1:[0-9]+\n", process.stdout.readline())
            yield process, found[1]
        finally:
            if process.poll() is None:
                process.kill()


async def test_an_accepted_message_survives_kill_9_and_arrives_once_after_the_restart(tmp_path: Path) -> None:
    with a_process(tmp_path) as (process, url):
        async with httpx.AsyncClient(base_url=url, auth=ACCOUNT) as client:
            await client.put(f"/subscribers/{NUMBER}", json={"state": "off"})
            sent = {"json": {"to": NUMBER, "text": TICKET}, "headers": {"Idempotency-Key": "k"}}
            accepted = await client.post("/sms/messages", **sent)  # type: ignore[arg-type]  # both are dicts
            assert accepted.status_code == 202
            process.kill()
    assert process.wait(5) == -signal.SIGKILL
    with a_process(tmp_path) as (process, url):
        async with httpx.AsyncClient(base_url=url, auth=ACCOUNT) as client:
            again = await client.post("/sms/messages", **sent)  # type: ignore[arg-type]  # as above
            assert again.json() == accepted.json()
            await client.put(f"/subscribers/{NUMBER}", json={"state": "on"})

            async def inbox() -> list[str]:
                return [held["text"] for held in (await client.get(f"/handsets/{NUMBER}")).json()["inbox"]]

            await until(inbox)
            await asyncio.sleep(0.1)
            assert await inbox() == [TICKET]
        process.terminate()
        # uvicorn finishes its shutdown, then dies of the very signal, as a good Unix program does.
        assert process.wait(5) in {0, -signal.SIGTERM}


async def test_watchers_are_told_of_each_change_and_do_not_keep_the_gateway_from_stopping(tmp_path: Path) -> None:
    settings = GatewaySettings(data_dir=tmp_path, port=0, smpp_port=0, accounts="demo:demo1234")
    seen: list[str] = []
    greeted = asyncio.Event()

    async def watch(url: str) -> None:
        async with httpx.AsyncClient(base_url=url) as client, client.stream("GET", "/handsets/events") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            async for line in answer.aiter_lines():
                if line == "event: hello":
                    greeted.set()
                elif line.startswith('data: {"number"'):
                    seen.append(json.loads(line.removeprefix("data: "))["number"])

    async with asyncio.timeout(30), serving(settings) as places:
        watcher = asyncio.create_task(watch(places.base_url))
        await greeted.wait()
        async with httpx.AsyncClient(base_url=places.base_url, auth=ACCOUNT) as client:
            await client.post("/sms/messages", json={"to": NUMBER, "text": TICKET}, headers={"Idempotency-Key": "k"})

            async def told() -> bool:
                return NUMBER in seen

            await until(told)
    async with asyncio.timeout(30):
        await watcher


async def test_two_gateways_serve_side_by_side_in_one_loop(tmp_path: Path) -> None:
    one, two = (GatewaySettings(data_dir=tmp_path / name, port=0, smpp_port=0) for name in ("one", "two"))
    before = signal.getsignal(signal.SIGINT)
    async with serving(one) as first, serving(two) as second, httpx.AsyncClient() as client:
        assert first.smpp_port != second.smpp_port
        assert first.base_url != second.base_url
        for places in (first, second):
            assert (await client.get(f"{places.base_url}/healthz")).json() == {"status": "ok"}
        assert signal.getsignal(signal.SIGINT) is before


async def test_a_gateway_whose_folder_is_taken_does_not_start(tmp_path: Path) -> None:
    settings = GatewaySettings(data_dir=tmp_path, port=0, smpp_port=0)
    async with serving(settings):
        with pytest.raises(GatewayDidNotStart):
            async with serving(settings):
                pytest.fail("two gateways share one file")
        with pytest.raises(GatewayDidNotStart):
            await asyncio.to_thread(run, settings)
