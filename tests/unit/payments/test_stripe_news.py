"""What Stripe tells by webhook: who signed it and when, which events mean something, and what everything else gets.

The official `stripe` package judges beside us: what it signs we accept, and what we refuse as forged it refuses too.
"""

from __future__ import annotations

import hmac
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
import stripe as official
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from app.domain.refusals import NotAuthentic
from app.payments.stripe_news import KINDS, TOLERANCE_SECONDS, read_event
from app.ports import News, NewsKind

SECRET = "whsec_0123456789abcdef"
ROLLED = "whsec_fedcba9876543210"
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)

OBJECTS = {
    NewsKind.PAYMENT: {"id": "pi_1", "object": "payment_intent"},
    NewsKind.REFUND: {"id": "re_1", "object": "refund", "payment_intent": "pi_1"},
    NewsKind.DISPUTE: {"id": "dp_1", "object": "dispute", "payment_intent": "pi_1", "charge": "ch_1"},
}


def an_event(kind: str = "payment_intent.succeeded", **about: object) -> bytes:
    """An event as Stripe writes it: indented, with much that is nobody's business here."""
    shown = about or OBJECTS[KINDS.get(kind, NewsKind.PAYMENT)]
    event = {
        "id": "evt_1",
        "object": "event",
        "api_version": "2020-08-27",
        "created": int(NOW.timestamp()),
        "data": {"object": shown, "previous_attributes": {}},
        "livemode": True,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }
    return json.dumps(event, indent=2, ensure_ascii=False).encode()


def signed(body: bytes, secret: str = SECRET, *, at: datetime = NOW) -> str:
    """Stripe's own header, made by Stripe's own package."""
    sign = official.WebhookSignature.generate_signature_header
    return str(sign(body.decode(), secret, timestamp=int(at.timestamp())))


def heard(body: bytes, signature: str, *secrets: str, now: datetime = NOW) -> News | None:
    known = [SecretStr(secret) for secret in secrets or (SECRET,)]
    return read_event(body, signature, secrets=known, now=now)


# --- what it says ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("payment_intent.succeeded", News("evt_1", NewsKind.PAYMENT, "pi_1")),
        ("payment_intent.requires_action", News("evt_1", NewsKind.PAYMENT, "pi_1")),
        ("refund.failed", News("evt_1", NewsKind.REFUND, "re_1")),
        ("charge.refund.updated", News("evt_1", NewsKind.REFUND, "re_1")),
        ("charge.dispute.created", News("evt_1", NewsKind.DISPUTE, "dp_1")),
        ("charge.dispute.funds_reinstated", News("evt_1", NewsKind.DISPUTE, "dp_1")),
    ],
)
def test_an_event_names_the_object_that_something_happened_to(kind: str, said: News) -> None:
    body = an_event(kind)

    assert heard(body, signed(body)) == said


def test_a_refunded_charge_is_told_as_its_payment() -> None:
    body = an_event("charge.refunded", id="ch_1", object="charge", payment_intent="pi_1")
    assert heard(body, signed(body)) == News("evt_1", NewsKind.PAYMENT, "pi_1")

    foreign = an_event("charge.refunded", id="ch_1", object="charge", payment_intent=None)
    assert heard(foreign, signed(foreign)) is None


@pytest.mark.parametrize("kind", ["payment_intent.created", "charge.succeeded", "customer.created", "made.up"])
def test_other_events_mean_nothing_to_us(kind: str) -> None:
    body = an_event(kind)

    assert heard(body, signed(body)) is None


# --- who signed it --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", [SECRET, ROLLED])
def test_while_a_secret_is_rolled_either_signs(secret: str) -> None:
    body = an_event()

    assert heard(body, signed(body, secret), SECRET, ROLLED) is not None


def test_one_fitting_signature_among_several_is_enough() -> None:
    body = an_event()
    mine, other = signed(body), signed(body, "whsec_of_another_endpoint")
    both = f"{other},v1={mine.partition('v1=')[2]},v0={'0' * 64}"

    assert heard(body, both) is not None


def test_a_text_of_any_script_is_signed_as_its_bytes() -> None:
    body = an_event("payment_intent.succeeded", id="pi_1", description="제주 페리 🎫")

    assert heard(body, signed(body)) is not None


BODY = an_event()
GOOD = signed(BODY)
DIGEST = GOOD.partition("v1=")[2]
SECONDS = GOOD.partition(",")[0]


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "nonsense",
        "t=,v1=",
        f"v1={DIGEST}",
        SECONDS,
        f"{SECONDS},v0={DIGEST}",
        f"{SECONDS},v1={DIGEST[:-2]}",
        f"{SECONDS},v1={DIGEST[:-1]}x",
        f"t=-1,v1={DIGEST}",
        f"t=1e9,v1={DIGEST}",
        f"t={'9' * 40},v1={DIGEST}",
        f"{SECONDS},{SECONDS},v1={DIGEST}",
        f"{GOOD},{'v1=' + '0' * 64 + ',' * 2_048}",
    ],
    ids=range(13),
)
def test_a_header_that_is_none_is_refused_in_words(signature: str) -> None:
    with pytest.raises(NotAuthentic, match=r"t=…,v1=…"):
        heard(BODY, signature)


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (BODY.replace(b"pi_1", b"pi_2"), GOOD),
        (BODY + b" ", GOOD),
        (BODY, signed(BODY, ROLLED)),
        (BODY, f"t={int(NOW.timestamp()) + 1},v1={DIGEST}"),
        (BODY, f"{SECONDS},v1={'0' * 64}"),
    ],
    ids=["another payment", "one byte more", "another secret", "another time", "zeros"],
)
def test_what_the_official_package_calls_forged_we_refuse_too(body: bytes, signature: str) -> None:
    with pytest.raises(official.SignatureVerificationError):
        official.WebhookSignature.verify_header(body, signature, SECRET, tolerance=None)

    with pytest.raises(NotAuthentic, match="No signature fits"):
        heard(body, signature)


@settings(max_examples=100)
@given(where=st.integers(0, len(BODY) - 1), flip=st.integers(1, 255))
def test_no_byte_of_a_body_can_be_changed(where: int, flip: int) -> None:
    tampered = BODY[:where] + bytes([BODY[where] ^ flip]) + BODY[where + 1 :]

    with pytest.raises(NotAuthentic):
        heard(tampered, GOOD)


@settings(max_examples=100)
@given(signature=st.text(max_size=200))
def test_no_header_breaks_it(signature: str) -> None:
    with pytest.raises(NotAuthentic):
        heard(BODY, signature)


@pytest.mark.parametrize(("seconds", "fresh"), [(0, True), (300, True), (301, False), (-300, True), (-301, False)])
def test_a_signature_is_good_for_five_minutes(seconds: int, *, fresh: bool) -> None:
    assert TOLERANCE_SECONDS == 300
    now = NOW + timedelta(seconds=seconds)
    if fresh:
        assert heard(BODY, GOOD, now=now) is not None
        return
    with pytest.raises(NotAuthentic, match="300 s"):
        heard(BODY, GOOD, now=now)


def test_where_no_secret_is_set_nobody_is_believed() -> None:
    with pytest.raises(NotAuthentic, match="CYBERTICKET_PAYMENT_WEBHOOK_SECRETS"):
        read_event(BODY, GOOD, secrets=(), now=NOW)


# --- what is signed and still no event ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"object": "event"}',
        b'{"object": "v2.core.event", "id": "evt_1", "type": "v1.billing"}',
        an_event("payment_intent.succeeded", object="payment_intent"),
        BODY.replace(b"evt_1", b"evt/1"),
        BODY + b" " * 262_144,
    ],
    ids=["nothing", "no text", "a list", "no object in it", "a thin event", "no id", "a wrong id", "too long"],
)
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    digest = hmac.new(SECRET.encode(), SECONDS[2:].encode() + b"." + body, sha256).hexdigest()

    with pytest.raises(NotAuthentic, match=r"snapshot events|longer than"):
        heard(body, f"{SECONDS},v1={digest}")


@pytest.mark.parametrize("reference", ["ch_1", "pi_1/capture", ""])
def test_a_reference_that_could_become_another_address_is_refused(reference: str) -> None:
    body = an_event("payment_intent.succeeded", id=reference)

    with pytest.raises(NotAuthentic, match="no payment"):
        heard(body, signed(body))
