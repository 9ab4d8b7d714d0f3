"""Every deck at /wap goes through compilers that nobody of /wap wrote, and is small enough for the phones of 2000."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from builders import BUYER, Shop, Stage, a_booking, a_catalogue, a_product, an_issuer
from wap_kit import Deck, Phone

from app.domain.catalogue import (
    CategoryDraft,
    IssuerCatalogue,
    OccasionDraft,
    PlaceDraft,
    PriceDraft,
    SeatingDraft,
    StopDraft,
    VenueDraft,
)
from app.domain.money import Money
from app.flows.tickets import show
from mobile_gateway.wire import wbmp, wml, xmltree

DECK_OCTETS_MAX = 1_400
LONGEST = "아주 먼 나라에서 온 우편배달부가 비 오는 봄밤에 들려주는 끝나지 않는 이야기와 오래된 노래 " * 2
SECTIONS, ROWS, SEATS = 40, 10, 30
"""12,000 seats."""
OF_A_KIND_MAX = 1
"""How many addresses of one kind, such as a page of dates, a crawl follows."""

needs_libwbxml = pytest.mark.skipif(
    shutil.which("xml2wbxml") is None, reason="libwbxml2-utils is not installed; no deck was compiled"
)


def compiled(deck: Deck, folder: Path) -> bytes:
    """The deck as WMLC by libwbxml."""
    source, target = folder / "deck.wml", folder / "deck.wmlc"
    # Its parser knows no KS C 5601: a gateway recodes such a deck before it compiles it, and so do we.
    source.write_text(deck.source.replace(deck.source.split('"')[3], "UTF-8", 1), encoding="utf-8")
    target.unlink(missing_ok=True)
    # Without -k it drops the blanks around a field's label; without -n it may save octets that other compilers do not.
    done = run("xml2wbxml", "-n", "-k", "-o", target, source)
    assert "succeeded" in done.stderr, f"{deck.url}: {done.stderr} {deck.source}"
    return target.read_bytes()


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, check=False, text=True)


def judge(decks: Sequence[Deck], folder: Path) -> None:
    """Each deck is small by two compilers, and says the same once it is compiled."""
    assert len(decks) > OF_A_KIND_MAX
    for deck in {one.source: one for one in decks}.values():
        octets = compiled(deck, folder)
        assert len(octets) <= DECK_OCTETS_MAX, f"{deck.url} has {len(octets)} octets: {deck.said}"
        assert said_by(wml.decompile(octets)) == said_by(parsed(deck)), deck.url
        ours = wml.compile(parsed(deck))
        assert len(ours) <= DECK_OCTETS_MAX, f"{deck.url} has {len(ours)} octets by our gateway"


def parsed(deck: Deck) -> xmltree.Element:
    octets = deck.source.partition("?>")[2].encode()
    return xmltree.parse(octets, octets_max=20_000, depth_max=20, elements_max=1_000)


def said_by(root: xmltree.Element) -> str:
    return "".join(root.text.split())


async def crawl(phone: Phone, start: str) -> list[Deck]:
    """Follows links from one deck on: of each kind of address the first few; what the kit checks is checked on each."""
    waiting, kinds = [start], Counter[tuple[str, ...]]()
    while waiting:
        deck = await phone.get(waiting.pop(0))
        for _, href in deck.links:
            path, _, query = href.partition("?")
            kind = (*path.split("/")[:3], *(pair.partition("=")[0] for pair in query.split("&")))
            if path.startswith("/wap") and kinds[kind] < OF_A_KIND_MAX:
                kinds[kind] += 1
                waiting.append(href)
    return phone.decks


def the_monster(stage: Stage) -> IssuerCatalogue:
    """The longest names, 30 categories, 12,000 seats in 40 sections, 40 dates and 120 stops."""
    long = {"ko": LONGEST, "en": "The neverending tale of a postman from a country very far away " * 2}
    categories = [f"C{number:02}" for number in range(30)]
    places = tuple(
        PlaceDraft(
            guid=f"{section}-{row}-{seat}",
            category=categories[section % 30],
            numbered=True,
            zone=f"{section + 1}구역 동쪽 스탠드 위층의 가장 높은 곳",
            row=f"{row + 1}번째 줄",
            seat=str(seat + 1),
            x=10.0 * seat,
            y=15.0 * row,
        )
        for section in range(SECTIONS)
        for row in range(ROWS)
        for seat in range(SEATS)
    )
    hall = SeatingDraft("bowl", "Bowl", tuple(CategoryDraft(one) for one in categories), places, 100.0, 100.0)
    now = stage.clock.now()
    days = [OccasionDraft(f"d{day}", now + timedelta(days=day + 2), capacity={"C00": 9}) for day in range(40)]
    days[0] = OccasionDraft("d0", now + timedelta(days=2), seating="bowl")
    prices = tuple(PriceDraft(one, long, Money(123_456_000, "KRW")) for one in categories)
    show = a_product("show", venue="bowl", title=long, booking_limit=50, prices=prices, occasions=tuple(days))
    ride = a_product(
        "ride",
        "ride",
        title=long,
        valid_days=30,
        prices=(PriceDraft("adult", long, Money(1_500, "KRW"), origin_zone="1", destination_zone="1"),),
    )
    return an_issuer(
        "monster",
        name=long,
        venues=(VenueDraft("bowl", long, long),),
        seatings=(hall,),
        stops=tuple(StopDraft(f"s{number:03}", long, "1", 35.0, 129.0) for number in range(120)),
        products=(show, ride),
    )


async def buy_by_hand(phone: Phone) -> None:
    """Eight seats of the largest hall, one by one, a second choice, every means, and the tickets."""
    deck = await phone.follow(
        await phone.get("/wap/find?k=admission"), "아주 먼", "11월 24일", "자리 직접", "1구역", "1번째"
    )
    for seat in range(1, 9):
        deck = await phone.follow(deck, f"{seat}번 ")
    deck = await phone.follow(deck, "이 자리로")
    rival = await phone.press(deck, "선물하기", g="01087654321")
    assert "잡아 두었습니다" in rival.said
    deck = await phone.press(deck, "내 전화로")
    assert "방금 다 팔렸습니다" in deck.said
    deck = await phone.press(deck, deck.presses[0].words)
    await phone.press(await phone.follow(deck, "전자화폐"), "결제하기", p="12345")
    deck = await phone.press(await phone.follow(deck, "전자화폐"), "결제하기", p="123456")
    deck = await phone.press(await phone.follow(deck, "카드"), "결제하기", c="!")
    deck = await phone.press(deck, "결제하기", c="pm_declined")
    deck = await phone.press(await phone.follow(deck, "카드"), "결제하기", c="pm_card_visa")
    await phone.follow(deck, "표 보기")
    await phone.get("/wap/mine")
    await phone.press(rival, "그만두기")


@needs_libwbxml
async def test_every_deck_of_the_longest_names_and_the_largest_hall_compiles_small(
    blank: Stage, tmp_path: Path
) -> None:
    await a_catalogue(blank, the_monster(blank))
    phone = Phone(blank, number=BUYER[1:])
    await crawl(phone, "/wap?l=ko")
    addresses = " ".join(deck.url for deck in phone.decks)
    for kind in ("/wap/s/.*x=.*y=", "/wap/c/.*a=", "/wap/p/.*d=", "/wap/from.*a=", "/wap/w/"):
        assert re.search(kind, addresses), f"the crawl met no {kind}"
    await buy_by_hand(phone)
    judge(phone.decks, tmp_path)


@needs_libwbxml
@pytest.mark.parametrize(("language", "charset"), [("en", "utf-8"), ("ko", "euc-kr")])
@pytest.mark.usefixtures("shop")
async def test_every_deck_of_a_usual_catalogue_compiles(
    stage: Stage, tmp_path: Path, language: str, charset: str
) -> None:
    phone = Phone(stage, charset=charset, language=language)
    for start in ("/wap", "/wap/nowhere", "/wap/mine"):
        await crawl(phone, start)
    judge(phone.decks, tmp_path)


@pytest.mark.skipif(shutil.which("zbarimg") is None, reason="zbar-tools are not installed; no barcode was read")
@pytest.mark.parametrize(
    ("screen", "compact"), [("96x65", True), ("101x80", True), ("128x128", False), ("176x220", False)]
)
async def test_the_barcode_on_the_phones_screen_is_read_by_a_scanner(
    stage: Stage,
    shop: Shop,
    tmp_path: Path,
    screen: str,
    compact: bool,  # noqa: FBT001 - a column of the table
) -> None:
    made = await a_booking(stage, shop, paid=True)
    phone = Phone(stage, number=BUYER[1:], **{"x-screen": screen})
    deck = await phone.follow(await phone.get("/wap/mine"), "표 보기")
    (picture,) = deck.pictures
    drawn = wbmp.decode((await phone.client.get(picture)).content)
    assert f"{drawn.width}x{drawn.height}" == screen
    path = tmp_path / "screen.pbm"
    rows = "\n".join(
        " ".join("1" if dark else "0" for dark in row for _ in range(4)) for row in drawn.rows for _ in range(4)
    )
    path.write_text(f"P1\n{drawn.width * 4} {drawn.height * 4}\n{rows}\n", encoding="ascii")
    text = run("zbarimg", "--quiet", "--raw", path).stdout.strip()
    (ticket,) = made.tickets
    assert text == show.compact_code(stage.world, ticket) if compact else text.startswith("S:")
