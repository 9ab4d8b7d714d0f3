"""What carriers who sign nothing tell us: push results and Kannel's receipts and messages, at addresses we handed out.

Whoever does not know such an address finds nothing there.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.channels import kannel, wap_push
from app.channels.callbacks import Callbacks
from app.domain.refusals import BadLine, NotFound
from app.flows.delivery import deliver
from app.flows.talk import converse
from app.metrics import RECEIPTS
from app.routers.common import TheWorld
from app.schemas.base import Storable, problems

router = APIRouter(prefix="/carrier", tags=["carrier"])

XML = "application/xml"
NOTIFICATION: dict[str, Any] = {
    "requestBody": {"required": True, "content": {XML: {"schema": {"type": "string"}}}},
}
PUSH_RESULT: dict[int | str, dict[str, Any]] = {200: {"content": {XML: {}}}}
NOBODY = "There is nothing here."


def _callbacks(request: Request) -> Callbacks:
    callbacks: Callbacks = request.app.state.callbacks
    return callbacks


@router.post(
    "/push-results/{token}",
    response_class=Response,
    responses=PUSH_RESULT | problems(404, 422),
    openapi_extra=NOTIFICATION,
)
async def push_results(request: Request, world: TheWorld, token: str) -> Response:
    """What became of a WAP push (PAP `resultnotification-message`). Repeated and unknown ones change nothing."""
    try:
        told = wap_push.result(await request.body())
    except ValueError as fault:
        raise BadLine(str(fault)) from None
    if not _callbacks(request).is_ours(wap_push.PURPOSE, told.push_id, token):
        raise NotFound(NOBODY)
    await _receipt(world, "wap_push", told.push_id, told.state)
    return Response(wap_push.acknowledgement(told), media_type=XML)


@router.get("/dlr/{token}", status_code=204, responses=problems(404))
async def kannel_receipts(
    request: Request,
    world: TheWorld,
    token: str,
    kind: Annotated[int, Query(alias="type", ge=0, le=31, description="Kannel's dlr type, `%d`.")],
) -> None:
    """A receipt as Kannel gives it: the address of a message's `dlr-url`, its type filled in."""
    message_id = kannel.message_id_of(_callbacks(request), token)
    if message_id is None:
        raise NotFound(NOBODY)
    await _receipt(world, "sms_http", message_id, kannel.STATES.get(kind))


@router.get("/kannel/{token}/messages", response_class=Response, responses=problems(404))
async def kannel_messages(  # noqa: PLR0917 - each is a parameter of the address
    request: Request,
    world: TheWorld,
    token: str,
    identity: Annotated[str, Storable, Query(alias="id", min_length=1, max_length=100, description="`%I`")],
    sender: Annotated[str, Storable, Query(alias="from", min_length=1, max_length=24, description="`%p`")],
    to: Annotated[str, Storable, Query(max_length=24, description="`%P`")] = "",
    text: Annotated[str, Query(max_length=40_000, description="`%a`, in UTF-8")] = "",
) -> Response:
    """A message that a handset wrote, as Kannel's `get-url` brings it. The answer is empty: ours is a message too."""
    if not _callbacks(request).is_ours(kannel.MESSAGES, "", token):
        raise NotFound(NOBODY)
    await converse.receive(
        world, channel="sms_http", message_id=identity, sender=sender, to=to, text=text, at=world.clock.now()
    )
    return Response(media_type="text/plain")


async def _receipt(world: TheWorld, channel: str, message_id: str, state: str | None) -> None:
    new = state is not None and await deliver.receive(
        world, channel=channel, message_id=message_id, state=state, at=world.clock.now()
    )
    RECEIPTS.labels("yes" if new else "no").inc()
