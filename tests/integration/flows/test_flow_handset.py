"""A handset's tickets on its devices: bound once, moved by re-issue, safe when the phone or the number is gone."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from builders import BUYER, FRIEND, Shop, Stage, a_booking, a_catalogue, a_gate, a_scan, pin, typed
from enrolled_kit import a_code, a_device, a_key, devices_of, latest_code, raw_signature

from app.domain.credential import living_text, step_of
from app.domain.handset import Handset
from app.domain.refusals import BadHandset, NotAuthentic, NotFound, TooMany, WrongState
from app.domain.sign_in import SignInPurpose
from app.domain.ticket import TicketEvent
from app.flows.hands.reissue import reissue
from app.flows.hands.succession import Given
from app.flows.handset import carry, devices, new_number
from app.flows.handset.devices import Caller
from app.flows.handset.new_number import Move
from app.flows.staff import Member
from app.flows.tickets import register, show
from app.store.moves import move_many
from app.store.tables import Ticket
from app.world import World

NEW = Handset("+821055550001")


async def a_ticket(stage: Stage, shop: Shop, *, category: str = "R", quantity: int = 1, worked: bool = True) -> UUID:
    made = await a_booking(stage, shop, category=category, quantity=quantity, paid=True, worked=worked)
    identity: UUID = made.tickets[0].id
    return identity


async def holder_key(stage: Stage, ticket_id: UUID) -> bytes | None:
    key: bytes | None = await stage.value("SELECT holder_key FROM credential WHERE ticket_id = :id", id=ticket_id)
    return key


async def codes_for(stage: Stage, caller: Caller, to: str) -> tuple[str, str]:
    await new_number.send_codes(stage.world, caller, Handset(to), language="en", address="203.0.113.9")
    await stage.work()
    return latest_code(stage, caller.handset), latest_code(stage, to)


# --- downloading ----------------------------------------------------------------------------------------------------


async def test_the_first_download_stores_the_ticket_and_the_register_knows_its_key(stage: Stage, shop: Shop) -> None:
    ticket_id = await a_ticket(stage, shop)
    mine = await a_device(stage, BUYER)

    carried = await carry.download(stage.world, mine, ticket_id)

    row = await show.ticket(stage.world, ticket_id)
    assert (row.device_id, row.stored_at) == (mine.device_id, stage.clock.now())
    assert await holder_key(stage, ticket_id) == mine.public_key
    assert (carried.pin, len(carried.living)) == (pin(row), 120)
    assert carried.compact.startswith("C")
    assert carried.signed.startswith("S:")


async def test_what_was_downloaded_opens_a_gate_offline_as_a_living_barcode(stage: Stage, shop: Shop) -> None:
    ticket_id = await a_ticket(stage, shop)
    carried = await carry.download(stage.world, await a_device(stage, BUYER), ticket_id)
    gate = await a_gate(stage, shop)
    stage.clock.advance(days=2)

    text = living_text(carried.living, step_of(stage.clock.now()), lambda message: raw_signature(a_key(1), message))
    verdict = await a_scan(stage, shop, gate, text)

    assert (verdict["admit"], verdict["reason"]) == (True, "admitted")


async def test_a_ticket_whose_registration_is_still_owed_is_bound_all_the_same(stage: Stage, shop: Shop) -> None:
    mine = await a_device(stage, BUYER)
    ticket_id = await a_ticket(stage, shop, worked=False)

    await carry.download(stage.world, mine, ticket_id)
    await stage.work()

    assert await holder_key(stage, ticket_id) == mine.public_key


async def test_the_same_device_may_fetch_it_again_and_again(stage: Stage, shop: Shop) -> None:
    ticket_id = await a_ticket(stage, shop)
    mine = await a_device(stage, BUYER)
    first = await carry.download(stage.world, mine, ticket_id)
    stored = (await show.ticket(stage.world, ticket_id)).stored_at
    stage.clock.advance(minutes=5)

    again = await carry.download(stage.world, mine, ticket_id)

    assert again.version == first.version
    assert (await show.ticket(stage.world, ticket_id)).stored_at == stored


async def test_of_two_devices_at_once_one_has_the_ticket(stage: Stage, shop: Shop, second: Stage) -> None:
    ticket_id = await a_ticket(stage, shop)
    one, two = await a_device(stage, BUYER, key=1), await a_device(stage, BUYER, key=2)

    outcomes = await asyncio.gather(
        carry.download(stage.world, one, ticket_id),
        carry.download(second.world, two, ticket_id),
        return_exceptions=True,
    )

    assert sum(isinstance(outcome, WrongState) for outcome in outcomes) == 1
    winner = one if isinstance(outcomes[1], WrongState) else two
    assert await holder_key(stage, ticket_id) == winner.public_key


async def test_another_numbers_ticket_is_none(stage: Stage, shop: Shop) -> None:
    ticket_id = await a_ticket(stage, shop)
    theirs = await a_device(stage, FRIEND)

    for ask in (carry.download, carry.move, carry.resend, carry.own):
        with pytest.raises(NotFound):
            await ask(stage.world, theirs, ticket_id)
    assert await holder_key(stage, ticket_id) is None


async def test_a_revoked_ticket_is_told_without_its_secrets(stage: Stage, shop: Shop) -> None:
    ticket_id = await a_ticket(stage, shop)
    mine = await a_device(stage, BUYER)
    await register.revoke(stage.world, ticket_id, reason="withdrawn", free_place=False, tell_holder=False)

    carried = await carry.download(stage.world, mine, ticket_id)

    assert (carried.card.use, carried.pin, carried.compact, carried.signed) == ("revoked", "", "", "")
    assert carried.living == b""
    assert (await show.ticket(stage.world, ticket_id)).stored_at is None


FACES = {
    "{}": (True, True, True),
    '{"retires_static": true}': (True, False, False),
    '{"faces": "living_or_pin"}': (True, False, False),
    '{"faces": "living"}': (False, False, False),
}
"""By a product's rules: whether its device gets PIN, compact and signed code."""


async def test_a_device_gets_the_faces_that_gates_take(blank: Stage) -> None:
    shop = await a_catalogue(blank)
    ticket_id, mine = await a_ticket(blank, shop), await a_device(blank, BUYER)

    for rules, faces in FACES.items():
        await blank.sql("UPDATE product SET entry_rules = CAST(CAST(:rules AS text) AS jsonb)", rules=rules)
        carried = await carry.download(blank.world, mine, ticket_id)

        assert (bool(carried.pin), bool(carried.compact), bool(carried.signed)) == faces, rules
        assert carried.living


async def test_a_list_goes_page_by_page_and_leaves_out_what_is_over(stage: Stage, shop: Shop) -> None:
    made = await a_booking(stage, shop, category="S", quantity=3, worked=True)
    ids = sorted((one.id for one in made.tickets), reverse=True)
    mine = await a_device(stage, BUYER)
    await register.revoke(stage.world, ids[0], reason="lost", free_place=False, tell_holder=False)

    first = await carry.tickets(stage.world, mine, after=None, limit=1, ended=False)
    rest = await carry.tickets(stage.world, mine, after=first[-1].id, limit=5, ended=False)
    everything = await carry.tickets(stage.world, mine, after=None, limit=5, ended=True)
    stage.clock.advance(days=10)

    assert [one.id for one in [*first, *rest]] == ids[1:]
    assert [one.id for one in everything] == ids
    assert await carry.tickets(stage.world, mine, after=None, limit=5, ended=False) == []


# --- moving, leaving, loss ------------------------------------------------------------------------------------------


async def test_another_device_of_the_number_moves_the_ticket_and_the_old_one_dies(stage: Stage, shop: Shop) -> None:
    ticket_id = await a_ticket(stage, shop)
    one, two = await a_device(stage, BUYER, key=1), await a_device(stage, BUYER, key=2)
    await carry.download(stage.world, one, ticket_id)
    old = await show.ticket(stage.world, ticket_id)

    with pytest.raises(WrongState, match="another device"):
        await carry.download(stage.world, two, ticket_id)
    given = await carry.move(stage.world, two, ticket_id)
    again = await carry.move(stage.world, two, ticket_id)
    await carry.download(stage.world, two, given.id)

    assert again == given
    assert await holder_key(stage, given.id) == two.public_key
    stage.clock.advance(days=2)
    gate = await a_gate(stage, shop)
    assert (await a_scan(stage, shop, gate, typed(old)))["reason"] == "revoked"


async def test_what_is_on_no_other_device_needs_no_move(stage: Stage, shop: Shop) -> None:
    ticket_id = await a_ticket(stage, shop)
    mine = await a_device(stage, BUYER)

    with pytest.raises(WrongState, match="Download it"):
        await carry.move(stage.world, mine, ticket_id)


async def test_who_leaves_leaves_the_tickets_to_the_numbers_other_devices(stage: Stage, shop: Shop) -> None:
    ticket_id = await a_ticket(stage, shop)
    one, two = await a_device(stage, BUYER, key=1), await a_device(stage, BUYER, key=2, name="Tablet")
    await carry.download(stage.world, one, ticket_id)

    await devices.leave(stage.world, one, one.device_id)

    assert await devices_of(stage, BUYER) == ["Tablet"]
    moved = await carry.move(stage.world, two, ticket_id)
    assert (await carry.download(stage.world, two, moved.id)).living
    with pytest.raises(NotFound):
        await devices.leave(stage.world, one, one.device_id)


async def test_nobody_sends_another_numbers_device_away(stage: Stage) -> None:
    mine, theirs = await a_device(stage, BUYER, key=1), await a_device(stage, FRIEND, key=2)

    for ask in (devices.leave, devices.lost_device):
        with pytest.raises(NotFound):
            await ask(stage.world, mine, theirs.device_id)
    assert await devices_of(stage, FRIEND) == ["Phone"]


async def test_a_lost_device_is_shut_out_and_what_lived_on_it_is_new(stage: Stage, shop: Shop) -> None:
    lost, mine = await a_device(stage, BUYER, key=1), await a_device(stage, BUYER, key=2, name="Tablet")
    on_it, not_on_it = await a_ticket(stage, shop), await a_ticket(stage, shop, category="S")
    await carry.download(stage.world, lost, on_it)

    renewed = await devices.lost_device(stage.world, mine, lost.device_id)

    assert [one.old for one in renewed] == [on_it]
    assert await devices_of(stage, BUYER) == ["Tablet"]
    assert (await show.ticket(stage.world, on_it)).state == "revoked"
    assert (await show.ticket(stage.world, not_on_it)).state == "valid"
    assert renewed[0].new is not None
    assert (await carry.download(stage.world, mine, renewed[0].new)).living


async def test_a_device_does_not_report_itself_lost(stage: Stage) -> None:
    mine = await a_device(stage, BUYER)

    with pytest.raises(NotFound):
        await devices.lost_device(stage.world, mine, mine.device_id)


async def test_a_lost_phone_takes_nothing_with_it_neither_app_nor_messages(stage: Stage, shop: Shop) -> None:
    lost = await a_device(stage, BUYER)
    on_it, told_by_message = await a_ticket(stage, shop), await a_ticket(stage, shop, category="S")
    await carry.download(stage.world, lost, on_it)
    code = await a_code(stage, BUYER, SignInPurpose.LOSS)
    before = len(stage.carrier.inbox(BUYER))

    renewed = await devices.lost_phone(stage.world, BUYER, code)
    await stage.work()

    assert {one.old for one in renewed} == {on_it, told_by_message}
    assert await devices_of(stage, BUYER) == []
    assert len(stage.carrier.inbox(BUYER)) == before + 2
    for ticket_id in (on_it, told_by_message):
        assert (await show.ticket(stage.world, ticket_id)).state == "revoked"
    with pytest.raises(NotAuthentic):
        await devices.lost_phone(stage.world, BUYER, code)


async def test_what_cannot_be_issued_anew_says_why_and_keeps_nothing_else_back(stage: Stage, shop: Shop) -> None:
    disputed, fresh = await a_ticket(stage, shop), await a_ticket(stage, shop, category="S")
    async with stage.world.transaction() as tx:
        await move_many(tx, Ticket, [disputed], TicketEvent.SUSPEND)
    code = await a_code(stage, BUYER, SignInPurpose.LOSS)

    renewed = {one.old: one for one in await devices.lost_phone(stage.world, BUYER, code)}

    assert renewed[fresh].new is not None
    assert (renewed[disputed].new, bool(renewed[disputed].refused)) == (None, True)


# --- another number -------------------------------------------------------------------------------------------------


async def test_with_both_codes_all_tickets_go_along_to_the_new_number(stage: Stage, shop: Shop) -> None:
    mine, other = await a_device(stage, BUYER, key=1), await a_device(stage, BUYER, key=2)
    ticket_id = await a_ticket(stage, shop)
    old_code, new_code = await codes_for(stage, mine, NEW)

    (renewed,) = await new_number.move(stage.world, mine, Move(NEW, old_code, new_code))
    await stage.work()

    assert renewed.old == ticket_id
    assert renewed.new is not None
    assert (await show.ticket(stage.world, renewed.new)).handset == NEW
    assert await devices_of(stage, NEW) == ["Phone"]
    assert await devices_of(stage, BUYER) == []
    assert await stage.value("SELECT revoked_at IS NOT NULL FROM device WHERE id = :id", id=other.device_id)
    assert any("PIN" in text for text in stage.carrier.inbox(NEW))


async def test_a_change_of_number_that_was_broken_off_goes_on_with_the_same_codes(
    stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = await a_device(stage, BUYER)
    first = await a_ticket(stage, shop, quantity=2)
    codes = await codes_for(stage, mine, NEW)

    async def one_alone(world: World, ticket_id: UUID, why: str, *, receiver: Handset | None = None) -> Given:
        if ticket_id != first:
            raise ConnectionError("the process ends here")
        return await reissue(world, ticket_id, why, receiver=receiver)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(devices, "reissue", one_alone)
        with pytest.raises(ConnectionError):
            await new_number.move(stage.world, mine, Move(NEW, *codes))
    assert len(await new_number.move(stage.world, mine, Move(NEW, *codes))) == 1

    tickets = await stage.sql("SELECT DISTINCT handset FROM ticket WHERE state = 'valid'")
    assert ([row.handset for row in tickets], await devices_of(stage, NEW)) == ([NEW], ["Phone"])
    with pytest.raises(NotAuthentic):
        await new_number.move(stage.world, mine, Move(NEW, *codes))


@pytest.mark.parametrize("wrong", ["old", "new"])
async def test_with_one_wrong_code_nothing_moves(stage: Stage, shop: Shop, wrong: str) -> None:
    mine = await a_device(stage, BUYER)
    ticket_id = await a_ticket(stage, shop)
    old_code, new_code = await codes_for(stage, mine, NEW)
    move = Move(NEW, "x" if wrong == "old" else old_code, "x" if wrong == "new" else new_code)

    with pytest.raises(NotAuthentic):
        await new_number.move(stage.world, mine, move)
    assert (await show.ticket(stage.world, ticket_id)).state == "valid"
    assert await new_number.move(stage.world, mine, Move(NEW, old_code, new_code))


async def test_codes_for_one_change_are_no_codes_for_another(stage: Stage) -> None:
    mine, theirs = await a_device(stage, BUYER, key=1), await a_device(stage, FRIEND, key=2)
    _, taking = await codes_for(stage, theirs, NEW)
    leaving, _ = await codes_for(stage, mine, "+821055550002")

    with pytest.raises(NotAuthentic):
        await new_number.move(stage.world, mine, Move(NEW, leaving, taking))


async def test_the_number_it_has_already_is_no_new_one(stage: Stage) -> None:
    mine = await a_device(stage, BUYER)

    with pytest.raises(BadHandset):
        await new_number.send_codes(stage.world, mine, BUYER, language="ko", address="x")
    with pytest.raises(BadHandset):
        await new_number.move(stage.world, mine, Move(BUYER, "1", "2"))


async def test_a_change_counts_among_the_codes_of_both_numbers(stage: Stage) -> None:
    mine = await a_device(stage, BUYER)
    for _ in range(3):
        await codes_for(stage, mine, NEW)

    with pytest.raises(TooMany):
        await codes_for(stage, mine, NEW)


async def test_two_who_change_to_each_others_number_do_not_wait_for_each_other(stage: Stage, second: Stage) -> None:
    mine, theirs = await a_device(stage, BUYER, key=1), await a_device(stage, FRIEND, key=2)

    await asyncio.gather(
        new_number.send_codes(stage.world, mine, FRIEND, language="ko", address="same"),
        new_number.send_codes(second.world, theirs, BUYER, language="ko", address="same"),
    )

    assert await stage.value("SELECT count(*) FROM sign_in WHERE purpose <> 'enrol'") == 4


# --- by staff -------------------------------------------------------------------------------------------------------


def a_member(stage: Stage, shop: Shop, *, everywhere: bool = False) -> Member:
    return Member(stage.entropy.uuid(), None if everywhere else shop.issuer, frozenset({"supervise"}), "Mina")


@pytest.mark.parametrize("everywhere", [False, True], ids=["the issuer's", "the operator's"])
async def test_staff_help_whose_phone_is_gone_and_the_journal_says_so(
    stage: Stage, shop: Shop, *, everywhere: bool
) -> None:
    lost = await a_device(stage, BUYER)
    ticket_id = await a_ticket(stage, shop)
    await carry.download(stage.world, lost, ticket_id)

    (renewed,) = await new_number.by_staff(
        stage.world, a_member(stage, shop, everywhere=everywhere), handset=BUYER, reason="stolen at the station"
    )

    assert renewed.new is not None
    assert await devices_of(stage, BUYER) == []
    entry = (await stage.sql("SELECT * FROM journal ORDER BY at DESC, seq DESC LIMIT 1"))[0]
    assert (entry.actor, entry.action, entry.chain) == ("Mina", "phone lost", "" if everywhere else "haneul")
    assert entry.details["reason"] == "stolen at the station"
    assert BUYER not in str(entry.details) + entry.subject


async def test_staff_take_tickets_along_to_a_number_that_its_holder_has_now(stage: Stage, shop: Shop) -> None:
    await a_ticket(stage, shop)

    (renewed,) = await new_number.by_staff(
        stage.world, a_member(stage, shop), handset=BUYER, to=NEW, reason="number given up"
    )

    assert renewed.new is not None
    assert (await show.ticket(stage.world, renewed.new)).handset == NEW


async def test_staff_touch_nobody_who_has_no_ticket_of_theirs(stage: Stage, shop: Shop) -> None:
    await a_device(stage, BUYER)

    with pytest.raises(NotFound):
        await new_number.by_staff(stage.world, a_member(stage, shop), handset=BUYER, reason="x")
    assert await devices_of(stage, BUYER) == ["Phone"]
