"""The pages as the tests read them: their files, their blocks with the marks before them, their headings and links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]

MARK = re.compile(r"<!-- run: ([a-z ]+) -->")
FENCE = re.compile(r"(?P<quote> *)```(?P<language>[a-z]*)")
LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)>\s]+)>?\s*\)")
CODE = re.compile(r"`([^`]+)`")
COMMAND = re.compile(r"(?:\.venv/bin/)?(cyberticket [a-z].*)")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced or indented block. `run` is what the mark before it says, or empty."""

    page: Path
    line: int
    language: str
    run: str
    text: str

    def __str__(self) -> str:
        return f"{name_of(self.page)}:{self.line}"


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    kept: list[str] = []
    inside = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if FENCE.match(line):
            inside = not inside
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def blocks(page: Path) -> list[Block]:
    """Fenced blocks in their order, each with the mark on the line before it."""
    found: list[Block] = []
    start, mark, language, quote = 0, "", "", ""
    lines: list[str] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence = FENCE.match(line)
        if start and fence:
            found.append(Block(page, start, language, mark, "".join(f"{one}\n" for one in lines)))
            start, mark, lines = 0, "", []
        elif start:
            lines.append(line.removeprefix(quote))
        elif fence:
            start, language, quote = number, fence["language"], fence["quote"]
        elif marked := MARK.fullmatch(line):
            mark = marked[1]
    assert not start, f"{name_of(page)}:{start} opens a block and never closes it"
    return found


def all_blocks(language: str) -> list[Block]:
    return [block for page in PAGES for block in blocks(page) if block.language == language]


def commands() -> list[tuple[str, str]]:
    """(where, line) of every `cyberticket …` that a page tells its reader to type, continued lines joined."""
    return [(name_of(page), match[1]) for page in PAGES for line in _typed(page) if (match := COMMAND.match(line))]


def _typed(page: Path) -> list[str]:
    text = re.sub(r" *\\\n *", " ", page.read_text(encoding="utf-8"))
    lines = [line.strip() for line in text.splitlines() if line.startswith(("    ", ".venv/bin/", "cyberticket "))]
    return lines + [code for code in CODE.findall(prose(page)) if "\n" not in code]


def anchors(page: Path) -> set[str]:
    """The fragments that a page's headings make, as the forges make them."""
    found = set()
    for line in prose(page).splitlines():
        if match := re.fullmatch(r"#+ (.+)", line):
            words = re.sub(r"[^\w\- ]", "", match[1].strip().lower().replace("`", ""))
            found.add(words.replace(" ", "-"))
    return found


def links(page: Path) -> list[str]:
    return [link for link in LINK.findall(prose(page)) if not re.match(r"[a-z]+:", link)]
