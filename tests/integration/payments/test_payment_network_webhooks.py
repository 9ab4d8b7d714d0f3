"""Webhooks of the sandbox network: signed, owed until acknowledged, and judged by the official client library."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import stripe
from payment_network_kit import SECRET, Network, SetClock, a_network, network_settings
from pydantic import SecretStr

from app.payments.sandbox import create_network

HOOKS = "https://shop.test/hooks"
SIGNING = "whsec_configured"
PAID = ["payment_intent.created", "payment_intent.succeeded"]
STALE = 10**9
"""Tolerance in seconds for the library, which compares with the machine's clock; ours is set."""


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    async with a_network(
        tmp_path, webhook_urls=(HOOKS,), webhook_secrets=(SecretStr(SIGNING),), later_seconds=60
    ) as running:
        yield running


def verified(request: httpx.Request, secret: str) -> stripe.Event:
    event: stripe.Event = stripe.Webhook.construct_event(
        request.content, request.headers["stripe-signature"], secret, tolerance=STALE
    )
    return event


async def test_the_official_library_believes_our_signature_and_no_other(network: Network) -> None:
    intent_id = await network.a_paid_intent()
    await network.ear.hears(2)

    for request in network.ear.heard:
        event = verified(request, SIGNING)
        assert (event.object, event.livemode, event.data.object["id"]) == ("event", False, intent_id)
        with pytest.raises(stripe.SignatureVerificationError):
            verified(request, "whsec_other")
        request.headers["stripe-signature"] = re.sub(r"t=\d+", "t=1", request.headers["stripe-signature"])
        with pytest.raises(stripe.SignatureVerificationError):
            verified(request, SIGNING)
    assert sorted(network.ear.types) == PAID


async def test_an_event_on_the_wire_is_the_event_of_the_api(network: Network) -> None:
    await network.post(
        "/v1/payment_intents", {"amount": 100, "currency": "krw", "payment_method": "pm_card_visa"}, key="sale-1"
    )
    await network.ear.hears(1)

    (told,) = network.ear.events
    kept = await network.get(f"/v1/events/{told['id']}")
    assert told.pop("pending_webhooks") == 1
    assert kept.pop("pending_webhooks") in {0, 1}  # the acknowledgement is on its way to the disk
    assert told == kept
    assert told["request"]["idempotency_key"] == "sale-1"
    assert told["created"] == int(network.clock.time.timestamp())


async def test_an_event_is_owed_until_it_is_acknowledged_with_growing_waits(network: Network) -> None:
    network.ear.answers = [500, httpx.ConnectError("nobody there"), 302]
    await network.an_intent()
    await network.settle()

    for wait, heard in ((9, 1), (1, 2), (59, 2), (1, 3), (300, 4)):
        await network.pass_(seconds=wait)
        assert len(network.ear.heard) == heard
    await network.settle()

    await network.pass_(days=4)
    await network.settle()
    assert len(network.ear.heard) == 4
    assert len({event["id"] for event in network.ear.events}) == 1


async def test_a_fault_of_the_networks_own_waits_like_any_other(network: Network) -> None:
    network.ear.answers = [RuntimeError("a mistake of ours")]
    await network.an_intent()
    await network.settle()
    await network.pass_(seconds=9)
    assert len(network.ear.heard) == 1

    await network.pass_(seconds=1)

    assert len(network.ear.heard) == 2
    assert (await network.listed("/v1/events"))[0]["pending_webhooks"] == 0


async def test_each_try_is_signed_at_its_own_time(network: Network) -> None:
    network.ear.answers = [500]
    await network.an_intent()
    await network.ear.hears(1)
    await network.settle()
    await network.pass_(seconds=10)
    await network.ear.hears(2)

    first, second = (request.headers["stripe-signature"].partition(",")[0] for request in network.ear.heard)
    assert int(second.removeprefix("t=")) - int(first.removeprefix("t=")) == 10


async def test_after_three_days_an_event_is_given_up_and_stays_in_the_list(network: Network) -> None:
    network.ear.answers = [500] * 100
    await network.an_intent()
    await network.ear.hears(1)
    for tried in range(2, 30):
        await network.settle()
        await network.pass_(hours=12)
        if not (await network.listed("/v1/events"))[0]["pending_webhooks"]:
            break
        await network.ear.hears(tried)
    else:
        pytest.fail("it was never given up")

    passed = network.clock.time - datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
    assert 2.5 <= passed.total_seconds() / 86_400 <= 3.5


async def test_the_waits_can_be_shortened(tmp_path: Path) -> None:
    async with a_network(
        tmp_path, webhook_urls=(HOOKS,), webhook_secrets=(SecretStr(SIGNING),), webhook_first_wait_seconds=0.01
    ) as network:
        network.ear.answers = [500]
        await network.an_intent()
        await network.ear.hears(1)
        await network.settle()
        await network.pass_(seconds=0.01)
        await network.ear.hears(2)


async def test_an_endpoint_that_is_silent_too_long_is_tried_again(tmp_path: Path) -> None:
    class Silent(httpx.AsyncBaseTransport):
        tries = 0

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            self.tries += 1
            await asyncio.sleep(60)
            return httpx.Response(200, request=request)

    silent, clock = Silent(), SetClock()
    settings = network_settings(
        tmp_path, webhook_urls=(HOOKS,), webhook_secrets=(SecretStr(SIGNING),), webhook_seconds=0.01
    )
    app = create_network(settings, clock=clock, webhooks=silent)
    transport, authorized = httpx.ASGITransport(app), {"Authorization": f"Bearer {SECRET}"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://n.test", headers=authorized) as http,
    ):
        network = Network(app, http, clock)
        await network.an_intent()
        async with asyncio.timeout(30):
            while silent.tries < 2:
                await network.pass_(seconds=11)
                await asyncio.sleep(0.01)


async def test_what_is_owed_survives_a_restart(tmp_path: Path) -> None:
    given = {"webhook_urls": (HOOKS,), "webhook_secrets": (SecretStr(SIGNING),)}
    async with a_network(tmp_path, **given) as network:
        network.ear.answers = [500, 500]
        await network.a_paid_intent()
        await network.ear.hears(2)
        await network.settle()

    async with a_network(tmp_path, **given) as network:
        await network.pass_(seconds=10)
        assert sorted(await network.ear.hears(2)) == PAID


async def test_an_endpoint_taken_from_the_settings_is_owed_nothing_any_more(tmp_path: Path) -> None:
    async with a_network(tmp_path, webhook_urls=(HOOKS,), webhook_secrets=(SecretStr(SIGNING),)) as network:
        network.ear.answers = [500]
        await network.an_intent()
        await network.ear.hears(1)
        await network.settle()

    async with a_network(tmp_path) as network:
        assert await network.listed("/v1/webhook_endpoints") == []
        assert (await network.listed("/v1/events"))[0]["pending_webhooks"] == 0


async def test_an_endpoint_of_the_settings_hears_of_what_it_is_to_hear_of_and_no_more(tmp_path: Path) -> None:
    given = {"webhook_urls": (HOOKS,), "webhook_secrets": (SecretStr(SIGNING),)}
    async with a_network(tmp_path, **given) as network:
        await network.a_paid_intent()
        await network.ear.hears(2)

    async with a_network(tmp_path, **given, webhook_events=("payment_intent.succeeded",)) as network:
        await network.a_paid_intent()
        assert await network.ear.hears(1) == ["payment_intent.succeeded"]
        await network.settle()
        assert len(network.ear.heard) == 1
        (endpoint,) = await network.listed("/v1/webhook_endpoints")
        assert endpoint["enabled_events"] == ["payment_intent.succeeded"]


def test_an_event_that_there_is_not_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"payment_intent\.paid"):
        network_settings(tmp_path, webhook_events="payment_intent.succeeded, payment_intent.paid")


async def test_while_a_secret_is_rolled_both_sign(tmp_path: Path) -> None:
    both = (SecretStr("whsec_new"), SecretStr("whsec_old"))
    async with a_network(tmp_path, webhook_urls=(HOOKS,), webhook_secrets=both) as network:
        await network.an_intent()
        await network.ear.hears(1)

        (request,) = network.ear.heard
        assert request.headers["stripe-signature"].count("v1=") == 2
        for secret in ("whsec_new", "whsec_old"):
            assert verified(request, secret).type == "payment_intent.created"


async def test_an_endpoint_of_the_api_tells_its_secret_once_and_hears_what_it_asked_for(tmp_path: Path) -> None:
    async with a_network(tmp_path) as network:
        fields = {"url": HOOKS, "enabled_events[]": "payment_intent.succeeded"}
        made = (await network.post("/v1/webhook_endpoints", fields)).json()
        await network.a_paid_intent()
        await network.ear.hears(1)
        await network.settle()

        assert network.ear.types == ["payment_intent.succeeded"]
        assert verified(network.ear.heard[0], made["secret"]).type == "payment_intent.succeeded"
        assert "secret" not in await network.get(f"/v1/webhook_endpoints/{made['id']}")
        assert made["secret"].encode() not in all_bytes(tmp_path)


async def test_an_endpoint_that_is_deleted_hears_no_more(tmp_path: Path) -> None:
    async with a_network(tmp_path) as network:
        made = (await network.post("/v1/webhook_endpoints", {"url": HOOKS, "enabled_events[0]": "*"})).json()
        network.ear.answers = [500]
        await network.an_intent()
        await network.ear.hears(1)
        await network.settle()

        gone = await network.http.delete(f"/v1/webhook_endpoints/{made['id']}")

        assert gone.json() == {"id": made["id"], "object": "webhook_endpoint", "deleted": True}
        await network.pass_(seconds=10)
        await network.an_intent()
        await network.settle()
        assert len(network.ear.heard) == 1


async def test_the_secret_of_an_endpoint_can_be_rolled_and_the_old_one_signs_for_a_while(tmp_path: Path) -> None:
    async with a_network(tmp_path) as network:
        made = (await network.post("/v1/webhook_endpoints", {"url": HOOKS, "enabled_events[]": "*"})).json()
        rolled = (await network.post(f"/admin/webhook_endpoints/{made['id']}/roll", {"overlap_seconds": 60})).json()
        await network.an_intent()
        await network.ear.hears(1)
        await network.pass_(seconds=61)
        await network.an_intent()
        await network.ear.hears(2)

        during, after = network.ear.heard
        for request, secret in ((during, made["secret"]), (during, rolled["secret"]), (after, rolled["secret"])):
            assert verified(request, secret).type == "payment_intent.created"
        with pytest.raises(stripe.SignatureVerificationError):
            verified(after, made["secret"])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"enabled_events[]": "*"}, "Give a 'url'"),
        ({"url": "ftp://shop.test", "enabled_events[]": "*"}, "Give a 'url'"),
        ({"url": "https://user@shop.test", "enabled_events[]": "*"}, "Give a 'url'"),
        ({"url": HOOKS}, "enabled_events"),
        ({"url": HOOKS, "enabled_events[]": "customer.created"}, "has no event"),
    ],
)
async def test_an_endpoint_that_cannot_work_is_refused_in_words(
    network: Network, fields: dict[str, str], words: str
) -> None:
    answer = await network.post("/v1/webhook_endpoints", fields)

    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


async def test_there_is_room_for_sixteen_endpoints(network: Network) -> None:
    for number in range(15):
        fields = {"url": f"{HOOKS}/{number}", "enabled_events[]": "refund.failed"}
        assert (await network.post("/v1/webhook_endpoints", fields)).status_code == 200

    full = await network.post("/v1/webhook_endpoints", {"url": HOOKS, "enabled_events[]": "*"})

    assert full.status_code == 400
    assert "Delete one first" in full.json()["error"]["message"]


async def test_an_endpoint_of_the_settings_is_changed_there(network: Network) -> None:
    (configured,) = await network.listed("/v1/webhook_endpoints")

    gone = await network.http.delete(f"/v1/webhook_endpoints/{configured['id']}")
    rolled = await network.post(f"/admin/webhook_endpoints/{configured['id']}/roll")

    assert (gone.status_code, rolled.status_code) == (400, 400)


def test_webhooks_without_a_secret_are_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="WEBHOOK_SECRETS"):
        network_settings(tmp_path, webhook_urls=(HOOKS,))


async def test_events_are_listed_by_type_and_time(network: Network) -> None:
    await network.a_paid_intent()
    await network.pass_(hours=1)
    await network.an_intent()
    cut = int(network.clock.time.timestamp())

    assert [event["type"] for event in await network.listed(f"/v1/events?created[lt]={cut}")] == PAID[::-1]
    assert len(await network.listed(f"/v1/events?created[gte]={cut}")) == 1
    assert len(await network.listed("/v1/events?type=payment_intent.created")) == 2
    first = (await network.listed("/v1/events?limit=1"))[0]["id"]
    assert len(await network.listed(f"/v1/events?starting_after={first}")) == 2
    assert (await network.http.get("/v1/events?type=nonsense")).status_code == 400


async def test_events_are_forgotten_after_thirty_days(network: Network) -> None:
    await network.an_intent()
    await network.pass_(days=31)
    await network.an_intent()

    assert len(await network.listed("/v1/events")) == 1


@pytest.mark.parametrize(
    ("what", "heard"),
    [("duplicate", 3), ("lose", 1)],
)
async def test_a_script_tells_twice_or_not_at_all(network: Network, what: str, heard: int) -> None:
    await network.fault("webhook", what, event="payment_intent.succeeded")

    await network.a_paid_intent()
    await network.ear.hears(heard)
    await network.settle()

    assert len(network.ear.heard) == heard
    assert network.ear.types.count("payment_intent.succeeded") == heard - 1


async def test_a_script_lets_a_later_event_overtake_an_earlier_one(network: Network) -> None:
    await network.fault("webhook", "reorder", event="payment_intent.created")

    await network.a_paid_intent()

    assert await network.ear.hears(2) == PAID[::-1]


async def test_a_script_delays_an_event(network: Network) -> None:
    await network.fault("webhook", "delay", seconds=30, event="payment_intent.created")
    await network.an_intent()
    await network.settle()
    assert network.ear.heard == []

    await network.pass_(seconds=30)
    assert await network.ear.hears(1) == ["payment_intent.created"]


def test_the_library_and_the_header_agree_on_many_secrets() -> None:
    from app.payments.sandbox.outbox import sign  # noqa: PLC0415 - beside the library it is compared with

    body = b'{"object": "event", "id": "evt_1"}'
    header = sign(body, secrets=["a", "b"], at=1_700_000_000)
    ours = stripe.WebhookSignature.generate_signature_header(body.decode(), "b", 1_700_000_000)

    assert header.startswith("t=1700000000,v1=")
    assert header.endswith(ours.partition(",")[2])
