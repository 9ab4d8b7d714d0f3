"""A ticket on the phone's screen: its PIN can be told from others, its words and its barcode are one key away."""

from __future__ import annotations

import pytest
from handset_kit import NOON, a_phone, after, press, shown, with_code

from mobile_gateway.browser import Loaded
from mobile_gateway.carrier.messages import Model
from mobile_gateway.handset.glass import glass_of
from mobile_gateway.handset.phone import HOME_URL, Phone
from mobile_gateway.lcd import drawing as lcd
from mobile_gateway.lcd.canvas import Canvas


def on_page(body: str, model: Model) -> Phone:
    """A phone whose browser shows this."""
    deck = f'<wml><card id="t" title="T"><p>{body}</p></card></wml>'.encode()
    phone = press(after(a_phone(model=model), "ok"), "3").phone
    return phone.loaded(Loaded("http://127.0.0.1/", 200, "text/vnd.wap.wml", deck, asked=HOME_URL), now=NOON).phone


def first_row(phone: Phone) -> list[str]:
    """The pixels of the first row of the body."""
    glass, frame = phone.glass, lcd.screen(phone).frame
    return [f"{row:0{frame.width}b}" for row in frame.rows[glass.body_px : glass.body_px + glass.row_px]]


@pytest.mark.parametrize("model", [Model.FEATURE, Model.FEATURE128])
def test_the_digits_of_a_pin_are_drawn_once_however_strong(model: Model) -> None:
    glass = glass_of(model)
    plain = Canvas(glass.width, glass.row_px)
    plain.text(1, 0, "PIN 580698", glass.font)
    once = [f"{row:0{glass.width}b}" for row in plain.frame().rows]
    assert first_row(on_page("<b>PIN 580698</b>", model)) == once


def test_words_are_bold_where_there_is_room() -> None:
    assert first_row(on_page("<b>Paid.</b>", Model.FEATURE128)) != first_row(on_page("Paid.", Model.FEATURE128))
    assert first_row(on_page("<b>Paid.</b>", Model.FEATURE)) == first_row(on_page("Paid.", Model.FEATURE))


@pytest.mark.parametrize(
    ("model", "part"), [(Model.FEATURE, 0.5), (Model.FEATURE128, 1.0)], ids=["dotted where it is narrow", "whole"]
)
def test_a_link_is_underlined(model: Model, part: float) -> None:
    page = '<a href="/a">one</a><br/><a href="/b">nnnn</a>'  # the first is picked, which is white on black
    phone, glass = on_page(page, model), glass_of(model)
    frame = lcd.screen(phone).frame
    line = f"{frame.rows[glass.body_px + 2 * glass.row_px - 1]:0{frame.width}b}"
    wide = glass.measure_text("nnnn")
    assert line[1 : 1 + wide].count("1") == pytest.approx(part * wide, abs=1)


def test_what_is_picked_has_black_on_its_left() -> None:
    assert all(row.startswith("1") for row in first_row(on_page('<a href="/a">Home</a>', Model.FEATURE)))


def test_ok_shows_the_barcode_of_a_ticket_and_the_left_key_its_words() -> None:
    phone = with_code(a_phone()).store("e")
    tickets = after(phone, "up")
    assert shown(tickets)[-1] == "Open  Show  Back"
    assert shown(after(tickets, "ok")) == ["Barcode: A 12"]
    words = after(tickets, "soft_left")
    assert any("A 12" in row for row in shown(words))
    assert shown(after(words, "back")) == shown(tickets)
