"""What handsets write, brought over HTTP by the carrier: kept once, answered later, harmless whatever it says."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from builders import BUYER
from http_kit import Api, pointers, problem

pytest_plugins = ("http_plugin",)

PATH = "/carrier/messages"


def wrote(text: str = "HELP", **more: Any) -> bytes:
    body = {"message_id": "mo-1", "from": BUYER, "to": "1588", "text": text, "at": "2026-11-22T03:00:05Z"}
    return json.dumps(body | more).encode()


async def test_a_message_is_kept_before_it_is_acknowledged_and_answered_once(api: Api) -> None:
    for _ in range(2):
        answer = await api.receipt(wrote("HELP", data_coding=0), path=PATH)
        assert (answer.status_code, answer.content) == (204, b"")
    assert await api.stage.value("SELECT count(*) FROM inbox") == 1

    await api.stage.work()

    (help_,) = api.stage.carrier.inbox(BUYER)
    assert "BUY" in help_


async def test_a_forged_message_is_refused_and_not_kept(api: Api) -> None:
    problem(await api.receipt(wrote(), path=PATH, secret="not-the-carriers-secret"), 401, "not-authentic")
    problem(await api.receipt(wrote(), path=PATH, late_seconds=301), 401, "not-authentic")
    problem(await api.client.post(PATH, content=wrote()), 401, "not-authentic")

    assert await api.stage.value("SELECT count(*) FROM inbox") == 0


@pytest.mark.parametrize(
    "body",
    [
        wrote(**{"from": "MYBANK"}),
        wrote(**{"from": "1588"}),
        wrote("a\0b\ufffe"),
        wrote(""),
        wrote("x" * 3_000),
    ],
    ids=["a name", "a short code", "a NUL", "empty", "very long"],
)
async def test_what_a_stranger_writes_is_taken_and_harms_nothing(api: Api, body: bytes) -> None:
    assert (await api.receipt(body, path=PATH)).status_code == 204
    await api.stage.work()

    assert len(api.stage.carrier.arrived) <= 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"{", ""),
        (wrote(message_id="a b"), "/message_id"),
        (wrote(**{"from": ""}), "/from"),
        (wrote(**{"from": "a\0"}), "/from"),
        (wrote(at="2026-11-22T03:00:05"), "/at"),
        (wrote().replace(b'"HELP"', b"null"), "/text"),
    ],
)
async def test_a_genuine_but_malformed_message_names_its_fault(api: Api, body: bytes, pointer: str) -> None:
    assert set(pointers(await api.receipt(body, path=PATH))) == {pointer}


async def test_the_catalogue_says_what_to_write_and_writing_it_buys(api: Api) -> None:
    found = (await api.get("/catalogue/occasions", q="Post Office")).json()
    codes = [price["sms"] for price in found["occasions"][0]["prices"]]
    assert codes == [codes[0], f"{codes[0]}B", f"{codes[0]}C"]
    assert found["short_code"] is None  # none is set here

    await api.receipt(wrote(f"BUY {codes[1]}"), path=PATH)
    await api.stage.work()

    assert "\nS\n" in api.stage.carrier.inbox(BUYER)[0].replace(" Stalls row B seat 3", "")


async def test_a_products_page_and_the_catalogue_say_where_to_write(api: Api) -> None:
    house = dataclasses.replace(api.stage.world.house, short_code="1588")
    stage = dataclasses.replace(api.stage, world=dataclasses.replace(api.stage.world, house=house))
    async with Api(stage, api.shop) as known:
        found = (await known.get("/catalogue/occasions", q="Post Office")).json()
        page = await known.get(f"/p/{api.shop.products['play']}", lang="en")
        ride = (await known.get(f"/catalogue/products/{api.shop.products['carnet']}")).json()

    code = found["occasions"][0]["prices"][1]["sms"]
    assert found["short_code"] == ride["short_code"] == "1588"
    assert ride["prices"][0]["sms"].isdigit()
    assert f"S: To buy by text message, send BUY {code} and how many to 1588." in page.text
