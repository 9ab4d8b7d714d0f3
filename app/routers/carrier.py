"""What the carrier tells us: delivery receipts, signed, repeated at will."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from app.domain.refusals import NotAuthentic
from app.flows import deliver
from app.metrics import RECEIPTS
from app.routers.common import TheWorld
from app.schemas.base import problems
from app.schemas.tickets import ReceiptIn

router = APIRouter(prefix="/carrier", tags=["carrier"])

BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": ReceiptIn.model_json_schema()}}}}


@router.post("/receipts", status_code=204, responses=problems(401), openapi_extra=BODY)
async def receipts(
    request: Request,
    world: TheWorld,
    timestamp: Annotated[str, Header(alias="X-Gateway-Timestamp", max_length=20)] = "",
    signature: Annotated[str, Header(alias="X-Gateway-Signature", max_length=100)] = "",
) -> None:
    """A receipt for a message of ours. Repeated, late and unknown ones are taken and change nothing."""
    body = await request.body()
    if not request.app.state.receipt_is_genuine(
        body, timestamp=timestamp, signature=signature, now=world.clock.now().timestamp()
    ):
        raise NotAuthentic("The receipt is not signed with our shared secret, or its time is off by over 5 minutes.")
    try:
        receipt = ReceiptIn.model_validate_json(body)
    except ValidationError as fault:
        raise RequestValidationError([{**error, "loc": ("body", *error["loc"])} for error in fault.errors()]) from None
    new = await deliver.receive(
        world, channel="sms_http", message_id=receipt.message_id, state=receipt.state, at=receipt.at
    )
    RECEIPTS.labels("yes" if new else "no").inc()
