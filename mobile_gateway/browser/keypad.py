"""Typing letters on ten digits: the same key again changes the letter, any other key settles it."""

from __future__ import annotations

from dataclasses import replace

from mobile_gateway.browser.formats import Mask, Slot
from mobile_gateway.browser.state import Entry, Typing

LETTERS = {
    "1": ".,-_?!@:/&'()+=*#%$;1",
    "2": "abc2",
    "3": "def3",
    "4": "ghi4",
    "5": "jkl5",
    "6": "mno6",
    "7": "pqrs7",
    "8": "tuv8",
    "9": "wxyz9",
    "0": " 0+",
}
_ENTRIES = (Entry.LOWER, Entry.UPPER, Entry.DIGITS)


def begun(item: int, text: str, mask: Mask) -> Typing:
    """A field as it is opened, in the kind of letters its mask asks for."""
    text = mask.with_fixed(text)
    slot = mask.at(len(text)) or mask.at(len(text) - 1)  # a full field is corrected as it was typed
    return Typing(item, text, _entry_for(slot, Entry.LOWER))


def settled(typing: Typing, mask: Mask) -> Typing:
    """The last letter is meant; what stands by itself after it is written."""
    text = mask.with_fixed(typing.text)
    return replace(typing, text=text, cycling="", entry=_entry_for(mask.at(len(text)), typing.entry))


def digit(typing: Typing, key: str, mask: Mask) -> Typing:
    """A digit key: the next letter of that key where it was just pressed, else a new letter."""
    if typing.cycling == key:
        at = len(typing.text) - 1
        choices = _choices(key, mask.at(at), typing.entry)
        upcoming = choices[(choices.index(typing.text[-1]) + 1) % len(choices)]
        return replace(typing, text=typing.text[:-1] + upcoming)
    typing = settled(typing, mask)
    choices = _choices(key, mask.at(len(typing.text)), typing.entry)
    if not choices:
        return typing
    typing = replace(typing, text=typing.text + choices[0])
    return replace(typing, cycling=key) if len(choices) > 1 else settled(typing, mask)


def star(typing: Typing, mask: Mask) -> Typing:
    """Capitals, digits, small letters, in turn; a position for a digit takes nothing else."""
    typing = settled(typing, mask)
    slot = mask.at(len(typing.text))
    if slot and slot.code == "N":
        return typing
    return replace(typing, entry=_ENTRIES[(_ENTRIES.index(typing.entry) + 1) % len(_ENTRIES)])


def cleared(typing: Typing, mask: Mask) -> Typing:
    """The last letter is gone, and the characters around it that stand by themselves."""
    text = _without_fixed(_without_fixed(typing.text, mask)[:-1], mask)
    return replace(typing, text=text, cycling="", entry=_entry_for(mask.at(len(text)), typing.entry))


def _without_fixed(text: str, mask: Mask) -> str:
    """The text up to its last typed letter."""
    while text and (slot := mask.at(len(text) - 1)) and slot.fixed:
        text = text[:-1]
    return text


def _choices(key: str, slot: Slot | None, entry: Entry) -> str:
    """What a key may write in a slot, first choice first; empty where it may write nothing."""
    if slot is None:
        return ""
    if entry is Entry.DIGITS:
        letters = key
    elif entry is Entry.UPPER:
        letters = LETTERS[key].upper()
    else:
        letters = LETTERS[key]
    return "".join(letter for letter in letters if slot.takes(letter))


def _entry_for(slot: Slot | None, entry: Entry) -> Entry:
    """The kind of letters a slot asks for; where it takes any, the holder's choice stays."""
    code = slot.code if slot else "M"
    if code == "N":
        return Entry.DIGITS
    if code == "A" or (code == "X" and entry is Entry.LOWER):
        return Entry.UPPER
    if code == "a" or (code == "x" and entry is Entry.UPPER):
        return Entry.LOWER
    return entry
