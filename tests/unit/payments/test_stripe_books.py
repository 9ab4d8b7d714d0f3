"""The Stripe adapter reading the network's books: a whole day, each line once, or nothing at all."""

from __future__ import annotations

from datetime import UTC, date, datetime

import httpx
import pytest
import respx
from stripe_kit import REFERENCE, URL, a_page

from app.payments.stripe import Stripe
from app.ports import Movement, MovementKind, Unknown

pytest_plugins = ["stripe_plugin"]

BOOKS = f"{URL}/v1/balance_transactions"
DAY = date(2026, 11, 22)
MIDNIGHT = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp())


def an_entry(number: int = 1, **changes: object) -> dict[str, object]:
    return {
        "object": "balance_transaction",
        "id": f"txn_{number}",
        "amount": 15_000,
        "fee": 450,
        "net": 14_550,
        "currency": "krw",
        "created": MIDNIGHT + number,
        "reporting_category": "charge",
        "type": "charge",
        "source": {"object": "charge", "id": "ch_1", "payment_intent": REFERENCE},
    } | changes


@respx.mock
async def test_a_day_is_asked_for_from_midnight_to_midnight_with_the_things_it_is_about(stripe: Stripe) -> None:
    route = respx.get(BOOKS).respond(200, json=a_page(an_entry()))

    found = await stripe.movements(day=DAY)

    assert found == [
        Movement(
            "txn_1",
            MovementKind.CHARGE,
            REFERENCE,
            amount=15_000,
            fee=450,
            currency="KRW",
            at=datetime(2026, 11, 22, 0, 0, 1, tzinfo=UTC),
        )
    ]
    assert dict(route.calls.last.request.url.params) == {
        "created[gte]": str(MIDNIGHT),
        "created[lt]": str(MIDNIGHT + 86_400),
        "limit": "100",
        "expand[]": "data.source",
    }


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        (an_entry(reporting_category="charge", type="payment"), MovementKind.CHARGE),
        (an_entry(reporting_category="refund", type="payment_refund"), MovementKind.REFUND),
        (an_entry(reporting_category="refund_failure", type="refund_failure"), MovementKind.REFUND_FAILURE),
        (an_entry(reporting_category="dispute", type="adjustment"), MovementKind.DISPUTE),
        (an_entry(reporting_category="dispute_reversal", type="adjustment"), MovementKind.DISPUTE_REVERSAL),
        (an_entry(reporting_category=None, type="refund"), MovementKind.REFUND),
        (an_entry(reporting_category="charge_failure", type="payment_failure_refund"), MovementKind.OTHER),
        (an_entry(reporting_category="fee", type="stripe_fee", source=None), MovementKind.OTHER),
        (an_entry(reporting_category="payout", type="payout", source="po_1"), MovementKind.OTHER),
    ],
    ids=lambda value: value.value if isinstance(value, MovementKind) else "",
)
@respx.mock
async def test_a_line_is_of_the_kind_that_its_category_says(
    stripe: Stripe, entry: dict[str, object], kind: MovementKind
) -> None:
    respx.get(BOOKS).respond(200, json=a_page(entry))

    found = await stripe.movements(day=DAY)

    assert not isinstance(found, Unknown)
    assert [one.kind for one in found] == [kind]


@respx.mock
async def test_amounts_keep_their_sign_and_an_expanded_payment_is_read_by_its_id(stripe: Stripe) -> None:
    about = {"object": "refund", "id": "re_1", "payment_intent": {"id": REFERENCE, "object": "payment_intent"}}
    entry = an_entry(amount=-5_000, fee=0, reporting_category="refund", type="refund", source=about)
    respx.get(BOOKS).respond(200, json=a_page(entry))

    found = await stripe.movements(day=DAY)

    assert not isinstance(found, Unknown)
    assert [(one.amount, one.payment_reference) for one in found] == [(-5_000, REFERENCE)]


@respx.mock
async def test_a_charge_that_no_payment_of_ours_made_is_a_line_all_the_same(stripe: Stripe) -> None:
    respx.get(BOOKS).respond(200, json=a_page(an_entry(source={"object": "charge", "payment_intent": None})))

    found = await stripe.movements(day=DAY)

    assert not isinstance(found, Unknown)
    assert [one.payment_reference for one in found] == [""]


@respx.mock
async def test_pages_are_turned_to_the_last_and_every_line_comes_once_and_oldest_first(stripe: Stripe) -> None:
    route = respx.get(BOOKS).mock(
        side_effect=[
            httpx.Response(200, json=a_page(an_entry(5), an_entry(4), more=True)),
            # Something moved meanwhile, so a line is shown twice.
            httpx.Response(200, json=a_page(an_entry(4), an_entry(3), more=True)),
            httpx.Response(200, json=a_page()),
        ]
    )

    found = await stripe.movements(day=DAY)

    assert not isinstance(found, Unknown)
    assert [one.id for one in found] == ["txn_3", "txn_4", "txn_5"]
    assert [call.request.url.params.get("starting_after") for call in route.calls] == [None, "txn_4", "txn_3"]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(401, json={}),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=a_page(an_entry(1), more=True)),
        httpx.Response(200, json=a_page(more=True)),
        httpx.Response(200, json=a_page(an_entry(9, amount=1.5))),
        httpx.Response(200, json=a_page(an_entry(9, source="ch_1"))),
        httpx.Response(200, json=a_page(an_entry(9, created=-1))),
        httpx.ReadTimeout("slow"),
    ],
    ids=["not our key", "unreadable", "no turning", "nothing there", "a float", "not expanded", "no time", "silent"],
)
@respx.mock
async def test_half_a_day_is_no_day(stripe: Stripe, answer: httpx.Response | Exception) -> None:
    first = httpx.Response(200, json=a_page(an_entry(1), more=True))
    respx.get(BOOKS).mock(side_effect=[first, answer])

    assert isinstance(await stripe.movements(day=DAY), Unknown)


@respx.mock
async def test_books_without_an_end_are_given_up(stripe: Stripe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.payments.stripe_books.PAGES_MAX", 3)
    pages = [httpx.Response(200, json=a_page(an_entry(number), more=True)) for number in range(3)]
    route = respx.get(BOOKS).mock(side_effect=pages)

    assert await stripe.movements(day=DAY) == Unknown("the network's books of 2026-11-22 have more than 3 pages")
    assert route.call_count == 3


@respx.mock
async def test_a_page_of_large_things_is_read_and_an_endless_one_is_not(stripe: Stripe) -> None:
    large = an_entry(description="x" * 1_000_000)
    route = respx.get(BOOKS).respond(200, json=a_page(large))
    assert not isinstance(await stripe.movements(day=DAY), Unknown)

    route.respond(200, json=a_page(an_entry(description="x" * 4_300_000)))
    assert isinstance(await stripe.movements(day=DAY), Unknown)
