"""The same logs give the same register, in whatever order and pieces they come, with scans online between."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from builders import Shop, Stage
from gate_scans_kit import Device, a_device, asked, breaches, everything, forget, tickets
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.domain.admission import Reason
from app.domain.entry_rules import Role
from app.domain.gate_log import Deed, Linked

USES = (1, 1, 2, 5, 50, 50)
ASKED_ABOUT = (4, 5)
"""Tickets that are scanned online between the batches: they have uses enough for every yes."""
VOUCHER = len(USES)
DEVICES = 3
EXAMPLES = int(os.environ.get("CYBERTICKET_TEST_DEPTH", "8"))


@dataclass(frozen=True)
class Did:
    """One thing that a device did alone, by the places of device and ticket."""

    device: int
    what: str
    ticket: int
    count: int
    knew: int


def did() -> st.SearchStrategy[Did]:
    return st.builds(
        Did,
        device=st.integers(0, DEVICES - 1),
        what=st.sampled_from(["in", "in", "in", "again", "out", "override", "no", "redeem", "undo"]),
        ticket=st.integers(0, len(USES) - 1),
        count=st.integers(1, 3),
        knew=st.integers(0, 3),
    )


def write(device: Device, one: Did, codes: Sequence[int]) -> None:
    """The entry that tells it; what a ticket is scanned online for does not go out, so that every scan is a yes."""
    code = codes[one.ticket]
    device.knew = one.knew
    match one.what:
        case "undo" if device.lines:
            device.takes_back(device.lines[-1].entry.scan_id)
        case "redeem":
            device.redeems(codes[VOUCHER], 300 * one.count)
        case "out" if one.ticket not in ASKED_ABOUT:
            device.lets_out(code, one.count)
        case "again" if one.ticket not in ASKED_ABOUT:
            device.says(Deed.ENTER, Reason.REENTERED, code, count=one.count)
        case "override":
            device.says(Deed.OVERRIDE, Reason.OVERRIDDEN, code, count=one.count, by="Ms Kim")
        case "no":
            device.says(Deed.ENTER, Reason.USED, code)
        case _:
            device.lets_in(code, one.count)


async def played(
    stage: Stage, devices: Sequence[Device], online: Sequence[Device], codes: Sequence[int], seed: int
) -> dict[str, Any]:
    """Everything after the logs were brought in an order and in pieces that `seed` draws, some of them twice."""
    await forget(stage)
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    asking = iter(zip(online, (*ASKED_ABOUT, *ASKED_ABOUT), strict=True))
    steps: list[tuple[Device, list[Linked]] | None] = [None] * len(online)
    for device in devices:
        lines = [line for line in device.lines[: -len(codes)] for _ in range(dice.choice((1, 1, 2)))]
        dice.shuffle(lines)
        while lines:
            size = dice.randint(1, len(lines))
            steps.append((device, lines[:size]))
            lines = lines[size:]
    dice.shuffle(steps)
    for step in steps:
        if step is None:  # those who ask do so in one order: they are the same history only then
            gate, ticket = next(asking)
            assert (await asked(stage, gate, codes[ticket], "online"))["admit"]
        else:
            assert not (await step[0].brings(step[1])).refused
    for device in devices:  # a last look at each ticket
        assert (await device.brings(device.lines[-len(codes) :])).upto == len(device.lines)
    found = await everything(stage)
    found["scan"] = [(*row[:5], row[5]["admit"], *row[6:]) for row in found["scan"]]
    return found


async def a_story(stage: Stage, shop: Shop, deeds: Sequence[Did]) -> tuple[list[Device], list[Device], list[int]]:
    """Devices with their logs, gates that ask, and the tickets."""
    await stage.sql("DELETE FROM credential")
    codes = await tickets(stage, shop, USES)
    codes += await tickets(stage, shop, [1], balance=1_000, first=200)
    devices = [
        await a_device(stage, shop, f"device {place}", area="hall", role=Role.SUPERVISOR) for place in range(DEVICES)
    ]
    online = [await a_device(stage, shop, f"online {place}", area="hall") for place in range(4)]
    for one in deeds:
        write(devices[one.device], one, codes)
    for device in devices:
        for code in codes:
            device.says(Deed.CHECK, Reason.USED, code)
    return devices, online, codes


@settings(
    max_examples=EXAMPLES,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(deeds=st.lists(did(), min_size=4, max_size=24), seeds=st.tuples(st.integers(0, 9_999), st.integers(0, 9_999)))
async def test_any_order_and_any_pieces_end_in_the_same_register(
    stage: Stage, shop: Shop, deeds: list[Did], seeds: tuple[int, int]
) -> None:
    await forget(stage)
    devices, online, codes = await a_story(stage, shop, deeds)

    first = await played(stage, devices, online, codes, seeds[0])
    complaints = await breaches(stage)
    second = await played(stage, devices, online, codes, seeds[1])

    assert first == second
    assert complaints == await breaches(stage) == []
    beyond = {(row[0], row[1]) for row in first["admission"] if row[4] is None}
    reported = {(row[1], row[2]) for row in first["incident"] if row[0] == "double_admission"}
    assert beyond == reported
