"""Rows with the very ids that stand in the OpenAPI examples: made by the flows, then renamed."""

from __future__ import annotations

from uuid import UUID, uuid4

import sqlalchemy as sa
from builders import Shop, Stage, a_booking, a_catalogue
from sqlmodel import SQLModel

from app.domain.credential import LinkToken
from app.flows.booking.book import link_hash
from app.flows.gate import gates
from app.schemas import examples

WITHOUT_KEYS = {
    "booking": ("place.taken_by",),
    "ticket": ("credential.ticket_id", "scan.ticket_id"),
    "product": ("credential.product_id",),
    "occasion": ("credential.occasion_id",),
}
"""Where a row is spoken of by a column that has no foreign key: the register may be another house's."""


async def rename(stage: Stage, table: str, old: object, new: str) -> None:
    """Give a row another id, wherever it is spoken of, also where no foreign key says so."""
    async with stage.database.session() as tx:
        await tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
        for other in SQLModel.metadata.sorted_tables:
            for column in other.columns:
                speaks = any(key.column.table.name == table for key in column.foreign_keys)
                speaks = speaks or f"{other.name}.{column.name}" in WITHOUT_KEYS.get(table, ())
                if speaks or (other.name == table and column.name == "id"):
                    await tx.execute(sa.update(other).where(column == old).values({column.name: UUID(new)}))


async def furnished(stage: Stage) -> Shop:
    """The theatre with a held booking, a sold ticket, an invited gate and a dead letter, all by the examples' ids."""
    shop = await a_catalogue(stage)
    held = await a_booking(stage, shop, of="play/tue")
    sold = await a_booking(stage, shop, of="play/tue", worked=True)
    invited = await gates.invite(stage.world, issuer_id=shop.issuer, name="Stage door")
    letter = uuid4()
    await stage.sql(
        "INSERT INTO outbox (id, issuer_id, topic, key, payload, created_at, due_at, attempts, dead_at, last_error)"
        " SELECT :id, issuer_id, topic, 'given up', payload, created_at, due_at, 12, created_at, 'no answer'"
        " FROM outbox WHERE topic = 'register' LIMIT 1",
        id=letter,
    )
    within_zone = await stage.value("SELECT id FROM price WHERE origin_zone = '1' AND destination_zone = '1'")
    for table, old, new in (
        ("product", shop.products["play"], examples.PRODUCT),
        ("occasion", shop.occasions["play/mon"], examples.OCCASION),
        ("price", shop.price("play/R"), examples.PRICE),
        ("product", shop.products["ride"], examples.RIDE),
        ("price", within_zone, examples.RIDE_PRICE),
        ("stop", shop.stops["b"], examples.ORIGIN),
        ("stop", shop.stops["a"], examples.DESTINATION),
        ("place", shop.seats("play/mon", "B-1")[0], examples.PLACE),
        ("booking", held.id, examples.BOOKING),
        ("ticket", sold.tickets[0].id, examples.TICKET),
        ("gate", invited.gate_id, examples.GATE),
        ("outbox", letter, examples.DEAD_LETTER),
    ):
        await rename(stage, table, old, new)
    await _with_the_examples_secrets(stage)
    return shop


async def _with_the_examples_secrets(stage: Stage) -> None:
    await stage.sql(
        "UPDATE booking SET link_hash = :hash WHERE id = :id",
        id=UUID(examples.BOOKING),
        hash=link_hash(examples.BOOKING_LINK),
    )
    await stage.sql(
        "UPDATE ticket SET link_hash = :hash WHERE id = :id",
        id=UUID(examples.TICKET),
        hash=LinkToken(examples.TICKET_LINK).digest(),
    )
    await stage.sql(
        "UPDATE gate SET enrolment_hash = :hash WHERE id = :id",
        id=UUID(examples.GATE),
        hash=gates.code_hash(examples.CODE),
    )


def bearer_for(path: str, *, gate: str, boss: str) -> str | None:
    """Who would ask this."""
    if path.startswith("/staff") or path.endswith("/revoke"):
        return boss
    if path.startswith("/gate/") and gate:
        return gate
    if path.startswith("/bookings/"):
        return examples.BOOKING_LINK
    return examples.TICKET_LINK if path.startswith("/tickets/") else None
