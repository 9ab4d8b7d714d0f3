"""Postings, the journal, and what a refund or a dispute writes down: once, in whole, and never afterwards."""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import timedelta
from uuid import UUID

import pytest
from builders import Shop, Stage, a_booking
from sqlalchemy.exc import DBAPIError

from app.domain.refund import RefundReason
from app.flows.returning import refund
from app.store import disputes, journal, ledger, refunds, statements
from app.store.disputes import NewDispute
from app.store.ledger import Posting
from app.store.refunds import NewRefund
from app.store.tables.money import AccountKind, TransferKind

# --- postings -------------------------------------------------------------------------------------------------------


def a_posting(shop: Shop, key: str, amount: int = 100, *, credit: AccountKind = AccountKind.FEES) -> Posting:
    return Posting(shop.issuer, key, TransferKind.FEE, AccountKind.PAYABLE, credit, amount, "KRW")


async def post(stage: Stage, *postings: Posting) -> set[str]:
    async with stage.database.transaction() as tx:
        return await ledger.post(tx, postings, new_id=stage.entropy.uuid, now=stage.clock.now())


async def balance(stage: Stage, shop: Shop, kind: AccountKind) -> int:
    async with stage.database.transaction() as tx:
        return await ledger.balance(tx, issuer_id=shop.issuer, kind=kind, currency="KRW")


async def test_a_posting_is_written_once_and_makes_its_accounts(stage: Stage, shop: Shop) -> None:
    assert await post(stage) == set()
    assert await post(stage, a_posting(shop, "a"), a_posting(shop, "b", 50)) == {"a", "b"}
    assert await post(stage, a_posting(shop, "a", 999), a_posting(shop, "c", 1)) == {"c"}

    assert await balance(stage, shop, AccountKind.FEES) == 151
    assert await balance(stage, shop, AccountKind.PAYABLE) == -151
    assert await balance(stage, shop, AccountKind.CARD) == 0
    assert await stage.value("SELECT count(*) FROM account") == 2


async def test_those_who_post_first_at_once_share_the_accounts(stage: Stage, second: Stage, shop: Shop) -> None:
    both = (AccountKind.FEES, AccountKind.CASH)
    await asyncio.gather(
        *(post(one, a_posting(shop, f"{n}", credit=both[n % 2])) for n in range(8) for one in (stage, second))
    )

    assert await stage.value("SELECT count(*) FROM account") == 3
    assert await balance(stage, shop, AccountKind.PAYABLE) == -800


async def test_a_rolled_back_posting_leaves_no_account_that_anybody_remembers(stage: Stage, shop: Shop) -> None:
    async def post_and_fail() -> None:
        async with stage.database.transaction() as tx:
            await ledger.post(tx, [a_posting(shop, "a")], new_id=stage.entropy.uuid, now=stage.clock.now())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await post_and_fail()

    assert await post(stage, a_posting(shop, "a")) == {"a"}


async def test_a_balance_of_before_knows_nothing_of_now(stage: Stage, shop: Shop) -> None:
    await post(stage, a_posting(shop, "a"))
    stage.clock.advance(days=1)
    await post(stage, a_posting(shop, "b", 10))

    async with stage.database.transaction() as tx:
        before = await ledger.balance(
            tx, issuer_id=shop.issuer, kind=AccountKind.FEES, currency="KRW", before=stage.clock.now()
        )
        assert await ledger.amount_of(tx, issuer_id=shop.issuer, key="b") == 10
        assert await ledger.amount_of(tx, issuer_id=shop.issuer, key="z") == 0

    assert before == 100


@pytest.mark.parametrize(
    ("provider", "kind"), [("stripe", "card"), ("card", "card"), ("emoney", "emoney"), ("carrier", "carrier")]
)
def test_each_way_to_be_paid_has_its_clearing_account(provider: str, kind: str) -> None:
    assert ledger.clearing(provider) == kind


# --- the journal ----------------------------------------------------------------------------------------------------


async def write(stage: Stage, subject: str, *, chain: str = "haneul", issuer: UUID | None = None) -> int:
    async with stage.database.transaction() as tx:
        return await journal.append(
            tx,
            chain=chain,
            issuer_id=issuer,
            actor="Ms Kim",
            action="tested",
            subject=subject,
            details={"b": 1, "a": ["값", None, True]},
            now=stage.clock.now(),
        )


async def test_each_entry_holds_the_hash_of_the_one_before(stage: Stage, shop: Shop) -> None:
    numbers = [await write(stage, f"s{n}", issuer=shop.issuer) for n in range(3)]
    assert [await write(stage, "other", chain="") for _ in range(2)] == [1, 2]

    async with stage.database.transaction() as tx:
        found = await journal.entries(tx, chain="haneul")
        assert [one.subject for one in await journal.entries(tx, chain="haneul", subject="s1")] == ["s1"]
        assert await journal.entries(tx, chain="haneul", action="other") == []

    assert numbers == [1, 2, 3]
    assert [one.before for one in found] == [bytes(32), found[0].hash, found[1].hash]


async def test_the_hash_is_what_its_docstring_says(stage: Stage, shop: Shop) -> None:
    """Computed here by hand: PostgreSQL's text of the array has a blank after each comma and colon."""
    await write(stage, "by hand", issuer=shop.issuer)

    async with stage.database.transaction() as tx:
        (entry,) = await journal.entries(tx, chain="haneul")
    parts = [
        "haneul",
        1,
        str(shop.issuer),
        "2026-11-22T03:00:00.000000Z",
        "Ms Kim",
        "tested",
        "by hand",
        {"a": ["값", None, True], "b": 1},
    ]
    text = json.dumps(parts, ensure_ascii=False, separators=(", ", ": "))

    assert entry.hash == hashlib.sha256(bytes(32) + text.encode()).digest()


@pytest.mark.usefixtures("shop")
async def test_the_expression_finds_every_entry_right_and_a_changed_one_wrong(stage: Stage) -> None:
    for number in range(3):
        await write(stage, f"s{number}")
    wrong = f"SELECT seq FROM journal WHERE hash <> {journal.HASH}"  # noqa: S608 - a constant of the journal

    assert await stage.sql(wrong) == []
    async with stage.database.transaction() as tx:
        await tx.execute("SELECT set_config('session_replication_role', 'replica', true)")
        await tx.execute("UPDATE journal SET actor = 'nobody' WHERE seq = 2")
    assert [row.seq for row in await stage.sql(wrong)] == [2]


@pytest.mark.usefixtures("shop")
async def test_entries_are_only_added(stage: Stage) -> None:
    await write(stage, "x")

    for statement in "UPDATE journal SET actor = 'nobody'", "DELETE FROM journal":
        with pytest.raises(DBAPIError, match="only ever added to"):
            await stage.sql(statement)


@pytest.mark.usefixtures("shop")
async def test_those_who_write_at_once_make_one_chain(stage: Stage, second: Stage) -> None:
    numbers = await asyncio.gather(*(write(one, f"{n}") for n in range(10) for one in (stage, second)))

    assert sorted(numbers) == list(range(1, 21))
    rows = await stage.sql("SELECT before, lag(hash) OVER (ORDER BY seq) AS hash FROM journal")
    assert all(row.before == row.hash for row in rows[1:])


# --- refunds --------------------------------------------------------------------------------------------------------


async def test_of_refunds_asked_together_all_are_written_or_none(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, paid=True)
    other = await a_booking(stage, shop, category="S", paid=True)
    payments = {row.booking_id: row.id for row in await stage.sql("SELECT id, booking_id FROM payment")}

    def wanted(booking_id: UUID, amount: int) -> NewRefund:
        return NewRefund(
            id=stage.entropy.uuid(),
            issuer_id=shop.issuer,
            booking_id=booking_id,
            payment_id=payments[booking_id],
            amount=amount,
            currency="KRW",
            reason=RefundReason.BUYER,
            asked_by="buyer",
            ticket_ids=(),
        )

    async with stage.database.transaction() as tx:
        assert not await refunds.add(tx, [wanted(made.id, 60_000), wanted(other.id, 40_001)], now=stage.clock.now())

    assert await stage.value("SELECT sum(refunded) FROM payment") == 0
    assert await stage.value("SELECT count(*) FROM refund") == 0


async def test_a_ticket_is_returned_once_its_refund_is_owed(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, paid=True)
    ticket = made.tickets[0].id

    async def is_returned() -> bool:
        async with stage.database.transaction() as tx:
            return await refunds.is_returned(tx, ticket, made.id)

    assert not await is_returned()
    await refund.ask(stage.world, booking_id=made.id, ticket_ids=None, reason=RefundReason.BUYER, by="buyer")
    assert await is_returned()


async def test_money_of_a_payment_that_never_was_captured_is_not_owed(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, paid=True)
    await stage.sql("UPDATE payment SET state = 'voided'")
    payment = await stage.value("SELECT id FROM payment")

    async with stage.database.transaction() as tx:
        assert await refunds.owe_late(tx, payment, new_id=stage.entropy.uuid, now=stage.clock.now()) is None


@pytest.mark.usefixtures("shop")
async def test_what_is_not_there_is_not_found(stage: Stage) -> None:
    nobody = UUID(int=7)
    async with stage.database.transaction() as tx:
        assert await refunds.locked(tx, nobody) is None
        assert await refunds.group(tx, nobody) == []
        assert await refunds.lock_booking(tx, nobody) is None
        assert await refunds.by_reference(tx, "re_x") == []
        assert await refunds.failed(tx) == 0
        assert await disputes.dispute(tx, nobody) is None
        assert await disputes.disputed_payment(tx, provider="card", reference="pi_x") is None
        assert await statements.first_posting(tx, nobody) is None


async def test_a_dispute_is_written_once_by_the_networks_name_for_it(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, paid=True)
    payment = await stage.value("SELECT id FROM payment")

    def fresh() -> NewDispute:
        return NewDispute(
            id=stage.entropy.uuid(),
            issuer_id=shop.issuer,
            booking_id=made.id,
            payment_id=payment,
            provider="card",
            reference="dp_1",
            amount=60_000,
            currency="KRW",
            reason="fraudulent",
            due_by=stage.clock.now() + timedelta(days=7),
        )

    async with stage.database.transaction() as tx:
        first = await disputes.opened(tx, fresh(), now=stage.clock.now())
        again = await disputes.opened(tx, fresh(), now=stage.clock.now())

    assert first.id == again.id
    assert await stage.value("SELECT count(*) FROM dispute") == 1
