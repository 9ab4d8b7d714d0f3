"""PAP control messages: every one there and back, the DTD held, and what a bad message is answered with."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mobile_gateway.wire import pap
from mobile_gateway.wire.pap import Client, Code, MalformedPap, MessageState, client_of
from mobile_gateway.wire.pap_reading import ADDRESSES_MAX, OCTETS_MAX, PUSH_ID_LETTERS_MAX, read
from mobile_gateway.wire.pap_writing import write
from mobile_gateway.wire.xmltree import parse_document

AT = datetime(2026, 11, 22, 11, 22, 10, tzinfo=UTC)
ADDRESS = "WAPPUSH=+821012345678/TYPE=PLMN@ppg.example"
OTHER = "WAPPUSH=+821012345679/TYPE=PLMN@ppg.example"
DOCTYPE = '<!DOCTYPE pap PUBLIC "-//WAPFORUM//DTD PAP {}//EN" "http://www.wapforum.org/DTD/pap_{}.dtd">'
QUALITY = pap.QualityOfService(pap.Urgency.HIGH, pap.DeliveryMethod.UNCONFIRMED, "GSM", True, "SMS", True)

MESSAGES: dict[str, pap.Message] = {
    "a push": pap.PushMessage("p1", (ADDRESS,)),
    "a push with everything": pap.PushMessage(
        push_id="p1",
        addresses=(ADDRESS, OTHER),
        deliver_before=AT,
        deliver_after=AT,
        source_reference="box office & sons",
        progress_notes=True,
        notify_to="http://pi.example/?a=1&b=2",
        replace_push_id="p0",
        replace_method=pap.ReplaceMethod.PENDING_ONLY,
        quality=QUALITY,
    ),
    "a push with the least quality": pap.PushMessage("p1", (ADDRESS,), quality=pap.QualityOfService()),
    "a push response": pap.PushResponse("p1", Code.ACCEPTED),
    "a push response with everything": pap.PushResponse(
        "p1",
        Code.DUPLICATE_PUSH_ID,
        "used",
        "ppg.example",
        "PPG",
        AT,
        (pap.ProgressNote("a"), pap.ProgressNote("b", "n", AT)),
    ),
    "a result": pap.ResultNotification("p1", ADDRESS, MessageState.DELIVERED, Code.OK),
    "a result with everything": pap.ResultNotification(
        "p1", ADDRESS, MessageState.EXPIRED, Code.SERVICE_UNAVAILABLE, "why", "ppg.example", "PPG", AT, AT
    ),
    "a result response": pap.ResultNotificationResponse("p1", Code.OK),
    "a result response with everything": pap.ResultNotificationResponse("p1", Code.OK, "heard", ADDRESS),
    "a cancellation": pap.CancelMessage("p1"),
    "a cancellation of some": pap.CancelMessage("p1", (ADDRESS, OTHER)),
    "a cancel response": pap.CancelResponse(
        "p1", (pap.CancelResult(Code.OK), pap.CancelResult(Code.CANCELLATION_NOT_POSSIBLE, "late", (ADDRESS,)))
    ),
    "a status query": pap.StatusQuery("p1"),
    "a status query of some": pap.StatusQuery("p1", (ADDRESS,)),
    "a status response": pap.StatusResponse(
        "p1",
        (
            pap.StatusResult(Code.OK, MessageState.DELIVERED),
            pap.StatusResult(Code.ACCEPTED, MessageState.PENDING, "d", (ADDRESS,), AT),
        ),
    ),
    "a capability query": pap.CapabilityQuery(ADDRESS),
    "a capability query with everything": pap.CapabilityQuery(ADDRESS, "q1", "wml.ua"),
    "a capability response": pap.CapabilityResponse(ADDRESS, Code.NOT_IMPLEMENTED, "no", "q1"),
    "a bad message": pap.BadMessageResponse(Code.BAD_REQUEST, "why", "<pap"),
    "a bad message without words": pap.BadMessageResponse(Code.VERSION_NOT_SUPPORTED),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_comes_back(name: str) -> None:
    assert read(write(MESSAGES[name]).encode()) == MESSAGES[name]


def test_a_message_says_that_it_is_pap_2_0() -> None:
    doctype = parse_document(write(MESSAGES["a push"]).encode()).doctype
    assert doctype is not None
    assert doctype.public_id == "-//WAPFORUM//DTD PAP 2.0//EN"


PUSH = f'<pap><push-message push-id="p1"><address address-value="{ADDRESS}"/></push-message></pap>'


@pytest.mark.parametrize(
    "doctype",
    [
        "",
        '<?xml version="1.0"?><!DOCTYPE pap PUBLIC "-//WAPFORUM//DTD PAP//EN" "http://www.wapforum.org/DTD/pap_1.0.dtd">',
        DOCTYPE.format("1.0", "1.0"),
        DOCTYPE.format("2.0", "2.0").replace(">", ' [<?wap-pap-ver supported-versions="2.0,1.*"?>]>'),
        '<!DOCTYPE pap PUBLIC "-//OMA//DTD PAP 2.1//EN" "pap_2.1.dtd">',
        '<!DOCTYPE pap SYSTEM "pap.dtd">',
    ],
)
def test_every_way_in_which_initiators_name_the_protocol_is_known(doctype: str) -> None:
    assert read(f"{doctype}{PUSH}".encode()) == MESSAGES["a push"]


def test_a_later_version_is_answered_as_such() -> None:
    with pytest.raises(MalformedPap) as fault:
        read(f"{DOCTYPE.format('3.0', '3.0')}{PUSH}".encode())
    assert fault.value.code is Code.VERSION_NOT_SUPPORTED
    assert "PAP 3.0" in fault.value.fragment


def inner(attributes: str, content: str = f'<address address-value="{ADDRESS}"/>') -> str:
    return f"<pap><push-message {attributes}>{content}</push-message></pap>"


BAD: dict[str, tuple[str, str]] = {
    "no XML": ("hello", "hello"),
    "another document type": ('<!DOCTYPE pap PUBLIC "-//W3C//DTD XHTML 1.0//EN" "x"><pap/>', "XHTML"),
    "another root": ("<papa/>", "<papa/>"),
    "no message": ("<pap/>", "<pap/>"),
    "two messages": ("<pap>" + '<cancel-message push-id="a"/>' * 2 + "</pap>", "<cancel"),
    "an unknown message": ("<pap><hello/></pap>", "<hello/>"),
    "no push-id": (inner(""), "<push-message>"),
    "an empty push-id": (inner('push-id=""'), "<push-message>"),
    "an endless push-id": (inner(f'push-id="{"x" * (PUSH_ID_LETTERS_MAX + 1)}"'), "xxx"),
    "no address": (inner('push-id="p"', ""), "<address>"),
    "an address without a value": (inner('push-id="p"', "<address/>"), "<address>"),
    "too many addresses": (inner('push-id="p"', '<address address-value="a"/>' * (ADDRESSES_MAX + 1)), "<address>"),
    "an unknown attribute": (inner('push-id="p" colour="red"'), 'colour="red"'),
    "an unknown element": (inner('push-id="p"', f'<address address-value="{ADDRESS}"/><b/>'), "<b>"),
    "a word that is none of the choices": (inner('push-id="p" progress-notes-requested="yes"'), "yes"),
    "a time with a zone": (inner('push-id="p" deliver-before-timestamp="2026-11-22T10:00:00+09:00"'), "+09:00"),
    "a time that is none": (inner('push-id="p" deliver-after-timestamp="2026-02-30T10:00:00Z"'), "02-30"),
    "a code that is none": ('<pap><badmessage-response code="9999"/></pap>', "9999"),
    "a state that is none": (
        '<pap><resultnotification-message push-id="p" code="1000" message-state="gone"/></pap>',
        "gone",
    ),
    "a result without a code": (
        '<pap><push-response push-id="p"><response-result/></push-response></pap>',
        "response-result",
    ),
    "an entity": ('<!DOCTYPE pap [<!ENTITY a "b">]><pap>&a;</pap>', "<!DOCTYPE"),
    "depth": ("<pap>" * 8, "<pap>"),
    "a megabyte": (f"<pap>{' ' * OCTETS_MAX}</pap>", "<pap>"),
    "a bell": ("\x07<pap/>", "\ufffd"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_message_is_told_with_a_piece_of_it(name: str) -> None:
    text, piece = BAD[name]
    with pytest.raises(MalformedPap) as fault:
        read(text.encode())
    assert fault.value.code is Code.BAD_REQUEST
    assert piece in fault.value.fragment
    assert len(fault.value.fragment) <= pap.FRAGMENT_LETTERS_MAX
    # Whatever it was, it can be said in an answer.
    answer = pap.BadMessageResponse(fault.value.code, fault.value.desc, fault.value.fragment)
    assert read(write(answer).encode()) == answer


def test_a_push_that_can_be_named_is_refused_by_its_name() -> None:
    with pytest.raises(MalformedPap) as fault:
        read(inner('push-id="p7"', "").encode())
    assert (fault.value.kind, fault.value.push_id) == ("push-message", "p7")


def test_a_message_may_come_in_the_charset_that_its_transport_names() -> None:
    text = write(pap.PushMessage("표", (ADDRESS,))).replace("UTF-8", "EUC-KR")
    message = read(text.encode("euc-kr"), charset="euc-kr")
    assert isinstance(message, pap.PushMessage)
    assert message.push_id == "표"


@pytest.mark.parametrize(
    ("address", "client"),
    [
        (ADDRESS, Client("+821012345678", "PLMN", "ppg.example")),
        ("wappush=+82-10-1/type=plmn@ppg.example", Client("+82-10-1", "PLMN", "ppg.example")),
        ("WAPPUSH=john%40a.example/TYPE=USER@ppg.example", Client("john%40a.example", "USER", "ppg.example")),
        (" WAPPUSH=10.1.2.3/TYPE=IPV4@ppg ", Client("10.1.2.3", "IPV4", "ppg")),
        ("+821012345678", None),
        ("WAPPUSH=/TYPE=PLMN@ppg", None),
        ("WAPPUSH=1/TYPE=PLMN@", None),
    ],
)
def test_an_address_is_taken_apart(address: str, client: Client | None) -> None:
    assert client_of(address) == client


def test_a_client_is_written_as_it_is_read() -> None:
    client = client_of(ADDRESS)
    assert client is not None
    assert str(client) == ADDRESS


def test_the_codes_are_those_of_the_specification() -> None:
    assert {code.name: int(code) for code in Code if code < Code.INTERNAL_ERROR} == {
        "OK": 1000,
        "ACCEPTED": 1001,
        "BAD_REQUEST": 2000,
        "FORBIDDEN": 2001,
        "ADDRESS_ERROR": 2002,
        "ADDRESS_NOT_FOUND": 2003,
        "PUSH_ID_NOT_FOUND": 2004,
        "CAPABILITIES_MISMATCH": 2005,
        "CAPABILITIES_NOT_SUPPORTED": 2006,
        "DUPLICATE_PUSH_ID": 2007,
        "CANCELLATION_NOT_POSSIBLE": 2008,
    }
