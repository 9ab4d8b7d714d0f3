"""What a gate that decides alone knows: the sheet it was given of the register, and the keys that prove a barcode."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from app.domain.admission import Post, Register
from app.domain.credential import Living, Pin, Signed, TicketNumber, Verify, VerifyHolder


@dataclass(frozen=True, slots=True)
class Line:
    """One ticket on the sheet. `label` is what a steward reads, with the names and languages of the online answer."""

    code: int
    entry: Register
    occasion_code: int
    seller: str
    """The server that sold it; empty: the issuer's own."""
    label: Mapping[str, object]
    has_compact: Callable[[str], bool | None] = field(repr=False)
    """Whether a text is its compact code; None where the sheet cannot tell."""
    has_holder: Callable[[bytes], bool] = field(repr=False)
    """Whether it may live on the handset with this key: only another handset's key is a no."""


class Sheet(Protocol):
    """What a gate was given of the register, and when: a snapshot with the latest status."""

    @property
    def generation(self) -> int:
        """Which of the gate's devices it was made for."""
        ...

    @property
    def post(self) -> Post: ...

    @property
    def cursor(self) -> int:
        """How much of the register is in it: a later sheet's is not lower."""
        ...

    @property
    def made_at(self) -> datetime:
        """When the register said so, by the register's clock."""
        ...

    @property
    def expires_at(self) -> datetime: ...

    @property
    def reads_pins(self) -> bool:
        """Whether typed numbers can be looked up: the key for it is given apart, and never stored."""
        ...

    def find(self, code: int) -> Sequence[Line]:
        """The tickets with this code. Each server that sells draws its own, so there may be two; it is one."""
        ...

    def find_typed(self, number: TicketNumber, pin: Pin) -> Line | None: ...

    def serves(self, occasion_code: int) -> bool:
        """Whether tickets of this occasion are on the sheet."""
        ...


@dataclass(frozen=True, slots=True)
class Keys:
    """What proves a barcode genuine: public keys only. Those of each server that sells; ours by the empty name."""

    sellers: Mapping[str, Verify]
    holder: VerifyHolder

    def signers(self, read: Signed | Living) -> frozenset[str]:
        """The servers under whose keys the signatures hold."""
        if isinstance(read, Living):
            return frozenset(name for name, verify in self.sellers.items() if read.is_genuine(verify, self.holder))
        return frozenset(name for name, verify in self.sellers.items() if read.is_genuine(verify))
