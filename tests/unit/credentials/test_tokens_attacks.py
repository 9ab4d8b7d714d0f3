"""Tokens: what a reader accepts, and each way known to lure a JWT library."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import jose.backends
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.keys import KeyRing, public_jwk
from app.tokens import Claims, Fault, Invalid, issue, read

NOW = datetime(2026, 12, 24, 18, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
RING = KeyRing.fresh()
KID, KEY = RING.token_signer()
N_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
GATE = "https://issuer.example/gate"
HEADER = {"alg": "ES256", "typ": "gate+jwt", "kid": KID}
CLAIMS = {"iss": "gate-7", "sub": "gate-7", "aud": GATE, "jti": "j-1", "iat": SECONDS, "exp": SECONDS + 600}


def b64(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode().rstrip("=")


def raw(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    size = (key.key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def forged(
    header: Mapping[str, object] | str = HEADER,
    claims: Mapping[str, object] | str = CLAIMS,
    key: ec.EllipticCurvePrivateKey = KEY,
) -> str:
    """A token of any content with a good signature: what a peer with a key and bad intentions could send."""
    parts = [part if isinstance(part, str) else json.dumps(part) for part in (header, claims)]
    signed = ".".join(b64(part.encode()) for part in parts)
    return f"{signed}.{b64(raw(key, signed.encode()))}"


def outcome(token: str, *, audience: str = GATE, now: datetime = NOW, typ: str = "gate+jwt") -> Claims | Invalid:
    return read(token, typ=typ, audience=audience, ring=RING, now=now)


def without(name: str) -> dict[str, object]:
    return {key: value for key, value in CLAIMS.items() if key != name}


class OneKey:
    """A ring that hands out one key for every kid, as a careless enrolment might."""

    def __init__(self, jwk: Mapping[str, str]) -> None:
        self._jwk = jwk

    def token_key(self, kid: str) -> Mapping[str, str] | None:
        assert kid
        return self._jwk


# --- what is accepted ---


def test_the_forger_of_these_tests_can_make_a_good_token() -> None:
    assert isinstance(outcome(forged()), Claims)


def test_the_callers_clock_decides_and_not_the_wall() -> None:
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    claims = {**CLAIMS, "iat": int(long_ago.timestamp()), "exp": int(long_ago.timestamp()) + 60}
    assert isinstance(outcome(forged(claims=claims), now=long_ago), Claims)


# --- algorithm confusion ---


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None])
def test_alg_none_is_refused(alg: str | None) -> None:
    signed = f"{b64(json.dumps({**HEADER, 'alg': alg}).encode())}.{b64(json.dumps(CLAIMS).encode())}"
    assert outcome(f"{signed}.") == Invalid(Fault.MALFORMED)
    assert outcome(f"{signed}.{b64(bytes(64))}") == Invalid(Fault.HEADER)


PUBLIC_AS_SECRET = {
    "pem": KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "der": KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "point": KEY.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
    "compressed": KEY.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint),
    "jwk": json.dumps(RING.token_key(KID)).encode(),
    "x": str(public_jwk(KEY.public_key())["x"]).encode(),
    "empty": b"",
}


@pytest.mark.parametrize("alg", ["HS256", "ES256"])
@pytest.mark.parametrize("form", sorted(PUBLIC_AS_SECRET))
def test_the_public_key_is_no_hmac_secret_in_any_form(form: str, alg: str) -> None:
    signed = f"{b64(json.dumps({**HEADER, 'alg': alg}).encode())}.{b64(json.dumps(CLAIMS).encode())}"
    mac = hmac.digest(PUBLIC_AS_SECRET[form], signed.encode(), "sha256")
    for signature in (mac, mac + mac):
        fault = Fault.HEADER if alg == "HS256" else Fault.SIGNATURE
        assert outcome(f"{signed}.{b64(signature)}") == Invalid(fault)


@pytest.mark.parametrize("alg", ["ES384", "ES512", "RS256", "EdDSA", "es256", ["ES256"], 256])
def test_every_other_algorithm_is_refused(alg: object) -> None:
    assert outcome(forged({**HEADER, "alg": alg})) == Invalid(Fault.HEADER)


# --- keys ---


@pytest.mark.parametrize("kid", ["nobody", "1", "../../dev/null", "' OR 1=1 --"])
def test_an_unknown_kid_is_refused_even_when_one_of_our_keys_signed(kid: str) -> None:
    assert outcome(forged({**HEADER, "kid": kid})) == Invalid(Fault.UNKNOWN_KEY)


@pytest.mark.parametrize("kid", ["", None, 1, ["x"], "k" * 257])
def test_a_kid_that_is_no_name_is_refused(kid: object) -> None:
    assert outcome(forged({**HEADER, "kid": kid})) == Invalid(Fault.HEADER)


def test_a_strangers_signature_under_our_kid_is_refused() -> None:
    assert outcome(forged(key=ec.generate_private_key(ec.SECP256R1()))) == Invalid(Fault.SIGNATURE)


def test_a_barcode_key_signs_no_tokens() -> None:
    barcode = RING.barcode[1]
    kid = RING.jwks()["keys"][0]["kid"]
    assert outcome(forged({**HEADER, "kid": kid}, key=barcode)) == Invalid(Fault.UNKNOWN_KEY)


def a_p384_jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    x, y = (b64(number.to_bytes(48, "big")) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-384", "x": x, "y": y}


def test_a_p384_key_is_refused_though_jose_would_verify_with_it() -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    jwk = a_p384_jwk(key)
    token = forged(key=key)
    assert jose.jws.verify(token, jwk, algorithms=["ES256"])  # the sharp edge itself
    assert read(token, typ="gate+jwt", audience=GATE, ring=OneKey(jwk), now=NOW) == Invalid(Fault.UNKNOWN_KEY)
    disguised = OneKey({**jwk, "crv": "P-256"})
    assert read(token, typ="gate+jwt", audience=GATE, ring=disguised, now=NOW) == Invalid(Fault.UNKNOWN_KEY)


@pytest.mark.parametrize(
    "jwk",
    [
        {"kty": "oct", "k": "AAAA"},
        {"kty": "oct", "crv": "P-256", "x": "AA", "y": "AA"},
        {**public_jwk(KEY.public_key()), "kty": "oct"},
        {**public_jwk(KEY.public_key()), "crv": "P-384"},
        {**public_jwk(KEY.public_key()), "d": "AQ"},
        {**public_jwk(KEY.public_key()), "y": public_jwk(KEY.public_key())["x"]},
        {},
    ],
    ids=["oct", "oct with a point", "wrong kty", "wrong crv", "private", "off the curve", "nothing"],
)
def test_only_a_public_p256_key_is_used(jwk: dict[str, str]) -> None:
    assert read(forged(), typ="gate+jwt", audience=GATE, ring=OneKey(jwk), now=NOW) == Invalid(Fault.UNKNOWN_KEY)


def test_nothing_is_signed_with_a_p384_key() -> None:
    class P384:
        def token_signer(self) -> tuple[str, ec.EllipticCurvePrivateKey]:
            return "k", ec.generate_private_key(ec.SECP384R1())

    with pytest.raises(ValueError, match="secp384r1; ES256 signs with P-256 only"):
        issue(
            typ="gate+jwt",
            issuer="i",
            subject="s",
            audience="a",
            token_id="j",
            lifetime=timedelta(minutes=1),
            ring=P384(),
            now=NOW,
        )


# --- header ---


@pytest.mark.parametrize(
    "more",
    [
        {"crit": ["exp"]},
        {"crit": []},
        {"b64": False},
        {"jwk": {"kty": "EC"}},
        {"jku": "https://evil.example/jwks.json"},
        {"x5c": []},
        {"zip": "DEF"},
        {"cty": "JWT"},
    ],
)
def test_a_header_with_anything_more_is_refused(more: dict[str, object]) -> None:
    assert outcome(forged({**HEADER, **more})) == Invalid(Fault.HEADER)


@pytest.mark.parametrize("name", ["alg", "typ", "kid"])
def test_a_header_with_anything_less_is_refused(name: str) -> None:
    header = {key: value for key, value in HEADER.items() if key != name}
    assert outcome(forged(header)) == Invalid(Fault.HEADER)


@pytest.mark.parametrize("typ", ["JWT", "gate+JWT", "application/gate+jwt", "snap+jwt", "", None, 1])
def test_a_token_of_another_type_is_refused(typ: object) -> None:
    assert outcome(forged({**HEADER, "typ": typ})) == Invalid(Fault.TYPE)


def test_a_type_that_is_not_in_the_table_is_never_read() -> None:
    assert outcome(forged({**HEADER, "typ": "none+jwt"}), typ="none+jwt") == Invalid(Fault.TYPE)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '"text"',
        "null",
        "",
        "\ufeff{}",
        "{",
        f'{{"alg":"none","alg":"ES256","typ":"gate+jwt","kid":"{KID}"}}',
        f'{{"alg":"ES256","typ":"gate+jwt","kid":"{KID}","kid":"{KID}"}}',
        "[" * 2500,
        '{"alg":1.5}',
    ],
    ids=lambda text: text[:20],
)
def test_a_header_that_is_not_one_plain_object_is_refused(text: str) -> None:
    assert outcome(forged(text)) in (Invalid(Fault.HEADER), Invalid(Fault.MALFORMED))


# --- claims ---


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "jti", "iat", "exp"])
def test_every_claim_is_required(name: str) -> None:
    assert outcome(forged(claims=without(name))) == Invalid(Fault.CLAIMS)


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "jti"])
@pytest.mark.parametrize("value", ["", None, 1, True, ["x"], {"x": 1}, "n" * 257])
def test_a_name_is_a_short_text(name: str, value: object) -> None:
    assert outcome(forged(claims={**CLAIMS, name: value})) == Invalid(Fault.CLAIMS)


@pytest.mark.parametrize("name", ["iat", "exp", "nbf"])
@pytest.mark.parametrize("value", [str(SECONDS + 60), SECONDS + 0.5, 1e99, True, None, [], -1, 10**18, 10**1000])
def test_a_time_is_an_integer_that_is_a_date(name: str, value: object) -> None:
    assert outcome(forged(claims={**CLAIMS, name: value})) == Invalid(Fault.CLAIMS)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "1.5", "1e3"])
def test_what_is_no_json_and_what_is_no_integer_is_refused(constant: str) -> None:
    text = json.dumps(CLAIMS)[:-1] + f', "x": {constant}}}'
    assert outcome(forged(claims=text)) == Invalid(Fault.CLAIMS)


@pytest.mark.parametrize(
    "more", [f'"exp": {SECONDS + 900}', '"aud": "https://issuer.example/gate"', '"x": {"y": 1, "y": 2}']
)
def test_a_claim_that_stands_twice_is_refused(more: str) -> None:
    assert outcome(forged(claims=f"{json.dumps(CLAIMS)[:-1]}, {more}}}")) == Invalid(Fault.CLAIMS)


@pytest.mark.parametrize("text", ["[]", "1", "", "{", '{"x":' * 500])
def test_claims_that_are_not_one_object_are_refused(text: str) -> None:
    assert isinstance(outcome(forged(claims=text)), Invalid)


def test_a_token_for_someone_else_is_refused() -> None:
    assert outcome(forged(), audience="https://other.example/gate") == Invalid(Fault.AUDIENCE)
    assert outcome(forged(claims={**CLAIMS, "aud": [GATE]})) == Invalid(Fault.CLAIMS)


def test_a_token_from_the_future_is_refused() -> None:
    assert outcome(forged(claims={**CLAIMS, "iat": SECONDS + 31})) == Invalid(Fault.NOT_YET)
    assert outcome(forged(claims={**CLAIMS, "nbf": SECONDS + 31})) == Invalid(Fault.NOT_YET)


@pytest.mark.parametrize("life", [0, -600, 8 * 3600 + 1])
def test_a_life_that_its_type_does_not_have_is_refused(life: int) -> None:
    claims = {**CLAIMS, "iat": SECONDS - 10, "exp": SECONDS - 10 + life}
    assert outcome(forged(claims=claims)) in (Invalid(Fault.LIFETIME), Invalid(Fault.EXPIRED))


# --- the text itself ---


def test_a_token_of_more_than_4096_characters_is_refused_before_anything_else() -> None:
    assert outcome(forged(claims={**CLAIMS, "x": "x" * 3000})) == Invalid(Fault.TOO_LONG)
    assert outcome("." * 4097) == Invalid(Fault.TOO_LONG)


def test_a_token_of_4096_characters_is_read() -> None:
    padding = next(n for n in range(2000, 3100) if len(forged(claims={**CLAIMS, "x": "x" * n})) >= 4095)
    token = forged(claims={**CLAIMS, "x": "x" * padding})
    assert len(token) in (4095, 4096)
    assert isinstance(outcome(token), Claims)
