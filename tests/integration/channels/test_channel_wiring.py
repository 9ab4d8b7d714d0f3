"""Which channels the settings make, and the house at work over a message centre: out, receipts back, messages in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest
from builders import BUYER, FRIEND, Shop, Stage, a_booking
from channels_kit import ScriptedSmsc, a_channel, a_receipt, serving

from app import wiring, worker
from app.channels.kannel import Kannel
from app.channels.sms_http import SmsHttp
from app.settings import Settings, SettingsRefused
from mobile_gateway.wire import udh
from mobile_gateway.wire.smpp import DeliverSm, Status
from mobile_gateway.wire.smpp.values import UDHI

SMPP, SECRET = "smpp://shop:secret@smsc.example", "secret12"


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, {"sms_http"}),
        ({"sms_http_dialect": "kannel"}, {"sms_http", "ems"}),
        ({"sms_smpp": SMPP}, {"sms", "ems"}),
        ({"sms_smpp": SMPP, "sms_password": SECRET}, {"sms", "sms_http", "ems"}),
        ({"wap_push_url": "https://ppg.example/pap"}, {"sms_http", "wap_push"}),
    ],
    ids=["nothing", "kannel", "smpp", "smpp and http", "push"],
)
async def test_a_channel_is_there_when_the_settings_name_its_network(given: dict[str, str], names: set[str]) -> None:
    async with AsyncExitStack() as stack:
        found = await wiring._channels(Settings(demo=True, **given), stack)  # type: ignore[arg-type]  # pydantic reads them

    assert set(found) == names
    assert all(name == channel.name for name, channel in found.items())
    if "sms_http" in found:
        assert isinstance(found["sms_http"], Kannel if "sms_http_dialect" in given else SmsHttp)


async def test_a_message_centre_that_cannot_be_bound_to_is_a_setting_that_is_refused() -> None:
    async with AsyncExitStack() as stack:
        with pytest.raises(SettingsRefused, match="CYBERTICKET_SMS_SMPP: The password of shop does not fit") as refused:
            await wiring._channels(Settings(demo=True, sms_smpp="smpp://shop:much-too-long@x"), stack)
    assert "much-too-long" not in str(refused.value)


# --- the house at work ----------------------------------------------------------------------------------------------


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for happens at the other end of a socket
            await asyncio.sleep(0.01)


@asynccontextmanager
async def at_work(stage: Stage) -> AsyncIterator[None]:
    working = asyncio.create_task(worker.run(stage.world, poll_seconds=0.02))
    try:
        yield
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


def texts(smsc: ScriptedSmsc, number: str) -> list[str]:
    return [
        pdu.short_message.decode("ascii")
        for pdu in smsc.submitted
        if pdu.destination_addr == number.removeprefix("+") and not pdu.udhi
    ]


async def test_a_worker_sends_hears_receipts_and_answers_messages_over_one_session(stage: Stage, shop: Shop) -> None:
    smsc = ScriptedSmsc()
    async with serving(smsc) as port, AsyncExitStack() as stack:
        stage.world = replace(stage.world, channels={"sms": a_channel(port)})
        await stack.enter_async_context(at_work(stage))
        await a_booking(stage, shop, paid=True)
        await until(lambda: texts(smsc, BUYER))
        (message_id,) = smsc.taken.values()

        assert await smsc.deliver(a_receipt(message_id)) == Status.ROK
        # The receipt may overtake our record of the answer; it counts all the same.
        async with asyncio.timeout(20):
            while await stage.value("SELECT state FROM delivery") != "delivered":  # noqa: ASYNC110 - a row is waited for
                await asyncio.sleep(0.01)

        for sequence, octets in ((2, b"P"), (1, b"HEL")):
            header = udh.build([udh.Concatenation(3, 2, sequence).element()])
            part = DeliverSm(
                source_addr_ton=1,
                source_addr=FRIEND.removeprefix("+"),
                destination_addr="1588",
                esm_class=UDHI,
                short_message=header + octets,
            )
            assert await smsc.deliver(part) == Status.ROK
        await until(lambda: texts(smsc, FRIEND))

        await stack.aclose()
        assert smsc.sessions == [], "the worker said goodbye"

    (answer,) = texts(smsc, FRIEND)
    assert "BUY" in answer
