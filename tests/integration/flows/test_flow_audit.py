"""The audit as a flow: one moment of the database, once an hour for all workers, told in logs and metrics."""

from __future__ import annotations

import asyncio

import pytest
from builders import Shop, Stage, a_booking
from prometheus_client import generate_latest
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from app import worker
from app.domain.leaks import Leak
from app.flows import audit
from app.metrics import REGISTRY
from app.store import audit as store
from app.store.audit import INVARIANTS
from app.store.migrate import SchemaOutdated, migrate
from app.world import World

(I1, I2, *_) = INVARIANTS


async def free_the_places_of_what_was_sold(stage: Stage, shop: Shop) -> None:
    """Two breaches of I1."""
    await a_booking(stage, shop, quantity=2, worked=True)
    await stage.sql("UPDATE place SET taken_by = NULL, held_until = NULL WHERE taken_by IS NOT NULL")


async def breaches_by_name(stage: Stage, *only: str) -> dict[str, int]:
    return {finding.invariant.name: finding.breaches for finding in await audit.audit(stage.world, only=only)}


async def test_only_what_is_asked_for_is_looked_at_and_not_more_than_so_many_rows_are_shown(
    stage: Stage, shop: Shop
) -> None:
    await free_the_places_of_what_was_sold(stage, shop)

    one, two = await audit.audit(stage.world, only=["I2", "I1"], most=1)

    assert (one.invariant, one.breaches, len(one.rows)) == (I1, 2, 1)
    assert one.rows[0].issuer == "haneul"
    assert one.rows[0].subject.startswith("ticket ")
    assert one.rows[0].problem.endswith("is free")
    assert one.seconds > 0
    assert (two.invariant, two.breaches, two.rows) == (I2, 0, [])


def test_names_are_taken_in_small_letters_and_wrong_ones_are_told() -> None:
    assert store.names(["i4", "I13"]) == ["I4", "I13"]
    with pytest.raises(ValueError, match=r"no invariant I14; they are I1 to I13\.$"):
        store.names(["i14"])


async def test_an_audit_sees_one_moment_and_changes_nothing(stage: Stage, shop: Shop) -> None:
    async with stage.world.transaction() as tx:
        await store.begin(tx, now=stage.clock.now())
        before = await store.breaches(tx, I1, most=1)
        await free_the_places_of_what_was_sold(stage, shop)
        meanwhile = await store.breaches(tx, I1, most=1)
        with pytest.raises(DBAPIError, match="read-only"):
            await tx.execute("DELETE FROM outbox")

    assert before == meanwhile == (0, [])
    assert await breaches_by_name(stage, "I1") == {"I1": 2}


async def test_the_clock_of_the_house_decides_what_is_late(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, paid=True)
    await stage.sql("UPDATE booking SET state = 'expired' WHERE id = :id", id=made.id)
    at_once = await breaches_by_name(stage, "I2")

    stage.clock.advance(seconds=61)

    assert at_once == {"I2": 0}
    assert await breaches_by_name(stage, "I2") == {"I2": 1}


async def test_views_of_another_program_are_not_trusted(blank: Stage) -> None:
    await blank.sql("COMMENT ON SCHEMA audit IS 'of last year'")
    with pytest.raises(SchemaOutdated, match="cyberticket migrate"):
        await audit.audit(blank.world)

    await migrate(blank.database.engine)

    assert len(await audit.audit(blank.world)) == len(INVARIANTS)


async def test_views_of_this_program_are_not_made_twice(blank: Stage) -> None:
    number = "SELECT oid FROM pg_class WHERE relname = 'i1_no_oversell'"
    before = await blank.value(number)

    await migrate(blank.database.engine)

    assert await blank.value(number) == before


# --- once an hour ---------------------------------------------------------------------------------------------------


async def test_of_all_workers_one_audits_within_the_hour(stage: Stage, second: Stage) -> None:
    turns = await asyncio.gather(*(audit.hourly(one.world) for one in (stage, second, stage, second)))
    assert [turn is not None for turn in turns].count(True) == 1

    stage.clock.advance(minutes=59)
    assert await audit.hourly(second.world) is None

    stage.clock.advance(minutes=1)
    assert await audit.hourly(second.world) is not None


async def test_what_a_worker_found_is_logged_by_its_subject_alone_and_measured_everywhere(
    stage: Stage, shop: Shop
) -> None:
    await free_the_places_of_what_was_sold(stage, shop)

    with capture_logs() as lines:
        await audit.hourly(stage.world)

    told = [line for line in lines if line["event"] == "audit_breach" and line["invariant"] == "I1"]
    assert len(told) == 2
    assert all(set(line) == {"event", "log_level", "invariant", "subject"} for line in told)
    assert all(line["log_level"] == "error" and line["subject"].startswith("ticket ") for line in told)
    measured = generate_latest(REGISTRY).decode()
    assert 'cyberticket_audit_breaches{invariant="I1"} 2.0' in measured
    assert 'cyberticket_audit_breaches{invariant="I2"} 0.0' in measured


async def test_a_process_that_did_not_audit_shows_the_last_audit_of_those_that_did(stage: Stage) -> None:
    await stage.sql(
        "INSERT INTO chore (name, begun_at, ended_at, outcome) VALUES ('audit', :now, :now, '{\"I12\": 7}')",
        now=stage.clock.now(),
    )

    await audit.measure(stage.world)

    measured = generate_latest(REGISTRY).decode()
    assert 'cyberticket_audit_breaches{invariant="I12"} 7.0' in measured
    (when,) = [line for line in measured.splitlines() if line.startswith("cyberticket_audit_last_run_seconds ")]
    assert float(when.split()[1]) == stage.clock.now().timestamp()


async def test_a_worker_audits_in_its_turn_and_goes_on_when_that_fails(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[World] = []
    enough = asyncio.Event()

    async def hourly(world: World) -> None:
        turns.append(world)
        if len(turns) == 1:
            raise SchemaOutdated("not yet")
        enough.set()

    monkeypatch.setattr(audit, "hourly", hourly)
    monkeypatch.setattr(worker, "AUDIT_TURN_SECONDS", 0.05)
    with capture_logs() as lines:
        working = asyncio.create_task(worker.run(stage.world))
        async with asyncio.timeout(30):
            await enough.wait()
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working

    assert [line["event"] for line in lines if line["event"] == "audit_failed"] == ["audit_failed"]
    assert turns[:2] == [stage.world, stage.world]


def test_a_log_is_looked_through_line_by_line() -> None:
    lines = ["all well", "to +821012345678, PIN 491027", "to +8210****5678"]

    assert audit.leaks_in(lines) == [(2, frozenset({Leak.PHONE, Leak.PIN}))]


def test_every_invariant_has_a_name_of_its_own_and_says_what_it_is() -> None:
    assert [one.name for one in INVARIANTS] == [f"I{number}" for number in range(1, 14)]
    assert all(one.says.endswith(".") for one in INVARIANTS)
