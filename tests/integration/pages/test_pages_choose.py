"""Choosing: dates, prices with what is left, journeys, and seats picked by hand."""

from __future__ import annotations

from datetime import timedelta

from builders import Shop, Stage, a_catalogue, a_price, a_product, an_issuer
from pages_kit import Visitor

from app.domain.catalogue import CategoryDraft, OccasionDraft, PlaceDraft, SeatingDraft


async def test_the_price_list_is_the_legend_with_what_is_left(stage: Stage, shop: Shop) -> None:
    page = await Visitor(stage).get(f"/p/{shop.products['play']}")
    assert "R 6석 남음 60,000원" in page.said
    assert "FLOOR 10석 남음 20,000원" in page.said
    assert "한 번에 8장까지" in page.said


async def test_the_first_date_with_a_free_place_is_chosen_at_first(stage: Stage, shop: Shop) -> None:
    await stage.sql("UPDATE place SET taken_by = id WHERE occasion_id = :id", id=shop.occasions["play/mon"])
    page = await Visitor(stage).get(f"/p/{shop.products['play']}")
    assert page.form("/phones").value("occasion") == str(shop.occasions["play/tue"])
    assert "매진" in page.said


async def test_another_date_can_be_chosen(stage: Stage, shop: Shop) -> None:
    wednesday = shop.occasions["play/wed"]
    page = await Visitor(stage).get(f"/p/{shop.products['play']}?occasion={wednesday}")
    assert page.form("/phones").value("occasion") == str(wednesday)
    assert [given["href"] for given in page.tagged("a", **{"aria-current": "date"})] == [
        f"/p/{shop.products['play']}?occasion={wednesday}"
    ]


async def test_many_dates_are_shown_by_the_fortnight_and_one_further_on_can_be_opened(blank: Stage) -> None:
    at = blank.clock.now()
    dates = tuple(OccasionDraft(f"d{n:02}", at + timedelta(days=n), capacity={"A": 2}) for n in range(1, 18))
    run = a_product("run", prices=(a_price("A", 1000),), occasions=dates)
    shop = await a_catalogue(blank, an_issuer("long", products=(run,)))
    visitor, product = Visitor(blank), shop.products["run"]
    page = await visitor.get(f"/p/{product}")
    assert len(page.tagged("a", **{"class": "date"})) == 14
    (later,) = [href for href in page.hrefs("since=") if "lang=" not in href]
    page = await visitor.get(later)
    assert len(page.tagged("a", **{"class": "date"})) == 3
    last = shop.occasions["run/d17"]
    page = await visitor.get(f"/p/{product}?occasion={last}")
    assert page.form("/phones").value("occasion") == str(last)


async def test_a_product_that_is_not_there_answers_with_a_page_and_a_way_on(stage: Stage) -> None:
    page = await Visitor(stage).get("/p/00000000-0000-7000-8000-000000000000")
    assert page.status == 404
    assert "더 이상 팔지 않거나" in page.said
    assert "/" in [href for href, _ in page.links]


async def test_sales_that_have_closed_say_so_and_offer_no_form(stage: Stage, shop: Shop) -> None:
    product, monday = shop.products["play"], shop.occasions["play/mon"]
    await stage.sql("UPDATE occasion SET sales_until = :at WHERE id = :id", at=stage.clock.now(), id=monday)
    try:
        page = await Visitor(stage).get(f"/p/{product}?occasion={monday}")
        seats = await Visitor(stage).get(f"/p/{product}/seats?occasion={monday}")
    finally:
        await stage.sql("UPDATE occasion SET sales_until = NULL WHERE id = :id", id=monday)
    assert "예매가 끝났습니다" in page.said
    assert page.forms == []
    assert "예매가 끝났습니다" in seats.said


async def test_sales_that_have_not_opened_say_when_they_will(stage: Stage, shop: Shop) -> None:
    product, monday = shop.products["play"], shop.occasions["play/mon"]
    opens = stage.clock.now() + timedelta(hours=1)
    await stage.sql("UPDATE occasion SET sales_from = :at WHERE id = :id", at=opens, id=monday)
    try:
        page = await Visitor(stage).get(f"/p/{product}?occasion={monday}")
    finally:
        await stage.sql("UPDATE occasion SET sales_from = NULL WHERE id = :id", id=monday)
    assert "에 열립니다" in page.said
    assert page.forms == []


# --- journeys -------------------------------------------------------------------------------------------------------


async def test_a_ride_asks_for_the_journey_before_it_names_a_price(stage: Stage, shop: Shop) -> None:
    page = await Visitor(stage).get(f"/p/{shop.products['ride']}")
    assert {"Harbour", "Market", "Airport", "Island"} <= set(page.said.split())
    assert [form.action for form in page.forms] == [f"/p/{shop.products['ride']}"]


async def test_a_chosen_journey_shows_its_fare_and_goes_on_with_it(stage: Stage, shop: Shop) -> None:
    visitor, product = Visitor(stage), shop.products["ride"]
    page = await visitor.get(f"/p/{product}")
    page = await visitor.send(page, page.forms[0], origin=str(shop.stops["a"]), destination=str(shop.stops["b"]))
    assert "1,000원" in page.said
    page = await visitor.submit(page, "/phones", quantity="2")
    assert "Harbour → Market" in page.said
    assert "2,000원" in page.said


async def test_a_journey_that_is_not_sold_says_so(stage: Stage, shop: Shop) -> None:
    a = shop.stops["a"]
    page = await Visitor(stage).get(f"/p/{shop.products['ride']}?origin={a}&destination={a}")
    assert "이 구간의 표는 팔지 않습니다" in page.said


async def test_swapping_the_stops_of_a_ride_needs_no_script(stage: Stage, shop: Shop) -> None:
    a, b = shop.stops["a"], shop.stops["b"]
    page = await Visitor(stage).get(f"/p/{shop.products['ride']}?origin={a}&destination={b}&swap=1")
    assert (page.forms[0].value("origin"), page.forms[0].value("destination")) == (str(b), str(a))


async def test_an_open_dated_ticket_says_how_long_it_is_good(stage: Stage, shop: Shop) -> None:
    page = await Visitor(stage).get(f"/p/{shop.products['carnet']}")
    assert "90일 동안" in page.said
    assert "3회 이용" in page.said


# --- seats ----------------------------------------------------------------------------------------------------------


async def test_a_small_hall_is_shown_whole_and_each_seat_says_where_it_is_and_what_it_costs(
    stage: Stage, shop: Shop
) -> None:
    page = await Visitor(stage).get(f"/p/{shop.products['play']}/seats?occasion={shop.occasions['play/mon']}")
    labels = [given["aria-label"] for given in page.tagged("input", name="place")]
    assert len(labels) == 12
    assert "A열 3번, 60,000원" in labels
    assert "B열 6번, 40,000원" in labels


async def test_a_taken_seat_cannot_be_chosen(stage: Stage, shop: Shop) -> None:
    (seat,) = shop.seats("play/mon", "A-3")
    await stage.sql("UPDATE place SET taken_by = id WHERE id = :id", id=seat)
    page = await Visitor(stage).get(f"/p/{shop.products['play']}/seats?occasion={shop.occasions['play/mon']}")
    form = page.form("/phones")
    assert form.disabled == [str(seat)]
    assert str(seat) not in form.choices["place"]
    assert "A열 3번, 선택할 수 없음" in page.html


async def test_chosen_seats_become_lines_by_their_category(stage: Stage, shop: Shop) -> None:
    visitor = Visitor(stage)
    page = await visitor.get(f"/p/{shop.products['play']}/seats?occasion={shop.occasions['play/mon']}")
    seats = [str(one) for one in shop.seats("play/mon", "A-1", "B-2", "B-3")]
    page = await visitor.submit(page, "/phones", place=seats)
    assert "R × 1" in page.said
    assert "S × 2" in page.said
    assert "140,000원" in page.said
    assert [value for name, value in page.form("/phones").fields if name == "place"] == seats


async def test_choosing_no_seat_leads_back_with_a_sentence(stage: Stage, shop: Shop) -> None:
    visitor = Visitor(stage)
    page = await visitor.get(f"/p/{shop.products['play']}/seats?occasion={shop.occasions['play/mon']}")
    page = await visitor.submit(page, "/phones")
    assert page.url.startswith(f"/p/{shop.products['play']}/seats?")
    assert "자리를 한 곳 이상 고르십시오" in page.said


async def test_more_seats_than_one_booking_may_have_lead_back_with_the_seats_kept(stage: Stage, shop: Shop) -> None:
    visitor = Visitor(stage)
    page = await visitor.get(f"/p/{shop.products['play']}/seats?occasion={shop.occasions['play/mon']}")
    every = page.form("/phones").choices["place"]
    page = await visitor.submit(page, "/phones", place=every[:9])
    assert "한 번에 8자리까지입니다" in page.said
    assert [value for name, value in page.form("/phones").fields if name == "place"] == every[:9]


async def test_a_seat_lost_meanwhile_is_taken_out_and_told(stage: Stage, shop: Shop) -> None:
    kept, lost = shop.seats("play/mon", "A-1", "A-2")
    await stage.sql("UPDATE place SET taken_by = id WHERE id = :id", id=lost)
    page = await Visitor(stage).get(
        f"/p/{shop.products['play']}/seats?occasion={shop.occasions['play/mon']}&place={kept}&place={lost}"
    )
    assert "이미 팔린 자리가 있어 뺐습니다" in page.said
    assert [value for name, value in page.form("/phones").fields if name == "place"] == [str(kept)]


async def test_seats_of_another_date_are_not_taken_along(stage: Stage, shop: Shop) -> None:
    (other,) = shop.seats("play/tue", "A-1")
    page = await Visitor(stage).get(
        f"/p/{shop.products['play']}/phones?occasion={shop.occasions['play/mon']}&place={other}&by=seat"
    )
    assert "자리를 한 곳 이상 고르십시오" in page.said


def an_arena(*, sections: int = 3, rows: int = 12, seats: int = 20) -> SeatingDraft:
    """Sections side by side, each with a nearer and a farther category."""
    places = tuple(
        PlaceDraft(
            guid=f"{section}-{row}-{seat}",
            category="R" if row < rows // 2 else "S",
            numbered=True,
            zone=str(101 + section),
            row=str(row + 1),
            seat=str(seat + 1),
            x=400.0 * section + 10 * seat,
            y=20.0 * row,
        )
        for section in range(sections)
        for row in range(rows)
        for seat in range(seats)
    )
    return SeatingDraft("arena", "Arena", (CategoryDraft("R"), CategoryDraft("S")), places, 1200.0, 300.0)


async def the_arena(blank: Stage) -> Shop:
    at = blank.clock.now() + timedelta(days=3)
    show = a_product(
        "show",
        prices=(a_price("R", 90_000), a_price("S", 50_000)),
        occasions=(OccasionDraft("one", at, seating="arena"),),
    )
    return await a_catalogue(blank, an_issuer("gaon", seatings=(an_arena(),), products=(show,)))


async def test_a_large_hall_first_asks_for_the_section_and_draws_it(blank: Stage) -> None:
    shop = await the_arena(blank)
    page = await Visitor(blank).get(f"/p/{shop.products['show']}/seats")
    assert page.tagged("input", type="checkbox") == []
    assert "101 구역 240석" in page.said
    assert len(page.tagged("polygon")) == 6  # a nearer and a farther block for each section
    assert len([href for href in page.hrefs("section=102") if "lang=" not in href]) == 1


async def test_seats_picked_in_one_section_are_kept_in_the_next(blank: Stage) -> None:
    shop = await the_arena(blank)
    visitor = Visitor(blank)
    page = await visitor.get(f"/p/{shop.products['show']}/seats?section=101")
    assert len(page.tagged("input", type="checkbox")) == 240
    first, second = shop.seats("show/one", "0-0-0", "1-11-5")
    form = page.form("/phones")
    form.action = f"/p/{shop.products['show']}/seats"
    page = await visitor.send(page, form, place=[str(first)], section="102")
    assert "고른 자리 101 1열 1번" in page.said
    page = await visitor.submit(page, "/phones", place=[str(first), str(second)])
    assert "R × 1" in page.said
    assert "S × 1" in page.said
    assert "140,000원" in page.said


async def test_no_page_of_a_hall_has_more_than_400_seats_and_the_rest_follows(blank: Stage) -> None:
    at = blank.clock.now() + timedelta(days=3)
    show = a_product(
        "show", prices=(a_price("R", 1), a_price("S", 2)), occasions=(OccasionDraft("one", at, seating="arena"),)
    )
    plan = an_arena(sections=1, rows=30)
    shop = await a_catalogue(blank, an_issuer("gaon", seatings=(plan,), products=(show,)))
    visitor, product = Visitor(blank), shop.products["show"]
    page = await visitor.get(f"/p/{product}/seats?section=101")
    assert len(page.tagged("input", type="checkbox")) == 400
    (more,) = page.tagged("button", name="after")
    page = await visitor.get(f"/p/{product}/seats?section=101&after={more['value']}")
    assert len(page.tagged("input", type="checkbox")) == 200
    assert page.tagged("button", name="after") == []


async def test_what_has_no_seats_leads_back_to_its_prices(stage: Stage, shop: Shop) -> None:
    page = await Visitor(stage).get(f"/p/{shop.products['talk']}/seats")
    assert page.url.startswith(f"/p/{shop.products['talk']}?")
    assert page.form("/phones").value("occasion") == str(shop.occasions["talk/talk"])
