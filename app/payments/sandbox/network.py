"""The network as one ASGI application: API, card page, health, and a database open while it lives."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from app.payments.sandbox import api, card_page, methods
from app.payments.sandbox.cards import well_known
from app.payments.sandbox.desk import Desk, respond
from app.payments.sandbox.errors import Answer, ApiError, error_body
from app.payments.sandbox.headers import NetworkHeaders
from app.payments.sandbox.ledger import Ledger
from app.payments.sandbox.settings import NetworkSettings
from app.payments.sandbox.till import Chance, Till
from app.payments.sandbox.wiring import SystemChance, SystemClock
from app.ports import Clock

DATABASE_FILE = "network.sqlite3"


def create_network(settings: NetworkSettings, *, clock: Clock | None = None, chance: Chance | None = None) -> FastAPI:
    """The application. Its database opens with the lifespan.

    Where nobody runs the lifespan (`httpx.ASGITransport`), enter `app.router.lifespan_context(app)`.
    """
    chance = chance or SystemChance()
    ledger = Ledger(settings.data_dir / DATABASE_FILE, jobs_waiting_max=settings.jobs_waiting_max)
    desk = Desk(settings, ledger, clock or SystemClock(), chance)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await ledger.open()
        try:
            await desk.run(_keep_well_known)
            yield
        finally:
            await ledger.close()

    app = FastAPI(title="Sandbox payment network", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.desk = desk
    app.include_router(api.router)
    app.include_router(card_page.router)
    app.add_api_route("/healthz", health, methods=["GET"])
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _bug)
    app.add_middleware(NetworkHeaders, chance=chance)
    return app


def _keep_well_known(till: Till) -> Answer:
    for token, card in well_known(till.now, secret=till.secret).items():
        methods.keep(till, token, card)
    return Answer(HTTPStatus.OK, {})


async def health(request: Request) -> Response:
    """200 when a transaction can be written and read; a broken disk is a 500, an overrun network a 429."""
    desk: Desk = request.app.state.desk
    return respond(await desk.run(lambda _: Answer(HTTPStatus.OK, {"status": "ok"})))


async def _api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return respond(error.answer)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"Unrecognized request URL ({request.method}: {request.url.path[:80]}). Check the path and the method."
    return respond(Answer(error.status_code, error_body(message, kind="invalid_request_error")))


async def _bug(_: Request, __: Exception) -> Response:
    message = "The network failed on this request. Look the payment up before trying again."
    return respond(Answer(HTTPStatus.INTERNAL_SERVER_ERROR, error_body(message, kind="api_error")))
