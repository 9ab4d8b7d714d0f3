"""What every way to be paid promises, whichever network stands behind it.

A further provider joins with one line in PROVIDERS: a function from a place to a context that gives a `Contract`. What
card networks promise beyond this, over real sockets and on bad days, is in `card_network_contract`.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from billing_carrier_kit import a_carrier
from builders import BUYER, FRIEND, a_catalogue, a_stage, an_account, an_issuer
from fakes import DECLINES, GOOD_CARD, UNKNOWN_CARD, FakeCard
from payment_network_kit import SECRET, a_network
from postgres import Cluster
from pydantic import SecretStr
from voucher_contract_kit import FACE, OnTheBooks, a_shop, two_vouchers

from app.domain.handset import Handset
from app.domain.money import Money
from app.payments.stripe import Stripe, StripeSettings
from app.ports import (
    Authorized,
    Captured,
    CardToken,
    CarrierBill,
    Charge,
    Decline,
    Instrument,
    PaymentProvider,
    Prepaid,
    Prepared,
    Refunded,
    Refused,
    Unknown,
    Voided,
    Voucher,
)

WON = Money(15_000, "KRW")
ISSUER = UUID(int=1)
BARRED = Handset("+821066660000")
keys = (f"pay-{number}" for number in itertools.count(1))


@dataclass(frozen=True)
class Contract:
    """A provider, what to pay it with, and an independent look at what its network holds."""

    provider: PaymentProvider
    pays: Instrument
    refused: Mapping[Decline, Instrument]
    taken: Callable[[], Awaitable[int]]
    """Minor units that the network has taken and not given back, over all payments."""
    remembers_refusals: bool = True
    """Whether a look-up tells why an attempt was refused; a ledger keeps only what it did."""


@dataclass(frozen=True)
class Place:
    """Where a provider's network may live for one test."""

    folder: Path
    cluster: Cluster


def a_charge(instrument: Instrument, amount: Money = WON) -> Charge:
    return Charge(next(keys), amount, issuer_id=ISSUER, booking_id=UUID(int=2), instrument=instrument)


# --- providers ------------------------------------------------------------------------------------------------------


def by_card(http: httpx.AsyncClient, base_url: str) -> Contract:
    authorized = {"Authorization": f"Bearer {SECRET}"}

    async def total(path: str, member: str) -> int:
        found = (await http.get(f"{base_url}{path}?limit=100", headers=authorized)).json()
        assert not found["has_more"]
        return sum(thing[member] for thing in found["data"])

    async def taken() -> int:
        return await total("/v1/payment_intents", "amount_received") - await total("/v1/refunds", "amount")

    return Contract(
        Stripe(http, StripeSettings(base_url, SecretStr(SECRET)), chance=lambda: 0.0),
        pays=CardToken("pm_card_visa"),
        refused={
            Decline.DECLINED: CardToken("pm_card_chargeDeclined"),
            Decline.INSUFFICIENT_FUNDS: CardToken("pm_card_chargeDeclinedInsufficientFunds"),
            Decline.EXPIRED: CardToken("pm_card_chargeDeclinedExpiredCard"),
            Decline.INVALID: CardToken("pm_never_made"),
        },
        taken=taken,
    )


@asynccontextmanager
async def stripe_in_process(place: Place) -> AsyncIterator[Contract]:
    async with a_network(place.folder) as network:
        yield by_card(network.http, "http://network.test")


@asynccontextmanager
async def fake_card(place: Place) -> AsyncIterator[Contract]:
    """What the flows are tested with keeps the same promises."""
    del place  # it lives in memory
    card = FakeCard()

    async def taken() -> int:
        return card.taken()

    yield Contract(
        card,
        pays=GOOD_CARD,
        refused={reason: CardToken(token) for token, reason in DECLINES.items()} | {Decline.INVALID: UNKNOWN_CARD},
        taken=taken,
    )


@asynccontextmanager
async def emoney_ledger(place: Place) -> AsyncIterator[Contract]:
    async with place.cluster.database() as url:
        stage = a_stage(url)
        shop = await a_catalogue(stage, an_issuer())
        await stage.sql("UPDATE issuer SET id = :id", id=ISSUER)
        shop.issuer = ISSUER
        pin, poor = await an_account(stage, shop, 1_000_000), await an_account(stage, shop, 1, handset=FRIEND)

        async def taken() -> int:
            return int(await stage.value("SELECT 1000000 - balance FROM account WHERE handset = :h", h=BUYER))

        yield Contract(
            stage.world.payments["emoney"],
            pays=Prepaid(BUYER, pin),
            refused={
                Decline.INSUFFICIENT_FUNDS: Prepaid(FRIEND, poor),
                Decline.WRONG_PIN: Prepaid(FRIEND, f"{(int(poor) + 1) % 10**6:06}"),
                Decline.INVALID: CardToken("pm_card_visa"),
            },
            taken=taken,
            remembers_refusals=False,
        )
        await stage.close()
        await stage.database.close()


@asynccontextmanager
async def vouchers(place: Place) -> AsyncIterator[Contract]:
    async with place.cluster.database() as url:
        stage = a_stage(url)
        shop = await a_shop(stage)
        (voucher, rich), (poor, nearly_empty) = await two_vouchers(stage, shop)
        await stage.sql("UPDATE credential SET balance = 1 WHERE ticket_id = :id", id=nearly_empty)

        async def taken() -> int:
            return FACE - int(await stage.value("SELECT balance FROM credential WHERE ticket_id = :id", id=rich))

        yield Contract(
            OnTheBooks(stage, shop),
            pays=voucher,
            refused={
                Decline.INSUFFICIENT_FUNDS: poor,
                Decline.WRONG_PIN: Voucher(poor.number, f"{(int(poor.pin) + 1) % 10**6:06}"),
                Decline.INVALID: CardToken("pm_card_visa"),
            },
            taken=taken,
            remembers_refusals=False,
        )
        await stage.close()
        await stage.database.close()


@asynccontextmanager
async def carrier_billing(place: Place) -> AsyncIterator[Contract]:
    async with a_carrier(place.folder, monthly_limit=200_000) as carrier:
        await carrier.subscriber(FRIEND, spent=199_999)
        await carrier.subscriber(BARRED, state="barred")
        yield Contract(
            carrier.provider,
            pays=CarrierBill(BUYER),
            refused={Decline.INSUFFICIENT_FUNDS: CarrierBill(FRIEND), Decline.INVALID: CarrierBill(BARRED)},
            taken=carrier.taken,
        )


PROVIDERS: Mapping[str, Callable[[Place], AbstractAsyncContextManager[Contract]]] = {
    "stripe": stripe_in_process,
    "e-money": emoney_ledger,
    "voucher": vouchers,
    "phone bill": carrier_billing,
    "the tests' own card network": fake_card,
}


RESERVING = pytest.mark.parametrize(
    "contract", [name for name in PROVIDERS if name not in {"e-money", "voucher"}], indirect=True
)
"""For promises about money that is reserved: what we keep ourselves is taken at once, so nothing is left to void."""


@pytest.fixture(params=PROVIDERS)
async def contract(request: pytest.FixtureRequest, tmp_path: Path, cluster: Cluster) -> AsyncIterator[Contract]:
    async with PROVIDERS[request.param](Place(tmp_path, cluster)) as running:
        yield running


async def prepared(contract: Contract, charge: Charge) -> str | None:
    outcome = await contract.provider.prepare(charge)
    assert isinstance(outcome, Prepared), outcome
    return outcome.reference


async def authorized(contract: Contract, charge: Charge) -> str:
    """The reference of a payment whose money is reserved, or taken where the network cannot reserve."""
    outcome = await contract.provider.authorize(charge, reference=await prepared(contract, charge))
    assert isinstance(outcome, Authorized | Captured), outcome
    return outcome.reference


async def captured(contract: Contract, charge: Charge) -> str:
    """The reference of a payment whose money is taken."""
    outcome = await contract.provider.authorize(charge, reference=await prepared(contract, charge))
    if isinstance(outcome, Authorized):
        taken = await contract.provider.capture(reference=outcome.reference, amount=charge.amount, key=charge.key)
        assert taken == Captured(outcome.reference)
        return outcome.reference
    assert isinstance(outcome, Captured), outcome
    return outcome.reference


async def reserved(contract: Contract, charge: Charge) -> str:
    """As `authorized`, at a network that reserves."""
    outcome = await contract.provider.authorize(charge, reference=await prepared(contract, charge))
    assert isinstance(outcome, Authorized), outcome
    return outcome.reference


# --- the promises ---------------------------------------------------------------------------------------------------


async def test_preparing_takes_nothing_and_finds_the_same_attempt_again(contract: Contract) -> None:
    charge = a_charge(contract.pays)

    first = await prepared(contract, charge)

    assert await prepared(contract, charge) == first
    assert await contract.taken() == 0
    assert await contract.provider.lookup(reference=first, key=charge.key) == Prepared(first)


async def test_two_attempts_are_two_payments(contract: Contract) -> None:
    first = await captured(contract, a_charge(contract.pays))
    second = await captured(contract, a_charge(contract.pays))

    assert first != second
    assert await contract.taken() == 2 * WON.amount


async def test_the_whole_price_is_taken_once_however_often_it_is_asked_for(contract: Contract) -> None:
    charge = a_charge(contract.pays)
    reference = await prepared(contract, charge)

    outcomes = [await contract.provider.authorize(charge, reference=reference) for _ in range(3)]
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert isinstance(outcomes[0], Authorized | Captured)
    for _ in range(3):
        again = await contract.provider.capture(reference=outcomes[0].reference, amount=WON, key=charge.key)
        assert again == Captured(outcomes[0].reference)

    assert await contract.taken() == WON.amount
    assert await contract.provider.lookup(reference=reference, key=charge.key) == Captured(outcomes[0].reference)


async def test_every_reason_to_refuse_is_told_and_takes_nothing(contract: Contract) -> None:
    for reason, instrument in contract.refused.items():
        charge = a_charge(instrument)
        outcome: object = await contract.provider.prepare(charge)
        if isinstance(outcome, Prepared):
            reference = outcome.reference
            outcome = await contract.provider.authorize(charge, reference=reference)
            looked_up = await contract.provider.lookup(reference=reference, key=charge.key)
            if contract.remembers_refusals:
                assert isinstance(looked_up, Refused)
                assert looked_up.reason is reason
            else:
                assert isinstance(looked_up, Prepared)

        assert isinstance(outcome, Refused), outcome
        assert (outcome.reason, bool(outcome.detail)) == (reason, True)

    assert await contract.taken() == 0


async def test_a_refusal_is_the_same_refusal_when_asked_again(contract: Contract) -> None:
    charge = a_charge(contract.refused[Decline.INSUFFICIENT_FUNDS])
    reference = await prepared(contract, charge)

    first = await contract.provider.authorize(charge, reference=reference)

    assert isinstance(first, Refused)
    assert await contract.provider.authorize(charge, reference=reference) == first


async def test_after_a_refusal_a_fresh_attempt_pays(contract: Contract) -> None:
    refused = a_charge(contract.refused[Decline.INSUFFICIENT_FUNDS])
    await contract.provider.authorize(refused, reference=await prepared(contract, refused))

    await captured(contract, a_charge(contract.pays))

    assert await contract.taken() == WON.amount


@RESERVING
async def test_reserved_money_is_given_back_by_voiding_as_often_as_asked(contract: Contract) -> None:
    charge = a_charge(contract.pays)
    reference = await reserved(contract, charge)

    for _ in range(2):
        assert await contract.provider.void(reference=reference, key=charge.key) == Voided(reference)

    assert await contract.taken() == 0
    assert await contract.provider.lookup(reference=reference, key=charge.key) == Voided(reference)


@RESERVING
async def test_what_was_voided_cannot_be_taken(contract: Contract) -> None:
    charge = a_charge(contract.pays)
    reference = await reserved(contract, charge)
    await contract.provider.void(reference=reference, key=charge.key)

    outcome = await contract.provider.capture(reference=reference, amount=WON, key=charge.key)

    assert isinstance(outcome, Refused)
    assert await contract.taken() == 0


@RESERVING
async def test_what_was_taken_cannot_be_voided(contract: Contract) -> None:
    charge = a_charge(contract.pays)
    await reserved(contract, a_charge(contract.pays))
    reference = await captured(contract, charge)

    assert isinstance(await contract.provider.void(reference=reference, key=charge.key), Refused)
    assert await contract.taken() == WON.amount


async def test_a_refund_gives_back_once_however_often_it_is_asked_for(contract: Contract) -> None:
    reference = await captured(contract, a_charge(contract.pays))
    part = Money(5_000, "KRW")

    first = await contract.provider.refund(reference=reference, amount=part, key="refund-1")

    assert isinstance(first, Refunded)
    assert await contract.provider.refund(reference=reference, amount=part, key="refund-1") == first
    assert await contract.provider.lookup_refund(reference=first.reference) == first
    assert await contract.taken() == WON.amount - part.amount


async def test_never_more_is_given_back_than_was_taken(contract: Contract) -> None:
    reference = await captured(contract, a_charge(contract.pays))
    await contract.provider.refund(reference=reference, amount=Money(10_000, "KRW"), key="refund-1")

    beyond = await contract.provider.refund(reference=reference, amount=Money(5_001, "KRW"), key="refund-2")
    rest = await contract.provider.refund(reference=reference, amount=Money(5_000, "KRW"), key="refund-3")

    assert isinstance(beyond, Refused)
    assert isinstance(rest, Refunded)
    assert await contract.taken() == 0


async def test_an_attempt_that_nobody_made_is_never_said_to_be_paid(contract: Contract) -> None:
    outcome = await contract.provider.lookup(reference="pi_nobodymadethis", key="pay-nobody")

    assert isinstance(outcome, Refused | Unknown)
