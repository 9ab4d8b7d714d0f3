"""Several gates, cut off and joined again, with clocks that jump: what each ticket admits stays within its policy.

CYBERTICKET_TEST_DEPTH=10 runs ten times as many and twice as long histories.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from gates_model import Office, Station, Ticket, station
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from app.domain.admission import Reason
from app.domain.entry_rules import EntryRules, Offline
from app.domain.gate_log import Deed
from app.domain.gate_merge import Brought, Settled, Standing, settle

DEPTH = int(os.environ.get("CYBERTICKET_TEST_DEPTH", "1"))
ANYWHERE, AT_HOME, ASKED, RIDES, BACK, VALUE = range(1, 7)
FLOOR, BALANCE = 400, 1_000
GATES = st.integers(0, 2)
YES = {Reason.ADMITTED, Reason.REENTERED}


def tickets() -> dict[int, Ticket]:
    return {
        one.code: one
        for one in (
            Ticket(ANYWHERE, 1, EntryRules(offline=Offline.OPTIMISTIC)),
            Ticket(AT_HOME, 1, EntryRules(offline=Offline.HOME), entrance="north"),
            Ticket(ASKED, 1, EntryRules(offline=Offline.DENY)),
            Ticket(RIDES, 3, EntryRules(group=True)),
            Ticket(BACK, 1, EntryRules(reentry=True)),
            Ticket(VALUE, 1, EntryRules(offline_floor=FLOOR), balance=BALANCE),
        )
    }


class Gates(RuleBasedStateMachine):
    """Three gates of one issuer; the first is the home gate of the north entrance."""

    merge: Callable[[Standing, list[Brought]], Settled] = staticmethod(settle)

    def __init__(self) -> None:
        super().__init__()
        self.office = Office(tickets(), merge=type(self).merge)
        self.gates = [
            station(0, self.office, entrance="north", home=True),
            station(1, self.office, entrance="north"),
            station(2, self.office, entrance="south"),
        ]
        self.overridden: set[int] = set()

    # --- what happens -----------------------------------------------------------------------------------------------

    @rule(at=GATES, code=st.sampled_from([ANYWHERE, AT_HOME, ASKED, BACK]), lost=st.booleans())
    def somebody_comes(self, at: int, code: int, lost: bool) -> None:  # noqa: FBT001 - hypothesis draws it by name
        self.gates[at].present(code, lost=lost)

    @rule(at=GATES, count=st.integers(1, 3))
    def a_group_comes(self, at: int, count: int) -> None:
        self.gates[at].present(RIDES, count=count)

    @rule(at=GATES, amount=st.integers(1, 500), lost=st.booleans())
    def somebody_pays(self, at: int, amount: int, lost: bool) -> None:  # noqa: FBT001 - hypothesis draws it by name
        self.gates[at].present(VALUE, amount=amount, lost=lost)

    @rule(at=GATES, code=st.sampled_from([RIDES, BACK]))
    def somebody_leaves(self, at: int, code: int) -> None:
        self.gates[at].leave(code)

    @rule(at=GATES, back=st.integers(0, 3))
    def a_steward_takes_back(self, at: int, back: int) -> None:
        gate = self.gates[at]
        gate.undo(f"s-{max(1, gate.scans - back)}")

    @rule(at=GATES, code=st.sampled_from([ANYWHERE, RIDES]))
    def a_supervisor_overrides(self, at: int, code: int) -> None:
        self.gates[at].override(code)
        self.overridden.add(code)

    @rule(at=GATES)
    def the_network_goes(self, at: int) -> None:
        self.gates[at].cut = True

    @rule(at=GATES)
    def the_network_comes_back(self, at: int) -> None:
        self.gates[at].cut = False

    @rule(at=GATES, places=st.lists(st.integers(0, 20), max_size=8))
    def some_of_a_log_is_brought(self, at: int, places: list[int]) -> None:
        if not self.gates[at].cut:
            self.gates[at].bring(places)

    @rule(at=GATES)
    def a_gate_takes_a_newer_sheet(self, at: int) -> None:
        if not self.gates[at].cut:
            self.gates[at].refresh()

    @rule(at=GATES)
    def a_gate_is_switched_off_and_on(self, at: int) -> None:
        self.gates[at].restart()

    @rule(at=GATES, hours=st.integers(-24, 24))
    def a_clock_jumps(self, at: int, hours: int) -> None:
        self.gates[at].ahead = timedelta(hours=hours)

    @rule(seconds=st.integers(1, 3_600))
    def time_goes_by(self, seconds: int) -> None:
        for gate in self.gates:
            gate.now += timedelta(seconds=seconds)

    @rule(code=st.sampled_from([ANYWHERE, AT_HOME, RIDES, BACK]))
    def a_ticket_is_revoked(self, code: int) -> None:
        self.office.tickets[code].revoked = True
        self.office.cursor += 1

    # --- what holds at every moment ---------------------------------------------------------------------------------

    def alone(self, gate: Station, code: int) -> int:
        """How many people this gate let in by itself on that ticket's own uses."""
        return sum(one.count for one in gate.done(code) if one.reason is Reason.ADMITTED)

    @invariant()
    def a_ticket_that_must_be_asked_about_is_never_let_in_alone(self) -> None:
        assert not any(gate.done(ASKED) for gate in self.gates)
        assert len(self.office.tickets[ASKED].asked) <= 1

    @invariant()
    def a_home_ticket_is_let_in_alone_by_its_home_gate_and_once(self) -> None:
        assert self.alone(self.gates[0], AT_HOME) <= 1
        assert not any(gate.done(AT_HOME) for gate in self.gates[1:])

    @invariant()
    def no_gate_alone_lets_in_more_than_was_bought(self) -> None:
        for code in {ANYWHERE, RIDES, BACK} - self.overridden:
            for gate in self.gates:
                assert self.alone(gate, code) <= self.office.tickets[code].uses

    @invariant()
    def a_gate_alone_takes_stored_value_to_its_floor(self) -> None:
        for gate in self.gates:
            pending = [one for one in gate.done(VALUE) if one.seq > gate.gate.own.counted]
            assert sum(one.amount for one in pending) <= FLOOR

    @invariant()
    def the_register_gives_no_use_and_no_value_twice(self) -> None:
        for code, found in self.office.told().items():
            uses = [one.use_no for one in found.people if one.use_no is not None]
            assert sorted(uses) == list(range(1, len(uses) + 1))
            assert len(uses) <= self.office.tickets[code].uses
            assert found.balance is None or found.balance >= 0

    # --- what holds in the end --------------------------------------------------------------------------------------

    def teardown(self) -> None:
        for gate in self.gates:
            gate.bring_all()
        self.nothing_was_lost()
        self.every_extra_is_reported()
        self.replicas_agree()

    def counted(self, code: int, *reasons: Reason) -> list[Any]:
        """What gates did alone, less what the register had said yes to itself under the same scan's name."""
        return [
            one
            for gate in self.gates
            for one in gate.done(code)
            if one.reason in reasons and not self.office.answered_yes(gate.post.gate_id, one.scan_id)
        ]

    def nothing_was_lost(self) -> None:
        """Whoever was let in, by the register or by a gate alone, is a person in the register now."""
        for code in (ANYWHERE, AT_HOME, ASKED, RIDES):
            alone = sum(one.count for one in self.counted(code, Reason.ADMITTED, Reason.OVERRIDDEN))
            asked = len(self.office.tickets[code].asked)
            assert len(self.office.settled(code).people) == alone + asked
        found, spent = self.office.settled(VALUE), self.office.tickets[VALUE].spent
        told = sum(one.amount for one in self.counted(VALUE, Reason.REDEEMED))
        assert sum(found.taken.values()) + sum(found.short.values()) == told
        assert found.balance == BALANCE - spent - sum(found.taken.values())

    def every_extra_is_reported(self) -> None:
        for code in (ANYWHERE, AT_HOME, ASKED, RIDES):
            found, bought = self.office.settled(code), self.office.tickets[code].uses
            beyond = sum(found.beyond.values())
            assert beyond == max(0, len(found.people) - bought)
        assert AT_HOME in self.overridden or not self.office.settled(AT_HOME).beyond

    def replicas_agree(self) -> None:
        """Whoever gets the same entries, in whatever order and however often, comes to the same register."""
        other = Office(
            {code: replace(one, asked=list(reversed(one.asked))) for code, one in self.office.tickets.items()},
            merge=self.office.merge,
            answers=dict(self.office.answers),
        )
        for gate in reversed(self.gates):
            for linked in (*reversed(gate.log), *gate.log[::2]):
                other.receive(gate.post.gate_id, [linked.entry])
        assert other.told() == self.office.told()


QUICK = settings(
    max_examples=50 * DEPTH,
    stateful_step_count=30 * min(DEPTH, 2),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def test_gates_keep_their_policies_and_the_register_converges() -> None:
    run_state_machine_as_test(Gates, settings=QUICK)


# --- the machine bites ----------------------------------------------------------------------------------------------


def drops_one(standing: Standing, brought: list[Brought]) -> Settled:
    """A merge that forgets the last entry of several."""
    return settle(standing, brought[:-1] if len(brought) > 1 else brought)


def counts_twice(standing: Standing, brought: list[Brought]) -> Settled:
    """A merge that does not know a use again."""
    return settle(standing, [*brought, *brought[:1]])


def trusts_the_order(standing: Standing, brought: list[Brought]) -> Settled:
    """A merge that takes what came first for what was first."""
    return settle(standing, [replace(one, knew=at) for at, one in enumerate(brought)])


@pytest.mark.parametrize("broken", [drops_one, counts_twice, trusts_the_order])
def test_a_merge_that_is_wrong_is_found(broken: Callable[[Standing, list[Brought]], Settled]) -> None:
    class Broken(Gates):
        merge = staticmethod(broken)

    shallow = settings(QUICK, max_examples=200, phases=[Phase.generate], database=None, derandomize=True)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Broken, settings=shallow)


def test_a_gate_that_forgets_what_the_register_answered_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The home gate let somebody in by the register's word: cut off a second later it must know that."""
    office = Office(tickets())
    home = station(0, office, entrance="north", home=True)
    assert home.present(AT_HOME) is Reason.ADMITTED
    home.cut = True
    home.now += timedelta(minutes=1)
    assert home.present(AT_HOME) is Reason.USED
    forgetful = station(0, Office(tickets()), entrance="north", home=True)
    monkeypatch.setattr(forgetful.gate.own, "answered", lambda _: None)
    forgetful.present(AT_HOME)
    forgetful.cut = True
    assert forgetful.present(AT_HOME) in YES


def test_a_lost_answer_is_one_admission_though_the_gate_decided_again_alone() -> None:
    office = Office(tickets())
    gate = station(1, office)
    assert gate.present(ANYWHERE, lost=True) is Reason.ADMITTED
    assert [one.entry.intent for one in gate.log] == [Deed.ENTER]
    gate.bring_all()
    assert len(office.settled(ANYWHERE).people) == 1
