"""Finding: what the first page lists, in which language, and what it says where nothing is found."""

from __future__ import annotations

from builders import Shop, Stage, a_catalogue, a_price, a_product, an_issuer
from pages_kit import Visitor


async def test_a_stub_tells_title_issuer_date_place_price_and_state(stage: Stage, shop: Shop) -> None:
    page = await Visitor(stage).get("/")
    assert page.status == 200
    assert page.lang == "ko"
    for words in ("봄날의 우체국", "haneul", "하늘극장", "외 2일", "20,000원부터", "예매 가능"):
        assert words in page.said
    assert f"/p/{shop.products['play']}" in page.hrefs("/p/")


async def test_the_same_page_speaks_english_to_who_asks_for_it(stage: Stage) -> None:
    page = await Visitor(stage, language="en-GB,en;q=0.8").get("/")
    assert page.lang == page.headers["content-language"] == "en"
    assert "The Post Office in Spring" in page.said
    assert "from ₩20,000" in page.said
    assert "and 2 more dates" in page.said


async def test_a_chosen_language_is_remembered_and_wins_over_the_browsers(stage: Stage) -> None:
    visitor = Visitor(stage)
    assert (await visitor.get("/?lang=en")).lang == "en"
    assert (await visitor.get("/")).lang == "en"
    assert (await visitor.get("/?lang=xx")).lang == "en"


async def test_the_language_link_keeps_what_was_asked(stage: Stage) -> None:
    page = await Visitor(stage).get("/?q=봄날&day=2026-01-01")
    (link,) = page.hrefs("lang=en")
    assert "day=2026-01-01" in link
    assert "q=%EB%B4%84" in link


async def test_words_in_either_language_find_the_product(stage: Stage) -> None:
    visitor = Visitor(stage)
    for words in ("우체국", "post office"):
        page = await visitor.get(f"/?q={words}")
        assert len(page.hrefs("/p/")) == 1, words


async def test_kind_narrows_the_list(stage: Stage, shop: Shop) -> None:
    page = await Visitor(stage).get("/?kind=voucher")
    assert page.hrefs("/p/") == [f"/p/{shop.products['gift']}"]
    assert "50,000원" in page.said


async def test_a_date_leaves_out_what_is_over_by_then(stage: Stage, shop: Shop) -> None:
    day = stage.clock.now().date().replace(year=stage.clock.now().year + 1).isoformat()
    page = await Visitor(stage).get(f"/?day={day}")
    assert f"/p/{shop.products['play']}" not in page.hrefs("/p/")


async def test_nonsense_in_the_address_is_passed_over(stage: Stage) -> None:
    page = await Visitor(stage).get("/?kind=cheese&day=tomorrow&origin=x&destination=&after=zzz&swap=1")
    assert page.status == 200
    assert page.hrefs("/p/")


async def test_an_empty_answer_says_how_to_go_on(stage: Stage) -> None:
    page = await Visitor(stage).get("/?q=nosuchthing")
    assert "찾으시는 표가 없습니다" in page.said
    assert "전체 보기" in page.said
    assert page.hrefs("/p/") == []


async def test_an_empty_house_says_that_nothing_is_on_sale_yet(blank: Stage) -> None:
    page = await Visitor(blank).get("/")
    assert "아직 파는 표가 없습니다" in page.said


async def test_a_sold_out_date_tells_of_the_others(stage: Stage, shop: Shop) -> None:
    await stage.sql("UPDATE place SET taken_by = id WHERE occasion_id = :id", id=shop.occasions["play/mon"])
    page = await Visitor(stage, language="en").get("/?q=post")
    assert "sold out: 2 other dates" in page.said


async def test_the_last_few_are_counted(stage: Stage, shop: Shop) -> None:
    await stage.sql(
        "UPDATE place SET taken_by = id WHERE occasion_id = :id AND numbered", id=shop.occasions["play/mon"]
    )
    page = await Visitor(stage, language="en").get("/?q=post")
    assert "last 10" in page.said


async def test_rides_first_ask_from_and_to(stage: Stage, shop: Shop) -> None:
    page = await Visitor(stage).get("/?kind=ride")
    assert {"Harbour", "Market", "Airport", "Island"} <= set(page.said.split())
    assert {given["name"] for given in page.tagged("select")} == {"origin", "destination"}
    assert f"/p/{shop.products['ride']}" in page.hrefs("/p/")


async def test_a_journey_shows_its_own_price_and_is_carried_along(stage: Stage, shop: Shop) -> None:
    a, c = shop.stops["a"], shop.stops["c"]
    page = await Visitor(stage).get(f"/?kind=ride&origin={a}&destination={c}")
    assert "1,000원" in page.said  # the express is the narrower fare
    assert page.hrefs(f"/p/{shop.products['ride']}?origin={a}&destination={c}")


async def test_swap_turns_the_journey_round(stage: Stage, shop: Shop) -> None:
    a, c = shop.stops["a"], shop.stops["c"]
    page = await Visitor(stage).get(f"/?kind=ride&origin={a}&destination={c}&swap=1")
    form = page.forms[0]
    assert (form.value("origin"), form.value("destination")) == (str(c), str(a))


async def test_a_journey_nobody_sells_says_to_swap_or_choose_nearby(stage: Stage, shop: Shop) -> None:
    page = await Visitor(stage).get(f"/?kind=ride&origin={shop.stops['a']}&destination={shop.stops['a']}")
    assert "방향을 바꾸거나" in page.said


async def test_more_than_a_page_of_tickets_goes_on_until_all_were_shown(blank: Stage) -> None:
    products = tuple(
        a_product(f"card-{n:02}", "ride", prices=(a_price("adult", 1000),), valid_days=9) for n in range(45)
    )
    shop = await a_catalogue(blank, an_issuer("many", products=products))
    visitor, seen, address = Visitor(blank), set[str](), "/"
    for _ in range(3):
        page = await visitor.get(address)
        seen |= set(page.hrefs("/p/"))
        address = next((href for href in page.hrefs("after=") if "lang=" not in href), "")
    assert address == ""
    assert seen == {f"/p/{identity}" for identity in shop.products.values()}


async def test_assets_are_kept_for_ever_under_the_name_of_their_content(stage: Stage) -> None:
    visitor = Visitor(stage)
    page = await visitor.get("/")
    for given in page.tagged("link", rel="stylesheet"):
        answer = await visitor.client.get(given["href"])
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/css")
        assert "immutable" in answer.headers["cache-control"]
    assert "immutable" not in (await visitor.client.get("/assets/pages.css?v=old")).headers["cache-control"]
    assert (await visitor.client.get("/assets/nothing.css")).status_code == 404


async def test_nothing_on_the_page_needs_what_our_own_policy_forbids(stage: Stage) -> None:
    page = await Visitor(stage).get("/")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert all(given.get("src", "").startswith("/assets/") for given in page.tagged("script"))
    assert not [given for _, given in page.tags if "style" in given or any(name.startswith("on") for name in given)]
