"""What the issuer's server promises in its OpenAPI document, and requests to hold it to that."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import jsonschema_rs
from builders import Stage
from issuer_contract_kit import SELLER_KEYS
from two_servers_kit import ISSUER, ISSUER_APP, SELLER

from app import tokens
from app.keys import KeyRing

DOCUMENT: dict[str, Any] = ISSUER_APP.openapi()
URL = "https://arena.example"


@dataclass(frozen=True)
class Operation:
    """One route as it is documented."""

    method: str
    path: str
    said: Mapping[str, Any] = field(repr=False)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def check(self, answer: httpx.Response) -> None:
        """Status, media type and body are what was promised."""
        told = f"{self} answered {answer.status_code}: {answer.text[:300]}"
        promised = self.said["responses"].get(str(answer.status_code))
        assert promised is not None, f"undocumented: {told}"
        content = promised.get("content", {})
        media_type = answer.headers.get("content-type", "").partition(";")[0]
        if not content:
            assert not answer.content, f"a body was not promised: {told}"
            return
        assert media_type in content, f"{media_type} was not promised: {told}"
        schema = {**content[media_type]["schema"], "components": DOCUMENT["components"]}
        jsonschema_rs.validator_for(schema, validate_formats=True).validate(answer.json())


API = tuple(
    Operation(method.upper(), path, said)
    for path, methods in DOCUMENT["paths"].items()
    for method, said in methods.items()
    if path.startswith("/issuer/v1")
)
"""Every route for sales servers."""


def operation(name: str) -> Operation:
    return next(one for one in API if str(one) == name)


def signed(stage: Stage, method: str, target: str, body: bytes, *, keys: KeyRing = SELLER_KEYS) -> str:
    """The header that makes this request the sales server's."""
    token = tokens.issue(
        typ="issuer+jwt",
        issuer=SELLER,
        subject="server",
        audience=ISSUER,
        token_id=stage.entropy.uuid().hex,
        lifetime=timedelta(seconds=60),
        ring=keys,
        now=stage.clock.now(),
        extra={"htm": method, "htu": target, "bh": tokens.body_hash(body)},
    )
    return f"Bearer {token}"


async def ask(
    stage: Stage, method: str, target: str, body: Any = None, *, sign: bool = True, raw: bytes = b""
) -> httpx.Response:
    """One request to the issuer's server; its answer is what the document promises."""
    octets = raw or (b"" if body is None else json.dumps(body).encode())
    headers = {"content-type": "application/json"} if octets else {}
    if sign:
        headers["authorization"] = signed(stage, method, target, octets)
    ISSUER_APP.state.world = stage.world
    transport = httpx.ASGITransport(ISSUER_APP, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
        answer = await client.request(method, target, content=octets, headers=headers)
    path = target.partition("?")[0]
    for one in API:
        if one.method == method and re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(one.path)), path):
            one.check(answer)
            break
    return answer
