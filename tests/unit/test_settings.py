"""Settings: each is documented, unknown ones and everybody's secrets are refused, and refusals are sentences."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from app.settings import DEVELOPMENT_SECRETS, PREFIX, Settings, SettingsRefused, UnknownSetting, load, refuse_unknown

DOCS = Path(__file__).parents[2] / "docs"
UNITS = re.compile(r"_seconds|_days|_bytes_max|_max|_basis_points|_minor_units|port$")
SOUND = {
    "payment_secret_key": "sk_live_0123456789abcdef",
    "sms_password": "a-password-of-our-own",
    "carrier_secret": "a-secret-of-our-own-0123",
}


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)


@pytest.mark.parametrize("page", ["settings.md", "problems.md"])
def test_the_reference_is_what_the_code_says(page: str) -> None:
    maker = runpy.run_path(str(DOCS / "make_reference.py"))
    stored = (DOCS / "reference" / page).read_text(encoding="utf-8")
    assert stored == maker["PAGES"][page](), f"docs/reference/{page} is stale: run `python docs/make_reference.py`"


def test_every_setting_says_what_it_is_and_every_number_has_its_unit() -> None:
    maker = runpy.run_path(str(DOCS / "make_reference.py"))
    for _, model in maker["PROGRAMS"]:
        said = maker["words"](model)
        for name, field in model.model_fields.items():
            assert said[name], f"{name} has no words"
            if isinstance(field.default, int | float) and not isinstance(field.default, bool):
                assert UNITS.search(name), f"{name} is a number without a unit"


def test_a_misspelt_setting_is_refused_with_the_one_that_is_meant() -> None:
    with pytest.raises(UnknownSetting, match="Did you mean CYBERTICKET_HOLD_SECONDS"):
        refuse_unknown(["PATH", "CYBERTICKET_HOLD_SECOND"])


def test_a_setting_like_no_other_is_pointed_to_the_reference() -> None:
    with pytest.raises(UnknownSetting, match=r"docs/reference/settings\.md"):
        refuse_unknown(["CYBERTICKET_Q"])


def test_settings_of_the_emulators_are_not_ours_to_refuse() -> None:
    refuse_unknown(["CYBERTICKET_GATEWAY_PORT", "CYBERTICKET_NETWORK_PORT", "HOME"])


def test_the_environment_is_asked_when_nothing_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYBERTICKET_PROT", "1")
    with pytest.raises(UnknownSetting, match="CYBERTICKET_PORT"):
        load(**SOUND)


def test_a_server_without_secrets_does_not_start() -> None:
    with pytest.raises(SettingsRefused, match="CYBERTICKET_PAYMENT_SECRET_KEY, CYBERTICKET_SMS_PASSWORD"):
        load().require_sound_secrets()


@pytest.mark.parametrize("name", list(SOUND))
@pytest.mark.parametrize("secret", sorted(DEVELOPMENT_SECRETS))
def test_the_demos_secrets_are_for_the_demo_only(name: str, secret: str) -> None:
    with pytest.raises(SettingsRefused, match="everybody knows") as refused:
        load(**{**SOUND, name: secret}).require_sound_secrets()
    assert PREFIX + name.upper() in str(refused.value)
    load(demo=True, **{**SOUND, name: secret}).require_sound_secrets()
    load(**SOUND).require_sound_secrets()


def test_a_message_centre_makes_the_password_of_the_http_gateway_needless_and_may_not_be_the_demos() -> None:
    without = {name: secret for name, secret in SOUND.items() if name != "sms_password"}
    load(**without, sms_smpp="smpp://shop:secret@smsc.example").require_sound_secrets()
    with pytest.raises(SettingsRefused, match="CYBERTICKET_SMS_SMPP holds the demo's"):
        load(**SOUND, sms_smpp="smpp://shop:demo1234@smsc.example").require_sound_secrets()


def test_a_carrier_secret_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(SettingsRefused, match="16 letters"):
        load(**{**SOUND, "carrier_secret": "short"}).require_sound_secrets()


def test_webhook_secrets_have_commas_between_and_never_print(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYBERTICKET_PAYMENT_WEBHOOK_SECRETS", "whsec_0123456789abcdef, whsec_rolled_in_soon")
    settings = load(**SOUND)
    settings.require_sound_secrets()
    secrets = [secret.get_secret_value() for secret in settings.payment_webhook_secrets]
    assert secrets == ["whsec_0123456789abcdef", "whsec_rolled_in_soon"]
    assert "0123456789abcdef" not in repr(settings)


@pytest.mark.parametrize("secret", ["whsec_short", "whsec_demo_cyberticket"])
def test_a_webhook_secret_that_can_be_guessed_is_refused(secret: str) -> None:
    settings = load(**SOUND, payment_webhook_secrets=("whsec_0123456789abcdef", secret))
    with pytest.raises(SettingsRefused, match=r"PAYMENT_WEBHOOK_SECRETS must have 16 letters"):
        settings.require_sound_secrets()
    load(demo=True, payment_webhook_secrets=(secret,)).require_sound_secrets()


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("", {}),
        ("arena=https://arena.example", {"arena": "https://arena.example"}),
        (
            " a-1 = https://a.example/shop/ , b=http://127.0.0.1:8001,",
            {"a-1": "https://a.example/shop", "b": "http://127.0.0.1:8001"},
        ),
    ],
)
def test_other_servers_have_a_name_and_an_address_each(
    monkeypatch: pytest.MonkeyPatch, text: str, servers: dict[str, str]
) -> None:
    monkeypatch.setenv("CYBERTICKET_ISSUERS", text)
    monkeypatch.setenv("CYBERTICKET_SELLERS", text)
    settings = load(**SOUND)
    assert (settings.issuers, settings.sellers) == (servers, servers)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("https://arena.example", "a name of its own"),
        ("local=https://arena.example", "a name of its own"),
        ("Arena=https://arena.example", "a name of its own"),
        ("a=https://a.example,a=https://b.example", "a name of its own"),
        ("a=arena.example", "must look like"),
        ("a=https://user:secret@a.example", "must look like"),
        ("a=https://a.example?x=1", "must look like"),
        ("a=http://a.example", "must begin with https"),
        ("a=ftp://127.0.0.1", "must begin with https"),
    ],
)
def test_a_server_that_cannot_be_named_or_trusted_is_refused(
    monkeypatch: pytest.MonkeyPatch, text: str, why: str
) -> None:
    monkeypatch.setenv("CYBERTICKET_SELLERS", text)
    with pytest.raises(SettingsRefused, match=f"CYBERTICKET_SELLERS: .*{why}") as refused:
        load(**SOUND)
    assert "secret" not in str(refused.value).replace("secrets of tickets", "")


def test_an_issuers_server_needs_no_secret_of_the_ways_to_pay_and_to_send() -> None:
    load(role="issuer").require_sound_secrets()
    with pytest.raises(SettingsRefused, match="CYBERTICKET_PAYMENT_SECRET_KEY"):
        load(role="sales").require_sound_secrets()


def test_a_server_of_the_demonstration_is_believed_by_no_real_one() -> None:
    for given in ({"sellers": {"demo-sales": "https://a.example"}}, {"name": "demo-issuer"}):
        with pytest.raises(SettingsRefused, match="demonstration"):
            load(role="issuer", **given).require_sound_secrets()
        load(role="issuer", demo=True, **given).require_sound_secrets()


@pytest.mark.parametrize(
    ("given", "name"),
    [({}, "sales"), ({"role": "sales"}, "sales"), ({"role": "issuer"}, "issuer"), ({"name": "arena"}, "arena")],
    ids=str,
)
def test_a_server_is_known_by_its_role_unless_it_has_a_name(given: dict[str, str], name: str) -> None:
    assert load(**given).server_name == name


def test_a_refusal_names_the_variable_and_not_its_value() -> None:
    with pytest.raises(SettingsRefused) as refused:
        load(**SOUND, hold_seconds=-987_654)
    assert "CYBERTICKET_HOLD_SECONDS" in str(refused.value)
    assert "987" not in str(refused.value)


def test_where_the_keys_and_the_card_page_are_unless_said_otherwise(tmp_path: Path) -> None:
    settings = load(**SOUND, data_dir=tmp_path, payment_url="https://pay.example/")
    assert (settings.keys_folder, settings.card_page) == (tmp_path / "keys", "https://pay.example/card")
    other = load(**SOUND, keys_dir=tmp_path / "ring", payment_page_url="https://cards.example/form")
    assert (other.keys_folder, other.card_page) == (tmp_path / "ring", "https://cards.example/form")


def test_secrets_never_print() -> None:
    assert not any(secret in repr(load(**SOUND)) for secret in SOUND.values())
