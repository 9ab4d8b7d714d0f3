"""What carriers who sign nothing tell us: heard at addresses that we made, and nowhere else."""

from __future__ import annotations

import pytest
from carrier_open_kit import OURS, THEIRS, dlr, kannel_message, push_result
from http_kit import Api

from app.channels import kannel, wap_push
from app.store import receipts
from mobile_gateway.wire import pap, pap_reading

pytest_plugins = ("http_plugin",)


async def sent_by(api: Api, channel: str, message_id: str) -> None:
    """A ticket's message that this channel took under this name."""
    await api.stage.world.memory.wake()
    booked = await (await api.booked()).pay()
    assert booked.status_code == 200
    (row,) = await api.stage.sql("SELECT id FROM delivery WHERE state = 'queued'")
    async with api.stage.world.transaction() as tx:
        taken = receipts.Taken(row.id, channel, channel, (message_id,), 1)
        await receipts.sent(tx, [taken], now=api.stage.clock.now())


async def state(api: Api) -> str:
    return str(await api.stage.value("SELECT state FROM delivery"))


async def test_a_push_that_arrived_is_a_delivery_that_arrived_and_is_acknowledged(api: Api) -> None:
    await sent_by(api, "wap_push", "p-1")

    answer = await push_result(api)

    assert await state(api) == "delivered"
    said = pap_reading.read(answer.content)
    assert isinstance(said, pap.ResultNotificationResponse)
    assert (said.push_id, said.code) == ("p-1", pap.Code.OK)


@pytest.mark.parametrize("ended", ["expired", "undeliverable", "rejected", "aborted", "timeout", "cancelled"])
async def test_a_push_that_will_not_arrive_has_failed(api: Api, ended: str) -> None:
    await sent_by(api, "wap_push", "p-1")

    assert (await push_result(api, state=pap.MessageState(ended))).status_code == 200

    assert await state(api) in {"failed", "queued"}


async def test_a_push_that_is_pending_says_nothing_new(api: Api) -> None:
    await sent_by(api, "wap_push", "p-1")

    assert (await push_result(api, state=pap.MessageState.PENDING)).status_code == 200

    assert await state(api) == "sent"


@pytest.mark.parametrize(("kind", "after"), [("1", "delivered"), ("8", "sent"), ("4", "sent")])
async def test_a_receipt_of_kannel_counts_by_its_type(api: Api, kind: str, after: str) -> None:
    await sent_by(api, "sms_http", "m-1")

    assert (await dlr(api, kind=kind)).status_code == 204

    assert await state(api) == after


async def test_a_message_that_kannel_brings_is_kept_and_not_answered_on_the_spot(api: Api) -> None:
    answers = [await kannel_message(api) for _ in range(2)]

    assert [(one.status_code, one.content) for one in answers] == [(200, b"")] * 2
    assert await api.stage.value("SELECT count(*) FROM inbox WHERE channel = 'sms_http' AND message_id = 'k-1'") == 1


async def test_an_address_that_we_never_made_leads_nowhere(api: Api) -> None:
    await sent_by(api, "wap_push", "p-1")

    for answer in (await push_result(api, by=THEIRS), await dlr(api, by=THEIRS), await kannel_message(api, by=THEIRS)):
        assert answer.status_code == 404
    assert (await api.client.get("/carrier/dlr/m-1.", params={"type": "1"})).status_code == 404
    assert (await api.client.get("/carrier/dlr/Ω", params={"type": "1"})).status_code == 404
    assert await state(api) == "sent"


async def test_an_address_is_good_for_its_own_message_only(api: Api) -> None:
    await sent_by(api, "wap_push", "p-1")
    other = OURS.token(wap_push.PURPOSE, "p-2")
    told = (await push_result(api, "p-1", by=OURS)).request.content
    await api.stage.sql("UPDATE delivery SET state = 'sent'")

    answer = await api.client.post(f"/carrier/push-results/{other}", content=told)

    assert answer.status_code == 404
    assert OURS.token(kannel.PURPOSE, "p-1") != OURS.token(wap_push.PURPOSE, "p-1")


@pytest.mark.parametrize("body", [b"", b"<pap/>", b"{", b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"], ids=repr)
async def test_what_is_no_result_is_refused_in_a_sentence(api: Api, body: bytes) -> None:
    answer = await push_result(api, body=body)

    assert answer.status_code == 422
    assert answer.json()["detail"]


async def test_a_nul_in_a_message_of_kannel_is_refused_where_it_names_and_harmless_where_it_is_said(api: Api) -> None:
    assert (await kannel_message(api, to="15\0")).status_code == 422
    assert (await kannel_message(api, text="he\0lp")).status_code == 200
