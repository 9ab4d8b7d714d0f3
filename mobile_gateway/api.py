"""The network's HTTP face: accounts send messages and ask after them; phones are looked at, switched and pressed."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Depends, FastAPI, Header, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.responses import Response

from mobile_gateway.callbacks import Callback
from mobile_gateway.carrier import Carrier, KeyReused, QueueFull, Taken
from mobile_gateway.edge import Edge
from mobile_gateway.handset import find_ticket
from mobile_gateway.messages import Submission, SubscriberState
from mobile_gateway.network import Clock, Handset, Network
from mobile_gateway.pages import pages
from mobile_gateway.problems import Problem, Refused, problem_response
from mobile_gateway.schemas import (
    E164_PATTERN,
    HandsetOut,
    HandsetsOut,
    HealthOut,
    KeyIn,
    MessageOut,
    SubmitIn,
    SubmittedOut,
    SubscriberIn,
    SubscriberOut,
)
from mobile_gateway.settings import GatewaySettings
from mobile_gateway.store import Store, StoreFailed
from mobile_gateway.wire import gsm

HANDSETS_PER_PAGE_MAX = 100
CALLBACKS_AT_ONCE_MAX = 20
HEARTBEAT_SECONDS = 15.0
RETRY_AFTER_SECONDS = "1"


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_message_id(now: datetime) -> str:
    """A new name, in order of time: still one of its kind where a client upper-cases it or strips leading zeros."""
    return f"m{int(now.timestamp() * 1000):012x}{secrets.token_hex(10)}"


def create_app(
    settings: GatewaySettings,
    *,
    now: Clock = utc_now,
    new_id: Callable[[datetime], str] = new_message_id,
    callback_transport: httpx.AsyncBaseTransport | None = None,
) -> FastAPI:
    """The gateway as an ASGI application; its lifespan opens the file and runs the delivery pump.

    Raises StoreUnusable at startup. `callback_transport` stands in for the network in tests.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        store = Store.open(settings.data_dir)
        try:
            async with _callback_client(settings, callback_transport) as client:
                callback = _callback(settings, client)
                network = Network(Carrier(settings.policy()), store, now=now, new_id=new_id, callback=callback)
                app.state.network = network
                async with network.running():
                    yield
        finally:
            await store.close()

    app = FastAPI(title="Cyberticket mobile network", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.settings = settings
    app.include_router(sms)
    app.include_router(phones)
    app.include_router(pages())
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(StoreFailed, _store_failed)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_middleware(Edge)
    return app


def _callback_client(settings: GatewaySettings, transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=transport,
        trust_env=False,  # receipts go where the settings say, not through a proxy of the environment
        timeout=settings.callback_timeout_seconds,
        limits=httpx.Limits(max_connections=CALLBACKS_AT_ONCE_MAX),
    )


def _callback(settings: GatewaySettings, client: httpx.AsyncClient) -> Callback | None:
    if settings.callback_url is None:
        return None
    assert settings.callback_secret is not None, "the settings ask for it"
    return Callback(client, str(settings.callback_url), settings.callback_secret)


# --- who asks ---------------------------------------------------------------------------------------------------------
# Dependencies are coroutines though they await nothing: FastAPI would send each plain one through a thread.


async def the_network(request: Request) -> Network:
    network = request.app.state.network
    assert isinstance(network, Network)
    return network


async def the_settings(request: Request) -> GatewaySettings:
    settings = request.app.state.settings
    assert isinstance(settings, GatewaySettings)
    return settings


TheNetwork = Annotated[Network, Depends(the_network)]
TheSettings = Annotated[GatewaySettings, Depends(the_settings)]
Credentials = Annotated[
    HTTPBasicCredentials | None, Depends(HTTPBasic(auto_error=False, description="SYSTEM_ID:PASSWORD"))
]


async def the_account(credentials: Credentials, settings: TheSettings) -> str:
    """The system id of the account that asks; raises Refused. An unknown id takes as long as a wrong password."""
    if credentials is not None:
        known = settings.accounts.get(credentials.username, SecretStr(""))
        same = hmac.compare_digest(_digest(known.get_secret_value()), _digest(credentials.password))
        if same and credentials.username in settings.accounts:
            return credentials.username
    raise Refused(
        Problem.UNAUTHENTICATED,
        "No account has this system id and password; send HTTP Basic with those of the gateway's settings.",
        headers={"WWW-Authenticate": 'Basic realm="mobile gateway", charset="UTF-8"'},
    )


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


TheAccount = Annotated[str, Depends(the_account)]
TheNumber = Annotated[str, Path(pattern=E164_PATTERN)]
TheKey = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]


# --- messages ---------------------------------------------------------------------------------------------------------

sms = APIRouter(prefix="/sms/messages", tags=["messages"])


@sms.post("", status_code=202)
async def submit(
    body: SubmitIn, key: TheKey, account: TheAccount, network: TheNetwork, settings: TheSettings
) -> SubmittedOut:
    """Take on a message. It is on the disk before this answers; the same key and body again answer the same."""
    try:
        segments = gsm.segment(body.text)
    except gsm.TextRefused as fault:
        errors = [{"pointer": "/text", "detail": str(fault)}]
        raise Refused(Problem.INVALID, str(fault), errors=errors) from None
    submission = Submission(
        account=account,
        key=key,
        to=body.to,
        sender=body.sender or settings.sender,
        text=body.text,
        coding=segments.coding,
        parts=segments.cost,
        receipt_wanted=body.callback,
        validity_seconds=body.validity_seconds or settings.validity_seconds,
    )
    match await network.submit(submission):
        case Taken() as taken:
            return SubmittedOut.of(taken)
        case KeyReused():
            raise Refused(Problem.KEY_REUSED, Problem.KEY_REUSED.value.advice)
        case QueueFull(waiting):
            detail = f"{waiting} messages of this account wait for their handsets; send this one again later."
            raise Refused(Problem.QUEUE_FULL, detail, headers={"Retry-After": RETRY_AFTER_SECONDS})


@sms.get("/{message_id}")
async def message(message_id: str, account: TheAccount, network: TheNetwork) -> MessageOut:
    """Where a message is, and how it got there."""
    found = await network.message(message_id, account=account)
    if found is None:
        raise Refused(Problem.NOT_FOUND, "This account has sent no message of that id; check it.")
    return MessageOut.of(*found)


# --- phones -----------------------------------------------------------------------------------------------------------

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
    if find_ticket(held.text) is None:
        raise Refused(Problem.NO_TICKET, "This message brings no ticket: neither number and PIN nor a ticket's link.")
    if seen.subscriber.state is SubscriberState.OFF:
        raise Refused(Problem.PHONE_OFF, Problem.PHONE_OFF.value.advice)
    await network.keep(number, message_id)
    return HandsetOut.of(await _handset(network, number))


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


# --- saying no --------------------------------------------------------------------------------------------------------


async def _refused(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, Refused)
    return problem_response(fault)


async def _store_failed(_: Request, fault: Exception) -> Response:
    detail = f"The message store does not work now: {fault}."
    return problem_response(Refused(Problem.UNAVAILABLE, detail, headers={"Retry-After": RETRY_AFTER_SECONDS}))


async def _invalid(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, RequestValidationError)
    errors = [{"pointer": _pointer(error), "detail": str(error["msg"])} for error in fault.errors()]
    where = ", ".join(sorted({error["pointer"] or "the body" for error in errors}))
    return problem_response(Refused(Problem.INVALID, f"Correct {where}; see `errors`.", errors=errors))


def _pointer(error: Mapping[str, Any]) -> str:
    """A JSON pointer into the body (RFC 6901); for what is not in the body, its kind and name."""
    kind, *names = ("body",) if error["type"] == "json_invalid" else error["loc"]
    path = "".join("/" + str(name).replace("~", "~0").replace("/", "~1") for name in names)
    return path if kind == "body" else f"{kind}{path}"


async def _http(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, HTTPException)
    known: Mapping[int, Problem] = {problem.value.status: problem for problem in (Problem.NOT_FOUND, Problem.METHOD)}
    problem = known.get(fault.status_code, Problem.INVALID)
    return problem_response(Refused(problem, problem.value.advice, headers=fault.headers))
