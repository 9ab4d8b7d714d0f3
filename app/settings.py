"""What an operator may set: environment variables CYBERTICKET_…, each documented, unknown ones refused."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, HttpUrl, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.embedded.folder import default_data_dir

PREFIX = "CYBERTICKET_"
OTHER_PROGRAMS = ("CYBERTICKET_GATEWAY_", "CYBERTICKET_NETWORK_", "CYBERTICKET_TEST_")
"""Prefixes that belong to the emulators and to the tests."""

DEVELOPMENT_SECRETS = frozenset(
    {"sk_demo_cyberticket", "whsec_demo_cyberticket", "demo1234", "demo-carrier-secret-0123456789"}
)
"""What the demo uses. They stand in a public source, so a server that is no demo refuses to start with them."""

SECRETS = ("payment_secret_key", "sms_password", "carrier_secret")
CARRIER_SECRET_LETTERS_MIN = 16
WEBHOOK_SECRET_LETTERS_MIN = 16


def _listed(value: object) -> object:
    """The parts of a list as an environment variable holds it."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Prefixes = Annotated[
    tuple[Annotated[str, Field(pattern=r"^\+[1-9][0-9]{0,14}$")], ...], NoDecode, BeforeValidator(_listed)
]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]
Network = IPv4Network | IPv6Network
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_listed)]
"""Separated by commas; an address alone is a network of one."""
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_listed)]
Url = Annotated[str, Field(pattern=r"^https?://[^\s/]+(/[^\s]*)?$")]


class Role(StrEnum):
    """Which of the patent's two servers this process is."""

    BOTH = "both"
    SALES = "sales"
    ISSUER = "issuer"


SERVER_NAME = re.compile("[a-z0-9][a-z0-9-]{0,62}")
DEVELOPMENT_NAMES = "demo-"
"""How the servers of a demonstration are called. No other server believes one of that name."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _servers(value: object) -> object:
    """`name=https://host,name2=https://other` as addresses by name; raises ValueError."""
    if not isinstance(value, str):
        return value
    found: dict[str, str] = {}
    for part in value.split(","):
        name, _, url = (piece.strip() for piece in part.partition("="))
        if not part.strip():
            continue
        if not SERVER_NAME.fullmatch(name) or name == "local" or name in found:
            raise ValueError(
                "each server has a name of its own in a-z, 0-9 and hyphens, not `local`: name=https://host"
            )
        parts = urlsplit(url)
        if not parts.hostname or parts.query or parts.fragment or parts.username:
            raise ValueError(f"the address of {name} must look like https://host")
        _ = parts.port  # raises for one beyond 65535
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise ValueError(f"the address of {name} must begin with https://, for secrets of tickets go there")
        found[name] = url.rstrip("/")
    return found


Servers = Annotated[dict[str, str], NoDecode, BeforeValidator(_servers)]


class UnknownSetting(ValueError):
    """An environment variable with our prefix that means nothing: most likely a typing mistake."""


class SettingsRefused(ValueError):
    """Settings that cannot be run with; one line for each, naming the variable and what to do."""


class Settings(BaseSettings):
    """One sales or issuer server and its worker."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    role: Role = Role.BOTH
    """What this server does: `sales` sells and delivers, `issuer` keeps the stock and the register and serves the
    gates, `both` does all of it."""
    name: str = Field(default="", pattern=r"^([a-z0-9][a-z0-9-]{0,62})?$")
    """What other servers know this one by; by default `sales`, and `issuer` in the role of an issuer."""
    issuers: Servers = Field(default_factory=dict)
    """Issuers' own servers that this one sells for, each by its name: `arena=https://tickets.arena.example,…`."""
    sellers: Servers = Field(default_factory=dict)
    """Sales servers that may sell for the issuers that are served here, each by its name: `sales=https://…`."""
    mirror_seconds: float = Field(default=10.0, gt=0, le=3_600)
    """How often the worker asks issuers' own servers whether they sell something else now, in seconds."""
    demo: bool = False
    """Whether this is a demonstration: development secrets are allowed and keys are made when they are missing."""
    data_dir: Path = Field(default_factory=default_data_dir)
    """Folder for the embedded database and the key ring. Root's default is /var/lib/cyberticket."""
    database_url: SecretStr | None = None
    """PostgreSQL 15 or newer, such as postgresql://user:password@host/name; without it an embedded one is started."""
    redis_url: SecretStr | None = None
    """Redis 6 or newer, such as redis://host:6379/0; without it what may be forgotten stays in this process."""
    keys_dir: Path | None = None
    """Folder of the key ring; by default `keys` in the data folder."""
    public_url: Url = "http://127.0.0.1:8000"
    """Where handsets and browsers reach this server: it stands in every message."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=8000, ge=0, le=65_535)
    """Port to listen on; 0 takes any free one."""

    hold_seconds: int = Field(default=600, ge=10, le=86_400)
    """How long places are kept for a buyer who has not paid, in seconds."""
    hold_grace_seconds: int = Field(default=90, ge=30, le=3_600)
    """How much longer they are really kept, in seconds, so that a payment begun in time can end."""
    challenge_seconds: int = Field(default=900, ge=60, le=3_600)
    """How long a buyer whose bank wants to see the buyer (3-D Secure) has for that, in seconds; places are kept."""
    silent_seconds: int = Field(default=60, ge=2, le=3_600)
    """How long a request that does not end is left alone before its payment is looked up, in seconds."""
    resends_per_hour_max: int = Field(default=3, ge=0, le=100)
    """How often one ticket may be sent again within an hour."""
    gifts_per_hour_max: int = Field(default=5, ge=0, le=100)
    """How many tickets one handset may give to others within an hour."""
    codes_per_asker_hour_max: int = Field(default=60, ge=3, le=10_000)
    """How many one-time codes for handsets are sent within an hour because one address asks for them. All phones behind
    one carrier's NAT are one address; each number has its own limit besides."""
    code_prefixes: Prefixes = ()
    """Where one-time codes for handsets may be sent, such as `+82,+81`; empty: to every mobile number there is."""
    proxies: Networks = Field(default_factory=tuple)
    """Addresses of reverse proxies in front, such as `127.0.0.1,10.0.0.0/8`: who asks stands in the `X-Forwarded-For`
    that they send. Without it all who come by a proxy share the limit on one-time codes for one asker."""
    heard_per_hour_max: int = Field(default=30, ge=1, le=1_000)
    """How many text messages of one handset are read within an hour."""
    short_code: str = Field(default="", pattern=r"^(\+?[0-9]{3,15})?$")
    """The number that people send text messages to, such as 1588; empty: none is told."""
    deliver_attempts_max: int = Field(default=12, ge=1, le=100)
    """How often a consequence is tried before it becomes a dead letter."""
    rung_attempts_max: int = Field(default=3, ge=1, le=20)
    """How often a channel may be out of reach before a message goes by the next one."""
    defend_disputes: bool = True
    """Whether a bank that disputes a payment is answered with what became of its tickets, without asking anybody."""
    request_bytes_max: int = Field(default=65_536, ge=1_024, le=10_000_000)
    """Largest request body, in bytes."""
    worker_poll_seconds: float = Field(default=1.0, gt=0, le=60)
    """How long the worker waits when nobody wakes it, in seconds."""
    reconcile_seconds: float = Field(default=15.0, gt=0, le=3_600)
    """How often unsettled payments and run-out bookings are looked at, in seconds."""
    worker_metrics_port: int = Field(default=0, ge=0, le=65_535)
    """Port on which a worker shows its own metrics; 0: it does not."""
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    """Least severe log line that is written: DEBUG, INFO, WARNING or ERROR."""

    payment_url: Url = "http://127.0.0.1:8402"
    """Where the payment network's API is."""
    payment_page_url: HttpUrl | None = None
    """Where its card page is, for browsers; by default `/card` at the payment network."""
    payment_secret_key: SecretStr = SecretStr("")
    """Our secret key at the payment network (`sk_…`)."""
    payment_webhook_secrets: Secrets = ()
    """What the network signs its events to `/payments/news/stripe` with (`whsec_…`), at least 16 letters; two of them
    while one is being rolled. Without any it is only ever asked, which takes longer."""
    payment_minimal_params: bool = False
    """Whether to send only the few parameters that every emulator of the network knows."""
    sms_url: Url = "http://127.0.0.1:8090"
    """Where the carrier gateway's HTTP API is."""
    sms_system_id: str = "cyberticket"
    """Our account at the carrier gateway."""
    sms_password: SecretStr = SecretStr("")
    """Its password."""
    sms_smpp: SecretStr = SecretStr("")
    """Message centres to bind to, the preferred one first and commas between:
    `smpp://SYSTEM_ID:PASSWORD@host:2775?binds=2`. Messages then go over SMPP first, and by HTTP where that fails."""
    sms_http_dialect: str = Field(default="cyberticket", pattern="^(cyberticket|kannel)$")
    """What the carrier gateway's HTTP API speaks: `cyberticket`, or `kannel` for a smsbox and what imitates it."""
    wap_push_url: Url | None = None
    """Where a push proxy gateway takes PAP, for phones that open WAP links; without it they get plain messages."""
    wap_push_system_id: str = ""
    """Our account there; empty: the one of the carrier gateway, with its password."""
    wap_push_password: SecretStr = SecretStr("")
    """Its password."""
    carrier_billing_url: Url | None = None
    """Where the carrier's billing API is, for the same account; without it nobody can pay by phone bill."""
    carrier_secret: SecretStr = SecretStr("")
    """What the carrier signs its delivery receipts with, at least 16 letters."""

    wap_gateways: Networks = Field(default_factory=tuple)
    """Addresses of WAP gateways whose word on a phone's number is taken, such as `192.0.2.7,198.51.100.0/28`."""
    wap_number_header: HeaderName = "X-MSISDN"
    """The header in which they say it."""
    wap_secret: SecretStr = SecretStr("")
    """What they must send besides, in the header X-Gateway-Secret, where it is set."""

    def require_sound_secrets(self) -> None:
        """Refuse to serve with secrets that are missing, short, or the demo's: raises SettingsRefused."""
        if self.demo:
            return
        strange = [
            name for name in (self.server_name, *self.issuers, *self.sellers) if name.startswith(DEVELOPMENT_NAMES)
        ]
        if strange:
            raise SettingsRefused(f"{', '.join(strange)} is a server of the demonstration; name the real ones.")
        if self.role is not Role.ISSUER:
            self._require_sound_ways_out()

    def _require_sound_ways_out(self) -> None:
        """Secrets towards the payment network and the carrier: only who sells has them."""
        secrets = {name: getattr(self, name).get_secret_value() for name in SECRETS}
        smpp = self.sms_smpp.get_secret_value()
        if smpp and not secrets["sms_password"]:
            del secrets["sms_password"]  # without it nothing is sent by HTTP
        if any(f":{secret}@" in smpp for secret in DEVELOPMENT_SECRETS):
            raise SettingsRefused(f"{PREFIX}SMS_SMPP holds the demo's password, which everybody knows; set your own.")
        missing = [PREFIX + name.upper() for name, value in secrets.items() if not value]
        if missing:
            raise SettingsRefused(
                f"{', '.join(missing)} must be set (CYBERTICKET_DEMO=true is for demonstrations only)."
            )
        public = [PREFIX + name.upper() for name, value in secrets.items() if value in DEVELOPMENT_SECRETS]
        if public:
            raise SettingsRefused(f"{', '.join(public)} holds the demo's secret, which everybody knows; set your own.")
        if len(self.carrier_secret.get_secret_value()) < CARRIER_SECRET_LETTERS_MIN:
            raise SettingsRefused(f"{PREFIX}CARRIER_SECRET must have {CARRIER_SECRET_LETTERS_MIN} letters at least.")
        events = [secret.get_secret_value() for secret in self.payment_webhook_secrets]
        if any(secret in DEVELOPMENT_SECRETS or len(secret) < WEBHOOK_SECRET_LETTERS_MIN for secret in events):
            raise SettingsRefused(
                f"Each of {PREFIX}PAYMENT_WEBHOOK_SECRETS must have {WEBHOOK_SECRET_LETTERS_MIN} letters at least and "
                f"not be the demo's, which everybody knows; copy them from the payment network."
            )

    @property
    def server_name(self) -> str:
        return self.name or ("issuer" if self.role is Role.ISSUER else "sales")

    @property
    def keys_folder(self) -> Path:
        return self.keys_dir or self.data_dir / "keys"

    @property
    def card_page(self) -> str:
        return str(self.payment_page_url or self.payment_url.rstrip("/") + "/card")


def refuse_unknown(names: Iterable[str] | None = None) -> None:
    """Raises UnknownSetting for a variable of ours that no setting has, with the nearest one that is meant."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in sorted(os.environ if names is None else names):
        upper = name.upper()
        if upper.startswith(PREFIX) and not upper.startswith(OTHER_PROGRAMS) and upper not in known:
            near = difflib.get_close_matches(
                upper.removeprefix(PREFIX), [one.removeprefix(PREFIX) for one in known], n=1
            )
            hint = f" Did you mean {PREFIX}{near[0]}?" if near else " See docs/reference/settings.md."
            raise UnknownSetting(f"{name} is not a setting.{hint}")


def load(**given: object) -> Settings:
    """The settings of this process, from the environment and from what the command line gave.

    Raises UnknownSetting or SettingsRefused.
    """
    refuse_unknown()
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]  # pydantic checks each value
    except ValidationError as fault:
        lines = [_refusal(error["loc"], error["msg"]) for error in fault.errors(include_input=False)]
        raise SettingsRefused("\n".join(lines)) from None


def _refusal(location: tuple[int | str, ...], message: str) -> str:
    """What is wrong, without the value: it may be a secret."""
    words = message.removeprefix("Value error, ")
    return f"{PREFIX}{str(location[0]).upper()}: {words}" if location else words
