"""WAP push on a phone: service messages that come, are replaced, expire and are taken back; and notices of MMS."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from handset_kit import NOON, a_phone, after, press, pushed, received, shown

from mobile_gateway.browser import Fetch
from mobile_gateway.carrier.messages import Language, Model
from mobile_gateway.handset.air import Air
from mobile_gateway.handset.held import Kind
from mobile_gateway.handset.phone import Phone
from mobile_gateway.wire import mms, push, udh
from mobile_gateway.wire.mms import Notification
from mobile_gateway.wire.push import ServiceIndication, ServiceLoading, SiAction, SlAction
from mobile_gateway.wire.udh import PUSH

URL = "http://127.0.0.1/wap/t/1"


def indicated(
    text: str = "Your ticket",
    *,
    name: str = "w",
    si_id: str | None = "t1",
    action: SiAction = SiAction.SIGNAL_MEDIUM,
    created: datetime | None = None,
    expires: datetime | None = None,
) -> Air:
    """A service indication as it comes over the air."""
    indication = ServiceIndication(URL, text, si_id, action, created, expires)
    return pushed(push.to_wbxml(indication), push.SI_WBXML, name=name)


def texts(phone: Phone) -> list[str]:
    return [held.text for held in phone.messages]


def test_a_service_message_opens_its_page_with_one_key() -> None:
    phone = after(a_phone().receive(indicated()), "soft_right")
    assert shown(phone)[:2] == ["15880000", "Your ticket"]
    assert shown(phone)[-1] == "Options  Go  Back"
    assert press(phone, "ok").effects == (Fetch(URL),)
    assert phone.messages[0].is_ticket  # by its address, /t/


def test_text_of_a_service_message_is_read_too() -> None:
    body = push.to_xml(ServiceIndication(URL, "달빛")).encode()
    assert texts(a_phone().receive(pushed(body, push.SI_XML))) == ["달빛"]


def test_a_push_in_parts_is_joined_first() -> None:
    air = indicated("a" * 200)
    _, datagram = udh.split(air.user_data)
    parts = [datagram[:120], datagram[120:]]
    phone = a_phone()
    for place, octets in ((2, parts[1]), (1, parts[0])):
        header = udh.build([PUSH.element(), udh.Concatenation(9, 2, place).element()])
        phone = phone.receive(Air(f"w{place}", "15880000", 4, udhi=True, user_data=header + octets, at=NOON))
    assert texts(phone) == ["a" * 200]


def test_an_older_one_is_dropped_and_a_later_one_takes_its_place() -> None:
    phone = a_phone().receive(indicated("now", created=NOON))
    assert texts(phone.receive(indicated("older", name="o", created=NOON - timedelta(days=1)))) == ["now"]
    assert texts(phone.receive(indicated("later", name="l", created=NOON + timedelta(days=1)))) == ["later"]
    assert texts(phone.receive(indicated("other", name="p", si_id="t2", created=NOON - timedelta(days=1)))) == [
        "other",
        "now",
    ]


def test_without_dates_nobody_can_say_which_is_older_and_both_stay() -> None:
    assert texts(received(a_phone(), indicated("one"), indicated("two", name="x"))) == ["two", "one"]


def test_without_an_id_the_address_is_the_id() -> None:
    later = indicated("later", name="l", si_id=None, created=NOON + timedelta(days=1))
    assert texts(received(a_phone(), indicated("now", si_id=None, created=NOON), later)) == ["later"]


def test_one_that_is_over_when_it_comes_is_dropped() -> None:
    assert texts(a_phone().receive(indicated(expires=NOON))) == []
    assert texts(a_phone().receive(indicated(expires=NOON + timedelta(seconds=1)))) == ["Your ticket"]


def test_one_that_was_taken_back_is_gone_unless_its_holder_saved_it() -> None:
    phone = received(a_phone("hello"), indicated(created=NOON))
    gone = indicated("", name="d", action=SiAction.DELETE, created=NOON)
    assert texts(phone.receive(gone)) == ["hello"]
    assert texts(phone.store("w").receive(gone)) == ["Your ticket", "hello"]
    earlier = indicated("", name="d", action=SiAction.DELETE, created=NOON - timedelta(days=1))
    assert texts(phone.receive(earlier)) == ["Your ticket", "hello"]
    other = indicated("", name="d", si_id="t2", action=SiAction.DELETE)
    assert texts(phone.receive(other)) == ["Your ticket", "hello"]


def test_one_that_is_taken_back_while_it_is_read_leaves_the_screen() -> None:
    reading = after(a_phone().receive(indicated()), "soft_right", "soft_left")
    assert reading.receive(indicated("", name="d", action=SiAction.DELETE)).places[-1].held is None


def test_one_that_is_not_to_be_told_lies_in_the_inbox_without_a_word() -> None:
    phone = a_phone().receive(indicated(action=SiAction.SIGNAL_NONE))
    assert (phone.unread, len(phone.messages)) == (0, 1)


@pytest.mark.parametrize(("action", "unread"), [(SlAction.EXECUTE_HIGH, 1), (SlAction.CACHE, 0)])
def test_a_page_that_would_load_by_itself_asks_first(action: SlAction, unread: int) -> None:
    phone = a_phone().receive(pushed(push.to_wbxml(ServiceLoading(URL, action)), push.SL_WBXML))
    assert phone.unread == unread
    assert shown(after(phone, "down"))[1] == "> 127.0.0.1/wap/t/1"
    assert press(after(phone, "down", "ok"), "ok").effects == (Fetch(URL),)


@pytest.mark.parametrize("language", [Language.ENGLISH, Language.KOREAN])
def test_a_picture_message_is_told_of_and_cannot_be_opened(language: Language) -> None:
    notice = Notification("1", "http://mms.example/1", 9000, timedelta(days=1), "+821099998888/TYPE=PLMN", "Photo")
    phone = a_phone(language=language).receive(pushed(mms.encode(notice), mms.CONTENT_TYPE))
    (held,) = phone.messages
    assert (held.kind, held.sender, held.page) == (Kind.PICTURE_MESSAGE, "+821099998888", None)
    assert held.text.startswith("Photo\n")
    assert shown(after(phone, "down"))[1].startswith("> Photo")
    bare = Notification("1", "http://mms.example/1", 9000, timedelta(days=1))
    (held,) = a_phone().receive(pushed(mms.encode(bare), mms.CONTENT_TYPE)).messages
    assert (held.sender, held.text) == ("15880000", "A picture message waits. This phone cannot load it.")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", push.SI_WBXML),
        (b"\x02\x05", push.SI_WBXML),
        (b"<si>", push.SI_XML),
        (b"\x8c\x82", mms.CONTENT_TYPE),
        (b"hello", "text/plain"),
    ],
    ids=["empty", "cut off", "no xml", "no mms", "of no kind"],
)
def test_a_push_that_makes_no_sense_is_dropped(body: bytes, kind: str) -> None:
    assert a_phone(model=Model.SMART).receive(pushed(body, kind)).messages == ()
    assert a_phone().receive(Air("w", "x", 4, udhi=True, user_data=udh.build([PUSH.element()]), at=NOON)).messages == ()
