"""What WML pages mean: layout, focus, tasks, variables, events, history, and what is said when no page comes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from surfer_kit import BARCODE, HOME, SITE, Surfer, deck, page

from mobile_gateway.browser import Align, Browser, Display, Failure, Fetch, Leave, Loaded
from mobile_gateway.browser.state import HISTORY_PAGES_MAX, URL_LETTERS_MAX, VARIABLES_MAX
from mobile_gateway.keys import Key
from mobile_gateway.subscribers import Language
from mobile_gateway.wire import wml
from mobile_gateway.wire.wbmp import Bitmap, encode
from mobile_gateway.wire.xmltree import parse

LONG = "".join(f"line {number}<br/>" for number in range(20))

# --- what a card looks like -------------------------------------------------------------------------------------------


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


# --- moving about -----------------------------------------------------------------------------------------------------


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


# --- tasks ------------------------------------------------------------------------------------------------------------


def test_a_card_of_the_same_page_needs_no_request() -> None:
    phone = Surfer(deck('<card id="a"><p><a href="#b">to b</a></p></card>', "<card id='b'><p>b</p></card>"))
    phone.press("ok")
    assert phone.lines == ["b"]
    phone.press("back")
    assert phone.lines == ["<to b>"]
    assert phone.paths == ["/wap"]


def test_the_full_address_of_a_card_of_this_page_needs_no_request_either() -> None:
    phone = Surfer(deck('<card id="a"><p><a href="/wap#b">to b</a></p></card>', "<card id='b'><p>b</p></card>"))
    phone.press("ok")
    assert phone.lines == ["b"]
    assert phone.paths == ["/wap"]


def test_a_fragment_opens_its_card_and_an_unknown_one_the_first() -> None:
    two = deck('<card id="a"><p>a</p></card>', '<card id="b"><p>b</p></card>')
    phone = Surfer({"/x": two, "/wap": page('<a href="/x#b">1</a> <a href="/x#c">2</a>')})
    phone.press("ok")
    assert phone.lines == ["b"]
    phone.press("back", "down", "ok")
    assert phone.lines == ["a"]


def test_the_fields_of_a_get_join_the_address_and_those_of_a_post_the_body() -> None:
    body = (
        '<anchor>1<go href="/x?a=1"><postfield name="q" value="a b&amp;c"/></go></anchor>'
        '<anchor>2<go href="/x"><postfield name="q" value="가"/></go></anchor>'
        '<anchor>3<go href="/x" method="post"><postfield name="q" value="$$5"/></go></anchor>'
        '<anchor>4<go href="/x" method="post" accept-charset="x-none, EUC-KR"><postfield name="q" value="가😀"/>'
        "</go></anchor>"
    )
    phone = Surfer(page(body))
    for times in range(4):
        phone.press(*["down"] * (1 if times else 0), "ok", "back")
    assert phone.paths[1:3] == ["/x?a=1&q=a+b%26c", "/x?q=%EA%B0%80"]
    assert [one.body for one in phone.asked[3:]] == [b"q=%245", b"q=%B0%A1%26%23128512%3B"]
    form = "application/x-www-form-urlencoded; charset="
    assert [one.content_type for one in phone.asked[3:]] == [f"{form}utf-8", f"{form}euc-kr"]


def test_variables_are_set_when_the_page_is_there_and_see_what_was_before() -> None:
    body = (
        '<anchor>go<go href="/x?v=$(v)"><setvar name="v" value="new"/><setvar name="w" value="$(v)!"/></go></anchor>'
        '<input name="v" value="old"/>'
    )
    phone = Surfer({"/wap": page(body), "/x?v=old": page("$v $(w) $(w:escape) $(w:unesc) $(w:noesc) $$ $ 5 $(1)")})
    phone.press("ok")
    assert phone.text == "new old! old%21 old! old! $ $ 5 $(1)"
    gone = Surfer(page(body))
    gone.press("ok", "back")
    assert gone.lines == ["<go>[old]"]


def test_a_name_that_is_none_sets_nothing_and_too_long_a_value_is_cut() -> None:
    long = "x" * 1100
    body = f'<anchor>go<refresh><setvar name="1" value="a"/><setvar name="v" value="{long}"/></refresh></anchor>$v'
    phone = Surfer(page(body), display=Display(width=2000))
    phone.press("ok")
    assert phone.lines == ["<go>" + "x" * 1000]


def test_a_page_sets_no_more_variables_than_a_phone_remembers() -> None:
    sets = "".join(f'<setvar name="v{number}" value="1"/>' for number in range(120))
    phone = Surfer(page(f"<anchor>go<refresh>{sets}</refresh></anchor>"))
    phone.press("ok", "ok")
    assert len(phone.browser.state.variables) == VARIABLES_MAX


def test_refresh_shows_the_card_anew_where_the_holder_was() -> None:
    body = '<a href="#x">a</a> $v <anchor>set<refresh><setvar name="v" value="ok"/></refresh></anchor>'
    phone = Surfer(page(body))
    phone.press("down", "ok")
    assert phone.text == "a ok <set>"


def test_noop_and_a_link_without_a_task_do_nothing() -> None:
    phone = Surfer(page("<anchor>a<noop/></anchor> <anchor>b</anchor>"))
    before = phone.browser
    phone.press("ok")
    assert phone.browser == before


def test_a_new_context_forgets_variables_and_the_way_back_but_not_what_the_link_sets() -> None:
    body = '<input name="v" value="1"/><anchor>go<go href="/x"><setvar name="w" value="2"/></go></anchor>'
    phone = Surfer({"/wap": page(body), "/x": deck('<card newcontext="true"><p>[$v$w]</p></card>')})
    phone.press("down", "ok")
    assert phone.lines == ["[2]"]
    phone.press("back")
    assert phone.left


@pytest.mark.parametrize("href", ["javascript:alert(1)", "file:///etc/passwd", "http://[", "http://a:0/", "/a b"])
def test_an_address_that_is_none_of_the_webs_is_not_opened(href: str) -> None:
    phone = Surfer(page(f'<a href="{href}">x</a>'))
    phone.press("ok")
    assert phone.text == "This address cannot be opened from here. Go back."
    assert phone.paths == ["/wap"]
    phone.press("back")
    assert phone.lines == ["<x>"]


def test_an_address_that_grew_too_long_is_not_asked_for() -> None:
    wide = f'<input name="v" value="{"x" * 190}"/>'
    field = '<postfield name="a" value="$v"/>' * 12
    phone = Surfer(page(f'<anchor>go<go href="/x">{field}</go></anchor>{wide}'))
    phone.press("ok")
    assert phone.text == "Page too large for this phone. Go back."
    assert phone.paths == ["/wap"]
    too_long = Surfer(opened=False, site={})
    too_long.open(f"{SITE}/{'x' * URL_LETTERS_MAX}")
    assert too_long.text == "This address cannot be opened from here. Go back."


# --- lists ------------------------------------------------------------------------------------------------------------

LIST = (
    '<select name="s" title="Seat" value="b"><optgroup title="Stalls"><option value="a">A</option></optgroup>'
    '<optgroup title="Circle"><option value="b">B</option><option value="c" title="C"/></optgroup>'
    '<onevent type="onpick"/></select>'
)


def test_a_list_opens_at_what_is_chosen_with_its_groups() -> None:
    phone = Surfer(page(f"{LIST}[$s]"))
    assert phone.lines == ["<[B]>[b]"]
    phone.press("ok")
    assert phone.screen.title == "Seat"
    assert phone.lines == ["Stalls", "A", "Circle", "<B               >", "C"]
    phone.press("down", "ok")
    assert phone.lines == ["<[C]>[c]"]


def test_a_list_goes_over_its_ends_takes_digits_and_can_be_left() -> None:
    phone = Surfer(page(f"{LIST}[$s]"))
    phone.press("ok", "down", "down", "#", "soft_left")
    assert phone.lines == ["<[A]>[a]"]
    phone.press("ok", "9", "3")
    assert phone.lines == ["<[C]>[c]"]
    phone.press("ok", "up", "back")
    assert phone.lines == ["<[C]>[c]"]


def test_of_several_choices_each_is_ticked_apart() -> None:
    options = "".join(f'<option value="{letter}">{letter}</option>' for letter in "xyz")
    phone = Surfer(page(f'<select name="s" iname="i" multiple="true" ivalue="1;3">{options}</select> $s $i'))
    assert phone.lines == ["<[x, z]> x;z 1;3"]
    phone.press("ok")
    assert phone.lines[1:] == ["[ ] y", "[x] z"]
    phone.press("ok", "2", "soft_left")
    assert phone.lines == ["<[y, z]> y;z 2;3"]
    phone.press("ok", "2", "soft_left")
    assert phone.lines == ["<[z]> z 3"]


def test_none_of_several_may_be_chosen_and_stays_so() -> None:
    options = '<option value="x">x</option><option value="">y</option>'
    for names, shown in (('iname="i" ivalue="1"', "1"), ('name="i" value="x"', "x")):
        phone = Surfer(page(f'<select {names} multiple="true">{options}</select>$i <anchor>r<refresh/></anchor>'))
        assert phone.lines == [f"<[x]>{shown} r"]
        phone.press("ok", "1", "soft_left")
        assert phone.text.startswith("<[ ]>")
    phone = Surfer(page(f'<select iname="i" ivalue="1" multiple="true">{options}</select>$i<a href="#x">r</a>'))
    phone.press("ok", "1", "soft_left", "down", "ok")
    assert phone.text == "<[ ]>0r"


def test_an_option_of_no_value_can_be_chosen() -> None:
    phone = Surfer(page('<select name="s" value="x"><option value="x">x</option><option>none</option></select>($s)'))
    phone.press("ok", "2")
    assert phone.lines == ["<[none]>()"]


def test_the_values_of_several_choices_may_be_given() -> None:
    options = "".join(f'<option value="{letter}">{letter}</option>' for letter in "xyz")
    assert Surfer(page(f'<select name="s" value="z;y" multiple="true">{options}</select>')).lines == ["<[y, z]>"]


def test_an_empty_list_stays_closed() -> None:
    phone = Surfer(page('<select name="s"></select>'))
    phone.press("ok")
    assert phone.lines == ["<[    ]>"]


def test_an_option_may_lead_on_at_once() -> None:
    options = (
        '<option onpick="/a">a</option><option><onevent type="onpick"><go href="/b"/></onevent>b</option>'
        '<option><onevent type="onpick"></onevent>c</option>'
    )
    phone = Surfer(page(f"<select>{options}</select>"))
    phone.press("ok", "1", "back", "ok", "2", "back", "ok", "3")
    assert phone.paths == ["/wap", "/a", "/b"]
    assert phone.lines == ["<[a]>"]  # nothing holds the choice of a list without a name


# --- options, and keeping a page --------------------------------------------------------------------------------------


def test_the_options_can_be_walked_picked_by_digit_and_left() -> None:
    phone = Surfer(page("x", rest='<do type="options" label="More"><go href="/m"/></do>'))
    phone.press("soft_left", "up")
    assert phone.lines == ["More", "Save", "<Reload          >"]
    phone.press("9", "*", "soft_right")
    assert phone.lines == ["x"]
    phone.press("soft_left", "1")
    assert phone.paths == ["/wap", "/m"]


def test_accepting_options_come_first() -> None:
    dos = '<do type="help" label="Why"><prev/></do><do type="accept" label="Buy"><prev/></do>'
    phone = Surfer(page("x", rest=dos))
    phone.press("soft_left")
    assert [line.strip("< >") for line in phone.lines[:2]] == ["Buy", "Why"]


def test_reload_asks_again_and_does_not_lengthen_the_way_back() -> None:
    pages = iter(["one", "two"])
    phone = Surfer({"/wap": lambda _: page(next(pages))})
    phone.press("soft_left", "2")
    assert phone.lines == ["two"]
    phone.press("back")
    assert phone.left


def test_what_was_posted_for_is_never_sent_again_by_reload_or_by_back() -> None:
    buy = '<anchor>buy<go href="/buy" method="post"/></anchor>'
    bought = deck('<card><p><a href="#two">bought</a></p></card>', '<card id="two"><p>two</p></card>')
    phone = Surfer({"/wap": page(buy), "/buy": bought})
    phone.press("ok", "soft_left")
    assert [line.strip("< >") for line in phone.lines] == ["Save"]
    phone.press("back", "ok", "back")
    assert phone.lines == ["<bought>"]
    assert phone.paths == ["/wap", "/buy"]


def test_a_link_to_the_address_that_was_posted_to_is_another_page() -> None:
    posted = page('<a href="/buy#one">again</a>')
    phone = Surfer({"/wap": page('<anchor>buy<go href="/buy" method="post"/></anchor>'), "/buy": posted})
    phone.press("ok", "ok")
    assert [one.method for one in phone.asked] == ["GET", "POST", "GET"]


def test_saving_keeps_words_and_those_pictures_that_came() -> None:
    body = '<a href="#x"><img src="q.wbmp" alt="QR"/>long words that wrap</a><br/><br/><img src="gone.wbmp" alt="?"/>'
    phone = Surfer({"/wap": page(body, title="My $t ticket"), "/q.wbmp": BARCODE})
    phone.press("soft_left", "ok")
    (kept,) = phone.kept
    assert kept.title == "My  ticket"
    assert kept.url == HOME
    assert kept.text == "long words that wrap\n[?]"
    assert kept.pictures == (BARCODE,)
    assert phone.lines[0] == "<#>"


# --- pictures ---------------------------------------------------------------------------------------------------------


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


# --- events and timers ------------------------------------------------------------------------------------------------


def test_entering_forwards_may_lead_on_and_so_may_coming_back() -> None:
    first = (
        '<card id="a" onenterforward="#b"><p>a</p></card>',
        '<card id="b"><onevent type="onenterbackward"><go href="#c"/></onevent><p><a href="/x">b</a></p></card>',
        '<card id="c"><p>c</p></card>',
    )
    phone = Surfer({"/wap": deck(*first), "/x": page("x")})
    assert phone.lines == ["<b>"]
    phone.press("ok")
    assert phone.lines == ["x"]
    phone.press("back")
    assert phone.lines == ["c"]


def test_a_template_may_say_what_happens_on_entering() -> None:
    phone = Surfer(
        deck('<template onenterforward="/x"/>', '<card><onevent type="bad"><prev/></onevent><onevent/></card>')
    )
    assert phone.paths == ["/wap", "/x"]


def test_cards_that_send_to_each_other_come_to_an_end() -> None:
    phone = Surfer(
        deck('<card id="a" onenterforward="#b"><p>a</p></card>', '<card id="b" onenterforward="#a"><p>b</p></card>')
    )
    assert phone.lines in (["a"], ["b"])
    assert phone.paths == ["/wap"]


def test_cards_that_send_back_and_forth_come_to_an_end() -> None:
    phone = Surfer(
        {
            "/wap": deck('<card id="a" onenterbackward="#b"><p><a href="#b">a</a></p></card>',
                         '<card id="b"><onevent type="onenterforward"><prev/></onevent><p>b</p></card>'),
        }
    )  # fmt: skip
    phone.press("ok")
    assert phone.paths == ["/wap"]


TIMED = deck('<card ontimer="/next"><timer value="50"/><p>Welcome</p></card>')


def test_a_timer_runs_out_at_a_tick() -> None:
    phone = Surfer({"/wap": TIMED, "/next": page("next")})
    assert phone.timer() == 50
    phone.tick()
    assert phone.lines == ["next"]
    assert phone.timer() is None
    phone.tick()
    assert phone.lines == ["next"]


def test_ok_does_not_wait_for_a_timer() -> None:
    phone = Surfer({"/wap": TIMED, "/next": page("next")})
    phone.press("ok")
    assert phone.lines == ["next"]


def test_a_timer_may_be_a_variable_and_waits_while_something_lies_over_the_card() -> None:
    body = deck('<card ontimer="/next"><timer name="t" value="x"/><p><input name="t" value="30"/></p></card>')
    phone = Surfer(body)
    assert phone.timer() == 30
    phone.press("soft_left")
    assert phone.timer() is None
    phone.press("back", "ok", *["back"] * 2, "0", "ok")
    assert phone.timer() is None


@pytest.mark.parametrize("timer", ["", '<timer value="0"/>', '<timer value="1000000000"/>', '<timer value="x"/>'])
def test_a_timer_that_says_no_time_is_none(timer: str) -> None:
    phone = Surfer(deck(f'<card ontimer="/next">{timer}<p>x</p></card>'))
    assert phone.timer() is None
    phone.press("ok")
    assert phone.paths == ["/wap"]


def test_a_timer_without_an_event_does_nothing() -> None:
    assert Surfer(deck('<card><timer value="5"/><p>x</p></card>')).browser.timer_tenths is None


# --- the way back -----------------------------------------------------------------------------------------------------


def test_back_shows_what_was_there_with_its_focus_and_its_row_without_a_request() -> None:
    phone = Surfer({"/wap": page(f'{LONG}<a href="/x">a</a><br/><a href="/x">b</a>'), "/x": page("x")})
    phone.press(*["down"] * 25, "ok", "back")
    assert phone.lines[-1] == "<b>"
    assert phone.paths == ["/wap", "/x"]


def test_the_way_back_is_ten_pages_long() -> None:
    phone = Surfer({f"/{number}": page(f'<a href="/{number + 1}">{number}</a>') for number in range(20)}, opened=False)
    phone.open(f"{SITE}/0")
    phone.press(*["ok"] * 15)
    for _ in range(HISTORY_PAGES_MAX):
        assert not phone.left
        phone.press("back")
    assert phone.lines == ["<5>"]
    phone.press("back")
    assert phone.left


def test_the_page_may_put_its_own_task_in_the_place_of_back() -> None:
    phone = Surfer(page("x", rest='<do type="prev" label="Home"><go href="/home"/></do>'))
    assert phone.screen.soft_right == "Home"
    phone.press("soft_right")
    assert phone.paths == ["/wap", "/home"]


def test_a_prev_without_a_label_is_called_back_and_may_set_variables() -> None:
    first = page('$v<a href="/x">x</a>')
    second = page("y", rest='<do type="prev"><prev><setvar name="v" value="set "/></prev></do>')
    phone = Surfer({"/wap": first, "/x": second})
    phone.press("ok")
    assert phone.screen.soft_right == "Back"
    phone.press("back")
    assert phone.lines == ["set <x>"]


def test_end_leaves_everything() -> None:
    phone = Surfer(page("x"))
    phone.press("end")
    assert phone.left
    assert not phone.browser.is_open
    assert phone.lines == []
    assert phone.press("ok", "2") == phone.screen
    assert phone.tick().rows == ()


# --- when no page comes -----------------------------------------------------------------------------------------------


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


# --- from outside -----------------------------------------------------------------------------------------------------


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
