"""A phone's browser: what a card looks like on the display, its pictures, and moving about on it."""

from __future__ import annotations

import pytest
from surfer_kit import BARCODE, LONG, SITE, Surfer, deck, page

from mobile_gateway.browser import Align, Display, Failure, Loaded
from mobile_gateway.wire import wml
from mobile_gateway.wire.wbmp import Bitmap, encode

# --- what a card looks like -----------------------------------------------------------------------------------------


def test_words_wrap_and_spaces_are_one() -> None:
    assert Surfer(page("one\n two <b>three</b>  four five")).lines == ["one two three", "four five"]


def test_korean_takes_two_cells_and_a_proportional_font_its_own_measure() -> None:
    text = "가나다라마바사아자차"
    assert Surfer(page(text)).lines == ["가나다라마바사아", "자차"]
    assert Surfer(page(text), display=Display(width=60, measure=lambda _: 6)).lines == [text]


def test_emphasis_and_alignment_are_told() -> None:
    phone = Surfer(deck('<card><p align="center">a <em>b</em><i>c</i><small>d</small></p><p align="x">e</p></card>'))
    first, second = phone.screen.rows
    assert [(run.text, run.strong) for run in first.runs] == [("a ", False), ("bc", True), ("d", False)]
    assert (first.align, second.align) == (Align.CENTER, Align.LEFT)


def test_breaks_make_lines_and_empty_ones_between() -> None:
    assert Surfer(page("a<br/>b<br/><br/>c<br/>")).lines == ["a", "b", "", "c"]


def test_a_table_is_a_line_a_row() -> None:
    rows = "<tr><th>Seat</th><td>Price</td></tr><tr><td>A1</td><td>9,000</td></tr>"
    phone = Surfer(page(f'<table columns="2">{rows}</table>'))
    assert phone.lines == ["Seat · Price", "A1 · 9,000"]
    assert phone.screen.rows[0].runs[0].strong


def test_a_fieldset_has_its_title_above_it() -> None:
    assert Surfer(page('<fieldset title="You">name <input name="n"/></fieldset>')).lines == ["You", "name <[    ]>"]
    assert Surfer(page("<fieldset>name</fieldset>")).lines == ["name"]


def test_text_between_paragraphs_and_elements_of_later_versions_are_shown() -> None:
    phone = Surfer(deck("<card> a <p>b</p><pre>c</pre><b>d</b><access/> </card>"))
    assert phone.lines == ["a", "b", "c", "d"]


def test_the_title_is_the_cards_or_else_the_host() -> None:
    assert Surfer(page("x", title="$(no)")).screen.title == "tickets.example"
    assert Surfer(page("x", title="Hi")).screen.title == "Hi"


def test_what_a_template_offers_each_card_may_replace_or_hide() -> None:
    shared = '<template><do type="accept" name="a" label="A"><prev/></do><do type="x" label="B"><prev/></do></template>'
    plain = Surfer(deck(shared, "<card><p>x</p></card>"))
    plain.press("soft_left")
    assert plain.lines == ["<A               >", "B", "Save", "Reload"]
    own = Surfer(deck(shared, '<card><do type="y" name="a" label="C"><prev/></do><do type="x"><noop/></do></card>'))
    own.press("soft_left")
    assert own.lines == ["<C               >", "Save", "Reload"]


def test_a_do_may_stand_in_a_paragraph_and_needs_no_label() -> None:
    phone = Surfer(page('<do type="help"><prev/></do><do type="vnd.x"><prev/></do>x'))
    phone.press("soft_left")
    assert [line.strip("< >") for line in phone.lines[:2]] == ["Help", "More"]


# --- moving about ---------------------------------------------------------------------------------------------------


def test_down_goes_from_link_to_link_and_scrolls_where_there_is_none() -> None:
    phone = Surfer(page(f'<a href="#x">first</a><br/>{LONG}<a href="#y">last</a>'))
    assert phone.lines[0] == "<first>"
    phone.press("down")
    assert phone.lines[0] == "line 0"
    assert phone.screen.ok == ""
    phone.press(*["down"] * 30)
    assert phone.lines[-1] == "<last>"
    assert (phone.screen.first_row, phone.screen.total_rows) == (16, 22)
    phone.press(*["up"] * 30)
    assert phone.lines[0] == "<first>"
    assert phone.screen.first_row == 0


def test_a_link_out_of_view_is_not_followed() -> None:
    phone = Surfer(page(f'<a href="/x">first</a><br/>{LONG}'))
    phone.press("right", "ok")
    assert phone.paths == ["/wap"]
    phone.press("left", "ok")
    assert phone.paths == ["/wap", "/x"]


def test_a_link_far_down_is_picked_when_it_comes_into_view() -> None:
    phone = Surfer(page(f'{LONG}<a href="#x">last</a>'))
    assert all("<" not in line for line in phone.lines)
    phone.press("up")
    phone.press(*["down"] * 15)
    assert phone.lines[-1] == "<last>"


def test_left_and_right_turn_a_screenful() -> None:
    phone = Surfer(page(LONG))
    assert [phone.press("right").first_row for _ in range(4)] == [6, 12, 14, 14]
    assert phone.press("left").first_row == 8


def test_ok_is_named_for_what_it_would_do() -> None:
    body = '<a href="#x">a</a><input name="i"/><select name="s"><option>o</option></select>'
    phone = Surfer(page(body, rest='<do type="accept" label="Buy"><noop/></do>'))
    assert [phone.screen.ok, phone.press("down").ok, phone.press("down").ok] == ["Go", "Edit", "Select"]
    phone = Surfer(page("x", rest='<do type="accept" label="Buy"><prev/></do>'))
    assert phone.screen.ok == "Buy"


def test_a_link_without_words_can_be_seen_and_followed() -> None:
    phone = Surfer(page('<a href="/y"></a><br/><a href="/z"> </a><br/><a href="/w"><br/></a>'))
    assert phone.lines == ["<[...]>", "[...]", "[...]"]
    phone.press("down", "ok")
    assert phone.paths[-1] == "/z"


def test_a_digit_follows_the_link_that_has_it() -> None:
    phone = Surfer(page('<a href="/a" accesskey="1">a</a><anchor accesskey="2">b<go href="/b"/></anchor>'))
    phone.press("3", "2")
    assert phone.paths == ["/wap", "/b"]


# --- pictures -------------------------------------------------------------------------------------------------------


def test_a_picture_is_cut_into_strips_of_a_row_each() -> None:
    picture = encode(Bitmap(20, 17, ((True,) * 20,) * 17))
    phone = Surfer({"/wap": page('a<img src="p" alt="p"/><br/>b'), "/p": picture})
    assert phone.lines == ["a", "#", "#", "#", "b"]
    assert [row.picture.top_px for row in phone.screen.rows if row.picture] == [0, 8, 16]


def test_until_it_comes_and_where_it_does_not_a_picture_is_its_words() -> None:
    body = '<img src="p" alt="map"/><img src="q"/><img alt="no"/><img src="ftp://x/" alt="ftp"/>'
    phone = Surfer({"/wap": page(body), "/p": BARCODE, "/q": b"no picture"}, brought=False)
    phone.bring(phone.answer(phone.asked[0]))
    assert "".join(phone.lines) == "[map][...][no][ftp]"
    assert phone.paths == ["/wap", "/p", "/q"]
    for request in phone.asked[1:]:
        phone.bring(phone.answer(request))
    assert "".join(phone.lines) == "##[...][no][ftp]"


@pytest.mark.parametrize(
    "answer",
    [
        Loaded(f"{SITE}/p", 404, wml.WBMP, BARCODE),
        Loaded(f"{SITE}/p", 0, "", b"", Failure.TIMEOUT),
        Loaded(f"{SITE}/p", 200, wml.WBMP, encode(Bitmap(256, 256, ((True,) * 256,) * 256))),
    ],
)
def test_a_picture_that_failed_stays_words_and_is_not_asked_for_again(answer: Loaded) -> None:
    phone = Surfer({"/wap": page('<img src="/p" alt="map"/>'), "/p": answer})
    assert phone.lines == ["[map]"]
    phone.bring(Loaded(f"{SITE}/p", 200, wml.WBMP, BARCODE))
    assert phone.lines == ["[map]"]


def test_a_phone_has_room_for_eight_pictures_of_a_card_each_asked_for_once() -> None:
    phone = Surfer(page("".join(f'<img src="/p{number // 2}" alt="x"/>' for number in range(40))))
    assert phone.paths == ["/wap", *[f"/p{number}" for number in range(8)]]
