"""How each answer that the routes from hand to hand promise can be had."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx
from builders import FRIEND
from http_kit import OTHERS, Api, link_in

Way = Callable[[Api], Awaitable[httpx.Response]]


async def sent_back(api: Api) -> httpx.Response:
    sold = await api.sold()
    ticket = (await sold.ticket())["id"]
    given = (await api.post(f"/tickets/{ticket}/gift", {"handset": OTHERS}, bearer=sold.link)).json()["ticket"]
    await api.stage.work()
    return await api.post(f"/tickets/{given}/decline", bearer=link_in(api.stage.carrier.inbox(FRIEND)[0]))


async def no_gift(api: Api) -> httpx.Response:
    sold = await api.sold()
    return await api.post(f"/tickets/{(await sold.ticket())['id']}/decline", bearer=sold.link)


async def chain(api: Api) -> httpx.Response:
    ticket = (await (await api.sold()).ticket())["id"]
    return await api.get(f"/staff/tickets/{ticket}/chain", bearer=await api.staff("read"))


PARTICULAR: dict[tuple[str, int], Way] = {
    ("POST /tickets/{ticket_id}/decline", 201): sent_back,
    ("POST /tickets/{ticket_id}/decline", 409): no_gift,
    ("GET /staff/tickets/{ticket_id}/chain", 200): chain,
}
