"""Gates as devices: a one-time code becomes a gate, and a gate with a key of its own renews its token by it."""

from __future__ import annotations

from fastapi import APIRouter, Request

from app.domain.refusals import NotAuthentic
from app.flows.gate import tokens as gate_tokens
from app.routers.common import ProofHeader, TheWorld, own_address
from app.schemas.base import problems
from app.schemas.gates import EnrolIn, EnrolledOut

router = APIRouter(prefix="/gate", tags=["gate"])


@router.post("/enrolments", status_code=201, responses=problems(401))
async def enrol(world: TheWorld, body: EnrolIn) -> EnrolledOut:
    """Trade a one-time code from staff for this gate's token, good for eight hours.

    With a `key` the token is bound to it, and the device renews it by itself: POST /gate/tokens.
    """
    key = None if body.key is None else body.key.model_dump()
    return EnrolledOut.of(await gate_tokens.enrol(world, body.code, key=key))


@router.post("/tokens", status_code=201, responses=problems(401))
async def renew(request: Request, world: TheWorld, proof: ProofHeader = None) -> EnrolledOut:
    """A new token for eight hours, by a proof of the device's key whose `sub` is the gate's id. No token is needed."""
    if proof is None:
        raise NotAuthentic("Send a proof of this gate's key in the header DPoP.")
    return EnrolledOut.of(await gate_tokens.renew(world, proof, url=own_address(request, world)))
