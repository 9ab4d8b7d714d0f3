"""Staff and gates: keys that are told once, codes that work once, tokens that end."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from argon2 import PasswordHasher
from builders import Shop, Stage, a_catalogue, an_issuer, the_theatre

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


async def test_a_text_is_previewed_with_its_cost_or_refused_with_what_to_do(stage: Stage) -> None:
    cut = oversee.preview(stage.world, "안녕하십니까")
    assert (cut.coding, cut.parts, cut.units_per_part) == ("ucs2", ("안녕하십니까",), (6,))

    with pytest.raises(BadLine, match="Shorten it"):
        oversee.preview(stage.world, "가" * 700)
