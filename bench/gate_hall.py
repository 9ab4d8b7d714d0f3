"""Halls for the gates' figures: occasions whose tickets were put into the register, not sold, and what they show."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec

from app import wiring
from app.domain import damm
from app.domain.credential import Body, CodeId, Flag, signed_text, validity
from app.domain.entry_rules import EntryRules
from app.domain.gate import Place
from app.domain.ticket import Kind
from app.flows.audit import audit
from app.flows.gate import gates
from app.flows.gate import tokens as gate_tokens
from app.flows.gate.tokens import GateCaller
from app.keys import public_jwk
from app.ports import Registration
from app.settings import Settings
from app.store import register
from app.store.audit import INVARIANTS, REGISTERS
from app.store.connections import Connection
from app.world import World

CODES_FROM = 900_000
"""Occasions of the catalogue have lower codes."""
HALL_TICKETS_MAX = 1_000_000
AT_ONCE = 5_000
OPEN_HOURS = 12

PRODUCT = """
    INSERT INTO product (id, issuer_id, slug, kind, title, description, search, uses, booking_limit, transfer, refund,
            withdrawn, entry_rules)
        VALUES (:product, :issuer, :slug, 'admission', CAST('{"ko": "봄날", "en": "Spring"}' AS jsonb),
            CAST('{}' AS jsonb), '', 1, 8, 'free', 'never', false, :rules)
"""
OCCASION = """
    INSERT INTO occasion (id, issuer_id, product_id, slug, code, stock, starts_at, withdrawn, revision)
        VALUES (:occasion, :issuer, :product, :slug, :code, 'places', :starts, false, 0)
"""
ISSUER = """
    INSERT INTO issuer (id, slug, name, timezone, currency, language, served_by, created_at)
        VALUES (:issuer, :slug, CAST('{"ko": "측정", "en": "Bench"}' AS jsonb), 'Asia/Seoul', 'KRW', 'ko', 'local',
            :now)
"""


@asynccontextmanager
async def joined(data: Path, *, public_url: str = "http://127.0.0.1:8000") -> AsyncIterator[World]:
    """A world on the database and the keys of a data folder; settings of the environment do not reach it."""
    settings = Settings(demo=True, data_dir=data, public_url=public_url, database_url=None, redis_url=None)
    async with wiring.world(settings) as world:
        yield world


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket in the register and the signed barcode (CT1) that its holder shows."""

    id: UUID
    code: int
    text: str
    entrance: str = ""


@dataclass(frozen=True, slots=True)
class Hall:
    """One occasion that gates open for. `number` tells its codes and numbers from other halls'."""

    issuer: UUID
    product: UUID
    occasion: UUID
    number: int
    opens: datetime

    @property
    def code(self) -> int:
        return CODES_FROM + self.number

    @property
    def closes(self) -> datetime:
        return self.opens + timedelta(hours=OPEN_HOURS)


async def an_issuer(world: World) -> UUID:
    """An issuer for whom nothing is sold."""
    issuer = world.entropy.uuid()
    async with world.transaction() as tx:
        await tx.execute(ISSUER, {"issuer": issuer, "slug": "bench-gates", "now": world.clock.now()})
    return issuer


async def a_hall(world: World, issuer: UUID, number: int, rules: EntryRules) -> Hall:
    """A product with these rules and an occasion of it that is open now."""
    opens = world.clock.now().replace(second=0, microsecond=0) - timedelta(hours=1)
    hall = Hall(issuer, world.entropy.uuid(), world.entropy.uuid(), number, opens)
    common = {"issuer": issuer, "product": hall.product, "slug": f"hall-{number}"}
    async with world.transaction() as tx:
        await tx.execute(PRODUCT, {**common, "rules": json.dumps(rules.told())})
        more = {"occasion": hall.occasion, "code": hall.code, "starts": hall.closes}
        await tx.execute(OCCASION, {**common, **more})
    return hall


async def tickets(world: World, hall: Hall, count: int, *, entrances: Sequence[str] = ("",)) -> list[Ticket]:
    """So many tickets for one person each, as they stand in the register after their sale; entrances in turns."""
    assert count <= HALL_TICKETS_MAX, "their numbers would be another hall's"
    found = []
    for first in range(0, count, AT_ONCE):
        entries = [
            _registration(world, hall, n, entrances[n % len(entrances)])
            for n in range(first, min(first + AT_ONCE, count))
        ]
        async with world.transaction() as tx:
            await register.register(tx, entries, now=hall.opens)
        found += [Ticket(one.ticket_id, one.code, _shown(world, hall, one.code), one.entrance) for one in entries]
    async with world.database.statements() as tx:
        await tx.execute("ANALYZE credential")
    return found


def _registration(world: World, hall: Hall, n: int, entrance: str) -> Registration:
    digits = f"{hall.number * HALL_TICKETS_MAX + n:09}"
    return Registration(
        ticket_id=world.entropy.uuid(),
        issuer_id=hall.issuer,
        number=f"{digits}{damm.check_digit(digits)}",
        code=(hall.code << 32) + n,
        generation=1,
        kid=world.house.keys.kid,
        kind=Kind.ADMISSION,
        product_id=hall.product,
        occasion_id=hall.occasion,
        occasion_code=hall.code,
        label={
            "title": {"ko": "봄날", "en": "Spring"},
            "category": {"ko": "R석", "en": "R"},
            "section": "Stalls",
            "row": chr(65 + n // 40 % 26),
            "seat": str(n % 40 + 1),
            "origin": None,
            "destination": None,
            "starts_at": hall.closes.isoformat(),
            "handset": f"{n % 10_000:04}",
        },
        uses=1,
        balance=None,
        valid_from=hall.opens,
        valid_until=hall.closes,
        entrance=entrance,
    )


def body_of(hall: Hall, code: int, *, kid: int) -> Body:
    """What a barcode of this hall says."""
    begins, minutes = validity(hall.opens, hall.closes)
    return Body(kid, CodeId(code), hall.code, 1, begins, minutes, Flag(0))


def _shown(world: World, hall: Hall, code: int) -> str:
    signer = world.house.keys.signer
    return signed_text(body_of(hall, code, kid=signer.kid), signer.sign)


# --- gates ----------------------------------------------------------------------------------------------------------


async def a_gate(world: World, hall: Hall, name: str, place: Place) -> GateCaller:
    """A gate that enrolled with a key of its own, as those must that decide alone."""
    invitation = await gates.invite(world, issuer_id=hall.issuer, name=name, place=place)
    key = public_jwk(ec.generate_private_key(ec.SECP256R1()).public_key())
    return (await gate_tokens.enrol(world, invitation.code, key=key)).caller


# --- what the register says afterwards ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kept:
    """What the register holds of one hall: people let in, by (gate, scan); those beyond what was bought; uses left."""

    let_in: frozenset[tuple[UUID, str]]
    people: int
    beyond: int
    uses_left: int
    doubles: frozenset[UUID]
    """Tickets of which a double admission was reported."""


async def kept(world: World, hall: Hall) -> Kept:
    of_hall = "SELECT ticket_id FROM credential WHERE occasion_id = :occasion"
    about = {"occasion": hall.occasion}
    async with world.transaction() as tx:
        people = list(
            await tx.execute(
                f"SELECT gate_id, scan_id, use_no FROM admission WHERE ticket_id IN ({of_hall})",  # noqa: S608 - a constant
                about,
            )
        )
        left = await tx.execute("SELECT sum(uses_left) FROM credential WHERE occasion_id = :occasion", about)
        doubles = await tx.execute(
            f"SELECT ticket_id FROM incident WHERE kind = 'double_admission' AND ticket_id IN ({of_hall})",  # noqa: S608 - a constant
            about,
        )
        return Kept(
            let_in=frozenset((row.gate_id, row.scan_id) for row in people),
            people=len(people),
            beyond=sum(row.use_no is None for row in people),
            uses_left=int(left.scalar_one()),
            doubles=frozenset(doubles.scalars()),
        )


async def verdict(world: World) -> str:
    """The audit in words: what it found wrong, or that nothing is. I8 is left out, for these tickets were not sold."""
    asked = [one.name for one in INVARIANTS if one is not REGISTERS]
    wrong = [one for one in await audit(world, only=asked, most=3) if one.breaches]
    if not wrong:
        return f"{len(asked)} invariants hold (all but {REGISTERS.name}: these tickets were not sold)"
    said = [
        f"{one.invariant.name}: {one.breaches}, such as {one.rows[0].subject} {one.rows[0].problem}" for one in wrong
    ]
    return "BROKEN " + "; ".join(said)


# --- what it costs --------------------------------------------------------------------------------------------------


@contextmanager
def counting() -> Iterator[list[str]]:
    """The statements that run in this process while the block lasts, BEGIN and COMMIT of transactions among them."""
    seen: list[str] = []
    execute = Connection.execute

    async def noted(connection: Connection, text: str, values: Any) -> Any:
        driver = connection.driver
        begun = driver.is_in_transaction()
        rows = await execute(connection, text, values)
        seen.extend((text,) if begun or not driver.is_in_transaction() else ("BEGIN", text, "COMMIT"))
        return rows

    setattr(Connection, "execute", noted)  # noqa: B010 - put back below; there is no other place that all statements pass
    try:
        yield seen
    finally:
        setattr(Connection, "execute", execute)  # noqa: B010 - as it was
