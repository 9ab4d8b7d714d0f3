"""Our WAP octets judged by those who never saw our code: libwbxml both ways, Kannel's WML compiler, Wireshark.

Octets differ between compilers without either being wrong, so what is compared is the document they decode to.
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mobile_gateway.wire import mms, push, udh, wml, wsp
from mobile_gateway.wire.push import ServiceIndication, ServiceLoading, SiAction, SlAction
from mobile_gateway.wire.xmltree import Element, parse, write

COMPILER, READER = shutil.which("xml2wbxml"), shutil.which("wbxml2xml")
TSHARK = shutil.which("tshark")
KANNEL = Path("/usr/lib/kannel/test/wml_tester")

needs_libwbxml = pytest.mark.skipif(
    COMPILER is None or READER is None, reason="libwbxml2-utils is not installed; it did not judge our WBXML"
)
needs_kannel = pytest.mark.skipif(
    not KANNEL.exists(), reason="Kannel's tools are not installed; no second WML compiler"
)
needs_tshark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed; nobody dissected our pushes")

AT = datetime(2026, 11, 22, 11, 22, 10, tzinfo=UTC)
PUSHES: dict[str, ServiceIndication | ServiceLoading] = {
    "everything": ServiceIndication(
        "http://www.cyberticket.com/t/ABC123",
        "좌석 가열 12번 & more",
        "id-1",
        SiAction.SIGNAL_HIGH,
        AT,
        AT + timedelta(days=9),
    ),
    "the least": ServiceIndication("http://cyberticket.example/t/1", "Your ticket"),
    "a deletion": ServiceIndication(None, "gone", "id-1", SiAction.DELETE),
    "midnight": ServiceIndication("https://www.a.org/x.net/y", "t", created=datetime(2026, 1, 1, tzinfo=UTC)),
    "a loading": ServiceLoading("https://www.cyberticket.example/w", SlAction.EXECUTE_HIGH),
    "a loading into the cache": ServiceLoading("http://cyberticket.net/w", SlAction.CACHE),
}

# Every element and attribute of WML 1.1. libwbxml compiles no variables; neither peer knows the token of xml:lang.
DECK = """<?xml version="1.0"?>
<!DOCTYPE wml PUBLIC "-//WAPFORUM//DTD WML 1.1//EN" "http://www.wapforum.org/DTD/wml_1.1.xml">
<wml xml:lang="ko"><head><access domain="a.example" path="/x"/><meta name="m" content="c" forua="true" scheme="s"/>
<meta http-equiv="Expires" content="0"/></head><template onenterforward="/f" onenterbackward="/b" ontimer="/t">
<do type="prev" label="L" name="n" optional="true"><prev/></do></template>
<card id="a" title="Title" newcontext="true" ordered="false"><onevent type="onenterforward"><refresh>
<setvar name="v" value="w"/></refresh></onevent><timer name="t" value="50"/>
<do type="accept"><go href="http://www.a.com/x" sendreferer="true" method="post" accept-charset="euc-kr">
<postfield name="p" value="text"/></go></do><do type="options"><noop/></do>
<p align="center" mode="nowrap"><em>e</em><strong>s</strong><b>b</b><i>i</i><u>u</u><big>b</big><small>s</small><br/>
<img alt="QR" src="https://a.net/q.wbmp" localsrc="l" vspace="1" hspace="2" height="3" width="4" align="bottom"/>
<anchor title="an">go<go href="#b"/></anchor><a href="https://www.b.org/" title="t" class="c" id="i">link</a>
<table title="T" align="LC" columns="2"><tr><td>1</td><td>2</td></tr></table>
<fieldset title="F"><input name="i" type="password" value="x" format="4N" emptyok="true" size="4" maxlength="4"
tabindex="1" title="I"/></fieldset></p>
<p align="right" mode="wrap"><select title="S" name="s" value="1" iname="in" ivalue="1" multiple="true" tabindex="2">
<optgroup title="G"><option value="1" title="O" onpick="#b">one</option><option value="2">둘</option></optgroup>
</select></p></card><card id="b"><p>$$5 at the door</p></card></wml>
"""

VARIABLES = """<?xml version="1.0"?>
<!DOCTYPE wml PUBLIC "-//WAPFORUM//DTD WML 1.1//EN" "http://www.wapforum.org/DTD/wml_1.1.xml">
<wml><card id="a"><p>$(x) $(y:e) $(z:unesc) $(w:noesc) $v $$5
<a href="/q?a=$(q)&amp;b=$(r:noesc)">go</a></p></card></wml>
"""


LANGUAGE = ' xml:lang="ko"'


def run(command: list[str | Path]) -> bytes:
    return subprocess.run(command, check=True, capture_output=True, timeout=30).stdout


def read_by_libwbxml(octets: bytes, folder: Path) -> Element:
    assert READER is not None
    (folder / "ours.wbxml").write_bytes(octets)
    run([READER, "-i", "0", "-o", folder / "theirs.xml", folder / "ours.wbxml"])
    return parse((folder / "theirs.xml").read_bytes())


def compiled_by_libwbxml(text: str, folder: Path) -> bytes:
    assert COMPILER is not None
    (folder / "ours.xml").write_text(text, encoding="utf-8")
    run([COMPILER, "-k", "-v", "1.2", "-o", folder / "theirs.wbxml", folder / "ours.xml"])
    return (folder / "theirs.wbxml").read_bytes()


def tidied(element: Element) -> Element:
    """Without white space at the ends of texts: what compilers keep of it differs, and phones do not show it."""
    children: list[Element | str] = []
    for child in element.children:
        if isinstance(child, Element):
            children.append(tidied(child))
        elif words := re.sub(r"\s+", " ", child).strip():
            children.append(words)
    return Element(element.name, element.attributes, tuple(children))


@needs_libwbxml
@pytest.mark.parametrize("name", PUSHES)
def test_libwbxml_reads_our_pushes_and_we_read_its(name: str, tmp_path: Path) -> None:
    pushed = PUSHES[name]
    text = push.to_xml(pushed)
    assert tidied(read_by_libwbxml(push.to_wbxml(pushed), tmp_path)) == tidied(parse(text.encode()))
    assert push.read_wbxml(compiled_by_libwbxml(text, tmp_path)) == pushed


@needs_libwbxml
def test_libwbxml_reads_our_decks_and_we_read_its(tmp_path: Path) -> None:
    text = DECK.replace("$$", "")
    deck = parse(text.encode())
    assert tidied(read_by_libwbxml(wml.compile(deck), tmp_path)) == tidied(deck)
    plain = text.replace(LANGUAGE, "")
    assert tidied(wml.decompile(compiled_by_libwbxml(plain, tmp_path))) == tidied(parse(plain.encode()))


@needs_kannel
@pytest.mark.parametrize("text", [DECK, VARIABLES], ids=["tags", "variables"])
def test_kannel_compiles_a_deck_to_what_we_compile_it_to(text: str, tmp_path: Path) -> None:
    plain = text.replace(LANGUAGE, "")
    (tmp_path / "deck.wml").write_text(plain, encoding="utf-8")
    theirs = run([KANNEL, "-b", tmp_path / "deck.wml"])
    ours = wml.compile(parse(plain.encode()))
    assert tidied(wml.decompile(theirs)) == tidied(wml.decompile(ours))
    assert len(ours) <= 1.05 * len(theirs)  # it drops more of the white space between elements than is nothing


def datagram(payload: bytes, *, port: int) -> bytes:
    """One packet of a capture file: an IPv4 header, a UDP header, the payload."""
    sent = struct.pack(">HHHH", 9200, port, 8 + len(payload), 0) + payload
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(sent), 1, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1") + sent


def dissected(payload: bytes, folder: Path) -> str:
    """What Wireshark says of a push to a phone."""
    assert TSHARK is not None
    raw_ip = 101
    packet = datagram(payload, port=udh.PUSH_PORT)
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, raw_ip)
    (folder / "push.pcap").write_bytes(head + struct.pack("<IIII", 0, 0, len(packet), len(packet)) + packet)
    return run([TSHARK, "-r", folder / "push.pcap", "-V", "-d", "udp.port==2948,wsp"]).decode()


@needs_tshark
def test_wireshark_finds_no_fault_with_a_push(tmp_path: Path) -> None:
    body = push.to_wbxml(PUSHES["everything"])
    said = dissected(
        wsp.format_push(wsp.Push(body, push.SI_WBXML, transaction_id=7, charset=106, push_flag=1)), tmp_path
    )
    assert "Malformed" not in said
    assert "PDU Type: Push (0x06)" in said
    assert "application/vnd.wap.sic" in said
    assert "utf-8" in said.lower()
    assert "cyberticket" in said


@needs_tshark
def test_wireshark_finds_no_fault_with_a_picture_messages_notice(tmp_path: Path) -> None:
    notice = mms.Notification(
        "t1", "http://mms.example/1", 70_000, timedelta(days=2), sender="+821012345678/TYPE=PLMN", subject="표"
    )
    octets = wsp.format_push(wsp.Push(mms.encode(notice), mms.CONTENT_TYPE, application_id=wsp.APPLICATION_MMS))
    said = dissected(octets, tmp_path)
    assert "Malformed" not in said
    assert "m-notification-ind" in said
    assert "http://mms.example/1" in said
    assert "+821012345678/TYPE=PLMN" in said
    assert "70000" in said


def test_the_deck_that_peers_judge_uses_every_tag_and_attribute_that_we_write() -> None:
    used_tags: set[str] = set()
    used_attributes: set[str] = set()

    def visit(element: Element) -> None:
        used_tags.add(element.name)
        used_attributes.update(element.attributes)
        for child in element.elements:
            visit(child)

    visit(parse(DECK.encode()))
    assert used_tags == set(wml.WML_1_1.tags)
    assert used_attributes == {name for name, _ in wml.WML_1_1.attributes}
    assert write(parse(DECK.encode()))
