"""Somebody who found a phone, and staff who report it: what was in it opens and pays for nothing any more."""

from __future__ import annotations

from typing import Any

import pytest
from builders import BUYER, FRIEND, Shop, Stage, a_booking, an_account
from enrolled_kit import a_code, a_device
from gate_scans_kit import a_device as a_gate_device
from gate_scans_kit import number_of, tickets

from app.domain.admission import Reason
from app.domain.entry_rules import Role
from app.domain.gate_log import Deed
from app.domain.handset import Handset
from app.domain.refusals import NotFound
from app.domain.sign_in import SignInPurpose
from app.flows.booking.book import link_hash
from app.flows.handset import devices, new_number
from app.flows.staff import SCOPES, Member
from app.flows.tickets import show

NEW = Handset("+821055550001")


async def opens(stage: Stage, link: str) -> bool:
    try:
        await show.booking_by_link(stage.world, link_hash(link))
    except NotFound:
        return False
    return True


async def generations(stage: Stage) -> dict[str, int]:
    rows = await stage.sql("SELECT handset, generation FROM account WHERE kind = 'prepaid'")
    return {row.handset: row.generation for row in rows}


async def told_pins(stage: Stage, number: str) -> int:
    """How many messages about e-money are owed or sent to a number."""
    query = "SELECT count(*) FROM delivery WHERE purpose = 'emoney' AND handset = :number"
    count: int = await stage.value(query, number=number)
    return count


async def test_what_was_in_a_lost_phone_opens_no_booking_and_pays_nothing(stage: Stage, shop: Shop) -> None:
    mine = await a_booking(stage, shop, worked=True)
    others = await a_booking(stage, shop, worked=True, buyer=FRIEND)
    held = await a_booking(stage, shop, paid=False)
    for handset in (BUYER, FRIEND):
        await an_account(stage, shop, 1_000, handset=handset)
    await a_device(stage, BUYER)

    await devices.lost_phone(stage.world, BUYER, await a_code(stage, BUYER, SignInPurpose.LOSS))

    assert [await opens(stage, one.link) for one in (mine, others, held)] == [False, True, True]
    assert await generations(stage) == {BUYER: 2, FRIEND: 1}
    assert (await told_pins(stage, BUYER), await told_pins(stage, FRIEND)) == (2, 1)


@pytest.mark.parametrize(("to", "pins"), [(None, 2), (NEW, 1)], ids=["a lost phone", "a lost number"])
async def test_staff_who_report_it_do_the_same_and_tell_no_pin_to_a_number_that_is_gone(
    stage: Stage, shop: Shop, to: Handset | None, pins: int
) -> None:
    mine = await a_booking(stage, shop, worked=True)
    await an_account(stage, shop, 1_000)
    boss = Member(stage.entropy.uuid(), shop.issuer, SCOPES)

    await new_number.by_staff(stage.world, boss, handset=BUYER, reason="stolen", to=to)

    assert not await opens(stage, mine.link)
    assert (await generations(stage), await told_pins(stage, BUYER)) == ({BUYER: pins}, pins)


@pytest.mark.parametrize(("role", "left"), [(Role.STEWARD, 1), (Role.SUPERVISOR, 0)])
@pytest.mark.parametrize("named", ["code", "number"])
async def test_only_a_supervisors_log_overrules(stage: Stage, shop: Shop, role: Role, left: int, named: str) -> None:
    (code,) = await tickets(stage, shop)
    gate = await a_gate_device(stage, shop, role=role)
    ticket: dict[str, Any] = {"code": code} if named == "code" else {"number": number_of(code)}
    gate.says(Deed.OVERRIDE, Reason.OVERRIDDEN, by="me", **ticket)

    brought = await gate.brings()

    assert (brought.upto, await stage.value("SELECT uses_left FROM credential")) == (1, left)
    assert [one.kind for one in brought.incidents] == ["unknown_admitted"] * left
