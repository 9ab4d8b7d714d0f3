"""Gates as staff see them: invited to a place by a one-time code, looked at, shut out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from app.domain.gate import Place
from app.domain.refusals import BadLine, NotFound, WrongState
from app.flows.booking.sales_status import LOCAL
from app.flows.staff import KEYBOARD, Member, remember
from app.ports import Distant, Host
from app.store import gates, staff
from app.world import World

ENROLMENT_MINUTES = 60
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


# --- inviting -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Invitation:
    """A gate to be enrolled: `code` is typed or scanned into its device once."""

    gate_id: UUID
    code: str
    until: datetime
    link: str
    """What the code's picture says: the server and the code, for a gate's own app."""


async def invite(
    world: World, *, issuer_id: UUID, name: str, place: Place | None = None, by: str = KEYBOARD
) -> Invitation:
    """A one-time code for a gate; the same name again replaces the device that had it.

    Raises BadLine for a home gate without an entrance, WrongState where the entrance has another home gate or the
    issuer a server of its own.
    """
    place = place or Place()
    if place.home and not place.entrance:
        raise BadLine("A home gate is the home gate of an entrance: name the entrance too.")
    code = _code(world.entropy.bytes(10))
    now = world.clock.now()
    until = now + timedelta(minutes=ENROLMENT_MINUTES)
    async with world.transaction() as tx:
        _require_own_gates(world, await staff.served_by(tx, issuer_id))
        if place.home and (
            other := await gates.other_home(tx, issuer_id=issuer_id, entrance=place.entrance, name=name)
        ):
            raise WrongState(
                f"{other} is the home gate of the entrance {place.entrance}, and there is one only."
                " Shut it out, or invite it again without `home`, first."
            )
        gate_id = await gates.invite(
            tx,
            identity=world.entropy.uuid(),
            issuer_id=issuer_id,
            name=name,
            place=place,
            enrolment_hash=code_hash(code),
            enrolment_until=until,
            now=now,
        )
        issuer = await staff.issuer_by_id(tx, issuer_id)
        await remember(tx, world, issuer, by, "gate invited", f"gate {gate_id}", _told(name, place))
    link = "cyberticket://gate?" + urlencode({"server": world.house.public_url, "code": code})
    return Invitation(gate_id, code, until, link)


def _told(name: str, place: Place) -> dict[str, object]:
    """What the journal keeps of an invitation."""
    return {
        "name": name,
        "occasions": [str(one) for one in place.occasions],
        "role": place.role.value,
        "direction": place.direction.value,
        "entrance": place.entrance,
        "area": place.area,
        "home": place.home,
    }


def _require_own_gates(world: World, served_by: str) -> None:
    """Gates ask the server that keeps the register; raises WrongState for the issuers of another one."""
    issuer = world.issuers.get(served_by)
    if served_by != LOCAL or not isinstance(issuer, Host):
        where = f" at {issuer.address}" if isinstance(issuer, Distant) else ""
        raise WrongState(f"This issuer has a server of its own, {served_by}. Set up its gates there{where}.")


def _code(chance: bytes) -> str:
    """80 bits as four groups of four Crockford letters."""
    value = int.from_bytes(chance, "big")
    letters = "".join(CROCKFORD[value >> shift & 31] for shift in range(75, -1, -5))
    return "-".join(letters[start : start + 4] for start in range(0, 16, 4))


def code_hash(code: str) -> bytes:
    """What is kept of a one-time code, however a person typed it."""
    plain = code.upper().replace("-", "").replace(" ", "").replace("O", "0").replace("I", "1").replace("L", "1")
    return hashlib.sha256(plain.encode()).digest()


# --- shutting out ---------------------------------------------------------------------------------------------------


async def revoke(world: World, caller: Member, gate_id: UUID) -> None:
    """Shut a gate out; raises NotFound for another issuer's gate as for none, WrongState for one of another server."""
    async with world.transaction() as tx:
        row = await gates.gate(tx, gate_id)
        if row is None or not caller.acts_for(row.issuer_id):
            raise NotFound("There is no such gate.")
        _require_own_gates(world, row.served_by)
        await gates.revoke(tx, gate_id, now=world.clock.now())
        issuer = await staff.issuer_by_id(tx, row.issuer_id)
        await remember(tx, world, issuer, caller.name, "gate revoked", f"gate {gate_id}", {"name": row.name})


async def listing(world: World, issuer: sa.Row[Any], *, after: UUID | None, limit: int) -> Sequence[sa.Row[Any]]:
    """An issuer's gates, the latest first, with what each has scanned since midnight where the issuer is."""
    there = world.clock.now().astimezone(ZoneInfo(issuer.timezone))
    midnight = there.replace(hour=0, minute=0, second=0, microsecond=0)
    async with world.database.statements() as tx:
        return await gates.listing(tx, issuer_id=issuer.id, midnight=midnight, after=after, limit=limit)
