"""The page of the phones, as a browser without script sees it, and what keeps it harmless."""

from __future__ import annotations

import re
import struct

import pytest
from gateway_kit import NUMBER, TICKET, Gateway, until

from mobile_gateway.api.problems import Problem
from mobile_gateway.carrier.messages import Language, Model, Submission
from mobile_gateway.keys import Key
from mobile_gateway.pages.words import KEY_NAMES, WORDS
from mobile_gateway.wire import push, udh, wsp
from mobile_gateway.wire.push import ServiceIndication
from mobile_gateway.wire.udh import InformationElement

pytest_plugins = ("gateway_plugin",)

PATH = "/phones/%2B821012345678"
OTHER = "+821099998888"


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
    page = (await gateway.client.get("/?lang=en")).text
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; ID" in page
    assert "<b>bold" not in page
    links = re.findall(r'<a class="inline" href="https://tickets[^>]*>', page)
    address = "https://tickets.example/t/QZ9KD2"
    assert set(links) == {f'<a class="inline" href="{address}" target="_blank" rel="noreferrer noopener">'}


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


async def test_every_key_has_its_button_and_the_screen_its_words_and_its_pixels(gateway: Gateway) -> None:
    await gateway.client.put(f"/subscribers/{NUMBER}", json={"language": "en"})
    page = (await gateway.client.get(f"{PATH}?lang=en")).text
    assert re.findall(r'<button name="key" value="([^"]+)"', page) == [
        *("soft_left", "up", "soft_right", "left", "ok", "right", "send", "down", "end", "back"),
        *"123456789*0#",
    ]
    assert set(Key) == set(re.findall(r'<button name="key" value="([^"]+)"', page))
    assert "CYBERTICKET\n" in page
    assert 'aria-label="Keys"' in page
    assert _pixels(page) != _pixels(await _pressed(gateway, "ok"))
    assert "&gt; Inbox" in (await gateway.client.get(f"{PATH}?lang=en")).text


async def test_a_phone_that_is_off_shows_nothing_and_its_keys_do_nothing(gateway: Gateway) -> None:
    await gateway.client.put(f"/subscribers/{NUMBER}", json={"state": "off"})
    page = (await gateway.client.get(f"{PATH}?lang=en")).text
    assert page.count("disabled>") == len(Key) + 2  # and two of the switches
    assert "CYBERTICKET\n" not in page
    assert _pixels(page) == _pixels(await _pressed(gateway, "ok"))


async def test_the_screen_is_a_picture_for_cameras(gateway: Gateway) -> None:
    await gateway.client.put(f"/subscribers/{NUMBER}", json={})
    for scale, width, height in ((1, 104, 73), (8, 832, 584)):
        answer = await gateway.client.get(f"{PATH}/screen.png?scale={scale}")
        assert answer.headers["content-type"] == "image/png"
        assert struct.unpack(">II", answer.content[16:24]) == (width, height)
    on = (await gateway.client.get(f"{PATH}/screen.png")).content
    await gateway.client.put(f"/subscribers/{NUMBER}", json={"state": "off"})
    assert (await gateway.client.get(f"{PATH}/screen.png")).content != on
    assert (await gateway.client.get(f"{PATH}/screen.png?scale=17")).status_code == 422
    assert (await gateway.client.get("/phones/%2B821099999999/screen.png")).status_code == 404


async def test_a_smartphone_writes_to_another_phone(gateway: Gateway) -> None:
    for number, model in ((NUMBER, "smart"), (OTHER, "feature")):
        await gateway.client.put(f"/subscribers/{number}", json={"model": model, "language": "en"})
    sent = await gateway.client.post(
        f"{PATH}/sent?lang=en", data={"to": "010-9999 8888", "text": "hello"}, headers={"X-Fragment": "1"}
    )
    assert "data-sent" in sent.text
    await until(lambda: gateway.inbox(OTHER))
    assert await gateway.inbox(OTHER) == ["hello"]


async def test_a_message_nobody_takes_stays_in_its_field_with_the_reason(gateway: Gateway) -> None:
    await gateway.client.put(f"/subscribers/{NUMBER}", json={"model": "smart"})
    wrong = {"to": "77", "text": "<hello>"}
    whole = await gateway.client.post(f"{PATH}/sent?lang=en", data=wrong)
    alone = await gateway.client.post(f"{PATH}/sent?lang=en", data=wrong, headers={"X-Fragment": "1"})
    assert (whole.status_code, alone.status_code) == (422, 200)
    for page in (whole.text, alone.text):
        assert "Nobody takes this message." in page
        assert 'value="&lt;hello&gt;"' in page
    empty = await gateway.client.post(f"{PATH}/sent?lang=en", data={"to": "77", "text": " "})
    assert empty.status_code == 303


async def test_a_smartphone_shows_pictures_and_opens_service_messages(gateway: Gateway) -> None:
    await gateway.client.put(f"/subscribers/{NUMBER}", json={"model": "smart"})
    row = b"\xff\x00\xff\x00"
    picture = udh.build([InformationElement(udh.LARGE_PICTURE, b"\0" + row * 32)])
    service = push.to_wbxml(ServiceIndication("https://x.example/t/1", "Your ticket"))
    pushed = wsp.format_push(wsp.Push(service, push.SI_WBXML))
    header = udh.build([udh.PUSH.element()])
    for data_coding, user_data in ((0, picture + b"A 12"), (4, header + pushed)):
        sent = Submission("demo", NUMBER, "1588", user_data, data_coding=data_coding, esm_class=0x40)
        await gateway.network.submit(sent)
    await until(lambda: _count(gateway, 2))
    for message in (await gateway.handset())["inbox"]:
        await gateway.client.post(f"{PATH}/messages", data={"store": message["id"]})
    page = (await gateway.client.get("/?lang=en")).text
    assert page.count('alt="Picture of the message"') == 2  # in its bubble and among the tickets
    assert 'href="https://x.example/t/1" target="_blank" rel="noreferrer noopener">Open page</a>' in page


def test_every_word_is_said_in_both_languages() -> None:
    assert WORDS[Language.KOREAN].keys() == WORDS[Language.ENGLISH].keys()
    assert KEY_NAMES[Language.KOREAN].keys() == KEY_NAMES[Language.ENGLISH].keys()
    for model in Model:
        assert model.value in WORDS[Language.ENGLISH]


def _pixels(page: str) -> str:
    found = re.search(r'<div class="lcd"[^>]*>\s*<img src="data:image/png;base64,([^"]+)"', page)
    assert found
    return found[1]


async def _pressed(gateway: Gateway, key: str) -> str:
    answer = await gateway.client.post(f"{PATH}/keys?lang=en", data={"key": key}, headers={"X-Fragment": "1"})
    return str(answer.text)


async def _count(gateway: Gateway, wanted: int) -> bool:
    return len((await gateway.handset()).get("inbox", [])) == wanted


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
