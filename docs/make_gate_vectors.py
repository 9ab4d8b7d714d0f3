"""Writes docs/reference/vectors/gate.json and the page's words.js with the product's own rules and codecs.

`python docs/make_gate_vectors.py`: cases of the decision, a log with its digests, and whole runs of a gate without
network. What each case should come to is written here by hand; a product that decides otherwise makes no file.
"""  # noqa: INP001 - a script, not a package

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any
from uuid import UUID

from gate_vector_runs import runs
from gate_vector_tickets import GATE, NOW, told_keys

from app.domain.admission import BALANCE_TOLD, WORDS, Ask, Intent, LastUse, Post, Reason, Register, colour, decide
from app.domain.entry_rules import Direction, EntryRules, Face, Role
from app.domain.gate_log import Deed, Entry, beginning, chain
from app.domain.gate_verdict import LAST_TOLD
from app.domain.tally import after
from app.domain.ticket import TicketState

FOLDER = Path(__file__).parent
TARGET = FOLDER / "reference" / "vectors" / "gate.json"
WORDS_TARGET = FOLDER.parent / "app" / "web" / "static" / "gate" / "words.js"
OCCASION, OTHER_OCCASION, OTHER_GATE = UUID(int=0xC1), UUID(int=0xC2), UUID(int=0xB2)

Told = dict[str, Any]
DEPTH_MAX = 3
"""How deep the file is spread over lines."""


def ago(**time: float) -> str:
    return moment(NOW - timedelta(**time))


def moment(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def read_moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


# --- the decision ---------------------------------------------------------------------------------------------------

ENTRY: Told = {
    "occasion": str(OCCASION),
    "state": "valid",
    "uses": 1,
    "uses_left": 1,
    "valid_from": ago(hours=1),
    "valid_until": ago(hours=-5),
    "rules": EntryRules().told(),
    "entrance": "",
    "inside": 0,
    "activated": False,
    "last": None,
    "bound": False,
    "balance": None,
    "spent_offline": 0,
}
ASK: Told = {"intent": "enter", "face": "signed", "count": 1, "amount": 0, "shown_at": None, "offline": False}
POST: Told = {
    "gate": str(GATE),
    "occasions": [str(OCCASION)],
    "direction": "both",
    "entrance": "north",
    "area": "hall",
    "home": False,
    "role": "steward",
}
Change = dict[str, Told]
"""What of entry, ask and post is otherwise in a case; rules are named one by one."""


def rules(**changed: Any) -> Told:
    return {"rules": changed}


HERE, ELSEWHERE = {"gate": str(GATE)}, {"gate": str(OTHER_GATE)}
USED = {"uses_left": 0}
RIDES = {"uses": 10, "uses_left": 7}
OFFLINE = {"offline": True}

YESES: list[tuple[str, str, Change]] = [
    ("as it should be", "admitted", {}),
    ("a voucher's value", "redeemed", {"entry": {"balance": 900}, "ask": {"intent": "redeem", "amount": 900}}),
    ("part of a voucher's value", "redeemed", {"entry": {"balance": 900}, "ask": {"intent": "redeem", "amount": 1}}),
    ("at a gate for all occasions", "admitted", {"post": {"occasions": []}}),
    (
        "two of a group of five",
        "admitted",
        {"entry": {"uses": 5, "uses_left": 5, **rules(group=True)}, "ask": {"count": 2}},
    ),
    ("out", "left", {"entry": {**USED, "inside": 1}, "ask": {"intent": "leave"}}),
    (
        "out though it ended",
        "left",
        {"entry": {**USED, "inside": 1, "valid_until": ago(hours=1)}, "ask": {"intent": "leave"}},
    ),
    (
        "out though it was revoked",
        "left",
        {"entry": {**USED, "inside": 1, "state": "revoked"}, "ask": {"intent": "leave"}},
    ),
    ("in again", "reentered", {"entry": {**USED, **rules(reentry=True)}}),
    ("more than went out", "used", {"entry": {**USED, "inside": 1, **rules(reentry=True)}}),
    (
        "in again though just in",
        "reentered",
        {"entry": {**USED, "last": {"at": ago(seconds=1), **HERE}, **rules(reentry=True)}},
    ),
    ("the first of a window", "admitted", {"entry": {"uses": 9999, "uses_left": 9999, **rules(window_minutes=60)}}),
    (
        "a later one of a window",
        "admitted",
        {"entry": {"uses": 9999, "uses_left": 9998, "activated": True, **rules(window_minutes=60)}},
    ),
    ("living", "admitted", {"entry": rules(faces="living"), "ask": {"face": "living", "shown_at": ago(seconds=30)}}),
    ("living, a clock ahead", "admitted", {"ask": {"face": "living", "shown_at": ago(seconds=-30)}}),
    (
        "a PIN where pictures are refused",
        "admitted",
        {"entry": {"bound": True, **rules(faces="living_or_pin", retires_static=True)}, "ask": {"face": "pin"}},
    ),
    (
        "offline, at home",
        "admitted",
        {"entry": {"entrance": "north", **rules(offline="home")}, "ask": OFFLINE, "post": {"home": True}},
    ),
    ("offline, anywhere", "admitted", {"entry": {"entrance": "south"}, "ask": OFFLINE}),
    (
        "offline, to the floor",
        "redeemed",
        {
            "entry": {"balance": 900, "spent_offline": 300, **rules(offline_floor=500)},
            "ask": {"intent": "redeem", "amount": 200, **OFFLINE},
        },
    ),
    (
        "more of a group soon after the first",
        "admitted",
        {"entry": {**RIDES, "last": {"at": ago(seconds=1), **HERE}, **rules(group=True)}},
    ),
    (
        "a ride after the guard's time",
        "admitted",
        {"entry": {**RIDES, "last": {"at": ago(seconds=300), **ELSEWHERE}, **rules(pass_back_seconds=300)}},
    ),
    (
        "a last use that lies ahead",
        "admitted",
        {"entry": {**RIDES, "last": {"at": ago(seconds=-9), **HERE}, **rules(pass_back_seconds=300)}},
    ),
    ("a check", "admitted", {"ask": {"intent": "check"}}),
]
NOES: list[tuple[str, str, Change]] = [
    ("revoked", "revoked", {"entry": {"state": "revoked"}}),
    ("suspended", "suspended", {"entry": {"state": "suspended"}}),
    ("revoked, and nobody inside", "revoked", {"entry": {"state": "revoked"}, "ask": {"intent": "leave"}}),
    ("an old picture", "stale_code", {"ask": {"face": "living", "shown_at": ago(seconds=31)}}),
    ("a retired picture", "retired_code", {"entry": {"bound": True, **rules(retires_static=True)}}),
    ("a face that is not taken", "wrong_face", {"entry": rules(faces="living")}),
    ("another occasion", "wrong_occasion", {"entry": {"occasion": str(OTHER_OCCASION)}}),
    ("a moment ago, here", "already_in", {"entry": {**USED, "last": {"at": ago(seconds=10), **HERE}}}),
    (
        "passed back",
        "passed_back",
        {"entry": {**RIDES, "last": {"at": ago(seconds=299), **ELSEWHERE}, **rules(pass_back_seconds=300)}},
    ),
    ("not inside", "not_inside", {"ask": {"intent": "leave"}}),
    ("used", "used", {"entry": {**USED, "last": {"at": ago(seconds=11), **HERE}}}),
    ("fewer left than people", "too_few_uses", {"entry": {"uses": 3, "uses_left": 2}, "ask": {"count": 3}}),
    ("no voucher", "not_a_voucher", {"ask": {"intent": "redeem", "amount": 1}}),
    ("a voucher", "voucher", {"entry": {"balance": 5}}),
    ("an empty voucher", "used", {"entry": {"balance": 0, **USED}}),
    ("more than its balance", "balance_too_low", {"entry": {"balance": 5}, "ask": {"intent": "redeem", "amount": 6}}),
    ("over", "expired", {"entry": {"valid_until": ago()}}),
    ("not yet", "too_early", {"entry": {"valid_from": ago(seconds=-1)}}),
    (
        "offline, not at home",
        "other_entrance",
        {"entry": {"entrance": "north", **rules(offline="home")}, "ask": OFFLINE},
    ),
    ("offline, to be asked about", "needs_network", {"entry": rules(offline="deny"), "ask": OFFLINE}),
    (
        "offline, beyond the floor",
        "needs_network",
        {
            "entry": {"balance": 900, "spent_offline": 301, **rules(offline_floor=500)},
            "ask": {"intent": "redeem", "amount": 200, **OFFLINE},
        },
    ),
]


BASE: Change = {"entry": ENTRY, "ask": ASK, "post": POST}


def merged(*changes: Change) -> Change:
    """Changes together, a later one winning; with the base first, a whole case."""
    found: Change = {part: {} for part in BASE}
    for change in changes:
        for part, members in change.items():
            for name, value in members.items():
                if name == "rules":
                    found["entry"]["rules"] = {**found["entry"].get("rules", {}), **value}
                else:
                    found[part][name] = value
    return found


def case(says: str, change: Change) -> Told:
    """A case with what the product decides and, where it says yes, the ticket after it."""
    whole = merged(BASE, change)
    entry, ask, post = _entry(whole["entry"]), _ask(whole["ask"]), _post(whole["post"])
    reason = decide(entry, ask=ask, post=post, now=NOW)
    then = after(entry, reason, ask=ask, post=post, now=NOW)
    end = {
        "uses_left": then.uses_left,
        "inside": then.inside,
        "balance": then.balance,
        "valid_until": moment(then.valid_until),
        "activated": then.activated,
    }
    made = {"says": says, "change": {part: told for part, told in change.items() if told}, "reason": reason.value}
    return made if then == entry else {**made, "then": end}


def decisions() -> Iterator[Told]:
    """Each reason alone, then every two that say no together: the more useful one is told."""
    for says, reason, change in YESES + NOES:
        made = case(says, change)
        assert made["reason"] == reason, f"{says}: {made['reason']}, not {reason}"
        yield made
    for (first, _, one), (second, _, other) in combinations(NOES, 2):
        yield case(f"{first}; {second}", merged(one, other))


PLAIN_FIELDS = ("uses", "uses_left", "entrance", "inside", "activated", "bound", "balance", "spent_offline")


def _entry(told: Told) -> Register:
    last = told["last"]
    begins, ends = read_moment(told["valid_from"]), read_moment(told["valid_until"])
    assert begins is not None
    assert ends is not None
    return Register(
        ticket_id=UUID(int=1),
        occasion_id=UUID(told["occasion"]),
        state=TicketState(told["state"]),
        valid_from=begins,
        valid_until=ends,
        rules=EntryRules.of(told["rules"]),
        last=LastUse(datetime.fromisoformat(last["at"]), UUID(last["gate"])) if last else None,
        **{name: told[name] for name in PLAIN_FIELDS},
    )


def _ask(told: Told) -> Ask:
    return Ask(
        Intent(told["intent"]),
        Face(told["face"]),
        count=told["count"],
        amount=told["amount"],
        shown_at=read_moment(told["shown_at"]),
        offline=told["offline"],
    )


def _post(told: Told) -> Post:
    return Post(
        UUID(told["gate"]),
        frozenset(UUID(one) for one in told["occasions"]),
        Direction(told["direction"]),
        told["entrance"],
        told["area"],
        told["home"],
        Role(told["role"]),
    )


# --- the log --------------------------------------------------------------------------------------------------------


def log() -> Told:
    """One entry of each kind, chained."""
    common: Told = {"at": NOW, "knew": 2**53 - 1, "face": Face.SIGNED, "code": 2**64 - 1}
    entries = [
        Entry(seq=1, scan_id="a!~", intent=Deed.ENTER, reason=Reason.ADMITTED, count=100, **common),
        Entry(seq=2, scan_id="b", intent=Deed.LEAVE, reason=Reason.LEFT, **common | {"code": 0}),
        Entry(seq=3, scan_id="c", intent=Deed.REDEEM, reason=Reason.REDEEMED, amount=10**9, **common),
        Entry(seq=4, scan_id="d", intent=Deed.UNDO, reason=Reason.UNDONE, undoes="c", **common),
        Entry(seq=5, scan_id="e", intent=Deed.OVERRIDE, reason=Reason.OVERRIDDEN, by='김 "K\\" 🎫', **common),
        Entry(seq=6, scan_id="f", intent=Deed.CHECK, reason=Reason.UNREADABLE, at=NOW, knew=0),
        Entry(seq=7, scan_id="g", intent=Deed.ENTER, reason=Reason.WRONG_PIN, at=NOW, knew=0, number="4829103751"),
    ]
    start = beginning(gate_id=GATE, generation=3)
    lines = [
        {"entry": one.entry.told(), "canonical": one.entry.canonical().decode(), "digest": one.digest.hex()}
        for one in chain(start, entries)
    ]
    return {"gate": str(GATE), "generation": 3, "beginning": start.hex(), "lines": lines}


# --- the files ------------------------------------------------------------------------------------------------------


def vectors() -> str:
    """The file's text: the same each time."""
    found = {
        "about": "Test vectors of a gate's rules, log and answers. The keys are public: never use them.",
        "keys": told_keys(),
        "decide": {"now": moment(NOW), "base": BASE, "cases": list(decisions())},
        "log": log(),
        "runs": runs(),
    }
    return spread(found) + "\n"


def spread(value: Any, depth: int = 0) -> str:
    """JSON with one case or step to a line, so that a change shows where it is."""
    inner, outer = "\n" + " " * (depth + 1), "\n" + " " * depth
    if isinstance(value, dict) and value and depth < DEPTH_MAX:
        members = (f"{json.dumps(name)}: {spread(one, depth + 1)}" for name, one in value.items())
        return f"{{{inner}{f',{inner}'.join(members)}{outer}}}"
    if isinstance(value, list) and value and depth < DEPTH_MAX:
        return f"[{inner}{f',{inner}'.join(spread(one, depth + 1) for one in value)}{outer}]"
    return json.dumps(value, ensure_ascii=False)


def words() -> str:
    """The page's module with the sentence and the colour of each reason."""
    sentences = {reason.value: {"ko": korean, "en": english} for reason, (korean, english) in WORDS.items()}
    colours = {reason.value: colour(reason).value for reason in WORDS}
    return "\n".join((
        "// @ts-check",
        "// Written by docs/make_gate_vectors.py from app/domain/admission.py: change it there.",
        "",
        "/** What a steward reads, by reason. @type {Record<string, {ko: string, en: string}>} */",
        f"export const WORDS = {json.dumps(sentences, ensure_ascii=False, indent=2)};",
        "",
        "/** What a steward sees first, by reason. @type {Record<string, string>} */",
        f"export const COLOURS = {json.dumps(colours, indent=2)};",
        "",
        "/** Where the balance is told. */",
        f"export const BALANCE_TOLD = new Set({json.dumps(sorted(BALANCE_TOLD))});",
        "",
        "/** Where it is told when the ticket was let in before. */",
        f"export const LAST_TOLD = new Set({json.dumps(sorted(LAST_TOLD))});",
        "",
    ))  # fmt: skip


FILES = {TARGET: vectors, WORDS_TARGET: words}

if __name__ == "__main__":
    for path, text in FILES.items():
        path.write_text(text(), encoding="utf-8")
