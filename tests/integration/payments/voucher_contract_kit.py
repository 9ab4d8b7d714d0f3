"""Vouchers behind the provider contract: a register with two of them, and bookings that they are to pay."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from builders import KEYS, Shop, Stage, a_booking, a_catalogue, a_price, a_product, an_issuer

from app.domain.money import Money
from app.flows.tickets.register import register
from app.pins import pin_of
from app.ports import Charge, Voucher

FACE = 50_000


class OnTheBooks:
    """The provider as a flow uses it: whatever it is asked to prepare is written down as a payment of ours."""

    def __init__(self, stage: Stage, shop: Shop) -> None:
        self._stage, self._shop = stage, shop
        self._vouchers = stage.world.payments["voucher"]
        self.name = self._vouchers.name

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._vouchers, verb)

    async def prepare(self, charge: Charge) -> Any:
        if not await self._stage.sql("SELECT 1 FROM payment WHERE key = :key", key=charge.key):
            made = await a_booking(self._stage, self._shop, of="carnet/open", category="adult")
            await self._stage.sql(
                "INSERT INTO payment (id, issuer_id, booking_id, attempt, part, provider, state, amount, currency, key,"
                " refunded, created_at, updated_at) VALUES (:id, :issuer, :booking, 1, 1, 'voucher', 'submitted',"
                " :amount, :currency, :key, 0, now(), now())",
                id=self._stage.entropy.uuid(),
                issuer=self._shop.issuer,
                booking=made.id,
                amount=charge.amount.amount,
                currency=charge.amount.currency,
                key=charge.key,
            )
        return await self._vouchers.prepare(self._ours(charge))

    async def authorize(self, charge: Charge, *, reference: str | None) -> Any:
        return await self._vouchers.authorize(self._ours(charge), reference=reference)

    def _ours(self, charge: Charge) -> Charge:
        return replace(charge, issuer_id=self._shop.issuer)


async def a_shop(stage: Stage) -> Shop:
    """An issuer that sells vouchers, and rides to be paid with them."""
    rides = a_product("carnet", "ride", uses=3, prices=(a_price("adult", 4_000),), valid_days=90)
    gifts = a_product("gift", "voucher", face_value=Money(FACE, "KRW"), prices=(a_price("gift", FACE),))
    return await a_catalogue(stage, an_issuer(products=(rides, gifts)))


async def two_vouchers(stage: Stage, shop: Shop) -> list[tuple[Voucher, UUID]]:
    """Two vouchers of the face value, bought and registered; and their tickets' ids."""
    made = await a_booking(stage, shop, of="gift/open", category="gift", quantity=2, paid=True)
    found = []
    for ticket in made.tickets:
        await register(stage.world, ticket.id)
        pin = pin_of(KEYS, issuer_id=ticket.issuer_id, identity=ticket.id, kid=ticket.kid, generation=ticket.generation)
        found.append((Voucher(ticket.number, pin.reveal()), ticket.id))
    return found
