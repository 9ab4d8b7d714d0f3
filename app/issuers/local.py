"""The issuer whose stock and register are in our own database."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain import inventory
from app.domain.gift import Rest, Stays, Terms
from app.domain.refusals import KeyReused, NotFound, WrongState
from app.domain.ticket import TicketState
from app.pins import code_digest, pin_digest
from app.ports import (
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
    Secrets,
    Spent,
    Used,
    Wish,
)
from app.store import hands, register, spending, stock
from app.store.database import Database, Tx
from app.store.register import Digests
from app.store.stock import Places

TAKEN = "This ticket's id, number or code is another ticket's. Issue it again under new ones."
ROUNDS_MAX = 10
"""How often a hold looks again after somebody else was faster."""


@dataclass(slots=True)
class _View:
    """One occasion while a batch is served: its places, and which of them this batch may still give away."""

    places: Places
    free: bytearray

    def pick(self, part: Part) -> tuple[UUID, ...] | None:
        """Places for one part, marked as given; None when it cannot be served."""
        if part.places:
            wanted = [self.places.index.get(place) for place in part.places]
            found = [pos for pos in dict.fromkeys(wanted) if pos is not None and self.free[pos]]
            spots = self.places.hall.spots
            if len(found) < part.quantity or any(spots[pos].category != part.category for pos in found):
                return None
        else:
            picked = inventory.pick(self.places.hall, self.free, part.category, part.quantity)
            if picked is None:
                return None
            found = list(picked)
        for pos in found:
            self.free[pos] = 0
        return tuple(self.places.ids[pos] for pos in found)

    def give_back(self, identities: Sequence[UUID]) -> None:
        for identity in identities:
            self.free[self.places.index[identity]] = 1


class LocalIssuer:
    """Holds, commits and registers in transactions shared by everybody who asks at the same time."""

    name = "local"

    def __init__(self, database: Database, clock: Clock, *, seller: str = "", keys: Secrets | None = None) -> None:
        """`seller` is the other server that asks; `keys` are ours, for what we keep of the PINs of its tickets."""
        assert bool(seller) == (keys is not None), "what others sell is kept under a secret of ours, our own is derived"
        self.seller = seller
        self._database = database
        self._clock = clock
        self._keys = keys
        self._sellers: dict[str, LocalIssuer] = {}

    def for_seller(self, seller: str, keys: Secrets) -> LocalIssuer:
        """The same stock and register, as another server may touch them: what it holds and sells itself, no more."""
        found = self._sellers.get(seller)
        if found is None:
            found = self._sellers[seller] = LocalIssuer(self._database, self._clock, seller=seller, keys=keys)
        return found

    def _hold_key(self, key: UUID) -> UUID:
        """What a hold goes by in the stock: a seller cannot name another one's."""
        if not self.seller:
            return key
        return UUID(bytes=hashlib.sha256(f"{self.seller}/".encode() + key.bytes).digest()[:16], version=5)

    def _spend_key(self, key: str) -> str:
        """What a spending goes by, likewise."""
        return f"{self.seller}/{hashlib.sha256(key.encode()).hexdigest()[:40]}" if self.seller else key

    async def status(self, *, issuer_id: UUID, occasion_id: UUID) -> bytes:
        del issuer_id  # one database serves all local issuers
        async with self._database.transaction() as tx:
            return bytes((await self._view(tx, occasion_id)).free)

    async def hold(self, wish: Wish) -> Held | NotAvailable:
        return await self._database.together(self._hold, replace(wish, key=self._hold_key(wish.key)))

    async def commit(self, *, issuer_id: UUID, key: UUID, places: Sequence[UUID]) -> Committed | HoldLost:
        del issuer_id
        if not places:
            return Committed()  # nothing that runs out was held
        return await self._database.together(self._commit, (self._hold_key(key), tuple(places)))

    async def release(self, *, issuer_id: UUID, key: UUID) -> None:
        del issuer_id
        async with self._database.transaction() as tx:
            await stock.release(tx, [self._hold_key(key)])

    async def register(self, registration: Registration) -> None:
        if self.seller:
            await self._database.together(self._register_foreign, registration)
        else:
            await self._database.together(self._register, registration, atomic=False)

    async def revoke(
        self, *, issuer_id: UUID, ticket_id: UUID, key: UUID, free: Sequence[UUID], unless_used: bool = False
    ) -> Revoked | Used:
        async with self._database.transaction() as tx:
            entry = await self._own(tx, issuer_id, ticket_id)
            if unless_used and entry.state != TicketState.REVOKED and (entry.used or entry.spent):
                return Used(max(entry.used, 1))
            await register.revoke(tx, ticket_id)
            await stock.put_back(tx, free, key=self._hold_key(key))
        return Revoked()

    async def replace(self, *, ticket_id: UUID, fresh: Registration, terms: Terms) -> Replaced | NotReplaced:
        async with self._database.transaction() as tx:
            entry = await self._own(tx, fresh.issuer_id, ticket_id)
            if (entry.product_id, entry.occasion_id) != (fresh.product_id, fresh.occasion_id):
                raise NotFound("The issuer's register has no such ticket of that product and occasion.")
            became = await hands.successor(tx, ticket_id)
            if became is None:
                rest = await hands.surrender(tx, ticket_id, terms, now=self._clock.now(), seller=self.seller)
                if isinstance(rest, Stays):
                    return NotReplaced(rest)
                await self._enter(tx, ticket_id, fresh, rest, terms)
            elif became != fresh.ticket_id:
                return NotReplaced(Stays.REVOKED)
            return await self._replaced(tx, fresh.issuer_id, ticket_id, fresh.ticket_id)

    async def _enter(self, tx: Tx, before: UUID, fresh: Registration, rest: Rest, terms: Terms) -> None:
        """Register what a ticket became; raises WrongState."""
        now = self._clock.now()
        wanted = replace(fresh, uses=rest.uses, balance=rest.balance, valid_until=rest.ends(fresh.valid_until))
        if self.seller:
            kept = [(replace(wanted, seller=self.seller), self._digests(fresh))]
            if not await register.register_foreign(tx, kept, now=now):
                raise WrongState(TAKEN)
        else:
            await register.register(tx, [wanted], now=now)
        await hands.hand_over(tx, before=before, after=fresh.ticket_id, terms=terms)

    async def _replaced(self, tx: Tx, issuer_id: UUID, before: UUID, after: UUID) -> Replaced:
        ids = [before, after]
        rows = {row.ticket_id: row for row in await register.entries(tx, ids, issuer_id=issuer_id, seller=self.seller)}
        both = register.told([rows[one] for one in ids], await register.admissions(tx, ids))
        return Replaced(both[0], both[1], rows[after].uses, rows[after].valid_until)

    async def suspend(self, *, issuer_id: UUID, ticket_id: UUID, suspended: bool) -> None:
        async with self._database.transaction() as tx:
            await self._own(tx, issuer_id, ticket_id)
            await register.suspend(tx, ticket_id, suspended=suspended)

    async def bind(self, *, issuer_id: UUID, ticket_id: UUID, holder_key: bytes) -> None:
        async with self._database.transaction() as tx:
            await self._own(tx, issuer_id, ticket_id)
            await register.bind(tx, ticket_id, holder_key=holder_key)

    async def _own(self, tx: Tx, issuer_id: UUID, ticket_id: UUID) -> sa.Row[Any]:
        """The seller's own entry, locked. What was never registered cannot be refused: it would come in valid later."""
        entry = await register.locked(tx, ticket_id, seller=self.seller)
        if entry is None or entry.issuer_id != issuer_id:
            raise NotFound("The issuer's register has no such ticket of yours. Register it first.")
        return entry

    async def verify(self, *, issuer_id: UUID, ticket_ids: Sequence[UUID]) -> Sequence[Entry]:
        async with self._database.transaction() as tx:
            rows = await register.entries(tx, ticket_ids, issuer_id=issuer_id, seller=self.seller)
            return register.told(rows, await register.admissions(tx, [row.ticket_id for row in rows]))

    async def spend(self, *, issuer_id: UUID, ticket_id: UUID, amount: int, key: str) -> Spent | NotSpent:
        assert amount > 0, "nothing is spent in vain"
        key = self._spend_key(key)
        async with self._database.transaction() as tx:
            before = await spending.begin(tx, issuer_id=issuer_id, key=key)
            if before is not None and before.amount == 0:
                return NotSpent(0)  # given up before it took anything
            if before is not None and (before.ticket_id, before.amount) != (ticket_id, amount):
                raise KeyReused("This key was used for another spending. Give each its own.")
            if before is not None:
                return Spent(await spending.balance(tx, ticket_id, seller=self.seller))
            left = await spending.take(
                tx,
                issuer_id=issuer_id,
                ticket_id=ticket_id,
                amount=amount,
                key=key,
                seller=self.seller,
                now=self._clock.now(),
            )
            if left is None:
                return NotSpent(await spending.balance(tx, ticket_id, seller=self.seller))
        return Spent(left)

    async def unspend(self, *, issuer_id: UUID, key: str, amount: int, back_key: str) -> None:
        assert amount > 0, "nothing is given back in vain"
        key, back_key, now = self._spend_key(key), self._spend_key(back_key), self._clock.now()
        async with self._database.transaction() as tx:
            if await spending.begin(tx, issuer_id=issuer_id, key=key) is None:
                await spending.give_up(tx, issuer_id=issuer_id, key=key, now=now)
            else:
                await spending.give_back(tx, issuer_id=issuer_id, key=key, amount=amount, back_key=back_key, now=now)

    # --- shared transactions ------------------------------------------------------------------------------------

    async def _hold(self, tx: Tx, wishes: Sequence[Wish]) -> Sequence[Held | NotAvailable]:
        answers: dict[UUID, Held | NotAvailable] = await self._held_before(tx, wishes)
        for _ in range(ROUNDS_MAX):
            open_wishes = [wish for wish in wishes if wish.key not in answers]
            if not open_wishes:
                break
            await self._hold_round(tx, open_wishes, answers)
        return [answers.get(wish.key, NotAvailable()) for wish in wishes]

    async def _hold_round(self, tx: Tx, wishes: Sequence[Wish], answers: dict[UUID, Held | NotAvailable]) -> None:
        """Deal out what is free, take it in one statement, and give back what a wish got only in part."""
        by_occasion: dict[UUID, list[Part]] = {}
        for wish in wishes:
            by_occasion.setdefault(wish.occasion_id, []).extend(wish.parts)
        views = {occasion_id: await self._view(tx, occasion_id, parts) for occasion_id, parts in by_occasion.items()}
        dealt: dict[UUID, list[tuple[UUID, ...]]] = {}
        for wish in wishes:
            served = _deal(views[wish.occasion_id], wish)
            if served is None:
                answers[wish.key] = NotAvailable()
            else:
                dealt[wish.key] = served
        by_key = {wish.key: wish for wish in wishes}
        wanted = [(place, key, by_key[key].until) for key, parts in dealt.items() for part in parts for place in part]
        taken = await stock.take(tx, wanted, now=self._clock.now())
        partial_keys = [key for key, parts in dealt.items() if any(p not in taken for part in parts for p in part)]
        if partial_keys:
            await stock.release(tx, partial_keys)
            # Somebody else was faster: whoever was told no by the same view deserves another look as well.
            for key in [key for key, answer in answers.items() if key in by_key and isinstance(answer, NotAvailable)]:
                del answers[key]
        for key, parts in dealt.items():
            if key not in partial_keys:
                answers[key] = Held(tuple(parts))

    async def _held_before(self, tx: Tx, wishes: Sequence[Wish]) -> dict[UUID, Held | NotAvailable]:
        """A wish that comes again, because its answer was lost or its time is renewed, keeps its places."""
        found: dict[UUID, dict[str, list[UUID]]] = {}
        for row in await stock.held_by(tx, [wish.key for wish in wishes]):
            found.setdefault(row.key, {}).setdefault(row.category, []).append(row.id)
        # A hold that ran out and of which others took a place is no hold any more: it starts anew.
        short = [wish.key for wish in wishes if wish.key in found and not _is_whole(wish, found[wish.key])]
        if short:
            await stock.release(tx, short)
            found = {key: places for key, places in found.items() if key not in short}
        answers: dict[UUID, Held | NotAvailable] = {}
        for wish in wishes:
            if wish.key in found:
                pools = found[wish.key]
                parts = []
                for part in wish.parts:
                    pool = pools.get(part.category, [])
                    parts.append(part.places or tuple(pool[: part.quantity]))
                    del pool[: part.quantity]
                answers[wish.key] = Held(tuple(parts))
        renewed = [(wish.key, wish.until) for wish in wishes if wish.key in found]
        if renewed:
            await stock.renew(tx, renewed)
        return answers

    async def _commit(self, tx: Tx, asks: Sequence[tuple[UUID, tuple[UUID, ...]]]) -> Sequence[Committed | HoldLost]:
        kept = await stock.commit(tx, [(place, key) for key, places in asks for place in places])
        lost = [key for key, places in asks if any(place not in kept for place in places)]
        if lost:
            await stock.release(tx, lost)
        return [HoldLost() if key in lost else Committed() for key, _ in asks]

    async def _register(self, tx: Tx, registrations: Sequence[Registration]) -> Sequence[None]:
        await register.register(tx, registrations, now=self._clock.now())
        return [None] * len(registrations)

    async def _register_foreign(self, tx: Tx, registrations: Sequence[Registration]) -> Sequence[Exception | None]:
        kept = [(replace(one, seller=self.seller), self._digests(one)) for one in registrations]
        there = await register.register_foreign(tx, kept, now=self._clock.now())
        return [None if one.ticket_id in there else WrongState(TAKEN) for one in registrations]

    def _digests(self, one: Registration) -> Digests:
        assert self._keys is not None, "a seller's view has them"
        mac = self._keys.foreign_mac(self._keys.kid)
        return Digests(
            self._keys.kid, pin_digest(mac, one.ticket_id, one.pin), code_digest(mac, one.ticket_id, one.compact)
        )

    async def _view(self, tx: Tx, occasion_id: UUID, parts: Sequence[Part] = ()) -> _View:
        """The hall, and its free places at this moment; where all `parts` name their places, of those alone."""
        places = await stock.places(tx, occasion_id)
        named = [places.index[place] for part in parts for place in part.places if place in places.index]
        among = named if parts and all(part.places for part in parts) else None
        free = await stock.free_map(tx, occasion_id, size=len(places.ids), now=self._clock.now(), among=among)
        return _View(places, free)


def _is_whole(wish: Wish, places: Mapping[str, Sequence[UUID]]) -> bool:
    """Whether these places, by category, still are as many as the wish is for; a renewal wishes for nothing new."""
    return all(
        len(places.get(category, ())) >= sum(part.quantity for part in wish.parts if part.category == category)
        for category in {part.category for part in wish.parts}
    )


def _deal(view: _View, wish: Wish) -> list[tuple[UUID, ...]] | None:
    """Places for every part of a wish, or None with nothing kept."""
    served: list[tuple[UUID, ...]] = []
    for part in wish.parts:
        found = view.pick(part)
        if found is None:
            for earlier in served:
                view.give_back(earlier)
            return None
        served.append(found)
    return served
