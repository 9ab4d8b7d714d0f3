"""Writes docs/reference/vectors/credentials.json with the product's own codec: `python docs/make_vectors.py`."""  # noqa: INP001 - a script, not a package

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.domain import base45
from app.domain.admission import LIVING_SKEW_SECONDS
from app.domain.credential import (
    Body,
    CodeId,
    Flag,
    Unread,
    Unreadable,
    compact_text,
    link_token_for,
    living_part,
    living_text,
    pin_for,
    shown,
    signed_text,
    step_of,
    ticket_number,
    validity,
)
from app.keys import Current, KeyRing, public_jwk, thumbprint

TARGET = Path(__file__).parent / "reference" / "vectors" / "credentials.json"

SECRET = bytes(range(32))
ISSUER, TICKET = UUID("01890a5d-ac96-774b-bcce-b302099a8057"), UUID("01890a5d-ac96-7ab2-80e2-4536629c90de")
GENERATION, OCCASION = 2, 0x0BAD_F00D
CODE = CodeId(0x0123_4567_89AB_CDEF)
BEGINS, ENDS = datetime(2026, 12, 24, 10, tzinfo=UTC), datetime(2026, 12, 24, 16, 30, tzinfo=UTC)
SHOWN = datetime(2026, 12, 24, 10, 5, 7, tzinfo=UTC)
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # n of P-256
FIELD = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF  # its p


@dataclass(frozen=True)
class Pair:
    """A test key, made from a sentence so that nobody need ask where it comes from."""

    says: str

    @property
    def private(self) -> ec.EllipticCurvePrivateKey:
        digest = hashlib.sha256(f"cyberticket test vectors: {self.says}".encode()).digest()
        return ec.derive_private_key(int.from_bytes(digest, "big"), ec.SECP256R1())

    @property
    def public(self) -> bytes:
        """Compressed, 33 octets."""
        return self.private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)

    def sign(self, message: bytes) -> bytes:
        """RFC 6979: the same signature each time, so that the file is the same each time."""
        made = self.private.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
        return b"".join(part.to_bytes(32, "big") for part in decode_dss_signature(made))

    def told(self) -> dict[str, Any]:
        private = self.private.private_numbers().private_value
        return {
            "private_d": f"{private:064x}",
            "public": self.public.hex(),
            "jwk": public_jwk(self.private.public_key()),
        }


BARCODE, NEXT, UNLISTED = Pair("barcode key 7"), Pair("barcode key 9"), Pair("barcode key 8")
HANDSET, THIEF = Pair("handset"), Pair("thief")
TOKEN = Pair("token key")
RING = KeyRing(
    secrets={1: SECRET},
    barcode={7: BARCODE.private, 9: NEXT.private},
    token={1: TOKEN.private},
    current=Current(barcode=7),
)
COMPACT = RING.compact_mac(1, issuer_id=ISSUER, occasion_code=OCCASION)
BODY = Body(7, CODE, OCCASION, 3, *validity(BEGINS, ENDS), Flag.ID_CHECK | Flag.GIFT)
STEP = step_of(SHOWN)

Told = dict[str, Any]


def twin(signature: bytes) -> bytes:
    """The other signature that whoever sees one can make: (r, n - s)."""
    r, s = signature[:32], int.from_bytes(signature[32:], "big")
    return r + (ORDER - s).to_bytes(32, "big")


# --- keys and what is derived ---------------------------------------------------------------------------------------


def keys() -> Told:
    """Who signs, and the key set that a gate has: without key 8, with one key that signs no barcodes."""
    listed: list[Told] = []
    for pair, more in ((BARCODE, {"barcode_kid": 7}), (NEXT, {"barcode_kid": 9}), (TOKEN, {})):
        jwk = public_jwk(pair.private.public_key())
        listed.append({**jwk, "use": "sig", "alg": "ES256", "kid": thumbprint(jwk), **more})
    return {
        "jwks": {"keys": listed},
        "barcode_7": BARCODE.told(),
        "barcode_9": NEXT.told(),
        "barcode_8_not_listed": UNLISTED.told(),
        "handset": HANDSET.told(),
        "thief": THIEF.told(),
    }


def derived() -> Told:
    """The keys under one secret, and what they make of one ticket."""
    occasion = ISSUER.bytes + OCCASION.to_bytes(4, "big")
    infos = {"pin": b"pin", "link": b"link", "compact": b"compact" + occasion}
    hkdf = {
        name: HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"cyberticket/1/" + info).derive(SECRET).hex()
        for name, info in infos.items()
    }
    link = link_token_for(RING.link_mac(1), ticket_id=TICKET, generation=GENERATION)
    number = ticket_number((482_910_375).to_bytes(8, "big"))
    return {
        "secret_kid": 1,
        "secret": SECRET.hex(),
        "issuer_id": str(ISSUER),
        "ticket_id": str(TICKET),
        "generation": GENERATION,
        "occasion_code": f"{OCCASION:08x}",
        "keys": hkdf,
        "number": number,
        "shown": shown(number),
        "pin": pin_for(RING.pin_mac(1), issuer_id=ISSUER, ticket_id=TICKET, generation=GENERATION).reveal(),
        "link": link.reveal(),
        "link_sha256": link.digest().hex(),
    }


# --- alphabets and spans --------------------------------------------------------------------------------------------


def alphabet() -> Told:
    """Base45: RFC 9285's own examples, the ends of the ranges, and what no octets give."""
    octets = [b"", b"AB", b"Hello!!", b"base-45", b"ietf!", b"\0", b"\xff", b"\0\0", b"\xff\xff", bytes(range(7))]
    return {
        "octets": {one.hex(): base45.encode(one) for one in octets},
        "refused": {
            "GGW": "65536 in three characters",
            ":::": "91124 in three characters",
            "V5": "256 in two characters",
            "::": "2024 in two characters",
            "0": "one character left over",
            "BB8Q": "one character left over",
            "ab0": "lower case",
            "BB\u00c4": "outside the alphabet",
        },
    }


def spans() -> list[Told]:
    """Beginning and end to `not before` and `duration`: widened to whole minutes, the end left out where it is far."""
    ends = {
        "whole minutes": (BEGINS, ENDS),
        "widened on both sides": (BEGINS + timedelta(seconds=59), BEGINS + timedelta(minutes=2, seconds=1)),
        "the longest": (BEGINS, BEGINS + timedelta(minutes=65_535)),
        "too long to be carried": (BEGINS, BEGINS + timedelta(minutes=65_536)),
        "without an end": (BEGINS, None),
    }
    return [
        {
            "says": says,
            "begins": begins.isoformat(),
            "ends": end.isoformat() if end else None,
            "not_before_minute": validity(begins, end)[0],
            "duration_minutes": validity(begins, end)[1],
        }
        for says, (begins, end) in ends.items()
    ]


def times() -> list[Told]:
    """A living barcode of one step at the clocks of several gates."""
    middle = STEP * 15 + 7.5
    return [
        {"step": STEP, "now_unix": middle + sign * off, "fresh": off <= LIVING_SKEW_SECONDS}
        for off in (0.5, 22.5, LIVING_SKEW_SECONDS, LIVING_SKEW_SECONDS + 0.001, 3600.0)
        for sign in (1, -1)
    ]


# --- what is presented ----------------------------------------------------------------------------------------------


def case(says: str, text: str, read: Told, **genuine: bool) -> Told:
    return {"says": says, "text": text, "read": read, **genuine}


def unreadable(reason: Unread) -> Told:
    return {"unreadable": reason.value}


def fields(body: Body) -> Told:
    return {
        "kid": body.kid,
        "code_id": f"{body.code_id:016x}",
        "occasion_code": f"{body.occasion_code:08x}",
        "class_code": body.class_code,
        "not_before_minute": body.not_before_minute,
        "duration_minutes": body.duration_minutes,
        "flags": int(body.flags),
    }


def typed() -> Iterator[Told]:
    """Numbers and PINs as people write them."""
    read = {"face": "pin", "number": "4829103751", "pin": "382377"}
    for says, text in {
        "as in the message": "482910375-1 382377",
        "one run of digits": "4829103751382377",
        "with words": "ID 482910375-1, PIN 382377",
        "in lower case, on two lines": "id: 482910375-1\r\npin: 382377\r\n",
        "in Korean": "번호 482910375-1 비밀번호 382377",
        "full width": "ＩＤ\u3000４８２９１０３７５－１／382377",
        "with other dashes and an invisible mark": "482\u2013910\u2014375\u22121\u200b / 382377",
    }.items():
        yield case(f"number and PIN, {says}", text, read)
    for text, reason in {
        "": Unread.EMPTY,
        " \r\n": Unread.EMPTY,
        "-": Unread.EMPTY,
        "A" * 513: Unread.TOO_LONG,
        "482910375-6 382377": Unread.CHECK_DIGIT,
        "842910375-1 382377": Unread.CHECK_DIGIT,
        "482910375-1": Unread.PIN_MISSING,
        "482910375-1 38237": Unread.DIGIT_COUNT,
        "482910375-1 3823777": Unread.DIGIT_COUNT,
        "PIN 382377 ID 482910375-1": Unread.FOREIGN,
        "https://t.example/t/byKYPT7kH1UmkorcA00Zmg": Unread.LINK,
        "HTTPS://T.EXAMPLE/T#byKYPT7kH1UmkorcA00Zmg/": Unread.LINK,
        "https://t.example/t/byKYPT7kH1UmkorcA00Zmgg": Unread.FOREIGN,
        "http\u017f://t.example/t/byKYPT7kH1UmkorcA00Zmg": Unread.FOREIGN,
        "WIFI:T:WPA;S:hall;P:secret;;": Unread.FOREIGN,
        "\U0001f3ab" * 65: Unread.FOREIGN,
        "٤٨٢٩١٠٣٧٥١": Unread.FOREIGN,
    }.items():
        yield case(f"typed: {reason.value}", text, unreadable(reason))


def compact() -> Iterator[Told]:
    text = compact_text(CODE, COMPACT)
    read = {"face": "compact", "code_id": f"{CODE:016x}", "tag": COMPACT(b"CT0" + CODE.to_bytes(8, "big"))[:7].hex()}
    other = RING.compact_mac(1, issuer_id=ISSUER, occasion_code=OCCASION + 1)
    foreign = {**read, "tag": other(b"CT0" + CODE.to_bytes(8, "big"))[:7].hex()}
    yield case("CT0", text, read, genuine=True)
    yield case("CT0 from a scanner that adds white space", f" {text}\r\n", read, genuine=True)
    yield case("CT0 of another occasion", compact_text(CODE, other), foreign, genuine=False)
    yield case("CT0 with a letter that Crockford base32 has not", text[:-1] + "U", unreadable(Unread.DAMAGED))
    yield case("CT0 in lower case", text.lower(), unreadable(Unread.FOREIGN))
    yield case("CT0 and a character more", text + "0", unreadable(Unread.FOREIGN))


def signed() -> Iterator[Told]:
    packed = BODY.pack()
    signature = BARCODE.sign(packed)

    def made(says: str, body: Body, made: bytes, *, genuine: bool) -> Told:
        read = {"face": "signed", **fields(body), "signature": made.hex()}
        return case(f"CT1{says}", signed_text(body, lambda _: made), read, genuine=genuine)

    yield made("", BODY, signature, genuine=True)
    yield made(", the other valid signature", BODY, twin(signature), genuine=True)
    yield made(", a bit of the signature turned", BODY, signature[:-1] + bytes([signature[-1] ^ 1]), genuine=False)
    yield made(", r is 0", BODY, bytes(32) + signature[32:], genuine=False)
    yield made(", s is 0", BODY, signature[:32] + bytes(32), genuine=False)
    yield made(", s is n", BODY, signature[:32] + ORDER.to_bytes(32, "big"), genuine=False)
    changed = replace(BODY, class_code=1)
    yield made(", the class changed after signing", changed, signature, genuine=False)
    for kid, pair in ((9, NEXT), (9, BARCODE), (8, UNLISTED)):
        other = replace(BODY, kid=kid)
        says = f", kid {kid}, signed with {pair.says}"
        yield made(says, other, pair.sign(other.pack()), genuine=(kid, pair) == (9, NEXT))
    long = replace(BODY, duration_minutes=0, flags=Flag(0))
    yield made(" whose end is not in the code", long, BARCODE.sign(long.pack()), genuine=True)
    yield from spoilt("CT1", signed_text(BODY, BARCODE.sign))
    for says, octets in {
        "of version 2": b"\2" + packed[1:],
        "of version 0": b"\0" + packed[1:],
        "with a flag not known": packed[:22] + b"\x10",
    }.items():
        yield case(f"CT1 {says}, signed", "S:" + base45.encode(octets + BARCODE.sign(octets)), unreadable(Unread.NEWER))
    late = packed[:16] + b"\x80\0\0\0" + packed[20:]
    yield case("CT1 of the year 6053", "S:" + base45.encode(late + BARCODE.sign(late)), unreadable(Unread.DAMAGED))


def spoilt(name: str, text: str) -> Iterator[Told]:
    """One text that was read wrongly."""
    for says, spoilt, reason in (
        ("without its last character", text[:-1], Unread.CUT_SHORT),
        ("cut after its tag", text[:2], Unread.CUT_SHORT),
        ("and a character more", text + "0", Unread.RUN_ON),
        ("with a character outside the alphabet", text[:-1] + "a", Unread.DAMAGED),
        ("with a group above 65535", text[:2] + ":::" + text[5:], Unread.DAMAGED),
        ("in lower case", text.lower(), Unread.FOREIGN),
    ):
        yield case(f"{name} {says}", spoilt, unreadable(reason))
    yield case(f"{name} with white space around", f"\ufeff{text}\t\r\n", {"same_as": name})


def living() -> Iterator[Told]:
    part = living_part(BODY, HANDSET.public, BARCODE.sign)

    def made(says: str, part: bytes, step: int, holder: bytes, *, genuine: bool, body: Body = BODY) -> Told:
        read = {"face": "living", **fields(body), "holder_key": part[23:56].hex(), "issuer_signature": part[56:].hex()}
        read |= {"step": step, "holder_signature": holder.hex()}
        return case(f"CTL{says}", living_text(part, step, lambda _: holder), read, genuine=genuine)

    def held(part: bytes, step: int = STEP, pair: Pair = HANDSET) -> bytes:
        return pair.sign(b"CTL" + part + step.to_bytes(4, "big"))

    yield made("", part, STEP, held(part), genuine=True)
    yield made(" of the next step", part, STEP + 1, held(part, STEP + 1), genuine=True)
    yield made(" of the last step there is", part, 2**32 - 1, held(part, 2**32 - 1), genuine=True)
    yield made(", the holder's other valid signature", part, STEP, twin(held(part)), genuine=True)
    twinned = part[:56] + twin(part[56:])
    yield made(", the issuer's other valid signature", twinned, STEP, held(twinned), genuine=True)
    yield made(", the issuer's signature turned later", twinned, STEP, held(part), genuine=False)
    yield made(", a picture moved to the next step", part, STEP + 1, held(part), genuine=False)
    yield made(", shown with another key", part, STEP, held(part, pair=THIEF), genuine=False)
    yield made(", the tag CTL not signed", part, STEP, HANDSET.sign(part + STEP.to_bytes(4, "big")), genuine=False)
    taken = part[:23] + THIEF.public + part[56:]
    yield made(", another key put in", taken, STEP, held(taken, pair=THIEF), genuine=False)
    static = part[:56] + BARCODE.sign(BODY.pack())
    yield made(", the issuer's signature taken from a CT1", static, STEP, held(static), genuine=False)
    yield made(", nothing signed", part[:56] + bytes(64), STEP, bytes(64), genuine=False)
    unlisted = replace(BODY, kid=8)
    other = living_part(unlisted, HANDSET.public, UNLISTED.sign)
    yield made(", a kid that is not listed", other, STEP, held(other), genuine=False, body=unlisted)
    for says, key in {
        "is on no point of the curve": b"\2" + (1).to_bytes(32, "big"),
        "is p or more": b"\2" + (FIELD + 5).to_bytes(32, "big"),
    }.items():
        nowhere = living_part(BODY, key, BARCODE.sign)
        yield made(f", a key whose x {says}", nowhere, STEP, held(nowhere), genuine=False)
    yield from spoilt("CTL", living_text(part, STEP, HANDSET.sign))
    tail = part[23:] + STEP.to_bytes(4, "big") + held(part)
    for says, octets, reason in (
        ("of version 1", b"\1" + part[1:23] + tail, Unread.NEWER),
        ("of version 3", b"\3" + part[1:23] + tail, Unread.NEWER),
        ("with a flag not known", part[:22] + b"\x80" + tail, Unread.NEWER),
        ("whose key begins with 4", part[:23] + b"\4" + tail[1:], Unread.DAMAGED),
    ):
        yield case(f"CTL {says}", "L:" + base45.encode(octets), unreadable(reason))


# --- the file -------------------------------------------------------------------------------------------------------


def presented() -> list[Told]:
    """Every case; one that reads the same as another says what that one says."""
    cases = [*typed(), *compact(), *signed(), *living()]
    by_name = {one["says"]: one for one in cases}
    for one in cases:
        if same := one["read"].get("same_as"):
            one |= {"read": by_name[same]["read"], "genuine": by_name[same]["genuine"]}
    return cases


def text() -> str:
    """The whole file."""
    vectors = {
        "about": "Test vectors of docs/reference/credentials.md. The keys are public: never use them.",
        "keys": keys(),
        "derived": derived(),
        "base45": alphabet(),
        "spans": spans(),
        "body": {**fields(BODY), "ct1": BODY.pack().hex(), "ctl": BODY.pack(version=2).hex()},
        "times": times(),
        "words": {
            one.value: {language: Unreadable(one).words(language) for language in ("en", "ko")} for one in Unread
        },
        "presented": presented(),
    }
    return json.dumps(vectors, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(text(), encoding="utf-8")
