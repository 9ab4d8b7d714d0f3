"""The catalogue's part of the issuer API: it costs little to ask again, and says no more than it must."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID

import httpx
import pytest
from rich.console import Console
from two_servers_kit import ISSUER, ISSUER_APP, Cut, Two

from app import worker
from app.cli import mirroring
from app.domain.refusals import IssuerAway, NotFound
from app.flows.booking import mirror
from app.flows.booking.mirror import Refreshed
from app.issuers.remote import RemoteIssuer
from app.issuers.wire import Answer
from app.ports.catalogues import CopyRefused

pytest_plugins = ("apart_plugin",)

NOBODY = UUID(int=7)


def source(two: Two) -> RemoteIssuer:
    found = two.seller.world.issuers[ISSUER]
    assert isinstance(found, RemoteIssuer)
    return found


async def asked(two: Two, path: str, etag: str | None = None) -> Answer:
    headers = {"If-None-Match": etag} if etag else {}
    return await source(two).wire.ask("GET", f"/issuer/v1/{path}", headers=headers, expect=(200, 304))


async def test_what_one_has_already_is_not_told_again(kept: Two) -> None:
    monday = kept.shop.occasions["play/mon"]
    for path in ("catalogue", f"catalogue/{kept.shop.issuer}", f"occasions/{monday}/places"):
        first = await asked(kept, path)
        etag = first.headers["etag"]
        assert first.status == 200
        assert etag.startswith('"'), "a strong one"
        for known in (etag, f'"old", {etag}', f"W/{etag}"):
            again = await asked(kept, path, known)
            assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)
        assert (await asked(kept, path, '"old"')).body == first.body


async def test_what_is_not_here_is_not_found(kept: Two) -> None:
    for path in (
        f"catalogue/{NOBODY}",
        f"occasions/{NOBODY}/places",
        f"occasions/{kept.shop.occasions['gift/open']}/places",
    ):
        with pytest.raises(NotFound):
            await asked(kept, path)
    with pytest.raises(CopyRefused, match="does not know"):
        await source(kept).catalogue(issuer_id=NOBODY)


async def test_stock_is_told_of_what_is_asked_and_known(kept: Two) -> None:
    monday, gift = kept.shop.occasions["play/mon"], kept.shop.occasions["gift/open"]

    told = await source(kept).stock(occasion_ids=[monday, gift, NOBODY])

    assert {one: (found.unlimited, found.counts) for one, found in told.items()} == {
        monday: (False, {"R": 6, "S": 6, "FLOOR": 10}),
        gift: (True, {}),
    }
    assert await source(kept).stock(occasion_ids=()) == {}


async def test_strangers_are_told_nothing(kept: Two) -> None:
    ISSUER_APP.state.world = kept.issuer.world
    monday = kept.shop.occasions["play/mon"]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=ISSUER_APP), base_url="https://arena.example"
    ) as http:
        for path in (
            "catalogue",
            f"catalogue/{kept.shop.issuer}",
            f"occasions/{monday}/places",
            f"stock?occasion={monday}",
        ):
            answer = await http.get(f"/issuer/v1/{path}")
            assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (401, "not-authentic")


async def test_an_answer_that_is_none_is_refused(kept: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Answer] = []

    async def ask(*_: object, **__: object) -> Answer:
        return answers.pop(0)

    monkeypatch.setattr(source(kept).wire, "ask", ask)
    for body, headers, told in (
        ({"issuers": []}, {}, "has no ETag"),
        ({"issuers": []}, {"etag": '"' + "x" * 300 + '"'}, "has no ETag"),
        ({"issuers": [{}] * 9}, {"etag": '"1"'}, r"issuers\.0\.id: Field required; .*; and 24 more"),
        ([], {"etag": '"1"'}, "the catalogue: "),
    ):
        answers.append(Answer(200, headers, json.dumps(body).encode()))
        with pytest.raises(CopyRefused, match=told):
            await source(kept).catalogues(etag=None)
    answers.append(Answer(200, {"etag": '"1"'}, b"no JSON"))
    assert "the catalogue" in (await mirror.refresh(kept.seller.world, ISSUER)).faults[0]


async def test_another_issuer_or_another_hall_than_was_asked_for_is_refused(
    apart: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await source(apart).catalogue(issuer_id=apart.shop.issuer)
    monkeypatch.setattr(source(apart), "catalogue", _always(found.model_copy(update={"id": NOBODY})))
    assert await apart.refresh() == Refreshed(faults=("haneul: its server told of another issuer",))

    places = await source(apart).places(occasion_id=apart.shop.occasions["play/tue"])
    monkeypatch.setattr(source(apart), "catalogue", _always(found))
    monkeypatch.setattr(source(apart), "places", _always(places))
    assert await apart.refresh() == Refreshed(faults=("haneul: its server told the places of another occasion",))


def _always(answer: object) -> object:
    async def told(**_: object) -> object:
        return answer

    return told


# --- the worker and the operator ------------------------------------------------------------------------------------


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(1_000):
        if await done():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it does not come about")


async def test_a_worker_copies_at_once_and_goes_on_after_a_fault(apart: Two) -> None:
    apart.line.down = Cut.BEFORE
    working = asyncio.create_task(worker.run(apart.seller.world, poll_seconds=5, mirror_seconds=0.02))
    try:
        await until(lambda: asyncio.sleep(0, bool(apart.line.asked)))
        apart.line.down = None
        apart.clock.advance(seconds=5)
        await until(lambda: apart.seller.value("SELECT count(*) > 0 FROM issuer WHERE revision IS NOT NULL"))
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    assert await apart.seller.value("SELECT count(*) FROM place") == 49


async def test_an_operator_sees_how_each_server_stands(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(record=True, width=200)
    monkeypatch.setattr(mirroring, "console", console)
    statuses = await mirror.statuses(two.seller.world)
    mirroring._tell(statuses[0])
    never = mirror.PeerStatus("hall", None, None, "it makes no sense", ())
    mirroring._tell(never)

    told = console.export_text().splitlines()

    assert told[0].startswith(
        f'arena: last heard of {datetime(2026, 11, 22, 3, tzinfo=UTC):%Y-%m-%d %H:%M:%S} UTC, catalogue "1-'
    )
    assert told[1:] == [
        "  haneul: 5 products, 7 occasions, 49 places",
        "hall: never heard of, catalogue not whole",
        "  wrong: it makes no sense",
    ]
    assert [statuses[0].wrong, never.wrong] == [False, True]


async def test_a_server_that_is_away_is_asked_again_only_after_a_while(kept: Two) -> None:
    kept.line.down = Cut.BEFORE
    for _ in range(3):
        with pytest.raises(IssuerAway):
            await source(kept).stock(occasion_ids=())

    assert len(kept.line.asked) == 1
