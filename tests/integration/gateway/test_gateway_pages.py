"""The page of the phones, as a browser without script sees it, and what keeps it harmless."""

from __future__ import annotations

import re

import pytest
from gateway_kit import NUMBER, TICKET, Gateway, until

from mobile_gateway.problems import Problem

pytest_plugins = ("gateway_plugin",)

PATH = "/phones/%2B821012345678"


async def test_an_empty_page_says_how_to_fill_it_in_both_languages(gateway: Gateway) -> None:
    english = (await gateway.client.get("/", headers={"Accept-Language": "en"})).text
    korean = (await gateway.client.get("/?lang=ko")).text
    assert "No phone yet. Add one below" in english
    assert '<html lang="en">' in english
    assert "아직 휴대폰이 없습니다." in korean
    assert '<html lang="ko">' in korean


async def test_every_answer_keeps_other_code_and_other_sites_out(gateway: Gateway) -> None:
    for path in ("/", "/handsets", "/nowhere", "/assets/gateway.js"):
        headers = (await gateway.client.get(path)).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    page = (await gateway.client.get("/")).text
    assert not re.search(r"<script(?![^>]*src=)|<style| style=| on[a-z]+=", page)
    assert (await gateway.client.get("/")).headers["cache-control"] == "no-store"


async def test_a_message_shows_as_text_with_links_that_open_apart(gateway: Gateway) -> None:
    await gateway.send("<b>bold</b> & " + TICKET)
    await until(gateway.inbox)
    await gateway.client.post(f"/handsets/{NUMBER}/keys", json={"key": "ok"})
    page = (await gateway.client.get("/?lang=en")).text
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; ID" in page
    assert "<b>bold" not in page
    links = re.findall(r'<a href="https://tickets[^>]*>', page)
    assert len(links) > 1  # on the LCD, row by row, and in the text below it
    assert set(links) == {'<a href="https://tickets.example/t/QZ9KD2" target="_blank" rel="noreferrer noopener">'}


async def test_a_phone_is_added_switched_and_pressed_by_plain_forms(gateway: Gateway) -> None:
    added = await gateway.client.post("/phones?lang=ko", data={"number": "+82 10-1234-5678", "model": "smart"})
    assert (added.status_code, added.headers["location"]) == (303, "/?lang=ko#p821012345678")
    message_id = (await gateway.send()).json()["message_id"]
    await until(gateway.inbox)
    await gateway.client.post(f"{PATH}/messages?lang=en", data={"store": message_id})
    page = (await gateway.client.get("/?lang=en")).text
    assert "<strong>482910375-6</strong>" in page
    await gateway.client.post(f"{PATH}/state?lang=en", data={"state": "off"})
    assert "This phone is off" in (await gateway.client.get("/?lang=en")).text
    await gateway.client.post(f"{PATH}/state?lang=en", data={"state": "on"})
    await gateway.client.post(f"{PATH}/messages?lang=en", data={"delete": message_id})
    assert await gateway.inbox() == []


async def test_the_script_gets_the_one_phone_it_pressed(gateway: Gateway) -> None:
    await gateway.client.put(f"/subscribers/{NUMBER}", json={})
    answer = await gateway.client.post(f"{PATH}/keys?lang=en", data={"key": "ok"}, headers={"X-Fragment": "1"})
    assert answer.status_code == 200
    assert answer.text.count("<article") == 1
    assert "<html" not in answer.text
    assert (await gateway.client.get(f"{PATH}?lang=en")).text == answer.text


@pytest.mark.parametrize("number", ["", "010-1234-5678", "<script>", "+82"])
async def test_a_wrong_number_stays_in_its_field_with_the_reason(gateway: Gateway, number: str) -> None:
    answer = await gateway.client.post("/phones?lang=en", data={"number": number})
    assert answer.status_code == 422
    assert "Write it like +821012345678." in answer.text
    assert 'href="/?lang=ko"' in answer.text
    assert f'value="{number.replace("<", "&lt;").replace(">", "&gt;")}"' in answer.text


async def test_switching_a_phone_that_does_not_exist_does_not_make_it(gateway: Gateway) -> None:
    answer = await gateway.client.post(f"{PATH}/state", data={"state": "on"})
    assert answer.status_code == 404
    assert await gateway.handset() == {}


async def test_each_problem_has_its_place_on_the_page_of_problems(gateway: Gateway) -> None:
    for language in ("en", "ko"):
        page = (await gateway.client.get(f"/problems?lang={language}")).text
        for problem in Problem:
            assert f'id="{problem.value.slug}"' in page


async def test_only_the_pages_own_files_are_served(gateway: Gateway) -> None:
    for name in ("gateway.css", "gateway.js", "icon.svg"):
        assert (await gateway.client.get(f"/assets/{name}")).status_code == 200
    for name in ("nothing.js", "..%2fschema.sql", "%2e%2e%2fschema.sql"):
        assert (await gateway.client.get(f"/assets/{name}")).status_code == 404
