"""What can be set about the mobile network, units in the names; read from `CYBERTICKET_GATEWAY_…` or made in code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, HttpUrl, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from mobile_gateway.messages import Policy

SECRET_LETTERS_MIN = 16
_SYSTEM_ID = re.compile(r"[A-Za-z0-9_.-]{1,15}")

Seconds = Annotated[float, Field(gt=0, le=7 * 86_400)]


class GatewaySettings(BaseSettings):
    """One emulated carrier network."""

    model_config = SettingsConfigDict(env_prefix="CYBERTICKET_GATEWAY_", extra="forbid", frozen=True)

    data_dir: Path
    """The folder of its file; made, for its owner only, where it is missing."""
    host: str = "127.0.0.1"
    """The virtual phones show tickets to whoever can reach this address: keep it local."""
    port: int = Field(default=8090, ge=0, le=65_535)
    """0 takes any free port."""
    accounts: Annotated[dict[str, SecretStr], NoDecode] = Field(default_factory=dict, max_length=100)
    """Who may send: `SYSTEM_ID:PASSWORD`, several with commas between."""
    sender: str = Field(default="Cyberticket", pattern=r"^[A-Za-z0-9 ._-]{1,11}$")
    """Who a message is from when it does not say (3GPP TS 23.040: at most 11 letters)."""

    callback_url: HttpUrl | None = None
    """Where receipts are posted; without it no receipts are sent."""
    callback_secret: SecretStr | None = None
    """What receipts are signed with."""
    callback_timeout_seconds: Seconds = 5.0
    """How long a receipt may take to be acknowledged."""
    receipt_delay_seconds: float = Field(default=0.05, ge=0, le=3600)
    """How long after a message's end its receipt is first sent. Some clients miss one that is faster than they."""
    receipt_retry_seconds: tuple[Seconds, ...] = Field(default=(1, 2, 5, 15, 60, 300), min_length=1, max_length=20)
    """How long to wait between tries of a receipt nobody acknowledges; the last step repeats."""
    receipt_keep_seconds: Seconds = 7 * 86_400.0
    """After this long an unacknowledged receipt is given up."""

    retry_seconds: tuple[Seconds, ...] = Field(default=(2, 5, 15, 60, 300, 900), min_length=1, max_length=20)
    """How long to wait between attempts while a handset cannot receive; the last step repeats."""
    validity_seconds: int = Field(default=2 * 86_400, ge=1, le=7 * 86_400)
    """How long a message is kept trying when it does not say."""
    queue_max: int = Field(default=10_000, ge=1, le=1_000_000)
    """How many messages of one account may wait."""
    creates_unknown_numbers: bool = True
    """Whether a number never seen becomes a feature phone on its first message; else that message is undeliverable."""

    @field_validator("accounts", mode="before")
    @classmethod
    def _read_accounts(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        accounts = {}
        for item in filter(None, (item.strip() for item in value.split(","))):
            system_id, colon, password = item.partition(":")
            if not colon or not password:
                raise ValueError("write accounts as SYSTEM_ID:PASSWORD, with commas between several")
            accounts[system_id] = password
        return accounts

    @field_validator("accounts")
    @classmethod
    def _check_accounts(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for system_id, password in value.items():
            if not _SYSTEM_ID.fullmatch(system_id):
                raise ValueError(
                    f"system id {system_id!r} must be 1 to 15 letters, digits, dots, dashes or underscores"
                )
            if not password.get_secret_value():
                raise ValueError(f"account {system_id} has no password; give it one")
        return value

    @model_validator(mode="after")
    def _check_callback(self) -> Self:
        if self.callback_url is None:
            return self
        if self.callback_secret is None or len(self.callback_secret.get_secret_value()) < SECRET_LETTERS_MIN:
            raise ValueError(f"callback_url needs a callback_secret of at least {SECRET_LETTERS_MIN} letters")
        return self

    def policy(self) -> Policy:
        """The carrier's rules as these settings have them."""
        return Policy(
            retry_seconds=self.retry_seconds,
            receipt_delay_seconds=self.receipt_delay_seconds,
            receipt_retry_seconds=self.receipt_retry_seconds,
            receipt_keep_seconds=self.receipt_keep_seconds,
            queue_max=self.queue_max,
            creates_unknown_numbers=self.creates_unknown_numbers,
            sends_receipts=self.callback_url is not None,
        )
