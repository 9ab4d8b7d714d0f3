"""Joining the parts of a long message: in any order, some of them twice, some never.

Pure: a `Joiner` is a value, time is an argument, and every act answers the joiner after it. It forgets what is too old,
and never holds more than its limits: the message heard of longest ago makes room for a new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from mobile_gateway.wire.udh import Concatenation, InformationElement, concatenation_of

OPEN_MAX = 16
OCTETS_MAX = 65_536
SECONDS_MAX = 86_400


@dataclass(frozen=True, slots=True)
class Key:
    """Which message a part belongs to (3GPP TS 23.040 section 9.2.3.24.1)."""

    source: str
    destination: str
    reference: int
    total: int
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """What one part brings: the elements of its header but for the concatenation's, and its octets. Does not print."""

    data_coding: int
    octets: bytes = field(repr=False)
    elements: tuple[InformationElement, ...] = field(default=(), repr=False)

    @property
    def size(self) -> int:
        """Octets of memory that it is counted with."""
        return len(self.octets) + sum(2 + len(one.data) for one in self.elements)


@dataclass(frozen=True, slots=True)
class Pending:
    """A message of which parts have come, by sequence; once whole it is kept a while to know late duplicates."""

    key: Key
    since: datetime
    pieces: tuple[tuple[int, Piece], ...]

    @property
    def is_whole(self) -> bool:
        return len(self.pieces) == self.key.total

    @property
    def size(self) -> int:
        """Octets of memory that it is counted with."""
        return sum(piece.size for _, piece in self.pieces)

    def piece(self, sequence: int) -> Piece | None:
        return next((piece for at, piece in self.pieces if at == sequence), None)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a handset, or a sales server, is ready to wait for."""

    open_max: int = OPEN_MAX
    octets_max: int = OCTETS_MAX
    seconds_max: float = SECONDS_MAX


@dataclass(frozen=True, slots=True)
class Step:
    """What a part led to: the joiner after it, the message where it is whole now, and those given up meanwhile."""

    joiner: Joiner
    whole: tuple[Piece, ...] | None = None
    dropped: tuple[Key, ...] = ()


def place_of(elements: Sequence[InformationElement], sar: Concatenation | None = None) -> Concatenation | None:
    """Which part a message is. SMPP may say it by SAR parameters too: where both stand, the header counts."""
    return concatenation_of(elements) or sar


@dataclass(frozen=True, slots=True)
class Joiner:
    """The long messages that are under way to one place, the one last heard of last."""

    limits: Limits = Limits()
    pending: tuple[Pending, ...] = ()

    def accept(self, place: Concatenation, piece: Piece, *, source: str, destination: str, now: datetime) -> Step:
        """Take one part. A duplicate changes nothing; another content at the same place begins the message anew."""
        joiner, dropped = self.expire(now)
        key = Key(source, destination, place.reference, place.total, place.wide)
        old = next((one for one in joiner.pending if one.key == key), None)
        known = old.piece(place.sequence) if old else None
        if known == piece:
            return Step(joiner, None, dropped)
        # Other octets at a place that is taken: the sender has come round to the same reference.
        anew = known is not None
        begun = Pending(key, now, ()) if anew or old is None else old
        grown = replace(begun, pieces=tuple(sorted([*begun.pieces, (place.sequence, piece)], key=_by_sequence)))
        others = tuple(one for one in joiner.pending if one.key != key)
        if old is not None and anew and not old.is_whole:
            dropped += (key,)
        kept, evicted = _within(self.limits, [*others, grown])
        joiner = replace(joiner, pending=kept)
        return Step(joiner, tuple(part for _, part in grown.pieces) if grown.is_whole else None, dropped + evicted)

    def expire(self, now: datetime) -> tuple[Joiner, tuple[Key, ...]]:
        """The joiner without what has waited too long, and what of that was not whole."""
        oldest = now - timedelta(seconds=self.limits.seconds_max)
        late = [one for one in self.pending if one.since <= oldest]
        if not late:
            return self, ()
        kept = tuple(one for one in self.pending if one.since > oldest)
        return replace(self, pending=kept), tuple(one.key for one in late if not one.is_whole)


def _within(limits: Limits, pending: list[Pending]) -> tuple[tuple[Pending, ...], tuple[Key, ...]]:
    """What may be kept of `pending`, and which messages that costs.

    First goes what is whole and only remembered, then what was heard of longest ago; the newest itself only where it
    alone is too large.
    """
    kept, dropped = list(pending), []
    while len(kept) > limits.open_max or sum(one.size for one in kept) > limits.octets_max:
        older = kept[:-1]
        gone = next((one for one in older if one.is_whole), kept[0])
        kept.remove(gone)
        if not gone.is_whole:
            dropped.append(gone.key)
    return tuple(kept), tuple(dropped)


def _by_sequence(placed: tuple[int, Piece]) -> int:
    return placed[0]
