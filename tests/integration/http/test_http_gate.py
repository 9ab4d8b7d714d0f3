"""Gates over HTTP: enrolled by a code, admitting each ticket once, shut out when they are revoked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from builders import BUYER
from http_kit import Api, pointers, problem, spoken_pin

from app import tokens
from app.flows.gate import tokens as gate_tokens
from app.keys import KeyRing

pytest_plugins = ("http_plugin",)


async def typed(api: Api) -> str:
    """Number and PIN of a sold ticket whose doors are open."""
    sold = await api.sold()
    api.stage.clock.advance(days=2, minutes=-30)
    return f"{(await sold.ticket())['number']} {spoken_pin(api.stage.carrier.inbox(BUYER)[-1])}"


async def scan(api: Api, token: str, presented: str, *, kind: str = "admissions", scan_id: str = "s-1") -> Any:
    return await api.post(f"/gate/{kind}", {"scan_id": scan_id, "presented": presented}, bearer=token)


async def test_a_check_looks_an_admission_uses_and_the_next_one_is_told_where(api: Api) -> None:
    ticket = await typed(api)
    _, token = await api.gate(name="Front door")

    look = (await scan(api, token, ticket, kind="checks", scan_id="s-0")).json()
    first = (await scan(api, token, ticket)).json()
    api.stage.clock.advance(seconds=11)
    second = (await scan(api, token, ticket, scan_id="s-2")).json()

    assert (look["admit"], look["ticket"]["uses_left"]) == (True, 1)
    assert (first["admit"], first["ticket"]["uses_left"], first["ticket"]["handset"]) == (True, 0, "5678")
    assert (second["admit"], second["reason"], second["used"]["gate"]) == (False, "used", "Front door")
    assert set(second["words"]) == {"ko", "en"}


async def test_the_same_scan_gets_the_same_verdict_and_another_under_its_name_is_refused(api: Api) -> None:
    ticket = await typed(api)
    _, token = await api.gate()

    first = await scan(api, token, ticket)
    again = await scan(api, token, ticket)

    assert first.json() == again.json()
    problem(await scan(api, token, "482910375-1 000000"), 422, "key-reused")
    problem(await scan(api, token, ticket, kind="checks"), 422, "key-reused")


@pytest.mark.parametrize(
    ("presented", "reason"),
    [("482910375-1 491027", "unknown"), ("hello", "unreadable"), ("", "unreadable"), ("S:ABC", "unreadable")],
)
async def test_a_no_is_an_answer_with_a_reason(api: Api, presented: str, reason: str) -> None:
    _, token = await api.gate()

    answer = await scan(api, token, presented)

    assert (answer.status_code, answer.json()["admit"], answer.json()["reason"]) == (200, False, reason)
    assert answer.json()["ticket"] is None


async def test_a_wrong_pin_learns_nothing_of_the_ticket(api: Api) -> None:
    number, _, pin = (await typed(api)).partition(" ")
    _, token = await api.gate()

    answer = (await scan(api, token, f"{number} {(int(pin) + 1) % 1_000_000:06}")).json()

    assert (answer["reason"], answer["ticket"]) == ("wrong_pin", None)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"scan_id": ""}, "/scan_id"),
        ({"scan_id": "two words"}, "/scan_id"),
        ({"scan_id": "x" * 65}, "/scan_id"),
        ({"presented": "x" * 513}, "/presented"),
        ({"presented": "482910375\0"}, "/presented"),
        ({"presented": None}, "/presented"),
        ({"gate": "other"}, "/gate"),
    ],
)
async def test_an_invalid_scan_names_its_part(api: Api, change: dict[str, Any], pointer: str) -> None:
    _, token = await api.gate()
    body = {"scan_id": "s-1", "presented": "x"} | change

    assert set(pointers(await api.post("/gate/admissions", body, bearer=token))) == {pointer}


# --- who is a gate --------------------------------------------------------------------------------------------------


async def test_a_code_enrols_once_and_for_an_hour(api: Api) -> None:
    boss = await api.staff("gates")
    codes = []
    for name in ("one", "two"):
        invited = await api.post("/staff/gates", {"issuer": "haneul", "name": name}, bearer=boss)
        codes.append(invited.json()["code"])

    first = await api.post("/gate/enrolments", {"code": codes[0].lower().replace("-", " ")})
    api.stage.clock.advance(minutes=61)

    assert (first.status_code, first.json()["name"], first.json()["issuer"]) == (201, "one", "haneul")
    for code in (*codes, "0000-0000-0000-0000"):
        problem(await api.post("/gate/enrolments", {"code": code}), 401, "not-authentic")


async def test_a_revoked_gate_is_shut_out_from_the_next_scan_on(api: Api) -> None:
    gate, token = await api.gate()
    await api.delete(f"/staff/gates/{gate}", bearer=await api.staff("gates"))

    for kind in ("admissions", "checks"):
        problem(await scan(api, token, "482910375-1 491027", kind=kind), 401, "not-authentic")


async def test_a_gate_that_is_invited_anew_must_enrol_anew(api: Api) -> None:
    _, token = await api.gate(name="Front door")

    _, newer = await api.gate(name="Front door")
    await api.post("/staff/gates", {"issuer": "haneul", "name": "Front door"}, bearer=await api.staff("gates"))

    for old in (token, newer):
        problem(await scan(api, old, "x"), 401, "not-authentic")


async def test_a_token_ends_after_eight_hours(api: Api) -> None:
    _, token = await api.gate()
    api.stage.clock.advance(hours=8, seconds=31)

    problem(await scan(api, token, "x"), 401, "not-authentic")


def forged(api: Api, gate: str, **change: Any) -> str:
    """A token that is signed well, but not what a gate of ours has."""
    given: dict[str, Any] = {
        "typ": gate_tokens.GATE_TOKEN,
        "issuer": api.stage.world.house.public_url,
        "subject": gate,
        "audience": gate_tokens.AUDIENCE,
        "token_id": str(uuid4()),
        "lifetime": timedelta(hours=1),
        "ring": api.stage.world.house.keys,
        "now": api.stage.clock.now(),
        "extra": {"issuer": str(api.shop.issuer), "generation": 1},
    }
    return tokens.issue(**given | change)


async def test_a_token_of_our_own_making_is_taken(api: Api) -> None:
    gate, _ = await api.gate()

    assert (await scan(api, forged(api, gate), "x")).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://another.example"},
        {"audience": "somebody-else"},
        {"ring": KeyRing.fresh()},
    ],
    ids=["of another installation", "for another audience", "by another key"],
)
async def test_a_token_that_is_not_meant_for_us_is_refused(api: Api, change: dict[str, Any]) -> None:
    gate, _ = await api.gate()

    problem(await scan(api, forged(api, gate, **change), "x"), 401, "not-authentic")


async def test_a_token_of_another_type_is_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, _ = await api.gate()
    monkeypatch.setitem(tokens.TYPES_SECONDS_MAX, "other+jwt", 3_600)

    problem(await scan(api, forged(api, gate, typ="other+jwt"), "x"), 401, "not-authentic")


async def test_other_secrets_are_no_gate_tokens(api: Api) -> None:
    sold = await api.sold()

    for bearer in (None, sold.link, await api.staff(), "x", "a.b.c"):
        body = {"scan_id": "s-1", "presented": "x"}
        problem(await api.post("/gate/admissions", body, bearer=bearer), 401, "not-authentic")
