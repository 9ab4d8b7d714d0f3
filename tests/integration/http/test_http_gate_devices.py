"""Gates with a key of their own over HTTP: what is stolen of them opens nothing; and what staff see of gates."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from builders import BUYER, Stage
from gate_device_ways import KEY, OTHERS_KEY, DeviceAt, a_device
from http_kit import Api, problem, spoken_pin

from app.keys import public_jwk

pytest_plugins = ("http_plugin",)

ROUTES: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/gate/admissions", {"scan_id": "t-1", "presented": "482910375-1 491027"}),
    ("POST", "/gate/checks", {"scan_id": "t-2", "presented": "482910375-1 491027"}),
    ("POST", "/gate/redemptions", {"scan_id": "t-3", "presented": "482910375-1 491027", "amount": 1}),
    ("POST", "/gate/undo", {"scan_id": "t-4", "undoes": "t-1"}),
    ("POST", "/gate/overrides", {"scan_id": "t-5", "presented": "482910375-1 491027", "reason": "battery empty"}),
    ("POST", "/gate/search", {"digits": "5678"}),
    ("GET", "/gate/occupancy", None),
    ("GET", "/gate/snapshot", None),
    ("GET", "/gate/status?edition=00000000000000000000000000000000", None),
    ("GET", "/gate/pin-key?edition=00000000000000000000000000000000", None),
    ("POST", "/gate/scans", {"entries": [{}]}),
)
"""Every route that a gate's token opens."""


async def refused_everywhere(api: Api, headers: dict[str, str]) -> None:
    for method, path, body in ROUTES:
        answer = await api.client.request(method, path, json=body, headers=headers)
        assert answer.status_code == 401, f"{method} {path}: {answer.status_code} {answer.text}"


async def code_of(api: Api) -> int:
    await api.sold()
    code: int = await api.stage.value("SELECT code FROM credential")
    return code


# --- a key of its own -----------------------------------------------------------------------------------------------


async def test_a_device_asks_with_a_proof_and_renews_its_token_by_one(api: Api) -> None:
    device = await a_device(api, role="supervisor", direction="both", entrance="A", area="hall", home=True)
    api.stage.clock.advance(hours=7)

    renewed = (await device.renew()).json()

    assert (renewed["bound"], renewed["role"], renewed["direction"]) == (True, "supervisor", "both")
    assert (renewed["entrance"], renewed["area"], renewed["home"]) == ("A", "hall", True)
    assert (renewed["gate"], renewed["generation"]) == (device.gate, 1)
    api.stage.clock.advance(hours=7)
    newer = DeviceAt(api, device.gate, renewed["token"])
    scan = {"scan_id": "s-1", "presented": "hello"}
    assert (await newer.ask("POST", "/gate/checks", scan)).json()["reason"] == "unreadable"
    problem(await device.ask("POST", "/gate/checks", scan), 401, "not-authentic")


@pytest.mark.parametrize(
    ("sub", "proof"),
    [
        ("nobody", {}),
        ("01930000-0000-7000-8000-00000000000b", {}),
        (None, {"key": OTHERS_KEY}),
        (None, {"url": "https://tickets.example/gate/scans"}),
    ],
    ids=["no id", "another gate", "another key", "another request"],
)
async def test_no_other_proof_renews_a_token(api: Api, sub: str | None, proof: dict[str, Any]) -> None:
    device = await a_device(api)

    problem(await device.renew(sub=sub, **proof), 401, "not-authentic")


async def test_an_old_proof_and_a_gate_that_was_shut_out_renew_nothing(api: Api) -> None:
    device = await a_device(api)
    old = device.proof("POST", "/gate/tokens", token=None, subject=device.gate)
    api.stage.clock.advance(seconds=90)
    problem(await api.client.post("/gate/tokens", headers={"dpop": old}), 401, "not-authentic")
    problem(await api.client.post("/gate/tokens"), 401, "not-authentic")

    await api.delete(f"/staff/gates/{device.gate}", bearer=await api.staff("gates"))

    problem(await device.renew(), 401, "not-authentic")


@pytest.mark.parametrize(
    "change", [{"x": "A" * 43}, {"d": "A" * 43}, {"crv": "P-384"}], ids=["no point", "private", "curve"]
)
async def test_a_key_that_is_none_enrols_nothing(api: Api, change: dict[str, str]) -> None:
    invited = await api.post("/staff/gates", {"issuer": "haneul", "name": "Door"}, bearer=await api.staff("gates"))
    body = {"code": invited.json()["code"], "key": public_jwk(KEY.public_key()) | change}

    assert (await api.post("/gate/enrolments", body)).status_code == 422

    del body["key"]
    assert (await api.post("/gate/enrolments", body)).status_code == 201, "the code is still good"


# --- what a thief has -----------------------------------------------------------------------------------------------


async def test_a_stolen_token_of_a_device_opens_nothing_without_its_key(api: Api) -> None:
    device = await a_device(api, role="supervisor")
    mine = {"dpop": device.proof("POST", "/gate/checks", key=OTHERS_KEY)}

    await refused_everywhere(api, {"authorization": f"Bearer {device.token}"})
    await refused_everywhere(api, {"authorization": f"DPoP {device.token}"})
    await refused_everywhere(api, {"authorization": f"DPoP {device.token}"} | mine)
    assert await api.stage.value("SELECT count(*) FROM scan") == 0


async def test_a_proof_that_was_overheard_opens_no_other_request_and_not_this_one_later(api: Api) -> None:
    device = await a_device(api)
    heard = {"authorization": f"DPoP {device.token}", "dpop": device.proof("POST", "/gate/redemptions")}

    for method, path, body in ROUTES:
        if path != "/gate/redemptions":
            assert (await api.client.request(method, path, json=body, headers=heard)).status_code == 401
    api.stage.clock.advance(seconds=91)

    await refused_everywhere(api, heard)


async def test_a_stolen_token_of_a_scanner_gets_no_snapshot_and_ends_when_staff_say_so(api: Api) -> None:
    gate, token = await api.gate()
    thief = {"authorization": f"Bearer {token}"}

    for method, path, body in ROUTES:
        if path.partition("?")[0] in {"/gate/snapshot", "/gate/status", "/gate/pin-key", "/gate/scans"}:
            problem(await api.client.request(method, path, json=body, headers=thief), 403, "not-allowed")
        if path in {"/gate/overrides", "/gate/search"}:
            assert (await api.client.request(method, path, json=body, headers=thief)).status_code in {403, 422}
    await api.delete(f"/staff/gates/{gate}", bearer=await api.staff("gates"))

    for method, path, body in ROUTES:
        answer = await api.client.request(method, path, json=body, headers=thief)
        assert answer.status_code in {401, 403}, f"{method} {path}: {answer.status_code} {answer.text}"


async def test_a_device_that_was_shut_out_gets_nothing_any_more(api: Api) -> None:
    device = await a_device(api, role="supervisor")
    await api.delete(f"/staff/gates/{device.gate}", bearer=await api.staff("gates"))

    for method, path, body in ROUTES:
        if path != "/gate/scans":
            bare, _, query = path.partition("?")
            headers = device.headers(method, bare)
            answer = await api.client.request(method, bare, params=query, json=body, headers=headers)
            assert answer.status_code == 401, f"{method} {path}: {answer.status_code} {answer.text}"


async def test_a_stolen_database_of_gates_and_their_logs_makes_no_token_and_names_no_ticket(api: Api) -> None:
    code = await code_of(api)
    device = await a_device(api)
    device.lets_in(code)
    await device.brings()
    pin, number = spoken_pin(api.stage.carrier.inbox(BUYER)[-1]), await api.stage.value("SELECT number FROM credential")

    stolen = [*await api.stage.sql("SELECT * FROM gate"), *await api.stage.sql("SELECT * FROM gate_log")]
    text = json.dumps([[str(value) for value in row] for row in stolen])

    assert device.token not in text
    assert pin not in text
    assert number not in text
    (row,) = await api.stage.sql("SELECT device_key, enrolment_hash FROM gate")
    assert (len(row.device_key), row.enrolment_hash) == (33, None), "the public half, and no code to enrol by"
    for guess in (row.device_key.hex(), device.gate):
        await refused_everywhere(api, {"authorization": f"Bearer {guess}"})


# --- logs over HTTP -------------------------------------------------------------------------------------------------


async def test_a_log_is_brought_again_with_the_same_answer_and_its_incidents(api: Api) -> None:
    code = await code_of(api)
    north, south = await a_device(api, name="North"), await a_device(api, name="South")
    for device in (north, south):
        device.lets_in(code)
    await north.brings()

    first, again = await south.brings(), await south.brings()

    assert (first.json()["upto"], first.json()["taken"], again.json()["taken"]) == (1, 1, 0)
    both = [*(await north.brings()).json()["incidents"], *again.json()["incidents"]]
    (incident,) = both
    assert incident["kind"] == "double_admission"
    for gate in ("North", "South"):
        assert gate in incident["words"]["en"]
        assert gate in incident["words"]["ko"]
    assert [one["use"] for one in incident["details"]["admissions"]] == [1, None]


async def test_a_gate_that_was_shut_out_may_still_bring_what_it_did_before(api: Api) -> None:
    code = await code_of(api)
    device = await a_device(api)
    device.lets_in(code)
    api.stage.clock.advance(minutes=1)
    await api.delete(f"/staff/gates/{device.gate}", bearer=await api.staff("gates"))

    answer = await device.brings()

    assert (answer.status_code, answer.json()["upto"]) == (200, 1)
    assert await api.stage.value("SELECT uses_left FROM credential") == 0


# --- what staff see -------------------------------------------------------------------------------------------------


async def test_staff_see_each_gate_with_what_it_did_and_what_it_has_not_told(api: Api) -> None:
    code = await code_of(api)
    device = await a_device(api, name="North", entrance="A", area="hall")
    await api.gate(name="Scanner")
    await api.post("/staff/gates", {"issuer": "haneul", "name": "Invited"}, bearer=await api.staff("gates"))
    device.lets_in(code)
    device.lets_in(code)
    await device.brings([device.lines[1].told()])

    gates = (await api.get("/staff/gates", bearer=await api.staff("gates"), issuer="haneul")).json()["gates"]

    assert [(one["name"], one["kind"], one["state"]) for one in gates] == [
        ("Invited", "none", "pending"),
        ("Scanner", "online_scanner", "enrolled"),
        ("North", "device", "enrolled"),
    ]
    north = gates[2]
    assert (north["scans_today"], north["brought"], north["missing"]) == (1, 1, 1)
    assert north["seen_at"] is not None
    after = await api.get(
        "/staff/gates", bearer=await api.staff("gates"), issuer="haneul", after=gates[0]["id"], limit=1
    )
    assert [one["name"] for one in after.json()["gates"]] == ["Scanner"]


async def test_an_entrance_has_one_home_gate_and_says_which(api: Api) -> None:
    await a_device(api, name="North", entrance="A", home=True)
    boss = await api.staff("gates")
    body = {"issuer": "haneul", "name": "South", "home": True}

    told = problem(await api.post("/staff/gates", body | {"entrance": "A"}, bearer=boss), 409, "wrong-state")
    problem(await api.post("/staff/gates", body, bearer=boss), 422, "bad-line")

    assert "North" in told["detail"]
    assert (await api.post("/staff/gates", body | {"entrance": "B"}, bearer=boss)).status_code == 201
    again = body | {"name": "North", "entrance": "A"}
    assert (await api.post("/staff/gates", again, bearer=boss)).status_code == 201, "its own device may be replaced"


async def test_an_invitation_is_a_picture_too(api: Api) -> None:
    answer = await api.post("/staff/gates", {"issuer": "haneul", "name": "Door"}, bearer=await api.staff("gates"))

    told = answer.json()
    assert told["link"] == f"cyberticket://gate?server=https%3A%2F%2Ftickets.example&code={told['code']}"
    assert told["picture"].startswith("<svg")


async def test_staff_see_their_own_incidents_only_page_by_page(api: Api) -> None:
    device = await a_device(api)
    for code in (1, 2, 3):
        device.lets_in(code)
    await device.brings()
    boss = await api.staff("read")

    page = (await api.get("/staff/incidents", bearer=boss, limit=2)).json()["incidents"]
    rest = (await api.get("/staff/incidents", bearer=boss, after=page[-1]["id"])).json()["incidents"]
    none = (await api.get("/staff/incidents", bearer=boss, kind="log_forked")).json()["incidents"]

    assert (len(page), len(rest), none) == (2, 1, [])
    assert {one["kind"] for one in (*page, *rest)} == {"unknown_admitted"}
    stranger = await api.stage.sql("UPDATE incident SET issuer_id = issuer_id RETURNING id")
    assert len(stranger) == 3
    problem(await api.get("/staff/incidents", bearer=await api.staff("gates")), 403, "not-allowed")


async def test_staff_see_what_was_refused_and_who_is_inside(api: Api, stage: Stage) -> None:
    code = await code_of(api)
    device = await a_device(api, area="hall")
    device.lets_in(code, at=stage.clock.now() - timedelta(minutes=1))
    await device.brings()
    for name in ("s-1", "s-2", "s-3"):
        await device.ask("POST", "/gate/admissions", {"scan_id": name, "presented": "hello"})
    boss = await api.staff("read")

    first = (await api.get("/staff/scans", bearer=boss, issuer="haneul", limit=2)).json()
    rest = (await api.get("/staff/scans", bearer=boss, issuer="haneul", after=first["next"], gate=device.gate)).json()
    inside = (await api.get("/staff/occupancy", bearer=boss, issuer="haneul")).json()

    assert [one["scan_id"] for one in (*first["scans"], *rest["scans"])] == ["s-3", "s-2", "s-1"]
    assert (rest["next"], {one["reason"] for one in rest["scans"]}) == (None, {"unreadable"})
    assert inside == (await device.ask("GET", "/gate/occupancy")).json()
    assert (inside["areas"], inside["inside"]) == ([{"area": "hall", "inside": 1}], 1)
    for after in ("x", "WyJhIiwiYiIsImMiXQ"):
        problem(await api.get("/staff/scans", bearer=boss, issuer="haneul", after=after), 422, "bad-line")
