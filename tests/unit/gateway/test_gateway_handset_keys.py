"""The keys of a phone: its menus, its messages, its barcode, writing, and the browser inside."""

from __future__ import annotations

from typing import get_args

from handset_kit import NOON, TICKET, a_phone, after, airs, press, pushed, qr, received, shown, with_code
from hypothesis import given
from hypothesis import strategies as st

from mobile_gateway.browser import Fetch, Loaded
from mobile_gateway.carrier.messages import Language, Model
from mobile_gateway.handset.menus import Act
from mobile_gateway.handset.phone import HOME_URL, Phone, SendSms
from mobile_gateway.handset.places import TYPED_LETTERS_MAX, Mode
from mobile_gateway.keys import Key
from mobile_gateway.lcd import drawing as lcd
from mobile_gateway.wire import push, wbmp
from mobile_gateway.wire.push import ServiceIndication

DECK = b"""<?xml version="1.0"?><!DOCTYPE wml PUBLIC "-//WAPFORUM//DTD WML 1.1//EN" "http://www.wapforum.org/DTD/wml_1.1.xml">
<wml><card id="t" title="Ticket"><p>Moonlight<img src="/code.wbmp" alt="code"/></p></card></wml>"""


def page(url: str, body: bytes = DECK, kind: str = "text/vnd.wap.wml", *, asked: str | None = None) -> Loaded:
    return Loaded(url, 200, kind, body, asked=asked)


def ticket_page() -> Phone:
    """A phone whose browser shows a ticket with its barcode."""
    phone = press(after(a_phone(), "ok"), "3").phone
    phone = phone.loaded(page("http://127.0.0.1/wap", asked=HOME_URL), now=NOON).phone
    return phone.loaded(page("http://127.0.0.1/code.wbmp", wbmp.encode(qr()), wbmp.CONTENT_TYPE), now=NOON).phone


# --- menus ------------------------------------------------------------------------------------------------------------


def test_an_idle_phone_names_its_network_and_tells_what_came() -> None:
    assert shown(a_phone())[-1] == "Menu  Inbox"
    assert "New message" in shown(a_phone("hello"))
    assert "2 new messages" in shown(a_phone("hello", "again"))
    assert "새 메시지" in shown(a_phone("hello", language=Language.KOREAN))
    assert shown(after(a_phone("hello"), "soft_right"))[1] == "hello"


def test_the_menu_goes_round_and_its_items_have_numbers() -> None:
    menu = after(a_phone("hello"), "soft_left")
    assert shown(menu)[:5] == ["Menu 1/4", "> Inbox (1)", "My tickets", "WAP internet", "Write message"]
    assert shown(after(menu, "up"))[4] == "> Write message"
    assert shown(after(menu, "up", "down"))[1] == "> Inbox (1)"
    assert shown(after(menu, "2"))[0] == "My tickets"
    assert shown(after(menu, "2", "back"))[2] == "> My tickets"
    assert shown(after(menu, "9")) == shown(menu)
    assert after(menu, "back").place is None


def test_end_leaves_everything() -> None:
    assert after(a_phone(TICKET), "ok", "1", "ok", "soft_left", "end").places == ()


def test_the_inbox_says_what_is_new_and_the_cursor_follows_the_message_it_is_on() -> None:
    phone = after(a_phone("one", "two", "three"), "down", "down", "down")
    assert shown(phone)[:4] == ["Inbox 3/3", "three", "two", "> one"]
    assert shown(after(phone, "down"))[1] == "> three"
    later = received(phone, pushed(push.to_wbxml(ServiceIndication("http://x.example/", "four")), push.SI_WBXML))
    assert shown(later)[4] == "> one"
    assert after(phone, "ok").messages[2].opened


def test_long_lists_follow_the_cursor() -> None:
    phone = after(a_phone(*[f"message {n}" for n in range(10)]), "end", "down", *["up"])
    assert shown(phone)[1:7] == ["message 5", "message 4", "message 3", "message 2", "message 1", "> message 0"]


def test_empty_lists_say_how_they_fill() -> None:
    assert "Tickets will" in shown(after(a_phone(), "down"))
    assert "and save it." in shown(after(a_phone(), "up"))
    assert after(a_phone(), "down", "ok", "down").place == after(a_phone(), "down").place
    assert after(a_phone(), "down", "back").place is None


def test_an_open_message_scrolls_by_rows_and_by_screens_and_no_further() -> None:
    phone = after(a_phone("\n".join(str(line) for line in range(1, 16))), "soft_right")
    assert shown(phone)[:7] == ["Cyberticket 1/3", "1", "2", "3", "4", "5", "6"]
    assert shown(after(phone, "down"))[1] == "2"
    assert shown(after(phone, "right"))[1:7] == ["7", "8", "9", "10", "11", "12"]
    bottom = after(phone, "right", "right", "right", "down")
    assert shown(bottom)[:2] == ["Cyberticket 3/3", "10"]
    assert shown(after(bottom, *["up"] * 20))[1] == "1"
    assert shown(after(bottom, "left"))[1] == "4"


# --- tickets ----------------------------------------------------------------------------------------------------------


def test_a_ticket_is_saved_from_its_options_and_found_among_the_tickets() -> None:
    reading = after(a_phone(TICKET), "soft_right")
    assert shown(after(reading, "soft_left"))[1:4] == ["> 1 Open page", "2 Save ticket", "3 Delete"]
    saved = after(reading, "soft_left", "2")
    assert shown(saved)[-1] == "Ticket saved"
    assert shown(after(saved, "down"))[-1].startswith("Options")
    assert shown(after(saved, "end", "up"))[1].startswith("> Moonlight 22 Nov")
    assert shown(after(saved, "end", "up", "ok"))[1].startswith("Moonlight 22 Nov")


def test_a_plain_message_goes_at_once_and_a_saved_ticket_only_when_asked_again() -> None:
    plain = after(a_phone("one", "two"), "down", "ok", "soft_left", "1")
    assert [held.text for held in plain.messages] == ["one"]
    assert shown(plain)[-1] == "Deleted"
    asking = after(a_phone(TICKET), "soft_right", "soft_left", "2", "soft_left", "2")
    assert shown(asking)[-1] == "Delete  Keep"
    assert len(asking.messages) == 1
    assert after(asking, "soft_right").messages == asking.messages
    assert after(asking, "ok").messages == ()


def test_the_options_have_a_cursor_that_goes_round() -> None:
    choosing = after(a_phone(TICKET), "soft_right", "soft_left")
    assert shown(after(choosing, "down"))[2] == "> 2 Save ticket"
    assert shown(after(choosing, "up"))[3] == "> 3 Delete"
    assert after(choosing, "down", "ok").tickets
    assert shown(after(choosing, "back"))[0] == "Cyberticket"


def test_the_barcode_fills_the_screen_and_any_way_out_leaves_it() -> None:
    phone = after(with_code(a_phone()), "soft_right", "ok")
    assert lcd.rows(phone) == ("Barcode: A 12",)
    for key in ("ok", "back", "soft_left", "soft_right"):
        assert shown(after(phone, key))[0] == "15880000"
    assert after(phone, "5", "down").place == phone.place


def test_a_saved_barcode_opens_as_a_barcode() -> None:
    phone = after(with_code(a_phone()), "soft_right", "soft_left", "2", "end", "up")
    assert len(lcd.rows(after(phone, "ok"))) == 1


# --- writing ----------------------------------------------------------------------------------------------------------


def test_a_message_is_typed_with_ten_digits_and_sent() -> None:
    phone = after(a_phone(), *"1588", "ok", *"22", "right", *"88", *"999")
    assert shown(phone)[:2] == ["ABC 1588 3", "BUY"]
    pressed = press(phone, "send")
    assert pressed.effects == (SendSms("1588", "BUY"),)
    assert shown(pressed.phone)[-1] == "Message sent"
    assert pressed.phone.place is None


def test_the_same_key_changes_the_letter_until_another_settles_it() -> None:
    writing = after(a_phone(), *"1588", "ok")

    def typed(*keys: str) -> str:
        place = after(writing, *keys).place
        assert place
        return place.draft.text

    assert typed("2") == "A"
    assert typed("2", "2", "2", "2") == "2"
    assert typed("2", "2", "2", "2", "2") == "A"
    assert typed("2", "#", "2") == "AA"
    assert typed("2", "*", "3") == "A3"
    assert typed("2", "*", "*", "3", "3") == "Ae"
    assert typed("2", "2", "left", "2") == "BA"
    assert typed("2", "back") == ""
    assert len(typed(*["2", "#"] * (TYPED_LETTERS_MAX + 3))) == TYPED_LETTERS_MAX


def test_nothing_is_sent_without_words_and_no_words_without_a_number() -> None:
    assert press(after(a_phone(), *"1588", "ok", "0"), "send").effects == ()
    assert shown(after(a_phone(), "ok", "4", "ok"))[0] == "To number 123"
    assert shown(after(a_phone(), "*", "ok"))[0] == "To number 123"
    assert shown(after(a_phone(), "*", "8", "*", "#", "2"))[2] == "+82_"
    assert after(a_phone(), "5", "back", "back").place is None


def test_clearing_everything_goes_back() -> None:
    writing = after(a_phone(), *"1588", "ok", "2", "back")
    assert shown(writing)[-1] == "Send  Back"
    assert shown(after(writing, "back"))[0] == "To number 123"
    assert shown(after(writing, "soft_left"))[0].startswith("ABC")


def test_a_reply_goes_to_the_number_it_came_from_and_a_name_has_none() -> None:
    phone = with_code(a_phone())
    writing = after(phone, "soft_right", "send")
    assert press(after(writing, "9"), "ok").effects == (SendSms("15880000", "W"),)
    assert shown(after(writing, "9", "ok"))[0] == "15880000"
    named = after(a_phone("hello"), "soft_right")
    assert after(named, "send").places == named.places


# --- the browser ------------------------------------------------------------------------------------------------------


def test_the_browser_opens_the_networks_first_page_and_leaves_it_again() -> None:
    pressed = press(after(a_phone(), "ok"), "3")
    assert pressed.effects == (Fetch(HOME_URL),)
    there = pressed.phone.loaded(page("http://127.0.0.1/wap", asked=HOME_URL), now=NOON)
    assert shown(there.phone)[0].startswith("Ticket")
    assert there.effects == (Fetch("http://127.0.0.1/code.wbmp"),)
    assert shown(after(there.phone, "back"))[0] == "Menu 3/4"
    assert after(there.phone, "end").place is None


def test_a_page_with_its_barcode_is_kept_as_a_ticket_and_shown_at_the_gate() -> None:
    phone = ticket_page()
    assert shown(phone)[:3] == ["Ticket", "Moonlight", "[Picture]"]
    saving = _saved(phone)
    assert [held.title for held in saving.tickets] == ["Ticket"]
    assert len(_saved(saving).tickets) == 1
    assert lcd.rows(after(saving, "end", "up", "ok")) == ("Barcode: Ticket",)
    full = received(phone, *[air for n in range(phone.parts_max) for air in airs(f"n{n}", "hello")])
    assert _saved(full).tickets == ()
    assert shown(_saved(full))[-1] == "Memory full"


def _saved(phone: Phone) -> Phone:
    """The page in view, kept by the first of its options."""
    choosing = after(phone, "soft_left")
    assert shown(choosing)[:2] == ["Options", "> Save"]
    return after(choosing, "ok")


def test_the_screen_draws_what_the_page_has() -> None:
    deck = DECK.replace(
        b"<p>Moonlight",
        b"<p><b>Bold</b> <a href='#t'>link</a><br/>Name <input name='n' format='*m'/></p>"
        b"<p align='right'><a href='/next'><img src='/code.wbmp' alt='code'/></a>",
    )
    phone = press(after(a_phone(), "ok"), "3").phone
    phone = phone.loaded(page("http://127.0.0.1/wap", deck, asked=HOME_URL), now=NOON).phone
    frames = {lcd.screen(phone).frame.rows}
    assert "> Bold link" in shown(phone)
    phone = phone.loaded(page("http://127.0.0.1/code.wbmp", wbmp.encode(qr()), wbmp.CONTENT_TYPE), now=NOON).phone
    for keys in (("down",), ("down", "ok", "2"), ("down", "down"), ("down", "down", "down")):
        frames.add(lcd.screen(after(phone, *keys)).frame.rows)
    assert len(frames) == 5
    assert any("[Picture]" in row for row in shown(after(phone, "down", "down", "down")))


def test_a_page_that_comes_after_the_browser_was_never_open_is_dropped() -> None:
    phone = a_phone("hello")
    assert phone.loaded(page("http://127.0.0.1/wap"), now=NOON).phone is phone


# --- whatever is pressed ----------------------------------------------------------------------------------------------


@given(
    st.lists(st.sampled_from(Key), max_size=40),
    st.lists(st.sampled_from([TICKET, "hello", "가" * 200]), max_size=4),
    st.sampled_from(Model),
    st.sampled_from(Language),
)
def test_no_keys_lose_a_saved_ticket_unless_asked_twice(
    keys: list[Key], texts: list[str], model: Model, language: Language
) -> None:
    phone = with_code(a_phone(*texts, model=model, language=language)).store("e")
    for key in keys:
        before, phone = phone, phone.press(key, now=NOON).phone
        lost = {held.id for held in before.tickets} - {held.id for held in phone.messages}
        assert not lost or (before.place and before.place.mode is Mode.CONFIRM)
        screen = lcd.screen(phone)
        assert len(screen.frame.rows) == phone.glass.height
        assert all(row < 1 << phone.glass.width for row in screen.frame.rows)


def test_every_wish_of_the_menus_is_known() -> None:
    assert {one.__name__ for one in get_args(Act)} == {"Opened", "Save", "Delete", "Send", "Visit"}
