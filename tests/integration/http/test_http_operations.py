"""What operators and gates ask: whether we live and are ready, what we measure, our keys, our problems."""

from __future__ import annotations

import re

import pytest
from builders import KEYS, a_stage
from http_kit import Api, operation, problem

from app.keys import Verifier
from app.problems import known
from app.store.database import Database, make_engine

pytest_plugins = ("http_plugin",)


async def test_a_process_that_answers_is_alive(api: Api) -> None:
    assert (await api.get("/healthz")).json() == {"status": "ok"}


async def test_a_process_with_its_database_is_ready(api: Api) -> None:
    answer = await api.get("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "database": True, "redis": True})


async def test_without_its_database_a_process_is_alive_but_not_ready(api: Api) -> None:
    nowhere = Database(make_engine("postgresql+asyncpg://nobody@127.0.0.1:1/nothing", pool_size=1))
    stage = a_stage("", database=nowhere)
    async with Api(stage, api.shop) as lost:
        ready, alive = await lost.get("/readyz"), await lost.get("/healthz")
    await stage.close()
    await nowhere.close()

    assert (ready.status_code, ready.json()["status"], ready.json()["database"]) == (503, "not ready", False)
    assert alive.status_code == 200


async def test_without_redis_a_process_is_ready_all_the_same(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone() -> bool:
        return False

    monkeypatch.setattr(type(api.stage.world.memory), "alive", lambda _memory: gone())

    answer = await api.get("/readyz")

    assert (answer.status_code, answer.json()["redis"]) == (200, False)


def measured(text: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} ([0-9.e+]+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


async def test_what_happens_is_counted_by_route_not_by_address(api: Api) -> None:
    held = 'cyberticket_bookings_total{outcome="held"}'
    before = (await api.get("/metrics")).text
    booked = await api.booked()
    await booked.look()
    await booked.pay()

    answer = await api.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert measured(answer.text, held) == measured(before, held) + 1
    assert measured(answer.text, "cyberticket_outbox_owed") == 2
    assert 'route="/bookings/{booking_id}"' in answer.text
    for secret in (booked.id, booked.link, "1012345678"):
        assert secret not in answer.text


async def test_the_published_keys_verify_and_hold_nothing_private(api: Api) -> None:
    answer = await api.get("/.well-known/jwks.json")
    body = answer.json()
    assert answer.headers["cache-control"] == "public, max-age=43200"

    signature = KEYS.signer.sign(b"a ticket")
    assert Verifier.from_jwks(body).verify(KEYS.signer.kid, b"a ticket", signature)
    assert not any("d" in key for key in body["keys"])


@pytest.mark.parametrize("slug", sorted(known()))
async def test_every_problem_has_a_page_that_says_what_to_do(api: Api, slug: str) -> None:
    body = (await api.get(f"/problems/{slug}")).json()

    assert (body["status"], body["title"]) == (known()[slug].status, known()[slug].title)
    assert body["advice"].endswith(".")


async def test_a_problem_that_is_none_of_ours_is_not_found(api: Api) -> None:
    problem(await api.get("/problems/no-such-thing"), 404, "not-found")


async def test_the_document_is_served_as_it_is(api: Api) -> None:
    document = (await api.get("/openapi.json")).json()

    assert document["openapi"].startswith("3.1")
    assert document["paths"]["/bookings"]["post"] == operation("POST /bookings").said
