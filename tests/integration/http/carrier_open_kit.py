"""A push gateway and a Kannel that know the addresses we handed out; or believe they do."""

from __future__ import annotations

import httpx
from builders import BUYER
from http_kit import CARRIER_SECRET, Api
from pydantic import SecretStr

from app.channels import kannel, wap_push
from app.channels.callbacks import Callbacks
from mobile_gateway.wire import pap, pap_writing

OURS = Callbacks(SecretStr(CARRIER_SECRET))
THEIRS = Callbacks(SecretStr("somebody else's secret"))


async def push_result(
    api: Api,
    push_id: str = "p-1",
    state: pap.MessageState = pap.MessageState.DELIVERED,
    *,
    by: Callbacks = OURS,
    body: bytes | None = None,
) -> httpx.Response:
    """What became of a push, at the address for it."""
    address = str(pap.Client(BUYER, "PLMN", "ppg.example"))
    told = pap.ResultNotification(push_id=push_id, address=address, state=state, code=pap.Code.OK)
    content = pap_writing.write(told).encode() if body is None else body
    return await api.client.post(f"/carrier/push-results/{by.token(wap_push.PURPOSE, push_id)}", content=content)


async def dlr(api: Api, message_id: str = "m-1", kind: str = "1", *, by: Callbacks = OURS) -> httpx.Response:
    token = f"{message_id}.{by.token(kannel.PURPOSE, message_id)}"
    return await api.client.get(f"/carrier/dlr/{token}", params={"type": kind})


async def kannel_message(api: Api, *, by: Callbacks = OURS, **given: str) -> httpx.Response:
    params = {"id": "k-1", "from": BUYER, "to": "1588", "text": "help", **given}
    return await api.client.get(kannel.messages_path(by), params=params)
