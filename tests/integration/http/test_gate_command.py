"""A gate's whole life without network by hand, on the command line and against the real routes."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import typer.main
from builders import BUYER
from http_kit import Api, spoken_pin
from rich.console import Console
from typer.testing import CliRunner

from app.cli import gate_client, gating, program
from app.keys import KeyRing

pytest_plugins = ("http_plugin",)


class Bridge(httpx.BaseTransport):
    """Carries a command's requests to the application in the test's own loop."""

    def __init__(self, api: Api, loop: asyncio.AbstractEventLoop) -> None:
        self._api = api
        self._loop = loop

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def ask() -> httpx.Response:
            headers = {name: value for name, value in request.headers.items() if name != "host"}
            url = request.url.raw_path.decode()
            answer = await self._api.client.request(request.method, url, content=request.read(), headers=headers)
            return httpx.Response(answer.status_code, content=answer.content)

        return asyncio.run_coroutine_threadsafe(ask(), self._loop).result(10)


@dataclass
class Hand:
    """Somebody at a keyboard with a gate's folder."""

    api: Api
    folder: Path

    async def run(self, *words: str, typed: str = "") -> str:
        return await self.told(0, *words, typed=typed)

    async def told(self, *words: Any, typed: str = "") -> str:
        """Output of a command that ends with this status; an expected fault's sentence counts as output."""
        status, *rest = words
        where = [] if rest[0].startswith("--") else ["--dir", str(self.folder)]
        asked = ["gate", *rest[:1], *where, *rest[1:]]
        done = await asyncio.to_thread(CliRunner().invoke, program("gate"), asked, input=typed)
        assert done.exit_code == status, (done.output, done.exception)
        return done.output if done.exception is None or status == 0 else str(done.exception)

    async def offline(self, typed: str, *options: str) -> str:
        snapshot = self.folder / "snapshot"
        return await self.run("--offline", str(snapshot), *options, typed=typed)


@pytest.fixture
async def hand(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hand:
    bridge = Bridge(api, asyncio.get_running_loop())
    monkeypatch.setattr(gate_client, "transport", lambda: bridge)
    monkeypatch.setattr(gating, "clock", api.stage.clock.now)
    return Hand(api, tmp_path / "door")


async def code(api: Api, **place: Any) -> str:
    asked = {"issuer": "haneul", "name": "North door", **place}
    return str((await api.post("/staff/gates", asked, bearer=await api.staff("gates"))).json()["code"])


async def typed(api: Api) -> str:
    """Number and PIN of a sold ticket whose doors are open."""
    sold = await api.sold()
    api.stage.clock.advance(days=2, minutes=-30)
    return f"{(await sold.ticket())['number']} {spoken_pin(api.stage.carrier.inbox(BUYER)[-1])}"


async def test_a_gate_is_enrolled_decides_alone_and_brings_what_it_decided(
    api: Api, hand: Hand, tmp_path: Path
) -> None:
    ticket = await typed(api)
    server = api.stage.world.house.public_url
    assert "North door" in await hand.run("enrol", server, await code(api))
    assert stat.S_IMODE((hand.folder / "device.pem").stat().st_mode) == 0o600
    assert "1 tickets" in await hand.run("fetch")
    key = tmp_path / "pipe"
    key.write_text(await hand.run("pin-key"), "ascii")

    alone = await hand.offline(f"check {ticket}\n{ticket}\n{ticket}\n", "--pin-key-file", str(key))
    reasons = [json.loads(line)["reason"] for line in alone.splitlines()]
    assert reasons == ["admitted", "admitted", "already_in"]
    assert ticket.partition(" ")[2] not in (hand.folder / "log.jsonl").read_text("utf-8")
    (before,) = await api.stage.sql("SELECT uses_left FROM credential")

    assert "3 entries" in await hand.run("bring")
    (after,) = await api.stage.sql("SELECT uses_left FROM credential")
    assert (before.uses_left, after.uses_left) == (1, 0)
    assert "3 entries" in await hand.run("bring")
    assert len(await api.stage.sql("SELECT * FROM admission")) == 1

    api.stage.clock.advance(minutes=1)
    await hand.run("fetch")
    assert '"reason": "used"' in await hand.offline(ticket, "--pin-key-file", str(key))
    assert '"reason": "needs_network"' in await hand.offline(ticket)


async def test_a_running_gate_takes_up_what_was_fetched_meanwhile(
    api: Api, hand: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await typed(api)
    await hand.run("enrol", api.stage.world.house.public_url, await code(api))
    await hand.run("fetch")
    key = tmp_path / "pipe"
    key.write_text(await hand.run("pin-key"), "ascii")
    await api.stage.sql("UPDATE credential SET state = 'revoked'")
    seen = StringIO()
    monkeypatch.setattr(gating, "console", Console(file=seen, soft_wrap=True))

    def typing() -> Iterator[str]:
        yield f"check {ticket}"
        gating.fetch(hand.folder)
        yield ticket

    def running() -> None:
        context = typer.Context(typer.main.get_command(program("gate")))
        lines = cast("list[str]", typing())
        gating.gate(context, offline=hand.folder / "snapshot", pin_key_file=key, show=lines)

    await asyncio.to_thread(running)
    reasons = [json.loads(line)["reason"] for line in seen.getvalue().splitlines() if line.startswith("{")]
    assert reasons == ["admitted", "revoked"]


async def test_keys_that_were_rotated_are_taken_along_with_the_next_snapshot(api: Api, hand: Hand) -> None:
    ring = api.stage.world.house.keys
    await hand.run("enrol", api.stage.world.house.public_url, await code(api))
    await hand.run("fetch")
    newer = {2: KeyRing.fresh().barcode[1]}
    ring.take_up(replace(ring, barcode=newer, current=replace(ring.current, barcode=2)))

    await hand.run("fetch")

    assert "needs_network" in await hand.offline("482910375-1 491027")


async def test_a_token_that_ended_is_renewed_by_the_devices_own_key(api: Api, hand: Hand) -> None:
    await hand.run("enrol", api.stage.world.house.public_url, await code(api))
    before = (hand.folder / "gate.json").read_text("utf-8")
    api.stage.clock.advance(hours=9)

    await hand.run("fetch")

    assert (hand.folder / "gate.json").read_text("utf-8") != before


async def test_a_token_whose_key_was_dropped_is_renewed_too(api: Api, hand: Hand) -> None:
    ring = api.stage.world.house.keys
    await hand.run("enrol", api.stage.world.house.public_url, await code(api))
    newer = {2: KeyRing.fresh().token[1]}
    ring.take_up(replace(ring, token=newer, current=replace(ring.current, token=2)))

    assert "0 tickets" in await hand.run("fetch")


async def test_a_second_enrolment_in_one_folder_is_refused(api: Api, hand: Hand) -> None:
    server = api.stage.world.house.public_url
    await hand.run("enrol", server, await code(api))
    assert "holds a gate already" in await hand.told(1, "enrol", server, "ANY")
    hand.folder = hand.folder.parent / "other"
    assert "holds no gate" in await hand.told(1, "fetch")


async def test_a_gate_that_was_shut_out_is_told_so_and_goes_on_offline(api: Api, hand: Hand) -> None:
    ticket = await typed(api)
    await hand.run("enrol", api.stage.world.house.public_url, await code(api))
    await hand.run("fetch")
    (gate,) = await api.stage.sql("SELECT id FROM gate WHERE name = 'North door'")
    await api.delete(f"/staff/gates/{gate.id}", bearer=await api.staff("gates"))

    assert "Enrol" in await hand.told(1, "fetch")
    api.stage.clock.advance(minutes=4 * 60 + 1)
    assert '"reason": "needs_network"' in await hand.offline(f"check {ticket}")


def test_a_server_that_is_away_is_told_in_a_sentence(tmp_path: Path) -> None:
    done = CliRunner().invoke(program("gate"), ["gate", "enrol", "http://127.0.0.1:9", "CODE", "--dir", str(tmp_path)])
    assert "does not answer" in str(done.exception)
