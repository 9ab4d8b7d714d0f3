"""How many one-time codes one address gets, and where they may be sent: prefixes as an operator writes them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from app.settings import Settings


def test_prefixes_are_listed_with_commas_and_none_means_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings(demo=True).code_prefixes == ()

    monkeypatch.setenv("CYBERTICKET_CODE_PREFIXES", "+82, +81")
    assert Settings(demo=True).code_prefixes == ("+82", "+81")


@pytest.mark.parametrize("text", ["82", "+", "+0", "+82;+81", "010"])
def test_what_begins_no_number_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("CYBERTICKET_CODE_PREFIXES", text)

    with pytest.raises(ValidationError):
        Settings(demo=True)


def test_an_operator_says_how_many_codes_one_address_may_ask_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings(demo=True).codes_per_asker_hour_max == 60

    monkeypatch.setenv("CYBERTICKET_CODES_PER_ASKER_HOUR_MAX", "500")
    assert Settings(demo=True).codes_per_asker_hour_max == 500

    monkeypatch.setenv("CYBERTICKET_CODES_PER_ASKER_HOUR_MAX", "2")
    with pytest.raises(ValidationError):
        Settings(demo=True)
