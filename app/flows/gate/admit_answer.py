"""The verdict as a steward reads it, and what is written down of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.domain.admission import GREEN, Reason, colour, words
from app.domain.credential import Unreadable, face_of, shown
from app.domain.entry_rules import UNLIMITED_USES
from app.domain.money import Money
from app.domain.ticket import TicketState
from app.flows.gate.admit_case import Answer, Case, Found, Shown, kept
from app.store import journal, register_gate
from app.store.database import Tx
from app.store.register_gate import Admitted, Change, NewIncident, Noted, Spent, spend_key
from app.store.tables.register import IncidentKind, ScanKind

_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
SHOWS_LAST_USE = frozenset({Reason.USED, Reason.ALREADY_IN, Reason.PASSED_BACK, Reason.TOO_FEW_USES})
BUSY = {
    "ko": "지금 틀린 비밀번호가 너무 많습니다. 잠시 뒤에 다시 입력하거나 바코드를 스캔하십시오.",
    "en": "Too many wrong PINs at the gates right now. Type it again in a moment, or scan the barcode.",
}


def answer(case: Case, *, now: datetime) -> Answer:
    """The verdict with all a steward needs; a wrong PIN learns nothing about the ticket."""
    told: Answer = {
        "admit": case.reason in GREEN,
        "reason": case.reason.value,
        "colour": colour(case.reason).value,
        "words": _words(case, now=now),
        "at": now.isoformat(),
        "face": None,
        "count": case.ask.count,
        "ticket": None,
        "used": None,
    }
    what = case.ask.what
    if isinstance(what, Shown) and not isinstance(what.read, Unreadable):
        told["face"] = face_of(what.read).value
    found = case.result or case.found
    if found is None:
        return told
    told["ticket"] = ticket(found)
    last = found.facts.last
    if case.reason in SHOWS_LAST_USE and last is not None:
        told["used"] = {"at": last.at.isoformat(), "gate": found.last_gate}
    return told


def ticket(found: Found) -> dict[str, object]:
    """An entry as a steward reads it."""
    row, facts = found.row, found.facts
    unlimited = facts.uses >= UNLIMITED_USES
    return {
        "id": str(facts.ticket_id),
        "number": shown(row.number),
        "kind": row.kind,
        **row.label,
        "entrance": facts.entrance,
        "holder": row.label.get("holder"),
        "uses": None if unlimited else facts.uses,
        "uses_left": None if unlimited else facts.uses_left,
        "inside": facts.inside,
        "balance": facts.balance,
        "valid_from": facts.valid_from.isoformat(),
        "valid_until": facts.valid_until.isoformat(),
    }


def _words(case: Case, *, now: datetime) -> dict[str, str]:
    what, found = case.ask.what, case.found
    if isinstance(what, Shown) and isinstance(what.read, Unreadable):
        return {language: what.read.words(language) for language in ("ko", "en")}
    if case.throttled:
        return BUSY
    seconds = round((now - found.facts.last.at).total_seconds()) if found and found.facts.last else None
    balance = None
    after = case.result or found
    if after is not None and after.facts.balance is not None:
        balance = Money(after.facts.balance, after.row.currency)
    return {language: words(case.reason, language, seconds=seconds, balance=balance) for language in ("ko", "en")}


# --- what is written down -------------------------------------------------------------------------------------------


def change_of(case: Case) -> tuple[Change, list[Admitted], list[Spent]]:
    """What a yes does to the register: the entry as it is to be, the people let in, the value spent or given back."""
    before, result, ask = case.found, case.result, case.ask
    assert before is not None, "a yes is about an entry"
    assert result is not None, "a yes that changes nothing is not written"
    facts = result.facts
    change = Change(
        ticket_id=facts.ticket_id,
        version=before.version,
        uses_left=facts.uses_left,
        inside=facts.inside,
        area=facts.area,
        balance=facts.balance,
        activated_until=facts.valid_until if facts.activated else None,
        last_used_at=facts.last.at if facts.last else None,
        last_gate_id=facts.last.gate_id if facts.last else None,
    )
    people = ask.count if case.reason in {Reason.ADMITTED, Reason.OVERRIDDEN} else 0
    used, uses = before.row.uses - before.facts.uses_left, before.facts.uses_left
    admitted = [
        Admitted(
            gate_id=ask.gate.gate_id,
            scan_id=ask.scan_id,
            person=person,
            ticket_id=facts.ticket_id,
            use_no=used + person if person <= uses else None,
            issuer_id=ask.gate.issuer_id,
        )
        for person in range(1, people + 1)
    ]
    return change, admitted, _spent(case, before, result)


def _spent(case: Case, before: Found, result: Found) -> list[Spent]:
    if before.facts.balance is None or result.facts.balance is None:
        return []
    amount = before.facts.balance - result.facts.balance
    key = spend_key(*case.ask.name)
    reverses = None
    if case.undoes is not None:
        reverses = spend_key(case.undoes.gate_id, case.undoes.scan_id)
    return [Spent(case.ask.gate.issuer_id, key, result.facts.ticket_id, amount, reverses)]


def noted(case: Case, told: Answer, *, needs: UUID | None) -> Noted:
    """A presentation with its answer, for the register; `needs` is the ticket whose change it was decided by."""
    ask, found = case.ask, case.found
    before = found if case.result is not None and _can_undo(case) else None
    return Noted(
        gate_id=ask.gate.gate_id,
        scan_id=ask.scan_id,
        issuer_id=ask.gate.issuer_id,
        kind=case.kind.value,
        presented=ask.digest,
        ticket_id=found.facts.ticket_id if found is not None else None,
        reason=case.reason.value,
        answer=_json(told),
        before=None if before is None else _json(kept(before)),
        needs=needs,
    )


async def report(tx: Tx, cases: Sequence[Case], *, now: datetime) -> None:
    """Write what staff should know of these presentations."""
    await register_gate.report(tx, [one for case in cases for one in _incidents(case, now=now)])
    for case in cases:
        if case.reason is Reason.OVERRIDDEN:
            await _remember(tx, case, now=now)


def _can_undo(case: Case) -> bool:
    """An undo itself stays."""
    return case.kind is not ScanKind.UNDO


def _incidents(case: Case, *, now: datetime) -> list[NewIncident]:
    kind: IncidentKind | None = None
    details: dict[str, object] = {}
    if case.suspicious:
        kind, details = IncidentKind.PIN_GUESSING, {"gate": case.stand.name}
    if case.reason is Reason.OVERRIDDEN and case.found and case.found.facts.state is TicketState.REVOKED:
        kind, details = IncidentKind.REVOKED_ADMITTED, {"gate": case.stand.name, "by": "supervisor"}
    if kind is None:
        return []
    ask = case.ask
    ticket_id = case.found.facts.ticket_id if case.found else None
    identity = ask.world.entropy.uuid()
    return [NewIncident(identity, ask.gate.issuer_id, kind, ask.gate.gate_id, ask.scan_id, ticket_id, details, now)]


async def _remember(tx: Tx, case: Case, *, now: datetime) -> None:
    """Who let in whom the rules may have refused, and why; last in the transaction, for others wait for the chain."""
    found = case.found
    assert found is not None, "an override is of a ticket"
    await journal.append(
        tx,
        chain=found.row.issuer_slug,
        issuer_id=case.ask.gate.issuer_id,
        actor=f"gate {case.stand.name}",
        action="let in by override",
        subject=f"ticket {found.facts.ticket_id}",
        details={
            "scan": case.ask.scan_id,
            "people": case.ask.count,
            "beyond": max(0, case.ask.count - found.facts.uses_left),
            "rules": case.ruled.value if case.ruled else None,
            "reason": case.ask.why,
        },
        now=now,
    )
