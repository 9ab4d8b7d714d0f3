"""The reference page's vectors: the product makes them, and a gate written from the page alone reads them."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import b32decode, urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from app.domain import damm
from app.domain.credential import (
    Body,
    CodeId,
    Compact,
    Flag,
    NumberAndPin,
    Pin,
    Signed,
    TicketNumber,
    Unread,
    compact_text,
    link_token_for,
    parse_presented,
    pin_for,
    shown,
    validity,
)
from app.keys import Current, KeyRing, MacKey, Verifier

PAGE = (Path(__file__).parents[3] / "docs/reference/credentials.md").read_text("utf-8")
V: dict[str, Any] = json.loads(re.findall("```json\n(.*?)```", PAGE, re.DOTALL)[0])
ISSUER, TICKET = UUID(V["issuer_id"]), UUID(V["ticket_id"])
CODE, OCCASION = CodeId(int(V["code_id"], 16)), int(V["occasion_code"], 16)


@pytest.fixture(scope="module")
def ring() -> KeyRing:
    barcode = ec.derive_private_key(int(V["private_d"], 16), ec.SECP256R1())
    return KeyRing(
        secrets={1: bytes.fromhex(V["secret"])},
        barcode={7: barcode},
        token={1: ec.generate_private_key(ec.SECP256R1())},
        current=Current(barcode=7),
    )


def test_the_ring_derives_the_keys_of_the_page(ring: KeyRing) -> None:
    macs: dict[str, MacKey] = {
        "pin": ring.pin_mac(1),
        "link": ring.link_mac(1),
        "compact": ring.compact_mac(1, issuer_id=ISSUER, occasion_code=OCCASION),
        "gate": ring.gate_mac(1, issuer_id=ISSUER, occasion_code=OCCASION),
    }
    assert set(macs) == set(V["keys"])
    for purpose, mac in macs.items():
        assert mac(b"m") == hmac.digest(bytes.fromhex(V["keys"][purpose]), b"m", "sha256")


def test_the_ring_publishes_the_key_of_the_page(ring: KeyRing) -> None:
    assert V["jwk"].items() <= ring.jwks()["keys"][0].items()


def test_number_pin_and_link_are_those_of_the_page(ring: KeyRing) -> None:
    link = link_token_for(ring.link_mac(1), ticket_id=TICKET, generation=V["generation"])
    pin = pin_for(ring.pin_mac(1), issuer_id=ISSUER, ticket_id=TICKET, generation=V["generation"])
    assert pin == Pin(V["pin"])
    assert (link.reveal(), link.digest().hex()) == (V["link"], V["link_sha256"])
    assert shown(V["number"]) == V["shown"]
    assert parse_presented(f"{V['shown']} {V['pin']}") == NumberAndPin(TicketNumber(V["number"]), pin)


def test_the_compact_code_is_that_of_the_page(ring: KeyRing) -> None:
    mac = ring.compact_mac(1, issuer_id=ISSUER, occasion_code=OCCASION)
    read = parse_presented(V["ct0"])
    assert compact_text(CODE, mac) == V["ct0"]
    assert isinstance(read, Compact)
    assert read.code_id == CODE
    assert read.is_genuine(mac)


def test_the_signed_code_is_that_of_the_page() -> None:
    fields = V["ct1_fields"]
    body = Body(
        kid=V["jwk"]["barcode_kid"],
        code_id=CODE,
        occasion_code=OCCASION,
        class_code=fields["class_code"],
        not_before_minute=fields["not_before_minute"],
        duration_minutes=fields["duration_minutes"],
        flags=Flag(fields["flags"]),
    )
    read = parse_presented(V["ct1"])
    assert isinstance(read, Signed)
    assert read.body == body
    assert body.pack().hex() == V["ct1_body"]
    assert read.is_genuine(Verifier.from_jwks({"keys": [V["jwk"]]}).verify)
    begins, ends = datetime.fromisoformat(V["begins"]), datetime.fromisoformat(V["ends"])
    assert (body.begins, body.ends) == (begins, ends)
    assert validity(begins, ends) == (fields["not_before_minute"], fields["duration_minutes"])


# --- a gate from the page alone: nothing of ours below ---


def derived(info: bytes) -> bytes:
    extracted = hmac.digest(bytes(32), bytes.fromhex(V["secret"]), "sha256")
    return hmac.digest(extracted, b"cyberticket/1/" + info + b"\x01", "sha256")


def test_an_independent_issuer_derives_keys_pin_and_link() -> None:
    occasion = ISSUER.bytes + bytes.fromhex(V["occasion_code"])
    infos = {"pin": b"pin", "link": b"link", "compact": b"compact" + occasion, "gate": b"gate" + occasion}
    assert {name: derived(info).hex() for name, info in infos.items()} == V["keys"]
    generation = V["generation"].to_bytes(4, "big")
    pin = hmac.digest(derived(b"pin"), ISSUER.bytes + TICKET.bytes + generation, "sha256")
    assert str(int.from_bytes(pin[:8], "big"))[-6:] == V["pin"]
    link = hmac.digest(derived(b"link"), TICKET.bytes + generation, "sha256")
    assert urlsafe_b64encode(link[:16]).decode() == V["link"] + "=="
    assert hashlib.sha256(V["link"].encode()).hexdigest() == V["link_sha256"]


def test_an_independent_gate_reads_the_compact_code() -> None:
    crockford, rfc4648 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    octets = b32decode(V["ct0"][1:].translate(str.maketrans(crockford, rfc4648)))
    assert octets[:8].hex() == V["code_id"]
    assert octets[8:] == hmac.digest(bytes.fromhex(V["keys"]["compact"]), b"CT0" + octets[:8], "sha256")[:7]


def base45_octets(text: str) -> bytes:
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
    octets = b""
    for at in range(0, len(text), 3):
        group = text[at : at + 3]
        value = sum(alphabet.index(character) * 45**place for place, character in enumerate(group))
        octets += value.to_bytes(len(group) - 1, "big")
    return octets


def test_an_independent_gate_reads_and_verifies_the_signed_code() -> None:
    octets = base45_octets(V["ct1"].removeprefix("S:"))
    body, r, s = octets[:23], octets[23:55], octets[55:]
    x, y = (int.from_bytes(urlsafe_b64decode(V["jwk"][name] + "="), "big") for name in "xy")
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    der = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
    key.verify(der, body, ec.ECDSA(hashes.SHA256()))  # raises where the signature does not hold
    at = {"kid": (1, 2), "code": (2, 10), "occasion": (10, 14), "class": (14, 16), "begin": (16, 20), "long": (20, 22)}
    value = {name: int.from_bytes(body[first:end], "big") for name, (first, end) in at.items()}
    assert (body[0], body[22]) == (1, V["ct1_fields"]["flags"])
    assert value["kid"] == V["jwk"]["barcode_kid"]
    assert (value["code"], value["occasion"]) == (CODE, OCCASION)
    assert value["class"] == V["ct1_fields"]["class_code"]
    begins = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=value["begin"])
    assert begins == datetime.fromisoformat(V["begins"])
    assert begins + timedelta(minutes=value["long"]) == datetime.fromisoformat(V["ends"])


# --- the rest of the page ---


def test_the_page_lists_the_quasigroup_that_is_used() -> None:
    printed = [tuple(map(int, line.split())) for line in re.findall("^(?:[0-9] ){9}[0-9]$", PAGE, re.MULTILINE)]
    assert tuple(printed) == damm._QUASIGROUP


def test_the_page_lists_every_reason_for_not_reading_and_no_other() -> None:
    section = PAGE.split("## What else a gate may be given")[1].split("##")[0]
    assert re.findall(r"^\| `([a-z_]+)` ", section, re.MULTILINE) == list(Unread)


def test_the_page_lists_every_flag_with_its_value() -> None:
    listed = re.findall(r"^\| [0-3] \(([0-9])\) \| ([a-zA-Z -]+) \|", PAGE, re.MULTILINE)
    assert {name.upper().replace(" ", "_").replace("-", "_"): int(value) for value, name in listed} == {
        flag.name: flag.value for flag in Flag
    }
