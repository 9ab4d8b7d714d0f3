"""The network's API, Stripe's paths: read the parameters, then one operation, then its answer."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from app.payments.sandbox import intents, methods, refunds
from app.payments.sandbox.desk import Desk, respond
from app.payments.sandbox.params import Params, read_form, read_query

router = APIRouter()


async def the_desk(request: Request) -> Desk:
    """Async only so that FastAPI does not fetch it from a thread, which would cost more than the request itself."""
    desk: Desk = request.app.state.desk
    return desk


TheDesk = Annotated[Desk, Depends(the_desk)]


def _page(params: Params) -> tuple[int, str | None]:
    limit = params.optional_integer("limit", minimum=1, maximum=intents.PAGE_MAX) or intents.PAGE_DEFAULT
    return limit, params.optional("starting_after")


@router.post("/v1/payment_methods")
async def create_payment_method(request: Request, desk: TheDesk) -> Response:
    scope = desk.caller(request, publishable=True)
    params = await read_form(request)
    typed = methods.read_card(params)
    return await desk.write(request, scope, params, lambda till: methods.create(till, typed))


@router.post("/v1/payment_intents")
async def create_payment_intent(request: Request, desk: TheDesk) -> Response:
    scope = desk.caller(request)
    params = await read_form(request)
    asked = intents.read_create(params)
    return await desk.write(request, scope, params, lambda till: intents.create(till, asked))


@router.get("/v1/payment_intents")
async def list_payment_intents(request: Request, desk: TheDesk) -> Response:
    desk.caller(request)
    params = read_query(request)
    limit, after = _page(params)
    params.done()
    return respond(await desk.run(lambda till: intents.page(till, limit=limit, starting_after=after)))


@router.get("/v1/payment_intents/{intent_id}")
async def retrieve_payment_intent(request: Request, desk: TheDesk, intent_id: str) -> Response:
    desk.caller(request)
    read_query(request).done()
    return respond(await desk.run(lambda till: intents.retrieve(till, intent_id)))


@router.post("/v1/payment_intents/{intent_id}/confirm")
async def confirm_payment_intent(request: Request, desk: TheDesk, intent_id: str) -> Response:
    scope = desk.caller(request)
    params = await read_form(request)
    method = params.optional("payment_method")
    params.done()
    return await desk.write(request, scope, params, lambda till: intents.confirm(till, intent_id, method))


@router.post("/v1/payment_intents/{intent_id}/capture")
async def capture_payment_intent(request: Request, desk: TheDesk, intent_id: str) -> Response:
    scope = desk.caller(request)
    params = await read_form(request)
    amount = params.optional_integer("amount_to_capture", minimum=1, maximum=intents.AMOUNT_MAX)
    params.done()
    return await desk.write(request, scope, params, lambda till: intents.capture(till, intent_id, amount))


@router.post("/v1/payment_intents/{intent_id}/cancel")
async def cancel_payment_intent(request: Request, desk: TheDesk, intent_id: str) -> Response:
    scope = desk.caller(request)
    params = await read_form(request)
    reason = params.optional("cancellation_reason", characters_max=64)
    params.done()
    return await desk.write(request, scope, params, lambda till: intents.cancel(till, intent_id, reason))


@router.post("/v1/refunds")
async def create_refund(request: Request, desk: TheDesk) -> Response:
    scope = desk.caller(request)
    params = await read_form(request)
    asked = refunds.read_create(params)
    return await desk.write(request, scope, params, lambda till: refunds.create(till, asked))


@router.get("/v1/refunds")
async def list_refunds(request: Request, desk: TheDesk) -> Response:
    desk.caller(request)
    params = read_query(request)
    limit, after = _page(params)
    intent = params.optional("payment_intent")
    params.done()
    return respond(
        await desk.run(lambda till: refunds.page(till, limit=limit, starting_after=after, payment_intent=intent))
    )


@router.get("/v1/refunds/{refund_id}")
async def retrieve_refund(request: Request, desk: TheDesk, refund_id: str) -> Response:
    desk.caller(request)
    read_query(request).done()
    return respond(await desk.run(lambda till: refunds.retrieve(till, refund_id)))
