"""`cyberticket demo`: everything up, sample data in, tickets sold and delivered in front of your eyes."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from app import logs
from app.cli.apart import starting
from app.cli.serving import run, stop_signal
from app.cli.shop import WAIT_SECONDS, Gate, Shop, StepFailed, pin_of
from app.cli.stack import SHORT_CODE, Plan, Stack, demo_data_dir, free_or

console = Console()

PORT, GATEWAY_PORT = 8000, 8001
BUYER, FRIEND = "+821012345678", "+821087654321"
CARDS = (
    ("4242 4242 4242 4242", "approved"),
    ("4000 0000 0000 0002", "declined"),
    ("4000 0000 0000 9995", "insufficient funds"),
    ("4000 0000 0000 0069", "expired card"),
    ("4000 0027 6000 3184", "the bank asks its holder first (3-D Secure)"),
    ("4000 9900 0000 0020", "charged, and the answer is lost: being confirmed"),
)
TOP_UP_WON = 50_000
BUS = "badaro-bus"
LOOK_SECONDS = 0.2
PHONES = ((BUYER, "smart", "ko"), (FRIEND, "feature", "en"))


def add_to(app: typer.Typer) -> None:
    app.command("demo")(demo)


def demo(
    port: Annotated[int | None, typer.Option(help=f"Port of the sales server, {PORT} if it is free.")] = None,
    gateway_port: Annotated[int | None, typer.Option(help=f"Port of the phones, {GATEWAY_PORT} if free.")] = None,
    data: Annotated[Path | None, typer.Option(help="Data folder of the demo.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write addresses and keys here, for scripts.")
    ] = None,
    *,
    apart: Annotated[
        bool, typer.Option("--apart", help="Each party as a process of its own, the venues' server among them.")
    ] = False,
) -> None:
    """Start everything with sample data, sell a few tickets, and stay up until Ctrl-C."""
    plan = Plan(
        data=(data or demo_data_dir(apart=apart)).resolve(),
        port=free_or(PORT if port is None else port, given=port is not None),
        gateway_port=free_or(GATEWAY_PORT if gateway_port is None else gateway_port, given=gateway_port is not None),
        apart=apart,
    )
    logs.configure(os.environ.get("CYBERTICKET_LOG_LEVEL", "WARNING"))
    try:
        run(_demo(plan, json_file))
    except StepFailed as fault:
        console.print(f"The demo stops here: {fault}", style="bold red", markup=False, soft_wrap=True)
        sys.exit(1)


async def _demo(plan: Plan, json_file: Path | None) -> None:
    stop = stop_signal()
    async with starting(plan, say=lambda text: console.print(text, style="dim", soft_wrap=True)) as stack:
        async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
            shop = shop_of(stack, http)
            gate = await show(shop, lambda text: console.print(text, highlight=False, soft_wrap=True))
            code = await text_code(shop)
            enrolment = " ".join(await shop.invite(BUS, "Your own gate"))
        _addresses(stack)
        _tries(code, enrolment)
        if stack.processes:
            _processes(stack, plan)
        if json_file is not None:
            write_json(json_file, stack, gate)
        console.print(f"Ctrl-C stops everything. What was sold stays in {plan.data}", style="dim", soft_wrap=True)
        await stop.wait()
        console.print("Stopping …", style="dim")


def shop_of(stack: Stack, http: httpx.AsyncClient) -> Shop:
    return Shop(
        app_url=stack.app_url,
        gateway_url=stack.gateway_url,
        network_url=stack.network_url,
        publishable_key=stack.publishable_key,
        staff_key=stack.staff_key,
        http=http,
        issuer_url=stack.issuer_url,
        issuer_staff_key=stack.issuer_staff_key,
        patience_seconds=WAIT_SECONDS if stack.issuer_url else 0.0,
    )


async def show(shop: Shop, say: Callable[[str], Any]) -> Gate:
    """Sell a theatre gift, a bus ride and a voucher, and let the rider in, once; gives the gate."""
    for number, model, language in PHONES:
        phone = {"state": "on", "model": model, "language": language}
        await shop.http.put(f"{shop.gateway_url}/subscribers/{number}", json=phone)
    say("\n[bold]Three sales, in front of your eyes[/]")
    card = {"kind": "card", "token": await shop.card("4242424242424242")}
    gift = await _sell_seat(shop, card)
    say(f"  a theatre seat, paid by card, sent to a friend's phone {FRIEND}")
    ride = await _sell_ride(shop, card)
    say(f"  a ride on the island's bus, from its own transit feed, to {BUYER}")
    await _sell_voucher(shop, card)
    say(f"  a gift voucher of 50,000 won to {FRIEND}")
    await shop.call(
        "POST",
        f"{shop.app_url}/staff/emoney/topups",
        body={"issuer": gift["issuer"], "handset": BUYER, "amount": TOP_UP_WON, "currency": "KRW"},
        bearer=shop.staff_key,
    )
    say(f"  50,000 won of e-money at the theatre for {BUYER}; its PIN went there by message")
    number = (await shop.tickets(ride))[0]["number"]
    message, match = await shop.message(BUYER, pin_of(number))
    await shop.store(BUYER, message["id"])
    gate = await shop.gate(ride["issuer"], "Demo gate")
    for _ in range(2):
        verdict = await shop.present(gate, f"{number} {match[1]}")
        say(f"  the bus driver types {number} and its PIN: {verdict['words']['en']}")
    say("")
    return gate


async def _sell_seat(shop: Shop, card: dict[str, str]) -> dict[str, Any]:
    occasion, price = await _free_seat(shop)
    line = {"price": price["id"], "quantity": 1, "handsets": [FRIEND]}
    booking = await _paid(shop, {"occasion": occasion["id"], "lines": [line], "buyer": BUYER, "language": "en"}, card)
    return {**booking, "issuer": occasion["issuer"]}


async def _free_seat(shop: Shop) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first date of a show with a free place, and its price; waits for venues' figures. Raises StepFailed."""
    deadline = time.monotonic() + shop.patience_seconds
    while True:
        occasions = (await shop.get("/catalogue/occasions", kind="admission", limit=20))["occasions"]
        for occasion in (one for one in occasions if one["on_sale"]):
            for price in occasion["prices"]:
                if occasion["free"].get(price["category"]):
                    return occasion, price
        if time.monotonic() >= deadline:
            raise StepFailed("no show has a free place; choose another data folder with --data")
        await asyncio.sleep(LOOK_SECONDS)


async def _sell_ride(shop: Shop, card: dict[str, str]) -> dict[str, Any]:
    stops = (await shop.get("/catalogue/stops"))["stops"]
    issuer = next(one["issuer"] for one in stops if one["issuer"] != BUS)
    line_stops = [one for one in stops if one["issuer"] == issuer]
    journey = {"origin": line_stops[0]["id"], "destination": line_stops[-1]["id"]}
    found = (await shop.get("/catalogue/products", kind="ride", **journey))["products"]
    product = next(one for one in found if one["uses"] == 1)
    detail = await shop.get(f"/catalogue/products/{product['id']}", **journey)
    line = {"price": detail["prices"][0]["id"], **journey}
    booking = await _paid(shop, {"product": product["id"], "lines": [line], "buyer": BUYER, "language": "ko"}, card)
    return {**booking, "issuer": issuer}


async def _sell_voucher(shop: Shop, card: dict[str, str]) -> None:
    product = (await shop.get("/catalogue/products", kind="voucher"))["products"][0]
    detail = await shop.get(f"/catalogue/products/{product['id']}")
    line = {"price": detail["prices"][0]["id"], "handsets": [FRIEND]}
    await _paid(shop, {"product": product["id"], "lines": [line], "buyer": BUYER, "language": "ko"}, card)


async def _paid(shop: Shop, body: dict[str, Any], card: dict[str, str]) -> dict[str, Any]:
    _, booking = await shop.book(body)
    await shop.pay(booking, card)
    await shop.delivered(booking)
    return booking


async def text_code(shop: Shop) -> str | None:
    """What a text message can buy first: the code of a price of the next show."""
    found = (await shop.get("/catalogue/occasions", kind="admission", limit=20))["occasions"]
    return next((price["sms"] for occasion in found for price in occasion["prices"] if price["sms"]), None)


def _tries(code: str | None, enrolment: str) -> None:
    """What to do first, for who sees this for the first time."""
    tries = [
        f"the page of the phones: press Read on the phone {FRIEND}",
        "on that phone: Menu > WAP internet, and buy with its keys; the phone bill can pay",
        "on a booking's page: a part with e-money or a voucher and the rest by card; then give the tickets back",
    ]
    if code:
        tries.append(f"on that phone: Menu > Write message, to {SHORT_CODE}: BUY {code}; then answer YES")
    tries.append(f"on the smartphone, in Korean: 예매 {code or '…'}, 내표, 잔액, 도움말")
    tries.append(
        "a gate of the bus line without network, once you have bought a ride there: in another terminal (bash)"
        f" cyberticket gate enrol {enrolment} && cyberticket gate fetch &&"
        " cyberticket gate --offline gate/snapshot --pin-key-file <(cyberticket gate pin-key);"
        " then stop this demo, and type the ride's number and PIN"
    )
    console.print("[bold]Try[/]")
    for words in tries:
        console.print(f"  {words}", highlight=False, markup=False, soft_wrap=True)


def _processes(stack: Stack, plan: Plan) -> None:
    """Who runs where when the parties are apart, and how to make one of them fail."""
    issuer = stack.processes["issuer"]
    audit = "cyberticket audit"
    lines = [
        *((name, f"process {number}, log {plan.data / name}.log") for name, number in stack.processes.items()),
        (f"kill -STOP {issuer}", "hangs the venues' server: what it sells is then temporarily not on sale"),
        (f"kill -CONT {issuer}", "lets it go on"),
        (audit, f"whether the books agree: (set -a; . {shlex.quote(str(plan.data / 'sales.env'))}; {audit})"),
    ]
    console.print("[bold]The parties, each a process of its own[/]")
    for label, value in lines:
        console.print(f"  {label:<26}{value}", highlight=False, markup=False, soft_wrap=True)


def _addresses(stack: Stack) -> None:
    lines = [
        ("Buy tickets", f"{stack.app_url}/"),
        ("Look at the phones", f"{stack.gateway_url}/"),
        ("API description", f"{stack.app_url}/openapi.json"),
        ("Payment network", stack.network_url),
        ("Staff key", stack.staff_key),
        *([("Venues' own server", stack.issuer_url)] if stack.issuer_url else []),
        *([("Its staff key", stack.issuer_staff_key)] if stack.issuer_url else []),
        *((f"Card {number}", f"{outcome}; any later date, any CVC") for number, outcome in CARDS),
    ]
    console.print("[bold]Cyberticket is up[/]")
    for label, value in lines:
        console.print(f"  {label:<26}{value}", highlight=False, markup=False, soft_wrap=True)


def write_json(file: Path, stack: Stack, gate: Gate) -> None:
    """For scripts: base addresses, the staff key, a gate's token."""
    content = {
        "app_url": stack.app_url,
        "gateway_url": stack.gateway_url,
        "network_url": stack.network_url,
        "publishable_key": stack.publishable_key,
        "staff_key": stack.staff_key,
        "issuer_url": stack.issuer_url,
        "issuer_staff_key": stack.issuer_staff_key,
        "gate_url": gate.url,
        "gate_token": gate.token,
        "processes": dict(stack.processes),
    }
    file.touch(mode=0o600)
    file.write_text(json.dumps(content, indent=2) + "\n")
