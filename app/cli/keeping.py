"""Keeping house: migrations, keys, staff keys, gates."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from app import barcode, keys
from app.cli.address import reached
from app.cli.options import Data
from app.cli.serving import house
from app.domain.entry_rules import Direction, Role
from app.domain.gate import Place
from app.flows import oversee, staff
from app.flows.gate import gates
from app.flows.staff import SCOPES, Member
from app.settings import load
from app.store.migrate import migrate as migrate_database
from app.wiring import database as build_database

console = Console()


def add_to(app: typer.Typer) -> None:
    app.command("migrate")(migrate)
    app.command("make-keys")(make_keys)
    app.command("staff-key")(staff_key)
    app.command("revoke-staff-key")(revoke_staff_key)
    app.command("invite-gate")(invite_gate)


def migrate(data: Data = None) -> None:
    """Bring the database to the newest schema."""

    async def run() -> None:
        async with build_database(load(data_dir=data)) as database:
            await migrate_database(database.engine)

    asyncio.run(run())
    console.print("The database has the newest schema.")


def make_keys(data: Data = None) -> None:
    """Make the key ring of a new installation. Back it up: without it no ticket ever sold can be verified."""
    folder = load(data_dir=data).keys_folder
    keys.create(folder)
    console.print(f"Made a key ring in {folder}. Back it up somewhere safe.", soft_wrap=True)


def staff_key(
    name: Annotated[str, typer.Argument(help="Whose key it is.")],
    scope: Annotated[list[str], typer.Option(help=f"Any of {', '.join(sorted(SCOPES))}; once per scope.")],
    issuer: Annotated[str | None, typer.Option(help="Slug of the issuer; none: for all of them.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="How long it lives.")] = None,
    data: Data = None,
) -> None:
    """Make a staff key; it is shown once."""

    async def run() -> str:
        async with house(load(data_dir=data)) as world:
            return await staff.make_key(world, issuer=issuer, name=name, scopes=scope, days=days)

    console.print(asyncio.run(run()), markup=False, highlight=False, soft_wrap=True)


def revoke_staff_key(
    prefix: Annotated[str, typer.Argument(help="The part of the key between its underscores: ctk_PART_….")],
    data: Data = None,
) -> None:
    """Make a staff key open nothing from now on."""

    async def run() -> None:
        async with house(load(data_dir=data)) as world:
            await staff.revoke_key(world, prefix)

    asyncio.run(run())
    console.print(f"The staff key ctk_{prefix}_… opens nothing any more.", highlight=False)


def invite_gate(
    issuer: Annotated[str, typer.Argument(help="Slug of the issuer.")],
    name: Annotated[str, typer.Argument(help="What the gate is called.")],
    *,
    role: Annotated[Role, typer.Option(help="A supervisor may overrule a no, and search.")] = Role.STEWARD,
    direction: Annotated[Direction, typer.Option(help="Which way people pass it.")] = Direction.IN,
    entrance: Annotated[str, typer.Option(help="The entrance it stands at.")] = "",
    area: Annotated[str, typer.Option(help="What it leads into; people are counted by it.")] = "",
    home: Annotated[bool, typer.Option("--home", help="It alone decides for its entrance without network.")] = False,
    occasion: Annotated[
        list[UUID] | None, typer.Option(help="Id of an occasion it opens for; once per occasion, none: all.")
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="Write the QR code to this SVG file too.")] = None,
    data: Data = None,
) -> None:
    """Make a one-time code with which a device becomes a gate, and draw it for the device's camera."""
    place = Place(tuple(occasion or ()), role, direction, entrance, area, home)

    async def run() -> gates.Invitation:
        async with house(reached(load(data_dir=data))) as world:
            anyone = Member(id=world.entropy.uuid(), issuer_id=None, scopes=SCOPES)
            row = await oversee.issuer(world, anyone, issuer)
            return await gates.invite(world, issuer_id=row.id, name=name, place=place)

    invitation = asyncio.run(run())
    if picture is not None:
        picture.write_text(barcode.link_svg(invitation.link), encoding="utf-8")
    if console.is_terminal:
        console.print(barcode.link_in_terminal(invitation.link), markup=False, highlight=False)
    console.print(f"{invitation.code} (good until {invitation.until:%H:%M} UTC)", highlight=False)
    console.print(invitation.link, markup=False, highlight=False, soft_wrap=True)
