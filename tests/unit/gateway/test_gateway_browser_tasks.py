"""A phone's browser: tasks, events and timers, variables, and the way back."""

from __future__ import annotations

import pytest
from surfer_kit import LONG, SITE, Surfer, deck, page

from mobile_gateway.browser import Display
from mobile_gateway.browser.state import HISTORY_PAGES_MAX, URL_LETTERS_MAX, VARIABLES_MAX

# --- tasks ----------------------------------------------------------------------------------------------------------


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


# --- events and timers ----------------------------------------------------------------------------------------------


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


# --- the way back ---------------------------------------------------------------------------------------------------


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
