"""`cyberticket mobile-gateway`: the emulated carrier network, alone in its process."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import SecretStr

from app import logs
from app.cli.options import Data
from app.embedded import default_data_dir
from mobile_gateway.serve import run
from mobile_gateway.settings import GatewaySettings


def add_to(app: typer.Typer) -> None:
    app.command("mobile-gateway")(mobile_gateway)


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
    run(
        GatewaySettings(
            data_dir=data or default_data_dir() / "mobile-gateway",
            host=host,
            port=http_port,
            smpp_port=smpp_port,
            **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]  # pydantic checks each value
        )
    )
