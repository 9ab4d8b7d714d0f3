"""The story's handset: signs in by a code from a text message, carries its ticket, and shows it as a living barcode."""

from __future__ import annotations

import re
import secrets
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

from cryptography.hazmat.primitives.asymmetric import ec

from app import proofs
from app.cli.shop import Json, Shop
from app.domain.credential import living_text, step_of
from app.keys import Signer, public_jwk

CODE = re.compile(r"#([0-9]{6})$")
"""The last line of a message with a code: `@host #123456`."""


@dataclass(slots=True)
class Phone:
    """A device of a number, with a key of its own that never leaves it."""

    shop: Shop
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    token: str = field(default="", repr=False)
    part: bytes = field(default=b"", repr=False)
    """What the issuer signed of the ticket and this key, once."""

    @classmethod
    async def signed_in(cls, shop: Shop, number: str) -> Self:
        """Ask for a code, read it on the handset, and enrol; raises StepFailed."""
        phone = cls(shop, ec.generate_private_key(ec.SECP256R1()))
        await shop.call("POST", f"{shop.app_url}/handset/codes", body={"handset": number, "language": "en"})
        _, code = await shop.message(number, CODE)
        key = public_jwk(phone.key.public_key())
        enrolment = {"handset": number, "code": code[1], "key": key, "name": "The story's phone"}
        phone.token = (await phone._ask("POST", "/handset/devices", enrolment))["token"]
        return phone

    async def _ask(self, method: str, path: str, body: Json | None = None) -> Json:
        """A request with a fresh proof that it comes from this key, and with the token once there is one."""
        url, token = self.shop.app_url + path, self.token or None
        now, name = datetime.now(UTC), secrets.token_urlsafe(16)
        headers = {"DPoP": proofs.make(self.key, method=method, url=url, proof_id=name, now=now, token=token)}
        if token:
            headers["Authorization"] = f"{proofs.SCHEME} {token}"
        answer: Json = (await self.shop.call(method, url, body=body, headers=headers))[1]
        return answer

    async def carry(self, ticket_id: str) -> None:
        """Download the ticket, which binds it to this phone; from then on it is shown without asking anybody."""
        kept = await self._ask("GET", f"/handset/tickets/{ticket_id}")
        self.part = urlsafe_b64decode(kept["living"]["part"])

    def shows(self, *, ago_seconds: int = 0) -> str:
        """The living barcode as it is on the display now, or as it was then: what a picture of it would hold."""
        moment = datetime.now(UTC) - timedelta(seconds=ago_seconds)
        return living_text(self.part, step_of(moment), Signer(0, self.key).sign)
