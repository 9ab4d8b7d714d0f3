"""Bad days to order: faults, disputes, refunds that fail, secrets that are rolled. Only with the secret key.

These calls are this network's own. They meet no fault, so that whoever made the weather can end it.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from app.payments.sandbox import disputes, endpoints, objects, refunds
from app.payments.sandbox.api import TheDesk
from app.payments.sandbox.desk import Desk
from app.payments.sandbox.errors import Answer, ApiError, Json
from app.payments.sandbox.events import TYPES
from app.payments.sandbox.faults import AT_REQUESTS, AT_WEBHOOKS, Fault, What, Where
from app.payments.sandbox.intents import AMOUNT_MAX
from app.payments.sandbox.openapi import Field, call
from app.payments.sandbox.params import Params, read_form, read_query
from app.payments.sandbox.replies import respond
from app.payments.sandbox.states import DisputeEvent
from app.payments.sandbox.weather import FAULTS_MAX

TIMES_MAX = 1_000_000
MILLISECONDS_MAX = 24 * 60 * 60 * 1_000
OVERLAP_SECONDS_MAX = 24 * 60 * 60
SEED_MAX = 2**31
GONE = (HTTPStatus.NOT_FOUND,)

router = APIRouter(prefix="/admin")


@router.post(
    "/faults",
    **call(
        "Script a fault",
        answers="fault",
        tag="admin",
        form=(
            Field("operation", "Which requests meet it.", "confirm", required=True, choices=tuple(Where)),
            Field("what", "What happens to them.", "drop_after", required=True, choices=tuple(What)),
            Field("times", "How many meet it; 1 where it is missing.", "2", kind="integer"),
            Field("seconds", "How long, for hang and delay; or `milliseconds`.", "1", kind="integer"),
            Field("milliseconds", "The same, finer.", "20", kind="integer"),
            Field("percent", "The chance of each to meet it; 100 where it is missing.", "50", kind="integer"),
            Field("seed", "The same seed makes the same history.", "7", kind="integer"),
            Field("payment_intent", "Only requests about this payment.", "pi_1"),
            Field("event", "Only webhooks of this type.", "refund.failed", choices=TYPES),
        ),
    ),
)
async def create_fault(request: Request, desk: TheDesk) -> Response:
    """The next requests or webhooks that it fits meet it; several scripts are met in their order."""
    desk.caller(request)
    params = await read_form(request)
    fault = read_fault(params, desk)
    if desk.weather.full:
        raise ApiError(f"There are {FAULTS_MAX} scripts already. End them first: DELETE /admin/faults.")
    await desk.weather.add(fault)
    return respond(Answer(HTTPStatus.OK, shown(fault)))


@router.get("/faults", **call("List the scripts in force", answers="list", tag="admin"))
async def list_faults(request: Request, desk: TheDesk) -> Response:
    """The oldest first; one that has run out is not there any more."""
    desk.caller(request)
    read_query(request).done()
    return _faults(desk)


@router.delete("/faults", **call("End all scripts", answers="list", tag="admin"))
async def delete_faults(request: Request, desk: TheDesk) -> Response:
    """Whoever hangs goes on."""
    desk.caller(request)
    read_query(request).done()
    await desk.weather.clear()
    return _faults(desk)


@router.post(
    "/disputes",
    **call(
        "Dispute a payment",
        answers="dispute",
        tag="admin",
        form=(
            Field("payment_intent", "A payment whose money was taken.", "pi_1", required=True),
            Field(
                "reason", "What the holder says; fraudulent where it is missing.", "duplicate", choices=disputes.REASONS
            ),
            Field("amount", "Minor units; all that is left where it is missing.", "5000", kind="integer"),
            Field("inquiry", "The bank only asks, and takes no money.", "false", kind="boolean"),
        ),
        errors=GONE,
    ),
)
async def create_dispute(request: Request, desk: TheDesk) -> Response:
    """As the holder of the card would at the bank."""
    scope = desk.caller(request)
    params = await read_form(request)
    intent = params.required("payment_intent")
    reason = params.choice("reason", disputes.REASONS, default="fraudulent")
    amount = params.optional_integer("amount", minimum=1, maximum=AMOUNT_MAX)
    inquiry = params.boolean("inquiry")
    params.done()
    return await desk.write_unharmed(
        *(request, scope, params),
        lambda till: disputes.create(till, intent, reason=reason, amount=amount, inquiry=inquiry),
    )


@router.post(
    "/disputes/{dispute_id}",
    **call(
        "Decide a dispute",
        answers="dispute",
        tag="admin",
        form=(Field("outcome", "What the bank says.", "won", required=True, choices=("won", "lost", "escalated")),),
        errors=GONE,
    ),
)
async def decide_dispute(request: Request, desk: TheDesk, dispute_id: str) -> Response:
    """An inquiry is closed by either outcome, or escalated to a dispute that takes the money."""
    scope = desk.caller(request)
    params = await read_form(request)
    outcome = DisputeEvent(params.choice("outcome", ("won", "lost", "escalated")))
    params.done()
    return await desk.write_unharmed(request, scope, params, lambda till: disputes.decide(till, dispute_id, outcome))


@router.post(
    "/refunds/{refund_id}",
    **call(
        "Settle or fail a refund",
        answers="refund",
        tag="admin",
        form=(
            Field("outcome", "What the holder's bank does.", "failed", required=True, choices=("succeeded", "failed")),
        ),
        errors=GONE,
    ),
)
async def decide_refund(request: Request, desk: TheDesk, refund_id: str) -> Response:
    """A refund may fail after it has succeeded; a failed one stays so."""
    scope = desk.caller(request)
    params = await read_form(request)
    failed = params.choice("outcome", ("succeeded", "failed")) == "failed"
    params.done()
    return await desk.write_unharmed(
        request, scope, params, lambda till: refunds.decide(till, refund_id, failed=failed)
    )


@router.post(
    "/webhook_endpoints/{endpoint_id}/roll",
    **call(
        "Roll a signing secret",
        answers="webhook_endpoint",
        tag="admin",
        form=(Field("overlap_seconds", "How long the old one signs too; an hour.", "60", kind="integer"),),
        errors=GONE,
    ),
)
async def roll_secret(request: Request, desk: TheDesk, endpoint_id: str) -> Response:
    """The answer holds the new secret, told this once."""
    scope = desk.caller(request)
    params = await read_form(request)
    overlap = params.optional_integer("overlap_seconds", minimum=0, maximum=OVERLAP_SECONDS_MAX)
    params.done()
    seconds = 3_600 if overlap is None else overlap
    return await desk.write_unharmed(
        request, scope, params, lambda till: endpoints.roll(till, endpoint_id, overlap_seconds=seconds)
    )


def read_fault(params: Params, desk: Desk) -> Fault:
    """Raises ApiError 400."""
    at = Where(params.choice("operation", tuple(Where)))
    what = What(params.choice("what", tuple(What)))
    seconds = params.optional_integer("seconds", minimum=0, maximum=MILLISECONDS_MAX // 1_000)
    milliseconds = params.optional_integer("milliseconds", minimum=0, maximum=MILLISECONDS_MAX)
    fault = Fault(
        id=f"flt_{desk.chance.bytes(9).hex()}",
        at=at,
        what=what,
        times=params.optional_integer("times", minimum=1, maximum=TIMES_MAX) or 1,
        milliseconds=milliseconds or (seconds or 0) * 1_000,
        percent=params.optional_integer("percent", minimum=1, maximum=100) or 100,
        seed=params.optional_integer("seed", minimum=0, maximum=SEED_MAX) or 0,
        intent=params.optional("payment_intent"),
        event_type=params.choice("event", TYPES) if params.has("event") else None,
    )
    params.done()
    allowed = {Where.WEBHOOK: AT_WEBHOOKS, Where.NETWORK: {What.HANG}}.get(at, AT_REQUESTS)
    if what not in allowed:
        raise ApiError(f"{what} cannot happen at {at}; there it is one of {', '.join(sorted(allowed))}.", param="what")
    if what is What.HANG and not fault.milliseconds:
        raise ApiError("Say how long: seconds or milliseconds.", code="parameter_missing", param="seconds")
    if at is Where.NETWORK:
        return replace(fault, until=desk.clock.now().timestamp() + fault.milliseconds / 1_000)
    return fault


def _faults(desk: Desk) -> Response:
    data = [shown(fault) for fault in desk.weather.standing()]
    return respond(Answer(HTTPStatus.OK, objects.page(data, url="/admin/faults", has_more=False)))


def shown(fault: Fault) -> Json:
    return {
        "id": fault.id,
        "object": "fault",
        "operation": fault.at.value,
        "what": fault.what.value,
        "times": fault.times,
        "met": fault.met,
        "milliseconds": fault.milliseconds,
        "percent": fault.percent,
        "seed": fault.seed,
        "payment_intent": fault.intent,
        "event": fault.event_type,
    }
