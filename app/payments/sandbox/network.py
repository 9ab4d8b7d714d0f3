"""The network as one ASGI application: API, pages, health, a database open while it lives, and its own work beside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus

import httpx
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from app.outward import Outward, Plain
from app.payments.sandbox import (
    admin,
    api,
    api_money,
    api_news,
    card_page,
    challenge_page,
    endpoints,
    methods,
    pages,
)
from app.payments.sandbox.cards import well_known
from app.payments.sandbox.courier import Courier, do_later
from app.payments.sandbox.desk import Desk
from app.payments.sandbox.errors import Answer, ApiError, error_body
from app.payments.sandbox.headers import NetworkHeaders
from app.payments.sandbox.ledger import Ledger, LedgerBusy
from app.payments.sandbox.openapi import document
from app.payments.sandbox.replies import respond
from app.payments.sandbox.settings import NetworkSettings
from app.payments.sandbox.till import Chance, Till
from app.payments.sandbox.weather import Hanging, Weather
from app.payments.sandbox.wiring import SystemChance, SystemClock
from app.ports import Clock

DATABASE_FILE = "network.sqlite3"


def create_network(
    settings: NetworkSettings,
    *,
    clock: Clock | None = None,
    chance: Chance | None = None,
    webhooks: httpx.AsyncBaseTransport | None = None,
) -> FastAPI:
    """The application. Its database opens with the lifespan; `webhooks` carries what it posts, by default sockets.

    Where nobody runs the lifespan (`httpx.ASGITransport`), enter `app.router.lifespan_context(app)`.
    """
    chance = chance or SystemChance()
    clock = clock or SystemClock()
    ledger = Ledger(settings.data_dir / DATABASE_FILE, jobs_waiting_max=settings.jobs_waiting_max)
    desk = Desk(settings, ledger, clock, chance, Weather(ledger, clock))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await ledger.open()
        try:
            await desk.run(lambda till: _begin(till, settings))
            await desk.weather.load()
            carrying = webhooks or Outward(connections_max=settings.webhook_connections_max)
            async with Plain(carrying) as http, _at_work(app, desk, http):
                yield
        finally:
            await ledger.close()

    app = FastAPI(title="Sandbox payment network", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.desk = desk
    app.openapi = partial(document, app)  # type: ignore[method-assign]  # FastAPI's own way to replace it
    _answer(app)
    app.add_middleware(Hanging, weather=desk.weather)
    app.add_middleware(NetworkHeaders, chance=chance)
    return app


def _answer(app: FastAPI) -> None:
    """The calls and the pages, and what is said when neither can be answered."""
    for module in (api, api_money, api_news, admin, pages, card_page, challenge_page):
        app.include_router(module.router)
    app.add_api_route("/healthz", health, methods=["GET"], include_in_schema=False)
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(LedgerBusy, _busy)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _bug)


def _begin(till: Till, settings: NetworkSettings) -> Answer:
    """The well-known cards and the endpoints of the settings are there before anyone asks."""
    for token, card in well_known(till.now, secret=till.secret).items():
        methods.keep(till, token, card)
    endpoints.configure(till, settings.webhook_urls, settings.webhook_events)
    return Answer(HTTPStatus.OK, {})


@asynccontextmanager
async def _at_work(app: FastAPI, desk: Desk, http: httpx.AsyncClient) -> AsyncIterator[None]:
    app.state.courier = Courier(desk, http)
    tasks = [asyncio.create_task(app.state.courier.work()), asyncio.create_task(do_later(desk))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def health(request: Request) -> Response:
    """200 when a transaction can be written and read; a broken disk is a 500, an overrun network a 429."""
    desk: Desk = request.app.state.desk
    return respond(await desk.run(lambda _: Answer(HTTPStatus.OK, {"status": "ok"})))


async def _api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return respond(error.answer)


async def _busy(_: Request, __: Exception) -> Response:
    message = "Too many requests at once. Nothing was done; try again in a moment."
    body = error_body(message, kind="invalid_request_error", code="rate_limit")
    return respond(Answer(HTTPStatus.TOO_MANY_REQUESTS, body))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"Unrecognized request URL ({request.method}: {request.url.path[:80]}). Check the path and the method."
    return respond(Answer(error.status_code, error_body(message, kind="invalid_request_error")))


async def _bug(_: Request, __: Exception) -> Response:
    message = "The network failed on this request. Look the payment up before trying again."
    return respond(Answer(HTTPStatus.INTERNAL_SERVER_ERROR, error_body(message, kind="api_error")))
