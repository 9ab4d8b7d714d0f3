"""Staff and gates: keys that are told once, codes that work once, tokens that end."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from uuid import UUID

import pytest
from argon2 import PasswordHasher
from builders import Shop, Stage, a_catalogue, a_gate, an_issuer, the_theatre

from app.domain.refusals import BadLine, NotAllowed, NotAuthentic, NotFound
from app.flows import oversee, staff
from app.store import staff as stored

BOSS = staff.Member(UUID(int=1), None, staff.SCOPES)


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same scheme with a cost that tests can pay, and nobody remembered from the test before."""
    monkeypatch.setattr(staff, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    monkeypatch.setattr(staff, "_verified", staff._Verified())


# --- keys -----------------------------------------------------------------------------------------------------------


async def test_a_key_is_whose_it_is_and_stored_as_a_slow_hash(stage: Stage, shop: Shop) -> None:
    key = await staff.make_key(stage.world, issuer="haneul", name="box office", scopes=["sell", "read"], days=None)

    for _ in range(2):
        member = await staff.member(stage.world, key)
        assert (member.issuer_id, member.scopes) == (shop.issuer, frozenset({"sell", "read"}))
    assert re.fullmatch("ctk_[0-9a-f]{12}_[0-9a-f]{48}", key)
    assert str(await stage.value("SELECT hash FROM api_key")).startswith("$argon2id$")


async def test_a_key_without_an_issuer_acts_for_all(stage: Stage, shop: Shop) -> None:
    key = await staff.make_key(stage.world, issuer=None, name="operator", scopes=["read"], days=None)

    member = await staff.member(stage.world, key)

    assert member.acts_for(shop.issuer)
    assert member.acts_for(UUID(int=4))


async def test_a_member_does_what_its_scopes_say_for_its_own_issuer() -> None:
    member = staff.Member(UUID(int=1), UUID(int=2), frozenset({"sell"}))

    member.require("sell")
    with pytest.raises(NotAllowed, match="'refund'"):
        member.require("refund")
    assert member.acts_for(UUID(int=2))
    assert not member.acts_for(UUID(int=3))


@pytest.mark.usefixtures("shop")
async def test_whatever_is_wrong_with_a_key_is_told_in_the_same_words(stage: Stage) -> None:
    key = await staff.make_key(stage.world, issuer="haneul", name="x", scopes=["read"], days=None)
    revoked = await staff.make_key(stage.world, issuer="haneul", name="y", scopes=["read"], days=None)
    async with stage.world.transaction() as tx:
        assert await stored.revoke_key(tx, revoked.split("_")[1], now=stage.clock.now())
        assert not await stored.revoke_key(tx, revoked.split("_")[1], now=stage.clock.now())
    expired = await staff.make_key(stage.world, issuer="haneul", name="z", scopes=["read"], days=1)
    await staff.member(stage.world, expired)
    stage.clock.advance(days=1)

    told = set()
    for wrong in (key[:-1] + "z", "ctk_000000000000_0", "nonsense", "xyz_a_b", "", revoked, expired):
        with pytest.raises(NotAuthentic) as refusal:
            await staff.member(stage.world, wrong)
        told.add(refusal.value.sentence)

    assert told == {"This staff key is unknown, revoked or expired. Make one with `cyberticket staff-key`."}


@pytest.mark.usefixtures("shop")
async def test_a_key_that_was_checked_a_moment_ago_is_not_hashed_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await staff.make_key(stage.world, issuer="haneul", name="x", scopes=["read"], days=None)
    asked: list[str] = []
    matches = staff._matches

    def counted(hashed: str, secret: str) -> bool:
        asked.append("hashed")
        return matches(hashed, secret)

    monkeypatch.setattr(staff, "_matches", counted)

    for _ in range(3):
        await staff.member(stage.world, key)

    assert asked == ["hashed"]


async def test_the_memory_of_checked_keys_is_bounded() -> None:
    verified = staff._Verified()

    for number in range(staff.VERIFIED_MAX + 1):
        verified.remember(number.to_bytes(4, "big"))

    assert len(verified.until) == 1
    assert not verified.knows(b"never")


@pytest.mark.usefixtures("shop")
async def test_scopes_and_issuers_that_are_not_there_are_refused_in_words(stage: Stage) -> None:
    with pytest.raises(BadLine, match="everything is not one of them"):
        await staff.make_key(stage.world, issuer="haneul", name="x", scopes=["everything"], days=None)
    with pytest.raises(BadLine, match="none is not one of them"):
        await staff.make_key(stage.world, issuer="haneul", name="x", scopes=[], days=None)
    with pytest.raises(NotFound, match="import its catalogue first"):
        await staff.make_key(stage.world, issuer="nobody", name="x", scopes=["read"], days=None)


async def test_an_issuer_is_seen_by_its_own_staff_only(blank: Stage) -> None:
    shop = await a_catalogue(blank, the_theatre(blank.clock.now()), an_issuer("gaon"))
    own = staff.Member(UUID(int=1), shop.issuer, frozenset({"gates"}))

    assert (await oversee.issuer(blank.world, own, "haneul")).id == shop.issuer
    assert (await oversee.any_issuer(blank.world, "gaon")).slug == "gaon"
    for slug in ("gaon", "nobody"):
        with pytest.raises(NotFound, match=slug):
            await oversee.issuer(blank.world, own, slug)
    with pytest.raises(NotFound):
        await oversee.any_issuer(blank.world, "nobody")


# --- gates ----------------------------------------------------------------------------------------------------------


async def test_a_code_enrols_one_gate_once(stage: Stage, shop: Shop) -> None:
    invitation = await staff.invite_gate(
        stage.world, issuer_id=shop.issuer, name="front door", occasions=[shop.occasions["play/mon"]]
    )
    assert re.fullmatch("([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}", invitation.code)

    enrolled = await staff.enrol_gate(stage.world, invitation.code)

    assert (enrolled.gate_id, enrolled.name, enrolled.issuer_slug) == (invitation.gate_id, "front door", "haneul")
    caller = staff.gate_caller(stage.world, enrolled.token)
    assert (caller.gate_id, caller.issuer_id) == (enrolled.gate_id, shop.issuer)
    with pytest.raises(NotAuthentic, match="wrong, used or too old"):
        await staff.enrol_gate(stage.world, invitation.code)


async def test_a_code_may_be_typed_as_people_type(stage: Stage, shop: Shop) -> None:
    stage.entropy.script.append(bytes.fromhex("00000000000000000021"))
    invitation = await staff.invite_gate(stage.world, issuer_id=shop.issuer, name="door", occasions=[])
    assert invitation.code == "0000-0000-0000-0011"

    enrolled = await staff.enrol_gate(stage.world, "oooo oooo-oooo ooil")

    assert enrolled.gate_id == invitation.gate_id


async def test_a_code_ends_after_an_hour(stage: Stage, shop: Shop) -> None:
    invitation = await staff.invite_gate(stage.world, issuer_id=shop.issuer, name="door", occasions=[])
    assert invitation.until == stage.clock.now() + timedelta(hours=1)
    stage.clock.advance(hours=1)

    with pytest.raises(NotAuthentic):
        await staff.enrol_gate(stage.world, invitation.code)


async def test_of_two_devices_with_one_code_one_is_enrolled(stage: Stage, second: Stage, shop: Shop) -> None:
    invitation = await staff.invite_gate(stage.world, issuer_id=shop.issuer, name="door", occasions=[])

    outcomes = await asyncio.gather(
        *(staff.enrol_gate(one.world, invitation.code) for one in (stage, second)), return_exceptions=True
    )

    assert sum(isinstance(one, staff.Enrolled) for one in outcomes) == 1
    assert sum(isinstance(one, NotAuthentic) for one in outcomes) == 1


async def test_a_token_ends_after_eight_hours_and_belongs_to_this_house(stage: Stage, shop: Shop) -> None:
    gate = await a_gate(stage, shop)
    assert gate.expires_at == stage.clock.now() + timedelta(hours=8)

    stage.clock.advance(hours=8, minutes=1)

    for token in (gate.token, "nonsense", gate.token[:-4] + "AAAA"):
        with pytest.raises(NotAuthentic, match="Enrol the gate again"):
            staff.gate_caller(stage.world, token)


async def test_a_gate_that_is_invited_again_keeps_its_id_and_must_enrol_anew(stage: Stage, shop: Shop) -> None:
    gate = await a_gate(stage, shop, name="door")

    again = await staff.invite_gate(stage.world, issuer_id=shop.issuer, name="door", occasions=[])

    assert again.gate_id == gate.gate_id
    assert await stage.value("SELECT state FROM gate") == "pending"


async def test_a_gate_of_another_issuer_cannot_be_revoked(stage: Stage, shop: Shop) -> None:
    gate = await a_gate(stage, shop)
    stranger = staff.Member(UUID(int=1), UUID(int=2), frozenset({"gates"}))

    for gate_id in (gate.gate_id, UUID(int=9)):
        with pytest.raises(NotFound):
            await staff.revoke_gate(stage.world, stranger, gate_id)
    assert await stage.value("SELECT state FROM gate") == "enrolled"
    for _ in range(2):
        await staff.revoke_gate(stage.world, BOSS, gate.gate_id)
    assert await stage.value("SELECT state FROM gate") == "revoked"


async def test_a_text_is_previewed_with_its_cost_or_refused_with_what_to_do(stage: Stage) -> None:
    cut = oversee.preview(stage.world, "안녕하십니까")
    assert (cut.coding, cut.parts, cut.units_per_part) == ("ucs2", ("안녕하십니까",), (6,))

    with pytest.raises(BadLine, match="Shorten it"):
        oversee.preview(stage.world, "가" * 700)
