"""The issuer whose stock and register are another server's: the same calls as near, over its API."""

from __future__ import annotations

import math
from base64 import b64decode
from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

import structlog
from pydantic import BaseModel, ValidationError

from app.domain.gift import Terms
from app.domain.refusals import IssuerAway
from app.domain.sale import HOLD_SECONDS_MAX
from app.issuers import messages, replacing
from app.issuers.remote_catalogue import RemoteCatalogue
from app.issuers.wire import Answer, Wire
from app.ports import (
    Changes,
    Clock,
    Committed,
    Entry,
    Held,
    HoldLost,
    NotAvailable,
    NotReplaced,
    NotSpent,
    Part,
    Registration,
    Replaced,
    Revoked,
    Spent,
    Used,
    Wish,
)
from app.ports.catalogues import COPY_BYTES_MAX

API = "/issuer/v1"

Told = TypeVar("Told", bound=BaseModel)

log = structlog.get_logger()


class RemoteIssuer(RemoteCatalogue):
    """All issuers of one server. Each call raises IssuerAway where no answer came that makes sense."""

    def __init__(self, wire: Wire, clock: Clock) -> None:
        super().__init__(wire)
        self._clock = clock

    @property
    def address(self) -> str:
        return self.wire.url

    async def status(self, *, issuer_id: UUID, occasion_id: UUID) -> bytes:
        query = {"issuer": str(issuer_id)}
        answer = await self.wire.ask("GET", f"{API}/occasions/{occasion_id}/status", query=query)
        told = self._read(messages.StatusTold, answer)
        try:
            packed = b64decode(told.free, validate=True)
        except ValueError:
            raise self._nonsense("the status is not base64") from None
        if len(packed) != math.ceil(told.places / 8):
            raise self._nonsense("the status has not one bit per place")
        return bytes(packed[pos >> 3] >> (7 - pos & 7) & 1 for pos in range(told.places))

    async def hold(self, wish: Wish) -> Held | NotAvailable:
        seconds = math.ceil((wish.until - self._clock.now()).total_seconds())
        asked = messages.HoldAsked(
            issuer=wish.issuer_id,
            occasion=wish.occasion_id,
            seconds=min(max(seconds, 1), HOLD_SECONDS_MAX),
            parts=tuple(messages.PartAsked.of(part) for part in wish.parts),
        )
        told = await self._ask("PUT", f"/holds/{wish.key}", asked, messages.HeldTold)
        if not told.held:
            return NotAvailable()
        places = tuple(tuple(part) for part in told.places)
        if not _is_what_was_wished(wish.parts, places):
            raise self._nonsense("it holds something else than was asked for")
        return Held(places)

    async def commit(self, *, issuer_id: UUID, key: UUID, places: Sequence[UUID]) -> Committed | HoldLost:
        if not places:
            return Committed()  # nothing that runs out was held
        asked = messages.CommitAsked(issuer=issuer_id, places=tuple(places))
        told = await self._ask("POST", f"/holds/{key}/commit", asked, messages.CommittedTold)
        return Committed() if told.committed else HoldLost()

    async def release(self, *, issuer_id: UUID, key: UUID) -> None:
        query = {"issuer": str(issuer_id)}
        await self.wire.ask("DELETE", f"{API}/holds/{key}", query=query, expect=(204,))

    async def register(self, registration: Registration) -> None:
        asked = messages.RegistrationAsked.of(registration)
        path = f"{API}/tickets/{registration.ticket_id}"
        await self.wire.ask("PUT", path, body=asked.model_dump(mode="json"), expect=(204,))

    async def revoke(
        self, *, issuer_id: UUID, ticket_id: UUID, key: UUID, free: Sequence[UUID], unless_used: bool = False
    ) -> Revoked | Used:
        asked = messages.RevocationAsked(issuer=issuer_id, key=key, free=tuple(free), unless_used=unless_used)
        told = await self._ask("POST", f"/tickets/{ticket_id}/revocation", asked, messages.RevokedTold)
        return Revoked() if told.revoked else Used(told.uses)

    async def replace(self, *, ticket_id: UUID, fresh: Registration, terms: Terms) -> Replaced | NotReplaced:
        asked = replacing.ReplacementAsked.of(fresh, terms)
        told = await self._ask("POST", f"/tickets/{ticket_id}/replacement", asked, replacing.ReplacedTold)
        outcome = told.outcome()
        if outcome is None or (isinstance(outcome, Replaced) and not _is_what_was_asked(ticket_id, asked, outcome)):
            raise self._nonsense("it replaced another ticket, or made more of it than there was")
        return outcome

    async def suspend(self, *, issuer_id: UUID, ticket_id: UUID, suspended: bool) -> None:
        asked = messages.SuspensionAsked(issuer=issuer_id, suspended=suspended)
        path = f"{API}/tickets/{ticket_id}/suspension"
        await self.wire.ask("PUT", path, body=asked.model_dump(mode="json"), expect=(204,))

    async def bind(self, *, issuer_id: UUID, ticket_id: UUID, holder_key: bytes) -> None:
        asked = messages.BindingAsked.of(issuer_id, holder_key)
        path = f"{API}/tickets/{ticket_id}/holder-key"
        await self.wire.ask("PUT", path, body=asked.model_dump(mode="json"), expect=(204,))

    async def verify(self, *, issuer_id: UUID, ticket_ids: Sequence[UUID]) -> Sequence[Entry]:
        found: list[Entry] = []
        for start in range(0, len(ticket_ids), messages.ENTRIES_MAX):
            some = tuple(ticket_ids[start : start + messages.ENTRIES_MAX])
            asked = messages.VerifyAsked(issuer=issuer_id, tickets=some)
            told = await self._ask("POST", "/tickets/verify", asked, messages.EntriesTold)
            found += [one.entry() for one in told.entries if one.ticket in some]
        return found

    async def spend(self, *, issuer_id: UUID, ticket_id: UUID, amount: int, key: str) -> Spent | NotSpent:
        asked = messages.SpendAsked(issuer=issuer_id, ticket=ticket_id, amount=amount, key=key)
        told = await self._ask("POST", "/spendings", asked, messages.SpentTold)
        return Spent(told.left) if told.spent else NotSpent(told.left)

    async def unspend(self, *, issuer_id: UUID, key: str, amount: int, back_key: str) -> None:
        asked = messages.UnspendAsked(issuer=issuer_id, key=key, amount=amount, back_key=back_key)
        await self.wire.ask("POST", f"{API}/spendings/back", body=asked.model_dump(mode="json"), expect=(204,))

    async def changes(self, *, after: int) -> Changes:
        query = {"after": str(after)}
        answer = await self.wire.ask("GET", f"{API}/changes", query=query, bytes_max=COPY_BYTES_MAX)
        told = self._read(messages.ChangesTold, answer)
        if not told.restarted and (told.cursor < after or (told.more and told.cursor == after)):
            raise self._nonsense("its changes do not go forwards")
        if told.restarted and not after:
            raise self._nonsense("its changes have no beginning")
        return Changes([one.entry() for one in told.entries], told.cursor, told.more, told.restarted)

    async def entries(self, *, after: UUID | None) -> Sequence[Entry]:
        query = {"after": str(after)} if after is not None else {}
        answer = await self.wire.ask("GET", f"{API}/tickets", query=query)
        found = [one.entry() for one in self._read(messages.EntriesTold, answer).entries]
        names = [one.ticket_id for one in found]
        if names != sorted(set(names)) or (names and after is not None and names[0] <= after):
            raise self._nonsense("its entries are not in the order of their ids")
        return found

    async def _ask(self, method: str, path: str, asked: BaseModel, kind: type[Told]) -> Told:
        return self._read(kind, await self.wire.ask(method, API + path, body=asked.model_dump(mode="json")))

    def _read(self, kind: type[Told], answer: Answer) -> Told:
        try:
            return kind.model_validate_json(answer.body)
        except ValidationError as fault:
            raise self._nonsense(f"{kind.__name__}: {fault.error_count()} faults") from None

    def _nonsense(self, why: str) -> IssuerAway:
        log.error("issuer_makes_no_sense", issuer=self.name, reason=why)
        return self.wire.away()


def _is_what_was_asked(ticket_id: UUID, asked: replacing.ReplacementAsked, told: Replaced) -> bool:
    """Whether this ticket became that one, with no more than there may be at the most.

    Issued anew it may have more uses than before: those who came in with an earlier one and left may come in again.
    """
    fresh = asked.fresh
    both = [(one.issuer_id, one.ticket_id) for one in (told.before, told.after)]
    return (
        both == [(fresh.issuer, ticket_id), (fresh.issuer, asked.ticket)]
        and (told.uses <= fresh.uses or asked.terms().same_hands)
        and (told.after.balance is None) == (fresh.balance is None)
        and (told.after.balance or 0) <= (fresh.balance or 0)
        and fresh.valid_from < told.valid_until <= fresh.valid_until
    )


def _is_what_was_wished(parts: Sequence[Part], held: Sequence[Sequence[UUID]]) -> bool:
    """Whether each part has its places, or as many as it is for; of what never runs out none are told."""
    every = [place for places in held for place in places]
    return (
        len(held) == len(parts)
        and len(set(every)) == len(every)
        and all(
            tuple(places) == part.places if part.places else len(places) in {0, part.quantity}
            for part, places in zip(parts, held, strict=True)
        )
    )
