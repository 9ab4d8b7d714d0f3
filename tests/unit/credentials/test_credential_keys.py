"""The key ring: what it derives and signs, what it publishes, and which folders it refuses."""

from __future__ import annotations

import hashlib
import hmac
import json
import stat
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from app.keys import Current, KeyRing, KeyRingUnusable, Verifier, create, load, public_jwk, thumbprint
from app.keys.ring import MACS_KEPT_MAX

ISSUER, OTHER_ISSUER = UUID(int=1), UUID(int=2)
N_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
RING = KeyRing.fresh()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create(tmp_path / "keys")
    return tmp_path / "keys"


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, lock: KeySerializationEncryption | None = None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock or NoEncryption())


def put(path: Path, octets: bytes, mode: int = 0o600) -> None:
    path.write_bytes(octets)
    path.chmod(mode)


# --- derived keys ---


def test_each_purpose_issuer_and_occasion_has_a_key_of_its_own() -> None:
    tonight, tomorrow = {"occasion_code": 1}, {"occasion_code": 2}
    macs = [
        RING.pin_mac(1),
        RING.link_mac(1),
        RING.compact_mac(1, issuer_id=ISSUER, **tonight),
        RING.compact_mac(1, issuer_id=ISSUER, **tomorrow),
        RING.compact_mac(1, issuer_id=OTHER_ISSUER, **tonight),
        RING.snapshot_mac(1),
        RING.foreign_mac(1),
        KeyRing.fresh().pin_mac(1),
    ]
    assert len({mac(b"the same message") for mac in macs}) == len(macs)


def test_derivation_is_hkdf_as_documented() -> None:
    extracted = hmac.digest(bytes(32), RING.secrets[1], "sha256")
    key = hmac.digest(extracted, b"cyberticket/1/pin\x01", "sha256")
    assert RING.pin_mac(1)(b"m") == hmac.digest(key, b"m", "sha256")


def test_an_older_secret_still_derives_what_it_did() -> None:
    rotated = KeyRing(
        secrets={**RING.secrets, 2: bytes(32)}, barcode=RING.barcode, token=RING.token, current=Current(secret=2)
    )
    assert rotated.kid == 2
    assert rotated.pin_mac(1)(b"m") == RING.pin_mac(1)(b"m") != rotated.pin_mac(2)(b"m")


def test_keys_of_more_occasions_than_are_kept_ready_are_derived_again_and_are_the_same() -> None:
    ring = KeyRing.fresh()

    def tag(occasion_code: int) -> bytes:
        return ring.compact_mac(1, issuer_id=ISSUER, occasion_code=occasion_code)(b"shown")

    first = tag(0)
    others = {tag(code) for code in range(1, MACS_KEPT_MAX + 1)}

    assert (tag(0), len(others | {first})) == (first, MACS_KEPT_MAX + 1)


def test_a_ring_that_took_up_another_derives_what_that_one_does() -> None:
    ring, other = KeyRing.fresh(), KeyRing.fresh()
    before = ring.pin_mac(1)(b"m")

    ring.take_up(other)

    assert ring.pin_mac(1)(b"m") == other.pin_mac(1)(b"m") != before


def test_a_secret_that_was_removed_is_named() -> None:
    with pytest.raises(KeyRingUnusable, match=r"secret-9\.key is missing; restore it"):
        RING.link_mac(9)


def test_no_key_prints() -> None:
    printed = f"{RING!r} {RING.pin_mac(1)!r} {RING.signer!r} {RING.verifier!r}"
    assert RING.secrets[1].hex() not in printed
    assert "PrivateKey" not in printed
    assert repr(RING.pin_mac(1)) == "MacKey(***)"
    assert repr(RING) == "KeyRing(current=Current(secret=1, barcode=1, token=1))"


# --- barcode signatures ---


def test_a_signature_has_64_octets_and_holds() -> None:
    signature = RING.signer.sign(b"body")
    assert len(signature) == 64
    assert RING.verifier.verify(RING.signer.kid, b"body", signature)


@pytest.mark.parametrize("kid", [0, 2, 255, 256, -1])
def test_an_unknown_kid_verifies_nothing(kid: int) -> None:
    assert not RING.verifier.verify(kid, b"body", RING.signer.sign(b"body"))


def test_another_message_is_not_signed() -> None:
    assert not RING.verifier.verify(1, b"bodx", RING.signer.sign(b"body"))


def test_another_rings_signature_does_not_hold() -> None:
    assert not RING.verifier.verify(1, b"body", KeyRing.fresh().signer.sign(b"body"))


@pytest.mark.parametrize("signature", [b"", bytes(64), b"\xff" * 64, bytes(63), bytes(65)])
def test_what_is_no_signature_is_a_no_and_not_an_error(signature: bytes) -> None:
    assert not RING.verifier.verify(1, b"body", signature)


def test_a_signature_is_not_padded_to_another_length() -> None:
    signature = RING.signer.sign(b"body")
    assert not RING.verifier.verify(1, b"body", signature[:32] + b"\0" + signature[32:])


def test_a_signature_has_a_twin_so_nothing_may_be_told_apart_by_it() -> None:
    signature = RING.signer.sign(b"body")
    s = int.from_bytes(signature[32:], "big")
    twin = signature[:32] + (N_P256 - s).to_bytes(32, "big")
    assert twin != signature
    assert RING.verifier.verify(1, b"body", twin)


def test_the_next_key_is_published_and_verified_with_but_not_signed_with() -> None:
    barcode = {**RING.barcode, 2: ec.generate_private_key(ec.SECP256R1())}
    announced = KeyRing(secrets=RING.secrets, barcode=barcode, token=RING.token)
    switched = KeyRing(secrets=RING.secrets, barcode=barcode, token=RING.token, current=Current(barcode=2))
    assert announced.signer.kid == 1
    assert switched.signer.kid == 2
    assert announced.verifier.verify(2, b"body", switched.signer.sign(b"body"))
    assert [jwk.get("barcode_kid") for jwk in announced.jwks()["keys"]] == [1, 2, None]


# --- published keys ---


def test_the_thumbprint_is_that_of_rfc_7638() -> None:
    # RFC 7638 has an RSA example only, so this one is spelled out.
    jwk = {"y": "BB", "kty": "EC", "crv": "P-256", "x": "AA", "use": "sig"}
    digest = hashlib.sha256(b'{"crv":"P-256","kty":"EC","x":"AA","y":"BB"}').digest()
    assert urlsafe_b64decode(thumbprint(jwk) + "=") == digest


def test_a_coordinate_keeps_its_leading_zeros() -> None:
    # RFC 7518 section 6.2.1.2: always the full 32 octets.
    keys = (ec.derive_private_key(scalar, ec.SECP256R1()).public_key() for scalar in range(1, 2000))
    short = next(key for key in keys if key.public_numbers().x < 2**248)
    assert len(public_jwk(short)["x"]) == 43


def test_the_published_set_holds_public_halves_only() -> None:
    published = RING.jwks()["keys"]
    assert [set(jwk) - {"barcode_kid"} for jwk in published] == [
        {"kty", "crv", "x", "y", "use", "alg", "kid"},
        {"kty", "crv", "x", "y", "use", "alg", "kid"},
    ]
    assert published[1]["kid"] == RING.token_signer()[0]


def test_a_gate_verifies_with_the_published_set_alone() -> None:
    document = json.loads(json.dumps(RING.jwks()))
    gate = Verifier.from_jwks(document)
    assert gate.verify(1, b"body", RING.signer.sign(b"body"))


def test_a_token_key_is_found_by_its_thumbprint_only() -> None:
    kid, private = RING.token_signer()
    assert RING.token_key(kid) == public_jwk(private.public_key())
    assert RING.token_key("1") is None
    assert RING.token_key(thumbprint(public_jwk(RING.barcode[1].public_key()))) is None


BARCODE_JWK = RING.jwks()["keys"][0]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"keys": "none"},
        {"keys": [{}] * 513},
        {"keys": [BARCODE_JWK, BARCODE_JWK]},
        {"keys": [{**BARCODE_JWK, "barcode_kid": 256}]},
        {"keys": [{**BARCODE_JWK, "barcode_kid": -1}]},
        {"keys": [{**BARCODE_JWK, "crv": "P-384"}]},
        {"keys": [{**BARCODE_JWK, "kty": "oct"}]},
        {"keys": [{**BARCODE_JWK, "x": 5}]},
        {"keys": [{**BARCODE_JWK, "y": None}]},
        {"keys": [{**BARCODE_JWK, "x": "A"}]},
        {"keys": [{**BARCODE_JWK, "y": BARCODE_JWK["x"]}]},
    ],
)
def test_a_gate_refuses_a_published_set_it_cannot_trust(document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Verifier.from_jwks(document)


def test_a_gate_passes_over_keys_that_are_not_for_barcodes() -> None:
    keys: list[object] = ["text", {"kty": "RSA"}, {**BARCODE_JWK, "barcode_kid": True}, {"barcode_kid": "1"}]
    assert not Verifier.from_jwks({"keys": keys}).verify(1, b"body", RING.signer.sign(b"body"))


# --- the folder ---


def test_a_ring_that_was_made_can_be_loaded_and_is_closed_to_others(folder: Path) -> None:
    ring = load(folder)
    assert ring.verifier.verify(1, b"body", ring.signer.sign(b"body"))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert files == dict.fromkeys(("ring.json", "secret-1.key", "barcode-1.pem", "token-1.pem"), 0o600)


def test_a_loaded_ring_is_the_same_each_time(folder: Path) -> None:
    assert load(folder).pin_mac(1)(b"m") == load(folder).pin_mac(1)(b"m")
    assert load(folder).jwks() == load(folder).jwks()


def test_a_missing_ring_is_not_made_unless_asked_for(tmp_path: Path) -> None:
    with pytest.raises(KeyRingUnusable, match=r"there is no key ring in .* Restore it from your backup"):
        load(tmp_path / "keys")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_ring_is_made_when_asked_for_and_then_kept(tmp_path: Path) -> None:
    made = load(tmp_path / "deep" / "keys", create_if_missing=True)
    kept = load(tmp_path / "deep" / "keys", create_if_missing=True)
    assert made.jwks() == kept.jwks()
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["keys"]


def test_an_empty_folder_may_become_a_ring(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    assert load(tmp_path / "keys", create_if_missing=True).kid == 1


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    put(tmp_path / "keys" / "letter.txt", b"dear")
    with pytest.raises(KeyRingUnusable, match=r"cannot become a key ring: .*; name a new folder"):
        load(tmp_path / "keys", create_if_missing=True)
    assert [path.name for path in tmp_path.rglob("*")] == ["keys", "letter.txt"]


def test_a_second_creator_goes_on_with_the_ring_of_the_first(folder: Path) -> None:
    first = load(folder).jwks()
    create(folder)
    assert load(folder).jwks() == first
    assert [path.name for path in folder.parent.iterdir()] == ["keys"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    put(tmp_path / "file", b"")
    with pytest.raises(KeyRingUnusable, match="file cannot be written"):
        create(tmp_path / "file" / "keys")


@pytest.mark.parametrize("name", ["ring.json", "secret-1.key", "barcode-1.pem", "token-1.pem"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_can_use_is_refused_with_the_cure(folder: Path, name: str, mode: int) -> None:
    (folder / name).chmod(mode)
    with pytest.raises(KeyRingUnusable, match=rf"run `chmod 600 .*/{name}`"):
        load(folder)


def test_a_file_may_be_readable_to_its_owner_only(folder: Path) -> None:
    (folder / "secret-1.key").chmod(0o400)
    assert load(folder).kid == 1


@pytest.mark.parametrize("name", ["secret-1.key", "barcode-1.pem", "token-1.pem"])
def test_a_current_key_whose_file_is_gone_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(KeyRingUnusable, match=f"{name} is missing"):
        load(folder)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}!",
        '{"secret": 1, "barcode": 1, "token": "1"}',
        '{"secret": true, "barcode": 1, "token": 1}',
        '{"pin": 1}',
        "{}",
        "\ufeff{}",
    ],
)
def test_a_ring_file_that_cannot_be_read_shows_how_it_must_be(folder: Path, text: str) -> None:
    put(folder / "ring.json", text.encode())
    with pytest.raises(KeyRingUnusable, match=r"ring\.json must read like"):
        load(folder)


def bad_private_keys() -> Iterator[tuple[str, Callable[[], bytes]]]:
    yield "must hold an unencrypted PEM private key", lambda: b"-----BEGIN NOTHING-----"
    yield (
        "must hold an unencrypted PEM private key",
        lambda: pem(ec.generate_private_key(ec.SECP256R1()), BestAvailableEncryption(b"locked")),
    )
    yield "must hold a key on the curve P-256", lambda: pem(ec.generate_private_key(ec.SECP384R1()))
    yield "must hold a key on the curve P-256", lambda: pem(rsa.generate_private_key(65537, 2048))
    yield "larger than 4096 octets", lambda: bytes(5000)


@pytest.mark.parametrize(("words", "octets"), list(bad_private_keys()))
@pytest.mark.parametrize("name", ["barcode-1.pem", "token-2.pem"])
def test_a_private_key_of_the_wrong_kind_is_refused(
    folder: Path, name: str, words: str, octets: Callable[[], bytes]
) -> None:
    put(folder / name, octets())
    with pytest.raises(KeyRingUnusable, match=words) as caught:
        load(folder)
    assert name in str(caught.value)


@pytest.mark.parametrize("text", [b"", b"short", b"A" * 44, b"A" * 42 + b"="])
def test_a_secret_of_the_wrong_size_is_refused(folder: Path, text: bytes) -> None:
    put(folder / "secret-1.key", text)
    with pytest.raises(KeyRingUnusable, match="32 octets as base64url"):
        load(folder)


def test_a_folder_in_the_place_of_a_file_is_refused(folder: Path) -> None:
    (folder / "token-2.pem").mkdir()
    with pytest.raises(KeyRingUnusable, match=r"token-2\.pem cannot be read"):
        load(folder)


def test_an_index_that_does_not_fit_the_kid_octet_is_refused(folder: Path) -> None:
    put(folder / "barcode-256.pem", pem(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(KeyRingUnusable, match="not 0 to 255"):
        load(folder)


def test_files_with_other_names_are_passed_over(folder: Path) -> None:
    for name in ("README", "barcode-2.key", "secret-2.pem", "barcode-02.pem", "barcode-1.pem.old"):
        put(folder / name, b"not a key", mode=0o644)
    assert len(load(folder).jwks()["keys"]) == 2


def test_a_ring_in_memory_is_held_to_the_same_rules() -> None:
    with pytest.raises(KeyRingUnusable, match="32 octets"):
        KeyRing(secrets={1: b"short"}, barcode=RING.barcode, token=RING.token)
    with pytest.raises(KeyRingUnusable, match="P-256"):
        KeyRing(secrets=RING.secrets, barcode={1: ec.generate_private_key(ec.SECP384R1())}, token=RING.token)


def test_a_file_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "secret-1.key").unlink()
    (folder / "secret-1.key").mkdir()  # not even root reads a folder as a file
    with pytest.raises(KeyRingUnusable, match=r"secret-1\.key cannot be read"):
        load(folder)
