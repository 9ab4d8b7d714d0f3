"""`cyberticket keys …`: what keys there are, new ones in, old ones out, and a compromised one gone at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from app.cli.options import Data
from app.cli.serving import house
from app.flows.hands import key_uses
from app.flows.hands.key_uses import Renewed
from app.keys import folder, rotation
from app.keys.living import LOOK_SECONDS
from app.keys.rotation import Key, State
from app.settings import Settings, load
from app.store.key_uses import Uses

app = typer.Typer(help="Keys: list, rotate, retire, drop. See docs/how-to/rotate-keys.md.", no_args_is_help=True)
console = Console(soft_wrap=True, highlight=False)

ROW = "{:<7}  {:>5}  {:<8}  {:<43}  {:>5}  {:>9}"
HOUR_SECONDS, DAY_HOURS = 3_600, 24
SERVERS_SECONDS = 2 * LOOK_SECONDS
"""Until then a server that runs may still sell under the ring as it was."""


class Kind(StrEnum):
    SECRET = "secret"  # noqa: S105 - the name of a kind
    BARCODE = "barcode"
    TOKEN = "token"  # noqa: S105 - the name of a kind


class KindOrAll(StrEnum):
    SECRET = "secret"  # noqa: S105 - the name of a kind
    BARCODE = "barcode"
    TOKEN = "token"  # noqa: S105 - the name of a kind
    ALL = "all"


def add_to(program: typer.Typer) -> None:
    program.add_typer(app, name="keys")


@app.command("list")
def list_keys(data: Data = None) -> None:
    """Every key with its state, age, and how many living tickets depend on it."""
    settings = load(data_dir=data)
    found = rotation.keys(settings.keys_folder)
    needed = asyncio.run(_uses(settings, found))
    now = datetime.now(UTC)
    console.print(ROW.format("kind", "index", "state", "thumbprint", "age", "tickets"))
    for key, uses in zip(found, needed, strict=True):
        tickets = "" if key.kind == Kind.TOKEN else f"{uses.tickets:,}"
        row = ROW.format(key.kind, key.index, key.state.value, key.thumbprint, _age(key, now), tickets)
        console.print(row.rstrip())


async def _uses(settings: Settings, found: list[Key]) -> list[Uses]:
    async with house(settings) as world:
        return [await key_uses.uses(world, key) for key in found]


def _age(key: Key, now: datetime) -> str:
    hours = int((now - key.made_at).total_seconds()) // HOUR_SECONDS
    return f"{hours} h" if hours < 2 * DAY_HOURS else f"{hours // DAY_HOURS} d"


@app.command("rotate")
def rotate(
    kind: Annotated[KindOrAll, typer.Argument(help="Which kind of key.")] = KindOrAll.ALL,
    *,
    at_once: Annotated[
        bool, typer.Option("--now", help="Use the new key at once. Who kept our key set for a while does not know it.")
    ] = False,
    data: Data = None,
) -> None:
    """Publish a new key; a day later, called again, use it. Running servers and workers follow within seconds."""
    directory = load(data_dir=data).keys_folder
    for one in rotation.KINDS if kind is KindOrAll.ALL else (kind.value,):
        step = rotation.rotate(directory, one, now=datetime.now(UTC), at_once=at_once)
        if step.current:
            console.print(f"{step.name} is current: what is made from now on is made with it.")
        else:
            shown = "is published" if step.published else "was published already"
            console.print(f"{step.name} {shown}. In {rotation.waiting(step)} call this again, and it becomes current.")
    console.print(f"Back up {directory}.")


@app.command("retire")
def retire(data: Data = None) -> None:
    """Take previous keys that nothing needs out of the ring; of the others it says what needs them."""
    settings = load(data_dir=data)
    previous = [key for key in rotation.keys(settings.keys_folder) if key.state is State.PREVIOUS]
    for key, why in zip(previous, asyncio.run(_why_kept(settings, previous)), strict=True):
        if why is None:
            rotation.retire(settings.keys_folder, key.kind, key.index)
        console.print(why or f"{key.name} is gone from the ring.")
    if not previous:
        console.print("There is no previous key.")


async def _why_kept(settings: Settings, previous: list[Key]) -> list[str | None]:
    async with house(settings) as world:
        return [await key_uses.why_kept(world, key) for key in previous]


@app.command("drop")
def drop(
    kind: Annotated[Kind, typer.Argument(help="Which kind of key.")],
    index: Annotated[int, typer.Argument(min=0, max=255, help="Its index; `cyberticket keys list` shows it.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell how many tickets it is about.")] = False,
    data: Data = None,
) -> None:
    """Take a compromised key out at once. Living tickets under a secret are issued anew, by message; again, goes on."""
    settings = load(data_dir=data)
    if dry_run:
        asyncio.run(_tell_uses(settings, kind, index))
        return
    replaced = rotation.drop(settings.keys_folder, kind, index, now=datetime.now(UTC))
    console.print(f"{kind}-{index} is gone from the ring, and from the published keys within {LOOK_SECONDS:.0f} s.")
    if replaced:
        console.print(f"{replaced} is current in its place. Back up {settings.keys_folder}.")
    match kind:
        case Kind.SECRET:
            asyncio.run(_renew(settings, index))
        case Kind.BARCODE:
            console.print("Saved pictures made with it open nothing; pages and apps show new ones by themselves.")
        case Kind.TOKEN:
            console.print("Tokens signed with it open nothing; gates and apps fetch new ones with their own keys.")


async def _tell_uses(settings: Settings, kind: Kind, index: int) -> None:
    known = [key for key in rotation.keys(settings.keys_folder) if (key.kind, key.index) == (kind, index)]
    dropped = f"{kind}-{index}" in folder.read_index(settings.keys_folder).dropped
    if not known and not dropped:
        raise rotation.NotNow(f"There is no {kind}-{index} in this ring; `cyberticket keys list` shows what there is.")
    async with house(settings) as world:
        key = known[0] if known else Key(kind, index, State.PREVIOUS, "", world.clock.now(), None)
        uses = await key_uses.uses(world, key)
    match kind:
        case Kind.SECRET:
            console.print(f"{uses.tickets:,} living tickets would be issued anew, by message.")
            console.print(f"{uses.accounts:,} e-money accounts would get new PINs, by message.")
            console.print(f"{uses.foreign:,} tickets that other servers sold would open by their signed codes alone.")
        case Kind.BARCODE:
            console.print(f"Saved pictures of {uses.tickets:,} living tickets would open nothing any more.")
        case Kind.TOKEN:
            console.print("Gates and apps would fetch new tokens. No ticket depends on it.")


async def _renew(settings: Settings, index: int) -> None:
    await asyncio.sleep(SERVERS_SECONDS)
    async with house(settings) as world:
        await key_uses.renew(world, index, told=_tell)
        done = await key_uses.renew(world, index)
    reasons = {
        "under_way": "still with the issuer's own server, which is asked until it answers",
        "elsewhere": "in registers of other servers that cannot do it yet",
        "suspended": "suspended",
        "used_up": "used up",
    }
    for reason, count in sorted(done.left.items()):
        console.print(f"{count:,} tickets were left as they are: {reasons.get(reason, reason)}.")
    console.print("Everything else under it is made anew. If this was interrupted before, nothing was done twice.")


def _tell(so_far: Renewed) -> None:
    console.print(f"{so_far.tickets:,} tickets issued anew, {so_far.accounts:,} accounts with new PINs.")
