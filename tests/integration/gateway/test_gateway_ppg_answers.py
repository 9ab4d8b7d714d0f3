"""The push proxy gateway: cancelling, asking how a push stands, and what is no message at all."""

from __future__ import annotations

import pytest
from gateway_kit import until
from ppg_kit import ADDRESS, NOTIFY_TO, NUMBER, OTHER, OTHER_NUMBER, SI, Proxy, delivered, si_part

from mobile_gateway.wire import pap
from mobile_gateway.wire.pap import Code, MessageState
from mobile_gateway.wire.push import ServiceIndication, SiAction

pytest_plugins = ["ppg_plugin"]


# --- cancel and status ----------------------------------------------------------------------------------------------


async def test_a_push_that_waits_can_be_cancelled_and_its_initiator_hears_of_it(proxy: Proxy) -> None:
    await proxy.switch("off")
    await proxy.push(notify_to=NOTIFY_TO)
    (result,) = await proxy.cancel()
    assert (result.code, result.addresses) == (Code.OK, (ADDRESS,))
    assert await proxy.state() is MessageState.CANCELLED

    async def told() -> bool:
        return bool(proxy.initiator.requests)

    await until(told)
    (notification,) = proxy.initiator.told
    assert isinstance(notification, pap.ResultNotification)
    assert notification.state is MessageState.CANCELLED
    (again,) = await proxy.cancel()
    assert again.code is Code.OK
    await proxy.switch("on")
    assert await proxy.inbox() == []


async def test_a_push_that_arrived_cannot_be_cancelled(proxy: Proxy) -> None:
    await proxy.push()
    await until(lambda: delivered(proxy))
    (result,) = await proxy.cancel()
    assert result.code is Code.CANCELLATION_NOT_POSSIBLE


async def test_some_addresses_of_a_push_are_cancelled_and_others_are_not(proxy: Proxy) -> None:
    for number in (NUMBER, OTHER_NUMBER):
        await proxy.switch("off", number)
    await proxy.push("p1", ADDRESS, OTHER)
    stranger = "WAPPUSH=+821000000000/TYPE=PLMN@ppg.example"
    results = await proxy.cancel("p1", OTHER, stranger)
    assert {(one.code, one.addresses) for one in results} == {
        (Code.OK, (OTHER,)),
        (Code.ADDRESS_NOT_FOUND, (stranger,)),
    }
    assert [one.state for one in await proxy.status()] == [MessageState.PENDING, MessageState.CANCELLED]
    (unknown,) = await proxy.status("p1", stranger)
    assert (unknown.code, unknown.state) == (Code.ADDRESS_NOT_FOUND, MessageState.UNKNOWN)


async def test_a_push_that_nobody_sent_is_not_found(shared_proxy: Proxy) -> None:
    assert [one.code for one in await shared_proxy.cancel("nope")] == [Code.PUSH_ID_NOT_FOUND]
    (status,) = await shared_proxy.status("nope", ADDRESS)
    assert (status.code, status.state, status.addresses) == (Code.PUSH_ID_NOT_FOUND, MessageState.UNKNOWN, (ADDRESS,))


async def test_a_deletion_takes_back_what_the_phone_has(proxy: Proxy) -> None:
    await proxy.push()
    await until(lambda: delivered(proxy))
    deletion = ServiceIndication(None, "", si_id=SI.si_id, action=SiAction.DELETE)
    await proxy.ask(pap.PushMessage("p2", (ADDRESS,)), si_part(deletion))
    await until(lambda: delivered(proxy, "p2"))
    assert await proxy.inbox() == []


# --- bad messages ---------------------------------------------------------------------------------------------------


BOMB = b'<!DOCTYPE pap [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><pap>&b;</pap>'
MULTIPART = "multipart/related; boundary=b; type=application/xml"
BAD: dict[str, tuple[str, bytes, Code, str]] = {
    "no body": ("application/xml", b"", Code.BAD_REQUEST, ""),
    "no content type": ("", b"<pap/>", Code.BAD_REQUEST, "<pap/>"),
    "another content type": ("text/html", b"<html>", Code.BAD_REQUEST, "<html>"),
    "no XML": ("application/xml", b"hello", Code.BAD_REQUEST, "hello"),
    "a bomb": ("application/xml", BOMB, Code.BAD_REQUEST, "ENTITY"),
    "depth": ("application/xml", b"<pap>" * 5_000, Code.BAD_REQUEST, "<pap>"),
    "a push without a name": ("text/xml", b"<pap><push-message/></pap>", Code.BAD_REQUEST, "push-message"),
    "a first part that is no control entity": (
        MULTIPART,
        b"--b\r\nContent-Type: text/vnd.wap.si\r\n\r\n<si/>\r\n--b--",
        Code.BAD_REQUEST,
        "--b",
    ),
    "a multipart without an end": (MULTIPART, b"--b\r\n\r\n", Code.BAD_REQUEST, "--b"),
    "a later version": (
        "application/xml",
        b'<!DOCTYPE pap PUBLIC "-//WAPFORUM//DTD PAP 3.0//EN" "x"><pap/>',
        Code.VERSION_NOT_SUPPORTED,
        "PAP 3.0",
    ),
    "what only a gateway says": (
        "application/xml",
        b'<pap><badmessage-response code="2000"/></pap>',
        Code.BAD_REQUEST,
        "BadMessageResponse",
    ),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_message_is_answered_with_a_piece_of_it(shared_proxy: Proxy, name: str) -> None:
    content_type, body, code, piece = BAD[name]
    answer = await shared_proxy.post(content_type, body)
    assert isinstance(answer, pap.BadMessageResponse)
    assert answer.code is code
    assert answer.desc
    assert piece in answer.fragment


async def test_a_push_that_breaks_the_dtd_is_refused_by_its_name(shared_proxy: Proxy) -> None:
    answer = await shared_proxy.post("application/xml", b'<pap><push-message push-id="p7"/></pap>')
    assert isinstance(answer, pap.PushResponse)
    assert (answer.push_id, answer.code) == ("p7", Code.BAD_REQUEST)


async def test_nobody_can_ask_what_a_phone_is_able_to(shared_proxy: Proxy) -> None:
    answer = await shared_proxy.ask(pap.CapabilityQuery(ADDRESS, "q1"))
    assert answer == pap.CapabilityResponse(
        ADDRESS, Code.NOT_IMPLEMENTED, "What clients can do is not known here.", "q1"
    )


async def test_pushes_of_long_ago_are_forgotten(proxy: Proxy) -> None:
    await proxy.push()
    await until(lambda: delivered(proxy))
    store = proxy.app.state.gateway.store
    await store.run_sql(lambda sql: sql.execute("UPDATE push SET received_at = 0"))
    await proxy.push("p2")
    assert [one.code for one in await proxy.status()] == [Code.PUSH_ID_NOT_FOUND]
