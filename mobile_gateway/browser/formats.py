"""What may be typed into a field: the masks of WML (1.1 section 11.6.1), such as `*N`, `6N` or `NNNN`."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

LETTERS_MAX = 200
"""What a field holds that does not say."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One position: a code of the mask, or a `fixed` character that stands by itself."""

    code: str
    fixed: str = ""

    def takes(self, char: str) -> bool:
        if self.fixed:
            return char == self.fixed
        if self.code == "N":
            return char in "0123456789"
        forbidden = (
            (self.code in "AX" and char.islower())
            or (self.code in "ax" and char.isupper())
            or (self.code in "Aa" and char.isdigit())
        )
        return not forbidden and not unicodedata.category(char).startswith("C")


@dataclass(frozen=True, slots=True)
class Mask:
    """Fixed positions, then as many of `tail` as fit up to `letters_max` in all. An empty text is judged apart."""

    slots: tuple[Slot, ...]
    tail: Slot | None
    letters_max: int

    def at(self, position: int) -> Slot | None:
        """What may stand at a position, from 0; None where the text is full."""
        if position >= self.letters_max:
            return None
        return self.slots[position] if position < len(self.slots) else self.tail

    def begins(self, text: str) -> bool:
        """Whether `text` is the start of something that fits."""
        slots = [self.at(position) for position in range(len(text))]
        return all(slot is not None and slot.takes(char) for slot, char in zip(slots, text, strict=True))

    def fits(self, text: str) -> bool:
        return len(text) >= len(self.slots) and self.begins(text)

    def with_fixed(self, text: str) -> str:
        """`text` and the characters that stand by themselves after it."""
        while (slot := self.at(len(text))) and slot.fixed:
            text += slot.fixed
        return text


@lru_cache(maxsize=256)
def mask_of(text: str, letters_max: int = 0) -> Mask:
    """The mask that `text` writes; what is no mask lets everything through, as section 11.6.1 asks."""
    most = min(letters_max or LETTERS_MAX, LETTERS_MAX)
    slots: list[Slot] = []
    rest = text
    while rest:
        head, rest = rest[0], rest[1:]
        if head == "\\" and rest:
            slots.append(Slot("", fixed=rest[0]))
            rest = rest[1:]
        elif head in "AaNXxMm":
            slots.append(Slot(head))
        elif head in "*123456789" and len(rest) == 1 and rest in "AaNXxMm":
            room = most if head == "*" else len(slots) + int(head)
            return Mask(tuple(slots), Slot(rest), min(room, most))
        else:
            return Mask((), Slot("M"), most)
    return Mask(tuple(slots), None, min(len(slots), most)) if slots else Mask((), Slot("M"), most)
