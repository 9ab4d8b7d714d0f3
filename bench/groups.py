"""What is measured: each group prepares what it needs and gives its rows; the time for preparing is not counted."""

from __future__ import annotations

import itertools
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bench import load
from bench.arrivals import arrivals
from bench.barcodes import text_of
from bench.baseline import Pgbench
from bench.client import BenchFailed, Connection, connected
from bench.figures import Done, Stretch
from bench.load import Effort, Step
from bench.office import Json, Office, admit, fresh_key, hold, pay

Measure = Callable[[int, float], Awaitable[Stretch]]
"""Work for so many clients, for so many seconds."""

CARD: Json = {"kind": "card", "token": "pm_card_visa"}
GATE_TICKETS_MIN = 128
GATES_MIN = 128
"""A gate that sees a ticket again within ten seconds says so: they meet anew when every ticket was at every gate."""
REPLAYED_PER_GATE = 4
PICTURE_PIXELS = 200
SIGNED = "S:"
"""How a signed barcode (CT1) begins."""

ARRIVE_SECONDS_MAX = 30.0

ONE_STATEMENT = "pgbench: one-statement sale"
HOT_ROW = "pgbench: hold + confirm, one row"
REDEEM = "pgbench: one-statement redeem"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `against` names the row it is divided by."""

    name: str
    measure: Measure
    against: str | None = None


@dataclass(frozen=True, slots=True)
class Bench:
    """What every group works with."""

    office: Office
    pgbench: Pgbench
    effort: Effort

    def driven(self, step: Step) -> Measure:
        """Clients of the sales server that repeat `step`."""

        async def measure(clients: int, seconds: float) -> Stretch:
            system = self.office.system
            before = system.processor_seconds()
            stretch = await load.drive(system.app, step, clients=clients, seconds=seconds, effort=self.effort)
            after = system.processor_seconds()
            took = None if before is None or after is None else after - before
            return replace(stretch, processor_seconds=took)

        return measure

    def alone(self, name: str, script: str) -> Row:
        """PostgreSQL alone. Our system stands still meanwhile: what it owes is no burden to the other side."""

        async def measure(clients: int, seconds: float) -> Stretch:
            with self.office.system.paused():
                return await self.pgbench.run(script, clients=clients, seconds=seconds)

        return Row(name, measure)


# --- availability -----------------------------------------------------------------------------------------------------


async def availability(bench: Bench) -> Sequence[Row]:
    """Reading, in a hall of 200 and in one of 12,000: the second is divided by the first."""
    theatre = (await bench.office.occasions("Spring", issuer="haneul-arts-theatre"))[-1]
    arena = (await bench.office.occasions("First", issuer="gaon-arena"))[-1]
    rows = [Row("GET products", bench.driven(_getting("/catalogue/products")))]
    for what in ("availability", "places?limit=100"):
        name = f"GET {what.partition('?')[0]}"
        small, large = (f"/catalogue/occasions/{one['id']}/{what}" for one in (theatre, arena))
        rows += [
            Row(f"{name}, hall of 200", bench.driven(_getting(small))),
            Row(f"{name}, hall of 12,000", bench.driven(_getting(large)), f"{name}, hall of 200"),
        ]
    return rows


def _getting(path: str) -> Step:
    async def step(line: Connection, _: int) -> None:
        answer = await line.request("GET", path)
        if answer.status != 200:
            raise BenchFailed(f"GET {path} answered {answer.status}")

    return step


# --- admission --------------------------------------------------------------------------------------------------------


async def admission(bench: Bench) -> Sequence[Row]:
    """Gates: a use of a ticket by its number and PIN, by its signed barcode, and the same scan sent again."""
    office = bench.office
    gates = await office.gates(max(GATES_MIN, office.clients_max))
    tickets = await office.gate_tickets(max(GATE_TICKETS_MIN, 4 * office.clients_max))
    typed = [ticket.typed for ticket in tickets]
    signed = []
    async with connected(office.system.app) as line:
        for ticket in tickets:
            size = f"width={PICTURE_PIXELS}&height={PICTURE_PIXELS}"
            picture = await line.request("GET", f"/tickets/{ticket.id}/barcode.wbmp?{size}", bearer=ticket.link)
            if not (text := text_of(picture.body)).startswith(SIGNED):
                raise BenchFailed("a ticket's picture of this size holds no signed barcode")
            signed.append(text)
        replayed, others = typed[:REPLAYED_PER_GATE], range(REPLAYED_PER_GATE, len(tickets))
        for gate in gates[: office.clients_max]:
            for number, text in enumerate(replayed):
                await admit(line, gate, text, scan_id=f"again-{number}")
    coming = itertools.cycle((gate, number) for gate in gates for number in others)
    return [
        Row("admission, number + PIN", bench.driven(_presenting(coming, typed)), REDEEM),
        Row("admission, signed barcode", bench.driven(_presenting(coming, signed)), REDEEM),
        Row("admission, same scan again", bench.driven(_presenting_again(gates, replayed)), REDEEM),
        bench.alone(REDEEM, "redeem"),
    ]


def _presenting(coming: Iterator[tuple[str, int]], texts: Sequence[str]) -> Step:
    """Ticket after ticket at a gate, then at the next: no two clients ever present the same one at the same time."""

    async def step(line: Connection, _: int) -> None:
        gate, number = next(coming)
        await admit(line, gate, texts[number], scan_id=fresh_key())

    return step


def _presenting_again(gates: Sequence[str], texts: Sequence[str]) -> Step:
    turns = itertools.cycle(range(REPLAYED_PER_GATE))

    async def step(line: Connection, number: int) -> None:
        turn = next(turns)
        await admit(line, gates[number], texts[turn], scan_id=f"again-{turn}")

    return step


# --- delivery ---------------------------------------------------------------------------------------------------------


async def delivery(bench: Bench) -> Sequence[Row]:
    """From a paid booking to the message on the handset, while clients sell as fast as they can."""
    office = bench.office
    ride = await office.product("single-ride")
    accounts = await office.accounts()

    async def measure(clients: int, seconds: float) -> Stretch:
        paid_at: dict[str, float] = {}

        async def step(line: Connection, number: int) -> None:
            handset = next(office.numbers)
            await pay(line, await hold(line, ride, buyer=handset), accounts[number].instrument)
            paid_at[handset] = time.perf_counter()

        async with arrivals(office.system.gateway) as heard:
            began = office.system.processor_seconds()
            await bench.driven(step)(clients, seconds)
            await heard.wait_for(paid_at, seconds_max=ARRIVE_SECONDS_MAX)
            ended = office.system.processor_seconds()
        took = None if began is None or ended is None else ended - began
        return replace(stretch_of_arrivals(paid_at, heard.at), processor_seconds=took)

    return [Row("message on handset after payment", measure)]


def stretch_of_arrivals(paid_at: Mapping[str, float], arrived_at: Mapping[str, float]) -> Stretch:
    """From the first payment to the last message. A message can be seen before its sale is answered: that took 0."""
    begins = min(paid_at.values())
    done = [
        Done(arrived_at[handset] - begins, max(0.0, arrived_at[handset] - paid)) for handset, paid in paid_at.items()
    ]
    return Stretch(max(one.ended_seconds for one in done) + 1e-6, tuple(done))


# --- sale -------------------------------------------------------------------------------------------------------------


async def sale(bench: Bench) -> Sequence[Row]:
    """A hold and a payment, each answered when it is durable; tickets and what is owed for them included."""
    office = bench.office
    ride = itertools.repeat(await office.product("single-ride"))
    open_airs = await office.occasions("Open")
    field, other_field = (itertools.repeat(_any_place(one)) for one in open_airs[:2])
    seats = iter([seat for occasion in await office.occasions("Seated") for seat in await office.seats(occasion)])
    emoney = [account.instrument for account in await office.accounts()]
    card = [CARD] * office.clients_max

    async def hold_only(line: Connection, _: int) -> None:
        await hold(line, next(other_field), buyer=next(office.numbers))

    return [
        Row("hold alone, one hot category", bench.driven(hold_only), ONE_STATEMENT),
        Row("sale, unlimited ride", bench.driven(_selling(office, ride, emoney)), ONE_STATEMENT),
        Row("sale, chosen seats of 12,000", bench.driven(_selling(office, seats, emoney)), ONE_STATEMENT),
        Row("sale, one hot category of 12,000", bench.driven(_selling(office, field, emoney)), HOT_ROW),
        Row("sale, unlimited ride, by card", bench.driven(_selling(office, ride, card)), HOT_ROW),
        bench.alone(ONE_STATEMENT, "sale"),
        bench.alone(HOT_ROW, "hold_confirm"),
    ]


def _any_place(occasion: Json) -> Json:
    return {
        "occasion": occasion["id"],
        "lines": [{"price": occasion["prices"][0]["id"], "quantity": 1}],
        "language": "ko",
    }


def _selling(office: Office, wanted: Iterator[Json], instruments: Sequence[Json]) -> Step:
    async def step(line: Connection, number: int) -> None:
        request = next(wanted, None)
        if request is None:
            raise BenchFailed("every seat is sold; measure for fewer --seconds, or add a date to bench/catalogue.yaml")
        await pay(line, await hold(line, request, buyer=next(office.numbers)), instruments[number])

    return step


GROUPS: Mapping[str, Callable[[Bench], Awaitable[Sequence[Row]]]] = {
    "availability": availability,
    "admission": admission,
    "delivery": delivery,
    "sale": sale,
}
"""In the order in which they run: what leaves work behind comes last, so that it burdens no other group."""

SHARES: Mapping[str, float] = {"availability": 6.0, "admission": 7.0, "delivery": 3.0, "sale": 10.0}
"""How long a group may take, as a multiple of the seconds per row, with all that it prepares."""
