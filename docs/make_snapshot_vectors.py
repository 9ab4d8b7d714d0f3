"""Writes docs/reference/vectors/snapshot.json with the product's own codec: `python docs/make_snapshot_vectors.py`."""  # noqa: INP001 - a script, not a package

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from app.domain.admission import Post
from app.domain.entry_rules import Direction, EntryRules, Faces, Offline, Role
from app.domain.snapshot import (
    Board,
    Change,
    Counted,
    Form,
    Header,
    News,
    Occasion,
    Product,
    Row,
    Snapshot,
    State,
    Status,
    Way,
    applied,
    changes_body,
    flags_of,
    full_body,
    key_tag,
    read_snapshot,
    read_status,
    seal,
    text_tag,
    write_snapshot,
    write_status,
)
from app.domain.snapshot.header import header_json, seconds
from app.domain.snapshot.rows import find_tag, payload_of, stream
from app.domain.ticket import Kind
from app.keys import Verifier, public_jwk

TARGET = Path(__file__).parent / "reference" / "vectors" / "snapshot.json"

SEED = hashlib.sha256(b"cyberticket test vectors: a snapshot's signing key").digest()
PRIVATE = ec.derive_private_key(int.from_bytes(SEED, "big"), ec.SECP256R1())
KID = 7
EDITION, PIN_KEY = bytes(range(16)), bytes(range(32))
SINCE = datetime(2026, 12, 23, 19, tzinfo=UTC)
NOW = datetime(2026, 12, 24, 9, tzinfo=UTC)
PLAY, VOUCHER = UUID("01890a5d-ac96-774b-bcce-b302099a8001"), UUID("01890a5d-ac96-774b-bcce-b302099a8002")
ISSUER, GATE = UUID("01890a5d-ac96-774b-bcce-b302099a8057"), UUID("01890a5d-ac96-774b-bcce-b302099a8003")
HOLDER = b"\x02" + bytes(range(32))
COMPACT = "C04HMASW9NF6YZANP92XAFVY2"

SPAN = (seconds(NOW) + 3_600, seconds(NOW) + 27_000)
OPEN = (seconds(SINCE) - 86_400, seconds(SINCE) + 31_536_000)
OCCASIONS = (
    Occasion(UUID(int=0x1001), 0x0BAD_F00D, PLAY, SPAN, NOW + timedelta(hours=2)),
    Occasion(UUID(int=0x1002), 5, VOUCHER, OPEN),
)
NEWS = News(
    texts=({"ko": "R석", "en": "R"}, "Stalls", "North", "sales", {"ko": "항구", "en": "Harbour"}, "Market"),
    occasions=OCCASIONS,
    products={
        PLAY: Product(Kind.ADMISSION, {"ko": "봄날", "en": "Spring"}, EntryRules(faces=Faces.LIVING_OR_PIN)),
        VOUCHER: Product(Kind.VOUCHER, {"ko": "상품권", "en": "Voucher"}, EntryRules(offline=Offline.DENY)),
    },
)
ADDED = News(texts=({"ko": "S석", "en": "S"},))
ROWS: tuple[tuple[str, int, Row, Way | None], ...] = (
    (
        "a seat, its handset, a compact code and a PIN",
        0x0123_4567_89AB_CDEF,
        Row(0, SPAN, 1, 2, row="A", seat="12", handset="5678", compact_tag=text_tag(COMPACT)),
        Way("4829103751", "491027", PIN_KEY),
    ),
    (
        "everything that most rows have: an entrance, a living barcode and a name too",
        0x7FFF_FFFF_FFFF_FFFF,
        Row(
            0, SPAN, 1, 2, entrance=3, row="가", seat="7", handset="0042", holder="김하늘",
            compact_tag=text_tag("C" + "0" * 24), holder_tag=key_tag(HOLDER),
        ),
        Way("0000000000", "000000", PIN_KEY),
    ),
    (
        "of another server, for three rides, at a time of its own",
        5,
        Row(0, (SPAN[0] - 90_000, SPAN[1] + 1), 1, origin=5, destination=6, uses=3, seller=4),
        None,
    ),
    ("as little as there can be", 6, Row(1, OPEN), Way("1111111112", "000001", PIN_KEY)),
)  # fmt: skip
MORE = ("sold after the snapshot was made", 9, Row(0, SPAN, 7, 2), Way("2222222225", "123456", PIN_KEY))

HEADER = Header(
    issuer=ISSUER,
    generation=3,
    post=Post(GATE, frozenset({OCCASIONS[0].id}), Direction.BOTH, "North", "Hall", home=True, role=Role.SUPERVISOR),
    edition=EDITION,
    since=SINCE,
    cursor=1_234,
    made_at=NOW,
    expires_at=NOW + timedelta(hours=24),
    keys={"": ({**public_jwk(PRIVATE.public_key()), "barcode_kid": KID},), "sales": ()},
    news=NEWS,
    gates={GATE: "North door"},
)
FIRST = [
    Change(0, flags_of(State.VALID, bound=False, inside=False, counted=False)),
    Change(1, flags_of(State.USED_UP, bound=True, inside=True, counted=False)),
    Change(2, flags_of(State.VALID, bound=False, inside=True, counted=True), Counted(1, 2, 60_000, 50_000)),
    Change(3, flags_of(State.SUSPENDED, bound=False, inside=False, counted=True), Counted(50_000)),
]
CHANGES = [
    Change(0, flags_of(State.REVOKED, bound=False, inside=False, counted=False)),
    Change(3, flags_of(State.USED_UP, bound=False, inside=False, counted=True), Counted(0)),
]


def sign(message: bytes) -> bytes:
    """RFC 6979: the same signature each time, so that the file is the same each time."""
    made = PRIVATE.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    return b"".join(part.to_bytes(32, "big") for part in decode_dss_signature(made))


def sealed(code: int, row: Row, way: Way | None) -> bytes:
    spans = [one.span for one in OCCASIONS]
    return seal(row, code=code, salt=EDITION, spans=spans, since=seconds(SINCE), way=way)


def a_row(says: str, code: int, row: Row, way: Way | None) -> dict[str, Any]:
    """One row with the steps on the way to it."""
    payload = payload_of(row, spans=[one.span for one in OCCASIONS], since=seconds(SINCE))
    return {
        "says": says,
        "code": f"{code:016x}",
        "number": way.number if way else None,
        "pin": way.pin if way else None,
        "find_tag": find_tag(EDITION, code).hex(),
        "pin_tag": way.tag().hex() if way else None,
        "wrapped_code": way.wrap(code.to_bytes(8, "big")).hex() if way else None,
        "payload": payload.hex(),
        "stream": stream(EDITION, code, len(payload)).hex(),
        "sealed": sealed(code, row, way).hex(),
        "opened": {
            "occasion": row.occasion,
            "from": row.span[0],
            "until": row.span[1],
            **{name: getattr(row, name) for name in ("category", "section", "origin", "destination", "entrance")},
            **{name: getattr(row, name) for name in ("uses", "row", "seat", "handset", "holder", "seller")},
            "compact_tag": row.compact_tag.hex(),
            "holder_tag": row.holder_tag.hex(),
        },
    }


def a_status(status: Status, snapshot: Snapshot, board: Board | None) -> tuple[dict[str, Any], Snapshot, Board]:
    """One answer, and how all rows stand after it."""
    octets = write_status(status, kid=KID, sign=sign)
    verify = Verifier({KID: PRIVATE.public_key()}).verify
    snapshot, board = applied(snapshot, board, read_status(octets, verify))
    standings = (board.standing(index) for index in range(status.rows))
    return (
        {
            "octets": b64encode(octets).decode(),
            "after": status.after,
            "cursor": status.cursor,
            "rows": status.rows,
            "standing": [
                {
                    "state": one.state.name.lower(),
                    "bound": one.bound,
                    "inside": one.inside,
                    "left": one.left,
                    "until": None if one.until is None else seconds(one.until),
                    "last": None if one.last is None else seconds(one.last),
                }
                for one in standings
            ],
        },
        snapshot,
        board,
    )


def document() -> dict[str, Any]:
    """All vectors."""
    rows = b"".join(sealed(code, row, way) for _, code, row, way in ROWS)
    octets = write_snapshot(HEADER, rows, kid=KID, sign=sign)
    snapshot = read_snapshot(octets, Verifier({KID: PRIVATE.public_key()}).verify)
    flags = bytes(one.flags for one in FIRST)
    body = full_body(flags, [one.counted for one in FIRST if one.counted is not None])
    whole = Status(EDITION, 0, 1_300, NOW, 4, 4, Form.FULL, body)
    added = sealed(*MORE[1:])
    later = Status(
        EDITION, 1_300, 1_400, NOW + timedelta(minutes=1), 4, 5, Form.CHANGES, changes_body(CHANGES), ADDED, added
    )
    first, snapshot, board = a_status(whole, snapshot, None)
    second, _, _ = a_status(later, snapshot, board)
    return {
        "about": "Test vectors of docs/reference/gate-snapshot.md. The keys are public: never use them.",
        "jwk": {**public_jwk(PRIVATE.public_key()), "barcode_kid": KID},
        "edition": EDITION.hex(),
        "pin_key": PIN_KEY.hex(),
        "compact": COMPACT,
        "holder_key": HOLDER.hex(),
        "rows": [a_row(*one) for one in (*ROWS, MORE)],
        "header": json.loads(header_json(HEADER)),
        "snapshot": b64encode(octets).decode(),
        "statuses": [first, second],
    }


def text() -> str:
    """The file."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
