"""Presentations that share a batch: each decided on what those before it left, each answer written with its change."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from builders import Shop, Stage, a_booking, a_gate, a_scan, typed

from app.domain.credential import parse_presented
from app.flows.gate import admit
from app.flows.gate.admit_case import Answer, Presentation, Shown, Undone
from app.flows.gate.admit_identify import signers
from app.flows.gate.tokens import Enrolled
from app.flows.tickets import show
from app.store import register_gate, register_pins
from app.store.connections import Connection
from app.store.tables.register import ScanKind

SOON_SECONDS = 20


async def a_ticket(stage: Stage, shop: Shop, **given: Any) -> sa.Row[Any]:
    """A ticket whose doors opened half an hour ago."""
    made = await a_booking(stage, shop, worked=True, **given)
    stage.clock.time = made.tickets[0].valid_from + timedelta(minutes=30)
    return made.tickets[0]


async def shown(
    stage: Stage, gate: Enrolled, text: str, name: str, kind: ScanKind = ScanKind.ADMISSION
) -> Presentation:
    read = parse_presented(text)
    return Presentation(
        stage.world, gate.caller, name, kind, Shown(text, read, await signers(stage.world, read)), said=text
    )


async def batch(stage: Stage, *asked: Presentation) -> list[Answer]:
    """Their answers, as a batch of scanned codes gets them."""
    async with stage.world.database.statements() as tx:
        answers = await admit.admit_codes(tx, asked)
    return [answer for answer in answers if not isinstance(answer, Exception)]


async def kept(stage: Stage) -> dict[str, str]:
    """What the register has of each scan: its reason."""
    return {row.scan_id: row.reason for row in await stage.sql("SELECT scan_id, reason FROM scan")}


async def test_a_carnet_shown_at_four_gates_at_once_is_used_as_often_as_it_has_rides(stage: Stage, shop: Shop) -> None:
    ticket = await a_ticket(stage, shop, of="carnet/open", category="adult")
    code = show.signed_code(stage.world, ticket)
    asked = [await shown(stage, await a_gate(stage, shop), code, f"s-{n}") for n in range(4)]

    answers = await batch(stage, *asked)

    assert [answer["reason"] for answer in answers] == ["admitted"] * 3 + ["used"]
    assert [answer["ticket"]["uses_left"] for answer in answers] == [2, 1, 0, 0]
    assert await kept(stage) == {"s-0": "admitted", "s-1": "admitted", "s-2": "admitted", "s-3": "used"}
    assert [row.use_no for row in await stage.sql("SELECT use_no FROM admission ORDER BY use_no")] == [1, 2, 3]


async def test_a_check_sees_what_those_before_it_did_and_nothing_of_those_behind_it(stage: Stage, shop: Shop) -> None:
    ticket = await a_ticket(stage, shop)
    code = show.signed_code(stage.world, ticket)
    one, two = await a_gate(stage, shop), await a_gate(stage, shop)

    answers = await batch(
        stage,
        await shown(stage, two, code, "before", ScanKind.CHECK),
        await shown(stage, one, code, "in"),
        await shown(stage, two, code, "after", ScanKind.CHECK),
    )

    assert [(answer["reason"], answer["ticket"]["uses_left"]) for answer in answers] == [
        ("admitted", 1),
        ("admitted", 0),
        ("used", 0),
    ]
    assert answers[2]["used"]["gate"] == one.name


async def test_where_somebody_was_faster_all_who_built_on_that_change_are_decided_anew(
    stage: Stage, second: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket, other = await a_ticket(stage, shop), await a_ticket(stage, shop)
    code = show.signed_code(stage.world, ticket)
    one, two = await a_gate(stage, shop), await a_gate(stage, shop)
    change, written = register_gate.change, list[dict[str, str]]()

    async def forestalled(*args: Any, **given: Any) -> Any:
        if not written:
            await second.sql("UPDATE credential SET state = 'revoked' WHERE ticket_id = :id", id=ticket.id)
        done = await change(*args, **given)
        written.append(await kept(second))
        return done

    monkeypatch.setattr(register_gate, "change", forestalled)

    answers = await batch(
        stage,
        await shown(stage, one, code, "first"),
        await shown(stage, two, code, "behind it"),
        await shown(stage, two, show.signed_code(stage.world, other), "another"),
    )

    assert [answer["reason"] for answer in answers] == ["revoked", "revoked", "admitted"]
    assert written == [{"another": "admitted"}, {"another": "admitted", "first": "revoked", "behind it": "revoked"}]
    assert await stage.value("SELECT count(*) FROM admission") == 1


async def test_a_ticket_taken_back_and_shown_again_in_one_batch_is_used_once(stage: Stage, shop: Shop) -> None:
    ticket, gate = await a_ticket(stage, shop), await a_gate(stage, shop)
    assert (await a_scan(stage, shop, gate, typed(ticket), scan_id="wrong one"))["admit"]
    stage.clock.advance(seconds=11)
    undo = Presentation(stage.world, gate.caller, "undo", ScanKind.UNDO, Undone("wrong one"), said="undo")

    async with stage.world.transaction() as tx:
        answers = await admit.admit_many(tx, [undo, await shown(stage, gate, typed(ticket), "again")])

    assert [answer["reason"] for answer in answers if isinstance(answer, dict)] == ["undone", "admitted"]
    assert [(row.scan_id, row.use_no) for row in await stage.sql("SELECT * FROM admission")] == [("again", 1)]


async def test_a_scanned_code_does_not_wait_for_somebody_elses_pin(stage: Stage, shop: Shop) -> None:
    ticket, other, gate = await a_ticket(stage, shop), await a_ticket(stage, shop), await a_gate(stage, shop)

    async with asyncio.timeout(SOON_SECONDS), stage.world.transaction() as tx:
        await register_pins.count_pin_try(tx, issuer_id=shop.issuer, number=ticket.number, now=stage.clock.now())
        waiting = asyncio.create_task(a_scan(stage, shop, gate, typed(ticket)))
        scanned = await a_scan(stage, shop, gate, show.signed_code(stage.world, other))

        assert scanned["admit"]
        assert not waiting.done()
    assert (await waiting)["admit"]


async def test_a_scanned_code_takes_three_statements_and_no_transaction_around_them(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket, gate = await a_ticket(stage, shop), await a_gate(stage, shop)
    code = show.signed_code(stage.world, ticket)
    await a_scan(stage, shop, gate, code, kind=ScanKind.CHECK)  # sellers' keys are read now, and kept for ten seconds
    execute, seen = Connection.execute, list[tuple[str, bool]]()

    async def noted(connection: Connection, text: str, values: Any) -> Any:
        rows = await execute(connection, text, values)
        seen.append((text.split(maxsplit=1)[0], connection.driver.is_in_transaction()))
        return rows

    monkeypatch.setattr(Connection, "execute", noted)

    assert (await a_scan(stage, shop, gate, code))["admit"]
    assert seen == [("SELECT", False), ("SELECT", False), ("WITH", False)]
