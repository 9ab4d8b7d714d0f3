"""The card adapter on the network's bad days: every verb meets every fault, once and for as long as it lasts.

Whatever happens, what the adapter says is true or Unknown, and the network's own books hold one charge and one refund.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from card_network_kit import WON, CardNetwork, a_charge, prepared, reserved, taken, until

from app.domain.dispute import DisputeState
from app.domain.money import Money
from app.payments.stripe import Stripe
from app.ports import Authorized, Captured, Charge, DisputeStanding, Prepared, Refunded, Unknown, Voided

pytest_plugins = ["sandbox_card_network_plugin"]

PART = Money(5_000, "KRW")
FAULTS = (
    *("drop_before", "drop_after", "hang", "error_500_before", "error_500_after", "too_many", "unavailable"),
)  # by the names of `POST /admin/faults`
FOR_EVER = 1_000


async def nothing(network: CardNetwork, charge: Charge) -> str:
    del network, charge
    return ""


@dataclass(frozen=True)
class Verb:
    """One operation: how things stand before it, how it is asked, what it gives when all is well, what is held then."""

    operation: str
    before: Callable[[CardNetwork, Charge], Awaitable[str]]
    ask: Callable[[Stripe, Charge, str], Awaitable[object]]
    right: type
    held: int


VERBS = {
    "prepare": Verb("create", nothing, lambda stripe, charge, _: stripe.prepare(charge), Prepared, 0),
    "authorize": Verb(
        *("confirm", prepared),
        lambda stripe, charge, reference: stripe.authorize(charge, reference=reference),
        *(Authorized, 0),
    ),
    "capture": Verb(
        *("capture", reserved),
        lambda stripe, charge, reference: stripe.capture(reference=reference, amount=WON, key=charge.key),
        *(Captured, WON.amount),
    ),
    "void": Verb(
        *("cancel", reserved),
        lambda stripe, charge, reference: stripe.void(reference=reference, key=charge.key),
        *(Voided, 0),
    ),
    "refund": Verb(
        *("refund", taken),
        lambda stripe, charge, reference: stripe.refund(reference=reference, amount=PART, key=charge.key),
        *(Refunded, WON.amount - PART.amount),
    ),
    "lookup": Verb(
        *("retrieve", taken),
        lambda stripe, charge, reference: stripe.lookup(reference=reference, key=charge.key),
        *(Captured, WON.amount),
    ),
}

NEVER_KNOWN = {("prepare", "error_500_after")}
"""Stripe keeps this 500 for the key, and nobody was told the id: a new attempt has to be made, nothing is charged."""


@pytest.fixture
def what() -> str:
    """The fault of a test that names none by a parameter."""
    return ""


@pytest.fixture
def stripe(network: CardNetwork, what: str) -> Stripe:
    """An adapter that does not wait between tries. With a network that hangs it has little patience as well."""
    patience = {"read_seconds": 0.06} if what == "hang" else {}
    return network.over(network.http, backoff_seconds=0, **patience)


async def comes_right(stripe: Stripe, name: str, what: str, charge: Charge, reference: str) -> None:
    """Asked again after the bad day, the verb gives what it should; while what hung is still being done, soon."""
    verb = VERBS[name]
    if (name, what) in NEVER_KNOWN:
        assert isinstance(await verb.ask(stripe, charge, reference), Unknown)
        return

    async def look() -> object:
        again = await verb.ask(stripe, charge, reference)
        assert isinstance(again, verb.right | Unknown)
        assert isinstance(again, verb.right) or what == "hang", again
        return again if isinstance(again, verb.right) else None

    await until(look, f"{name} never came right after {what}")


@pytest.mark.parametrize("what", FAULTS)
@pytest.mark.parametrize("name", VERBS)
async def test_a_fault_that_comes_once_is_overcome_or_owned_up_to(
    network: CardNetwork, stripe: Stripe, name: str, what: str
) -> None:
    verb, charge = VERBS[name], a_charge(network.cards.good)
    reference = await verb.before(network, charge)

    await network.script(verb.operation, what, times=1)
    outcome = await verb.ask(stripe, charge, reference)
    await network.heal()

    # A request that hangs may be carried out at any time yet, so only a question that is asked again is known.
    lost = what == "hang" or (name, what) in NEVER_KNOWN
    assert isinstance(outcome, Unknown if lost else verb.right), outcome
    await comes_right(stripe, name, what, charge, reference)
    assert await network.taken(charge) == verb.held


@pytest.mark.parametrize("what", FAULTS)
@pytest.mark.parametrize("name", VERBS)
async def test_while_the_network_is_broken_nothing_is_said_and_afterwards_everything_is_right(
    network: CardNetwork, stripe: Stripe, name: str, what: str
) -> None:
    verb, charge = VERBS[name], a_charge(network.cards.good)
    reference = await verb.before(network, charge)

    await network.script("any", what, times=FOR_EVER)
    outcome = await verb.ask(stripe, charge, reference)
    await network.heal()

    assert isinstance(outcome, Unknown), outcome
    await comes_right(stripe, name, what, charge, reference)
    assert await network.taken(charge) == verb.held


@pytest.mark.parametrize("what", ["drop_after", "error_500_after"])
@pytest.mark.parametrize("name", ["authorize", "capture", "void", "refund"])
async def test_what_was_done_is_found_though_its_answer_never_comes(
    network: CardNetwork, stripe: Stripe, name: str, what: str
) -> None:
    verb, charge = VERBS[name], a_charge(network.cards.good)
    reference = await verb.before(network, charge)

    await network.script(verb.operation, what, times=FOR_EVER)
    outcome = await verb.ask(stripe, charge, reference)
    await network.heal()

    assert isinstance(outcome, verb.right), outcome
    assert await network.taken(charge) == verb.held


@pytest.mark.parametrize("what", ["drop_before", "drop_after", "error_500_after", "too_many"])
async def test_evidence_is_handed_in_once_whatever_becomes_of_the_answer(
    network: CardNetwork, stripe: Stripe, what: str
) -> None:
    reference = await taken(network, a_charge(network.cards.disputed))
    dispute = await network.dispute_of(reference)
    evidence = {"access_activity_log": "Admitted at gate 3."}

    await network.script("any", what, times=1)
    outcome = await stripe.defend(reference=dispute, evidence=evidence, key=dispute)

    assert isinstance(outcome, DisputeStanding)
    assert outcome.state is DisputeState.UNDER_REVIEW
    assert await stripe.defend(reference=dispute, evidence=evidence, key=dispute) == outcome
    held = await network.read(f"/v1/disputes/{dispute}")
    assert held["evidence_details"]["submission_count"] == 1
    assert held["evidence"]["access_activity_log"] == "Admitted at gate 3."


async def test_books_that_break_off_are_not_told_and_soon_after_they_are(network: CardNetwork, stripe: Stripe) -> None:
    reference = await taken(network, a_charge(network.cards.good))
    day = datetime.now(UTC).date()

    await network.script("any", "unavailable", times=FOR_EVER)
    assert isinstance(await stripe.movements(day=day), Unknown)
    await network.heal()

    found = [await stripe.movements(day=one) for one in (day, day + timedelta(days=1))]  # it may be midnight just now
    assert reference in {one.payment_reference for some in found if not isinstance(some, Unknown) for one in some}


async def test_a_burnt_key_charges_nothing_and_the_next_attempt_pays(network: CardNetwork, stripe: Stripe) -> None:
    burnt, next_one = a_charge(network.cards.good), a_charge(network.cards.good)
    await network.script("create", "error_500_after", times=1)
    assert isinstance(await stripe.prepare(burnt), Unknown)
    await network.heal()

    await taken(network, next_one)

    assert await network.taken(burnt) == 0
    assert await network.taken(next_one) == WON.amount


async def test_a_void_whose_key_the_network_has_forgotten_is_found_by_asking(
    network: CardNetwork, stripe: Stripe
) -> None:
    charge = a_charge(network.cards.good)
    reference = await reserved(network, charge)
    await network.script("any", "drop_after", times=FOR_EVER)
    assert isinstance(await stripe.void(reference=reference, key=charge.key), Unknown)
    await network.heal()

    # Another key stands for one that is older than a day: its answer is a 400 about the state.
    assert await stripe.void(reference=reference, key=f"{charge.key}-later") == Voided(reference)


async def test_a_refund_whose_key_the_network_has_forgotten_is_not_made_twice(
    network: CardNetwork, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    charge = a_charge(network.cards.good)
    reference = await taken(network, charge)
    first = await stripe.refund(reference=reference, amount=PART, key=charge.key)

    post = stripe._wire.post

    async def with_a_fresh_key(path: str, fields: dict[str, str], *, key: str) -> object:
        return await post(path, fields, key=f"{key}-forgotten")

    monkeypatch.setattr(stripe._wire, "post", with_a_fresh_key)

    assert await stripe.refund(reference=reference, amount=PART, key=charge.key) == first
    assert await network.taken(charge) == WON.amount - PART.amount
