"""Refunds, disputes and statements over HTTP, one answer of each kind."""

from __future__ import annotations

from typing import Any

import httpx
from http_kit import Api


async def returned(api: Api, *, times: int = 1, body: Any = None) -> httpx.Response:
    """What a buyer is answered who returns the booking; the last time, where it is done more often."""
    sold = await api.sold()
    answers = [await api.post(f"/bookings/{sold.id}/refunds", body or {}, bearer=sold.link) for _ in range(times)]
    return answers[-1]


async def returned_by_staff(api: Api, *, times: int = 1) -> httpx.Response:
    sold = await api.sold()
    body = {"booking": sold.id, "note": "rain"}
    answers = [await api.post("/staff/refunds", body, bearer=await api.staff()) for _ in range(times)]
    return answers[-1]


async def at_the_desk(api: Api, verb: str, state: str = "failed") -> httpx.Response:
    """What staff are answered who try a refund in this state again, or settle it by hand."""
    refund_id = (await returned(api)).json()["refunds"][0]["id"]
    await api.stage.sql("UPDATE refund SET state = :state", state=state)
    body = {"note": "bank transfer 4711"} if verb == "by-hand" else None
    return await api.post(f"/staff/refunds/{refund_id}/{verb}", body, bearer=await api.staff())


async def a_dispute(api: Api) -> str:
    """A bank has the money of a booking; the dispute's id."""
    sold = await api.sold()
    await api.stage.sql(
        "INSERT INTO dispute (id, issuer_id, booking_id, payment_id, provider, reference, state, amount, currency,"
        " reason, withdrawn, created_at, updated_at) SELECT gen_random_uuid(), issuer_id, booking_id, id, provider,"
        " 'dp_1', 'open', amount, currency, 'fraudulent', true, created_at, created_at FROM payment"
        " WHERE booking_id = :id",
        id=sold.id,
    )
    return str(await api.stage.value("SELECT id FROM dispute"))


async def the_dispute(api: Api) -> httpx.Response:
    return await api.get(f"/staff/disputes/{await a_dispute(api)}", bearer=await api.staff("money"))


async def statement(api: Api, *, issuer: str = "haneul", scope: str = "money") -> httpx.Response:
    return await api.get("/staff/statements", bearer=await api.staff(scope), issuer=issuer)
