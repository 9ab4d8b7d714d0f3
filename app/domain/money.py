"""Money: integer minor units with an ISO 4217 currency; never a float."""

from __future__ import annotations

from dataclasses import dataclass

EXPONENTS = {"KRW": 0, "JPY": 0, "VND": 0, "USD": 2, "EUR": 2, "GBP": 2, "CAD": 2, "AUD": 2, "CHF": 2, "CNY": 2}
"""Digits after the decimal point, by currency (ISO 4217); a currency not listed here is not sold in."""

AMOUNT_MAX = 10**12


class UnknownCurrency(ValueError):
    """A currency whose number of decimals we do not know, so no price in it can be right."""


def exponent(currency: str) -> int:
    """Digits after the decimal point in `currency`; raises UnknownCurrency."""
    try:
        return EXPONENTS[currency]
    except KeyError:
        known = ", ".join(sorted(EXPONENTS))
        raise UnknownCurrency(f"currency {currency!r} is not known; use one of {known}") from None


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (15,000 won is 15000, 3.75 dollars is 375)."""

    amount: int
    currency: str

    def __post_init__(self) -> None:
        exponent(self.currency)
        if abs(self.amount) > AMOUNT_MAX:
            raise ValueError(f"{self.amount} is beyond {AMOUNT_MAX} minor units")

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.amount + other.amount, self.currency)

    def __mul__(self, times: int) -> Money:
        return Money(self.amount * times, self.currency)

    def plain(self) -> str:
        """The number for a machine-read field: 15000 for won, 3.75 for dollars."""
        digits = exponent(self.currency)
        if digits == 0:
            return str(self.amount)
        whole, rest = divmod(abs(self.amount), 10**digits)
        return f"{'-' if self.amount < 0 else ''}{whole}.{rest:0{digits}d}"

    def words(self, language: str) -> str:
        """How a person reads it: 45,000원 in Korean, ₩45,000 or $3.75 elsewhere."""
        whole, dot, rest = self.plain().removeprefix("-").partition(".")
        minus = "-" if self.amount < 0 else ""
        grouped = f"{int(whole):,}{dot}{rest}"
        if self.currency == "KRW" and language == "ko":
            return f"{minus}{grouped}원"
        sign = {"KRW": "₩", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}.get(self.currency)
        return f"{minus}{sign}{grouped}" if sign else f"{minus}{grouped} {self.currency}"


def parse_amount(text: str, currency: str) -> Money:
    """Read a decimal price such as `3.75` or `45000`; raises ValueError on a sign, a float's tail or a letter."""
    digits = exponent(currency)
    whole, dot, rest = text.strip().partition(".")
    if not (whole.isascii() and whole.isdigit()) or (dot and not (rest.isascii() and rest.isdigit())):
        raise ValueError(f"{text!r} is not a price; write it like 3.75 or 45000")
    kept, extra = rest[:digits], rest[digits:]
    if extra.strip("0"):
        raise ValueError(f"{text!r} has more than {digits} decimals, which {currency} does not have")
    return Money(int(whole) * 10**digits + int((kept or "0").ljust(digits, "0") if digits else "0"), currency)
