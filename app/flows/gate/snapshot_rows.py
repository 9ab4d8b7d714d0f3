"""Sealing: entries of the register become rows of a gate's snapshot. It runs in a thread: it only computes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.credential import CodeId, compact_text, pin_for
from app.domain.snapshot import Occasion, Row, Way, key_tag, text_tag
from app.domain.snapshot.edition import Edition
from app.domain.snapshot.header import seconds
from app.domain.snapshot.rows import NONE
from app.keys import KeyRing, MacKey

FOUR_DIGITS = re.compile("[0-9]{4}")


def seal_rows(
    edition: Edition, entries: Sequence[sa.Row[Any]], occasions: Mapping[UUID, sa.Row[Any]], keys: KeyRing
) -> None:
    """Add these entries to the edition; `occasions` are those of them that it does not know yet."""
    macs = _Macs(keys)
    for entry in entries:
        span = (seconds(entry.valid_from), seconds(entry.valid_until))
        known = occasions.get(entry.occasion_id)
        occasion = Occasion(
            id=entry.occasion_id,
            code=entry.occasion_code,
            product=entry.product_id,
            span=span,
            starts_at=known.starts_at if known else None,
        )
        ours = not entry.seller
        row = Row(
            occasion=edition.occasion(occasion),
            span=span,
            category=edition.text(entry.category),
            section=edition.text(entry.section),
            origin=edition.text(entry.origin),
            destination=edition.text(entry.destination),
            entrance=edition.plain(entry.entrance),
            uses=entry.uses,
            row=entry.row or "",
            seat=entry.seat or "",
            handset=entry.handset if FOUR_DIGITS.fullmatch(entry.handset or "") else "",
            holder=entry.holder or "",
            seller=edition.plain(entry.seller),
            compact_tag=text_tag(compact_text(CodeId(entry.code), macs.compact(entry))) if ours else NONE,
            holder_tag=key_tag(entry.holder_key) if entry.holder_key else b"",
        )
        way = Way(entry.number, macs.pin(entry), edition.pin_key) if ours else None
        edition.add((entry.registered_in, entry.ticket_id), row, code=entry.code, way=way)


class _Macs:
    """Deriving a key costs more than using it: each is derived once for all rows."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys
        self._compact: dict[tuple[int, int], MacKey] = {}
        self._pin: dict[int, MacKey] = {}

    def compact(self, entry: sa.Row[Any]) -> MacKey:
        name = entry.kid, entry.occasion_code
        found = self._compact.get(name)
        if found is None:
            found = self._compact[name] = self._keys.compact_mac(
                entry.kid, issuer_id=entry.issuer_id, occasion_code=entry.occasion_code
            )
        return found

    def pin(self, entry: sa.Row[Any]) -> str:
        found = self._pin.get(entry.kid)
        if found is None:
            found = self._pin[entry.kid] = self._keys.pin_mac(entry.kid)
        return pin_for(
            found, issuer_id=entry.issuer_id, ticket_id=entry.ticket_id, generation=entry.generation
        ).reveal()
