"""The push proxy gateway's HTTP face: one address for every message of the Push Access Protocol."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.security import HTTPBasicCredentials
from starlette.responses import Response

from mobile_gateway.api.access import Credentials, TheSettings, the_account
from mobile_gateway.ppg.proxy import PushProxy
from mobile_gateway.wire import pap_writing

push = APIRouter(tags=["push"])

LETTERS_MAX = 255


async def the_initiator(
    credentials: Credentials,
    settings: TheSettings,
    username: Annotated[str | None, Query(max_length=LETTERS_MAX)] = None,
    password: Annotated[str | None, Query(max_length=LETTERS_MAX)] = None,
) -> str:
    """The account that asks: by HTTP Basic, or in the address as initiators of Kannel's kind do; raises Refused."""
    if credentials is None and username and password:
        credentials = HTTPBasicCredentials(username=username, password=password)
    return await the_account(credentials, settings)


@push.post("/pap", status_code=202, response_class=Response)
async def control(request: Request, account: Annotated[str, Depends(the_initiator)]) -> Response:
    """Take a PAP message: multipart/related with its content, or application/xml where it has none.

    WAP-247 section 12: the status is 202 whatever the answer in the body says.
    """
    proxy = PushProxy(request.app.state.gateway)
    answer = await proxy.answer(account, request.headers.get("content-type", ""), await request.body())
    media = f"{pap_writing.CONTENT_TYPE}; charset=utf-8"
    return Response(pap_writing.write(answer).encode(), status_code=202, media_type=media)
