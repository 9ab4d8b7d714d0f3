"""Ticket numbers, PINs and links: made, shown, mistyped, and never printed."""

from __future__ import annotations

import copy
import hashlib
import hmac
from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import damm
from app.domain.credential import (
    LinkToken,
    Pin,
    TicketNumber,
    Unread,
    Unreadable,
    link_token_for,
    parse_number,
    pin_for,
    shown,
    ticket_number,
)

ISSUER, OTHER_ISSUER, TICKET, OTHER_TICKET = (UUID(int=n) for n in range(1, 5))
DIGITS = st.text("0123456789", min_size=9, max_size=9)


def mac(message: bytes) -> bytes:
    return hmac.digest(b"a key for tests", message, "sha256")


def a_number(digits: str = "482910375") -> TicketNumber:
    return ticket_number(int(digits).to_bytes(8, "big"))


def test_the_check_digit_is_the_one_of_damms_example() -> None:
    assert damm.check_digit("572") == 4


@given(DIGITS, st.integers(0, 9), st.integers(1, 9))
def test_every_single_mistyped_digit_is_found(digits: str, position: int, off_by: int) -> None:
    number = a_number(digits)
    wrong = str((int(number[position]) + off_by) % 10)
    assert not damm.is_valid(number[:position] + wrong + number[position + 1 :])


@given(DIGITS, st.integers(0, 8))
def test_every_swap_of_two_neighbours_is_found(digits: str, position: int) -> None:
    number = a_number(digits)
    first, second = number[position], number[position + 1]
    swapped = number[:position] + second + first + number[position + 2 :]
    assert damm.is_valid(swapped) == (first == second)


def test_a_number_is_shown_with_its_check_digit_apart() -> None:
    assert shown(a_number()) == "482910375-1"


def test_a_small_number_keeps_its_leading_zeros() -> None:
    assert a_number("000000042") == "000000042" + str(damm.check_digit("000000042"))


def test_a_number_takes_all_of_its_chance_into_account() -> None:
    assert ticket_number(b"\xff" * 8)[:9] == str((2**64 - 1) % 10**9).zfill(9)


@pytest.mark.parametrize("count", [0, 7, 9])
def test_too_little_or_too_much_chance_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="8 random octets"):
        ticket_number(bytes(count))


@pytest.mark.parametrize(
    "typed",
    [
        "4829103751",
        "482910375-1",
        " 482 910 375 1 ",
        "482-910-375-1",
        "ID 482910375-1",
        "id:482910375-1",
        "번호 482910375-1",
        "４８２９１０３７５－１",  # full-width, as Korean and Japanese keyboards type
        "ＩＤ\u3000４８２９１０３７５１",
        "482910375\u20131",
        "\u200e482910375\u20111\ufeff",
    ],
)
def test_a_number_is_read_however_it_was_typed(typed: str) -> None:
    assert parse_number(typed) == "4829103751"


@given(DIGITS)
def test_a_shown_number_is_read_back(digits: str) -> None:
    number = a_number(digits)
    assert parse_number(shown(number)) == number


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("482910375-6", Unread.CHECK_DIGIT),
        ("482910375", Unread.DIGIT_COUNT),
        ("48291037511", Unread.DIGIT_COUNT),
        ("", Unread.EMPTY),
        (" - ", Unread.EMPTY),
        ("A829103751", Unread.FOREIGN),
        ("٤٨٢٩١٠٣٧٥١", Unread.FOREIGN),  # Arabic digits are digits to Python, not to us
        ("482910375-1 491027", Unread.DIGIT_COUNT),
        ("1" * 64, Unread.DIGIT_COUNT),
        ("1" * 65, Unread.FOREIGN),
        ("1" * 513, Unread.TOO_LONG),
    ],
)
def test_what_is_wrong_with_a_number_is_told_apart(typed: str, reason: Unread) -> None:
    assert parse_number(typed) == Unreadable(reason)


def derived(issuer: UUID = ISSUER, ticket: UUID = TICKET, generation: int = 1) -> str:
    return pin_for(mac, issuer_id=issuer, ticket_id=ticket, generation=generation).reveal()


def test_a_pin_depends_on_issuer_ticket_and_generation() -> None:
    pins = {derived(), derived(issuer=OTHER_ISSUER), derived(ticket=OTHER_TICKET), derived(generation=2)}
    assert len(pins) == 4


def test_a_pin_is_the_same_each_time_it_is_derived() -> None:
    assert derived() == derived()


def test_a_pin_keeps_its_leading_zeros() -> None:
    pin = pin_for(lambda _: bytes(7) + b"\x2a" + b"\xff" * 24, issuer_id=ISSUER, ticket_id=TICKET, generation=1)
    assert pin.reveal() == "000042"


def test_a_pin_is_the_stated_function_of_its_inputs() -> None:
    digest = mac(ISSUER.bytes + TICKET.bytes + b"\0\0\0\1")
    assert derived() == str(int.from_bytes(digest[:8], "big") % 1_000_000).zfill(6)


def test_a_link_token_has_22_characters_and_depends_on_the_generation() -> None:
    first = link_token_for(mac, ticket_id=TICKET, generation=1)
    second = link_token_for(mac, ticket_id=TICKET, generation=2)
    assert len(first.reveal()) == 22
    assert first != second


def test_the_database_learns_only_the_sha256_of_a_link() -> None:
    token = link_token_for(mac, ticket_id=TICKET, generation=1)
    assert token.digest() == hashlib.sha256(token.reveal().encode()).digest()


@given(st.binary(min_size=32, max_size=32))
def test_every_derived_link_has_the_one_shape_its_octets_can_have(digest: bytes) -> None:
    token = link_token_for(lambda _: digest, ticket_id=TICKET, generation=1)
    assert LinkToken(token.reveal()) == token


@pytest.mark.parametrize("render", [repr, str, "{}".format, "{!r}".format])
@pytest.mark.parametrize("secret", [Pin("491027"), LinkToken("A" * 22)])
def test_a_secret_never_prints(secret: Pin | LinkToken, render: Callable[[object], str]) -> None:
    assert render(secret) == f"{type(secret).__name__}(***)"


def test_a_refused_secret_is_not_in_the_error() -> None:
    with pytest.raises(ValueError, match="not the shape of a Pin") as caught:
        Pin("49102x")
    assert "49102x" not in str(caught.value)


@pytest.mark.parametrize("text", ["49102", "4910277", "４９１０２７", "491027\n", ""])
def test_a_pin_is_six_ascii_digits(text: str) -> None:
    with pytest.raises(ValueError, match="Pin"):
        Pin(text)


@pytest.mark.parametrize("text", ["A" * 21, "A" * 23, "A" * 21 + "B", "A" * 21 + "="])
def test_a_link_token_has_one_spelling(text: str) -> None:
    with pytest.raises(ValueError, match="LinkToken"):
        LinkToken(text)


def test_equal_pins_are_equal_and_others_are_not() -> None:
    assert Pin("491027") == copy.copy(Pin("491027"))
    assert Pin("491027") != Pin("491028")
    assert Pin("491027") != "491027"


def test_a_secret_cannot_be_a_key_of_a_dict() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Pin("491027"))
