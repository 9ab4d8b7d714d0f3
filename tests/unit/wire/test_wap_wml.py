"""WML decks compiled and read back: variables, white space, and what later versions added."""

from __future__ import annotations

import pytest

from mobile_gateway.wire import wml
from mobile_gateway.wire.wbxml import MalformedWbxml
from mobile_gateway.wire.wbxml_writing import Unencodable, encode
from mobile_gateway.wire.xmltree import Element, parse


def deck(inside: str) -> Element:
    return parse(f"{wml.DOCTYPE}<wml><card id='c' title='표'>{inside}</card></wml>".encode())


def there_and_back(inside: str) -> Element:
    card = wml.decompile(wml.compile(deck(inside))).find("card")
    assert card is not None
    return card


def test_a_whole_deck_comes_back() -> None:
    inside = (
        '<do type="accept" label="예약"><go href="/wap/book" method="post" sendreferer="true">'
        '<postfield name="n" value="$(n)"/></go></do><onevent type="timer"><noop/></onevent>'
        '<p align="center" mode="nowrap"><img src="http://a.com/t.wbmp" alt="QR"/><br/>좌석 <b>가-12</b> &lt;50%</p>'
        '<p><select name="d" multiple="false"><option value="1" onpick="/x">월</option></select>'
        '<input name="n" format="11N" maxlength="11" type="text" emptyok="false"/>'
        '<a href="https://www.a.org/x.net/" title="top">go</a><anchor>up<prev/></anchor></p>'
        '<table columns="2"><tr><td>a</td><td>b</td></tr></table>'
    )
    assert there_and_back(inside) == deck(inside).find("card")


def test_the_head_says_wml_1_1_in_utf_8() -> None:
    assert wml.compile(deck("<p>x</p>")).startswith(b"\x01\x04\x6a\x00\x7f")


@pytest.mark.parametrize(
    ("said", "comes_back"),
    [
        ("$(x)", "$(x)"),
        ("$x.", "$(x)."),
        ("$(x:e)", "$(x:escape)"),
        ("$(x:Escape)", "$(x:escape)"),
        ("$(x:unesc)", "$(x:unesc)"),
        ("$(x:U)", "$(x:unesc)"),
        ("$(x:noesc)", "$(x)"),
        ("$$5 and $$$(y)", "$$5 and $$$(y)"),
        ("a$(x)b$(x)c", "a$(x)b$(x)c"),
    ],
)
def test_a_variable_stays_one_and_a_dollar_stays_a_dollar(said: str, comes_back: str) -> None:
    assert there_and_back(f"<p>{said}</p>").text == comes_back


@pytest.mark.parametrize(("said", "octet"), [("$(x)", 0x42), ("$(x:e)", 0x40), ("$(x:u)", 0x41)])
def test_a_variable_travels_as_its_extension_token(said: str, octet: int) -> None:
    assert bytes([octet]) + b"x\0" in wml.compile(deck(f"<p>{said}</p>"))


def test_a_variable_in_an_address_is_escaped_unless_it_says_otherwise() -> None:
    said = '<p><a href="/q?a=$(a)&amp;b=$(b:noesc)&amp;c=$(c:escape)">x</a></p>'
    assert b"\x40a\0" in wml.compile(deck(said))
    link = there_and_back(said).find("p")
    assert link is not None
    (anchor,) = link.elements
    assert anchor.attributes["href"] == "/q?a=$(a)&b=$(b:noesc)&c=$(c)"


def test_a_variable_that_comes_often_is_named_once() -> None:
    said = "<p>" + " ".join(f"$(departure) {n}" for n in range(6)) + "</p>"
    octets = wml.compile(deck(said))
    assert octets.count(b"departure") == 1
    assert there_and_back(said).text == deck(said).text


@pytest.mark.parametrize("said", ["$", "5 $ each", "$(x", "$(x:loud)", "$(1)", "$5"])
def test_a_dollar_that_begins_no_variable_is_refused(said: str) -> None:
    with pytest.raises(Unencodable, match=r"write \$\$"):
        wml.compile(deck(f"<p>{said}</p>"))


def test_white_space_that_phones_ignore_is_not_sent() -> None:
    said = "\n  <p>\n   two   <b> words </b>\n here\n  </p>\n  <p>\n  </p>\n"
    assert there_and_back(said).children == (
        Element("p", {}, ("two ", Element("b", {}, (" words ",)), " here")),
        Element("p"),
    )


def test_white_space_before_formatted_text_is_kept_in_it() -> None:
    pre = Element("pre", {}, ("a\n  b",))
    assert wml.decompile(wml.compile(Element("wml", {}, (pre,)))) == Element("wml", {}, (pre,))


def test_words_where_none_belong_are_not_lost() -> None:
    assert there_and_back("lost").children == ("lost",)


def test_what_came_after_1_1_is_written_as_words_and_read_as_tokens() -> None:
    later = Element("wml", {"accesskey": "1"}, (Element("pre"),))
    assert wml.decompile(wml.compile(later)) == later
    assert b"accesskey" in wml.compile(later)
    assert b"accesskey" not in encode(later, wml.WML_1_3)
    assert wml.decompile(encode(later, wml.WML_1_3)) == later


@pytest.mark.parametrize("public_id", [0x02, 0x04, 0x09, 0x0A])
def test_every_version_of_wml_is_read(public_id: int) -> None:
    octets = wml.compile(deck("<p>x</p>"))
    assert wml.decompile(octets[:1] + bytes([public_id]) + octets[2:]).name == "wml"


@pytest.mark.parametrize("octets", [b"", b"\x01\x05\x6a\x00\x7f\x01", b"\x01\x04\x6a\x00\x7f\x42x y\x00\x01"])
def test_octets_that_are_no_deck_are_refused(octets: bytes) -> None:
    with pytest.raises(MalformedWbxml):
        wml.decompile(octets)


def test_no_two_meanings_share_a_token() -> None:
    for table in (wml.WML_1_3.tags, wml.WML_1_3.attributes, wml.WML_1_3.values):
        assert len(set(table.values())) == len(table)
    assert wml.COMPILED_OCTETS_MAX == 1_400
