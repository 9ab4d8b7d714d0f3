"""Bad days to order at the sandbox network: what each script does, how often, and to whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from payment_network_kit import GOOD_CARD, PUBLISHABLE, SECRET, Network, a_network, network_settings

from app.payments.sandbox import serving
from app.payments.sandbox.cards import FAULTY_CARDS
from app.payments.sandbox.weather import ConnectionDropped

AUTHORIZED = {"Authorization": f"Bearer {SECRET}"}
BEFORE = ["drop_before", "error_500_before", "too_many", "unavailable"]
AFTER = ["drop_after", "error_500_after"]


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    async with a_network(tmp_path) as running:
        yield running


async def attempt(network: Network, path: str, fields: dict[str, Any] | None = None, *, key: str | None = None) -> int:
    """The answer's status; 0 where the connection was cut."""
    try:
        return (await network.post(path, fields, key=key)).status_code
    except ConnectionDropped:
        return 0


STATUS = {"drop_before": 0, "drop_after": 0, "error_500_before": 500, "error_500_after": 500, "too_many": 429}


@pytest.mark.parametrize("what", BEFORE)
async def test_a_fault_before_the_work_leaves_nothing_done_and_the_next_try_works(network: Network, what: str) -> None:
    intent_id = await network.an_intent()
    path = f"/v1/payment_intents/{intent_id}/confirm"
    await network.fault("confirm", what)

    assert await attempt(network, path, key="k") == STATUS.get(what, 503)
    assert (await network.intent(intent_id))["status"] == "requires_confirmation"
    assert await attempt(network, path, key="k") == 200
    assert await network.listed("/admin/faults") == []


@pytest.mark.parametrize("what", AFTER)
async def test_a_fault_after_the_work_charges_once_whatever_is_tried_again(network: Network, what: str) -> None:
    intent_id = await network.an_intent()
    path = f"/v1/payment_intents/{intent_id}/confirm"
    await network.fault("confirm", what)

    assert await attempt(network, path, key="k") == STATUS[what]
    assert (await network.intent(intent_id))["status"] == "requires_capture"
    again = await network.post(path, key="k")
    assert again.headers["idempotent-replayed"] == "true"
    assert again.status_code == (500 if what == "error_500_after" else 200)


@pytest.mark.parametrize(
    ("operation", "path", "fields"),
    [
        ("create", "/v1/payment_intents", {"amount": "1", "currency": "krw"}),
        ("confirm", "/v1/payment_intents/{0}/confirm", {}),
        ("capture", "/v1/payment_intents/{1}/capture", {}),
        ("cancel", "/v1/payment_intents/{0}/cancel", {}),
        ("refund", "/v1/refunds", {"payment_intent": "{2}"}),
        ("any", "/v1/payment_methods", GOOD_CARD),
    ],
)
async def test_a_script_strikes_its_operation_and_no_other(
    network: Network, operation: str, path: str, fields: dict[str, str]
) -> None:
    there = (await network.an_intent(), await network.an_intent(confirm="true"), await network.a_paid_intent())
    await network.fault(operation, "unavailable")

    struck = await attempt(network, path.format(*there), {name: text.format(*there) for name, text in fields.items()})

    assert struck == 503
    assert await attempt(network, path.format(*there), {n: t.format(*there) for n, t in fields.items()}) == 200


async def test_a_look_up_can_fail_too(network: Network) -> None:
    intent_id = await network.an_intent()
    await network.fault("retrieve", "unavailable")

    assert (await network.http.get("/v1/payment_intents")).status_code == 200
    assert (await network.http.get(f"/v1/payment_intents/{intent_id}")).status_code == 503
    assert (await network.http.get(f"/v1/payment_intents/{intent_id}")).status_code == 200


async def test_a_script_lasts_as_many_times_as_asked_and_the_next_one_follows(network: Network) -> None:
    await network.fault("create", "unavailable", times=2)
    await network.fault("create", "too_many")

    fields = {"amount": "1", "currency": "krw"}
    assert [await attempt(network, "/v1/payment_intents", fields) for _ in range(4)] == [503, 503, 429, 200]


async def test_a_script_for_one_payment_leaves_the_others_alone(network: Network) -> None:
    mine, other = await network.an_intent(), await network.an_intent()
    await network.fault("confirm", "unavailable", payment_intent=mine)

    assert await attempt(network, f"/v1/payment_intents/{other}/confirm") == 200
    assert await attempt(network, f"/v1/payment_intents/{mine}/confirm") == 503


async def test_the_same_seed_makes_the_same_history(network: Network) -> None:
    async def history(seed: int) -> list[int]:
        await network.fault("create", "unavailable", times=1000, percent=50, seed=seed)
        fields = {"amount": "1", "currency": "krw"}
        found = [await attempt(network, "/v1/payment_intents", fields) for _ in range(20)]
        await network.http.delete("/admin/faults")
        return found

    first, again, other = await history(1), await history(1), await history(2)

    assert first == again
    assert first != other
    assert {200, 503} == set(first)


async def test_many_at_once_meet_a_script_as_often_as_it_says(network: Network) -> None:
    await network.fault("create", "too_many", times=1_000, percent=1, seed=3)
    await network.fault("create", "unavailable", times=5)
    fields = {"amount": "1", "currency": "krw"}

    found = await asyncio.gather(*(attempt(network, "/v1/payment_intents", fields) for _ in range(40)))

    assert found.count(503) == 5
    seen = (await network.listed("/admin/faults"))[0]
    assert seen["met"] == found.count(429)


async def test_a_hang_is_carried_out_late_even_for_a_caller_that_has_gone(network: Network) -> None:
    intent_id = await network.an_intent()
    await network.fault("confirm", "hang", seconds=600)
    waiting = asyncio.create_task(network.post(f"/v1/payment_intents/{intent_id}/confirm"))
    await asyncio.sleep(0.02)
    assert (await network.intent(intent_id))["status"] == "requires_confirmation"

    await network.http.delete("/admin/faults")

    assert (await waiting).json()["status"] == "requires_capture"


async def test_a_delay_is_carried_out_at_once_and_answered_late(network: Network) -> None:
    intent_id = await network.an_intent()
    await network.fault("confirm", "delay", seconds=600)
    waiting = asyncio.create_task(network.post(f"/v1/payment_intents/{intent_id}/confirm"))
    await asyncio.sleep(0.02)
    assert (await network.intent(intent_id))["status"] == "requires_capture"
    assert not waiting.done()

    await network.http.delete("/admin/faults")

    assert (await waiting).status_code == 200


@pytest.mark.parametrize("lifted", [True, False])
async def test_a_network_that_hangs_answers_nothing_until_it_is_lifted_or_over(
    network: Network, *, lifted: bool
) -> None:
    await network.fault("network", "hang", milliseconds=600_000 if lifted else 30)
    waiting = [
        asyncio.create_task(network.http.get(path))
        for path in ("/healthz", "/v1/payment_intents", "/card", "/v1/events")
    ]
    await asyncio.sleep(0.01)
    assert not any(task.done() for task in waiting)

    if lifted:
        assert len(await network.listed("/admin/faults")) == 1
        await network.http.delete("/admin/faults")
    else:
        network.clock.pass_(network.clock.time - network.clock.time.replace(year=2025))
    async with asyncio.timeout(30):
        answers = await asyncio.gather(*waiting)
    assert [answer.status_code for answer in answers] == [200, 200, 400, 200]


async def test_scripts_survive_a_restart_as_far_as_they_were_met(tmp_path: Path) -> None:
    fields = {"amount": "1", "currency": "krw"}
    async with a_network(tmp_path) as network:
        await network.fault("create", "unavailable", times=3)
        assert await attempt(network, "/v1/payment_intents", fields) == 503

    async with a_network(tmp_path) as network:
        (standing,) = await network.listed("/admin/faults")
        assert (standing["met"], standing["times"]) == (1, 3)
        assert [await attempt(network, "/v1/payment_intents", fields) for _ in range(3)] == [503, 503, 200]


async def test_only_the_secret_key_makes_the_weather(network: Network) -> None:
    calls = [("POST", "/admin/faults"), ("GET", "/admin/faults"), ("DELETE", "/admin/faults")]
    calls += [("POST", "/admin/disputes"), ("POST", "/admin/disputes/dp_1"), ("POST", "/admin/refunds/re_1")]
    calls += [("POST", "/admin/webhook_endpoints/we_1/roll")]
    for method, path in calls:
        for key, status in (("", 401), (PUBLISHABLE, 403), ("sk_test_wrong0123456789", 401)):
            answer = await network.http.request(method, path, headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code == status, (method, path)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"operation": "create"}, "what"),
        ({"what": "hang"}, "operation"),
        ({"operation": "create", "what": "hang"}, "Say how long"),
        ({"operation": "create", "what": "lose"}, "cannot happen at create"),
        ({"operation": "webhook", "what": "drop_after"}, "cannot happen at webhook"),
        ({"operation": "network", "what": "unavailable"}, "cannot happen at network"),
        ({"operation": "create", "what": "delay", "percent": "0"}, "between 1 and 100"),
        ({"operation": "create", "what": "delay", "weather": "bad"}, "unknown parameter"),
    ],
)
async def test_a_script_that_makes_no_sense_is_refused_in_words(
    network: Network, fields: dict[str, str], words: str
) -> None:
    answer = await network.post("/admin/faults", fields)

    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


async def test_there_is_room_for_a_hundred_scripts(network: Network) -> None:
    for _ in range(100):
        await network.fault("refund", "unavailable")

    assert await attempt(network, "/admin/faults", {"operation": "refund", "what": "too_many"}) == 400


# --- faults that a card brings --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "card", [card for card in FAULTY_CARDS if card.behaviour not in {"hang", "delay"}], ids=lambda c: c.token
)
async def test_a_faulty_card_meets_its_fault_once_and_then_pays(network: Network, card: Any) -> None:
    intent_id = await network.an_intent(payment_method=card.token)
    path = f"/v1/payment_intents/{intent_id}/confirm"
    what = card.behaviour.value

    assert await attempt(network, path, key="k") == STATUS.get(what, 503)

    expected = "requires_capture" if what in AFTER else "requires_confirmation"
    assert (await network.intent(intent_id))["status"] == expected
    if what in BEFORE:
        assert await attempt(network, path, key="k") == 200


@pytest.mark.parametrize(
    ("token", "status"), [("pm_card_hang", "requires_confirmation"), ("pm_card_delay", "requires_capture")]
)
async def test_a_slow_card_keeps_its_caller_waiting(network: Network, token: str, status: str) -> None:
    intent_id = await network.an_intent(payment_method=token)
    waiting = asyncio.create_task(network.post(f"/v1/payment_intents/{intent_id}/confirm"))
    await asyncio.sleep(0.02)

    assert not waiting.done()
    assert (await network.intent(intent_id))["status"] == status
    await network.http.delete("/admin/faults")
    assert (await waiting).json()["status"] == "requires_capture"


async def test_a_faulty_card_may_be_typed(network: Network) -> None:
    typed = GOOD_CARD | {"card[number]": next(card.number for card in FAULTY_CARDS if card.behaviour == "too_many")}
    token = (await network.post("/v1/payment_methods", typed)).json()["id"]
    intent_id = await network.an_intent(payment_method=token)

    assert await attempt(network, f"/v1/payment_intents/{intent_id}/confirm") == 429


@pytest.mark.parametrize("confirm", [True, False])
async def test_a_faulty_card_that_is_charged_at_once_meets_its_fault_too(network: Network, *, confirm: bool) -> None:
    fields = {"payment_method": "pm_card_dropAfter"}
    if confirm:
        path = "/v1/payment_intents"
        fields |= {"amount": "15000", "currency": "krw", "confirm": "true"}
    else:
        path = f"/v1/payment_intents/{await network.an_intent()}/confirm"

    assert await attempt(network, path, fields, key="k") == 0
    replayed = await network.post(path, fields, key="k")

    assert (replayed.status_code, replayed.headers["idempotent-replayed"]) == (200, "true")
    assert len(await network.listed("/v1/balance_transactions")) == int(confirm)


async def test_payments_that_are_never_confirmed_do_not_pile_up_faults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("faults", "weather"):
        monkeypatch.setattr(f"app.payments.sandbox.{module}.BROUGHT_MAX", 2)
    async with a_network(tmp_path) as network:
        begun = [await network.an_intent(payment_method="pm_card_tooMany") for _ in range(4)]
        paths = [f"/v1/payment_intents/{intent_id}/confirm" for intent_id in begun]
        assert [await attempt(network, paths[0]), await attempt(network, paths[2])] == [200, 429]

    async with a_network(tmp_path) as network:
        assert [await attempt(network, path) for path in paths[1:]] == [200, 200, 429]


# --- over a real socket ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "status"), [("drop_before", "requires_confirmation"), ("drop_after", "requires_capture")]
)
async def test_a_dropped_connection_is_really_cut(tmp_path: Path, what: str, status: str) -> None:
    async with (
        serving(network_settings(tmp_path)) as base_url,
        httpx.AsyncClient(base_url=base_url, headers=AUTHORIZED) as http,
    ):
        asked = {"amount": 100, "currency": "krw", "payment_method": "pm_card_visa", "capture_method": "manual"}
        intent_id = (await http.post("/v1/payment_intents", data=asked)).json()["id"]
        await http.post("/admin/faults", data={"operation": "confirm", "what": what})

        with pytest.raises(httpx.TransportError):
            await http.post(f"/v1/payment_intents/{intent_id}/confirm")

        assert (await http.get(f"/v1/payment_intents/{intent_id}")).json()["status"] == status
