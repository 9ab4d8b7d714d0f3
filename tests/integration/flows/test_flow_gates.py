"""Gates as devices: invited and enrolled once, with a key of their own or without, proven, renewed and shut out."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from builders import Shop, Stage, a_gate, a_scan, caller_by

from app import tokens
from app.domain.entry_rules import Direction, Role
from app.domain.gate import Place
from app.domain.refusals import BadLine, NotAllowed, NotAuthentic, NotFound, WrongState
from app.flows import oversee, staff
from app.flows.gate import gates
from app.flows.gate import tokens as gate_tokens
from app.keys import KeyRing

BOSS = staff.Member(UUID(int=1), None, staff.SCOPES)


async def test_a_code_enrols_one_gate_once(stage: Stage, shop: Shop) -> None:
    invitation = await gates.invite(
        stage.world, issuer_id=shop.issuer, name="front door", place=Place((shop.occasions["play/mon"],))
    )
    assert re.fullmatch("([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}", invitation.code)

    enrolled = await gate_tokens.enrol(stage.world, invitation.code)

    assert (enrolled.gate_id, enrolled.name, enrolled.issuer_slug) == (invitation.gate_id, "front door", "haneul")
    caller = await caller_by(stage, enrolled.token)
    assert (caller.gate_id, caller.issuer_id) == (enrolled.gate_id, shop.issuer)
    with pytest.raises(NotAuthentic, match="wrong, used or too old"):
        await gate_tokens.enrol(stage.world, invitation.code)


async def test_a_code_may_be_typed_as_people_type(stage: Stage, shop: Shop) -> None:
    stage.entropy.script.append(bytes.fromhex("00000000000000000021"))
    invitation = await gates.invite(stage.world, issuer_id=shop.issuer, name="door")
    assert invitation.code == "0000-0000-0000-0011"

    enrolled = await gate_tokens.enrol(stage.world, "oooo oooo-oooo ooil")

    assert enrolled.gate_id == invitation.gate_id


async def test_a_code_ends_after_an_hour(stage: Stage, shop: Shop) -> None:
    invitation = await gates.invite(stage.world, issuer_id=shop.issuer, name="door")
    assert invitation.until == stage.clock.now() + timedelta(hours=1)
    stage.clock.advance(hours=1)

    with pytest.raises(NotAuthentic):
        await gate_tokens.enrol(stage.world, invitation.code)


async def test_of_two_devices_with_one_code_one_is_enrolled(stage: Stage, second: Stage, shop: Shop) -> None:
    invitation = await gates.invite(stage.world, issuer_id=shop.issuer, name="door")

    outcomes = await asyncio.gather(
        *(gate_tokens.enrol(one.world, invitation.code) for one in (stage, second)), return_exceptions=True
    )

    assert sum(isinstance(one, gate_tokens.Enrolled) for one in outcomes) == 1
    assert sum(isinstance(one, NotAuthentic) for one in outcomes) == 1


async def test_a_token_ends_after_eight_hours_and_belongs_to_this_house(stage: Stage, shop: Shop) -> None:
    gate = await a_gate(stage, shop)
    assert gate.expires_at == stage.clock.now() + timedelta(hours=8)

    stage.clock.advance(hours=8, minutes=1)

    for token in (gate.token, "nonsense", gate.token[:-4] + "AAAA"):
        with pytest.raises(NotAuthentic, match="Enrol the gate again"):
            await caller_by(stage, token)


async def test_a_gate_that_is_invited_again_keeps_its_id_and_must_enrol_anew(stage: Stage, shop: Shop) -> None:
    gate = await a_gate(stage, shop, name="door")

    again = await gates.invite(stage.world, issuer_id=shop.issuer, name="door")

    assert again.gate_id == gate.gate_id
    assert await stage.value("SELECT state FROM gate") == "pending"


async def test_a_gate_of_another_issuer_cannot_be_revoked(stage: Stage, shop: Shop) -> None:
    gate = await a_gate(stage, shop)
    stranger = staff.Member(UUID(int=1), UUID(int=2), frozenset({"gates"}))

    for gate_id in (gate.gate_id, UUID(int=9)):
        with pytest.raises(NotFound):
            await gates.revoke(stage.world, stranger, gate_id)
    assert await stage.value("SELECT state FROM gate") == "enrolled"
    for _ in range(2):
        await gates.revoke(stage.world, BOSS, gate.gate_id)
    assert await stage.value("SELECT state FROM gate") == "revoked"


# --- places ---------------------------------------------------------------------------------------------------------


async def test_a_gates_token_tells_where_it_stands(stage: Stage, shop: Shop) -> None:
    place = Place((shop.occasions["play/mon"],), Role.SUPERVISOR, Direction.BOTH, "north", "hall", home=True)
    invited = await gates.invite(stage.world, issuer_id=shop.issuer, name="door", place=place)

    caller = (await gate_tokens.enrol(stage.world, invited.code)).caller

    post = caller.post(frozenset(place.occasions))
    assert (post.role, post.direction, post.entrance, post.area, post.home) == tuple(
        getattr(place, name) for name in ("role", "direction", "entrance", "area", "home")
    )
    assert (post.gate_id, post.occasions, caller.bound) == (invited.gate_id, frozenset(place.occasions), False)
    with pytest.raises(NotAllowed, match="online scanner"):
        caller.require_bound()


async def test_of_two_home_gates_of_one_entrance_at_once_one_is_invited(
    stage: Stage, second: Stage, shop: Shop
) -> None:
    home = Place(entrance="north", home=True)

    outcomes = await asyncio.gather(
        *(
            gates.invite(one.world, issuer_id=shop.issuer, name=name, place=home)
            for one, name in ((stage, "A"), (second, "B"))
        ),
        return_exceptions=True,
    )

    assert sorted(type(one).__name__ for one in outcomes) == ["Invitation", "WrongState"]
    with pytest.raises(BadLine, match="entrance"):
        await gates.invite(stage.world, issuer_id=shop.issuer, name="C", place=Place(home=True))


async def test_a_gate_that_is_no_home_any_more_leaves_the_entrance_to_another(stage: Stage, shop: Shop) -> None:
    home = Place(entrance="north", home=True)
    first = await gates.invite(stage.world, issuer_id=shop.issuer, name="A", place=home)
    await gates.revoke(stage.world, BOSS, first.gate_id)

    second = await gates.invite(stage.world, issuer_id=shop.issuer, name="B", place=home)
    assert second.gate_id != first.gate_id
    with pytest.raises(WrongState, match="B is the home gate"):
        await gates.invite(stage.world, issuer_id=shop.issuer, name="A", place=home)


async def test_an_issuers_gates_are_listed_the_latest_first_with_what_they_did_today(stage: Stage, shop: Shop) -> None:
    older, newer = await a_gate(stage, shop), await a_gate(stage, shop)
    await a_scan(stage, shop, older, "hello")
    issuer = await oversee.issuer(stage.world, BOSS, "haneul")

    both = await gates.listing(stage.world, issuer, after=None, limit=5)
    rest = await gates.listing(stage.world, issuer, after=newer.gate_id, limit=5)
    stage.clock.advance(days=1)
    tomorrow = await gates.listing(stage.world, issuer, after=None, limit=5)

    assert [(row.id, row.scans_today, row.entries) for row in both] == [(newer.gate_id, 0, 0), (older.gate_id, 1, 0)]
    assert [row.id for row in rest] == [older.gate_id]
    assert [row.scans_today for row in tomorrow] == [0, 0]


# --- tokens that were verified before -------------------------------------------------------------------------------


async def test_a_token_is_verified_once_for_its_life_and_counts_no_longer_than_its_key(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = await a_gate(stage, shop)
    verified: list[str] = []
    read = tokens.read

    def counting(token: str, **more: Any) -> Any:
        verified.append(token)
        return read(token, **more)

    monkeypatch.setattr(tokens, "read", counting)
    monkeypatch.setattr(gate_tokens, "_known", {})
    for _ in range(3):
        assert await caller_by(stage, gate.token) == gate.caller
    assert len(verified) == 1

    other = replace(stage.world, house=replace(stage.world.house, keys=KeyRing.fresh()))
    elsewhere = replace(stage.world, house=replace(stage.world.house, public_url="https://another.example"))
    for world in (other, elsewhere):
        with pytest.raises(NotAuthentic):
            await caller_by(replace(stage, world=world), gate.token)
    stage.clock.advance(hours=8, seconds=31)
    with pytest.raises(NotAuthentic):
        await caller_by(stage, gate.token)


async def test_no_more_tokens_are_remembered_than_there_is_room_for(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: dict[bytes, Any] = {}
    monkeypatch.setattr(gate_tokens, "_known", known)
    monkeypatch.setattr(gate_tokens, "TOKENS_KNOWN_MAX", 2)

    for _ in range(5):
        gate = await a_gate(stage, shop)
        assert await caller_by(stage, gate.token) == gate.caller
        assert len(known) <= 2


async def test_a_scanners_token_is_a_bearer_token_and_nothing_else(stage: Stage, shop: Shop) -> None:
    gate = await a_gate(stage, shop)
    shown = gate_tokens.Shown("DPoP", gate.token, None, "POST", "https://tickets.example/gate/checks")

    with pytest.raises(NotAuthentic):
        await gate_tokens.caller_of(stage.world, shown)
