"""Snapshots to read and to break: keys that anybody may know, and strategies for everything a row may say."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st

from app.domain.admission import Post
from app.domain.entry_rules import Direction, EntryRules, Faces, Offline, Role
from app.domain.snapshot import Header, News, Occasion, Product, Row, Snapshot, read_snapshot, seal, write_snapshot
from app.domain.snapshot.header import seconds
from app.domain.snapshot.rows import NONE, Way
from app.domain.ticket import Kind

SINCE = datetime(2026, 11, 21, 19, tzinfo=UTC)
MADE = SINCE + timedelta(hours=8)
EDITION = bytes(range(16))
PIN_KEY = bytes(range(32))
PLAY, RIDE = UUID(int=0xA), UUID(int=0xB)
SPAN = (seconds(SINCE) + 3_600, seconds(SINCE) + 10_800)
KID = 7
KEY: Mapping[str, str | int] = {"crv": "P-256", "kty": "EC", "x": "x", "y": "y", "barcode_kid": KID}

OCCASIONS = (
    Occasion(UUID(int=1), 0xBADF00D, PLAY, SPAN, SINCE + timedelta(hours=2)),
    Occasion(UUID(int=2), 5, RIDE, (SPAN[0], SPAN[1] + 1)),
)
NEWS = News(
    texts=({"ko": "R석", "en": "R"}, "Stalls", "North"),
    occasions=OCCASIONS,
    products={
        PLAY: Product(Kind.ADMISSION, {"ko": "봄날의 우체국", "en": "Spring"}, EntryRules(faces=Faces.LIVING_OR_PIN)),
        RIDE: Product(Kind.RIDE, "Ride", EntryRules(offline=Offline.DENY, window_minutes=90)),
    },
)
HEADER = Header(
    issuer=UUID(int=0xF),
    generation=3,
    post=Post(
        UUID(int=0xE), frozenset({UUID(int=1)}), Direction.BOTH, "North", "Hall", home=True, role=Role.SUPERVISOR
    ),
    edition=EDITION,
    since=SINCE,
    cursor=1_234,
    made_at=MADE,
    expires_at=MADE + timedelta(hours=24),
    keys={"": (KEY,), "sales": ()},
    news=NEWS,
    gates={UUID(int=0xE): "North door"},
)


def sign(message: bytes) -> bytes:
    """Not ES256, but as good for whoever has no key."""
    return hmac.digest(b"the issuer's", message, "sha512")


def verify(kid: int, message: bytes, signature: bytes) -> bool:
    return kid == KID and hmac.compare_digest(sign(message), signature)


def sealed(row: Row, *, code: int, way: Way | None = None) -> bytes:
    return seal(row, code=code, salt=EDITION, spans=[one.span for one in OCCASIONS], since=seconds(SINCE), way=way)


def a_way(number: str = "4829103751", pin: str = "491027") -> Way:
    return Way(number, pin, PIN_KEY)


def a_snapshot(*rows: bytes, header: Header = HEADER) -> Snapshot:
    return read_snapshot(write_snapshot(header, b"".join(rows), kid=KID, sign=sign), verify)


def a_tag(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:6]


numbers = st.integers(0, 1 << 20)
spans = st.tuples(st.integers(0, 1 << 33), st.integers(0, 1 << 33)).map(lambda one: (one[0], one[0] + one[1]))
short = st.text(st.characters(codec="utf-8"), max_size=10)
rows = st.builds(
    Row,
    occasion=st.integers(0, 1),
    span=st.one_of(st.sampled_from([one.span for one in OCCASIONS]), spans),
    category=numbers,
    section=numbers,
    origin=numbers,
    destination=numbers,
    entrance=numbers,
    uses=st.integers(1, 9_999),
    row=short,
    seat=short,
    handset=st.one_of(st.just(""), st.integers(0, 9_999).map("{:04}".format)),
    holder=st.text(st.characters(codec="utf-8"), max_size=18),
    seller=numbers,
    compact_tag=st.one_of(st.just(NONE), st.binary(min_size=6, max_size=6)),
    holder_tag=st.one_of(st.just(b""), st.binary(min_size=4, max_size=4)),
)
codes = st.integers(0, (1 << 64) - 1)
