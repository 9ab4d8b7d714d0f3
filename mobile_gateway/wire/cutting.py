"""Cutting a message for the air: user data for each part, header included, as SMPP and the radio carry it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mobile_gateway.wire import ksc
from mobile_gateway.wire.alphabet import ESCAPE, TextRefused
from mobile_gateway.wire.gsm import PARTS_MAX, USER_DATA_OCTETS_MAX, Coding, encode, ends, units_max
from mobile_gateway.wire.udh import Concatenation, InformationElement, build, concatenation_of, size_of

PARTS_ADDRESSABLE = 255
"""A concatenation header counts parts in one octet."""

_HIGH_SURROGATES = range(0xD8, 0xDC)
_HIGH_SURROGATE = re.compile(rb"[\xd8-\xdb]")
_UNIT = 2


def cut(
    content: str | bytes,
    coding: Coding,
    *,
    reference: int,
    wide: bool = False,
    elements: Sequence[InformationElement] = (),
    parts_max: int = PARTS_MAX,
    octets_max: int = USER_DATA_OCTETS_MAX,
) -> tuple[bytes, ...]:
    """The user data of each part; one part without a concatenation header where `content` fits alone.

    `content` is a text, or octets already in `coding`. `elements`, such as ports, stand in every part's header.
    `reference` joins the parts: 8 bits, or 16 with `wide`. With any header the submitter sets esm_class 0x40.
    Never cuts inside an escape pair, a surrogate pair or a Korean syllable. Raises TextRefused, or ValueError for a
    header that cannot be.
    """
    assert 1 <= parts_max <= PARTS_ADDRESSABLE
    octets = encode(content, coding) if isinstance(content, str) else content
    header = build(elements)
    if len(octets) <= _room(coding, len(header), octets_max):
        return (header + octets,)
    if concatenation_of(elements):
        raise TextRefused("This is a part of a longer message already and too long for one; cut it shorter.")
    joined = size_of([*elements, Concatenation(reference, 1, 1, wide).element()])
    room = _room(coding, joined, octets_max)
    sizes = character_sizes(octets, coding)
    if max(sizes) > room:
        raise TextRefused("The header leaves no room for a character; send it without pictures or other elements.")
    bodies = _slices(octets, sizes, room)
    if len(bodies) > parts_max:
        raise TextRefused(
            f"The message needs {len(bodies)} parts and {parts_max} are allowed."
            f" Shorten it to {parts_max * room} octets."
        )
    places = (Concatenation(reference, len(bodies), sequence, wide) for sequence in range(1, len(bodies) + 1))
    return tuple(build([*elements, place.element()]) + body for place, body in zip(places, bodies, strict=True))


def character_sizes(octets: bytes, coding: Coding) -> list[int]:
    """How many octets each character of `octets` takes, in order; what is malformed counts as it stands."""
    if coding in {Coding.ASCII, Coding.LATIN1, Coding.BINARY}:
        return [1] * len(octets)
    if coding is Coding.UCS2 and _HIGH_SURROGATE.search(octets[::_UNIT]) is None:
        return [_UNIT] * (len(octets) // _UNIT) + [1] * (len(octets) % _UNIT)
    sizes, at = [], 0
    while at < len(octets):
        size = min(_size_at(octets, at, coding), len(octets) - at)
        sizes.append(size)
        at += size
    return sizes


def _size_at(octets: bytes, at: int, coding: Coding) -> int:
    if coding is Coding.GSM:
        return 2 if octets[at] == ESCAPE else 1
    if coding is Coding.KSC:
        return ksc.size_at(octets, at)
    assert coding is Coding.UCS2
    return 2 * _UNIT if octets[at] in _HIGH_SURROGATES else _UNIT


def _room(coding: Coding, header_octets: int, octets_max: int) -> int:
    """Octets of encoded text beside a header: a septet takes an octet here, and seven eighths of one on the air."""
    units = units_max(coding, header_octets=header_octets, octets_max=octets_max)
    return units * _UNIT if coding is Coding.UCS2 else units


def _slices(octets: bytes, sizes: Sequence[int], room: int) -> list[bytes]:
    """`octets` in pieces of at most `room`, between characters."""
    bodies, at, done = [], 0, 0
    for stop in ends(sizes, room):
        size = sum(sizes[done:stop])
        bodies.append(octets[at : at + size])
        at, done = at + size, stop
    return bodies
