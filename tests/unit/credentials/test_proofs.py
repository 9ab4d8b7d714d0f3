"""Proofs of possession: what one shows, and each way to make one count for more than it was made for."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from app import proofs
from app.keys import public_jwk, public_key, thumbprint
from app.proofs import Proof
from app.tokens import Fault, Invalid

NOW = datetime(2026, 12, 24, 18, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
URL = "https://tickets.example/handset/tickets"
KEY = ec.generate_private_key(ec.SECP256R1())
JWK = public_jwk(KEY.public_key())
HEADER = {"alg": "ES256", "typ": "dpop+jwt", "jwk": JWK}
CLAIMS = {"jti": "p-1", "htm": "GET", "htu": URL, "iat": SECONDS}
N_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def b64(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode().rstrip("=")


def forged(
    header: Mapping[str, object] = HEADER,
    claims: Mapping[str, object] = CLAIMS,
    key: ec.EllipticCurvePrivateKey = KEY,
    *,
    malleable: bool = False,
) -> str:
    """A proof of any content with a good signature: what a device with bad intentions could send."""
    message = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
    r, s = decode_dss_signature(key.sign(message.encode(), ec.ECDSA(hashes.SHA256())))
    s = N_P256 - s if malleable else s
    size = (key.key_size + 7) // 8
    return f"{message}.{b64(r.to_bytes(size, 'big') + s.to_bytes(size, 'big'))}"


def outcome(
    proof: str, *, method: str = "GET", url: str = URL, token: str | None = None, now: datetime = NOW
) -> Proof | Invalid:
    return proofs.read(proof, method=method, url=url, token=token, now=now)


def made(**given_: object) -> str:
    fields: dict[str, object] = {"method": "GET", "url": URL, "proof_id": "p-1", "now": NOW}
    return proofs.make(KEY, **fields | given_)  # type: ignore[arg-type]  # the tests name what they change


def test_a_proof_that_was_made_is_read_back() -> None:
    proof = outcome(made(token="t-1", subject="gate-7"), token="t-1")

    assert isinstance(proof, Proof)
    assert (proof.jwk, proof.thumbprint) == (JWK, thumbprint(JWK))
    assert (proof.proof_id, proof.made_at, proof.subject) == ("p-1", NOW, "gate-7")


def test_its_key_is_kept_as_33_octets_from_which_the_key_comes_back() -> None:
    proof = outcome(made())

    assert isinstance(proof, Proof)
    assert len(proof.point) == 33
    back = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), proof.point)
    assert back.public_numbers() == public_key(JWK).public_numbers()


def test_the_forger_of_these_tests_can_make_a_good_proof() -> None:
    assert isinstance(outcome(forged()), Proof)


@pytest.mark.parametrize(
    ("url", "counts"),
    [
        (URL, True),
        (URL + "?after=x#part", True),
        ("https://TICKETS.example:443/handset/tickets", True),
        ("http://tickets.example/handset/tickets", False),
        ("https://tickets.example:8443/handset/tickets", False),
        ("https://evil.example/handset/tickets", False),
        ("https://tickets.example/handset/tickets/1", False),
        ("https://tickets.example/handset/Tickets", False),
        ("https://tickets.example@evil.example/handset/tickets", False),
    ],
)
def test_a_proof_holds_for_its_address_however_that_is_written(url: str, counts: bool) -> None:  # noqa: FBT001 - a column of the table
    assert outcome(made(url=url)) == (outcome(made()) if counts else Invalid(Fault.OTHER_REQUEST))


@pytest.mark.parametrize("htu", ["https://[::1", "https://tickets.example:port/", ""])
def test_an_address_that_is_none_is_refused(htu: str) -> None:
    assert outcome(forged(claims={**CLAIMS, "htu": htu})) == Invalid(Fault.CLAIMS)


@pytest.mark.parametrize("method", ["POST", "get", "GET "])
def test_a_proof_holds_for_its_method(method: str) -> None:
    assert outcome(made(method=method)) == Invalid(Fault.OTHER_REQUEST)


def test_a_proof_goes_with_its_token_and_with_no_other() -> None:
    with_token, without = made(token="t-1"), made()

    assert isinstance(outcome(with_token, token="t-1"), Proof)
    assert outcome(with_token, token="t-2") == Invalid(Fault.OTHER_TOKEN)
    assert outcome(with_token) == Invalid(Fault.OTHER_TOKEN)
    assert outcome(without, token="t-1") == Invalid(Fault.OTHER_TOKEN)


@pytest.mark.parametrize(
    ("seconds", "fault"), [(-61, Fault.NOT_YET), (-60, None), (0, None), (60, None), (61, Fault.EXPIRED)]
)
def test_a_proof_is_good_for_a_minute_around_its_moment(seconds: int, fault: Fault | None) -> None:
    found = outcome(made(), now=NOW + timedelta(seconds=seconds))

    assert (found.reason if isinstance(found, Invalid) else None) == fault


@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_each_claim_is_needed(name: str) -> None:
    assert outcome(forged(claims={key: CLAIMS[key] for key in CLAIMS.keys() - {name}})) == Invalid(Fault.CLAIMS)


@pytest.mark.parametrize("name", ["jti", "sub"])
@pytest.mark.parametrize("value", ["", "\ud800", "가", "x" * 257, 7, None, "a\nb"])
def test_names_are_short_and_can_be_written_down(name: str, value: object) -> None:
    assert outcome(forged(claims={**CLAIMS, name: value})) == Invalid(Fault.CLAIMS)


def test_what_else_a_library_puts_in_a_proof_is_passed_over() -> None:
    assert isinstance(outcome(forged(claims={**CLAIMS, "nonce": "n", "exp": 1})), Proof)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"alg": "none"}, Fault.HEADER),
        ({"alg": "HS256"}, Fault.HEADER),
        ({"kid": "x"}, Fault.HEADER),
        ({"crit": ["jwk"]}, Fault.HEADER),
        ({"typ": "JWT"}, Fault.TYPE),
        ({"typ": "hs+jwt"}, Fault.TYPE),
        ({"jwk": None}, Fault.KEY),
        ({"jwk": {**JWK, "d": "AAAA"}}, Fault.KEY),
        ({"jwk": {**JWK, "kid": "x"}}, Fault.KEY),
        ({"jwk": {**JWK, "x": JWK["x"] + "="}}, Fault.KEY),
        ({"jwk": {**JWK, "x": b64(bytes(32))}}, Fault.KEY),
        ({"jwk": {**JWK, "x": 7}}, Fault.KEY),
        ({"jwk": {**JWK, "crv": "P-384"}}, Fault.KEY),
        ({"jwk": {"kty": "oct", "k": "AAAA", "x": JWK["x"], "y": JWK["y"]}}, Fault.KEY),
    ],
    ids=range(14),
)
def test_a_header_says_what_it_must_and_no_more(change: Mapping[str, object], fault: Fault) -> None:
    assert outcome(forged({**HEADER, **change})) == Invalid(fault)


def test_another_key_than_the_one_it_brings_signs_nothing() -> None:
    assert outcome(forged(key=ec.generate_private_key(ec.SECP256R1()))) == Invalid(Fault.SIGNATURE)


def test_the_second_text_of_one_proof_has_the_first_ones_name() -> None:
    texts = [forged(), forged(malleable=True)]
    found = [outcome(text) for text in texts]

    assert texts[0] != texts[1]
    assert isinstance(found[0], Proof)
    assert isinstance(found[1], Proof)
    assert found[0].replay_name == found[1].replay_name
    assert len(found[0].replay_name) == 43


def test_equal_names_of_two_devices_are_two_names() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    theirs = outcome(forged({**HEADER, "jwk": public_jwk(other.public_key())}, key=other))
    ours = outcome(forged())

    assert isinstance(ours, Proof)
    assert isinstance(theirs, Proof)
    assert ours.replay_name != theirs.replay_name


@pytest.mark.parametrize("value", [JWK | {"y": JWK["x"]}, [], "text", {}, JWK | {"alg": "ES256"}], ids=range(5))
def test_what_is_no_public_key_is_refused_with_a_sentence(value: object) -> None:
    with pytest.raises(ValueError, match="no public key on P-256"):
        proofs.the_jwk(value)
    assert proofs.the_jwk(dict(JWK)) == JWK


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150)
@given(
    header=st.dictionaries(st.sampled_from(["alg", "typ", "jwk", "kid"]), JSONISH | st.just(JWK)),
    claims=st.dictionaries(st.sampled_from(["jti", "htm", "htu", "iat", "ath", "sub"]), JSONISH),
)
def test_nothing_signed_makes_the_reader_raise(header: dict[str, object], claims: dict[str, object]) -> None:
    signed_anyway = forged({**HEADER, **header}, {**CLAIMS, **claims})

    assert isinstance(outcome(signed_anyway), Proof | Invalid)
    assert isinstance(outcome(forged(claims={**CLAIMS, **claims})), Proof | Invalid)


@settings(max_examples=150)
@given(st.text(max_size=200) | st.binary(max_size=90).map(lambda octets: ".".join([b64(octets)] * 3)))
def test_no_text_makes_the_reader_raise(text: str) -> None:
    assert isinstance(outcome(text), Invalid)


@settings(max_examples=100)
@given(position=st.integers(0, len(made()) - 1), letter=st.sampled_from("ABCxyz019-_"))
def test_a_proof_with_another_letter_anywhere_does_not_count(position: int, letter: str) -> None:
    proof = made()
    changed = proof[:position] + letter + proof[position + 1 :]

    assert changed == proof or isinstance(outcome(changed), Invalid)
