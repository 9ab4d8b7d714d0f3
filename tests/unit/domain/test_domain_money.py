"""Money is exact: what is printed is read back, currencies never mix, and limits hold at their edge."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.money import AMOUNT_MAX, EXPONENTS, Money, UnknownCurrency, exponent, parse_amount

CURRENCIES = st.sampled_from(sorted(EXPONENTS))
AMOUNTS = st.integers(-AMOUNT_MAX, AMOUNT_MAX)
PRICES = st.integers(0, AMOUNT_MAX)
SMALL = st.integers(-AMOUNT_MAX // 2, AMOUNT_MAX // 2)


@given(PRICES, CURRENCIES)
def test_a_printed_price_is_read_back_as_it_was(amount: int, currency: str) -> None:
    price = Money(amount, currency)
    assert parse_amount(price.plain(), currency) == price


@given(AMOUNTS, CURRENCIES)
def test_the_plain_number_is_the_amount_shifted_by_the_currencys_decimals(amount: int, currency: str) -> None:
    plain = Money(amount, currency).plain()
    assert Decimal(plain) == Decimal(amount).scaleb(-exponent(currency))
    assert len(plain.partition(".")[2]) == exponent(currency)


@given(AMOUNTS, CURRENCIES, st.sampled_from(["ko", "en"]))
def test_words_say_the_same_number_and_keep_its_sign(amount: int, currency: str, language: str) -> None:
    words = Money(amount, currency).words(language)
    number = "".join(char for char in words if char.isascii() and (char.isdigit() or char in "-."))
    assert Decimal(number) == Decimal(Money(amount, currency).plain())


@given(SMALL, SMALL, CURRENCIES)
def test_sums_are_sums_of_minor_units(one: int, other: int, currency: str) -> None:
    assert Money(one, currency) + Money(other, currency) == Money(one + other, currency)


@given(st.integers(-1_000, 1_000), st.integers(-1_000, 1_000), CURRENCIES)
def test_so_many_times_a_price_is_so_many_times_its_minor_units(amount: int, times: int, currency: str) -> None:
    assert Money(amount, currency) * times == Money(amount * times, currency)


def test_two_currencies_cannot_be_added() -> None:
    with pytest.raises(ValueError, match=r"^cannot add USD to KRW$"):
        Money(1, "KRW") + Money(1, "USD")


@pytest.mark.parametrize("amount", [AMOUNT_MAX, -AMOUNT_MAX])
def test_the_largest_amount_is_still_money(amount: int) -> None:
    assert Money(amount, "KRW").amount == amount


@pytest.mark.parametrize("amount", [AMOUNT_MAX + 1, -AMOUNT_MAX - 1])
def test_one_unit_more_is_refused(amount: int) -> None:
    with pytest.raises(ValueError, match="beyond 1000000000000 minor units"):
        Money(amount, "KRW")


def test_a_currency_without_known_decimals_is_refused_and_the_known_ones_are_told() -> None:
    with pytest.raises(UnknownCurrency, match="'BHD' is not known; use one of AUD, CAD"):
        Money(1, "BHD")


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("45000", "KRW", 45_000),
        ("45000.00", "KRW", 45_000),
        ("3.75", "USD", 375),
        ("3.7", "USD", 370),
        ("3", "USD", 300),
        ("3.7500", "USD", 375),
        (" 3.75 ", "USD", 375),
        ("0", "EUR", 0),
        ("007", "EUR", 700),
    ],
)
def test_a_price_is_read_exactly(text: str, currency: str, amount: int) -> None:
    assert parse_amount(text, currency) == Money(amount, currency)


@pytest.mark.parametrize(
    "text", ["", ".", "3.", ".5", "-1", "+1", "1e3", "1,000", "1 000", "٣", "3.٣", "²", "NaN", "1.2.3"]
)
def test_what_is_not_a_plain_decimal_is_no_price(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a price; write it like 3\.75 or 45000$"):
        parse_amount(text, "USD")


@pytest.mark.parametrize(("text", "currency", "digits"), [("0.1", "KRW", 0), ("3.755", "USD", 2), ("1.5", "JPY", 0)])
def test_more_decimals_than_the_currency_has_are_refused_not_rounded(text: str, currency: str, digits: int) -> None:
    with pytest.raises(ValueError, match=f"has more than {digits} decimals, which {currency} does not have"):
        parse_amount(text, currency)


def test_a_price_beyond_all_money_is_refused() -> None:
    with pytest.raises(ValueError, match="beyond"):
        parse_amount("9" * 20, "KRW")


@pytest.mark.parametrize(
    ("money", "korean", "english"),
    [
        (Money(45_000, "KRW"), "45,000원", "₩45,000"),
        (Money(-45_000, "KRW"), "-45,000원", "-₩45,000"),
        (Money(1_234_575, "USD"), "$12,345.75", "$12,345.75"),
        (Money(-5, "USD"), "-$0.05", "-$0.05"),
        (Money(1_050, "EUR"), "€10.50", "€10.50"),
        (Money(999, "GBP"), "£9.99", "£9.99"),
        (Money(1_000, "JPY"), "¥1,000", "¥1,000"),
        (Money(100_000, "CHF"), "1,000.00 CHF", "1,000.00 CHF"),
        (Money(-100_000, "VND"), "-100,000 VND", "-100,000 VND"),
    ],
)
def test_a_person_reads_it_as_is_usual(money: Money, korean: str, english: str) -> None:
    assert (money.words("ko"), money.words("en")) == (korean, english)
