"""Who may bind to the message centre, as what, how often; and how sessions end."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from gateway_kit import until
from smsc_kit import HOST, PASSWORDS, Centre, Esme, a_submit, centre_in, eventually, impatient

from mobile_gateway.smpp_limits import Callee
from mobile_gateway.smsc import Limits
from mobile_gateway.smsc.server import GOODBYE_SECONDS
from mobile_gateway.wire.smpp import (
    Bind,
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    DeliverSm,
    EnquireLink,
    EnquireLinkResp,
    QuerySm,
    Status,
    SubmitSmResp,
    Unbind,
    UnbindResp,
    tlvs,
)

pytest_plugins = ["smsc_plugin"]


@pytest.mark.parametrize("kind", [BindReceiver, BindTransmitter, BindTransceiver], ids=lambda kind: kind.__name__)
async def test_an_account_binds_each_way_and_is_told_who_answers(centre: Centre, kind: type[Bind]) -> None:
    client = await centre.connect()
    answer = await client.ask(kind(system_id="demo", password="demo1234", interface_version=0x34))
    assert answer.status == Status.ROK
    assert answer.pdu.system_id == "cyberticket"  # type: ignore[attr-defined]  # every bind response has it
    assert tlvs.SC_INTERFACE_VERSION.first(answer.pdu.tlvs) == 0x34


async def test_a_peer_of_version_3_3_is_answered_without_optional_parameters(centre: Centre) -> None:
    client = await centre.connect()
    answer = await client.ask(BindTransmitter(system_id="demo", password="demo1234", interface_version=0x33))
    assert (answer.status, answer.pdu.tlvs) == (Status.ROK, ())


@pytest.mark.parametrize(
    ("system_id", "password", "status"),
    [
        ("demo", "wrong", Status.RINVPASWD),
        ("demo", "", Status.RINVPASWD),
        ("nobody", "demo1234", Status.RINVSYSID),
        ("", "", Status.RINVSYSID),
        ("long", "ninechar", Status.RINVPASWD),
    ],
)
async def test_a_wrong_name_or_password_is_refused_and_the_connection_closed(
    centre: Centre, system_id: str, password: str, status: Status
) -> None:
    client = await centre.connect()
    assert await client.bind(system_id=system_id, password=password) == status
    await client.hung_up()


async def test_an_account_whose_password_is_too_long_for_smpp_is_named_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        async with centre_in(tmp_path):
            pass
    assert "account long cannot bind over SMPP: a password there has at most 8 letters" in caplog.messages
    assert PASSWORDS["long"].get_secret_value() not in caplog.text


async def test_nothing_but_a_bind_is_answered_before_a_bind(centre: Centre) -> None:
    peer = await centre.raw()
    for asked in (EnquireLink(), QuerySm(message_id="m"), a_submit(), Unbind()):
        assert (await peer.ask(asked)).status == Status.RINVBNDSTS
    assert (await peer.ask(BindTransmitter(system_id="demo", password="demo1234"))).status == Status.ROK


async def test_a_second_bind_on_one_session_is_refused_and_the_first_goes_on(centre: Centre) -> None:
    peer = await centre.raw(BindTransceiver)
    assert (await peer.ask(BindReceiver(system_id="demo", password="demo1234"))).status == Status.RALYBND
    assert (await peer.ask(a_submit())).status == Status.ROK


async def test_two_binds_in_one_breath_are_one_bind(centre: Centre) -> None:
    peer = await centre.raw()
    wrong, right = (BindTransmitter(system_id="demo", password=password) for password in ("wrong", "demo1234"))
    peer.send(wrong, right)
    answers = [(await peer.frame()).status, (await peer.frame()).status]
    assert answers == [Status.RINVPASWD, Status.RALYBND]
    await peer.hung_up()


async def test_a_receiver_may_not_submit_and_a_transmitter_is_told_nothing(centre: Centre) -> None:
    receiver = await centre.raw(BindReceiver)
    assert (await receiver.ask(a_submit())).status == Status.RINVBNDSTS
    transmitter = await centre.bound(BindTransmitter)
    await transmitter.submit()
    assert isinstance((await receiver.frame()).pdu, DeliverSm)
    assert transmitter.delivered == []


async def test_only_so_many_sessions_of_one_account_are_bound_at_once(tmp_path: Path) -> None:
    async with centre_in(tmp_path, limits=Limits(binds_max=2)) as centre:
        first, _ = await centre.bound(), await centre.bound()
        third = await centre.connect()
        assert await third.bind() == Status.RBINDFAIL
        assert await (await centre.connect()).bind(system_id="other", password="other123") == Status.ROK
        await first.ask(Unbind())
        await first.hung_up()
        assert await (await centre.connect()).bind() == Status.ROK


async def test_a_half_open_connection_makes_room_for_one_that_binds(tmp_path: Path) -> None:
    async with centre_in(tmp_path, limits=Limits(connections_max=5, unbound_max=3)) as centre:
        healthy = await centre.bound()
        lurking = [await centre.connect() for _ in range(10)]
        late = await centre.bound()
        await eventually(lambda: sum(client.gone.is_set() for client in lurking) >= 7)
        assert (await healthy.ask(a_submit())).status == Status.ROK
        assert (await late.ask(a_submit())).status == Status.ROK


async def test_beyond_its_connections_the_message_centre_turns_bound_peers_away_not_out(tmp_path: Path) -> None:
    async with centre_in(tmp_path, limits=Limits(connections_max=3)) as centre:
        bound = [await centre.bound() for _ in range(3)]
        turned_away = await centre.connect()
        await turned_away.hung_up()
        assert [bool(await client.submit()) for client in bound] == [True] * 3


# --- time -------------------------------------------------------------------------------------------------------------


async def test_whoever_does_not_bind_in_time_is_let_go(tmp_path: Path) -> None:
    async with centre_in(tmp_path, limits=impatient(session_init_seconds=0.05)) as centre:
        await (await centre.connect()).hung_up()


async def test_a_silent_peer_is_asked_whether_it_is_there_and_stays_when_it_is(tmp_path: Path) -> None:
    limits = impatient(enquire_link_seconds=0.03, inactivity_seconds=5, response_seconds=0.1)
    async with centre_in(tmp_path, limits=limits) as centre:
        client = await centre.bound()
        mute = await centre.raw(BindReceiver)
        assert isinstance((await mute.frame()).pdu, EnquireLink)
        await mute.hung_up()
        assert not client.gone.is_set()
        assert await client.submit()


async def test_a_peer_that_says_nothing_for_too_long_is_let_go(tmp_path: Path) -> None:
    async with centre_in(tmp_path, limits=impatient(inactivity_seconds=0.05)) as centre:
        await (await centre.bound()).hung_up()


async def test_an_enquire_link_of_the_peer_is_answered_at_once(centre: Centre) -> None:
    peer = await centre.raw(BindTransmitter)
    answer = await peer.ask(EnquireLink(), sequence=77)
    assert (answer.pdu, answer.status, answer.sequence) == (EnquireLinkResp(), Status.ROK, 77)


# --- leaving ----------------------------------------------------------------------------------------------------------


async def test_what_was_asked_before_an_unbind_is_answered_and_then_the_connection_closes(
    centre: Centre,
) -> None:
    client = await centre.bound()
    asked = [client.start(a_submit()) for _ in range(20)]
    goodbye = client.start(Unbind())
    answers = await asyncio.wait_for(asyncio.gather(*asked, goodbye), 30)
    assert {answer.status for answer in answers} == {Status.ROK}
    await client.hung_up()


async def test_a_message_centre_that_stops_says_goodbye_to_everybody(tmp_path: Path) -> None:
    async with centre_in(tmp_path) as centre:
        clients = [await centre.bound(), await centre.bound(BindReceiver)]
        half_open = await centre.connect()
        centre.clients.clear()
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < GOODBYE_SECONDS / 2
    for client in (*clients, half_open):
        await client.hung_up()
    assert [client.unbound_by_peer for client in clients] == [True, True]
    assert not half_open.unbound_by_peer


async def test_the_goodbye_is_answered_last_for_many_peers_close_on_it(centre: Centre) -> None:
    peer = await centre.raw(BindTransmitter)
    peer.send(*[a_submit(registered_delivery=0) for _ in range(20)], Unbind())
    answers = [(await peer.frame()).pdu for _ in range(21)]
    assert isinstance(answers.pop(), UnbindResp)
    assert {type(answer) for answer in answers} == {SubmitSmResp}
    await peer.hung_up()


async def test_nothing_is_answered_any_more_after_an_unbind(centre: Centre) -> None:
    peer = await centre.raw(BindTransmitter)
    peer.send(Unbind(), a_submit())
    assert isinstance((await peer.frame()).pdu, UnbindResp)
    assert (await peer.frame()).status == Status.RINVBNDSTS
    await peer.hung_up()


# --- outbind ----------------------------------------------------------------------------------------------------------


async def test_the_server_of_an_account_is_asked_to_bind_when_something_waits_for_it(tmp_path: Path) -> None:
    called: list[Esme] = []

    def answer() -> Esme:
        called.append(Esme())
        return called[-1]

    server = await asyncio.get_running_loop().create_server(answer, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    callee = Callee(HOST, port, PASSWORDS["other"])
    limits = Limits(outbind_retry_seconds=(0.02,))
    async with server, centre_in(tmp_path, outbinds={"demo": callee}, limits=limits) as centre:
        transmitter = await centre.bound(BindTransmitter)
        await asyncio.sleep(0.05)
        assert called == []  # nothing is owed
        await transmitter.submit()
        await eventually(lambda: called and called[0].outbinds)
        (asked,) = called[0].outbinds
        assert (asked.system_id, asked.password) == ("cyberticket", "other123")
        called[0].transport.abort()  # the first call is not taken; the second is

        async def bound() -> bool:
            return len(called) > 1 and bool(called[1].outbinds) and await called[1].bind(BindReceiver) == Status.ROK

        await until(bound)
        (receipt,) = await called[1].told()
        assert receipt.source_addr == "821012345678"
        assert len(called) == 2
        centre.clients += called


async def test_a_server_that_is_away_is_asked_again_less_often(tmp_path: Path) -> None:
    callee = Callee(HOST, 9, PASSWORDS["other"])
    limits = Limits(outbind_retry_seconds=(0.01, 60))
    async with centre_in(tmp_path, outbinds={"demo": callee}, limits=limits) as centre:
        tries: list[float] = []
        outbind = centre.smsc.outbind

        async def counted(host: str, port: int, *, password: str) -> object:
            tries.append(asyncio.get_running_loop().time())
            return await outbind(host, port, password=password)

        centre.smsc.outbind = counted  # type: ignore[method-assign, assignment]  # to see each try
        transmitter = await centre.bound(BindTransmitter)
        for _ in range(5):
            await transmitter.submit()
            await asyncio.sleep(0.03)
        assert len(tries) == 2
