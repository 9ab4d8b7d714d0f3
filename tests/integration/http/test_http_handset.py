"""The handset's API: who may ask, what a stolen token or proof is worth, and that foreign things look like none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import httpx
import pytest
from builders import BUYER, FRIEND, PUBLIC_URL, Stage, a_catalogue, an_issuer
from enrolled_kit import Phone, a_key, a_phone, latest_code
from http_kit import APP, NOBODY, OPERATIONS, OTHERS, OWN, Api, fresh_key, problem

from app import tokens
from app.flows.handset import devices
from app.keys import public_jwk

pytest_plugins = ("http_plugin",)

MINE, THEIRS = str(BUYER), str(FRIEND)


async def signed_in(api: Api, number: str = MINE, *, key: int = 1) -> Phone:
    return await a_phone(api.client, api.stage, number, key=key)


async def a_ticket(api: Api) -> str:
    """One of ours; its id."""
    return str((await (await api.sold()).ticket())["id"])


# --- signing in -----------------------------------------------------------------------------------------------------


async def test_any_number_gets_the_same_answer(api: Api) -> None:
    await a_ticket(api)

    answers = [await api.client.post("/handset/codes", json={"handset": one}) for one in (OWN, OTHERS)]

    assert {(one.status_code, one.content) for one in answers} == {(202, b'{"expires_in_seconds":300}')}


async def test_a_device_signs_in_lists_and_leaves(api: Api) -> None:
    phone = await signed_in(api)

    (listed,) = (await phone.get("/handset/devices")).json()["devices"]
    left = await phone.ask("DELETE", "/handset/devices/me")

    assert (listed["id"], listed["name"], listed["this"]) == (phone.device, "Phone", True)
    assert left.status_code == 204
    problem(await phone.get("/handset/devices"), 401, "not-authentic")
    problem(await phone.renew(), 401, "not-authentic")


async def test_the_key_in_the_body_must_be_the_one_that_signed(api: Api) -> None:
    phone = Phone(api.client, api.stage, MINE, a_key(1))
    other = public_jwk(a_key(2).public_key())

    problem(await phone.enrol(await phone.code(), key=other), 422, "bad-line")


async def test_a_token_is_for_ten_minutes_and_renewed_by_the_key_alone(api: Api) -> None:
    phone = await signed_in(api)
    first = phone.token
    api.stage.clock.advance(minutes=10, seconds=31)

    problem(await phone.get("/handset/tickets"), 401, "not-authentic")
    renewed = await phone.renew(subject=phone.device)

    assert renewed.json()["handset"] == "010-••••-5678"
    assert phone.token != first
    assert (await phone.get("/handset/tickets")).status_code == 200


async def test_a_proof_that_names_another_device_renews_nothing(api: Api) -> None:
    phone = await signed_in(api)

    problem(await phone.renew(subject=str(NOBODY)), 401, "not-authentic")


async def test_codes_run_out_and_say_when_to_come_back(api: Api) -> None:
    answers = [await api.client.post("/handset/codes", json={"handset": OWN}) for _ in range(4)]

    problem(answers[-1], 429, "too-many")
    assert answers[-1].headers["retry-after"] == "3600"


@pytest.mark.parametrize(
    ("addresses", "sent"),
    [
        ([f"2001:db8::{number:x}" for number in range(1, 12)], 10),
        ([f"2001:db8:0:{number:x}::1" for number in range(1, 12)], 11),
        ([f"::ffff:203.0.113.{number}" for number in range(1, 12)], 11),
        (["nowhere"] * 11, 10),
    ],
    ids=["one line's IPv6", "other lines", "IPv4 in IPv6", "no address"],
)
async def test_an_asker_is_a_line_and_not_one_of_its_addresses(api: Api, addresses: list[str], sent: int) -> None:
    house = replace(api.stage.world.house, codes_per_asker_hour_max=10)
    APP.state.world = replace(api.stage.world, house=house)  # until `api` ends
    taken = 0
    for number, address in enumerate(addresses):
        transport = httpx.ASGITransport(APP, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
            answer = await client.post("/handset/codes", json={"handset": f"010-5555-00{number:02}"})
            taken += answer.status_code == 202

    assert taken == sent


# --- what is stolen is worth nothing --------------------------------------------------------------------------------


async def test_a_stolen_token_opens_nothing(api: Api) -> None:
    phone = await signed_in(api)
    thief = Phone(api.client, api.stage, MINE, a_key(666), phone.token)

    problem(await thief.get("/handset/tickets"), 401, "not-authentic")
    for scheme in ("Bearer", "DPoP"):
        headers = {"authorization": f"{scheme} {phone.token}"}
        answer = await api.client.get("/handset/tickets", headers=headers)
        problem(answer, 401, "not-authentic")
        assert answer.headers["www-authenticate"] == 'DPoP algs="ES256"'


async def test_a_proof_is_good_for_one_request(api: Api) -> None:
    phone = await signed_in(api)
    headers = phone.signed("GET", "/handset/tickets")

    first = await api.client.get("/handset/tickets", headers=headers)
    again = await api.client.get("/handset/tickets", headers=headers)
    elsewhere = await api.client.get("/handset/devices", headers=phone.signed("GET", "/handset/tickets"))

    assert first.status_code == 200
    assert "used before" in problem(again, 401, "not-authentic")["detail"]
    assert f"{PUBLIC_URL}/handset/devices" in problem(elsewhere, 401, "not-authentic")["detail"]


async def test_a_wrong_clock_is_told(api: Api) -> None:
    phone = await signed_in(api)
    headers = phone.signed("GET", "/handset/tickets")
    api.stage.clock.advance(seconds=61)

    assert "clock" in problem(await api.client.get("/handset/tickets", headers=headers), 401, "not-authentic")["detail"]


@pytest.mark.parametrize("fault", ["type", "audience", "issuer", "binding", "device"])
async def test_a_token_of_ours_that_is_for_something_else_opens_nothing(api: Api, fault: str) -> None:
    phone = await signed_in(api)
    (thumbprint,) = [row.thumbprint for row in await api.stage.sql("SELECT thumbprint FROM device")]
    phone.token = tokens.issue(
        typ="gate+jwt" if fault == "type" else devices.HANDSET_TOKEN,
        issuer="https://elsewhere.example" if fault == "issuer" else PUBLIC_URL,
        subject=str(NOBODY) if fault == "device" else phone.device,
        audience="x" if fault == "audience" else devices.AUDIENCE,
        token_id="t-1",
        lifetime=devices.LIFETIME,
        ring=api.stage.world.house.keys,
        now=api.stage.clock.now(),
        extra={"jkt": "x" * 43 if fault == "binding" else thumbprint},
    )

    problem(await phone.get("/handset/tickets"), 401, "not-authentic")


async def test_a_device_that_was_shut_out_is_refused_at_once(api: Api) -> None:
    one, two = await signed_in(api, key=1), await signed_in(api, key=2)

    gone = await two.ask("DELETE", f"/handset/devices/{one.device}")

    assert gone.status_code == 204
    problem(await one.get("/handset/tickets"), 401, "not-authentic")


# --- tickets --------------------------------------------------------------------------------------------------------


async def test_a_ticket_is_downloaded_once_and_then_asked_for_by_its_etag(api: Api) -> None:
    ticket, phone = await a_ticket(api), await signed_in(api)

    first = await phone.get(f"/handset/tickets/{ticket}")
    again = await phone.get(f"/handset/tickets/{ticket}", if_none_match=first.headers["etag"])
    listed = (await phone.get("/handset/tickets")).json()

    body = first.json()
    assert (again.status_code, again.content) == (304, b"")
    assert (body["use"], len(body["pin"]), len(body["living"]["part"])) == ("good", 6, 160)
    assert [one["id"] for one in listed["tickets"]] == [ticket]
    assert (listed["tickets"][0]["on_device"], listed["next"]) == (phone.device, None)


async def test_what_changes_the_ticket_changes_its_etag(api: Api) -> None:
    ticket, phone = await a_ticket(api), await signed_in(api)
    first = await phone.get(f"/handset/tickets/{ticket}")
    await api.stage.sql("UPDATE credential SET uses_left = 0")

    used = await phone.get(f"/handset/tickets/{ticket}", if_none_match=first.headers["etag"])

    assert (used.status_code, used.json()["use"], used.json()["pin"]) == (200, "used", None)


async def test_a_list_is_turned_page_by_page(api: Api) -> None:
    await api.sold(api.wish(category="S", quantity=3))
    phone = await signed_in(api)

    pages, after = [], ""
    for _ in range(3):
        page = (await phone.get(f"/handset/tickets?limit=2{after}")).json()
        pages.append(len(page["tickets"]))
        if page["next"] is None:
            break
        after = f"&after={page['next']}"

    assert pages == [2, 1]


async def test_another_device_hears_where_the_ticket_is_and_moves_it(api: Api) -> None:
    ticket, one, two = await a_ticket(api), await signed_in(api, key=1), await signed_in(api, key=2)
    await one.get(f"/handset/tickets/{ticket}")

    refused = await two.get(f"/handset/tickets/{ticket}")
    moved = await two.post(f"/handset/tickets/{ticket}/move")

    assert f"/handset/tickets/{ticket}/move" in problem(refused, 409, "wrong-state")["detail"]
    assert (await two.get(f"/handset/tickets/{moved.json()['ticket']}")).json()["living"]
    assert (await one.get(f"/handset/tickets/{ticket}")).json()["use"] == "revoked"


async def test_resending_is_done_once_for_a_key_whichever_token_it_comes_with(api: Api) -> None:
    ticket, phone, key = await a_ticket(api), await signed_in(api), fresh_key()

    first = await phone.post(f"/handset/tickets/{ticket}/resend", idempotency_key=key)
    await phone.renew()
    again = await phone.post(f"/handset/tickets/{ticket}/resend", idempotency_key=key)

    assert (first.status_code, first.content) == (202, again.content)
    assert again.headers["idempotent-replayed"] == "true"


# --- offers ---------------------------------------------------------------------------------------------------------


async def test_an_offer_is_made_seen_and_accepted(api: Api) -> None:
    ticket, giver = await a_ticket(api), await signed_in(api, key=1)
    receiver = await signed_in(api, THEIRS, key=2)

    made = await giver.post(f"/handset/tickets/{ticket}/offers", {"handset": OTHERS})
    (seen,) = (await receiver.get("/handset/offers")).json()["offers"]
    taken = await receiver.post(f"/handset/offers/{seen['id']}/acceptance", {})

    assert (made.status_code, made.json()["given"], made.json()["ticket"]) == (201, True, ticket)
    assert (seen["given"], seen["ticket"], seen["giver"]) == (False, None, "010-••••-5678")
    listed = (await giver.get("/handset/tickets")).json()
    assert listed["tickets"] == [], "it is the receiver's now"
    mine = (await receiver.get(f"/handset/tickets/{taken.json()['ticket']}")).json()["ticket"]
    told = ("title", "starts_at", "category", "section", "row", "seat")
    assert {name: seen[name] for name in told} == {name: mine[name] for name in told}
    assert (await receiver.get(f"/handset/tickets/{taken.json()['ticket']}")).status_code == 200
    assert (await giver.get(f"/handset/tickets/{ticket}")).json()["pin"] is None


@pytest.mark.parametrize(("who", "verb", "state"), [(1, "withdrawal", "withdrawn"), (2, "decline", "declined")])
async def test_an_offer_ends_by_either_side(api: Api, who: int, verb: str, state: str) -> None:
    ticket = await a_ticket(api)
    phones = {1: await signed_in(api, key=1), 2: await signed_in(api, THEIRS, key=2)}
    offer = (await phones[1].post(f"/handset/tickets/{ticket}/offers", {"handset": OTHERS})).json()["id"]

    ended = await phones[who].post(f"/handset/offers/{offer}/{verb}")

    assert (ended.status_code, ended.json()["state"]) == (200, state)
    assert (await phones[1].get(f"/handset/tickets/{ticket}")).json()["use"] == "good"


# --- loss and another number ----------------------------------------------------------------------------------------


async def test_a_lost_phone_is_reported_with_a_code_of_that_purpose(api: Api) -> None:
    ticket, lost = await a_ticket(api), await signed_in(api)
    await lost.get(f"/handset/tickets/{ticket}")
    code = await lost.code("loss")

    answer = await api.client.post("/handset/loss", json={"handset": OWN, "code": code})

    (renewed,) = answer.json()["tickets"]
    assert (renewed["ticket"], renewed["refused"]) == (ticket, "")
    problem(await lost.get("/handset/tickets"), 401, "not-authentic")


async def test_a_lost_device_is_reported_by_another_one(api: Api) -> None:
    ticket, lost, mine = await a_ticket(api), await signed_in(api, key=1), await signed_in(api, key=2)
    await lost.get(f"/handset/tickets/{ticket}")

    (renewed,) = (await mine.post(f"/handset/devices/{lost.device}/loss")).json()["tickets"]

    assert (await mine.get(f"/handset/tickets/{renewed['became']}")).json()["living"]


async def test_the_device_is_the_new_numbers_once_both_codes_are_typed(api: Api) -> None:
    ticket, phone = await a_ticket(api), await signed_in(api)
    new = "+821055550001"
    asked = await phone.post("/handset/number/codes", {"handset": new, "language": "en"})
    await api.stage.work()
    codes = [latest_code(api.stage, number) for number in (MINE, new)]

    moved = await phone.post("/handset/number", {"handset": new, "old_code": codes[0], "new_code": codes[1]})
    (mine,) = (await phone.get("/handset/tickets")).json()["tickets"]

    assert asked.status_code == 202
    assert moved.json()["tickets"] == [{"ticket": ticket, "became": mine["id"], "refused": ""}]
    assert mine["handset"] == "010-••••-0001"


async def test_staff_help_with_the_scope_supervise(api: Api) -> None:
    await a_ticket(api)
    body = {"handset": OWN, "reason": "stolen"}

    for path, more in (("loss", {}), ("number", {"to": "010-5555-0001"})):
        problem(
            await api.post(f"/staff/handsets/{path}", body | more, bearer=await api.staff("sell")), 403, "not-allowed"
        )
        answer = await api.post(f"/staff/handsets/{path}", body | more, bearer=await api.staff("supervise"))
        assert answer.json()["tickets"][0]["refused"] == "", answer.text


# --- whose it is ----------------------------------------------------------------------------------------------------

Ask = Callable[[Phone, dict[str, str]], Awaitable[httpx.Response]]
OBJECTS: dict[str, Ask] = {
    "DELETE /handset/devices/{device_id}": lambda p, of: p.ask("DELETE", f"/handset/devices/{of['device']}"),
    "POST /handset/devices/{device_id}/loss": lambda p, of: p.post(f"/handset/devices/{of['device']}/loss"),
    "GET /handset/tickets/{ticket_id}": lambda p, of: p.get(f"/handset/tickets/{of['ticket']}"),
    "POST /handset/tickets/{ticket_id}/move": lambda p, of: p.post(f"/handset/tickets/{of['ticket']}/move"),
    "POST /handset/tickets/{ticket_id}/resend": lambda p, of: p.post(
        f"/handset/tickets/{of['ticket']}/resend", idempotency_key=fresh_key()
    ),
    "POST /handset/tickets/{ticket_id}/offers": lambda p, of: p.post(
        f"/handset/tickets/{of['ticket']}/offers", {"handset": "010-5555-0002"}
    ),
    "POST /handset/offers/{offer_id}/acceptance": lambda p, of: p.post(f"/handset/offers/{of['offer']}/acceptance", {}),
    "POST /handset/offers/{offer_id}/decline": lambda p, of: p.post(f"/handset/offers/{of['offer']}/decline"),
    "POST /handset/offers/{offer_id}/withdrawal": lambda p, of: p.post(f"/handset/offers/{of['offer']}/withdrawal"),
}


def test_every_route_of_a_handset_that_names_a_thing_is_tried_by_a_stranger() -> None:
    named = {str(one) for one in OPERATIONS if one.path.startswith("/handset/") and "{" in one.path}

    assert named == set(OBJECTS)


async def test_another_handsets_things_look_like_none(api: Api) -> None:
    ticket, phone = await a_ticket(api), await signed_in(api, key=1)
    offer = (await phone.post(f"/handset/tickets/{ticket}/offers", {"handset": "010-5555-0002"})).json()["id"]
    stranger = await signed_in(api, THEIRS, key=2)
    things = {"ticket": ticket, "offer": offer, "device": phone.device}
    nothing = dict.fromkeys(things, str(NOBODY))

    for name, ask in OBJECTS.items():
        foreign, missing = await ask(stranger, things), await ask(stranger, nothing)
        assert problem(foreign, 404, "not-found") == problem(missing, 404, "not-found"), name
    assert (await phone.get(f"/handset/tickets/{ticket}")).json()["use"] == "good"


async def test_another_issuers_staff_finds_no_ticket_of_ours(blank: Stage) -> None:
    shop = await a_catalogue(blank)
    await a_catalogue(blank, an_issuer("other"))
    async with Api(blank, shop) as api:
        await a_ticket(api)
        boss = await api.staff(issuer="other")

        problem(await api.post("/staff/handsets/loss", {"handset": OWN, "reason": "x"}, bearer=boss), 404, "not-found")
