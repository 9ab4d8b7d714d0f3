"""The tickets of docs/make_gate_vectors.py, their snapshot and status, and the test keys that sign them."""  # noqa: INP001 - part of a script

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.domain.admission import Post
from app.domain.credential import (
    Body,
    CodeId,
    Flag,
    compact_text,
    living_part,
    living_text,
    signed_text,
    step_of,
    validity,
)
from app.domain.entry_rules import UNLIMITED_USES, EntryRules, Faces, Offline
from app.domain.snapshot import (
    Change,
    Counted,
    Form,
    Header,
    News,
    Occasion,
    Product,
    Row,
    State,
    Status,
    Way,
    changes_body,
    flags_of,
    full_body,
    key_tag,
    seal,
    text_tag,
    write_snapshot,
)
from app.domain.ticket import Kind
from app.keys import public_jwk

NOW = datetime(2026, 12, 24, 10, 5, 7, 250_000, tzinfo=UTC)
GATE = UUID("00000000-0000-4000-8000-0000000000a1")
SINCE = datetime(2026, 12, 24, tzinfo=UTC)
EDITION, PIN_KEY = bytes(range(16)), bytes(range(32))
PARTNER = "partner"

Told = dict[str, Any]


class Key:
    """A test key made from a sentence."""

    def __init__(self, says: str) -> None:
        number = int.from_bytes(hashlib.sha256(f"cyberticket gate vectors: {says}".encode()).digest(), "big")
        self.private = ec.derive_private_key(number, ec.SECP256R1())

    @property
    def compressed(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)

    def sign(self, message: bytes) -> bytes:
        """The same each time (RFC 6979)."""
        made = self.private.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
        return b"".join(part.to_bytes(32, "big") for part in decode_dss_signature(made))

    def jwk(self, kid: int) -> dict[str, str | int]:
        return {**public_jwk(self.private.public_key()), "barcode_kid": kid}


OURS, THEIRS, HANDSET, THIEF = Key("barcode key"), Key("the partner's"), Key("handset"), Key("thief")
JWKS: dict[str, tuple[dict[str, str | int], ...]] = {"": (OURS.jwk(7),), PARTNER: (THEIRS.jwk(7),)}


def told_keys() -> Told:
    """What a gate trusts: its issuer's keys, which sign the snapshot too, and those of another seller."""
    return {"sellers": {seller: {"keys": list(jwks)} for seller, jwks in JWKS.items()}, "pin_key": PIN_KEY.hex()}


# --- the snapshot ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ticket:
    """One row, and the texts that show it."""

    code: int
    occasion: int
    row: Row
    number: str = ""
    seller: str = ""

    def signed(self, by: Key | None = None) -> str:
        key = by or (THEIRS if self.seller else OURS)
        return signed_text(self.body, key.sign)

    @property
    def body(self) -> Body:
        return Body(7, CodeId(self.code), self.occasion + 100, 1, *validity(SINCE, SINCE + timedelta(days=1)), Flag(0))

    @property
    def compact(self) -> str:
        return compact_text(CodeId(self.code), lambda message: hmac.digest(b"compact", message, "sha256"))

    def living(self, at: datetime, holder: Key = HANDSET) -> str:
        return living_text(living_part(self.body, holder.compressed, OURS.sign), step_of(at), holder.sign)

    @property
    def typed(self) -> str:
        return f"{self.number[:9]}-{self.number[9]} 491027"


PRODUCTS = {
    UUID(int=0xD1): Product(Kind.ADMISSION, {"ko": "춘향전", "en": "Chunhyang"}, EntryRules()),
    UUID(int=0xD2): Product(Kind.ADMISSION, "Group", EntryRules(reentry=True, group=True)),
    UUID(int=0xD3): Product(Kind.VOUCHER, "Voucher", EntryRules(offline_floor=6_000)),
    UUID(int=0xD4): Product(
        Kind.RIDE,
        "Day pass",
        EntryRules(faces=Faces.LIVING_OR_PIN, retires_static=True, window_minutes=60, pass_back_seconds=300),
    ),
    UUID(int=0xD5): Product(Kind.ADMISSION, "Home", EntryRules(offline=Offline.HOME)),
    UUID(int=0xD6): Product(Kind.ADMISSION, "Asked", EntryRules(offline=Offline.DENY)),
}
SPAN = (int(SINCE.timestamp()) + 36_000, int(SINCE.timestamp()) + 72_000)
OCCASIONS = tuple(
    Occasion(UUID(int=0xC1 + at), 100 + at, product, SPAN, SINCE + timedelta(hours=11))
    for at, product in enumerate(PRODUCTS)
)
TEXTS = ("R석", {"ko": "가 구역", "en": "Section A"}, "north", PARTNER)


def ticket(at: int, occasion: int, *, number: str = "", **row: Any) -> Ticket:
    seller = PARTNER if row.get("seller") else ""
    made = Ticket(2**62 + 1_000_003 * at, occasion, Row(occasion, row.pop("span", SPAN), **row), number, seller)
    return made if seller else replace(made, row=replace(made.row, compact_tag=text_tag(made.compact)))


PLAIN = ticket(0, 0, number="4829103751", category=1, section=2, row="7", seat="12", handset="5678", holder="김민지")
GROUP = ticket(1, 1, uses=4)
VALUE = ticket(2, 2)
REVOKED = ticket(3, 0)
PASS = ticket(4, 3, number="1234567894", uses=UNLIMITED_USES, holder_tag=key_tag(HANDSET.compressed))
ABROAD = ticket(5, 0, seller=4)
HOME = ticket(6, 4, entrance=3)
ASKED = ticket(7, 5)
EARLY = ticket(8, 0, span=(SPAN[1], SPAN[1] + 3_600))
LATER = ticket(9, 0)
ROWS = (PLAIN, GROUP, VALUE, REVOKED, PASS, ABROAD, HOME, ASKED, EARLY)


def sealed(*tickets: Ticket) -> bytes:
    spans, since = [one.span for one in OCCASIONS], int(SINCE.timestamp())
    return b"".join(
        seal(
            one.row,
            code=one.code,
            salt=EDITION,
            spans=spans,
            since=since,
            way=Way(one.number, "491027", PIN_KEY) if one.number else None,
        )
        for one in tickets
    )


def snapshot(post: Post) -> bytes:
    header = Header(
        issuer=UUID(int=0xE1),
        generation=2,
        post=post,
        edition=EDITION,
        since=SINCE,
        cursor=700,
        made_at=SINCE + timedelta(hours=9),
        expires_at=SINCE + timedelta(hours=20),
        keys=JWKS,
        news=News(TEXTS, OCCASIONS, PRODUCTS),
        gates={GATE: "North door"},
    )
    return write_snapshot(header, sealed(*ROWS), kid=7, sign=OURS.sign)


def numbers(left: int) -> Counted:
    return Counted(left, inside=0, until=0, last=0)


def flags(state: State, *, bound: bool = False, inside: bool = False, counted: bool = False) -> int:
    return flags_of(state, bound=bound, inside=inside, counted=counted)


def status(cursor: int, made_at: datetime) -> Status:
    octets = [flags(State.VALID)] * len(ROWS)
    octets[1] = octets[2] = flags(State.VALID, counted=True)
    octets[3] = flags(State.REVOKED)
    octets[4] = flags(State.VALID, bound=True, counted=True)
    body = full_body(bytes(octets), [numbers(4), numbers(10_000), numbers(UNLIMITED_USES)])
    return Status(EDITION, 0, cursor, made_at, len(ROWS), len(ROWS), Form.FULL, body)


def news(after: int, cursor: int, made_at: datetime) -> Status:
    """The plain one is used, two of the group came and one is in, the pass's window began, and a row came."""
    changes = [
        Change(0, flags(State.USED_UP, inside=True)),
        Change(1, flags(State.VALID, inside=True, counted=True), Counted(2, inside=1, until=0, last=36_100)),
        Change(4, flags(State.VALID, bound=True, inside=True, counted=True), Counted(9_998, 1, 37_800, 36_000)),
    ]
    count = len(ROWS)
    body = changes_body(changes)
    return Status(EDITION, after, cursor, made_at, count, count + 1, Form.CHANGES, body, added=sealed(LATER))
