"""Carries webhooks to their endpoints, and does what is due later: the two things this network does unasked."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import httpx

from app.payments.sandbox import later, outbox
from app.payments.sandbox.desk import Desk
from app.payments.sandbox.faults import What, Where
from app.payments.sandbox.ledger import LedgerBusy
from app.payments.sandbox.outbox import Delivery, Secrets
from app.payments.sandbox.till import Till

AGENT = "Cyberticket-Payment-Network/1.0 (+webhooks)"
REORDER_SECONDS_MAX = 2.0
"""How long an overtaken event stays behind when no other one comes to overtake it."""
AFTER_FAULT_SECONDS = 1.0
ANSWER_BYTES_MAX = 65_536

log = logging.getLogger(__name__)


class Courier:
    """Sends what the outbox owes, several at a time, each at most `webhook_seconds` long."""

    def __init__(self, desk: Desk, http: httpx.AsyncClient) -> None:
        self._desk = desk
        self._http = http
        self._on_their_way: dict[int, asyncio.Task[None]] = {}
        self._one_turn = asyncio.Lock()
        self._secrets = Secrets(secret.get_secret_value() for secret in desk.settings.webhook_secrets)

    async def work(self) -> None:
        """Until cancelled."""
        try:
            await _keep(self._desk, self.turn)
        finally:
            for task in self._on_their_way.values():
                task.cancel()
            await asyncio.gather(*self._on_their_way.values(), return_exceptions=True)

    async def settle(self) -> None:
        """Start what is due now, and wait until it has come to something."""
        await self.turn()
        while self._on_their_way:
            await asyncio.wait(self._on_their_way.values())
            await self.turn()

    async def turn(self) -> float | None:
        """Start what is due; the seconds until there is more to start, None for not before the bell."""
        await self._desk.weather.calm()
        async with self._one_turn:  # or the same delivery would be found twice
            return await self._turn()

    async def _turn(self) -> float | None:
        room = self._desk.settings.webhook_connections_max - len(self._on_their_way)
        if room <= 0:
            return None
        away = list(self._on_their_way)
        found = await self._desk.job(
            lambda till: outbox.due(till, on_their_way=away, limit=room, configured=self._secrets)
        )
        for delivery in found:
            await self._start(delivery)
        away = list(self._on_their_way)
        return await self._desk.job(lambda till: outbox.next_due_seconds(till, on_their_way=away))

    async def _start(self, delivery: Delivery) -> None:
        """Scripts are met one after the other, in the order of the events; only the carrying is side by side."""
        fault = None
        if delivery.fresh:
            fault = await self._desk.weather.meet(Where.WEBHOOK, event_type=delivery.event_type)
        if fault is not None and fault.what is What.LOSE:
            await self._desk.job(lambda till: outbox.done(till, delivery))
        elif fault is not None and fault.what in {What.REORDER, What.DELAY}:
            held = fault.what is What.REORDER
            seconds = fault.milliseconds / 1_000 or REORDER_SECONDS_MAX
            await self._desk.job(lambda till: outbox.put_off(till, delivery, seconds=seconds, held=held))
        else:
            times = 2 if fault is not None else 1
            self._on_their_way[delivery.seq] = asyncio.create_task(self._carry(delivery, times=times))

    async def _carry(self, delivery: Delivery, *, times: int) -> None:
        """Send it so many times, and write down what came of it."""
        try:
            why = await self._tell(delivery, times=times)
            await self._desk.job(
                lambda till: outbox.done(till, delivery) if why is None else self._failed(till, delivery, why)
            )
        except Exception:
            log.exception("what became of a webhook could not be written down; it is sent again")
            await asyncio.sleep(AFTER_FAULT_SECONDS)
        finally:
            del self._on_their_way[delivery.seq]
            self._desk.bell.ring()

    async def _tell(self, delivery: Delivery, *, times: int) -> str | None:
        """None when the endpoint has it, else why not; a fault of ours is tried again as late as one of theirs."""
        why = None
        try:
            for _ in range(times):
                why = await self._send(delivery)
        except Exception:
            log.exception("a webhook could not be sent")
            return "this network failed"
        return why

    async def _send(self, delivery: Delivery) -> str | None:
        """None when the endpoint has said 2xx in time, else why not."""
        at = int(self._desk.clock.now().timestamp())
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": AGENT,
            "Stripe-Signature": outbox.sign(delivery.body, secrets=delivery.secrets, at=at),
        }
        try:
            async with (
                asyncio.timeout(self._desk.settings.webhook_seconds),
                self._http.stream("POST", delivery.url, content=delivery.body, headers=headers) as response,
            ):
                await _hear_out(response)
                return None if response.is_success else f"it answered {response.status_code}"
        except TimeoutError:
            return f"no answer within {self._desk.settings.webhook_seconds:g} s"
        except httpx.HTTPError as fault:
            return type(fault).__name__

    def _failed(self, till: Till, delivery: Delivery, why: str) -> None:
        if outbox.failed(
            till, delivery, why=why, scale=self._desk.settings.webhook_first_wait_seconds / outbox.WAITS_SECONDS[0]
        ):
            log.warning("webhook %s to %s was given up: %s", delivery.event_type, delivery.url, why)


async def _hear_out(response: httpx.Response) -> None:
    """Read what was answered and forget it: a connection that was read to its end serves again."""
    heard = 0
    async for chunk in response.aiter_bytes():
        heard += len(chunk)
        if heard > ANSWER_BYTES_MAX:
            return


async def do_later(desk: Desk) -> None:
    """Settle refunds, open and decide disputes when their time has come, until cancelled."""
    await _keep(desk, lambda: desk.job(later.do_due))


async def _keep(desk: Desk, turn: Callable[[], Awaitable[float | None]]) -> None:
    """Turn by turn: whenever the bell rings, and when the turn before said so."""
    with desk.bell.heard() as heard:
        while True:
            try:
                seconds = await turn()
            except LedgerBusy:
                seconds = AFTER_FAULT_SECONDS
            except Exception:
                log.exception("the network's own work failed; it goes on in a moment")
                seconds = AFTER_FAULT_SECONDS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):  # wait_for would swallow a cancellation at the stroke of the bell
                    await heard.wait()
            heard.clear()
