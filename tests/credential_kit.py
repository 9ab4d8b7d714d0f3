"""The test vectors of docs/reference/credentials.md, and what the product reads in a text, in their words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from app.domain.credential import Body, Compact, Living, NumberAndPin, Signed, Unreadable, parse_presented

VECTORS_FILE = Path(__file__).parents[1] / "docs/reference/vectors/credentials.json"
VECTORS: dict[str, Any] = json.loads(VECTORS_FILE.read_text("utf-8"))


def _told(body: Body) -> dict[str, Any]:
    return {
        "kid": body.kid,
        "code_id": f"{body.code_id:016x}",
        "occasion_code": f"{body.occasion_code:08x}",
        "class_code": body.class_code,
        "not_before_minute": body.not_before_minute,
        "duration_minutes": body.duration_minutes,
        "flags": int(body.flags),
    }


def product_reads(text: str) -> dict[str, Any]:
    """What parse_presented says, in the vectors' own words."""
    match parse_presented(text):
        case Unreadable(reason):
            return {"unreadable": reason.value}
        case NumberAndPin(number, pin):
            return {"face": "pin", "number": number, "pin": pin.reveal()}
        case Compact(code, tag):
            return {"face": "compact", "code_id": f"{code:016x}", "tag": tag.hex()}
        case Signed(body, signature):
            return {"face": "signed", **_told(body), "signature": signature.hex()}
        case Living() as read:
            return {
                "face": "living",
                **_told(read.body),
                "holder_key": read.holder_key.hex(),
                "issuer_signature": read.issuer_signature.hex(),
                "step": read.step,
                "holder_signature": read.holder_signature.hex(),
            }
