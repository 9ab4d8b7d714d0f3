"""E-money: topped up once per key, a voucher turned in once, and no balance ever below zero."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from builders import BUYER, FRIEND, Shop, Stage, a_booking, a_gate, a_scan, an_account, pin, typed

from app.domain.credential import shown
from app.domain.money import Money
from app.domain.payment import PaymentEvent
from app.domain.refusals import BadLine, Locked, NotEnoughValue, NotFound
from app.flows.paying import emoney
from app.flows.tickets import register
from app.ports import Captured, Charge, Decline, Prepaid, Refunded, Refused, Voided
from app.store import payments
from app.store.moves import move_many
from app.store.payments import NewPayment
from app.store.tables import Payment


async def balance(stage: Stage, handset: str = BUYER) -> int:
    return int(await stage.value("SELECT balance FROM account WHERE handset = :h", h=handset))


async def assert_books_close(stage: Stage) -> None:
    """Every transfer has two sides, and each kept balance is the sum of its side of them."""
    wrong = await stage.sql(
        "SELECT a.id, a.balance FROM account a WHERE a.balance IS NOT NULL AND a.balance <>"
        " coalesce((SELECT sum(amount) FROM transfer WHERE credit_id = a.id), 0)"
        " - coalesce((SELECT sum(amount) FROM transfer WHERE debit_id = a.id), 0)"
    )
    assert wrong == []
    total = await stage.value(
        "SELECT sum(side) FROM (SELECT amount AS side FROM transfer t JOIN account a ON a.id = t.credit_id"
        " UNION ALL SELECT -amount FROM transfer t JOIN account a ON a.id = t.debit_id) sides"
    )
    assert total in {None, 0}


def a_charge(shop: Shop, key: str, won: int, pin_typed: str) -> Charge:
    return Charge(key, Money(won, "KRW"), shop.issuer, UUID(int=1), Prepaid(BUYER, pin_typed))


async def top_up(stage: Stage, shop: Shop, won: int, key: str) -> emoney.ToppedUp:
    return await emoney.top_up(stage.world, issuer_id=shop.issuer, handset=BUYER, amount=Money(won, "KRW"), key=key)


# --- attempts -------------------------------------------------------------------------------------------------------


def a_part(stage: Stage, shop: Shop, booking_id: UUID, number: int) -> NewPayment:
    """A part of an attempt that is about to be charged 5,000 won."""
    return NewPayment(
        id=UUID(int=number),
        issuer_id=shop.issuer,
        booking_id=booking_id,
        part=1,
        provider="emoney",
        amount=5_000,
        currency="KRW",
        key=f"pay-{number}",
        reference=None,
        created_at=stage.clock.now(),
    )


async def test_of_two_attempts_that_begin_together_one_begins(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    asks = [(a_part(stage, shop, made.id, number),) for number in (7, 8)]

    async with stage.database.statements() as tx:
        assert await payments.begin_payments(tx, asks) == [True, False]
        assert await payments.begin_payments(tx, asks[1:]) == [False]

    assert [row.key for row in await stage.sql("SELECT key FROM payment")] == ["pay-7"]


async def test_no_attempt_begins_when_the_time_to_pay_is_over(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    stage.clock.advance(seconds=stage.world.house.hold_seconds)

    async with stage.database.statements() as tx:
        assert await payments.begin_payments(tx, [(a_part(stage, shop, made.id, 7),)]) == [False]


async def test_a_charge_of_an_attempt_that_was_given_up_takes_nothing(stage: Stage, shop: Shop) -> None:
    """Whoever gave it up has looked whether it was charged."""
    pin_typed = await an_account(stage, shop, 20_000)
    part = a_part(stage, shop, (await a_booking(stage, shop)).id, 7)
    async with stage.world.transaction() as tx:
        await payments.begin_payments(tx, [(part,)])
        await move_many(tx, Payment, [part.id], PaymentEvent.LOSE_SIGHT)

    charge = a_charge(shop, part.key, 5_000, pin_typed)
    refused = await stage.world.payments["emoney"].authorize(charge, reference=None)

    assert refused == Refused(Decline.INVALID, "this attempt was given up")
    assert await balance(stage) == 20_000
    await assert_books_close(stage)


# --- topping up -----------------------------------------------------------------------------------------------------


async def test_a_top_up_opens_the_account_and_tells_its_handset(stage: Stage, shop: Shop) -> None:
    topped = await top_up(stage, shop, 10_000, "k1")
    again = await top_up(stage, shop, 5_000, "k2")
    await stage.work()

    assert (topped.added.amount, topped.balance.amount) == (10_000, 10_000)
    assert (again.account_id, again.balance.amount) == (topped.account_id, 15_000)
    assert await balance(stage) == 15_000
    assert len(stage.carrier.inbox(BUYER)) == 2
    await assert_books_close(stage)


async def test_the_same_top_up_again_adds_nothing(stage: Stage, shop: Shop) -> None:
    await top_up(stage, shop, 10_000, "k1")

    again = await top_up(stage, shop, 10_000, "k1")

    assert again.balance.amount == await balance(stage) == 10_000
    assert await stage.value("SELECT count(*) FROM delivery") == 1


async def test_the_same_top_up_many_times_at_once_adds_once(stage: Stage, second: Stage, shop: Shop) -> None:
    await asyncio.gather(*(top_up([stage, second][n % 2], shop, 10_000, "k1") for n in range(8)))

    assert await balance(stage) == 10_000
    await assert_books_close(stage)


@pytest.mark.parametrize("won", [0, -1])
async def test_a_top_up_of_nothing_is_refused(stage: Stage, shop: Shop, won: int) -> None:
    with pytest.raises(BadLine, match="positive amount"):
        await top_up(stage, shop, won, "k1")


async def test_each_issuer_keeps_accounts_of_its_own(stage: Stage, shop: Shop) -> None:
    secret = await an_account(stage, shop, 10_000)
    provider = stage.world.payments["emoney"]
    elsewhere = Charge("p1", Money(1, "KRW"), UUID(int=8), UUID(int=1), Prepaid(BUYER, secret))
    await stage.sql("ALTER TABLE pin_guard DISABLE TRIGGER ALL")

    outcome = await provider.authorize(elsewhere, reference=None)

    await stage.sql("ALTER TABLE pin_guard ENABLE TRIGGER ALL")
    assert outcome == Refused(Decline.WRONG_PIN, "no account opens with this number and PIN")


# --- vouchers -------------------------------------------------------------------------------------------------------


async def a_voucher(stage: Stage, shop: Shop) -> str:
    made = await a_booking(stage, shop, of="gift/open", category="gift", worked=True)
    return typed(made.tickets[0])


async def redeem(stage: Stage, shop: Shop, presented: str) -> emoney.ToppedUp:
    return await emoney.redeem(stage.world, issuer_id=shop.issuer, handset=FRIEND, presented=presented)


async def test_a_voucher_becomes_e_money_of_any_handset_once(stage: Stage, shop: Shop) -> None:
    voucher = await a_voucher(stage, shop)

    topped = await redeem(stage, shop, voucher)

    assert (topped.added.amount, topped.balance.amount) == (50_000, 50_000)
    with pytest.raises(NotEnoughValue, match="used up or revoked"):
        await redeem(stage, shop, voucher)
    assert await balance(stage, FRIEND) == 50_000
    await assert_books_close(stage)


async def test_a_voucher_turned_in_many_times_at_once_counts_once(stage: Stage, second: Stage, shop: Shop) -> None:
    voucher = await a_voucher(stage, shop)

    outcomes = await asyncio.gather(
        *(redeem([stage, second][n % 2], shop, voucher) for n in range(5)), return_exceptions=True
    )

    assert sum(isinstance(one, emoney.ToppedUp) for one in outcomes) == 1, outcomes
    assert await balance(stage, FRIEND) == 50_000


async def test_a_voucher_that_was_turned_in_opens_no_gate(stage: Stage, shop: Shop) -> None:
    voucher = await a_voucher(stage, shop)
    await redeem(stage, shop, voucher)

    assert (await a_scan(stage, shop, await a_gate(stage, shop), voucher))["reason"] == "used"


async def test_a_revoked_voucher_is_worth_nothing(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, of="gift/open", category="gift", worked=True)
    await register.revoke(stage.world, made.tickets[0].id, reason="x", free_place=False, tell_holder=False)
    await stage.work()

    with pytest.raises(NotEnoughValue):
        await redeem(stage, shop, typed(made.tickets[0]))


async def test_only_number_and_pin_of_a_voucher_are_taken(stage: Stage, shop: Shop) -> None:
    play = (await a_booking(stage, shop, worked=True)).tickets[0]

    with pytest.raises(BadLine, match="number and PIN"):
        await redeem(stage, shop, "hello")
    with pytest.raises(NotFound):
        await redeem(stage, shop, typed(play))
    with pytest.raises(NotFound):
        await redeem(stage, shop, "482910375-1 491027")


async def test_a_voucher_locks_after_five_wrong_pins(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, of="gift/open", category="gift", worked=True)
    (ticket,) = made.tickets
    for by in range(1, 6):
        with pytest.raises(NotFound):
            await redeem(stage, shop, f"{shown(ticket.number)} {(int(pin(ticket)) + by) % 10**6:06}")

    with pytest.raises(Locked, match="10 minutes"):
        await redeem(stage, shop, typed(ticket))
    stage.clock.advance(minutes=10, seconds=1)
    assert (await redeem(stage, shop, typed(ticket))).added.amount == 50_000


# --- charging -------------------------------------------------------------------------------------------------------


async def test_parallel_charges_never_take_more_than_there_is(stage: Stage, second: Stage, shop: Shop) -> None:
    secret = await an_account(stage, shop, 10_000)

    outcomes = await asyncio.gather(
        *(
            [stage, second][n % 2]
            .world.payments["emoney"]
            .authorize(a_charge(shop, f"p{n}", 3_000, secret), reference=None)
            for n in range(12)
        )
    )

    assert sum(isinstance(one, Captured) for one in outcomes) == 3
    assert {one.reason for one in outcomes if isinstance(one, Refused)} <= {Decline.INSUFFICIENT_FUNDS, Decline.LOCKED}
    assert await balance(stage) == 1_000
    await assert_books_close(stage)


async def test_the_same_charge_many_times_at_once_is_taken_once(stage: Stage, second: Stage, shop: Shop) -> None:
    secret = await an_account(stage, shop, 10_000)

    outcomes = await asyncio.gather(
        *(
            [stage, second][n % 2]
            .world.payments["emoney"]
            .authorize(a_charge(shop, "p1", 3_000, secret), reference=None)
            for n in range(4)
        )
    )

    assert outcomes == [Captured("p1")] * 4
    assert await balance(stage) == 7_000


async def test_refunds_together_never_give_back_more_than_the_charge(stage: Stage, second: Stage, shop: Shop) -> None:
    secret = await an_account(stage, shop, 10_000)
    provider = stage.world.payments["emoney"]
    await provider.authorize(a_charge(shop, "p1", 9_000, secret), reference=None)

    outcomes = await asyncio.gather(
        *(
            [stage, second][n % 2]
            .world.payments["emoney"]
            .refund(reference="p1", amount=Money(2_000, "KRW"), key=f"r{n}")
            for n in range(8)
        )
    )

    assert sum(isinstance(one, Refunded) for one in outcomes) == 4
    assert await balance(stage) == 9_000
    await assert_books_close(stage)


async def test_voiding_gives_back_what_is_left_of_a_charge_once(stage: Stage, shop: Shop) -> None:
    secret = await an_account(stage, shop, 10_000)
    provider = stage.world.payments["emoney"]
    await provider.authorize(a_charge(shop, "p1", 9_000, secret), reference=None)
    await provider.refund(reference="p1", amount=Money(4_000, "KRW"), key="r1")

    for _ in range(2):
        assert await provider.void(reference="p1", key="v1") == Voided("p1")

    assert await balance(stage) == 10_000
    assert await provider.lookup(reference=None, key="p1") == Voided("p1")
    assert await provider.void(reference="never", key="v2") == Voided("never")
    await assert_books_close(stage)


async def test_what_was_never_charged_cannot_be_refunded(stage: Stage) -> None:
    outcome = await stage.world.payments["emoney"].refund(reference="none", amount=Money(1, "KRW"), key="r1")

    assert outcome == Refused(Decline.INVALID, "no such charge")


async def test_e_money_locks_after_five_wrong_pins(stage: Stage, shop: Shop) -> None:
    secret = await an_account(stage, shop, 10_000)
    provider = stage.world.payments["emoney"]
    for n in range(5):
        wrong = f"{(int(secret) + n + 1) % 10**6:06}"
        outcome = await provider.authorize(a_charge(shop, f"w{n}", 1, wrong), reference=None)
        assert isinstance(outcome, Refused)
        assert outcome.reason is Decline.WRONG_PIN

    locked = await provider.authorize(a_charge(shop, "p1", 1, secret), reference=None)
    assert isinstance(locked, Refused)
    assert locked.reason is Decline.LOCKED
    stage.clock.advance(minutes=10, seconds=1)
    assert await provider.authorize(a_charge(shop, "p2", 1, secret), reference=None) == Captured("p2")


@pytest.mark.parametrize("tried", ["rrrrrrr", "wwwwwr", "wwwwrwwwww", "wrw", "wwwwwwrr", "rwwr", "ww"])
async def test_pins_that_come_together_count_as_if_one_by_one(stage: Stage, shop: Shop, tried: str) -> None:
    secret = await an_account(stage, shop, 10_000)
    typed_in = {"r": secret, "w": f"{(int(secret) + 1) % 10**6:06}"}
    provider = stage.world.payments["emoney"]
    kept = "SELECT coalesce(max(tries), 0) FROM pin_guard"

    charges = [a_charge(shop, f"s{n}", 1, typed_in[letter]) for n, letter in enumerate(tried)]
    one_by_one = [await provider.authorize(charge, reference=None) for charge in charges]
    tries = await stage.value(kept)
    await stage.sql("DELETE FROM pin_guard")
    charges = [a_charge(shop, f"t{n}", 1, typed_in[letter]) for n, letter in enumerate(["r", *tried])]
    _, *together = await asyncio.gather(*(provider.authorize(charge, reference=None) for charge in charges))

    assert [getattr(one, "reason", "taken") for one in together] == [
        getattr(one, "reason", "taken") for one in one_by_one
    ]
    assert await stage.value(kept) == tries


@pytest.mark.parametrize("wrong", ["", "12345", "abcdef", "1234567"])
async def test_what_has_not_the_shape_of_a_pin_is_a_wrong_one(stage: Stage, shop: Shop, wrong: str) -> None:
    await an_account(stage, shop, 10_000)

    outcome = await stage.world.payments["emoney"].authorize(a_charge(shop, "p1", 1, wrong), reference=None)

    assert isinstance(outcome, Refused)
    assert outcome.reason is Decline.WRONG_PIN
