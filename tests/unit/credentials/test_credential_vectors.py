"""The reference page's vectors: the product makes them, and a gate written from the page alone reads them."""

from __future__ import annotations

import hashlib
import hmac
import re
import runpy
from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import page_reader
import pytest
from credential_kit import VECTORS as V
from credential_kit import VECTORS_FILE, product_reads
from cryptography.hazmat.primitives.asymmetric import ec

from app.domain import base45, damm
from app.domain.admission import LIVING_SKEW_SECONDS
from app.domain.credential import (
    Body,
    CodeId,
    Compact,
    Flag,
    Living,
    NumberAndPin,
    Pin,
    Signed,
    TicketNumber,
    Unread,
    Unreadable,
    compact_text,
    link_token_for,
    parse_presented,
    pin_for,
    shown,
    validity,
)
from app.domain.entry_rules import Face
from app.keys import Current, KeyRing, MacKey, Verifier, verify_holder

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "reference/credentials.md").read_text("utf-8")
D: dict[str, Any] = V["derived"]
ISSUER, TICKET = UUID(D["issuer_id"]), UUID(D["ticket_id"])
CODE, OCCASION = CodeId(int(V["body"]["code_id"], 16)), int(D["occasion_code"], 16)
CASES = pytest.mark.parametrize("case", V["presented"], ids=[one["says"] for one in V["presented"]])


@pytest.fixture(scope="module")
def ring() -> KeyRing:
    pairs = {
        kid: ec.derive_private_key(int(V["keys"][f"barcode_{kid}"]["private_d"], 16), ec.SECP256R1()) for kid in (7, 9)
    }
    return KeyRing(
        secrets={1: bytes.fromhex(D["secret"])},
        barcode=pairs,
        token={1: ec.generate_private_key(ec.SECP256R1())},
        current=Current(barcode=7),
    )


def test_the_vectors_are_those_that_the_codec_makes_today() -> None:
    maker = runpy.run_path(str(DOCS / "make_vectors.py"))
    assert maker["text"]() == VECTORS_FILE.read_text("utf-8"), (
        "the vectors are stale: run `python docs/make_vectors.py`"
    )


# --- the product ----------------------------------------------------------------------------------------------------


def test_the_ring_derives_the_keys_of_the_vectors(ring: KeyRing) -> None:
    macs: dict[str, MacKey] = {
        "pin": ring.pin_mac(1),
        "link": ring.link_mac(1),
        "compact": ring.compact_mac(1, issuer_id=ISSUER, occasion_code=OCCASION),
    }
    assert set(macs) == set(D["keys"])
    for purpose, mac in macs.items():
        assert mac(b"m") == hmac.digest(bytes.fromhex(D["keys"][purpose]), b"m", "sha256")


def test_the_ring_publishes_the_keys_of_the_vectors(ring: KeyRing) -> None:
    listed = {one.get("barcode_kid"): one for one in ring.jwks()["keys"]}
    assert {kid: listed[kid] for kid in (7, 9)} == {
        one["barcode_kid"]: one for one in V["keys"]["jwks"]["keys"] if "barcode_kid" in one
    }


def test_number_pin_and_link_are_those_of_the_vectors(ring: KeyRing) -> None:
    link = link_token_for(ring.link_mac(1), ticket_id=TICKET, generation=D["generation"])
    pin = pin_for(ring.pin_mac(1), issuer_id=ISSUER, ticket_id=TICKET, generation=D["generation"])
    assert pin == Pin(D["pin"])
    assert (link.reveal(), link.digest().hex()) == (D["link"], D["link_sha256"])
    assert shown(D["number"]) == D["shown"]


@CASES
def test_the_product_reads_what_the_vector_says(case: dict[str, Any]) -> None:
    assert product_reads(case["text"]) == case["read"]


@CASES
def test_the_product_takes_the_genuine_for_genuine_and_nothing_else(case: dict[str, Any], ring: KeyRing) -> None:
    verify = Verifier.from_jwks(V["keys"]["jwks"]).verify
    genuine: bool | None = None
    match parse_presented(case["text"]):
        case Compact() as read:
            genuine = read.is_genuine(ring.compact_mac(1, issuer_id=ISSUER, occasion_code=OCCASION))
        case Signed() as read:
            genuine = read.is_genuine(verify)
        case Living() as read:
            genuine = read.is_genuine(verify, verify_holder)
        case NumberAndPin() | Unreadable():
            pass
    assert genuine == case.get("genuine")


def test_a_key_or_signature_of_another_length_is_no_holder_s() -> None:
    (living,) = [one for one in V["presented"] if one["says"] == "CTL"]
    read = parse_presented(living["text"])
    assert isinstance(read, Living)
    verify = Verifier.from_jwks(V["keys"]["jwks"]).verify
    r, s = read.holder_signature[:32], read.holder_signature[32:]
    assert not replace(read, holder_signature=r + b"\0" + s).is_genuine(verify, verify_holder)
    assert not verify_holder(b"", b"message", bytes(64))


def test_the_body_has_the_octets_of_the_vectors() -> None:
    given = V["body"]
    numbers = {name: given[name] for name in ("kid", "class_code", "not_before_minute", "duration_minutes")}
    body = Body(code_id=CODE, occasion_code=OCCASION, flags=Flag(given["flags"]), **numbers)
    assert (body.pack().hex(), body.pack(version=2).hex()) == (given["ct1"], given["ctl"])


@pytest.mark.parametrize("span", V["spans"], ids=[one["says"] for one in V["spans"]])
def test_a_span_is_carried_as_the_vectors_say(span: dict[str, Any]) -> None:
    ends = datetime.fromisoformat(span["ends"]) if span["ends"] else None
    carried = validity(datetime.fromisoformat(span["begins"]), ends)
    assert carried == (span["not_before_minute"], span["duration_minutes"])


def test_base45_is_as_the_vectors_say() -> None:
    for octets, text in V["base45"]["octets"].items():
        assert base45.encode(bytes.fromhex(octets)) == text
        assert base45.decode(text).hex() == octets == page_reader.base45_octets(text).hex()
    for text in V["base45"]["refused"]:
        with pytest.raises(ValueError, match=r"base45|group|ascii"):
            base45.decode(text)
        with pytest.raises(page_reader.Unread, match="damaged"):
            page_reader.base45_octets(text)


@pytest.mark.parametrize("time", V["times"], ids=[str(one["now_unix"]) for one in V["times"]])
def test_a_code_is_as_fresh_as_the_vectors_say(time: dict[str, Any]) -> None:
    living = next(parse_presented(one["text"]) for one in V["presented"] if one["says"] == "CTL")
    assert isinstance(living, Living)
    now = datetime.fromtimestamp(time["now_unix"], UTC)
    fresh = abs(replace(living, step=time["step"]).shown_at - now) <= timedelta(seconds=LIVING_SKEW_SECONDS)
    assert fresh == time["fresh"] == page_reader.is_fresh(time["step"], time["now_unix"])


def test_the_compact_code_is_made_as_it_is_read(ring: KeyRing) -> None:
    mac = ring.compact_mac(1, issuer_id=ISSUER, occasion_code=OCCASION)
    assert [one["text"] for one in V["presented"] if one["says"] == "CT0"] == [compact_text(CODE, mac)]
    assert parse_presented(f"{D['shown']} {D['pin']}") == NumberAndPin(TicketNumber(D["number"]), Pin(D["pin"]))


# --- a gate from the page alone -------------------------------------------------------------------------------------


@CASES
def test_an_independent_gate_reads_what_the_vector_says(case: dict[str, Any]) -> None:
    assert page_reader.read(case["text"]) == case["read"]


@CASES
def test_an_independent_gate_takes_the_genuine_for_genuine_and_nothing_else(case: dict[str, Any]) -> None:
    coded = case["read"].get("face") in {"compact", "signed", "living"}
    assert coded == ("genuine" in case)
    if coded:
        key = bytes.fromhex(D["keys"]["compact"])
        genuine = page_reader.is_genuine(case["text"], jwks=V["keys"]["jwks"], compact_key=key)
        assert genuine == case["genuine"]


def derived(info: bytes) -> bytes:
    extracted = hmac.digest(bytes(32), bytes.fromhex(D["secret"]), "sha256")
    return hmac.digest(extracted, b"cyberticket/1/" + info + b"\x01", "sha256")


def test_an_independent_issuer_derives_keys_pin_and_link() -> None:
    occasion = ISSUER.bytes + bytes.fromhex(D["occasion_code"])
    infos = {"pin": b"pin", "link": b"link", "compact": b"compact" + occasion}
    assert {name: derived(info).hex() for name, info in infos.items()} == D["keys"]
    generation = D["generation"].to_bytes(4, "big")
    pin = hmac.digest(derived(b"pin"), ISSUER.bytes + TICKET.bytes + generation, "sha256")
    assert str(int.from_bytes(pin[:8], "big"))[-6:] == D["pin"]
    link = hmac.digest(derived(b"link"), TICKET.bytes + generation, "sha256")
    assert urlsafe_b64encode(link[:16]).decode() == D["link"] + "=="
    assert hashlib.sha256(D["link"].encode()).hexdigest() == D["link_sha256"]


# --- what the vectors cover, and the rest of the page ---------------------------------------------------------------


def test_every_face_and_every_reason_has_a_vector() -> None:
    assert {one["read"].get("face") for one in V["presented"]} == {*Face, None}
    assert {one["read"].get("unreadable") for one in V["presented"]} == {*Unread, None}
    genuine = {(one["read"].get("face"), one.get("genuine")) for one in V["presented"]}
    assert {(face, yes) for face in ("compact", "signed", "living") for yes in (True, False)} <= genuine


def test_the_page_prints_the_private_keys_of_the_vectors() -> None:
    printed = set(re.findall("`([0-9a-f]{64})`", PAGE))
    assert printed == {one["private_d"] for one in V["keys"].values() if "private_d" in one}


def test_the_page_shows_how_its_codes_begin() -> None:
    begins = dict(re.findall("^[|] `(?:compact|signed|living)`, (CT.) [|] `([^`…]+)…?`", PAGE, re.MULTILINE))
    assert set(begins) == {"CT0", "CT1", "CTL"}
    for case in V["presented"]:
        if case["says"] in begins:
            assert case["text"].startswith(begins[case["says"]])


def test_the_page_describes_every_member_of_the_vectors() -> None:
    section = PAGE.split("## Test vectors")[1]
    assert re.findall(r"^\| `([a-z0-9]+)` \|", section, re.MULTILINE) == [name for name in V if name != "about"]


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
