"""What networks say of messages: that they took one, and what became of each part of it, in whatever order it comes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.delivery import RECEIPT_EVENTS, DeliveryEvent, Try, TryOutcome
from app.store import messages
from app.store.database import Tx
from app.store.locks import exclusively_each
from app.store.moves import move_each
from app.store.tables import Delivery


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery that a channel took: every short message of it by its name on one line of the network."""

    delivery_id: UUID
    channel: str
    line: str
    message_ids: tuple[str, ...]
    parts: int


@dataclass(frozen=True, slots=True)
class Word:
    """What a line of the network says of one short message."""

    line: str
    message_id: str
    state: str
    at: datetime

    @property
    def about(self) -> tuple[str, str]:
        return self.line, self.message_id


@dataclass(frozen=True, slots=True)
class Fell:
    """A message that a channel took and then gave up: the next one is due."""

    delivery_id: UUID
    channel: str
    reason: str


async def sent(tx: Tx, taken: Sequence[Taken], *, now: datetime) -> list[Fell]:
    """Record that the network took messages; receipts that overtook this record are applied at once.

    Gives those that will not arrive after all.
    """
    first = {one.delivery_id: one for one in reversed(taken)}
    await _alone_with(tx, ((one.line, name) for one in taken for name in one.message_ids))
    moved = await move_each(
        tx,
        Delivery,
        list(first),
        DeliveryEvent.ACCEPT,
        {
            "channel": [one.channel for one in first.values()],
            "message_id": [one.message_ids[0] for one in first.values()],
            "parts": [one.parts for one in first.values()],
        },
        sent_at=now,
    )
    mine = [one for one in first.values() if one.delivery_id in moved]
    if not mine:
        return []
    accepted = [(one.delivery_id, Try(one.channel, TryOutcome.ACCEPTED), one.message_ids[0]) for one in mine]
    seqs = await messages.tried_each(tx, accepted, now=now)
    await _name_parts(tx, mine, seqs)
    return [one for one in await _apply(tx, await _overtaking(tx, mine)) if isinstance(one, Fell)]


async def _name_parts(tx: Tx, taken: Sequence[Taken], seqs: dict[UUID, int]) -> None:
    """A network whose ids come round again means the newest message by one."""
    parts = [(one.line, name, one.delivery_id, seqs[one.delivery_id]) for one in taken for name in one.message_ids]
    lines, names, deliveries, numbers = (list(column) for column in zip(*parts, strict=True))
    await tx.execute(
        "INSERT INTO delivery_part (channel, message_id, delivery_id, try_seq) SELECT * FROM unnest("
        " CAST(:lines AS varchar[]), CAST(:names AS varchar[]), CAST(:deliveries AS uuid[]), CAST(:seqs AS integer[]))"
        " ON CONFLICT (channel, message_id)"
        " DO UPDATE SET delivery_id = excluded.delivery_id, try_seq = excluded.try_seq, told = NULL",
        {"lines": lines, "names": names, "deliveries": deliveries, "seqs": numbers},
    )


async def _overtaking(tx: Tx, taken: Sequence[Taken]) -> list[Word]:
    """What was said of these messages before; of each the first last word."""
    parts = [(one.line, name) for one in taken for name in one.message_ids]
    lines, names = (list(column) for column in zip(*parts, strict=True))
    rows = await tx.execute(
        "SELECT r.channel, r.message_id, r.state, r.at FROM receipt r"
        " JOIN unnest(CAST(:lines AS varchar[]), CAST(:names AS varchar[])) AS w(line, name)"
        " ON r.channel = w.line AND r.message_id = w.name ORDER BY r.received_at",
        {"lines": lines, "names": names},
    )
    words = [Word(row.channel, row.message_id, row.state, row.at) for row in rows if row.state in RECEIPT_EVENTS]
    return _one_of_each(words)


def _one_of_each(words: Sequence[Word]) -> list[Word]:
    """The first word on each message, in their order."""
    found: dict[tuple[str, str], Word] = {}
    for word in words:
        found.setdefault(word.about, word)
    return list(found.values())


async def receive(tx: Tx, words: Sequence[Word], *, now: datetime) -> list[bool | Fell]:
    """Keep receipts and move their deliveries forward; the answers are in the order of `words`.

    False when it is known, says nothing new or names no message of ours (yet); Fell when the message will not arrive.
    """
    await _alone_with(tx, (word.about for word in words))
    answers: dict[Word, bool | Fell] = {}
    waiting = list(dict.fromkeys(words))
    while waiting:
        # One word of each message at a time: a later one finds what the one before has changed.
        now_heard = _one_of_each(waiting)
        waiting = [word for word in waiting if word not in now_heard]
        fresh = await _keep(tx, now_heard, now)
        answers |= zip(fresh, await _apply(tx, fresh, _fallen(answers)), strict=True)
    return [answers.pop(word, False) for word in words]


def _fallen(answers: dict[Word, bool | Fell]) -> set[UUID]:
    return {one.delivery_id for one in answers.values() if isinstance(one, Fell)}


async def _keep(tx: Tx, words: Sequence[Word], now: datetime) -> list[Word]:
    """Those that are new."""
    kept = await tx.execute(
        "INSERT INTO receipt (channel, message_id, state, at, received_at) SELECT w.*, CAST(:now AS timestamptz)"
        " FROM unnest(CAST(:lines AS varchar[]), CAST(:names AS varchar[]), CAST(:states AS varchar[]),"
        " CAST(:ats AS timestamptz[])) AS w ON CONFLICT DO NOTHING RETURNING channel, message_id",
        {
            "lines": [word.line for word in words],
            "names": [word.message_id for word in words],
            "states": [word.state for word in words],
            "ats": [word.at for word in words],
            "now": now,
        },
    )
    new = {(row.channel, row.message_id) for row in kept}
    return [word for word in words if word.about in new]


async def _alone_with(tx: Tx, about: Iterable[tuple[str, str]]) -> None:
    """A receipt and the record of its message look for each other: at the same moment, each would miss the other."""
    await exclusively_each(tx, {f"message:{line}:{name}" for line, name in about})


async def _apply(tx: Tx, words: Sequence[Word], fallen: Iterable[UUID] = ()) -> list[bool | Fell]:
    """Last words on parts. A delivery arrives when all parts of one try did, and falls when any of its last will not.

    No two are on one part; `fallen` are deliveries that fell already. Parts of one delivery wait for each other at its
    row, so that the last one sees all.
    """
    told = await _tell(tx, [word for word in words if word.state in RECEIPT_EVENTS])
    arrived = await _arrive(tx, [one for one in told.values() if one.event is DeliveryEvent.ARRIVE])
    gone = set(fallen)
    answers: list[bool | Fell] = []
    for word in words:
        one = told.get(word.about)
        if one is None or one.event is DeliveryEvent.ARRIVE:
            answers.append(one is not None and arrived.get(one.delivery_id) is word)
        elif one.delivery_id not in gone and await _is_under_way(tx, one):
            gone.add(one.delivery_id)
            answers.append(Fell(one.delivery_id, one.channel, f"the carrier says {word.state.lower()}"))
        else:
            answers.append(False)
    return answers


@dataclass(frozen=True, slots=True)
class _Told:
    """A last word that was new to its part."""

    word: Word
    event: DeliveryEvent
    delivery_id: UUID
    channel: str
    seq: int


async def _tell(tx: Tx, words: Sequence[Word]) -> dict[tuple[str, str], _Told]:
    if not words:
        return {}
    lines, names = [word.line for word in words], [word.message_id for word in words]
    locked = await tx.execute(
        "SELECT d.id, d.channel FROM delivery d JOIN delivery_part p ON p.delivery_id = d.id"
        " JOIN unnest(CAST(:lines AS varchar[]), CAST(:names AS varchar[])) AS w(line, name)"
        " ON p.channel = w.line AND p.message_id = w.name ORDER BY d.id FOR UPDATE OF d",
        {"lines": lines, "names": names},
    )
    channels = {row.id: row.channel for row in locked}
    if not channels:
        return {}
    rows = await tx.execute(
        "UPDATE delivery_part SET told = w.state FROM unnest(CAST(:lines AS varchar[]), CAST(:names AS varchar[]),"
        " CAST(:states AS varchar[])) AS w(line, name, state) WHERE channel = w.line AND message_id = w.name"
        " AND told IS NULL RETURNING channel, message_id, delivery_id, try_seq",
        {"lines": lines, "names": names, "states": [word.state for word in words]},
    )
    by_part = {word.about: word for word in words}
    found = {}
    for row in rows:
        word = by_part[row.channel, row.message_id]
        event = RECEIPT_EVENTS[word.state]
        found[word.about] = _Told(word, event, row.delivery_id, channels[row.delivery_id], row.try_seq)
    return found


async def _arrive(tx: Tx, told: Sequence[_Told]) -> dict[UUID, Word]:
    """Move those deliveries of which every part of one try has come to this end; gives the word that did it."""
    if not told:
        return {}
    whole = await tx.execute(
        "SELECT DISTINCT w.id FROM unnest(CAST(:ids AS uuid[]), CAST(:seqs AS integer[]), CAST(:states AS varchar[]))"
        " AS w(id, seq, state) WHERE NOT EXISTS (SELECT 1 FROM delivery_part p WHERE p.delivery_id = w.id"
        " AND p.try_seq = w.seq AND p.told IS DISTINCT FROM w.state)",
        {
            "ids": [one.delivery_id for one in told],
            "seqs": [one.seq for one in told],
            "states": [one.word.state for one in told],
        },
    )
    last = {one.delivery_id: one.word for one in told}
    ids = list(whole.scalars())
    ats = {"arrived_at": [last[identity].at for identity in ids]}
    moved = await move_each(tx, Delivery, ids, DeliveryEvent.ARRIVE, ats, reason=None)
    return {identity: last[identity] for identity in moved}


async def _is_under_way(tx: Tx, told: _Told) -> bool:
    """Whether the delivery hangs on this try: a later one may be on its way already."""
    present = await tx.execute(
        "SELECT 1 FROM delivery WHERE id = :id AND state = 'sent'"
        " AND :seq = (SELECT max(try_seq) FROM delivery_part WHERE delivery_id = :id)",
        {"id": told.delivery_id, "seq": told.seq},
    )
    return present.first() is not None
