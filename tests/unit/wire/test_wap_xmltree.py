"""XML read with limits: what a small document could do to us, it cannot do here."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_gateway.wire.xmltree import (
    DEPTH_MAX,
    ELEMENTS_MAX,
    OCTETS_MAX,
    Doctype,
    Element,
    MalformedXml,
    is_sayable,
    parse,
    parse_document,
    write,
)

WML = Doctype("wml", "-//WAPFORUM//DTD WML 1.1//EN", "http://www.wapforum.org/DTD/wml_1.1.xml")

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
TEXTS = st.text("ab<>&;\"' \t\n\r]é가\U0001f3ab", min_size=1, max_size=12)


def _children(inner: st.SearchStrategy[Element]) -> st.SearchStrategy[tuple[Element | str, ...]]:
    """Elements with texts between them, never two texts side by side: those would come back as one."""
    pairs = st.lists(st.tuples(st.none() | TEXTS, inner), max_size=3)
    ends = st.none() | TEXTS
    return st.builds(
        lambda found, end: tuple(piece for pair in [*found, (end,)] for piece in pair if piece is not None), pairs, ends
    )


ELEMENTS = st.recursive(
    st.builds(Element, NAMES, st.dictionaries(NAMES, TEXTS, max_size=3)),
    lambda inner: st.builds(Element, NAMES, st.dictionaries(NAMES, TEXTS, max_size=2), _children(inner)),
    max_leaves=8,
)


@settings(max_examples=80)
@given(ELEMENTS)
def test_what_is_written_is_read_back(element: Element) -> None:
    assert parse(write(element).encode()) == element


def test_a_tree_is_asked_for_its_text_and_its_children_by_name() -> None:
    tree = parse(b"<a>one<b>two</b><c/><b x='1'>three</b></a>")
    assert tree.text == "onetwothree"
    assert tree.find("b") == Element("b", {}, ("two",))
    assert [one.text for one in tree.all("b")] == ["two", "three"]
    assert [one.name for one in tree.elements] == ["b", "c", "b"]
    assert tree.find("d") is None


def test_white_space_and_marks_in_a_value_come_back_as_they_were() -> None:
    element = Element("a", {"b": 'x\n\t\r<>&"y'}, ("\r]]>\n",))
    assert parse(write(element).encode()) == element


def test_a_doctype_is_kept_and_its_dtd_is_not_fetched() -> None:
    document = parse_document(write(Element("wml"), doctype=WML).encode())
    assert document.doctype == WML


def test_a_doctype_may_do_without_a_public_name_and_a_document_without_a_declaration() -> None:
    assert str(Doctype("a", None, "a.dtd")) == '<!DOCTYPE a SYSTEM "a.dtd">'
    assert str(Doctype("a")) == "<!DOCTYPE a>"
    assert write(Element("a"), declaration=False) == "<a/>"


def test_a_doctype_may_hold_a_processing_instruction_as_pap_does() -> None:
    text = (
        b'<!DOCTYPE pap PUBLIC "-//WAPFORUM//DTD PAP 2.0//EN" "x" [<?wap-pap-ver supported-versions="2.0,1.*"?>]><pap/>'
    )
    assert parse(text) == Element("pap")


def test_the_entities_that_wml_declares_are_known_without_its_dtd() -> None:
    text = f"{WML}<p>a&nbsp;b&shy;&lt;&amp;&#44032;</p>"
    assert parse(text.encode()).text == "a\u00a0b\u00ad<&가"


def test_namespaces_are_dropped_except_xmls_own() -> None:
    text = b'<html xmlns="http://www.w3.org/1999/xhtml" xmlns:o="urn:o" xml:lang="ko" o:x="1" class="c"><o:p/></html>'
    assert parse(text) == Element("html", {"xml:lang": "ko", "class": "c"}, (Element("p"),))


@pytest.mark.parametrize("charset", ["euc-kr", "KS_C_5601-1987", "utf-8", "utf-16"])
def test_a_korean_page_is_read_in_the_charset_that_its_transport_names(charset: str) -> None:
    octets = "<p>똠방각하</p>".encode("cp949" if charset[0] in "eK" else charset)
    assert parse(octets, charset=charset).text == "똠방각하"


def test_a_korean_page_is_read_in_the_charset_that_it_declares_itself() -> None:
    assert parse('<?xml version="1.0" encoding="EUC-KR"?><p>한글</p>'.encode("euc-kr")).text == "한글"


BILLION_LAUGHS = (
    "<!DOCTYPE l [<!ENTITY l0 'ha'>"
    + "".join(f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, 10))
    + "]><l>&l9;</l>"
)

REFUSED = {
    "a billion laughs": BILLION_LAUGHS,
    "a quadratic blow-up": f"<!DOCTYPE a [<!ENTITY e '{'e' * 4_000}'>]><a>{'&e;' * 4_000}</a>",
    "a file of ours": '<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><a>&f;</a>',
    "an address of others": '<!DOCTYPE a [<!ENTITY f SYSTEM "http://127.0.0.1:1/">]><a>&f;</a>',
    "a parameter entity": '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:1/">%p;]><a/>',
    "an unparsed entity": '<!DOCTYPE a [<!ENTITY n SYSTEM "x" NDATA y>]><a/>',
    "a default attribute": f"<!DOCTYPE a [<!ATTLIST b c CDATA '{'c' * 9_000}'>]><a>{'<b/>' * 4_000}</a>",
    "an element declaration": "<!DOCTYPE a [<!ELEMENT a ANY>]><a/>",
    "a notation": '<!DOCTYPE a [<!NOTATION n SYSTEM "x">]><a/>',
    "an unknown entity": "<a>&evil;</a>",
    "ten megabytes": f"<a>{'x' * 10_000_000}</a>",
    "depth": "<a>" * (DEPTH_MAX + 1) + "</a>" * (DEPTH_MAX + 1),
    "endless depth": "<a>" * 20_000,
    "too many elements": f"<a>{'<b/>' * ELEMENTS_MAX}</a>",
    "nothing": "",
    "words": "hello",
    "half a document": "<a>",
    "two documents": "<a/><b/>",
    "an attribute that comes twice": "<a b='1' b='2'/>",
    "an unknown charset": '<?xml version="1.0" encoding="x-none"?><a/>',
    "a charset that is none": '<?xml version="1.0" encoding="hex"?><a/>',
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_document_is_refused(name: str) -> None:
    with pytest.raises(MalformedXml):
        parse(REFUSED[name].encode())


def test_a_document_just_within_the_limits_is_read() -> None:
    assert parse(b"<a>" * DEPTH_MAX + b"</a>" * DEPTH_MAX).name == "a"
    assert len(parse(f"<a>{'<b/>' * (ELEMENTS_MAX - 1)}</a>".encode()).children) == ELEMENTS_MAX - 1
    assert len(parse(b"<a>" + b"x" * (OCTETS_MAX - 7) + b"</a>").text) == OCTETS_MAX - 7


@pytest.mark.parametrize(
    ("octets", "charset"),
    [(b"<a>\xff\xff</a>", "euc-kr"), (b"<a/>", "hex"), (b"<a/>", "no\0ne"), (b"<a>\xff</a>", None)],
)
def test_octets_that_do_not_fit_their_charset_are_refused(octets: bytes, charset: str | None) -> None:
    with pytest.raises(MalformedXml):
        parse(octets, charset=charset)


@pytest.mark.parametrize("letter", ["\0", "\x0b", "\ud800", "\uffff"])
def test_what_xml_cannot_carry_is_not_written(letter: str) -> None:
    assert not is_sayable(letter)
    with pytest.raises(MalformedXml, match=r"U\+.* cannot stand in XML"):
        write(Element("a", {}, (letter,)))


def test_any_change_of_a_document_is_read_or_refused_and_nothing_else() -> None:
    dice = random.Random(20261122)  # noqa: S311 - a fault that was found must be found again
    whole = write(Element("wml", {"xml:lang": "ko"}, (Element("p", {}, ("가", Element("br"))),)), doctype=WML).encode()
    for _ in range(3_000):
        octets = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            octets[dice.randrange(len(octets))] = dice.randrange(256)
        try:
            parse(bytes(octets))
        except MalformedXml:
            continue
