"""A phone: the tickets it knows, what it makes of the air, and its memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from handset_kit import NOON, TICKET, a_phone, after, airs, part, received, shown, with_code
from hypothesis import given
from hypothesis import strategies as st

from mobile_gateway.carrier.messages import Language, Model
from mobile_gateway.cells import cells, clip, wrap
from mobile_gateway.handset.air import Air
from mobile_gateway.handset.memory import held_body, held_of, phone_of, rest_body
from mobile_gateway.handset.phone import SEEN_MAX, Phone
from mobile_gateway.handset.places import Mode, Notice
from mobile_gateway.handset.receiving import WAITING_PARTS_MAX
from mobile_gateway.handset.tickets import Ticket, find_links, find_ticket
from mobile_gateway.keys import Key
from mobile_gateway.wire import ems, udh
from mobile_gateway.wire.udh import InformationElement
from mobile_gateway.wire.wbmp import Bitmap

some_texts = st.text(st.sampled_from("ab 가나\n🎫é"), max_size=120)


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


def test_what_a_message_says_is_never_printed() -> None:
    phone = a_phone(TICKET)
    (air,) = airs("1", TICKET)
    assert repr(find_ticket(TICKET)) == "Ticket(482910375-6, pin=***, link=***)"
    assert "491027" not in repr(phone.messages[0]) + repr(air) + repr(phone)
    assert repr(phone) == "Phone(+8210****5678, feature, 1 messages)"


def test_links_end_before_the_punctuation_of_their_sentence() -> None:
    text = "Go (https://a.example/x?y=1). 또는 http://b.example/가!"
    links = find_links(text)
    assert [link.href for link in links] == ["https://a.example/x?y=1", "http://b.example/가"]
    assert [text[link.start : link.end] for link in links] == [link.href for link in links]


# --- off the air ------------------------------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300), st.integers(0, 99))
def test_parts_join_in_any_order_and_with_repetitions(text: str, seed: int) -> None:
    parts = [*airs("m1", text), *airs("m1", text)]
    Random(seed).shuffle(parts)  # noqa: S311 - an order for a test
    phone = received(Phone("+821012345678", Model.SMART, Language.ENGLISH), *parts)
    assert [held.text for held in phone.messages] == [text]
    assert phone.messages[0].id == "m1"
    assert phone.waiting == ()


def test_a_message_with_a_part_missing_is_not_shown_yet_but_takes_room() -> None:
    phone = received(a_phone(), part(1, 3, b"one "), part(3, 3, b"three"))
    assert (phone.messages, phone.parts_used) == ((), 2)
    (held,) = phone.receive(part(2, 3, b"two ")).messages
    assert (held.text, held.parts) == ("one two three", 3)


def test_parts_that_wait_a_whole_day_are_given_up() -> None:
    begun = a_phone().receive(part(1, 2, b"one "))
    later = NOON + timedelta(hours=24)
    assert begun.receive(part(2, 2, b"two", at=later - timedelta(seconds=1))).messages
    assert begun.receive(part(2, 2, b"two", at=later)).messages == ()
    assert begun.receive(part(2, 2, b"two", at=later)).parts_used == 1


def test_beginnings_without_an_end_never_fill_a_phone() -> None:
    """Its holder sees nothing of them that could be deleted; no message would ever arrive again."""
    of_many = [part(1, 255, b"x", reference=reference, name=f"n{reference}.") for reference in range(60)]
    of_one = [part(place, 255, b"x", name="one") for place in range(1, 61)]
    for orphans in (of_many, of_one):
        phone = received(a_phone(), *orphans)
        assert phone.parts_used == WAITING_PARTS_MAX
        assert received(phone, *airs("1", "still there")).messages[0].text == "still there"


def test_the_longest_message_that_the_network_cuts_joins_among_beginnings_without_an_end() -> None:
    orphans = [part(1, 255, b"x", reference=reference, name=f"n{reference}.") for reference in range(100, 150)]
    parts = [part(place, 40, b"%02d" % place, name="long") for place in range(1, 41)]
    (held,) = received(a_phone(), *orphans, *parts).messages
    assert held.text == "".join(f"{place:02}" for place in range(1, 41))


def test_parts_of_two_messages_and_of_two_senders_do_not_mix() -> None:
    phone = received(a_phone(), part(1, 2, b"a"), part(2, 2, b"b", reference=8, name="q"))
    other = replace(part(2, 2, b"b", name="r"), sender="Somebody")
    assert phone.receive(other).messages == ()
    assert phone.receive(part(2, 2, b"c")).messages[0].text == "ac"


def test_another_content_at_the_same_place_begins_the_message_anew() -> None:
    phone = received(a_phone(), part(1, 3, b"old "), part(2, 3, b"old "), part(1, 3, b"new ", name="n"))
    assert phone.parts_used == 1
    assert received(phone, part(2, 3, b"new ", name="n"), part(3, 3, b"!", name="n")).messages[0].text == "new new !"


def test_the_same_part_under_another_name_is_one_part() -> None:
    phone = a_phone().receive(part(1, 2, b"one "))
    assert phone.receive(part(1, 2, b"one ", name="again")).parts_used == 1


def test_the_newest_message_is_first_and_a_repeated_one_changes_nothing() -> None:
    phone = a_phone("first", "second")
    assert [held.text for held in phone.messages] == ["second", "first"]
    assert received(phone, *airs("1", "first")) is phone


def test_a_deleted_message_that_comes_again_stays_deleted() -> None:
    phone = a_phone("hello").delete("1")
    assert received(phone, *airs("1", "hello")).messages == ()
    assert len(a_phone(*["x"] * 40).seen) <= SEEN_MAX


def test_a_message_held_is_known_again_even_when_it_was_long_ago() -> None:
    phone = replace(a_phone("hello"), seen=())
    assert received(phone, *airs("1", "hello")) is phone


@pytest.mark.parametrize(
    ("data_coding", "octets", "text"),
    [
        (0x00, b"\x00 \x1be", "@ €"),
        (0x01, b"plain", "plain"),
        (0x03, b"caf\xe9", "café"),
        (0x08, "달빛🎫".encode("utf-16-be"), "달빛🎫"),
        (0x0E, "달빛".encode("euc-kr"), "달빛"),
        (0x05, b"\x1b$B", "This phone cannot show this message."),
        (0x04, b"\x00\x01", "This phone cannot show this message."),
        (0x08, b"\xac", "This phone cannot show this message."),
    ],
    ids=["gsm", "ascii", "latin-1", "ucs-2", "ksc", "jis", "binary", "broken ucs-2"],
)
def test_the_words_are_read_as_the_data_coding_says(data_coding: int, octets: bytes, text: str) -> None:
    phone = a_phone().receive(Air("1", "x", data_coding, udhi=False, user_data=octets, at=NOON))
    assert phone.messages[0].text == text


@pytest.mark.parametrize("data_coding", [0x18, 0xF0, 0x10])
def test_a_flash_message_is_shown_at_once_whatever_the_holder_is_doing(data_coding: int) -> None:
    octets = "now".encode("utf-16-be") if data_coding == 0x18 else b"now"
    phone = after(a_phone("hello"), Key.OK).receive(Air("f", "x", data_coding, udhi=False, user_data=octets, at=NOON))
    assert shown(phone)[1] == "now"
    assert phone.messages[0].opened
    assert shown(after(phone, Key.BACK))[0].startswith("Menu")


def test_a_header_that_does_not_add_up_is_passed_over() -> None:
    for user_data, text in ((b"\x03\x00\x09\x01hello", "hello"), (b"", ""), (b"\x09hi", "")):
        phone = a_phone().receive(Air("1", "x", 0, udhi=True, user_data=user_data, at=NOON))
        assert phone.messages[0].text == text


def test_unknown_elements_are_passed_over_and_ports_nobody_listens_to_are_dropped() -> None:
    header = udh.build([InformationElement(0x70, b"??")])
    phone = a_phone().receive(Air("1", "x", 0, udhi=True, user_data=header + b"hello", at=NOON))
    assert phone.messages[0].text == "hello"
    header = udh.build([udh.Ports(0x1581, 0).element()])
    ringtone = Air("2", "x", 4, udhi=True, user_data=header + b"\x02\x4a", at=NOON)
    assert phone.receive(ringtone).messages == phone.messages


def test_a_picture_of_a_barcodes_size_is_a_ticket_and_a_small_one_a_logo() -> None:
    phone = with_code(a_phone())
    assert (len(phone.messages[0].barcodes), phone.messages[0].is_ticket) == (1, True)
    logo = ems.small_picture(Bitmap(16, 16, ((True,) * 16,) * 16))
    phone = phone.receive(Air("l", "x", 0, udhi=True, user_data=logo + b"hello", at=NOON))
    assert (len(phone.messages[0].logos), phone.messages[0].is_ticket) == (1, False)


# --- memory -----------------------------------------------------------------------------------------------------------


def test_memory_is_counted_in_parts_and_has_an_end() -> None:
    phone = a_phone(*["a" * 161] * 25)
    assert (phone.parts_used, phone.parts_max, phone.has_room(1)) == (50, 50, False)
    assert phone.delete("1").has_room(2)
    with pytest.raises(AssertionError):
        received(phone, *airs("new", "one more"))


def test_a_smartphone_holds_more() -> None:
    assert a_phone(model=Model.SMART).parts_max == 500


def test_a_message_without_a_ticket_is_not_stored() -> None:
    phone = a_phone("hello").store("1")
    assert (phone.tickets, phone.notice) == ((), Notice.NO_TICKET)


def test_storing_keeps_a_ticket_and_says_so() -> None:
    phone = a_phone("hello", TICKET).store("2")
    assert [held.id for held in phone.tickets] == ["2"]
    assert phone.tickets[0].opened
    assert shown(phone)[-1] == "Ticket saved"


def test_storing_or_deleting_what_is_not_there_changes_nothing() -> None:
    phone = a_phone(TICKET)
    assert phone.store("nothing") is phone
    assert phone.delete("nothing") is phone


@given(st.lists(st.sampled_from(Key), max_size=12), st.sampled_from(Model))
def test_a_phone_that_was_put_away_comes_back_as_it_was(keys: list[Key], model: Model) -> None:
    phone = with_code(a_phone(TICKET, "가나다", model=model)).receive(part(1, 2, b"half"))
    phone = after(phone, *keys)
    held = [held_of(held_body(one)) for one in phone.messages]
    assert phone_of(phone.number, phone.model, phone.language, rest_body(phone), held) == phone


def test_a_phone_that_was_never_used_has_no_rest() -> None:
    assert phone_of("+821012345678", Model.FEATURE, Language.ENGLISH, None, ()) == a_phone()


# --- lines ------------------------------------------------------------------------------------------------------------


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
    assert cells("e\u0301\u200d") == 1


def test_a_message_deleted_while_it_is_read_leaves_its_screen() -> None:
    phone = after(a_phone("one", "two"), Key.DOWN, Key.OK)
    assert phone.place
    assert phone.place.mode is Mode.READ
    gone = phone.delete("2")
    assert gone.place
    assert (gone.place.mode, gone.place.held) == (Mode.INBOX, "1")
