"""The WAP gateway: what phones may reach, what sites are told, and what a phone is given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from mobile_gateway import wap
from mobile_gateway.browser import Browser, Failure, Fetch, Loaded
from mobile_gateway.keys import Key
from mobile_gateway.settings import GatewaySettings
from mobile_gateway.subscribers import Language, Model, Subscriber, new_subscriber
from mobile_gateway.wire import wml
from mobile_gateway.wire.xmltree import parse

NUMBER = "+821012345678"
HOME = "http://tickets.example/wap"
RULES = wap.WapRules(frozenset({"tickets.example"}), timeout_seconds=0.5)
DECK = '<?xml version="1.0" encoding="{0}"?><wml><card title="표"><p>어서 오십시오 $(x)</p></card></wml>'
PAGE = DECK.format("UTF-8").encode()

Handler = Callable[[httpx.Request], httpx.Response]


def wml_page(octets: bytes = PAGE, *, status: int = 200, kind: str = wml.WML) -> httpx.Response:
    return httpx.Response(status, content=octets, headers={"Content-Type": kind})


@asynccontextmanager
async def gateway(
    handler: Handler, rules: wap.WapRules = RULES, *, subscriber: Subscriber | None = None
) -> AsyncIterator[wap.WapGateway]:
    async def find(number: str) -> Subscriber | None:
        assert number == NUMBER
        return subscriber

    async with wap.opened(rules, subscriber=find, transport=httpx.MockTransport(handler)) as made:
        yield made


async def fetched(handler: Handler, request: Fetch | None = None, rules: wap.WapRules = RULES) -> Loaded:
    async with gateway(handler, rules) as web:
        return await web.fetch(NUMBER, request or Fetch(HOME))


def never(_: httpx.Request) -> httpx.Response:
    pytest.fail("nobody may be asked")


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (PAGE, wml.WML),
        (PAGE, f"{wml.WML}; charset=UTF-8"),
        (DECK.format("EUC-KR").encode("euc-kr"), wml.WML),
        (DECK.format("UTF-8").encode("euc-kr"), f'{wml.WML}; charset="EUC-KR"'),
    ],
)
async def test_a_page_of_text_is_compiled_whatever_its_charset(octets: bytes, kind: str) -> None:
    answer = await fetched(lambda _: wml_page(octets, kind=kind))
    assert answer.content_type == wml.WMLC
    assert wml.decompile(answer.body).text == "어서 오십시오 $(x)"
    assert (answer.url, answer.status, answer.failure, answer.asked) == (HOME, 200, None, HOME)


@pytest.mark.parametrize("kind", [wml.WMLC, wml.WBMP, wml.XHTML_MP, "text/plain"])
async def test_everything_else_comes_as_it_is(kind: str) -> None:
    answer = await fetched(lambda _: wml_page(b"octets", kind=kind, status=404))
    assert (answer.status, answer.content_type, answer.body) == (404, kind, b"octets")


async def test_a_deck_that_no_phone_has_room_for_is_too_large() -> None:
    def of(letters: int) -> bytes:
        return b"<wml><card><p>" + b"x" * letters + b"</p></card></wml>"

    def compiled(letters: int) -> int:
        return len(wml.compile(parse(of(letters))))

    fits = wml.COMPILED_OCTETS_MAX - compiled(100) + 100
    assert compiled(fits) == wml.COMPILED_OCTETS_MAX
    assert len((await fetched(lambda _: wml_page(of(fits)))).body) == wml.COMPILED_OCTETS_MAX
    assert (await fetched(lambda _: wml_page(of(fits + 1)))).failure is Failure.TOO_LARGE


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    read = []

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):  # so that this test ends where the limit does not hold
            read.append(1)
            yield bytes(8192)

    answer = await fetched(lambda _: httpx.Response(200, content=endless()))
    assert answer.failure is Failure.TOO_LARGE
    assert len(read) <= 6


@pytest.mark.parametrize("octets", [b"<wml>", b"\xff\xfe", b"<wml><card><p>5 $ 3</p></card></wml>"])
async def test_a_page_that_cannot_be_compiled_is_malformed_unless_it_tells_of_an_error(octets: bytes) -> None:
    assert (await fetched(lambda _: wml_page(octets))).failure is Failure.MALFORMED
    broken = await fetched(lambda _: wml_page(octets, status=503))
    assert (broken.status, broken.failure, broken.body) == (503, None, b"")


async def test_an_answer_that_is_not_even_encoded_as_it_says_is_no_answer() -> None:
    answer = await fetched(
        lambda _: httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=iter_once(b"no gzip"))
    )
    assert answer.failure is Failure.UNREACHABLE


async def iter_once(octets: bytes) -> AsyncIterator[bytes]:
    yield octets


# --- what sites are told ----------------------------------------------------------------------------------------------


async def test_a_site_is_told_the_number_the_screen_and_the_language() -> None:
    seen: list[httpx.Headers] = []

    def note(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers)
        return wml_page()

    feature = replace(new_subscriber(NUMBER, now=datetime(2026, 11, 22, tzinfo=UTC)), language=Language.KOREAN)
    large = replace(feature, model=Model.FEATURE128, language=Language.ENGLISH)
    secret = replace(RULES, number_header="X-Up-Calling-Line-Id", secret=SecretStr("between-us"))
    for rules, subscriber in ((RULES, feature), (secret, large), (RULES, None)):
        async with gateway(note, rules, subscriber=subscriber) as web:
            await web.fetch(NUMBER, Fetch(HOME))
    first, second, unknown = seen
    assert (first["X-MSISDN"], first["X-Screen"], first["Accept-Language"]) == ("821012345678", "96x65", "ko, en;q=0.5")
    assert wml.WML in first["Accept"]
    assert wml.XHTML_MP not in first["Accept"]
    assert "X-Gateway-Secret" not in first
    assert (second["X-Up-Calling-Line-Id"], second["X-Screen"]) == ("821012345678", "128x128")
    assert second["X-Gateway-Secret"] == "between-us"
    assert "X-MSISDN" not in second
    assert wml.XHTML_MP in second["Accept"]
    assert (unknown["X-Screen"], unknown["Accept-Language"]) == ("96x65", "en, ko;q=0.5")


async def test_a_form_arrives_as_it_was_filled_in() -> None:
    def echo(request: httpx.Request) -> httpx.Response:
        assert request.method == "POST"
        assert request.headers["Content-Type"] == "application/x-www-form-urlencoded; charset=euc-kr"
        assert request.content == b"q=%B0%A1"
        return wml_page()

    form = Fetch(HOME, "POST", b"q=%B0%A1", "application/x-www-form-urlencoded; charset=euc-kr")
    assert (await fetched(echo, form)).failure is None


async def test_one_phones_cookies_are_no_other_phones() -> None:
    def sets(request: httpx.Request) -> httpx.Response:
        assert "cookie" not in request.headers
        return httpx.Response(200, headers={"Set-Cookie": "session=1; Path=/"})

    async with gateway(sets) as web:
        for _ in range(2):
            assert (await web.fetch(NUMBER, Fetch(HOME))).failure is None


# --- where phones may go ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://localhost/admin",
        "http://tickets.example.evil.example/",
        "http://tickets.example@evil.example/",
        "http://2130706433/",
    ],
)
async def test_a_host_that_was_not_named_is_never_asked(url: str) -> None:
    assert (await fetched(never, Fetch(url))).failure is Failure.FORBIDDEN_ADDRESS


async def test_neither_case_nor_port_hides_a_host_that_was_named() -> None:
    for url in ("http://Tickets.Example/wap", "https://tickets.example:8443/wap"):
        assert (await fetched(lambda _: wml_page(), Fetch(url))).failure is None


async def test_a_redirect_is_followed_and_the_page_known_by_where_it_was_found() -> None:
    def moved(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/wap":
            assert request.method == "POST"
            return httpx.Response(303, headers={"Location": "/paid?x=1#top"})
        assert (request.method, request.content) == ("GET", b"")
        return wml_page()

    answer = await fetched(moved, Fetch(HOME, "POST", b"a=1", "application/x-www-form-urlencoded"))
    assert (answer.url, answer.asked) == ("http://tickets.example/paid?x=1", HOME)


async def test_a_redirect_that_keeps_the_method_keeps_the_form() -> None:
    def moved(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.content) == ("POST", b"a=1")
        return wml_page() if request.url.path == "/new" else httpx.Response(307, headers={"Location": "/new"})

    assert (await fetched(moved, Fetch(HOME, "POST", b"a=1", "text/plain"))).failure is None


@pytest.mark.parametrize("location", ["http://evil.example/", "ftp://tickets.example/", "http://["])
async def test_a_redirect_does_not_lead_out_of_the_hosts_that_were_named(location: str) -> None:
    answer = await fetched(lambda _: httpx.Response(302, headers={"Location": location}))
    assert answer.failure is Failure.FORBIDDEN_ADDRESS


async def test_redirects_come_to_an_end() -> None:
    asked = []

    def around(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(302, headers={"Location": f"/{len(asked)}"})

    assert (await fetched(around)).failure is Failure.UNREACHABLE
    assert asked == ["/wap", "/1", "/2", "/3"]


async def test_a_redirect_to_nowhere_is_an_answer_like_any_other() -> None:
    assert (await fetched(lambda _: httpx.Response(302))).status == 302


async def test_a_site_that_is_slow_or_away_is_told_so() -> None:
    async def slow(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(5)
        return wml_page()

    async with wap.opened(
        replace(RULES, timeout_seconds=0.02), subscriber=nobody, transport=httpx.MockTransport(slow)
    ) as web:
        assert (await web.fetch(NUMBER, Fetch(HOME))).failure is Failure.TIMEOUT

    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route", request=request)

    def too_slow(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow", request=request)

    assert (await fetched(away)).failure is Failure.UNREACHABLE
    assert (await fetched(too_slow)).failure is Failure.TIMEOUT


async def nobody(_: str) -> Subscriber | None:
    return None


# --- the first page ---------------------------------------------------------------------------------------------------


async def test_the_carriers_first_page_is_where_the_settings_say() -> None:
    answer = await fetched(lambda _: wml_page(), Fetch("http://wap.home/"), replace(RULES, home_url=HOME))
    assert (answer.url, answer.asked) == (HOME, "http://wap.home/")


async def test_without_one_the_phone_says_what_to_set() -> None:
    answer = await fetched(never, Fetch("http://wap.home/"))
    browser, _ = Browser().open("http://wap.home/")
    shown, _ = browser.loaded(answer)
    said = " ".join(row.text.strip() for row in shown.view().rows)
    assert said.startswith("This network has no start page.")


async def test_a_browser_and_the_gateway_together() -> None:
    answer = await fetched(lambda _: wml_page(b'<wml><card><p><a href="/x">go</a></p></card></wml>'))
    browser, asked = Browser().open(HOME)
    assert asked == (Fetch(HOME),)
    browser, _ = browser.loaded(answer)
    assert browser.press(Key.OK)[1] == (Fetch("http://tickets.example/x"),)


# --- settings ---------------------------------------------------------------------------------------------------------


def test_settings_name_the_hosts_and_the_first_page_must_be_on_one() -> None:
    made = GatewaySettings.model_validate(
        {
            "data_dir": Path("x"),
            "wap_hosts": "Tickets.Example, [::1]",
            "wap_home_url": "http://tickets.example/wap",
            "wap_secret": "between-us",
        }
    )
    rules = made.wap_rules()
    assert rules.hosts == {"tickets.example", "::1"}
    assert (rules.home_url, rules.timeout_seconds) == ("http://tickets.example/wap", 10)
    assert "between-us" not in repr(rules)
    with pytest.raises(ValidationError, match="not one of wap_hosts"):
        GatewaySettings(data_dir=Path("x"), wap_home_url="http://elsewhere.example/")
    assert GatewaySettings(data_dir=Path("x")).wap_rules().hosts == {"localhost", "127.0.0.1", "::1"}
