"""A phone's browser: when no page comes, and what comes from outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from surfer_kit import HOME, SITE, Surfer, page

from mobile_gateway.browser import Browser, Failure, Fetch, Leave, Loaded
from mobile_gateway.keys import Key
from mobile_gateway.subscribers import Language
from mobile_gateway.wire import wml
from mobile_gateway.wire.xmltree import parse

# --- when no page comes ---------------------------------------------------------------------------------------------


def test_while_a_page_is_loading_it_says_so_and_can_be_called_off() -> None:
    phone = Surfer({"/wap": page("x")}, brought=False)
    assert phone.screen.title == "tickets.example"
    assert phone.text == "Loading..."
    phone.press("ok", "2")
    assert phone.browser.is_open
    phone.press("soft_right")
    assert phone.left
    phone.bring(phone.answer(phone.asked[0]))
    assert not phone.browser.is_open


def test_a_page_called_off_leaves_the_one_before() -> None:
    phone = Surfer(page('<a href="/x">x</a>'))
    phone.brought = False
    phone.press("ok", "back")
    assert phone.lines == ["<x>"]
    phone.bring(Loaded(f"{SITE}/x", 200, wml.WML, page("late").encode()))
    assert phone.lines == ["<x>"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Loaded(f"{SITE}/x", 404, "text/html", b"<h1>no"), "Page not found"),
        (Loaded(f"{SITE}/x", 410, wml.WML, b""), "Page not found"),
        (Loaded(f"{SITE}/x", 403, "text/html", b""), "You may not see this page"),
        (Loaded(f"{SITE}/x", 503, "text/plain", b"down"), "The site has a problem"),
        (Loaded(f"{SITE}/x", 200, "video/mp4", b"..."), "This phone cannot show"),
        (Loaded(f"{SITE}/x", 200, wml.WML, b"<wml><card>"), "This page has an error"),
        (Loaded(f"{SITE}/x", 200, wml.WML, b"<wml/>"), "This page has an error"),
        (Loaded(f"{SITE}/x", 200, wml.WMLC, b"\x01\x02"), "This page has an error"),
        (Loaded(f"{SITE}/x", 200, wml.WML, page("x" * 10_000).encode()), "Page too large"),
        (Loaded(f"{SITE}/x", 200, wml.WMLC, bytes(1401)), "Page too large"),
        (Loaded(f"{SITE}/x", 0, "", b"", Failure.TIMEOUT), "No answer in time"),
        (Loaded(f"{SITE}/x", 0, "", b"", Failure.UNREACHABLE), "The site cannot be reached"),
        (Loaded("about:blank", 200, wml.WML, page("x").encode(), asked=f"{SITE}/x"), "This address cannot be"),
    ],
)  # fmt: skip
def test_what_went_wrong_is_said_and_there_is_a_way_back(answer: Loaded, said: str) -> None:
    phone = Surfer({"/wap": page('<a href="/x">x</a>'), "/x": answer})
    phone.press("ok")
    assert phone.screen.title == "Error"
    assert phone.text.startswith(said)
    assert phone.screen.soft_left == "Retry"
    phone.press("3", "back")
    assert phone.lines == ["<x>"]


def test_a_page_that_failed_can_be_asked_for_again() -> None:
    answers: Iterator[Loaded | str] = iter([Loaded(f"{SITE}/x", 0, "", b"", Failure.TIMEOUT), page("there")])
    phone = Surfer({"/wap": page('<a href="/x">x</a>'), "/x": lambda _: next(answers)})
    phone.press("ok", "soft_left")
    assert phone.lines == ["there"]


def test_a_late_answer_does_not_push_the_trouble_away() -> None:
    phone = Surfer({"/wap": Loaded(HOME, 0, "", b"", Failure.TIMEOUT)})
    phone.bring(Loaded(HOME, 200, wml.WML, page("late").encode()))
    assert phone.screen.title == "Error"
    phone.press("back")
    assert phone.left


def test_a_purchase_whose_answer_was_lost_is_not_sent_again() -> None:
    lost = Loaded(f"{SITE}/buy", 0, "", b"", Failure.TIMEOUT)
    phone = Surfer({"/wap": page('<anchor>buy<go href="/buy" method="post"/></anchor>'), "/buy": lost})
    phone.press("ok")
    assert phone.screen.soft_left == ""
    phone.press("ok")
    assert phone.lines == ["<buy>"]
    assert phone.paths == ["/wap", "/buy"]


def test_an_error_page_that_can_be_read_is_read() -> None:
    phone = Surfer({"/wap": Loaded(HOME, 409, wml.WML, page("Sold out").encode())})
    assert phone.lines == ["Sold out"]


def test_every_trouble_and_every_word_is_said_in_korean_too() -> None:
    phone = Surfer({}, language=Language.KOREAN)
    assert phone.text.replace(" ", "").startswith("페이지가없습니다")
    assert phone.screen.soft_right == "이전"


# --- from outside ---------------------------------------------------------------------------------------------------


def test_an_address_from_outside_keeps_the_way_back_and_takes_no_variables_along() -> None:
    phone = Surfer({"/wap": page('<input name="v" value="secret"/>'), "/push": page("[$v]")})
    phone.open(f"{SITE}/push#one")
    assert phone.lines == ["[]"]
    phone.press("back")
    assert phone.lines == ["<[secret]>"]


def test_a_redirected_page_is_known_by_where_it_was_found() -> None:
    moved = Loaded(f"{SITE}/new/home", 200, wml.WML, page('<a href="x">x</a>').encode(), asked=HOME)
    phone = Surfer({"/wap": moved})
    phone.press("ok")
    assert phone.paths == ["/wap", "/new/x"]


def test_compiled_pages_and_korean_ones_in_their_own_charset_are_read() -> None:
    text = page("표 $(x:noesc)한 장")
    octets = wml.compile(parse(text.encode()))
    assert Surfer({"/wap": Loaded(HOME, 200, wml.WMLC, octets)}).text == "표 한 장"
    declared = text.replace("UTF-8", "EUC-KR").encode("euc-kr")
    assert Surfer({"/wap": Loaded(HOME, 200, wml.WML, declared)}).text == "표 한 장"
    named = Loaded(HOME, 200, f'{wml.WML}; a=b; charset="EUC-KR"', text.replace("UTF-8", "x").encode("euc-kr"))
    assert Surfer({"/wap": named}).text == "표 한 장"


def test_a_small_page_that_unfolds_into_a_huge_one_is_refused() -> None:
    # 1,300 octets that name one string of 200 letters 300 times.
    body = bytes([3, 4, 0x6A]) + bytes([0x81, 0x49]) + b"x" * 200 + b"\0" + bytes([0x7F, 0x67, 0x60])
    body += bytes([0x83, 0]) * 300 + bytes([1, 1, 1])
    phone = Surfer({"/wap": Loaded(HOME, 200, wml.WMLC, body)})
    assert phone.text == "Page too large for this phone. Go back."


def test_a_page_of_more_text_than_is_laid_out_ends_there() -> None:
    value = f'<input name="v" value="{"x" * 200}"/>'
    phone = Surfer(page(value + "$v " * 400 + '<a href="#x">never</a>'))
    assert 600 < phone.screen.total_rows < 800
    place = phone.browser.state.place
    assert place
    end = replace(place, scroll=phone.screen.total_rows - 6)
    phone.browser = Browser(replace(phone.browser.state, place=end))
    assert "x" in phone.text
    phone.press("down")
    assert set(phone.text) <= set("x ")


def test_a_browser_that_was_never_opened_shows_nothing() -> None:
    assert Browser().view().rows == ()
    assert not Browser().is_open
    assert Browser().open("nonsense")[1] == ()
    assert Browser().open("nonsense")[0].press(Key.OK)[1] == (Leave(),)
    assert Fetch(HOME) in Browser().open(HOME)[1]
