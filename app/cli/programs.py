"""The programs of the house, each alone: the server, the worker, the payment network, the mobile gateway."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from prometheus_client import start_http_server
from pydantic import SecretStr

from app import logs, worker
from app.cli.serving import house, listen, run, serving, stop_signal
from app.embedded import default_data_dir
from app.main import create_app
from app.metrics import REGISTRY
from app.payments.sandbox.server import run as run_network
from app.payments.sandbox.settings import NetworkSettings
from app.settings import Role, Settings, load
from mobile_gateway.serve import run as run_gateway
from mobile_gateway.settings import GatewaySettings

Data = Annotated[Path | None, typer.Option("--data", help="Data folder; the embedded database lives there.")]
Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes any free one.")]


def add_to(app: typer.Typer) -> None:
    app.command("serve")(serve_command)
    app.command("worker")(worker_command)
    app.command("payment-network")(payment_network)
    app.command("mobile-gateway")(mobile_gateway)


def serve_command(
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


def worker_command(
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
        if settings.worker_metrics_port:
            start_http_server(settings.worker_metrics_port, settings.host, REGISTRY)
        working = asyncio.create_task(
            worker.run(
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


def payment_network(  # noqa: PLR0917 - each is an option of its own name
    data: Data = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 takes any free one.")] = 8402,
    secret_key: Annotated[str | None, typer.Option(help="sk_…; or CYBERTICKET_NETWORK_SECRET_KEY.")] = None,
    publishable_key: Annotated[str | None, typer.Option(help="pk_…; or CYBERTICKET_NETWORK_PUBLISHABLE_KEY.")] = None,
    return_origin: Annotated[list[str] | None, typer.Option(help="Where its pages may send buyers back.")] = None,
    webhook: Annotated[list[str] | None, typer.Option(help="Where events are posted; as often as you like.")] = None,
    webhook_secret: Annotated[
        list[str] | None, typer.Option(help="whsec_…, what they are signed with; two while one is being rolled.")
    ] = None,
) -> None:
    """The sandbox payment network: test cards, 3-D Secure, webhooks, refunds, disputes, and bad days to order."""
    logs.configure("INFO")
    given = {
        "secret_key": SecretStr(secret_key) if secret_key else None,
        "publishable_key": publishable_key,
        "allowed_return_origins": tuple(return_origin) if return_origin else None,
        "webhook_urls": tuple(webhook) if webhook else None,
        "webhook_secrets": tuple(SecretStr(secret) for secret in webhook_secret) if webhook_secret else None,
    }
    run_network(
        NetworkSettings(
            data_dir=data or default_data_dir() / "payment-network",
            host=host,
            port=port,
            **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]  # pydantic checks each value
        )
    )


def mobile_gateway(  # noqa: PLR0917 - each is an option of its own name
    data: Data = None,
    host: Annotated[str, typer.Option(help="Address to listen on; whoever reaches it sees the phones.")] = "127.0.0.1",
    http_port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 takes any free one.")] = 8090,
    smpp_port: Annotated[int, typer.Option(min=0, max=65_535, help="SMPP port; 0 takes any free one.")] = 2775,
    account: Annotated[list[str] | None, typer.Option(help="SYSTEM_ID:PASSWORD, once per account.")] = None,
    callback: Annotated[str | None, typer.Option(help="Where delivery receipts are posted.")] = None,
    callback_secret: Annotated[str | None, typer.Option(help="What they are signed with.")] = None,
) -> None:
    """The emulated carrier network: a message centre (SMPP 3.4), HTTP, and virtual handsets to look at."""
    logs.configure("INFO")
    given = {
        "accounts": ",".join(account) if account else None,
        "callback_url": callback,
        "callback_secret": SecretStr(callback_secret) if callback_secret else None,
    }
    run_gateway(
        GatewaySettings(
            data_dir=data or default_data_dir() / "mobile-gateway",
            host=host,
            port=http_port,
            smpp_port=smpp_port,
            **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]  # pydantic checks each value
        )
    )
