"""A process that dies between any two steps: what another one then makes of it is right, every time.

Each test walks the step at which it dies from the first to the one that is no longer reached.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

import pytest
from builders import BUYER, FRIEND, Made, Shop, Stage, a_booking, an_account, free_places, state_of
from fakes import BAD_CARD, CHALLENGED_CARD, GOOD_CARD, Killed, Upset
from mortal import Fate, a_mortal
from paying_kit import a_voucher, assert_books_agree, balance, left_on, prepaid, won

from app import worker
from app.domain.refusals import PaymentRefused, Refusal
from app.flows.booking import book
from app.flows.paying import pay, reconcile
from app.flows.paying.pay import Tender
from app.flows.paying.resume import resume
from app.flows.tickets import register
from app.ports import Prepaid

Act = Callable[[Stage], Awaitable[object]]
Sweep = Callable[[], Awaitable[None]]

STEPS_MAX = 120

UNFINISHED = """
    SELECT (SELECT count(*) FROM outbox WHERE done_at IS NULL) + (SELECT count(*) FROM booking WHERE state = 'paying')
        + (SELECT count(*) FROM payment WHERE state NOT IN ('captured', 'declined', 'voided', 'refunded'))
"""


async def dies(stage: Stage, act: Act, at: int) -> list[str]:
    """Let a process do `act` and die at step `at`; the steps it came to, all of them when it lived."""
    fate = Fate(at)
    with suppress(Killed, Refusal):
        await act(a_mortal(stage, fate, seed=100 + at))
    return [] if fate.met else fate.steps


async def aftermath(stage: Stage) -> None:
    """The other processes go on: reconcile when the dead one has been silent for long enough, and work."""
    for _ in range(4):
        stage.clock.advance(seconds=61)
        await reconcile.reconcile(stage.world)
        await stage.work()
        if not await stage.value(UNFINISHED):
            return
    raise AssertionError("something is still open after four minutes")


async def money(stage: Stage, made: Made) -> int:
    """What was taken for the booking, by card and by e-money."""
    charged = await stage.value(
        "SELECT coalesce(sum(CASE t.kind WHEN 'charge' THEN t.amount ELSE -t.amount END), 0) FROM transfer t"
        " JOIN payment p ON p.key IN (t.key, t.reverses) WHERE p.booking_id = :id",
        id=made.id,
    )  # e-money and vouchers
    return stage.card.taken(made.id) + int(charged)


async def assert_whole(stage: Stage, shop: Shop, made: Made) -> str:
    """Money, tickets, places, messages and register agree; returns the booking's last state."""
    state = await state_of(stage, made.id)
    tickets = await stage.sql("SELECT id FROM ticket WHERE booking_id = :id", id=made.id)
    if state != "paid":
        stage.clock.advance(hours=1)
        await book.expire(stage.world)
        await aftermath(stage)
        state = await state_of(stage, made.id)
    assert state in {"paid", "expired", "cancelled"}
    paid = state == "paid"
    due = made.booked.amount.amount if paid else 0
    assert await money(stage, made) == due, f"a {state} booking"
    assert len(tickets) == 2 * paid
    assert await free_places(stage, shop.occasions["play/mon"]) == 22 - 2 * paid
    assert len(stage.carrier.inbox(BUYER)) == 2 * paid, "each message came once"
    registered = "SELECT count(*) FROM credential WHERE ticket_id = ANY(:ids)"
    assert await stage.value(registered, ids=[ticket.id for ticket in tickets]) == 2 * paid
    assert await stage.value("SELECT count(*) FROM outbox WHERE done_at IS NULL") == 0
    return state


async def nothing_more(_made: Made) -> None:
    """What most walks look at besides."""


async def walk(
    stage: Stage,
    shop: Shop,
    sweep: Sweep,
    prepare: Callable[[], Awaitable[tuple[Made, Act]]],
    *,
    also: Callable[[Made], Awaitable[None]] = nothing_more,
) -> list[str]:
    """Die at step 1, 2, 3 … of an act, and look each time; returns the steps of the run that lived."""
    ends = set()
    for at in itertools.count(1):
        stage.card.attempts.clear()
        stage.carrier.arrived.clear()
        made, act = await prepare()
        lived = await dies(stage, act, at)
        await aftermath(stage)
        ends.add(await assert_whole(stage, shop, made))
        await also(made)
        await sweep()
        if lived:
            return [*lived, *sorted(ends)]
        assert at < STEPS_MAX
    raise AssertionError


async def held(stage: Stage, shop: Shop) -> Made:
    return await a_booking(stage, shop, quantity=2)


def paying(made: Made, *tenders: Tender) -> Act:
    return lambda mortal: pay.pay(mortal.world, made.id, tenders, return_url="https://back")


async def test_dying_anywhere_while_a_card_is_charged(stage: Stage, shop: Shop, sweep: Sweep) -> None:
    async def prepare() -> tuple[Made, Act]:
        made = await held(stage, shop)
        return made, paying(made, Tender(GOOD_CARD))

    steps = await walk(stage, shop, sweep, prepare)

    assert {"after card prepare", "before card authorize", "after card capture", "after local commit"} <= set(steps)
    assert {"paid", "expired"} <= set(steps), "some deaths come before the money, some after"


async def test_dying_anywhere_while_e_money_is_charged(stage: Stage, shop: Shop, sweep: Sweep) -> None:
    async def prepare() -> tuple[Made, Act]:
        pin = await an_account(stage, shop, 200_000)
        await stage.work()
        stage.carrier.arrived.clear()
        made = await held(stage, shop)
        return made, paying(made, Tender(Prepaid(BUYER, pin)))

    steps = await walk(stage, shop, sweep, prepare)

    assert {"before emoney authorize", "after emoney authorize", "paid", "expired"} <= set(steps)


async def test_dying_anywhere_while_a_card_e_money_and_a_voucher_pay_together(
    stage: Stage, shop: Shop, sweep: Sweep
) -> None:
    vouchers: list[UUID] = []

    async def prepare() -> tuple[Made, Act]:
        pin = await an_account(stage, shop, 1_000, handset=FRIEND)
        voucher, voucher_id = await a_voucher(stage, shop)
        vouchers.append(voucher_id)
        stage.carrier.arrived.clear()
        made = await held(stage, shop)
        return made, paying(made, Tender(voucher, won(50_000)), prepaid(FRIEND, pin, 1_000), Tender(GOOD_CARD))

    async def assert_back(made: Made) -> None:
        sold = await state_of(stage, made.id) == "paid"
        assert await left_on(stage, vouchers[-1]) == 50_000 * (not sold)
        assert await balance(stage, FRIEND) == 1_000 * (not sold)
        await assert_books_agree(stage)

    steps = await walk(stage, shop, sweep, prepare, also=assert_back)

    assert {"after card authorize", "after emoney authorize", "before voucher authorize", "after local spend"} <= set(
        steps
    )
    assert {"paid", "expired"} <= set(steps)


async def test_dying_anywhere_behind_a_challenge(stage: Stage, shop: Shop, sweep: Sweep) -> None:
    async def prepare() -> tuple[Made, Act]:
        made = await held(stage, shop)

        async def act(mortal: Stage) -> object:
            try:
                await pay.pay(mortal.world, made.id, [Tender(CHALLENGED_CARD)], return_url="https://back")
            finally:
                stage.card.answer_challenge(made.id, passed=True)
            return await resume(mortal.world, made.id)

        return made, act

    steps = await walk(stage, shop, sweep, prepare)

    assert {"after local hold", "before card lookup", "after card capture", "paid", "expired"} <= set(steps)


async def test_dying_anywhere_while_the_places_are_taken_again(stage: Stage, shop: Shop, sweep: Sweep) -> None:
    """The issuer has freed them while nobody asked."""

    async def prepare() -> tuple[Made, Act]:
        made = await a_booking(stage, shop, category="FLOOR", quantity=2)
        stage.card.upset("authorize", Upset.KILLED_AFTER)
        with suppress(Killed):
            await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])
        stage.clock.advance(seconds=700)
        await stage.sql("UPDATE place SET taken_by = NULL, held_until = NULL")
        return made, lambda mortal: reconcile.reconcile(mortal.world)

    steps = await walk(stage, shop, sweep, prepare)

    assert {"after local hold", "paid"} <= set(steps)


async def test_dying_anywhere_while_nothing_is_to_be_paid(stage: Stage, shop: Shop, sweep: Sweep) -> None:
    async def prepare() -> tuple[Made, Act]:
        made = await a_booking(stage, shop, quantity=2, complimentary=True)
        return made, paying(made)

    assert "paid" in await walk(stage, shop, sweep, prepare)


async def test_dying_anywhere_while_a_card_is_refused(stage: Stage, shop: Shop, sweep: Sweep) -> None:
    async def prepare() -> tuple[Made, Act]:
        made = await held(stage, shop)
        return made, paying(made, Tender(BAD_CARD))

    assert "paid" not in await walk(stage, shop, sweep, prepare)


@pytest.mark.parametrize(("verb", "upset"), [("authorize", Upset.LOST_AFTER), ("capture", Upset.LOST_AFTER)])
async def test_dying_anywhere_while_an_answer_is_lost(
    stage: Stage, shop: Shop, sweep: Sweep, verb: str, upset: Upset
) -> None:
    async def prepare() -> tuple[Made, Act]:
        made = await held(stage, shop)
        stage.card.upsets.clear()
        stage.card.upset(verb, upset)
        return made, paying(made, Tender(GOOD_CARD))

    assert "paid" in await walk(stage, shop, sweep, prepare)


@pytest.mark.parametrize("upset", [Upset.LOST_BEFORE, Upset.LOST_AFTER])
async def test_dying_anywhere_while_reconciling(stage: Stage, shop: Shop, sweep: Sweep, upset: Upset) -> None:
    async def prepare() -> tuple[Made, Act]:
        made = await held(stage, shop)
        stage.card.upset("authorize", upset)
        await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])
        stage.clock.advance(seconds=61)
        return made, lambda mortal: reconcile.reconcile(mortal.world)

    steps = await walk(stage, shop, sweep, prepare)

    assert "after card lookup" in steps
    assert ("paid" in steps) is (upset is Upset.LOST_AFTER)


async def test_dying_anywhere_while_cancelling(stage: Stage, shop: Shop, sweep: Sweep) -> None:
    async def prepare() -> tuple[Made, Act]:
        made = await held(stage, shop)
        return made, lambda mortal: book.cancel(mortal.world, made.id)

    assert "cancelled" in await walk(stage, shop, sweep, prepare)


async def test_dying_anywhere_while_booking_leaves_every_place_to_be_had(
    stage: Stage, shop: Shop, sweep: Sweep
) -> None:
    for at in itertools.count(1):
        lived = await dies(stage, lambda mortal: a_booking(mortal, shop, quantity=2), at)
        stage.clock.advance(seconds=600 + 91)
        assert await free_places(stage, shop.occasions["play/mon"]) == 22
        await sweep()
        if lived:
            assert "after local hold" in lived
            return
        assert at < STEPS_MAX


async def test_a_worker_that_dies_anywhere_neither_loses_nor_doubles_a_ticket(
    stage: Stage, shop: Shop, sweep: Sweep
) -> None:
    async def prepare() -> tuple[Made, Act]:
        made = await a_booking(stage, shop, quantity=2, paid=True)
        return made, lambda mortal: worker.drain(mortal.world)

    steps = await walk(stage, shop, sweep, prepare)

    assert {"after sms_http send", "after local register", "after commit"} <= set(steps)


async def test_a_worker_that_dies_anywhere_while_revoking_ends_with_a_worthless_ticket(
    stage: Stage, shop: Shop, sweep: Sweep
) -> None:
    for at in itertools.count(1):
        stage.carrier.arrived.clear()
        made = await a_booking(stage, shop, worked=True)
        await register.revoke(stage.world, made.tickets[0].id, reason="test", free_place=True, tell_holder=True)
        lived = await dies(stage, lambda mortal: worker.drain(mortal.world), at)
        await aftermath(stage)
        assert await stage.value("SELECT state FROM credential") == "revoked"
        assert await free_places(stage, shop.occasions["play/mon"]) == 22
        assert len(stage.carrier.inbox(BUYER)) == 2, "the ticket, and that it was revoked"
        await sweep()
        if lived:
            assert "after local revoke" in lived
            return
        assert at < STEPS_MAX


async def test_a_refused_card_is_told_as_such_even_in_a_mortal_process(stage: Stage, shop: Shop) -> None:
    """The scaffold itself changes nothing."""
    made = await held(stage, shop)
    mortal = a_mortal(stage, Fate(), seed=9)

    with pytest.raises(PaymentRefused):
        await pay.pay(mortal.world, made.id, [Tender(BAD_CARD)])
