"""A gate without network: the rules of the online one, on its sheet and on what it did itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from offline_gate_kit import (
    GATE,
    HOLDER_KEY,
    KEYS,
    NOW,
    NUMBER,
    OCCASION,
    PIN,
    Door,
    compact,
    line,
    living,
    sheet,
    signed,
)

from app.domain.admission import Colour, Post, Reason
from app.domain.entry_rules import UNLIMITED_USES, Direction, Face, Faces, Offline, Role
from app.domain.gate_log import BadEntry, Deed, Linked, follows
from app.domain.offline_gate import OfflineGate, Shown
from app.domain.refusals import KeyReused, NotAllowed
from app.domain.ticket import TicketState

TYPED = f"{NUMBER} {PIN.reveal()}"


def a_door(*lines: Any, **changed: Any) -> Door:
    return Door(sheet(lines or [line()], **({"typed": {(NUMBER, PIN.reveal()): 7}} | changed)))


def post(**changed: Any) -> Post:
    return Post(GATE, frozenset({OCCASION}), **changed)


SUPERVISOR = post(role=Role.SUPERVISOR)
BOTH_WAYS = post(direction=Direction.BOTH)


# --- which ticket it is ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "face"),
    [(signed(7), Face.SIGNED), (compact(7), Face.COMPACT), (living(7), Face.LIVING), (TYPED, Face.PIN)],
    ids=["signed", "compact", "living", "typed"],
)
def test_a_ticket_on_the_sheet_opens_by_each_of_its_faces(text: str, face: Face) -> None:
    verdict = a_door().show(text)
    assert (verdict.reason, verdict.admit, verdict.colour) == (Reason.ADMITTED, True, Colour.GREEN)
    assert (verdict.entry.face, verdict.entry.code, verdict.entry.knew) == (face, 7, 700)
    assert verdict.entry.number == (NUMBER if face is Face.PIN else None)


def test_using_one_face_uses_the_ticket() -> None:
    door = a_door()
    door.show(signed(7))
    door.wait(minutes=1)
    assert [door.show(text).reason for text in (compact(7), TYPED, signed(7))] == [Reason.USED] * 3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.UNREADABLE),
        (signed(7)[:-1], Reason.UNREADABLE),
        (signed(7, key=b"nobody's"), Reason.UNKNOWN),
        (signed(7, key=b"theirs"), Reason.UNKNOWN),
        (signed(7, occasion=9), Reason.UNKNOWN),
        (signed(8), Reason.NEEDS_NETWORK),
        (signed(8, occasion=9), Reason.WRONG_OCCASION),
        (compact(8), Reason.UNKNOWN),
        ("C" + "0" * 23 + "7", Reason.UNKNOWN),
        (living(7, holder_key=b"\x03" + HOLDER_KEY[1:]), Reason.UNKNOWN),
        (living(7, at=NOW - timedelta(minutes=1)), Reason.STALE_CODE),
        (f"{NUMBER} 000000", Reason.WRONG_PIN),
    ],
    ids=[
        "nothing",
        "half a code",
        "nobody signed it",
        "another server signed it",
        "signed for another occasion",
        "genuine and sold since",
        "genuine and for an occasion that is not here",
        "compact and not on the sheet",
        "compact and made up",
        "living on another handset",
        "a picture of a living one",
        "a wrong PIN",
    ],
)
def test_what_is_no_ticket_of_the_sheet_is_told_by_why(text: str, reason: Reason) -> None:
    verdict = a_door(holder_keys={7: HOLDER_KEY}).show(text)
    assert verdict.reason is reason
    assert not verdict.admit
    assert not verdict.entry.done


def test_a_forged_compact_code_of_a_ticket_on_the_sheet_is_unknown() -> None:
    assert a_door().show(compact(7)[:-1] + ("0" if compact(7)[-1] != "0" else "1")).reason is Reason.UNKNOWN


def test_a_ticket_that_another_server_sold_is_proved_by_that_servers_keys() -> None:
    door = a_door(line(seller="theirs"))
    assert door.show(signed(7)).reason is Reason.UNKNOWN
    assert door.show(signed(7, key=b"theirs")).reason is Reason.ADMITTED


def test_a_compact_code_that_the_sheet_cannot_prove_needs_the_network() -> None:
    assert a_door(compacts=None).show(compact(7)).reason is Reason.NEEDS_NETWORK


def test_without_the_key_for_pins_a_typed_number_needs_the_network() -> None:
    assert a_door(reads_pins=False).show(TYPED).reason is Reason.NEEDS_NETWORK


def test_what_cannot_be_read_is_told_in_its_own_words_and_named_by_nothing() -> None:
    verdict = a_door().show("4829103752 491027")
    assert "typing mistake" in verdict.words("en")
    assert (verdict.entry.code, verdict.entry.number, verdict.entry.face) == (None, None, None)


# --- the PIN --------------------------------------------------------------------------------------------------------


def test_five_wrong_pins_lock_the_number_for_ten_minutes_and_a_clock_that_goes_back_does_not_open_it() -> None:
    door = a_door()
    assert [door.show(f"{NUMBER} 00000{digit}").reason for digit in range(5)] == [Reason.WRONG_PIN] * 5
    assert door.show(TYPED).reason is Reason.LOCKED
    door.wait(hours=-24)
    assert door.show(TYPED).reason is Reason.LOCKED
    door.wait(hours=24, minutes=9)
    assert door.show(TYPED).reason is Reason.LOCKED
    assert door.show(signed(7)).reason is Reason.ADMITTED
    door.wait(minutes=1)
    assert door.show(TYPED).reason is Reason.USED


def test_the_right_pin_forgives_the_wrong_ones() -> None:
    door = a_door()
    for _ in range(2):
        for digit in range(4):
            door.show(f"{NUMBER} 00000{digit}")
        assert door.show(TYPED, intent=Deed.CHECK).reason is Reason.ADMITTED


# --- once -----------------------------------------------------------------------------------------------------------


def test_the_same_ticket_within_seconds_is_already_in_and_later_used() -> None:
    door = a_door()
    door.show(signed(7))
    door.wait(seconds=4)
    again = door.show(signed(7))
    assert (again.reason, again.colour, again.words("en")) == (
        Reason.ALREADY_IN,
        Colour.AMBER,
        "Already let in 4 s ago.",
    )
    assert again.words("ko") == "4초 전에 이미 입장했습니다."
    door.wait(seconds=60)
    assert door.show(signed(7)).told()["used"] == {"at": "2026-11-22T18:30:00.000Z", "gate": None}


def test_the_same_scan_again_gets_its_answer_again_and_is_logged_once() -> None:
    door = a_door()
    first = door.show(signed(7), scan="x")
    door.wait(minutes=5)
    again = door.show(signed(7), scan="x")
    assert again.entry == first.entry
    assert (again.admit, again.linked) == (True, None)
    assert door.gate.seq == 1
    assert [door.show("?", scan="y").entry.seq for _ in range(2)] == [2, 2]


@pytest.mark.parametrize("changed", [{"count": 2}, {"intent": Deed.CHECK}, {"text": signed(8)}, {"text": TYPED}])
def test_a_scans_name_is_not_used_for_another_thing(changed: dict[str, Any]) -> None:
    door = a_door()
    door.show(signed(7), scan="x")
    with pytest.raises(KeyReused):
        door.show(**({"text": signed(7), "scan": "x"} | changed))


def test_an_answer_that_was_not_kept_safe_has_changed_nothing() -> None:
    door = a_door()
    for _ in range(2):
        verdict = door.gate.present(Shown("s-1", signed(7)), now=NOW)
        assert verdict.admit
    assert door.gate.seq == 0


def test_a_check_looks_and_uses_nothing() -> None:
    door = a_door()
    looked = door.show(signed(7), intent=Deed.CHECK)
    done = door.show(signed(7))
    assert (looked.reason, done.reason) == (Reason.ADMITTED, Reason.ADMITTED)
    assert looked.line is not None
    assert done.line is not None
    assert (looked.line.entry.uses_left, done.line.entry.uses_left) == (1, 0)


@pytest.mark.parametrize(
    ("state", "reason"), [(TicketState.REVOKED, Reason.REVOKED), (TicketState.SUSPENDED, Reason.SUSPENDED)]
)
def test_what_the_register_refuses_is_refused_here(state: TicketState, reason: Reason) -> None:
    assert a_door(line(state=state)).show(signed(7)).reason is reason


def test_a_group_comes_in_parts_until_all_are_in() -> None:
    door = a_door(line(uses=5, rules={"group": True}))
    assert [door.show(signed(7), count=count).reason for count in (2, 2, 2, 1)] == [
        Reason.ADMITTED,
        Reason.ADMITTED,
        Reason.ALREADY_IN,
        Reason.ADMITTED,
    ]
    door.wait(minutes=1)
    assert door.show(signed(7)).reason is Reason.USED


def test_rides_have_a_guard_against_passing_back() -> None:
    door = a_door(line(uses=10, rules={"pass_back_seconds": 300}))
    door.show(signed(7))
    door.wait(seconds=299)
    assert door.show(signed(7)).reason is Reason.PASSED_BACK
    door.wait(seconds=1)
    told = door.show(signed(7)).told()["ticket"]
    assert isinstance(told, dict)
    assert (told["uses"], told["uses_left"]) == (10, 8)


def test_a_pass_does_not_count_its_uses_aloud_and_ends_with_the_window_of_its_first() -> None:
    door = a_door(line(uses=UNLIMITED_USES, rules={"window_minutes": 60}))
    told = door.show(signed(7)).told()["ticket"]
    assert isinstance(told, dict)
    assert (told["uses_left"], told["valid_until"]) == (None, "2026-11-22T19:30:00.000Z")
    door.wait(minutes=59)
    assert door.show(signed(7)).reason is Reason.ADMITTED
    door.gate.refresh(sheet([line(uses=UNLIMITED_USES, rules={"window_minutes": 60})]), counted=2)
    door.wait(minutes=1)
    assert door.show(signed(7)).reason is Reason.EXPIRED


def test_who_left_comes_in_again_where_the_rules_say_so() -> None:
    door = a_door(line(rules={"reentry": True}), post=BOTH_WAYS)
    assert door.leave(signed(7)).reason is Reason.NOT_INSIDE
    assert door.show(signed(7)).reason is Reason.ADMITTED
    assert door.leave(signed(7)).reason is Reason.LEFT
    assert door.show(signed(7)).reason is Reason.REENTERED
    door.wait(minutes=1)
    assert door.show(signed(7)).reason is Reason.USED


def test_people_pass_a_gate_its_own_way_only() -> None:
    with pytest.raises(NotAllowed, match="other direction"):
        a_door().leave(signed(7))
    with pytest.raises(NotAllowed, match="other direction"):
        a_door(post=post(direction=Direction.OUT)).show(signed(7))


def test_static_faces_retire_where_the_product_says_so() -> None:
    door = a_door(line(bound=True, rules={"retires_static": True, "faces": Faces.LIVING_OR_PIN}))
    assert door.show(signed(7)).reason is Reason.RETIRED_CODE
    assert door.show(living(7)).reason is Reason.ADMITTED


# --- policies -------------------------------------------------------------------------------------------------------


def test_a_ticket_that_must_be_asked_about_needs_the_network() -> None:
    assert a_door(line(rules={"offline": Offline.DENY})).show(signed(7)).reason is Reason.NEEDS_NETWORK


def test_a_home_ticket_opens_at_the_home_gate_of_its_entrance_alone() -> None:
    at_home = line(entrance="north", rules={"offline": Offline.HOME})
    for where, reason in (
        (post(), Reason.OTHER_ENTRANCE),
        (post(entrance="north"), Reason.OTHER_ENTRANCE),
        (post(entrance="south", home=True), Reason.OTHER_ENTRANCE),
        (post(entrance="north", home=True), Reason.ADMITTED),
    ):
        assert a_door(at_home, post=where).show(signed(7)).reason is reason


def test_stored_value_goes_down_to_the_gates_floor_and_never_below_zero() -> None:
    door = a_door(line(balance=10_000, rules={"offline_floor": 6_000}))
    assert door.redeem(signed(7), 4_000).reason is Reason.REDEEMED
    assert door.redeem(signed(7), 2_001).reason is Reason.NEEDS_NETWORK
    assert door.redeem(signed(7), 2_000).reason is Reason.REDEEMED
    low = door.redeem(signed(7), 4_001)
    assert (low.reason, low.words("en")) == (Reason.BALANCE_TOO_LOW, "The balance is too low. 4,000 is left.")
    asked = door.show(signed(7))
    assert (asked.reason, asked.words("en")) == (
        Reason.VOUCHER,
        "A voucher. Enter an amount to redeem. 4,000 is left.",
    )
    assert asked.words("ko").endswith("잔액은 4,000입니다.")


def test_a_ticket_is_no_voucher() -> None:
    assert a_door().redeem(signed(7), 100).reason is Reason.NOT_A_VOUCHER


# --- age ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "fresh", "value"),
    [
        (15, Reason.ADMITTED, Reason.REDEEMED),
        (16, Reason.ADMITTED, Reason.SNAPSHOT_OLD),
        (241, Reason.SNAPSHOT_OLD, Reason.SNAPSHOT_OLD),
    ],
)
def test_old_data_says_no_yes_any_more_and_sooner_where_value_is_taken(
    minutes: int, fresh: Reason, value: Reason
) -> None:
    door = a_door(line(7), line(8, balance=500, rules={"offline_floor": 500}))
    door.wait(minutes=minutes)
    verdict = door.show(signed(7))
    assert (verdict.reason, door.redeem(signed(8), 100).reason) == (fresh, value)
    assert verdict.admit or verdict.colour is Colour.AMBER


def test_old_data_still_says_what_it_knows_and_lets_people_out() -> None:
    door = a_door(line(7, state=TicketState.REVOKED), line(8, uses_left=0, inside=1), post=BOTH_WAYS)
    door.wait(hours=5)
    assert door.show(signed(7)).reason is Reason.REVOKED
    assert door.leave(signed(8)).reason is Reason.LEFT


def test_a_snapshot_ends_at_its_hour() -> None:
    door = a_door(expires_at=NOW + timedelta(minutes=1))
    door.wait(minutes=1)
    assert door.show(signed(7)).reason is Reason.SNAPSHOT_OLD


def test_a_clock_that_went_back_makes_old_data_no_younger() -> None:
    door = a_door(line(7), line(8))
    door.wait(hours=4, minutes=1)
    assert door.show(signed(7)).reason is Reason.SNAPSHOT_OLD
    door.wait(hours=-4)
    assert door.show(signed(7)).reason is Reason.SNAPSHOT_OLD
    door.gate.refresh(sheet([line(7)], cursor=701), counted=2)
    assert door.show(signed(7)).reason is Reason.ADMITTED


# --- taking back ----------------------------------------------------------------------------------------------------


def test_an_undo_within_a_minute_gives_the_use_back() -> None:
    door = a_door()
    door.show(signed(7), scan="x")
    door.wait(seconds=60)
    undone = door.undo("x", scan="u")
    assert (undone.reason, undone.entry.code, undone.entry.undoes) == (Reason.UNDONE, 7, "x")
    assert door.undo("x", scan="u").linked is None
    assert door.undo("x").reason is Reason.NOT_UNDONE
    assert door.show(signed(7)).reason is Reason.ADMITTED


@pytest.mark.parametrize("seconds", [61, -1])
def test_an_undo_is_refused_after_the_minute_and_when_the_clock_went_back(seconds: int) -> None:
    door = a_door()
    door.show(signed(7), scan="x")
    door.wait(seconds=seconds)
    assert door.undo("x").reason is Reason.NOT_UNDONE


def test_nothing_is_undone_that_was_not_done_here_or_not_done_last() -> None:
    door = a_door(line(uses=3), post=BOTH_WAYS)
    assert door.undo("never").entry.code is None
    door.show("?", scan="no")
    door.show(signed(7), scan="in")
    door.leave(signed(7))
    assert [door.undo(scan).reason for scan in ("no", "in")] == [Reason.NOT_UNDONE] * 2
    door.show(signed(7), scan="again")
    door.answered(7, reason=Reason.ADMITTED)
    assert door.undo("again").reason is Reason.NOT_UNDONE


def test_an_undo_tells_the_ticket_as_it_is_then_and_of_nothing_to_take_back_it_tells_none() -> None:
    door = a_door(line(uses=3))
    door.show(signed(7), scan="x")
    door.show(signed(7), scan="no", intent=Deed.REDEEM, amount=1)
    door.wait(minutes=1)
    door.show(signed(7), scan="y", count=2)

    too_late = door.undo("x", scan="u1")
    undone = door.undo("y", scan="u2")
    again = door.undo("y", scan="u2")

    assert [one.line and one.line.entry.uses_left for one in (too_late, undone, again)] == [0, 2, 2]
    assert [door.undo(scan).line for scan in ("y", "no", "never")] == [None] * 3


def test_an_undo_of_a_ticket_that_is_on_no_sheet_any_more_tells_none() -> None:
    door = a_door()
    door.show(signed(7), scan="x")
    door.gate.refresh(sheet([line(8)], cursor=701), counted=1)

    undone = door.undo("x")

    assert (undone.reason, undone.line) == (Reason.UNDONE, None)


def test_leaving_and_redeeming_are_undone_too() -> None:
    door = a_door(line(7, uses_left=0, inside=1), line(8, balance=900, rules={"offline_floor": 900}), post=BOTH_WAYS)
    door.show(signed(7), scan="out", intent=Deed.LEAVE)
    door.undo("out")
    assert door.leave(signed(7)).reason is Reason.LEFT
    door.show(signed(8), scan="pay", intent=Deed.REDEEM, amount=900)
    door.undo("pay")
    assert door.redeem(signed(8), 900).reason is Reason.REDEEMED


def test_an_undos_name_is_not_used_for_another_thing() -> None:
    door = a_door()
    door.show(signed(7), scan="x")
    with pytest.raises(KeyReused):
        door.undo("y", scan="x")
    with pytest.raises(NotAllowed, match="names a scan"):
        door.show(signed(7), intent=Deed.UNDO)


# --- the supervisor -------------------------------------------------------------------------------------------------


def test_a_supervisor_lets_in_whom_the_rules_refuse_and_it_is_recorded() -> None:
    door = a_door(line(uses_left=0), post=SUPERVISOR)
    assert door.show(signed(7)).reason is Reason.USED
    verdict = door.show(signed(7), intent=Deed.OVERRIDE, by="Kim: seen at the box office")
    assert (verdict.reason, verdict.admit, verdict.entry.by) == (
        Reason.OVERRIDDEN,
        True,
        "Kim: seen at the box office",
    )


@pytest.mark.parametrize(
    "text", [f"{NUMBER} 000000", compact(8), signed(8)], ids=["wrong PIN", "unknown", "sold since"]
)
def test_a_supervisor_may_let_in_what_the_sheet_does_not_know(text: str) -> None:
    verdict = a_door(post=SUPERVISOR).show(text, intent=Deed.OVERRIDE, by="Kim")
    assert verdict.entry.done
    assert verdict.line is None


def test_nobody_lets_in_what_cannot_be_read_nor_a_voucher() -> None:
    door = a_door(line(balance=500), post=SUPERVISOR)
    assert door.show("?", intent=Deed.OVERRIDE, by="Kim").reason is Reason.UNREADABLE
    assert door.show(signed(7), intent=Deed.OVERRIDE, by="Kim").reason is Reason.VOUCHER


def test_an_override_takes_the_uses_that_are_left_and_no_more() -> None:
    door = a_door(line(uses=2), post=SUPERVISOR)
    told = door.show(signed(7), intent=Deed.OVERRIDE, by="Kim", count=5).told()["ticket"]
    assert isinstance(told, dict)
    assert (told["uses_left"], told["inside"]) == (0, 2)


def test_a_steward_overrides_nothing() -> None:
    with pytest.raises(NotAllowed, match="Call the supervisor"):
        a_door().show(signed(7), intent=Deed.OVERRIDE, by="Kim")


def test_what_is_beyond_the_limits_is_refused_before_it_is_logged() -> None:
    door = a_door()
    for asked in ({"count": 0}, {"count": 101}, {"intent": Deed.REDEEM}, {"scan": "two words"}):
        with pytest.raises(BadEntry):
            door.show(signed(7), **asked)
    assert door.gate.seq == 0


# --- the log, and newer sheets --------------------------------------------------------------------------------------


def brought(door: Door, **told: Any) -> None:
    """Everything was brought, and the register's newer word holds it."""
    door.gate.refresh(
        sheet([line(**told)], cursor=800, made_at=door.now, post=door.gate.sheet.post), counted=door.gate.seq
    )


def test_a_use_counts_once_before_and_after_it_was_brought() -> None:
    door = a_door(line(uses=3))
    door.show(signed(7))
    door.wait(minutes=1)
    brought(door, uses=3, uses_left=2)
    told = door.show(signed(7)).told()["ticket"]
    assert isinstance(told, dict)
    assert told["uses_left"] == 1


def test_a_use_that_was_not_brought_stays_counted_when_a_newer_sheet_comes() -> None:
    door = a_door()
    door.show(signed(7))
    door.gate.refresh(sheet([line()], cursor=800, made_at=door.now), counted=0)
    door.wait(minutes=1)
    assert door.show(signed(7)).reason is Reason.USED


def test_an_older_sheet_is_passed_over() -> None:
    door = a_door(line(uses_left=0))
    door.gate.refresh(sheet([line()], cursor=699), counted=0)
    assert door.show(signed(7)).reason is Reason.USED


def test_undoing_what_the_register_counts_gives_nothing_back_before_it_says_so() -> None:
    door = a_door()
    door.show(signed(7), scan="x")
    brought(door, uses_left=0, inside=1)
    assert door.undo("x").reason is Reason.UNDONE
    assert door.show(signed(7)).reason is Reason.USED
    brought(door)
    assert door.show(signed(7)).reason is Reason.ADMITTED


def test_what_other_gates_did_and_what_this_one_did_never_go_below_nothing() -> None:
    rules = {"reentry": True, "offline_floor": 900}
    door = a_door(line(uses=2, rules=rules), post=BOTH_WAYS)
    door.show(signed(7), count=2)
    door.leave(signed(7), 2)
    door.show(signed(7), count=2)
    door.gate.refresh(sheet([line(uses=2, uses_left=0, inside=0, rules=rules)], cursor=800, post=BOTH_WAYS), counted=0)
    known = door.show(signed(7), intent=Deed.CHECK).line
    assert known is not None
    assert (known.entry.uses_left, known.entry.inside) == (0, 2)

    door = a_door(line(balance=900, rules=rules))
    door.redeem(signed(7), 800)
    door.gate.refresh(sheet([line(balance=100, rules=rules)], cursor=800), counted=0)
    told = door.show(signed(7)).line
    assert told is not None
    assert told.entry.balance == 0


def test_what_the_register_said_yes_to_is_remembered_until_its_newer_word() -> None:
    door = a_door(line(7), line(8, balance=900, rules={"offline_floor": 500}))
    door.answered(7, reason=Reason.ADMITTED)
    door.answered(8, reason=Reason.REDEEMED, amount=300)
    assert door.show(signed(7)).reason is Reason.ALREADY_IN
    assert door.redeem(signed(8), 500).reason is Reason.REDEEMED
    answers = door.gate.own.answers
    assert [one.code for one in door.gate.own.remembered] == [7, 8]
    door.answered(7, reason=Reason.ADMITTED)
    door.gate.refresh(sheet([line()], cursor=800), counted=0, answers=answers)
    door.wait(minutes=1)
    assert door.show(signed(7)).reason is Reason.USED
    door.gate.refresh(sheet([line()], cursor=801), counted=0, answers=door.gate.own.answers)
    assert door.show(signed(7)).reason is Reason.ADMITTED


def test_a_gate_that_starts_again_from_its_log_knows_all_it_knew() -> None:
    door = a_door(line(7), line(8, uses=3))
    kept: list[Linked] = []
    for text, scan in ((signed(7), "a"), (signed(8), "b"), ("?", "c")):
        verdict = door.show(text, scan=scan)
        assert verdict.linked is not None
        kept.append(verdict.linked)
    undone = door.undo("a")
    assert undone.linked is not None
    again = OfflineGate(door.gate.sheet, KEYS, log=[*kept, undone.linked])
    assert (again.seq, again.digest) == (4, undone.linked.digest)
    assert again.present(Shown("a", signed(7)), now=NOW).linked is None
    assert again.present(Shown("d", signed(7)), now=NOW).admit
    assert follows(kept[1].digest, kept[2])


def test_a_log_with_a_gap_is_not_taken_up() -> None:
    door = a_door()
    door.show("?")
    second = door.show("?").linked
    assert second is not None
    with pytest.raises(AssertionError, match="gap"):
        OfflineGate(door.gate.sheet, KEYS, log=[second])


def test_an_answer_has_the_names_of_the_online_one() -> None:
    assert a_door(line(entrance="north")).show(signed(7)).told() == {
        "admit": True,
        "reason": "admitted",
        "colour": "green",
        "words": {"ko": "입장하십시오.", "en": "Let them in."},
        "at": "2026-11-22T18:30:00.000Z",
        "face": "signed",
        "count": 1,
        "ticket": {
            "title": {"ko": "춘향전", "en": "Chunhyang"},
            "entrance": "north",
            "uses": 1,
            "uses_left": 0,
            "inside": 1,
            "balance": None,
            "valid_from": "2026-11-22T17:30:00.000Z",
            "valid_until": "2026-11-22T23:30:00.000Z",
        },
        "used": None,
    }
    assert a_door().show("?").told()["ticket"] is None
