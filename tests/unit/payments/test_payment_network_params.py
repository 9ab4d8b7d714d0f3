"""What the sandbox network reads: forms, settings, return addresses, and the page's two languages."""

from __future__ import annotations

import string
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.payments.sandbox.addresses import origin, with_query
from app.payments.sandbox.errors import ApiError
from app.payments.sandbox.params import Params
from app.payments.sandbox.settings import NetworkSettings
from app.payments.sandbox.words import WORDS, language

SECRET = "sk_test_0123456789abcdef"
PUBLISHABLE = "pk_test_0123456789abcdef"


def settings(**given: object) -> NetworkSettings:
    return NetworkSettings.model_validate(
        {"data_dir": Path("nowhere"), "secret_key": SECRET, "publishable_key": PUBLISHABLE} | given
    )


@pytest.mark.parametrize(
    ("fields", "take", "param"),
    [
        ({}, lambda params: params.required("amount"), "amount"),
        ({"amount": ""}, lambda params: params.integer("amount", minimum=1, maximum=9), "amount"),
        ({"amount": "1.5"}, lambda params: params.integer("amount", minimum=1, maximum=9), "amount"),
        ({"amount": "-1"}, lambda params: params.integer("amount", minimum=1, maximum=9), "amount"),
        ({"amount": "١"}, lambda params: params.integer("amount", minimum=1, maximum=9), "amount"),
        ({"amount": "10"}, lambda params: params.integer("amount", minimum=1, maximum=9), "amount"),
        ({"confirm": "yes"}, lambda params: params.boolean("confirm"), "confirm"),
        ({"description": "x" * 1_001}, lambda params: params.optional("description"), "description"),
        ({"metadata[" + "k" * 41 + "]": "v"}, lambda params: params.metadata(), "metadata"),
        ({f"metadata[k{n}]": "v" for n in range(51)}, lambda params: params.metadata(), "metadata"),
        ({"metadata[k]": "v" * 501}, lambda params: params.metadata(), "metadata[k]"),
        ({"amonut": "1"}, lambda params: params.done(), "amonut"),
    ],
)
def test_a_wrong_parameter_is_named_in_the_error(
    fields: dict[str, str], take: Callable[[Params], object], param: str
) -> None:
    with pytest.raises(ApiError) as caught:
        take(Params(fields))

    error = caught.value.answer.body["error"]
    assert isinstance(error, dict)
    assert (caught.value.answer.status, error["param"]) == (400, param)


def test_parameters_of_the_real_network_that_mean_nothing_here_are_let_through() -> None:
    Params({"automatic_payment_methods[enabled]": "true", "expand[]": "x", "receipt_email": "a@shop.test"}).done()


def test_two_orders_of_the_same_fields_are_the_same_request() -> None:
    assert Params({"a": "1", "b": "2"}).pairs() == Params({"b": "2", "a": "1"}).pairs()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Shop.Test/pay?x=1#y", "https://shop.test"),
        ("https://shop.test:443/", "https://shop.test"),
        ("http://shop.test:80", "http://shop.test"),
        ("http://127.0.0.1:8000/b/1", "http://127.0.0.1:8000"),
        ("http://[::1]:8000/b/1", "http://[::1]:8000"),
    ],
)
def test_an_origin_has_one_spelling(url: str, expected: str) -> None:
    assert origin(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/b/1",
        "//shop.test/b/1",
        "javascript:alert(1)",
        "ftp://shop.test/",
        "https://shop.test@evil.test/",
        "https://shop.test\\@evil.test/",
        "https://shop.test\\.evil.test/",
        "https://shop.test\t.evil.test/",
        "https://shop.test /",
        "https://shop.test:99999/",
        "https://shöp.test/",
        "https://shop.test/" + "x" * 2_048,
    ],
)
def test_an_address_that_browsers_might_read_differently_is_no_return_address(url: str) -> None:
    with pytest.raises(ValueError, match=r"web address|[Pp]ort"):
        origin(url)


@given(st.text(string.printable, max_size=60))
def test_no_text_breaks_the_reading_of_origins(text: str) -> None:
    try:
        found = origin(f"https://shop.test{text}")
    except ValueError:
        return
    # What was let through names a host that starts as written: nothing before an @ was taken for it.
    assert found.startswith("https://shop.test")
    assert "@" not in found


def test_the_token_is_added_to_the_shops_query_and_replaces_an_older_one() -> None:
    returned = with_query("https://shop.test/b/1?a=%ED%95%9C&payment_method=pm_old#top", {"payment_method": "pm_new"})

    assert returned == "https://shop.test/b/1?a=%ED%95%9C&payment_method=pm_new"


def test_settings_read_origins_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYBERTICKET_NETWORK_DATA_DIR", "here")
    monkeypatch.setenv("CYBERTICKET_NETWORK_SECRET_KEY", SECRET)
    monkeypatch.setenv("CYBERTICKET_NETWORK_PUBLISHABLE_KEY", PUBLISHABLE)
    monkeypatch.setenv("CYBERTICKET_NETWORK_ALLOWED_RETURN_ORIGINS", "https://Shop.test:443, http://localhost:8000/")

    read = NetworkSettings()

    assert read.allowed_return_origins == ("https://shop.test", "http://localhost:8000")
    assert SECRET not in repr(read)


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret_key": "pk_test_0123456789abcdef"},
        {"secret_key": "sk_short"},
        {"publishable_key": SECRET},
        {"allowed_return_origins": "https://shop.test/path"},
        {"allowed_return_origins": "shop.test"},
        {"port": 65_536},
        {"colour": "blue"},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(**wrong)
    assert str(wrong.get("secret_key", "no key given")) not in str(caught.value)


def test_both_languages_say_the_same_things() -> None:
    assert set(WORDS["ko"]) == set(WORDS["en"])
    assert all(text for words in WORDS.values() for text in words.values())


@pytest.mark.parametrize(
    ("asked", "accepted", "expected"),
    [("ko", "en", "ko"), ("en", "ko", "en"), (None, "ko-KR,ko;q=0.9,en;q=0.8", "ko"), ("xx", "de", "en")],
)
def test_the_pages_language_is_the_one_asked_for_else_the_browsers(
    asked: str | None, accepted: str, expected: str
) -> None:
    assert language(asked, accepted) == expected
