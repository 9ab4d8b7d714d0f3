"""The OpenAPI document keeps its word: it is valid, and each answer that it promises can be had."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, cast

import httpx
import pytest
import schemathesis
from fakes import Upset
from http_kit import BODY_BYTES_MAX, DOCUMENT, NOBODY, OPERATIONS, OWN, Api, Booked, Operation, operation, spoken_pin

from app.domain.handset import Handset

Way = Callable[[Api], Awaitable[httpx.Response]]
CARD = {"instrument": {"kind": "card", "token": "pm_card_visa"}}
TOP_UP = {"issuer": "haneul", "handset": OWN, "amount": 1_000, "currency": "KRW"}
BODIES: dict[str, Any] = {
    "POST /bookings/{booking_id}/payments": CARD,
    "POST /tickets/{ticket_id}/revoke": {"reason": "lost phone"},
    "POST /emoney/vouchers": {"issuer": "haneul", "handset": OWN, "voucher": "482910375-1 491027"},
    "POST /gate/enrolments": {"code": "0000-0000-0000-0000"},
    "POST /gate/admissions": {"scan_id": "s-1", "presented": "x"},
    "POST /gate/checks": {"scan_id": "s-1", "presented": "x"},
    "POST /staff/gates": {"issuer": "haneul", "name": "Front door"},
    "POST /staff/emoney/topups": TOP_UP,
    "POST /staff/messages/preview": {"text": "hello"},
}
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
    bearer = await api.staff()
    path = one.path.format(booking_id=(held := await api.booked()).id, ticket_id="")
    if "ticket_id" in one.path:
        sold = await api.sold()
        path = one.path.format(ticket_id=(await sold.ticket())["id"])
    del held
    return await api.post(path, body_of(api, one), bearer=bearer, key=None)


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
    if one.path == "/carrier/receipts":
        return await api.receipt(b"{")
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


async def the_booking(api: Api, rest: str = "", *, method: str = "GET") -> httpx.Response:
    booked = await api.booked()
    headers = {"authorization": f"Bearer {booked.link}"}
    return await api.client.request(method, f"/bookings/{booked.id}{rest}", headers=headers)


async def again(api: Api, address: str, body: Any = None, *, times: int = 2, bearer: str | None = None) -> httpx.Response:
    answers = [await api.post(address, body, bearer=bearer) for _ in range(times)]
    return answers[-1]


async def cancelled_twice(api: Api) -> httpx.Response:
    booked = await api.booked()
    return await again(api, f"/bookings/{booked.id}/cancel", bearer=booked.link)


async def paid_twice(api: Api) -> httpx.Response:
    return await (await api.sold()).pay()


async def paid_too_late(api: Api) -> httpx.Response:
    booked = await api.booked()
    api.stage.clock.advance(minutes=11)
    return await booked.pay()


async def paid_in_a_storm(api: Api) -> httpx.Response:
    api.stage.card.upset("prepare", Upset.LOST_BEFORE)
    return await (await api.booked()).pay()


async def unchanged_picture(api: Api) -> httpx.Response:
    first = await the_ticket(api, "/barcode.svg")
    headers = {"authorization": first.request.headers["authorization"], "if-none-match": first.headers["etag"]}
    return await api.client.get(first.request.url, headers=headers)


async def sent_of_a_revoked_ticket(api: Api) -> httpx.Response:
    revoked = await the_ticket(api, "/revoke", method="POST", body={"reason": "lost"})
    return await api.post(f"/tickets/{revoked.json()['id']}/resend", bearer=await api.staff())


async def revoked_twice(api: Api) -> httpx.Response:
    first = await the_ticket(api, "/revoke", method="POST", body={"reason": "lost"})
    return await api.post(f"/tickets/{first.json()['id']}/revoke", {"reason": "lost"}, bearer=await api.staff())


async def sent_too_often(api: Api) -> httpx.Response:
    first = await the_ticket(api, "/resend", method="POST")
    address = str(first.request.url.path)
    return await again(api, address, times=3, bearer=await api.staff())


async def redeemed(api: Api, *, times: int = 1, right: bool = True) -> httpx.Response:
    price = str(api.shop.price("gift/gift"))
    sold = await api.sold({"product": str(api.shop.products["gift"]), "lines": [{"price": price}], "buyer": OWN})
    pin = spoken_pin(api.stage.carrier.inbox(Handset("+821012345678"))[-1])
    voucher = f"{(await sold.ticket())['number']} {pin if right else f'{(int(pin) + 1) % 1_000_000:06}'}"
    body = {"issuer": "haneul", "handset": OWN, "voucher": voucher}
    return await again(api, "/emoney/vouchers", body, times=times)


async def scanned(api: Api, kind: str) -> httpx.Response:
    _, token = await api.gate()
    return await api.post(f"/gate/{kind}", {"scan_id": "s-1", "presented": "x"}, bearer=token)


async def enrolled(api: Api) -> httpx.Response:
    invited = await api.post("/staff/gates", {"issuer": "haneul", "name": "Door"}, bearer=await api.staff())
    return await api.post("/gate/enrolments", {"code": invited.json()["code"]})


async def revoked_gate(api: Api) -> httpx.Response:
    gate, _ = await api.gate()
    return await api.delete(f"/staff/gates/{gate}", bearer=await api.staff())


async def retried(api: Api) -> httpx.Response:
    await api.sold()
    letter = await api.stage.value(
        "UPDATE outbox SET done_at = NULL, dead_at = now() WHERE topic = 'register' RETURNING id"
    )
    return await api.post(f"/staff/dead-letters/{letter}/retry", bearer=await api.staff())


async def posted_by_staff(api: Api, path: str, body: Any) -> httpx.Response:
    return await api.post(path, body, bearer=await api.staff())


async def got_by_staff(api: Api, path: str) -> httpx.Response:
    return await api.get(path, bearer=await api.staff())


async def unready(api: Api) -> httpx.Response:
    await api.stage.database.engine.dispose()
    lost = api.stage.database.engine.url.set(port=1, query={}, host="127.0.0.1")
    from app.store.database import Database, make_engine  # noqa: PLC0415 - replaced below

    del lost, Database, make_engine
    return await api.get("/readyz")


def monday(api: Api, rest: str) -> str:
    return f"/catalogue/occasions/{api.shop.occasions['play/mon']}/{rest}"
