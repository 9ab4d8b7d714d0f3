"""CTL, the living barcode: the issuer signs ticket and handset key once, the handset signs the time again and again.

What the issuer signs, the *living part*, is kept on the handset, which needs no network to show the ticket. A gate
needs public keys alone. A picture of the code is worth nothing once its time has passed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.domain import base45
from app.domain.admission import LIVING_STEP_SECONDS
from app.domain.credential.operations import SIGNATURE_BYTES, CodeId, Sign, Verify, VerifyHolder
from app.domain.credential.signed import BODY_BYTES, EPOCH, Body, coded_octets
from app.domain.credential.unread import Unread, Unreadable

LIVING_CHARS = 284
HOLDER_KEY_BYTES = 33
LIVING_PART_BYTES = BODY_BYTES + HOLDER_KEY_BYTES + SIGNATURE_BYTES
STEP_MAX = 0xFFFF_FFFF

_VERSION = 2
_STEP = timedelta(seconds=LIVING_STEP_SECONDS)
_NAMED_BYTES = BODY_BYTES + HOLDER_KEY_BYTES
_TIMED = struct.Struct(f">{LIVING_PART_BYTES}sI")
_COMPRESSED = (2, 3)
"""How a compressed point begins: with the parity of its y (SEC 1 section 2.3.3)."""


@dataclass(frozen=True, slots=True)
class Living:
    """A CTL as read: well-formed, not yet known to be genuine.

    Both signatures are malleable, as `Signed` says: repeats are found by `code_id` and by nothing else.
    """

    body: Body
    holder_key: bytes
    """The handset's public key, P-256, compressed, 33 octets. A gate compares it with the register's."""
    issuer_signature: bytes = field(repr=False)
    step: int
    """Which 15 seconds since 1970-01-01T00:00Z the handset showed it in, by its own clock."""
    holder_signature: bytes = field(repr=False)

    @property
    def code_id(self) -> CodeId:
        return self.body.code_id

    @property
    def shown_at(self) -> datetime:
        """The middle of its step."""
        return EPOCH + self.step * _STEP + _STEP / 2

    def is_genuine(self, verify: Verify, verify_holder: VerifyHolder) -> bool:
        """Whether the issuer bound the ticket to this key, and who has the key signed this step.

        Says nothing of the time: whoever asks compares `shown_at` with a clock.
        """
        named = self.body.pack(version=_VERSION) + self.holder_key
        timed = _TIMED.pack(named + self.issuer_signature, self.step)
        return verify(self.body.kid, named, self.issuer_signature) and verify_holder(
            self.holder_key, b"CTL" + timed, self.holder_signature
        )


def step_of(moment: datetime) -> int:
    """The step that `moment` lies in; raises ValueError before 1970 and after the year 4011."""
    step = (moment - EPOCH) // _STEP
    if not 0 <= step <= STEP_MAX:
        raise ValueError(f"{moment} is outside the steps of 0 to {STEP_MAX}")
    return step


def living_part(body: Body, holder_key: bytes, sign: Sign) -> bytes:
    """The 120 octets that the issuer makes once for a handset: body, handset key, signature over both."""
    if len(holder_key) != HOLDER_KEY_BYTES or holder_key[0] not in _COMPRESSED:
        raise ValueError(f"a holder's key is a compressed point of {HOLDER_KEY_BYTES} octets")
    named = body.pack(version=_VERSION) + holder_key
    return named + sign(named)


def living_text(part: bytes, step: int, sign_holder: Sign) -> str:
    """CTL: `L:` and base45 of living part, step and the holder's signature, 284 characters; QR version 9-L or 10-M."""
    if len(part) != LIVING_PART_BYTES:
        raise ValueError(f"a living part has {LIVING_PART_BYTES} octets, not {len(part)}")
    timed = _TIMED.pack(part, step)
    return "L:" + base45.encode(timed + sign_holder(b"CTL" + timed))


def read_living(text: str) -> Living | Unreadable:
    """The CTL of a text that begins with `L:`."""
    octets = coded_octets(text, chars=LIVING_CHARS)
    if isinstance(octets, Unreadable):
        return octets
    body = Body.unpack(octets, version=_VERSION)
    if isinstance(body, Unreadable):
        return body
    if octets[BODY_BYTES] not in _COMPRESSED:
        return Unreadable(Unread.DAMAGED)
    part, step = _TIMED.unpack_from(octets)
    return Living(
        body=body,
        holder_key=part[BODY_BYTES:_NAMED_BYTES],
        issuer_signature=part[_NAMED_BYTES:],
        step=step,
        holder_signature=octets[_TIMED.size :],
    )
