"""What a phone says that it reads is what it gets: markup, charset, language, the size of its screen."""

from __future__ import annotations

import re
from string import Formatter

import pytest
from builders import BUYER, Shop, Stage, a_booking
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.requests import Request
from wap_kit import WML, XHTML, Phone

from app.web.rendering import HERE
from app.web.wap_reading import WAP_WORDS, Reader, reader_of


def reader(query: str = "", **headers: str) -> Reader:
    raw = Headers({name.replace("_", "-"): value for name, value in headers.items()}).raw
    return reader_of(Request({"type": "http", "query_string": query.encode(), "headers": raw}))


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "text/vnd.wap.wml"),
        ("*/*", "text/vnd.wap.wml"),
        ("application/vnd.wap.wmlc, image/vnd.wap.wbmp", "text/vnd.wap.wml"),
        ("text/vnd.wap.wml, application/xhtml+xml", "text/vnd.wap.wml"),
        ("text/vnd.wap.wml;q=0, application/xhtml+xml", "application/xhtml+xml"),
        ("text/vnd.wap.wmlscript, application/vnd.wap.wmlscriptc, application/xhtml+xml", "application/xhtml+xml"),
        ("application/xhtml+xml, application/vnd.wap.xhtml+xml;q=0.9", "application/vnd.wap.xhtml+xml"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/xhtml+xml"),
        ("TEXT/HTML", "text/html"),
        ("image/png", "text/vnd.wap.wml"),
        ("text/html;q=nonsense", "text/vnd.wap.wml"),
    ],
)
def test_wml_is_the_answer_wherever_it_is_read_and_where_nothing_is_said(accept: str, media_type: str) -> None:
    assert reader(accept=accept).media_type == media_type


@pytest.mark.parametrize(
    ("accept_charset", "charset"),
    [
        ("", "UTF-8"),
        ("*", "UTF-8"),
        ("euc-kr", "EUC-KR"),
        ("KS_C_5601-1987", "KS_C_5601-1987"),
        ("euc-kr, utf-8", "UTF-8"),
        ("euc-kr, utf-8;q=0.7", "EUC-KR"),
        ("euc-kr;q=0.5, *;q=0.1", "EUC-KR"),
        ("iso-8859-1, euc-kr;q=0", "UTF-8"),
    ],
)
def test_the_charset_is_utf_8_unless_the_phone_rather_reads_korean(accept_charset: str, charset: str) -> None:
    assert reader(accept_charset=accept_charset).charset == charset


@pytest.mark.parametrize(
    ("headers", "size"),
    [
        ({}, (96, 65)),
        ({"x_screen": "128x128"}, (128, 128)),
        ({"x_up_devcap_screenpixels": "101,80"}, (101, 80)),
        ({"ua_pixels": " 176 X 220 "}, (176, 220)),
        ({"x_screen": "9999x9999", "ua_pixels": "176x220"}, (176, 220)),
        ({"x_screen": "10x10"}, (96, 65)),
        ({"x_screen": "٩٦x٦٥"}, (96, 65)),
        ({"x_screen": "a screen"}, (96, 65)),
    ],
    ids=["none", "x-screen", "openwave", "pocket", "too-large", "too-small", "other-digits", "words"],
)
def test_the_screen_is_what_a_header_says_or_the_smallest(headers: dict[str, str], size: tuple[int, int]) -> None:
    found = reader(**{name: value.encode().decode("latin-1") for name, value in headers.items()}).screen
    assert (found.width, found.height) == size


def test_the_language_is_a_links_then_the_phones_then_korean() -> None:
    assert reader("l=en", accept_language="ko").language == "en"
    assert reader("l=xx", accept_language="en").language == "en"
    assert reader().language == "ko"


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=40))
def test_any_header_at_all_is_read_without_a_fault(accept: str, charset: str, screen: str) -> None:
    said = {"accept": accept, "accept_charset": charset, "x_screen": screen}
    found = reader(**{name: value.encode().decode("latin-1") for name, value in said.items()})
    assert found.charset in {"UTF-8", "EUC-KR", "KS_C_5601-1987"}


async def test_a_chosen_language_stays_on_every_link_and_press(stage: Stage, shop: Shop) -> None:
    phone = Phone(stage, number=BUYER[1:], language="ko")
    deck = await phone.follow(await phone.get("/wap"), "English")
    deck = await phone.follow(deck, "Shows", "The Post Office", "24 Nov", "R ")
    deck = await phone.press(await phone.press(deck, "Best seats", n="1"), "Mine")
    assert "Kept until" in deck.said
    deck = await phone.press(await phone.follow(deck, "Card"), "Pay", c="pm_declined")
    assert "refused by the bank" in deck.said
    assert await stage.value("SELECT language FROM booking") == "en"
    assert shop.occasions


@pytest.mark.parametrize("charset", ["euc-kr", "utf-8", "ks_c_5601-1987"])
@pytest.mark.parametrize("accept", [WML, XHTML], ids=["wml", "xhtml"])
async def test_korean_is_searched_in_the_phones_own_charset(
    stage: Stage, shop: Shop, accept: str, charset: str
) -> None:
    phone = Phone(stage, accept=accept, charset=charset)
    deck = await phone.press(await phone.follow(await phone.get("/wap"), "찾기"), "찾기", q="봄날의 우체국")
    assert "봄날의 우체국" in deck.said
    assert deck.headers["content-type"].endswith(f"charset={charset.upper()}")
    assert shop.occasions


async def test_a_phone_that_types_in_another_charset_than_it_reads_is_understood(stage: Stage, shop: Shop) -> None:
    phone = Phone(stage)
    for query in ("q=%BF%EC%C3%BC%B1%B9", "q=%EC%9A%B0%EC%B2%B4%EA%B5%AD&ie=k"):
        assert "봄날의" in (await phone.get(f"/wap/find?{query}")).said
    assert shop.occasions


async def test_what_ks_c_5601_lacks_goes_as_a_number(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop)
    deck = await Phone(stage, charset="euc-kr").get(f"/wap/b/{made.link}")
    assert "010-&#8226;&#8226;&#8226;&#8226;-5678" in deck.source, "the round bullet is not in KS C 5601"
    assert "010-••••-5678" in deck.said


async def test_search_without_a_hit_says_how_to_find_something(stage: Stage) -> None:
    deck = await Phone(stage).get("/wap/find?q=nothing+at+all")
    assert "낱말을 줄여" in deck.said


# --- words ----------------------------------------------------------------------------------------------------------


def test_every_sentence_is_whole_in_both_languages() -> None:
    def holes(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    korean, english = WAP_WORDS["ko"], WAP_WORDS["en"]
    assert [name for name in korean if not (korean[name] and english[name])] == []
    assert [name for name in korean if holes(korean[name]) != holes(english[name])] == []


def test_every_sentence_is_said_somewhere_and_every_name_exists() -> None:
    sources = [*(HERE.parent / "routers").glob("wap*.py"), *HERE.glob("wap_*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    made = {name for name in WAP_WORDS["ko"] if name.startswith(("fault_", "use_", "to_", "refund_"))} | {
        "expired",
        "cancelled",
        "refunded",
    }
    unsaid = [name for name in WAP_WORDS["ko"] if name not in made and not re.search(f"[\"']{name}[\"']", text)]
    assert unsaid == []
    named = set(re.findall(r"""reader\(\s*["']([a-z_]+)["']""", text))
    assert len(named) > 40
    assert named - set(WAP_WORDS["ko"]) == set()
