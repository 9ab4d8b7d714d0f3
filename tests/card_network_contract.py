"""What every card network promises our adapter, whoever runs it: the sandbox, an imitation, or Stripe itself.

A test module derives a class from `CardNetworkContract` and gives a fixture `network`. Where a network lacks an
ability, with the reason in its `lacks`, the scenario checks what happens instead: nothing is passed over in silence.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest
import stripe as official
from card_network_kit import (
    BACK,
    PATIENCE_SECONDS,
    REFUSALS,
    WON,
    Ability,
    CardNetwork,
    Line,
    a_charge,
    prepared,
    reserved,
    taken,
    until,
)
from pydantic import SecretStr

from app.domain.dispute import DisputeState
from app.domain.money import Money
from app.domain.refusals import NotAuthentic
from app.ports import (
    ActionRequired,
    Authorized,
    Captured,
    Decline,
    DisputeStanding,
    Movement,
    MovementKind,
    NewsKind,
    Prepared,
    Refunded,
    RefundPending,
    Refused,
    Unknown,
    Voided,
)

PART, REST = Money(5_000, "KRW"), Money(10_000, "KRW")


class CardNetworkContract:
    """The promises, one a test."""

    # --- paying -----------------------------------------------------------------------------------------------------

    async def test_money_is_reserved_and_then_taken_and_each_step_is_known(self, network: CardNetwork) -> None:
        charge = a_charge(network.cards.good)
        reference = await prepared(network, charge)
        assert await network.stripe.lookup(reference=reference, key=charge.key) == Prepared(reference)

        for _ in range(2):
            assert await network.stripe.authorize(charge, reference=reference) == Authorized(reference)
        assert await network.stripe.lookup(reference=reference, key=charge.key) == Authorized(reference)
        assert await network.taken(charge) == 0

        for _ in range(2):
            outcome = await network.stripe.capture(reference=reference, amount=WON, key=charge.key)
            assert outcome == Captured(reference)
        assert await network.stripe.lookup(reference=reference, key=charge.key) == Captured(reference)
        assert await network.taken(charge) == WON.amount

    async def test_the_same_attempt_prepared_twice_is_one_payment(self, network: CardNetwork) -> None:
        charge = a_charge(network.cards.good)

        first, second = await prepared(network, charge), await prepared(network, charge)

        assert (first == second) is (Ability.KEYS not in network.lacks)

    @pytest.mark.parametrize("reason", REFUSALS)
    async def test_a_refusal_takes_nothing_and_is_remembered(self, network: CardNetwork, reason: Decline) -> None:
        told = Decline.DECLINED if Ability.SCANT in network.lacks else reason
        charge = a_charge(getattr(network.cards, REFUSALS[reason]))
        reference = await prepared(network, charge)

        outcome = await network.stripe.authorize(charge, reference=reference)

        assert isinstance(outcome, Refused)
        assert outcome.reason is told
        assert await network.stripe.lookup(reference=reference, key=charge.key) == outcome
        assert await network.taken(charge) == 0

    async def test_reserved_money_is_let_go_for_good(self, network: CardNetwork) -> None:
        charge = a_charge(network.cards.good)
        reference = await reserved(network, charge)

        for _ in range(2):
            assert await network.stripe.void(reference=reference, key=charge.key) == Voided(reference)

        outcome = await network.stripe.capture(reference=reference, amount=WON, key=charge.key)
        assert isinstance(outcome, Refused)
        assert await network.stripe.lookup(reference=reference, key=charge.key) == Voided(reference)
        assert await network.taken(charge) == 0

    async def test_what_was_taken_can_only_be_given_back(self, network: CardNetwork) -> None:
        charge = a_charge(network.cards.good)
        reference = await taken(network, charge)

        assert isinstance(await network.stripe.void(reference=reference, key=charge.key), Refused)
        assert await network.taken(charge) == WON.amount

    async def test_without_the_right_secret_nothing_is_known(self, network: CardNetwork) -> None:
        charge = a_charge(network.cards.good)
        stranger = network.over(network.http, secret_key=SecretStr("sk_test_of_somebody_else"))

        outcome = await stranger.prepare(charge)

        assert isinstance(outcome, Prepared if Ability.SECRET in network.lacks else Unknown)

    # --- lost answers -----------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("fault", [httpx.ReadError, httpx.ReadTimeout])
    async def test_an_answer_lost_on_the_way_back_changes_nothing(
        self, network: CardNetwork, fault: type[httpx.TransportError]
    ) -> None:
        charge = a_charge(network.cards.good)
        line = Line(fault, "POST")
        async with httpx.AsyncClient(transport=line) as http:
            stripe = network.over(http)
            line.losing = 1
            made = await stripe.prepare(charge)
            reference = made.reference if isinstance(made, Prepared) else await prepared(network, charge)
            assert reference is not None
            line.losing = 1
            assert await stripe.authorize(charge, reference=reference) == Authorized(reference)
            line.losing = 1
            assert await stripe.capture(reference=reference, amount=WON, key=charge.key) == Captured(reference)
            assert await network.taken(charge) == WON.amount

            line.losing = 1
            back = await stripe.refund(reference=reference, amount=PART, key=f"{charge.key}-back")
            assert isinstance(back, Refunded)
            assert await stripe.refund(reference=reference, amount=PART, key=f"{charge.key}-back") == back
            assert await network.taken(charge) == REST.amount

    async def test_while_every_answer_is_lost_nothing_is_said_and_once_is_still_once(
        self, network: CardNetwork
    ) -> None:
        charge = a_charge(network.cards.good)
        reference = await prepared(network, charge)
        line = Line(httpx.ReadTimeout, "POST", "GET")
        async with httpx.AsyncClient(transport=line) as http:
            stripe = network.over(http)
            line.losing = 1_000
            assert isinstance(await stripe.authorize(charge, reference=reference), Unknown)
            assert isinstance(await stripe.capture(reference=reference, amount=WON, key=charge.key), Unknown)
            assert isinstance(await stripe.lookup(reference=reference, key=charge.key), Unknown)
            line.losing = 0
            assert await stripe.lookup(reference=reference, key=charge.key) == Captured(reference)
        assert await network.taken(charge) == WON.amount

    # --- 3-D Secure -------------------------------------------------------------------------------------------------

    async def test_a_challenge_without_a_way_back_is_refused_and_cancelled(self, network: CardNetwork) -> None:
        charge = a_charge(network.cards.challenged)
        reference = await prepared(network, charge)

        outcome = await network.stripe.authorize(charge, reference=reference)

        assert isinstance(outcome, Refused)
        assert await network.stripe.lookup(reference=reference, key=charge.key) == Voided(reference)

    @pytest.mark.parametrize("approved", [True, False], ids=["approved", "refused"])
    async def test_a_challenge_ends_as_the_holder_of_the_card_says(
        self, network: CardNetwork, *, approved: bool
    ) -> None:
        charge = a_charge(network.cards.challenged, return_url=BACK)
        reference = await prepared(network, charge)
        outcome = await network.stripe.authorize(charge, reference=reference)
        if Ability.CHALLENGE in network.lacks:
            assert isinstance(outcome, Refused)
            return
        assert isinstance(outcome, ActionRequired)
        assert await network.stripe.lookup(reference=reference, key=charge.key) == outcome
        if network.holder is None:
            assert Ability.HOLDER in network.lacks
            assert await network.stripe.void(reference=reference, key=charge.key) == Voided(reference)
            return

        await network.holder(outcome.url, approved)

        ended = await network.stripe.lookup(reference=reference, key=charge.key)
        assert isinstance(ended, Authorized if approved else Refused)
        again = await network.stripe.authorize(charge, reference=reference)
        assert isinstance(again, type(ended))
        assert await network.taken(charge) == 0

    # --- giving back ------------------------------------------------------------------------------------------------

    async def test_parts_and_the_rest_are_given_back_and_each_key_once(self, network: CardNetwork) -> None:
        charge = a_charge(network.cards.good)
        reference = await taken(network, charge)

        for number, amount in enumerate((PART, REST)):
            key = f"{charge.key}-back-{number}"
            first = await network.stripe.refund(reference=reference, amount=amount, key=key)
            assert isinstance(first, Refunded)
            assert await network.stripe.refund(reference=reference, amount=amount, key=key) == first
            assert await network.stripe.lookup_refund(reference=first.reference) == first

        assert await network.taken(charge) == 0

    async def test_more_than_was_taken_is_not_given_back(self, network: CardNetwork) -> None:
        charge = a_charge(network.cards.good)
        reference = await taken(network, charge)

        beyond = await network.stripe.refund(
            reference=reference, amount=Money(WON.amount + 1, "KRW"), key=f"{charge.key}-back"
        )

        if Ability.OVER_REFUND in network.lacks:
            assert isinstance(beyond, Refunded)
            return
        assert isinstance(beyond, Refused)
        assert await network.taken(charge) == WON.amount

    @pytest.mark.parametrize(
        ("card", "ending"), [("refund_pending", Refunded), ("refund_fails", Refused)], ids=["arrives", "fails"]
    )
    async def test_a_refund_that_is_not_over_is_asked_about_until_it_is(
        self, network: CardNetwork, card: str, ending: type
    ) -> None:
        charge = a_charge(getattr(network.cards, card))
        if Ability.LATE_REFUNDS in network.lacks:
            assert isinstance(await network.stripe.prepare(charge), Refused)
            return
        reference = await taken(network, charge)
        begun = await network.stripe.refund(reference=reference, amount=WON, key=f"{charge.key}-back")
        assert isinstance(begun, Refunded | RefundPending)

        async def look() -> object:
            outcome = await network.stripe.lookup_refund(reference=begun.reference)
            return outcome if isinstance(outcome, ending) else None

        await until(look, f"the refund did not end as {ending.__name__}", seconds=PATIENCE_SECONDS * 5)
        if Ability.NEWS not in network.lacks:
            assert (await network.news_of(begun.reference))[1].kind is NewsKind.REFUND

    # --- events -----------------------------------------------------------------------------------------------------

    async def test_the_official_package_and_we_believe_the_same_events(self, network: CardNetwork) -> None:
        if network.listener is None:
            assert Ability.NEWS in network.lacks
            return
        reference = await taken(network, a_charge(network.cards.good))

        posted, news = await network.news_of(reference)

        assert news.kind is NewsKind.PAYMENT
        (secret,) = (one.get_secret_value() for one in network.settings.webhook_secrets[-1:])
        event = official.Webhook.construct_event(posted.body, posted.signature, secret)
        assert event.id == news.event_id
        tampered = posted.body.replace(reference.encode(), b"pi_" + b"0" * (len(reference) - 3))
        with pytest.raises(official.SignatureVerificationError):
            official.Webhook.construct_event(tampered, posted.signature, secret)
        with pytest.raises(NotAuthentic):
            network.stripe.news(tampered, posted.signature, now=posted.signed_at)

    # --- disputes and books -----------------------------------------------------------------------------------------

    async def test_a_dispute_takes_the_money_until_our_evidence_wins(self, network: CardNetwork) -> None:
        if Ability.DISPUTES in network.lacks:
            assert isinstance(await network.stripe.dispute(reference="dp_none"), Unknown)
            return
        reference = await taken(network, a_charge(network.cards.disputed))

        standing = await network.stripe.dispute(reference=await network.dispute_of(reference))

        assert isinstance(standing, DisputeStanding)
        assert (standing.payment_reference, standing.amount) == (reference, WON)
        assert (standing.state, standing.withdrawn) == (DisputeState.OPEN, True)
        assert standing.due_by is not None

        evidence = {"uncategorized_text": "winning_evidence", "access_activity_log": "Admitted at gate 3."}
        answered = await network.stripe.defend(reference=standing.reference, evidence=evidence, key=standing.reference)
        assert isinstance(answered, DisputeStanding)
        assert answered.state in {DisputeState.UNDER_REVIEW, DisputeState.WON}

        async def won() -> DisputeStanding | None:
            now = await network.stripe.dispute(reference=standing.reference)
            assert isinstance(now, DisputeStanding)
            return now if (now.state, now.withdrawn) == (DisputeState.WON, False) else None

        await until(won, "the dispute was not won", seconds=PATIENCE_SECONDS * 5)
        if Ability.NEWS not in network.lacks:
            assert (await network.news_of(standing.reference))[1].kind is NewsKind.DISPUTE

    async def test_the_books_of_a_day_name_each_payment_and_what_moved(self, network: CardNetwork) -> None:
        today = datetime.now(UTC).date()
        if Ability.BOOKS in network.lacks:
            assert isinstance(await network.stripe.movements(day=today), Unknown)
            return
        charge = a_charge(network.cards.good)
        reference = await taken(network, charge)
        await network.stripe.refund(reference=reference, amount=PART, key=f"{charge.key}-back")

        found: list[Movement] = []
        for day in (today, today + timedelta(days=1)):  # it may be midnight just now
            movements = await network.stripe.movements(day=day)
            assert not isinstance(movements, Unknown), movements
            found += [one for one in movements if one.payment_reference == reference]

        assert [(one.kind, one.amount, one.currency) for one in found] == [
            (MovementKind.CHARGE, WON.amount, "KRW"),
            (MovementKind.REFUND, -PART.amount, "KRW"),
        ]
