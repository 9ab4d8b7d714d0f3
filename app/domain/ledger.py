"""Shares of money: our fee of a sale, and what of it goes back with a refund. Whole minor units, rounded half up."""

from __future__ import annotations

BASIS_POINTS = 10_000
"""Hundredths of a percent in a whole."""


def share(amount: int, part: int, whole: int) -> int:
    """`part`/`whole` of `amount`, rounded half up; none of the three is negative, and `whole` is not zero."""
    assert amount >= 0
    assert part >= 0
    assert whole > 0
    return (2 * amount * part + whole) // (2 * whole)


def fee(amount: int, basis_points: int) -> int:
    """What we keep of a sale."""
    return share(amount, basis_points, BASIS_POINTS)


def fee_back(kept: int, *, price: int, before: int, refunded: int) -> int:
    """What of a fee goes back when `refunded` of `price` does and `before` has gone back earlier.

    However a price is refunded piece by piece, in the end exactly what was kept has gone back.
    """
    assert before + refunded <= price
    return share(kept, before + refunded, price) - share(kept, before, price)
