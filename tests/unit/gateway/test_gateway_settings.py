"""What may be set, and the sentence for what may not."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from mobile_gateway.carrier.messages import Language
from mobile_gateway.pages.words import WORDS, language_for
from mobile_gateway.settings import GatewaySettings

SECRET = "0123456789abcdef"


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "DATA_DIR": "/tmp/somewhere",  # noqa: S108 - only a name here
        "PORT": "0",
        "ACCOUNTS": "demo:demo1234, second:pass:word",
        "CALLBACK_URL": "http://127.0.0.1:9/carrier/receipts",
        "CALLBACK_SECRET": SECRET,
        "RETRY_SECONDS": "[0.1, 2]",
        "SHORT_CODES": "1588:demo, 15880000:second",
        "DLR_HOSTS": "sales.example, 127.0.0.1",
        "SMPP_OUTBINDS": "demo:knock@[::1]:2776, second:knock2@esme.example:2775",
        "SMPP_WINDOW_MAX": "3",
        "SMPP_RESPONSE_SECONDS": "7",
    }.items():
        monkeypatch.setenv(f"CYBERTICKET_GATEWAY_{name}", value)
    settings = GatewaySettings()
    assert {name: word.get_secret_value() for name, word in settings.accounts.items()} == {
        "demo": "demo1234",
        "second": "pass:word",
    }
    assert settings.policy().retry_seconds == (0.1, 2)
    assert settings.short_codes == {"1588": "demo", "15880000": "second"}
    assert settings.dlr_hosts == ("sales.example", "127.0.0.1")
    assert settings.policy().sends_receipts
    assert SECRET not in repr(settings)
    assert "demo1234" not in repr(settings)
    assert "knock" not in repr(settings)
    assert [(name, one.host, one.port) for name, one in settings.smpp_outbinds.items()] == [
        ("demo", "::1", 2776),
        ("second", "esme.example", 2775),
    ]
    limits = settings.smpp_limits()
    assert (limits.window, limits.timers.response_seconds) == (3, 7)


def test_without_a_callback_address_no_receipts_are_sent(tmp_path: Path) -> None:
    assert not GatewaySettings(data_dir=tmp_path).policy().sends_receipts


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"accounts": "demo"}, "SYSTEM_ID:PASSWORD"),
        ({"accounts": "demo:"}, "SYSTEM_ID:PASSWORD"),
        ({"accounts": {"demo": ""}}, "has no password"),
        ({"accounts": {"much_too_long_a_name": "x"}}, "1 to 15 letters"),
        ({"callback_url": "http://127.0.0.1:9/"}, "callback_secret of at least 16"),
        ({"callback_url": "http://127.0.0.1:9/", "callback_secret": SecretStr("short")}, "at least 16"),
        ({"callback_messages_url": "http://127.0.0.1:9/"}, "callback_secret of at least 16"),
        ({"short_codes": "1588"}, "SHORT_CODE:SYSTEM_ID"),
        ({"short_codes": "1588:demo"}, "no account"),
        ({"accounts": "demo:x", "short_codes": "+82:demo"}, "3 to 8 digits"),
        ({"accounts": "demo:x", "smpp_outbinds": "other:x@127.0.0.1:1"}, "no account"),
        ({"accounts": "demo:x", "smpp_outbinds": "demo:ninechars@127.0.0.1:1"}, "SYSTEM_ID:PASSWORD@HOST:PORT"),
        ({"accounts": "demo:x", "smpp_outbinds": "demo:x@127.0.0.1:99999"}, "SYSTEM_ID:PASSWORD@HOST:PORT"),
        ({"smpp_window_max": 0}, "greater than or equal to 1"),
        ({"sink_prefix": "99"}, "sink_prefix"),
        ({"country_code": "+82"}, "country_code"),
        ({"retry_seconds": ()}, "retry_seconds"),
        ({"retry_seconds": (0,)}, "greater than 0"),
        ({"colour": "green"}, "colour"),
    ],
)
def test_wrong_settings_are_refused_with_a_sentence(tmp_path: Path, changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        GatewaySettings(data_dir=tmp_path, **changes)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        ("ko", "en", Language.KOREAN),
        ("fr", "ko-KR,ko;q=0.9,en;q=0.8", Language.KOREAN),
        (None, "fr-CA, en-US;q=0.7", Language.ENGLISH),
        (None, "", Language.ENGLISH),
        (None, "de", Language.ENGLISH),
    ],
)
def test_a_page_speaks_what_was_asked_for_or_what_the_browser_prefers(
    asked: str | None, accepted: str, language: Language
) -> None:
    assert language_for(asked, accepted) is language


def test_every_word_of_the_pages_is_in_both_languages() -> None:
    assert WORDS[Language.KOREAN].keys() == WORDS[Language.ENGLISH].keys()
    assert all(text.strip() for words in WORDS.values() for text in words.values())
