"""The snapshot's vectors: they are what the codec makes today, and a gate written from the page alone reads them."""

from __future__ import annotations

import hashlib
import hmac
import json
import runpy
import zlib
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from app.domain.snapshot import compact_matches, holder_matches, open_by_code, open_by_pin, read_snapshot
from app.keys import Verifier

DOCS = Path(__file__).parents[3] / "docs"
VECTORS: dict[str, Any] = json.loads((DOCS / "reference/vectors/snapshot.json").read_text("utf-8"))
EDITION, PIN_KEY = bytes.fromhex(VECTORS["edition"]), bytes.fromhex(VECTORS["pin_key"])
VERIFIER = Verifier.from_jwks({"keys": [VECTORS["jwk"]]})


def keyed(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def test_the_vectors_are_those_that_the_codec_makes_today() -> None:
    made = runpy.run_path(str(DOCS / "make_snapshot_vectors.py"))["text"]()

    assert (DOCS / "reference/vectors/snapshot.json").read_text("utf-8") == made, (
        "the vectors are stale: run `python docs/make_snapshot_vectors.py`"
    )


@pytest.mark.parametrize("row", VECTORS["rows"], ids=lambda row: row["says"])
def test_the_steps_to_a_row_are_those_of_the_page(row: dict[str, Any]) -> None:
    code, payload = bytes.fromhex(row["code"]), bytes.fromhex(row["payload"])
    blocks = b"".join(keyed(EDITION, b"open|" + code + b"|" + bytes([block])) for block in range(8))
    way = f"{row['number']}|{row['pin']}".encode()
    wrapped = bytes(a ^ b for a, b in zip(code, keyed(PIN_KEY, b"open|" + way), strict=False))
    named = keyed(PIN_KEY, b"pin|" + way)[:6] + wrapped if row["number"] else bytes(14)
    mixed = bytes(a ^ b for a, b in zip(payload, blocks, strict=False))

    by_hand = keyed(EDITION, b"code|" + code)[:6] + named + bytes([len(payload)]) + mixed

    assert by_hand.hex() == row["sealed"]


def test_the_snapshot_opens_as_the_vectors_say() -> None:
    snapshot = read_snapshot(b64decode(VECTORS["snapshot"]), VERIFIER.verify)

    for index, row in enumerate(VECTORS["rows"][:4]):
        (opened,) = open_by_code(snapshot, int(row["code"], 16))
        told = row["opened"]
        assert opened.index == index
        assert (opened.row.span, opened.row.seat) == ((told["from"], told["until"]), told["seat"])
        if row["number"]:
            assert open_by_pin(snapshot, PIN_KEY, row["number"], row["pin"]) == (opened,)
    first, second = (open_by_code(snapshot, int(row["code"], 16))[0].row for row in VECTORS["rows"][:2])
    assert compact_matches(first, VECTORS["compact"])
    assert holder_matches(second, bytes.fromhex(VECTORS["holder_key"]))


def test_a_status_is_read_by_the_page_alone() -> None:
    octets = b64decode(VECTORS["statuses"][0]["octets"])
    body, signature = octets[:-64], octets[-64:]
    assert VERIFIER.verify(octets[4], b"cyberticket gate status 1\0" + hashlib.sha256(body).digest(), signature)

    numbers = [int.from_bytes(octets[start:end], "big") for start, end in ((21, 29), (29, 37), (45, 49), (49, 53))]
    length = int.from_bytes(octets[54:58], "big")
    planes = zlib.decompress(octets[58 : 58 + length])

    assert numbers == [0, VECTORS["statuses"][0]["cursor"], 4, 4]
    assert octets[53] == 0
    states = [(planes[0] >> 7 - row & 1) + 2 * (planes[1] >> 7 - row & 1) for row in range(4)]
    assert states == [0, 1, 0, 2]
    assert [planes[2] >> 7 - row & 1 for row in range(4)] == [0, 1, 0, 0]
