"""Messages over HTTP: an account sends a text, asks after it, and calls it back."""

from __future__ import annotations

import math

from fastapi import APIRouter
from starlette.responses import Response

from mobile_gateway.api.access import TheAccount, TheKey, TheNetwork, TheSettings
from mobile_gateway.api.problems import Problem, Refused
from mobile_gateway.api.refusing import RETRY_AFTER_SECONDS
from mobile_gateway.api.schemas import MessageOut, SubmitIn, SubmittedOut
from mobile_gateway.carrier.carrier import (
    BadTimes,
    Cancelled,
    KeyReused,
    NoSuchMessage,
    QueueFull,
    Taken,
    Throttled,
    TooLate,
    TooLong,
)
from mobile_gateway.carrier.messages import BOTH, Submission, Way
from mobile_gateway.wire import gsm
from mobile_gateway.wire.data_coding import data_coding_of

sms = APIRouter(prefix="/sms/messages", tags=["messages"])


@sms.post("", status_code=202)
async def submit(
    body: SubmitIn, key: TheKey, account: TheAccount, network: TheNetwork, settings: TheSettings
) -> SubmittedOut:
    """Take on a message. It is on the disk before this answers; the same key and body again answer the same."""
    try:
        coding = gsm.segment(body.text).coding
        user_data = gsm.encode(body.text, coding)
    except gsm.TextRefused as fault:
        raise _invalid("/text", str(fault)) from None
    submission = Submission(
        account=account,
        to=body.to,
        sender=body.sender or settings.sender,
        user_data=user_data,
        data_coding=data_coding_of(coding),
        registered_delivery=BOTH if body.callback else 0,
        validity_seconds=body.validity_seconds,
        key=key,
        way=Way.HTTP,
    )
    match await network.submit(submission):
        case Taken() as taken:
            return SubmittedOut.of(taken)
        case KeyReused():
            raise Refused(Problem.KEY_REUSED, Problem.KEY_REUSED.value.advice)
        case QueueFull(waiting):
            detail = f"{waiting} messages of this account wait for their handsets; send this one again later."
            raise Refused(Problem.QUEUE_FULL, detail, headers={"Retry-After": RETRY_AFTER_SECONDS})
        case Throttled(seconds):
            detail = "This account sends faster than it may; send this one again later."
            raise Refused(Problem.THROTTLED, detail, headers={"Retry-After": str(max(1, math.ceil(seconds)))})
        case TooLong(why):
            raise _invalid("/text", why)
        case BadTimes(why):
            raise _invalid("/validity_seconds", why)


@sms.get("/{message_id}")
async def message(message_id: str, account: TheAccount, network: TheNetwork) -> MessageOut:
    """Where a message is, and how it got there."""
    found = await network.message(message_id, account=account)
    if found is None:
        raise _unknown()
    return MessageOut.of(*found)


@sms.delete("/{message_id}", status_code=204)
async def cancel(message_id: str, account: TheAccount, network: TheNetwork) -> Response:
    """Stop a message that is still under way; its receipt says DELETED."""
    match await network.cancel(account, message_id):
        case Cancelled():
            return Response(status_code=204)
        case NoSuchMessage():
            raise _unknown()
        case TooLate(state):
            raise Refused(Problem.TOO_LATE, f"The message is {state} already; nothing can be called back any more.")


def _unknown() -> Refused:
    return Refused(Problem.NOT_FOUND, "This account has sent no message of that id; check it.")


def _invalid(pointer: str, detail: str) -> Refused:
    return Refused(Problem.INVALID, detail, errors=[{"pointer": pointer, "detail": detail}])
