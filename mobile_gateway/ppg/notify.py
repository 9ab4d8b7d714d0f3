"""Telling push initiators what became of their pushes: one POST for each address, where they asked for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx

from mobile_gateway.addresses import Addresses
from mobile_gateway.callbacks import ask
from mobile_gateway.carrier.messages import Way
from mobile_gateway.carrier.outgoing import Forwarded, NotNow, Outgoing, Told, Unwanted
from mobile_gateway.ppg.ledger import NAME, Push, PushBook, Recipient, fared
from mobile_gateway.services import Gateway
from mobile_gateway.wire import pap, pap_writing

log = logging.getLogger(__name__)

_OK = range(200, 300)


class Notifier:
    """Takes the receipts of pushes: notes each end, and tells the initiator where it asked to be told."""

    def __init__(self, gateway: Gateway) -> None:
        self._run = gateway.store.run_sql
        self._http: httpx.AsyncClient = gateway.http
        self._addresses = Addresses(gateway.settings.push_notify_allow)

    async def deliver(self, outgoing: Sequence[Outgoing]) -> Sequence[Told]:
        """Each receipt is noted before its initiator is told, so that a status query knows no less than he."""
        return await asyncio.gather(*(self._deliver_one(one) for one in outgoing))

    async def _deliver_one(self, one: Outgoing) -> Told:
        found = await self._run(lambda sql: PushBook(sql).push_of_message(one.message_id))
        if found is None:
            return NotNow("the push is not written down yet")
        push, before = found
        after = _ended(before, one)
        await self._run(lambda sql: PushBook(sql).save([after]))
        return await self._tell(push, after, push.notify_to) if push.notify_to else Forwarded()

    async def _tell(self, push: Push, recipient: Recipient, url: str) -> Told:
        request = await self._addresses.request("POST", url)
        if request is None:
            return Unwanted("the host to notify is none that this network may call; name it in push_notify_allow")
        notification = pap.ResultNotification(
            push_id=push.push_id,
            address=recipient.address,
            state=recipient.state,
            code=recipient.code,
            desc=recipient.reason,
            sender_name=NAME,
            received_time=push.received_at,
            event_time=recipient.at,
        )
        # The request came without a body, and says so: its length is not that of the notification.
        headers = {name: value for name, value in request.headers.items() if name != "content-length"}
        whole = httpx.Request(
            "POST",
            request.url,
            headers={**headers, "Content-Type": f"{pap_writing.CONTENT_TYPE}; charset=utf-8"},
            content=pap_writing.write(notification).encode(),
            extensions=request.extensions,
        )
        try:
            answer = await ask(self._http, whole)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as fault:
            log.info("result of push %s not acknowledged: %s", recipient.message_id, type(fault).__name__)
            return NotNow(type(fault).__name__)
        return Forwarded() if answer.status_code in _OK else NotNow(f"answer {answer.status_code}")


@asynccontextmanager
async def notifying(gateway: Gateway) -> AsyncIterator[None]:
    """Take the receipts of pushes for as long as the block lasts."""
    notifier = Notifier(gateway)
    gateway.network.attach(notifier, account=None, way=Way.PAP)
    try:
        yield
    finally:
        gateway.network.detach(notifier, account=None, way=Way.PAP)


def _ended(recipient: Recipient, receipt: Outgoing) -> Recipient:
    assert receipt.state
    state, code = fared(receipt.state)
    return replace(recipient, state=state, code=code, reason=receipt.error, at=receipt.at)
