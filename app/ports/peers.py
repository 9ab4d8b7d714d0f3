"""Other servers: an issuer's that we sell for, and those that sell for ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

from app.domain.credential import Mac
from app.ports.issuers import Entry, Issuer


class PeerAway(Exception):
    """The other server did not answer, or not as agreed; the message says how, for the log."""


class KeySource(Protocol):
    """Where another server publishes its public keys."""

    async def fetch(self) -> Mapping[str, Any]:
        """Its JSON Web Key Set (RFC 7517) as it stands there, unread; raises PeerAway."""
        ...


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed in an issuer's register of the tickets we sold: ask on from `cursor` until nothing is `more`."""

    entries: Sequence[Entry]
    cursor: int
    more: bool
    restarted: bool
    """The register is older than the cursor that we came with: it was restored. Begin again from 0."""


class Secrets(Protocol):
    """Secrets of ours, under which digests are kept of what the tickets of other servers are shown by."""

    @property
    def kid(self) -> int:
        """Which secret is current."""
        ...

    def foreign_mac(self, kid: int) -> Mac: ...


@runtime_checkable
class Host(Issuer, Protocol):
    """An issuer whose stock and register are here, and for which other servers may sell."""

    def for_seller(self, seller: str, keys: Secrets) -> Issuer:
        """The same stock and register, as that seller may touch them: what it holds and sells itself, no more."""
        ...


@runtime_checkable
class Distant(Issuer, Protocol):
    """An issuer with a server of its own, from whose register we learn what happened to the tickets we sold."""

    @property
    def address(self) -> str:
        """Where that server is, for people who are to go there."""
        ...

    async def changes(self, *, after: int) -> Changes:
        """The entries of our tickets that changed since `after`, the oldest change first."""
        ...

    async def entries(self, *, after: UUID | None) -> Sequence[Entry]:
        """A page of all entries of our tickets in the order of their ids, without admissions; none: that was all."""
        ...
