"""A phone's browser: lists to choose from, the options, and keeping a page."""

from __future__ import annotations

from surfer_kit import BARCODE, HOME, Surfer, deck, page

# --- lists ----------------------------------------------------------------------------------------------------------


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


# --- options, and keeping a page ------------------------------------------------------------------------------------


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
