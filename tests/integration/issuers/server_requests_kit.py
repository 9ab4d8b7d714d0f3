"""Tokens of a seller, whole and spoiled, and who asks with them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from builders import Stage
from issuer_contract_kit import SELLER_KEYS
from two_servers_kit import ISSUER, SELLER

from app import tokens
from app.flows.sellers import peers
from app.keys import KeyRing

OTHER_KEYS = KeyRing.fresh()
KEY, NOBODY = UUID(int=0xA), UUID(int=0xB)
BODY = b'{"a":1}'


def a_token(stage: Stage, *, keys: KeyRing = SELLER_KEYS, age_seconds: int = 0, **given: Any) -> str:
    """A token for `POST /issuer/v1/x?y=1` with BODY, but for what is given."""
    extra = {"htm": "POST", "htu": "/issuer/v1/x?y=1", "bh": tokens.body_hash(BODY)} | given.pop("extra", {})
    claims: dict[str, Any] = {
        "typ": "issuer+jwt",
        "issuer": SELLER,
        "subject": "server",
        "audience": ISSUER,
        "token_id": stage.entropy.uuid().hex,
        "lifetime": timedelta(seconds=60),
        "now": stage.clock.now() - timedelta(seconds=age_seconds),
    }
    return tokens.issue(**claims | given, ring=keys, extra={name: one for name, one in extra.items() if one})


async def asking(stage: Stage, token: str, **given: Any) -> str:
    request = {"token": token, "method": "POST", "target": "/issuer/v1/x?y=1", "body": BODY}
    return await peers.caller(stage.world, peers.Signed(**request | given))
