"""The phones over HTTP: looked at, switched, pressed, written with; and who watches them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from mobile_gateway.api.access import TheNetwork, TheNumber
from mobile_gateway.api.problems import Problem, Refused
from mobile_gateway.api.refusing import RETRY_AFTER_SECONDS
from mobile_gateway.api.schemas import (
    HandsetOut,
    HandsetsOut,
    HealthOut,
    KeyIn,
    OriginatedOut,
    OriginateIn,
    SubscriberIn,
    SubscriberOut,
)
from mobile_gateway.carrier.origin import NoRoute
from mobile_gateway.network import Network
from mobile_gateway.phones import Handset
from mobile_gateway.subscribers import SubscriberState

HANDSETS_PER_PAGE_MAX = 100
HEARTBEAT_SECONDS = 15.0

phones = APIRouter(tags=["phones"])


@phones.get("/subscribers/{number}")
async def subscriber(number: TheNumber, network: TheNetwork) -> SubscriberOut:
    return _subscriber_out(await _handset(network, number))


@phones.put("/subscribers/{number}")
async def put_subscriber(number: TheNumber, body: SubscriberIn, network: TheNetwork) -> SubscriberOut:
    """Make a number, or switch its phone. What waits for it is tried again at once."""
    await network.set_subscriber(number, state=body.state, model=body.model, language=body.language)
    return _subscriber_out(await _handset(network, number))


@phones.get("/handsets")
async def handsets(network: TheNetwork) -> HandsetsOut:
    """The hundred most recently active phones."""
    found = await network.handsets(limit=HANDSETS_PER_PAGE_MAX)
    return HandsetsOut(handsets=[HandsetOut.of(one) for one in found])


@phones.get("/handsets/events", response_class=StreamingResponse)
async def events(network: TheNetwork) -> StreamingResponse:
    """Server-sent events: `hello` at first, then `handset` with `{"number": …}` whenever a phone changed."""
    if network.hub.is_full:
        raise Refused(
            Problem.UNAVAILABLE,
            "Too many pages watch the phones; close one, or reload instead.",
            headers={"Retry-After": RETRY_AFTER_SECONDS},
        )

    async def stream() -> AsyncIterator[str]:
        yield "retry: 2000\nevent: hello\ndata: {}\n\n"
        async for number in network.hub.listen(heartbeat_seconds=HEARTBEAT_SECONDS):
            yield f"event: handset\ndata: {json.dumps({'number': number})}\n\n" if number else ": still here\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream")


@phones.get("/handsets/{number}")
async def handset(number: TheNumber, network: TheNetwork) -> HandsetOut:
    """What the phone holds and shows."""
    return HandsetOut.of(await _handset(network, number))


@phones.post("/handsets/{number}/keys")
async def press(number: TheNumber, body: KeyIn, network: TheNetwork) -> HandsetOut:
    """Press a key. A phone that is off stays as it is."""
    await network.press(number, body.key)
    return HandsetOut.of(await _handset(network, number))


@phones.post("/handsets/{number}/messages/{message_id}/store")
async def store(number: TheNumber, message_id: str, network: TheNetwork) -> HandsetOut:
    """Keep the ticket of one message in the phone's memory: the patent's step 9. Again is harmless."""
    seen = await _handset(network, number)
    held = seen.phone.holds(message_id)
    if held is None:
        raise Refused(Problem.NOT_FOUND, "This phone holds no message of that id; look at its inbox.")
    if not held.is_ticket:
        raise Refused(Problem.NO_TICKET, "This message brings no ticket: neither number and PIN nor a ticket's link.")
    if seen.subscriber.state is SubscriberState.OFF:
        raise Refused(Problem.PHONE_OFF, Problem.PHONE_OFF.value.advice)
    await network.keep(number, message_id)
    return HandsetOut.of(await _handset(network, number))


@phones.post("/handsets/{number}/messages", status_code=202)
async def originate(number: TheNumber, body: OriginateIn, network: TheNetwork) -> OriginatedOut:
    """Send a message from the phone, as its holder would: to a short code, or to another number."""
    seen = await _handset(network, number)
    if seen.subscriber.state is SubscriberState.OFF:
        raise Refused(Problem.PHONE_OFF, Problem.PHONE_OFF.value.advice)
    answer = await network.originate(number, body.to, text=body.text)
    if isinstance(answer, NoRoute):
        raise Refused(Problem.NO_ROUTE, answer.why)
    return OriginatedOut(message_id=answer.message_id)


@phones.get("/healthz", tags=["health"])
async def healthz(network: TheNetwork) -> HealthOut:
    """Whether the file answers."""
    await network.handset("+0")
    return HealthOut(status="ok")


async def _handset(network: Network, number: str) -> Handset:
    found = await network.handset(number)
    if found is None:
        raise Refused(Problem.NOT_FOUND, "This number has never been used; PUT /subscribers/{number} makes it.")
    return found


def _subscriber_out(seen: Handset) -> SubscriberOut:
    one = seen.subscriber
    return SubscriberOut(number=one.number, state=one.state, model=one.model, language=one.language)
