"""The keys of signed requests: fetched when they are needed, kept, and asked for no more often than is polite."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from builders import Stage
from issuer_contract_kit import SELLER_KEYS, believing
from server_requests_kit import OTHER_KEYS, a_token, asking
from two_servers_kit import SELLER

from app.domain.refusals import NotAuthentic
from app.flows.sellers import peers
from app.issuers.keyset import KEYS_BYTES_MAX, KeySet
from app.ports import PeerAway
from app.trust import PublicRing

pytest_plugins = ["server_requests_plugin"]


@dataclass
class Moody:
    """A key set that changes, and counts who asks."""

    document: Mapping[str, Any] | None
    asked: int = 0

    async def fetch(self) -> Mapping[str, Any]:
        self.asked += 1
        if self.document is None:
            raise PeerAway("it is away")
        return self.document


def moody(issuer: Stage, document: Mapping[str, Any] | None) -> Moody:
    source = Moody(document)
    issuer.world.house.sellers.sources = {SELLER: source}
    return source


async def test_a_key_that_is_not_known_is_fetched_at_most_once_a_minute(issuer: Stage) -> None:
    source = moody(issuer, OTHER_KEYS.jwks())

    for _ in range(3):
        with pytest.raises(NotAuthentic):
            await asking(issuer, a_token(issuer))
    assert source.asked == 1

    source.document = SELLER_KEYS.jwks()
    issuer.clock.advance(seconds=60)
    assert await asking(issuer, a_token(issuer)) == SELLER
    assert await asking(issuer, a_token(issuer)) == SELLER
    assert source.asked == 2


async def test_keys_survive_a_restart_while_their_server_is_away(issuer: Stage) -> None:
    moody(issuer, SELLER_KEYS.jwks())
    await asking(issuer, a_token(issuer))

    believing(issuer)  # another process of the same house
    source = moody(issuer, None)

    assert await asking(issuer, a_token(issuer)) == SELLER
    assert source.asked == 0


async def test_a_key_that_is_published_no_more_counts_no_more_once_that_is_heard(issuer: Stage) -> None:
    source = moody(issuer, SELLER_KEYS.jwks())
    await asking(issuer, a_token(issuer))

    source.document = OTHER_KEYS.jwks()
    issuer.clock.advance(hours=1)
    await peers.refresh_keys(issuer.world)

    with pytest.raises(NotAuthentic):
        await asking(issuer, a_token(issuer))
    assert await asking(issuer, a_token(issuer, keys=OTHER_KEYS)) == SELLER


async def test_fresh_keys_are_left_alone_and_unsound_ones_change_nothing(issuer: Stage) -> None:
    source = moody(issuer, SELLER_KEYS.jwks())
    await peers.refresh_keys(issuer.world)
    await peers.refresh_keys(issuer.world)
    assert source.asked == 1

    source.document = {"keys": "none"}
    issuer.clock.advance(hours=1)
    await peers.refresh_keys(issuer.world)

    assert source.asked == 2
    assert await asking(issuer, a_token(issuer)) == SELLER


def test_a_barcode_key_signs_no_requests_and_a_kid_that_is_claimed_means_nothing() -> None:
    published = SELLER_KEYS.jwks()["keys"]
    (barcode,) = (key for key in published if "barcode_kid" in key)
    (token,) = (key for key in published if "barcode_kid" not in key)

    ring = PublicRing.of({"keys": [barcode, {**token, "kid": "chosen by an attacker"}, {"kty": "RSA", "n": "x"}]})

    assert ring.token_key(str(barcode["kid"])) is None
    assert ring.token_key("chosen by an attacker") is None
    assert ring.token_key(str(token["kid"])) is not None


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"keys": [{"kty": "EC", "crv": "P-256", "x": 1, "y": "A"}]},
        {"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "barcode_kid": 1}]},
        {"keys": [{}] * 600},
    ],
    ids=["no keys", "no text", "no point", "too many"],
)
def test_an_unsound_key_set_is_refused_whole(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"key|point|curve"):
        PublicRing.of(document)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (httpx.Response(302, headers={"location": "https://evil.example"}), "answered 302"),
        (httpx.Response(200, content=b"[1]"), "not a key set"),
        (httpx.Response(200, content=b"{"), "not JSON"),
        (httpx.Response(200, content=b" " * (KEYS_BYTES_MAX + 1)), "more than"),
    ],
    ids=["redirect", "list", "broken", "large"],
)
async def test_a_key_set_is_read_with_bounds_and_without_redirects(answer: httpx.Response, why: str) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer), follow_redirects=True) as http:
        with pytest.raises(PeerAway, match=why):
            await KeySet(http, "https://sales.example").fetch()


async def test_a_server_that_hangs_is_not_waited_for() -> None:
    async def hang(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with httpx.AsyncClient(transport=httpx.MockTransport(hang)) as http:
        with pytest.raises(PeerAway, match="TimeoutError"):
            await KeySet(http, "https://sales.example", seconds=0.02).fetch()
