"""The carrier billing adapter: what it sends, and answers that do not say what was asked, which are Unknown."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest
import respx
from pydantic import SecretStr

from app.domain.handset import Handset
from app.domain.money import Money
from app.payments.carrier_billing import CarrierAccount, CarrierBilling
from app.ports import (
    Authorized,
    Captured,
    CardToken,
    CarrierBill,
    Charge,
    Decline,
    Instrument,
    Prepared,
    Refunded,
    Refused,
    Teller,
    Unknown,
    Voided,
)

URL = "http://carrier.test/carrier-billing/payments"
ID = "m019f0b1c2d3e4"
NUMBER = Handset("+821012345678")
WON = Money(15_000, "KRW")


def a_charge(instrument: Instrument | None = None) -> Charge:
    return Charge("pay-1", WON, UUID(int=1), UUID(int=2), instrument or CarrierBill(NUMBER))


def a_payment(state: str, **changes: object) -> dict[str, object]:
    return {
        "payment_id": ID,
        "state": state,
        "phone_number": NUMBER,
        "amount": 15_000,
        "currency": "KRW",
        "refunded": 0,
        "denial": None,
        "denial_reason": None,
    } | changes


def a_problem(status: int, slug: str = "not-possible", detail: str = "It cannot be done.") -> httpx.Response:
    return httpx.Response(status, json={"type": f"/problems#{slug}", "detail": detail})


@pytest.fixture
async def bill() -> AsyncIterator[CarrierBilling]:
    async with httpx.AsyncClient() as http:
        yield CarrierBilling(http, CarrierAccount("http://carrier.test/", "shop", SecretStr("shop1234")))


@respx.mock
async def test_a_charge_is_a_reservation_in_minor_units_under_the_attempts_key(bill: CarrierBilling) -> None:
    route = respx.post(URL).respond(201, json=a_payment("reserved"))

    assert await bill.authorize(a_charge(), reference=None) == Authorized(ID)

    request = route.calls.last.request
    assert json.loads(request.content) == {
        "phone_number": NUMBER,
        "amount": 15_000,
        "currency": "KRW",
        "reserve": True,
    }
    assert request.headers["idempotency-key"] == "pay-1"
    assert request.headers["authorization"] == "Basic c2hvcDpzaG9wMTIzNA=="


async def test_another_instrument_is_refused_without_asking_the_carrier(bill: CarrierBilling) -> None:
    card = a_charge(CardToken("pm_card_visa"))
    for outcome in (await bill.prepare(card), await bill.authorize(card, reference=None)):
        assert outcome == Refused(Decline.INVALID, "not a phone bill")
    assert await bill.prepare(a_charge()) == Prepared(None)


UNTRUSTED = {
    "no JSON": httpx.Response(201, text="<html>ok</html>"),
    "half of it": httpx.Response(201, text='{"payment_id": "m019f0b1c2d3e4"'),
    "another amount": httpx.Response(201, json=a_payment("reserved", amount=1_500)),
    "another currency": httpx.Response(201, json=a_payment("reserved", currency="USD")),
    "another number": httpx.Response(201, json=a_payment("succeeded", phone_number="+15550100")),
    "a float": httpx.Response(201, json=a_payment("reserved", amount=15_000.5)),
    "a text": httpx.Response(201, json=a_payment("reserved", amount="15000")),
    "an unknown state": httpx.Response(201, json=a_payment("half")),
    "no id": httpx.Response(201, json=a_payment("reserved", payment_id="../pay")),
    "a redirect": httpx.Response(302, headers={"location": "http://elsewhere.test"}),
    "too large": httpx.Response(201, text=json.dumps(a_payment("reserved")) + " " * 70_000),
    "wrongly compressed": httpx.Response(201, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"no")),
    "broken": httpx.Response(500, json=a_payment("reserved")),
    "busy": a_problem(503, "unavailable"),
    "too often": a_problem(429, "throttled"),
    "a key of something else": a_problem(422, "key-reused"),
}


@pytest.mark.parametrize("answer", UNTRUSTED.values(), ids=UNTRUSTED.keys())
@respx.mock
async def test_an_answer_that_does_not_say_what_was_asked_is_unknown(
    bill: CarrierBilling, answer: httpx.Response
) -> None:
    respx.post(URL).mock(return_value=answer)

    outcome = await bill.authorize(a_charge(), reference=None)

    assert isinstance(outcome, Unknown)
    assert outcome.why


@pytest.mark.parametrize(
    "fault", [httpx.ReadTimeout("slow"), httpx.ConnectError("away"), httpx.RemoteProtocolError("cut")], ids=repr
)
@respx.mock
async def test_silence_is_unknown_to_every_question(bill: CarrierBilling, fault: httpx.TransportError) -> None:
    respx.route().mock(side_effect=fault)

    assert isinstance(await bill.authorize(a_charge(), reference=None), Unknown)
    assert isinstance(await bill.capture(reference=ID, amount=WON, key="k"), Unknown)
    assert isinstance(await bill.void(reference=ID, key="k"), Unknown)
    assert isinstance(await bill.refund(reference=ID, amount=WON, key="k"), Unknown)
    assert isinstance(await bill.lookup(reference=None, key="pay-1"), Unknown)


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        (httpx.Response(201, json=a_payment("cancelled", amount=0, phone_number=None)), Decline.INVALID),
        (httpx.Response(201, json=a_payment("expired")), Decline.INVALID),
        (httpx.Response(201, json=a_payment("denied", denial="barred_subscriber")), Decline.INVALID),
        (httpx.Response(201, json=a_payment("denied", denial="monthly_limit")), Decline.INSUFFICIENT_FUNDS),
        (a_problem(422, "invalid"), Decline.INVALID),
        (a_problem(401, "unauthenticated"), Decline.INVALID),
        (httpx.Response(403, text="no"), Decline.INVALID),
    ],
    ids=["cancelled", "expired", "barred", "limit", "invalid", "stranger", "wordless"],
)
@respx.mock
async def test_a_no_before_anything_was_charged_is_a_refusal_with_words(
    bill: CarrierBilling, answer: httpx.Response, refused: Decline
) -> None:
    respx.post(URL).mock(return_value=answer)

    outcome = await bill.authorize(a_charge(), reference=None)

    assert isinstance(outcome, Refused)
    assert (outcome.reason, bool(outcome.detail)) == (refused, True)


@respx.mock
async def test_a_carrier_that_takes_at_once_has_captured(bill: CarrierBilling) -> None:
    respx.post(URL).respond(201, json=a_payment("succeeded"))
    assert await bill.authorize(a_charge(), reference=None) == Captured(ID)


@pytest.mark.parametrize(
    "changes",
    [{"payment_id": "m0another0payment"}, {"state": "reserved"}, {"amount": 1}, {"currency": "USD"}],
    ids=["payment", "state", "amount", "currency"],
)
@respx.mock
async def test_taking_something_else_is_unknown(bill: CarrierBilling, changes: dict[str, object]) -> None:
    respx.post(f"{URL}/{ID}/confirm").respond(200, json=a_payment("succeeded") | changes)
    assert isinstance(await bill.capture(reference=ID, amount=WON, key="k"), Unknown)


@respx.mock
async def test_a_reservation_that_cannot_be_taken_is_refused_unless_it_is_us_who_are_not_known(
    bill: CarrierBilling,
) -> None:
    route = respx.post(f"{URL}/{ID}/confirm")
    route.mock(return_value=a_problem(409))
    assert await bill.capture(reference=ID, amount=WON, key="k") == Refused(Decline.INVALID, "It cannot be done.")
    route.mock(return_value=a_problem(401))
    assert isinstance(await bill.capture(reference=ID, amount=WON, key="k"), Unknown)


@respx.mock
async def test_voiding_goes_by_the_id_or_by_the_attempts_key(bill: CarrierBilling) -> None:
    by_id = respx.post(f"{URL}/{ID}/cancel").respond(200, json=a_payment("cancelled"))
    by_key = respx.post(f"{URL}/cancel").respond(200, json=a_payment("cancelled"))

    assert await bill.void(reference=ID, key="k") == Voided(ID)
    assert await bill.void(reference="pay-1", key="k") == Voided("pay-1")

    assert by_id.call_count == 1
    assert by_key.calls.last.request.headers["idempotency-key"] == "pay-1"


@respx.mock
async def test_a_void_that_left_the_money_where_it_is_is_unknown(bill: CarrierBilling) -> None:
    respx.post(f"{URL}/{ID}/cancel").respond(200, json=a_payment("succeeded"))
    assert isinstance(await bill.void(reference=ID, key="k"), Unknown)


@pytest.mark.parametrize(
    "changes",
    [{"payment_id": "m0another0payment"}, {"refunded": 0}, {"currency": "USD"}],
    ids=["payment", "nothing", "currency"],
)
@respx.mock
async def test_a_refund_of_something_else_is_unknown(bill: CarrierBilling, changes: dict[str, object]) -> None:
    route = respx.post(f"{URL}/{ID}/refund")
    route.respond(200, json=a_payment("succeeded", refunded=15_000) | changes)
    assert isinstance(await bill.refund(reference=ID, amount=WON, key="refund-1"), Unknown)
    route.respond(200, json=a_payment("succeeded", refunded=15_000))
    assert await bill.refund(reference=ID, amount=WON, key="refund-1") == Refunded("refund-1")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (httpx.Response(200, json=a_payment("reserved")), Authorized),
        (httpx.Response(200, json=a_payment("succeeded")), Captured),
        (httpx.Response(200, json=a_payment("cancelled")), Voided),
        (httpx.Response(200, json=a_payment("expired")), Voided),
        (httpx.Response(200, json=a_payment("denied", denial="monthly_limit")), Refused),
        (a_problem(404, "not-found"), Prepared),
        (a_problem(401, "unauthenticated"), Unknown),
    ],
    ids=["reserved", "succeeded", "cancelled", "expired", "denied", "never came", "stranger"],
)
@respx.mock
async def test_what_became_of_an_attempt_is_asked_by_its_key(
    bill: CarrierBilling, answer: httpx.Response, outcome: type
) -> None:
    respx.get(URL, params={"key": "pay-1"}).mock(return_value=answer)
    assert isinstance(await bill.lookup(reference=None, key="pay-1"), outcome)


@respx.mock
async def test_a_payment_that_the_carrier_gave_a_name_and_does_not_know_is_refused(bill: CarrierBilling) -> None:
    respx.get(f"{URL}/{ID}").mock(return_value=a_problem(404, "not-found"))
    assert isinstance(await bill.lookup(reference=ID, key="pay-1"), Refused)


async def test_a_refund_that_has_a_reference_has_succeeded_for_good(bill: CarrierBilling) -> None:
    assert await bill.lookup_refund(reference="refund-1") == Refunded("refund-1")


def test_a_carrier_tells_no_news_and_keeps_no_books_for_us(bill: CarrierBilling) -> None:
    assert not isinstance(bill, Teller)


@respx.mock
async def test_a_reference_is_never_a_path_of_its_own(bill: CarrierBilling) -> None:
    route = respx.get(url__startswith=URL).mock(return_value=a_problem(404, "not-found"))
    await bill.lookup(reference="../sms/messages?x=", key="pay-1")
    assert route.calls.last.request.url.raw_path == b"/carrier-billing/payments/..%2Fsms%2Fmessages%3Fx%3D"


def test_neither_account_nor_instrument_prints_its_secret() -> None:
    shown = repr(CarrierAccount("http://carrier.test", "shop", SecretStr("shop1234"))) + repr(a_charge())
    assert "shop1234" not in shown
    assert "12345678" not in shown


async def test_an_answer_that_never_ends_is_given_up_in_time() -> None:
    """Each piece of it comes in time: only the whole takes too long."""

    class Dripping(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                await asyncio.sleep(0.001)
                yield b" "

    carrier = httpx.MockTransport(lambda _: httpx.Response(200, stream=Dripping()))
    account = CarrierAccount("http://carrier.test", "shop", SecretStr("secret"), timeout_seconds=0.05)
    async with httpx.AsyncClient(transport=carrier) as http, asyncio.timeout(30):
        outcome = await CarrierBilling(http, account).lookup(reference=ID, key="pay-1")

    assert outcome == Unknown("the carrier did not answer within 0.05 s")
