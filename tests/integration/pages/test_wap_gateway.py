"""Whose phone it is: the number counts where a trusted gateway says it, and from nobody else."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from builders import BUYER, FRIEND, PUBLIC_URL, Shop, Stage, a_booking
from pydantic import SecretStr, ValidationError
from wap_kit import GATEWAY, WML, Deck, Phone

from app.main import create_app
from app.settings import Settings

UNPROVEN = "번호를 확인할 수 없습니다"


async def mine(stage: Stage, **said: str) -> Deck:
    return await Phone(stage, **said).get("/wap/mine")


async def ours(stage: Stage, headers: list[tuple[str, str]], *, address: str = GATEWAY, **given: Any) -> Deck:
    """My tickets as a server with these settings shows them to somebody who sends these headers."""
    settings = Settings(demo=True, public_url=PUBLIC_URL, carrier_secret=SecretStr("0123456789abcdef"), **given)
    app = create_app(settings, world=stage.world)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
        raw = [(name.encode(), value.encode()) for name, value in [("accept", WML), *headers]]
        return Deck.of(await client.get("/wap/mine", headers=raw))


@pytest.mark.parametrize("number", [BUYER, BUYER[1:], "01012345678", f" {BUYER} "])
async def test_a_gateway_says_a_number_in_any_of_the_usual_ways(stage: Stage, shop: Shop, number: str) -> None:
    await a_booking(stage, shop, paid=True)
    deck = await mine(stage, number=number)
    assert "봄날의 우체국" in deck.said
    assert len([href for _, href in deck.links if "/wap/t/" in href]) == 1


async def test_a_number_shows_its_own_tickets_only(stage: Stage, shop: Shop) -> None:
    await a_booking(stage, shop, paid=True)
    assert "받은 표가 없습니다" in (await mine(stage, number=FRIEND[1:])).said


@pytest.mark.parametrize("address", ["10.9.8.6", "127.0.0.1", "::1", "not an address"])
async def test_the_header_from_anywhere_else_is_nothing(stage: Stage, shop: Shop, address: str) -> None:
    await a_booking(stage, shop, paid=True)
    deck = await mine(stage, number=BUYER[1:], address=address)
    assert UNPROVEN in deck.said
    assert "봄날" not in deck.said


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded"])
async def test_an_address_that_a_header_may_have_made_up_is_not_trusted(stage: Stage, name: str) -> None:
    assert UNPROVEN in (await mine(stage, number=BUYER[1:], **{name: GATEWAY})).said


@pytest.mark.parametrize("number", ["", "nonsense", "+", "0212345678", "821", "\u0660\u0661\u0660", "8210-1234-5678"])
async def test_what_is_no_mobile_number_proves_nothing(stage: Stage, number: str) -> None:
    assert UNPROVEN in (await ours(stage, [("x-msisdn", number)], wap_gateways=GATEWAY)).said


async def test_a_number_said_twice_proves_nothing_for_one_of_them_was_smuggled_in(stage: Stage) -> None:
    headers = [("x-msisdn", FRIEND[1:]), ("x-msisdn", BUYER[1:])]
    assert UNPROVEN in (await ours(stage, headers, wap_gateways=GATEWAY)).said


async def test_nobody_is_trusted_unless_it_is_set(stage: Stage) -> None:
    assert UNPROVEN in (await ours(stage, [("x-msisdn", BUYER[1:])])).said


@pytest.mark.parametrize("address", ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"])
async def test_gateways_are_named_by_address_or_network(stage: Stage, address: str) -> None:
    trusted = "192.0.2.0/28, 2001:db8::/64"
    deck = await ours(stage, [("x-msisdn", BUYER[1:])], address=address, wap_gateways=trusted)
    assert "받은 표가 없습니다" in deck.said


async def test_the_header_may_have_another_name(stage: Stage) -> None:
    set_: dict[str, Any] = {"wap_gateways": GATEWAY, "wap_number_header": "X-Nokia-MSISDN"}
    assert UNPROVEN in (await ours(stage, [("x-msisdn", BUYER[1:])], **set_)).said
    assert UNPROVEN not in (await ours(stage, [("x-nokia-msisdn", BUYER[1:])], **set_)).said


@pytest.mark.parametrize(
    ("headers", "believed"),
    [
        pytest.param([("x-gateway-secret", "a-secret-of-theirs")], True, id="right"),
        pytest.param(
            [("x-gateway-secret", "a-secret-of-theirs"), ("x-forwarded-for", "1.2.3.4")], True, id="right-by-a-proxy"
        ),
        pytest.param([("x-gateway-secret", "a-secret-of-others")], False, id="wrong"),
        pytest.param([("x-gateway-secret", "\u00e9")], False, id="not-ascii"),
        pytest.param([("x-gateway-secret", "a-secret-of-theirs"), ("x-gateway-secret", "x")], False, id="twice"),
        pytest.param([], False, id="none"),
    ],
)
async def test_a_secret_must_be_sent_where_it_is_set(
    stage: Stage,
    headers: list[tuple[str, str]],
    believed: bool,  # noqa: FBT001 - a column of the table
) -> None:
    set_: dict[str, Any] = {"wap_gateways": GATEWAY, "wap_secret": SecretStr("a-secret-of-theirs")}
    deck = await ours(stage, [("x-msisdn", BUYER[1:]), *headers], **set_)
    assert (UNPROVEN not in deck.said) is believed


async def test_the_secret_alone_is_not_enough(stage: Stage) -> None:
    set_: dict[str, Any] = {"wap_gateways": GATEWAY, "wap_secret": SecretStr("a-secret-of-theirs")}
    headers = [("x-msisdn", BUYER[1:]), ("x-gateway-secret", "a-secret-of-theirs")]
    assert UNPROVEN in (await ours(stage, headers, address="10.9.8.6", **set_)).said


@pytest.mark.parametrize("networks", ["somewhere", "10.0.0.0/33", "10.0.0.1/8"])
def test_what_is_no_network_is_refused_at_start(networks: str) -> None:
    with pytest.raises(ValidationError):
        Settings(wap_gateways=networks)


async def test_home_offers_my_tickets_only_to_a_number_that_is_known(stage: Stage) -> None:
    assert "내 표" in (await Phone(stage, number=BUYER[1:]).get("/wap")).said
    assert "내 표" not in (await Phone(stage).get("/wap")).said


async def test_a_typed_number_gets_its_ticket_by_message_and_not_on_the_deck(stage: Stage, shop: Shop) -> None:
    phone = Phone(stage)
    deck = await phone.follow(await phone.get("/wap"), "공연", "봄날의", "24일", "R ")
    deck = await phone.press(deck, "좋은 자리로", n="1")
    deck = await phone.press(deck, "계속", b="01012345678")
    deck = await phone.press(await phone.follow(deck, "카드"), "결제하기", c="pm_card_visa")
    assert "표를 010-••••-5678(으)로 보냅니다" in deck.said
    assert "받은 문자에 있는 번호와 PIN이 표입니다" in deck.said
    assert all("/wap/t/" not in href for _, href in deck.links)
    await stage.work()
    assert len(stage.carrier.inbox(BUYER)) == 1
    assert shop.occasions


async def test_a_proven_number_is_the_buyers_whatever_else_is_sent(stage: Stage, shop: Shop) -> None:
    phone = Phone(stage, number=BUYER[1:])
    deck = await phone.follow(await phone.get("/wap"), "공연", "봄날의", "24일", "R ")
    deck = await phone.press(deck, "좋은 자리로", n="1")
    found = deck.press("내 전화로")
    await phone.send(found, [*found.sent, ("b", FRIEND)])
    assert await stage.value("SELECT buyer FROM booking") == BUYER
    assert shop.occasions
