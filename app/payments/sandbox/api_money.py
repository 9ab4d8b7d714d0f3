"""Money that goes back, over the API: refunds, disputes, and every movement of the balance."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from app.payments.sandbox import balance, disputes, movements, refunds
from app.payments.sandbox.api import TheDesk
from app.payments.sandbox.errors import ApiError
from app.payments.sandbox.faults import Where
from app.payments.sandbox.openapi import AFTER, LIMIT, METADATA, SINCE, Field, call
from app.payments.sandbox.paging import read_page
from app.payments.sandbox.params import Params, read_form, read_query
from app.payments.sandbox.states import DisputeEvent

EVIDENCE_CHARACTERS_MAX = 20_000
GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
OF_INTENT = Field("payment_intent", "Only of this payment.", "pi_1")

router = APIRouter()


@router.post(
    "/v1/refunds",
    **call(
        "Give money back",
        answers="refund",
        tag="refunds",
        form=(
            Field("payment_intent", "The payment; or `charge`.", "pi_1"),
            Field("charge", "The charge; or `payment_intent`.", "ch_1"),
            Field("amount", "Minor units; all that is left where it is missing.", "5000", kind="integer"),
            Field("reason", "Why.", "requested_by_customer", choices=refunds.REASONS),
            METADATA,
        ),
        errors=GONE,
    ),
)
async def create_refund(request: Request, desk: TheDesk) -> Response:
    """Never more than was taken. With some cards it is `pending` at first, or fails later."""
    scope = desk.caller(request)
    params = await read_form(request)
    asked = refunds.read_create(params)
    return await desk.write(
        *(request, scope, params, lambda till: refunds.create(till, asked)),
        at=Where.REFUND,
        intent=asked.payment_intent,
    )


@router.get(
    "/v1/refunds", **call("List refunds", answers="list", tag="refunds", query=(LIMIT, AFTER, SINCE, OF_INTENT))
)
async def list_refunds(request: Request, desk: TheDesk) -> Response:
    """The newest first."""
    desk.caller(request)
    params = read_query(request)
    asked = read_page(params, by_time=True)
    intent = params.optional("payment_intent")
    params.done()
    return await desk.read(request, lambda till: refunds.page(till, asked, payment_intent=intent))


@router.get("/v1/refunds/{refund_id}", **call("Look a refund up", answers="refund", tag="refunds", errors=GONE))
async def retrieve_refund(request: Request, desk: TheDesk, refund_id: str) -> Response:
    """As it stands now."""
    desk.caller(request)
    read_query(request).done()
    return await desk.read(request, lambda till: refunds.retrieve(till, refund_id))


@router.get(
    "/v1/disputes",
    **call(
        "List disputes",
        answers="list",
        tag="disputes",
        query=(LIMIT, AFTER, SINCE, OF_INTENT, Field("charge", "Only of this charge.", "ch_1")),
    ),
)
async def list_disputes(request: Request, desk: TheDesk) -> Response:
    """The newest first."""
    desk.caller(request)
    params = read_query(request)
    asked = read_page(params, by_time=True)
    intent, charge = params.optional("payment_intent"), params.optional("charge")
    params.done()
    return await desk.read(request, lambda till: disputes.page(till, asked, payment_intent=intent, charge=charge))


@router.get("/v1/disputes/{dispute_id}", **call("Look a dispute up", answers="dispute", tag="disputes", errors=GONE))
async def retrieve_dispute(request: Request, desk: TheDesk, dispute_id: str) -> Response:
    """As it stands now, with the money it moved."""
    desk.caller(request)
    read_query(request).done()
    return await desk.read(request, lambda till: disputes.retrieve(till, dispute_id))


@router.post(
    "/v1/disputes/{dispute_id}",
    **call(
        "Answer a dispute",
        answers="dispute",
        tag="disputes",
        form=(
            *(Field(f"evidence[{name}]", "A text of the shop's.", "shown at gate 3") for name in disputes.EVIDENCE),
            Field("submit", "Hand it to the bank now; true where it is missing.", "true", kind="boolean"),
            METADATA,
        ),
        errors=GONE,
    ),
)
async def update_dispute(request: Request, desk: TheDesk, dispute_id: str) -> Response:
    """Lay evidence beside it, and hand it to the bank: `under_review`, then `won` or `lost`."""
    scope = desk.caller(request)
    params = await read_form(request)
    evidence = read_evidence(params)
    submit = params.boolean("submit") if params.has("submit") else None
    metadata = params.metadata()
    params.done()
    return await desk.write(
        *(request, scope, params),
        lambda till: disputes.update(till, dispute_id, evidence=evidence, metadata=metadata, submit=submit),
    )


@router.post(
    "/v1/disputes/{dispute_id}/close", **call("Give a dispute up", answers="dispute", tag="disputes", errors=GONE)
)
async def close_dispute(request: Request, desk: TheDesk, dispute_id: str) -> Response:
    """The shop has nothing to say: `lost`."""
    scope = desk.caller(request)
    params = await read_form(request)
    params.done()
    return await desk.write(request, scope, params, lambda till: disputes.decide(till, dispute_id, DisputeEvent.LOST))


@router.get(
    "/v1/balance_transactions",
    **call(
        "List the movements of money",
        answers="list",
        tag="balance",
        query=(
            *(LIMIT, AFTER, SINCE),
            Field("type", "Only of this kind.", "charge", choices=[kind.value for kind in balance.Kind]),
            Field("source", "Only of this charge, refund or dispute.", "ch_1"),
            Field("expand[]", "The source itself in the place of its id.", "data.source", choices=("data.source",)),
        ),
    ),
)
async def list_balance_transactions(request: Request, desk: TheDesk) -> Response:
    """The newest first: what a daily reconciliation adds up."""
    desk.caller(request)
    params = read_query(request)
    asked = read_page(params, by_time=True)
    kind = params.choice("type", tuple(balance.Kind)) if params.has("type") else None
    source = params.optional("source")
    whole = "data.source" in params.listed("expand")
    params.done()
    return await desk.read(request, lambda till: movements.page(till, asked, kind=kind, source=source, expand=whole))


@router.get(
    "/v1/balance_transactions/{transaction_id}",
    **call("Look a movement up", answers="balance_transaction", tag="balance", errors=GONE),
)
async def retrieve_balance_transaction(request: Request, desk: TheDesk, transaction_id: str) -> Response:
    """What moved, why, and what the network kept."""
    desk.caller(request)
    params = read_query(request)
    whole = "source" in params.listed("expand")
    params.done()
    return await desk.read(request, lambda till: movements.retrieve(till, transaction_id, expand=whole))


def read_evidence(params: Params) -> dict[str, str]:
    """Raises ApiError 400 for a field that the bank does not know."""
    found = params.group("evidence", characters_max=EVIDENCE_CHARACTERS_MAX)
    for name in found:
        if name not in disputes.EVIDENCE:
            shown = f"evidence[{name[:80]}]"
            raise ApiError(f"Received unknown parameter: {shown}.", code="parameter_unknown", param=shown)
    return found
