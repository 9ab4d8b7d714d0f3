"""Carrier billing over HTTP: what an account asks for, what it is told, and what is still there after a restart."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr, ValidationError

from mobile_gateway.api.problems import Problem
from mobile_gateway.gateway import create_app
from mobile_gateway.settings import GatewaySettings

AUTH = ("demo", "demo1234")
NUMBERS = itertools.count(1)
START = datetime(2026, 11, 22, 3, tzinfo=UTC)


class SetClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time


@dataclass
class Desk:
    """An account's client of a gateway, and a subscriber and keys that no other test has."""

    http: httpx.AsyncClient
    clock: SetClock
    number: str = field(default_factory=lambda: f"+8210{next(NUMBERS):08}")

    def key(self, name: str) -> dict[str, str]:
        return {"Idempotency-Key": f"{self.number}/{name}"}

    async def charge(self, key: str = "pay-1", **changes: Any) -> httpx.Response:
        body = {"phone_number": self.number, "amount": 30_000, "currency": "KRW", "reserve": True} | changes
        return await self.http.post("/carrier-billing/payments", json=body, headers=self.key(key))

    async def reserved(self, key: str = "pay-1", **changes: Any) -> str:
        answer = await self.charge(key, **changes)
        assert (answer.status_code, answer.json()["state"]) == (201, "reserved")
        return str(answer.json()["payment_id"])

    async def act(self, payment_id: str, verb: str) -> httpx.Response:
        return await self.http.post(f"/carrier-billing/payments/{payment_id}/{verb}")

    async def refund(self, payment_id: str, amount: int, key: str) -> httpx.Response:
        address = f"/carrier-billing/payments/{payment_id}/refund"
        return await self.http.post(address, json={"amount": amount}, headers=self.key(key))

    async def look(self, payment_id: str) -> dict[str, Any]:
        return dict((await self.http.get(f"/carrier-billing/payments/{payment_id}")).json())


@asynccontextmanager
async def a_desk(folder: Path) -> AsyncIterator[Desk]:
    settings = GatewaySettings(
        data_dir=folder,
        accounts={"demo": SecretStr("demo1234"), "other": SecretStr("other123")},
        billing_monthly_max=100_000,
    )
    clock = SetClock()
    app = create_app(settings, now=clock.now)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gw", auth=AUTH) as client:
            yield Desk(client, clock)


@pytest_asyncio.fixture(scope="module")
async def gateway_of_all(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """One gateway for this module: each start of one costs more than all that a test asks of it."""
    async with a_desk(tmp_path_factory.mktemp("billing")) as running:
        yield running


@pytest.fixture
def desk(gateway_of_all: Desk) -> Desk:
    gateway_of_all.clock.time = START
    gateway_of_all.http.auth = httpx.BasicAuth(*AUTH)
    return Desk(gateway_of_all.http, gateway_of_all.clock)


def problem(answer: httpx.Response, kind: Problem) -> str:
    assert (answer.status_code, answer.json()["type"]) == (kind.value.status, f"/problems#{kind.value.slug}")
    return str(answer.json()["detail"])


async def test_reserve_confirm_and_refund(desk: Desk) -> None:
    payment_id = await desk.reserved()

    for _ in range(2):
        confirmed = await desk.act(payment_id, "confirm")
        assert (confirmed.status_code, confirmed.json()["state"]) == (200, "succeeded")
    for _ in range(2):
        refunded = await desk.refund(payment_id, 10_000, "refund-1")
        assert (refunded.status_code, refunded.json()["refunded"]) == (200, 10_000)

    assert await desk.look(payment_id) == {
        "payment_id": payment_id,
        "state": "succeeded",
        "phone_number": desk.number,
        "amount": 30_000,
        "currency": "KRW",
        "refunded": 10_000,
        "denial": None,
        "denial_reason": None,
        "created_at": "2026-11-22T03:00:00Z",
        "expires_at": "2026-11-22T04:00:00Z",
    }


async def test_taken_at_once_where_nothing_is_to_be_reserved(desk: Desk) -> None:
    assert (await desk.charge(reserve=False)).json()["state"] == "succeeded"


async def test_a_repeated_charge_answers_what_became_of_the_first(desk: Desk) -> None:
    payment_id = await desk.reserved()
    assert (await desk.charge()).json()["payment_id"] == payment_id
    assert "new key" in problem(await desk.charge(amount=1), Problem.KEY_REUSED)


async def test_a_denied_payment_is_an_answer_with_its_reason(desk: Desk) -> None:
    denied = await desk.charge(amount=100_001)
    assert (denied.status_code, denied.json()["state"], denied.json()["denial"]) == (201, "denied", "monthly_limit")
    assert "monthly limit" in denied.json()["denial_reason"]


@pytest.mark.parametrize(("state", "denial"), [("barred", "barred_subscriber"), ("unknown", "unknown_subscriber")])
async def test_who_is_barred_or_unknown_is_denied(desk: Desk, state: str, denial: str) -> None:
    assert (await desk.http.put(f"/subscribers/{desk.number}", json={"state": state})).status_code == 200
    assert (await desk.charge()).json()["denial"] == denial


async def test_a_lost_answer_is_found_by_its_key(desk: Desk) -> None:
    payment_id = await desk.reserved("pay-7")
    found = await desk.http.get("/carrier-billing/payments", params={"key": desk.key("pay-7")["Idempotency-Key"]})
    assert found.json()["payment_id"] == payment_id
    problem(
        await desk.http.get("/carrier-billing/payments", params={"key": desk.key("pay-8")["Idempotency-Key"]}),
        Problem.NOT_FOUND,
    )


async def test_a_key_given_up_before_its_charge_came_is_never_charged(desk: Desk) -> None:
    for _ in range(2):
        gone = await desk.http.post("/carrier-billing/payments/cancel", headers=desk.key("pay-1"))
        assert (gone.status_code, gone.json()["state"], gone.json()["amount"]) == (200, "cancelled", 0)
    late = await desk.charge("pay-1")
    assert (late.json()["state"], late.json()["payment_id"]) == ("cancelled", gone.json()["payment_id"])
    assert (await desk.charge("pay-2", amount=100_000)).json()["state"] == "reserved"


async def test_what_a_state_does_not_allow_is_a_problem_that_says_the_state(desk: Desk) -> None:
    payment_id = await desk.reserved()
    assert "is reserved and cannot be refunded" in problem(
        await desk.refund(payment_id, 1, "refund-1"), Problem.NOT_POSSIBLE
    )
    assert (await desk.act(payment_id, "cancel")).json()["state"] == "cancelled"
    assert "is cancelled and cannot be confirmed" in problem(
        await desk.act(payment_id, "confirm"), Problem.NOT_POSSIBLE
    )


async def test_a_reservation_runs_out_with_the_clock(desk: Desk) -> None:
    payment_id = await desk.reserved(amount=100_000)
    desk.clock.time += timedelta(hours=1)
    assert (await desk.look(payment_id))["state"] == "expired"
    assert (await desk.charge("pay-2", amount=100_000)).json()["state"] == "reserved"
    problem(await desk.act(payment_id, "confirm"), Problem.NOT_POSSIBLE)
    assert (await desk.act(payment_id, "cancel")).json()["state"] == "cancelled"


async def test_refunds_never_exceed_what_was_taken(desk: Desk) -> None:
    payment_id = await desk.reserved()
    await desk.act(payment_id, "confirm")
    await desk.refund(payment_id, 20_000, "refund-1")
    assert "Only 10000" in problem(await desk.refund(payment_id, 10_001, "refund-2"), Problem.NOT_POSSIBLE)
    problem(await desk.refund(payment_id, 1, "refund-1"), Problem.KEY_REUSED)
    assert (await desk.refund(payment_id, 10_000, "refund-3")).json()["refunded"] == 30_000


async def test_another_account_sees_and_moves_nothing_of_it(desk: Desk) -> None:
    payment_id = await desk.reserved()
    desk.http.auth = httpx.BasicAuth("other", "other123")
    problem(await desk.http.get(f"/carrier-billing/payments/{payment_id}"), Problem.NOT_FOUND)
    problem(await desk.act(payment_id, "confirm"), Problem.NOT_FOUND)
    problem(await desk.act(payment_id, "cancel"), Problem.NOT_FOUND)
    problem(await desk.refund(payment_id, 1, "refund-1"), Problem.NOT_FOUND)
    assert await desk.reserved() != payment_id


async def test_a_stranger_is_not_let_in(desk: Desk) -> None:
    desk.http.auth = httpx.BasicAuth("demo", "wrong")
    problem(await desk.charge(), Problem.UNAUTHENTICATED)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"amount": 0}, "/amount"),
        ({"amount": 1.5}, "/amount"),
        ({"amount": "30000"}, "/amount"),
        ({"amount": 10**12 + 1}, "/amount"),
        ({"currency": "won"}, "/currency"),
        ({"phone_number": "010-1234-5678"}, "/phone_number"),
        ({"description": "x" * 101}, "/description"),
        ({"card": "4242"}, "/card"),
    ],
    ids=["nothing", "float", "text", "beyond", "currency", "number", "description", "unknown"],
)
async def test_a_wrong_field_is_pointed_at(desk: Desk, changes: dict[str, Any], pointer: str) -> None:
    answer = await desk.charge(**changes)
    problem(answer, Problem.INVALID)
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_bills_outlive_the_program(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as desk:
        payment_id = await desk.reserved(amount=60_000)
        await desk.act(payment_id, "confirm")
        await desk.refund(payment_id, 10_000, "refund-1")
    async with a_desk(tmp_path) as again:
        desk = replace(again, number=desk.number)
        assert (await desk.look(payment_id))["refunded"] == 10_000
        assert (await desk.refund(payment_id, 10_000, "refund-1")).json()["refunded"] == 10_000
        assert (await desk.charge("pay-2", amount=50_001)).json()["denial"] == "monthly_limit"
        assert (await desk.charge("pay-3", amount=50_000)).json()["state"] == "reserved"


def test_a_month_needs_a_zone_that_exists(tmp_path: Path) -> None:
    assert str(GatewaySettings(data_dir=tmp_path).billing_terms().zone) == "Asia/Seoul"
    for zone in ("Mars/Olympus", "", "../etc", "Asia"):
        with pytest.raises(ValidationError, match="is no time zone; write one such as"):
            GatewaySettings(data_dir=tmp_path, billing_zone=zone)
