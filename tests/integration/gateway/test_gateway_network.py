"""The network at work: what accounts are owed reaches them, phones write and browse, faults are set from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway_kit import NUMBER, SECRET, Gateway, Receiver, gateway_in, until

from mobile_gateway.api.problems import Problem
from mobile_gateway.carrier.carrier import Cancelled, Changes, NoSuchMessage, Replaced, Taken
from mobile_gateway.carrier.messages import BOTH, State, Submission, Way
from mobile_gateway.carrier.origin import NoRoute, Originated
from mobile_gateway.carrier.outgoing import Forwarded, Kind, NotNow, Outgoing, Told

pytest_plugins = ("gateway_plugin",)

OTHER = "+821098765432"


@dataclass
class Session:
    """A bound session that acknowledges, or is told not to."""

    refuses: int = 0
    taken: list[Outgoing] = field(default_factory=list)
    asked: int = 0

    async def deliver(self, outgoing: Sequence[Outgoing]) -> Sequence[Told]:
        self.asked += len(outgoing)
        if self.refuses:
            self.refuses -= 1
            return [NotNow("busy") for _ in outgoing]
        self.taken += outgoing
        return [Forwarded() for _ in outgoing]

    async def has(self, count: int = 1) -> None:
        async def enough() -> bool:
            return len(self.taken) >= count

        await until(enough)


def a_submission(to: str = NUMBER, **changes: Any) -> Submission:
    return replace(Submission("demo", to, "1588", b"hello", registered_delivery=BOTH), **changes)


# --- receipts ---------------------------------------------------------------------------------------------------------


async def test_receipts_wait_for_a_session_of_their_account_across_a_restart(tmp_path: Path) -> None:
    async with gateway_in(tmp_path) as gateway:
        answers = await gateway.network.submit_many([a_submission(), a_submission(account="other")])
        assert all(isinstance(answer, Taken) for answer in answers)
        await until(gateway.inbox)
        await asyncio.sleep(0.05)
    async with gateway_in(tmp_path) as gateway:
        session = Session()
        gateway.network.attach(session, account="demo")
        await session.has()
        await asyncio.sleep(0.05)
        (receipt,) = session.taken
        assert (receipt.account, receipt.kind, receipt.state) == ("demo", Kind.RECEIPT, State.DELIVERED)
        assert (receipt.sender, receipt.to) == (NUMBER, "1588")


async def test_a_receipt_that_a_session_could_not_take_comes_again_to_the_one_bound_after_it(tmp_path: Path) -> None:
    async with gateway_in(tmp_path, receipt_retry_seconds=(60,)) as gateway:
        busy, rebound = Session(refuses=1), Session()
        gateway.network.attach(busy, account="demo")
        await gateway.network.submit(a_submission())

        async def asked() -> bool:
            return busy.asked == 1

        await until(asked)
        gateway.network.detach(busy, account="demo")
        gateway.network.attach(rebound, account="demo")
        await rebound.has()  # at once, not after the minute of the schedule
        assert [one.attempts for one in rebound.taken] == [1]


async def test_sessions_of_one_account_take_turns(gateway: Gateway) -> None:
    sessions = [Session(), Session()]
    for session in sessions:
        gateway.network.attach(session, account="demo")

    async def told(count: int) -> bool:
        return sum(len(session.taken) for session in sessions) == count

    for index in range(6):
        await gateway.network.submit(a_submission(f"+8210000000{index:02}"))
        await until(partial(told, index + 1))
    assert all(session.taken for session in sessions)
    gateway.network.detach(sessions[0], account="demo")
    await gateway.network.submit(a_submission())
    before = len(sessions[1].taken)
    await sessions[1].has(before + 1)


# --- query, cancel, replace -------------------------------------------------------------------------------------------


async def test_a_waiting_message_is_asked_after_changed_and_called_back(gateway: Gateway) -> None:
    await gateway.client.put(f"/subscribers/{NUMBER}", json={"state": "off"})
    taken = await gateway.network.submit(a_submission())
    assert isinstance(taken, Taken)
    name = taken.message.id
    found = await gateway.network.query("demo", name, source="1588")
    assert found
    assert found.state is State.ENROUTE
    changed = await gateway.network.replace("demo", name, Changes(b"gate 2"), source="1588")
    assert isinstance(changed, Replaced)
    assert await gateway.network.query("demo", name, source="other") is None
    assert await gateway.network.cancel("other", name) == NoSuchMessage()
    assert await gateway.network.cancel_all("demo", source="1588", to=NUMBER) == Cancelled(1)


# --- what phones write ------------------------------------------------------------------------------------------------


async def test_a_message_to_a_short_code_reaches_the_session_of_its_account(gateway: Gateway) -> None:
    session = Session()
    gateway.network.attach(session, account="demo")
    answer = await gateway.network.originate(NUMBER, "1588", text="예매 7")
    assert isinstance(answer, Originated)
    await session.has()
    (written,) = session.taken
    assert (written.kind, written.way, written.message_id) == (Kind.MESSAGE, Way.SMPP, answer.message_id)
    assert (written.sender, written.to, written.data_coding) == (NUMBER, "1588", 8)
    assert written.user_data.decode("utf-16-be") == "예매 7"


async def test_a_message_to_a_short_code_is_posted_signed_where_the_account_is_not_bound(tmp_path: Path) -> None:
    receiver = Receiver(statuses=[503])
    messages_url = "http://sales.example/carrier/messages"
    async with gateway_in(tmp_path, receiver, callback_messages_url=messages_url) as gateway:
        answer = await gateway.network.originate(NUMBER, "1588", text="HELP")
        assert isinstance(answer, Originated)

        async def told() -> bool:
            return bool(receiver.taken)

        await until(told)
        (posted,) = receiver.taken
        assert posted.pop("at").endswith("Z")
        assert posted == {
            "message_id": answer.message_id,
            "from": NUMBER,
            "to": "1588",
            "text": "HELP",
            "data_coding": 0,
            "user_data": b"HELP".hex(),
        }
        assert {str(request.url) for request in receiver.requests} == {messages_url}
        assert len(receiver.requests) == 2

        await gateway.network.originate(NUMBER, "1588", user_data=b"\x00\xff", data_coding=4)

        async def again() -> bool:
            return len(receiver.taken) == 2

        await until(again)
        assert (receiver.taken[1]["text"], receiver.taken[1]["user_data"]) == (None, "00ff")

        session = Session()
        gateway.network.attach(session, account="demo")
        await gateway.network.originate(NUMBER, "1588", text="bound now")
        await session.has()
        assert len(receiver.taken) == 2


async def test_phones_write_to_one_another(gateway: Gateway) -> None:
    await gateway.client.put(f"/subscribers/{OTHER}", json={})
    sent = await gateway.client.post(f"/handsets/{OTHER}/messages", json={"to": "010-1234-5678", "text": "표 보냈어"})
    assert sent.status_code == 202
    await until(gateway.inbox)
    held = (await gateway.handset())["inbox"][0]
    assert (held["from"], held["text"]) == (OTHER, "표 보냈어")


async def test_a_message_to_nobody_or_from_a_phone_that_is_off_is_refused(gateway: Gateway) -> None:
    await gateway.client.put(f"/subscribers/{NUMBER}", json={})
    path = f"/handsets/{NUMBER}/messages"
    answer = await gateway.client.post(path, json={"to": "911", "text": "x"})
    assert (answer.status_code, answer.json()["type"]) == (422, f"/problems#{Problem.NO_ROUTE.value.slug}")
    await gateway.client.put(f"/subscribers/{NUMBER}", json={"state": "off"})
    answer = await gateway.client.post(path, json={"to": "1588", "text": "x"})
    assert (answer.status_code, answer.json()["type"]) == (409, f"/problems#{Problem.PHONE_OFF.value.slug}")
    assert isinstance(await gateway.network.originate(NUMBER, "1588", text="x" * 2000), NoRoute)


async def test_what_is_typed_on_the_keys_is_sent_and_a_wrong_number_is_answered_by_the_network(
    gateway: Gateway,
) -> None:
    session = Session()
    gateway.network.attach(session, account="demo")
    await gateway.client.put(f"/subscribers/{NUMBER}", json={"language": "en"})
    await gateway.press("1", "5", "8", "8", "ok", "4", "send")
    await session.has()
    assert session.taken[0].user_data.decode() in {"g", "G"}
    await gateway.press("end", "9", "1", "1", "ok", "4", "send")

    async def answered() -> bool:
        return any(text.startswith("Nobody is at 911") for text in await gateway.inbox())

    await until(answered)


# --- browsing ---------------------------------------------------------------------------------------------------------

DECK = b"""<?xml version="1.0"?>
<!DOCTYPE wml PUBLIC "-//WAPFORUM//DTD WML 1.1//EN" "http://www.wapforum.org/DTD/wml_1.1.xml">
<wml><card id="c" title="Home"><p>Welcome aboard</p></card></wml>"""


async def test_a_page_that_a_key_asks_for_is_fetched_beside_and_shown_when_it_comes(tmp_path: Path) -> None:
    asked = asyncio.Event()
    go = asyncio.Event()

    async def site(_: httpx.Request) -> httpx.Response:
        asked.set()
        await go.wait()
        return httpx.Response(200, content=DECK, headers={"Content-Type": "text/vnd.wap.wml"})

    home = "http://localhost:9/wap"
    async with gateway_in(tmp_path, web=httpx.MockTransport(site), wap_home_url=home) as gateway:
        await gateway.client.put(f"/subscribers/{NUMBER}", json={"language": "en"})
        async with asyncio.timeout(30):
            before = await gateway.press("ok", "3")  # answers while the site still thinks
            await asked.wait()
        assert "Welcome aboard" not in " ".join(before)
        go.set()

        async def shown() -> bool:
            return "Welcome aboard" in " ".join((await gateway.handset())["screen"])

        await until(shown)


# --- faults from outside ----------------------------------------------------------------------------------------------


async def test_a_script_makes_the_next_attempts_fail_and_then_the_message_arrives(gateway: Gateway) -> None:
    body = {"steps": [{"fate": "absent", "times": 2}, {"fate": "lost"}]}
    assert (await gateway.client.put(f"/admin/scripts/{NUMBER}", json=body)).status_code == 200
    message_id = (await gateway.send()).json()["message_id"]
    await until(gateway.inbox)
    told = (await gateway.client.get(f"/sms/messages/{message_id}")).json()
    notes = [entry["note"] for entry in told["history"]]
    assert notes == ["accepted", "handset off or out of reach", "lost on the radio link", "on the handset"]
    assert told["attempts"] == 4
    assert (await gateway.client.get(f"/admin/scripts/{NUMBER}")).json() == {"steps": []}


async def test_faults_are_set_and_the_air_keeps_to_its_rate(gateway: Gateway) -> None:
    faults = {"seed": 4, "latency_ms": 0, "loss": 0.0, "duplicate": 0.0, "reorder": 0.0, "rate_per_second": 5.0}
    assert (await gateway.client.put("/admin/faults", json=faults)).json() == faults
    assert (await gateway.client.get("/admin/faults")).json() == faults
    for index in range(8):
        await gateway.network.submit(a_submission(f"+8210000000{index:02}"))
    await asyncio.sleep(0.15)
    arrived = sum(len(one["inbox"]) for one in (await gateway.client.get("/handsets")).json()["handsets"])
    assert 5 <= arrived <= 6


async def test_an_account_is_held_to_rules_of_its_own(gateway: Gateway) -> None:
    rules = {"submits_per_second": None, "queue_max": None, "throttle_next": 1}
    assert (await gateway.client.put("/admin/accounts/demo", json=rules)).json() == rules
    answers = [await gateway.send(key=str(index)) for index in range(2)]
    assert [answer.status_code for answer in answers] == [429, 202]
    assert (await gateway.client.get("/admin/accounts/demo")).json() == rules | {"throttle_next": 0}
    assert (await gateway.client.get("/admin/accounts/nobody")).status_code == 404


@pytest.mark.parametrize(
    "body", [{"loss": 1.5}, {"seed": -1}, {"latency_ms": 10**9}, {"colour": 1}, {"rate_per_second": -1}]
)
async def test_faults_that_cannot_be_are_refused(gateway: Gateway, body: dict[str, object]) -> None:
    assert (await gateway.client.put("/admin/faults", json=body)).status_code == 422


async def test_with_an_admin_token_only_its_bearer_causes_faults(tmp_path: Path) -> None:
    async with gateway_in(tmp_path, admin_token=SECRET) as gateway:
        gateway.client.auth = httpx.Auth()
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            refused = await gateway.client.get("/admin/faults", headers=headers)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"].startswith("Bearer")
        allowed = await gateway.client.get("/admin/faults", headers={"Authorization": f"Bearer {SECRET}"})
        assert allowed.status_code == 200


async def test_a_roaming_phone_gets_its_message_a_little_later(gateway: Gateway) -> None:
    await gateway.client.put(f"/subscribers/{NUMBER}", json={"state": "roaming"})
    await gateway.send()
    assert await gateway.inbox() == []
    await until(gateway.inbox)


async def test_old_messages_are_forgotten_beyond_the_number_that_is_kept(tmp_path: Path) -> None:
    async with gateway_in(tmp_path, keep_messages_max=2, sink_prefix="+99") as gateway:
        names = []
        for index in range(5):
            taken = await gateway.network.submit(a_submission(f"+991000000{index}"))
            assert isinstance(taken, Taken)
            names.append(taken.message.id)
        await asyncio.sleep(0.1)
        gateway.network._prune_due.set()

        async def kept() -> bool:
            found = [await gateway.network.query("demo", name) for name in names]
            return [one is not None for one in found] == [False, False, False, True, True]

        await until(kept)
