"""The sandbox network's idempotency layer: the first executed answer, for a day, with its effect."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from payment_network_kit import GOOD_CARD, PUBLISHABLE, Network, a_network

from app.payments.sandbox import intents
from app.payments.sandbox.till import Till

ASKED = {"amount": "15000", "currency": "krw", "payment_method": "pm_card_visa", "confirm": "true"}


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    async with a_network(tmp_path) as running:
        yield running


async def how_many(network: Network) -> int:
    return len((await network.http.get("/v1/payment_intents", params={"limit": 100})).json()["data"])


async def test_the_same_key_is_charged_once_and_answered_the_same(network: Network) -> None:
    first = await network.post("/v1/payment_intents", ASKED, key="k")
    again = await network.post("/v1/payment_intents", ASKED, key="k")

    assert again.json() == first.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert await how_many(network) == 1


async def test_without_a_key_each_request_is_its_own(network: Network) -> None:
    await network.post("/v1/payment_intents", ASKED)
    await network.post("/v1/payment_intents", ASKED)

    assert await how_many(network) == 2


async def test_a_decline_is_replayed_though_the_card_would_pay_now(network: Network) -> None:
    intent_id = await network.an_intent(payment_method="pm_card_chargeDeclined")
    refused = await network.post(f"/v1/payment_intents/{intent_id}/confirm", key="k")
    await network.post(f"/v1/payment_intents/{intent_id}/confirm", {"payment_method": "pm_card_visa"})

    again = await network.post(f"/v1/payment_intents/{intent_id}/confirm", key="k")

    assert (again.status_code, again.json()) == (402, refused.json())


async def test_the_same_key_for_other_parameters_is_refused_and_charges_nothing(network: Network) -> None:
    await network.post("/v1/payment_intents", ASKED, key="k")

    other = await network.post("/v1/payment_intents", ASKED | {"amount": "15001"}, key="k")

    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")
    assert await how_many(network) == 1


async def test_the_same_key_for_another_path_is_refused(network: Network) -> None:
    first, second = await network.an_intent(), await network.an_intent()
    await network.post(f"/v1/payment_intents/{first}/confirm", key="k")

    answer = await network.post(f"/v1/payment_intents/{second}/confirm", key="k")

    assert answer.json()["error"]["type"] == "idempotency_error"
    assert (await network.intent(second))["status"] == "requires_confirmation"


async def test_a_pages_keys_and_the_shops_are_apart(network: Network) -> None:
    shops = await network.post("/v1/payment_methods", GOOD_CARD, key="k")
    pages = await network.http.post(
        "/v1/payment_methods",
        data=GOOD_CARD,
        headers={"Authorization": f"Bearer {PUBLISHABLE}", "Idempotency-Key": "k"},
    )

    assert pages.status_code == 200
    assert pages.json()["id"] != shops.json()["id"]


async def test_a_request_that_was_never_executed_leaves_its_key_free(network: Network) -> None:
    wrong = await network.post("/v1/payment_intents", ASKED | {"amount": "none"}, key="k")
    unauthorized = await network.http.post(
        "/v1/payment_intents", data=ASKED, headers={"Idempotency-Key": "k", "Authorization": "Bearer sk_wrong"}
    )
    right = await network.post("/v1/payment_intents", ASKED, key="k")

    assert (wrong.status_code, unauthorized.status_code, right.status_code) == (400, 401, 200)
    assert "idempotent-replayed" not in right.headers


async def test_while_a_request_is_worked_on_its_key_answers_409(network: Network) -> None:
    answers = await asyncio.gather(*(network.post("/v1/payment_intents", ASKED, key="k") for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert await how_many(network) == 1
    assert (await network.post("/v1/payment_intents", ASKED, key="k")).status_code == 200


async def test_a_500_leaves_no_effect_and_is_replayed_for_good(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    intent_id = await network.an_intent()

    def breaks_after_its_effect(till: Till, intent_id: str, _: str | None) -> None:
        till.connection.execute("UPDATE payment_intents SET status = 'requires_capture' WHERE id = ?", (intent_id,))
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(intents, "confirm", breaks_after_its_effect)
        broken = await network.post(f"/v1/payment_intents/{intent_id}/confirm", key="k")
    again = await network.post(f"/v1/payment_intents/{intent_id}/confirm", key="k")

    assert (broken.status_code, broken.json()["error"]["type"]) == (500, "api_error")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (500, "true")
    assert (await network.intent(intent_id))["status"] == "requires_confirmation"


async def test_a_broken_disk_is_no_executed_answer(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    intent_id = await network.an_intent()

    def disk_full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(intents, "confirm", disk_full)
        with pytest.raises(sqlite3.OperationalError):  # ASGITransport hands it on; a socket's client gets the 500
            await network.post(f"/v1/payment_intents/{intent_id}/confirm", key="k")
    again = await network.post(f"/v1/payment_intents/{intent_id}/confirm", key="k")

    assert (again.status_code, again.json()["status"]) == (200, "requires_capture")
    assert "idempotent-replayed" not in again.headers


async def test_a_key_is_forgotten_after_a_day(network: Network) -> None:
    await network.post("/v1/payment_intents", ASKED, key="k")
    network.clock.pass_(timedelta(hours=23, minutes=59))
    within = await network.post("/v1/payment_intents", ASKED, key="k")
    network.clock.pass_(timedelta(minutes=2))
    after = await network.post("/v1/payment_intents", ASKED, key="k")

    assert "idempotent-replayed" in within.headers
    assert "idempotent-replayed" not in after.headers
    assert await how_many(network) == 2


@pytest.mark.parametrize(("key", "status"), [("k" * 255, 200), ("k" * 256, 400)])
async def test_a_key_has_at_most_255_characters(network: Network, key: str, status: int) -> None:
    answer = await network.post("/v1/payment_intents", ASKED, key=key)

    assert answer.status_code == status


async def test_an_overrun_network_answers_429_and_stores_nothing(tmp_path: Path) -> None:
    async with a_network(tmp_path, jobs_waiting_max=1) as network:
        answers = await asyncio.gather(
            *(network.post("/v1/payment_intents", ASKED, key=f"k{n}") for n in range(200)),
        )
        overrun = [n for n, answer in enumerate(answers) if answer.status_code == 429]
        assert overrun, "200 requests at once did not overrun a queue of one"
        assert answers[overrun[0]].json()["error"]["code"] == "rate_limit"

        again = answers[overrun[0]]
        while again.status_code == 429:  # the network's own work waits in the same queue
            again = await network.post("/v1/payment_intents", ASKED, key=f"k{overrun[0]}")
        assert (again.status_code, again.headers.get("idempotent-replayed")) == (200, None)
