"""What a card network tells of its own accord: webhooks, disputes, and its books, in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from app.domain.dispute import DisputeState
from app.domain.refusals import NotAuthentic
from app.ports import Decline, DisputeStanding, Movement, News, NewsKind, Refused, Unknown

SIGNATURE = "signed by the card network"


def an_event(event_id: str, kind: NewsKind | str, reference: str) -> bytes:
    """The body of a webhook; a kind that is none of ours says nothing to us."""
    return json.dumps({"id": event_id, "kind": str(kind), "reference": reference}).encode()


class FakeTeller:
    """Webhooks are believed by their signature alone; disputes and books are what a test puts there."""

    def __init__(self) -> None:
        self.disputes: dict[str, DisputeStanding] = {}
        self.evidence: dict[str, dict[str, str]] = {}
        """What was handed in, by the dispute's reference."""
        self.books: list[Movement] = []
        self.silent = False
        """Whether nobody answers when asked for a dispute or for the books."""

    def news(self, body: bytes, signature: str, *, now: datetime) -> News | None:
        del now
        if signature != SIGNATURE:
            raise NotAuthentic("This event is not signed by the card network.")
        told = json.loads(body)
        if told["kind"] not in set(NewsKind):
            return None
        return News(told["id"], NewsKind(told["kind"]), told["reference"])

    async def dispute(self, *, reference: str) -> DisputeStanding | Unknown:
        known = None if self.silent else self.disputes.get(reference)
        return known or Unknown("the card network did not answer")

    async def defend(
        self, *, reference: str, evidence: Mapping[str, str], key: str
    ) -> DisputeStanding | Refused | Unknown:
        del key
        known = self.disputes.get(reference)
        if self.silent or known is None:
            return Unknown("the card network did not answer")
        if known.state is not DisputeState.OPEN:
            return Refused(Decline.INVALID, f"this dispute is {known.state.value}")
        self.evidence[reference] = dict(evidence)
        self.disputes[reference] = replace(known, state=DisputeState.UNDER_REVIEW)
        return self.disputes[reference]

    async def movements(self, *, day: date) -> Sequence[Movement] | Unknown:
        if self.silent:
            return Unknown("the card network did not answer")
        return [one for one in self.books if one.at.date() == day]
