"""XHTML-MP, the pages of 2003, on the same browser: headings, lists, links, and forms without a script."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from surfer_kit import HOME, SITE, Surfer

from mobile_gateway.browser import Align, Loaded
from mobile_gateway.wire import wml

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE html PUBLIC "-//WAPFORUM//DTD XHTML Mobile 1.0//EN"'
    ' "http://www.wapforum.org/DTD/xhtml-mobile10.dtd"><html xmlns="http://www.w3.org/1999/xhtml">'
)


def document(body: str, *, head: str = "<title>A $page</title>") -> str:
    return f"{HEAD}<head>{head}</head><body>{body}</body></html>"


def xhtml(body: str, *, path: str = "/wap", kind: str = wml.XHTML_MP) -> Loaded:
    return Loaded(f"{SITE}{path}", 200, kind, document(body).encode())


def surfer(body: str, **more: Loaded) -> Surfer:
    return Surfer({"/wap": xhtml(body), **{f"/{path}": answer for path, answer in more.items()}})


def test_blocks_stand_on_lines_of_their_own() -> None:
    phone = surfer(
        "<h1>Head</h1>between<div>one <p>two <strong>three</strong></p> four</div><hr/><style>x</style>"
        "<ul><li>a</li></ul><ol><li>b</li><li>c</li></ol><dl><dt>d</dt><dd>e</dd></dl>"
        '<p style="text-align:center">f</p>'
        '<p align="right">g</p><pre>h</pre><table><tr><td>i</td><td>j</td></tr></table>'
    )
    lines = phone.lines
    while (phone.press("right").first_row + 6) < phone.screen.total_rows:
        lines += phone.lines
    lines += phone.lines[-(phone.screen.total_rows - len(lines)) :]
    expected = [
        "Head",
        "between",
        "one",
        "two three",
        "four",
        "--------",
        "- a",
        "1. b",
        "2. c",
        "d",
        "e",
        "f",
        "g",
        "h",
    ]
    assert lines == [*expected, "i · j"]
    assert phone.screen.title == "A $page"
    aligned = {row.text: row.align for row in phone.screen.rows}
    assert (aligned["f"], aligned["g"], aligned["h"]) == (Align.CENTER, Align.RIGHT, Align.LEFT)


def test_a_page_without_a_title_has_its_host_and_spaces_between_cells_stay() -> None:
    phone = Surfer({"/wap": Loaded(HOME, 200, "text/html; charset=utf-8", document("x", head="").encode())})
    assert phone.screen.title == "tickets.example"


@pytest.mark.parametrize("text", ["<html/>", "<page><body/></page>"])
def test_what_is_no_page_is_not_shown(text: str) -> None:
    phone = Surfer({"/wap": Loaded(HOME, 200, wml.XHTML, text.encode())})
    assert phone.text == "This page has an error. Go back."


def test_links_with_pictures_inside_and_digits_on_them() -> None:
    phone = surfer('<a name="top"/><p><a href="/x$y" accesskey="5"><b>go</b> <img src="p" alt="pic"/></a> $5</p>')
    assert phone.lines == ["<go>< [pic]> $5"]
    phone.press("5")
    assert phone.paths[-1] == "/x$y"


def test_a_form_sends_its_fields_and_the_button_that_was_pressed() -> None:
    body = (
        '<form action="/buy?old=1" method="post"><p>Name <input name="who" value="$me"/></p>'
        '<input type="hidden" name="t" value="$1"/><input type="submit" name="do" value="Buy"/>'
        '<p>PIN <input type="password" name="pin" maxlength="4" style="-wap-input-format: \'NNNN\'"/></p>'
        '<p><input type="submit" accesskey="9"/><button>Leave <b>it</b></button><input type="reset"/></p></form>'
    )
    phone = surfer(body)
    assert phone.lines == ["Name <[$me]>", "[Buy]", "PIN [    ]", "[OK][Leave it]"]
    phone.press("down", "down", "ok", *"4711", "ok", "up", "ok")
    assert phone.asked[-1].url == f"{SITE}/buy?old=1"
    assert parse_qsl(phone.asked[-1].body.decode()) == [("who", "$me"), ("t", "$1"), ("pin", "4711"), ("do", "Buy")]
    phone.press("back", "9")
    assert parse_qsl(phone.asked[-1].body.decode()) == [("who", "$me"), ("t", "$1"), ("pin", "4711")]


def test_a_form_that_asks_replaces_the_query_of_its_address() -> None:
    phone = surfer('<form action="/find?old=1"><input name="q" type="tel"/><input type="submit" value="Find"/></form>')
    phone.press("ok", "1", "ok", "down", "ok")
    assert phone.paths[-1] == "/find?q=1"


def test_boxes_and_choices_are_ticked_in_place() -> None:
    body = (
        '<form action="/x"><input type="radio" name="r" value="1" checked="checked"/>one'
        '<input type="radio" name="r" value="2"/>two <input type="checkbox" name="c" value="a"/>a'
        '<input type="checkbox" name="c" value="b" checked="checked"/>b<input type="submit" value="Go"/></form>'
    )
    phone = surfer(body)
    assert phone.text == "<(o)>one( )two [ ]a[x]b[Go]"
    assert phone.screen.ok == "Mark"
    phone.press("ok")
    assert phone.lines[0].startswith("<(o)>")
    phone.press("down", "ok", "down", "ok", "down", "ok", "down", "ok")
    assert phone.paths[-1] == "/x?r=2&c=a"


def test_selects_single_and_multiple() -> None:
    options = '<option value="1">un</option><optgroup><option selected="selected">deux</option></optgroup><hr/>'
    body = (
        f'<form action="/x"><select name="s" title="Which">{options}</select>'
        f'<select name="m" multiple="multiple">{options}</select><input type="submit" value="Go"/></form>'
    )
    phone = surfer(body)
    assert phone.text == "<[deux]>[ ] un [x] deux [Go]"
    phone.press("ok", "1", "down", "ok", "down", "down", "ok")
    assert phone.paths[-1] == "/x?s=1&m=1&m=deux"


def test_a_textarea_is_a_field_and_a_field_without_a_name_is_not_sent() -> None:
    body = (
        '<form action="/x"><textarea name="t">hi</textarea><input value="no"/><input type="submit" value="Go"/></form>'
    )
    phone = surfer(body)
    phone.press("down", "down", "ok")
    assert phone.paths[-1] == "/x?t=hi"


def test_what_was_typed_into_one_page_is_not_found_in_the_next() -> None:
    one = '<form action="/next"><input name="a"/><input type="submit" value="Go"/></form>'
    phone = Surfer({"/wap": xhtml(one), "/next?a=2": xhtml(one + "<p>second</p>", path="/next?a=2")})
    phone.press("ok", "*", "*", "2", "ok", "down", "ok")
    assert phone.lines == ["<[    ]>[Go]", "second"]


def test_fields_and_buttons_outside_a_form_do_nothing() -> None:
    phone = surfer('<input name="a"/><input type="submit" value="Go"/><textarea>x</textarea><select><option/></select>')
    phone.press("down", "ok")
    assert phone.paths == ["/wap"]


def test_digits_are_typed_at_once_where_the_page_says_so() -> None:
    phone = surfer('<input name="a" inputmode="numeric"/>')
    phone.press("ok", "2", "2")
    assert phone.lines == ["22"]
