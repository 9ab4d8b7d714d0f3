"""Keeping house: migrations, keys, staff keys, gates."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from app import keys
from app.cli.options import Data
from app.cli.serving import house
from app.flows import oversee, staff
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
    data: Data = None,
) -> None:
    """Make a one-time code with which a device becomes a gate."""

    async def run() -> staff.Invitation:
        async with house(load(data_dir=data)) as world:
            anyone = Member(id=world.entropy.uuid(), issuer_id=None, scopes=SCOPES)
            row = await oversee.issuer(world, anyone, issuer)
            return await staff.invite_gate(world, issuer_id=row.id, name=name, occasions=())

    invitation = asyncio.run(run())
    console.print(f"{invitation.code} (good until {invitation.until:%H:%M} UTC)", highlight=False)
