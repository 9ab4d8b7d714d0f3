"""A hand-over that an issuer of its own has to agree to, begun, asked and ended; the issuer here answers as it is told.

What the two servers make of it together stands in tests/integration/issuers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
import pytest_asyncio
import sqlalchemy as sa
from builders import BUYER, FRIEND, Shop, Stage
from offers_kit import a_ticket, states

from app.domain.gift import Stays
from app.domain.handset import Handset
from app.domain.refusals import HandoverPending, IssuerAway, NotFound, Refusal, WrongState
from app.flows.hands import handover, succession
from app.flows.hands.give import give
from app.flows.sellers import registry
from app.flows.tickets import show
from app.flows.tickets.issue import NUMBER_TRIES_MAX
from app.ports import NotReplaced, Replaced
from app.store import key_uses

ELSEWHERE = "arena"
OTHER = Handset("+821055550001")


@dataclass
class Told:
    """The issuer in our own database, under another name: first it says what it is told to say, then what is so."""

    issuer: Any
    says: list[Refusal | NotReplaced] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    name: str = ELSEWHERE

    def __getattr__(self, verb: str) -> Any:
        return getattr(self.issuer, verb)

    async def replace(self, **given: Any) -> Replaced | NotReplaced:
        self.asked.append(given["fresh"].number)
        said = self.says.pop(0) if self.says else None
        if isinstance(said, Refusal):
            raise said
        return said or cast("Replaced | NotReplaced", await self.issuer.replace(**given))


@dataclass
class Apart:
    stage: Stage
    issuer: Told
    ticket: sa.Row[Any]


@pytest_asyncio.fixture
async def apart(stage: Stage, shop: Shop) -> AsyncIterator[Apart]:
    """A ticket of BUYER's, whose issuer is asked for whatever becomes of it."""
    ticket = await a_ticket(stage, shop)
    issuer = Told(stage.world.issuers["local"])
    world = stage.world
    stage.world = replace(world, issuers={**world.issuers, ELSEWHERE: cast("Any", issuer)})
    await stage.sql("UPDATE issuer SET served_by = :name", name=ELSEWHERE)
    yield Apart(stage, issuer, ticket)
    await stage.sql("UPDATE issuer SET served_by = 'local'")
    stage.world = world


async def handovers(stage: Stage) -> list[tuple[str, str | None]]:
    return [
        (row.state, row.reason) for row in await stage.sql("SELECT state, reason FROM handover ORDER BY created_at")
    ]


async def test_an_issuer_that_agrees_makes_a_new_ticket_and_nothing_stays_owed(apart: Apart, shop: Shop) -> None:
    stage, old = apart.stage, apart.ticket

    given = await give(stage.world, old.id, FRIEND)
    await stage.work()

    new = await show.ticket(stage.world, given.id)
    assert (new.handset, new.came_by, new.gift_of) == (FRIEND, "given", old.id)
    assert await states(stage, old.id) == ("revoked", "revoked")
    assert await states(stage, new.id) == ("valid", "valid")
    assert await handovers(stage) == [("done", None)]
    assert len(apart.issuer.asked) == 1
    assert await stage.value("SELECT count(*) FROM outbox WHERE topic = 'replace' AND done_at IS NULL") == 0
    (found,) = await registry.entries(stage.world, issuer_id=shop.issuer, typed=old.number)
    assert [(link.ticket_id, link.came_by) for link in found.chain] == [(old.id, "sold"), (new.id, "given")]


async def test_an_issuer_that_does_not_answer_is_asked_until_it_has(apart: Apart) -> None:
    stage, old = apart.stage, apart.ticket
    apart.issuer.says = [IssuerAway("no answer")] * 2

    with pytest.raises(HandoverPending, match="being handed over"):
        await give(stage.world, old.id, FRIEND, tell_giver=False)
    with pytest.raises(WrongState) as another:
        await give(stage.world, old.id, OTHER)
    before = await states(stage, old.id)
    for _ in range(2):
        stage.clock.advance(seconds=61)
        await stage.work()

    assert another.value.more["reason"] == "under_way"
    assert before == ("valid", "valid")
    assert await states(stage, old.id) == ("revoked", "revoked")
    assert len(stage.carrier.inbox(FRIEND)) == 1
    assert stage.carrier.inbox(BUYER)[-1].endswith("is now with 010-****-4321."), "who gave it up did not hear the end"


async def test_an_issuer_that_refuses_leaves_everything_as_it_was(apart: Apart) -> None:
    stage, old = apart.stage, apart.ticket
    apart.issuer.says = [NotReplaced(Stays.INSIDE)]

    with pytest.raises(WrongState) as refused:
        await give(stage.world, old.id, FRIEND)

    assert refused.value.more["reason"] == "inside"
    assert await states(stage, old.id) == ("valid", "valid")
    assert await handovers(stage) == [("refused", "inside")]
    assert (await give(stage.world, old.id, FRIEND)).handset == FRIEND, "another try is another hand-over"


async def test_the_secret_of_a_ticket_that_is_still_to_come_is_needed(apart: Apart) -> None:
    apart.issuer.says = [IssuerAway("no answer")]
    with pytest.raises(HandoverPending):
        await give(apart.stage.world, apart.ticket.id, FRIEND)
    await apart.stage.sql("UPDATE ticket SET kid = 9")

    async with apart.stage.world.transaction() as tx:
        needed = await key_uses.of_secret(tx, apart.stage.world.house.keys.kid, now=apart.stage.clock.now())

    assert needed.tickets == 1


async def test_what_has_ended_is_ended(apart: Apart) -> None:
    stage = apart.stage
    given = await give(stage.world, apart.ticket.id, FRIEND)

    row = await handover.carry_on(stage.world, given.id)

    assert (row.state, row.number) == ("done", given.number)
    assert len(apart.issuer.asked) == 1


async def test_a_number_that_another_ticket_has_there_is_drawn_anew(apart: Apart) -> None:
    apart.issuer.says = [WrongState("taken"), WrongState("taken")]

    given = await give(apart.stage.world, apart.ticket.id, FRIEND)

    assert len(set(apart.issuer.asked)) == 3
    assert given.number == apart.issuer.asked[-1]


async def test_an_issuer_that_takes_no_number_is_asked_so_often_and_no_more(apart: Apart) -> None:
    apart.issuer.says = [WrongState("taken")] * NUMBER_TRIES_MAX

    with pytest.raises(RuntimeError, match="refused 8 ticket numbers"):
        await give(apart.stage.world, apart.ticket.id, FRIEND)

    assert await handovers(apart.stage) == [("asked", None)]


async def test_a_number_that_no_ticket_has_is_looked_for_so_often_and_no_more(
    apart: Apart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(succession, "ticket_number", lambda _chance: apart.ticket.number)

    with pytest.raises(RuntimeError, match="no free ticket number"):
        await give(apart.stage.world, apart.ticket.id, FRIEND)

    assert await handovers(apart.stage) == []


async def test_a_ticket_that_the_issuer_does_not_know_is_registered_and_asked_for_once_more(apart: Apart) -> None:
    apart.issuer.says = [NotFound("no such ticket")]
    assert (await give(apart.stage.world, apart.ticket.id, FRIEND)).handset == FRIEND


async def test_an_older_program_that_does_not_know_the_question_lets_nothing_change_hands(apart: Apart) -> None:
    apart.issuer.says = [NotFound("no such address")] * 2

    with pytest.raises(WrongState) as refused:
        await give(apart.stage.world, apart.ticket.id, FRIEND)

    assert refused.value.more["reason"] == "elsewhere"
