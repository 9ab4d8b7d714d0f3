"""What one database tells of a catalogue another one keeps, and keeps to the issuer it belongs to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from builders import Shop, Stage, a_catalogue, a_price, a_product, a_stage, an_issuer
from sqlalchemy.exc import DBAPIError

from app.domain.catalogue import CatalogueDraft, ImportRefused
from app.domain.entry_rules import UNLIMITED_USES, EntryRules, Offline
from app.flows.booking.importing import import_catalogue
from app.ports.catalogues import CopyRefused, IssuerCopy, Listed, PlacesCopy
from app.store import exporting, mirror

ARENA = "arena"
NOBODY = UUID(int=7)


@pytest_asyncio.fixture
async def keeper(database_url: str) -> AsyncIterator[Stage]:
    """The server that keeps copies: another database, and chance of its own."""
    found = a_stage(database_url, seed=5)
    yield found
    await found.close()
    await found.database.close()


async def told(stage: Stage, shop: Shop, **changed: Any) -> IssuerCopy:
    """What the issuer's server tells, with changes."""
    async with stage.world.transaction() as tx:
        row = await exporting.catalogue(tx, shop.issuer)
    assert row is not None
    copy = IssuerCopy.model_validate_json(row.body)
    assert copy.revision == row.revision
    return copy.model_copy(update=changed)


async def told_places(stage: Stage, occasion: UUID, **changed: Any) -> PlacesCopy:
    async with stage.world.transaction() as tx:
        row = await exporting.places(tx, occasion)
    assert row is not None
    return PlacesCopy.model_validate_json(row.body).model_copy(update=changed)


async def written(stage: Stage, copy: IssuerCopy, *, served_by: str = ARENA) -> None:
    async with stage.world.transaction() as tx:
        await mirror.heard(tx, served_by, fault=None, now=stage.clock.now())
        await mirror.write(tx, copy, served_by=served_by, now=stage.clock.now())


async def refused(stage: Stage, copy: IssuerCopy, *, served_by: str = ARENA) -> str:
    with pytest.raises(CopyRefused) as refusal:
        await written(stage, copy, served_by=served_by)
    return str(refusal.value)


def another(row: Any, **changed: Any) -> Any:
    return row.model_copy(update=changed)


# --- telling --------------------------------------------------------------------------------------------------------


async def test_only_issuers_of_this_database_are_told_of(stage: Stage, shop: Shop, keeper: Stage) -> None:
    copy = await told(stage, shop)
    await written(keeper, copy)

    async with keeper.world.transaction() as tx:
        assert await exporting.issuers(tx, most=10) == []
        assert await exporting.catalogue(tx, shop.issuer) is None
        assert await exporting.revision(tx, shop.issuer) is None
        assert await exporting.places(tx, shop.occasions["play/mon"]) is None
        assert await exporting.places_revision(tx, shop.occasions["play/mon"]) is None
        assert await exporting.sold(tx, list(shop.occasions.values())) == []
    async with stage.world.transaction() as tx:
        assert [row.slug for row in await exporting.issuers(tx, most=10)] == ["haneul"]
        assert await exporting.revision(tx, shop.issuer) == copy.revision
        assert await exporting.places_revision(tx, shop.occasions["play/mon"]) == 1
        assert await exporting.places_revision(tx, shop.occasions["gift/open"]) is None, "it never runs out"
        asked = [shop.occasions["play/mon"], shop.occasions["gift/open"], NOBODY]
        assert await exporting.sold(tx, asked) == sorted(asked[:2])


async def test_a_catalogue_has_another_revision_only_when_it_is_another(blank: Stage) -> None:
    walk = a_product("walk", prices=(a_price("adult", 1_000),))
    shop = await a_catalogue(blank, an_issuer(products=(walk,)))
    first = await told(blank, shop)

    await a_catalogue(blank, an_issuer(products=(walk,)))
    assert (await told(blank, shop)).revision == first.revision

    dearer = a_product("walk", prices=(a_price("adult", 1_100),))
    await a_catalogue(blank, an_issuer(products=(dearer,)))
    assert (await told(blank, shop)).revision != first.revision


RULES = EntryRules(reentry=True, pass_back_seconds=60, window_minutes=90, offline=Offline.HOME)


async def test_what_gates_go_by_is_told_as_it_was_imported(blank: Stage) -> None:
    walk = a_product(
        "walk",
        uses=UNLIMITED_USES,
        transfer="face_value",
        transfer_minutes_before=120,
        entry=RULES,
        prices=(a_price("adult", 1_000, entrance="East"),),
        valid_days=30,
    )

    copy = await told(blank, await a_catalogue(blank, an_issuer(products=(walk,))))

    (product,), (price,) = copy.products, copy.prices
    assert (product.uses, product.transfer, product.transfer_minutes_before) == (UNLIMITED_USES, "face_value", 120)
    assert (EntryRules.of(product.entry_rules), price.entrance) == (RULES, "East")


async def test_what_gates_go_by_is_kept_as_it_was_told(stage: Stage, shop: Shop, keeper: Stage) -> None:
    copy = await told(stage, shop)
    products = [another(row, transfer_minutes_before=120, entry_rules=RULES.told()) for row in copy.products]
    prices = [another(row, entrance="East") for row in copy.prices]

    await written(keeper, another(copy, products=products, prices=prices))

    for row in await keeper.sql("SELECT transfer_minutes_before, entry_rules FROM product"):
        assert (row.transfer_minutes_before, EntryRules.of(row.entry_rules)) == (120, RULES)
    assert await keeper.value("SELECT count(*) FROM price WHERE entrance <> 'East'") == 0


# --- keeping --------------------------------------------------------------------------------------------------------


async def test_a_copy_is_whole_when_its_places_are_here(stage: Stage, shop: Shop, keeper: Stage) -> None:
    copy = await told(stage, shop)
    listed = [Listed(id=copy.id, slug=copy.slug, revision=copy.revision)]
    await written(keeper, copy)

    async with keeper.world.transaction() as tx:
        assert await mirror.revisions(tx, ARENA) == {shop.issuer: None}
        had = await mirror.places_had(tx, shop.issuer)
        assert had == dict.fromkeys((shop.occasions[f"play/{day}"] for day in ("mon", "tue", "wed")), -1) | {
            shop.occasions["talk/talk"]: -1
        }
        await mirror.whole(tx, ARENA, etag='"1"', listed=listed)
        assert (await mirror.known(tx, ARENA)).etag is None
    for occasion in had:
        places = await told_places(stage, occasion)
        async with keeper.world.transaction() as tx:
            await mirror.write_places(tx, places, issuer_id=shop.issuer)
    async with keeper.world.transaction() as tx:
        assert set((await mirror.places_had(tx, shop.issuer)).values()) == {1}
        await mirror.complete(tx, shop.issuer, copy.revision)
        await mirror.whole(tx, ARENA, etag='"1"', listed=listed)
        assert (await mirror.known(tx, ARENA)).etag == '"1"'
        (counted,) = await mirror.counts(tx, ARENA)
        assert tuple(counted) == ("haneul", True, 5, 7, 49)

    await written(keeper, copy)
    async with keeper.world.transaction() as tx:
        assert (await mirror.known(tx, ARENA)).etag is None, "it is read again, in case another worker was faster"


async def test_what_is_told_no_more_is_withdrawn(stage: Stage, shop: Shop, keeper: Stage) -> None:
    copy = await told(stage, shop)
    await written(keeper, copy)
    await written(keeper, copy.model_copy(update={"products": copy.products[1:], "occasions": [], "prices": []}))

    assert await keeper.value("SELECT count(*) FROM product WHERE NOT withdrawn") == 4
    assert await keeper.value("SELECT count(*) FROM occasion WHERE NOT withdrawn") == 0
    async with keeper.world.transaction() as tx:
        await mirror.withdraw_issuer(tx, shop.issuer)
    assert await keeper.value("SELECT count(*) FROM product WHERE NOT withdrawn") == 0


async def test_places_that_are_told_no_more_are_withdrawn(stage: Stage, shop: Shop, keeper: Stage) -> None:
    await written(keeper, await told(stage, shop))
    whole = await told_places(stage, shop.occasions["play/tue"])
    columns = {name: getattr(whole, name)[:6] for name in ("id", *mirror.COLUMNS)}
    for places in (whole, whole.model_copy(update={**columns, "revision": 2})):
        async with keeper.world.transaction() as tx:
            await mirror.write_places(tx, places, issuer_id=shop.issuer)

    rows = await keeper.sql("SELECT withdrawn FROM place ORDER BY pos")
    assert [row.withdrawn for row in rows] == [False] * 6 + [True] * 6


async def test_when_a_server_was_last_heard_never_goes_back(keeper: Stage) -> None:
    async with keeper.world.transaction() as tx:
        assert await mirror.last_heard(tx, ARENA) is None
    early = keeper.clock.now()
    keeper.clock.advance(seconds=5)
    for now, fault in ((keeper.clock.now(), "x" * 5_000), (early, None)):
        async with keeper.world.transaction() as tx:
            await mirror.heard(tx, ARENA, fault=fault, now=now)
            known = await mirror.known(tx, ARENA)
            assert known.heard_at == keeper.clock.now()
            assert known.fault == (fault and fault[:2_000])


# --- whose it is ----------------------------------------------------------------------------------------------------


async def test_an_issuer_stays_with_its_server(stage: Stage, shop: Shop, keeper: Stage) -> None:
    copy = await told(stage, shop)
    await written(keeper, copy)

    assert "of the server arena already" in await refused(keeper, copy, served_by="hall")
    renumbered = await told(stage, shop, id=NOBODY)
    assert "another id before" in await refused(keeper, renumbered)
    own = await a_catalogue(keeper, an_issuer("own", products=(a_product("walk", prices=(a_price("adult", 1),)),)))
    assert "of our own already" in await refused(keeper, await told(keeper, own))


async def test_an_issuer_of_another_server_is_imported_there(stage: Stage, shop: Shop, keeper: Stage) -> None:
    await written(keeper, await told(stage, shop))

    with pytest.raises(ImportRefused, match="import it there"):
        await import_catalogue(keeper.world, CatalogueDraft((an_issuer("haneul"),)))


async def test_rows_of_another_issuer_are_not_touched(stage: Stage, shop: Shop, keeper: Stage) -> None:
    own = await a_catalogue(keeper, an_issuer("own", products=(a_product("walk", prices=(a_price("adult", 1),)),)))
    copy = await told(stage, shop)
    stolen = [another(copy.prices[0], id=own.price("walk/adult")), *copy.prices[1:]]

    assert (
        await refused(keeper, copy.model_copy(update={"prices": stolen}))
        == "it claims a price that is another issuer's"
    )

    assert await keeper.value("SELECT count(*) FROM issuer") == 1
    assert await keeper.value("SELECT amount FROM price") == 1


async def test_places_of_another_occasion_are_not_touched(stage: Stage, shop: Shop, keeper: Stage) -> None:
    await written(keeper, await told(stage, shop))
    monday = await told_places(stage, shop.occasions["play/mon"])
    async with keeper.world.transaction() as tx:
        await mirror.write_places(tx, monday, issuer_id=shop.issuer)

    stolen = monday.model_copy(update={"occasion": shop.occasions["play/tue"]})
    with pytest.raises(CopyRefused, match="another occasion's"):
        async with keeper.world.transaction() as tx:
            await mirror.write_places(tx, stolen, issuer_id=shop.issuer)


async def test_what_contradicts_itself_is_refused(stage: Stage, shop: Shop, keeper: Stage) -> None:
    copy = await told(stage, shop)
    twins = [another(one, slug="twin") for one in copy.products]
    assert "contradicts itself" in await refused(keeper, copy.model_copy(update={"products": twins}))

    await written(keeper, copy)
    places = await told_places(stage, shop.occasions["play/tue"])
    renamed = places.model_copy(update={"id": [UUID(int=1 + n) for n in range(len(places.id))]})
    for one, outcome in ((places, None), (renamed, "contradict those")):
        async with keeper.world.transaction() as tx:
            if outcome is None:
                await mirror.write_places(tx, one, issuer_id=shop.issuer)
                continue
            with pytest.raises(CopyRefused, match=outcome):
                await mirror.write_places(tx, one, issuer_id=shop.issuer)


async def test_what_goes_wrong_here_is_not_blamed_on_them(stage: Stage, shop: Shop, keeper: Stage) -> None:
    copy = await told(stage, shop)
    await written(keeper, copy)

    async with keeper.world.transaction() as other, keeper.world.transaction() as tx:
        await other.execute("UPDATE product SET uses = 2")
        await tx.execute("SET LOCAL lock_timeout = '20ms'")
        with pytest.raises(DBAPIError, match="lock timeout"):
            await mirror.write(tx, copy.model_copy(update={"products": [
                another(one, booking_limit=3) for one in copy.products
            ]}), served_by=ARENA, now=keeper.clock.now())  # fmt: skip
