"""A page's variables: where text names one, its value is shown or sent (WML 1.1 section 10.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote_to_bytes

from mobile_gateway.browser.deck import Pairs
from mobile_gateway.browser.state import VALUE_LETTERS_MAX, VARIABLES_MAX

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REFERENCE = re.compile(
    r"\$(?:(?P<dollar>\$)"
    r"|\((?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::(?P<how>e|escape|u|unesc|n|noesc))?\)"
    r"|(?P<bare>[A-Za-z_][A-Za-z0-9_]*))",
    re.IGNORECASE,
)


def filled(text: str, variables: Mapping[str, str], *, address: bool = False) -> str:
    """`text` with values for names. In an address they are escaped unless they say otherwise; a dollar is `$$`.

    A name nobody set is empty. A `$` that begins nothing stays: pages were written by hand.
    """

    def value_of(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        value = variables.get(match["name"] or match["bare"], "")
        match (match["how"] or ("escape" if address else "noesc"))[0].lower():
            case "e":
                return quote(value, safe="")
            case "u":
                return unquote_to_bytes(value).decode("utf-8", errors="replace")
            case _:
                return value

    return _REFERENCE.sub(value_of, text)


def literal(text: str) -> str:
    """Text that means itself in a place where variables are filled in."""
    return text.replace("$", "$$")


def named(name: str, variables: Mapping[str, str]) -> str:
    """A variable's name, which may itself hold variables; empty where it is none."""
    found = filled(name, variables)
    return found if _NAME.fullmatch(found) else ""


def with_values(variables: Mapping[str, str], values: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """The variables with some set anew. One that would be too many is not set, one too long is cut."""
    after = dict(variables)
    for name, value in values:
        if _NAME.fullmatch(name) and (name in after or len(after) < VARIABLES_MAX):
            after[name] = value[:VALUE_LETTERS_MAX]
    return after


def with_sets(variables: Mapping[str, str], sets: Pairs) -> Mapping[str, str]:
    """The variables after `setvar`s, each of which sees the values from before all of them (section 10.3.4)."""
    return with_values(variables, [(named(name, variables), filled(value, variables)) for name, value in sets])
