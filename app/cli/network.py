"""`cyberticket payment-network`: the sandbox of cards, alone in its process."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import SecretStr

from app import logs
from app.cli.options import Data
from app.embedded import default_data_dir
from app.payments.sandbox.server import run
from app.payments.sandbox.settings import NetworkSettings


def add_to(app: typer.Typer) -> None:
    app.command("payment-network")(payment_network)


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
    run(
        NetworkSettings(
            data_dir=data or default_data_dir() / "payment-network",
            host=host,
            port=port,
            **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]  # pydantic checks each value
        )
    )
