"""Second choices of a sold-out departure keep the journey."""

from __future__ import annotations

from datetime import timedelta

import pytest
from builders import Stage, a_catalogue, a_line, a_price, a_product, a_request, an_issuer, words

from app.domain.catalogue import OccasionDraft, StopDraft
from app.domain.refusals import SoldOut
from app.flows.booking import book
from app.schemas.bookings import BookingIn, alternative


async def test_another_departure_is_offered_for_the_same_journey_and_books_as_it_stands(blank: Stage) -> None:
    now = blank.clock.now()
    departures = tuple(
        OccasionDraft(f"night-{night}", now + timedelta(days=night), capacity={"seat": 1, "bed": 1}) for night in (1, 2)
    )
    zones = {"origin_zone": "1", "destination_zone": "2"}
    coach = a_product(
        "coach",
        "ride",
        valid_days=30,
        prices=(
            a_price("seat", 14_000, **zones),
            a_price("seat", 9_000, origin_zone="1", destination_zone="1"),
            a_price("bed", 22_000, **zones),
            a_price("bed", 20_000, origin_zone="1", destination_zone="1"),
        ),
        occasions=departures,
    )
    stops = (StopDraft("a", words("Harbour"), "1", 35.1, 129.0), StopDraft("c", words("Airport"), "2", 35.3, 129.2))
    shop = await a_catalogue(blank, an_issuer("coaches", stops=stops, products=(coach,)))
    origin, destination = shop.stops["a"], shop.stops["c"]
    line = a_line(shop.prices["coach/seat"][0], origin_id=origin, destination_id=destination)
    request = a_request(shop.occasions["coach/night-1"], line)
    await book.book(blank.world, request)

    with pytest.raises(SoldOut) as refusal:
        await book.book(blank.world, request)

    choices = refusal.value.more["alternatives"]
    assert isinstance(choices, list)
    assert [(choice.kind.value, choice.amount.amount) for choice in choices] == [
        ("other_category", 22_000),
        ("other_date", 14_000),
    ]
    for choice in choices:
        body = alternative(choice, request)["body"]
        booked = await book.book(blank.world, BookingIn.model_validate(body).request())
        (item,) = await blank.sql("SELECT * FROM booking_item WHERE booking_id = :id", id=booked.id)
        assert (item.origin_id, item.destination_id) == (origin, destination)
