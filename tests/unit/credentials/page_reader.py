"""A gate's reader written from docs/reference/credentials.md alone: it shares no code with the product."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
QUASIGROUP = (
    *("0317598642", "7092154863", "4206871359", "1750983426", "6123045978"),
    *("3674209581", "5869720134", "8945362017", "9438617205", "2581436790"),
)
ENDS = " \t\r\n\u00a0\u3000\ufeff"
PASSED_OVER = set(" \t\r\n-,.:;/|#_·\u00a0\u3000\u2212\u30fc\u200b\u200e\u200f\u2060\ufeff") | {
    chr(point) for point in range(0x2010, 0x2016)
}
Read = dict[str, Any]


class Unread(Exception):
    """Its argument is the page's reason."""


def base45_octets(text: str) -> bytes:
    octets = b""
    for at in range(0, len(text), 3):
        group = text[at : at + 3]
        if not set(group) <= set(BASE45) or len(group) == 1:
            raise Unread("damaged")
        value = sum(BASE45.index(character) * 45**place for place, character in enumerate(group))
        if value >= 256 ** (len(group) - 1):
            raise Unread("damaged")
        octets += value.to_bytes(len(group) - 1, "big")
    return octets


def read(text: str) -> Read:
    """Steps 1 to 4; `unreadable` with the reason, or `face` and the fields."""
    try:
        if len(text) > 512:
            raise Unread("too_long")  # noqa: TRY301 - the page's own words
        text = text.strip(ENDS)
        if text[:2] in {"S:", "L:"}:
            return coded(text)
        return compact(text) if text[:1] == "C" and len(text) == 25 else typed(text)
    except Unread as why:
        return {"unreadable": why.args[0]}


def coded(text: str) -> Read:
    living = text.startswith("L:")
    whole = 284 if living else 133
    if len(text) != whole:
        raise Unread("cut_short" if len(text) < whole else "run_on")
    octets = base45_octets(text[2:])
    number = {
        name: int.from_bytes(octets[first:end], "big")
        for name, first, end in (("class_code", 14, 16), ("not_before_minute", 16, 20), ("duration_minutes", 20, 22))
    }
    if octets[0] != (2 if living else 1) or octets[22] & 0xF0:
        raise Unread("newer")
    if number["not_before_minute"] >= 2**31:
        raise Unread("damaged")
    body = {"kid": octets[1], "code_id": octets[2:10].hex(), "occasion_code": octets[10:14].hex(), "flags": octets[22]}
    if not living:
        return {"face": "signed", **body, **number, "signature": octets[23:].hex()}
    if octets[23] not in {2, 3}:
        raise Unread("damaged")
    return {
        "face": "living",
        **body,
        **number,
        "holder_key": octets[23:56].hex(),
        "issuer_signature": octets[56:120].hex(),
        "step": int.from_bytes(octets[120:124], "big"),
        "holder_signature": octets[124:].hex(),
    }


def compact(text: str) -> Read:
    if not set(text[1:]) <= set(CROCKFORD):
        raise Unread("damaged")
    value = 0
    for character in text[1:]:
        value = value << 5 | CROCKFORD.index(character)
    octets = value.to_bytes(15, "big")
    return {"face": "compact", "code_id": octets[:8].hex(), "tag": octets[8:].hex()}


def typed(text: str) -> Read:
    if (
        re.fullmatch("(?i:https?)://[!-~]*[/#=][A-Za-z0-9_-]{22}/?", text, re.ASCII)
        and text.rstrip("/")[-1] in "AQgwaqGW"
    ):
        raise Unread("link")
    if len(text) > 64:
        raise Unread("foreign")
    narrow = (chr(ord(one) - 0xFEE0) if 0xFF01 <= ord(one) <= 0xFF5E else one for one in text)
    left = "".join(one for one in narrow if one not in PASSED_OVER).upper()
    if not left:
        raise Unread("empty")
    words = re.fullmatch("(?:ID|번호)?([0-9]+)(PIN|비밀번호)?([0-9]*)", left)
    if words is None:
        raise Unread("foreign")
    digits = words[1] + words[3]
    if len(digits) not in {10, 16} or (words[2] and len(words[3]) != 6):
        raise Unread("digit_count")
    interim = 0
    for digit in digits[:10]:
        interim = int(QUASIGROUP[interim][int(digit)])
    if interim:
        raise Unread("check_digit")
    if len(digits) == 10:
        raise Unread("pin_missing")
    return {"face": "pin", "number": digits[:10], "pin": digits[10:]}


def is_genuine(text: str, *, jwks: dict[str, Any], compact_key: bytes) -> bool:
    """Steps 5 and 6, for a text of one of the three codes."""
    fields = read(text)
    if fields["face"] == "compact":
        code = bytes.fromhex(fields["code_id"])
        return hmac.digest(compact_key, b"CT0" + code, "sha256")[:7] == bytes.fromhex(fields["tag"])
    octets = base45_octets(text.strip(ENDS)[2:])
    jwk = next((one for one in jwks["keys"] if one.get("barcode_kid") == fields["kid"]), None)
    if jwk is None:
        return False
    x, y = (int.from_bytes(urlsafe_b64decode(jwk[name] + "="), "big") for name in "xy")
    issuer = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    if fields["face"] == "signed":
        return holds(issuer, octets[:23], octets[23:])
    try:
        holder = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), octets[23:56])
    except ValueError:
        return False
    return holds(issuer, octets[:56], octets[56:120]) and holds(holder, b"CTL" + octets[:124], octets[124:])


def holds(key: ec.EllipticCurvePublicKey, message: bytes, signature: bytes) -> bool:
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        key.verify(der, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def is_fresh(step: int, now_unix: float) -> bool:
    return abs(15 * step + 7.5 - now_unix) <= 30
