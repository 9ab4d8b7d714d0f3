"""What a purchase leaves in the log: enough to follow it, and nothing that opens, pays or calls anything."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
import structlog
from builders import BUYER, FRIEND
from fakes import Upset
from http_kit import OTHERS, OWN, Api, fresh_key, link_in, spoken_pin

from app.flows.booking import book
from app.logs import redact

pytest_plugins = ("http_plugin",)

CARD = "4242424242424242"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Every log line as an operator reads it; what the tests had configured comes back afterwards."""
    lines = io.StringIO()
    before = structlog.get_config()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(lines),
        cache_logger_on_first_use=False,
    )
    yield lines
    structlog.configure(**before)


def shows_no_secret(log: io.StringIO, *secrets: str) -> None:
    for secret in secrets:
        assert secret, "an empty secret is found nowhere"
        assert secret not in log.getvalue(), log.getvalue()


async def test_a_purchase_logs_no_number_no_pin_no_link_and_no_card(api: Api, log: io.StringIO) -> None:
    api.stage.carrier.upset(Upset.LOST_BEFORE)
    booked = await api.booked(api.wish(quantity=2, handsets=[OWN, OTHERS]))
    await booked.pay("pm_declined")
    await booked.pay("pm_never_made")
    await booked.pay()
    await api.stage.work()
    api.stage.clock.advance(minutes=1)
    await api.stage.work()
    texts = api.stage.carrier.inbox(BUYER) + api.stage.carrier.inbox(FRIEND)
    await api.get(f"/tickets/{(await booked.ticket())['id']}", bearer=booked.link)
    await api.get(f"/t/{link_in(texts[0])}")
    await api.get(f"/b/{booked.link}")

    assert len(texts) == 2
    shows_no_secret(log, booked.link, OWN, OTHERS, BUYER, FRIEND, BUYER[3:], FRIEND[3:])
    shows_no_secret(log, *(spoken_pin(text) for text in texts), *(link_in(text) for text in texts))


async def test_a_card_number_in_the_wrong_field_is_neither_answered_nor_logged(api: Api, log: io.StringIO) -> None:
    booked = await api.booked()

    answers = [await booked.pay(f"{CARD[:4]} {CARD[4:]}"), await booked.pay(CARD)]

    assert all(CARD not in answer.text for answer in answers)
    shows_no_secret(log, CARD)


async def test_a_fault_is_logged_with_its_cause_but_without_what_was_asked(
    api: Api, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = "q" * 22

    async def broken(*_args: object) -> book.Booked:
        raise RuntimeError(f"cannot sell to {BUYER} for {CARD}, see https://tickets.example/b/{link}")

    monkeypatch.setattr(book, "book", broken)
    api.client.event_hooks = {}  # a 500 is promised nowhere, by intent
    key = fresh_key()

    answer = await api.post("/bookings", api.wish(), key=key)

    assert answer.status_code == 500
    assert "request_failed" in log.getvalue()
    assert "+8210****5678" in log.getvalue()
    shows_no_secret(log, BUYER, CARD, link, key)


async def test_an_address_with_a_secret_in_it_is_masked(
    api: Api, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    booked = await api.booked()
    monkeypatch.setattr("app.flows.tickets.show.booking_by_link", None)

    answer = await api.get(f"/b/{booked.link}")

    assert answer.status_code == 500
    assert '"/b/***"' in log.getvalue()
    shows_no_secret(log, booked.link)
