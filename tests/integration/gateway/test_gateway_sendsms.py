"""`/cgi-bin/sendsms` as programs written for Kannel use it, and the reports it sends to their `dlr-url`."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest
from gateway_kit import NUMBER, Gateway, Receiver, gateway_in, until

from mobile_gateway.addresses import Addresses

pytest_plugins = ("gateway_plugin",)

LOGIN = {"username": "demo", "password": "demo1234"}
MESSAGE = LOGIN | {"from": "1588", "to": NUMBER, "text": "hello"}
DLR = "http://sales.example/dlr?type=%d&id=%F&from=%p&to=%P&text=%A&at=%T&rate=100%25&x=%z"


async def send(gateway: Gateway, **changes: str | bytes | None) -> httpx.Response:
    wish = {name: value for name, value in (MESSAGE | changes).items() if value is not None}
    return await gateway.client.get("/cgi-bin/sendsms?" + urlencode(wish))


@pytest.fixture
def receiver() -> Receiver:
    return Receiver(statuses=[200] * 100)


# --- taking -----------------------------------------------------------------------------------------------------------


async def test_a_text_is_accepted_in_kannels_words_and_arrives(gateway: Gateway) -> None:
    answer = await send(gateway)
    assert (answer.status_code, answer.text) == (202, "0: Accepted for delivery")
    await until(gateway.inbox)
    held = (await gateway.handset())["inbox"][0]
    assert (held["text"], held["from"]) == ("hello", "1588")


async def test_a_form_is_as_good_as_an_address(gateway: Gateway) -> None:
    answer = await gateway.client.post("/cgi-bin/sendsms", data=MESSAGE | {"text": "by form"})
    assert answer.status_code == 202
    await until(gateway.inbox)
    assert await gateway.inbox() == ["by form"]


async def test_an_account_may_be_named_by_the_short_parameters(gateway: Gateway) -> None:
    short = {"username": None, "password": None, "user": LOGIN["username"], "pass": LOGIN["password"]}
    assert (await send(gateway, **short)).status_code == 202
    assert (await send(gateway, **short | {"pass": "wrong"})).status_code == 403


async def test_bits_of_the_mask_that_only_others_know_ask_for_nothing(gateway: Gateway) -> None:
    assert (await send(gateway, **{"dlr-mask": "63", "dlr-url": DLR})).status_code == 202


async def test_several_numbers_each_get_it_once_however_they_are_written(gateway: Gateway) -> None:
    await send(gateway, to=f"{NUMBER} 010-9999-9999".replace("-", "") + " 821012345678")

    async def both() -> bool:
        return bool(await gateway.inbox() and await gateway.inbox("+821099999999"))

    await until(both)
    assert await gateway.inbox() == ["hello"]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"text": "예매 확인"}, "예매 확인"),
        ({"text": "예매".encode("euc-kr"), "charset": "EUC-KR"}, "예매"),
        ({"text": "예매".encode("utf-16-be"), "charset": "UTF-16BE", "coding": "2"}, "예매"),
        ({"text": "€ {x}", "coding": "0"}, "€ {x}"),
        ({"text": "grüß".encode("latin-1"), "charset": "ISO-8859-1"}, "grüß"),
        ({"text": "예매".encode("utf-16-be"), "coding": "2"}, "예매"),
        ({"text": "plain", "charset": "UTF-8", "coding": "2"}, "plain"),
        ({"text": "똠방각하".encode("cp949"), "charset": "CP949"}, "똠방각하"),
        ({"text": "at once", "mclass": "0"}, "at once"),
        ({"text": "long " * 60}, "long " * 60),
    ],
)
async def test_the_text_is_read_by_its_charset_and_written_by_its_coding(
    gateway: Gateway, changes: dict[str, str | bytes], text: str
) -> None:
    assert (await send(gateway, **changes)).status_code == 202
    await until(gateway.inbox)
    assert await gateway.inbox() == [text]


async def test_a_header_of_its_own_joins_parts(gateway: Gateway) -> None:
    for place, text in ((2, b" world"), (1, b"hello")):
        assert (await send(gateway, udh=bytes([5, 0, 3, 9, 2, place]), text=text, coding="0")).status_code == 202
    await until(gateway.inbox)
    assert await gateway.inbox() == ["hello world"]


async def test_a_deferred_message_waits(gateway: Gateway) -> None:
    await send(gateway, deferred="60", text="later")
    await send(gateway)
    await until(gateway.inbox)
    assert await gateway.inbox() == ["hello"]


# --- refusing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"password": "wrong"}, 403, "Authorization failed for sendsms"),
        ({"username": None}, 403, "Authorization failed for sendsms"),
        ({"to": None}, 400, "Missing receiver number, rejected"),
        ({"to": "nobody"}, 400, "Receiver number garbled"),
        ({"to": " ".join(f"+8210000{index:05}" for index in range(101))}, 400, "1 to 100 numbers"),
        ({"from": "a name that is too long"}, 400, "at most 11 letters"),
        ({"text": ""}, 400, "Empty text is not allowed"),
        ({"charset": "klingon"}, 400, "Charset unknown"),
        ({"text": b"\xff"}, 400, "Charset conversion failed"),
        ({"text": "예매", "coding": "0"}, 400, "not in the GSM 03.38 alphabet"),
        ({"coding": "3"}, 400, "coding must be a number from 0 to 2"),
        ({"mclass": "x"}, 400, "mclass must be a number"),
        ({"validity": "-1"}, 400, "validity must be a number"),
        ({"dlr-mask": "31", "dlr-url": "ftp://x.example/"}, 400, "http or https"),
        ({"udh": b"\x09\x00", "text": b"x"}, 400, "header cannot be read"),
        ({"text": "x" * 8000}, 400, "parts"),
    ],
)
async def test_what_cannot_be_sent_is_refused_in_a_line(
    gateway: Gateway, changes: dict[str, str | bytes | None], status: int, words: str
) -> None:
    answer = await send(gateway, **changes)
    assert answer.status_code == status, answer.text
    assert words in answer.text
    assert "\n" not in answer.text
    assert await gateway.handset() == {}


async def test_a_full_queue_is_temporary(tmp_path: Path) -> None:
    async with gateway_in(tmp_path, queue_max=1) as gateway:
        await gateway.client.put(f"/subscribers/{NUMBER}", json={"state": "off"})
        assert (await send(gateway)).status_code == 202
        answer = await send(gateway)
        assert (answer.status_code, answer.text) == (503, "Temporal failure, try again later.")


# --- reports ----------------------------------------------------------------------------------------------------------


async def test_a_report_fills_the_escapes_of_the_dlr_url(tmp_path: Path, receiver: Receiver) -> None:
    async with gateway_in(tmp_path, receiver, dlr_hosts="sales.example") as gateway:
        await send(gateway, **{"dlr-mask": "31", "dlr-url": DLR})

        async def both() -> bool:
            return len(receiver.requests) == 2

        await until(both)
    told = [dict(parse_qsl(request.url.query.decode())) for request in receiver.requests]
    assert {request.method for request in receiver.requests} == {"GET"}
    assert [one["type"] for one in told] == ["8", "1"]
    last = told[1]
    assert (last["from"], last["to"], last["rate"], last["x"]) == (NUMBER, "1588", "100%", "%z")
    assert last["text"].startswith(f"id:{last['id']} sub:001 dlvrd:001 submit date:")
    assert " stat:DELIVRD err:000 text:hello" in last["text"]


async def test_a_dlr_url_that_is_not_acknowledged_is_asked_again(tmp_path: Path) -> None:
    receiver = Receiver(statuses=[500, 200])
    async with gateway_in(tmp_path, receiver, dlr_hosts="sales.example") as gateway:
        await send(gateway, **{"dlr-mask": "1", "dlr-url": DLR})

        async def twice() -> bool:
            return len(receiver.requests) == 2

        await until(twice)


@pytest.mark.parametrize("host", ["127.0.0.1:9", "localhost:9", "10.0.0.1", "[::1]", "169.254.169.254", "user@1.1.1.1"])
async def test_a_dlr_url_into_our_own_network_is_never_called(tmp_path: Path, receiver: Receiver, host: str) -> None:
    async with gateway_in(tmp_path, receiver, dlr_hosts="sales.example") as gateway:
        inside = await send(gateway, **{"dlr-mask": "1", "dlr-url": f"http://{host}/latest/?id=%F"})
        assert inside.status_code == 202
        await send(gateway, text="second", **{"dlr-mask": "1", "dlr-url": DLR})

        async def told() -> bool:
            return bool(receiver.requests)

        await until(told)
        assert {request.url.host for request in receiver.requests} == {"sales.example"}
        assert (await gateway.network.originate(NUMBER, "1588", text="still alive")) is not None


async def test_a_host_is_called_at_the_very_address_that_was_checked() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        assert port == 443
        return {"shop.example": ["93.184.215.14"], "mixed.example": ["93.184.215.14", "127.0.0.1"]}.get(host, [])

    addresses = Addresses(["Friend.example"], resolve=resolve)
    request = await addresses.request("GET", "https://shop.example/dlr?x=1")
    assert request
    assert (str(request.url), request.headers["host"]) == ("https://93.184.215.14/dlr?x=1", "shop.example")
    assert request.extensions["sni_hostname"] == "shop.example"
    for url in (
        "https://mixed.example/",
        "https://nowhere.example/",
        "https://",
        "http:///x",
        "gopher://shop.example/",
    ):
        assert await addresses.request("GET", url) is None
    friend = await addresses.request("GET", "https://friend.example/")
    assert friend
    assert friend.url.host == "friend.example"
