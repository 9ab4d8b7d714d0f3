"""Tickets over HTTP: looked at, drawn, sent again, revoked."""

from __future__ import annotations

import pytest
from builders import BUYER
from http_kit import NOBODY, Api, link_in, pointers, problem, spoken_pin

pytest_plugins = ("http_plugin",)

DRAWN = {"svg": (b"<", "image/svg+xml"), "png": (b"\x89PNG", "image/png"), "wbmp": (b"\0\0", "image/vnd.wap.wbmp")}


async def test_a_ticket_is_shown_without_its_pin(api: Api) -> None:
    sold = await api.sold()
    pin = spoken_pin(api.stage.carrier.inbox(BUYER)[0])

    answer = await api.get(f"/tickets/{(await sold.ticket())['id']}", bearer=sold.link)

    assert (answer.json()["title"]["en"], answer.json()["seat"]) == ("The Post Office in Spring", "3")
    assert answer.json()["handset"] == "010-••••-5678"
    assert pin not in answer.text


async def test_the_link_in_the_message_opens_its_ticket(api: Api) -> None:
    sold = await api.sold()
    holder = link_in(api.stage.carrier.inbox(BUYER)[0])

    answer = await api.get(f"/tickets/{(await sold.ticket())['id']}", bearer=holder)

    assert answer.status_code == 200


@pytest.mark.parametrize("form", DRAWN)
async def test_a_barcode_is_drawn_and_need_not_be_fetched_twice(api: Api, form: str) -> None:
    sold = await api.sold()
    address = f"/tickets/{(await sold.ticket())['id']}/barcode.{form}"
    start, media_type = DRAWN[form]

    answer = await api.get(address, bearer=sold.link)
    headers = {"authorization": f"Bearer {sold.link}", "if-none-match": answer.headers["etag"]}
    again = await api.client.get(address, headers=headers)

    assert (answer.headers["content-type"], answer.headers["cache-control"]) == (media_type, "private, max-age=3600")
    assert answer.content.startswith(start)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])


async def test_another_face_or_size_is_another_picture(api: Api) -> None:
    sold = await api.sold()
    address = f"/tickets/{(await sold.ticket())['id']}/barcode.png"

    tags = {
        (await api.get(address, bearer=sold.link, **asked)).headers["etag"]
        for asked in ({}, {"face": "ct0"}, {"scale": 2})
    }

    assert len(tags) == 3


async def test_a_form_or_size_that_cannot_be_drawn_is_refused(api: Api) -> None:
    sold = await api.sold()
    address = f"/tickets/{(await sold.ticket())['id']}/barcode"

    assert set(pointers(await api.get(f"{address}.gif", bearer=sold.link))) == {"/path/form"}
    assert set(pointers(await api.get(f"{address}.png", bearer=sold.link, scale=21))) == {"/query/scale"}
    assert set(pointers(await api.get(f"{address}.wbmp", bearer=sold.link, width=1))) == {"/query/width"}


async def test_a_ticket_is_sent_again_three_times_an_hour(api: Api) -> None:
    sold = await api.sold()
    address = f"/tickets/{(await sold.ticket())['id']}/resend"

    for _ in range(3):
        assert (await api.post(address, bearer=sold.link)).status_code == 202
    refused = await api.post(address, bearer=sold.link)
    await api.stage.work()

    assert problem(refused, 429, "too-many")["retry_after_seconds"] == 3_600
    assert refused.headers["retry-after"] == "3600"
    assert len(api.stage.carrier.inbox(BUYER)) == 4


async def test_a_revoked_ticket_is_not_sent_not_drawn_and_not_revoked_again(api: Api) -> None:
    sold = await api.sold()
    ticket = (await sold.ticket())["id"]
    boss = await api.staff("refund")

    answer = await api.post(f"/tickets/{ticket}/revoke", {"reason": "lost phone"}, bearer=boss)

    assert (answer.status_code, answer.json()["state"]) == (200, "revoked")
    problem(await api.post(f"/tickets/{ticket}/revoke", {"reason": "again"}, bearer=boss), 409, "wrong-state")
    problem(await api.post(f"/tickets/{ticket}/resend", bearer=sold.link), 409, "wrong-state")
    problem(await api.get(f"/tickets/{ticket}/barcode.svg", bearer=sold.link), 422, "not-drawable")


async def test_a_revoked_place_goes_back_on_sale_and_the_holder_is_told_when_asked(api: Api) -> None:
    sold = await api.sold(api.wish(category="S", quantity=6))
    ticket = (await sold.ticket())["id"]
    body = {"reason": "lost phone", "resell": True, "tell": False}

    await api.post(f"/tickets/{ticket}/revoke", body, bearer=await api.staff("refund"))
    await api.stage.work()

    assert len(api.stage.carrier.inbox(BUYER)) == 6
    await api.booked(api.wish(category="S"))


async def test_a_revocation_needs_a_reason_and_nothing_unknown(api: Api) -> None:
    sold = await api.sold()
    address = f"/tickets/{(await sold.ticket())['id']}/revoke"
    boss = await api.staff("refund")

    assert set(pointers(await api.post(address, {"reason": " "}, bearer=boss))) == {"/reason"}
    assert set(pointers(await api.post(address, {"reason": "a\0b"}, bearer=boss))) == {"/reason"}
    assert set(pointers(await api.post(address, {"reason": "x", "refund": True}, bearer=boss))) == {"/refund"}


async def test_an_id_that_is_none_is_invalid_and_one_of_nothing_is_not_found(api: Api) -> None:
    boss = await api.staff()

    assert set(pointers(await api.get("/tickets/twelve", bearer=boss))) == {"/path/ticket_id"}
    problem(await api.get(f"/tickets/{NOBODY}", bearer=boss), 404, "not-found")
