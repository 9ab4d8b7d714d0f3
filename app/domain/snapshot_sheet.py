"""A gate's sheet as it comes over the wire: a snapshot's rows that open with their codes, and the status of each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from app.domain.admission import LastUse, Post, Register
from app.domain.credential import Pin, TicketNumber
from app.domain.gate_sheet import Line
from app.domain.snapshot import (
    Board,
    Occasion,
    Opened,
    Product,
    Snapshot,
    Standing,
    State,
    Status,
    applied,
    compact_matches,
    holder_matches,
    open_by_code,
    open_by_pin,
)
from app.domain.ticket import Kind, TicketState

NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
ELSEWHERE: Final = UUID(int=0)
"""A status says when a ticket was used last, and not where."""
_STATES: Final = {
    State.VALID: TicketState.VALID,
    State.USED_UP: TicketState.VALID,
    State.SUSPENDED: TicketState.SUSPENDED,
    State.REVOKED: TicketState.REVOKED,
}


@dataclass(frozen=True, slots=True)
class SnapshotSheet:
    """A snapshot with its latest status. Without any status it is as old as can be: no yes comes from it.

    `pin_key` opens rows by typed numbers; it lives in the gate's memory only.
    """

    snapshot: Snapshot
    board: Board | None = None
    pin_key: bytes | None = field(default=None, repr=False)

    @property
    def generation(self) -> int:
        return self.snapshot.header.generation

    @property
    def post(self) -> Post:
        return self.snapshot.header.post

    @property
    def cursor(self) -> int:
        return self.board.cursor if self.board else 0

    @property
    def made_at(self) -> datetime:
        return self.board.made_at if self.board else NEVER

    @property
    def expires_at(self) -> datetime:
        return self.snapshot.header.expires_at

    @property
    def reads_pins(self) -> bool:
        return self.pin_key is not None

    def with_status(self, status: Status) -> SnapshotSheet:
        """After this status; raises SnapshotUnreadable for one that does not follow what is known."""
        snapshot, board = applied(self.snapshot, self.board, status)
        return replace(self, snapshot=snapshot, board=board)

    def find(self, code: int) -> tuple[Line, ...]:
        return tuple(self._line(opened) for opened in open_by_code(self.snapshot, code))

    def find_typed(self, number: TicketNumber, pin: Pin) -> Line | None:
        assert self.pin_key is not None, "whoever looks up a typed number has asked reads_pins"
        found = open_by_pin(self.snapshot, self.pin_key, number, pin.reveal())
        return self._line(found[0]) if found else None

    def serves(self, occasion_code: int) -> bool:
        """Whether it is one of the snapshot's, or may be: a gate for all occasions is not told of those to come."""
        listed = any(one.code == occasion_code for one in self.snapshot.header.news.occasions)
        return listed or not self.post.occasions

    def _line(self, opened: Opened) -> Line:
        row = opened.row
        occasion = self.snapshot.header.news.occasions[row.occasion]
        product = self.snapshot.header.news.products[occasion.product]
        seller = self.snapshot.words(row.seller)
        assert isinstance(seller, str), "a seller has one name"
        return Line(
            code=opened.code,
            entry=self._register(opened, occasion, product),
            occasion_code=occasion.code,
            seller=seller,
            label=self._label(opened, occasion, product),
            has_compact=lambda text: None if seller else compact_matches(row, text),
            has_holder=lambda key: holder_matches(row, key),
        )

    def _register(self, opened: Opened, occasion: Occasion, product: Product) -> Register:
        row = opened.row
        entrance = self.snapshot.words(row.entrance)
        standing = self.board.standing(opened.index) if self.board else Standing(State.VALID)
        begins, ends = map(_moment, row.span)
        balance = (standing.left or 0) if product.kind is Kind.VOUCHER else None
        return Register(
            ticket_id=UUID(int=opened.code),  # a gate knows it by its code
            occasion_id=occasion.id,
            state=_STATES[standing.state],
            uses=row.uses,
            uses_left=_uses_left(standing, row.uses) if balance is None else min(balance, 1),
            valid_from=begins,
            valid_until=min(ends, standing.until or ends),
            rules=product.rules,
            entrance=entrance if isinstance(entrance, str) else "",
            inside=standing.inside,
            activated=standing.until is not None,
            last=LastUse(standing.last, ELSEWHERE) if standing.last else None,
            bound=standing.bound or bool(row.holder_tag),
            balance=balance,
        )

    def _label(self, opened: Opened, occasion: Occasion, product: Product) -> dict[str, object]:
        """What a steward reads, by the names of the online answer."""
        row, words = opened.row, self.snapshot.words
        starts = occasion.starts_at
        return {
            "kind": product.kind.value,
            "title": product.title,
            "category": words(row.category) or None,
            "section": words(row.section) or None,
            "row": row.row or None,
            "seat": row.seat or None,
            "origin": words(row.origin) or None,
            "destination": words(row.destination) or None,
            "starts_at": None if starts is None else f"{starts:%Y-%m-%dT%H:%M:%S}.000Z",
            "handset": row.handset,
            "holder": row.holder or None,
        }


def _uses_left(standing: Standing, uses: int) -> int:
    """One that nothing was told of is as new; one for a single use has no number beside its state."""
    if standing.left is not None:
        return min(standing.left, uses)
    return 0 if standing.state is State.USED_UP else uses


def _moment(seconds: int) -> datetime:
    return NEVER + timedelta(seconds=seconds)
