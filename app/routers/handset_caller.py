"""Which of a handset's devices is asking: by its token and by a proof of its key, over this very request."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials
from fastapi.security.http import HTTPBase

from app import proofs
from app.domain.refusals import NotAuthentic
from app.flows.handset import devices
from app.flows.handset.devices import Caller
from app.proofs import Proof
from app.routers.common import IdempotencyKey, Once, ProofHeader, TheWorld
from app.world import World

CHALLENGE = 'DPoP algs="ES256"'
NETWORK_BITS = 64
"""What one line has of IPv6 at the least: its addresses are one asker's."""

_device = HTTPBase(
    scheme="DPoP",
    scheme_name="handsetKey",
    description="A token from POST /handset/tokens; each request bears a proof of the device's key (RFC 9449).",
    auto_error=False,
)


async def the_caller(
    request: Request,
    world: TheWorld,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_device)],
    proof: ProofHeader = None,
) -> Caller:
    """A handset's device by its token and its proof; raises NotAuthentic."""
    request.state.challenge = CHALLENGE
    if given is None or given.scheme.lower() != proofs.SCHEME.lower():
        raise NotAuthentic("Send `Authorization: DPoP TOKEN` with a token from POST /handset/tokens.")
    return await devices.caller(
        world, devices.Request(request.method, request.url.path, proof or "", given.credentials)
    )


TheCaller = Annotated[Caller, Depends(the_caller)]


async def the_proof(request: Request, world: TheWorld, proof: ProofHeader = None) -> Proof:
    """What a request without a token proves: whose key it was signed with; raises NotAuthentic."""
    request.state.challenge = CHALLENGE
    return await devices.proof_of(world, devices.Request(request.method, request.url.path, proof or ""))


TheProof = Annotated[Proof, Depends(the_proof)]


async def the_callers_once(request: Request, world: TheWorld, caller: TheCaller, key: IdempotencyKey = None) -> Once:
    """Once for each key of a device, whichever of its tokens it comes with."""
    return Once(request, world, key, f"device {caller.device_id}")


TheCallersOnce = Annotated[Once, Depends(the_callers_once)]


async def the_address(request: Request, world: TheWorld) -> str:
    """Where the request comes from, for limits: the address, or of IPv6 the network that one line has.

    What a reverse proxy of ours says of it is believed, and nobody else.
    """
    said = [part.strip() for line in request.headers.getlist("x-forwarded-for") for part in line.split(",")]
    host = request.client.host if request.client else ""
    while said and _is_proxy(world, host):
        host = said.pop()
    address = _address(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(IPv6Network((address, NETWORK_BITS), strict=False))
    return host


def _is_proxy(world: World, host: str) -> bool:
    address = _address(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address is not None and any(address in network for network in world.house.proxies)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


TheAddress = Annotated[str, Depends(the_address)]
