"""What the operator of the sandbox network may set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.payments.sandbox.addresses import origin
from app.payments.sandbox.events import ALL_EVENTS, TYPES
from app.payments.sandbox.till import Rules


class NetworkSettings(BaseSettings):
    """The network's settings, from `CYBERTICKET_NETWORK_…` or given in code. There is no default key to forget."""

    model_config = SettingsConfigDict(
        env_prefix="CYBERTICKET_NETWORK_", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    data_dir: Path
    """The folder that holds `network.sqlite3`; one running network per folder."""
    secret_key: SecretStr
    """What the shop's server sends as `Authorization: Bearer sk_…`."""
    publishable_key: str = Field(pattern=r"^pk_[A-Za-z0-9_]{8,250}$")
    """What a page may carry; it can tokenise a card and nothing else."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=8402, ge=0, le=65_535)
    """Port to listen on; 0 takes any free one."""
    allowed_return_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Where the card page may send a browser back to, such as `https://tickets.example`; separated by commas."""
    public_url: str | None = None
    """Where browsers reach this network, such as `https://pay.example`; by default the address that the shop's server
    uses."""
    merchant: str = Field(default="Cyberticket", max_length=80)
    """The shop's name on the page where the bank asks the holder of a card (3-D Secure)."""
    webhook_urls: Annotated[tuple[str, ...], NoDecode] = ()
    """Where events are posted to, beside the endpoints made by the API; separated by commas."""
    webhook_events: Annotated[tuple[str, ...], NoDecode] = (ALL_EVENTS,)
    """Which events those are, such as `payment_intent.succeeded`, or `*` for all; separated by commas."""
    webhook_secrets: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """What those are signed with (`whsec_…`); several sign together while one is being rolled; separated by commas."""
    webhook_seconds: float = Field(default=10.0, gt=0, le=60)
    """How long an endpoint may take to answer."""
    webhook_first_wait_seconds: float = Field(default=10.0, gt=0, le=10)
    """How long after its first failure a webhook is tried again; the later waits, up to 12 h for 3 days, go with it."""
    webhook_connections_max: int = Field(default=16, ge=1)
    """Webhooks on their way at a time."""
    later_seconds: float = Field(default=10.0, ge=0)
    """How long a refund stays pending, or a dispute is thought about, with the test cards that do so."""
    fee_basis_points: int = Field(default=0, ge=0, le=10_000)
    """What the network keeps of each captured charge, in hundredths of a percent."""
    fee_fixed_minor_units: int = Field(default=0, ge=0)
    """What it keeps beside that, in minor units of the charge's currency."""
    dispute_fee_minor_units: int = Field(default=0, ge=0)
    """What a dispute costs, in minor units; given back when it is won."""
    dispute_days: int = Field(default=9, ge=1, le=120)
    """How long the shop has to answer a dispute."""
    jobs_waiting_max: int = Field(default=10_000, ge=1)
    """Requests that may wait for the database; beyond it the answer is 429."""
    connections_max: int = Field(default=2_000, ge=1)
    """Connections served at a time; beyond it the answer is 503."""

    @field_validator("secret_key")
    @classmethod
    def _secret_enough(cls, key: SecretStr) -> SecretStr:
        text = key.get_secret_value()
        if not (text.startswith("sk_") and text.isascii() and text.isprintable() and 16 <= len(text) <= 255):  # noqa: PLR2004 - the bounds are said in the sentence below
            raise ValueError("the secret key starts with sk_ and has 16 to 255 printable ASCII characters")
        return key

    @property
    def rules(self) -> Rules:
        """What of it the transactions need."""
        return Rules(
            fee_basis_points=self.fee_basis_points,
            fee_fixed_minor_units=self.fee_fixed_minor_units,
            dispute_fee_minor_units=self.dispute_fee_minor_units,
            later_seconds=self.later_seconds,
            dispute_days=self.dispute_days,
            return_origins=self.allowed_return_origins,
        )

    @field_validator("allowed_return_origins", "webhook_urls", "webhook_events", "webhook_secrets", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        return tuple(part.strip() for part in given.split(",") if part.strip()) if isinstance(given, str) else given

    @field_validator("allowed_return_origins")
    @classmethod
    def _origins(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for text in given:
            if urlsplit(text).path not in {"", "/"} or "?" in text or "#" in text:
                raise ValueError(f"{text!r} is not an origin; write only scheme, host and port")
        return tuple(origin(text) for text in given)

    @field_validator("public_url")
    @classmethod
    def _public(cls, given: str | None) -> str | None:
        return origin(given) if given is not None else None

    @field_validator("webhook_urls")
    @classmethod
    def _posts(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for text in given:
            origin(text)
        return given

    @field_validator("webhook_events")
    @classmethod
    def _told(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for name in given:
            if name not in {ALL_EVENTS, *TYPES}:
                raise ValueError(f"{name!r} is no event of this network; take some of {', '.join(TYPES)}, or *")
        return given

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if self.webhook_urls and not self.webhook_secrets:
            raise ValueError("webhooks are signed: give CYBERTICKET_NETWORK_WEBHOOK_SECRETS (whsec_…) beside the URLs")
        return self
