"""The OpenAPI document keeps its word: it is valid, and each answer that it promises can be had."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import gate_device_ways
import gate_ways
import handset_ways
import httpx
import jsonschema_rs
import offer_ways
import pytest
import schemathesis
import snapshot_ways
from builders import BUYER
from carrier_open_kit import THEIRS, dlr, kannel_message, push_result
from fake_teller import SIGNATURE, an_event
from fakes import Upset
from http_kit import BODY_BYTES_MAX, DOCUMENT, NOBODY, OPERATIONS, OWN, Api, Operation, operation, spoken_pin
from money_kit import at_the_desk, returned, returned_by_staff, statement, the_dispute

from app.domain.refusals import IssuerAway
from app.ports import Held, NotAvailable, Wish

pytest_plugins = ("http_plugin",)

Way = Callable[[Api], Awaitable[httpx.Response]]
CARD = {"instrument": {"kind": "card", "token": "pm_card_visa"}}
TOP_UP = {"issuer": "haneul", "handset": OWN, "amount": 1_000, "currency": "KRW"}
BODIES: dict[str, Any] = {
    "POST /bookings/{booking_id}/payments": CARD,
    "POST /tickets/{ticket_id}/gift": {"handset": "010-5555-9999"},
    "POST /tickets/{ticket_id}/revoke": {"reason": "lost phone"},
    "POST /emoney/vouchers": {"issuer": "haneul", "handset": OWN, "voucher": "482910375-1 491027"},
    "POST /gate/enrolments": {"code": "0000-0000-0000-0000"},
    "POST /staff/gates": {"issuer": "haneul", "name": "Front door"},
    "POST /staff/register/{ticket_id}/revocation": {"reason": "withdrawn by the venue"},
    "POST /staff/emoney/topups": TOP_UP,
    "POST /staff/messages/preview": {"text": "hello"},
    "POST /bookings/{booking_id}/refunds": {},
    "POST /staff/refunds": {"booking": str(NOBODY), "note": "rain"},
    "POST /staff/refunds/{refund_id}/by-hand": {"note": "cash"},
}
BODIES |= handset_ways.BODIES | gate_device_ways.BODIES | gate_ways.BODIES
"""A good body for each route that takes one; bookings are made from the shop."""


# --- what can be asked of many routes -------------------------------------------------------------------------------


def body_of(api: Api, one: Operation) -> Any:
    return BODIES.get(str(one), api.wish() if "requestBody" in one.said else None)


def nobodys(one: Operation) -> str:
    path = re.sub(r"\{[a-z]+_id\}", str(NOBODY), one.path)
    return path.replace("{form}", "svg").replace("{slug}", "no-such-thing")


async def send(api: Api, one: Operation, *, body: Any = None, bearer: str | None = None, **more: Any) -> httpx.Response:
    headers = {"idempotency-key": "key-00000"} | ({"authorization": f"Bearer {bearer}"} if bearer else {})
    return await api.client.request(one.method, nobodys(one), json=body, headers=headers | more)


async def without_a_key(api: Api, one: Operation) -> httpx.Response:
    booked = await api.sold() if "ticket_id" in one.path else await api.booked()
    ticket = (await booked.ticket())["id"] if "ticket_id" in one.path else ""
    path = one.path.format(booking_id=booked.id, ticket_id=ticket)
    return await api.post(path, body_of(api, one), bearer=await api.staff(), key=None)


async def not_signed_in(api: Api, one: Operation) -> httpx.Response:
    return await send(api, one, body=body_of(api, one))


async def without_the_scope(api: Api, one: Operation) -> httpx.Response:
    wrong = "gates" if "/staff/gates" not in one.path else "money"
    return await send(api, one, body=body_of(api, one), bearer=await api.staff(wrong))


async def of_nothing(api: Api, one: Operation) -> httpx.Response:
    body = body_of(api, one)
    if isinstance(body, dict):
        body = body | ({"issuer": "nobody"} if "issuer" in body else {})
        body = body | ({"occasion": str(NOBODY)} if "occasion" in body else {})
    return await send(api, one, body=body, bearer=await api.staff())


async def too_large(api: Api, one: Operation) -> httpx.Response:
    return await api.client.request(one.method, nobodys(one), content=b" " * (BODY_BYTES_MAX + 1))


async def invalid(api: Api, one: Operation) -> httpx.Response:
    bearer = await api.staff()
    if one.path.startswith("/carrier/"):
        return await api.receipt(b"{", path=one.path)
    if one.path.startswith("/gate/") and "security" in one.said:
        _, bearer = await api.gate()
    headers = {"authorization": f"Bearer {bearer}", "idempotency-key": "key-00000"}
    if "{" in one.path:
        path = re.sub(r"\{[a-z]+_id\}", "no-id", one.path).replace("{form}", "svg")
        return await api.client.request(one.method, path, headers=headers, json=body_of(api, one))
    query = {"limit": "0"} if one.method == "GET" else None
    return await api.client.request(one.method, one.path, headers=headers, params=query, json={"unknown": 1})


IN_GENERAL: dict[int, Callable[[Api, Operation], Awaitable[httpx.Response]]] = {
    400: without_a_key,
    401: not_signed_in,
    403: without_the_scope,
    404: of_nothing,
    413: too_large,
    422: invalid,
}


# --- what is particular to one --------------------------------------------------------------------------------------


async def the_ticket(api: Api, rest: str = "", *, method: str = "GET", body: Any = None) -> httpx.Response:
    sold = await api.sold()
    headers = {"authorization": f"Bearer {await api.staff()}", "idempotency-key": "key-00001"}
    path = f"/tickets/{(await sold.ticket())['id']}{rest}"
    return await api.client.request(method, path, json=body, headers=headers)


async def profiled(api: Api, *scopes: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {await api.staff(*scopes)}"}
    return await api.client.put(f"/staff/handsets/{BUYER}/profile", json={"profile": "ems"}, headers=headers)


async def the_booking(api: Api, rest: str = "", *, method: str = "GET") -> httpx.Response:
    booked = await api.booked()
    headers = {"authorization": f"Bearer {booked.link}"}
    return await api.client.request(method, f"/bookings/{booked.id}{rest}", headers=headers)


async def again(
    api: Api, address: str, body: Any = None, *, times: int = 2, bearer: str | None = None
) -> httpx.Response:
    answers = [await api.post(address, body, bearer=bearer) for _ in range(times)]
    return answers[-1]


async def cancelled_twice(api: Api) -> httpx.Response:
    booked = await api.booked()
    return await again(api, f"/bookings/{booked.id}/cancel", bearer=booked.link)


async def paid(api: Api, card: str = "pm_card_visa") -> httpx.Response:
    return await (await api.booked()).pay(card)


async def paid_twice(api: Api) -> httpx.Response:
    return await (await api.sold()).pay()


async def paid_too_late(api: Api) -> httpx.Response:
    booked = await api.booked()
    api.stage.clock.advance(minutes=11)
    return await booked.pay()


async def paid_in_a_storm(api: Api) -> httpx.Response:
    api.stage.card.upset("prepare", Upset.LOST_BEFORE)
    return await (await api.booked()).pay()


async def out_of_reach(api: Api, path: str = "/bookings") -> httpx.Response:
    """The issuer's own server does not answer; what it sold would stay valid."""

    async def hold(wish: Wish) -> Held | NotAvailable:
        del wish
        raise IssuerAway("Temporarily not on sale. Try again in a moment.", retry_after_seconds=5)

    api.stage.world.issuers["local"].hold = hold  # type: ignore[method-assign]  # this world is the test's own
    answer = await api.post(path, api.wish(), bearer=await api.staff())
    assert answer.json()["type"].endswith("/problems/issuer-away")
    assert answer.headers["retry-after"] == "5"
    return answer


async def unchanged_picture(api: Api) -> httpx.Response:
    first = await the_ticket(api, "/barcode.svg")
    headers = {"authorization": first.request.headers["authorization"], "if-none-match": first.headers["etag"]}
    return await api.client.get(first.request.url, headers=headers)


async def sent_of_a_revoked_ticket(api: Api) -> httpx.Response:
    gone = await revoked(api)
    return await api.post(f"/tickets/{gone.json()['id']}/resend", bearer=await api.staff())


async def revoked(api: Api) -> httpx.Response:
    return await the_ticket(api, "/revoke", method="POST", body={"reason": "lost"})


async def revoked_twice(api: Api) -> httpx.Response:
    first = await revoked(api)
    return await api.post(f"/tickets/{first.json()['id']}/revoke", {"reason": "lost"}, bearer=await api.staff())


async def sent_too_often(api: Api) -> httpx.Response:
    first = await the_ticket(api, "/resend", method="POST")
    address = str(first.request.url.path)
    return await again(api, address, times=3, bearer=await api.staff())


async def given(api: Api, *, tickets: int = 1, times: int = 1) -> httpx.Response:
    """So many tickets are given away, the last one so many times, each time to somebody else."""
    sold, boss = await api.sold(api.wish(quantity=tickets)), await api.staff()
    addresses = [f"/tickets/{one['id']}/gift" for one in await sold.tickets()]
    asked = [*addresses, *[addresses[-1]] * (times - 1)]
    answers = [
        await api.post(address, {"handset": f"010-5555-999{number}"}, bearer=boss)
        for number, address in enumerate(asked)
    ]
    return answers[-1]


async def redeemed(api: Api, *, times: int = 1, right: bool = True) -> httpx.Response:
    price = str(api.shop.price("gift/gift"))
    sold = await api.sold({"product": str(api.shop.products["gift"]), "lines": [{"price": price}], "buyer": OWN})
    pin = spoken_pin(api.stage.carrier.inbox(BUYER)[-1])
    voucher = f"{(await sold.ticket())['number']} {pin if right else f'{(int(pin) + 1) % 1_000_000:06}'}"
    body = {"issuer": "haneul", "handset": OWN, "voucher": voucher}
    return await again(api, "/emoney/vouchers", body, times=times)


async def enrolled(api: Api) -> httpx.Response:
    invited = await api.post("/staff/gates", {"issuer": "haneul", "name": "Door"}, bearer=await api.staff())
    return await api.post("/gate/enrolments", {"code": invited.json()["code"]})


async def revoked_gate(api: Api) -> httpx.Response:
    gate, _ = await api.gate()
    return await api.delete(f"/staff/gates/{gate}", bearer=await api.staff())


async def gate_of_another_server(api: Api, *, method: str = "POST") -> httpx.Response:
    """The other server is one that `stage` has no adapter for: the row says so, and is put back at once."""
    gate, _ = await api.gate()
    boss = await api.staff()
    path = "/staff/gates" if method == "POST" else f"/staff/gates/{gate}"
    body = BODIES["POST /staff/gates"] if method == "POST" else None
    await api.stage.sql("UPDATE issuer SET served_by = 'arena'")
    try:
        return await api.client.request(method, path, json=body, headers={"authorization": f"Bearer {boss}"})
    finally:
        await api.stage.sql("UPDATE issuer SET served_by = 'local'")


async def looked_up(api: Api, number: str = "", *scopes: str) -> httpx.Response:
    number = number or (await (await api.sold()).ticket())["number"]
    return await api.get("/staff/register", bearer=await api.staff(*scopes), issuer="haneul", number=number)


async def refused_in_the_register(api: Api, *, seller: str = "elsewhere") -> httpx.Response:
    ticket = (await (await api.sold()).ticket())["id"]
    await api.stage.sql("UPDATE credential SET seller = :name, pin_mac = '', compact_mac = ''", name=seller)
    path = f"/staff/register/{ticket}/revocation"
    return await api.post(path, {"reason": "withdrawn by the venue"}, bearer=await api.staff())


async def retried(api: Api) -> httpx.Response:
    await api.sold()
    letter = await api.stage.value(
        "UPDATE outbox SET done_at = NULL, dead_at = now() WHERE topic = 'register' RETURNING id"
    )
    return await api.post(f"/staff/dead-letters/{letter}/retry", bearer=await api.staff())


async def posted_by_staff(api: Api, path: str, body: Any = None) -> httpx.Response:
    return await api.post(path, body or BODIES[f"POST {path}"], bearer=await api.staff())


async def got_by_staff(api: Api, path: str) -> httpx.Response:
    return await api.get(path, bearer=await api.staff())


async def webhook(api: Api, *, provider: str = "card", signature: str = SIGNATURE) -> httpx.Response:
    body = an_event("e-1", "payment", "ref-1")
    return await api.client.post(f"/payments/news/{provider}", content=body, headers={"stripe-signature": signature})


def monday(api: Api, rest: str) -> str:
    return f"/catalogue/occasions/{api.shop.occasions['play/mon']}/{rest}"


PARTICULAR: dict[tuple[str, int], Way] = {
    ("GET /catalogue/products", 200): lambda api: api.get("/catalogue/products"),
    ("GET /catalogue/products/{product_id}", 200): lambda api: api.get(
        f"/catalogue/products/{api.shop.products['ride']}"
    ),
    ("GET /catalogue/stops", 200): lambda api: api.get("/catalogue/stops"),
    ("GET /catalogue/occasions", 200): lambda api: api.get("/catalogue/occasions"),
    ("GET /catalogue/occasions/{occasion_id}/places", 200): lambda api: api.get(monday(api, "places")),
    ("GET /catalogue/occasions/{occasion_id}/availability", 200): lambda api: api.get(monday(api, "availability")),
    ("POST /bookings", 201): lambda api: api.post("/bookings", api.wish()),
    ("POST /bookings", 409): lambda api: api.post("/bookings", api.wish(quantity=7)),
    ("POST /bookings", 503): out_of_reach,
    ("GET /bookings/{booking_id}", 200): the_booking,
    ("POST /bookings/{booking_id}/cancel", 204): lambda api: the_booking(api, "/cancel", method="POST"),
    ("POST /bookings/{booking_id}/cancel", 409): cancelled_twice,
    ("POST /bookings/{booking_id}/payments", 200): paid,
    ("POST /bookings/{booking_id}/payments", 402): lambda api: paid(api, "pm_declined"),
    ("POST /bookings/{booking_id}/payments", 409): paid_twice,
    ("POST /bookings/{booking_id}/payments", 410): paid_too_late,
    ("POST /bookings/{booking_id}/payments", 503): paid_in_a_storm,
    ("POST /payments/news/{provider}", 204): webhook,
    ("POST /payments/news/{provider}", 400): lambda api: webhook(api, signature="forged"),
    ("POST /payments/news/{provider}", 404): lambda api: webhook(api, provider="nobody"),
    ("GET /bookings/{booking_id}/tickets", 200): lambda api: the_booking(api, "/tickets"),
    ("GET /tickets/{ticket_id}", 200): the_ticket,
    ("GET /tickets/{ticket_id}/barcode.{form}", 200): lambda api: the_ticket(api, "/barcode.png"),
    ("GET /tickets/{ticket_id}/barcode.{form}", 304): unchanged_picture,
    ("POST /tickets/{ticket_id}/resend", 202): lambda api: the_ticket(api, "/resend", method="POST"),
    ("POST /tickets/{ticket_id}/resend", 409): sent_of_a_revoked_ticket,
    ("POST /tickets/{ticket_id}/resend", 429): sent_too_often,
    ("POST /tickets/{ticket_id}/gift", 201): given,
    ("POST /tickets/{ticket_id}/gift", 409): lambda api: given(api, times=2),
    ("POST /tickets/{ticket_id}/gift", 429): lambda api: given(api, tickets=6),
    ("POST /tickets/{ticket_id}/revoke", 200): revoked,
    ("POST /tickets/{ticket_id}/revoke", 409): revoked_twice,
    ("POST /emoney/vouchers", 201): redeemed,
    ("POST /emoney/vouchers", 409): lambda api: redeemed(api, times=2),
    ("POST /emoney/vouchers", 423): lambda api: redeemed(api, times=6, right=False),
    ("POST /gate/enrolments", 201): enrolled,
    ("POST /carrier/receipts", 204): lambda api: api.receipt(
        b'{"message_id": "m-1", "state": "DELIVERED", "at": "2026-11-22T03:00:05Z"}'
    ),
    ("POST /carrier/messages", 204): lambda api: api.receipt(
        b'{"message_id": "m-1", "from": "+821012345678", "to": "1588", "text": "help", "at": "2026-11-22T03:00:05Z"}',
        path="/carrier/messages",
    ),
    ("POST /carrier/push-results/{token}", 200): push_result,
    ("POST /carrier/push-results/{token}", 404): lambda api: push_result(api, by=THEIRS),
    ("POST /carrier/push-results/{token}", 422): lambda api: push_result(api, body=b"<pap/>"),
    ("GET /carrier/dlr/{token}", 204): dlr,
    ("GET /carrier/dlr/{token}", 404): lambda api: dlr(api, by=THEIRS),
    ("GET /carrier/dlr/{token}", 422): lambda api: dlr(api, kind="x"),
    ("GET /carrier/kannel/{token}/messages", 200): kannel_message,
    ("GET /carrier/kannel/{token}/messages", 404): lambda api: kannel_message(api, by=THEIRS),
    ("GET /carrier/kannel/{token}/messages", 422): lambda api: kannel_message(api, id=""),
    ("PUT /staff/handsets/{handset}/profile", 204): profiled,
    ("PUT /staff/handsets/{handset}/profile", 403): lambda api: profiled(api, "sell"),
    ("POST /staff/gates", 201): lambda api: posted_by_staff(api, "/staff/gates"),
    ("DELETE /staff/gates/{gate_id}", 204): revoked_gate,
    ("POST /staff/gates", 409): gate_of_another_server,
    ("DELETE /staff/gates/{gate_id}", 409): lambda api: gate_of_another_server(api, method="DELETE"),
    ("GET /staff/register", 200): looked_up,
    ("GET /staff/register", 403): lambda api: looked_up(api, "482910375-1", "sell"),
    ("GET /staff/register", 404): lambda api: looked_up(api, "482910375-1"),
    ("POST /staff/register/{ticket_id}/revocation", 204): refused_in_the_register,
    ("POST /staff/register/{ticket_id}/revocation", 409): lambda api: refused_in_the_register(api, seller=""),
    ("POST /staff/complimentary", 201): lambda api: posted_by_staff(api, "/staff/complimentary", api.wish()),
    ("POST /staff/complimentary", 409): lambda api: posted_by_staff(api, "/staff/complimentary", api.wish(quantity=7)),
    ("POST /staff/complimentary", 503): lambda api: out_of_reach(api, "/staff/complimentary"),
    ("POST /staff/emoney/topups", 201): lambda api: posted_by_staff(api, "/staff/emoney/topups"),
    ("GET /staff/deliveries", 200): lambda api: got_by_staff(api, "/staff/deliveries"),
    ("GET /staff/dead-letters", 200): lambda api: got_by_staff(api, "/staff/dead-letters"),
    ("POST /staff/dead-letters/{letter_id}/retry", 204): retried,
    ("POST /staff/messages/preview", 200): lambda api: posted_by_staff(api, "/staff/messages/preview"),
    ("GET /bookings/{booking_id}/refunds", 200): lambda api: the_booking(api, "/refunds"),
    ("POST /bookings/{booking_id}/refunds", 201): returned,
    ("POST /bookings/{booking_id}/refunds", 409): lambda api: returned(api, times=2),
    ("POST /staff/refunds", 201): returned_by_staff,
    ("POST /staff/refunds", 409): lambda api: returned_by_staff(api, times=2),
    ("GET /staff/refunds", 200): lambda api: got_by_staff(api, "/staff/refunds"),
    ("POST /staff/refunds/{refund_id}/retry", 200): lambda api: at_the_desk(api, "retry"),
    ("POST /staff/refunds/{refund_id}/retry", 409): lambda api: at_the_desk(api, "retry", "succeeded"),
    ("POST /staff/refunds/{refund_id}/by-hand", 200): lambda api: at_the_desk(api, "by-hand"),
    ("POST /staff/refunds/{refund_id}/by-hand", 409): lambda api: at_the_desk(api, "by-hand", "succeeded"),
    ("GET /staff/disputes", 200): lambda api: got_by_staff(api, "/staff/disputes"),
    ("GET /staff/disputes/{dispute_id}", 200): the_dispute,
    ("GET /staff/statements", 200): statement,
    ("GET /staff/statements", 403): lambda api: statement(api, scope="sell"),
    ("GET /staff/statements", 404): lambda api: statement(api, issuer="nobody"),
    ("GET /healthz", 200): lambda api: api.get("/healthz"),
    ("GET /readyz", 200): lambda api: api.get("/readyz"),
    ("GET /metrics", 200): lambda api: api.get("/metrics"),
    ("GET /.well-known/jwks.json", 200): lambda api: api.get("/.well-known/jwks.json"),
    ("GET /problems/{slug}", 200): lambda api: api.get("/problems/sold-out"),
}
PARTICULAR |= handset_ways.PARTICULAR | offer_ways.PARTICULAR | gate_device_ways.PARTICULAR | gate_ways.PARTICULAR
PARTICULAR |= snapshot_ways.PARTICULAR

NOT_TO_BE_HAD = {
    ("GET /readyz", 503): "test_http_operations.py takes the database away",
    ("GET /problems/{slug}", 422): "a word in the path is never invalid, only unknown",
    ("GET /staff/dead-letters", 422): "it takes nothing that could be invalid",
}
NOT_TO_BE_HAD |= gate_ways.NOT_TO_BE_HAD
PROMISED = [(one, int(status)) for one in OPERATIONS for status in one.said["responses"]]


async def ways(api: Api, one: Operation, status: int) -> httpx.Response:
    if (way := PARTICULAR.get((str(one), status))) is not None:
        return await way(api)
    return await IN_GENERAL[status](api, one)


@pytest.mark.parametrize(
    ("one", "status"),
    [pair for pair in PROMISED if (str(pair[0]), pair[1]) not in NOT_TO_BE_HAD],
    ids=lambda part: str(part).replace("/", "|"),
)
async def test_every_promised_answer_can_be_had(api: Api, one: Operation, status: int) -> None:
    answer = await ways(api, one, status)

    assert answer.status_code == status, answer.text
    assert one.serves(answer.request.method, answer.request.url.path), f"{answer.request.url.path} is another route"


def test_what_is_listed_here_is_promised_there() -> None:
    promised = {(str(one), status) for one, status in PROMISED}

    assert set(PARTICULAR) <= promised
    assert set(NOT_TO_BE_HAD) <= promised


def test_the_document_is_valid_openapi() -> None:
    schemathesis.openapi.from_dict(DOCUMENT).validate()


def test_pages_for_people_are_no_part_of_it() -> None:
    assert not [path for path in DOCUMENT["paths"] if path in {"/", "/t/{token}", "/b/{link}"} or "/p/" in path]


def test_every_operation_says_what_it_does_in_one_sentence() -> None:
    for one in OPERATIONS:
        assert one.said["description"].endswith("."), str(one)


def test_problems_are_promised_as_problems() -> None:
    for one, status in PROMISED:
        if status >= 400 and (str(one), status) != ("GET /readyz", 503):
            assert list(one.said["responses"][str(status)]["content"]) == ["application/problem+json"], str(one)


async def test_an_answer_that_is_not_promised_is_noticed(api: Api) -> None:
    answer = await api.get("/healthz")
    silent = Operation("GET", "/healthz", {"responses": {"204": {}}})
    other = Operation("GET", "/healthz", {"responses": {"200": {"content": {"text/plain": {}}}}})
    wrong = Operation(
        "GET", "/healthz", {"responses": {"200": {"content": {"application/json": {"schema": {"type": "array"}}}}}}
    )

    for liar in (silent, other):
        with pytest.raises(AssertionError):
            liar.check(answer)
    with pytest.raises(jsonschema_rs.ValidationError):
        wrong.check(answer)
    operation("GET /healthz").check(answer)
