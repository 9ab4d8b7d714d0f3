"""A gate's log: one text for one entry, a chain that shows every change, and nothing read that no gate can write."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain import gate_log
from app.domain.admission import GREEN, Reason
from app.domain.entry_rules import Face
from app.domain.gate_log import YES, BadEntry, Deed, Entry, chain, follows, link, read, read_line, read_linked

AT = datetime(2026, 11, 22, 18, 30, 0, 123_000, tzinfo=UTC)
GATE = UUID("00000000-0000-4000-8000-0000000000a1")
START = gate_log.beginning(gate_id=GATE, generation=1)


def an_entry(**changed: Any) -> Entry:
    given: dict[str, Any] = {
        "seq": 1,
        "scan_id": "a-1",
        "at": AT,
        "intent": Deed.ENTER,
        "reason": Reason.ADMITTED,
        "knew": 700,
        "face": Face.SIGNED,
        "code": 2**63 + 5,
    }
    return Entry(**(given | changed))


def told(**changed: Any) -> dict[str, object]:
    return an_entry().told() | changed


def without(name: str) -> dict[str, object]:
    return {key: value for key, value in told().items() if key != name}


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    intent = draw(st.sampled_from(Deed))
    reasons = list(Reason) if intent is Deed.CHECK else sorted(YES[intent] | (set(Reason) - GREEN))
    lines = st.characters(exclude_categories=["C", "Zl", "Zp"])
    return Entry(
        seq=draw(st.integers(1, gate_log.SEQ_MAX)),
        scan_id=draw(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=64)),
        at=AT + timedelta(milliseconds=draw(st.integers(-(10**13), 10**13))),
        intent=intent,
        reason=draw(st.sampled_from(reasons)),
        knew=draw(st.integers(0, gate_log.CURSOR_MAX)),
        face=draw(st.none() | st.sampled_from(Face)),
        code=draw(st.integers(0, gate_log.CODE_MAX)),
        number=draw(st.none() | st.just("4829103751")),
        count=draw(st.integers(1, gate_log.COUNT_MAX)),
        amount=draw(st.integers(1, 10**9)) if intent is Deed.REDEEM else 0,
        undoes=draw(st.just("a-0")) if intent is Deed.UNDO else None,
        by=draw(st.text(lines, min_size=1, max_size=200)) if intent is Deed.OVERRIDE else None,
    )


# --- one text -------------------------------------------------------------------------------------------------------


def test_the_canonical_text_has_sorted_keys_no_spaces_and_plain_letters() -> None:
    entry = an_entry(intent=Deed.OVERRIDE, reason=Reason.OVERRIDDEN, by='김 "매니저"')
    assert entry.canonical().decode() == (
        '{"amount":0,"at":"2026-11-22T18:30:00.123Z","by":"김 \\"매니저\\"","code":"9223372036854775813","count":1,'
        '"face":"signed","intent":"override","knew":700,"number":null,"online":false,"reason":"overridden",'
        '"scan_id":"a-1","seq":1,"undoes":null}'
    )


@settings(max_examples=150)
@given(entries())
def test_what_was_sent_reads_back_as_the_same_entry_with_the_same_text(entry: Entry) -> None:
    sent = json.loads(json.dumps(entry.told()))
    assert read(sent) == entry
    assert read(sent).canonical() == entry.canonical()


@settings(max_examples=50)
@given(entries())
def test_every_entry_with_its_digest_is_one_line_below_the_limit(entry: Entry) -> None:
    linked = link(START, entry)
    line = gate_log.canonical(linked.told())
    assert b"\n" not in line
    assert read_line(line) == linked


def test_a_pin_has_no_place_in_an_entry() -> None:
    assert set(an_entry().told()) == gate_log.FIELDS
    assert "pin" not in gate_log.FIELDS
    with pytest.raises(BadEntry, match="number"):
        an_entry(number="4829103751491027")


# --- what was done --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("intent", sorted(Deed))
def test_only_an_entrys_own_yes_counts_as_done(intent: Deed) -> None:
    whole: dict[str, Any] = {
        "amount": 500 if intent is Deed.REDEEM else 0,
        "undoes": "a-0" if intent is Deed.UNDO else None,
        "by": "Kim" if intent is Deed.OVERRIDE else None,
    }
    done = set()
    for reason in Reason:
        try:
            if an_entry(intent=intent, reason=reason, **whole).done:
                done.add(reason)
        except BadEntry as fault:
            assert reason in GREEN, fault  # noqa: PT017 - which reasons are refused is what is looked at
    assert done == YES[intent]
    assert done or intent is Deed.CHECK


def test_nothing_is_done_with_a_ticket_that_has_no_name() -> None:
    with pytest.raises(BadEntry, match="code"):
        an_entry(code=None)
    assert not an_entry(code=None, face=None, reason=Reason.UNREADABLE).done
    assert an_entry(code=None, intent=Deed.UNDO, reason=Reason.UNDONE, undoes="a-0").done


def test_a_supervisor_may_let_in_whom_only_a_typed_number_names() -> None:
    typed: dict[str, Any] = {"intent": Deed.OVERRIDE, "reason": Reason.OVERRIDDEN, "by": "Kim: seen at the box office"}
    assert an_entry(code=None, number="4829103751", **typed).done
    with pytest.raises(BadEntry, match="code"):
        an_entry(code=None, **typed)


# --- the chain ------------------------------------------------------------------------------------------------------


def test_a_digest_is_the_sha_256_of_the_one_before_and_the_text() -> None:
    first, second = chain(START, [an_entry(), an_entry(seq=2, scan_id="a-2")])
    assert first.digest == hashlib.sha256(START + first.entry.canonical()).digest()
    assert second.digest == hashlib.sha256(first.digest + second.entry.canonical()).digest()
    assert follows(START, first)
    assert follows(first.digest, second)


def test_an_entry_that_was_changed_left_out_or_taken_from_another_device_does_not_fit() -> None:
    first, second = chain(START, [an_entry(), an_entry(seq=2, scan_id="a-2")])
    assert not follows(START, gate_log.Linked(an_entry(count=2), first.digest))
    assert not follows(START, second)
    for other in (
        gate_log.beginning(gate_id=GATE, generation=2),
        gate_log.beginning(gate_id=UUID(int=1), generation=1),
    ):
        assert not follows(other, first)


# --- strict reading -------------------------------------------------------------------------------------------------

WRONG: list[tuple[str, object]] = [
    ("seq", 0),
    ("seq", 2**31),
    ("seq", True),
    ("seq", 1.0),
    ("scan_id", ""),
    ("scan_id", None),
    ("scan_id", "a b"),
    ("scan_id", "x" * 65),
    ("scan_id", 7),
    ("at", "2026-11-22T18:30:00Z"),
    ("at", "2026-11-22 18:30:00.000Z"),
    ("at", "2026-13-22T18:30:00.000Z"),
    ("at", 1_700_000_000),
    ("intent", "steal"),
    ("reason", "because"),
    ("reason", "left"),
    ("knew", -1),
    ("knew", 2**53),
    ("knew", None),
    ("face", "smile"),
    ("code", "007"),
    ("code", str(2**64)),
    ("code", 7),
    ("code", None),
    ("number", "4829103752"),
    ("number", "٤٨٢٩١٠٣٧٥١"),
    ("count", 0),
    ("count", 101),
    ("amount", -1),
    ("amount", 1),
    ("undoes", "a-0"),
    ("by", "Kim"),
    ("online", True),
    ("online", 0),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=[f"{name} {value!r}" for name, value in WRONG])
def test_a_part_that_no_gate_can_have_written_is_named(name: str, value: object) -> None:
    with pytest.raises(BadEntry, match=f"^{name} of an entry in a gate's log is "):
        read(told(**{name: value}))


@pytest.mark.parametrize("by", ["", "x" * 201, "two\nlines", "half \ud800", None])
def test_who_overrode_is_told_in_one_line(by: str | None) -> None:
    with pytest.raises(BadEntry, match=r"^by "):
        read(told(intent="override", reason="overridden", by=by))


def test_a_redemption_has_an_amount_and_an_undo_names_a_scan() -> None:
    with pytest.raises(BadEntry, match=r"^amount "):
        read(told(intent="redeem", reason="redeemed"))
    with pytest.raises(BadEntry, match=r"^undoes "):
        read(told(intent="undo", reason="undone"))


@pytest.mark.parametrize(
    "at", [AT.replace(tzinfo=None), AT.replace(microsecond=1), AT.astimezone(timezone(AT - AT.replace(hour=9)))]
)
def test_a_moment_is_utc_to_the_millisecond(at: datetime) -> None:
    with pytest.raises(BadEntry, match=r"^at "):
        an_entry(at=at)


@pytest.mark.parametrize("name", sorted(gate_log.FIELDS))
def test_every_key_must_be_there(name: str) -> None:
    with pytest.raises(BadEntry, match="exactly the keys"):
        read(without(name))


@pytest.mark.parametrize("value", [None, [], "text", {**told(), "pin": "491027"}])
def test_nothing_else_is_an_entry(value: object) -> None:
    with pytest.raises(BadEntry, match="exactly the keys"):
        read(value)


@pytest.mark.parametrize("digest", [None, "", "A" * 64, "0" * 63, 5])
def test_a_digest_has_one_form(digest: object) -> None:
    with pytest.raises(BadEntry, match=r"^digest "):
        read_linked(told(digest=digest))


def test_an_entry_with_its_digest_is_an_object() -> None:
    with pytest.raises(BadEntry, match="JSON object"):
        read_linked([])


@pytest.mark.parametrize("line", [b"", b"{", b"\xff", b"[" * 4_000, b" " * 4_097], ids=len)
def test_a_line_that_is_no_object_is_refused_in_words(line: bytes) -> None:
    with pytest.raises(BadEntry, match=r"^A line of a gate's log "):
        read_line(line)


def test_a_line_is_an_entry_and_its_digest() -> None:
    linked = link(START, an_entry())
    assert read_line(gate_log.canonical(linked.told())) == linked


def test_reading_takes_any_mapping() -> None:
    frozen: Mapping[str, object] = told()
    assert read(frozen) == an_entry()
