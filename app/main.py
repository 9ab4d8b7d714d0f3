"""The web application: routers around a world."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI

from app import problems
from app.channels.callbacks import Callbacks
from app.channels.sms_http import receipt_is_genuine
from app.edge import Edge
from app.routers import (
    bookings,
    carrier,
    carrier_open,
    catalogue,
    emoney,
    gate,
    gate_desk,
    gate_devices,
    gate_scans,
    gate_snapshot,
    handset,
    handset_tickets,
    health,
    issuer,
    issuer_catalogue,
    offers,
    pages,
    pages_booking,
    pages_buying,
    pages_choose,
    pages_give,
    pages_offer,
    pages_paying,
    pages_refund,
    pages_split,
    pages_ticket,
    payments_news,
    refunds,
    staff,
    staff_gates,
    staff_handsets,
    staff_incidents,
    staff_money,
    tickets,
    wap,
    wap_booking,
    wap_buying,
    wap_choose,
    wap_paying,
    wap_refund,
    wap_seats,
    wap_ticket,
)
from app.routers.wap_number import Gateways
from app.settings import Role, Settings
from app.web.faults import FaultPages
from app.web.wap_faults import WapFaults
from app.world import World

DESCRIPTION = """Any phone is the ticket: sells admission, rides and vouchers, delivers each ticket to any handset,
and lets a gate admit it exactly once. Errors are RFC 9457 problems; every POST that creates takes an
`Idempotency-Key`."""


def create_app(settings: Settings, *, world: World) -> FastAPI:
    """The application around a world that somebody else opens and closes."""
    app = FastAPI(
        title="Cyberticket",
        version="0.1.0",
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        telemetry={"tracing": False, "metrics": False, "logs": False},  # asked with each request; app.metrics has ours
        docs_url=None,  # its page loads scripts from elsewhere, which our own policy forbids
        redoc_url=None,
    )
    app.state.world = world
    app.state.public_url = settings.public_url.rstrip("/")
    app.state.card_page = settings.card_page
    app.state.receipt_is_genuine = partial(receipt_is_genuine, secret=settings.carrier_secret)
    app.state.callbacks = Callbacks(settings.carrier_secret)
    app.state.wap_gateways = Gateways(
        networks=settings.wap_gateways,
        number_header=settings.wap_number_header,
        secret=settings.wap_secret.get_secret_value(),
    )
    problems.install(app)
    for router in _routers(settings.role):
        app.include_router(router)
    card = urlsplit(settings.card_page)
    app.add_middleware(
        Edge,
        request_bytes_max=settings.request_bytes_max,
        card_origin=f"{card.scheme}://{card.netloc}",
    )
    app.add_middleware(WapFaults)
    app.add_middleware(FaultPages)
    return app


def _routers(role: Role) -> Sequence[APIRouter]:
    """What a server of this role answers to."""
    found = [gate, gate_desk, gate_devices, gate_scans, gate_snapshot, health, staff_gates, staff_incidents]
    if role is not Role.ISSUER:  # everything that only a sales server has: its API, its pages and its decks
        found += [catalogue, bookings, refunds, payments_news, tickets, offers, emoney, carrier, carrier_open]
        found += [staff, staff_money, staff_handsets, handset, handset_tickets]
        found += [pages, pages_choose, pages_buying, pages_booking, pages_paying, pages_split, pages_refund]
        found += [pages_ticket, pages_give, pages_offer]
        found += [wap, wap_choose, wap_seats, wap_buying, wap_booking, wap_paying, wap_refund, wap_ticket]
    if role is not Role.SALES:
        found += [issuer, issuer_catalogue]
    return [module.router for module in found]
