"""Issuing: in the transaction that makes a booking paid, each item has its ticket, its message, its registration."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from builders import (
    BUYER,
    FRIEND,
    KEYS,
    PUBLIC_URL,
    Shop,
    Stage,
    a_booking,
    a_catalogue,
    a_gate,
    a_line,
    a_price,
    a_product,
    a_request,
    a_scan,
    an_account,
    an_issuer,
    pin,
    typed,
)
from fakes import GOOD_CARD, Upset

from app.domain.credential import link_token_for, ticket_number
from app.domain.money import Money
from app.flows.booking import book
from app.flows.books.ledger import PaidPart
from app.flows.delivery import deliver
from app.flows.hands.give import give
from app.flows.paying import pay
from app.flows.paying.pay import Paid, Pending, Tender
from app.flows.tickets import issue, show
from app.ports import Prepaid
from app.store import sales


async def count(stage: Stage, table: str, where: str = "true") -> int:
    return int(await stage.value(f"SELECT count(*) FROM {table} WHERE {where}"))  # noqa: S608 - constants of this file


async def test_each_item_has_one_ticket_one_delivery_and_two_consequences(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, quantity=3, handsets=(BUYER, FRIEND, BUYER), paid=True)

    assert [ticket.handset for ticket in made.tickets] == [BUYER, FRIEND, BUYER]
    assert len({ticket.number for ticket in made.tickets}) == 3
    assert {ticket.item_id for ticket in made.tickets} == {
        row.id for row in await stage.sql("SELECT id FROM booking_item WHERE booking_id = :id", id=made.id)
    }
    deliveries = await stage.sql("SELECT * FROM delivery ORDER BY id")
    assert [(row.purpose, row.state, row.handset) for row in deliveries] == [
        ("ticket", "queued", BUYER),
        ("ticket", "queued", FRIEND),
        ("ticket", "queued", BUYER),
    ]
    owed = await stage.sql("SELECT topic, key, payload FROM outbox ORDER BY topic, key")
    assert {(row.topic, row.key) for row in owed} == {("deliver", str(row.id)) for row in deliveries} | {
        ("register", str(ticket.id)) for ticket in made.tickets
    }


async def test_nothing_is_issued_when_the_last_statement_of_the_sale_fails(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it is one transaction: neither a paid booking without tickets nor a ticket without its message."""
    made = await a_booking(stage, shop)

    async def fails(*_args: object, **_names: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr("app.flows.owing.outbox.put", fails)
        with pytest.raises(OSError, match="disk is full"):
            await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])

    assert await stage.value("SELECT state FROM booking") == "paying"
    assert await stage.value("SELECT state FROM payment") == "submitted"
    for table in ("ticket", "delivery", "outbox"):
        assert await count(stage, table) == 0


async def test_a_number_that_is_taken_is_replaced_by_another(stage: Stage, shop: Shop) -> None:
    taken = (await a_booking(stage, shop, paid=True)).tickets[0]
    made = await a_booking(stage, shop)
    same = _chance_for(taken.number)
    other = (123_456_789).to_bytes(8, "big")
    stage.entropy.script.extend([same, bytes(8), other, b"\x01" * 8])

    assert await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)]) == Paid()

    (ticket,) = await show.tickets(stage.world, made.id)
    assert ticket.number == ticket_number(other)
    assert ticket.number.startswith("123456789")


def _chance_for(number: str) -> bytes:
    """Octets that the number is made from."""
    chance = int(number[:9]).to_bytes(8, "big")
    assert ticket_number(chance) == number
    return chance


async def test_two_tickets_of_one_sale_do_not_get_one_number(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, quantity=2)
    same, other = (7).to_bytes(8, "big"), (8).to_bytes(8, "big")
    stage.entropy.script.extend([same, b"\x01" * 8, same, b"\x02" * 8, other, b"\x03" * 8])

    await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])

    numbers = {ticket.number for ticket in await show.tickets(stage.world, made.id)}
    assert numbers == {ticket_number(same), ticket_number(other)}


async def test_an_issuer_whose_numbers_are_used_up_is_told_so_and_nothing_is_half_done(
    stage: Stage, shop: Shop
) -> None:
    taken = (await a_booking(stage, shop, paid=True)).tickets[0]
    made = await a_booking(stage, shop)
    stage.entropy.script.extend([_chance_for(taken.number), b"\x01" * 8] * 20)

    with pytest.raises(RuntimeError, match="numbers are nearly used up"):
        await pay.pay(stage.world, made.id, [Tender(GOOD_CARD)])

    assert await count(stage, "ticket") == 1
    assert await count(stage, "booking", "state = 'paid'") == 1


async def test_a_dated_ticket_is_valid_from_the_doors_to_the_end(stage: Stage, shop: Shop) -> None:
    (ticket,) = (await a_booking(stage, shop, paid=True)).tickets

    assert ticket.valid_from == ticket.starts_at - timedelta(hours=1)
    assert ticket.valid_until == ticket.starts_at + timedelta(hours=2)


async def test_an_open_dated_ticket_is_valid_for_its_days_from_the_sale(stage: Stage, shop: Shop) -> None:
    (carnet,) = (await a_booking(stage, shop, of="carnet/open", category="adult", paid=True)).tickets
    (gift,) = (await a_booking(stage, shop, of="gift/open", category="gift", paid=True)).tickets

    assert carnet.valid_until - carnet.valid_from == timedelta(days=90)
    assert gift.valid_until - gift.valid_from == timedelta(days=365)
    assert (carnet.uses, carnet.balance, gift.uses, gift.balance) == (3, None, 1, 50_000)


async def test_at_the_same_time_the_issuer_learns_of_each_ticket(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, quantity=2, worked=True)

    rows = await stage.sql("SELECT * FROM credential ORDER BY number")

    assert [row.number for row in rows] == sorted(ticket.number for ticket in made.tickets)
    for row in rows:
        (ticket,) = [one for one in made.tickets if one.id == row.ticket_id]
        assert (row.code, row.occasion_code, row.uses_left) == (ticket.code, ticket.occasion_code, 1)
        assert row.label["title"]["en"] == "The Post Office in Spring"
        assert (row.label["row"], row.label["seat"], row.label["handset"]) == ("A", ticket.seat, "5678")


async def test_nothing_that_opens_a_ticket_stands_in_the_database(stage: Stage, shop: Shop) -> None:
    """PINs, links, barcodes and the texts that hold them: all are made when they are needed."""
    emoney_pin = await an_account(stage, shop, 90_000)
    made = await a_booking(stage, shop, quantity=2, worked=True)
    gift = await a_booking(stage, shop, of="gift/open", category="gift", worked=True)
    await deliver.resend(stage.world, made.tickets[0].id)
    await stage.work()
    gate = await a_gate(stage, shop)
    secrets = [made.link, gift.link, emoney_pin, gate.token]
    for ticket in (*made.tickets, *gift.tickets):
        await a_scan(stage, shop, gate, typed(ticket))
        signed, compact = show.signed_code(stage.world, ticket), show.compact_code(stage.world, ticket)
        await a_scan(stage, shop, gate, signed)
        link = link_token_for(KEYS.link_mac(ticket.kid), ticket_id=ticket.id, generation=ticket.generation)
        secrets += [pin(ticket), link.reveal(), signed[:40], compact]
    sent = " ".join(one.text for one in stage.carrier.arrived.values())
    assert all(pin(ticket) in sent for ticket in made.tickets), "the search below looks for the right things"

    everything = await dump(stage)

    assert [secret for secret in secrets if _stands_in(secret, everything)] == []


def _stands_in(secret: str, everything: str) -> bool:
    """Six digits may occur inside longer numbers and ids by chance: a PIN is looked for as a word of its own."""
    if len(secret) > 6:
        return secret in everything
    return any(f"{mark}{secret}{mark}" in everything for mark in ('"', " "))


async def dump(stage: Stage) -> str:
    """Every row of every table as text, and every JSON value and byte string in it."""
    tables = await stage.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    parts: list[str] = []
    for (table,) in tables:
        for row in await stage.sql(f'SELECT to_jsonb(t) AS row FROM "{table}" t'):  # noqa: S608 - our own tables
            parts += _texts(row.row)
    assert len(tables) > 25
    assert len(parts) > 500
    return " " + " ".join(parts) + " "


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in _texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    if isinstance(value, str) and value.startswith("\\x"):
        return [value, bytes.fromhex(value[2:]).decode("latin-1")]
    return [value if isinstance(value, str) else json.dumps(value)]


async def test_a_planted_secret_is_found_by_that_search(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True)
    (ticket,) = made.tickets
    text = stage.carrier.inbox(BUYER)[0]
    assert f"{PUBLIC_URL}/t/" in text
    await stage.sql("UPDATE delivery SET reason = :text", text=text.replace("\n", " "))

    everything = await dump(stage)

    assert _stands_in(pin(ticket), everything)
    assert _stands_in(text.rpartition("/")[2], everything)


async def test_an_attempt_of_which_one_part_is_over_is_not_captured_in_part(stage: Stage, shop: Shop) -> None:
    """Whoever gave a part up undoes the others: a process that slept meanwhile must not sell for what is left."""
    pin_of_friend = await an_account(stage, shop, 20_000, handset=FRIEND)
    made = await a_booking(stage, shop)
    stage.card.upset("authorize", Upset.LOST_AFTER)
    tenders = [Tender(GOOD_CARD), Tender(Prepaid(FRIEND, pin_of_friend), Money(20_000, "KRW"))]
    assert await pay.pay(stage.world, made.id, tenders) == Pending()
    card, emoney = (await show.booking(stage.world, made.id)).payments
    await stage.sql("UPDATE payment SET state = 'voided' WHERE id = :id", id=emoney.id)

    async with stage.database.statements() as tx:
        booking = (await sales.bookings(tx, [made.id]))[made.id]
    parts = tuple(PaidPart(part.id, part.provider, part.amount) for part in (card, emoney))
    done = issue.Completion(stage.world, booking, parts)
    assert not await stage.database.together(issue.complete, done)

    assert await stage.value("SELECT state FROM payment WHERE id = :id", id=card.id) == "unknown"
    assert await count(stage, "ticket") == 0


async def test_entrance_and_holder_go_from_the_sale_to_the_gate_and_the_name_no_further(blank: Stage) -> None:
    walk = a_product("walk", prices=(a_price("adult", 0, entrance="East"),), valid_days=30)
    shop = await a_catalogue(blank, an_issuer(products=(walk,)))
    line = a_line(shop.price("walk/adult"), holder="김하늘")
    booked = await book.book(blank.world, a_request(shop.occasions["walk/open"], line))
    await pay.pay(blank.world, booked.id, [])
    await blank.work()
    (ticket,) = await show.tickets(blank.world, booked.id)

    (entry,) = await blank.sql("SELECT entrance, label FROM credential")
    assert ticket.holder == "김하늘"
    assert (entry.entrance, entry.label["entrance"], entry.label["holder"]) == ("East", "East", "김하늘")

    given = await give(blank.world, ticket.id, FRIEND)
    await blank.work()
    (entry,) = await blank.sql("SELECT entrance, label FROM credential WHERE ticket_id = :id", id=given.id)
    assert (entry.entrance, entry.label["holder"]) == ("East", None)
