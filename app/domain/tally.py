"""What is left of a ticket, and who is in with it, after a gate has said yes: the same online and offline."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from app.domain.admission import Ask, LastUse, Post, Reason, Register


def after(entry: Register, reason: Reason, *, ask: Ask, post: Post, now: datetime) -> Register:
    """The entry once `reason` has been acted upon; a no changes nothing."""
    match reason:
        case Reason.ADMITTED:
            return _let_in(entry, ask.count, uses=ask.count, post=post, now=now)
        case Reason.REENTERED:
            return _let_in(entry, ask.count, uses=0, post=post, now=now)
        case Reason.OVERRIDDEN:
            return _let_in(entry, ask.count, uses=min(ask.count, entry.uses_left), post=post, now=now)
        case Reason.LEFT:
            return replace(entry, inside=entry.inside - ask.count)
        case Reason.REDEEMED:
            assert entry.balance is not None, "only a voucher's value is redeemed"
            left = entry.balance - ask.amount
            return replace(entry, balance=left, uses_left=entry.uses_left if left else 0)
        case _:
            return entry


def _let_in(entry: Register, count: int, *, uses: int, post: Post, now: datetime) -> Register:
    """`count` people go in for so many `uses`.

    Who is let in beyond what the ticket is for, which only a supervisor can do, is no one whom it can let out again:
    those are not among the people inside.
    """
    uses_left = entry.uses_left - uses
    inside = min(entry.inside + count, entry.uses - uses_left)
    window = entry.rules.window_minutes
    if window is not None and not entry.activated:
        until = min(entry.valid_until, now + timedelta(minutes=window))
        entry = replace(entry, valid_until=until, activated=True)
    return replace(entry, uses_left=uses_left, inside=inside, area=post.area, last=LastUse(now, post.gate_id))
