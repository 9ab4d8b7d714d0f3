"""The handset's own side: sign in with a number, enrol a device, tokens, leaving, a lost phone, another number."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from app.domain.handset import Handset
from app.domain.refusals import BadLine
from app.domain.sign_in import SignInPurpose
from app.flows.handset import devices, new_number, sign_in
from app.routers.common import TheWorld
from app.routers.handset_caller import TheAddress, TheCaller, TheProof
from app.schemas.base import problems
from app.schemas.handset import (
    CodeIn,
    DeviceIn,
    DevicesOut,
    LossIn,
    NumberCodesIn,
    NumberIn,
    RenewedOut,
    SentOut,
    TokenOut,
)

router = APIRouter(prefix="/handset", tags=["handset"])

DeviceId = Annotated[UUID, Path()]


@router.post("/codes", status_code=202, responses=problems(429))
async def codes(world: TheWorld, address: TheAddress, body: CodeIn) -> SentOut:
    """Send a number six digits, good for five minutes and five tries; the answer is the same for any number."""
    ask = sign_in.Ask(Handset(body.handset), SignInPurpose(body.purpose), body.language, address)
    await sign_in.send_code(world, ask)
    return SentOut()


@router.post("/devices", status_code=201, responses=problems(401, 409))
async def enrol(world: TheWorld, proof: TheProof, body: DeviceIn) -> TokenOut:
    """Make this device one of the number's, with the code and a proof of the key; at most five devices."""
    if body.key.model_dump() != dict(proof.jwk):
        raise BadLine("The request's proof is signed by another key than `key`. Sign it with the key to be enrolled.")
    handset = Handset(body.handset)
    ask = sign_in.Enrolment(handset, body.code.get_secret_value(), proof, body.name, body.replaces)
    device = await sign_in.enrol(world, ask)
    return TokenOut.of(device.id, handset, await devices.token(world, device.id, proof.thumbprint))


@router.post("/tokens", status_code=201, responses=problems(401))
async def token(world: TheWorld, proof: TheProof) -> TokenOut:
    """A fresh token for an enrolled device, by a proof of its key alone; ten minutes."""
    caller = await devices.known(world, proof)
    return TokenOut.of(caller.device_id, caller.handset, await devices.token(world, caller.device_id, proof.thumbprint))


@router.get("/devices", responses=problems(401))
async def enrolled(world: TheWorld, caller: TheCaller) -> DevicesOut:
    """The number's devices, the newest first."""
    return DevicesOut.of(await devices.enrolled(world, caller.handset), caller)


@router.delete("/devices/me", status_code=204, responses=problems(401))
async def leave(world: TheWorld, caller: TheCaller) -> None:
    """Forget this device. Tickets that live on it stay with the number: another device moves them."""
    await devices.leave(world, caller, caller.device_id)


@router.delete("/devices/{device_id}", status_code=204, responses=problems(401, 404))
async def send_away(world: TheWorld, caller: TheCaller, device_id: DeviceId) -> None:
    """Forget another device of this number."""
    await devices.leave(world, caller, device_id)


@router.post("/devices/{device_id}/loss", status_code=200, responses=problems(401, 404))
async def lost_device(world: TheWorld, caller: TheCaller, device_id: DeviceId) -> RenewedOut:
    """Shut a lost device of this number out, and issue anew what lived on it."""
    return RenewedOut.of(await devices.lost_device(world, caller, device_id))


@router.post("/loss", status_code=200, responses=problems(401))
async def lost_phone(world: TheWorld, body: LossIn) -> RenewedOut:
    """Say that the phone is lost, by a code of that purpose: its devices are shut out, its tickets issued anew."""
    return RenewedOut.of(await devices.lost_phone(world, Handset(body.handset), body.code.get_secret_value()))


@router.post("/number/codes", status_code=202, responses=problems(401, 429))
async def number_codes(world: TheWorld, caller: TheCaller, address: TheAddress, body: NumberCodesIn) -> SentOut:
    """Send a code to the number that the tickets are with, and one to the number that they are to go to."""
    await new_number.send_codes(world, caller, Handset(body.handset), language=body.language, address=address)
    return SentOut()


@router.post("/number", status_code=200, responses=problems(401, 409))
async def number(world: TheWorld, caller: TheCaller, body: NumberIn) -> RenewedOut:
    """Take all tickets along to another number, with both codes; this device is that number's from then on."""
    move = new_number.Move(Handset(body.handset), body.old_code.get_secret_value(), body.new_code.get_secret_value())
    return RenewedOut.of(await new_number.move(world, caller, move))
