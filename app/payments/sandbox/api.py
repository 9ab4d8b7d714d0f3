"""Paying over the API, Stripe's paths: read the parameters, then one operation, then its answer."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from app.payments.sandbox import charges, intents, methods
from app.payments.sandbox.addresses import URL_CHARACTERS_MAX
from app.payments.sandbox.desk import Desk
from app.payments.sandbox.faults import Where
from app.payments.sandbox.openapi import AFTER, LIMIT, METADATA, SINCE, Field, call
from app.payments.sandbox.paging import read_page
from app.payments.sandbox.params import read_form, read_query

router = APIRouter()

TOKEN = Field("payment_method", "The card, pm_….", "pm_card_visa")
RETURN = Field("return_url", "Where the bank sends the buyer back after 3-D Secure.", "https://shop.example/back")
INTENT = (
    Field("amount", "Minor units.", "15000", required=True, kind="integer"),
    Field("currency", "ISO 4217 in lower case.", "krw", required=True),
    Field("capture_method", "Reserve now and take later, or take at once.", "manual", choices=("automatic", "manual")),
    TOKEN,
    Field("confirm", "Charge the card in the same call.", "false", kind="boolean"),
    Field("description", "For whoever reads the payment.", "booking 1"),
    RETURN,
    METADATA,
)
CARD = (
    Field("type", "Only cards.", "card", required=True, choices=("card",)),
    Field("card[number]", "One of the test numbers.", "4242424242424242", required=True),
    Field("card[exp_month]", "1 to 12.", "12", required=True, kind="integer"),
    Field("card[exp_year]", "Two or four digits.", "2030", required=True, kind="integer"),
    Field("card[cvc]", "Three digits.", "123"),
    METADATA,
)


async def the_desk(request: Request) -> Desk:
    """Async only so that FastAPI does not fetch it from a thread, which would cost more than the request itself."""
    desk: Desk = request.app.state.desk
    return desk


TheDesk = Annotated[Desk, Depends(the_desk)]
REFUSED = (HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


@router.post(
    "/v1/payment_methods", **call("Keep a card", answers="payment_method", tag="payments", form=CARD, errors=REFUSED)
)
async def create_payment_method(request: Request, desk: TheDesk) -> Response:
    """A card as it was typed becomes a token; a publishable key is enough."""
    scope = desk.caller(request, publishable=True)
    params = await read_form(request)
    typed = methods.read_card(params)
    return await desk.write(request, scope, params, lambda till: methods.create(till, typed))


@router.post(
    "/v1/payment_intents",
    **call("Begin a payment", answers="payment_intent", tag="payments", form=INTENT, errors=REFUSED),
)
async def create_payment_intent(request: Request, desk: TheDesk) -> Response:
    """Nothing is charged before it is confirmed."""
    scope = desk.caller(request)
    params = await read_form(request)
    asked = intents.read_create(params)
    token = asked.payment_method if asked.confirm else None
    return await desk.write(
        request, scope, params, lambda till: intents.create(till, asked), at=Where.CREATE, token=token
    )


@router.get("/v1/payment_intents", **call("List payments", answers="list", tag="payments", query=(LIMIT, AFTER, SINCE)))
async def list_payment_intents(request: Request, desk: TheDesk) -> Response:
    """The newest first."""
    desk.caller(request)
    params = read_query(request)
    asked = read_page(params, by_time=True)
    params.done()
    return await desk.read(request, lambda till: intents.page(till, asked))


@router.get(
    "/v1/payment_intents/{intent_id}",
    **call("Look a payment up", answers="payment_intent", tag="payments", errors=GONE),
)
async def retrieve_payment_intent(request: Request, desk: TheDesk, intent_id: str) -> Response:
    """What is true now, whatever an answer or a webhook said."""
    desk.caller(request)
    params = read_query(request)
    params.optional("client_secret")
    params.done()
    return await desk.read(request, lambda till: intents.retrieve(till, intent_id), at=Where.RETRIEVE, intent=intent_id)


@router.post(
    "/v1/payment_intents/{intent_id}/confirm",
    **call("Charge the card", answers="payment_intent", tag="payments", form=(TOKEN, RETURN), errors=REFUSED),
)
async def confirm_payment_intent(request: Request, desk: TheDesk, intent_id: str) -> Response:
    """Reserved or taken; or `requires_action`, where the bank asks the holder first."""
    scope = desk.caller(request)
    params = await read_form(request)
    method = params.optional("payment_method")
    return_url = params.optional("return_url", characters_max=URL_CHARACTERS_MAX)
    params.done()
    return await desk.write(
        *(request, scope, params, lambda till: intents.confirm(till, intent_id, method, return_url)),
        at=Where.CONFIRM,
        intent=intent_id,
        token=method,
    )


@router.post(
    "/v1/payment_intents/{intent_id}/capture",
    **call(
        "Take what was reserved",
        answers="payment_intent",
        tag="payments",
        form=(Field("amount_to_capture", "Minor units; all where it is missing.", "15000", kind="integer"),),
        errors=GONE,
    ),
)
async def capture_payment_intent(request: Request, desk: TheDesk, intent_id: str) -> Response:
    """What is not taken is released."""
    scope = desk.caller(request)
    params = await read_form(request)
    amount = params.optional_integer("amount_to_capture", minimum=1, maximum=intents.AMOUNT_MAX)
    params.done()
    return await desk.write(
        *(request, scope, params, lambda till: intents.capture(till, intent_id, amount)),
        at=Where.CAPTURE,
        intent=intent_id,
    )


@router.post(
    "/v1/payment_intents/{intent_id}/cancel",
    **call(
        "Give a payment up",
        answers="payment_intent",
        tag="payments",
        form=(Field("cancellation_reason", "For whoever reads it.", "abandoned"),),
        errors=GONE,
    ),
)
async def cancel_payment_intent(request: Request, desk: TheDesk, intent_id: str) -> Response:
    """What was reserved is released; what was taken needs a refund."""
    scope = desk.caller(request)
    params = await read_form(request)
    reason = params.optional("cancellation_reason", characters_max=64)
    params.done()
    return await desk.write(
        *(request, scope, params, lambda till: intents.cancel(till, intent_id, reason)),
        at=Where.CANCEL,
        intent=intent_id,
    )


@router.get("/v1/charges/{charge_id}", **call("Look a charge up", answers="charge", tag="payments", errors=GONE))
async def retrieve_charge(request: Request, desk: TheDesk, charge_id: str) -> Response:
    """One attempt to charge a card, with what was captured and given back."""
    desk.caller(request)
    read_query(request).done()
    return await desk.read(request, lambda till: charges.retrieve(till, charge_id))
