"""Who asks the HTTP face, and for what: the dependencies that its routes share."""

from __future__ import annotations

import hashlib
import hmac
from typing import Annotated

from fastapi import Depends, Header, Path, Request
from fastapi.security import HTTPBasic, HTTPBasicCredentials, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from pydantic import SecretStr

from mobile_gateway.api.problems import Problem, Refused
from mobile_gateway.api.schemas import E164_PATTERN
from mobile_gateway.network import Network
from mobile_gateway.settings import GatewaySettings

# Dependencies are coroutines though they await nothing: FastAPI would send each plain one through a thread.


async def the_network(request: Request) -> Network:
    network = request.app.state.network
    assert isinstance(network, Network)
    return network


async def the_settings(request: Request) -> GatewaySettings:
    settings = request.app.state.settings
    assert isinstance(settings, GatewaySettings)
    return settings


TheNetwork = Annotated[Network, Depends(the_network)]
TheSettings = Annotated[GatewaySettings, Depends(the_settings)]
Credentials = Annotated[
    HTTPBasicCredentials | None, Depends(HTTPBasic(auto_error=False, description="SYSTEM_ID:PASSWORD"))
]
Token = Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]


def is_password(settings: GatewaySettings, system_id: str, password: str) -> bool:
    """Whether an account has this password. An unknown id takes as long as a wrong password."""
    known = settings.accounts.get(system_id, SecretStr(""))
    same = hmac.compare_digest(_digest(known.get_secret_value()), _digest(password))
    return same and system_id in settings.accounts


async def the_account(credentials: Credentials, settings: TheSettings) -> str:
    """The system id of the account that asks; raises Refused."""
    if credentials is not None and is_password(settings, credentials.username, credentials.password):
        return credentials.username
    raise Refused(
        Problem.UNAUTHENTICATED,
        "No account has this system id and password; send HTTP Basic with those of the gateway's settings.",
        headers={"WWW-Authenticate": 'Basic realm="mobile gateway", charset="UTF-8"'},
    )


async def an_admin(token: Token, settings: TheSettings) -> None:
    """Whoever has the admin token, where the settings name one; raises Refused."""
    if settings.admin_token is None:
        return
    given = token.credentials if token else ""
    if not hmac.compare_digest(_digest(settings.admin_token.get_secret_value()), _digest(given)):
        raise Refused(
            Problem.UNAUTHENTICATED,
            "This network's faults ask for the admin token; send it as a bearer token.",
            headers={"WWW-Authenticate": 'Bearer realm="mobile gateway admin"'},
        )


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


TheAccount = Annotated[str, Depends(the_account)]
TheNumber = Annotated[str, Path(pattern=E164_PATTERN)]
TheKey = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]
