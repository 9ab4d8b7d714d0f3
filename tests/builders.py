"""What tests begin with: a world on a fresh database, a catalogue, bookings that are held or paid, gates and keys."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import fakeredis
import sqlalchemy as sa
from fakes import GOOD_CARD, FakeCard, FakeCarrier, FakeClock, SeededEntropy
from redis.asyncio import Redis

from app import worker
from app.domain.booking import BookingRequest, Line
from app.domain.catalogue import (
    CatalogueDraft,
    CategoryDraft,
    IssuerCatalogue,
    IssuerDraft,
    OccasionDraft,
    PlaceDraft,
    PriceDraft,
    ProductDraft,
    ProductKind,
    RouteDraft,
    SeatingDraft,
    StopDraft,
    VenueDraft,
)
from app.domain.gate import Place
from app.domain.handset import Handset
from app.domain.money import Money
from app.flows.booking import book
from app.flows.booking.book import Booked
from app.flows.booking.importing import import_catalogue
from app.flows.gate import admit, gates
from app.flows.gate import tokens as gate_tokens
from app.flows.gate.admit_case import Answer
from app.flows.paying import emoney, pay
from app.flows.paying.pay import Tender
from app.flows.tickets import show
from app.issuers.local import LocalIssuer
from app.keys import KeyRing
from app.memory import Memory
from app.payments.emoney import Emoney
from app.payments.voucher import Vouchers
from app.pins import pin_of
from app.ports import Instrument, Issuer
from app.store.database import Database, make_engine
from app.store.tables.register import ScanKind
from app.world import House, World

BUYER = Handset("+821012345678")
FRIEND = Handset("+821087654321")
PUBLIC_URL = "https://tickets.example"
KEYS = KeyRing.fresh()
"""One ring for the whole run: making one costs more than most tests."""

_numbers = itertools.count(1)


# --- a world --------------------------------------------------------------------------------------------------------


@dataclass
class Stage:
    """A world with hands on everything that is outside of it."""

    world: World
    clock: FakeClock
    entropy: SeededEntropy
    card: FakeCard
    carrier: FakeCarrier
    redis: Redis

    @property
    def database(self) -> Database:
        return self.world.database

    async def sql(self, statement: str, **values: object) -> list[sa.Row[Any]]:
        """Run one statement in a transaction of its own; rows if it gives any."""
        async with self.database.transaction() as tx:
            return list(await tx.execute(statement, values))

    async def value(self, statement: str, **values: object) -> Any:
        rows = await self.sql(statement, **values)
        return rows[0][0] if rows else None

    async def work(self, *, rounds: int = 20) -> None:
        """Let a worker carry out what is due now."""
        for _ in range(rounds):
            if not await worker.drain(self.world):
                return
        raise AssertionError(f"the outbox is not empty after {rounds} rounds")

    def forget(self) -> None:
        """Drop the snapshots of availability, which live by the real clock."""
        self.world.memory._kept.clear()

    async def close(self) -> None:
        """Let go of Redis; the database belongs to whoever made it."""
        await self.redis.aclose()


def a_stage(
    url: str,
    *,
    seed: int = 1,
    clock: FakeClock | None = None,
    card: FakeCard | None = None,
    carrier: FakeCarrier | None = None,
    redis: Redis | None = None,
    pool_size: int = 5,
    database: Database | None = None,
    **house: Any,
) -> Stage:
    """A world on the database at `url`. Two with one clock, card network and carrier are two processes of one house."""
    clock, card, carrier = clock or FakeClock(), card or FakeCard(), carrier or FakeCarrier()
    entropy = SeededEntropy(seed)
    found = database or Database(make_engine(url, pool_size=pool_size))
    redis = redis or fakeredis.FakeAsyncRedis(server=fakeredis.FakeServer())
    issuers: dict[str, Issuer] = {"local": LocalIssuer(found, clock)}
    world = World(
        database=found,
        clock=clock,
        entropy=entropy,
        channels={"sms_http": carrier},
        payments={
            "card": card,
            "emoney": Emoney(found, clock, entropy, KEYS),
            "voucher": Vouchers(found, clock, entropy, KEYS, issuers),
        },
        issuers=issuers,
        memory=Memory(redis),
        house=House(keys=KEYS, public_url=PUBLIC_URL, **house),
    )
    return Stage(world, clock, entropy, card, carrier, redis)


# --- a catalogue ----------------------------------------------------------------------------------------------------


def words(text: str) -> dict[str, str]:
    return {"ko": text, "en": text}


def a_price(category: str, amount: int, *, currency: str = "KRW", **more: Any) -> PriceDraft:
    return PriceDraft(category, words(category), Money(amount, currency), **more)


def a_product(slug: str, kind: ProductKind = "admission", **given: Any) -> ProductDraft:
    fields: dict[str, Any] = {
        "title": words(slug),
        "description": words(f"about {slug}"),
        "venue": None,
        "uses": 1,
        "face_value": None,
        "valid_days": None,
        "booking_limit": 8,
        "buyer_limit": None,
        "transfer": "free",
        "refund": "until_start",
        "prices": (),
        "occasions": (),
    }
    return ProductDraft(slug=slug, kind=kind, **fields | given)


def an_issuer(slug: str = "haneul", **given: Any) -> IssuerCatalogue:
    """An issuer; what is given of an IssuerDraft goes there, the rest to its catalogue."""
    own = {"currency": "KRW", "timezone": "Asia/Seoul", "language": "ko", "name": words(slug)}
    for name in ("currency", "timezone", "language", "name", "url", "phone"):
        if name in given:
            own[name] = given.pop(name)
    return IssuerCatalogue(IssuerDraft(slug=slug, **own), **given)  # type: ignore[arg-type]  # each is a word or a Text


def a_hall(slug: str = "hall", *, rows: Sequence[str] = "AB", seats: int = 6) -> SeatingDraft:
    """A small hall: row A is of category R, the others of S; seats stand 10 apart, rows 15."""
    places = tuple(
        PlaceDraft(
            guid=f"{row}-{seat}",
            category="R" if row == "A" else "S",
            numbered=True,
            zone="Stalls",
            row=row,
            seat=str(seat),
            x=10.0 * seat,
            y=15.0 * index,
        )
        for index, row in enumerate(rows)
        for seat in range(1, seats + 1)
    )
    return SeatingDraft(slug, "Hall", (CategoryDraft("R", "#a00000"), CategoryDraft("S")), places, 100.0, 100.0)


def the_theatre(now: datetime) -> IssuerCatalogue:
    """All three kinds of product: a play on three days, a talk that is free, rides between zones, a gift voucher."""

    def day(slug: str, days: int, **more: Any) -> OccasionDraft:
        at = now + timedelta(days=days)
        return OccasionDraft(slug, at, ends_at=at + timedelta(hours=2), doors_at=at - timedelta(hours=1), **more)

    play = a_product(
        "play",
        venue="main",
        title={"ko": "봄날의 우체국", "en": "The Post Office in Spring"},
        prices=(a_price("R", 60_000, colour="#a00000"), a_price("S", 40_000), a_price("FLOOR", 20_000)),
        occasions=(
            day("mon", 2, seating="hall", capacity={"FLOOR": 10}),
            day("tue", 3, seating="hall"),
            day("wed", 4, seating="hall"),
        ),
    )
    talk = a_product("talk", prices=(a_price("FREE", 0),), occasions=(day("talk", 5, capacity={"FREE": 3}),))
    ride = a_product(
        "ride",
        "ride",
        valid_days=30,
        prices=(
            a_price("adult", 1_500, origin_zone="1", destination_zone="2"),
            a_price("adult", 1_200, origin_zone="1", destination_zone="1"),
            a_price("adult", 1_000, route="express"),
        ),
    )
    carnet = a_product("carnet", "ride", uses=3, prices=(a_price("adult", 4_000),), valid_days=90)
    gift = a_product(
        "gift", "voucher", face_value=Money(50_000, "KRW"), prices=(a_price("gift", 50_000),), buyer_limit=4
    )
    stops = (
        StopDraft("a", words("Harbour"), "1", 35.1, 129.0),
        StopDraft("b", words("Market"), "1", 35.2, 129.1),
        StopDraft("c", words("Airport"), "2", 35.3, 129.2),
        StopDraft("d", words("Island"), None, 35.4, 129.3),
    )
    return an_issuer(
        "haneul",
        venues=(VenueDraft("main", {"ko": "하늘극장", "en": "Haneul Theatre"}, words("12 Theatre Street")),),
        seatings=(a_hall(),),
        stops=stops,
        routes=(RouteDraft("express", words("Express"), (("a", "c"), ("a", "b", "c"))),),
        products=(play, talk, ride, carnet, gift),
    )


@dataclass
class Shop:
    """An imported catalogue by its natural names."""

    issuer: UUID
    products: dict[str, UUID]
    occasions: dict[str, UUID]
    """By `product/occasion`."""
    prices: dict[str, list[UUID]]
    """By `product/category`, in the order of the file."""
    places: dict[str, dict[str, UUID]] = field(default_factory=dict)
    """By `product/occasion`, then by guid in plan order."""
    stops: dict[str, UUID] = field(default_factory=dict)

    def price(self, name: str) -> UUID:
        return self.prices[name][0]

    def seats(self, occasion: str, *guids: str) -> tuple[UUID, ...]:
        return tuple(self.places[occasion][guid] for guid in guids)


async def a_catalogue(stage: Stage, *catalogues: IssuerCatalogue) -> Shop:
    """Import these issuers, or the theatre; the shop of the first."""
    drafts = catalogues or (the_theatre(stage.clock.now()),)
    await import_catalogue(stage.world, CatalogueDraft(tuple(drafts)))
    return await the_shop(stage, drafts[0].issuer.slug)


async def the_shop(stage: Stage, slug: str) -> Shop:
    issuer = await stage.value("SELECT id FROM issuer WHERE slug = :slug", slug=slug)
    products = await stage.sql("SELECT id, slug FROM product WHERE issuer_id = :i", i=issuer)
    names = {row.id: row.slug for row in products}
    occasions = await stage.sql("SELECT id, slug, product_id FROM occasion WHERE issuer_id = :i", i=issuer)
    shop = Shop(
        issuer=issuer,
        products={row.slug: row.id for row in products},
        occasions={f"{names[row.product_id]}/{row.slug}": row.id for row in occasions},
        prices={},
    )
    for row in await stage.sql("SELECT * FROM price WHERE issuer_id = :i ORDER BY position, id", i=issuer):
        shop.prices.setdefault(f"{names[row.product_id]}/{row.category}", []).append(row.id)
    by_id = {identity: name for name, identity in shop.occasions.items()}
    for row in await stage.sql("SELECT id, guid, occasion_id FROM place WHERE issuer_id = :i ORDER BY pos", i=issuer):
        shop.places.setdefault(by_id[row.occasion_id], {})[row.guid] = row.id
    shop.stops = {
        row.code: row.id for row in await stage.sql("SELECT id, code FROM stop WHERE issuer_id = :i", i=issuer)
    }
    return shop


# --- bookings -------------------------------------------------------------------------------------------------------


def a_line(price: UUID, quantity: int = 1, *places: UUID, handsets: Sequence[Handset] = (), **more: Any) -> Line:
    return Line(price, quantity or len(places), tuple(places), tuple(handsets), **more)


def a_request(occasion: UUID | None, *lines: Line, product: UUID | None = None, **given: Any) -> BookingRequest:
    fields: dict[str, Any] = {"buyer": BUYER, "language": "en"} | given
    return BookingRequest(occasion_id=occasion, product_id=product, lines=lines, **fields)


@dataclass
class Made:
    """A booking and what came of it."""

    id: UUID
    link: str
    booked: Booked
    tickets: list[sa.Row[Any]] = field(default_factory=list)


async def a_booking(
    stage: Stage,
    shop: Shop,
    *,
    of: str = "play/mon",
    category: str = "R",
    quantity: int = 1,
    paid: bool = False,
    worked: bool = False,
    instrument: Instrument | None = GOOD_CARD,
    places: Sequence[UUID] = (),
    handsets: Sequence[Handset] = (),
    **given: Any,
) -> Made:
    """A booking of one line: held; or paid; or paid with its messages sent and its tickets registered (`worked`)."""
    line = Line(
        shop.price(f"{of.partition('/')[0]}/{category}"),
        quantity,
        tuple(places),
        tuple(handsets),
        given.pop("origin_id", None),
        given.pop("destination_id", None),
    )
    booked = await book.book(stage.world, a_request(shop.occasions[of], line, **given))
    made = Made(booked.id, booked.link, booked)
    if paid or worked:
        free = booked.amount.amount == 0
        tenders = [] if free or instrument is None else [Tender(instrument)]
        assert isinstance(await pay.pay(stage.world, booked.id, tenders), pay.Paid)
        made.tickets = await show.tickets(stage.world, booked.id)
    if worked:
        await stage.work()
    return made


async def state_of(stage: Stage, booking_id: UUID) -> str:
    return str(await stage.value("SELECT state FROM booking WHERE id = :id", id=booking_id))


async def free_places(stage: Stage, occasion: UUID) -> int:
    """How many places could be held at this moment."""
    count = await stage.value(
        "SELECT count(*) FROM place WHERE occasion_id = :id AND NOT withdrawn"
        " AND (taken_by IS NULL OR held_until < :now)",
        id=occasion,
        now=stage.clock.now(),
    )
    return int(count)


# --- gates, staff, e-money ------------------------------------------------------------------------------------------


def pin(ticket: sa.Row[Any]) -> str:
    """What the holder's message says."""
    return pin_of(
        KEYS, issuer_id=ticket.issuer_id, identity=ticket.id, kid=ticket.kid, generation=ticket.generation
    ).reveal()


def typed(ticket: sa.Row[Any]) -> str:
    """Number and PIN as a steward types them."""
    return f"{ticket.number[:-1]}-{ticket.number[-1]} {pin(ticket)}"


async def a_gate(
    stage: Stage, shop: Shop, *occasions: UUID, name: str | None = None, **place: Any
) -> gate_tokens.Enrolled:
    """An enrolled gate of the shop's issuer, for these occasions or for all; what more is given is of its place."""
    name = name or f"gate {next(_numbers)}"
    invitation = await gates.invite(stage.world, issuer_id=shop.issuer, name=name, place=Place(occasions, **place))
    return await gate_tokens.enrol(stage.world, invitation.code)


async def caller_by(stage: Stage, token: str) -> gate_tokens.GateCaller:
    """The online scanner that calls with this token; raises NotAuthentic."""
    url = f"{stage.world.house.public_url}/gate/checks"
    return await gate_tokens.caller_of(stage.world, gate_tokens.Shown("Bearer", token, None, "POST", url))


async def a_scan(
    stage: Stage,
    shop: Shop,
    gate: gate_tokens.Enrolled,
    text: str,
    *,
    scan_id: str | None = None,
    kind: ScanKind = ScanKind.ADMISSION,
    **more: Any,
) -> Answer:
    """One presentation; each has a scan id of its own unless it is given one."""
    del shop  # the gate knows whose it is
    return await admit.present(
        stage.world,
        gate=gate.caller,
        scan_id=scan_id or f"scan-{next(_numbers)}",
        kind=kind,
        text=text,
        **more,
    )


async def an_account(stage: Stage, shop: Shop, won: int, *, handset: Handset = BUYER) -> str:
    """A handset's e-money of so many won; returns its PIN."""
    topped = await emoney.top_up(
        stage.world, issuer_id=shop.issuer, handset=handset, amount=Money(won, "KRW"), key=f"topup-{next(_numbers)}"
    )
    row = (await stage.sql("SELECT * FROM account WHERE id = :id", id=topped.account_id))[0]
    return pin_of(KEYS, issuer_id=row.issuer_id, identity=row.id, kid=row.kid, generation=row.generation).reveal()
