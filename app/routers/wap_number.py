"""Whose phone it is: a number that a mobile network's gateway vouches for, and when its word is taken."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Annotated

from fastapi import Depends, Request

from app.domain.handset import Handset
from app.schemas.base import parse_mobile

Network = IPv4Network | IPv6Network
SECRET_HEADER = "X-Gateway-Secret"  # noqa: S105 - the name of a header, not its value
FORWARDED = ("x-forwarded-for", "forwarded")
"""Where these are, the address that we see may be what somebody wrote into them."""


@dataclass(frozen=True, slots=True)
class Gateways:
    """The gateways whose word counts: by address, and by a shared secret where there is one.

    Nobody is trusted by default. A number that came in any other way was typed by whoever sent it.
    """

    networks: Sequence[Network] = ()
    number_header: str = "X-MSISDN"
    secret: str = field(default="", repr=False)

    def number_of(self, request: Request) -> Handset | None:
        """The number of the phone that asks, or None where nobody whom we trust says it, or says it twice."""
        said = request.headers.getlist(self.number_header)
        if len(said) != 1 or not self._vouches(request):
            return None
        digits = said[0].strip().removeprefix("+")
        if not (digits.isascii() and digits.isdigit()):
            return None
        try:
            return parse_mobile(digits if digits.startswith("0") else f"+{digits}")
        except ValueError:
            return None

    def _vouches(self, request: Request) -> bool:
        if not self._is_near(request):
            return False
        if not self.secret:
            return not any(name in request.headers for name in FORWARDED)
        given = request.headers.getlist(SECRET_HEADER)
        return len(given) == 1 and hmac.compare_digest(given[0].encode(), self.secret.encode())

    def _is_near(self, request: Request) -> bool:
        """Whether the connection comes from a gateway's address."""
        try:
            address = ip_address(request.client.host if request.client else "")
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self.networks)


async def proven_number(request: Request) -> Handset | None:
    gateways: Gateways = request.app.state.wap_gateways
    return gateways.number_of(request)


ProvenNumber = Annotated[Handset | None, Depends(proven_number)]
"""The number of the phone that asks, where a trusted gateway says it: a proof; else None."""
