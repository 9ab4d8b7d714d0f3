"""Disputes at Stripe: how one stands, whether its money has left us, and handing in what speaks for us.

https://docs.stripe.com/api/disputes
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import quote_plus

from app.domain.dispute import DisputeState
from app.domain.money import Money
from app.payments.stripe_answers import DISPUTE_ID, DisputeAnswer, read
from app.payments.stripe_reading import refusal
from app.payments.stripe_wire import Reply, Wire
from app.ports import Decline, DisputeStanding, Refused, Unknown

EVIDENCE_FIELD = re.compile(r"[a-z][a-z0-9_]{0,63}")
FIELD_CHARACTERS_MAX = 20_000
EVIDENCE_BYTES_MAX = 48_000
"""All texts together, percent-encoded, though the network takes 150,000 letters: what it tells of a dispute later holds
the evidence, and whoever listens to webhooks takes 64 KiB. A Korean letter has nine of these bytes."""
REASON_CHARACTERS_MAX = 60

STATES = {
    "needs_response": DisputeState.OPEN,
    "warning_needs_response": DisputeState.OPEN,
    "appeal_needs_response": DisputeState.OPEN,
    "under_review": DisputeState.UNDER_REVIEW,
    "warning_under_review": DisputeState.UNDER_REVIEW,
    "appeal_under_review": DisputeState.UNDER_REVIEW,
    "won": DisputeState.WON,
    "warning_closed": DisputeState.WON,
    "lost": DisputeState.LOST,
}
"""A warning is an inquiry of the bank that has taken no money; where it closes, nothing was lost."""


async def dispute(wire: Wire, reference: str) -> DisputeStanding | Unknown:
    """A dispute as the network has it now."""
    reply = await wire.get(_path(reference))
    if isinstance(reply, Unknown):
        return reply
    if not reply.ok:
        return Unknown(f"the network answered {reply.status} when asked for the dispute; check the secret key")
    return _read(reply, reference)


async def defend(
    wire: Wire, reference: str, evidence: Mapping[str, str], *, key: str
) -> DisputeStanding | Refused | Unknown:
    """Hand the evidence in for good. Where an earlier try did, whose answer was lost, that counts.

    What is longer than the network or its webhooks take is cut: most of the evidence is worth more than none. Raises
    ValueError for names that are none of its fields.
    """
    path = _path(reference)
    for name in evidence:
        if not EVIDENCE_FIELD.fullmatch(name):
            raise ValueError(f"evidence goes by the network's field names; {name[:64]!r} is none")
    if not any(evidence.values()):
        return Refused(Decline.INVALID, "there is no evidence to hand in; write at least one text")
    fields = {f"evidence[{name}]": text for name, text in _fitting(evidence).items()} | {"submit": "true"}
    reply = await wire.post(path, fields, key=f"{key}-evidence")
    if isinstance(reply, Reply) and reply.ok and not reply.replayed:
        return _read(reply, reference)
    known = await dispute(wire, reference)
    if isinstance(known, Unknown) or known.state is not DisputeState.OPEN:
        return known
    if isinstance(reply, Unknown) or reply.status == HTTPStatus.OK:
        return Unknown("the network does not say that it has the evidence; hand it in again")
    return refusal(reply)


def _path(reference: str) -> str:
    if not re.fullmatch(DISPUTE_ID, reference):
        raise ValueError("a dispute has a reference like dp_…, as the network's news gives it")
    return f"/v1/disputes/{reference}"


def _fitting(evidence: Mapping[str, str]) -> dict[str, str]:
    """The texts, the long ones cut so that all of them fit; what short ones leave over is the others' to use."""
    left, fitting = EVIDENCE_BYTES_MAX, {}
    for done, name in enumerate(sorted(evidence, key=lambda one: len(quote_plus(evidence[one])))):
        fitting[name], used = _cut(evidence[name][:FIELD_CHARACTERS_MAX], left // (len(evidence) - done))
        left -= used
    return {name: fitting[name] for name in evidence}


def _cut(text: str, bytes_max: int) -> tuple[str, int]:
    """As many letters as fit, and their bytes on the wire."""
    used = 0
    for index, letter in enumerate(text):
        more = len(quote_plus(letter))
        if used + more > bytes_max:
            return text[:index], used
        used += more
    return text, used


def _read(reply: Reply, reference: str) -> DisputeStanding | Unknown:
    found = read(DisputeAnswer, reply)
    if isinstance(found, Unknown):
        return found
    if found.id != reference:
        return Unknown("the network answered with another dispute")
    if found.payment_intent is None:
        return Unknown("the dispute names no payment of ours; look at it in the network's own pages")
    withdrawn = sum(flow.amount for flow in found.balance_transactions) < 0
    was_withdrawn = any(flow.amount < 0 for flow in found.balance_transactions)
    state = STATES.get(found.status)
    if found.status == "prevented":  # settled beforehand by giving the money back, or by taking nothing
        state = DisputeState.LOST if withdrawn else DisputeState.WON
    if state is None:
        return Unknown(f"the dispute is {found.status[:REASON_CHARACTERS_MAX]}")
    try:
        amount = Money(found.amount, found.currency.upper())
    except ValueError as fault:
        return Unknown(f"the dispute is about money that is not taken here: {fault}")
    return DisputeStanding(
        reference=found.id,
        payment_reference=found.payment_intent,
        amount=amount,
        reason=found.reason[:REASON_CHARACTERS_MAX],
        state=state,
        due_by=None if found.due_by is None else datetime.fromtimestamp(found.due_by, UTC),
        withdrawn=withdrawn,
        given_back=was_withdrawn and not withdrawn,
    )
