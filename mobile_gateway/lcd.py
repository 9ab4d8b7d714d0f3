"""What a phone's screen shows: eight rows of sixteen cells, the 96 x 65 pixels of a feature phone."""

from __future__ import annotations

from dataclasses import dataclass

from mobile_gateway.cells import cells, clip, wrap
from mobile_gateway.handset import BODY_ROWS, CELLS_WIDE, Held, Mode, Notice, Phone, find_links
from mobile_gateway.messages import Language

ROWS = BODY_ROWS + 2

WORDS = {
    Language.ENGLISH: {
        "title": "Messages",
        "full": "Memory full",
        "empty": "No messages.\n\nTickets will\narrive here.",
        "confirm": "This ticket is\nstored. Delete\nit for good?",
        "open": "Open",
        "store": "Store",
        "back": "Back",
        "delete": "Delete",
        "keep": "Keep",
        Notice.STORED: "Ticket stored",
        Notice.NO_TICKET: "No ticket here",
        Notice.DELETED: "Deleted",
    },
    Language.KOREAN: {
        "title": "메시지",
        "full": "메모리 부족",
        "empty": "메시지가\n없습니다.\n\n티켓이 여기로\n도착합니다.",
        "confirm": "보관한 티켓을\n정말 삭제할까요?",
        "open": "열기",
        "store": "보관",
        "back": "이전",
        "delete": "삭제",
        "keep": "유지",
        Notice.STORED: "보관했습니다",
        Notice.NO_TICKET: "티켓이 없습니다",
        Notice.DELETED: "삭제했습니다",
    },
}
"""The phone's own words, short enough for its rows; a soft-key row holds two of them."""


@dataclass(frozen=True, slots=True)
class Span:
    """A run of a row that is either plain or one link."""

    text: str
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    spans: tuple[Span, ...] = ()
    inverse: bool = False

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)


def screen(phone: Phone, *, memory_full: bool = False) -> tuple[Row, ...]:
    """The eight rows: a title, six of body, the soft keys (or what the phone has to say)."""
    words = WORDS[phone.language]
    held = phone.picked
    full = memory_full or not phone.has_room(1)
    memory = f"{phone.parts_used}/{phone.parts_max}"
    status = _ends(words["full"], "") if full else _ends(words["title"], memory)
    if held is None:
        title, body, keys = status, _lines(words["empty"]), ("", "")
    elif phone.view.mode is Mode.OPEN:
        lines = _message_rows(held.text)
        shown = lines[phone.view.row : phone.view.row + BODY_ROWS]
        title = _ends(held.sender, _position(phone.view.row, len(lines)))
        body, keys = shown, ("" if held.stored else words["store"], words["back"])
    elif phone.view.mode is Mode.CONFIRM:
        title, body, keys = _ends(words["delete"], "!"), _lines(words["confirm"]), (words["delete"], words["keep"])
    else:
        title = status
        body, keys = _list_rows(phone, held), (words["open"], words["delete"])
    foot = words[phone.view.notice] if phone.view.notice else _ends(*keys)
    padding = (Row(),) * (BODY_ROWS - len(body))
    return (_row(title, inverse=True), *body, *padding, _row(foot, inverse=phone.view.notice is not None))


def _list_rows(phone: Phone, picked: Held) -> tuple[Row, ...]:
    """A window of the inbox around the cursor: `*` is new, `+` is a stored ticket."""
    index = phone.messages.index(picked)
    first = max(0, min(index - BODY_ROWS // 2, len(phone.messages) - BODY_ROWS))
    rows = []
    for held in phone.messages[first : first + BODY_ROWS]:
        mark = "+" if held.stored else " " if held.opened else "*"
        line = clip(mark + " ".join(held.text.split()), CELLS_WIDE)
        chosen = held is picked
        rows.append(_row(line + " " * (CELLS_WIDE - cells(line)) if chosen else line, inverse=chosen))
    return tuple(rows)


def _message_rows(text: str) -> tuple[Row, ...]:
    """The text in rows; a link broken over several rows is the same link in each."""
    links = find_links(text)
    rows = []
    for start, end in wrap(text, CELLS_WIDE):
        spans, at = [], start
        for link in links:
            first, last = max(link.start, start), min(link.end, end)
            if first < last:
                spans += [Span(text[at:first])] if at < first else []
                spans.append(Span(text[first:last], link.href))
                at = last
        spans += [Span(text[at:end])] if at < end else []
        rows.append(Row(tuple(spans)))
    return tuple(rows)


def _position(row: int, rows: int) -> str:
    """Which screenful of how many: `2/3`; nothing where all is in view."""
    pages = -(-rows // BODY_ROWS)
    return f"{min(pages, -(-row // BODY_ROWS) + 1)}/{pages}" if pages > 1 else ""


def _lines(text: str) -> tuple[Row, ...]:
    return tuple(_row(line) for line in text.split("\n"))


def _row(text: str, *, inverse: bool = False) -> Row:
    return Row((Span(text),) if text else (), inverse)


def _ends(left: str, right: str) -> str:
    """Two words at the two ends of a row; the left one gives way."""
    left = clip(left, CELLS_WIDE - cells(right) - bool(right))
    return left + " " * (CELLS_WIDE - cells(left) - cells(right)) + right
