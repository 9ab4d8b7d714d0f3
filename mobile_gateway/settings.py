"""What can be set about the mobile network, units in the names; read from `CYBERTICKET_GATEWAY_…` or made in code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, HttpUrl, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from mobile_gateway.billing.rules import Terms
from mobile_gateway.carrier.messages import Policy
from mobile_gateway.smpp_limits import Callee, Limits, callee
from mobile_gateway.wap import WapRules
from mobile_gateway.wire.smpp import Timers

SECRET_LETTERS_MIN = 16
_SHORT_CODE = re.compile(r"[0-9]{3,8}")
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
    smpp_port: int = Field(default=2775, ge=0, le=65_535)
    """Where accounts bind by SMPP 3.4; 0 takes any free port."""
    accounts: Annotated[dict[str, SecretStr], NoDecode] = Field(default_factory=dict, max_length=100)
    """Who may send: `SYSTEM_ID:PASSWORD`, several with commas between. SMPP knows no password above 8 letters."""
    sender: str = Field(default="Cyberticket", pattern=r"^[A-Za-z0-9 ._-]{1,11}$")
    """Who a message is from when it does not say (3GPP TS 23.040: at most 11 letters)."""

    country_code: str = Field(default="82", pattern=r"^[1-9][0-9]{0,2}$")
    """The country of this network: what a national number such as 010-1234-5678 begins with elsewhere."""
    short_codes: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict, max_length=100)
    """Where phones may write to: `SHORT_CODE:SYSTEM_ID`, several with commas between. Their account gets it."""
    admin_token: SecretStr | None = None
    """What `/admin/…` asks for as a bearer token; without it whoever reaches the address may cause faults."""

    callback_url: HttpUrl | None = None
    """Where receipts are posted; without it no receipts are sent for messages that came by HTTP."""
    callback_messages_url: HttpUrl | None = None
    """Where messages that phones sent to a short code are posted, unless the account is bound by SMPP."""
    callback_secret: SecretStr | None = None
    """What receipts and messages are signed with."""
    dlr_hosts: Annotated[tuple[str, ...], NoDecode] = Field(default=(), max_length=100)
    """Hosts a `dlr-url` may name although their addresses are private or local; with commas between."""
    push_notify_allow: Annotated[tuple[str, ...], NoDecode] = Field(default=(), max_length=100)
    """Hosts that push results may be posted to although their addresses are private or local; with commas between."""
    callback_timeout_seconds: Seconds = 5.0
    """How long a receipt may take to be acknowledged."""
    receipt_delay_seconds: float = Field(default=0.5, ge=0, le=3600)
    """How long after a message's end its receipt is first sent. Some clients miss one that is faster than they."""
    receipt_retry_seconds: tuple[Seconds, ...] = Field(default=(1, 2, 5, 15, 60, 300), min_length=1, max_length=20)
    """How long to wait between tries of a receipt nobody acknowledges; the last step repeats."""
    receipt_keep_seconds: Seconds = 7 * 86_400.0
    """After this long an unacknowledged receipt is given up."""

    retry_seconds: tuple[Seconds, ...] = Field(default=(2, 5, 15, 60, 300, 900), min_length=1, max_length=20)
    """How long to wait between attempts while a handset cannot receive; the last step repeats."""
    validity_seconds: int = Field(default=2 * 86_400, ge=1, le=7 * 86_400)
    """How long a message is kept trying when it does not say."""
    roaming_seconds: float = Field(default=3.0, ge=0, le=3600)
    """How long a message takes to a handset that roams."""
    queue_max: int = Field(default=10_000, ge=1, le=1_000_000)
    """How many messages of one account may wait."""
    submits_per_second_max: float = Field(default=0, ge=0, le=1_000_000)
    """How fast one account may submit before it is throttled; 0 is no limit."""
    keep_seconds: Seconds = 7 * 86_400.0
    """How long a message is remembered after its end."""
    keep_messages_max: int = Field(default=1_000_000, ge=1, le=100_000_000)
    """How many messages are remembered; beyond that the oldest that ended are forgotten early."""
    creates_unknown_numbers: bool = True
    """Whether a number never seen becomes a feature phone on its first message; else that message is undeliverable."""
    sink_prefix: str | None = Field(default=None, pattern=r"^\+[1-9][0-9]{0,13}$")
    """Numbers that begin so take every message and forget it: for load."""

    smpp_system_id: str = Field(default="cyberticket", pattern=_SYSTEM_ID.pattern)
    """What the message centre calls itself to those who bind."""
    smpp_window_max: int = Field(default=10, ge=1, le=1000)
    """How many `deliver_sm` may wait for their answers on one session."""
    smpp_connections_max: int = Field(default=200, ge=1, le=10_000)
    """How many SMPP connections may be open; of those that have not bound the oldest makes room for a new one."""
    smpp_binds_max: int = Field(default=50, ge=1, le=10_000)
    """How many SMPP sessions one account may have at once."""
    smpp_session_init_seconds: Seconds = 30.0
    """How long a connection may take to bind."""
    smpp_enquire_link_seconds: Seconds = 30.0
    """After so long a silence a peer is asked whether it is still there."""
    smpp_inactivity_seconds: Seconds = 300.0
    """After so long a silence a session is ended."""
    smpp_response_seconds: Seconds = 60.0
    """How long a peer may take to answer a request; what it was told is then due again."""
    smpp_outbinds: Annotated[dict[str, Callee], NoDecode] = Field(default_factory=dict, max_length=100)
    """Servers of accounts that are asked to bind when something waits for them: `SYSTEM_ID:PASSWORD@HOST:PORT`, with
    commas between several. The system id is the account's; the password is ours, by which the server knows us."""

    billing_currency: str = Field(default="KRW", pattern=r"^[A-Z]{3}$")
    """The one currency of the phone bills."""
    billing_monthly_max: int = Field(default=1_000_000, ge=0, le=10**12)
    """What one subscriber may buy on the phone bill in a month, in minor units of that currency."""
    billing_reserve_seconds: Seconds = 3600.0
    """How long an amount stays reserved that nobody confirms."""
    billing_zone: str = "Asia/Seoul"
    """Where midnight ends a month, as a name of the time zone database."""

    wap_home_url: HttpUrl | None = None
    """The first page of the phones' browser; its host is one of `wap_hosts`."""
    wap_hosts: Annotated[tuple[str, ...], NoDecode] = Field(default=("localhost", "127.0.0.1", "::1"), max_length=100)
    """Hosts, without ports, that the phones' browser may visit, and that are told the phone's number; with commas."""
    wap_number_header: str = Field(default="X-MSISDN", pattern=r"^[A-Za-z][A-Za-z0-9-]{0,40}$")
    """The header in which those hosts are told the number: its digits, with the country code."""
    wap_secret: SecretStr | None = None
    """What they know this gateway by: sent as `X-Gateway-Secret`."""
    wap_timeout_seconds: Seconds = 10.0
    """How long a page may take."""

    @field_validator("accounts", mode="before")
    @classmethod
    def _read_accounts(cls, value: object) -> object:
        return _pairs(value, "write accounts as SYSTEM_ID:PASSWORD, with commas between several")

    @field_validator("short_codes", mode="before")
    @classmethod
    def _read_short_codes(cls, value: object) -> object:
        return _pairs(value, "write short codes as SHORT_CODE:SYSTEM_ID, with commas between several")

    @field_validator("smpp_outbinds", mode="before")
    @classmethod
    def _read_outbinds(cls, value: object) -> object:
        return dict(map(callee, _items(value))) if isinstance(value, str) else value

    @field_validator("dlr_hosts", "wap_hosts", "push_notify_allow", mode="before")
    @classmethod
    def _read_hosts(cls, value: object) -> object:
        return tuple(_items(value)) if isinstance(value, str) else value

    @field_validator("billing_zone")
    @classmethod
    def _check_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{value!r} is no time zone; write one such as Asia/Seoul") from None
        return value

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
    def _check_short_codes(self) -> Self:
        for code, system_id in self.short_codes.items():
            if not _SHORT_CODE.fullmatch(code):
                raise ValueError(f"short code {code!r} must be 3 to 8 digits")
            if system_id not in self.accounts:
                raise ValueError(f"short code {code} belongs to {system_id!r}, which is no account; add it to accounts")
        return self

    @model_validator(mode="after")
    def _check_outbinds(self) -> Self:
        for system_id in self.smpp_outbinds:
            if system_id not in self.accounts:
                raise ValueError(f"smpp_outbinds names {system_id!r}, which is no account; add it to accounts")
        return self

    @model_validator(mode="after")
    def _check_callback(self) -> Self:
        if self.callback_url is None and self.callback_messages_url is None:
            return self
        if self.callback_secret is None or len(self.callback_secret.get_secret_value()) < SECRET_LETTERS_MIN:
            raise ValueError(f"a callback address needs a callback_secret of at least {SECRET_LETTERS_MIN} letters")
        return self

    @model_validator(mode="after")
    def _check_wap_home(self) -> Self:
        if self.wap_home_url and (self.wap_home_url.host or "").strip("[]") not in self.wap_rules().hosts:
            raise ValueError(
                f"wap_home_url is on {self.wap_home_url.host}, which is not one of wap_hosts; add it there"
            )
        return self

    def wap_rules(self) -> WapRules:
        """What phones may visit, as these settings have it."""
        return WapRules(
            hosts=frozenset(host.strip("[]").lower() for host in self.wap_hosts),
            home_url=str(self.wap_home_url) if self.wap_home_url else None,
            number_header=self.wap_number_header,
            secret=self.wap_secret,
            timeout_seconds=self.wap_timeout_seconds,
        )

    def policy(self) -> Policy:
        """The carrier's rules as these settings have them."""
        return Policy(
            retry_seconds=self.retry_seconds,
            validity_seconds=self.validity_seconds,
            roaming_seconds=self.roaming_seconds,
            receipt_delay_seconds=self.receipt_delay_seconds,
            receipt_retry_seconds=self.receipt_retry_seconds,
            receipt_keep_seconds=self.receipt_keep_seconds,
            keep_seconds=self.keep_seconds,
            keep_messages_max=self.keep_messages_max,
            queue_max=self.queue_max,
            creates_unknown_numbers=self.creates_unknown_numbers,
            sink_prefix=self.sink_prefix,
            sends_receipts=self.callback_url is not None,
        )

    def smpp_limits(self) -> Limits:
        """What the message centre puts up with, as these settings have it."""
        return Limits(
            system_id=self.smpp_system_id,
            window=self.smpp_window_max,
            connections_max=self.smpp_connections_max,
            binds_max=self.smpp_binds_max,
            timers=Timers(
                session_init_seconds=self.smpp_session_init_seconds,
                enquire_link_seconds=self.smpp_enquire_link_seconds,
                inactivity_seconds=self.smpp_inactivity_seconds,
                response_seconds=self.smpp_response_seconds,
            ),
        )

    def billing_terms(self) -> Terms:
        """On which terms the carrier bills, as these settings have them."""
        return Terms(
            currency=self.billing_currency,
            monthly_limit=self.billing_monthly_max,
            reserve_seconds=self.billing_reserve_seconds,
            zone=ZoneInfo(self.billing_zone),
            knows_every_number=self.creates_unknown_numbers,
        )


def _items(value: str) -> list[str]:
    return [item for item in (item.strip() for item in value.split(",")) if item]


def _pairs(value: object, advice: str) -> object:
    """`A:B,C:D` as a dictionary; anything but a text as it is. Raises ValueError with `advice`."""
    if not isinstance(value, str):
        return value
    pairs = {}
    for item in _items(value):
        name, colon, rest = item.partition(":")
        if not colon or not rest:
            raise ValueError(advice)
        pairs[name] = rest
    return pairs
