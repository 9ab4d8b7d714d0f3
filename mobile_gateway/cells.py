"""Text in the cells of a small screen: how wide each character is, and where a line must break."""

from __future__ import annotations

from unicodedata import combining, east_asian_width


def char_cells(char: str) -> int:
    """0 for a mark that sits on the letter before it, 2 for a Korean syllable or a picture, else 1."""
    if combining(char) or char in "\u200b\u200d\ufe0e\ufe0f":
        return 0
    return 2 if east_asian_width(char) in "WF" else 1


def cells(text: str) -> int:
    return sum(map(char_cells, text))


def clip(text: str, width: int) -> str:
    """As much of the start of `text` as fits in `width` cells."""
    used = 0
    for index, char in enumerate(text):
        used += char_cells(char)
        if used > width:
            return text[:index]
    return text


def wrap(text: str, width: int) -> list[tuple[int, int]]:
    """The lines of `text` as (start, end) positions: broken at newlines, else at a space, else where the width ends."""
    assert width >= 2  # noqa: PLR2004 - a Korean syllable must fit
    lines, start = [], 0
    while start < len(text):
        newline = text.find("\n", start)
        paragraph_end = len(text) if newline < 0 else newline
        end = start + len(clip(text[start:paragraph_end], width))
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
