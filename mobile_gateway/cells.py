"""Text on a small screen: how wide each character is, and where a line must break.

Widths are cells, unless the caller draws a proportional font and gives a `measure` of its own, in pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from unicodedata import combining, east_asian_width

Measure = Callable[[str], int]
"""How wide one character is."""


def char_cells(char: str) -> int:
    """0 for a mark that sits on the letter before it, 2 for a Korean syllable or a picture, else 1."""
    if combining(char) or char in "\u200b\u200d\ufe0e\ufe0f":
        return 0
    return 2 if east_asian_width(char) in "WF" else 1


def cells(text: str, measure: Measure = char_cells) -> int:
    """How wide the whole text is."""
    return sum(map(measure, text))


def clip(text: str, width: int, measure: Measure = char_cells) -> str:
    """As much of the start of `text` as fits in `width`."""
    used = 0
    for index, char in enumerate(text):
        used += measure(char)
        if used > width:
            return text[:index]
    return text


def wrap(text: str, width: int, measure: Measure = char_cells) -> list[tuple[int, int]]:
    """The lines of `text` as (start, end) positions: broken at newlines, else at a space, else where the width ends.

    The widest character must fit in `width`.
    """
    assert width >= 2  # noqa: PLR2004 - a Korean syllable must fit
    lines, start = [], 0
    while start < len(text):
        newline = text.find("\n", start)
        paragraph_end = len(text) if newline < 0 else newline
        end = start + len(clip(text[start:paragraph_end], width, measure))
        assert end > start or end == paragraph_end, "a character is wider than the line"
        after = end
        if end == paragraph_end:
            after = end + 1  # over the newline
        elif text[end] == " ":
            after = end + 1  # a space at the edge is not carried to the next line
        elif (space := text.rfind(" ", start, end)) > start:
            end, after = space, space + 1
        lines.append((start, end))
        start = after
    return lines
