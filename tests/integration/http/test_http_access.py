"""Who may do what over HTTP: what is not yours looks like nothing, and a staff key does what its scopes say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from builders import BUYER, FRIEND, Stage, a_catalogue, an_issuer
from http_kit import NOBODY, OTHERS, OWN, Api, fresh_key, link_in, problem, signed_in

from app.flows import staff
from app.store import staff as stored

pytest_plugins = ("http_plugin",)

CARD = {"instrument": {"kind": "card", "token": "pm_card_visa"}}


@dataclass(frozen=True)
class Things:
    """One thing of each kind, of one issuer."""

    booking: str
    ticket: str
    gate: str
    letter: str


@dataclass(frozen=True)
class Route:
    """A route with a body that it takes; `scope` is what a staff key needs for it, `buyer` whether a link will do."""

    method: str
    path: str
    scope: str
    body: Any = None
    buyer: bool = False

    async def ask(self, api: Api, things: Things, bearer: str | None) -> httpx.Response:
        headers = signed_in(bearer) | {"idempotency-key": fresh_key()}
        path = self.path.format(**vars(things))
        return await api.client.request(self.method, path, json=self.body, headers=headers)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


NOTHING = Things(str(NOBODY), str(NOBODY), str(NOBODY), str(NOBODY))
OBJECTS = (
    Route("GET", "/bookings/{booking}", "read", buyer=True),
    Route("GET", "/bookings/{booking}/tickets", "read", buyer=True),
    Route("GET", "/bookings/{booking}/refunds", "read", buyer=True),
    Route("POST", "/bookings/{booking}/payments", "sell", CARD, buyer=True),
    Route("POST", "/bookings/{booking}/cancel", "sell", buyer=True),
    Route("GET", "/tickets/{ticket}", "read", buyer=True),
    Route("GET", "/tickets/{ticket}/barcode.svg", "read", buyer=True),
    Route("POST", "/tickets/{ticket}/resend", "messages", buyer=True),
    Route("POST", "/tickets/{ticket}/gift", "sell", {"handset": "010-5555-9999"}, buyer=True),
    Route("GET", "/staff/tickets/{ticket}/chain", "read"),
    Route("POST", "/tickets/{ticket}/revoke", "refund", {"reason": "lost"}),
    Route("DELETE", "/staff/gates/{gate}", "gates"),
    Route("POST", "/staff/dead-letters/{letter}/retry", "messages"),
)
LISTINGS = (
    Route("GET", "/staff/deliveries", "messages"),
    Route("GET", "/staff/dead-letters", "messages"),
    Route("GET", "/staff/refunds", "refund"),
    Route("GET", "/staff/disputes", "money"),
    Route("GET", "/staff/statements?issuer=haneul", "money"),
    Route("POST", "/staff/messages/preview", "read", {"text": "hello"}),
    Route("POST", "/staff/gates", "gates", {"issuer": "haneul", "name": "Side door"}),
    Route("GET", "/staff/gates?issuer=haneul", "gates"),
    Route("GET", "/staff/incidents", "read"),
    Route("GET", "/staff/occupancy?issuer=haneul", "read"),
    Route("GET", "/staff/scans?issuer=haneul", "read"),
    Route(
        "POST",
        "/staff/emoney/topups",
        "money",
        {"issuer": "haneul", "handset": OWN, "amount": 1_000, "currency": "KRW"},
    ),
)


async def things_of(api: Api) -> Things:
    """A held booking, a ticket, a gate and a dead letter of the theatre."""
    held, sold = await api.booked(), await api.sold(api.wish() | {"buyer": OTHERS})
    gate, _ = await api.gate()
    letter = uuid4()
    await api.stage.sql(
        "INSERT INTO outbox (id, issuer_id, topic, key, payload, created_at, due_at, attempts, dead_at, last_error)"
        " SELECT :id, :issuer, topic, 'given up', payload, created_at, due_at, 12, created_at, 'no answer'"
        " FROM outbox WHERE topic = 'register' LIMIT 1",
        id=letter,
        issuer=api.shop.issuer,
    )
    return Things(held.id, (await sold.ticket())["id"], gate, str(letter))


async def test_without_a_token_nobody_gets_in(api: Api) -> None:
    things = await things_of(api)

    for route in (*OBJECTS, *LISTINGS):
        answer = await route.ask(api, things, None)
        problem(answer, 401, "not-authentic")
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_key_that_was_never_made_opens_nothing(api: Api) -> None:
    things = await things_of(api)

    for route in (*OBJECTS, *LISTINGS):
        for bearer in ("ctk_0_0", "ctk_" + "0" * 12 + "_" + "0" * 48):
            problem(await route.ask(api, things, bearer), 401, "not-authentic")


@pytest.mark.parametrize("route", [one for one in OBJECTS if one.buyer], ids=str)
async def test_another_buyers_link_finds_nothing(api: Api, route: Route) -> None:
    things = await things_of(api)
    other = await api.sold(api.wish(category="S") | {"buyer": "010-5555-1234"})
    holder = link_in(next(iter(api.stage.carrier.inbox("+821055551234"))))

    for bearer in (other.link, holder, "A" * 22, "x"):
        problem(await route.ask(api, things, bearer), 404, "not-found")
    problem(await route.ask(api, NOTHING, other.link), 404, "not-found")


@pytest.mark.parametrize("route", [one for one in OBJECTS if not one.buyer], ids=str)
async def test_a_buyers_link_is_no_staff_key(api: Api, route: Route) -> None:
    things = await things_of(api)
    buyer = await api.booked(api.wish(category="S"))

    problem(await route.ask(api, things, buyer.link), 401, "not-authentic")


async def test_one_holder_of_a_booking_does_not_see_the_other_ones_ticket(api: Api) -> None:
    sold = await api.sold(api.wish(quantity=2, handsets=[OWN, OTHERS]))
    by_handset = {one["handset"][-4:]: one["id"] for one in await sold.tickets()}
    holder = link_in(api.stage.carrier.inbox(BUYER)[0])

    assert (await api.get(f"/tickets/{by_handset['5678']}", bearer=holder)).status_code == 200
    problem(await api.get(f"/tickets/{by_handset['4321']}", bearer=holder), 404, "not-found")
    problem(await api.get(f"/bookings/{sold.id}", bearer=holder), 404, "not-found")
    assert len(api.stage.carrier.inbox(FRIEND)) == 1


# --- staff ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", [*OBJECTS, *LISTINGS], ids=str)
async def test_a_key_does_what_its_one_scope_allows_and_nothing_else(api: Api, route: Route) -> None:
    things = await things_of(api)

    for scope in sorted(staff.SCOPES - {route.scope}):
        refused = await route.ask(api, things, await api.staff(scope))
        assert repr(route.scope) in problem(refused, 403, "not-allowed")["detail"]

    allowed = await route.ask(api, things, await api.staff(route.scope))
    assert allowed.status_code < 300, allowed.text


@pytest.mark.parametrize("scope", sorted(staff.SCOPES))
async def test_only_the_scope_sell_gives_tickets_away(api: Api, scope: str) -> None:
    answer = await api.post("/staff/complimentary", api.wish(), bearer=await api.staff(scope))

    if scope == "sell":
        assert (answer.status_code, answer.json()["amount"]["amount"]) == (201, 0)
    else:
        problem(answer, 403, "not-allowed")


async def test_another_issuers_staff_finds_nothing_and_cannot_tell_it_from_what_is_not_there(blank: Stage) -> None:
    shop = await a_catalogue(blank)
    await a_catalogue(blank, an_issuer("other"))
    async with Api(blank, shop) as api:
        things, boss = await things_of(api), await api.staff(issuer="other")

        for route in OBJECTS:
            foreign, missing = await route.ask(api, things, boss), await route.ask(api, NOTHING, boss)
            assert problem(foreign, 404, "not-found") == problem(missing, 404, "not-found")


@pytest.mark.parametrize("route", OBJECTS, ids=str)
async def test_the_operators_staff_acts_for_every_issuer(api: Api, route: Route) -> None:
    answer = await route.ask(api, await things_of(api), await api.staff(issuer=None))

    assert answer.status_code < 300, answer.text


async def test_another_issuers_staff_does_nothing_in_our_name(blank: Stage) -> None:
    shop = await a_catalogue(blank)
    await a_catalogue(blank, an_issuer("other"))
    async with Api(blank, shop) as api:
        await things_of(api)
        boss = await api.staff(issuer="other")
        top_up = {"issuer": "haneul", "handset": OWN, "amount": 1_000, "currency": "KRW"}

        problem(await api.post("/staff/gates", {"issuer": "haneul", "name": "Door"}, bearer=boss), 404, "not-found")
        problem(await api.post("/staff/emoney/topups", top_up, bearer=boss), 404, "not-found")
        problem(await api.post("/staff/complimentary", api.wish(), bearer=boss), 404, "not-found")
        assert (await api.get("/staff/deliveries", bearer=boss)).json() == []
        assert (await api.get("/staff/dead-letters", bearer=boss)).json() == {"dead_letters": []}


@pytest.mark.parametrize("end", ["revoked", "expired", "changed"])
async def test_a_key_that_ended_opens_nothing(api: Api, end: str) -> None:
    key = await api.staff("read", days=1)
    assert (await api.post("/staff/messages/preview", {"text": "x"}, bearer=key)).status_code == 200

    match end:
        case "revoked":
            async with api.stage.world.transaction() as tx:
                await stored.revoke_key(tx, key.split("_")[1], now=api.stage.clock.now())
        case "expired":
            api.stage.clock.advance(days=1)
        case _:
            key = key[:-1] + ("0" if key[-1] != "0" else "1")

    booked = await api.booked()
    problem(await api.post("/staff/messages/preview", {"text": "x"}, bearer=key), 401, "not-authentic")
    problem(await api.get(f"/bookings/{booked.id}", bearer=key), 401, "not-authentic")


# --- what staff do --------------------------------------------------------------------------------------------------


async def test_complimentary_tickets_are_free_sent_and_marked(api: Api) -> None:
    answer = await api.post("/staff/complimentary", api.wish(quantity=2), bearer=await api.staff("sell"))
    await api.stage.work()

    body = answer.json()
    assert body["amount"]["amount"] == 0
    assert len(api.stage.carrier.inbox(BUYER)) == 2
    assert (await api.get(f"/bookings/{body['id']}", bearer=body["link"])).json()["state"] == "paid"
    assert await api.stage.value("SELECT complimentary FROM booking WHERE id = :id", id=body["id"])


async def test_messages_are_listed_page_by_page_and_by_state(api: Api) -> None:
    await api.sold(api.wish(quantity=3))
    boss = await api.staff("messages")

    first = (await api.get("/staff/deliveries", bearer=boss, limit=2)).json()
    rest = (await api.get("/staff/deliveries", bearer=boss, limit=2, after=first[-1]["id"])).json()

    assert [len(first), len(rest)] == [2, 1]
    assert len({one["id"] for one in [*first, *rest]}) == 3
    assert (await api.get("/staff/deliveries", bearer=boss, state="failed")).json() == []


async def test_a_dead_letter_is_seen_with_its_reason_and_tried_again(api: Api) -> None:
    things, boss = await things_of(api), await api.staff("messages")

    seen = (await api.get("/staff/dead-letters", bearer=boss)).json()["dead_letters"]
    again = await api.post(f"/staff/dead-letters/{things.letter}/retry", bearer=boss)

    assert [(one["id"], one["attempts"], one["reason"]) for one in seen] == [(things.letter, 12, "no answer")]
    assert again.status_code == 204
    assert (await api.get("/staff/dead-letters", bearer=boss)).json() == {"dead_letters": []}
    problem(await api.post(f"/staff/dead-letters/{things.letter}/retry", bearer=boss), 404, "not-found")


@pytest.mark.parametrize(
    ("text", "coding", "cost"),
    [("hello", "gsm7", 1), ("x" * 161, "gsm7", 2), ("안녕하십니까", "ucs2", 1), ("가" * 71, "ucs2", 2)],
)
async def test_a_preview_shows_what_a_text_costs(api: Api, text: str, coding: str, cost: int) -> None:
    body = (await api.post("/staff/messages/preview", {"text": text}, bearer=await api.staff("read"))).json()

    assert (body["coding"].replace("-", ""), body["cost"], "".join(body["parts"])) == (coding, cost, text)
    assert len(body["units_per_part"]) == cost


async def test_a_top_up_in_a_foreign_currency_is_a_contradiction(api: Api) -> None:
    body = {"issuer": "haneul", "handset": OWN, "amount": 1_000, "currency": "USD"}

    problem(await api.post("/staff/emoney/topups", body, bearer=await api.staff("money")), 422, "bad-line")


@pytest.mark.parametrize("slug", ["", "no-such-issuer"])
async def test_an_issuer_nobody_knows_has_no_gates(api: Api, slug: str) -> None:
    body = {"issuer": slug, "name": "Door"}

    problem(await api.post("/staff/gates", body, bearer=await api.staff("gates", issuer=None)), 404, "not-found")
