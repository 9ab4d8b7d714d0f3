"""Which entry of the register a presentation is about: by PIN, barcode, a supervisor's choice, or an earlier scan.

A typed PIN is counted before it is looked at. Numbers that nobody has are counted and computed for like others, by the
same statements, so that they cannot be told apart by the time they take.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.admission import FAILURES_PER_SECOND_MAX, GATE_FAILURES_MAX, PIN_TRIES_MAX, Reason
from app.domain.credential import Barcode, Compact, Living, NumberAndPin, Pin, Presented, Signed
from app.flows.gate.admit_case import Case, Chosen, Found, Shown, Undone, found_in
from app.flows.sellers import peers
from app.keys import KeyRing, verify_holder
from app.pins import code_digest, pin_digest, pin_of
from app.store import register_find, register_gate, register_pins
from app.store.database import Tx
from app.store.register_pins import ALL, Guard, gate_guard
from app.world import World

CODE_MAX = 1 << 63
Rows = Sequence[sa.Row[Any]]


async def signers(world: World, read: Presented) -> frozenset[str]:
    """Who signed this barcode: we, or other servers whose public keys we have; nobody is asked for them now."""
    if not isinstance(read, Signed | Living):
        return frozenset()
    rings = {"": world.house.keys.verifier, **await peers.barcode_keys(world)}
    if isinstance(read, Living):
        return frozenset(seller for seller, ring in rings.items() if read.is_genuine(ring.verify, verify_holder))
    return frozenset(seller for seller, ring in rings.items() if read.is_genuine(ring.verify))


async def identify(tx: Tx, cases: Sequence[Case], *, now: datetime) -> dict[UUID, Found]:
    """Give each case the entry it is about, or the reason why it has none; the entries by their tickets."""
    typed = [case for case in cases if isinstance(_read(case), NumberAndPin)]
    coded = [case for case in cases if isinstance(_read(case), Barcode)]
    await _by_pin(tx, typed, now=now)
    await _by_code(tx, coded)
    await _by_ticket(tx, cases)
    for case in cases:
        if not case.looks_up:
            case.reason = Reason.UNREADABLE
    return {case.found.facts.ticket_id: case.found for case in cases if case.found is not None}


def _read(case: Case) -> Presented | None:
    return case.ask.what.read if isinstance(case.ask.what, Shown) else None


# --- by number and PIN ----------------------------------------------------------------------------------------------


async def _by_pin(tx: Tx, cases: Sequence[Case], *, now: datetime) -> None:
    """The entry that number and PIN name together, for two sellers may have drawn one number."""
    if not cases:
        return
    tries = await register_pins.count_pin_tries(tx, [guard for case in cases for guard in _guards(case)], now=now)
    found = await register_find.by_number(tx, [_guards(case)[0] for case in cases])
    for case in cases:
        _open(case, found.get(_guards(case)[0], ()), tries)
    await register_pins.keep_pin_tries(tx, tries)


def _guards(case: Case) -> tuple[Guard, Guard, Guard]:
    """What a typed PIN is counted for: its number, its gate, and everything at the issuer's gates."""
    read = _read(case)
    assert isinstance(read, NumberAndPin), "the others have no PIN"
    issuer_id = case.ask.gate.issuer_id
    return (issuer_id, read.number), gate_guard(issuer_id, case.ask.gate.gate_id), (issuer_id, ALL)


def _open(case: Case, found: Rows, tries: dict[Guard, int]) -> None:
    """One PIN, after those before it in this batch: `tries` are the wrong ones so far."""
    read, keys = _read(case), case.ask.world.house.keys
    assert isinstance(read, NumberAndPin), "the others have no PIN"
    number, gate, everything = _guards(case)
    if not found:
        pin_of(keys, issuer_id=case.ask.gate.issuer_id, identity=case.ask.gate.gate_id, kid=keys.kid, generation=0)
    right = [entry for entry in found if _is_right(keys, entry, read.pin)]
    tries[everything] += 1
    if tries[everything] > FAILURES_PER_SECOND_MAX:
        case.reason, case.throttled = Reason.LOCKED, True
        return
    tries[number] += 1
    if tries[number] <= PIN_TRIES_MAX and right:
        tries[number] = 0
        tries[everything] -= 1
        case.found = found_in(right[0])
        return
    tries[gate] += 1
    case.suspicious = tries[gate] == GATE_FAILURES_MAX
    case.reason = Reason.UNKNOWN if not found else Reason.WRONG_PIN
    if tries[number] > PIN_TRIES_MAX:
        case.reason = Reason.LOCKED


def _is_right(keys: KeyRing, entry: sa.Row[Any], pin: Pin) -> bool:
    if entry.seller:
        digest = pin_digest(keys.foreign_mac(entry.kid), entry.ticket_id, pin.reveal())
        return hmac.compare_digest(digest, entry.pin_mac)
    return pin == pin_of(
        keys, issuer_id=entry.issuer_id, identity=entry.ticket_id, kid=entry.kid, generation=entry.generation
    )


# --- by barcode -----------------------------------------------------------------------------------------------------


async def _by_code(tx: Tx, cases: Sequence[Case]) -> None:
    found = await register_find.by_code(tx, [_code(case) for case in cases])
    for case in cases:
        row = next((row for row in found.get(_code(case), ()) if _is_genuine(case, row)), None)
        case.found = found_in(row) if row is not None else None


def _code(case: Case) -> tuple[UUID, int]:
    """The issuer and the code that a barcode names; one beyond our 63 bits names none of ours."""
    read = _read(case)
    assert isinstance(read, Barcode), "the others have no code"
    return case.ask.gate.issuer_id, read.code_id if read.code_id < CODE_MAX else -1


def _is_genuine(case: Case, entry: sa.Row[Any]) -> bool:
    """Whether this code is this entry's. A signature counts only under the keys of the server that sold the ticket.

    A living code is signed with a handset's key besides: of the one that the register knows, and of no other.
    """
    shown = case.ask.what
    assert isinstance(shown, Shown), "the others show nothing"
    match shown.read:
        case Living(body=body, holder_key=holder_key):
            mine = entry.holder_key is not None and hmac.compare_digest(holder_key, entry.holder_key)
            return mine and entry.seller in shown.signers and body.occasion_code == entry.occasion_code
        case Signed(body=body):
            return entry.seller in shown.signers and body.occasion_code == entry.occasion_code
        case Compact() as compact:
            return _is_compact(case.ask.world.house.keys, compact, shown.text, entry)
        case _:
            return False


def _is_compact(keys: KeyRing, read: Compact, text: str, entry: sa.Row[Any]) -> bool:
    if entry.seller:
        digest = code_digest(keys.foreign_mac(entry.kid), entry.ticket_id, text)
        return hmac.compare_digest(digest, entry.compact_mac)
    return read.is_genuine(keys.compact_mac(entry.kid, issuer_id=entry.issuer_id, occasion_code=entry.occasion_code))


# --- by ticket ------------------------------------------------------------------------------------------------------


async def _by_ticket(tx: Tx, cases: Sequence[Case]) -> None:
    """What a supervisor chose, and the tickets of scans that are to be taken back."""
    undone = {case.ask.name: case.ask.what.scan_id for case in cases if isinstance(case.ask.what, Undone)}
    scans = await register_gate.undoable(tx, [(gate_id, scan_id) for (gate_id, _), scan_id in undone.items()])
    wanted: dict[tuple[UUID, str], UUID] = {}
    for case in cases:
        match case.ask.what:
            case Chosen(ticket_id=ticket_id):
                wanted[case.ask.name] = ticket_id
            case Undone(scan_id=scan_id):
                case.reason = Reason.NOT_UNDONE
                case.undoes = scans.get((case.ask.gate.gate_id, scan_id))
                if case.undoes is not None:
                    wanted[case.ask.name] = case.undoes.ticket_id
            case Shown():
                pass
    found = await again(
        tx, [(case.ask.gate.issuer_id, wanted[case.ask.name]) for case in cases if case.ask.name in wanted]
    )
    for case in cases:
        if case.ask.name in wanted:
            case.found = found.get(wanted[case.ask.name])


async def again(tx: Tx, tickets: Sequence[tuple[UUID, UUID]]) -> Mapping[UUID, Found]:
    """The entries of (issuer, ticket) as they are now."""
    rows = await register_find.by_ticket(tx, tickets)
    return {ticket_id: found_in(row) for (_, ticket_id), (row,) in rows.items()}
