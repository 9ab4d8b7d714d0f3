"""Somebody who wants what is not theirs: proofs sent twice, forged logs, a found phone, walks through numbers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from ipaddress import IPv4Network, ip_network
from uuid import UUID

import httpx
import pytest
from builders import BUYER, Stage, a_catalogue, an_account, an_issuer
from enrolled_kit import a_phone
from gate_device_ways import KEY, DeviceAt, a_device
from http_kit import NOBODY, OTHERS, OWN, Api, problem, spoken_pin
from starlette.requests import Request

from app.domain import damm, gate_log
from app.domain.admission import Reason
from app.domain.gate_log import Deed, Entry
from app.flows.gate import desk as gate_desk
from app.keys import public_jwk
from app.routers.handset_caller import the_address

pytest_plugins = ("http_plugin",)

WHY = "battery empty, has an ID"


# --- gates ----------------------------------------------------------------------------------------------------------


async def test_a_gates_proof_that_was_overheard_carries_no_second_request(api: Api) -> None:
    device = await a_device(api, role="supervisor")
    heard = device.headers("POST", "/gate/search")
    assert (await api.client.post("/gate/search", json={"digits": "5678"}, headers=heard)).status_code == 200

    again = await api.client.post("/gate/search", json={"digits": "4321"}, headers=heard)

    assert "used before" in problem(again, 401, "not-authentic")["detail"]
    assert (await device.ask("POST", "/gate/search", {"digits": "4321"})).status_code == 200


def overridden(device: DeviceAt, *numbers: str) -> list[dict[str, object]]:
    """A log that lets these tickets in, whatever the rules say."""
    entries = [
        Entry(
            seq=seq,
            scan_id=f"forged-{seq}",
            at=device.api.stage.clock.now(),
            intent=Deed.OVERRIDE,
            reason=Reason.OVERRIDDEN,
            knew=0,
            number=number,
            by="me",
        )
        for seq, number in enumerate(numbers, 1)
    ]
    first = gate_log.beginning(gate_id=UUID(device.gate), generation=device.generation)
    return [one.told() for one in gate_log.chain(first, entries)]


async def test_a_stewards_log_overrules_nothing_and_does_not_tell_which_numbers_there_are(api: Api) -> None:
    await api.sold()
    there = await api.stage.value("SELECT number FROM credential")
    nowhere = "000000001" if there != "000000001" else "000000002"
    steward = await a_device(api)

    told = (await steward.brings(overridden(steward, there, f"{nowhere}{damm.check_digit(nowhere)}"))).json()

    said = [{**one, "id": "", "scan_id": "", "details": {**one["details"], "seq": 0}} for one in told["incidents"]]
    assert (told["taken"], [one["kind"] for one in said]) == (2, ["unknown_admitted"] * 2)
    assert said[0] == said[1]
    assert await api.stage.value("SELECT uses_left FROM credential") == 1
    assert await api.stage.value("SELECT count(*) FROM scan WHERE ticket_id IS NOT NULL") == 0
    boss = await a_device(api, role="supervisor")
    assert (await boss.brings(overridden(boss, there))).json()["incidents"] == []
    assert await api.stage.value("SELECT uses_left FROM credential") == 0


async def test_whoever_types_all_endings_is_stopped_and_a_second_gate_goes_on(api: Api) -> None:
    (_, walker), (_, other) = [await api.gate(role="supervisor") for _ in range(2)]

    for number in range(gate_desk.SEARCHES_MAX):
        answer = await api.post("/gate/search", {"digits": f"{number:04}"}, bearer=walker)
        assert answer.status_code == 200, answer.text

    problem(await api.post("/gate/search", {"digits": "5678"}, bearer=walker), 429, "too-many")
    assert (await api.post("/gate/search", {"digits": "5678"}, bearer=other)).status_code == 200


async def others_supervisor(api: Api) -> DeviceAt:
    asked = {"issuer": "other", "name": "Door", "role": "supervisor", "direction": "both"}
    invited = await api.post("/staff/gates", asked, bearer=await api.staff("gates", issuer="other"))
    body = {"code": invited.json()["code"], "key": public_jwk(KEY.public_key())}
    enrolled = (await api.post("/gate/enrolments", body)).json()
    return DeviceAt(api, enrolled["gate"], enrolled["token"])


async def test_another_issuers_supervisor_does_nothing_with_our_tickets_and_cannot_tell_that_they_exist(
    blank: Stage,
) -> None:
    shop = await a_catalogue(blank)
    await a_catalogue(blank, an_issuer("other"))
    async with Api(blank, shop) as api:
        await api.sold()
        (ours,) = await blank.sql("SELECT ticket_id, number, code, valid_from FROM credential")
        text = f"{ours.number} {spoken_pin(blank.carrier.inbox(BUYER)[-1])}"
        blank.clock.time = ours.valid_from
        _, token = await api.gate()
        let_in = await api.post("/gate/admissions", {"scan_id": "s-1", "presented": text}, bearer=token)
        device = await others_supervisor(api)

        async def asks(path: str, body: dict[str, object]) -> dict[str, object]:
            answer = await device.ask("POST", f"/gate/{path}", body)
            assert answer.status_code == 200, answer.text
            return dict(answer.json()) | {"at": None}

        for kind in (dict[str, object](path="admissions"), {"path": "overrides", "reason": WHY}):
            path = str(kind.pop("path"))
            seen = await asks(path, {"scan_id": f"{path}-1", "presented": text, **kind})
            assert (seen["reason"], seen["ticket"]) == ("unknown", None)
        foreign, missing = [
            await asks("overrides", {"scan_id": str(one), "ticket": str(one), "reason": WHY})
            for one in (ours.ticket_id, NOBODY)
        ]
        assert foreign == missing
        assert (await asks("undo", {"scan_id": "u-1", "undoes": "s-1"}))["reason"] == "not_undone"
        assert (await asks("search", {"digits": "5678"}))["tickets"] == []
        device.lets_in(ours.code)
        assert [one["kind"] for one in (await device.brings()).json()["incidents"]] == ["unknown_admitted"]
        (after,) = await blank.sql("SELECT uses_left, inside FROM credential")
        assert (let_in.json()["admit"], tuple(after)) == (True, (0, 1))
        assert (await device.ask("GET", "/gate/occupancy")).json()["inside"] == 0


@pytest.mark.parametrize("query", ["issuer=%00&number=1", "issuer=haneul&number=%00"])
async def test_a_nul_in_a_query_is_a_fault_of_whoever_sent_it(api: Api, query: str) -> None:
    headers = {"authorization": f"Bearer {await api.staff('read')}"}

    assert (await api.client.get(f"/staff/register?{query}", headers=headers)).status_code == 422


# --- a phone that somebody found ------------------------------------------------------------------------------------


async def lost(api: Api) -> str:
    """Say that the phone is lost; the id of the ticket that was issued anew."""
    phone = await a_phone(api.client, api.stage, str(BUYER))
    answer = await api.post("/handset/loss", {"handset": OWN, "code": await phone.code("loss")})
    (renewed,) = answer.json()["tickets"]
    await api.stage.work()
    return str(renewed["became"])


async def by_staff(api: Api) -> str:
    answer = await api.post("/staff/handsets/loss", {"handset": OWN, "reason": "stolen"}, bearer=await api.staff())
    (renewed,) = answer.json()["tickets"]
    return str(renewed["became"])


@pytest.mark.parametrize("report", [lost, by_staff])
async def test_the_bookings_link_in_a_lost_phone_opens_no_new_ticket(
    api: Api, report: Callable[[Api], Awaitable[str]]
) -> None:
    sold, others = await api.sold(), await api.sold(api.wish() | {"buyer": OTHERS})
    fresh = await report(api)

    found = {"bearer": sold.link}
    for path in (f"/tickets/{fresh}", f"/tickets/{fresh}/barcode.svg", f"/bookings/{sold.id}"):
        problem(await api.get(path, **found), 404, "not-found")
    problem(await api.post(f"/tickets/{fresh}/gift", {"handset": "010-5555-9999"}, **found), 404, "not-found")
    problem(await api.post(f"/bookings/{sold.id}/refunds", {}, **found), 404, "not-found")
    assert (await api.client.get(f"/b/{sold.link}")).status_code == 404
    assert (await others.look())["state"] == "paid", "another buyer's link is as it was"


async def test_the_pin_of_e_money_in_a_lost_phone_pays_for_nothing(api: Api) -> None:
    await an_account(api.stage, api.shop, 100_000)
    await api.stage.work()
    known = spoken_pin(api.stage.carrier.inbox(BUYER)[-1])
    await api.sold()
    await lost(api)
    told = [spoken_pin(text) for text in api.stage.carrier.inbox(BUYER) if "E-money" in text or "전자화폐" in text]
    body = {"instrument": {"kind": "emoney", "handset": OWN, "pin": known}}

    async def paid(pin: str) -> httpx.Response:
        booked = await api.booked(api.wish() | {"buyer": OTHERS})
        body["instrument"]["pin"] = pin
        return await api.post(f"/bookings/{booked.id}/payments", body, bearer=booked.link)

    assert len(set(told)) == 2, "the new one came by message"
    assert (await paid(known)).status_code == 402
    assert (await paid(told[-1])).status_code == 200


# --- who asks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proxies", "forwarded", "asker"),
    [
        ((), ["198.51.100.9"], "127.0.0.1"),
        (("127.0.0.1/32",), [], "127.0.0.1"),
        (("127.0.0.1/32",), ["198.51.100.9"], "198.51.100.9"),
        (("127.0.0.1/32",), ["6.6.6.6, 198.51.100.9"], "198.51.100.9"),
        (("127.0.0.1/32",), ["6.6.6.6", "198.51.100.9"], "198.51.100.9"),
        (("127.0.0.1/32", "10.0.0.0/8"), ["6.6.6.6, 198.51.100.9, 10.1.2.3"], "198.51.100.9"),
        (("192.0.2.0/24",), ["198.51.100.9"], "127.0.0.1"),
        (("127.0.0.1/32",), ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
    ],
    ids=["no proxy", "silent", "told", "beginning made up", "first header made up", "two proxies", "another's", "v6"],
)
async def test_where_a_request_comes_from_is_told_by_our_own_proxies_alone(
    stage: Stage, proxies: tuple[str, ...], forwarded: list[str], asker: str
) -> None:
    networks = tuple(ip_network(one) for one in proxies)
    world = replace(stage.world, house=replace(stage.world.house, proxies=networks))
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    request = Request({"type": "http", "client": ("127.0.0.1", 1), "headers": headers})

    assert await the_address(request, world) == asker


async def test_a_proxy_that_is_named_by_ipv4_is_known_on_a_socket_for_both(stage: Stage) -> None:
    world = replace(stage.world, house=replace(stage.world.house, proxies=(IPv4Network("127.0.0.1/32"),)))
    headers = [(b"x-forwarded-for", b"198.51.100.9")]
    request = Request({"type": "http", "client": ("::ffff:127.0.0.1", 1), "headers": headers})

    assert await the_address(request, world) == "198.51.100.9"
