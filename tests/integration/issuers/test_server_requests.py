"""Signed requests: the right server, for this very request, once; and what the wire does when it is cut."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import httpx
import pytest
from builders import PUBLIC_URL, Shop, Stage
from issuer_contract_kit import PATIENCE, SELLER_KEYS, Seen, believing, far
from two_servers_kit import ISSUER, ISSUER_APP, SELLER, Cut

from app import tokens
from app.domain.refusals import IssuerAway, NotAuthentic, NotFound, NotOnSale, WrongState
from app.domain.ticket import Kind, TicketState
from app.flows.sellers import counter as selling
from app.flows.sellers import peers
from app.issuers.keyset import KEYS_BYTES_MAX, KeySet
from app.issuers.remote import RemoteIssuer
from app.keys import KeyRing
from app.ports import Committed, Held, PeerAway, Revoked, Spent
from app.trust import PublicRing

OTHER_KEYS = KeyRing.fresh()
KEY, NOBODY = UUID(int=0xA), UUID(int=0xB)
BODY = b'{"a":1}'


@pytest.fixture
def issuer(stage: Stage) -> Stage:
    return believing(stage, sales=SELLER_KEYS, other=OTHER_KEYS)


@pytest.fixture
def seen(issuer: Stage, shop: Shop) -> Seen:
    return far(issuer, shop)


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


# --- keys -----------------------------------------------------------------------------------------------------------


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


# --- when the wire is cut -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER, Cut.BROKEN])
async def test_a_lost_request_or_answer_is_made_up_for_and_every_call_has_its_effect_once(seen: Seen, cut: Cut) -> None:
    """Before each request the line is cut once, in its way; what stands at the end is as if it never had been."""
    assert seen.line is not None
    issuer, line, names = cast("RemoteIssuer", seen.issuer), seen.line, {"issuer_id": seen.shop.issuer}
    seats, before = seen.shop.seats("play/mon", "A-1", "A-2"), await seen.free()
    tickets = [seen.ticket(balance=10_000, kind=Kind.VOUCHER), seen.ticket(), seen.ticket()]
    paid, first, other = (one.ticket_id for one in tickets)
    line.asked.clear()

    async def made_up_for(asking: Awaitable[Any]) -> Any:
        line.cuts.append(cut)
        return await asking

    told = [
        await made_up_for(asking)
        for asking in (
            issuer.hold(seen.wish(KEY, ("R", 1), places=seats[:1])),
            issuer.commit(**names, key=KEY, places=seats[:1]),
            issuer.hold(seen.wish(NOBODY, ("R", 1), places=seats[1:])),
            issuer.release(**names, key=NOBODY),
            *(issuer.register(one) for one in tickets),
            issuer.spend(**names, ticket_id=paid, amount=4_000, key="k"),
            issuer.unspend(**names, key="k", amount=1_000, back_key="b"),
            issuer.revoke(**names, ticket_id=first, key=KEY, free=seats[:1], unless_used=True),
            issuer.suspend(**names, ticket_id=other, suspended=True),
        )
    ]
    entries = await made_up_for(issuer.verify(**names, ticket_ids=[paid, first, other]))
    changes = await made_up_for(issuer.changes(after=0))

    assert told == [
        Held((seats[:1],)),
        Committed(),
        Held((seats[1:],)),
        *[None] * 4,
        Spent(6_000),
        None,
        Revoked(),
        None,
    ]
    assert await made_up_for(seen.free()) == before
    assert [(one.state, one.version, one.balance) for one in entries] == [
        (TicketState.VALID, 3, 7_000),
        (TicketState.REVOKED, 2, None),
        (TicketState.SUSPENDED, 2, None),
    ]
    assert {one.ticket_id for one in changes.entries} == {paid, first, other}
    assert [one.ticket_id for one in await made_up_for(issuer.entries(after=None))] == [paid, first, other]
    assert len(line.asked) == 2 * 15


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER, Cut.HANGS])
async def test_a_server_that_does_not_answer_is_away_and_then_left_alone(seen: Seen, cut: Cut) -> None:
    assert seen.line is not None
    seen.line.down = cut
    with seen.haste():
        with pytest.raises(IssuerAway, match="arena"):
            await seen.free()
        tried = len(seen.line.asked)
        assert tried > 1

        for _ in range(3):
            with pytest.raises(IssuerAway):
                await seen.free()
        assert len(seen.line.asked) == tried

        seen.stage.clock.advance(seconds=3)
        with pytest.raises(IssuerAway):
            await seen.free()
        assert len(seen.line.asked) == tried + 1, "it is tried by one request, once"

    seen.line.down = None
    seen.stage.clock.advance(seconds=3)
    assert await seen.free() > 0
    assert await seen.free() > 0


async def test_while_one_tries_whether_the_server_is_back_the_others_do_not_wait(seen: Seen) -> None:
    assert seen.line is not None
    seen.line.down = Cut.BEFORE
    with pytest.raises(IssuerAway):
        await seen.free()
    tried = len(seen.line.asked)
    seen.line.down = Cut.HANGS
    seen.stage.clock.advance(seconds=3)

    with seen.haste():
        told = await asyncio.gather(*(seen.free() for _ in range(5)), return_exceptions=True)

    assert all(isinstance(one, IssuerAway) for one in told)
    assert len(seen.line.asked) == tried + 1


async def test_who_gives_up_while_it_tries_does_not_keep_the_server_away(seen: Seen) -> None:
    """A page waits shorter than a server may take that has just come back."""
    assert seen.line is not None
    seen.line.down = Cut.BEFORE
    with pytest.raises(IssuerAway):
        await seen.free()
    seen.line.down = None
    seen.stage.clock.advance(seconds=3)

    page = asyncio.create_task(seen.free())
    await asyncio.sleep(0)
    page.cancel()
    await asyncio.gather(page, return_exceptions=True)
    for _ in range(100):
        if cast("RemoteIssuer", seen.issuer).wire._away_until is None:
            break
        await asyncio.sleep(0.02)

    assert await asyncio.gather(*(seen.free() for _ in range(3))) == [await seen.free()] * 3


async def test_a_request_that_is_never_answered_is_made_again(seen: Seen) -> None:
    assert seen.line is not None
    wire = cast("RemoteIssuer", seen.issuer).wire
    seen.line.cuts.append(Cut.HANGS)
    wire._patience = replace(PATIENCE, answer_seconds=1.0)

    assert await seen.free() > 0
    assert len(seen.line.asked) == 2


async def test_a_clock_that_is_set_back_does_not_keep_a_server_away(seen: Seen) -> None:
    assert seen.line is not None
    seen.line.down = Cut.BEFORE
    with pytest.raises(IssuerAway):
        await seen.free()
    seen.line.down = None

    seen.stage.clock.advance(hours=-5)

    assert await seen.free() > 0


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, text="broken"),
        httpx.Response(503, text="busy"),
        httpx.Response(200, content=b"x" * 5_000_000),
        httpx.Response(200, json={"places": 3, "free": "AAAA"}),
        httpx.Response(200, json={"places": 8, "free": "not base64!"}),
        httpx.Response(200, json={"something": "else"}),
        httpx.Response(418, text="a teapot"),
        httpx.Response(302, headers={"location": "https://evil.example"}),
    ],
    ids=["500", "503", "large", "bits", "base64", "schema", "418", "302"],
)
async def test_an_answer_that_makes_no_sense_is_no_answer(seen: Seen, answer: httpx.Response) -> None:
    seen.issuer.wire._http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer))  # type: ignore[attr-defined]  # a far one has a wire

    with pytest.raises(IssuerAway):
        await seen.free()


async def test_a_hold_whose_answer_never_came_runs_out_by_itself(seen: Seen) -> None:
    assert seen.line is not None
    before, seats = await seen.free(), seen.shop.seats("play/mon", "A-1")
    seen.line.down = Cut.AFTER
    with pytest.raises(IssuerAway):
        await seen.issuer.hold(seen.wish(KEY, ("R", 1), places=seats))
    seen.line.down = None
    seen.stage.clock.advance(seconds=3)
    assert await seen.free() == before - 1

    seen.stage.clock.advance(minutes=10)

    assert await seen.free() == before


def test_all_tries_together_end_before_a_worker_gives_its_handler_up() -> None:
    from app.issuers.wire import Patience  # noqa: PLC0415 - the real one, beside the tests' own
    from app.worker import HANDLER_SECONDS_MAX  # noqa: PLC0415 - as above

    assert 2 * Patience().total_seconds < HANDLER_SECONDS_MAX
