"""Showing: what the house signs for a handset to live there without a network, and where there is a picture at all."""

from __future__ import annotations

from uuid import UUID

import pytest
from builders import BUYER, KEYS, Shop, Stage, a_booking, a_scan, typed
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from door_kit import Rules, at_the_door, enlarged

from app.domain.credential import Living, Signed, living_text, parse_presented, step_of
from app.domain.entry_rules import Direction
from app.domain.refusals import NotDrawable
from app.flows.tickets import show
from app.keys import Signer, verify_holder

pytest_plugins = ["door_plugin"]


def a_handset() -> tuple[bytes, Signer]:
    """A key pair as a phone makes it: the public half as it is told to others, and what signs with the private one."""
    private = ec.generate_private_key(ec.SECP256R1())
    point = private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return point, Signer(0, private)


async def test_a_handset_shows_what_the_house_signed_for_its_key(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True)
    (ticket,) = made.tickets
    point, phone = a_handset()

    part = show.living_part(stage.world, ticket, point)
    text = living_text(part, step_of(stage.clock.now()), phone.sign)

    read, static = parse_presented(text), parse_presented(show.signed_code(stage.world, ticket))
    assert isinstance(read, Living)
    assert isinstance(static, Signed)
    assert read.is_genuine(KEYS.verifier.verify, verify_holder)
    assert (read.body, read.code_id, read.holder_key) == (static.body, ticket.code, point)


async def test_what_was_signed_for_one_handset_is_worth_nothing_on_another(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True)
    point, _ = a_handset()
    _, thief = a_handset()

    part = show.living_part(stage.world, made.tickets[0], point)
    read = parse_presented(living_text(part, step_of(stage.clock.now()), thief.sign))

    assert isinstance(read, Living)
    assert not read.is_genuine(KEYS.verifier.verify, verify_holder)


async def test_a_key_that_no_handset_has_is_not_signed(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True)
    with pytest.raises(ValueError, match="a compressed point of 33 octets"):
        show.living_part(stage.world, made.tickets[0], b"\4" + bytes(64))


async def drawn(stage: Stage, ticket_id: UUID) -> show.Picture:
    ticket = await show.ticket(stage.world, ticket_id)
    return await show.picture(stage.world, ticket, "svg", face="ct1", scale=8, width=128, height=128)


async def a_device(stage: Stage) -> UUID:
    """Of the buyer."""
    device_id = stage.entropy.uuid()
    await stage.sql(
        "INSERT INTO device (id, handset, name, public_key, thumbprint, created_at, seen_at)"
        " VALUES (:id, :handset, 'a phone', :key, 'its thumbprint', now(), now())",
        id=device_id,
        handset=BUYER,
        key=b"\2" + bytes(32),
    )
    return device_id


async def test_a_ticket_is_drawn_where_gates_take_pictures(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, worked=True)
    assert (await drawn(stage, made.tickets[0].id)).body.startswith(b"<svg")


@pytest.mark.parametrize("faces", ["living", "living_or_pin"])
async def test_a_product_that_wants_living_barcodes_has_no_pictures(
    stage: Stage, shop: Shop, rules: Rules, faces: str
) -> None:
    made = await a_booking(stage, shop, worked=True)
    await rules(faces=faces)
    with pytest.raises(NotDrawable, match="from the handset that has it"):
        await drawn(stage, made.tickets[0].id)


async def test_once_a_handset_has_the_ticket_its_pictures_end_where_the_product_says_so(
    stage: Stage, shop: Shop, rules: Rules
) -> None:
    made = await a_booking(stage, shop, quantity=2, worked=True)
    carried, paper = (ticket.id for ticket in made.tickets)
    await stage.sql("UPDATE ticket SET device_id = :device WHERE id = :id", device=await a_device(stage), id=carried)
    assert (await drawn(stage, carried)).body, "no rule ends them"

    await rules(retires_static=True)

    assert (await drawn(stage, paper)).body
    with pytest.raises(NotDrawable, match="from the handset that has it"):
        await drawn(stage, carried)


# --- whether it still opens a gate ----------------------------------------------------------------------------------


async def use_of(stage: Stage, ticket_id: UUID) -> tuple[show.Use, bool]:
    """What its holder is told of it, and whether the PIN is."""
    card = await show.card(stage.world, await show.ticket(stage.world, ticket_id))
    return card.use, bool(card.pin)


async def test_a_ticket_that_lets_its_holder_in_again_stays_in_the_holders_hand(
    stage: Stage, shop: Shop, rules: Rules
) -> None:
    ticket, gate = await at_the_door(stage, shop, place={"direction": Direction.BOTH})
    await a_scan(stage, shop, gate, typed(ticket))
    assert await use_of(stage, ticket.id) == (show.Use.USED, False)

    await rules(reentry=True)

    assert await use_of(stage, ticket.id) == (show.Use.GOOD, True), "it is shown on the way out, and back in"
    stage.clock.time = ticket.valid_until
    assert await use_of(stage, ticket.id) == (show.Use.EXPIRED, False)


async def test_a_window_that_is_over_ends_the_ticket_for_its_holder_too(stage: Stage, shop: Shop, rules: Rules) -> None:
    await rules(window_minutes=60)
    ticket, gate = await at_the_door(stage, shop)
    await enlarged(stage, ticket, 9)
    await a_scan(stage, shop, gate, typed(ticket))

    stage.clock.advance(seconds=3_599)
    assert await use_of(stage, ticket.id) == (show.Use.GOOD, True)
    stage.clock.advance(seconds=1)
    assert await use_of(stage, ticket.id) == (show.Use.EXPIRED, False)
