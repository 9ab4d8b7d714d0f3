"""What is typed at an offline gate on the command line, and how its answers look."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from app.domain.gate_log import Deed
from app.domain.gate_verdict import Verdict

HELP = (
    "A line is a code, or what to do and a code: `out CODE`, `check CODE`, `group 3 CODE`, `redeem 4500 CODE`,"
    " `override WHO AND WHY: CODE`; or `undo SCAN`."
)
_LINE = re.compile(
    r"(?:(?P<word>out|check|undo)|group (?P<count>[0-9]{1,3})|redeem (?P<amount>[0-9]{1,10})|override (?P<by>[^:]+):)"
    r"\s+(?P<rest>.*)"
)
_DEEDS = {"out": Deed.LEAVE, "check": Deed.CHECK, "undo": Deed.UNDO}


@dataclass(frozen=True, slots=True)
class Asked:
    """One line, read. `text` is the code, or the scan that an undo names."""

    deed: Deed
    text: str
    count: int = 1
    amount: int = 0
    by: str | None = None


def read(line: str) -> Asked:
    """What a line asks for. No code begins with one of the words, so whatever else it is, it is a code."""
    found = _LINE.fullmatch(line.strip())
    if found is None:
        return Asked(Deed.ENTER, line)
    if found["count"]:
        return Asked(Deed.ENTER, found["rest"], count=int(found["count"]))
    if found["amount"]:
        return Asked(Deed.REDEEM, found["rest"], amount=int(found["amount"]))
    if found["by"]:
        return Asked(Deed.OVERRIDE, found["rest"], by=found["by"].strip())
    return Asked(_DEEDS[found["word"]], found["rest"].strip())


def show(console: Console, verdict: Verdict, *, language: str) -> None:
    """A panel in the verdict's colour for people, one line of JSON for programs."""
    told = {"scan_id": verdict.entry.scan_id, **verdict.told()}
    if not console.is_terminal:
        console.print(json.dumps(told, ensure_ascii=False), markup=False, highlight=False, soft_wrap=True)
        return
    style = {"green": "green", "amber": "yellow", "red": "red"}[verdict.colour.value]
    lines = [verdict.words(language), *_ticket(verdict, language)]
    title = f"{verdict.reason.value} · {verdict.entry.scan_id}"
    console.print(Panel(Text("\n".join(lines), style=f"bold {style}"), title=title, border_style=style))


def _ticket(verdict: Verdict, language: str) -> list[str]:
    if verdict.line is None:
        return []
    label, entry = verdict.line.label, verdict.line.entry
    names = ("title", "category", "section", "row", "seat", "holder")
    words = [_in(label[name], language) for name in names if label.get(name)]
    left = entry.balance if entry.balance is not None else entry.uses_left
    return [" · ".join(words), f"{left:,} left · {entry.inside} inside"]


def _in(words: object, language: str) -> str:
    if isinstance(words, dict):
        return str(words.get(language) or next(iter(words.values()), ""))
    return str(words)
