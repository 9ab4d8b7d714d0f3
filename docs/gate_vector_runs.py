"""The runs of docs/make_gate_vectors.py: a gate with a snapshot of nine tickets, step by step."""  # noqa: INP001 - part of a script

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from typing import Any

from gate_vector_tickets import (
    ABROAD,
    ASKED,
    EARLY,
    GATE,
    GROUP,
    HOME,
    JWKS,
    LATER,
    NOW,
    OCCASIONS,
    OURS,
    PASS,
    PIN_KEY,
    PLAIN,
    REVOKED,
    THIEF,
    VALUE,
    Ticket,
    news,
    snapshot,
    status,
)

from app.domain.admission import Post, Reason
from app.domain.credential import signed_text
from app.domain.entry_rules import Direction, Role
from app.domain.gate_log import BadEntry, Deed
from app.domain.gate_own import Answered
from app.domain.gate_sheet import Keys
from app.domain.gate_verdict import Verdict
from app.domain.offline_gate import OfflineGate, Shown
from app.domain.refusals import Refusal
from app.domain.snapshot import Status, read_snapshot, read_status, write_status
from app.domain.snapshot_sheet import SnapshotSheet
from app.keys import Verifier, verify_holder

Told = dict[str, Any]

SUPERVISOR = Post(
    GATE,
    frozenset(one.id for one in OCCASIONS),
    Direction.BOTH,
    entrance="north",
    area="hall",
    home=True,
    role=Role.SUPERVISOR,
)
STEWARD = replace(SUPERVISOR, direction=Direction.IN, home=False, role=Role.STEWARD)


class Run:
    """A gate that is shown one thing after another, and what was seen."""

    def __init__(self, says: str, post: Post, *, pins: bool = True) -> None:
        self.verify = Verifier.from_jwks({"keys": list(JWKS[""])}).verify
        octets = snapshot(post)
        self.sheet = SnapshotSheet(read_snapshot(octets, self.verify), None, PIN_KEY if pins else None)
        verifiers = {seller: Verifier.from_jwks({"keys": list(jwks)}).verify for seller, jwks in JWKS.items()}
        self.gate = OfflineGate(self.sheet, Keys(verifiers, verify_holder))
        self.steps: list[Told] = []
        self.told = {"says": says, "snapshot": b64encode(octets).decode(), "pins": pins, "steps": self.steps}
        self.now = NOW
        self.scan = 0

    def wait(self, **time: float) -> None:
        self.now += timedelta(**time)

    def show(
        self, text: str, expected: Reason | str, *, scan: str = "", intent: Deed = Deed.ENTER, **asked: Any
    ) -> None:
        self.scan += 1
        shown = Shown(scan or f"s-{self.scan}", text, intent, **asked)
        step = {
            "do": "present",
            "scan_id": shown.scan_id,
            "text": text,
            "intent": intent.value,
            "count": shown.count,
            "amount": shown.amount,
            "by": shown.by,
        }
        try:
            verdict = self.gate.present(shown, now=self.now)
        except (Refusal, BadEntry):
            self.steps.append({**step, "now": self._now(), "refused": True})
            verdict = None
        assert (verdict is None) is (expected == "refused"), f"step {len(self.steps)}"
        if verdict is not None:
            self._seen(step, verdict, expected)

    def undo(self, undoes: str, expected: Reason) -> None:
        self.scan += 1
        scan = f"s-{self.scan}"
        verdict = self.gate.undo(scan, undoes=undoes, now=self.now)
        self._seen({"do": "undo", "scan_id": scan, "undoes": undoes}, verdict, expected)

    def _seen(self, step: Told, verdict: Verdict, expected: Reason | str) -> None:
        assert verdict.reason == expected, f"step {len(self.steps)}: {verdict.reason}, not {expected}"
        linked = verdict.linked
        if linked is not None:
            self.gate.note(linked)
        seen = {
            "entry": verdict.entry.told(),
            "digest": linked.digest.hex() if linked else None,
            "verdict": verdict.told(),
        }
        self.steps.append({**step, "now": self._now(), **seen})

    def _now(self) -> str:
        return self.now.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"

    def refresh(self, told: Status, *, counted: int, answers: int = 0) -> None:
        octets = write_status(told, kid=7, sign=OURS.sign)
        self.sheet = self.sheet.with_status(read_status(octets, self.verify))
        self.gate.refresh(self.sheet, counted=counted, answers=answers)
        step = {"do": "refresh", "status": b64encode(octets).decode(), "counted": counted, "answers": answers}
        self.steps.append(step)

    def answered(self, one: Ticket, reason: Reason) -> None:
        self.gate.answered(Answered(one.code, reason, self.now))
        self.steps.append({"do": "answered", "code": str(one.code), "reason": reason.value, "at": self._now()})


def runs() -> list[Told]:
    return [_faces(), _uses(), _value_and_age(), _alone()]


def _faces() -> Told:
    run = Run("every face of a ticket, and what is none", SUPERVISOR)
    run.show(PLAIN.signed(), Reason.SNAPSHOT_OLD)
    run.refresh(status(710, NOW), counted=0)
    for text in (PLAIN.signed(), PLAIN.compact, f" {PLAIN.typed} ", PLAIN.living(NOW)):
        run.show(text, Reason.ADMITTED, intent=Deed.CHECK)
    run.show(PASS.living(NOW, THIEF), Reason.UNKNOWN)
    run.show(PASS.living(NOW - timedelta(seconds=60)), Reason.STALE_CODE)
    run.show(PASS.signed(), Reason.RETIRED_CODE)
    run.show(PASS.living(NOW), Reason.ADMITTED)
    run.show(REVOKED.signed(), Reason.REVOKED)
    run.show(ABROAD.signed(), Reason.ADMITTED, intent=Deed.CHECK)
    run.show(ABROAD.signed(OURS), Reason.UNKNOWN)
    run.show(ABROAD.compact, Reason.NEEDS_NETWORK)
    run.show(LATER.signed(), Reason.NEEDS_NETWORK)
    run.show(LATER.compact, Reason.UNKNOWN)
    run.show(signed_text(replace(LATER.body, occasion_code=999), OURS.sign), Reason.WRONG_OCCASION)
    run.show(PLAIN.signed(THIEF), Reason.UNKNOWN)
    run.show(PLAIN.signed()[:-2], Reason.UNREADABLE)
    run.show("https://t.example/t/AAAAAAAAAAAAAAAAAAAAAA", Reason.UNREADABLE)
    for digit in range(5):
        run.show(f"{PLAIN.number} 00000{digit}", Reason.WRONG_PIN)
    run.show(PLAIN.typed, Reason.LOCKED)
    run.wait(minutes=10)
    run.show(PLAIN.typed, Reason.ADMITTED)
    run.show(EARLY.signed(), Reason.TOO_EARLY)
    return run.told


def _uses() -> Told:
    run = Run("uses, people inside, undo, override, and what is counted once", SUPERVISOR)
    run.refresh(status(710, NOW), counted=0)
    run.show(PLAIN.signed(), Reason.ADMITTED, scan="first")
    run.wait(seconds=4)
    run.show(PLAIN.compact, Reason.ALREADY_IN)
    run.show(PLAIN.signed(), Reason.ADMITTED, scan="first")
    run.show(GROUP.signed(), "refused", scan="first")
    run.undo("first", Reason.UNDONE)
    run.undo("first", Reason.NOT_UNDONE)
    run.show(PLAIN.signed(), Reason.ADMITTED)
    run.wait(seconds=11)
    run.show(PLAIN.signed(), Reason.USED)
    run.show(PLAIN.signed(), Reason.OVERRIDDEN, intent=Deed.OVERRIDE, by="김: 매표소에서 확인")
    run.show(f"{PLAIN.number} 000000", Reason.OVERRIDDEN, intent=Deed.OVERRIDE, by="Kim: knows them")
    run.show(GROUP.signed(), Reason.ADMITTED, count=2)
    run.show(GROUP.signed(), Reason.ALREADY_IN, count=3)
    run.wait(seconds=11)
    run.show(GROUP.signed(), Reason.TOO_FEW_USES, count=3)
    run.show(GROUP.signed(), Reason.LEFT, intent=Deed.LEAVE, count=1)
    run.show(GROUP.signed(), Reason.NOT_INSIDE, intent=Deed.LEAVE, count=2)
    run.show(GROUP.signed(), Reason.REENTERED)
    run.show(GROUP.signed(), "refused", count=0)
    run.show(GROUP.signed(), "refused", count=101)
    run.refresh(news(710, 720, run.now), counted=run.gate.seq)
    run.show(LATER.signed(), Reason.ADMITTED)
    run.show(GROUP.signed(), Reason.REENTERED, count=1)
    run.wait(minutes=1)
    run.show(PLAIN.signed(), Reason.USED)
    run.answered(EARLY, Reason.ADMITTED)
    run.show(EARLY.signed(), Reason.ALREADY_IN, intent=Deed.CHECK)
    run.show(PASS.living(run.now), Reason.ADMITTED)
    run.wait(seconds=299)
    run.show(PASS.typed, Reason.PASSED_BACK)
    run.wait(seconds=1)
    run.show(PASS.typed, Reason.ADMITTED)
    run.wait(minutes=20)
    run.show(PASS.living(run.now), Reason.EXPIRED)
    return run.told


def _value_and_age() -> Told:
    run = Run("stored value to the floor, and data that grows old though the clock goes back", SUPERVISOR)
    run.refresh(status(710, NOW), counted=0)
    run.show(VALUE.signed(), Reason.VOUCHER)
    run.show(VALUE.signed(), Reason.REDEEMED, intent=Deed.REDEEM, amount=4_000)
    run.show(VALUE.signed(), Reason.NEEDS_NETWORK, intent=Deed.REDEEM, amount=2_001)
    run.show(VALUE.signed(), Reason.REDEEMED, intent=Deed.REDEEM, amount=2_000, scan="second")
    run.undo("second", Reason.UNDONE)
    run.show(VALUE.signed(), Reason.BALANCE_TOO_LOW, intent=Deed.REDEEM, amount=6_001)
    run.show(VALUE.signed(), Reason.VOUCHER, intent=Deed.OVERRIDE, by="Kim")
    run.show(PLAIN.signed(), Reason.NOT_A_VOUCHER, intent=Deed.REDEEM, amount=1)
    run.wait(minutes=15, seconds=1)
    run.show(VALUE.signed(), Reason.SNAPSHOT_OLD, intent=Deed.REDEEM, amount=1)
    run.show(PLAIN.signed(), Reason.ADMITTED)
    run.wait(hours=4)
    run.show(GROUP.signed(), Reason.SNAPSHOT_OLD)
    run.wait(hours=-4)
    run.show(GROUP.signed(), Reason.SNAPSHOT_OLD)
    run.refresh(status(715, run.now), counted=0)
    run.show(GROUP.signed(), Reason.ADMITTED)
    return run.told


def _alone() -> Told:
    run = Run("a steward's gate of another entrance, without the key for PINs", STEWARD, pins=False)
    run.refresh(status(710, NOW), counted=0)
    run.show(PLAIN.typed, Reason.NEEDS_NETWORK)
    run.show(HOME.signed(), Reason.OTHER_ENTRANCE)
    run.show(ASKED.signed(), Reason.NEEDS_NETWORK)
    run.show(PLAIN.signed(), "refused", intent=Deed.OVERRIDE, by="Kim")
    run.show(PLAIN.signed(), "refused", intent=Deed.LEAVE)
    run.show(PLAIN.signed(), Reason.ADMITTED, scan="in")
    run.wait(seconds=61)
    run.undo("in", Reason.NOT_UNDONE)
    run.undo("never", Reason.NOT_UNDONE)
    run.show(GROUP.signed(), Reason.ADMITTED, scan="some", count=2)
    run.refresh(status(716, run.now), counted=run.gate.seq)
    run.undo("some", Reason.UNDONE)
    return run.told
