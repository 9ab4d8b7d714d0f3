"""The sandbox network's card page, as a browser without script meets it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from payment_network_kit import SHOP, Network, a_network

RETURN = f"{SHOP}/b/1?step=pay"
VISIT = {"return_url": RETURN, "amount": "90000", "currency": "krw", "merchant": "한강 콘서트홀", "lang": "en"}
CARD = {"number": "4242 4242 4242 4242", "expiry": "12 / 30", "cvc": "123"}


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    async with a_network(tmp_path) as running:
        yield running


async def shown(network: Network, **visit: str) -> httpx.Response:
    return await network.http.get(f"/card?{urlencode(VISIT | visit)}")


async def typed(network: Network, **fields: str) -> httpx.Response:
    return await network.http.post("/card", data=VISIT | CARD | fields)


def fault_beside(page: str, field: str) -> str:
    found = re.search(rf'id="{field}-fault">([^<]+)<', page)
    return unescape(found[1]) if found else ""


async def test_the_page_says_whom_and_how_much_in_both_languages(network: Network) -> None:
    english, korean = await shown(network), await shown(network, lang="ko")

    assert "₩90,000" in english.text
    assert "90,000원" in korean.text
    assert 'lang="ko"' in korean.text
    for page in (english, korean):
        assert page.status_code == 200
        assert "한강 콘서트홀" in page.text
        assert "4000 0000 0000 9995" in page.text


async def test_the_page_needs_and_allows_no_script(network: Network) -> None:
    page = await shown(network)

    policy = page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert f"form-action 'self' {SHOP}" in policy
    assert page.headers["cache-control"] == "no-store"


async def test_its_style_is_one_file_of_our_own(network: Network) -> None:
    page = await shown(network)
    style = await network.http.get("/card.css")

    assert re.findall(r'<link[^>]+href="([^"]+)"', page.text) == ["/card.css"]
    assert style.headers["content-type"].startswith("text/css")
    assert "http" not in style.text.replace("http-equiv", "")


async def test_a_right_card_brings_the_browser_back_with_a_token_that_pays(network: Network) -> None:
    answer = await typed(network)

    target = urlsplit(answer.headers["location"])
    query = parse_qs(target.query)
    assert (answer.status_code, f"{target.scheme}://{target.netloc}{target.path}") == (303, f"{SHOP}/b/1")
    assert query["step"] == ["pay"]
    intent_id = await network.an_intent(payment_method=query["payment_method"][0], confirm="true")
    assert (await network.intent(intent_id))["status"] == "requires_capture"


@pytest.mark.parametrize("expiry", ["12/30", "12/2030", "12 - 30", "1230", " 1.31 "])
async def test_an_expiry_date_may_be_written_as_on_the_card(network: Network, expiry: str) -> None:
    assert (await typed(network, expiry=expiry)).status_code == 303


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("number", "", "Type the card number."),
        ("number", "4242 4242 4242 4241", "This card number is not right. Check it digit by digit."),
        ("number", "4111 1111 1111 1111", "Only test cards work here. Type one of the numbers in the table below."),
        ("expiry", "", "Type the month and the year, such as 12/30."),
        ("expiry", "soon", "Type the month and the year, such as 12/30."),
        ("expiry", "13/30", "This month does not exist or has passed. Check the month on the card."),
        ("expiry", "12/25", "This year has passed or is too far away. Check the year on the card."),
        ("cvc", "", "The security code has three digits. Check the back of the card."),
        ("cvc", "12x", "The security code has three digits. Check the back of the card."),
    ],
)
async def test_a_fault_stands_beside_its_field_and_no_other(
    network: Network, field: str, value: str, words: str
) -> None:
    page = await typed(network, **{field: value})

    assert page.status_code == 422
    assert fault_beside(page.text, field) == words
    assert page.text.count('aria-invalid="true"') == 1
    assert f'aria-describedby="{field}-fault' in page.text


async def test_of_a_wrong_card_only_the_last_four_digits_are_shown_again(network: Network) -> None:
    page = await typed(network, cvc="12")

    digits = re.sub(r"<table>.*</table>", "", page.text, flags=re.DOTALL)
    assert "ending in 4242" in digits
    assert not re.search(r"4242[ -]?4242", digits)
    assert 'value="12 / 30"' in digits
    assert 'value="12"' not in digits


async def test_faults_are_told_in_the_pages_language(network: Network) -> None:
    page = await typed(network, lang="ko", number="1")

    assert fault_beside(page.text, "number") == "카드 번호가 맞지 않습니다. 숫자를 하나씩 확인해 주십시오."


@pytest.mark.parametrize(
    "return_url",
    [
        "",
        "/b/1",
        "https://evil.test/",
        "//evil.test/",
        "http://shop.test/",
        "https://shop.test:8000/",
        "http://shop.test:8000@evil.test/",
        "http://shop.test:8000.evil.test/",
        "http://evil.test\\@shop.test:8000/",
        "javascript:alert(1)//shop.test:8000",
    ],
)
async def test_no_browser_is_sent_to_an_address_the_operator_did_not_allow(network: Network, return_url: str) -> None:
    for answer in (await shown(network, return_url=return_url), await typed(network, return_url=return_url)):
        assert answer.status_code == 400
        assert "location" not in answer.headers
        assert "evil" not in answer.text


@pytest.mark.parametrize(
    "visit", [{"amount": "-1"}, {"amount": "1e9"}, {"amount": "999999999999"}, {"currency": "xxx"}, {"currency": ""}]
)
async def test_an_amount_that_cannot_be_read_is_not_shown_as_another(network: Network, visit: dict[str, str]) -> None:
    assert (await shown(network, **visit)).status_code == 400


async def test_a_page_without_an_amount_is_a_page_all_the_same(network: Network) -> None:
    page = await network.http.get(f"/card?{urlencode({'return_url': RETURN})}", headers={"Accept-Language": "ko-KR"})

    assert page.status_code == 200
    assert "카드 번호" in page.text


async def test_what_the_address_says_is_shown_as_text_and_never_as_markup(network: Network) -> None:
    hostile = '"><script>alert(1)</script>'

    pages = [await shown(network, merchant=hostile), await typed(network, merchant=hostile, expiry=hostile)]

    assert all("<script" not in page.text for page in pages)
    assert all("&lt;script" in page.text for page in pages)


async def test_the_other_language_keeps_the_visit(network: Network) -> None:
    page = await shown(network)
    address = re.search(r'hreflang="ko" href="([^"]+)"', page.text)
    assert address is not None

    korean = await network.http.get(unescape(address[1]))

    assert "90,000원" in korean.text
    assert "한강 콘서트홀" in korean.text


async def test_an_overrun_network_asks_for_the_card_once_more(tmp_path: Path) -> None:
    async with a_network(tmp_path, jobs_waiting_max=1) as network:
        answers = await asyncio.gather(*(typed(network) for _ in range(100)))

    overrun = [answer for answer in answers if answer.status_code == 503]
    assert overrun, "100 cards at once did not overrun a queue of one"
    assert "Nothing was paid. Type the card once more." in overrun[0].text
    assert {answer.status_code for answer in answers} <= {303, 503}


async def test_a_form_beyond_the_limit_is_refused_in_words(network: Network) -> None:
    page = await network.http.post("/card", data=VISIT | CARD | {"cvc": "1" * 70_000})

    assert page.status_code == 413
    assert "start the payment again" in page.text
