"""A stolen snapshot makes no ticket: a thief who has all of it, and even one ticket's number and code, tries."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator

import pytest
from builders import FRIEND, KEYS, Shop, Stage, a_booking, a_gate, a_scan, pin, typed
from snapshot_kit import Taken, bound_gate, taken

from app.domain.credential import Body, CodeId, Flag, compact_text, parse_presented, signed_text
from app.domain.credential import Signed as Barcode
from app.domain.snapshot import compact_matches, open_by_code, open_by_pin
from app.flows.tickets import show
from app.keys import KeyRing

THIEF = KeyRing.fresh()
"""Keys that anybody can make."""


def keys_within(gate: Taken) -> Iterator[bytes]:
    """Every secret that somebody could hope to find in the file."""
    edition = gate.snapshot.header.edition
    rows = gate.snapshot.rows
    yield from (edition, edition * 2, bytes(32), b"", hashlib.sha256(gate.octets).digest())
    yield from (hashlib.sha256(edition).digest(), hmac.digest(edition, b"pin" + edition, "sha256"))
    yield from (gate.octets[start : start + 32] for start in range(len(gate.octets) - 32))
    yield from (rows.find_tag(0), rows.wrapped(0), rows.payload(0))


def under(key: bytes) -> Callable[[bytes], bytes]:
    return lambda message: hmac.digest(key, message, "sha256")


@pytest.fixture
async def loot(stage: Stage, shop: Shop) -> Taken:
    """What was on a gate that was carried away, with one ticket in it, at the door and in time."""
    await a_booking(stage, shop, worked=True, handsets=[FRIEND])
    stage.clock.advance(days=2, minutes=-30)
    return await taken(stage, await bound_gate(stage, shop))


async def test_with_a_tickets_code_a_thief_makes_no_barcode_that_a_gate_takes(
    stage: Stage, shop: Shop, loot: Taken
) -> None:
    (ticket,) = await stage.sql("SELECT * FROM credential")
    (opened,) = open_by_code(loot.snapshot, ticket.code)
    body = Body(1, CodeId(ticket.code), ticket.occasion_code, 0, opened.row.span[0] // 60, 180, Flag(0))
    online = await a_gate(stage, shop)
    forged = [compact_text(CodeId(ticket.code), under(key)) for key in keys_within(loot)]
    signed = signed_text(body, THIEF.signer.sign)

    assert not any(compact_matches(opened.row, text) for text in forged)
    read = parse_presented(signed)
    assert isinstance(read, Barcode)
    assert not read.is_genuine(KEYS.verifier.verify)
    for text in (*forged[:5], signed):
        assert (await a_scan(stage, shop, online, text))["reason"] == "unknown"
    genuine = show.compact_code(stage.world, await show.ticket(stage.world, ticket.ticket_id))
    assert compact_matches(opened.row, genuine), "the holder's own code is taken"
    assert (await a_scan(stage, shop, online, genuine))["admit"]


async def test_without_the_key_for_pins_not_even_the_right_one_is_told_from_others(
    stage: Stage, shop: Shop, loot: Taken
) -> None:
    (entry,) = await stage.sql("SELECT * FROM credential")
    ticket = await show.ticket(stage.world, entry.ticket_id)
    right = pin(ticket)

    assert not any(open_by_pin(loot.snapshot, key, ticket.number, right) for key in keys_within(loot))
    assert open_by_pin(loot.snapshot, await loot.pin_key(), ticket.number, right), "with the key it opens"
    assert (await a_scan(stage, shop, await a_gate(stage, shop), typed(ticket)))["admit"]


async def test_no_row_opens_by_anything_that_is_in_the_file(loot: Taken) -> None:
    octets = loot.octets
    inside = {int.from_bytes(octets[start : start + 8], "big") for start in range(len(octets) - 8)}

    assert not any(open_by_code(loot.snapshot, code) for code in inside)


async def test_numbers_pins_codes_names_and_handsets_are_not_in_it(stage: Stage, loot: Taken) -> None:
    (entry,) = await stage.sql("SELECT * FROM credential")
    ticket = await show.ticket(stage.world, entry.ticket_id)
    compact = show.compact_code(stage.world, ticket)

    long = (entry.number, str(entry.code), compact, ticket.handset, str(entry.ticket_id))
    short = (pin(ticket), ticket.handset[-4:])
    packed = (entry.code.to_bytes(8, "big"), entry.ticket_id.bytes)

    assert not any(text.encode() in loot.octets for text in long)
    assert not any(octets in loot.octets for octets in packed)
    assert not any(text.encode() in loot.snapshot.rows.octets for text in short), "in the header they stand by chance"
