"""How each answer that the handset's routes promise can be had."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import uuid4

import httpx
from builders import BUYER, FRIEND
from enrolled_kit import Phone, a_key, a_phone, latest_code
from http_kit import NOBODY, OPERATIONS, OTHERS, OWN, Api, fresh_key

Way = Callable[[Api], Awaitable[httpx.Response]]

MINE, THEIRS, NEW = str(BUYER), str(FRIEND), "+821055550001"
BODIES = {
    "POST /handset/codes": {"handset": OWN},
    "POST /handset/loss": {"handset": OWN, "code": "000000"},
    "POST /staff/handsets/loss": {"handset": OWN, "reason": "stolen"},
    "POST /staff/handsets/number": {"handset": OWN, "to": "010-5555-0001", "reason": "number given up"},
}


async def phone_of(api: Api, number: str = MINE, *, key: int = 1) -> Phone:
    return await a_phone(api.client, api.stage, number, key=key)


async def a_ticket(api: Api, *, quantity: int = 1) -> list[str]:
    sold = await api.sold(api.wish(quantity=quantity))
    return [one["id"] for one in await sold.tickets()]


def by_phone(method: str, path: str) -> Way:
    async def way(api: Api) -> httpx.Response:
        return await (await phone_of(api)).ask(method, path)

    return way


def of_nothing(method: str, path: str) -> Way:
    async def way(api: Api) -> httpx.Response:
        bodies = {"offers": {"handset": OTHERS}, "acceptance": {}}
        phone, body = await phone_of(api), bodies.get(path.rpartition("/")[2])
        return await phone.ask(method, path, body, idempotency_key=fresh_key())

    return way


def unfit(method: str, path: str) -> Way:
    async def way(api: Api) -> httpx.Response:
        return await api.client.request(method, path, headers={"dpop": "x" * 4_097})

    return way


async def coded(api: Api, *, times: int = 1) -> httpx.Response:
    return [await api.post("/handset/codes", {"handset": OWN}) for _ in range(times)][-1]


async def enrolled(api: Api, *, number: str = MINE) -> httpx.Response:
    """Where it is not the first number that this key asks for, it is refused."""
    if number != MINE:
        await phone_of(api)
    phone = Phone(api.client, api.stage, number, a_key(1))
    return await phone.enrol(await phone.code())


async def renewed(api: Api) -> httpx.Response:
    return await (await phone_of(api)).renew()


async def other_device(api: Api, method: str, rest: str = "") -> httpx.Response:
    one, two = await phone_of(api, key=1), await phone_of(api, key=2)
    return await two.ask(method, f"/handset/devices/{one.device}{rest}")


async def lost(api: Api) -> httpx.Response:
    code = await (await phone_of(api)).code("loss")
    return await api.post("/handset/loss", {"handset": OWN, "code": code})


async def number_coded(api: Api, *, times: int = 1) -> httpx.Response:
    phone = await phone_of(api)
    return [await phone.post("/handset/number/codes", {"handset": NEW}) for _ in range(times)][-1]


async def number_moved(api: Api, *, full: bool = False) -> httpx.Response:
    phone = await phone_of(api)
    await phone.post("/handset/number/codes", {"handset": NEW, "language": "en"})
    await api.stage.work()
    old, new = (latest_code(api.stage, number) for number in (MINE, NEW))
    for number in range(5 if full else 0):
        await api.stage.sql(
            "INSERT INTO device (id, handset, name, public_key, thumbprint, created_at, seen_at)"
            " SELECT :id, :handset, name, public_key, :name, created_at, seen_at FROM device LIMIT 1",
            id=uuid4(),
            handset=NEW,
            name=f"device {number}",
        )
    return await phone.post("/handset/number", {"handset": NEW, "old_code": old, "new_code": new})


async def downloaded(api: Api, *, again: bool = False) -> httpx.Response:
    (ticket,), phone = await a_ticket(api), await phone_of(api)
    first = await phone.get(f"/handset/tickets/{ticket}")
    return await phone.get(f"/handset/tickets/{ticket}", if_none_match=first.headers["etag"]) if again else first


async def elsewhere(api: Api, rest: str = "", *, method: str = "GET") -> httpx.Response:
    """What another device of the number is answered about a ticket that lives on the first."""
    (ticket,) = await a_ticket(api)
    one, two = await phone_of(api, key=1), await phone_of(api, key=2)
    await one.get(f"/handset/tickets/{ticket}")
    return await two.ask(method, f"/handset/tickets/{ticket}{rest}")


async def not_to_be_moved(api: Api) -> httpx.Response:
    (ticket,), phone = await a_ticket(api), await phone_of(api)
    return await phone.post(f"/handset/tickets/{ticket}/move")


async def resent(api: Api, *, times: int = 1, revoked: bool = False, keyed: bool = True) -> httpx.Response:
    (ticket,), phone = await a_ticket(api), await phone_of(api)
    if revoked:
        await api.post(f"/tickets/{ticket}/revoke", {"reason": "lost"}, bearer=await api.staff())
    keys = [{"idempotency_key": fresh_key()} if keyed else {} for _ in range(times)]
    return [await phone.post(f"/handset/tickets/{ticket}/resend", **key) for key in keys][-1]


async def offered(api: Api, *, tickets: int = 1, to: str = OTHERS) -> httpx.Response:
    found, phone = await a_ticket(api, quantity=tickets), await phone_of(api)
    return [await phone.post(f"/handset/tickets/{one}/offers", {"handset": to}) for one in found][-1]


async def offered_twice(api: Api) -> httpx.Response:
    (ticket,), phone = await a_ticket(api), await phone_of(api)
    path = f"/handset/tickets/{ticket}/offers"
    return [await phone.post(path, {"handset": to}) for to in (OTHERS, "010-5555-0009")][-1]


async def answered(api: Api, *verbs: str) -> httpx.Response:
    """The last of the answers to an offer: `withdrawal` is its giver's, all others its receiver's."""
    offer = (await offered(api)).json()["id"]
    giver, receiver = await phone_of(api, key=3), await phone_of(api, THEIRS, key=2)
    answers = []
    for verb in verbs:
        phone = giver if verb == "withdrawal" else receiver
        body: dict[str, str] | None = {} if verb == "acceptance" else None
        answers.append(await phone.post(f"/handset/offers/{offer}/{verb}", body))
    return answers[-1]


async def paid_with_a_wrong_pin(api: Api, *, times: int = 1) -> httpx.Response:
    """The theatre's tickets are given for nothing; that one costs something, the row says."""
    offer = (await offered(api)).json()["id"]
    receiver = await phone_of(api, THEIRS, key=2)
    top_up = {"issuer": "haneul", "handset": OTHERS, "amount": 50_000, "currency": "KRW"}
    await api.post("/staff/emoney/topups", top_up, bearer=await api.staff())
    await api.stage.sql("UPDATE offer SET asked = 1000")
    path = f"/handset/offers/{offer}/acceptance"
    return [await receiver.post(path, {"pin": "wrong!"}) for _ in range(times)][-1]


async def by_staff(api: Api, path: str) -> httpx.Response:
    await a_ticket(api)
    return await api.post(path, BODIES[f"POST {path}"], bearer=await api.staff())


PARTICULAR: dict[tuple[str, int], Way] = {
    ("POST /handset/codes", 202): coded,
    ("POST /handset/codes", 429): lambda api: coded(api, times=4),
    ("POST /handset/devices", 201): enrolled,
    ("POST /handset/devices", 409): lambda api: enrolled(api, number=THEIRS),
    ("GET /handset/devices", 200): by_phone("GET", "/handset/devices"),
    ("POST /handset/tokens", 201): renewed,
    ("DELETE /handset/devices/me", 204): by_phone("DELETE", "/handset/devices/me"),
    ("DELETE /handset/devices/{device_id}", 204): lambda api: other_device(api, "DELETE"),
    ("POST /handset/devices/{device_id}/loss", 200): lambda api: other_device(api, "POST", "/loss"),
    ("POST /handset/loss", 200): lost,
    ("POST /handset/number/codes", 202): number_coded,
    ("POST /handset/number/codes", 429): lambda api: number_coded(api, times=4),
    ("POST /handset/number", 200): number_moved,
    ("POST /handset/number", 409): lambda api: number_moved(api, full=True),
    ("GET /handset/tickets", 200): by_phone("GET", "/handset/tickets"),
    ("GET /handset/tickets/{ticket_id}", 200): downloaded,
    ("GET /handset/tickets/{ticket_id}", 304): lambda api: downloaded(api, again=True),
    ("GET /handset/tickets/{ticket_id}", 409): elsewhere,
    ("POST /handset/tickets/{ticket_id}/move", 201): lambda api: elsewhere(api, "/move", method="POST"),
    ("POST /handset/tickets/{ticket_id}/move", 409): not_to_be_moved,
    ("POST /handset/tickets/{ticket_id}/resend", 202): resent,
    ("POST /handset/tickets/{ticket_id}/resend", 400): lambda api: resent(api, keyed=False),
    ("POST /handset/tickets/{ticket_id}/resend", 409): lambda api: resent(api, revoked=True),
    ("POST /handset/tickets/{ticket_id}/resend", 429): lambda api: resent(api, times=4),
    ("POST /handset/tickets/{ticket_id}/offers", 201): offered,
    ("POST /handset/tickets/{ticket_id}/offers", 409): offered_twice,
    ("POST /handset/tickets/{ticket_id}/offers", 429): lambda api: offered(api, tickets=6),
    ("GET /handset/offers", 200): by_phone("GET", "/handset/offers"),
    ("POST /handset/offers/{offer_id}/acceptance", 201): lambda api: answered(api, "acceptance"),
    ("POST /handset/offers/{offer_id}/acceptance", 402): paid_with_a_wrong_pin,
    ("POST /handset/offers/{offer_id}/acceptance", 409): lambda api: answered(api, "decline", "acceptance"),
    ("POST /handset/offers/{offer_id}/acceptance", 423): lambda api: paid_with_a_wrong_pin(api, times=6),
    ("POST /handset/offers/{offer_id}/decline", 200): lambda api: answered(api, "decline"),
    ("POST /handset/offers/{offer_id}/decline", 409): lambda api: answered(api, "withdrawal", "decline"),
    ("POST /handset/offers/{offer_id}/withdrawal", 200): lambda api: answered(api, "withdrawal"),
    ("POST /handset/offers/{offer_id}/withdrawal", 409): lambda api: answered(api, "decline", "withdrawal"),
    ("POST /staff/handsets/loss", 200): lambda api: by_staff(api, "/staff/handsets/loss"),
    ("POST /staff/handsets/number", 200): lambda api: by_staff(api, "/staff/handsets/number"),
}

BY_DEVICES = [
    (one.method, one.path)
    for one in OPERATIONS
    if one.path.startswith("/handset/") and one.path not in {"/handset/codes", "/handset/loss"}
]
for _method, _path in BY_DEVICES:
    _nobodys = _path.replace("{device_id}", str(NOBODY)).replace("{ticket_id}", str(NOBODY))
    _nobodys = _nobodys.replace("{offer_id}", str(NOBODY))
    PARTICULAR[f"{_method} {_path}", 422] = unfit(_method, _nobodys)
    if "{" in _path:
        PARTICULAR[f"{_method} {_path}", 404] = of_nothing(_method, _nobodys)
