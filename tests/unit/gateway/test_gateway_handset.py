"""A phone: its memory, its keys, the tickets it knows, and what its screen shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_gateway.cells import cells, clip, wrap
from mobile_gateway.handset import (
    Held,
    Key,
    Mode,
    Notice,
    Part,
    Phone,
    Ticket,
    find_links,
    find_ticket,
    join,
    parts_of,
)
from mobile_gateway.lcd import ROWS, WORDS, screen
from mobile_gateway.messages import Language, Model
from mobile_gateway.wire.gsm import Coding

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TICKET = "Moonlight 22 Nov 19:30 A 3-12. ID 482910375-6 PIN 491027 https://tickets.example/t/QZ9KD2"

some_texts = st.text(st.sampled_from("ab 가나\n🎫é"), max_size=120)


def a_phone(*texts: str, language: Language = Language.ENGLISH, model: Model = Model.FEATURE) -> Phone:
    """A phone that received `texts` in that order: ids 1, 2, …"""
    phone = Phone("+821012345678", model, language)
    for index, text in enumerate(texts, start=1):
        phone = phone.receive(str(index), "Cyberticket", parts_of(str(index), text), now=NOON)
    return phone


def pressed(phone: Phone, *keys: Key) -> Phone:
    for key in keys:
        phone = phone.press(key)
    return phone


def shown(phone: Phone) -> list[str]:
    return [row.text.rstrip() for row in screen(phone)]


# --- tickets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ticket"),
    [
        ("ID 482910375-6 PIN 491027", Ticket("482910375-6", "491027", None)),
        ("482910375-6 / 비밀번호: 491027", Ticket("482910375-6", "491027", None)),
        ("4829103756-491027", Ticket("482910375-6", "491027", None)),
        ("482910375-6-491027.", Ticket("482910375-6", "491027", None)),
        (TICKET, Ticket("482910375-6", "491027", "https://tickets.example/t/QZ9KD2")),
        ("See http://x.example/kr/t/abc.", Ticket(None, None, "http://x.example/kr/t/abc")),
        ("482910375-6 at https://x.example/t/1", Ticket("482910375-6", None, "https://x.example/t/1")),
        ("Call 010-1234-5678, code 491027", None),
        ("ID 482910375-6 only", None),
        ("PIN 491027", None),
        ("PIN 4910271 ID 482910375-6", None),
        ("1482910375-6 PIN 491027", None),
        ("https://x.example/about", None),
        ("javascript:alert(1)/t/1", None),
    ],
)
def test_a_ticket_is_known_by_number_and_pin_or_by_its_link(text: str, ticket: Ticket | None) -> None:
    assert find_ticket(text) == ticket


def test_a_ticket_never_prints_its_pin_or_link() -> None:
    assert repr(find_ticket(TICKET)) == "Ticket(482910375-6, pin=***, link=***)"


def test_links_end_before_the_punctuation_of_their_sentence() -> None:
    text = "Go (https://a.example/x?y=1). 또는 http://b.example/가!"
    links = find_links(text)
    assert [link.href for link in links] == ["https://a.example/x?y=1", "http://b.example/가"]
    assert [text[link.start : link.end] for link in links] == [link.href for link in links]


# --- off the air ------------------------------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300), st.randoms(use_true_random=False))
def test_parts_join_in_any_order_and_with_repetitions(text: str, chance: st.DataObject) -> None:
    parts = [*parts_of("m1", text), *parts_of("m1", text)]
    chance.shuffle(parts)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert join(parts) == text


def test_a_message_with_a_part_missing_is_not_shown_yet() -> None:
    assert join(parts_of("m1", "가" * 140)[1:]) is None


def test_parts_of_two_messages_do_not_mix() -> None:
    ours = Part(1, 2, 1, Coding.GSM, b"a")
    with pytest.raises(ValueError, match="not of one message"):
        join([ours, replace(ours, reference=2, sequence=2)])


# --- memory -----------------------------------------------------------------------------------------------------------


def test_the_newest_message_is_first_and_a_repeated_one_changes_nothing() -> None:
    phone = a_phone("first", "second")
    assert [held.text for held in phone.messages] == ["second", "first"]
    assert phone.receive("1", "Cyberticket", parts_of("1", "first"), now=NOON) is phone


def test_memory_is_counted_in_parts_and_has_an_end() -> None:
    phone = a_phone(*["a" * 161] * 25)
    assert (phone.parts_used, phone.parts_max, phone.has_room(1)) == (50, 50, False)
    assert pressed(phone, Key.DELETE).has_room(2)
    with pytest.raises(AssertionError):
        phone.receive("new", "x", parts_of("new", "one more"), now=NOON)


def test_a_smartphone_holds_more() -> None:
    assert a_phone(model=Model.SMART).parts_max == 500


def test_storing_keeps_a_ticket_and_says_so() -> None:
    phone = pressed(a_phone("hello", TICKET), Key.STORE)
    assert [held.id for held in phone.tickets] == ["2"]
    assert phone.tickets[0].opened
    assert shown(phone)[-1] == "Ticket stored"
    assert shown(pressed(phone, Key.UP))[-1].startswith("Open")


def test_a_message_without_a_ticket_is_not_stored() -> None:
    phone = pressed(a_phone("hello"), Key.STORE)
    assert phone.tickets == ()
    assert phone.view.notice is Notice.NO_TICKET


def test_storing_or_deleting_what_is_not_there_changes_nothing() -> None:
    phone = a_phone(TICKET)
    assert phone.store("nothing") is phone
    assert phone.delete("nothing") is phone


# --- keys -------------------------------------------------------------------------------------------------------------


def test_the_cursor_moves_and_stops_at_both_ends() -> None:
    phone = a_phone("one", "two", "three")
    ids = []
    for key in (Key.UP, Key.DOWN, Key.DOWN, Key.DOWN, Key.UP):
        phone = phone.press(key)
        assert phone.picked
        ids.append(phone.picked.id)
    assert ids == ["3", "2", "1", "1", "2"]
    assert pressed(phone, Key.BACK).picked == phone.messages[0]


def test_an_open_message_scrolls_by_rows_and_by_screens_and_no_further() -> None:
    phone = pressed(a_phone("\n".join(str(line) for line in range(1, 16))), Key.OK)
    assert shown(phone)[1:7] == ["1", "2", "3", "4", "5", "6"]
    assert shown(phone)[0].endswith("1/3")
    assert shown(pressed(phone, Key.DOWN))[1] == "2"
    assert shown(pressed(phone, Key.OK))[1:7] == ["7", "8", "9", "10", "11", "12"]
    bottom = pressed(phone, Key.OK, Key.OK, Key.OK, Key.DOWN)
    assert shown(bottom)[1:7] == ["10", "11", "12", "13", "14", "15"]
    assert shown(bottom)[0].endswith("3/3")
    assert pressed(bottom, *[Key.UP] * 20).view.row == 0
    assert pressed(bottom, Key.BACK).view.mode is Mode.LIST


def test_opening_marks_a_message_as_read() -> None:
    phone = a_phone("hello")
    assert shown(phone)[1] == "*hello"
    assert shown(pressed(phone, Key.OK, Key.BACK))[1] == " hello"


def test_deleting_a_plain_message_takes_one_key_and_picks_the_next() -> None:
    phone = pressed(a_phone("one", "two", "three"), Key.DOWN, Key.DELETE)
    assert [held.text for held in phone.messages] == ["three", "one"]
    assert phone.picked
    assert phone.picked.text == "one"
    assert shown(phone)[-1] == "Deleted"


def test_a_stored_ticket_is_deleted_only_on_the_second_key() -> None:
    stored = pressed(a_phone(TICKET), Key.STORE)
    asking = pressed(stored, Key.DELETE)
    assert asking.view.mode is Mode.CONFIRM
    assert asking.messages == stored.messages
    assert pressed(asking, Key.BACK).messages == stored.messages
    assert pressed(asking, Key.STORE).messages == stored.messages
    assert pressed(asking, Key.DELETE).messages == ()
    assert pressed(asking, Key.OK).messages == ()


def test_an_open_message_is_stored_and_deleted_where_it_is_read() -> None:
    phone = pressed(a_phone("one", TICKET), Key.OK, Key.STORE)
    assert (phone.view.mode, len(phone.tickets)) == (Mode.OPEN, 1)
    assert pressed(phone, Key.DELETE, Key.OK).view.mode is Mode.LIST


def test_a_new_message_does_not_move_the_cursor_off_the_one_being_read() -> None:
    reading = pressed(a_phone("one"), Key.OK)
    later = reading.receive("2", "x", parts_of("2", "two"), now=NOON)
    assert shown(later)[1] == "one"


@given(
    st.lists(st.sampled_from(Key), max_size=30), st.lists(st.sampled_from([TICKET, "hello", "가" * 200]), max_size=4)
)
def test_no_keys_lose_a_stored_ticket_without_two_in_a_row(keys: list[Key], texts: list[str]) -> None:
    phone, before = a_phone(*texts), None
    for key in keys:
        after = phone.press(key)
        lost = {held.id for held in phone.tickets} - {held.id for held in after.messages}
        assert not lost or (phone.view.mode is Mode.CONFIRM and before is Key.DELETE)
        assert len(screen(after)) == ROWS
        assert after.picked is None or after.picked in after.messages
        phone, before = after, key


# --- the screen -------------------------------------------------------------------------------------------------------


@given(st.lists(some_texts, max_size=8), st.lists(st.sampled_from(Key), max_size=8), st.sampled_from(Language))
def test_every_screen_has_eight_rows_of_at_most_sixteen_cells(
    texts: list[str], keys: list[Key], language: Language
) -> None:
    rows = screen(pressed(a_phone(*texts, language=language), *keys))
    assert len(rows) == ROWS == 8
    assert max(cells(row.text) for row in rows) <= 16


def test_the_phones_own_words_fit_its_rows_in_both_languages() -> None:
    assert WORDS[Language.KOREAN].keys() == WORDS[Language.ENGLISH].keys()
    for words in WORDS.values():
        for text in words.values():
            assert max(cells(line) for line in text.split("\n")) <= 16
        assert cells(words["open"]) + cells(words["delete"]) < 16
        assert cells(words["delete"]) + cells(words["keep"]) < 16


def test_an_empty_phone_says_how_it_fills() -> None:
    assert shown(a_phone())[0] == "Messages    0/50"
    assert "No messages." in shown(a_phone())
    assert "도착합니다." in shown(a_phone(language=Language.KOREAN))


def test_a_full_memory_is_said_in_the_title() -> None:
    assert screen(a_phone(*["a" * 161] * 25))[0].text == "Memory full     "
    assert screen(a_phone(), memory_full=True)[0].text.startswith("Memory full")


def test_the_list_follows_the_cursor_and_shows_it_inverse() -> None:
    phone = pressed(a_phone(*[f"message {n}" for n in range(10)]), *[Key.DOWN] * 9)
    rows = screen(phone)
    assert [row.text.strip() for row in rows[1:7]] == [f"*message {n}" for n in (5, 4, 3, 2, 1, 0)]
    assert [row.inverse for row in rows] == [True, False, False, False, False, False, True, False]


def test_a_link_broken_over_rows_is_the_same_link_in_each() -> None:
    rows = screen(pressed(a_phone("Go to https://tickets.example/t/QZ9KD2 now"), Key.OK))
    spans = [span for row in rows for span in row.spans if span.href]
    assert "".join(span.text for span in spans) == "https://tickets.example/t/QZ9KD2"
    assert {span.href for span in spans} == {"https://tickets.example/t/QZ9KD2"}
    assert len(spans) == 2
    assert shown(pressed(a_phone("Go to https://tickets.example/t/QZ9KD2 now"), Key.OK))[4] == "now"


@given(some_texts, st.integers(2, 20))
def test_wrapping_loses_nothing_but_the_breaks(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(cells(text[start:end]) <= width for start, end in lines)
    ends = [0, *(end for _, end in lines), len(text)]
    starts = [*(start for start, _ in lines), len(text), len(text)]
    assert {text[end:start] for end, start in zip(ends, starts, strict=True)} <= {"", " ", "\n"}


def test_words_stay_whole_where_they_can() -> None:
    text = "Moonlight concert at eight"
    assert [text[a:b] for a, b in wrap(text, 16)] == ["Moonlight", "concert at eight"]
    assert clip("가나다", 5) == "가나"


def test_a_held_message_starts_unread() -> None:
    held = Held("1", "x", "y", 1, NOON)
    assert (held.opened, held.stored) == (False, False)
