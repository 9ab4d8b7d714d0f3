"""Every answer of a purchase lost in turn: whatever is lost, the buyer is charged once for what is sold, or not at all.

Each test walks the number of the call that goes wrong from the first to the one that is no longer made.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from builders import FRIEND, Made, Shop, Stage, a_booking, an_account, state_of
from fakes import BAD_CARD, CHALLENGED_CARD, GOOD_CARD, Killed, Upset
from paying_kit import DUE, a_voucher, assert_books_agree, assert_settled, balance, left_on, prepaid, won

from app.domain.refusals import IssuerAway, Refusal
from app.flows.booking import book
from app.flows.paying import pay, reconcile
from app.flows.paying.pay import Challenged, Tender
from app.flows.paying.resume import resume
from app.ports import Issuer

Sweep = Callable[[], Awaitable[None]]

CALLS_MAX = 60
ROUNDS = 6
"""How often the buyer tries, once a minute, if not told otherwise: all within the time of the hold."""


async def go_on(stage: Stage, made: Made, tenders: Sequence[Tender], *, rounds: int = ROUNDS) -> None:
    """A buyer who tries again whenever it is possible, a page that asks, and a reconciler that comes round."""
    for _ in range(rounds):
        with suppress(Killed, Refusal):
            if isinstance(await pay.pay(stage.world, made.id, tenders, return_url="https://back"), Challenged):
                stage.card.answer_challenge(made.id, passed=True)
        stage.clock.advance(seconds=3)
        with suppress(Killed, Refusal):
            await resume(stage.world, made.id)
        stage.clock.advance(seconds=61)
        await reconcile.reconcile(stage.world)
        if await state_of(stage, made.id) == "paid":
            return


async def leave_it(stage: Stage, made: Made, tenders: Sequence[Tender]) -> None:
    """A buyer who pays once and goes away."""
    with suppress(Killed, Refusal):
        await pay.pay(stage.world, made.id, tenders)
    for _ in range(ROUNDS):
        stage.clock.advance(seconds=200)
        await reconcile.reconcile(stage.world)
        await book.expire(stage.world)


async def walk(stage: Stage, shop: Shop, sweep: Sweep, upset: Upset, run: Callable[[Made], Awaitable[None]]) -> int:
    """Let call 1, 2, 3 … go wrong; returns how many calls there were to lose."""
    for number in itertools.count(1):
        made = await a_booking(stage, shop)
        before = len(stage.card.calls)
        stage.card.upset_calls = {before + number: upset}
        await run(made)
        assert number < CALLS_MAX
        if len(stage.card.calls) < before + number:
            return number - 1
        if number % 10 == 0:
            stage.card.attempts.clear()
            await sweep()
    raise AssertionError


def captured(stage: Stage, made: Made) -> list[int]:
    """What each charge of the booking has taken, those that were given back included."""
    attempts = [one for one in stage.card.attempts.values() if one.charge.booking_id == made.id]
    return [one.charge.amount.amount for one in attempts if one.status == "captured"]


@pytest.mark.parametrize("upset", list(Upset), ids=lambda upset: upset.name.lower())
async def test_whatever_answer_is_lost_a_patient_buyer_is_charged_once(
    stage: Stage, shop: Shop, sweep: Sweep, upset: Upset
) -> None:
    async def run(made: Made) -> None:
        await go_on(stage, made, [Tender(GOOD_CARD)])
        assert await assert_settled(stage, made) == "paid"
        assert captured(stage, made) == [DUE]

    assert await walk(stage, shop, sweep, upset, run) >= 3, "prepare, authorize, capture"
    await assert_books_agree(stage)


@pytest.mark.parametrize("upset", list(Upset), ids=lambda upset: upset.name.lower())
async def test_whatever_answer_is_lost_a_buyer_who_goes_away_has_tickets_or_money(
    stage: Stage, shop: Shop, sweep: Sweep, upset: Upset
) -> None:
    ends = set()

    async def run(made: Made) -> None:
        await leave_it(stage, made, [Tender(GOOD_CARD)])
        ends.add(await assert_settled(stage, made))
        assert sum(captured(stage, made)) == stage.card.taken(made.id)

    await walk(stage, shop, sweep, upset, run)
    assert ends <= {"paid", "expired"}
    assert "paid" in ends
    await assert_books_agree(stage)


@pytest.mark.parametrize("upset", list(Upset), ids=lambda upset: upset.name.lower())
async def test_whatever_answer_is_lost_behind_a_challenge_the_buyer_is_charged_once(
    stage: Stage, shop: Shop, sweep: Sweep, upset: Upset
) -> None:
    async def run(made: Made) -> None:
        await go_on(stage, made, [Tender(CHALLENGED_CARD)])
        stage.card.answer_challenge(made.id, passed=True)
        stage.clock.advance(seconds=61)
        await reconcile.reconcile(stage.world)
        assert await assert_settled(stage, made) == "paid"
        assert captured(stage, made) == [DUE]

    assert await walk(stage, shop, sweep, upset, run) >= 4, "prepare, authorize, lookup, capture"


@pytest.mark.parametrize("upset", list(Upset), ids=lambda upset: upset.name.lower())
async def test_whatever_answer_is_lost_two_means_pay_together_or_neither_does(
    stage: Stage, shop: Shop, sweep: Sweep, upset: Upset
) -> None:
    async def run(made: Made) -> None:
        pin = await an_account(stage, shop, 20_000, handset=FRIEND)
        before = await balance(stage, FRIEND)
        await go_on(stage, made, [prepaid(FRIEND, pin, 20_000), Tender(GOOD_CARD)])
        assert await assert_settled(stage, made) == "paid"
        assert captured(stage, made) == [DUE - 20_000]
        assert await balance(stage, FRIEND) == before - 20_000

    assert await walk(stage, shop, sweep, upset, run) >= 3
    await assert_books_agree(stage)


@pytest.mark.parametrize("upset", list(Upset), ids=lambda upset: upset.name.lower())
async def test_whatever_answer_is_lost_a_refused_part_takes_nothing_of_the_others(
    stage: Stage, shop: Shop, sweep: Sweep, upset: Upset
) -> None:
    """The e-money is too little for its part: the card's reservation is undone, however often that takes."""

    async def run(made: Made) -> None:
        pin = await an_account(stage, shop, 1, handset=FRIEND)
        before = await balance(stage, FRIEND)
        await go_on(stage, made, [prepaid(FRIEND, pin, 20_000), Tender(GOOD_CARD)], rounds=2)
        assert await assert_settled(stage, made) == "held"
        assert captured(stage, made) == []
        assert await balance(stage, FRIEND) == before

    assert await walk(stage, shop, sweep, upset, run) >= 3, "prepare, authorize, void"


# --- the issuer is another party too --------------------------------------------------------------------------------


class FarIssuer:
    """An issuer of which one call goes wrong: it is away before it did what was asked, or after."""

    def __init__(self, issuer: Issuer, *, after: bool) -> None:
        self._issuer, self._after, self.name = issuer, after, issuer.name
        self.calls: list[str] = []
        self.wrong = 0

    def __getattr__(self, verb: str) -> Any:
        call = getattr(self._issuer, verb)

        async def asked(*args: Any, **names: Any) -> Any:
            self.calls.append(verb)
            wrong = len(self.calls) == self.wrong
            if wrong and not self._after:
                raise IssuerAway("The issuer does not answer.")
            outcome = await call(*args, **names)
            if wrong:
                raise IssuerAway("The issuer does not answer.")
            return outcome

        return asked


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("case", ["card", "lost", "challenged", "refused", "both"])
async def test_whatever_answer_of_the_issuer_is_lost_the_sale_is_whole_or_not(
    stage: Stage, shop: Shop, case: str, *, after: bool
) -> None:
    voucher, voucher_id = await a_voucher(stage, shop)
    taken_before = stage.card.taken()
    tenders = {
        "card": [Tender(GOOD_CARD)],
        "lost": [Tender(GOOD_CARD)],
        "challenged": [Tender(CHALLENGED_CARD)],
        "refused": [Tender(BAD_CARD)],
        "both": [Tender(voucher, won(1_000)), Tender(GOOD_CARD)],
    }[case]
    local = stage.world.issuers["local"]
    for number in range(1, CALLS_MAX):
        made = await a_booking(stage, shop)
        far = FarIssuer(local, after=after)
        far.wrong = number
        stage.world.payments["voucher"]._issuers["local"] = far  # type: ignore[attr-defined]  # for this one test
        world, stage.world = stage.world, replace(stage.world, issuers={"local": far})
        if case == "lost":
            stage.card.upset("authorize", Upset.LOST_AFTER)
        left = await left_on(stage, voucher_id)
        await go_on(stage, made, tenders, rounds=2 if case == "refused" else ROUNDS)
        stage.world = world
        assert await assert_settled(stage, made) == ("held" if case == "refused" else "paid")
        assert await left_on(stage, voucher_id) == left - (1_000 if case == "both" else 0)
        if len(far.calls) < number:
            break
    assert len(far.calls) == number - 1
    await assert_books_agree(stage)
    assert stage.card.taken() - taken_before == (0 if case == "refused" else number * (DUE - 1_000 * (case == "both")))


async def test_while_the_issuer_is_away_the_money_waits_and_the_buyer_is_told_so(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    away = FarIssuer(stage.world.issuers["local"], after=False)
    away.wrong = 1
    world = replace(stage.world, issuers={"local": away})

    assert await pay.pay(world, made.id, [Tender(GOOD_CARD)]) == pay.Pending()
    assert await stage.value("SELECT state FROM payment") == "authorized"
    assert stage.card.taken() == 0, "only reserved"

    stage.clock.advance(seconds=3)
    assert await resume(world, made.id) == pay.Paid()
    assert await assert_settled(stage, made) == "paid"
