"""The push proxy gateway through its own address: pushes that arrive."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway_kit import until
from ppg_kit import ADDRESS, NOTIFY_TO, NUMBER, OTHER, OTHER_NUMBER, SI, Initiator, Proxy, delivered, proxy_in, si_part

from mobile_gateway.wire import pap, pap_writing, push
from mobile_gateway.wire.multipart import Part
from mobile_gateway.wire.pap import Code, MessageState
from mobile_gateway.wire.push import ServiceIndication, ServiceLoading

pytest_plugins = ["ppg_plugin"]


UNTOUCHED = "+821088880000"


def later(**more: float) -> datetime:
    return (datetime.now(UTC) + timedelta(**more)).replace(microsecond=0)


async def test_a_push_reaches_the_phone_and_its_initiator_hears_of_it(proxy: Proxy) -> None:
    answer = await proxy.push(notify_to=NOTIFY_TO)
    assert answer.code is Code.ACCEPTED
    assert answer.sender_name
    assert answer.reply_time

    async def told() -> bool:
        return bool(proxy.initiator.requests)

    await until(told)
    (result,) = proxy.initiator.told
    assert isinstance(result, pap.ResultNotification)
    assert (result.push_id, result.address) == ("p1", ADDRESS)
    assert (result.state, result.code) == (MessageState.DELIVERED, Code.OK)
    assert result.received_time
    assert result.event_time
    assert str(proxy.initiator.requests[0].url) == NOTIFY_TO
    assert proxy.initiator.requests[0].headers["content-type"].startswith("application/xml")
    assert await proxy.inbox() == ["Your ticket"]
    (status,) = await proxy.status()
    assert (status.state, status.code, status.addresses) == (MessageState.DELIVERED, Code.OK, (ADDRESS,))


async def test_the_end_of_a_push_is_remembered_when_its_message_is_forgotten(proxy: Proxy) -> None:
    await proxy.push(notify_to=NOTIFY_TO)

    async def told() -> bool:
        return bool(proxy.initiator.requests)

    await until(told)
    await proxy.app.state.gateway.store.run_sql(lambda sql: sql.execute("DELETE FROM message"))
    assert await proxy.state() is MessageState.DELIVERED


async def test_an_initiator_that_did_not_ask_is_not_told(proxy: Proxy) -> None:
    await proxy.push()
    await until(lambda: delivered(proxy))
    await proxy.push("p2", notify_to=NOTIFY_TO)

    async def told() -> bool:
        return bool(proxy.initiator.requests)

    await until(told)
    assert [message.push_id for message in proxy.initiator.told if isinstance(message, pap.ResultNotification)] == [
        "p2"
    ]


async def test_a_result_is_told_again_until_it_is_acknowledged(tmp_path: Path) -> None:
    initiator = Initiator(statuses=[0, 500])
    async with proxy_in(tmp_path, initiator) as proxy:
        await proxy.push(notify_to=NOTIFY_TO)

        async def told() -> bool:
            return len(initiator.requests) == 3

        await until(told)
    assert len({request.content for request in initiator.requests}) == 1


async def test_a_result_is_not_told_to_an_address_of_our_own_network(tmp_path: Path) -> None:
    async with proxy_in(tmp_path, push_notify_allow=()) as proxy:
        answer = await proxy.push(notify_to="http://127.0.0.1:8090/subscribers")
        assert answer.code is Code.ACCEPTED
        await until(lambda: delivered(proxy))
        message_id = await _message_id(proxy)

        async def given_up() -> bool:
            found = await proxy.client.get(f"/sms/messages/{message_id}")
            return "push_notify_allow" in found.text

        await until(given_up)
        assert proxy.initiator.requests == []


async def _message_id(proxy: Proxy) -> str:
    found = await proxy.client.get(f"/handsets/{NUMBER}")
    return str(found.json()["inbox"][0]["id"])


async def test_the_same_push_id_again_is_a_duplicate_and_sends_nothing(tmp_path: Path) -> None:
    async with proxy_in(tmp_path) as proxy:
        assert (await proxy.push()).code is Code.ACCEPTED
        await until(lambda: delivered(proxy))
    async with proxy_in(tmp_path) as proxy:
        assert (await proxy.push()).code is Code.DUPLICATE_PUSH_ID
        assert await proxy.inbox() == ["Your ticket"]


async def test_a_push_that_was_sent_but_never_written_down_is_completed_and_not_sent_again(proxy: Proxy) -> None:
    await proxy.push()
    await until(lambda: delivered(proxy))
    store = proxy.app.state.gateway.store
    await store.run_sql(lambda sql: sql.execute("DELETE FROM push"))
    assert (await proxy.push()).code is Code.ACCEPTED
    assert await proxy.state() is MessageState.DELIVERED
    assert await proxy.inbox() == ["Your ticket"]
    await store.run_sql(lambda sql: sql.execute("DELETE FROM push"))
    other = await proxy.push(deliver_before=later(hours=1))
    assert other.code is Code.DUPLICATE_PUSH_ID


async def test_a_result_waits_until_its_push_is_written_down(proxy: Proxy) -> None:
    await proxy.switch("off")
    await proxy.push()
    await proxy.app.state.gateway.store.run_sql(lambda sql: sql.execute("DELETE FROM push"))
    await proxy.switch("on")

    async def arrived() -> bool:
        return await proxy.inbox() == ["Your ticket"]

    await until(arrived)
    assert (await proxy.push(notify_to=NOTIFY_TO)).code is Code.ACCEPTED

    async def told() -> bool:
        return bool(proxy.initiator.requests)

    await until(told)
    assert await proxy.inbox() == ["Your ticket"]


async def test_of_two_that_push_the_same_at_once_one_is_told_that_it_is_a_duplicate(proxy: Proxy) -> None:
    answers = await asyncio.gather(*(proxy.push() for _ in range(4)))
    assert sorted(answer.code for answer in answers) == [Code.ACCEPTED, *[Code.DUPLICATE_PUSH_ID] * 3]
    await until(lambda: delivered(proxy))
    assert await proxy.inbox() == ["Your ticket"]


async def test_another_account_has_push_ids_of_its_own(proxy: Proxy) -> None:
    await proxy.push()
    theirs = Proxy(proxy.client, proxy.initiator, proxy.app)
    proxy.client.auth = httpx.BasicAuth("other", "other123")
    assert (await theirs.status())[0].code is Code.PUSH_ID_NOT_FOUND
    assert (await theirs.push()).code is Code.ACCEPTED


async def test_who_has_no_account_is_not_served(shared_proxy: Proxy) -> None:
    answer = await shared_proxy.client.post("/pap", content=b"", auth=("demo", "wrong"))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")


async def test_an_account_may_be_named_in_the_address_as_kannels_initiators_do(shared_proxy: Proxy) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(shared_proxy.app), base_url="http://gw") as stranger:
        body = pap_writing.write(pap.StatusQuery("nope"))
        right, wrong, half = [
            await stranger.post(f"/pap?{query}", content=body, headers={"Content-Type": "application/xml"})
            for query in ("username=demo&password=demo1234", "username=demo&password=wrong", "username=demo")
        ]
    assert (right.status_code, wrong.status_code, half.status_code) == (202, 401, 401)


async def test_one_push_goes_to_several_addresses_once_each(proxy: Proxy) -> None:
    await proxy.switch("unknown", OTHER_NUMBER)
    gone = await proxy.push("p1", ADDRESS, ADDRESS, OTHER, progress_notes=True)
    assert gone.code is Code.ACCEPTED
    assert gone.desc == "1 addresses were refused; ask for their status."
    assert [note.stage for note in gone.notes] == ["accepted"]

    async def states() -> list[MessageState]:
        return [one.state for one in await proxy.status()]

    async def ended() -> bool:
        return await states() == [MessageState.DELIVERED, MessageState.REJECTED]

    await until(ended)
    assert [one.addresses for one in await proxy.status()] == [(ADDRESS,), (OTHER,)]
    assert (await proxy.status("p1", OTHER))[0].code is Code.ADDRESS_NOT_FOUND
    assert await proxy.inbox() == ["Your ticket"]


async def test_a_push_for_later_waits_and_one_that_waited_too_long_expires(proxy: Proxy) -> None:
    assert (await proxy.push("p1", deliver_after=later(days=1))).code is Code.ACCEPTED
    await proxy.switch("off")
    assert (await proxy.push("p2", deliver_before=later(seconds=2), notify_to=NOTIFY_TO)).code is Code.ACCEPTED

    async def expired() -> bool:
        return await proxy.state("p2") is MessageState.EXPIRED and bool(proxy.initiator.requests)

    await until(expired)
    (result,) = proxy.initiator.told
    assert isinstance(result, pap.ResultNotification)
    assert (result.push_id, result.code) == ("p2", Code.SERVICE_UNAVAILABLE)
    assert await proxy.state("p1") is MessageState.PENDING


async def test_a_long_push_is_cut_and_joined_again(proxy: Proxy) -> None:
    words = "좌석 가열 12번 " * 30
    indication = ServiceIndication("http://cyberticket.example/t/ABC123", words.strip())
    answer = await proxy.ask(pap.PushMessage("p1", (ADDRESS,)), si_part(indication))
    assert isinstance(answer, pap.PushResponse)
    assert answer.code is Code.ACCEPTED
    await until(lambda: delivered(proxy))
    assert await proxy.inbox() == [words.strip()]


CONTENTS: dict[str, Part] = {
    "an SI that is compiled already": Part({"content-type": push.SI_WBXML}, push.to_wbxml(SI)),
    "an SL": Part({"content-type": push.SL_XML}, push.to_xml(ServiceLoading("http://a.example/x")).encode()),
    "an SL that is compiled already": Part(
        {"content-type": push.SL_WBXML}, push.to_wbxml(ServiceLoading("http://a.example/x"))
    ),
    "an SI in base64": Part(
        {"content-type": push.SI_XML, "content-transfer-encoding": "base64"},
        base64.encodebytes(push.to_xml(SI).encode()),
    ),
    "an SI for the browser by name": si_part(SI, **{"x-wap-application-id": "x-wap-application:wml.ua; charset=x"}),
    "an SI for the browser by number": si_part(SI, **{"x-wap-application-id": "2"}),
}


@pytest.mark.parametrize("name", CONTENTS)
async def test_every_kind_of_service_message_is_understood_by_the_phone(shared_proxy: Proxy, name: str) -> None:
    number = f"+8210777700{list(CONTENTS).index(name):02}"
    message = pap.PushMessage(name, (f"WAPPUSH={number}/TYPE=PLMN@ppg.example",))
    answer = await shared_proxy.ask(message, CONTENTS[name])
    assert isinstance(answer, pap.PushResponse)
    assert answer.code is Code.ACCEPTED
    await until(lambda: delivered(shared_proxy, name))
    (text,) = await shared_proxy.inbox(number)
    assert text == ("" if "SL" in name else "Your ticket")


async def test_other_content_goes_to_its_application_as_it_came(proxy: Proxy) -> None:
    part = Part(
        {"content-type": "application/vnd.wap.wmlc", "x-wap-application-id": "x-wap-application:loc.ua"}, b"\x01\x04"
    )
    answer = await proxy.ask(pap.PushMessage("p1", (ADDRESS,)), part)
    assert isinstance(answer, pap.PushResponse)
    assert answer.code is Code.ACCEPTED
    await until(lambda: delivered(proxy))


QUALITY = pap.QualityOfService
REFUSED: dict[str, tuple[dict[str, Any], Code]] = {
    "a time that is over": ({"deliver_before": datetime(2020, 1, 1, tzinfo=UTC)}, Code.BAD_REQUEST),
    "an end before the beginning": (
        {"deliver_before": datetime(2098, 1, 1, tzinfo=UTC), "deliver_after": datetime(2099, 1, 1, tzinfo=UTC)},
        Code.BAD_REQUEST,
    ),
    "a time in another century": ({"deliver_after": datetime(2099, 1, 1, tzinfo=UTC)}, Code.NOT_POSSIBLE),
    "a result by mail": ({"notify_to": "mailto:me@pi.example"}, Code.BAD_REQUEST),
    "a replacement": ({"replace_push_id": "p0"}, Code.REPLACEMENT_NOT_SUPPORTED),
    "confirmation": (
        {"quality": QUALITY(delivery_method=pap.DeliveryMethod.CONFIRMED)},
        Code.DELIVERY_METHOD_NOT_POSSIBLE,
    ),
    "another network": ({"quality": QUALITY(network="PDC", network_required=True)}, Code.NETWORK_NOT_AVAILABLE),
    "another bearer": ({"quality": QUALITY(bearer="CSD", bearer_required=True)}, Code.BEARER_NOT_AVAILABLE),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_done_is_refused_and_may_be_asked_otherwise(shared_proxy: Proxy, name: str) -> None:
    wish, code = REFUSED[name]
    answer = await shared_proxy.push(name, **wish)
    assert answer.code is code
    assert answer.desc
    assert (await shared_proxy.push(name)).code is Code.ACCEPTED


async def test_wishes_of_quality_that_can_be_met_are_met(shared_proxy: Proxy) -> None:
    wish = QUALITY(pap.Urgency.HIGH, pap.DeliveryMethod.PREFER_CONFIRMED, "GSM", True, "sms", True)
    assert (await shared_proxy.push("q1", quality=wish)).code is Code.ACCEPTED
    assert (await shared_proxy.push("q2", quality=QUALITY(network="PDC", bearer="CSD"))).code is Code.ACCEPTED


@pytest.mark.parametrize(
    "address",
    [
        "+821012345678",
        "WAPPUSH=1234/TYPE=PLMN@ppg.example",
        "WAPPUSH=10.0.0.1/TYPE=IPV4@ppg.example",
        "WAPPUSH=me/TYPE=USER@ppg.example",
    ],
)
async def test_an_address_that_is_none_of_this_network_stops_the_push(shared_proxy: Proxy, address: str) -> None:
    other = f"WAPPUSH={UNTOUCHED}/TYPE=PLMN@ppg.example"
    assert (await shared_proxy.push(address, other, address)).code is Code.ADDRESS_ERROR
    assert (await shared_proxy.status(address))[0].code is Code.PUSH_ID_NOT_FOUND
    assert await shared_proxy.inbox(UNTOUCHED) == []


async def test_a_number_may_be_written_as_at_home(proxy: Proxy) -> None:
    assert (await proxy.push("p1", "WAPPUSH=010-1234-5678/TYPE=PLMN@ppg.example")).code is Code.ACCEPTED
    await until(lambda: delivered(proxy))
    assert await proxy.inbox() == ["Your ticket"]


async def test_the_plus_of_a_number_may_be_escaped_as_in_a_url(proxy: Proxy) -> None:
    assert (await proxy.push("p1", ADDRESS.replace("+", "%2B"))).code is Code.ACCEPTED
    await until(lambda: delivered(proxy))
    assert await proxy.inbox() == ["Your ticket"]


async def test_a_number_that_nobody_has_is_not_found(tmp_path: Path) -> None:
    async with proxy_in(tmp_path, creates_unknown_numbers=False) as proxy:
        assert (await proxy.push()).code is Code.ADDRESS_NOT_FOUND


async def test_an_account_with_too_many_messages_is_told_to_wait(tmp_path: Path) -> None:
    async with proxy_in(tmp_path, queue_max=1) as proxy:
        await proxy.switch("off")
        assert (await proxy.push("p1")).code is Code.ACCEPTED
        assert (await proxy.push("p2")).code is Code.SERVICE_UNAVAILABLE


BAD_CONTENTS: dict[str, tuple[tuple[Part, ...], Code]] = {
    "none": ((), Code.BAD_REQUEST),
    "an SI that is no XML": ((Part({"content-type": push.SI_XML}, b"si"),), Code.TRANSFORMATION_FAILURE),
    "an SI that breaks its rules": (
        (Part({"content-type": push.SI_XML}, b'<si><indication action="delete"/></si>'),),
        Code.TRANSFORMATION_FAILURE,
    ),
    "octets that are no SI": ((Part({"content-type": push.SI_WBXML}, b"\x02\x05"),), Code.TRANSFORMATION_FAILURE),
    "base64 that is none": (
        (Part({"content-type": push.SI_XML, "content-transfer-encoding": "base64"}, b"a"),),
        Code.TRANSFORMATION_FAILURE,
    ),
    "another type": ((Part({"content-type": "image/gif"}, b"GIF"),), Code.TRANSFORMATION_FAILURE),
    "a type that is none": ((Part({"content-type": "<>"}, b""),), Code.TRANSFORMATION_FAILURE),
    "an unknown application": ((si_part(SI, **{"x-wap-application-id": "x:chess.ua"}),), Code.BAD_REQUEST),
    "more than forty parts": (
        (Part({"content-type": "application/vnd.wap.wmlc"}, b"x" * 6_000),),
        Code.NOT_POSSIBLE,
    ),
}


@pytest.mark.parametrize("name", BAD_CONTENTS)
async def test_content_that_cannot_be_carried_is_refused_by_the_pushs_name(shared_proxy: Proxy, name: str) -> None:
    parts, code = BAD_CONTENTS[name]
    answer = await shared_proxy.ask(pap.PushMessage(f"bad {name}", (ADDRESS,)), *parts)
    assert isinstance(answer, pap.PushResponse)
    assert (answer.push_id, answer.code) == (f"bad {name}", code)
    assert answer.desc
    assert (await shared_proxy.status(answer.push_id))[0].code is Code.PUSH_ID_NOT_FOUND
