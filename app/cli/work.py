"""`cyberticket worker`: what is done in the background, alone in its process."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from prometheus_client import start_http_server

from app import logs
from app import worker as background
from app.cli.options import Data
from app.cli.serving import house, run, settle, stop_signal
from app.metrics import REGISTRY
from app.settings import Role, Settings, load


def add_to(app: typer.Typer) -> None:
    app.command("worker")(worker)


def worker(
    data: Data = None,
    role: Annotated[Role | None, typer.Option(help="The role of the servers it works for.")] = None,
) -> None:
    """Deliver messages, register tickets, settle what is unsettled. Run as many as you like."""
    settings = load(data_dir=data, role=role)
    settings.require_sound_secrets()
    logs.configure(settings.log_level)
    run(_work(settings))


async def _work(settings: Settings) -> None:
    stop = stop_signal()
    async with house(settings) as world:
        settle()
        if settings.worker_metrics_port:
            start_http_server(settings.worker_metrics_port, settings.host, REGISTRY)
        working = asyncio.create_task(
            background.run(
                world,
                poll_seconds=settings.worker_poll_seconds,
                reconcile_seconds=settings.reconcile_seconds,
                mirror_seconds=settings.mirror_seconds,
            )
        )
        stopping = asyncio.create_task(stop.wait())
        typer.echo("cyberticket worker: at work")
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (working, stopping):
            task.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)
