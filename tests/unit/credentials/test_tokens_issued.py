"""Tokens: issued and read back, spelled one way only, and jose kept behind its fence."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import jose.backends
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

import app.tokens
from app.keys import Current, KeyRing
from app.tokens import Claims, Fault, Invalid, Json, claimed_issuer, issue, read, require_backend

NOW = datetime(2026, 12, 24, 18, 0, tzinfo=UTC)
RING = KeyRing.fresh()
GATE = "https://issuer.example/gate"
EXTRA: Mapping[str, Json] = {"events": [1, 2], "can_override": True, "zone": "north"}
N_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def issued(
    *,
    typ: str = "gate+jwt",
    lifetime: timedelta = timedelta(minutes=10),
    ring: app.tokens.SigningKeys = RING,
    extra: Mapping[str, Json] | None = EXTRA,
) -> str:
    names = {"issuer": "gate-7", "subject": "gate-7", "audience": GATE, "token_id": "j-1"}
    return issue(typ=typ, lifetime=lifetime, ring=ring, now=NOW, extra=extra, **names)


def outcome(token: str, *, now: datetime = NOW) -> Claims | Invalid:
    return read(token, typ="gate+jwt", audience=GATE, ring=RING, now=now)


def test_an_issued_token_is_read_back() -> None:
    claims = outcome(issued())
    assert claims == Claims(
        issuer="gate-7",
        subject="gate-7",
        audience=GATE,
        token_id="j-1",
        issued_at=NOW,
        expires_at=NOW + timedelta(minutes=10),
        extra={"events": [1, 2], "can_override": True, "zone": "north"},
    )


def test_a_token_of_the_previous_key_is_read_until_that_key_leaves_the_ring() -> None:
    new = ec.generate_private_key(ec.SECP256R1())
    token = issued()
    both = KeyRing(secrets=RING.secrets, barcode=RING.barcode, token={**RING.token, 2: new}, current=Current(token=2))
    only_new = KeyRing(secrets=RING.secrets, barcode=RING.barcode, token={2: new}, current=Current(token=2))
    assert isinstance(read(token, typ="gate+jwt", audience=GATE, ring=both, now=NOW), Claims)
    assert read(token, typ="gate+jwt", audience=GATE, ring=only_new, now=NOW) == Invalid(Fault.UNKNOWN_KEY)


@pytest.mark.parametrize(
    ("moment", "fault"),
    [
        (-31, Fault.NOT_YET),
        (-30, None),
        (0, None),
        (629, None),
        (630, Fault.EXPIRED),
    ],
)
def test_a_token_holds_for_its_life_and_30_seconds_around_it(moment: int, fault: Fault | None) -> None:
    read_at = outcome(issued(), now=NOW + timedelta(seconds=moment))
    assert (read_at.reason if isinstance(read_at, Invalid) else None) == fault


@pytest.mark.parametrize(
    "mangle",
    [
        lambda token: token + ".",
        lambda token: token.rsplit(".", 1)[0],
        lambda token: token + "=",
        lambda token: token + "\n",
        lambda token: " " + token,
        lambda token: token.replace(".", ".."),
        lambda token: "." + token,
        lambda token: token.split(".")[0] + "+." + token.split(".", 1)[1],
        lambda token: token[:-1] + "é",
        lambda token: token[:-1],
    ],
)
def test_a_token_is_three_clean_segments(mangle: Callable[[str], str]) -> None:
    assert outcome(mangle(issued())) == Invalid(Fault.MALFORMED)


def test_stray_bits_at_the_end_of_a_segment_are_refused() -> None:
    token = issued()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    respelled = token[:-1] + alphabet[alphabet.index(token[-1]) + 1]
    assert urlsafe_b64decode(token.split(".")[2] + "==") == urlsafe_b64decode(respelled.split(".")[2] + "==")
    assert outcome(respelled) == Invalid(Fault.MALFORMED)


def test_a_token_has_a_twin_so_replays_are_found_by_its_id() -> None:
    signed, _, signature = issued().rpartition(".")
    octets = urlsafe_b64decode(signature + "==")
    s = N_P256 - int.from_bytes(octets[32:], "big")
    twin = outcome(f"{signed}.{urlsafe_b64encode(octets[:32] + s.to_bytes(32, 'big')).decode().rstrip('=')}")
    assert isinstance(twin, Claims)
    assert twin.token_id == "j-1"


@given(st.text(max_size=200) | st.lists(st.text("AZaz09-_={}", max_size=20), min_size=3, max_size=3).map(".".join))
def test_no_text_makes_the_reader_raise(text: str) -> None:
    assert isinstance(outcome(text), Invalid)


@given(st.integers(0, 400), st.characters())
def test_no_change_to_a_good_token_goes_unseen(position: int, character: str) -> None:
    token = issued()
    position %= len(token)
    changed = token[:position] + character + token[position + 1 :]
    assert changed == token or isinstance(outcome(changed), Invalid)


# --- issuing ---


@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(hours=8, seconds=1), timedelta(seconds=-1)])
def test_a_token_that_would_be_refused_is_not_issued(lifetime: timedelta) -> None:
    with pytest.raises(ValueError, match="its reader would refuse this token"):
        issued(lifetime=lifetime)


def test_a_type_that_is_not_in_the_table_is_not_issued() -> None:
    with pytest.raises(ValueError, match="'JWT' is not a token type; use one of gate"):
        issued(typ="JWT")


@pytest.mark.parametrize("extra", [{"exp": 5}, {"nbf": 5, "note": "x"}])
def test_an_extra_claim_cannot_take_the_place_of_a_named_one(extra: dict[str, Json]) -> None:
    with pytest.raises(ValueError, match="cannot be an extra claim"):
        issued(extra=extra)


def test_a_token_too_long_to_be_read_is_not_issued() -> None:
    with pytest.raises(ValueError, match="carry fewer claims"):
        issued(extra={"x": "x" * 4000})


# --- the fence around jose ---


def test_the_pure_python_backend_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class ECDSAECKey:
        pass

    monkeypatch.setattr(jose.backends, "ECKey", ECDSAECKey)
    with pytest.raises(RuntimeError, match="cryptography"):
        require_backend()


# --- between servers ------------------------------------------------------------------------------------------------


def test_a_servers_token_lives_a_minute_at_most_and_is_no_gates() -> None:
    token = issued(typ="issuer+jwt", lifetime=timedelta(seconds=60))
    assert isinstance(read(token, typ="issuer+jwt", audience=GATE, ring=RING, now=NOW), Claims)
    assert outcome(token) == Invalid(Fault.TYPE)
    assert read(issued(), typ="issuer+jwt", audience=GATE, ring=RING, now=NOW) == Invalid(Fault.TYPE)
    with pytest.raises(ValueError, match="lifetime"):
        issued(typ="issuer+jwt", lifetime=timedelta(seconds=61))


def test_whose_keys_to_read_a_token_with_is_told_before_it_is_verified() -> None:
    assert claimed_issuer(issued()) == "gate-7"
    head, body, _ = issued().split(".")
    assert claimed_issuer(f"{head}.{body}.AAAA") == "gate-7"


@given(
    st.text(max_size=200) | st.binary(max_size=100).map(lambda octets: f"e30.{urlsafe_b64encode(octets).decode()}.x")
)
def test_what_names_nobody_is_nobodys_token(text: str) -> None:
    name = claimed_issuer(text)
    assert name is None or 0 < len(name) <= app.tokens.CLAIM_CHARS_MAX
    assert isinstance(outcome(text), Invalid)


@pytest.mark.parametrize("payload", [b"{}", b'{"iss":1}', b'{"iss":""}', b'{"iss":"a","iss":"b"}', b"[]", b"\xff"])
def test_a_claim_that_is_no_name_is_no_claim(payload: bytes) -> None:
    segment = urlsafe_b64encode(payload).decode().rstrip("=")
    assert claimed_issuer(f"e30.{segment}.AAAA") is None
    assert claimed_issuer("x" * 5_000) is None
