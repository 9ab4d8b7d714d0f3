"""Which sales server is asking an issuer's server: proved by a signature over this very request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.domain.refusals import NotAuthentic
from app.flows.sellers import peers
from app.routers.common import TheWorld

_server = HTTPBearer(
    scheme_name="serverToken",
    bearerFormat="JWT",
    description="A token of type `issuer+jwt`, signed for one request; docs/reference/issuer-api.md has its claims.",
    auto_error=False,
)


async def the_seller(
    request: Request, world: TheWorld, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_server)]
) -> str:
    """The name of the sales server that signed this request; raises NotAuthentic."""
    if bearer is None:
        raise NotAuthentic("Sign the request: send a bearer token of type issuer+jwt.")
    target = request.scope["raw_path"].decode("latin-1")
    if request.scope["query_string"]:
        target += "?" + request.scope["query_string"].decode("latin-1")
    signed = peers.Signed(bearer.credentials, request.method, target, await request.body())
    return await peers.caller(world, signed)


TheSeller = Annotated[str, Depends(the_seller)]
