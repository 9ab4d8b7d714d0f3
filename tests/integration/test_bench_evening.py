"""The evening of the gates' benchmark, small: nobody is lost, and what two gates let in is found."""

from __future__ import annotations

import pytest
from builders import Stage

from app.domain.entry_rules import Offline
from bench.gate_cut import Plan, play
from bench.gate_hall import an_issuer

PLAN = Plan(people=80, gates=3, minutes=3, cut_at=1, cut_minutes=1)


@pytest.mark.parametrize("policy", list(Offline), ids=lambda one: one.value)
async def test_an_evening_with_the_network_cut_loses_nobody(
    blank: Stage, policy: Offline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.gate_cut.COPY_SHARE", 0.3)
    monkeypatch.setattr("bench.gate_cut.COPY_SECONDS", (-30, 30))
    monkeypatch.setattr("bench.gate_cut.LOST_SECONDS", 15)

    found = await play(blank.world, await an_issuer(blank.world), 1, policy, PLAN)

    assert found.let_in + found.beaten == found.people
    assert (found.unheard, found.brought) == (0, found.alone)
    assert found.doubles == found.doubles_found
    assert found.audit.startswith("BROKEN I9: 3, such as setting")  # the tests' own server is not durable,
    assert "; " not in found.audit  # and that is all that is wrong
    assert found.lost_answers > 0
    assert (found.alone_yes > 0) is (policy is not Offline.DENY)
    assert (found.held_up > 0) is (policy is Offline.DENY)
    assert (found.sent_on > 0) is (policy is Offline.HOME)
    assert (found.doubles > 0) is (policy is Offline.OPTIMISTIC)
