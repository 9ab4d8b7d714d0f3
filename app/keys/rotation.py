"""A key's life: next, then current, then previous, then gone; or dropped at once, because somebody else has it.

A new key is shown to the world for a day before anything is signed with it, so that whoever keeps our key set for the
half day it may be kept has fetched it by then. Every step is whole on disk or has not happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from app.keys import folder
from app.keys.folder import Index
from app.keys.points import public_jwk, thumbprint
from app.keys.ring import KID_MAX, SUFFIXES, Current, KeyRing, KeyRingUnusable, file_name

KINDS = tuple(SUFFIXES)
JWKS_SECONDS = 43_200
"""How long our key set may be kept by whoever fetched it."""
PUBLISHED_SECONDS = 2 * JWKS_SECONDS
"""How long a key is shown before it is used."""
HOUR_SECONDS = 3_600


class State(StrEnum):
    NEXT = "next"
    """Shown to the world, not used yet."""
    CURRENT = "current"
    PREVIOUS = "previous"
    """Not used any more; what was made with it still counts."""


class NotNow(ValueError):
    """A step that would break what is in people's hands; the sentence says what to do instead."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a ring. `thumbprint` is RFC 7638's, and empty for a secret, of which nothing is shown.

    `used_until` is when the key after it became current: what was made later does not depend on it. None for a key
    that is current or next.
    """

    kind: str
    index: int
    state: State
    thumbprint: str
    made_at: datetime
    used_until: datetime | None

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.index}"


def keys(directory: Path) -> list[Key]:
    """Every key of the ring, by kind and index; raises KeyRingUnusable."""
    ring, index = folder.load(directory), folder.read_index(directory)
    return [_key(directory, ring, index, kind, number) for kind in KINDS for number in sorted(_held(ring)[kind])]


def _held(ring: KeyRing) -> dict[str, frozenset[int]]:
    return {
        "secret": frozenset(ring.secrets),
        "barcode": frozenset(ring.barcode),
        "token": frozenset(ring.token),
    }


def _key(directory: Path, ring: KeyRing, index: Index, kind: str, number: int) -> Key:
    current: int = asdict(index.current)[kind]
    state = State.CURRENT if number == current else State.NEXT if number > current else State.PREVIOUS
    signing = {"barcode": ring.barcode, "token": ring.token}.get(kind, {})
    mark = thumbprint(public_jwk(signing[number].public_key())) if number in signing else ""
    name = f"{kind}-{number}"
    on_disk = _written(directory / file_name(kind, number))
    after = min((one for one in _held(ring)[kind] if number < one <= current), default=None)
    # Where somebody changed ring.json by hand nothing is noted: the key was not used after the file's last change.
    until = None if after is None else index.current_since.get(f"{kind}-{after}", _written(directory / folder.RING))
    return Key(kind, number, state, mark, index.published.get(name, on_disk), until)


def _written(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


# --- steps ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """What `rotate` did: it published the key `name`, made it current, or left it, `wait` being how long still."""

    name: str
    published: bool = False
    current: bool = False
    wait: timedelta | None = None


def rotate(directory: Path, kind: str, *, now: datetime, at_once: bool = False) -> Step:
    """Publish the next key of a kind, or make it current once it has been published for a day.

    With `at_once` it is made current whatever its age. Called again it goes on where it stopped. Raises
    KeyRingUnusable.
    """
    with folder.locked(directory):
        index = folder.read_index(directory)
        name = _next(directory, kind) or _make(directory, index, kind)
        known = index.published.get(name)
        if known is None:
            # A file that somebody put there by hand, or that a step left that did not end: nobody was shown it.
            index = replace(index, published={**index.published, name: now})
            _write(directory, index)
        if at_once or (known is not None and now >= known + timedelta(seconds=PUBLISHED_SECONDS)):
            _write(directory, _with_current(index, kind, name, now=now))
            return Step(name, published=known is None, current=True)
        published_at = known or now
        return Step(name, published=known is None, wait=published_at + timedelta(seconds=PUBLISHED_SECONDS) - now)


def _make(directory: Path, index: Index, kind: str) -> str:
    """Write a new key file; its index is above every one there ever was, so that none comes to mean another key."""
    named = {*index.dropped, *index.published, *index.current_since}
    seen = {int(name.rpartition("-")[2]) for name in named if name.startswith(f"{kind}-")}
    number = max({*folder.files(directory)[kind], *seen, asdict(index.current)[kind]}) + 1
    if number > KID_MAX:
        raise KeyRingUnusable(f"every index of a {kind} key up to {KID_MAX} was used; make a new ring")
    folder.put(directory, file_name(kind, number), folder.fresh_key(kind))
    return f"{kind}-{number}"


def _next(directory: Path, kind: str) -> str | None:
    return next((key.name for key in keys(directory) if key.kind == kind and key.state is State.NEXT), None)


def _with_current(index: Index, kind: str, name: str, *, now: datetime) -> Index:
    return replace(
        index,
        current=Current(**{**asdict(index.current), kind: int(name.rpartition("-")[2])}),
        published={name: now, **index.published},
        current_since={**index.current_since, name: now},
    )


def _write(directory: Path, index: Index) -> None:
    folder.put(directory, folder.RING, index.octets())


def retire(directory: Path, kind: str, number: int) -> None:
    """Take a previous key out of the ring. Whether anything needs it, the caller has looked. Raises NotNow."""
    with folder.locked(directory):
        index = folder.read_index(directory)
        current: int = asdict(index.current)[kind]
        if number >= current:
            raise NotNow(f"{kind}-{number} is not a previous key: {kind}-{current} is current.")
        if number not in folder.files(directory)[kind]:
            raise NotNow(f"There is no {kind}-{number} in this ring; `cyberticket keys list` shows what there is.")
        # The file goes first: ring.json is what running servers look at, and by then nobody finds the key any more.
        folder.take_away(directory, file_name(kind, number))
        _write(directory, _without(index, f"{kind}-{number}"))


def _without(index: Index, name: str) -> Index:
    def rest(times: Mapping[str, datetime]) -> dict[str, datetime]:
        return {other: at for other, at in times.items() if other != name}

    return replace(index, published=rest(index.published))


def drop(directory: Path, kind: str, number: int, *, now: datetime) -> str | None:
    """Take a compromised key out of the ring at once; the name of the key that took its place, if it was current.

    Again, it changes nothing, and removes the file if that was left. Raises NotNow, KeyRingUnusable.
    """
    with folder.locked(directory):
        index = folder.read_index(directory)
        name = f"{kind}-{number}"
        replaced = None
        if name not in index.dropped:
            if number not in folder.files(directory)[kind]:
                raise NotNow(f"There is no {name} in this ring; `cyberticket keys list` shows what there is.")
            if number == asdict(index.current)[kind]:
                replaced = _next(directory, kind) or _make(directory, index, kind)
                index = _with_current(index, kind, replaced, now=now)
            # ring.json goes first: from then on every reader passes the file over, whether it is still there or not.
            _write(directory, replace(_without(index, name), dropped=index.dropped | {name}))
        folder.take_away(directory, file_name(kind, number))
        return replaced


def waiting(step: Step) -> str:
    """How long a next key has still to wait, in words."""
    assert step.wait is not None, "it waits"
    hours = -(-int(step.wait.total_seconds()) // HOUR_SECONDS)
    return "1 hour" if hours == 1 else f"{hours} hours"
