"""What the two servers say to one another when a ticket becomes another one."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field, field_validator

from app.domain.entry_rules import UNLIMITED_USES
from app.domain.gift import Hand, Stays, Terms
from app.issuers.messages import MINOR_MAX, Ask, EntryTold, RegistrationAsked, Told
from app.ports import NotReplaced, Registration, Replaced


class ReplacementAsked(Ask):
    """What a ticket is to become: `uses`, `balance` and `valid_until` of `fresh` are what there may be at the most."""

    ticket: Annotated[UUID, Field(examples=["0190b5a0-0000-7000-8000-000000000004"])]
    fresh: RegistrationAsked
    came_by: Annotated[Hand, Field(examples=["given"])]
    uses_min: Annotated[int, Field(ge=1, le=UNLIMITED_USES)] = 1
    balance_min: Annotated[int, Field(ge=0, le=MINOR_MAX)] = 0
    unused_since: AwareDatetime | None = None

    @field_validator("came_by")
    @classmethod
    def _is_not_sold(cls, came_by: Hand) -> Hand:
        if came_by is Hand.SOLD:
            raise ValueError("a ticket that was sold replaces no other; register it")
        return came_by

    @classmethod
    def of(cls, fresh: Registration, terms: Terms) -> ReplacementAsked:
        return cls(
            ticket=fresh.ticket_id,
            fresh=RegistrationAsked.of(fresh),
            came_by=terms.came_by,
            uses_min=terms.uses_min,
            balance_min=terms.balance_min,
            unused_since=terms.unused_since,
        )

    def terms(self) -> Terms:
        return Terms(self.came_by, self.uses_min, self.balance_min, self.unused_since)


class ReplacedTold(Told):
    """Whether the one ticket has become the other: then both entries, and what the new one began with. If not, why."""

    replaced: bool
    reason: Annotated[str, Field(max_length=40, examples=["used_up"])] = ""
    before: EntryTold | None = None
    after: EntryTold | None = None
    uses: Annotated[int | None, Field(ge=1, le=UNLIMITED_USES)] = None
    valid_until: AwareDatetime | None = None

    @classmethod
    def of(cls, one: Replaced | NotReplaced) -> ReplacedTold:
        if isinstance(one, NotReplaced):
            return cls(replaced=False, reason=one.why.value)
        return cls(
            replaced=True,
            before=EntryTold.of(one.before),
            after=EntryTold.of(one.after),
            uses=one.uses,
            valid_until=one.valid_until,
        )

    def outcome(self) -> Replaced | NotReplaced | None:
        """None for an answer that leaves something out. A reason that is not known here is no less a no."""
        if not self.replaced:
            return NotReplaced(Stays(self.reason) if self.reason in set(Stays) else Stays.ELSEWHERE)
        if self.before is None or self.after is None or self.uses is None or self.valid_until is None:
            return None
        return Replaced(self.before.entry(), self.after.entry(), self.uses, self.valid_until)
