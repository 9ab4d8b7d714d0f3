"""Admitting: every reason with its words, the same scan the same answer, one use counted once, PINs not guessed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from builders import (
    KEYS,
    Shop,
    Stage,
    a_booking,
    a_catalogue,
    a_gate,
    a_scan,
    a_stage,
    an_issuer,
    caller_by,
    pin,
    the_theatre,
    typed,
)
from fakes import NOON_IN_SEOUL

from app.domain.admission import PIN_TRIES_MAX
from app.domain.credential import Body, CodeId, Flag, compact_text, parse_presented, shown, signed_text, validity
from app.domain.refusals import KeyReused, NotAuthentic
from app.flows import staff
from app.flows.gate import admit, gates
from app.flows.gate import tokens as gate_tokens
from app.flows.gate.admit_case import Presentation, Shown
from app.flows.tickets import register as registering
from app.flows.tickets import show
from app.keys import SECRET_BYTES, KeyRing
from app.store import register_gate
from app.store.tables.register import ScanKind

Sweep = Callable[[], Awaitable[None]]


async def at_the_door(stage: Stage, shop: Shop, **given: Any) -> tuple[sa.Row[Any], gate_tokens.Enrolled]:
    """A ticket for Monday and an enrolled gate, half an hour before the play."""
    made = await a_booking(stage, shop, worked=True, **given)
    stage.clock.time = made.tickets[0].valid_from + timedelta(minutes=30)
    return made.tickets[0], await a_gate(stage, shop)


def wrong_pin(ticket: sa.Row[Any], *, by: int = 1) -> str:
    return f"{shown(ticket.number)} {(int(pin(ticket)) + by) % 10**6:06}"


def faces(stage: Stage, ticket: sa.Row[Any]) -> dict[str, str]:
    return {
        "number and PIN": typed(ticket),
        "CT0": show.compact_code(stage.world, ticket),
        "CT1": show.signed_code(stage.world, ticket),
    }


# --- let in ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("face", ["number and PIN", "CT0", "CT1"])
async def test_a_genuine_ticket_lets_its_holder_in_once_whatever_its_face(stage: Stage, shop: Shop, face: str) -> None:
    ticket, gate = await at_the_door(stage, shop)
    text = faces(stage, ticket)[face]

    first = await a_scan(stage, shop, gate, text)
    stage.clock.advance(minutes=1)
    second = await a_scan(stage, shop, gate, text)

    assert (first["admit"], first["reason"]) == (True, "admitted")
    assert first["ticket"]["number"] == shown(ticket.number)
    assert first["ticket"]["title"]["en"] == "The Post Office in Spring"
    assert (first["ticket"]["row"], first["ticket"]["seat"], first["ticket"]["uses_left"]) == ("A", ticket.seat, 0)
    assert (second["admit"], second["reason"]) == (False, "used")
    assert second["used"] == {"at": first["at"], "gate": gate.name}


async def test_all_faces_use_the_same_ticket(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop)

    answers = [await a_scan(stage, shop, gate, text) for text in faces(stage, ticket).values()]

    assert [answer["reason"] for answer in answers] == ["admitted", "already_in", "already_in"]
    assert [answer["face"] for answer in answers] == ["pin", "compact", "signed"]


async def test_a_check_looks_and_uses_nothing(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop)

    for _ in range(2):
        answer = await a_scan(stage, shop, gate, typed(ticket), kind=ScanKind.CHECK)
        assert (answer["admit"], answer["ticket"]["uses_left"]) == (True, 1)

    assert (await a_scan(stage, shop, gate, typed(ticket)))["admit"]


async def test_a_carnet_admits_as_often_as_it_has_rides(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop, of="carnet/open", category="adult")

    answers = []
    for _ in range(4):
        answers.append(await a_scan(stage, shop, gate, typed(ticket)))
        stage.clock.advance(seconds=11)

    assert [answer["reason"] for answer in answers] == ["admitted"] * 3 + ["used"]
    assert [answer["ticket"]["uses_left"] for answer in answers] == [2, 1, 0, 0]
    numbers = await stage.sql("SELECT use_no FROM admission ORDER BY use_no")
    assert [row.use_no for row in numbers] == [1, 2, 3]


# --- not let in -----------------------------------------------------------------------------------------------------


async def reasons(stage: Stage, shop: Shop) -> dict[str, dict[str, Any]]:
    """One answer for every reason that a plain ticket can meet at a gate that asks."""
    ticket, gate = await at_the_door(stage, shop)
    other = (await a_booking(stage, shop, of="play/tue", worked=True)).tickets[0]
    revoked = (await a_booking(stage, shop, worked=True)).tickets[0]
    await registering.revoke(stage.world, revoked.id, reason="lost", free_place=False, tell_holder=False)
    await stage.work()
    suspended = (await a_booking(stage, shop, worked=True)).tickets[0]
    local = stage.world.issuers["local"]
    await local.suspend(issuer_id=shop.issuer, ticket_id=suspended.id, suspended=True)
    only_monday = await a_gate(stage, shop, shop.occasions["play/mon"])
    found = {
        "too_early": await a_scan(stage, shop, gate, typed(other)),
        "suspended": await a_scan(stage, shop, gate, typed(suspended)),
        "wrong_occasion": await a_scan(stage, shop, only_monday, typed(other)),
        "revoked": await a_scan(stage, shop, gate, typed(revoked)),
        "unknown": await a_scan(stage, shop, gate, "482910375-1 491027"),
        "unreadable": await a_scan(stage, shop, gate, "hello"),
        "wrong_pin": await a_scan(stage, shop, gate, wrong_pin(ticket)),
        "admitted": await a_scan(stage, shop, only_monday, typed(ticket)),
        "used": await a_scan(stage, shop, gate, typed(ticket)),
    }
    for _ in range(PIN_TRIES_MAX):
        await a_scan(stage, shop, gate, wrong_pin(other))
    found["locked"] = await a_scan(stage, shop, gate, typed(other))
    stage.clock.time = other.valid_until
    found["expired"] = await a_scan(stage, shop, gate, show.signed_code(stage.world, other))
    return found


async def test_every_reason_is_given_with_words_in_both_languages(stage: Stage, shop: Shop) -> None:
    found = await reasons(stage, shop)

    assert [answer["reason"] for answer in found.values()] == list(found)
    for name, answer in found.items():
        assert answer["admit"] is (name == "admitted")
        assert set(answer["words"]) == {"ko", "en"}
        assert all(answer["words"].values())
    for name in ("unknown", "unreadable", "wrong_pin", "locked"):
        assert found[name]["ticket"] is None, f"{name} tells nothing of a ticket"
    for name in ("too_early", "wrong_occasion", "revoked", "suspended", "used", "expired", "admitted"):
        assert found[name]["ticket"]["number"]
    assert found["unreadable"]["words"]["en"].startswith("This is not one of our tickets")


async def test_every_attempt_is_recorded_with_its_reason(stage: Stage, shop: Shop) -> None:
    found = await reasons(stage, shop)

    rows = await stage.sql("SELECT reason, count(*) AS count FROM scan GROUP BY reason")

    assert {row.reason for row in rows} == set(found)


async def test_a_revoked_ticket_is_called_revoked_before_anything_else(stage: Stage, shop: Shop) -> None:
    """Used, of another day and revoked: the steward hears what helps the holder most."""
    ticket, gate = await at_the_door(stage, shop)
    await a_scan(stage, shop, gate, typed(ticket))
    await registering.revoke(stage.world, ticket.id, reason="lost", free_place=False, tell_holder=False)
    await stage.work()
    tuesday = await a_gate(stage, shop, shop.occasions["play/tue"])

    assert (await a_scan(stage, shop, tuesday, typed(ticket)))["reason"] == "revoked"


async def test_a_signed_barcode_of_another_key_or_occasion_is_unknown(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop)
    tuesday = (await a_booking(stage, shop, of="play/tue", worked=True)).tickets[0]
    forged = _signed(ticket, KeyRing.fresh(), occasion_code=ticket.occasion_code)
    moved = _signed(ticket, KEYS, occasion_code=tuesday.occasion_code)
    genuine = _signed(ticket, KEYS, occasion_code=ticket.occasion_code)

    for text in (forged, moved):
        assert (await a_scan(stage, shop, gate, text))["reason"] == "unknown"
    assert (await a_scan(stage, shop, gate, genuine))["reason"] == "admitted"


def _signed(ticket: sa.Row[Any], keys: KeyRing, *, occasion_code: int) -> str:
    """A CT1 of this ticket under these keys, for this occasion."""
    begins, minutes = validity(ticket.valid_from, ticket.valid_until)
    body = Body(
        kid=keys.signer.kid,
        code_id=CodeId(ticket.code),
        occasion_code=occasion_code,
        class_code=0,
        not_before_minute=begins,
        duration_minutes=minutes,
        flags=Flag(0),
    )
    return signed_text(body, keys.signer.sign)


async def test_a_compact_code_with_another_tag_or_of_nobody_is_unknown(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop)
    genuine = show.compact_code(stage.world, ticket)
    last = "0" if genuine[-1] != "0" else "1"
    mac = stage.world.house.keys.compact_mac(ticket.kid, issuer_id=shop.issuer, occasion_code=ticket.occasion_code)
    nobodys, beyond = compact_text(CodeId(5), mac), compact_text(CodeId(2**64 - 1), mac)

    for text in (genuine[:-1] + last, nobodys, beyond):
        assert (await a_scan(stage, shop, gate, text))["reason"] == "unknown"
    assert (await a_scan(stage, shop, gate, genuine))["reason"] == "admitted"


async def test_a_ticket_that_is_not_registered_yet_is_unknown_until_it_is(stage: Stage, shop: Shop) -> None:
    (ticket,) = (await a_booking(stage, shop, paid=True)).tickets
    gate = await a_gate(stage, shop)
    stage.clock.time = ticket.valid_from

    assert (await a_scan(stage, shop, gate, typed(ticket)))["reason"] == "unknown"
    await stage.work()
    assert (await a_scan(stage, shop, gate, typed(ticket)))["reason"] == "admitted"


# --- the same scan --------------------------------------------------------------------------------------------------


async def test_the_same_scan_again_gets_the_same_answer_even_after_a_revocation(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop)
    first = await a_scan(stage, shop, gate, typed(ticket), scan_id="one")
    await registering.revoke(stage.world, ticket.id, reason="lost", free_place=False, tell_holder=False)
    await stage.work()
    stage.clock.advance(minutes=5)

    again = await a_scan(stage, shop, gate, typed(ticket), scan_id="one")

    assert again == first
    assert await stage.value("SELECT count(*) FROM admission") == 1
    assert (await a_scan(stage, shop, gate, typed(ticket), scan_id="two"))["reason"] == "revoked"


async def test_a_scan_id_used_for_something_else_is_refused(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop)
    await a_scan(stage, shop, gate, typed(ticket), scan_id="one")

    with pytest.raises(KeyReused, match="another ticket"):
        await a_scan(stage, shop, gate, show.signed_code(stage.world, ticket), scan_id="one")
    with pytest.raises(KeyReused):
        await a_scan(stage, shop, gate, typed(ticket), scan_id="one", kind=ScanKind.CHECK)


def rotated(stage: Stage, *, gone: bool = False) -> Stage:
    """After `cyberticket keys rotate secret`; `gone`: the secret before was retired too."""
    secrets = {**({} if gone else KEYS.secrets), 2: bytes(range(SECRET_BYTES))}
    ring = KeyRing(secrets, KEYS.barcode, KEYS.token, replace(KEYS.current, secret=2))
    return replace(stage, world=replace(stage.world, house=replace(stage.world.house, keys=ring)))


async def test_the_same_scan_is_known_again_across_a_rotation_of_the_secret(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop)
    first = await a_scan(stage, shop, gate, typed(ticket), scan_id="one")
    undone = await admit.undo(stage.world, gate=gate.caller, scan_id="two", undoes="one")
    after = rotated(stage)

    assert await a_scan(after, shop, gate, typed(ticket), scan_id="one") == first
    assert await admit.undo(after.world, gate=gate.caller, scan_id="two", undoes="one") == undone
    with pytest.raises(KeyReused):
        await a_scan(after, shop, gate, show.signed_code(stage.world, ticket), scan_id="one")
    with pytest.raises(KeyReused):
        await admit.undo(after.world, gate=gate.caller, scan_id="two", undoes="none")


async def test_a_scan_of_before_the_rotation_is_known_by_a_process_that_has_not_heard_of_it(
    stage: Stage, shop: Shop
) -> None:
    ticket, gate = await at_the_door(stage, shop)
    ahead = rotated(stage)
    first = await a_scan(ahead, shop, gate, typed(ticket), scan_id="one")

    behind = replace(KEYS, secrets={**KEYS.secrets, 2: bytes(range(SECRET_BYTES))})
    house = replace(stage.world.house, keys=behind)
    again = await a_scan(
        replace(stage, world=replace(stage.world, house=house)), shop, gate, typed(ticket), scan_id="one"
    )

    assert again == first


async def test_nothing_is_known_again_by_a_secret_that_is_gone(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop)
    await a_scan(stage, shop, gate, typed(ticket), scan_id="one")

    with pytest.raises(KeyReused):
        await a_scan(rotated(stage, gone=True), shop, gate, typed(ticket), scan_id="one")


async def test_two_gates_may_use_the_same_scan_id(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop)
    other = await a_gate(stage, shop)

    first = await a_scan(stage, shop, gate, typed(ticket), scan_id="one")
    second = await a_scan(stage, shop, other, typed(ticket), scan_id="one")

    assert (first["reason"], second["reason"]) == ("admitted", "used")


@pytest.mark.parametrize("rounds", range(5))
async def test_one_scan_sent_many_times_at_once_counts_once_and_is_answered_alike(
    stage: Stage, second: Stage, shop: Shop, rounds: int
) -> None:
    del rounds
    ticket, gate = await at_the_door(stage, shop, of="carnet/open", category="adult")

    answers = await asyncio.gather(
        *(a_scan([stage, second][n % 2], shop, gate, typed(ticket), scan_id="one") for n in range(8))
    )

    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["admit"]
    assert await stage.value("SELECT uses_left FROM credential") == 2


async def test_a_scan_that_another_process_is_just_answering_gets_that_answer(
    stage: Stage, second: Stage, shop: Shop
) -> None:
    ticket, gate = await at_the_door(stage, shop)
    text = typed(ticket)
    shown = Shown(text, parse_presented(text))
    ask = Presentation(second.world, gate.caller, "one", ScanKind.ADMISSION, shown, text)
    async with second.world.transaction() as tx:
        (first,) = await admit.admit_many(tx, [ask])
        again = asyncio.create_task(a_scan(stage, shop, gate, typed(ticket), scan_id="one"))
        await asyncio.sleep(0.1)
        assert not again.done()

    assert await again == first
    assert await stage.value("SELECT count(*) FROM admission") == 1


# --- at the same moment ---------------------------------------------------------------------------------------------


GATES = 32


async def _many_gates(stage: Stage, second: Stage, shop: Shop) -> list[dict[str, Any]]:
    """One single-use ticket presented at 32 gates at once, half of them through another process; the answers.

    By its barcodes: who types a PIN waits for the guard of PINs, and there would be no race.
    """
    ticket, _ = await at_the_door(stage, shop)
    posts = [await a_gate(stage, shop) for _ in range(GATES)]
    texts = [faces(stage, ticket)[face] for face in ("CT0", "CT1")]
    answers = await asyncio.gather(
        *(
            a_scan([stage, second][number % 2], shop, gate, texts[number % len(texts)])
            for number, gate in enumerate(posts)
        ),
        return_exceptions=True,
    )
    assert all(isinstance(one, dict | sa.exc.IntegrityError) for one in answers), answers
    return [one for one in answers if isinstance(one, dict)]


async def test_of_32_gates_that_are_shown_one_ticket_at_once_exactly_one_opens(
    stage: Stage, second: Stage, shop: Shop, sweep: Sweep
) -> None:
    for _ in range(5):
        answers = await _many_gates(stage, second, shop)

        assert len(answers) == GATES
        assert sum(answer["admit"] for answer in answers) == 1
        assert {answer["reason"] for answer in answers} == {"admitted", "used"}
        assert await stage.value("SELECT count(*) FROM admission") == 1
        stage.clock.time = NOON_IN_SEOUL
        await sweep()


async def test_without_the_guards_two_gates_open_and_that_test_would_show_it(
    blank: Stage, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are two: the version in the statement that changes an entry, and the key of its uses behind it."""
    shop = await a_catalogue(blank)
    other = a_stage(database_url, seed=2, clock=blank.clock, carrier=blank.carrier)
    unguarded = register_gate.CHANGE.replace(" AND c.version = w.version", "")
    assert unguarded != register_gate.CHANGE
    monkeypatch.setattr(register_gate, "CHANGE", unguarded)
    try:
        answers = await _many_gates(blank, other, shop)
        assert sum(answer["admit"] for answer in answers) == 1, "the key alone still holds"

        await blank.sql("ALTER TABLE admission DROP CONSTRAINT uq_admission_ticket_id_use_no")
        for _ in range(5):
            blank.clock.time = NOON_IN_SEOUL
            if sum(answer["admit"] for answer in await _many_gates(blank, other, shop)) > 1:
                return
        raise AssertionError("nobody came in twice: that test proves nothing")
    finally:
        await other.close()
        await other.database.close()


async def test_a_ticket_with_one_use_left_shown_twice_in_one_batch_admits_one(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop)
    others = [await a_gate(stage, shop) for _ in range(2)]

    answers = await asyncio.gather(*(a_scan(stage, shop, one, typed(ticket)) for one in (gate, *others)))

    assert [answer["reason"] for answer in answers] == ["admitted", "used", "used"]
    assert answers[1]["used"]["gate"] == gate.name


# --- PINs -----------------------------------------------------------------------------------------------------------


async def test_after_five_wrong_pins_even_the_right_one_is_locked_for_ten_minutes(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop)
    wrong = [await a_scan(stage, shop, gate, wrong_pin(ticket, by=n)) for n in range(1, PIN_TRIES_MAX + 1)]
    assert [answer["reason"] for answer in wrong] == ["wrong_pin"] * 5

    assert (await a_scan(stage, shop, gate, typed(ticket)))["reason"] == "locked"
    stage.clock.advance(minutes=10)
    assert (await a_scan(stage, shop, gate, typed(ticket)))["reason"] == "locked"
    assert (await a_scan(stage, shop, gate, show.compact_code(stage.world, ticket)))["reason"] == "admitted"
    stage.clock.advance(seconds=1)
    assert (await a_scan(stage, shop, gate, typed(ticket)))["reason"] == "already_in"


async def test_a_right_pin_forgives_the_wrong_ones_before_it(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop, of="carnet/open", category="adult")
    for _ in range(2):
        for by in range(1, PIN_TRIES_MAX):
            await a_scan(stage, shop, gate, wrong_pin(ticket, by=by))
        assert (await a_scan(stage, shop, gate, typed(ticket)))["reason"] == "admitted"
        stage.clock.advance(seconds=11)


async def test_of_50_guesses_at_once_five_are_looked_at(stage: Stage, second: Stage, shop: Shop) -> None:
    """The right one is among them, last in line: who guesses in parallel gains nothing."""
    ticket, gate = await at_the_door(stage, shop)
    gates = [gate, *[await a_gate(stage, shop) for _ in range(4)]]
    guesses = [wrong_pin(ticket, by=n) for n in range(1, 50)] + [typed(ticket)]

    answers = await asyncio.gather(
        *(a_scan([stage, second][n % 2], shop, gates[n % 5], guess) for n, guess in enumerate(guesses))
    )

    told = [answer["reason"] for answer in answers]
    assert told.count("wrong_pin") <= PIN_TRIES_MAX
    assert told.count("wrong_pin") + told.count("locked") + told.count("admitted") == 50
    assert told.count("locked") >= 45


async def test_an_unknown_number_locks_like_a_known_one(stage: Stage, shop: Shop) -> None:
    gate = await a_gate(stage, shop)

    answers = [await a_scan(stage, shop, gate, f"482910375-1 {n:06}") for n in range(7)]

    assert [answer["reason"] for answer in answers] == ["unknown"] * 5 + ["locked"] * 2


async def test_a_number_of_another_issuer_is_unknown_here(blank: Stage) -> None:
    shop = await a_catalogue(blank, the_theatre(blank.clock.now()), an_issuer("gaon"))
    (ticket,) = (await a_booking(blank, shop, worked=True)).tickets
    gaon = await blank.value("SELECT id FROM issuer WHERE slug = 'gaon'")
    foreign = Shop(gaon, {}, {}, {})
    gate = await a_gate(blank, foreign)
    blank.clock.time = ticket.valid_from

    for text in faces(blank, ticket).values():
        assert (await a_scan(blank, foreign, gate, text))["reason"] == "unknown"


# --- gates ----------------------------------------------------------------------------------------------------------

BOSS = staff.Member(UUID(int=1), None, frozenset({"gates"}))


async def test_a_revoked_gate_is_refused_from_the_next_scan_on(stage: Stage, shop: Shop) -> None:
    ticket, gate = await at_the_door(stage, shop)
    await a_scan(stage, shop, gate, typed(ticket), kind=ScanKind.CHECK, scan_id="before")

    await gates.revoke(stage.world, BOSS, gate.gate_id)

    for scan in ("before", "after"):
        with pytest.raises(NotAuthentic, match="not enrolled any more"):
            await a_scan(stage, shop, gate, typed(ticket), scan_id=scan)
    assert await stage.value("SELECT count(*) FROM admission") == 0


async def test_a_stolen_device_does_not_open_when_its_gate_has_a_new_one(stage: Stage, shop: Shop) -> None:
    ticket, stolen = await at_the_door(stage, shop)
    await gates.revoke(stage.world, BOSS, stolen.gate_id)

    new = await a_gate(stage, shop, name=stolen.name)

    assert new.gate_id == stolen.gate_id
    with pytest.raises(NotAuthentic, match="not enrolled any more"):
        await a_scan(stage, shop, stolen, typed(ticket))
    assert await caller_by(stage, stolen.token) == stolen.caller != new.caller
    assert (await a_scan(stage, shop, new, typed(ticket)))["admit"]


async def test_a_gate_that_was_never_enrolled_is_refused_and_harms_nobody_in_its_batch(
    stage: Stage, shop: Shop
) -> None:
    ticket, gate = await at_the_door(stage, shop)
    invitation = await gates.invite(stage.world, issuer_id=shop.issuer, name="back door")
    caller = gate_tokens.GateCaller(invitation.gate_id, shop.issuer, 1)
    pending = gate_tokens.Enrolled(invitation.gate_id, "back door", "haneul", "", invitation.until, caller)

    refused, admitted = await asyncio.gather(
        a_scan(stage, shop, pending, typed(ticket)), a_scan(stage, shop, gate, typed(ticket)), return_exceptions=True
    )

    assert isinstance(refused, NotAuthentic)
    assert isinstance(admitted, dict)
    assert admitted["admit"]
