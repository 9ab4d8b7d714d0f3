"""The HTTP face: what an account sends, what a phone then holds, and every way to be told no."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway_kit import NUMBER, TICKET, Gateway, Receiver, gateway_in, until

from mobile_gateway.api.problems import Problem

pytest_plugins = ("gateway_plugin",)


def problem(answer: httpx.Response, kind: Problem) -> dict[str, Any]:
    """The problem's body, after checking that it is this kind and says something."""
    body: dict[str, Any] = answer.json()
    assert answer.status_code == body["status"] == kind.value.status, body
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"/problems#{kind.value.slug}"
    assert body["detail"].endswith((".", "`errors`."))
    return body


# --- the story --------------------------------------------------------------------------------------------------------


async def test_a_ticket_reaches_the_phone_is_stored_in_it_and_its_receipt_comes_back(gateway: Gateway) -> None:
    answer = await gateway.send()
    assert answer.status_code == 202
    message_id = answer.json()["message_id"]
    assert answer.json() == {"message_id": message_id, "parts": 1, "coding": "gsm7"}

    await until(gateway.inbox)
    phone = await gateway.handset()
    assert phone["inbox"][0]["from"] == "Cyberticket"
    assert phone["inbox"][0]["links"] == ["https://tickets.example/t/QZ9KD2"]
    assert phone["inbox"][0]["kind"] == "text"
    assert phone["memory"] == {"used": 1, "limit": 50}
    assert "CYBERTICKET" in phone["screen"]

    stored = (await gateway.client.post(f"/handsets/{NUMBER}/messages/{message_id}/store")).json()
    ticket = {"message_id": message_id, "number": "482910375-6", "pin": "491027"}
    assert stored["tickets"] == [ticket | {"link": "https://tickets.example/t/QZ9KD2"}]

    async def told() -> bool:
        return bool(gateway.receiver.taken)

    await until(told)
    (receipt,) = gateway.receiver.taken
    assert receipt.pop("at").endswith("Z")
    assert receipt == {"message_id": message_id, "to": NUMBER, "state": "DELIVERED", "parts": 1}
    history = (await gateway.client.get(f"/sms/messages/{message_id}")).json()["history"]
    assert [entry["state"] for entry in history] == ["ENROUTE", "DELIVERED"]


async def test_the_same_request_again_is_the_same_message_and_arrives_once(gateway: Gateway) -> None:
    answers = await asyncio.gather(*(gateway.send() for _ in range(20)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["message_id"] for answer in answers}) == 1
    await until(gateway.inbox)
    await gateway.send()
    assert await gateway.inbox() == [TICKET]


async def test_messages_wait_for_a_phone_that_is_off(gateway: Gateway) -> None:
    await gateway.client.put(f"/subscribers/{NUMBER}", json={"state": "off", "language": "en"})
    message_id = (await gateway.send()).json()["message_id"]

    async def tried() -> bool:
        return bool((await gateway.client.get(f"/sms/messages/{message_id}")).json()["attempts"] >= 2)

    await until(tried)
    assert await gateway.inbox() == []
    assert (await gateway.handset())["screen"] == []
    await gateway.client.put(f"/subscribers/{NUMBER}", json={"state": "on"})
    await until(gateway.inbox)
    subscriber = (await gateway.client.get(f"/subscribers/{NUMBER}")).json()
    assert subscriber == {"number": NUMBER, "state": "on", "model": "feature", "language": "en"}


async def test_a_message_that_runs_out_of_time_expires_and_says_why(gateway: Gateway) -> None:
    await gateway.client.put(f"/subscribers/{NUMBER}", json={"state": "off"})
    await gateway.send(validity_seconds=1)

    async def told() -> bool:
        return bool(gateway.receiver.taken)

    await until(told)
    assert gateway.receiver.taken[0]["state"] == "EXPIRED"
    assert gateway.receiver.taken[0]["error"] == "handset off or out of reach"


@pytest.mark.parametrize(("switch", "state"), [("unknown", "UNDELIVERABLE"), ("barred", "REJECTED")])
async def test_a_number_the_network_refuses_ends_at_once(gateway: Gateway, switch: str, state: str) -> None:
    await gateway.client.put(f"/subscribers/{NUMBER}", json={"state": switch})
    message_id = (await gateway.send()).json()["message_id"]

    async def ended() -> bool:
        return await gateway.state(message_id) == state

    await until(ended)


async def test_keys_open_a_message_and_the_screen_shows_it(gateway: Gateway) -> None:
    await gateway.send()
    await until(gateway.inbox)
    screen = await gateway.press("ok", "ok", "ok")
    assert screen[:2] == ["Cyberticket", "ID 482910375-6 PIN"]
    assert (await gateway.handset())["inbox"][0]["opened"] is True
    listed = (await gateway.client.get("/handsets")).json()["handsets"]
    assert [one["number"] for one in listed] == [NUMBER]


async def test_a_message_is_called_back_while_it_waits_and_not_after(gateway: Gateway) -> None:
    await gateway.client.put(f"/subscribers/{NUMBER}", json={"state": "off"})
    message_id = (await gateway.send()).json()["message_id"]
    assert (await gateway.client.delete(f"/sms/messages/{message_id}")).status_code == 204
    assert await gateway.state(message_id) == "DELETED"
    problem(await gateway.client.delete(f"/sms/messages/{message_id}"), Problem.TOO_LATE)
    problem(await gateway.client.delete("/sms/messages/m0"), Problem.NOT_FOUND)

    async def told() -> bool:
        return bool(gateway.receiver.taken)

    await until(told)
    assert gateway.receiver.taken[0]["state"] == "DELETED"


# --- receipts ---------------------------------------------------------------------------------------------------------


async def test_a_receipt_is_sent_again_until_it_is_acknowledged_and_then_no_more(tmp_path: Path) -> None:
    receiver = Receiver(statuses=[500, 0, 302, 404])
    async with gateway_in(tmp_path, receiver) as gateway:
        await gateway.send()

        async def told() -> bool:
            return bool(receiver.taken)

        await until(told)
        await asyncio.sleep(0.1)
    assert len(receiver.requests) == 5
    assert len(receiver.taken) == 1


async def test_a_receipt_nobody_took_is_sent_after_a_restart(tmp_path: Path) -> None:
    down = Receiver(statuses=[503] * 1000)
    async with gateway_in(tmp_path, down, receipt_retry_seconds=(0.2,)) as gateway:
        message_id = (await gateway.send()).json()["message_id"]

        async def tried() -> bool:
            return bool(down.requests)

        await until(tried)
    up = Receiver()
    async with gateway_in(tmp_path, up):

        async def told() -> bool:
            return bool(up.taken)

        await until(told)
    assert [receipt["message_id"] for receipt in up.taken] == [message_id]


async def test_a_receipt_that_was_not_wanted_is_not_sent(gateway: Gateway) -> None:
    await gateway.send(callback=False)
    await gateway.send(key="k2")

    async def told() -> bool:
        return bool(gateway.receiver.taken)

    await until(told)
    await asyncio.sleep(0.05)
    assert len(gateway.receiver.requests) == 1


# --- being told no ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("auth", [None, ("demo", "wrong"), ("nobody", "demo1234"), ("nobody", ""), ("demo", "")])
async def test_only_an_account_with_its_password_may_send(gateway: Gateway, auth: tuple[str, str] | None) -> None:
    headers = {"Idempotency-Key": "k"}
    gateway.client.auth = httpx.Auth() if auth is None else httpx.BasicAuth(*auth)
    answer = await gateway.client.post("/sms/messages", json={"to": NUMBER, "text": "x"}, headers=headers)
    problem(answer, Problem.UNAUTHENTICATED)
    assert answer.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"to": "01012345678"}, "/to"),
        ({"to": "+0123456789"}, "/to"),
        ({"to": "+821012345678\n"}, "/to"),
        ({"text": ""}, "/text"),
        ({"text": "가" * 671}, "/text"),
        ({"text": "a" * 1531}, "/text"),
        ({"text": "half \ud83c"}, "/text"),
        ({"from": "a name that is too long"}, "/from"),
        ({"validity_seconds": 0}, "/validity_seconds"),
        ({"colour": "green"}, "/colour"),
    ],
)
async def test_a_wrong_field_is_pointed_at(gateway: Gateway, changes: dict[str, object], pointer: str) -> None:
    import json  # noqa: PLC0415 - httpx would refuse the lone surrogate before we do

    body = json.dumps({"to": NUMBER, "text": "x"} | changes)
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = await gateway.client.post("/sms/messages", content=body, headers=headers)
    assert [error["pointer"] for error in problem(answer, Problem.INVALID)["errors"]] == [pointer]


async def test_a_body_that_is_no_json_is_refused_as_a_whole(gateway: Gateway) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = await gateway.client.post("/sms/messages", content="{to:", headers=headers)
    assert [error["pointer"] for error in problem(answer, Problem.INVALID)["errors"]] == [""]


async def test_an_idempotency_key_is_required_and_means_one_message(gateway: Gateway) -> None:
    answer = await gateway.client.post("/sms/messages", json={"to": NUMBER, "text": "x"})
    assert problem(answer, Problem.INVALID)["errors"][0]["pointer"] == "header/Idempotency-Key"
    await gateway.send("one")
    problem(await gateway.send("another"), Problem.KEY_REUSED)


async def test_an_account_that_is_too_fast_is_told_how_long_to_wait(tmp_path: Path) -> None:
    async with gateway_in(tmp_path, submits_per_second_max=2) as gateway:
        answers = [await gateway.send(key=str(index)) for index in range(3)]
        assert [answer.status_code for answer in answers] == [202, 202, 429]
        problem(answers[2], Problem.THROTTLED)
        assert answers[2].headers["retry-after"] == "1"


async def test_a_full_queue_says_when_to_come_back(tmp_path: Path) -> None:
    async with gateway_in(tmp_path, queue_max=2) as gateway:
        await gateway.client.put(f"/subscribers/{NUMBER}", json={"state": "off"})
        for key in ("a", "b"):
            assert (await gateway.send(key=key)).status_code == 202
        answer = await gateway.send(key="c")
        problem(answer, Problem.QUEUE_FULL)
        assert answer.headers["retry-after"] == "1"
        assert (await gateway.send(key="a")).status_code == 202


async def test_anothers_message_and_no_message_are_alike(gateway: Gateway) -> None:
    message_id = (await gateway.send()).json()["message_id"]
    gateway.client.auth = httpx.BasicAuth("other", "other123")
    foreign = await gateway.client.get(f"/sms/messages/{message_id}")
    none = await gateway.client.get("/sms/messages/m0")
    assert problem(foreign, Problem.NOT_FOUND) == problem(none, Problem.NOT_FOUND)


async def test_only_a_ticket_can_be_stored_and_only_while_the_phone_is_on(gateway: Gateway) -> None:
    plain = (await gateway.send("hello", key="plain")).json()["message_id"]
    ticket = (await gateway.send(key="ticket")).json()["message_id"]

    async def both() -> bool:
        return len(await gateway.inbox()) == 2

    await until(both)
    store = f"/handsets/{NUMBER}/messages/{{}}/store"
    problem(await gateway.client.post(store.format(plain)), Problem.NO_TICKET)
    problem(await gateway.client.post(store.format("m0")), Problem.NOT_FOUND)
    await gateway.client.put(f"/subscribers/{NUMBER}", json={"state": "off"})
    problem(await gateway.client.post(store.format(ticket)), Problem.PHONE_OFF)


async def test_unknown_numbers_addresses_and_methods_are_said_to_be_so(gateway: Gateway) -> None:
    problem(await gateway.client.get("/handsets/+10000000"), Problem.NOT_FOUND)
    problem(await gateway.client.post("/handsets/+10000000/keys", json={"key": "ok"}), Problem.NOT_FOUND)
    problem(await gateway.client.get("/nowhere"), Problem.NOT_FOUND)
    problem(await gateway.client.delete("/handsets"), Problem.METHOD)
    problem(await gateway.client.get("/handsets/12"), Problem.INVALID)


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_over_64_kib_is_refused_unread(gateway: Gateway, *, chunked: bool) -> None:
    async def drip() -> Any:
        for _ in range(80):
            yield b" " * 1024

    content = drip() if chunked else b" " * 65_537
    answer = await gateway.client.post("/sms/messages", content=content, headers={"Idempotency-Key": "k"})
    problem(answer, Problem.TOO_LARGE)


async def test_another_sites_page_cannot_press_keys(gateway: Gateway) -> None:
    for site in ("cross-site", "same-site"):
        headers = {"Sec-Fetch-Site": site}
        problem(await gateway.client.post("/phones", data={"number": NUMBER}, headers=headers), Problem.CROSS_SITE)
    assert await gateway.handset() == {}


async def test_health_is_asked_of_the_file(gateway: Gateway) -> None:
    assert (await gateway.client.get("/healthz")).json() == {"status": "ok"}
