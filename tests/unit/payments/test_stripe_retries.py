"""The Stripe adapter's patience: what is tried again, with which key, how often, and when it gives up."""

from __future__ import annotations

import asyncio
from uuid import UUID

import httpx
import pytest
import respx
from pydantic import SecretStr

from app.domain.money import Money
from app.payments.stripe import Stripe, StripeSettings
from app.ports import CardToken, Charge, Prepared, Unknown

pytest_plugins = ["stripe_plugin"]

URL = "https://network.test"
INTENTS = f"{URL}/v1/payment_intents"
CHARGE = Charge("pay-1", Money(15_000, "KRW"), UUID(int=1), UUID(int=2), CardToken("pm_card_visa"))
MADE = httpx.Response(
    200,
    json={
        "object": "payment_intent",
        "id": "pi_1",
        "amount": 15_000,
        "currency": "krw",
        "status": "requires_confirmation",
    },
)


class Naps:
    """A sleep that takes no time and remembers how long it was asked for."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture
def stripe(http: httpx.AsyncClient, naps: Naps) -> Stripe:
    return Stripe(http, StripeSettings(URL, SecretStr("sk_test_x")), chance=lambda: 0.5, sleep=naps)


@pytest.mark.parametrize(
    "first",
    [
        httpx.Response(409, json={}),
        httpx.Response(429, json={}),
        httpx.Response(500, json={}),
        httpx.Response(503, text="busy"),
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.PoolTimeout("full"),
        # A kept connection that the network had closed looks like this, and so does a lost answer: the key decides.
        httpx.ReadError("cut"),
        httpx.RemoteProtocolError("hung up"),
        httpx.Response(400, headers={"Stripe-Should-Retry": "true"}, json={}),
    ],
    ids=str,
)
@respx.mock
async def test_what_may_pass_is_tried_again_with_the_same_key_and_body(
    stripe: Stripe, naps: Naps, first: httpx.Response | Exception
) -> None:
    route = respx.post(INTENTS).mock(side_effect=[first, MADE])

    assert await stripe.prepare(CHARGE) == Prepared("pi_1")

    requests = [call.request for call in route.calls]
    assert [request.headers["idempotency-key"] for request in requests] == ["pay-1-create"] * 2
    assert requests[0].content == requests[1].content
    assert naps.seconds == [0.125]


@pytest.mark.parametrize("fault", [httpx.ReadTimeout("slow"), httpx.WriteTimeout("slow")], ids=str)
@respx.mock
async def test_a_request_that_took_all_its_time_is_unknown_at_once(
    stripe: Stripe, naps: Naps, fault: Exception
) -> None:
    route = respx.post(INTENTS).mock(side_effect=fault)

    assert isinstance(await stripe.prepare(CHARGE), Unknown)
    assert route.call_count == 1
    assert naps.seconds == []


@pytest.mark.parametrize(
    "fault", [httpx.ReadError("cut"), httpx.Response(500, json={}), httpx.Response(503, json={})], ids=str
)
@respx.mock
async def test_an_imitation_may_not_heed_keys_so_what_may_have_arrived_is_never_sent_again(
    http: httpx.AsyncClient, naps: Naps, fault: httpx.Response | Exception
) -> None:
    settings = StripeSettings(URL, SecretStr("sk_test_x"), minimal_params=True)
    route = respx.post(INTENTS).mock(side_effect=[fault])

    assert isinstance(await Stripe(http, settings, chance=lambda: 0.5, sleep=naps).prepare(CHARGE), Unknown)
    assert route.call_count == 1


@respx.mock
async def test_what_surely_did_not_arrive_is_sent_again_to_an_imitation_too(
    http: httpx.AsyncClient, naps: Naps
) -> None:
    settings = StripeSettings(URL, SecretStr("sk_test_x"), minimal_params=True)
    busy = httpx.Response(429, json={})
    respx.post(INTENTS).mock(side_effect=[httpx.ConnectError("refused"), busy, MADE])

    assert await Stripe(http, settings, chance=lambda: 0.5, sleep=naps).prepare(CHARGE) == Prepared("pi_1")


@respx.mock
async def test_a_question_is_repeated_whoever_is_asked(http: httpx.AsyncClient, naps: Naps) -> None:
    settings = StripeSettings(URL, SecretStr("sk_test_x"), minimal_params=True)
    respx.get(f"{INTENTS}/pi_1").mock(side_effect=[httpx.ReadError("cut"), httpx.Response(500), MADE])
    stripe = Stripe(http, settings, chance=lambda: 0.5, sleep=naps)

    assert await stripe.lookup(reference="pi_1", key="pay-1") == Prepared("pi_1")


@respx.mock
async def test_the_networks_own_word_that_a_further_try_is_useless_counts(stripe: Stripe) -> None:
    route = respx.post(INTENTS).respond(500, headers={"Stripe-Should-Retry": "false"}, json={})

    assert isinstance(await stripe.prepare(CHARGE), Unknown)
    assert route.call_count == 1


@respx.mock
async def test_the_number_of_tries_is_bounded_and_their_waits_double(stripe: Stripe, naps: Naps) -> None:
    route = respx.post(INTENTS).respond(503)

    assert await stripe.prepare(CHARGE) == Unknown("the network answered 503")
    assert route.call_count == 4
    assert naps.seconds == [0.125, 0.25, 0.5]


@respx.mock
async def test_a_network_that_cannot_be_reached_is_unknown_in_words(stripe: Stripe) -> None:
    route = respx.post(INTENTS).mock(side_effect=httpx.ConnectError)

    assert await stripe.prepare(CHARGE) == Unknown("the payment network cannot be reached")
    assert route.call_count == 4


@respx.mock
async def test_a_replayed_500_is_stored_for_good_and_not_tried_again(stripe: Stripe) -> None:
    route = respx.post(INTENTS).respond(500, headers={"Idempotent-Replayed": "true"}, json={})

    assert isinstance(await stripe.prepare(CHARGE), Unknown)
    assert route.call_count == 1


@respx.mock
async def test_an_answer_that_trickles_in_is_cut_off_by_the_total_time(http: httpx.AsyncClient) -> None:
    async def trickle(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        return MADE

    respx.post(INTENTS).mock(side_effect=trickle)
    settings = StripeSettings(URL, SecretStr("sk_test_x"), tries_seconds=0.02)

    async with asyncio.timeout(30):
        outcome = await Stripe(http, settings, chance=lambda: 0.5).prepare(CHARGE)

    assert outcome == Unknown("no answer within 0.02 s")


@respx.mock
async def test_waiting_counts_towards_the_total_time(http: httpx.AsyncClient) -> None:
    route = respx.post(INTENTS).respond(429)
    settings = StripeSettings(URL, SecretStr("sk_test_x"), tries_seconds=0.02, backoff_seconds=60)

    assert isinstance(await Stripe(http, settings, chance=lambda: 0.5).prepare(CHARGE), Unknown)
    assert route.call_count == 1


@respx.mock
async def test_the_question_that_settles_a_doubtful_answer_shares_the_total_time(http: httpx.AsyncClient) -> None:
    async def trickle(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        return MADE

    respx.post(f"{INTENTS}/pi_1/confirm").respond(400, json={})
    respx.get(f"{INTENTS}/pi_1").mock(side_effect=trickle)
    settings = StripeSettings(URL, SecretStr("sk_test_x"), tries_seconds=0.02)

    async with asyncio.timeout(30):
        outcome = await Stripe(http, settings, chance=lambda: 0.5).authorize(CHARGE, reference="pi_1")

    assert outcome == Unknown("no answer within 0.02 s")


@respx.mock
async def test_connecting_and_reading_have_their_own_timeouts(stripe: Stripe) -> None:
    route = respx.post(INTENTS).mock(return_value=MADE)

    await stripe.prepare(CHARGE)

    assert route.calls.last.request.extensions["timeout"] == {"connect": 3.0, "read": 8.0, "write": 8.0, "pool": 8.0}
