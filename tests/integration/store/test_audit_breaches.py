"""The audit finds what is wrong: each rule is planted a breach and names it; where all is well it says so."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from audit_breaches import DISPUTE, OF_THE_SALE, Planted, filled
from audit_breaches_after import AFTER_THE_SALE
from audit_kit import Busy
from leak_samples import HARMLESS, SECRETS
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.leaks import leaks
from app.flows.audit import audit
from app.store import audit_schema
from app.store.audit import INVARIANTS
from app.store.tables.money import TransferKind

pytest_plugins = ("audit_plugin",)

PLANTED = (*OF_THE_SALE, *AFTER_THE_SALE)
NOT_DURABLE = {"setting fsync", "setting full_page_writes", "setting synchronous_commit"}
"""The databases of tests are as quick as they can be: of this the audit is right to complain."""


async def found(connection: AsyncConnection, view: str) -> list[tuple[str, str]]:
    rows = await connection.execute(sa.text(f"SELECT subject, problem FROM audit.{view}"))  # noqa: S608 - one of ours
    return [(row.subject, row.problem) for row in rows]


async def test_a_house_in_the_middle_of_business_has_no_breach(busy: Busy) -> None:
    findings = await audit(busy.stage.world, most=100)

    assert [finding.invariant for finding in findings] == list(INVARIANTS)
    told = {(finding.invariant.name, row.subject, row.problem) for finding in findings for row in finding.rows}
    assert {one for one in told if one[1] not in NOT_DURABLE} == set()
    assert {subject for _, subject, _ in told} == NOT_DURABLE


async def test_business_is_not_so_slack_that_there_was_nothing_to_look_at(busy: Busy) -> None:
    kinds = {row.kind for row in await busy.stage.sql("SELECT DISTINCT kind FROM transfer")}
    states = {row.state for row in await busy.stage.sql("SELECT DISTINCT state FROM booking")}

    elsewhere = {"set_aside", "set_free"}  # only while an issuer's own server is asked
    assert kinds == {kind.value for kind in TransferKind} - {"face", "late", "network_fee", "payout"} - elsewhere
    assert states == {"held", "paid", "refunded"}
    for table in ("admission", "spend", "journal", "inbox", "delivery_part", "payment_event"):
        assert await busy.stage.value(f"SELECT count(*) FROM {table}") > 0, table  # noqa: S608 - constants


@pytest.mark.parametrize("breach", PLANTED, ids=lambda breach: breach.says.replace(" ", "-"))
async def test_a_planted_breach_is_named(spoiled: AsyncConnection, breach: Planted) -> None:
    for statement in breach.statements:
        done = await spoiled.exec_driver_sql(statement)
        assert done.rowcount != 0, f"nothing was spoiled: {statement}"

    rows = await found(spoiled, breach.view)

    assert any(
        subject.startswith(f"{breach.subject} ") and re.search(breach.problem, problem) for subject, problem in rows
    ), rows


def test_every_view_has_breaches_planted() -> None:
    planted = {breach.view for breach in PLANTED} | {"i13_no_secrets"}

    assert planted == {invariant.view for invariant in INVARIANTS}
    assert planted == {path.stem.replace("i0", "i") for path in audit_schema.FOLDER.glob("i*.sql")}


# --- I13: free text -------------------------------------------------------------------------------------------------

FREE_TEXT = {
    "outbox last_error": "UPDATE outbox SET last_error = $1",
    "delivery reason": "UPDATE delivery SET reason = $1",
    "delivery reply": "UPDATE delivery SET reply = to_jsonb($1::text), purpose = 'reply', offer_id = NULL",
    "delivery_try reason": "UPDATE delivery_try SET reason = $1",
    "payment detail": "UPDATE payment SET detail = $1",
    "refund detail": "UPDATE refund SET detail = $1",
    "refund note": "UPDATE refund SET note = $1",
    "refund asked_by": "UPDATE refund SET asked_by = $1",
    "ticket revoked_why": "UPDATE ticket SET revoked_why = $1",
    "journal details": "UPDATE journal SET details = to_jsonb($1::text)",
    "journal subject": "UPDATE journal SET subject = $1",
    "journal actor": "UPDATE journal SET actor = $1",
    "dispute evidence": filled(DISPUTE).replace("NULL, created_at", "to_jsonb($1::text), created_at"),
    "dispute reason": filled(DISPUTE).replace("'fraudulent'", "$1"),
    "settlement note": "INSERT INTO settlement SELECT gen_random_uuid(), id, 'KRW', now() - interval '1 day', now(), 5,"
    " $1, now() FROM issuer",
}
"""Where people and other programs may write what they like."""


@pytest.mark.parametrize("field", sorted(FREE_TEXT), ids=lambda field: field.replace(" ", "-"))
async def test_a_secret_in_free_text_is_named_and_not_repeated(spoiled: AsyncConnection, field: str) -> None:
    table, column = field.split(" ")
    await spoiled.exec_driver_sql(FREE_TEXT[field], ("call +821012345678",))

    rows = await found(spoiled, "i13_no_secrets")

    assert rows
    assert all(subject.startswith(f"{table} ") for subject, _ in rows)
    assert {problem for _, problem in rows} == {f"{column} holds a full phone number"}


async def test_the_view_and_the_log_reader_see_the_same(spoiled: AsyncConnection) -> None:
    texts = [*SECRETS, *HARMLESS]

    rows = await spoiled.exec_driver_sql(
        "SELECT audit.leak(said) FROM unnest($1::text[]) WITH ORDINALITY AS w(said, position) ORDER BY position",
        (texts,),
    )

    assert [{leak} - {None} for leak in rows.scalars()] == [{kind.value for kind in leaks(text)} for text in texts]
