"""What another server says is believed as far as it may say it: answers that grow, contradict, or speak of others."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from builders import Made, a_booking, a_gate, a_scan, pin, state_of, typed
from fakes import GOOD_CARD
from two_servers_kit import ISSUER, SELLER, Two

from app import tokens
from app.domain.refusals import BookingExpired, IssuerAway, NotAuthentic, NotOnSale
from app.domain.ticket import TicketState
from app.flows.booking import book
from app.flows.paying import pay
from app.flows.paying.pay import Tender
from app.flows.sellers import counter as selling
from app.flows.sellers import peers
from app.flows.tickets import flowback
from app.issuers.keyset import KeySet
from app.issuers.remote import RemoteIssuer
from app.keys import KeyRing
from app.ports import Entry, Held, NotAvailable, Part, PeerAway, Seen, Voucher, Wish
from app.ports.catalogues import STOCK_ASKED_MAX
from app.store import copies
from app.trust import PublicRing

pytest_plugins = ("apart_plugin",)

KEY = UUID(int=0xA)


@pytest.fixture
def two(kept: Two) -> Two:
    """None of these tests changes what is sold."""
    return kept


def the_issuer(two: Two) -> RemoteIssuer:
    found = two.seller.world.issuers[ISSUER]
    assert isinstance(found, RemoteIssuer)
    return found


def answering(two: Two, answer: httpx.Response) -> RemoteIssuer:
    """The issuer's server, lying: whatever it is asked, this is what it says."""
    found = the_issuer(two)
    found.wire._http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer))
    return found


async def sold(two: Two, **given: Any) -> tuple[Made, sa.Row[Any]]:
    """A ticket for Monday that the sales server sold and registered, half an hour after the doors opened."""
    made = await a_booking(two.seller, two.shop, worked=True, **given)
    two.clock.time = made.tickets[0].valid_from + timedelta(minutes=30)
    return made, made.tickets[0]


def wish(two: Two, *places: UUID, quantity: int = 2) -> Wish:
    part = Part("R", quantity, places, two.shop.price("play/R"), 60_000)
    until = two.clock.now() + timedelta(minutes=10)
    return Wish(KEY, two.shop.issuer, two.shop.occasions["play/mon"], (part,), until)


# --- what is asked --------------------------------------------------------------------------------------------------


async def test_as_many_dates_as_may_be_asked_about_fit_into_one_signed_question(two: Two) -> None:
    dates = [two.shop.occasions["play/mon"], *(UUID(int=number) for number in range(1, STOCK_ASKED_MAX))]

    assert len(await the_issuer(two).stock(occasion_ids=dates)) == 1


async def test_one_place_is_not_held_as_two(two: Two) -> None:
    (seat,) = two.shop.seats("play/mon", "A-1")

    assert await the_issuer(two).hold(wish(two, seat, seat)) == NotAvailable()


# --- what is answered -----------------------------------------------------------------------------------------------


async def test_an_answer_that_grows_when_it_is_unpacked_is_none(two: Two) -> None:
    packed = gzip.compress(b'{"places":0,"free":""}' + b" " * 1_000)
    issuer = answering(two, httpx.Response(200, stream=_Stream(packed), headers={"content-encoding": "gzip"}))

    with pytest.raises(IssuerAway):
        await issuer.status(issuer_id=two.shop.issuer, occasion_id=two.shop.occasions["play/mon"])


async def test_a_key_set_that_grows_when_it_is_unpacked_is_none() -> None:
    packed = gzip.compress(b'{"keys":[]}' + b" " * 1_000)
    answer = httpx.Response(200, stream=_Stream(packed), headers={"content-encoding": "gzip"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer)) as http:
        with pytest.raises(PeerAway, match="packed"):
            await KeySet(http, "https://sales.example").fetch()


async def test_nobody_is_asked_to_pack_an_answer(two: Two) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"keys": []})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        the_issuer(two).wire._http = http
        await the_issuer(two).wire.ask("GET", "/issuer/v1/x")
        await KeySet(http, "https://sales.example").fetch()

    assert [one.headers["accept-encoding"] for one in asked] == ["identity"] * 2


class _Stream(httpx.AsyncByteStream):
    """A body that arrives as it is, for the reader to unpack."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    async def __aiter__(self) -> Any:
        yield self._octets


@pytest.mark.parametrize("places", [[], [["A-1"]], [["A-1", "A-1"]]], ids=["none", "one", "twice the same"])
async def test_a_hold_of_other_places_than_were_asked_for_is_no_hold(two: Two, places: list[list[str]]) -> None:
    held = [[str(seat) for name in part for seat in two.shop.seats("play/mon", name)] for part in places]
    issuer = answering(two, httpx.Response(200, json={"held": True, "places": held}))

    with pytest.raises(IssuerAway):
        await issuer.hold(wish(two))


async def test_what_never_runs_out_is_held_without_places(two: Two) -> None:
    issuer = answering(two, httpx.Response(200, json={"held": True, "places": [[]]}))

    assert await issuer.hold(wish(two)) == Held(((),))


async def test_an_issuers_server_gives_no_place_of_another_occasion_away(two: Two) -> None:
    """A ticket for it would keep that place from being sold to anybody else."""
    foreign = [str(seat) for seat in two.shop.seats("play/tue", "A-1", "A-2")]
    answering(two, httpx.Response(200, json={"held": True, "places": [foreign]}))

    with pytest.raises(NotOnSale, match="Choose again"):
        await a_booking(two.seller, two.shop, quantity=2)

    assert await two.seller.value("SELECT count(*) FROM booking") == 0


async def test_a_hold_that_was_lost_is_not_taken_again_with_places_of_another_occasion(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await a_booking(two.seller, two.shop, of="play/mon", category="FLOOR")
    await two.issuer.sql(
        "UPDATE place SET taken_by = :somebody, held_until = NULL WHERE taken_by IS NOT NULL", somebody=KEY
    )
    (foreign,) = two.shop.seats("play/tue", "A-1")
    genuine = the_issuer(two).hold

    async def lying(wished: Wish) -> Held | NotAvailable:
        return Held(((foreign,),)) if wished.parts else await genuine(wished)

    monkeypatch.setattr(the_issuer(two), "hold", lying)

    with pytest.raises(BookingExpired):
        await pay.pay(two.seller.world, made.id, [Tender(GOOD_CARD)])
    assert await two.seller.value("SELECT place_id FROM booking_item") != foreign


async def test_a_booking_whose_issuer_is_known_there_no_more_is_cancelled(two: Two) -> None:
    made = await a_booking(two.seller, two.shop)
    await two.issuer.sql("UPDATE issuer SET served_by = 'somewhere'")

    await book.cancel(two.seller.world, made.id)

    assert await state_of(two.seller, made.id) == "cancelled"


async def test_a_payment_waits_for_an_issuer_that_is_in_our_settings_no_more(two: Two) -> None:
    made = await a_booking(two.seller, two.shop)
    del two.seller.world.issuers[ISSUER]  # type: ignore[attr-defined]  # the operator took it out

    assert await pay.pay(two.seller.world, made.id, [Tender(GOOD_CARD)]) == pay.Pending()


async def test_a_voucher_of_an_issuer_that_is_in_our_settings_no_more_waits(two: Two) -> None:
    _, voucher = await sold(two, of="gift/open", category="gift")
    play = await a_booking(two.seller, two.shop, of="play/wed", category="S")
    far = two.seller.world.issuers[ISSUER]
    del two.seller.world.issuers[ISSUER]  # type: ignore[attr-defined]  # the operator took it out

    told = await pay.pay(two.seller.world, play.id, [Tender(Voucher(voucher.number, pin(voucher)))])

    assert told == pay.Pending()
    two.seller.world.issuers[ISSUER] = far  # type: ignore[index]  # and put it back


# --- who asks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["x" * 101, "a\0b", "a\ud800b"], ids=["long", "NUL", "half a letter"])
async def test_a_token_whose_name_cannot_be_kept_is_refused(two: Two, name: str) -> None:
    with pytest.raises(NotAuthentic, match="signed"):
        await peers.caller(two.issuer.world, _signed(two, jti=name))


async def test_a_token_for_half_a_letter_is_for_another_request(two: Two) -> None:
    with pytest.raises(NotAuthentic, match="another request"):
        await peers.caller(two.issuer.world, _signed(two, htu="/\ud800"))


def _signed(two: Two, *, jti: str = "1", htu: str = "/x") -> peers.Signed:
    token = tokens.issue(
        typ="issuer+jwt",
        issuer=SELLER,
        subject="server",
        audience=ISSUER,
        token_id=jti,
        lifetime=timedelta(seconds=60),
        ring=two.seller.world.house.keys,
        now=two.clock.now(),
        extra={"htm": "GET", "htu": htu, "bh": tokens.body_hash(b"")},
    )
    return peers.Signed(token, "GET", "/x", b"")


@pytest.mark.parametrize("x", ["a\0b", "é", "AA", "A" * 43], ids=["NUL", "no ASCII", "short", "no point"])
def test_a_key_that_is_none_is_not_taken_over_whatever_it_is_for(x: str) -> None:
    (token,) = (key for key in KeyRing.fresh().jwks()["keys"] if "barcode_kid" not in key)

    with pytest.raises(ValueError, match="key"):
        PublicRing.of({"keys": [{**token, "x": x}]})


async def test_one_sellers_broken_keys_keep_no_other_sellers_keys_away(two: Two) -> None:
    class Broken:
        async def fetch(self) -> dict[str, Any]:
            raise RuntimeError("a fault of our own")

    sellers = two.issuer.world.house.sellers
    sellers.sources = {"aaa": Broken(), **sellers.sources}

    with pytest.raises(ExceptionGroup):
        await peers.refresh_keys(two.issuer.world)

    assert SELLER in await peers.barcode_keys(two.issuer.world)


# --- what comes back ------------------------------------------------------------------------------------------------


def admitted(ticket: sa.Row[Any], *gates: tuple[UUID, str]) -> Entry:
    """What the issuer's server says of a ticket: it was admitted at these gates, one after the other."""
    seen = tuple(
        Seen(number, gate, name, f"scan-{number}", ticket.valid_from) for number, (gate, name) in enumerate(gates, 1)
    )
    return Entry(ticket.id, ticket.issuer_id, TicketState(ticket.state), 2, 0, None, seen)


async def take_over(two: Two, entries: Sequence[Entry]) -> None:
    async with two.seller.world.transaction() as tx:
        await copies.take_over(tx, entries, now=two.clock.now())


async def test_an_issuers_server_does_not_speak_for_the_gates_of_others(two: Two) -> None:
    """Its word on a scan at our own gate would keep that gate from recording the scan itself."""
    _, ticket = await sold(two)
    await two.seller.sql(
        "INSERT INTO issuer (id, slug, name, timezone, currency, language, served_by, created_at)"
        " SELECT :id, 'ours', name, timezone, currency, language, 'local', created_at FROM issuer",
        id=KEY,
    )
    await two.seller.sql(
        "INSERT INTO gate (id, issuer_id, name, state, generation, occasions, created_at)"
        " VALUES (:id, :id, 'ours', 'enrolled', 1, '[]', now())",
        id=KEY,
    )
    try:
        await take_over(two, [admitted(ticket, (KEY, "ours"))])

        assert await two.seller.value("SELECT count(*) FROM admission") == 0
    finally:
        await two.seller.sql("DELETE FROM gate WHERE id = :id", id=KEY)
        await two.seller.sql("DELETE FROM issuer WHERE id = :id", id=KEY)


async def test_two_gates_of_one_name_are_both_copied(two: Two) -> None:
    """A gate may have been named anew there while we were away; their ids begin alike, made within one minute."""
    _, ticket = await sold(two)
    first, second, third = (UUID(int=(7 << 120) + number) for number in range(3))

    await take_over(two, [admitted(ticket, (first, "North"))])
    await take_over(two, [admitted(ticket, (first, "Old"), (second, "North"), (third, "North"))])

    assert await two.seller.value("SELECT count(*) FROM admission") == 3
    assert await two.seller.value("SELECT count(DISTINCT name) FROM gate") == 3


async def test_a_copy_has_its_issuers_version_though_it_changed_under_the_same_number(two: Two) -> None:
    """A register that was restored counts the same versions once more, of other changes."""
    _, ticket = await sold(two)
    await two.issuer.sql("UPDATE credential SET uses_left = 0")
    await flowback.pull(two.seller.world, ISSUER)
    entry = replace(admitted(ticket), uses_left=1)

    await take_over(two, [entry])

    (copy,) = await two.seller.sql("SELECT version, uses_left FROM credential")
    assert (copy.version, copy.uses_left) == (2, 1)


async def test_a_page_of_changes_is_bounded_by_what_is_in_it(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tickets of a hundred rides each are told by fewer entries at a time, and none is left out."""
    monkeypatch.setattr(selling, "ADMISSIONS_MAX", 2)
    made, _ = await sold(two, quantity=4)
    await flowback.pull(two.seller.world, ISSUER)
    gate = await a_gate(two.issuer, two.shop)
    for ticket in made.tickets:
        await a_scan(two.issuer, two.shop, gate, typed(ticket))
    cursor = await two.seller.value("SELECT cursor FROM peer WHERE name = :name", name=ISSUER)

    page = await selling.changes(two.issuer.world, SELLER, after=cursor)

    assert (len(page.entries), page.more) == (2, True)
    assert await flowback.pull(two.seller.world, ISSUER) == 4
    assert await flowback.compare(two.seller.world, ISSUER) == []


async def test_one_ticket_that_was_used_more_often_than_a_page_holds_is_told_all_the_same(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selling, "ADMISSIONS_MAX", 0)
    made, _ = await sold(two, quantity=2)
    gate = await a_gate(two.issuer, two.shop)
    for ticket in made.tickets:
        await a_scan(two.issuer, two.shop, gate, typed(ticket))

    await flowback.pull(two.seller.world, ISSUER)

    assert await flowback.compare(two.seller.world, ISSUER) == []
