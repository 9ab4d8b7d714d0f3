"""The issuer whose stock and register are in our own database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.domain import inventory
from app.ports import Clock, Committed, Held, HoldLost, NotAvailable, Part, Registration, Wish
from app.store import register, stock
from app.store.database import Database, Tx
from app.store.stock import Places

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
            found = [pos for pos in wanted if pos is not None and self.free[pos]]
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

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def status(self, *, issuer_id: UUID, occasion_id: UUID) -> bytes:
        del issuer_id  # one database serves all local issuers
        async with self._database.transaction() as tx:
            return bytes((await self._view(tx, occasion_id)).free)

    async def hold(self, wish: Wish) -> Held | NotAvailable:
        return await self._database.together(self._hold, wish)

    async def commit(self, *, issuer_id: UUID, key: UUID, places: Sequence[UUID]) -> Committed | HoldLost:
        del issuer_id
        if not places:
            return Committed()  # nothing that runs out was held
        return await self._database.together(self._commit, (key, tuple(places)))

    async def release(self, *, issuer_id: UUID, key: UUID) -> None:
        del issuer_id
        async with self._database.transaction() as tx:
            await stock.release(tx, [key])

    async def register(self, registration: Registration) -> None:
        await self._database.together(self._register, registration, atomic=False)

    async def revoke(self, *, issuer_id: UUID, ticket_id: UUID, key: UUID, free: Sequence[UUID]) -> None:
        del issuer_id
        async with self._database.transaction() as tx:
            await register.revoke(tx, ticket_id)
            await stock.put_back(tx, free, key=key)

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
