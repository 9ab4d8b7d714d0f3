"""Signed requests when the wire is cut: nothing happens twice, and nothing is taken for done that was not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any, cast

import httpx
import pytest
from issuer_contract_kit import PATIENCE, Seen
from server_requests_kit import KEY, NOBODY
from two_servers_kit import Cut

from app.domain.refusals import IssuerAway
from app.domain.ticket import Kind, TicketState
from app.issuers.remote import RemoteIssuer
from app.ports import Committed, Held, Revoked, Spent

pytest_plugins = ["server_requests_plugin"]


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER, Cut.BROKEN])
async def test_a_lost_request_or_answer_is_made_up_for_and_every_call_has_its_effect_once(seen: Seen, cut: Cut) -> None:
    """Before each request the line is cut once, in its way; what stands at the end is as if it never had been."""
    assert seen.line is not None
    issuer, line, names = cast("RemoteIssuer", seen.issuer), seen.line, {"issuer_id": seen.shop.issuer}
    seats, before = seen.shop.seats("play/mon", "A-1", "A-2"), await seen.free()
    tickets = [seen.ticket(balance=10_000, kind=Kind.VOUCHER), seen.ticket(), seen.ticket()]
    paid, first, other = (one.ticket_id for one in tickets)
    line.asked.clear()

    async def made_up_for(asking: Awaitable[Any]) -> Any:
        line.cuts.append(cut)
        return await asking

    told = [
        await made_up_for(asking)
        for asking in (
            issuer.hold(seen.wish(KEY, ("R", 1), places=seats[:1])),
            issuer.commit(**names, key=KEY, places=seats[:1]),
            issuer.hold(seen.wish(NOBODY, ("R", 1), places=seats[1:])),
            issuer.release(**names, key=NOBODY),
            *(issuer.register(one) for one in tickets),
            issuer.spend(**names, ticket_id=paid, amount=4_000, key="k"),
            issuer.unspend(**names, key="k", amount=1_000, back_key="b"),
            issuer.revoke(**names, ticket_id=first, key=KEY, free=seats[:1], unless_used=True),
            issuer.suspend(**names, ticket_id=other, suspended=True),
        )
    ]
    entries = await made_up_for(issuer.verify(**names, ticket_ids=[paid, first, other]))
    changes = await made_up_for(issuer.changes(after=0))

    assert told == [
        Held((seats[:1],)),
        Committed(),
        Held((seats[1:],)),
        *[None] * 4,
        Spent(6_000),
        None,
        Revoked(),
        None,
    ]
    assert await made_up_for(seen.free()) == before
    assert [(one.state, one.version, one.balance) for one in entries] == [
        (TicketState.VALID, 3, 7_000),
        (TicketState.REVOKED, 2, None),
        (TicketState.SUSPENDED, 2, None),
    ]
    assert {one.ticket_id for one in changes.entries} == {paid, first, other}
    assert [one.ticket_id for one in await made_up_for(issuer.entries(after=None))] == [paid, first, other]
    assert len(line.asked) == 2 * 15


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER, Cut.HANGS])
async def test_a_server_that_does_not_answer_is_away_and_then_left_alone(seen: Seen, cut: Cut) -> None:
    assert seen.line is not None
    seen.line.down = cut
    with seen.haste():
        with pytest.raises(IssuerAway, match="arena"):
            await seen.free()
        tried = len(seen.line.asked)
        assert tried > 1

        for _ in range(3):
            with pytest.raises(IssuerAway):
                await seen.free()
        assert len(seen.line.asked) == tried

        seen.stage.clock.advance(seconds=3)
        with pytest.raises(IssuerAway):
            await seen.free()
        assert len(seen.line.asked) == tried + 1, "it is tried by one request, once"

    seen.line.down = None
    seen.stage.clock.advance(seconds=3)
    assert await seen.free() > 0
    assert await seen.free() > 0


async def test_while_one_tries_whether_the_server_is_back_the_others_do_not_wait(seen: Seen) -> None:
    assert seen.line is not None
    seen.line.down = Cut.BEFORE
    with pytest.raises(IssuerAway):
        await seen.free()
    tried = len(seen.line.asked)
    seen.line.down = Cut.HANGS
    seen.stage.clock.advance(seconds=3)

    with seen.haste():
        told = await asyncio.gather(*(seen.free() for _ in range(5)), return_exceptions=True)

    assert all(isinstance(one, IssuerAway) for one in told)
    assert len(seen.line.asked) == tried + 1


async def test_who_gives_up_while_it_tries_does_not_keep_the_server_away(seen: Seen) -> None:
    """A page waits shorter than a server may take that has just come back."""
    assert seen.line is not None
    seen.line.down = Cut.BEFORE
    with pytest.raises(IssuerAway):
        await seen.free()
    seen.line.down = None
    seen.stage.clock.advance(seconds=3)

    page = asyncio.create_task(seen.free())
    await asyncio.sleep(0)
    page.cancel()
    await asyncio.gather(page, return_exceptions=True)
    for _ in range(100):
        if cast("RemoteIssuer", seen.issuer).wire._away_until is None:
            break
        await asyncio.sleep(0.02)

    assert await asyncio.gather(*(seen.free() for _ in range(3))) == [await seen.free()] * 3


async def test_a_request_that_is_never_answered_is_made_again(seen: Seen) -> None:
    assert seen.line is not None
    wire = cast("RemoteIssuer", seen.issuer).wire
    seen.line.cuts.append(Cut.HANGS)
    wire._patience = replace(PATIENCE, answer_seconds=1.0)

    assert await seen.free() > 0
    assert len(seen.line.asked) == 2


async def test_a_clock_that_is_set_back_does_not_keep_a_server_away(seen: Seen) -> None:
    assert seen.line is not None
    seen.line.down = Cut.BEFORE
    with pytest.raises(IssuerAway):
        await seen.free()
    seen.line.down = None

    seen.stage.clock.advance(hours=-5)

    assert await seen.free() > 0


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, text="broken"),
        httpx.Response(503, text="busy"),
        httpx.Response(200, content=b"x" * 5_000_000),
        httpx.Response(200, json={"places": 3, "free": "AAAA"}),
        httpx.Response(200, json={"places": 8, "free": "not base64!"}),
        httpx.Response(200, json={"something": "else"}),
        httpx.Response(418, text="a teapot"),
        httpx.Response(302, headers={"location": "https://evil.example"}),
    ],
    ids=["500", "503", "large", "bits", "base64", "schema", "418", "302"],
)
async def test_an_answer_that_makes_no_sense_is_no_answer(seen: Seen, answer: httpx.Response) -> None:
    seen.issuer.wire._http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer))  # type: ignore[attr-defined]  # a far one has a wire

    with pytest.raises(IssuerAway):
        await seen.free()


async def test_a_hold_whose_answer_never_came_runs_out_by_itself(seen: Seen) -> None:
    assert seen.line is not None
    before, seats = await seen.free(), seen.shop.seats("play/mon", "A-1")
    seen.line.down = Cut.AFTER
    with pytest.raises(IssuerAway):
        await seen.issuer.hold(seen.wish(KEY, ("R", 1), places=seats))
    seen.line.down = None
    seen.stage.clock.advance(seconds=3)
    assert await seen.free() == before - 1

    seen.stage.clock.advance(minutes=10)

    assert await seen.free() == before


def test_all_tries_together_end_before_a_worker_gives_its_handler_up() -> None:
    from app.issuers.wire import Patience  # noqa: PLC0415 - the real one, beside the tests' own
    from app.worker import HANDLER_SECONDS_MAX  # noqa: PLC0415 - as above

    assert 2 * Patience().total_seconds < HANDLER_SECONDS_MAX
