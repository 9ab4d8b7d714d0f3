"""E-money for its owners: turn a gift voucher into it."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from app.domain.handset import Handset
from app.flows import oversee
from app.flows.paying import emoney
from app.routers.common import TheOnce, TheWorld
from app.schemas.base import MoneyOut, problems
from app.schemas.tickets import RedeemIn, ToppedUpOut

router = APIRouter(prefix="/emoney", tags=["e-money"])


@router.post("/vouchers", status_code=201, response_model=ToppedUpOut, responses=problems(400, 404, 409, 423))
async def redeem(world: TheWorld, once: TheOnce, body: RedeemIn) -> Response:
    """Turn a voucher, by number and PIN, wholly into a handset's e-money; its PIN goes there by message."""

    async def work() -> ToppedUpOut:
        issuer = await oversee.any_issuer(world, body.issuer)
        topped = await emoney.redeem(
            world,
            issuer_id=issuer.id,
            handset=Handset(body.handset),
            presented=body.voucher.get_secret_value(),
        )
        return ToppedUpOut(added=MoneyOut.of(topped.added), balance=MoneyOut.of(topped.balance))

    return await once(201, work)
