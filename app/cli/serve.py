"""`cyberticket serve`: the server of sales, handsets, gates and staff, alone in its process."""

from __future__ import annotations

from typing import Annotated

import typer

from app import logs
from app.cli.options import Data, Host, Port
from app.cli.serving import house, listen, run, serving, stop_signal
from app.main import create_app
from app.settings import Role, Settings, load


def add_to(app: typer.Typer) -> None:
    app.command("serve")(serve)


def serve(
    data: Data = None,
    host: Host = None,
    port: Port = None,
    role: Annotated[
        Role | None, typer.Option(help="sales: sells and delivers; issuer: keeps stock, register and gates; or both.")
    ] = None,
) -> None:
    """Serve sales, handsets, gates and staff. Run `cyberticket migrate` before the first start."""
    settings = load(data_dir=data, host=host, port=port, role=role)
    settings.require_sound_secrets()
    logs.configure(settings.log_level)
    run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stop = stop_signal()
    with listen(settings.host, settings.port) as listener:
        async with house(settings) as world, serving(create_app(settings, world=world), listener):
            typer.echo(f"cyberticket: http://{settings.host}:{listener.getsockname()[1]}")
            await stop.wait()
