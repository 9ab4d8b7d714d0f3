"""A short way for what gates ask all evening: a request that is as it should be needs little of FastAPI's machinery.

FastAPI resolves the dependencies of each request anew, which takes as long as the decision itself. It still reads the
signatures of these routes and documents them, and answers every request that is not as it should be: a fault looks the
same on both ways.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, get_type_hints

from fastapi import Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials
from fastapi.security.utils import get_authorization_scheme_param
from pydantic import BaseModel, ValidationError

from app.flows.gate.tokens import GateCaller
from app.routers.common import PROOF_CHARS_MAX, the_gate
from app.world import World

JSON = "application/json"
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class GateRoute(APIRoute):
    """A route whose endpoint takes nothing but `world`, `gate` and a model as `body`, and returns a model."""

    def get_route_handler(self) -> Handler:
        """By the short way where it leads there; else by the whole one, which reads the same body once more."""
        whole = super().get_route_handler()
        endpoint: Callable[..., Awaitable[BaseModel]] = self.endpoint
        model: type[BaseModel] = get_type_hints(endpoint)["body"]

        async def handler(request: Request) -> Response:
            if not _is_plain(request):
                return await whole(request)
            try:
                body = model.model_validate_json(await request.body())
            except ValidationError:
                return await whole(request)
            world: World = request.app.state.world
            answer = await endpoint(world=world, gate=await _gate(request, world), body=body)
            return Response(answer.model_dump_json(by_alias=True), media_type=JSON)

        return handler


def _is_plain(request: Request) -> bool:
    """Whether nothing but the body and who sends it can be wrong."""
    headers = request.headers
    return headers.get("content-type") == JSON and len(headers.get("dpop", "")) <= PROOF_CHARS_MAX


async def _gate(request: Request, world: World) -> GateCaller:
    """Who asks, as the dependency finds it; raises NotAuthentic."""
    scheme, token = get_authorization_scheme_param(request.headers.get("authorization"))
    given = HTTPAuthorizationCredentials(scheme=scheme, credentials=token) if scheme and token else None
    return await the_gate(request, world, given, given, request.headers.get("dpop"))
