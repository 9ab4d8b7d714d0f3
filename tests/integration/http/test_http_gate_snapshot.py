"""What gates take along, over HTTP: by a proof of their own key, in octets, and once only as long as nothing is new."""

from __future__ import annotations

import pytest
from http_kit import Api, problem
from snapshot_ways import NO_EDITION, PATHS, BoundGate, bound_gate

from app.domain.snapshot import MEDIA_TYPE, STATUS_MEDIA_TYPE, applied, open_by_code, read_snapshot, read_status

pytest_plugins = ("http_plugin",)


@pytest.fixture
async def gate(api: Api) -> BoundGate:
    return await bound_gate(api)


async def test_a_gate_takes_a_ticket_along_and_hears_that_it_was_used(api: Api, gate: BoundGate) -> None:
    await api.sold()
    verify = api.stage.world.house.keys.verifier.verify
    (entry,) = await api.stage.sql("SELECT * FROM credential")

    answer = await gate.get("/gate/snapshot")
    snapshot = read_snapshot(answer.content, verify)
    first = await gate.ask("/gate/status", have=1)
    snapshot, board = applied(snapshot, None, read_status(first.content, verify))
    await api.stage.sql("UPDATE credential SET uses_left = 0")
    second = await gate.ask("/gate/status", have=1, after=board.cursor, etag=first.headers["etag"])
    snapshot, later = applied(snapshot, board, read_status(second.content, verify))

    assert (answer.status_code, answer.headers["content-type"]) == (200, MEDIA_TYPE)
    assert (answer.headers["cache-control"], first.headers["content-type"]) == ("private, no-cache", STATUS_MEDIA_TYPE)
    (opened,) = open_by_code(snapshot, entry.code)
    assert [one.standing(opened.index).state.name for one in (board, later)] == ["VALID", "USED_UP"]


async def test_what_is_not_new_is_not_sent(api: Api, gate: BoundGate) -> None:
    await api.sold()
    etag = (await gate.get("/gate/snapshot")).headers["etag"]

    for known in (etag, f"W/{etag}", f'"x", {etag}'):
        answer = await gate.get("/gate/snapshot", etag=known)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert (await gate.get("/gate/snapshot", etag='"x"')).status_code == 200


async def test_the_key_for_pins_is_told_for_an_edition(gate: BoundGate) -> None:
    edition = await gate.edition()

    told = (await gate.ask("/gate/pin-key")).json()

    assert told["edition"] == edition
    assert len(bytes.fromhex(told["key"])) == 32


@pytest.mark.parametrize("path", PATHS)
async def test_a_stolen_token_without_its_key_takes_nothing(api: Api, gate: BoundGate, path: str) -> None:
    edition = await gate.edition()

    problem(await api.get(path, bearer=gate.token, edition=edition), 401, "not-authentic")


@pytest.mark.parametrize("path", PATHS)
async def test_an_online_scanner_takes_nothing(api: Api, path: str) -> None:
    _, token = await api.gate()

    problem(await api.get(path, bearer=token, edition=NO_EDITION), 403, "not-allowed")


@pytest.mark.parametrize("path", PATHS)
async def test_a_gate_that_was_shut_out_takes_nothing(api: Api, gate: BoundGate, path: str) -> None:
    edition = await gate.edition()
    await api.delete(f"/staff/gates/{gate.gate}", bearer=await api.staff("gates"))

    problem(await gate.get(path, edition=edition), 401, "not-authentic")
