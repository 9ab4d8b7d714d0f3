"""What the carrier tells us: receipts of what we sent, and messages that handsets wrote; signed, repeated at will."""

from __future__ import annotations

from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Header, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from app.domain.refusals import NotAuthentic
from app.flows.delivery import deliver
from app.flows.talk import converse
from app.metrics import RECEIPTS
from app.routers.common import TheWorld
from app.schemas.base import problems
from app.schemas.carrier import MessageIn
from app.schemas.tickets import ReceiptIn

router = APIRouter(prefix="/carrier", tags=["carrier"])

CHANNEL = "sms_http"
Said = TypeVar("Said", bound=BaseModel)


def takes(model: type[BaseModel]) -> dict[str, object]:
    """The body for the document: it is read by hand, for its signature is over its very octets."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": model.model_json_schema()}}}}


async def signed_body(
    request: Request,
    world: TheWorld,
    timestamp: Annotated[str, Header(alias="X-Gateway-Timestamp", max_length=20)] = "",
    signature: Annotated[str, Header(alias="X-Gateway-Signature", max_length=100)] = "",
) -> bytes:
    """The body, if our carrier signed it just now; raises NotAuthentic."""
    body = await request.body()
    if not request.app.state.receipt_is_genuine(
        body, timestamp=timestamp, signature=signature, now=world.clock.now().timestamp()
    ):
        raise NotAuthentic("This is not signed with our shared secret, or its time is off by over 5 minutes.")
    return body


TheSignedBody = Annotated[bytes, Depends(signed_body)]


def read(body: bytes, model: type[Said]) -> Said:
    """Raises RequestValidationError with pointers into the body."""
    try:
        return model.model_validate_json(body)
    except ValidationError as fault:
        raise RequestValidationError([{**error, "loc": ("body", *error["loc"])} for error in fault.errors()]) from None


@router.post("/receipts", status_code=204, responses=problems(401), openapi_extra=takes(ReceiptIn))
async def receipts(world: TheWorld, body: TheSignedBody) -> None:
    """A receipt for a message of ours. Repeated, late and unknown ones are taken and change nothing."""
    receipt = read(body, ReceiptIn)
    new = await deliver.receive(
        world, channel=CHANNEL, message_id=receipt.message_id, state=receipt.state, at=receipt.at
    )
    RECEIPTS.labels("yes" if new else "no").inc()


@router.post("/messages", status_code=204, responses=problems(401), openapi_extra=takes(MessageIn))
async def messages(world: TheWorld, body: TheSignedBody) -> None:
    """A message that a handset wrote to us. It is kept before this is answered; a repeated one changes nothing."""
    said = read(body, MessageIn)
    await converse.receive(
        world,
        channel=CHANNEL,
        message_id=said.message_id,
        sender=said.sender,
        to=said.to,
        text=said.text,
        at=said.at,
    )
