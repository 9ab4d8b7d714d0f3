"""What happened, over the API: events, and the endpoints that are told of them."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from app.payments.sandbox import endpoints, events
from app.payments.sandbox.api import TheDesk
from app.payments.sandbox.openapi import AFTER, LIMIT, METADATA, SINCE, Field, call
from app.payments.sandbox.paging import read_page
from app.payments.sandbox.params import read_form, read_query
from app.payments.sandbox.version import API_VERSION

GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)

router = APIRouter()


@router.get(
    "/v1/events",
    **call(
        "List events",
        answers="list",
        tag="events",
        query=(LIMIT, AFTER, SINCE, Field("type", "Only of this type.", "refund.failed", choices=events.TYPES)),
    ),
)
async def list_events(request: Request, desk: TheDesk) -> Response:
    """The newest first; kept for thirty days."""
    desk.caller(request)
    params = read_query(request)
    asked = read_page(params, by_time=True)
    kind = params.choice("type", events.TYPES) if params.has("type") else None
    params.done()
    return await desk.read(request, lambda till: events.page(till, asked, kind=kind))


@router.get("/v1/events/{event_id}", **call("Look an event up", answers="event", tag="events", errors=GONE))
async def retrieve_event(request: Request, desk: TheDesk, event_id: str) -> Response:
    """With how many endpoints have not acknowledged it."""
    desk.caller(request)
    read_query(request).done()
    return await desk.read(request, lambda till: events.retrieve(till, event_id))


@router.post(
    "/v1/webhook_endpoints",
    **call(
        "Hear of events",
        answers="webhook_endpoint",
        tag="webhooks",
        form=(
            Field("url", "Where they are posted to.", "https://shop.example/hooks", required=True),
            Field("enabled_events[]", "Each type wanted, or * for all.", "*", required=True),
            Field("description", "For whoever reads it.", "the shop"),
            Field("api_version", "The only one there is.", API_VERSION, choices=(API_VERSION,)),
            METADATA,
        ),
    ),
)
async def create_webhook_endpoint(request: Request, desk: TheDesk) -> Response:
    """The answer holds the signing secret, told this once."""
    scope = desk.caller(request)
    params = await read_form(request)
    asked = endpoints.read_create(params)
    return await desk.write(request, scope, params, lambda till: endpoints.create(till, asked))


@router.get("/v1/webhook_endpoints", **call("List endpoints", answers="list", tag="webhooks", query=(LIMIT, AFTER)))
async def list_webhook_endpoints(request: Request, desk: TheDesk) -> Response:
    """The newest first, those of the settings too."""
    desk.caller(request)
    params = read_query(request)
    asked = read_page(params)
    params.done()
    return await desk.read(request, lambda till: endpoints.page(till, asked))


@router.get(
    "/v1/webhook_endpoints/{endpoint_id}",
    **call("Look an endpoint up", answers="webhook_endpoint", tag="webhooks", errors=GONE),
)
async def retrieve_webhook_endpoint(request: Request, desk: TheDesk, endpoint_id: str) -> Response:
    """Without its secret."""
    desk.caller(request)
    read_query(request).done()
    return await desk.read(request, lambda till: endpoints.retrieve(till, endpoint_id))


@router.delete(
    "/v1/webhook_endpoints/{endpoint_id}",
    **call("Hear no more", answers="deleted", tag="webhooks", errors=GONE),
)
async def delete_webhook_endpoint(request: Request, desk: TheDesk, endpoint_id: str) -> Response:
    """Not even what was on its way."""
    scope = desk.caller(request)
    params = read_query(request)
    params.done()
    return await desk.write(request, scope, params, lambda till: endpoints.delete(till, endpoint_id))
