"""The Damm check digit: finds every single mistyped digit and every swap of two neighbours."""

from __future__ import annotations

# A totally anti-symmetric quasigroup of order 10 (H. M. Damm, 2004), one row per interim digit. The zeros of the
# diagonal make the check of a whole number simply "ends in 0".
_QUASIGROUP = (
    (0, 3, 1, 7, 5, 9, 8, 6, 4, 2),
    (7, 0, 9, 2, 1, 5, 4, 8, 6, 3),
    (4, 2, 0, 6, 8, 7, 1, 3, 5, 9),
    (1, 7, 5, 0, 9, 8, 3, 4, 2, 6),
    (6, 1, 2, 3, 0, 4, 5, 9, 7, 8),
    (3, 6, 7, 4, 2, 0, 9, 5, 8, 1),
    (5, 8, 6, 9, 7, 2, 0, 1, 3, 4),
    (8, 9, 4, 5, 3, 6, 2, 0, 1, 7),
    (9, 4, 3, 8, 6, 1, 7, 2, 0, 5),
    (2, 5, 8, 1, 4, 3, 6, 7, 9, 0),
)


def check_digit(digits: str) -> int:
    """The digit to append to `digits`, which are ASCII 0-9."""
    interim = 0
    for digit in digits:
        interim = _QUASIGROUP[interim][int(digit)]
    return interim


def is_valid(digits: str) -> bool:
    """Whether the last of `digits` is the check digit of those before it."""
    return check_digit(digits) == 0
