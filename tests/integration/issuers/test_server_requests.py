"""Signed requests: the right server, for this very request, once; and what a seller may touch."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest
from builders import PUBLIC_URL, Shop, Stage
from issuer_contract_kit import SELLER_KEYS, Seen, believing, far
from server_requests_kit import KEY, OTHER_KEYS, a_token, asking
from two_servers_kit import ISSUER_APP, SELLER

from app.domain.refusals import IssuerAway, NotAuthentic, NotFound, NotOnSale, WrongState
from app.flows.sellers import counter as selling
from app.flows.sellers import peers
from app.ports import Committed

pytest_plugins = ["server_requests_plugin"]


# --- whose request it is --------------------------------------------------------------------------------------------


async def test_a_request_signed_by_a_seller_of_the_list_is_its_own(issuer: Stage) -> None:
    assert await asking(issuer, a_token(issuer)) == SELLER
    assert await asking(issuer, a_token(issuer, keys=OTHER_KEYS, issuer="other")) == "other"


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "GET"},
        {"target": "/issuer/v1/x?y=2"},
        {"target": "/issuer/v1/x"},
        {"body": b'{"a":2}'},
        {"body": b""},
    ],
    ids=["method", "query", "path", "body", "no body"],
)
async def test_a_token_counts_for_the_request_it_was_signed_for_alone(issuer: Stage, changed: dict[str, Any]) -> None:
    with pytest.raises(NotAuthentic, match="another request"):
        await asking(issuer, a_token(issuer), **changed)


@pytest.mark.parametrize(
    "wrong",
    [
        {"audience": "another"},
        {"issuer": "other"},
        {"issuer": "stranger"},
        {"keys": OTHER_KEYS},
        {"age_seconds": 91},
        {"age_seconds": -31},
        {"subject": "boss"},
        {"typ": "gate+jwt"},
        {"extra": {"bh": ""}},
        {"extra": {"more": "x"}},
    ],
    ids=lambda wrong: " ".join(f"{name} {getattr(value, 'kid', value)}" for name, value in wrong.items()),
)
async def test_a_token_of_another_kind_time_or_hand_does_not_count(issuer: Stage, wrong: dict[str, Any]) -> None:
    with pytest.raises(NotAuthentic):
        await asking(issuer, a_token(issuer, **wrong))


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "e30.e30.e30", "x" * 5_000])
async def test_what_is_no_token_is_refused(issuer: Stage, token: str) -> None:
    with pytest.raises(NotAuthentic):
        await asking(issuer, token)


async def test_a_token_is_used_once_even_by_many_at_the_same_moment(issuer: Stage, second: Stage) -> None:
    second.world = replace(second.world, house=issuer.world.house)
    token = a_token(issuer)

    told = await asyncio.gather(*(asking([issuer, second][n % 2], token) for n in range(8)), return_exceptions=True)

    assert [one for one in told if isinstance(one, str)] == [SELLER]
    assert all("used before" in str(one) for one in told if not isinstance(one, str))


async def test_a_used_token_is_forgotten_only_when_its_time_is_over(issuer: Stage) -> None:
    token = a_token(issuer)
    await asking(issuer, token)

    issuer.clock.advance(seconds=89)
    await peers.purge(issuer.world)
    with pytest.raises(NotAuthentic, match="used before"):
        await asking(issuer, token)
    issuer.clock.advance(seconds=2)
    await peers.purge(issuer.world)

    assert await issuer.value("SELECT count(*) FROM seen_token") == 0
    with pytest.raises(NotAuthentic, match="does not count"):
        await asking(issuer, token)


async def test_the_api_answers_401_to_whoever_did_not_sign(issuer: Stage, shop: Shop) -> None:
    ISSUER_APP.state.world = issuer.world
    async with httpx.AsyncClient(transport=httpx.ASGITransport(ISSUER_APP), base_url=PUBLIC_URL) as client:
        silent = await client.get("/issuer/v1/changes")
        gate = await client.get("/issuer/v1/changes", headers={"authorization": "Bearer a.b.c"})
    assert (silent.status_code, gate.status_code) == (401, 401)
    assert silent.headers["www-authenticate"] == "Bearer"
    with pytest.raises(IssuerAway):
        await far(issuer, shop, audience="another").free()


# --- what a seller may touch ----------------------------------------------------------------------------------------


async def test_a_seller_sees_and_touches_its_own_tickets_alone(issuer: Stage, shop: Shop, seen: Seen) -> None:
    ticket, stranger = await seen.registered(), far(issuer, shop, name="other", keys=OTHER_KEYS)
    names: dict[str, Any] = {"issuer_id": shop.issuer, "ticket_id": ticket.ticket_id}

    assert await stranger.issuer.verify(issuer_id=shop.issuer, ticket_ids=[ticket.ticket_id]) == []
    with pytest.raises(NotFound):
        await stranger.issuer.revoke(**names, key=KEY, free=())
    with pytest.raises(NotFound):
        await stranger.issuer.suspend(**names, suspended=True)
    with pytest.raises(WrongState):
        await stranger.issuer.register(ticket)
    assert [one.entries for one in [await selling.changes(issuer.world, "other", after=0)]] == [[]]
    assert (await seen.present(ticket))["reason"] == "admitted"


async def test_a_seller_cannot_name_another_ones_hold(issuer: Stage, shop: Shop, seen: Seen) -> None:
    seats, stranger = shop.seats("play/mon", "A-1"), far(issuer, shop, name="other", keys=OTHER_KEYS)
    await seen.issuer.hold(seen.wish(KEY, ("R", 1), places=seats))

    await stranger.issuer.release(issuer_id=shop.issuer, key=KEY)
    await stranger.issuer.commit(issuer_id=shop.issuer, key=KEY, places=seats)

    assert await seen.issuer.commit(issuer_id=shop.issuer, key=KEY, places=seats) == Committed()


async def test_two_sellers_may_draw_one_number_and_the_pin_tells_their_tickets_apart(
    issuer: Stage, shop: Shop, seen: Seen
) -> None:
    other = far(issuer, shop, name="other", keys=OTHER_KEYS)
    first = await seen.registered()
    second = await other.registered(number=first.number, code=first.code, label={"title": {"en": "The other"}})
    assert first.pin != second.pin

    told = await other.present(second)

    assert (told["reason"], told["ticket"]["title"]["en"]) == ("admitted", "The other")
    assert (await seen.present(first))["reason"] == "admitted"


async def test_a_number_that_a_seller_gave_twice_is_told_to_it(seen: Seen) -> None:
    first = await seen.registered()

    with pytest.raises(WrongState, match="new ones"):
        await seen.registered(number=first.number)


async def test_an_issuer_that_is_served_elsewhere_is_none_of_ours(blank: Stage) -> None:
    from builders import a_catalogue  # noqa: PLC0415 - this test alone changes the catalogue

    shop = await a_catalogue(believing(blank, sales=SELLER_KEYS))
    seen = far(blank, shop)
    await blank.sql("UPDATE issuer SET served_by = 'somewhere'")

    for asked in (
        seen.free(),
        seen.issuer.hold(seen.wish(KEY, ("R", 1))),
        seen.issuer.commit(issuer_id=shop.issuer, key=KEY, places=[KEY]),
        seen.issuer.release(issuer_id=shop.issuer, key=KEY),
        seen.issuer.register(seen.ticket()),
        seen.issuer.unspend(issuer_id=shop.issuer, key="a", amount=1, back_key="b"),
    ):
        with pytest.raises(NotFound):
            await asked


async def test_a_sale_at_another_price_or_time_than_the_issuers_is_refused(seen: Seen) -> None:
    wish = seen.wish(KEY, ("R", 1))
    dear = replace(wish, parts=(replace(wish.parts[0], amount=1),))

    with pytest.raises(NotOnSale):
        await seen.issuer.hold(dear)
    seen.stage.clock.advance(days=3)
    with pytest.raises(NotOnSale):
        await seen.issuer.hold(seen.wish(KEY, ("R", 1)))
