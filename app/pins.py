"""PINs of tickets and e-money accounts: derived when they are needed, compared in constant time, stored nowhere.

Of tickets that another server sold we can derive nothing: of their PINs and compact codes a keyed digest is kept.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.credential import Mac, Pin, pin_for
from app.keys import KeyRing


def pin_of(keys: KeyRing, *, issuer_id: UUID, identity: UUID, kid: int, generation: int) -> Pin:
    """The PIN of a ticket or an account, by its id, under the secret that was current when it was made."""
    return pin_for(keys.pin_mac(kid), issuer_id=issuer_id, ticket_id=identity, generation=generation)


def pin_of_row(keys: KeyRing, row: sa.Row[Any]) -> Pin:
    """The PIN of the ticket or the account in this row."""
    return pin_of(keys, issuer_id=row.issuer_id, identity=row.id, kid=row.kid, generation=row.generation)


def is_pin(pin: Pin, typed: str) -> bool:
    """Whether what was typed is this PIN; whatever has not its shape is not."""
    return bool(Pin.shape.fullmatch(typed)) and pin == Pin(typed)


def pin_digest(mac: Mac, ticket_id: UUID, pin: str) -> bytes:
    """What is kept of the PIN of a ticket that another server sold; `mac` is of `KeyRing.foreign_mac`."""
    return mac(b"pin" + ticket_id.bytes + pin.encode())


def code_digest(mac: Mac, ticket_id: UUID, text: str) -> bytes:
    """What is kept of its compact code."""
    return mac(b"compact" + ticket_id.bytes + text.encode())
