"""A card network that takes its time over refunds, disputes payments and keeps books; and the books of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from builders import Made, Shop, Stage, a_gate, a_scan, typed
from fakes import FakeCard

from app.domain.dispute import DisputeState
from app.domain.money import Money
from app.domain.refund import RefundReason
from app.domain.refusals import IssuerAway
from app.flows.returning import refund
from app.flows.returning.refund import Refunding
from app.ports import (
    Decline,
    DisputeStanding,
    Movement,
    News,
    Refunded,
    RefundPending,
    Refused,
    Unknown,
)


@dataclass
class Case:
    """A dispute at the bank."""

    reference: str
    payment_reference: str
    amount: Money
    verdict: DisputeState = DisputeState.OPEN
    withdrawn: bool = True
    due_by: datetime | None = None
    given_back: bool = False
    evidence: list[Mapping[str, str]] = field(default_factory=list)

    def standing(self) -> DisputeStanding:
        return DisputeStanding(
            self.reference,
            self.payment_reference,
            self.amount,
            "fraudulent",
            self.verdict,
            self.due_by,
            self.withdrawn,
            self.given_back,
        )


class Network(FakeCard):
    """FakeCard with what a whole network can do. `slow`: refunds are decided on later; `stubborn`: it refuses them."""

    def __init__(self) -> None:
        super().__init__()
        self.slow = False
        self.stubborn = False
        self.decided: dict[str, bool] = {}
        """How slow refunds ended: whether they arrived."""
        self.cases: dict[str, Case] = {}
        self.books: list[Movement] = []
        self.closed = False
        """Whether it answers questions about disputes and books."""

    async def refund(self, *, reference: str, amount: Money, key: str) -> Refunded | RefundPending | Refused | Unknown:
        if self.stubborn:
            self.calls.append(("refund", key))
            return Refused(Decline.DECLINED, "the card's bank takes nothing back")
        outcome = await super().refund(reference=reference, amount=amount, key=key)
        return RefundPending(key) if self.slow and isinstance(outcome, Refunded) else outcome

    async def lookup_refund(self, *, reference: str) -> Refunded | RefundPending | Refused | Unknown:
        return self._call("lookup_refund", reference, lambda: self._refund_now(reference))

    def _refund_now(self, reference: str) -> Refunded | RefundPending | Refused:
        if reference not in self.decided and self.slow:
            return RefundPending(reference)
        return Refunded(reference) if self.decided.get(reference, True) else Refused(Decline.DECLINED, "it came back")

    def news(self, body: bytes, signature: str, *, now: datetime) -> News | None:
        del body, signature, now
        return None  # no webhook says anything here

    async def dispute(self, *, reference: str) -> DisputeStanding | Unknown:
        return Unknown("closed") if self.closed else self.cases[reference].standing()

    async def defend(
        self, *, reference: str, evidence: Mapping[str, str], key: str
    ) -> DisputeStanding | Refused | Unknown:
        self.calls.append(("defend", key))
        if self.closed:
            return Unknown("closed")
        if self.stubborn:
            return Refused(Decline.INVALID, "too late")
        case = self.cases[reference]
        case.evidence.append(evidence)
        case.verdict = DisputeState.UNDER_REVIEW
        return case.standing()

    async def movements(self, *, day: date) -> Sequence[Movement] | Unknown:
        return Unknown("closed") if self.closed else [one for one in self.books if one.at.date() == day]

    def keys(self, verb: str) -> list[str]:
        """The keys that this verb was called with."""
        return [key for name, key in self.calls if name == verb]


def with_network(stage: Stage) -> Network:
    """Put a whole network behind the stage's cards."""
    network = Network()
    stage.card = network
    stage.world = replace(stage.world, payments={**stage.world.payments, "card": network})
    return network


class Away:
    """An issuer whose server does not answer."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, verb: str) -> object:
        async def away(*_args: object, **_names: object) -> object:
            raise IssuerAway("The issuer's server does not answer. Try again in a moment.")

        return away


def with_issuer(stage: Stage, issuer: object) -> None:
    """Let `issuer` be the local one."""
    stage.world = replace(stage.world, issuers={**stage.world.issuers, "local": issuer})  # type: ignore[dict-item]  # has what is called


BALANCE = """
    SELECT a.kind, sum(CASE WHEN t.credit_id = a.id THEN t.amount ELSE -t.amount END)::bigint AS held FROM account a
        JOIN transfer t ON a.id IN (t.debit_id, t.credit_id) GROUP BY a.kind
"""


async def books(stage: Stage) -> dict[str, int]:
    """Credits less debits by kind of account, without those at zero; altogether they are zero."""
    found = {row.kind: int(row.held) for row in await stage.sql(BALANCE) if row.held}
    assert sum(found.values()) == 0
    return found


async def refund_states(stage: Stage, booking_id: UUID) -> list[str]:
    rows = await stage.sql("SELECT state FROM refund WHERE booking_id = :id ORDER BY id", id=booking_id)
    return [row.state for row in rows]


async def returned(stage: Stage, made: Made, *tickets: UUID, **more: Any) -> Refunding:
    """The buyer returns these tickets, or all."""
    asked = {"reason": RefundReason.BUYER, "by": "buyer"} | more
    return await refund.ask(stage.world, booking_id=made.id, ticket_ids=tickets or None, **asked)


async def admitted(stage: Stage, shop: Shop, ticket: Any) -> bool:
    """Whether a gate opens for it during the play."""
    gate = await a_gate(stage, shop)
    before = stage.clock.time
    stage.clock.time = ticket.starts_at
    answer = await a_scan(stage, shop, gate, typed(ticket))
    stage.clock.time = before
    return bool(answer["admit"])
